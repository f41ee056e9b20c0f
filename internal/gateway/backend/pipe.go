package backend

import (
	"context"
	"errors"
	"io"
	"net"
	"time"
)

// PipeResult is what passed through an upgraded connection.
type PipeResult struct {
	Sent     int64 // bytes from the client to the backend
	Received int64 // bytes from the backend to the client
	Err      error // of the side that broke; nil when one side ended cleanly
}

// Pipe copies an upgraded connection both ways until both sides ended, one
// broke, or ctx is done, and closes both. When one side ends its sending, the
// other may go on for linger.
func Pipe(ctx context.Context, client, backend io.ReadWriteCloser, linger time.Duration) PipeResult {
	closeBoth := func() { client.Close(); backend.Close() }
	stop := context.AfterFunc(ctx, closeBoth)
	defer stop()
	type end struct {
		up  bool
		n   int64
		err error
	}
	ends := make(chan end, 2)
	run := func(up bool, to io.WriteCloser, from io.Reader) {
		n, err := io.Copy(to, from)
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
	return result
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
