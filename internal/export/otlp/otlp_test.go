package otlp

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pmetric"
	collogs "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	colmetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"gatehouse/internal/telemetry"
)

// memory is a queue.
type memory struct {
	mu      sync.Mutex
	waiting []telemetry.Batch
	held    map[uint64]telemetry.Batch
	last    uint64
	arrived chan struct{}
}

func newMemory() *memory {
	return &memory{held: map[uint64]telemetry.Batch{}, arrived: make(chan struct{}, 1000)}
}

func (m *memory) Put(_ context.Context, data []byte, items int) error {
	m.mu.Lock()
	m.last++
	m.waiting = append(m.waiting, telemetry.Batch{ID: m.last, Data: slices.Clone(data), Items: items, Time: time.Now()})
	m.mu.Unlock()
	m.arrived <- struct{}{}
	return nil
}

func (m *memory) Next(ctx context.Context) (telemetry.Batch, error) {
	select {
	case <-m.arrived:
	case <-ctx.Done():
		return telemetry.Batch{}, ctx.Err()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	b := m.waiting[0]
	m.waiting = m.waiting[1:]
	m.held[b.ID] = b
	return b, nil
}

func (m *memory) Done(id uint64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.held, id)
	return nil
}

func (m *memory) Stats() telemetry.QueueStats {
	m.mu.Lock()
	defer m.mu.Unlock()
	return telemetry.QueueStats{Batches: len(m.waiting) + len(m.held)}
}

// receiver is what OpenTelemetry's own definitions generate, over both transports.
type receiver struct {
	coltrace.UnimplementedTraceServiceServer
	collogs.UnimplementedLogsServiceServer
	colmetrics.UnimplementedMetricsServiceServer

	mu      sync.Mutex
	spans   map[string]*tracepb.Span // by name
	res     map[string]*tracepb.ResourceSpans
	logs    []*collogs.ExportLogsServiceRequest
	metrics int
	token   string
	gzip    bool
	tries   int
	// refuse, when not nil, decides about a request of this many items: what it
	// gives is the answer of gRPC, or status and Retry-After of HTTP.
	refuse  func(try, items int) (int, string, error)
	partial int64
}

func newReceiver() *receiver {
	return &receiver{spans: map[string]*tracepb.Span{}, res: map[string]*tracepb.ResourceSpans{}}
}

func (r *receiver) take(items int, keep func()) (int, string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tries++
	if r.refuse != nil {
		if code, after, err := r.refuse(r.tries, items); err != nil || code != 0 {
			return code, after, err
		}
	}
	keep()
	return 0, "", nil
}

func (r *receiver) keepSpans(req *coltrace.ExportTraceServiceRequest) (int, func()) {
	n := 0
	for _, rs := range req.ResourceSpans {
		for _, ss := range rs.ScopeSpans {
			n += len(ss.Spans)
		}
	}
	return n, func() {
		for _, rs := range req.ResourceSpans {
			for _, ss := range rs.ScopeSpans {
				for _, s := range ss.Spans {
					r.spans[s.Name], r.res[s.Name] = s, rs
				}
			}
		}
	}
}

type traceService struct {
	coltrace.UnimplementedTraceServiceServer
	*receiver
}
type logsService struct {
	collogs.UnimplementedLogsServiceServer
	*receiver
}
type metricsService struct {
	colmetrics.UnimplementedMetricsServiceServer
	*receiver
}

func (s traceService) Export(ctx context.Context, req *coltrace.ExportTraceServiceRequest) (*coltrace.ExportTraceServiceResponse, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	s.mu.Lock()
	s.token = strings.Join(md.Get("lightstep-access-token"), ",")
	s.mu.Unlock()
	n, keep := s.keepSpans(req)
	_, _, err := s.take(n, keep)
	return &coltrace.ExportTraceServiceResponse{PartialSuccess: &coltrace.ExportTracePartialSuccess{RejectedSpans: s.partial, ErrorMessage: "secret-token is bad"}}, err
}

func (s logsService) Export(_ context.Context, req *collogs.ExportLogsServiceRequest) (*collogs.ExportLogsServiceResponse, error) {
	_, _, err := s.take(1, func() { s.receiver.logs = append(s.receiver.logs, req) })
	return &collogs.ExportLogsServiceResponse{}, err
}

