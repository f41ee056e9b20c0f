package statement

import (
	"context"
	"io"
	"maps"
	"net/http"
	"strconv"
	"time"

	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
)

// cacheStoreStatement stores the response for cache-lookup, as it is at this
// place of outbound. A body that streams goes on streaming and is stored when
// its end has passed.
type cacheStoreStatement struct {
	duration policy.Int
	response policy.Bool
	explicit bool // cache-response decides; else only 200 is stored
}

// maxCachedBody is the largest body that is stored.
const maxCachedBody = 2 << 20

func cacheStore() *policy.Definition {
	return &policy.Definition{Name: "cache-store", Sections: policy.Outbound, Scopes: policy.AnyScope, StoresResponse: true,
		Attributes: []string{"duration", "cache-response"}, Compile: compileCacheStore}
}

func compileCacheStore(k *policy.Compiler, e *policy.Element) policy.Statement {
	checkChildren(k, e)
	k.Required(e, "duration")
	s := &cacheStoreStatement{duration: k.Int(e, "duration", 0), response: k.Bool(e, "cache-response", false), explicit: e.Attr("cache-response") != nil}
	if a := e.Attr("duration"); a != nil && s.duration.Known() && s.duration.Literal < 0 {
		k.Errorf(a.Value.Pos, "duration=%q: expected a number of seconds, not below 0", a.Value.Text)
	}
	if !k.Has("cache-lookup") {
		k.Warnf(e.Pos, "<cache-store> stores nothing without a <cache-lookup> in inbound")
	}
	return s
}

func (s *cacheStoreStatement) Run(c *policy.Context) error {
	r := c.Response
	if c.Cacheable == nil || r == nil {
		return nil
	}
	wanted := r.StatusCode == http.StatusOK
	if s.explicit {
		var err error
		if wanted, err = s.response.Eval(c); err != nil {
			return err
		}
	}
	seconds, err := s.duration.Eval(c)
	if err != nil || !wanted || seconds <= 0 || !whole(r.StatusCode) {
		return err
	}
	life := duration(seconds)
	entry := &cachedResponse{status: r.StatusCode, reason: r.StatusReason, header: storedHeader(r.Header), expires: c.Now().Add(life)}
	place, services, key := cachePlace{c.Cacheable.External}, c.Services, c.Cacheable.Key
	ctx := context.WithoutCancel(c.Std) // the client may leave with the last piece
	store := func(body []byte) {
		entry.body = body
		place.set(ctx, services, key, entry, life)
	}
	if !keepBody(&r.Body, store) {
		return nil
	}
	if r.Header == nil {
		r.Header = expr.Header{}
	}
	announce(r.Header, c.Cacheable, life)
	return nil
}

// whole tells whether a response with that status says all there is to say.
func whole(status int) bool {
	return status >= 200 && status != http.StatusPartialContent && status != http.StatusNotModified
}

// storedHeader leaves out what belongs to one client or one connection.
func storedHeader(h expr.Header) expr.Header {
	out := maps.Clone(h)
	for _, name := range []string{"Connection", "Content-Length", "Keep-Alive", "Proxy-Authenticate", "Set-Cookie", "Trailer", "Transfer-Encoding", "Upgrade"} {
		delete(out, name)
	}
	return out
}

// keepBody gives store the whole body, now or when its end has passed; false
// when it is too large or gone.
func keepBody(b *expr.Body, store func([]byte)) bool {
	if data, ok := b.Buffered(); ok {
		if len(data) > maxCachedBody {
			return false
		}
		store(data)
		return true
	}
	if !b.Present() {
		store(nil)
		return true
	}
	if b.Size() > maxCachedBody {
		return false
	}
	return b.Wrap(func(r io.ReadCloser) io.ReadCloser { return &passingBody{ReadCloser: r, store: store} })
}

// passingBody keeps what passes until its end.
type passingBody struct {
	io.ReadCloser
	kept  []byte
	store func([]byte) // nil: too large, or stored
}

func (p *passingBody) Read(buf []byte) (int, error) {
	n, err := p.ReadCloser.Read(buf)
	switch {
	case p.store == nil:
	case len(p.kept)+n > maxCachedBody || err != nil && err != io.EOF:
		p.kept, p.store = nil, nil
	default:
		p.kept = append(p.kept, buf[:n]...)
		if err == io.EOF {
			p.store(p.kept)
			p.kept, p.store = nil, nil
		}
	}
	return n, err
}

// cachedResponse is a stored response. It is shared and never changed.
type cachedResponse struct {
	status  int
	reason  string
	header  expr.Header
	body    []byte
	expires time.Time
}

// CacheSize is what the cache counts.
func (r *cachedResponse) CacheSize() int64 {
	size := int64(200 + len(r.body))
	for name, values := range r.header {
		size += int64(64 + len(name))
		for _, v := range values {
			size += int64(16 + len(v))
		}
	}
	return size
}

// response makes context.Response of it.
func (r *cachedResponse) response(now time.Time, entry *policy.Cacheable) *expr.Response {
	out := &expr.Response{StatusCode: r.status, StatusReason: r.reason, Header: maps.Clone(r.header)}
	if out.Header == nil {
		out.Header = expr.Header{}
	}
	if len(r.body) > 0 {
		out.Body = expr.BytesBody(r.body)
	}
	announce(out.Header, entry, r.expires.Sub(now))
	return out
}

// announce tells caches between gateway and client what they may do.
func announce(h expr.Header, entry *policy.Cacheable, life time.Duration) {
	delete(h, "Expires")
	delete(h, "Pragma")
	if entry.Downstream == "none" {
		h["Cache-Control"] = []string{"no-store, must-revalidate, no-cache"}
		return
	}
	text := entry.Downstream + ", max-age=" + strconv.FormatInt(max(0, int64(life/time.Second)), 10)
	if entry.MustRevalidate {
		text += ", must-revalidate"
	}
	h["Cache-Control"] = []string{text}
}
