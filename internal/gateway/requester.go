package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"gatehouse/internal/gateway/backend"
	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
	"gatehouse/internal/telemetry"
)

// requester implements policy.Requester: the requests that statements make.
type requester struct {
	transport *backend.Transport
	direct    *backend.Target // of whole URLs
	maxBody   int64
	now       func() time.Time
	current   func() *Snapshot
}

func newRequester(o Options, current func() *Snapshot) *requester {
	t := backend.NewTransport(o.Backend)
	return &requester{transport: t, direct: &backend.Target{Transport: t}, maxBody: o.MaxPolicyBodyBytes, now: o.Now, current: current}
}

// Send makes one request as a span of its own and buffers the response.
func (q *requester) Send(c *policy.Context, r *policy.OutgoingRequest) (*expr.Response, error) {
	header := make(http.Header, len(r.Header)+2)
	copyHeader(expr.Header(header), r.Header)
	target, u, err := q.target(c, r, header)
	if err != nil {
		return nil, err
	}
	req := (&http.Request{Method: r.Method, URL: u, Header: header, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}).WithContext(c.Std)
	if host := header["Host"]; len(host) > 0 {
		req.Host = host[0]
		delete(header, "Host")
	}
	if len(r.Body) > 0 {
		req.Body, req.ContentLength = expr.NewBodyReader(r.Body), int64(len(r.Body))
		req.GetBody = func() (io.ReadCloser, error) { return expr.NewBodyReader(r.Body), nil }
	}
	call := telemetry.Call{Source: r.Source, Backend: target.ID, Method: r.Method, Scheme: u.Scheme, Host: u.Host, Path: u.EscapedPath(), Attempt: max(1, r.Attempt), Sent: int64(len(r.Body))}
	e := c.Exchange
	call.SpanID, call.Start = newSpanID(), e.Since()
	inject(expr.Header(header), e, call.SpanID)
	resp, err := q.do(via(target.Transport, r.Certificate, r.Proxy), req, r.Timeout)
	failure := requestFailure(r.Source, err, c.Std)
	call.Duration = e.Since() - call.Start
	status, retryAfter := 0, time.Duration(0)
	if resp != nil {
		status, retryAfter = resp.StatusCode, backend.RetryAfter(http.Header(resp.Header), q.now())
	}
	target.Report(status, err, retryAfter)
	record(e, call, status, failure)
	if failure != nil {
		return nil, failure
	}
	return resp, nil
}

// target finds where a request goes: to its URL, or to a backend resource with
// what that one says about credentials and TLS. Report must follow.
func (q *requester) target(c *policy.Context, r *policy.OutgoingRequest, header http.Header) (*backend.Target, *url.URL, error) {
	if r.Backend == "" {
		u, err := url.Parse(r.URL.String())
		if err != nil {
			return nil, nil, &policy.Error{Source: r.Source, Reason: "InvalidUrl", Message: "The URL of the request is not valid.", Status: 500, Body: "Internal server error", Err: err}
		}
		return q.direct, u, nil
	}
	t, err := q.backends(c).Pick(r.Backend)
	if err != nil {
		return nil, nil, requestFailure(r.Source, err, c.Std)
	}
	u, err := place(t, r.URL.Path, r.URL.RawQuery, r.Source)
	if err != nil {
		t.Report(0, err, 0)
		return nil, nil, err
	}
	credentialsOf(t, header, u)
	return t, u, nil
}

// backends are those of the snapshot that serves the request; work that runs
// beside or after it takes those that are served now.
func (q *requester) backends(c *policy.Context) *backend.Set {
	if x, ok := c.Owner.(*exchange); ok {
		return x.snapshot.backends
	}
	return q.current().backends
}

func requestFailure(source string, err error, ctx context.Context) *policy.Error {
	if err == nil {
		return nil
	}
	e := &policy.Error{Source: source, Reason: "BackendConnectionFailure", Message: "The request failed: no connection, or it broke.", Status: 500, Body: "Internal server error", Err: err}
	switch backend.FailureOf(err) {
	case backend.FailureTimeout:
		e.Reason, e.Message = "Timeout", "No response came in time."
	case backend.FailureCircuit:
		e.Status, e.Message, e.Body = http.StatusServiceUnavailable, "The circuit breaker of the backend is open.", "Service unavailable"
	}
	if errors.Is(err, backend.ErrUnknownBackend) {
		e.Message = err.Error()
	}
	if ctx.Err() != nil {
		e.Reason, e.Message, e.Err = "ClientConnectionFailure", "The client closed the connection.", policy.ErrClientClosed
	}
	return e
}

func (q *requester) do(t *backend.Transport, req *http.Request, timeout time.Duration) (*expr.Response, error) {
	if timeout <= 0 {
		timeout = 60 * time.Second
	}
	ctx, cancel := context.WithTimeout(req.Context(), timeout)
	defer cancel()
	resp, err := t.Do(req.WithContext(ctx), backend.Call{Timeout: timeout})
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := readLimited(resp.Body, q.maxBody)
	if err != nil {
		return nil, err
	}
	showHead(resp)
	out := &expr.Response{StatusCode: resp.StatusCode, StatusReason: http.StatusText(resp.StatusCode), Header: expr.Header(resp.Header)}
	if len(body) > 0 {
		out.Body = expr.BytesBody(body)
	}
	return out, nil
}

// It is not expr.ErrBodyTooLarge: that would be the fault of the client.
var errResponseTooLarge = errors.New("the response is larger than the limit for policies that read it")

func readLimited(r io.Reader, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(data)) > limit {
		return nil, errResponseTooLarge
	}
	return data, err
}

// fetch reads a small document, such as signing keys.
func (q *requester) fetch(ctx context.Context, rawURL string, limit int64) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, rawURL, nil)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", rawURL, err)
	}
	resp, err := q.transport.Do(req, backend.Call{Timeout: 10 * time.Second})
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", rawURL, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("read %s: status %d", rawURL, resp.StatusCode)
	}
	return readLimited(resp.Body, limit)
}