func (s metricsService) Export(_ context.Context, req *colmetrics.ExportMetricsServiceRequest) (*colmetrics.ExportMetricsServiceResponse, error) {
	_, _, err := s.take(1, func() { s.receiver.metrics += len(req.ResourceMetrics) })
	return &colmetrics.ExportMetricsServiceResponse{}, err
}

func (r *receiver) serveGRPC(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer()
	coltrace.RegisterTraceServiceServer(s, traceService{receiver: r})
	collogs.RegisterLogsServiceServer(s, logsService{receiver: r})
	colmetrics.RegisterMetricsServiceServer(s, metricsService{receiver: r})
	go func() { _ = s.Serve(l) }()
	t.Cleanup(s.Stop)
	return "http://" + l.Addr().String()
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	var body io.Reader = q.Body
	if q.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(q.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		body = z
	}
	data, _ := io.ReadAll(body)
	r.mu.Lock()
	r.token, r.gzip = q.Header.Get("lightstep-access-token"), q.Header.Get("Content-Encoding") == "gzip"
	r.mu.Unlock()
	items, keep := 1, func() {}
	var bad error
	answer := []byte{}
	switch q.URL.Path {
	case "/v1/traces":
		var req coltrace.ExportTraceServiceRequest
		bad = proto.Unmarshal(data, &req)
		items, keep = r.keepSpans(&req)
		answer, _ = proto.Marshal(&coltrace.ExportTraceServiceResponse{PartialSuccess: &coltrace.ExportTracePartialSuccess{RejectedSpans: r.partial, ErrorMessage: "secret-token is bad"}})
	case "/v1/logs":
		req := &collogs.ExportLogsServiceRequest{}
		bad = proto.Unmarshal(data, req)
		keep = func() { r.logs = append(r.logs, req) }
	case "/v1/metrics":
		var req colmetrics.ExportMetricsServiceRequest
		bad = proto.Unmarshal(data, &req)
		keep = func() { r.metrics += len(req.ResourceMetrics) }
	default:
		bad = errors.New("no such path")
	}
	if bad != nil || q.Header.Get("Content-Type") != "application/x-protobuf" {
		http.Error(w, fmt.Sprint(bad), http.StatusBadRequest)
		return
	}
	code, after, _ := r.take(items, keep)
	if code != 0 {
		w.Header().Set("Retry-After", after)
		http.Error(w, "secret-token", code)
		return
	}
	_, _ = w.Write(answer)
}

func (r *receiver) serveHTTP(t *testing.T) string {
	s := httptest.NewServer(r)
	t.Cleanup(s.Close)
	return s.URL
}

func (r *receiver) count() (spans, logs, metrics, tries int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.spans), len(r.logs), r.metrics, r.tries
}

// both runs a test over each transport.
func both(t *testing.T, test func(t *testing.T, r *receiver, e *Exporter)) {
	for _, protocol := range []string{GRPC, HTTP} {
		t.Run(protocol, func(t *testing.T) {
			r := newReceiver()
			at := ""
			if protocol == GRPC {
				at = r.serveGRPC(t)
			} else {
				at = r.serveHTTP(t)
			}
			test(t, r, open(t, Options{Endpoint: at, Protocol: protocol}))
		})
	}
}

func open(t *testing.T, o Options) *Exporter {
	t.Helper()
	o.Name, o.BatchDelay, o.FirstPause = "test", 5*time.Millisecond, time.Millisecond
	o.Headers = map[string]string{"lightstep-access-token": "secret-token"}
	if o.Queue == nil {
		o.Queue = newMemory()
	}
	e, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = e.Close(ctx)
	})
	return e
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 30 s", what)
		}
	}
}

const traceHex = "0102030405060708090a0b0c0d0e0f10"

