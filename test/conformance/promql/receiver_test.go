package promql_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang/snappy"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/prompb"
	writev2 "github.com/prometheus/prometheus/prompb/io/prometheus/write/v2"
)

// writeCase is a remote write request; both receivers must answer it alike.
type writeCase struct {
	name   string
	header map[string]string
	body   []byte // compressed already
}

const (
	version1 = "application/x-protobuf"
	version2 = "application/x-protobuf;proto=io.prometheus.write.v2.Request"
)

// one is a request of version 1 with a series: values of its samples by their
// distance to now, labels as they come.
func one(now time.Time, samples map[time.Duration]float64, labels ...string) prompb.TimeSeries {
	ts := prompb.TimeSeries{}
	for i := 0; i+1 < len(labels); i += 2 {
		ts.Labels = append(ts.Labels, prompb.Label{Name: labels[i], Value: labels[i+1]})
	}
	for _, d := range []time.Duration{-2 * time.Hour, -time.Hour, -time.Minute, -time.Second, 0, time.Second, time.Hour} {
		if v, ok := samples[d]; ok {
			ts.Samples = append(ts.Samples, prompb.Sample{Timestamp: now.Add(d).UnixMilli(), Value: v})
		}
	}
	return ts
}

func writeV1(series ...prompb.TimeSeries) []byte {
	data, err := (&prompb.WriteRequest{Timeseries: series}).Marshal()
	if err != nil {
		panic(err)
	}
	return snappy.Encode(nil, data)
}

// v2 makes requests of version 2.
type v2 struct {
	symbols writev2.SymbolsTable
	request writev2.Request
}

func newV2() *v2 { return &v2{symbols: writev2.NewSymbolTable()} }

func (r *v2) add(ts writev2.TimeSeries, labels ...string) *v2 {
	for _, text := range labels {
		ts.LabelsRefs = append(ts.LabelsRefs, r.symbols.Symbolize(text))
	}
	r.request.Timeseries = append(r.request.Timeseries, ts)
	return r
}

func (r *v2) bytes() []byte {
	if r.request.Symbols == nil {
		r.request.Symbols = r.symbols.Symbols()
	}
	data, err := r.request.Marshal()
	if err != nil {
		panic(err)
	}
	return snappy.Encode(nil, data)
}

func sample(at time.Time, v float64) writev2.TimeSeries {
	return writev2.TimeSeries{Samples: []writev2.Sample{{Timestamp: at.UnixMilli(), Value: v}}}
}

// native is a histogram with a count that fits its buckets, or not; custom has
// bounds of its own.
func native(at time.Time, count uint64, custom bool) writev2.TimeSeries {
	h := writev2.Histogram{Timestamp: at.UnixMilli(), Count: &writev2.Histogram_CountInt{CountInt: count}, Sum: 5, ZeroCount: &writev2.Histogram_ZeroCountInt{},
		PositiveSpans: []writev2.BucketSpan{{Offset: 0, Length: 3}}, PositiveDeltas: []int64{1, 1, 1}}
	if custom {
		h.Schema, h.CustomValues, h.ZeroCount = -53, []float64{0.1, 1, 10}, nil
	}
	return writev2.TimeSeries{Histograms: []writev2.Histogram{h}}
}

