package appinsights

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"

	"gatehouse/internal/export"
	"gatehouse/internal/telemetry"
)

const (
	maxHops   = 10
	maxAnswer = 4 << 20
)

// send makes one request of the items in pieces and reads what became of each.
func (e *Exporter) send(ctx context.Context, pieces []byte, items int) export.Result {
	t := e.target.Load()
	again := func(err error) export.Result { return export.Result{Left: pieces, LeftItems: items, Err: err} }
	token := ""
	if t.token != nil {
		var err error
		if token, err = t.token(ctx); err != nil {
			return again(fmt.Errorf("no token of the identity: %w", err))
		}
	}
	body, err := e.zip(pieces, t.key)
	if err != nil {
		return again(err)
	}
	resp, err := e.post(ctx, t, body, token)
	if err != nil {
		return again(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return again(errors.New("the answer of the endpoint broke off"))
	}
	if resp.StatusCode == http.StatusRequestEntityTooLarge && items > 1 {
		return e.halves(ctx, expand(nil, pieces, nil), items)
	}
	return judge(resp, answer, pieces, items, e.now())
}

// halves sends lines that are too many for one request as two.
func (e *Exporter) halves(ctx context.Context, lines []byte, items int) export.Result {
	at := 0
	for range items / 2 {
		at += bytes.IndexByte(lines[at:], '\n') + 1
	}
	a := e.send(ctx, asPieces(lines[:at]), items/2)
	b := e.send(ctx, asPieces(lines[at:]), items-items/2)
	return a.Plus(b)
}

// zip makes the body of a request: whole envelopes, compressed. It is not used
// again: a transport may still read the body of a request that was answered early.
func (e *Exporter) zip(pieces []byte, key string) ([]byte, error) {
	z := e.zippers.Get().(*zipper)
	defer e.zippers.Put(z)
	var out bytes.Buffer
	out.Grow(len(pieces)/8 + 1024)
	z.Reset(&out)
	texts(pieces, openingWith(key), z.text)
	err := z.end()
	return out.Bytes(), err
}

// zipper is a compressor, which has tables of its own, and the room in which
// small texts become one: few calls, and memory that stays in the processor's
// cache.
type zipper struct {
	*gzip.Writer
	room []byte
	err  error
}

const zipperRoom = 32 << 10

func newZipper() any {
	z, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // fails for other levels
	return &zipper{Writer: z, room: make([]byte, 0, zipperRoom)}
}

func (z *zipper) text(b []byte) {
	if len(z.room)+len(b) > zipperRoom {
		z.flush()
	}
	if len(b) > zipperRoom/8 {
		z.flush()
		z.write(b)
		return
	}
	z.room = append(z.room, b...)
}

func (z *zipper) flush() {
	z.write(z.room)
	z.room = z.room[:0]
}

func (z *zipper) write(b []byte) {
	if z.err == nil && len(b) > 0 {
		_, z.err = z.Write(b)
	}
}

// end completes the stream and gives the first error of it.
func (z *zipper) end() error {
	z.flush()
	err := errors.Join(z.err, z.Close())
	z.err = nil
	return err
}

// openingWith completes items with the key.
func openingWith(key string) []byte {
	return append(telemetry.AppendJSON([]byte(`{"ver":1,"iKey":`), key), ',')
}

// post follows redirects that stay where keys and tokens may go.
func (e *Exporter) post(ctx context.Context, t *target, body []byte, token string) (*http.Response, error) {
	at := t.url
	if t.moved != nil {
		at = t.moved
	}
	for range maxHops + 1 {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, at.String(), bytes.NewReader(body))
		if err != nil {
			return nil, errors.New("the endpoint's address is not valid")
		}
		req.Header.Set("Content-Type", "application/x-json-stream")
		req.Header.Set("Content-Encoding", "gzip")
		req.Header.Set("Accept", "application/json")
		if token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
		resp, err := e.client.Do(req)
		if err != nil {
			return nil, reason(err)
		}
		if resp.StatusCode != http.StatusTemporaryRedirect && resp.StatusCode != http.StatusPermanentRedirect {
			return resp, nil
		}
		_ = resp.Body.Close()
		next, err := resp.Location()
		if err != nil || !follow(at, next) {
			return nil, fmt.Errorf("the endpoint answers %d with another host, to which keys are not sent", resp.StatusCode)
		}
		if resp.StatusCode == http.StatusPermanentRedirect {
			moved := *t
			moved.moved = next
			e.target.CompareAndSwap(t, &moved)
		}
		at = next
	}
	return nil, fmt.Errorf("the endpoint redirects more than %d times", maxHops)
}

