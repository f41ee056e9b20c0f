package otlp

import (
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
)

// halves cuts a request in two, by spans, records or metrics. ok is false when
// there is no way to.
func (s signal) halves(p part) (a, b part, ok bool) {
	cut := map[signal]func([]byte, bool) (part, error){traces: halfOfTraces, logs: halfOfLogs, metrics: halfOfMetrics}[s]
	a, errA := cut(p.request, true)
	b, errB := cut(p.request, false)
	return a, b, errA == nil && errB == nil && a.items > 0 && b.items > 0
}

// keeper tells which of n things to remove, one after the other, so that the
// first or the second half stays.
func keeper(n int, first bool) func() bool {
	at := 0
	return func() bool {
		at++
		return (at <= n/2) != first
	}
}

func halfOfTraces(request []byte, first bool) (part, error) {
	r := ptraceotlp.NewExportRequest()
	if err := r.UnmarshalProto(request); err != nil {
		return part{}, err
	}
	drop := keeper(r.Traces().SpanCount(), first)
	r.Traces().ResourceSpans().RemoveIf(func(rs ptrace.ResourceSpans) bool {
		rs.ScopeSpans().RemoveIf(func(ss ptrace.ScopeSpans) bool {
			ss.Spans().RemoveIf(func(ptrace.Span) bool { return drop() })
			return ss.Spans().Len() == 0
		})
		return rs.ScopeSpans().Len() == 0
	})
	body, err := r.MarshalProto()
	return part{body, r.Traces().SpanCount()}, err
}

func halfOfLogs(request []byte, first bool) (part, error) {
	r := plogotlp.NewExportRequest()
	if err := r.UnmarshalProto(request); err != nil {
		return part{}, err
	}
	drop := keeper(r.Logs().LogRecordCount(), first)
	r.Logs().ResourceLogs().RemoveIf(func(rl plog.ResourceLogs) bool {
		rl.ScopeLogs().RemoveIf(func(sl plog.ScopeLogs) bool {
			sl.LogRecords().RemoveIf(func(plog.LogRecord) bool { return drop() })
			return sl.LogRecords().Len() == 0
		})
		return rl.ScopeLogs().Len() == 0
	})
	body, err := r.MarshalProto()
	return part{body, r.Logs().LogRecordCount()}, err
}

func halfOfMetrics(request []byte, first bool) (part, error) {
	r := pmetricotlp.NewExportRequest()
	if err := r.UnmarshalProto(request); err != nil {
		return part{}, err
	}
	drop := keeper(r.Metrics().MetricCount(), first)
	r.Metrics().ResourceMetrics().RemoveIf(func(rm pmetric.ResourceMetrics) bool {
		rm.ScopeMetrics().RemoveIf(func(sm pmetric.ScopeMetrics) bool {
			sm.Metrics().RemoveIf(func(pmetric.Metric) bool { return drop() })
			return sm.Metrics().Len() == 0
		})
		return rm.ScopeMetrics().Len() == 0
	})
	body, err := r.MarshalProto()
	return part{body, r.Metrics().DataPointCount()}, err
}
