package expr

import (
	"bytes"
	"errors"
	"io"
	"net/textproto"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Header holds the header fields of a message under canonical names
// (textproto.CanonicalMIMEHeaderKey). It has the memory layout of net/http's
// header so that it converts without copying, and none of its behaviour, so
// that the HTTP stack can change.
type Header map[string][]string

// Values returns all values of a field; any letter case.
func (h Header) Values(name string) []string {
	if v, ok := h[name]; ok {
		return v
	}
	return h[textproto.CanonicalMIMEHeaderKey(name)]
}

// Get returns the first value of a field, "" when it is absent.
func (h Header) Get(name string) string {
	if v := h.Values(name); len(v) > 0 {
		return v[0]
	}
	return ""
}

// Has tells whether the field is present.
func (h Header) Has(name string) bool { return len(h.Values(name)) > 0 }

// Set replaces a field.
func (h Header) Set(name string, values ...string) {
	h[textproto.CanonicalMIMEHeaderKey(name)] = values
}

// Add appends values to a field.
func (h Header) Add(name string, values ...string) {
	key := textproto.CanonicalMIMEHeaderKey(name)
	h[key] = append(slices.Clip(h[key]), values...)
}

// Del removes a field.
func (h Header) Del(name string) { delete(h, textproto.CanonicalMIMEHeaderKey(name)) }

// URL is IUrl. Path is unescaped-as-received (raw); RawQuery has no "?".
type URL struct {
	Scheme, Host string
	Port         int // 0: the scheme's default
	Path         string
	RawQuery     string
}

// ParseURL reads an absolute URL.
func ParseURL(s string) (URL, error) {
	u, err := url.Parse(s)
	if err != nil {
		return URL{}, err
	}
	if u.Scheme == "" || u.Host == "" {
		return URL{}, errors.New("not an absolute URL")
	}
	port, _ := strconv.Atoi(u.Port())
	return URL{Scheme: strings.ToLower(u.Scheme), Host: u.Hostname(), Port: port, Path: u.EscapedPath(), RawQuery: u.RawQuery}, nil
}

// EffectivePort is Port, or the default port of the scheme.
func (u *URL) EffectivePort() int {
	switch {
	case u.Port != 0:
		return u.Port
	case u.Scheme == "https" || u.Scheme == "wss":
		return 443
	}
	return 80
}

// Authority is host[:port] with the port left out when it is the scheme's default.
func (u *URL) Authority() string {
	host := u.Host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if u.Port == 0 || (u.Port == 443 && u.Scheme == "https") || (u.Port == 80 && u.Scheme == "http") {
		return host
	}
	return host + ":" + strconv.Itoa(u.Port)
}

// String is the whole URL.
func (u *URL) String() string {
	s := u.Scheme + "://" + u.Authority() + u.Path
	if u.RawQuery != "" {
		s += "?" + u.RawQuery
	}
	return s
}

// Body is IMessageBody: a stream that is buffered only when somebody reads it.
type Body struct {
	stream   io.ReadCloser
	data     []byte
	state    bodyState
	size     int64 // of the stream, -1: unknown
	maxBytes int64 // buffering limit, 0: DefaultMaxBody
	failed   error // why the stream could not be buffered: what it held is lost
	parsed   *parsedBody
	granted  bool // counted by the budget of the request
}

type bodyState uint8

const (
	bodyNone     bodyState = iota // the message has no body
	bodyStream                    // not read yet
	bodyBuffered                  // in data
	bodyConsumed                  // read without preserveContent, or sent
)

// DefaultMaxBody is how many bytes of a body are buffered for policies that read it.
const DefaultMaxBody = 8 << 20

// Errors of Body.
var (
	ErrBodyConsumed = errors.New("the body was already read; pass preserveContent: true to the first read")
	ErrBodyTooLarge = errors.New("the body is larger than the limit for policies that read it")
)

// StreamBody makes a body from a stream of size bytes, -1 when unknown.
func StreamBody(r io.ReadCloser, size int64) Body {
	if r == nil || size == 0 {
		return Body{}
	}
	return Body{stream: r, state: bodyStream, size: size}
}

// BytesBody makes a buffered body.
func BytesBody(b []byte) Body { return Body{data: b, state: bodyBuffered, size: int64(len(b))} }

// SetLimit sets how many bytes may be buffered.
func (b *Body) SetLimit(n int64) { b.maxBytes = n }

// Present tells whether the message has a body; false is context.Request.Body == null.
func (b *Body) Present() bool { return b.state != bodyNone }

// Size is the number of bytes, -1 when it is not known yet, 0 without a body
// or when it was consumed.
func (b *Body) Size() int64 {
	switch b.state {
	case bodyStream:
		return b.size
	case bodyBuffered:
		return int64(len(b.data))
	}
	return 0
}

// Bytes reads the whole body. With preserve it stays readable and sendable;
// without, this read consumes it. The caller must not change the bytes.
func (b *Body) Bytes(preserve bool) ([]byte, error) {
	switch b.state {
	case bodyNone:
		return nil, nil
	case bodyConsumed:
		if b.failed != nil {
			return nil, b.failed
		}
		return nil, ErrBodyConsumed
	}
	if err := b.Buffer(); err != nil {
		return nil, err
	}
	data := b.data
	if !preserve {
		*b = Body{state: bodyConsumed, maxBytes: b.maxBytes}
	}
	return data, nil
}

// Buffer reads the stream into memory so that the body can be sent more than once.
func (b *Body) Buffer() error {
	if b.state != bodyStream {
		return b.failed
	}
	limit := b.maxBytes
	if limit == 0 {
		limit = DefaultMaxBody
	}
	if b.size > limit {
		return ErrBodyTooLarge
	}
	var buf bytes.Buffer
	if b.size > 0 {
		buf.Grow(int(b.size))
	}
	n, err := buf.ReadFrom(io.LimitReader(b.stream, limit+1))
	closeErr := b.stream.Close()
	b.stream, b.state = nil, bodyConsumed
	if err == nil && n > limit {
		err = ErrBodyTooLarge
	}
	if err != nil {
		b.failed = err
		return err
	}
	b.data, b.state = buf.Bytes(), bodyBuffered
	return closeErr
}

// Peek gives the whole body when it has at most limit bytes; it is then
// buffered. A longer one stays the stream that it was, and whole is false.
func (b *Body) Peek(limit int64) (data []byte, whole bool) {
	if b.state != bodyStream {
		return b.data, b.state != bodyConsumed
	}
	if b.size > limit {
		return nil, false
	}
	head, err := io.ReadAll(io.LimitReader(b.stream, limit+1))
	if err == nil && int64(len(head)) <= limit {
		err = b.stream.Close()
		b.stream, b.data, b.state = nil, head, bodyBuffered
	}
	if err == nil && b.state == bodyBuffered {
		return head, true
	}
	b.rejoin(head, err)
	return nil, false
}

// Head gives up to limit bytes of the beginning of the body and leaves it as it
// was: it still streams. A failure to read comes to the next reader.
func (b *Body) Head(limit int64) []byte {
	if b.state != bodyStream {
		return b.data[:min(limit, int64(len(b.data)))]
	}
	head, err := io.ReadAll(io.LimitReader(b.stream, limit))
	b.rejoin(head, err)
	return head
}

// rejoin puts back what was read of the stream, and why no more was.
func (b *Body) rejoin(head []byte, err error) {
	rest := io.Reader(b.stream)
	if err != nil {
		rest = failingReader{err}
	}
	b.stream = &rejoined{Reader: io.MultiReader(bytes.NewReader(head), rest), Closer: b.stream}
}

// rejoined is a stream whose head was read before.
type rejoined struct {
	io.Reader
	io.Closer
}

type failingReader struct{ err error }

func (f failingReader) Read([]byte) (int, error) { return 0, f.err }

// Buffered gives the bytes when the body is in memory.
func (b *Body) Buffered() ([]byte, bool) { return b.data, b.state == bodyBuffered }

// Take hands the body over for sending: the stream once, or the buffered bytes
// any number of times. It returns nil when there is nothing (left) to send.
func (b *Body) Take() (r io.ReadCloser, size int64) {
	switch b.state {
	case bodyStream:
		r, size = b.stream, b.size
		b.stream, b.state = nil, bodyConsumed
		return r, size
	case bodyBuffered:
		if len(b.data) == 0 {
			return nil, 0
		}
		return NewBodyReader(b.data), int64(len(b.data))
	}
	return nil, 0
}

// NewBodyReader reads bytes as a body stream.
func NewBodyReader(data []byte) io.ReadCloser { return io.NopCloser(bytes.NewReader(data)) }

// Failed is why a stream could not be buffered, nil otherwise: such a body must
// not be sent as if it were empty.
func (b *Body) Failed() error { return b.failed }

// Wrap puts something around a stream that nobody has read yet, to watch it
// pass. It returns false when there is no such stream.
func (b *Body) Wrap(around func(io.ReadCloser) io.ReadCloser) bool {
	if b.state != bodyStream {
		return false
	}
	b.stream = around(b.stream)
	return true
}

// Replayable tells whether Take can be called again with the same result.
func (b *Body) Replayable() bool { return b.state != bodyStream && b.state != bodyConsumed }

// Close drops an unread stream.
func (b *Body) Close() error {
	if b.stream == nil {
		return nil
	}
	s := b.stream
	b.stream, b.state = nil, bodyConsumed
	return s.Close()
}