func writeCases(now time.Time) (out []writeCase) {
	add := func(name, kind string, body []byte) {
		header := map[string]string{"Content-Type": kind, "Content-Encoding": "snappy"}
		if kind == version2 {
			header["X-Prometheus-Remote-Write-Version"] = "2.0.0"
		}
		out = append(out, writeCase{name: name, header: header, body: body})
	}
	at := func(v float64) map[time.Duration]float64 { return map[time.Duration]float64{0: v} }
	add("1: a sample", version1, writeV1(one(now, at(1), "__name__", "a1")))
	add("1: the same again", version1, writeV1(one(now, at(1), "__name__", "a1")))
	add("1: another value at the same time", version1, writeV1(one(now, at(2), "__name__", "a1")))
	add("1: out of order within the window", version1, writeV1(one(now, map[time.Duration]float64{-time.Minute: 3}, "__name__", "a1")))
	add("1: too old", version1, writeV1(one(now, map[time.Duration]float64{-2 * time.Hour: 3}, "__name__", "a1")))
	add("1: far in the future", version1, writeV1(one(now, map[time.Duration]float64{time.Hour: 3}, "__name__", "a1")))
	add("1: one of two series is too old", version1, writeV1(one(now, at(1), "__name__", "b1"), one(now, map[time.Duration]float64{-2 * time.Hour: 3}, "__name__", "a1")))
	add("1: labels out of order", version1, writeV1(one(now, at(1), "z", "1", "__name__", "unsorted1", "b", "2")))
	add("1: a label twice", version1, writeV1(one(now, at(1), "__name__", "twice1", "a", "1", "a", "2"), one(now, at(1), "__name__", "beside1")))
	add("1: an empty label", version1, writeV1(one(now, at(1), "__name__", "empty1", "a", "")))
	add("1: no name", version1, writeV1(one(now, at(1), "job", "x"), one(now, at(1), "__name__", "beside_nameless1")))
	add("1: no labels", version1, writeV1(one(now, at(1))))
	add("1: a name with dots and spaces", version1, writeV1(one(now, at(1), "__name__", "a name.with dots", "a label", "x")))
	add("1: a label that is not UTF-8", version1, writeV1(one(now, at(1), "__name__", "utf1", "a", "\xff")))
	add("1: a stale marker", version1, writeV1(one(now, map[time.Duration]float64{time.Second: math.Float64frombits(value.StaleNaN)}, "__name__", "b1")))
	add("1: infinity", version1, writeV1(one(now, at(math.Inf(1)), "__name__", "infinite1")))
	add("1: nothing", version1, writeV1())
	add("1: no samples", version1, writeV1(one(now, nil, "__name__", "none1")))
	metadata, _ := (&prompb.WriteRequest{Metadata: []prompb.MetricMetadata{{Type: prompb.MetricMetadata_COUNTER, MetricFamilyName: "a1", Help: "h"}}}).Marshal()
	add("1: metadata alone", version1, snappy.Encode(nil, metadata))
	exemplars := one(now, at(1), "__name__", "exemplar1")
	exemplars.Exemplars = []prompb.Exemplar{{Labels: []prompb.Label{{Name: "trace_id", Value: "x"}}, Value: 1, Timestamp: now.UnixMilli()}}
	add("1: an exemplar", version1, writeV1(exemplars))
	add("1: not a message", version1, snappy.Encode(nil, []byte("text")))
	add("1: not snappy", version1, []byte{0xff, 0xff, 0xff})
	add("1: no body", version1, nil)
	add("content type of JSON", "application/json", writeV1(one(now, at(1), "__name__", "json")))
	add("an unknown message", "application/x-protobuf;proto=io.prometheus.write.v3.Request", writeV1(one(now, at(1), "__name__", "three")))
	add("the older name of version 1", "application/x-protobuf;proto=prometheus.WriteRequest", writeV1(one(now, at(1), "__name__", "older")))
	add("version 1 under the type of version 2", version2, writeV1(one(now, at(1), "__name__", "mixed")))
	for _, encoding := range []string{"gzip", "deflate", "identity"} {
		out = append(out, writeCase{name: "encoding " + encoding, header: map[string]string{"Content-Type": version2, "Content-Encoding": encoding}, body: newV2().add(sample(now, 1), "__name__", "encoded").bytes()})
	}
	out = append(out, writeCase{name: "no content type", header: map[string]string{"Content-Encoding": "snappy"}, body: writeV1(one(now, at(1), "__name__", "untyped"))},
		writeCase{name: "no encoding", header: map[string]string{"Content-Type": version1}, body: writeV1(one(now, at(1), "__name__", "unencoded"))})
	return append(out, writeCases2(now)...)
}

