package gateway

import (
	"io"
	"sync"
)

// tee counts what passes and keeps the first bytes of it.
type tee struct {
	limit int
	total int64
	kept  []byte
}

func (t *tee) see(p []byte) {
	t.total += int64(len(p))
	if room := t.limit - len(t.kept); room > 0 && len(p) > 0 {
		t.kept = append(t.kept, p[:min(room, len(p))]...)
	}
}

// requestBody counts a request's body, enforces its limit, and remembers that
// the client failed to send it. It is not pooled and it locks: an upload may
// still be read by its transport when the exchange is over.
type requestBody struct {
	io.ReadCloser
	max    int64 // 0: no limit
	sent   bool  // handed to a transport; only the request's goroutine uses it
	mu     sync.Mutex
	tee    tee
	failed error
}

func (b *requestBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tee.see(p[:n])
	if err != nil && err != io.EOF {
		b.failed = err
	}
	if b.max > 0 && b.tee.total > b.max {
		b.failed = errRequestTooLarge
		return n, errRequestTooLarge
	}
	return n, err
}

// state is what was seen so far; a nil body saw nothing.
func (b *requestBody) state() (total int64, kept []byte, failed error) {
	if b == nil {
		return 0, nil, nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.tee.total, b.tee.kept, b.failed
}
