package promql_test

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/golang/snappy"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/prompb"
)

// The metrics that the compliance list asks for, as its demo service has them:
// three instances, two hours, every five seconds.
const (
	span   = 2 * time.Hour
	step   = 5 * time.Second
	points = int(span / step)
)

type demoSeries struct {
	labels []prompb.Label
	at     func(i int, t time.Time) float64
}

func demo() (out []demoSeries) {
	for n := range 3 {
		instance := fmt.Sprintf("demo.promlabs.com:1000%d", n)
		add := func(name string, at func(i int, t time.Time) float64, pairs ...string) {
			out = append(out, demoSeries{labels(name, append([]string{"instance", instance, "job", "demo"}, pairs...)...), at})
		}
		k := float64(n + 1)
		add("demo_num_cpus", func(int, time.Time) float64 { return 4 })
		for m, kind := range []string{"used", "free", "buffers", "cached"} {
			add("demo_memory_usage_bytes", func(i int, _ time.Time) float64 {
				return 1e9*float64(m+1) + k*1e7*math.Sin(float64(i)/50+float64(m)) + float64(i%17)
			}, "type", kind)
		}
		for m, mode := range []string{"user", "system", "idle"} {
			add("demo_cpu_usage_seconds_total", func(i int, _ time.Time) float64 {
				return float64(i%(900+50*n))*k*0.7 + float64(m)*0.1*float64(i%(900+50*n)) // resets now and then
			}, "mode", mode)
		}
		add("demo_disk_usage_bytes", func(i int, _ time.Time) float64 { return 1e10 + k*12345*float64(i) + 1000*math.Cos(float64(i)/9) })
		add("demo_disk_total_bytes", func(int, time.Time) float64 { return 2.6e11 })
		add("demo_batch_last_success_timestamp_seconds", func(i int, t time.Time) float64 { return float64(t.Unix() - int64(i%60)*5) })
		add("demo_intermittent_metric", intermittent)
		for _, path := range []string{"/api/foo", "/api/bar"} {
			for s, status := range []string{"200", "500"} {
				addHistogram(add, k*float64(s+1), "method", "GET", "path", path, "status", status)
			}
		}
	}
	return out
}

// intermittent is there every other four minutes, and stale between.
func intermittent(i int, _ time.Time) float64 {
	switch {
	case (i/48)%2 == 0:
		return float64(i)
	case i%48 == 0:
		return math.Float64frombits(value.StaleNaN)
	}
	return math.NaN() // left out
}

func addHistogram(add func(string, func(int, time.Time) float64, ...string), k float64, pairs ...string) {
	total := func(i int, _ time.Time) float64 { return math.Floor(float64(i) * k) }
	bound := 0.0001
	for range 25 {
		share := 1 - math.Exp(-bound*60)
		add("demo_api_request_duration_seconds_bucket", func(i int, t time.Time) float64 { return math.Floor(total(i, t) * share) },
			append([]string{"le", strconv.FormatFloat(bound, 'g', 6, 64)}, pairs...)...)
		bound *= 1.5
	}
	add("demo_api_request_duration_seconds_bucket", total, append([]string{"le", "+Inf"}, pairs...)...)
	add("demo_api_request_duration_seconds_count", total, pairs...)
	add("demo_api_request_duration_seconds_sum", func(i int, t time.Time) float64 { return total(i, t) * 0.017 }, pairs...)
}

func labels(name string, pairs ...string) []prompb.Label {
	out := []prompb.Label{{Name: "__name__", Value: name}}
	for i := 0; i+1 < len(pairs); i += 2 {
		out = append(out, prompb.Label{Name: pairs[i], Value: pairs[i+1]})
	}
	return out
}

// feed writes the samples up to end to each of the remote write URLs.
func feed(t *testing.T, end time.Time, urls ...string) {
	t.Helper()
	series := demo()
	const chunk = 120
	for from := 0; from < points; from += chunk {
		request := prompb.WriteRequest{}
		for _, s := range series {
			one := prompb.TimeSeries{Labels: s.labels}
			for i := from; i < min(from+chunk, points); i++ {
				at := end.Add(-time.Duration(points-1-i) * step)
				if v := s.at(i, at); !math.IsNaN(v) || value.IsStaleNaN(v) {
					one.Samples = append(one.Samples, prompb.Sample{Value: v, Timestamp: at.UnixMilli()})
				}
			}
			if len(one.Samples) > 0 {
				request.Timeseries = append(request.Timeseries, one)
			}
		}
		body, err := request.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		packed := snappy.Encode(nil, body)
		for _, url := range urls {
			post(t, url, packed)
		}
	}
}

func post(t *testing.T, url string, packed []byte) {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	req.Header.Set("Content-Encoding", "snappy")
	req.Header.Set("X-Prometheus-Remote-Write-Version", "0.1.0")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, _ := io.ReadAll(resp.Body); resp.StatusCode/100 != 2 {
		t.Fatalf("%s: %d %s", url, resp.StatusCode, text)
	}
}
