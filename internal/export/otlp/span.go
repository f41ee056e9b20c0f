package otlp

import (
	"context"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"

	"gatehouse/internal/telemetry"
	"gatehouse/internal/telemetry/expand"
)

const (
	sourceGateway = "gateway"
	sourceCopy    = "gateway-copy" // the same request in a second workspace of this process
	gatewayScope  = "gatehouse.gateway"
)

// scopeKey is what spans or records are grouped by.
type scopeKey struct{ resource, service, instance, name, version string }

// Spans queues spans. A request through the gateway becomes its span and one
// for each policy statement and backend call.
func (e *Exporter) Spans(ctx context.Context, rows []telemetry.Span) error {
	out := ptrace.NewTraces()
	groups := map[scopeKey]ptrace.SpanSlice{}
	for n := range rows {
		row := &rows[n]
		if row.Source == sourceCopy {
			continue
		}
		attributes := parsed(row.Attributes)
		key := scopeKey{row.Resource, row.Service, row.Instance, gatewayScope, ""}
		if row.Source != sourceGateway {
			key.name, key.version = takeScope(attributes)
		}
		to, known := groups[key]
		if !known {
			rs := out.ResourceSpans().AppendEmpty()
			resource(rs.Resource(), key)
			scope := rs.ScopeSpans().AppendEmpty()
			scope.Scope().SetName(key.name)
			scope.Scope().SetVersion(key.version)
			to = scope.Spans()
			groups[key] = to
		}
		span(to.AppendEmpty(), row, attributes)
		nested(to, row)
	}
	data, err := ptraceotlp.NewExportRequestFromTraces(out).MarshalProto()
	return e.put(ctx, traces, data, out.SpanCount(), err)
}

// takeScope takes the instrumentation scope out of attributes, where it is stored.
func takeScope(attributes object) (name, version string) {
	name, version = text(attributes["otel.scope.name"]), text(attributes["otel.scope.version"])
	delete(attributes, "otel.scope.name")
	delete(attributes, "otel.scope.version")
	return name, version
}

func resource(to pcommon.Resource, key scopeKey) {
	fill(to.Attributes(), parsed(key.resource))
	set(to.Attributes(), "service.name", key.service)
	set(to.Attributes(), "service.instance.id", key.instance)
}

func span(s ptrace.Span, row *telemetry.Span, attributes object) {
	s.SetTraceID(traceID(row.TraceID))
	s.SetSpanID(spanID(row.SpanID))
	s.SetParentSpanID(spanID(row.ParentSpanID))
	s.SetName(row.Name)
	s.SetKind(kind(row.Kind))
	times(s, row.Time, row.Time+max(row.Duration, 0))
	setStatus(s, row.Status, row.StatusText)
	s.TraceState().FromRaw(text(attributes["w3c.tracestate"]))
	delete(attributes, "w3c.tracestate")
	s.SetDroppedAttributesCount(dropped(attributes, "otel.dropped_attributes_count"))
	s.SetDroppedEventsCount(dropped(attributes, "otel.dropped_events_count"))
	s.SetDroppedLinksCount(dropped(attributes, "otel.dropped_links_count"))
	fill(s.Attributes(), attributes)
	columns(s.Attributes(), row)
	events(s, row)
	links(s, row)
}

func dropped(attributes object, name string) uint32 {
	n := number(attributes[name])
	delete(attributes, name)
	return uint32(max(0, min(n, 1<<31)))
}

func times(s ptrace.Span, from, to int64) {
	s.SetStartTimestamp(pcommon.Timestamp(max(from, 0)))
	s.SetEndTimestamp(pcommon.Timestamp(max(to, 0)))
}

func kind(word string) ptrace.SpanKind {
	switch word {
	case "server":
		return ptrace.SpanKindServer
	case "client":
		return ptrace.SpanKindClient
	case "producer":
		return ptrace.SpanKindProducer
	case "consumer":
		return ptrace.SpanKindConsumer
	}
	return ptrace.SpanKindInternal
}

func setStatus(s ptrace.Span, word, message string) {
	switch word {
	case "ok":
		s.Status().SetCode(ptrace.StatusCodeOk)
	case "error":
		s.Status().SetCode(ptrace.StatusCodeError)
		s.Status().SetMessage(message)
	}
}