func exchange() telemetry.Span {
	return telemetry.Span{
		Time: 1_000_000_000, Duration: 50_000_000, TraceID: traceHex, SpanID: "0102030405060708", ParentSpanID: "1112131415161718", Name: "orders;rev=1 - get", Kind: "server",
		Status: "error", StatusText: "BackendConnectionFailure", Service: "demo", Instance: "node-1", Source: "gateway", API: "orders", Product: "gold", Method: "GET", StatusCode: 502,
		Scheme: "https", Host: "api.example", Path: "/orders/1", Route: "/orders/{id}", Resource: `{"service.name":"demo","cloud.region":"west"}`, SampleWeight: 10,
		Attributes: `{"enduser.id":"u1","gatehouse.dropped_steps":3}`, ErrorReason: "BackendConnectionFailure",
		Pipeline: `[{"name":"forward-request","section":"backend","scope":"api","file":"p.xml","line":7,"parent":-1}]`,
		Steps:    telemetry.AppendSteps(nil, []telemetry.Step{{Index: 0, Start: 1_000_000, Duration: 40_000_000, Outcome: telemetry.OutcomeError}}),
		Calls:    []telemetry.CallRow{{SpanID: "2122232425262728", Source: "forward-request", Method: "GET", URL: "http://b.example/1", Target: "b.example", Status: 0, Attempt: 2, Offset: 2_000_000, Duration: 30_000_000, Outcome: "error", Error: "connection refused"}},
	}
}

func attributes(list []*common.KeyValue) map[string]string {
	out := map[string]string{}
	for _, kv := range list {
		switch v := kv.Value.Value.(type) {
		case *common.AnyValue_StringValue:
			out[kv.Key] = v.StringValue
		case *common.AnyValue_IntValue:
			out[kv.Key] = fmt.Sprint(v.IntValue)
		case *common.AnyValue_BoolValue:
			out[kv.Key] = fmt.Sprint(v.BoolValue)
		default:
			out[kv.Key] = kv.Value.String()
		}
	}
	return out
}

// A request becomes its span and those nested in it; what came over OTLP goes
// out as it came.
func TestSpans(t *testing.T) {
	both(t, func(t *testing.T, r *receiver, e *Exporter) {
		received := telemetry.Span{Time: 5, Duration: 6, TraceID: traceHex, SpanID: "3132333435363738", Name: "work", Kind: "consumer", Status: "unset", Service: "svc", Source: "otlp",
			Resource: `{"service.name":"svc","n":3}`, Attributes: `{"otel.scope.name":"lib","otel.scope.version":"2","w3c.tracestate":"a=b","list":[1,"x"],"ok":true}`, SampleWeight: 1,
			Events: `[{"time":7,"name":"exception","attributes":{"exception.type":"E"}}]`, Links: `[{"trace_id":"` + traceHex + `","span_id":"4142434445464748","attributes":{}}]`}
		copied := received
		copied.Source, copied.Name = sourceCopy, "copied"
		if err := e.Spans(t.Context(), []telemetry.Span{exchange(), received, copied}); err != nil {
			t.Fatal(err)
		}
		eventually(t, "spans", func() bool { n, _, _, _ := r.count(); return n == 4 && e.Status().Sent == 4 })
		r.mu.Lock()
		defer r.mu.Unlock()
		request, statement, call, work := r.spans["orders;rev=1 - get"], r.spans["forward-request"], r.spans["GET b.example (attempt 2)"], r.spans["work"]
		if request == nil || statement == nil || call == nil || work == nil || r.token != "secret-token" {
			t.Fatalf("%v %q", r.spans, r.token)
		}
		if string(statement.ParentSpanId) != string(request.SpanId) || string(call.ParentSpanId) != string(statement.SpanId) || fmt.Sprintf("%x", request.TraceId) != traceHex ||
			fmt.Sprintf("%x", request.ParentSpanId) != "1112131415161718" || call.StartTimeUnixNano != 1_002_000_000 || call.EndTimeUnixNano != 1_032_000_000 {
			t.Errorf("%v\n%v\n%v", request, statement, call)
		}
		a := attributes(request.Attributes)
		for name, want := range map[string]string{"http.request.method": "GET", "http.route": "/orders/{id}", "http.response.status_code": "502", "gatehouse.api": "orders", "gatehouse.product": "gold",
			"enduser.id": "u1", "error.type": "BackendConnectionFailure", "gatehouse.item_count": "10"} {
			if a[name] != want {
				t.Errorf("%s is %q, not %q", name, a[name], want)
			}
		}
		if request.Kind != tracepb.Span_SPAN_KIND_SERVER || request.Status.Code != tracepb.Status_STATUS_CODE_ERROR || call.Kind != tracepb.Span_SPAN_KIND_CLIENT {
			t.Errorf("%v %v %v", request.Kind, request.Status, call.Kind)
		}
		if a := attributes(statement.Attributes); a["gatehouse.policy.section"] != "backend" || a["gatehouse.policy.line"] != "7" {
			t.Errorf("%v", a)
		}
		if a := attributes(r.res["work"].Resource.Attributes); a["n"] != "3" || r.res["work"].ScopeSpans[0].Scope.Name != "lib" || r.res["work"].ScopeSpans[0].Scope.Version != "2" {
			t.Errorf("%v %v", a, r.res["work"])
		}
		if work.TraceState != "a=b" || len(work.Events) != 1 || work.Events[0].TimeUnixNano != 7 || len(work.Links) != 1 || len(work.Attributes) != 2 || work.Kind != tracepb.Span_SPAN_KIND_CONSUMER {
			t.Errorf("%v", work)
		}
		if s := e.Status(); s.Sent != 4 || len(s.Dropped) > 0 || s.Kind != "otlp" {
			t.Errorf("%+v", s)
		}
	})
}

