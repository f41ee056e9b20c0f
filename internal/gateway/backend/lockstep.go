package backend

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"
)

// exchange is one request and its response on a lockstep connection.
type exchange struct {
	t        *Transport
	request  *http.Request
	head     *[]byte // request head and body, pooled
	deadline time.Time
	conn     *conn
	stop     func() bool // ends the watch of the request's context
	wrote    int
	read     bool // the response has begun
}

// lockstep sends a request on the caller's goroutine. A pooled connection may
// have been closed by the backend in the meantime: then, and only when sending
// twice is safe, it is tried once more on a new connection.
func (t *Transport) lockstep(r *http.Request, timeout time.Duration) (*http.Response, error) {
	buffer := t.getBuffer()
	defer t.putBuffer(buffer)
	var err error
	if *buffer, err = appendRequest((*buffer)[:0], r); err != nil {
		closeBody(r)
		return nil, err
	}
	if *buffer, err = appendBody(*buffer, r); err != nil {
		return nil, err
	}
	x := exchange{t: t, request: r, head: buffer, deadline: deadlineOf(r.Context(), time.Now().Add(timeout))}
	response, err := x.run(false)
	if err != nil && x.mayRepeat(err) {
		x = exchange{t: t, request: r, head: buffer, deadline: x.deadline}
		response, err = x.run(true)
	}
	return response, err
}

// deadlineOf is the earlier of d and the context's deadline.
func deadlineOf(ctx context.Context, d time.Time) time.Time {
	if other, ok := ctx.Deadline(); ok && other.Before(d) {
		return other
	}
	return d
}

// appendBody reads the request's body behind its head and closes it.
func appendBody(b []byte, r *http.Request) ([]byte, error) {
	if !hasBody(r) {
		return b, nil
	}
	defer r.Body.Close()
	start, size := len(b), int(r.ContentLength)
	if cap(b)-start < size {
		grown := make([]byte, start, start+size)
		copy(grown, b)
		b = grown
	}
	b = b[:start+size]
	if n, err := io.ReadFull(r.Body, b[start:]); err != nil {
		return b[:start], fmt.Errorf("%w: %d of %d bytes came: %w", ErrRequestBody, n, size, err)
	}
	// One byte more than announced would be dropped silently otherwise.
	var extra [1]byte
	if n, _ := r.Body.Read(extra[:]); n > 0 {
		return b[:start], fmt.Errorf("%w: it is longer than its Content-Length", ErrRequestBody)
	}
	return b, nil
}

// run sends the request and reads the response's head.
func (x *exchange) run(fresh bool) (*http.Response, error) {
	if err := contextError(x.request.Context()); err != nil {
		return nil, err
	}
	if err := x.connect(fresh); err != nil {
		return nil, x.explain(err)
	}
	x.stop = context.AfterFunc(x.request.Context(), x.conn.abort)
	response, err := x.talk()
	if err != nil {
		x.stop()
		x.conn.Close()
		return nil, x.explain(err)
	}
	return response, nil
}

// connect takes a pooled connection that is still quiet, or dials.
func (x *exchange) connect(fresh bool) error {
	host := x.request.URL.Host
	for !fresh {
		c := x.t.idle.get(host)
		if c == nil {
			break
		}
		// The deadline comes first: the peek honours it.
		if c.SetDeadline(x.deadline) == nil && x.t.options.Now().Sub(c.idleSince) < x.t.options.IdleTimeout && c.check.isQuiet() {
			x.conn = c
			return nil
		}
		c.Close()
	}
	ctx, cancel := context.WithDeadline(x.request.Context(), x.deadline)
	defer cancel()
	raw, err := x.t.dial(ctx, "tcp", dialAddress(x.request.URL.Host))
	if err != nil {
		return err
	}
	if x.conn, err = newConn(raw, host); err != nil {
		return err
	}
	return x.conn.SetDeadline(x.deadline)
}

// dialAddress adds the port of http to a host without one.
func dialAddress(host string) string {
	if _, port, err := net.SplitHostPort(host); err == nil {
		if port == "" {
			return host + "80"
		}
		return host
	}
	if len(host) > 1 && host[0] == '[' {
		host = host[1 : len(host)-1]
	}
	return net.JoinHostPort(host, "80")
}

