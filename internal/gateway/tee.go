package gateway

import (
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"
)

// tee counts what passes and keeps the first bytes of it.
type tee struct {
	limit int
	total int64
	kept  strings.Builder // whose text is given away without a copy
}

func (t *tee) see(p []byte) {
	t.total += int64(len(p))
	if room := t.limit - t.kept.Len(); room > 0 && len(p) > 0 {
		t.kept.Write(p[:min(room, len(p))])
	}
}

// expect makes room for what will be kept of a body whose size is known.
func (t *tee) expect(size int64) {
	if size > 0 && t.limit > 0 {
		t.kept.Grow(int(min(int64(t.limit), size)))
	}
}

// requestBody counts a request's body, enforces its limit, and remembers that
// the client failed to send it. It is not pooled and it locks: an upload may
// still be read by its transport when the exchange is over.
type requestBody struct {
	io.ReadCloser
	max    int64         // 0: no limit
	sent   bool          // handed to a transport; only the request's goroutine uses it
	idle   time.Duration // how long the client may send nothing, 0: for ever
	limit  *http.ResponseController
	mu     sync.Mutex
	tee    tee
	failed error
	over   bool // the exchange is: the connection may serve another request
}

var errRequestStalled = errors.New("the client stopped sending the request body")

func (b *requestBody) Read(p []byte) (int, error) {
	b.deadline(b.idle)
	n, err := b.ReadCloser.Read(p)
	if b.idle > 0 && errors.Is(err, os.ErrDeadlineExceeded) {
		err = errRequestStalled // net/http need not wait for the rest either: the bound stays
	} else if err != nil {
		b.deadline(0) // the connection goes on to be watched for the client's leaving
	}
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

// deadline bounds the next read of the client's connection; 0 takes the bound off.
func (b *requestBody) deadline(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.idle <= 0 || b.over {
		return
	}
	at := time.Time{}
	if d > 0 {
		at = time.Now().Add(d)
	}
	_ = b.limit.SetReadDeadline(at)
}

// end keeps a transport that still reads from the connection's next request.
func (b *requestBody) end() {
	if b == nil {
		return
	}
	b.mu.Lock()
	b.over = true
	b.mu.Unlock()
}

// state is what was seen so far; a nil body saw nothing.
func (b *requestBody) state() (total int64, kept string, failed error) {
	if b == nil {
		return 0, "", nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.tee.total, b.tee.kept.String(), b.failed
}