func writeCases2(now time.Time) (out []writeCase) {
	add := func(name string, r *v2) {
		out = append(out, writeCase{name: "2: " + name, body: r.bytes(), header: map[string]string{"Content-Type": version2, "Content-Encoding": "snappy", "X-Prometheus-Remote-Write-Version": "2.0.0"}})
	}
	add("a sample", newV2().add(sample(now, 1), "__name__", "a2"))
	add("the same again", newV2().add(sample(now, 1), "__name__", "a2"))
	add("another value at the same time", newV2().add(sample(now, 2), "__name__", "a2").add(sample(now, 2), "__name__", "beside_duplicate2"))
	add("too old, with another series", newV2().add(sample(now.Add(-2*time.Hour), 2), "__name__", "a2").add(sample(now, 2), "__name__", "beside_old2"))
	add("out of order within the window", newV2().add(sample(now.Add(-time.Minute), 2), "__name__", "a2"))
	add("no name, with other series", newV2().add(sample(now, 1), "job", "x").add(sample(now, 1), "__name__", "beside_nameless2"))
	add("no labels", newV2().add(sample(now, 1)))
	add("labels out of order", newV2().add(sample(now, 1), "z", "1", "__name__", "unsorted2", "b", "2"))
	add("a label twice", newV2().add(sample(now, 1), "__name__", "twice2", "a", "1", "a", "2").add(sample(now, 1), "__name__", "beside_twice2"))
	add("an odd number of references", newV2().add(sample(now, 1), "__name__", "odd2", "a"))
	add("a reference to nothing", newV2().add(writev2.TimeSeries{LabelsRefs: []uint32{90, 91}, Samples: sample(now, 1).Samples}))
	add("nothing", newV2())
	add("a series without samples", newV2().add(writev2.TimeSeries{}, "__name__", "none2"))
	both := native(now, 6, false)
	both.Samples = sample(now, 1).Samples
	add("samples and histograms in one series", newV2().add(both, "__name__", "both2"))
	add("a histogram", newV2().add(native(now, 6, false), "__name__", "histogram2"))
	add("a histogram with its own bounds", newV2().add(native(now, 6, true), "__name__", "custom2"))
	add("a histogram with a wrong count", newV2().add(native(now, 99, false), "__name__", "wrong2").add(native(now, 6, false), "__name__", "beside_wrong2"))
	float := native(now, 0, false)
	float.Histograms[0].Count, float.Histograms[0].ZeroCount = &writev2.Histogram_CountFloat{CountFloat: 3}, &writev2.Histogram_ZeroCountFloat{}
	float.Histograms[0].PositiveDeltas, float.Histograms[0].PositiveCounts = nil, []float64{1, 1, 1}
	add("a histogram of floats", newV2().add(float, "__name__", "float2"))
	r := newV2()
	exemplar := sample(now, 1)
	exemplar.Exemplars = []writev2.Exemplar{{LabelsRefs: []uint32{r.symbols.Symbolize("trace_id"), r.symbols.Symbolize("x")}, Value: 1, Timestamp: now.UnixMilli()}}
	add("an exemplar", r.add(exemplar, "__name__", "exemplar2"))
	r = newV2()
	long := sample(now, 1)
	long.Exemplars = []writev2.Exemplar{{LabelsRefs: []uint32{r.symbols.Symbolize("trace_id"), r.symbols.Symbolize(strings.Repeat("x", 200))}, Value: 1, Timestamp: now.UnixMilli()}}
	add("an exemplar that is too long", r.add(long, "__name__", "long2"))
	r = newV2()
	described := sample(now, 1)
	described.Metadata = writev2.Metadata{Type: writev2.Metadata_METRIC_TYPE_COUNTER, HelpRef: r.symbols.Symbolize("What it counts."), UnitRef: r.symbols.Symbolize("bytes")}
	add("metadata", r.add(described, "__name__", "described2_bytes_total"))
	started := sample(now, 5)
	started.Samples[0].StartTimestamp = now.Add(-time.Hour).UnixMilli()
	add("a start time", newV2().add(started, "__name__", "started2_total"))
	add("a stale marker", newV2().add(sample(now.Add(time.Second), math.Float64frombits(value.StaleNaN)), "__name__", "beside_old2"))
	empty := newV2().add(sample(now, 1), "__name__", "symbols2")
	empty.request.Symbols = []string{"__name__", "symbols2"}
	add("symbols that do not begin with the empty one", empty)
	add("far in the future", newV2().add(sample(now.Add(time.Hour), 1), "__name__", "future2").add(sample(now, 1), "__name__", "beside_future2"))
	return out
}

