package gateway

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"gatehouse/internal/gateway/backend"
	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
	"gatehouse/internal/telemetry"
)

// forwarder implements policy.Forwarder for the exchange that owns the context.
type forwarder struct{ gateway *Gateway }

const maxRedirects = 10

// Forward sends context.Request to its target and sets context.Response.
func (f forwarder) Forward(c *policy.Context, o policy.ForwardOptions) error {
	x := c.Owner.(*exchange)
	if x.executesGraphQL() {
		return x.executeGraphQL(o)
	}
	if x.GraphQLGuard != nil {
		return notGuarded()
	}
	if x.api != nil && x.api.mcp != nil && x.api.mcp.server != nil {
		return x.answerMCP()
	}
	if o.BufferRequestBody || o.FollowRedirects {
		if err := c.Request.Body.Buffer(); err != nil {
			return x.bodyError(err)
		}
	}
	target, err := x.pick()
	if err != nil {
		return err
	}
	if x.api != nil && x.api.grpc {
		o.HTTPVersion = backend.HTTP2
	}
	req, err := x.outgoing(target)
	if err != nil {
		target.Report(0, err, 0)
		return err
	}
	resp, err := x.attempt(target, req, o)
	for redirects := 0; err == nil && o.FollowRedirects && redirects < maxRedirects; redirects++ {
		next := redirect(req, resp, &c.Request)
		if next == nil {
			break
		}
		_ = resp.Body.Close()
		req = next
		resp, err = x.attempt(target, req, o)
	}
	if err != nil {
		return err
	}
	x.accept(resp)
	if o.FailOnErrorStatus && resp.StatusCode >= 400 {
		return &policy.Error{Source: "forward-request", Reason: "BackendStatusCode", Status: resp.StatusCode, KeepResponse: true,
			Message: "The backend answered with status " + strconv.Itoa(resp.StatusCode) + "."}
	}
	return nil
}

// pick chooses the backend: a resource, or the URL of set-backend-service or
// of the API.
func (x *exchange) pick() (*backend.Target, error) {
	if id := x.Target.Backend; id != "" {
		t, err := x.snapshot.backends.Pick(id)
		if err != nil {
			return nil, x.backendError(err, true)
		}
		return t, nil
	}
	if x.api != nil && x.Target == x.api.target && x.api.direct != nil {
		return x.api.direct, nil
	}
	u := &x.Target.URL
	if u.Host == "" {
		return nil, &policy.Error{Source: "forward-request", Reason: "BackendConnectionFailure", Status: http.StatusInternalServerError,
			Message: "The API has no backend: set its serviceUrl or use set-backend-service.", Body: "Internal server error"}
	}
	return direct(u, x.snapshot.backends.Direct()), nil
}

// direct is the target of a plain URL.
func direct(u *expr.URL, t *backend.Transport) *backend.Target {
	return &backend.Target{URL: &url.URL{Scheme: backend.HTTPScheme(u.Scheme), Host: u.Authority(), Path: u.Path, RawPath: u.Path, RawQuery: u.RawQuery}, Transport: t}
}

