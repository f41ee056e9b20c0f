package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"

	"gatehouse/internal/telemetry"
)

// memory is a telemetry.Rows that keeps copies and can fail.
type memory struct {
	mu    sync.Mutex
	spans []telemetry.Span
	logs  []telemetry.LogRecord
	fail  func(call int) error
	calls int
}

func (m *memory) attempt() error {
	m.calls++
	if m.fail != nil {
		return m.fail(m.calls)
	}
	return nil
}

func (m *memory) Spans(_ context.Context, spans []telemetry.Span) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.attempt(); err != nil {
		return err
	}
	for _, s := range spans {
		s.Steps, s.Calls = slices.Clone(s.Steps), slices.Clone(s.Calls)
		cloneTexts(reflect.ValueOf(&s).Elem())
		m.spans = append(m.spans, s)
	}
	return nil
}

func (m *memory) Logs(_ context.Context, logs []telemetry.LogRecord) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.attempt(); err != nil {
		return err
	}
	for _, l := range logs {
		cloneTexts(reflect.ValueOf(&l).Elem())
		m.logs = append(m.logs, l)
	}
	return nil
}

// cloneTexts copies the texts of a row, whose memory is used again.
func cloneTexts(row reflect.Value) {
	for n := range row.NumField() {
		switch f := row.Field(n); f.Kind() {
		case reflect.String:
			f.SetString(strings.Clone(f.String()))
		case reflect.Slice:
			for i := range f.Len() {
				if f.Index(i).Kind() == reflect.Struct {
					cloneTexts(f.Index(i))
				}
			}
		}
	}
}

func open(t testing.TB, o Options) *Ingest {
	t.Helper()
	i, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = i.Close(context.Background()) })
	return i
}

func endpoint1() *telemetry.Endpoint {
	return &telemetry.Endpoint{
		Service: "demo", API: "orders", APIName: "Orders", APIRevision: "2", Operation: "get-order", OperationName: "Get", OperationMethod: "GET",
		URLTemplate: "/orders/{id}?view={view}", Product: "starter", Tags: []telemetry.Tag{{Key: "team", Value: "payments"}, {Key: "Public"}},
		Pipeline: &telemetry.Pipeline{Descriptor: "[]"},
	}
}

func exchange(e *telemetry.Endpoint, n int) *telemetry.Exchange {
	x := telemetry.NewExchange()
	x.Endpoint = e
	x.TraceID = telemetry.TraceID{byte(n >> 8), byte(n), 1}
	u := uint64(n) * 0x9e3779b97f4a7c15
	for k := range 8 {
		x.TraceID[8+k] = byte(u >> (8 * (7 - k)))
	}
	x.SpanID, x.ParentID = telemetry.SpanID{1, byte(n >> 8), byte(n)}, telemetry.SpanID{9}
	x.RequestID = [16]byte{0x12, 0x34}
	x.Start, x.Duration, x.BackendTime = time.Unix(1000, 0), 20*time.Millisecond, 15*time.Millisecond
	x.Method, x.Scheme, x.Host, x.Path, x.Query, x.Protocol = "GET", "https", "api.example.com", "/orders/7", "view=***", "1.1"
	x.Status, x.RequestBytes, x.ResponseBytes = 200, 10, 100
	x.ClientIP = netip.MustParseAddr("192.0.2.7")
	x.Steps = append(x.Steps, telemetry.Step{Index: 0, Start: 5, Duration: 7}, telemetry.Step{Index: 1, Start: 20, Duration: 3})
	x.Calls = append(x.Calls, telemetry.Call{SpanID: telemetry.SpanID{2}, Source: "forward-request", Backend: "b1", Method: "GET", Scheme: "http", Host: "b:80", Path: "/x", Status: 200, Attempt: 1, Start: 30, Duration: 15_000_000})
	return x
}

// gather sums the samples of a family (counts for histograms and summaries)
// whose labels include all of want.
func gather(t testing.TB, i *Ingest, name string, want ...string) float64 {
	t.Helper()
	families, err := i.Registry().Gather()
	if err != nil {
		t.Fatal(err)
	}
	total := 0.0
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.Metric {
			if !hasLabels(m, want) {
				continue
			}
			switch f.GetType() {
			case dto.MetricType_HISTOGRAM:
				total += float64(m.GetHistogram().GetSampleCount())
			case dto.MetricType_SUMMARY:
				total += m.GetSummary().GetSampleSum()
			case dto.MetricType_GAUGE:
				total += m.GetGauge().GetValue()
			default:
				total += m.GetCounter().GetValue()
			}
		}
	}
	return total
}

