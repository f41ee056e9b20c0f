package gateway

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"gatehouse/internal/gateway/backend"
	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
	"gatehouse/internal/telemetry"
)

// fallback puts Azure's default answer for a failure into context.Response:
// one line of JSON with a space inside each brace and after each colon.
func (x *exchange) fallback(c *policy.Context, e *policy.Error) {
	x.blameClient(e)
	if e.KeepResponse && c.Response != nil {
		return
	}
	status := e.Status
	if status == 0 {
		status = http.StatusInternalServerError
	}
	text := e.Body
	if text == "" {
		text = e.Message
	}
	quoted, _ := json.Marshal(text) // a string always marshals
	body := `{ "statusCode": ` + strconv.Itoa(status) + `, "message": ` + string(quoted)
	if status == http.StatusInternalServerError {
		body += `, "activityId": "` + formatGuid(c.RequestID) + `"`
	}
	h := expr.Header{"Content-Type": {"application/json"}}
	for name, value := range e.Header {
		h[name] = []string{value}
	}
	if c.Response != nil {
		_ = c.Response.Body.Close()
	}
	c.Response = &expr.Response{StatusCode: status, StatusReason: http.StatusText(status), Header: h, Body: expr.BytesBody([]byte(body + " }"))}
}

// blameClient gives the failure of a statement that read the client's body its
// true reason: the body was too large or did not arrive.
func (x *exchange) blameClient(e *policy.Error) {
	_, _, failed := x.body.state()
	cause := error(nil)
	switch {
	case errors.Is(e.Err, errRequestTooLarge), errors.Is(e.Err, expr.ErrBodyTooLarge) && x.Context.Response == nil:
		cause = errRequestTooLarge
	case failed != nil && errors.Is(e.Err, failed):
		cause = failed
	default:
		return
	}
	blame := x.bodyError(cause)
	blame.Scope, blame.Section, blame.Path, blame.PolicyID = e.Scope, e.Section, e.Path, e.PolicyID
	*e = *blame
}

func formatGuid(g expr.Guid) string {
	const digits = "0123456789abcdef"
	var b [36]byte
	j := 0
	for i, v := range g {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			b[j] = '-'
			j++
		}
		b[j], b[j+1] = digits[v>>4], digits[v&15]
		j += 2
	}
	return string(b[:])
}

// hopByHop headers belong to one connection and are never passed on.
func hopByHop(name string) bool {
	switch name {
	case "Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade":
		return true
	}
	return false
}

// respond writes context.Response to the client. The exchange is successful
// only when all of it was sent.
func (x *exchange) respond() {
	e := x.Exchange
	if x.Context.Response == nil {
		// Nothing forwarded and nothing returned: an empty 200, as in Azure.
		x.Context.Response = &expr.Response{StatusCode: http.StatusOK, Header: expr.Header{}}
	}
	resp := x.Context.Response
	if !finalStatus(resp.StatusCode) {
		resp.StatusCode = http.StatusInternalServerError
		e.Outcome = telemetry.OutcomeError
		e.Failure = telemetry.Failure{Source: "gateway", Reason: "InvalidStatusCode", Message: "The status code that the policy set cannot end a request."}
	}
	if x.grpc && resp != x.answer {
		x.answerGRPC(resp)
	}
	e.Status = resp.StatusCode
	if p := x.variant.capture; p != nil {
		x.captureHeaders(telemetry.FrontendResponse, &p.response, resp.Header)
		x.response.limit = p.response.bodyBytes
		x.response.expect(resp.Body.Size())
	}
	if resp.StatusCode == http.StatusSwitchingProtocols {
		x.upgrade(resp)
		return
	}
	x.writeHeader(resp)
	err := x.writeBody(resp)
	e.RequestBytes, _, _ = x.body.state() // taps count it
	for _, t := range x.Taps() {
		t.Done(err == nil)
	}
	if err != nil {
		x.cut(err)
	} else if resp == x.answer {
		x.sendTrailers()
	}
	if x.grpc {
		x.noteGRPC()
	}
}

// see shows a piece of the body to whatever watches it.
func (x *exchange) see(p []byte) {
	x.response.see(p)
	for _, t := range x.Taps() {
		t.See(p)
	}
}

func (x *exchange) writeHeader(resp *expr.Response) {
	h := x.w.Header()
	for name, values := range resp.Header {
		if !hopByHop(name) {
			h[name] = values
		}
	}
	for name, values := range x.FinalHeader {
		h[name] = values
	}
	if s := x.Exchange.Endpoint.RequestContext; s != "" {
		h["Request-Context"] = []string{s}
	}
	if _, ok := h["Content-Type"]; !ok {
		h["Content-Type"] = nil // or net/http would guess one from the body
	}
	delete(h, "Content-Length")
	if size := resp.Body.Size(); size >= 0 && bodyAllowed(resp.StatusCode) && (size > 0 || x.r.Method != http.MethodHead) {
		h["Content-Length"] = []string{strconv.FormatInt(size, 10)}
	} else if x.r.Method == http.MethodHead {
		if v := resp.Header.Values("Content-Length"); len(v) == 1 {
			h["Content-Length"] = v
		}
	}
	x.w.WriteHeader(resp.StatusCode)
}

// finalStatus tells whether a status can be that of a whole response: net/http
// sends other 1xx at once and then a 200 of its own.
func finalStatus(status int) bool {
	return status >= 200 && status <= 999 || status == http.StatusSwitchingProtocols
}

