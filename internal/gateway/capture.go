package gateway

import (
	"strings"

	"gatehouse/internal/policy/expr"
	"gatehouse/internal/telemetry"
)

// capturePlan is what the diagnostics of a variant keep of its messages; nil
// when they keep nothing, so that the request path does nothing.
type capturePlan struct {
	request, response               captureList
	backendRequest, backendResponse captureList
}

type captureList struct {
	headers   []string
	bodyBytes int
	masked    map[string]string
}

// At most this many body bytes are kept, whatever a diagnostic says.
const maxCaptureBytes = 64 << 10

func newCapturePlan(diagnostics []*telemetry.Diagnostic) *capturePlan {
	plan, any := &capturePlan{}, false
	for _, d := range diagnostics {
		for _, one := range []struct {
			list *captureList
			rule telemetry.CaptureRule
		}{
			{&plan.request, d.FrontendRequest}, {&plan.response, d.FrontendResponse},
			{&plan.backendRequest, d.BackendRequest}, {&plan.backendResponse, d.BackendResponse},
		} {
			any = one.list.add(one.rule) || any
		}
	}
	if !any {
		return nil
	}
	return plan
}

func (l *captureList) add(r telemetry.CaptureRule) bool {
	l.headers = append(l.headers, r.Headers...)
	l.bodyBytes = min(max(l.bodyBytes, r.BodyBytes), maxCaptureBytes)
	for name, mode := range r.MaskHeaders {
		if l.masked == nil {
			l.masked = map[string]string{}
		}
		l.masked[name] = mode
	}
	return len(r.Headers) > 0 || r.BodyBytes > 0
}

const maskText = "***"

// captureHeaders keeps the named headers. Headers that carry secrets are
// masked whatever the diagnostic says.
func (x *exchange) captureHeaders(part string, l *captureList, h expr.Header) {
	for _, name := range l.headers {
		values := h.Values(name)
		if len(values) == 0 {
			continue
		}
		value := strings.Join(values, ",")
		lower := strings.ToLower(name)
		mode := l.masked[lower]
		if mode == "" {
			mode = l.masked["*"]
		}
		if mode == "hide" {
			continue
		}
		if mode == "mask" || x.secretHeader(lower) {
			value = maskText
		}
		x.Exchange.Captures = append(x.Exchange.Captures, telemetry.Capture{Part: part, Name: name, Value: value})
	}
}

func (x *exchange) captureBody(part string, kept []byte, total int64) {
	if len(kept) > 0 {
		x.Exchange.Captures = append(x.Exchange.Captures, telemetry.Capture{Part: part, Value: string(kept), Truncated: total > int64(len(kept))})
	}
}

// secretHeader knows the headers that carry keys, tokens and sessions.
func (x *exchange) secretHeader(lower string) bool {
	switch lower {
	case "authorization", "proxy-authorization", "cookie", "set-cookie", "ocp-apim-subscription-key", "x-api-key", "api-key", "x-functions-key":
		return true
	}
	return x.api != nil && strings.EqualFold(lower, x.api.keyHeader)
}