func TestLogsAndMetrics(t *testing.T) {
	both(t, func(t *testing.T, r *receiver, e *Exporter) {
		rows := []telemetry.LogRecord{
			{Time: 9, TraceID: traceHex, SpanID: "3132333435363738", Severity: "warning", SeverityNumber: 14, Body: "careful", Service: "svc", Source: "otlp", Scope: "lib", Attributes: `{"a":1.5}`},
			{Time: 10, TraceID: "operation-of-old", Type: telemetry.TypeException, Source: "track", Item: `{"type":"E","outerMessage":"m"}`},
		}
		if err := e.Logs(t.Context(), rows); err != nil {
			t.Fatal(err)
		}
		m := pmetric.NewMetrics()
		g := m.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
		g.SetName("g")
		g.SetEmptyGauge().DataPoints().AppendEmpty().SetDoubleValue(2)
		if err := e.Metrics(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		eventually(t, "logs and metrics", func() bool { _, l, m, _ := r.count(); return l == 1 && m == 1 })
		r.mu.Lock()
		defer r.mu.Unlock()
		first := r.logs[0].ResourceLogs[0].ScopeLogs[0]
		l := first.LogRecords[0]
		if first.Scope.Name != "lib" || l.Body.GetStringValue() != "careful" || l.SeverityNumber != 14 || fmt.Sprintf("%x", l.TraceId) != traceHex || l.Attributes[0].Value.GetDoubleValue() != 1.5 {
			t.Errorf("%v", first)
		}
		x := r.logs[0].ResourceLogs[1].ScopeLogs[0].LogRecords[0]
		if a := attributes(x.Attributes); a["exception.type"] != "E" || a["exception.message"] != "m" || a["gatehouse.type"] != "exception" || len(x.TraceId) != 16 {
			t.Errorf("%v", x)
		}
	})
}

// What is refused for now is sent again, what is refused for good is counted,
// and nothing of what the receiver says is shown.
func TestAnswers(t *testing.T) {
	retry := status.New(codes.ResourceExhausted, "secret-token")
	told, err := retry.WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(20 * time.Millisecond)})
	if err != nil {
		t.Fatal(err)
	}
	type answers struct {
		grpc  error
		code  int
		after string
	}
	until := func(n int, a answers) func(int, int) (int, string, error) {
		return func(try, _ int) (int, string, error) {
			if try <= n {
				return a.code, a.after, a.grpc
			}
			return 0, "", nil
		}
	}
	for name, c := range map[string]struct {
		refuse  func(int, int) (int, string, error)
		partial int64
		sent    int64
		dropped map[string]int64
	}{
		"away for a while":       {until(3, answers{status.Error(codes.Unavailable, "secret-token"), 503, ""}), 0, 4, nil},
		"told when to come":      {until(2, answers{told.Err(), 429, "0"}), 0, 4, nil},
		"credentials are mended": {until(2, answers{status.Error(codes.Unauthenticated, "secret-token"), 401, ""}), 0, 4, nil},
		"not understood":         {until(1000, answers{status.Error(codes.InvalidArgument, "secret-token"), 400, ""}), 0, 0, map[string]int64{"rejected": 4}},
		"fails at this request":  {until(1000, answers{status.Error(codes.Internal, "secret-token"), 500, ""}), 0, 0, map[string]int64{"many-tries": 4}},
		"partial success":        {nil, 3, 1, map[string]int64{"rejected": 3}},
		"too large": {func(_, items int) (int, string, error) {
			if items > 1 {
				return 413, "", status.Error(codes.ResourceExhausted, "secret-token")
			}
			return 0, "", nil
		}, 0, 4, nil},
		"too large alone": {until(1000, answers{status.Error(codes.ResourceExhausted, "secret-token"), 413, ""}), 0, 0, map[string]int64{"too-large": 4}},
	} {
		t.Run(name, func(t *testing.T) {
			both(t, func(t *testing.T, r *receiver, e *Exporter) {
				r.mu.Lock()
				r.refuse, r.partial = c.refuse, c.partial
				r.mu.Unlock()
				rows := make([]telemetry.Span, 4)
				for n := range rows {
					rows[n] = telemetry.Span{Time: 5, TraceID: traceHex, SpanID: fmt.Sprintf("%016x", n+1), Name: fmt.Sprint("s", n), Source: "otlp", Resource: fmt.Sprintf(`{"n":%d}`, n/2)}
				}
				if err := e.Spans(t.Context(), rows); err != nil {
					t.Fatal(err)
				}
				total := func() (n int64) {
					s := e.Status()
					for _, d := range s.Dropped {
						n += d
					}
					return n + s.Sent
				}
				eventually(t, "an end", func() bool { return total() == 4 })
				s := e.Status()
				if s.Sent != c.sent || fmt.Sprint(s.Dropped) != fmt.Sprint(notNil(c.dropped)) {
					t.Errorf("sent %d, dropped %v", s.Sent, s.Dropped)
				}
				if n, _, _, _ := r.count(); c.partial == 0 && n != int(c.sent) {
					t.Errorf("%d spans arrived", n)
				}
				if strings.Contains(s.LastError, "secret") {
					t.Errorf("shown: %s", s.LastError)
				}
				if len(c.dropped) > 0 && s.LastError == "" {
					t.Error("the reason is not told")
				}
			})
		})
	}
}