// outgoing builds the request from parsed fields only.
func (x *exchange) outgoing(t *backend.Target) (*http.Request, error) {
	in := &x.Request
	u, err := place(t, in.URL.Path, in.URL.RawQuery, "forward-request")
	if err != nil {
		return nil, err
	}
	header := make(http.Header, len(in.Header)+6)
	copyHeader(expr.Header(header), in.Header)
	x.forwarded(header)
	credentialsOf(t, header, u)
	req := (&http.Request{Method: in.Method, URL: u, Header: header, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}).WithContext(x.Std)
	if host := header["Host"]; len(host) > 0 {
		if &host[0] != &x.host[0] { // a policy set it: the client's own names this gateway
			req.Host = host[0]
		}
		delete(header, "Host")
	}
	if x.trailers {
		header["Te"] = []string{"trailers"}
	}
	if x.upgradeTo != "" {
		header["Connection"], header["Upgrade"] = []string{"Upgrade"}, []string{x.upgradeTo}
		return req, nil
	}
	if x.body != nil && x.body.sent && !in.Body.Replayable() {
		return nil, &policy.Error{Source: "forward-request", Reason: "RequestBodyConsumed", Status: http.StatusInternalServerError, Body: "Internal server error",
			Message: "An earlier attempt streamed the request body to the backend, so that it cannot be sent again: set buffer-request-body=\"true\"."}
	}
	if failed := in.Body.Failed(); failed != nil {
		return nil, x.bodyError(failed)
	}
	_, buffered := in.Body.Buffered()
	body, size := in.Body.Take()
	if body != nil {
		if !buffered {
			x.body.sent = true
		}
		req.Body, req.ContentLength = body, size
		if data, ok := in.Body.Buffered(); ok {
			req.GetBody = func() (io.ReadCloser, error) { return expr.NewBodyReader(data), nil }
		}
		x.passTrailers(req)
	}
	return req, nil
}

// place puts path and query behind the base URL of a backend.
func place(t *backend.Target, path, query, source string) (*url.URL, error) {
	path = joinPath(t.URL.EscapedPath(), path)
	u := &url.URL{Scheme: t.URL.Scheme, Host: t.URL.Host, RawPath: path, RawQuery: joinQuery(t.URL.RawQuery, query)}
	var err error
	if u.Path, err = url.PathUnescape(path); err != nil {
		return nil, &policy.Error{Source: source, Reason: "InvalidUrl", Status: http.StatusBadRequest, Message: "The path holds an invalid percent escape."}
	}
	return u, nil
}

// credentialsOf puts the credentials of a backend resource on a request.
func credentialsOf(t *backend.Target, header http.Header, u *url.URL) {
	for name, values := range t.Header {
		header[name] = values
	}
	if t.Authorization != "" {
		header["Authorization"] = []string{t.Authorization}
	}
	if len(t.Query) > 0 {
		u.RawQuery = joinQuery(u.RawQuery, url.Values(t.Query).Encode())
	}
}

// via gives the transport that shows the certificate and takes the proxy that
// a policy chose; both may be nil.
func via(t *backend.Transport, certificate *policy.ClientCertificate, proxy *policy.Proxy) *backend.Transport {
	var w backend.Way
	if proxy != nil {
		w.Proxy = backend.Proxy{Scheme: proxy.URL.Scheme, Host: proxy.URL.Authority(), Username: proxy.Username, Password: proxy.Password}
	}
	if certificate == nil {
		return t.Via(w, nil)
	}
	w.Certificate = certificate.Key
	return t.Via(w, &certificate.Certificate)
}

// copyHeader copies what may be passed on; what Connection named is gone
// already.
func copyHeader(dst, src expr.Header) {
	for name, values := range src {
		if !hopByHop(name) && name != "Content-Length" {
			dst[name] = values
		}
	}
}

// forwarded sets X-Forwarded-*: appended when the peer is a trusted proxy, set
// anew when it is not, as anybody can write them. What a policy wrote or took
// away stays so.
func (x *exchange) forwarded(h http.Header) {
	const all = policy.ForwardedFor | policy.ForwardedHost | policy.ForwardedProto
	decided := x.Context.Forwarding
	if decided == all {
		return
	}
	peer, _, _ := strings.Cut(x.r.RemoteAddr, "%")
	if i := strings.LastIndexByte(peer, ':'); i > 0 {
		peer = strings.Trim(peer[:i], "[]")
	}
	prior := h["X-Forwarded-For"]
	if (len(prior) > 0 || decided&policy.ForwardedFor != 0) && x.trustedPeer() {
		if decided&policy.ForwardedFor == 0 {
			h["X-Forwarded-For"] = []string{strings.Join(prior, ", ") + ", " + peer}
		}
		return
	}
	values := [...]string{peer, x.Exchange.Scheme, x.r.Host}
	if decided&policy.ForwardedFor == 0 {
		h["X-Forwarded-For"] = values[0:1:1]
	}
	if decided&policy.ForwardedProto == 0 {
		h["X-Forwarded-Proto"] = values[1:2:2]
	}
	if decided&policy.ForwardedHost == 0 {
		h["X-Forwarded-Host"] = values[2:3:3]
	}
}

