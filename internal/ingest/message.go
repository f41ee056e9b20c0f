package ingest

import "gatehouse/internal/telemetry"

// messages appends only the log records of an exchange whose row is left out.
func (r *rowBuilder) messages(b *batch, to *route, t *template, e *telemetry.Exchange) {
	if len(e.Events) == 0 || to.cap.full(false) {
		return
	}
	r.begin(b, e)
	s := t.span
	s.Time, s.Subscription, s.Source, s.Workspace = e.Start.UnixNano(), e.Subscription, to.source, to.to.Workspace
	r.logs(e, &s, to)
	r.settle()
}

// logs makes a log record of each event that the diagnostics keep.
func (r *rowBuilder) logs(e *telemetry.Exchange, s *telemetry.Span, to *route) {
	b := r.batch
	first := len(b.logs)
	for n := range e.Events {
		v := &e.Events[n]
		if v.Severity < to.view.verbosity {
			continue
		}
		name, number := severity(v.Severity)
		b.logs = append(b.logs, telemetry.LogRecord{
			Time: s.Time + v.At, Severity: name, SeverityNumber: number, Body: clip(v.Message, maxBody), Service: s.Service, Instance: s.Instance,
			Source: s.Source, Workspace: s.Workspace, API: s.API, Operation: s.Operation, Product: s.Product, Subscription: s.Subscription, Scope: v.Source, Resource: s.Resource,
			Attributes: metadata(v.Metadata), SampleWeight: 1,
		})
	}
	// Only now: appending may have moved the records.
	for n := first; n < len(b.logs); n++ {
		r.operation(&b.logs[n].TraceID, e)
		r.hex(&b.logs[n].SpanID, e.SpanID[:])
		if to.cap != nil {
			to.cap.take(logSize(&b.logs[n]))
		}
	}
}

func severity(s telemetry.Severity) (string, int32) {
	switch s {
	case telemetry.SeverityVerbose:
		return "debug", 5
	case telemetry.SeverityInformation:
		return "information", 9
	case telemetry.SeverityWarning:
		return "warning", 13
	}
	return "error", 17
}
