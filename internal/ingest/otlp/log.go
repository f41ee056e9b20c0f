package otlp

import (
	"encoding/hex"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"gatehouse/internal/telemetry"
)

// logs makes the rows of a request.
func (b *rowBuilder) logs(ld plog.Logs) []telemetry.LogRecord {
	rows := make([]telemetry.LogRecord, 0, ld.LogRecordCount())
	for _, rl := range ld.ResourceLogs().All() {
		from := b.origin(rl.Resource())
		for _, sl := range rl.ScopeLogs().All() {
			from.setScope(sl.Scope())
			for _, l := range sl.LogRecords().All() {
				rows = append(rows, telemetry.LogRecord{})
				b.log(&rows[len(rows)-1], l, &from)
			}
		}
	}
	return rows
}

func (b *rowBuilder) log(row *telemetry.LogRecord, l plog.LogRecord, from *origin) {
	row.Source, row.Service, row.Instance, row.Resource, row.Scope = "otlp", from.service, from.instance, from.resource, from.scope
	row.Time = b.clamp(l.Timestamp(), b.clamp(l.ObservedTimestamp(), b.now))
	if id := l.TraceID(); !id.IsEmpty() {
		row.TraceID = hex.EncodeToString(id[:])
	}
	if id := l.SpanID(); !id.IsEmpty() {
		row.SpanID = hex.EncodeToString(id[:])
	}
	row.Severity, row.SeverityNumber = severity(l.SeverityNumber(), l.SeverityText())
	row.EventName = clean(l.EventName(), maxNameBytes)
	body, cut := b.body(l.Body())
	row.Body = body
	row.Attributes = b.logAttributes(row, l, from, cut)
}

// body is text as it is, and anything else as JSON.
func (b *rowBuilder) body(v pcommon.Value) (text string, cut bool) {
	limit := b.options.MaxLogBodyBytes
	switch v.Type() {
	case pcommon.ValueTypeEmpty:
		return "", false
	case pcommon.ValueTypeStr:
		return clean(v.Str(), limit), len(v.Str()) > limit
	}
	w := objectWriter{maxBytes: limit}
	raw := string(w.appendValue(nil, v))
	return clip(raw, limit), len(raw) > limit
}

func (b *rowBuilder) logAttributes(row *telemetry.LogRecord, l plog.LogRecord, from *origin, cut bool) string {
	w := &b.w
	w.buf = w.buf[:0]
	w.open()
	dropped := w.attributes(l.Attributes(), func(key string, v pcommon.Value) bool {
		// Senders from before records had an event name put it here.
		if key != "event.name" || row.EventName != "" || v.Type() != pcommon.ValueTypeStr {
			return false
		}
		row.EventName = clean(v.Str(), maxNameBytes)
		return true
	})
	if cut {
		w.truncated("body")
	}
	if text := l.SeverityText(); text != "" && severityOf(text) != row.Severity {
		w.text("severity_text", clip(text, maxKeyBytes))
	}
	if from.version != "" {
		w.text("otel.scope.version", from.version)
	}
	b.dropped("otel.dropped_attributes_count", dropped, l.DroppedAttributesCount())
	return b.object()
}

// severity gives the word of a severity number; without a number that of the
// sender's text, without either "information".
func severity(n plog.SeverityNumber, text string) (string, int32) {
	if n >= plog.SeverityNumberTrace && n <= plog.SeverityNumberFatal4 {
		return [...]string{"trace", "debug", "information", "warning", "error", "fatal"}[(n-1)/4], int32(n)
	}
	if word := severityOf(text); word != "" {
		return word, 0
	}
	return "information", 0
}

// severityOf reads the names that logging libraries give to severities.
func severityOf(text string) string {
	switch strings.ToLower(text) {
	case "trace":
		return "trace"
	case "debug", "verbose":
		return "debug"
	case "info", "information", "informational":
		return "information"
	case "warn", "warning":
		return "warning"
	case "error", "err":
		return "error"
	case "fatal", "critical":
		return "fatal"
	}
	return ""
}
