package policy

import (
	"context"
	"testing"
)

func TestBackgroundBoundsWork(t *testing.T) {
	b := NewBackground(1)
	started, finish := make(chan struct{}), make(chan struct{})
	if !b.Go(func(context.Context) { close(started); <-finish }) {
		t.Fatal("the first piece of work was refused")
	}
	<-started
	if b.Go(func(context.Context) {}) {
		t.Error("work beyond the limit was accepted")
	}
	close(finish)
	b.Close(context.Background())
	if b.Go(func(context.Context) {}) {
		t.Error("work was accepted after Close")
	}
}

func TestBackgroundReportsPanics(t *testing.T) {
	b := NewBackground(1)
	seen := make(chan any, 1)
	b.Panicked = func(value any) { seen <- value }
	b.Go(func(context.Context) { panic("broken") })
	if value := <-seen; value != "broken" {
		t.Errorf("got %v", value)
	}
}

func TestBackgroundCloseCancels(t *testing.T) {
	b := NewBackground(1)
	b.Go(func(ctx context.Context) { <-ctx.Done() })
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	b.Close(ended) // returns only because the work was cancelled
}
