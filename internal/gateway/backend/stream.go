package backend

import (
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"
	"time"
)

// stream sends a request by net/http's Transport.
func (t *Transport) stream(r *http.Request, c Call) (*http.Response, error) {
	upgrade := UpgradeType(r.Header)
	ctx, cancel := context.WithCancelCause(r.Context())
	limit := c.Timeout
	if limit <= 0 {
		limit = math.MaxInt64
	}
	timer := time.AfterFunc(limit, func() { cancel(ErrTimeout) })
	out := r.WithContext(ctx)
	out.Header = outgoingHeader(r.Header, upgrade)
	if out.Header["Te"] != nil && r.URL.Scheme == "http" && c.Version != HTTP2 {
		out.Header["Connection"] = []string{"TE"} // as HTTP/1.1 wants; HTTP/2 forbids it
	}
	if hasBody(r) {
		out.Body = requestBody{r.Body}
	}
	response, err := t.version(r, c.Version, upgrade).RoundTrip(out)
	if !timer.Stop() && err == nil { // the timer fired together with the headers
		err = ErrTimeout
		response.Body.Close()
	}
	if err == nil {
		err = checkSwitch(response, upgrade)
	}
	if err != nil {
		err = streamError(r.Context(), ctx, err)
		cancel(nil)
		return nil, err
	}
	idle := t.options.BodyIdleTimeout
	if c.Endless {
		idle = 0
	}
	t.wrap(response, idle, cancel, func(err error) error { return streamError(r.Context(), ctx, err) })
	return response, nil
}

// requestBody marks errors of reading the request's body.
type requestBody struct{ io.ReadCloser }

func (b requestBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		err = fmt.Errorf("%w: %w", ErrRequestBody, err)
	}
	return n, err
}

// streamError gives an error of net/http its kind. caller is the request's own
// context, call the one derived from it for this call.
func streamError(caller, call context.Context, err error) error {
	if left := contextError(caller); left != nil {
		return left
	}
	if cause := context.Cause(call); cause != nil {
		return cause
	}
	// net/http has no type for refused responses, only this text.
	if strings.Contains(err.Error(), "malformed") || strings.Contains(err.Error(), "bad Content-Length") {
		return protocolError("its head or framing is malformed") // err may quote the response
	}
	return err
}

// checkSwitch closes a 101 response that does not answer the request's Upgrade.
func checkSwitch(response *http.Response, asked string) error {
	if response.StatusCode != http.StatusSwitchingProtocols {
		return nil
	}
	if got := UpgradeType(response.Header); asked == "" || !strings.EqualFold(got, asked) {
		response.Body.Close()
		return protocolError("it switches to a protocol that was not asked for")
	}
	return nil
}

// outgoingHeader copies a header without the hop-by-hop fields and keeps an upgrade.
func outgoingHeader(in http.Header, upgrade string) http.Header {
	out := make(http.Header, len(in)+2)
	for name, values := range in {
		out[name] = values
	}
	trailers := hasToken(in["Te"], "trailers")
	RemoveHopByHop(out)
	if trailers { // gRPC servers insist on it; net/http sends it as it is
		out["Te"] = []string{"trailers"}
	}
	if upgrade != "" {
		out["Connection"], out["Upgrade"] = []string{"Upgrade"}, []string{upgrade}
	}
	if _, ok := out["User-Agent"]; !ok {
		out["User-Agent"] = []string{""} // net/http would send its own
	}
	return out
}

// version returns the http.Transport for an HTTP version.
func (t *Transport) version(r *http.Request, version, upgrade string) *http.Transport {
	switch {
	case upgrade != "":
		version = HTTP1
	case version == "" && r.URL.Scheme == "https":
		version = HTTP2or1
	case version == "":
		version = HTTP1
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	one := t.versions[version]
	if one == nil {
		one = t.newVersion(version)
		t.versions[version] = one
	}
	return one
}

func (t *Transport) newVersion(version string) *http.Transport {
	o := &t.options
	var protocols http.Protocols
	protocols.SetHTTP1(version != HTTP2)
	protocols.SetHTTP2(version != HTTP1)
	protocols.SetUnencryptedHTTP2(version == HTTP2)
	h := &http.Transport{
		DialContext:            t.dial,
		TLSClientConfig:        t.tls.Clone(),
		TLSHandshakeTimeout:    o.DialTimeout,
		DisableCompression:     true, // bodies pass as they are
		MaxIdleConns:           o.MaxIdleTotal,
		MaxIdleConnsPerHost:    o.MaxIdle,
		IdleConnTimeout:        o.IdleTimeout,
		ExpectContinueTimeout:  time.Second,
		MaxResponseHeaderBytes: int64(o.MaxHeaderBytes),
		WriteBufferSize:        16 << 10,
		ReadBufferSize:         16 << 10,
		Protocols:              &protocols,
	}
	if t.proxy != nil {
		h.Proxy = http.ProxyURL(t.proxy)
	}
	return h
}

// wrap ties the call's context to the response body and drops hop-by-hop headers.
func (t *Transport) wrap(response *http.Response, idle time.Duration, cancel context.CancelCauseFunc, explain func(error) error) {
	if response.StatusCode == http.StatusSwitchingProtocols {
		if rwc, ok := response.Body.(io.ReadWriteCloser); ok {
			response.Body = &switchedBody{ReadWriteCloser: rwc, cancel: cancel}
			return
		}
	}
	RemoveHopByHop(response.Header)
	body := &streamBody{stream: response.Body, explain: explain, cancel: cancel, idle: idle}
	if body.idle > 0 {
		body.timer = time.AfterFunc(body.idle, func() { cancel(ErrBodyIdle) })
		body.timer.Stop()
	}
	response.Body = body
}

// switchedBody is the connection after a 101.
type switchedBody struct {
	io.ReadWriteCloser
	cancel context.CancelCauseFunc
}

func (b *switchedBody) Close() error {
	err := b.ReadWriteCloser.Close()
	b.cancel(nil)
	return err
}

// streamBody watches the time between reads of a net/http body.
type streamBody struct {
	stream  io.ReadCloser
	explain func(error) error // gives an error its kind
	cancel  context.CancelCauseFunc
	idle    time.Duration
	timer   *time.Timer
}

func (b *streamBody) Read(p []byte) (int, error) {
	if b.timer != nil {
		b.timer.Reset(b.idle)
		defer b.timer.Stop()
	}
	n, err := b.stream.Read(p)
	switch {
	case err == nil:
	case err == io.EOF:
		b.cancel(nil)
	default:
		err = b.explain(err)
	}
	return n, err
}

func (b *streamBody) Close() error {
	if b.timer != nil {
		b.timer.Stop()
	}
	err := b.stream.Close()
	b.cancel(nil)
	return err
}