// talk writes the request and reads the head of the final response. When
// writing fails the backend may have answered early, for example with 413: that
// answer counts, and the connection is not used again.
func (x *exchange) talk() (*http.Response, error) {
	n, writeErr := x.conn.Write(*x.head)
	x.wrote = n
	if writeErr != nil && (n == 0 || errors.Is(writeErr, os.ErrDeadlineExceeded)) {
		return nil, writeErr
	}
	p := headParser{reader: x.conn.reader, limit: x.t.options.MaxHeaderBytes}
	response, err := x.readResponse(&p, writeErr != nil)
	if err != nil && writeErr != nil && !x.read {
		return nil, writeErr
	}
	return response, err
}

// readResponse reads interim heads and the final one.
func (x *exchange) readResponse(p *headParser, close bool) (*http.Response, error) {
	if _, err := x.conn.reader.Peek(1); err != nil {
		return nil, noEOF(err)
	}
	x.read = true
	for interim := 0; ; interim++ {
		m, err := p.next(x.request.Method)
		if err != nil {
			return nil, noEOF(err)
		}
		if m.status >= 200 {
			return x.finish(m, close), nil
		}
		if m.status == http.StatusSwitchingProtocols {
			return nil, protocolError("it switches to a protocol that was not asked for")
		}
		if interim >= x.t.options.MaxInterim {
			return nil, protocolError("it has too many interim heads")
		}
	}
}

// noEOF makes an end in the middle of a message recognisable as an error.
func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// answer is a response and its body in one allocation.
type answer struct {
	response http.Response
	body     body
}

// finish makes the response and hands the connection to its body.
func (x *exchange) finish(m head, close bool) *http.Response {
	a := &answer{response: http.Response{
		Status: m.statusText, StatusCode: m.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: m.minor,
		Header: m.header, ContentLength: m.length, Request: x.request, Trailer: m.trailer,
	}}
	r := &a.response
	if m.minor == 0 {
		r.Proto = "HTTP/1.0"
	}
	if m.framing == framingChunked {
		r.TransferEncoding = []string{"chunked"}
	}
	r.Close = m.close
	a.body = body{conn: x.conn, stop: x.stop, pool: &x.t.idle, idle: x.t.options.BodyIdleTimeout,
		framing: m.framing, left: max(m.length, 0), reusable: !m.close && !close, response: r, maxTrailer: min(x.t.options.MaxHeaderBytes, 4096)}
	r.Body = &a.body
	if m.framing == framingNone {
		a.body.done(nil)
		r.Body = http.NoBody
	} else {
		a.body.begin()
	}
	return r
}

// mayRepeat tells whether the request can be sent again: the connection was a
// pooled one, nothing came back, and either nothing of the request left or
// doing it twice is harmless by its method.
func (x *exchange) mayRepeat(err error) bool {
	if x.conn == nil || !x.conn.reused || x.read || FailureOf(err) != FailureConnection {
		return false
	}
	return x.wrote == 0 || isIdempotent(x.request)
}

func isIdempotent(r *http.Request) bool {
	switch r.Method {
	case "GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE":
		return true
	}
	return len(r.Header["Idempotency-Key"]) > 0 || len(r.Header["X-Idempotency-Key"]) > 0
}

// explain gives an error its kind: the client left, the time is over, or the
// connection's own error.
func (x *exchange) explain(err error) error {
	ctx := x.request.Context()
	if left := contextError(ctx); left != nil {
		return left
	}
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
		if d, ok := ctx.Deadline(); ok && !d.After(x.deadline) {
			return context.DeadlineExceeded
		}
		return ErrTimeout
	}
	return err
}

// contextError is why a context ended, nil while it has not.
func contextError(ctx context.Context) error {
	err := ctx.Err()
	if cause := context.Cause(ctx); cause != err {
		return fmt.Errorf("%w: %w", err, cause)
	}
	return err
}

// getBuffer gives a write buffer.
func (t *Transport) getBuffer() *[]byte {
	if b, ok := t.buffers.Get().(*[]byte); ok {
		return b
	}
	b := make([]byte, 0, 2048)
	return &b
}

// putBuffer keeps a write buffer of ordinary size, without what was in it.
func (t *Transport) putBuffer(b *[]byte) {
	if cap(*b) <= 16<<10 {
		clear((*b)[:cap(*b)]) // credentials do not linger
		t.buffers.Put(b)
	}
}