func joinPath(base, rest string) string {
	if rest == "" {
		if base == "" {
			return "/"
		}
		return base
	}
	return strings.TrimSuffix(base, "/") + "/" + strings.TrimPrefix(rest, "/")
}

func joinQuery(a, b string) string {
	switch {
	case a == "":
		return b
	case b == "":
		return a
	}
	return a + "&" + b
}

// attempt sends the request once, as a span of its own.
func (x *exchange) attempt(t *backend.Target, req *http.Request, o policy.ForwardOptions) (*http.Response, error) {
	span := newSpanID()
	inject(expr.Header(req.Header), x.Exchange, span)
	if p := x.variant.capture; p != nil {
		x.captureBackendRequest(p, req)
	}
	x.attempts++
	call := telemetry.Call{SpanID: span, Source: "forward-request", Backend: t.ID, Method: req.Method, Scheme: req.URL.Scheme, Host: req.URL.Host,
		Path: req.URL.EscapedPath(), Attempt: x.attempts, Start: x.Exchange.Since(), Sent: req.ContentLength}
	resp, err := via(t.Transport, x.Context.Certificate, x.Context.Proxy).Do(req, backend.Call{Timeout: o.Timeout, Version: o.HTTPVersion, Endless: x.api != nil && x.api.endless})
	call.Duration = x.Exchange.Since() - call.Start
	if err != nil {
		t.Report(0, err, 0)
		failure := x.backendError(err, false)
		record(x.Exchange, call, 0, failure)
		return nil, failure
	}
	x.Context.Backend.ID = t.ID
	t.Report(resp.StatusCode, nil, backend.RetryAfter(resp.Header, x.gateway.options.Now()))
	record(x.Exchange, call, resp.StatusCode, nil)
	if p := x.variant.capture; p != nil {
		x.captureBackendResponse(p, resp)
	}
	return resp, nil
}

// record keeps a call in the exchange.
func record(e *telemetry.Exchange, c telemetry.Call, status int, failure *policy.Error) {
	c.Status = status
	if failure != nil {
		c.Outcome, c.Error = telemetry.OutcomeError, failure.Reason
		switch failure.Reason {
		case "Timeout":
			c.Outcome = telemetry.OutcomeTimeout
		case "ClientConnectionFailure":
			c.Outcome = telemetry.OutcomeClientClosed
		}
	}
	if len(e.Calls) < telemetry.MaxCalls {
		e.Calls = append(e.Calls, c)
	}
}

// accept makes the backend's response context.Response.
func (x *exchange) accept(resp *http.Response) {
	if old := x.Context.Response; old != nil {
		_ = old.Body.Close()
	}
	out := &expr.Response{StatusCode: resp.StatusCode, Header: expr.Header(resp.Header)}
	x.origin, x.answer = resp, out
	if _, text, ok := strings.Cut(resp.Status, " "); ok {
		out.StatusReason = text
	}
	if resp.StatusCode == http.StatusSwitchingProtocols {
		out.Body = expr.StreamBody(resp.Body, -1)
		x.Context.Response = out
		return
	}
	showHead(resp)
	if resp.Body != nil && resp.Body != http.NoBody {
		out.Body = expr.StreamBody(resp.Body, resp.ContentLength)
	}
	out.Body.SetLimit(x.gateway.options.MaxPolicyBodyBytes)
	x.Context.Response = out
}