// writeAnswer is what senders act on.
type writeAnswer struct {
	status  int
	written string // headers of version 2
	text    string
}

func (c *writeCase) send(base string) (writeAnswer, error) {
	r, err := http.NewRequest(http.MethodPost, base+"/api/v1/write", bytes.NewReader(c.body))
	if err != nil {
		return writeAnswer{}, err
	}
	for name, v := range c.header {
		r.Header.Set(name, v)
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return writeAnswer{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	out := writeAnswer{status: resp.StatusCode, text: string(text)}
	for _, name := range []string{"Samples", "Histograms", "Exemplars"} {
		out.written += name + " " + resp.Header.Get("X-Prometheus-Remote-Write-"+name+"-Written") + ", "
	}
	return out, err
}

// TestRemoteWriteReceiver sends the same requests to a real Prometheus and to us:
// status, headers and texts must be the same, and so must be what is stored.
func TestRemoteWriteReceiver(t *testing.T) {
	folder := build(t)
	reference := startPrometheus(t, folder, "global: {scrape_interval: 1h}\nstorage: {tsdb: {out_of_order_time_window: 10m}}\n")
	ours := startGatehouse(t) + "/workspaces/sent/prometheus"
	cases := writeCases(time.Now())
	passed := 0
	for _, c := range cases {
		want, err := c.send(reference)
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.send(ours)
		if err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("%s:\n%+v\nPrometheus:\n%+v", c.name, got, want)
			continue
		}
		passed++
	}
	queries := []string{`count by (__name__) ({__name__=~".+"})`, `{__name__=~".*[12]"}[5m]`, `histogram_count(histogram2)`, `histogram_count(custom2)`, `histogram_quantile(0.5, custom2)`, `histogram_count(float2)`}
	for _, q := range queries {
		a, b := page(t, reference+"/api/v1/query?query="+urlEscape(q)), page(t, ours+"/api/v1/query?query="+urlEscape(q))
		if sortedJSON(t, a) != sortedJSON(t, b) {
			t.Errorf("%s:\n%s\nPrometheus:\n%s", q, b, a)
			continue
		}
		passed++
	}
	around := fmt.Sprintf("&start=%d&end=%d", time.Now().Add(-time.Hour).Unix(), time.Now().Add(time.Minute).Unix())
	pages := []string{"/api/v1/metadata?metric=described2_bytes_total", "/api/v1/query_exemplars?query=exemplar1" + around, "/api/v1/query_exemplars?query=exemplar2" + around}
	for _, path := range pages {
		if a, b := page(t, reference+path), page(t, ours+path); strings.TrimSpace(a) != strings.TrimSpace(b) {
			t.Errorf("%s:\n%s\nPrometheus:\n%s", path, b, a)
			continue
		}
		passed++
	}
	fmt.Printf("prometheus/remote-write %d/%d\n", passed, len(cases)+len(queries)+len(pages))
}

func urlEscape(q string) string { return url.QueryEscape(q) }

// sortedJSON is the result of a query with its series in one order; the times of
// an instant vector, which are those of the question, are left out.
func sortedJSON(t *testing.T, text string) string {
	t.Helper()
	var out struct {
		Data struct {
			Result []struct {
				Metric map[string]string
				Value  []json.RawMessage
				Values [][]json.RawMessage
			}
		}
	}
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, r := range out.Data.Result {
		line := fmt.Sprint(r.Metric)
		if len(r.Value) == 2 {
			line += string(r.Value[1])
		}
		for _, v := range r.Values {
			line += fmt.Sprintf("%s", v)
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}
