package remotewrite_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/ingest/remotewrite"
	"gatehouse/internal/query/promql"
	"gatehouse/internal/store/tsdb"

	"github.com/golang/snappy"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/prompb"
	writev2 "github.com/prometheus/prometheus/prompb/io/prometheus/write/v2"
	"github.com/prometheus/prometheus/tsdb/tsdbutil"
)

const (
	v1Type = "application/x-protobuf"
	v2Type = "application/x-protobuf;proto=io.prometheus.write.v2.Request"
)

type fixture struct {
	server   *httptest.Server
	db       *tsdb.DB
	engine   *promql.Engine
	receiver *remotewrite.Receiver
	registry *prometheus.Registry
}

func open(t *testing.T, limits tsdb.Options, o remotewrite.Options) *fixture {
	t.Helper()
	limits.Folder = t.TempDir()
	db, err := tsdb.Open(limits)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	f := &fixture{db: db, engine: promql.New(db, promql.Options{}), registry: prometheus.NewRegistry()}
	o.Appendable, o.Registerer = db, f.registry
	if f.receiver, err = remotewrite.New(o); err != nil {
		t.Fatal(err)
	}
	f.server = httptest.NewServer(f.receiver)
	t.Cleanup(f.server.Close)
	return f
}

func (f *fixture) write(t *testing.T, contentType string, body []byte) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, f.server.URL, bytes.NewReader(snappy.Encode(nil, body)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("Content-Encoding", "snappy")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	return res, string(text)
}