// showHead leaves in an answer's header what policies see of it: all but what
// concerns the connection alone. How the body was framed is among it;
// writeHeader frames the answer to the client anew.
func showHead(resp *http.Response) {
	backend.RemoveHopByHop(resp.Header)
	if len(resp.TransferEncoding) > 0 {
		resp.Header["Transfer-Encoding"] = resp.TransferEncoding
	}
}

// backendError gives a failure its documented reason. The text names the kind
// of failure, never addresses or certificates of the backend: those go to the
// logs.
func (x *exchange) backendError(err error, picking bool) *policy.Error {
	if _, _, failed := x.body.state(); errors.Is(failed, errRequestStalled) {
		return x.bodyError(failed) // net/http has cancelled the request's context as well
	}
	e := &policy.Error{Source: "forward-request", Reason: "BackendConnectionFailure", Status: http.StatusInternalServerError,
		Message: "The backend could not be reached or broke the connection.", Body: "Internal server error", Err: err}
	switch backend.FailureOf(err) {
	case backend.FailureTimeout:
		e.Reason, e.Message = "Timeout", "The backend sent no response headers in time."
	case backend.FailureCircuit:
		e.Status, e.Message, e.Body = http.StatusServiceUnavailable, "The circuit breaker of the backend is open.", "Service unavailable"
		var open *backend.CircuitOpenError
		if errors.As(err, &open) {
			e.Header = map[string]string{"Retry-After": strconv.Itoa(int(open.RetryAfter.Seconds()) + 1)}
		}
	case backend.FailureProtocol:
		e.Message = "The backend's response is not valid HTTP."
	case backend.FailureCanceled:
		e.Reason, e.Message, e.Status, e.Err = "ClientConnectionFailure", "The client closed the connection.", 499, policy.ErrClientClosed
	case backend.FailureRequest:
		if _, _, failed := x.body.state(); failed != nil {
			return x.bodyError(failed)
		}
		e.Message = err.Error()
	}
	if !picking && x.r.Context().Err() != nil {
		e.Reason, e.Message, e.Status, e.Err = "ClientConnectionFailure", "The client closed the connection.", 499, policy.ErrClientClosed
	}
	if e.Status >= 500 {
		x.gateway.options.Log.Debug("backend call failed", "backend", x.Target.Backend, "error", x.snapshot.secrets.mask(err.Error()))
	}
	return e
}

// bodyError is a failure to read the client's request body.
func (x *exchange) bodyError(err error) *policy.Error {
	if errors.Is(err, errRequestTooLarge) || errors.Is(err, expr.ErrBodyTooLarge) {
		return tooLarge()
	}
	_, _, failed := x.body.state()
	if errors.Is(err, context.Canceled) || x.r.Context().Err() != nil || failed != nil {
		return &policy.Error{Source: "forward-request", Reason: "ClientConnectionFailure", Message: "The client did not send the whole request body.", Status: 400, Err: policy.ErrClientClosed}
	}
	return policy.AsError(err, "forward-request")
}

// redirect makes the next request when resp is a redirect that can be followed.
func redirect(req *http.Request, resp *http.Response, in *expr.Request) *http.Request {
	switch resp.StatusCode {
	case 301, 302, 303, 307, 308:
	default:
		return nil
	}
	to, err := resp.Location()
	if err != nil || (to.Scheme != "http" && to.Scheme != "https") || to.Scheme != req.URL.Scheme || to.Host != req.URL.Host {
		return nil
	}
	next := req.Clone(req.Context())
	next.URL, next.Body, next.ContentLength, next.GetBody = to, nil, 0, nil
	if resp.StatusCode <= 303 && req.Method != http.MethodGet && req.Method != http.MethodHead {
		next.Method = http.MethodGet
	} else if data, ok := in.Body.Buffered(); ok && len(data) > 0 {
		next.Body, next.ContentLength = expr.NewBodyReader(data), int64(len(data))
	}
	return next
}
