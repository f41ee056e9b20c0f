package gateway

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"

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

func (x *exchange) captureBody(part, kept string, total int64) {
	if len(kept) > 0 {
		x.Exchange.Captures = append(x.Exchange.Captures, telemetry.Capture{Part: part, Value: kept, Truncated: total > int64(len(kept)), Size: total})
	}
}

// capturedBody keeps the beginning of a body that streams between gateway and
// backend. It locks: a transport may still read a request when its answer is here.
type capturedBody struct {
	io.ReadCloser
	mu  sync.Mutex
	tee tee
}

// newCapturedBody makes room for what will be kept, when the size is known.
func newCapturedBody(body io.ReadCloser, limit int, size int64) *capturedBody {
	b := &capturedBody{ReadCloser: body, tee: tee{limit: limit}}
	b.tee.expect(size)
	return b
}

func (b *capturedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.mu.Lock()
	b.tee.see(p[:n])
	b.mu.Unlock()
	return n, err
}

// captureBackendRequest begins the captures of an attempt; those of an earlier
// one are dropped, as the last one is what was answered.
func (x *exchange) captureBackendRequest(p *capturePlan, req *http.Request) {
	e := x.Exchange
	e.Captures = slices.DeleteFunc(e.Captures, func(c telemetry.Capture) bool {
		return c.Part == telemetry.BackendRequest || c.Part == telemetry.BackendResponse
	})
	x.sent, x.received = nil, nil
	x.captureHeaders(telemetry.BackendRequest, &p.backendRequest, expr.Header(req.Header))
	if limit := p.backendRequest.bodyBytes; limit > 0 && req.Body != nil {
		x.sent = newCapturedBody(req.Body, limit, req.ContentLength)
		req.Body = x.sent
	}
}

func (x *exchange) captureBackendResponse(p *capturePlan, resp *http.Response) {
	x.captureHeaders(telemetry.BackendResponse, &p.backendResponse, expr.Header(resp.Header))
	if limit := p.backendResponse.bodyBytes; limit > 0 && resp.Body != nil && resp.Body != http.NoBody && resp.StatusCode != http.StatusSwitchingProtocols {
		x.received = newCapturedBody(resp.Body, limit, resp.ContentLength)
		resp.Body = x.received
	}
}

func (x *exchange) captureBackendBodies() {
	for _, one := range []struct {
		part string
		body *capturedBody
	}{{telemetry.BackendRequest, x.sent}, {telemetry.BackendResponse, x.received}} {
		if one.body == nil {
			continue
		}
		one.body.mu.Lock()
		x.captureBody(one.part, one.body.tee.kept.String(), one.body.tee.total)
		one.body.mu.Unlock()
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