func hasLabels(m *dto.Metric, want []string) bool {
	for _, w := range want {
		if !slices.ContainsFunc(m.Label, func(l *dto.LabelPair) bool { return l.GetName()+"="+l.GetValue() == w }) {
			return false
		}
	}
	return true
}

// Every exchange is in the metrics, and kept or counted as dropped, whatever
// the writer and the queue do.
func TestEveryExchangeIsAccountedFor(t *testing.T) {
	for name, c := range map[string]struct {
		queue, pending int
		fail           func(int) error
		retry          time.Duration
	}{
		"calm":         {queue: 100_000},
		"small queue":  {queue: 4},
		"one behind":   {queue: 4, pending: 1},
		"flaky writer": {queue: 100_000, fail: func(n int) error { return map[bool]error{true: errors.New("busy")}[n%3 == 0] }},
		"dead writer":  {queue: 100_000, pending: 2, fail: func(int) error { return errors.New("disk full") }, retry: time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			m := &memory{fail: c.fail}
			i := open(t, Options{Rows: []telemetry.Rows{m}, QueueSize: c.queue, PendingBatches: c.pending, RetryFor: c.retry})
			const senders, each = 4, 2000
			e := endpoint1()
			var wg sync.WaitGroup
			for s := range senders {
				wg.Go(func() {
					for n := range each {
						i.Exchange(exchange(e, s*each+n))
					}
				})
			}
			wg.Wait()
			if err := i.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			s := i.Stats()
			if s.Sent != senders*each || s.Kept+s.Dropped+s.Sampled != s.Sent || s.Kept != uint64(len(m.spans)) {
				t.Errorf("%+v, %d rows", s, len(m.spans))
			}
			if got := gather(t, i, "http_server_request_duration_seconds", "gatehouse_api=orders", "gatehouse_product=starter", "http_request_method=GET", "http_response_status_code=200"); got != senders*each {
				t.Errorf("requests counted: %v", got)
			}
			if got := gather(t, i, "gatehouse_telemetry_dropped_total"); got != float64(s.Dropped) {
				t.Errorf("dropped_total is %v, stats say %d", got, s.Dropped)
			}
			if name == "calm" || name == "flaky writer" {
				if s.Dropped != 0 {
					t.Errorf("dropped %d", s.Dropped)
				}
			}
			if name == "dead writer" && s.Kept != 0 {
				t.Errorf("kept %d", s.Kept)
			}
			i.Exchange(exchange(e, 1))
			if s := i.Stats(); s.Sent != senders*each+1 || s.Kept+s.Dropped != s.Sent {
				t.Errorf("after Close: %+v", s)
			}
		})
	}
}