// reason leaves the address out of an error: it may hold what is nobody's business.
func reason(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// follow says whether a redirect may have the key: the same host, or from one of
// Azure's own to another, and never from TLS to plain text.
func follow(from, to *url.URL) bool {
	if to.Scheme != "https" && to.Scheme != from.Scheme || to.User != nil {
		return false
	}
	return strings.EqualFold(from.Host, to.Host) || azure(from.Hostname()) && azure(to.Hostname())
}

func azure(host string) bool {
	host = strings.ToLower(host)
	for _, suffix := range []string{".services.visualstudio.com", ".applicationinsights.azure.com", ".applicationinsights.microsoft.com",
		".applicationinsights.us", ".applicationinsights.azure.us", ".applicationinsights.azure.cn", ".monitor.azure.com"} {
		if strings.HasSuffix(host, suffix) {
			return true
		}
	}
	return false
}

// answer is the body of the protocol's response.
type answer struct {
	Received int `json:"itemsReceived"`
	Accepted int `json:"itemsAccepted"`
	Errors   []struct {
		Index   int    `json:"index"`
		Status  int    `json:"statusCode"`
		Message string `json:"message"`
	} `json:"errors"`
}

// judge reads a response: what was taken, what never will be, what to try again.
func judge(resp *http.Response, body, pieces []byte, items int, now time.Time) export.Result {
	var a answer
	known := json.Unmarshal(body, &a) == nil
	after := export.RetryAfter(resp.Header.Get("Retry-After"), now)
	again := export.Result{Left: pieces, LeftItems: items, After: after, Err: fault(resp.StatusCode)}
	never := func(reason string) export.Result {
		return export.Result{Dropped: map[string]int{reason: items}, Err: fault(resp.StatusCode)}
	}
	switch code := resp.StatusCode; {
	case code == http.StatusPartialContent && known:
		return a.sort(expand(nil, pieces, nil), items, after)
	case code == http.StatusPartialContent:
		again.Partial = true
		return again
	case code >= 200 && code < 300:
		return export.Result{Sent: items}
	case code == http.StatusBadRequest && known && len(a.Errors) > 0 && len(a.Errors) < items:
		return a.sort(expand(nil, pieces, nil), items, after) // the rest is good: it is sent again without them
	case code == http.StatusRequestEntityTooLarge:
		return never(export.ReasonTooLarge)
	case code == http.StatusPaymentRequired:
		return never(export.ReasonQuota)
	case code == http.StatusUnauthorized || code == http.StatusForbidden || code == http.StatusNotFound || retryable(code):
		return again
	case code >= 300 && code < 400:
		return again
	}
	return never(export.ReasonRejected)
}

// retryable are the codes of a request or an item that may be taken later.
func retryable(code int) bool { return code == 408 || code == 429 || code == 439 || code >= 500 }

// sampledOut is what an endpoint says of an item that it does not want.
const sampledOut = "Telemetry sampled out."

// sort tells the items of a partial answer apart. An item of which nothing is
// said was taken, unless the answer is a refusal of all (400 takes none).
func (a *answer) sort(lines []byte, items int, after time.Duration) export.Result {
	r := export.Result{Dropped: map[string]int{}, After: after, Partial: true}
	refused := map[int]int{}
	for _, x := range a.Errors {
		if x.Index < 0 || x.Index >= items {
			continue
		}
		refused[x.Index] = x.Status
		if x.Message == sampledOut {
			refused[x.Index] = 0
		}
	}
	var left []byte
	none := a.Accepted == 0 && len(refused) < items
	n := 0
	for line := range bytes.Lines(lines) {
		code, bad := refused[n]
		n++
		switch {
		case bad && code == 0:
			r.Dropped[export.ReasonSampled]++
		case bad && !retryable(code) && code != 401 && code != 403:
			r.Dropped[export.ReasonRejected]++
		case bad, none:
			left = append(left, line...)
			r.LeftItems++
		default:
			r.Sent++
		}
		if bad && r.Err == nil && code != 0 {
			r.Err = fmt.Errorf("the endpoint took %d of %d items; of the first of the others it says %w", a.Accepted, items, fault(code))
		}
	}
	if r.LeftItems > 0 {
		r.Left = asPieces(left)
	}
	return r
}

// fault says what an answer means and how to mend it. The endpoint's own text
// is left out: it may repeat the key.
func fault(code int) error {
	hint := ""
	switch code {
	case 400:
		hint = ": the items or the instrumentation key are not valid there"
	case 401:
		hint = ": it wants the token of an identity; set identity, or allow local authentication"
	case 403:
		hint = ": the identity needs the role Monitoring Metrics Publisher, or the network is not allowed"
	case 402:
		hint = ": the quota is used up"
	case 404:
		hint = ": no ingestion endpoint is there; check IngestionEndpoint"
	case 413:
		hint = ": the request is too large"
	case 429:
		hint = ": too many requests"
	case 439:
		hint = ": the daily cap is reached"
	}
	return fmt.Errorf("the endpoint answers %d%s", code, hint)
}
