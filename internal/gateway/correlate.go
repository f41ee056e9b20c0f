package gateway

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"net/http"
	"strings"

	"gatehouse/internal/policy/expr"
	"gatehouse/internal/telemetry"
)

// correlate takes over the caller's operation by the protocol that the
// diagnostic names. A malformed header starts a new trace.
func (x *exchange) correlate() {
	e := x.Exchange
	e.Endpoint = x.variant.endpoint
	e.Sampled = true
	protocol := e.Endpoint.Correlation
	if protocol != telemetry.CorrelationNone {
		e.Caller = callerApplication(x.r.Header)
	}
	switch {
	case protocol == telemetry.CorrelationW3C && x.adoptTraceparent(),
		protocol != telemetry.CorrelationNone && x.adoptRequestID(protocol):
		return
	}
	binary.LittleEndian.PutUint64(e.TraceID[:8], random64())
	binary.LittleEndian.PutUint64(e.TraceID[8:], random64()|1)
}

func (x *exchange) adoptTraceparent() bool {
	v := x.r.Header["Traceparent"]
	if len(v) != 1 {
		return false
	}
	trace, parent, sampled, ok := telemetry.ParseTraceparent(v[0])
	if ok {
		e := x.Exchange
		e.TraceID, e.ParentID, e.Sampled, e.Tracestate = trace, parent, sampled, tracestate(x.r.Header)
	}
	return ok
}

// adoptRequestID takes over the operation of a Request-Id, which older services
// send alone. A root that is no trace id stays the operation's id in the older
// protocol; W3C needs a trace id, which is made of the root, so that all calls
// of the operation have the same.
func (x *exchange) adoptRequestID(protocol telemetry.Correlation) bool {
	v := x.r.Header["Request-Id"]
	if len(v) != 1 {
		return false
	}
	root, ok := requestRoot(v[0])
	if !ok {
		return false
	}
	e := x.Exchange
	if trace, parent, ok := parseRequestID(v[0]); ok {
		e.TraceID, e.ParentID = trace, parent
		return true
	}
	sum := sha256.Sum256([]byte(root))
	copy(e.TraceID[:], sum[:])
	e.Legacy.Parent = v[0]
	if protocol == telemetry.CorrelationLegacy {
		e.Legacy.Root = root
	}
	return true
}

// tracestate is passed on only beside a valid traceparent, within its limits.
func tracestate(h http.Header) string {
	s := strings.Join(h["Tracestate"], ",")
	if len(s) > 512 || strings.Count(s, ",") > 31 {
		return ""
	}
	return s
}

// Limits of a Request-Id: those of the older SDKs, and of an operation's id.
const (
	maxRequestID = 1024
	maxRoot      = 128
)

// requestRoot is the operation's id of a Request-Id: what stands between "|"
// and the first dot, or the whole of a flat one.
func requestRoot(s string) (string, bool) {
	if len(s) > maxRequestID {
		return "", false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("|.-_+/=#", c) >= 0:
		default:
			return "", false
		}
	}
	root, _, _ := strings.Cut(strings.TrimPrefix(s, "|"), ".")
	return root, root != "" && len(root) <= maxRoot
}

// parseRequestID reads a hierarchical Request-Id whose root is a trace id:
// |<32 hex>.<16 hex>.
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

// callerApplication is the application id of a Request-Context header:
// appId=cid-v1:<id>.
func callerApplication(h http.Header) string {
	v := h["Request-Context"]
	if len(v) != 1 || len(v[0]) > maxRequestID {
		return ""
	}
	for pair := range strings.SplitSeq(v[0], ",") {
		if id, ok := strings.CutPrefix(strings.TrimSpace(pair), applicationPrefix); ok && plainID(id) {
			return id
		}
	}
	return ""
}

const applicationPrefix = "appId=cid-v1:"

// plainID keeps what anybody can write into a header from being more than an id.
func plainID(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-':
		default:
			return false
		}
	}
	return s != "" && len(s) <= 64
}

// inject writes the correlation headers of one outgoing call; each call is a
// span of its own.
func inject(h expr.Header, e *telemetry.Exchange, span telemetry.SpanID) {
	if e.Endpoint == nil {
		return
	}
	switch e.Endpoint.Correlation {
	case telemetry.CorrelationW3C:
		h["Traceparent"] = []string{telemetry.FormatTraceparent(e.TraceID, span, e.Sampled)}
		if e.Tracestate != "" {
			h["Tracestate"] = []string{e.Tracestate}
		} else {
			delete(h, "Tracestate")
		}
	case telemetry.CorrelationLegacy:
		root := e.Legacy.Root
		if root == "" {
			root = e.TraceID.String()
		}
		h["Request-Id"] = []string{"|" + root + "." + span.String() + "."}
		if e.Endpoint.RequestContext != "" {
			h["Request-Context"] = []string{e.Endpoint.RequestContext}
		}
	}
}
