package otlp

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"gatehouse/internal/telemetry"
)

// store is a telemetry.Rows in memory.
type store struct {
	mu             sync.Mutex
	spans          []telemetry.Span
	logs           []telemetry.LogRecord
	points         int
	err            error         // of every write
	entered, leave chan struct{} // when set, a write reports itself and waits
}

func (s *store) wait() {
	if s.entered != nil {
		s.entered <- struct{}{}
		<-s.leave
	}
}

func (s *store) Spans(_ context.Context, spans []telemetry.Span) error {
	s.wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.spans = append(s.spans, slices.Clone(spans)...)
	}
	return s.err
}

func (s *store) Logs(_ context.Context, logs []telemetry.LogRecord) error {
	s.wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.logs = append(s.logs, slices.Clone(logs)...)
	}
	return s.err
}

func (s *store) Metrics(_ context.Context, md pmetric.Metrics) error {
	s.wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.points += md.DataPointCount()
	}
	return s.err
}

func instant() time.Time { return time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC) }

func (s *store) options() Options {
	return Options{Rows: s, Metrics: s.Metrics, Now: instant}
}

// someTraces makes n spans that can be rows.
func someTraces(n int) ptrace.Traces {
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	rs.Resource().Attributes().PutStr("service.name", "shop")
	rs.Resource().Attributes().PutStr("service.instance.id", "shop-1")
	ss := rs.ScopeSpans().AppendEmpty()
	ss.Scope().SetName("http")
	start := instant().Add(-time.Minute)
	for i := range n {
		s := ss.Spans().AppendEmpty()
		s.SetTraceID(pcommon.TraceID{1, byte(i), byte(i >> 8)})
		s.SetSpanID(pcommon.SpanID{2, byte(i), byte(i >> 8)})
		s.SetName("GET /pets/{id}")
		s.SetKind(ptrace.SpanKindServer)
		s.SetStartTimestamp(pcommon.NewTimestampFromTime(start))
		s.SetEndTimestamp(pcommon.NewTimestampFromTime(start.Add(25 * time.Millisecond)))
		a := s.Attributes()
		a.PutStr("http.request.method", "GET")
		a.PutStr("http.route", "/pets/{id}")
		a.PutStr("url.path", "/pets/7")
		a.PutStr("url.scheme", "https")
		a.PutStr("server.address", "pets.example")
		a.PutInt("http.response.status_code", 200)
		a.PutStr("user_agent.original", "curl/8")
		a.PutStr("db.system", "postgresql")
		a.PutInt("db.rows", int64(i))
		a.PutStr("thread.name", "worker")
	}
	return td
}

func someLogs(n int) plog.Logs {
	ld := plog.NewLogs()
	sl := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty()
	for range n {
		l := sl.LogRecords().AppendEmpty()
		l.SetTimestamp(pcommon.NewTimestampFromTime(instant()))
		l.SetSeverityNumber(plog.SeverityNumberWarn)
		l.Body().SetStr("stock is low")
	}
	return ld
}

func someMetrics(n int) pmetric.Metrics {
	md := pmetric.NewMetrics()
	m := md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	m.SetName("queue.length")
	points := m.SetEmptyGauge().DataPoints()
	for range n {
		p := points.AppendEmpty()
		p.SetIntValue(3)
		p.SetTimestamp(pcommon.NewTimestampFromTime(instant()))
	}
	return md
}

func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func BenchmarkSpansToRows(b *testing.B) {
	td := someTraces(1000)
	o := DefaultOptions()
	b.ReportAllocs()
	for b.Loop() {
		rows, _ := newRowBuilder(&o).spans(td)
		if len(rows) != 1000 {
			b.Fatal(len(rows))
		}
	}
}