// columns puts what the lake keeps as columns back under OpenTelemetry's names.
func columns(to pcommon.Map, row *telemetry.Span) {
	set(to, "http.request.method", row.Method)
	set(to, "http.route", row.Route)
	set(to, "url.scheme", row.Scheme)
	set(to, "url.path", row.Path)
	set(to, "url.query", row.Query)
	set(to, "server.address", row.Host)
	set(to, "client.address", row.ClientIP)
	set(to, "user_agent.original", row.UserAgent)
	set(to, "error.type", row.ErrorReason)
	setInt(to, "http.response.status_code", int64(row.StatusCode))
	if row.SampleWeight > 1 {
		setInt(to, "gatehouse.item_count", int64(row.SampleWeight))
	}
	switch row.Source {
	case sourceGateway:
		gatewayColumns(to, row)
	case "track":
		set(to, "gatehouse.call.type", row.CallType)
		set(to, "gatehouse.call.target", row.Target)
		set(to, "gatehouse.call.data", row.Data)
		set(to, "gatehouse.result_code", row.ResultCode)
		for name, v := range parsed(row.Measurements) {
			value(to.PutEmpty("gatehouse.measurement."+name), v)
		}
		for name, v := range parsed(row.Tags) {
			value(to.PutEmpty("gatehouse.tag."+name), v)
		}
	}
}

func gatewayColumns(to pcommon.Map, row *telemetry.Span) {
	setInt(to, "http.request.body.size", row.RequestBytes)
	setInt(to, "http.response.body.size", row.ResponseBytes)
	for _, one := range [...][2]string{
		{"request.id", row.RequestID}, {"api", row.API}, {"api.name", row.APIName}, {"api.revision", row.APIRevision}, {"operation", row.Operation},
		{"operation.name", row.OperationName}, {"product", row.Product}, {"subscription", row.Subscription}, {"outcome", row.Outcome},
		{"error.source", row.ErrorSource}, {"error.message", row.ErrorMessage}, {"error.where", row.ErrorWhere},
	} {
		set(to, "gatehouse."+one[0], one[1])
	}
	setInt(to, "gatehouse.backend.duration_ns", row.BackendTime)
	setInt(to, "gatehouse.policy.duration_ns", row.PolicyTime)
}

func events(s ptrace.Span, row *telemetry.Span) {
	for _, v := range list(row.Events) {
		e := s.Events().AppendEmpty()
		e.SetName(text(v["name"]))
		e.SetTimestamp(pcommon.Timestamp(max(number(v["time"]), 0)))
		attributes, _ := v["attributes"].(object)
		e.SetDroppedAttributesCount(dropped(attributes, "otel.dropped_attributes_count"))
		fill(e.Attributes(), attributes)
	}
}

func links(s ptrace.Span, row *telemetry.Span) {
	for _, v := range list(row.Links) {
		l := s.Links().AppendEmpty()
		l.SetTraceID(traceID(text(v["trace_id"])))
		l.SetSpanID(spanID(text(v["span_id"])))
		attributes, _ := v["attributes"].(object)
		l.SetDroppedAttributesCount(dropped(attributes, "otel.dropped_attributes_count"))
		fill(l.Attributes(), attributes)
	}
}

// nested adds the spans of statements and calls.
func nested(to ptrace.SpanSlice, row *telemetry.Span) {
	statements, calls, _ := expand.Row(row)
	for _, parts := range [][]expand.Part{statements, calls} {
		for n := range parts {
			p := &parts[n]
			s := to.AppendEmpty()
			s.SetTraceID(traceID(row.TraceID))
			s.SetSpanID(spanID(p.SpanID))
			s.SetParentSpanID(spanID(p.ParentSpanID))
			s.SetName(p.Name)
			times(s, p.Start, p.End)
			setStatus(s, p.Status, p.StatusText)
			if p.Call != nil {
				call(s, p.Call)
			} else {
				statement(s, p)
			}
		}
	}
}

func statement(s ptrace.Span, p *expand.Part) {
	s.SetKind(ptrace.SpanKindInternal)
	a, i := s.Attributes(), p.Statement
	for _, one := range [...][2]string{{"section", i.Section}, {"scope", i.Scope}, {"file", i.File}, {"id", i.ID}, {"fragment", i.Fragment}, {"outcome", p.Outcome}} {
		set(a, "gatehouse.policy."+one[0], one[1])
	}
	setInt(a, "gatehouse.policy.line", int64(i.Line))
}

func call(s ptrace.Span, c *telemetry.CallRow) {
	s.SetKind(ptrace.SpanKindClient)
	a := s.Attributes()
	set(a, "http.request.method", c.Method)
	set(a, "url.full", c.URL)
	set(a, "server.address", c.Target)
	setInt(a, "http.response.status_code", int64(c.Status))
	setInt(a, "http.request.resend_count", int64(max(c.Attempt-1, 0)))
	set(a, "gatehouse.backend", c.Backend)
	set(a, "gatehouse.call.source", c.Source)
	set(a, "gatehouse.outcome", c.Outcome)
	set(a, "error.type", c.Error)
}
