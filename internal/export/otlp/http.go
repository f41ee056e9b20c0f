package otlp

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"gatehouse/internal/export"
)

const maxAnswer = 1 << 20

type httpTransport struct {
	client  *http.Client
	base    *url.URL
	headers map[string]string
	plain   bool
	now     func() time.Time
}

func newHTTP(u *url.URL, o *Options) *httpTransport {
	return &httpTransport{client: clientTransport(o), base: u, headers: o.Headers, plain: o.Plain, now: o.Now}
}

func (t *httpTransport) close() error {
	t.client.CloseIdleConnections()
	return nil
}

func (t *httpTransport) send(ctx context.Context, s signal, body []byte, items int) (export.Result, bool) {
	again := func(err error) export.Result { return export.Result{Left: body, LeftItems: items, Err: err} }
	sent := body
	if !t.plain {
		var err error
		if sent, err = compressed(body); err != nil {
			return again(err), false
		}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.base.JoinPath(s.path()).String(), bytes.NewReader(sent))
	if err != nil {
		return again(errors.New("the endpoint's address is not valid")), false
	}
	for name, value := range t.headers {
		req.Header.Set(name, value)
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	if !t.plain {
		req.Header.Set("Content-Encoding", "gzip")
	}
	resp, err := t.client.Do(req)
	if err != nil {
		return again(reason(err)), false
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	switch code := resp.StatusCode; {
	case code >= 200 && code < 300 && err != nil:
		return again(errors.New("the answer broke off")), false
	case code >= 200 && code < 300:
		return s.taken(answer, items), false
	case code == http.StatusRequestEntityTooLarge:
		return export.Result{Err: fault(code)}, true
	default:
		return judge(code, export.RetryAfter(resp.Header.Get("Retry-After"), t.now()), again(fault(code)), items), false
	}
}

func compressed(body []byte) ([]byte, error) {
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, gzip.BestSpeed)
	if err != nil {
		return nil, err
	}
	_, _ = z.Write(body) // into memory
	err = z.Close()
	return out.Bytes(), err
}

// judge says what becomes of a request that was not taken. The protocol names
// 429, 502, 503 and 504 as those to try again. So are answers that somebody can
// mend, and, a few times, those of a receiver that fails at this very request.
func judge(code int, after time.Duration, again export.Result, items int) export.Result {
	again.After = after
	switch {
	case code == 408, code == 429, code == 502, code == 503, code == 504, code == 401, code == 403, code == 404, code == 407, code >= 300 && code < 400:
		return again
	case code >= 500:
		again.Partial = true
		return again
	}
	return export.Result{Dropped: map[string]int{export.ReasonRejected: items}, Err: again.Err}
}

// reason leaves the address out of an error.
func reason(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// fault says what an answer means and how to mend it; the receiver's own text
// may repeat a header.
func fault(code int) error {
	hint := ""
	switch {
	case code == 400:
		hint = ": it does not understand the request"
	case code == 401, code == 403:
		hint = ": it wants credentials; check headers"
	case code == 404:
		hint = ": no OTLP receiver is there; check endpoint, which is the part before /v1/traces"
	case code == 413:
		hint = ": the request is too large"
	case code == 429:
		hint = ": too many requests"
	case code >= 300 && code < 400:
		hint = ": it redirects, and headers are not sent to another address; set endpoint to where it leads"
	}
	return fmt.Errorf("the endpoint answers %d%s", code, hint)
}
