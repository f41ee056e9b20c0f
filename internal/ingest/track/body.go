package track

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

// read gives the body, decompressed. Both sizes are bounded, and so is the
// time, since a slow sender holds a slot.
func (r *Receiver) read(w http.ResponseWriter, req *http.Request, pending *pending) ([]byte, *fault) {
	limit := int64(r.options.MaxBodyBytes)
	if req.ContentLength > limit {
		return nil, r.tooLarge()
	}
	control := http.NewResponseController(w)
	// A writer without deadlines is that of a test, or has limits of its own.
	_ = control.SetReadDeadline(time.Now().Add(r.options.ReadTimeout))
	from, f := decompressed(req.Header.Get("Content-Encoding"), http.MaxBytesReader(w, req.Body, limit))
	if f != nil {
		return nil, f
	}
	var body bytes.Buffer
	pending.from = from
	n, err := body.ReadFrom(io.LimitReader(pending, limit+1))
	switch {
	case err != nil:
		return nil, r.unreadable(err)
	case n > limit:
		return nil, r.tooLarge()
	}
	_ = control.SetReadDeadline(time.Time{})
	return body.Bytes(), nil
}

// pending counts the bytes of a body among those of all bodies: a few senders
// of large ones must not take all memory together.
type pending struct {
	from  io.Reader
	of    *Receiver
	bytes int64
}

var errPending = errors.New("too many bytes are pending")

func (p *pending) Read(b []byte) (int, error) {
	n, err := p.from.Read(b)
	p.bytes += int64(n)
	if p.of.pending.Add(int64(n)) > int64(p.of.options.MaxPending) {
		return n, errPending
	}
	return n, err
}

// release gives the bytes back.
func (p *pending) release() { p.of.pending.Add(-p.bytes) }

func decompressed(encoding string, body io.Reader) (io.Reader, *fault) {
	var out io.Reader
	var err error
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "", "identity":
		return body, nil
	case "gzip", "x-gzip":
		out, err = gzip.NewReader(body)
	case "deflate":
		out, err = inflate(body)
	default:
		return nil, &fault{status: http.StatusUnsupportedMediaType, message: "Content-Encoding must be gzip, deflate or identity"}
	}
	if err != nil {
		return nil, &fault{status: http.StatusBadRequest, message: "the body is not what its Content-Encoding says"}
	}
	return out, nil
}

// inflate reads both things that are called deflate: with zlib's header, as the
// standard says, and without.
func inflate(body io.Reader) (io.Reader, error) {
	b := bufio.NewReader(body)
	head, err := b.Peek(2)
	if err == nil && head[0]&0x0f == 8 && (int(head[0])<<8|int(head[1]))%31 == 0 {
		return zlib.NewReader(b)
	}
	return flate.NewReader(b), nil
}

func (r *Receiver) tooLarge() *fault {
	return &fault{status: http.StatusRequestEntityTooLarge, message: fmt.Sprintf("the body is larger than %d bytes; send fewer items at a time", r.options.MaxBodyBytes)}
}

func (r *Receiver) unreadable(err error) *fault {
	if large := (*http.MaxBytesError)(nil); errors.As(err, &large) {
		return r.tooLarge()
	}
	if errors.Is(err, errPending) {
		return &fault{status: http.StatusServiceUnavailable, reason: "pending", message: "many items are under way; send the items again later"}
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return &fault{status: http.StatusServiceUnavailable, message: fmt.Sprintf("the body did not arrive within %v", r.options.ReadTimeout)}
	}
	return &fault{status: http.StatusBadRequest, message: "the body cannot be read: it is cut, or not what its Content-Encoding says"}
}

// split finds the items of a body by its first byte: an array, one object, or
// lines. A line may be broken without harm to the others; an array may not.
func split(body []byte, limit int) ([]json.RawMessage, *fault) {
	body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))
	body = bytes.TrimSpace(body)
	tooMany := &fault{status: http.StatusRequestEntityTooLarge, message: fmt.Sprintf("more than %d items; send fewer at a time", limit)}
	switch {
	case len(body) == 0:
		return nil, &fault{status: http.StatusBadRequest, message: "the body is empty"}
	case body[0] == '[':
		return array(body, limit, tooMany)
	case body[0] != '{':
		return nil, &fault{status: http.StatusBadRequest, message: "the body is neither a JSON array of items nor lines of them"}
	case json.Valid(body):
		return []json.RawMessage{body}, nil
	}
	var items []json.RawMessage
	for line := range bytes.SplitSeq(body, []byte("\n")) {
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		if len(items) == limit {
			return nil, tooMany
		}
		items = append(items, line)
	}
	return items, nil
}

func array(body []byte, limit int, tooMany *fault) ([]json.RawMessage, *fault) {
	bad := func(offset int64) ([]json.RawMessage, *fault) {
		return nil, &fault{status: http.StatusBadRequest, message: fmt.Sprintf("the JSON array is broken near byte %d; nothing of it was stored", offset)}
	}
	d := json.NewDecoder(bytes.NewReader(body))
	if _, err := d.Token(); err != nil {
		return bad(0)
	}
	var items []json.RawMessage
	for d.More() {
		var one json.RawMessage
		if err := d.Decode(&one); err != nil {
			return bad(d.InputOffset())
		}
		if len(items) == limit {
			return nil, tooMany
		}
		items = append(items, one)
	}
	if _, err := d.Token(); err != nil {
		return bad(d.InputOffset())
	}
	if len(bytes.TrimSpace(body[d.InputOffset():])) > 0 {
		return bad(d.InputOffset())
	}
	return items, nil
}
