package policy

import (
	"context"
	"sync"
)

// Background runs work that outlives its request, such as
// send-one-way-request, and bounds how much is under way.
type Background struct {
	// Panicked is told what work panicked with; without it the panic ends the
	// process.
	Panicked func(value any)
	// Failed is told of work that failed; nobody else hears of it. It may be nil.
	Failed func(source, why string)
	slots  chan struct{}
	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup
}

// NewBackground allows limit pieces of work at once.
func NewBackground(limit int) *Background {
	b := &Background{slots: make(chan struct{}, limit)}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	return b
}

// Go runs work in a goroutine of its own. It returns false, and does nothing,
// when the limit is reached or Close was called.
func (b *Background) Go(work func(ctx context.Context)) bool {
	if b.ctx.Err() != nil {
		return false
	}
	select {
	case b.slots <- struct{}{}:
	default:
		return false
	}
	b.work.Go(func() {
		defer func() { <-b.slots }()
		if b.Panicked != nil {
			defer b.recover()
		}
		work(b.ctx)
	})
	return true
}

// Fail reports work that failed.
func (b *Background) Fail(source, why string) {
	if b.Failed != nil {
		b.Failed(source, why)
	}
}

func (b *Background) recover() {
	if value := recover(); value != nil {
		b.Panicked(value)
	}
}

// Close waits for the work under way until ctx ends, then cancels it and waits
// for it to give up.
func (b *Background) Close(ctx context.Context) {
	done := make(chan struct{})
	go func() {
		b.work.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
	b.cancel()
	<-done
}