func TestRow(t *testing.T) {
	m := &memory{}
	i := open(t, Options{Rows: []telemetry.Rows{m}, Instance: "host-1"})
	x := exchange(endpoint1(), 1)
	x.User, x.Subscription, x.CacheHit = "u1", "s1", true
	x.Status, x.Outcome = 500, telemetry.OutcomeError
	x.Failure = telemetry.Failure{Source: "rate-limit", Reason: "RateLimitExceeded", Message: "m", Scope: "product", Section: "inbound", Path: "rate-limit"}
	x.Captures = append(x.Captures, telemetry.Capture{Part: "frontend-request", Name: "X-A", Value: "a\"\n\xff"}, telemetry.Capture{Part: "backend-response", Value: "b", Truncated: true, Size: 70_000})
	x.Events = append(x.Events, telemetry.Event{At: 5, Severity: telemetry.SeverityVerbose, Source: "t", Message: "hello", Metadata: []telemetry.Attribute{{Key: "k", Value: "v"}}})
	x.Model = telemetry.ModelCall{Deployment: "mini", Model: "gpt-x", Streamed: true, Prompt: 9, Completion: 12, Total: 21}
	i.Exchange(x)
	i.Exchange(exchange(nil, 2))
	if err := i.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := m.spans[0]
	for field, c := range map[string][2]string{
		"trace":      {s.TraceID, "0001010000000000" + fmt.Sprintf("%016x", uint64(0x9e3779b97f4a7c15))},
		"span":       {s.SpanID, "0100010000000000"},
		"parent":     {s.ParentSpanID, "0900000000000000"},
		"request":    {s.RequestID, "12340000-0000-0000-0000-000000000000"},
		"name":       {s.Name, "orders;rev=2 - get-order"},
		"kind":       {s.Kind, "server"},
		"status":     {s.Status, "error"},
		"service":    {s.Service, "demo"},
		"instance":   {s.Instance, "host-1"},
		"source":     {s.Source, "gateway"},
		"route":      {s.Route, "/orders/{id}"},
		"client":     {s.ClientIP, "192.0.2.7"},
		"where":      {s.ErrorWhere, "product/inbound/rate-limit"},
		"outcome":    {s.Outcome, "error"},
		"resource":   {s.Resource, `{"service.name":"demo","service.instance.id":"host-1"}`},
		"pipeline":   {s.Pipeline, "[]"},
		"attributes": {s.Attributes, `{"enduser.id":"u1","gatehouse.cache_hit":true,"gen_ai.request.model":"mini","gen_ai.response.model":"gpt-x","gen_ai.usage.input_tokens":9,"gen_ai.usage.output_tokens":12,"gen_ai.usage.total_tokens":21,"gen_ai.request.stream":true,"Request-X-A":"a\"\n` + "\uFFFD" + `","backend.Response-Body":"b","backend.Response-Body.truncated":"70000"}`},
		"call url":   {s.Calls[0].URL, "http://b:80/x"},
		"call span":  {s.Calls[0].SpanID, "0200000000000000"},
		"call":       {s.Calls[0].Target + s.Calls[0].Backend + s.Calls[0].Outcome, "b:80b1ok"},
		"no api":     {m.spans[1].Name + m.spans[1].API + m.spans[1].Service + m.spans[1].Attributes, "GETgatehouse"},
	} {
		if c[0] != c[1] {
			t.Errorf("%s: %q, want %q", field, c[0], c[1])
		}
	}
	steps, err := telemetry.DecodeSteps(s.Steps)
	if err != nil || len(steps) != 2 || steps[1].Start != 20 {
		t.Errorf("steps: %v, %v", steps, err)
	}
	l := m.logs[0]
	if len(m.logs) != 1 || l.TraceID != s.TraceID || l.SpanID != s.SpanID || l.Body != "hello" || l.Severity != "debug" || l.Scope != "t" ||
		l.Attributes != `{"k":"v"}` || l.Time != s.Time+5 || l.API != "orders" || l.Subscription != "s1" {
		t.Errorf("log: %+v", m.logs)
	}
	if got := gather(t, i, "gatehouse_request_outcomes_total", "gatehouse_error_reason=RateLimitExceeded"); got != 1 {
		t.Errorf("outcomes: %v, want 1", got)
	}
	if got := gather(t, i, "gatehouse_policy_rejections_total", "source=rate-limit", "reason=RateLimitExceeded"); got != 1 {
		t.Errorf("rejections: %v", got)
	}
	if got := gather(t, i, "http_server_request_duration_seconds", "gatehouse_api=none", "gatehouse_operation=none", "gatehouse_product=none"); got != 1 {
		t.Errorf("unmatched: %v", got)
	}
	if got := gather(t, i, "gatehouse_api_info", "gatehouse_api=orders", "team=payments", "tag_public=true"); got != 1 {
		t.Errorf("api info: %v", got)
	}
	if got := gather(t, i, "http_client_request_duration_seconds", "gatehouse_backend=b1", "gatehouse_api=orders", "http_response_status_code=200"); got != 1 {
		t.Errorf("calls: %v", got)
	}
}

func TestDiagnosticsLimitWhatIsStored(t *testing.T) {
	m := &memory{}
	i := open(t, Options{Rows: []telemetry.Rows{m}})
	e := endpoint1()
	e.Diagnostics = []*telemetry.Diagnostic{{Sampling: 100, Verbosity: telemetry.SeverityWarning, URLOperationNames: true}}
	x := exchange(e, 1)
	for s := telemetry.SeverityVerbose; s <= telemetry.SeverityError; s++ {
		x.Events = append(x.Events, telemetry.Event{Severity: s, Message: fmt.Sprint(s)})
	}
	i.Exchange(x)
	e2 := endpoint1()
	e2.Diagnostics = []*telemetry.Diagnostic{{Sampling: 0}}
	i.Exchange(exchange(e2, 2))
	if err := i.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(m.spans) != 1 || m.spans[0].ClientIP != "" || m.spans[0].Name != "GET /orders/7" || len(m.logs) != 2 || m.logs[0].Severity != "warning" {
		t.Errorf("%+v, %+v", m.spans, m.logs)
	}
	if s := i.Stats(); s.Sampled != 1 || s.Kept != 1 || s.Sent != 2 {
		t.Errorf("%+v", s)
	}
	if got := gather(t, i, "http_server_request_duration_seconds"); got != 2 {
		t.Errorf("sampling must not touch metrics: %v", got)
	}
}