func (f *fixture) value(t *testing.T, query string) float64 {
	t.Helper()
	v, err := f.engine.Instant(context.Background(), query, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if len(v) == 0 {
		return -1
	}
	return v[0].F
}

// series is a metric's labels as name, value pairs, the metric's name first.
func v1Body(t *testing.T, at time.Time, series ...[]string) []byte {
	t.Helper()
	request := &prompb.WriteRequest{}
	for _, s := range series {
		one := prompb.TimeSeries{Labels: []prompb.Label{{Name: "__name__", Value: s[0]}}, Samples: []prompb.Sample{{Value: 7, Timestamp: at.UnixMilli()}}}
		for i := 1; i < len(s); i += 2 {
			one.Labels = append(one.Labels, prompb.Label{Name: s[i], Value: s[i+1]})
		}
		request.Timeseries = append(request.Timeseries, one)
	}
	body, err := request.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func v2Body(t *testing.T, at time.Time, series ...[]string) []byte {
	t.Helper()
	symbols, request := writev2.NewSymbolTable(), &writev2.Request{}
	for i, s := range series {
		one := writev2.TimeSeries{LabelsRefs: []uint32{symbols.Symbolize("__name__"), symbols.Symbolize(s[0])},
			Metadata: writev2.Metadata{Type: writev2.Metadata_METRIC_TYPE_GAUGE, HelpRef: symbols.Symbolize("Help.")}}
		for i := 1; i < len(s); i++ {
			one.LabelsRefs = append(one.LabelsRefs, symbols.Symbolize(s[i]))
		}
		if strings.HasSuffix(s[0], "_histogram") {
			one.Histograms = []writev2.Histogram{writev2.FromIntHistogram(0, at.UnixMilli(), tsdbutil.GenerateTestHistogram(int64(i)))}
		} else {
			one.Samples = []writev2.Sample{{Value: 8, Timestamp: at.UnixMilli()}}
		}
		one.Exemplars = []writev2.Exemplar{{LabelsRefs: []uint32{symbols.Symbolize("trace_id"), symbols.Symbolize("abc")}, Value: 1, Timestamp: at.UnixMilli()}}
		request.Timeseries = append(request.Timeseries, one)
	}
	request.Symbols = symbols.Symbols()
	body, err := request.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func TestVersions(t *testing.T) {
	f := open(t, tsdb.Options{}, remotewrite.Options{MaxBody: 1000})
	now := time.Now()
	if res, body := f.write(t, v1Type, v1Body(t, now, []string{"one"})); res.StatusCode != 204 {
		t.Fatalf("version 1: %d %s", res.StatusCode, body)
	}
	res, body := f.write(t, v2Type, v2Body(t, now, []string{"two"}, []string{"three_histogram"}))
	if res.StatusCode != 204 {
		t.Fatalf("version 2: %d %s", res.StatusCode, body)
	}
	for name, want := range map[string]string{"Samples": "1", "Histograms": "1", "Exemplars": "2"} {
		if got := res.Header.Get("X-Prometheus-Remote-Write-" + name + "-Written"); got != want {
			t.Errorf("%s written: %q, want %s", name, got, want)
		}
	}
	if got := f.value(t, "one + on() two + on() histogram_count(three_histogram)"); got != 7+8+float64(tsdbutil.GenerateTestHistogram(1).Count) {
		t.Errorf("written samples: %v", got)
	}
	if res, _ := f.write(t, "application/json", []byte("{}")); res.StatusCode != http.StatusUnsupportedMediaType {
		t.Errorf("wrong content type: %d", res.StatusCode)
	}
	if res, _ := f.write(t, v1Type, []byte("not a protobuf message")); res.StatusCode != 400 {
		t.Errorf("not a message: %d", res.StatusCode)
	}
	large := make([][]string, 2000)
	for i := range large {
		large[i] = []string{fmt.Sprintf("m%x_%d", i*7919, i)}
	}
	if res, _ := f.write(t, v1Type, v1Body(t, now, large...)); res.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("too large: %d", res.StatusCode)
	}
	if got := f.count(t, "gatehouse_remote_write_samples_total"); got != 3 {
		t.Errorf("%v samples are counted, want 3", got)
	}
}

// count is the sum of a counter's series.
func (f *fixture) count(t *testing.T, name string) (sum float64) {
	t.Helper()
	families, err := f.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		for _, m := range family.Metric {
			if family.GetName() == name {
				sum += m.GetCounter().GetValue()
			}
		}
	}
	return sum
}

// Series over the limit are left out, the others are stored: in both versions.
func TestSeriesLimit(t *testing.T) {
	f := open(t, tsdb.Options{MaxSeries: 3}, remotewrite.Options{})
	now := time.Now()
	res, text := f.write(t, v1Type, v1Body(t, now, []string{"a"}, []string{"b"}, []string{"c"}, []string{"d"}, []string{"e"}))
	if res.StatusCode != 400 || !strings.Contains(text, "2 samples were refused") || !strings.Contains(text, "active series") {
		t.Errorf("version 1: %d %s", res.StatusCode, text)
	}
	if f.value(t, "a + on() b + on() c") != 21 || f.value(t, "d") != -1 {
		t.Error("what is under the limit is not stored, or more is")
	}
	res, text = f.write(t, v2Type, v2Body(t, now.Add(time.Second), []string{"f"}, []string{"a"}))
	if res.StatusCode != 400 || res.Header.Get("X-Prometheus-Remote-Write-Samples-Written") != "1" {
		t.Errorf("version 2: %d %s", res.StatusCode, text)
	}
	list := f.db.Refusals()
	if len(list) != 3 || list[0].Metric != "f" || list[0].Reason != "series_limit" || list[0].Count != 1 {
		t.Errorf("refusals: %+v", list)
	}
}

func TestAdmission(t *testing.T) {
	a := tsdb.AzureAdmission()
	a.Personal = tsdb.PersonalRefuse
	f := open(t, tsdb.Options{Admission: a}, remotewrite.Options{})
	many := []string{"many"}
	for i := range 70 {
		many = append(many, fmt.Sprintf("l%02d", i), "x")
	}
	for name, c := range map[string]struct {
		series []string
		want   string
	}{
		"case":   {[]string{"disk", "diskSize", "1", "disksize", "2"}, "diskSize and disksize"},
		"many":   {many, "71 labels, at most 63"},
		"value":  {[]string{"long", "l", strings.Repeat("x", 1024)}, "has 1024 bytes, at most 1023"},
		"e-mail": {[]string{"mail", "user", "jo@example.org"}, "an e-mail address"},
		"card":   {[]string{"card", "number", "4111 1111 1111 1111"}, "a payment card"},
		"token":  {[]string{"token", "t", "Bearer abcdefghijklmnopqrst"}, "a token"},
	} {
		res, text := f.write(t, v1Type, v1Body(t, time.Now(), c.series, []string{"good", "case", name}))
		if res.StatusCode != 400 || !strings.Contains(text, c.want) || strings.Contains(text, "jo@") {
			t.Errorf("%s: %d %s", name, res.StatusCode, text)
		}
		if f.value(t, `good{case="`+name+`"}`) != 7 {
			t.Errorf("%s: the good series beside it is not stored", name)
		}
	}
	if res, text := f.write(t, v1Type, v1Body(t, time.Now(), []string{"fine", "time_ms", "1790000000000", "id", "123456789012"})); res.StatusCode != 204 {
		t.Errorf("plain numbers: %d %s", res.StatusCode, text)
	}
}

func TestHash(t *testing.T) {
	f := open(t, tsdb.Options{Admission: tsdb.Admission{Personal: tsdb.PersonalHash}}, remotewrite.Options{})
	for range 2 {
		for _, kind := range []string{v1Type, v2Type} {
			body := v1Body(t, time.Now(), []string{"m", "user", "jo@example.org"})
			if kind == v2Type {
				body = v2Body(t, time.Now().Add(time.Second), []string{"m", "user", "jo@example.org"})
			}
			if res, text := f.write(t, kind, body); res.StatusCode/100 != 2 && !strings.Contains(text, "duplicate") && !strings.Contains(text, "out of order") {
				t.Fatalf("%d %s", res.StatusCode, text)
			}
		}
	}
	if got := f.value(t, `count(m{user=~"hash:[0-9a-f]{16}"})`); got != 1 {
		t.Errorf("%v hashed series", got)
	}
}

func TestBudget(t *testing.T) {
	now := time.Now()
	f := open(t, tsdb.Options{}, remotewrite.Options{SamplesPerMinute: 2, Now: func() time.Time { return now }})
	three := v1Body(t, now, []string{"a"}, []string{"b"}, []string{"c"})
	if res, text := f.write(t, v1Type, three); res.StatusCode != 204 {
		t.Fatalf("%d %s", res.StatusCode, text)
	}
	res, text := f.write(t, v1Type, three)
	if res.StatusCode != 429 || res.Header.Get("Retry-After") != "60" {
		t.Errorf("over the budget: %d %q %s", res.StatusCode, res.Header.Get("Retry-After"), text)
	}
	now = now.Add(time.Minute)
	if res, text := f.write(t, v1Type, three); res.StatusCode == 429 {
		t.Errorf("after waiting: %d %s", res.StatusCode, text)
	}
}

func TestOutOfOrder(t *testing.T) {
	f := open(t, tsdb.Options{OutOfOrderWindow: time.Minute}, remotewrite.Options{})
	now := time.Now()
	if res, text := f.write(t, v1Type, v1Body(t, now, []string{"m"})); res.StatusCode != 204 {
		t.Fatalf("%d %s", res.StatusCode, text)
	}
	if res, text := f.write(t, v1Type, v1Body(t, now.Add(-30*time.Second), []string{"m"})); res.StatusCode != 204 {
		t.Errorf("inside the window: %d %s", res.StatusCode, text)
	}
	if res, text := f.write(t, v1Type, v1Body(t, now.Add(-time.Hour), []string{"m"})); res.StatusCode != 400 {
		t.Errorf("before the window: %d %s", res.StatusCode, text)
	}
	if res, text := f.write(t, v1Type, v1Body(t, now.Add(time.Hour), []string{"m"})); res.StatusCode != 400 {
		t.Errorf("in the future: %d %s", res.StatusCode, text)
	}
}

// A label with hundreds of thousands of values: the workspace stays at its limit,
// every sample is either stored or counted as refused, the metric is named, and
// the process does not grow.
func TestLabelAttack(t *testing.T) {
	const limit, values, each = 2000, 200_000, 2000
	f := open(t, tsdb.Options{MaxSeries: limit}, remotewrite.Options{})
	now := time.Now()
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	var after uint64
	for from := 0; from < values; from += each {
		series := make([][]string, each)
		for i := range series {
			series[i] = []string{"attacked_total", "user", fmt.Sprintf("%08d", from+i)}
		}
		res, text := f.write(t, v1Type, v1Body(t, now, series...))
		if want := 204; from == 0 && res.StatusCode != want {
			t.Fatalf("%d %s", res.StatusCode, text)
		}
		if from > 0 && (res.StatusCode != 400 || !strings.Contains(text, fmt.Sprintf("%d samples were refused", each))) {
			t.Fatalf("%d %s", res.StatusCode, text)
		}
		if from == 10*each {
			after = heap()
		}
	}
	if grown := int64(heap()) - int64(after); grown > 16<<20 {
		t.Errorf("the heap grew by %d MiB", grown>>20)
	}
	if stored, refused := f.count(t, "gatehouse_remote_write_samples_total"), f.count(t, "gatehouse_remote_write_refused_samples_total"); stored != limit || refused != values-limit {
		t.Errorf("%v stored, %v refused of %d", stored, refused, values)
	}
	if got := f.value(t, "count(attacked_total)"); got != limit {
		t.Errorf("%v series", got)
	}
	list := f.db.Refusals()
	if len(list) != 1 || list[0].Metric != "attacked_total" || list[0].Reason != "series_limit" || list[0].Count != values-limit {
		t.Errorf("refusals: %+v", list)
	}
}
