package otlp

import (
	"encoding/hex"

	"go.opentelemetry.io/collector/pdata/ptrace"

	"gatehouse/internal/telemetry"
)

// spans makes the rows of a request; spans that cannot be rows are counted.
func (b *rowBuilder) spans(td ptrace.Traces) ([]telemetry.Span, refusals) {
	rows := make([]telemetry.Span, 0, td.SpanCount())
	var refused refusals
	for _, rs := range td.ResourceSpans().All() {
		from := b.origin(rs.Resource())
		for _, ss := range rs.ScopeSpans().All() {
			from.setScope(ss.Scope())
			for _, s := range ss.Spans().All() {
				why, ok := b.refuse(s)
				if !ok {
					refused[why]++
					continue
				}
				rows = append(rows, telemetry.Span{})
				b.span(&rows[len(rows)-1], s, &from)
			}
		}
	}
	return rows, refused
}

func (b *rowBuilder) refuse(s ptrace.Span) (why reason, ok bool) {
	switch {
	case s.TraceID().IsEmpty():
		return zeroTraceID, false
	case s.SpanID().IsEmpty():
		return zeroSpanID, false
	case s.EndTimestamp() != 0 && s.EndTimestamp() < s.StartTimestamp():
		return endsBeforeStart, false
	}
	return 0, true
}

func (b *rowBuilder) span(row *telemetry.Span, s ptrace.Span, from *origin) {
	row.Source, row.SampleWeight = "otlp", 1
	row.Service, row.Instance, row.Resource = from.service, from.instance, from.resource
	setIDs(row, s)
	row.Time, row.Duration = b.times(s)
	row.Name, row.Kind = clean(s.Name(), maxNameBytes), kindOf(s.Kind())
	row.Status, row.StatusText = statusOf(s.Status().Code()), clean(s.Status().Message(), maxNameBytes)
	row.Attributes = b.spanAttributes(row, s, from)
	row.Events = b.events(row, s)
	row.Links = b.links(s)
}

// setIDs cuts the three ids from one string.
func setIDs(row *telemetry.Span, s ptrace.Span) {
	var text [64]byte
	trace, id, parent := s.TraceID(), s.SpanID(), s.ParentSpanID()
	hex.Encode(text[:32], trace[:])
	hex.Encode(text[32:48], id[:])
	hex.Encode(text[48:], parent[:])
	all := string(text[:])
	row.TraceID, row.SpanID = all[:32], all[32:48]
	if !parent.IsEmpty() {
		row.ParentSpanID = all[48:]
	}
}

// times gives start and duration in nanoseconds. A start that is missing or too
// far ahead becomes now; the length is kept where it can be known.
func (b *rowBuilder) times(s ptrace.Span) (start, duration int64) {
	from, to := s.StartTimestamp(), s.EndTimestamp()
	switch {
	case from == 0:
		return b.now, 0
	case b.ahead(from):
		return b.now, int64(min(uint64(max(from, to)-from), uint64(maxAhead)))
	case to == 0:
		return int64(from), 0
	case b.ahead(to):
		return int64(from), max(b.now-int64(from), 0)
	}
	return int64(from), int64(to - from)
}

func (b *rowBuilder) spanAttributes(row *telemetry.Span, s ptrace.Span, from *origin) string {
	w := &b.w
	w.buf = w.buf[:0]
	w.open()
	p := promotion{row: row, w: w}
	dropped := w.attributes(s.Attributes(), p.take)
	if from.scope != "" {
		w.text("otel.scope.name", from.scope)
	}
	if from.version != "" {
		w.text("otel.scope.version", from.version)
	}
	if state := s.TraceState().AsRaw(); state != "" {
		w.text("w3c.tracestate", clip(state, maxNameBytes))
	}
	b.dropped("otel.dropped_attributes_count", dropped, s.DroppedAttributesCount())
	b.dropped("otel.dropped_events_count", s.Events().Len()-b.options.MaxEvents, s.DroppedEventsCount())
	b.dropped("otel.dropped_links_count", s.Links().Len()-b.options.MaxEvents, s.DroppedLinksCount())
	return b.object()
}

// events gives the JSON array of a span's events, and the columns that an
// exception event fills; the last exception is the one that ended the span.
func (b *rowBuilder) events(row *telemetry.Span, s ptrace.Span) string {
	if s.Events().Len() == 0 {
		return ""
	}
	w := &b.w
	w.buf = append(w.buf[:0], '[')
	reason := ""
	for i, e := range s.Events().All() {
		if e.Name() == "exception" {
			reason = b.exception(row, e)
		}
		if i >= b.options.MaxEvents {
			continue
		}
		if i > 0 {
			w.buf = append(w.buf, ',')
		}
		w.open()
		w.number("time", b.clamp(e.Timestamp(), row.Time))
		w.text("name", clip(e.Name(), maxNameBytes))
		w.key("attributes")
		w.open()
		dropped := w.attributes(e.Attributes(), nil)
		b.dropped("otel.dropped_attributes_count", dropped, e.DroppedAttributesCount())
		w.close()
		w.close()
	}
	if row.ErrorReason == "" {
		row.ErrorReason = reason
	}
	w.buf = append(w.buf, ']')
	return string(w.buf)
}

func (b *rowBuilder) exception(row *telemetry.Span, e ptrace.SpanEvent) (reason string) {
	if v, ok := e.Attributes().Get("exception.message"); ok {
		row.ErrorMessage = clean(v.AsString(), b.options.MaxAttributeBytes)
	}
	if v, ok := e.Attributes().Get("exception.type"); ok {
		reason = clean(v.AsString(), maxNameBytes)
	}
	return reason
}

func (b *rowBuilder) links(s ptrace.Span) string {
	if s.Links().Len() == 0 {
		return ""
	}
	w := &b.w
	w.buf = append(w.buf[:0], '[')
	for i, l := range s.Links().All() {
		if i == b.options.MaxEvents {
			break
		}
		if i > 0 {
			w.buf = append(w.buf, ',')
		}
		trace, id := l.TraceID(), l.SpanID()
		w.open()
		w.text("trace_id", hex.EncodeToString(trace[:]))
		w.text("span_id", hex.EncodeToString(id[:]))
		w.key("attributes")
		w.open()
		dropped := w.attributes(l.Attributes(), nil)
		b.dropped("otel.dropped_attributes_count", dropped, l.DroppedAttributesCount())
		w.close()
		w.close()
	}
	w.buf = append(w.buf, ']')
	return string(w.buf)
}

// kindOf gives the kind of a span; one that is not given is internal, as the protocol says.
func kindOf(k ptrace.SpanKind) string {
	switch k {
	case ptrace.SpanKindServer:
		return "server"
	case ptrace.SpanKindClient:
		return "client"
	case ptrace.SpanKindProducer:
		return "producer"
	case ptrace.SpanKindConsumer:
		return "consumer"
	}
	return "internal"
}

func statusOf(c ptrace.StatusCode) string {
	switch c {
	case ptrace.StatusCodeOk:
		return "ok"
	case ptrace.StatusCodeError:
		return "error"
	}
	return "unset"
}