func notNil(m map[string]int64) map[string]int64 {
	if m == nil {
		return map[string]int64{}
	}
	return m
}

// Headers never follow a redirect.
func TestRedirectIsNotFollowed(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("called with %v", r.Header)
	}))
	defer other.Close()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
	}))
	defer s.Close()
	e := open(t, Options{Endpoint: s.URL, Protocol: HTTP})
	if err := e.Spans(t.Context(), []telemetry.Span{{TraceID: traceHex, SpanID: "0102030405060708", Source: "otlp"}}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "an error", func() bool { return strings.Contains(e.Status().LastError, "redirects") })
}

// A receiver whose certificate is not trusted gets nothing.
func TestUntrusted(t *testing.T) {
	s := httptest.NewUnstartedServer(newReceiver())
	s.EnableHTTP2, s.Config.ErrorLog = true, log.New(io.Discard, "", 0)
	s.StartTLS()
	defer s.Close()
	for _, protocol := range []string{GRPC, HTTP} {
		e := open(t, Options{Endpoint: s.URL, Protocol: protocol})
		if err := e.Spans(t.Context(), []telemetry.Span{{TraceID: traceHex, SpanID: "0102030405060708", Source: "otlp"}}); err != nil {
			t.Fatal(err)
		}
		eventually(t, "an error", func() bool {
			s := e.Status()
			return s.Sent == 0 && strings.Contains(s.LastError, "certificate")
		})
	}
}

func TestBadOptions(t *testing.T) {
	for _, o := range []Options{{}, {Endpoint: "collector:4317"}, {Endpoint: "ftp://x"}, {Endpoint: "http://u:p@x"}, {Endpoint: "http://x/path"}, {Endpoint: "http://x", Protocol: "http/json"},
		{Endpoint: "http://x", Headers: map[string]string{"a": "secret\n"}}} {
		o.Queue = newMemory()
		if _, err := New(o); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

func FuzzUnframe(f *testing.F) {
	f.Add(frame(frame(nil, traces, 2, []byte("ab")), logs, 1, nil))
	f.Add([]byte{1, 0, 0, 0, 0, 255, 255, 255, 255})
	f.Fuzz(func(t *testing.T, data []byte) {
		parts, err := unframe(data)
		if err != nil {
			return
		}
		n := 0
		for _, p := range parts {
			n += len(p.request)
		}
		if n > len(data) {
			t.Errorf("%d bytes of %d", n, len(data))
		}
	})
}