func TestCustomMetricsAreBounded(t *testing.T) {
	i := open(t, Options{CustomSeries: 3, CustomMetrics: 2})
	for n := range 10 {
		x := exchange(endpoint1(), n)
		x.Measurements = append(x.Measurements,
			telemetry.Measurement{Name: "Feedback-Rating", Namespace: "demo", Value: 2, Dimensions: []telemetry.Attribute{{Key: "API ID", Value: "a"}, {Key: "Session", Value: fmt.Sprint(n)}}},
			telemetry.Measurement{Name: fmt.Sprintf("m%d_sum", n), Value: 1})
		i.Exchange(x)
	}
	if err := i.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := gather(t, i, "feedback_rating"); got != 20 {
		t.Errorf("total: %v", got)
	}
	if got := gather(t, i, "feedback_rating", "session=1", "api_id=a"); got != 2 {
		t.Errorf("one: %v", got)
	}
	if got := gather(t, i, "feedback_rating", "session=_overflow", "api_id=_overflow"); got != 14 {
		t.Errorf("overflow: %v", got)
	}
	if a, b := gather(t, i, "m0_sum_value"), gather(t, i, "custom_overflow"); a != 1 || b != 9 {
		t.Errorf("names: %v, %v", a, b)
	}
}

// Values of dimensions come from callers: none of them may make two series of
// one name and label set, which would break every exposition from then on.
func TestCustomMetricsNeverCollide(t *testing.T) {
	i := open(t, Options{CustomSeries: 8})
	for _, dims := range [][]telemetry.Attribute{
		{{Key: "a", Value: "\xff"}}, {{Key: "a", Value: "\xfe"}}, // the same after cleaning
		{{Key: "a", Value: "_overflow"}},
		{{Key: "a", Value: "1"}, {Key: "b", Value: "2"}}, {{Key: "b", Value: "2"}, {Key: "a", Value: "1"}},
		{{Key: "job", Value: "1"}, {Key: "exported_job", Value: "2"}},
		{{Key: "a", Value: "3"}}, {{Key: "a", Value: "4"}}, {{Key: "a", Value: "5"}}, {{Key: "a", Value: "6"}}, {{Key: "a", Value: "7"}},
	} {
		x := exchange(endpoint1(), 1)
		x.Measurements = append(x.Measurements, telemetry.Measurement{Name: "m", Value: 1, Dimensions: dims})
		i.Exchange(x)
	}
	if err := i.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := i.Registry().Gather(); err != nil {
		t.Fatal(err)
	}
	if all, two := gather(t, i, "m"), gather(t, i, "m", "a=1", "b=2"); all != 11 || two != 2 {
		t.Errorf("all %v, both orders %v", all, two)
	}
}

func TestSeriesAreBounded(t *testing.T) {
	i := open(t, Options{MaxEndpoints: 5, MaxSeries: 8})
	for n := range 20 {
		e := endpoint1()
		e.Operation = fmt.Sprint("op", n%10)
		x := exchange(e, n)
		x.Method, x.Status = fmt.Sprint("M", n), 200+n
		x.Calls[0].Backend = fmt.Sprint("b", n)
		i.Exchange(x)
	}
	if err := i.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"http_server_request_duration_seconds", "gatehouse_gateway_duration_seconds", "http_client_request_duration_seconds"} {
		if got := gather(t, i, name); got != 20 {
			t.Errorf("%s: %v", name, got)
		}
	}
	if got := gather(t, i, "http_server_request_duration_seconds", "gatehouse_operation=_overflow"); got < 10 {
		t.Errorf("overflow: %v", got)
	}
	if got := gather(t, i, "http_server_request_duration_seconds", "http_request_method=_OTHER"); got == 0 {
		t.Error("unknown methods are not _OTHER")
	}
}

func TestMetricsAreWritten(t *testing.T) {
	var mu sync.Mutex
	var last float64
	written := make(chan struct{}, 1000)
	i := open(t, Options{Interval: 5 * time.Millisecond, WriteMetrics: func(_ context.Context, families []*dto.MetricFamily, _ time.Time) error {
		mu.Lock()
		defer mu.Unlock()
		for _, f := range families {
			if f.GetName() == "http_server_request_duration_seconds" {
				h := f.Metric[0].GetHistogram()
				last = float64(h.GetSampleCount())
				if h.GetSchema() == 0 && len(h.PositiveSpan) == 0 {
					t.Error("no native histogram")
				}
				if !slices.ContainsFunc(h.Bucket, func(b *dto.Bucket) bool { return b.Exemplar != nil }) {
					t.Error("no exemplar")
				}
			}
		}
		written <- struct{}{}
		return nil
	}, Rows: []telemetry.Rows{&memory{}}})
	<-written
	i.Exchange(exchange(endpoint1(), 1))
	if err := i.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if last != 1 {
		t.Errorf("the last write had %v requests", last)
	}
	if got := gather(t, i, "gatehouse_operation_cpu_seconds_total"); got < 0 {
		t.Errorf("cpu: %v", got)
	}
}

