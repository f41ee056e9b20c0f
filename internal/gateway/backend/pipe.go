package backend

import (
	"context"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"time"
)

// PipeResult is what passed through an upgraded connection.
type PipeResult struct {
	Sent     int64 // bytes from the client to the backend
	Received int64 // bytes from the backend to the client
	Err      error // of the side that broke; nil when one side ended cleanly
}

// ErrPipeIdle means that an upgraded connection was closed because nothing
// passed through it for too long.
var ErrPipeIdle = errors.New("nothing passed through the upgraded connection for too long")

// Pipe copies an upgraded connection both ways until both sides ended, one
// broke, nothing passed either way for idle (0: for ever), or ctx is done, and
// closes both. When one side ends its sending, the other may go on for linger.
func Pipe(ctx context.Context, client, backend io.ReadWriteCloser, linger, idle time.Duration) PipeResult {
	closeBoth := func() { client.Close(); backend.Close() }
	quiet := watchQuiet(idle, closeBoth)
	defer quiet.stop()
	stop := context.AfterFunc(ctx, closeBoth)
	defer stop()
	type end struct {
		up  bool
		n   int64
		err error
	}
	ends := make(chan end, 2)
	run := func(up bool, to io.WriteCloser, from io.Reader) {
		n, err := io.Copy(to, quiet.reader(from))
		ends <- end{up, n, err}
	}
	go run(true, backend, client)
	go run(false, client, backend)
	var result PipeResult
	note := func(e end) {
		if e.up {
			result.Sent = e.n
		} else {
			result.Received = e.n
		}
	}
	first := <-ends
	note(first)
	result.Err = pipeError(ctx, first.err)
	if first.err == nil && closeWrite(first.up, client, backend) {
		timer := time.AfterFunc(linger, closeBoth)
		defer timer.Stop()
	} else {
		closeBoth()
	}
	note(<-ends)
	closeBoth()
	if quiet.expired.Load() {
		result.Err = ErrPipeIdle
	}
	return result
}

// quiet closes a pipe through which nothing passed for some time.
type quiet struct {
	idle    time.Duration
	last    atomic.Int64 // Unix nanoseconds of the last piece
	expired atomic.Bool
	timer   *time.Timer // nil: for ever
}

func watchQuiet(idle time.Duration, end func()) *quiet {
	q := &quiet{idle: idle}
	if idle <= 0 {
		return q
	}
	q.last.Store(time.Now().UnixNano())
	armed := make(chan struct{})
	q.timer = time.AfterFunc(idle, func() {
		<-armed
		if left := idle - time.Since(time.Unix(0, q.last.Load())); left > 0 {
			q.timer.Reset(left)
			return
		}
		q.expired.Store(true)
		end()
	})
	close(armed)
	return q
}

func (q *quiet) stop() {
	if q.timer != nil {
		q.timer.Stop()
	}
}

func (q *quiet) reader(r io.Reader) io.Reader {
	if q.timer == nil {
		return r
	}
	return quietReader{r, q}
}

type quietReader struct {
	io.Reader
	quiet *quiet
}

func (r quietReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if n > 0 {
		r.quiet.last.Store(time.Now().UnixNano())
	}
	return n, err
}

// closeWrite passes the end of one direction on; false when the connection
// cannot be half closed.
func closeWrite(up bool, client, backend io.ReadWriteCloser) bool {
	to := client
	if up {
		to = backend
	}
	half, ok := to.(interface{ CloseWrite() error })
	return ok && half.CloseWrite() == nil
}

// pipeError is nil for the ways in which connections end in good order.
func pipeError(ctx context.Context, err error) error {
	if left := contextError(ctx); left != nil {
		return left
	}
	if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, io.ErrClosedPipe) {
		return nil
	}
	return err
}