func bodyAllowed(status int) bool { return status >= 200 && status != 204 && status != 304 }

var buffers = sync.Pool{New: func() any { b := make([]byte, 32<<10); return &b }}

var errShort = errors.New("the backend's response ended early")

func (x *exchange) writeBody(resp *expr.Response) error {
	if !bodyAllowed(resp.StatusCode) {
		return x.flush()
	}
	if data, ok := resp.Body.Buffered(); ok {
		x.see(data)
		if _, err := x.w.Write(data); err != nil {
			return err
		}
		return x.flush()
	}
	size := resp.Body.Size()
	body, _ := resp.Body.Take()
	if body == nil && x.grpc { // its status must come with the end of the stream
		return nil
	}
	if body == nil {
		return x.flush()
	}
	defer body.Close()
	if x.grpc || size < 0 && strings.HasPrefix(http.Header(resp.Header).Get("Content-Type"), "text/event-stream") { // may begin with nothing but headers
		if err := x.flush(); err != nil {
			return err
		}
	}
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	for {
		n, err := body.Read(*buf)
		if n > 0 {
			x.see((*buf)[:n])
			if _, werr := x.w.Write((*buf)[:n]); werr != nil {
				return werr
			}
			// Unknown length: events must reach the client as they come.
			if size < 0 {
				if werr := x.flush(); werr != nil {
					return werr
				}
			}
		}
		if err == io.EOF {
			return x.flush()
		}
		if err != nil {
			return errors.Join(errShort, err)
		}
	}
}

// flush pushes the bytes out so that a client that left is noticed.
func (x *exchange) flush() error {
	if f, ok := x.w.(interface{ FlushError() error }); ok {
		return f.FlushError()
	}
	return nil
}

// cut notes that the response was not sent whole. When the backend broke off,
// the connection to the client must break too: an ended chunked body would
// look complete.
func (x *exchange) cut(err error) {
	e := x.Exchange
	if errors.Is(err, errShort) && x.r.Context().Err() == nil {
		e.Outcome = telemetry.OutcomeError
		e.Failure = telemetry.Failure{Source: "forward-request", Reason: "BackendConnectionFailure", Message: errShort.Error(), Section: "backend"}
		if x.grpc {
			x.cutGRPC()
			return
		}
		x.abort = true
		return
	}
	if x.endsAtWill() {
		return
	}
	e.Outcome = telemetry.OutcomeClientClosed
	e.Failure = telemetry.Failure{Source: "transfer-response", Reason: "ClientConnectionFailure", Message: "The client closed the connection before the whole response was sent.", Section: "outbound"}
}

// endsAtWill tells whether the response is a stream of events: its client leaves
// when it has seen enough, which is no failure.
func (x *exchange) endsAtWill() bool {
	if x.gateway.options.StrictStreams {
		return false
	}
	resp := x.Context.Response
	return x.api != nil && x.api.mcp != nil || resp != nil && strings.HasPrefix(http.Header(resp.Header).Get("Content-Type"), "text/event-stream")
}

// upgrade joins the client's connection with the backend's, for WebSocket.
func (x *exchange) upgrade(resp *expr.Response) {
	if x.subscribes {
		x.serveSubscriptions(resp)
		return
	}
	body, _ := resp.Body.Take()
	stream, ok := body.(io.ReadWriteCloser)
	if !ok {
		resp.StatusCode, resp.Header = http.StatusBadGateway, expr.Header{}
		x.Exchange.Status = resp.StatusCode
		x.writeHeader(resp)
		return
	}
	client, err := x.switchProtocol(resp)
	if err != nil {
		_ = stream.Close()
		x.cut(err)
		return
	}
	result := backend.Pipe(x.r.Context(), client, stream, upgradeLinger, x.gateway.options.UpgradeIdleTimeout)
	x.Exchange.RequestBytes = result.Sent
	x.response.total += result.Received
	for _, t := range x.Taps() {
		if t, ok := t.(policy.ByteTap); ok {
			t.Passed(result.Received)
			t.Done(result.Err == nil)
		}
	}
	if result.Err != nil {
		x.gateway.options.Log.Debug("upgraded connection broke", "error", result.Err)
	}
}

// upgradeLinger is how long one side of an upgraded connection may go on
// sending after the other has stopped.
const upgradeLinger = 5 * time.Second

// hijacked is the client's connection with what was already read from it.
type hijacked struct {
	net.Conn
	r io.Reader
}

func (h hijacked) Read(p []byte) (int, error) { return h.r.Read(p) }

// switchProtocol takes the connection over and writes the 101 head.
func (x *exchange) switchProtocol(resp *expr.Response) (io.ReadWriteCloser, error) {
	conn, rw, err := http.NewResponseController(x.w).Hijack()
	if err != nil {
		return nil, err
	}
	_ = conn.SetDeadline(time.Time{})
	head := http.Header(resp.Header).Clone()
	for name, values := range x.FinalHeader {
		head[name] = values
	}
	_, err = rw.WriteString("HTTP/1.1 101 Switching Protocols\r\n")
	err = errors.Join(err, head.Write(rw))
	_, last := rw.WriteString("\r\n")
	if err = errors.Join(err, last, rw.Flush()); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return hijacked{Conn: conn, r: rw.Reader}, nil
}
