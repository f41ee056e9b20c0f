package kql

import (
	"math"
	"strconv"
	"strings"
	"testing"
)

// Values are from Kusto's documentation or worked out by hand.
func TestMoreFunctions(t *testing.T) {
	e := engine(t)
	const square = `dynamic({"type":"Polygon","coordinates":[[[0,0],[10,0],[10,10],[0,10],[0,0]],[[4,4],[6,4],[6,6],[4,6],[4,4]]]})`
	for _, c := range []struct{ name, query, want string }{
		{"range without a step", `print range(1, 3), range(1.5, 3.0), range(datetime(2024-01-01), datetime(2024-01-01 02:00)), range(1h, 3h)`, `[1,2,3],[1.5,2.5],["2024-01-01T00:00:00.0000000Z","2024-01-01T01:00:00.0000000Z","2024-01-01T02:00:00.0000000Z"],["01:00:00","02:00:00","03:00:00"]`},
		{"geohash", `print geo_point_to_geohash(-5.603, 42.605), geo_point_to_geohash(139.806115, 35.554128, 12), geo_point_to_geohash(-80.195829, 25.802215, 8), geo_point_to_geohash(200, 0)`, "ezs42,xn76m27ty9g4,dhwfz15h,"},
		{"centre of a geohash", `print c = geo_geohash_to_central_point("ezs42") | project tostring(c.type), round(todouble(c.coordinates[0]), 8), round(todouble(c.coordinates[1]), 8)`, "Point,-5.60302734,42.60498047"},
		{"a place is in its own cell", `print p = geo_geohash_to_polygon("u4pru") | project geo_point_in_polygon(10.40, 57.64, p), geo_point_in_polygon(10.45, 57.64, p)`, "true,false"},
		{"neighbours of a geohash", `print array_length(geo_geohash_neighbors("ezs42")), geo_geohash_neighbors("ezs42") has "ezs43"`, "8,true"},
		{"not a geohash", `print geo_geohash_to_central_point("a!")`, "null"},
		{"within a circle", `print geo_point_in_circle(0.0, 0.0, 0.0, 1.0, 111200), geo_point_in_circle(0.0, 0.0, 0.0, 1.0, 111100), geo_point_in_circle(0.0, 99.0, 0.0, 1.0, 1)`, "true,false,null"},
		{"within a polygon with a hole", `print geo_point_in_polygon(1, 1, ` + square + `), geo_point_in_polygon(5, 5, ` + square + `), geo_point_in_polygon(11, 5, ` + square + `), geo_point_in_polygon(1, 1, dynamic({"type":"Point"}))`, "true,false,false,null"},
		{"distance to a line", `let l = dynamic({"type":"LineString","coordinates":[[0,0],[10,0]]}); print round(geo_distance_point_to_line(5, 1, l)), round(geo_distance_point_to_line(11, 0, l)), round(geo_line_length(l))`, "111195,111195,1.111951e+06"},
		{"versions compare as such", `print parse_version("1.2.10") > parse_version("1.2.9"), parse_version("2") > parse_version("1.99.99.99"), parse_version("1.0") == parse_version("1.0.0.0"), parse_version("x"), parse_version("1.2.3.4.5")`, "true,true,true,,"},
		{"a digest of few values is exact", `range x from 1 to 100 step 1 | summarize d = tdigest(x) | project percentile_tdigest(d, 50), percentile_tdigest(d, 95, typeof(long)), percentiles_array_tdigest(d, 1, 99), rank_tdigest(d, 10), percentrank_tdigest(d, 25)`, "50,95,[1,99],10,25"},
		{"digests merge", `range x from 1 to 100 step 1 | summarize d = tdigest(x) by x % 7 | summarize m = tdigest_merge(d) | project percentile_tdigest(m, 90, typeof(int))`, "90"},
		{"weights of a digest", `datatable(v:long, w:long)[1, 98, 7, 1, 9, 1] | summarize d = tdigest(v, w) | project percentile_tdigest(d, 98), percentile_tdigest(d, 99)`, "1,7"},
		{"a digest of times", `range t from datetime(2024-01-01) to datetime(2024-01-10) step 1d | summarize d = tdigest(t) | project percentile_tdigest(d, 50, typeof(datetime))`, "2024-01-05T00:00:00Z"},
		{"a digest of nothing", `datatable(v:long)[] | summarize d = tdigest(v) | project percentile_tdigest(d, 50)`, "null"},
		{"the name of an array of percentiles", `datatable(v:long)[1, 2, 3] | summarize percentiles_array(v, 50, 99) | project percentiles_v`, "[2,3]"},
		{"count of a column", `datatable(v:long)[1, long(null)] | summarize count(v), count()`, "1,2"},
		{"sketches merge in a row", `range x from 1 to 10 step 1 | summarize a = hll_if(x, x < 6), b = hll_if(x, x > 3) | project dcount_hll(hll_merge(a, b))`, "10"},
		{"a transform and back", `print x = dynamic([1, 2, 3, 4]) | extend (re, im) = series_fft(x) | extend (back, zero) = series_ifft(re, im) | project re[0], re[2], im[1], back`, "10,-2,2,[1,2,3,4]"},
		{"a transform whose length is no power of two", `print x = dynamic([3, 0, 0]) | extend series_fft(x) | project series_fft_x_real`, "[3,3,3]"},
		{"a parabola", `print y = dynamic([1, 2, 5, 10]) | extend (r, c) = series_fit_poly(y, 2) | project round(r, 6), round(todouble(c[0]), 6), abs(round(todouble(c[1]), 6)), round(todouble(c[2]), 6)`, "1,1,0,1"},
		{"a line over given places", `print y = dynamic([2, 4, 6]), x = dynamic([10, 20, 30]) | extend (r, c) = series_fit_poly(y, x, 1) | project round(todouble(c[0]), 6), round(todouble(c[1]), 6)`, "0.2,0"},
	} {
		got, err := ask(e, c.query)
		if err != nil {
			t.Errorf("%s: %v\n%s", c.name, err, c.query)
		} else if got != c.want {
			t.Errorf("%s: got %q, want %q\n%s", c.name, got, c.want, c.query)
		}
	}
	if got, err := ask(e, `datatable(b:bool)[true] | summarize sum(b)`); err == nil {
		t.Errorf("a sum of truths: %q; Kusto refuses it", got)
	}
}

// A digest of many values is smaller than they are, and near the truth.
func TestDigestOfMany(t *testing.T) {
	e := engine(t)
	got, err := ask(e, `range x from 1 to 200000 step 1 | extend v = x * x | summarize d = tdigest(v) | project array_length(d), percentile_tdigest(d, 50, typeof(real)), percentile_tdigest(d, 99, typeof(real)), percentile_tdigest(d, 100, typeof(real))`)
	if err != nil {
		t.Fatal(err)
	}
	var v []float64
	for _, s := range strings.Split(got, ",") {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil {
			t.Fatalf("%s in %q", err, got)
		}
		v = append(v, f)
	}
	near := func(a, b, share float64) bool { return math.Abs(a-b) <= share*b }
	if v[0] > 3*digestSize || !near(v[1], 1e10, 0.005) || !near(v[2], 198000.0*198000, 0.001) || v[3] != 4e10 {
		t.Errorf("%v centres, median %v, 99 %% %v, greatest %v", v[0], v[1], v[2], v[3])
	}
}
