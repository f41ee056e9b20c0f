package gateway

import (
	"encoding/binary"
	"encoding/hex"
	"net/http"
	"strings"

	"gatehouse/internal/policy/expr"
	"gatehouse/internal/telemetry"
)

// correlate takes over the caller's trace by the protocol that the diagnostic
// names. A malformed header starts a new trace.
func (x *exchange) correlate() {
	e := x.Exchange
	e.Endpoint = x.variant.endpoint
	e.Sampled = true
	switch correlation(e) {
	case telemetry.CorrelationW3C:
		if v := x.r.Header["Traceparent"]; len(v) == 1 {
			if trace, parent, sampled, ok := telemetry.ParseTraceparent(v[0]); ok {
				e.TraceID, e.ParentID, e.Sampled = trace, parent, sampled
				x.tracestate = tracestate(x.r.Header)
				return
			}
		}
	case telemetry.CorrelationLegacy:
		if trace, parent, ok := parseRequestID(x.r.Header.Get("Request-Id")); ok {
			e.TraceID, e.ParentID = trace, parent
			return
		}
	}
	binary.LittleEndian.PutUint64(e.TraceID[:8], random64())
	binary.LittleEndian.PutUint64(e.TraceID[8:], random64()|1)
}

// tracestate is passed on only beside a valid traceparent, within its limits.
func tracestate(h http.Header) string {
	s := strings.Join(h["Tracestate"], ",")
	if len(s) > 512 || strings.Count(s, ",") > 31 {
		return ""
	}
	return s
}

// parseRequestID reads the hierarchical Request-Id header when its root is a
// trace id: |<32 hex>.<16 hex>.
func parseRequestID(s string) (trace telemetry.TraceID, parent telemetry.SpanID, ok bool) {
	if len(s) < 34 || s[0] != '|' || s[33] != '.' {
		return
	}
	if n, err := hex.Decode(trace[:], []byte(s[1:33])); err != nil || n != 16 || trace == (telemetry.TraceID{}) {
		return telemetry.TraceID{}, parent, false
	}
	if rest := strings.Trim(s[34:], "."); len(rest) == 16 {
		if _, err := hex.Decode(parent[:], []byte(rest)); err != nil {
			parent = telemetry.SpanID{}
		}
	}
	return trace, parent, true
}

// correlation is the protocol of an exchange, by its first diagnostic.
func correlation(e *telemetry.Exchange) telemetry.Correlation {
	if e.Endpoint == nil || len(e.Endpoint.Diagnostics) == 0 {
		return telemetry.CorrelationW3C
	}
	return e.Endpoint.Diagnostics[0].Correlation
}

// inject writes the correlation headers of one backend call; each call is a
// span of its own.
func inject(h expr.Header, e *telemetry.Exchange, span telemetry.SpanID, tracestate string) {
	switch correlation(e) {
	case telemetry.CorrelationW3C:
		h["Traceparent"] = []string{telemetry.FormatTraceparent(e.TraceID, span, e.Sampled)}
		if tracestate != "" {
			h["Tracestate"] = []string{tracestate}
		} else {
			delete(h, "Tracestate")
		}
	case telemetry.CorrelationLegacy:
		h["Request-Id"] = []string{"|" + e.TraceID.String() + "." + span.String() + "."}
	}
}
