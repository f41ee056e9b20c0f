package otlp

import (
	"context"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"

	"gatehouse/internal/telemetry"
)

// Logs queues log records, and the items of Application Insights that are not
// spans as records with an event name.
func (e *Exporter) Logs(ctx context.Context, rows []telemetry.LogRecord) error {
	out := plog.NewLogs()
	groups := map[scopeKey]plog.LogRecordSlice{}
	for n := range rows {
		row := &rows[n]
		if row.Source == sourceCopy {
			continue
		}
		attributes := parsed(row.Attributes)
		_, version := takeScope(attributes)
		key := scopeKey{row.Resource, row.Service, row.Instance, row.Scope, version}
		if row.Source == sourceGateway {
			key.name = gatewayScope
		}
		to, known := groups[key]
		if !known {
			rl := out.ResourceLogs().AppendEmpty()
			resource(rl.Resource(), key)
			scope := rl.ScopeLogs().AppendEmpty()
			scope.Scope().SetName(key.name)
			scope.Scope().SetVersion(key.version)
			to = scope.LogRecords()
			groups[key] = to
		}
		record(to.AppendEmpty(), row, attributes)
	}
	data, err := plogotlp.NewExportRequestFromLogs(out).MarshalProto()
	return e.put(ctx, logs, data, out.LogRecordCount(), err)
}

func record(l plog.LogRecord, row *telemetry.LogRecord, attributes object) {
	at := pcommon.Timestamp(max(row.Time, 0))
	l.SetTimestamp(at)
	l.SetObservedTimestamp(at)
	l.SetTraceID(traceID(row.TraceID))
	l.SetSpanID(spanID(row.SpanID))
	l.SetSeverityNumber(plog.SeverityNumber(row.SeverityNumber))
	l.SetSeverityText(severityText(row, attributes))
	l.SetEventName(row.EventName)
	if row.Body != "" {
		l.Body().SetStr(row.Body)
	}
	l.SetDroppedAttributesCount(dropped(attributes, "otel.dropped_attributes_count"))
	a := l.Attributes()
	fill(a, attributes)
	set(a, "gatehouse.api", row.API)
	set(a, "gatehouse.operation", row.Operation)
	set(a, "gatehouse.product", row.Product)
	set(a, "gatehouse.subscription", row.Subscription)
	if row.Source == sourceGateway {
		set(a, "gatehouse.trace.source", row.Scope)
	}
	if row.SampleWeight > 1 {
		setInt(a, "gatehouse.item_count", int64(row.SampleWeight))
	}
	item(a, row)
}

// severityText is the sender's own word where it was kept.
func severityText(row *telemetry.LogRecord, attributes object) string {
	own := text(attributes["severity_text"])
	delete(attributes, "severity_text")
	if own != "" {
		return own
	}
	return row.Severity
}

// item adds what the types of Application Insights have beside a message.
func item(a pcommon.Map, row *telemetry.LogRecord) {
	set(a, "gatehouse.type", row.Type)
	own := parsed(row.Item)
	for name, v := range own {
		value(a.PutEmpty("gatehouse.item."+name), v)
	}
	for name, v := range parsed(row.Measurements) {
		value(a.PutEmpty("gatehouse.measurement."+name), v)
	}
	for name, v := range parsed(row.Tags) {
		value(a.PutEmpty("gatehouse.tag."+name), v)
	}
	if row.Type != telemetry.TypeException {
		return
	}
	set(a, "exception.type", text(own["type"]))
	set(a, "exception.type", text(own["outerType"]))
	set(a, "exception.message", text(own["outerMessage"]))
}