func TestRowsOfReceivers(t *testing.T) {
	broken, second := errors.New("disk full"), &memory{}
	first := &memory{}
	i := open(t, Options{Rows: []telemetry.Rows{first, second}})
	if err := i.Spans(t.Context(), make([]telemetry.Span, 3)); err != nil {
		t.Fatal(err)
	}
	if len(first.spans) != 3 || len(second.spans) != 3 {
		t.Errorf("%d, %d", len(first.spans), len(second.spans))
	}
	first.fail = func(int) error { return broken }
	if err := i.Logs(t.Context(), make([]telemetry.LogRecord, 2)); !errors.Is(err, broken) || len(second.logs) != 0 {
		t.Errorf("%v, %d", err, len(second.logs))
	}
	first.fail, second.fail = nil, func(int) error { return broken }
	if err := i.Logs(t.Context(), make([]telemetry.LogRecord, 2)); err != nil {
		t.Error(err)
	}
	if got := gather(t, i, "gatehouse_telemetry_export_dropped_rows_total", "table=logs"); got != 2 {
		t.Errorf("export drops: %v", got)
	}
	if got := gather(t, i, "gatehouse_telemetry_rows_total"); got != 5 {
		t.Errorf("rows: %v", got)
	}
}

func TestCloseGivesUpWithTheContext(t *testing.T) {
	i := open(t, Options{Rows: []telemetry.Rows{&memory{fail: func(int) error { return errors.New("disk full") }}}})
	for n := range 10 {
		i.Exchange(exchange(nil, n))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_ = i.Close(ctx)
	if s := i.Stats(); s.Dropped != 10 {
		t.Errorf("%+v", s)
	}
	if got := gather(t, i, "gatehouse_telemetry_dropped_total", "reason=closed"); got != 10 {
		t.Errorf("closed: %v", got)
	}
}

func TestSanitise(t *testing.T) {
	for in, want := range map[string]string{"API ID": "api_id", "": "custom_", "9x": "custom_9x", "a--b__c": "a_b_c", "ü": "custom_", "le": "le_", strings.Repeat("x", 500): strings.Repeat("x", 128)} {
		if got := sanitise(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// nothing takes all rows.
type nothing struct{}

func (nothing) Spans(context.Context, []telemetry.Span) error     { return nil }
func (nothing) Logs(context.Context, []telemetry.LogRecord) error { return nil }

func BenchmarkExchange(b *testing.B) {
	i := open(b, Options{Rows: []telemetry.Rows{nothing{}}, QueueSize: 1024})
	e := endpoint1()
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		x := exchange(e, n)
		for len(i.queue) >= 1000 {
			time.Sleep(50 * time.Microsecond)
		}
		i.Exchange(x)
	}
	_ = i.Flush(b.Context())
	if s := i.Stats(); s.Dropped > 0 {
		b.Errorf("%+v", s)
	}
}

// BenchmarkMetrics is what the metrics of one request cost: four histograms,
// with native ones beside the classic buckets, and two counters.
func BenchmarkMetrics(b *testing.B) {
	i := open(b, Options{})
	e := endpoint1()
	x := exchange(e, 1)
	b.ReportAllocs()
	before := processCPU()
	for n := 0; b.Loop(); n++ {
		x.Duration, x.BackendTime = time.Duration(1+n%50)*time.Millisecond, time.Duration(n%50)*time.Millisecond
		x.Calls[0].Duration = int64(x.BackendTime)
		i.metrics.record(x, true)
	}
	x.Release()
	b.ReportMetric(float64(processCPU()-before)/float64(b.N), "cpu-ns/op") // on a busy machine the other figure says little
}

// Every byte at every place of a word is escaped as encoding/json reads it.
func TestAppendJSON(t *testing.T) {
	for c := range 256 {
		for at := range 17 {
			text := []byte("0123456789abcdefg")
			text[at] = byte(c)
			var back string
			if err := json.Unmarshal(telemetry.AppendJSON(nil, string(text)), &back); err != nil || back != strings.ToValidUTF8(string(text), "\uFFFD") {
				t.Fatalf("%q: %q %v", text, back, err)
			}
		}
	}
}
