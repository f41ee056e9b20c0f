package lake

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"
)

// waits tells whether an account has to wait for a place; it gives the place back
// with the returned function once it has it.
func ask(p *places, account string) (got chan func()) {
	got = make(chan func(), 1)
	go func() {
		release, err := p.acquire(WithAccount(context.Background(), account))
		if err == nil {
			got <- release
		}
	}()
	return got
}

func has(t *testing.T, what string, got chan func()) func() {
	t.Helper()
	select {
	case release := <-got:
		return release
	case <-time.After(30 * time.Second):
		t.Fatalf("%s: no place", what)
		return nil
	}
}

// queued waits until n queries wait.
func queued(t *testing.T, p *places, n int) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		p.mu.Lock()
		waiting := len(p.waiting)
		p.mu.Unlock()
		if waiting == n {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d wait, want %d", waiting, n)
		}
	}
}

func TestPlacesAreSharedByAccount(t *testing.T) {
	p := newPlaces(2)
	clock := time.Unix(1000, 0)
	p.now = func() time.Time { return clock }
	first, second := has(t, "an account alone", ask(p, "busy")), has(t, "its second", ask(p, "busy"))
	var more []chan func()
	for n := range 5 {
		more = append(more, ask(p, "busy"))
		queued(t, p, n+1)
	}
	other := ask(p, "other")
	queued(t, p, 6)
	first()
	otherDone := has(t, "another account goes before a row of the first one's", other)
	second()
	third := has(t, "then the first one's next", more[0])
	queued(t, p, 4)
	otherDone() // the other has asked of late: one place is left to it
	queued(t, p, 4)
	again := has(t, "the other's next at once", ask(p, "other"))
	again()
	third()
	clock = clock.Add(2 * recently)
	last := has(t, "the next of the first", more[1])
	newest := ask(p, "busy")
	alone := has(t, "alone again, it has both", more[2])
	last()
	alone()
	for _, m := range append(more[3:], newest) {
		has(t, "all get their turn", m)()
	}
}

func TestPlacesGiveUpWaiting(t *testing.T) {
	p := newPlaces(1)
	release := has(t, "the only place", ask(p, "a"))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { _, err := p.acquire(ctx); done <- err }()
	queued(t, p, 1)
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	release()
	has(t, "who gave up holds nothing", ask(p, "b"))()
}

func TestPlacesUnderLoad(t *testing.T) {
	p := newPlaces(3)
	var users sync.WaitGroup
	for n := range 8 {
		users.Go(func() {
			for i := range 200 {
				ctx, cancel := context.WithCancel(WithAccount(context.Background(), fmt.Sprint(n%4)))
				if i%3 == 0 {
					go cancel()
				}
				if release, err := p.acquire(ctx); err == nil {
					release()
				}
				cancel()
			}
		})
	}
	users.Wait()
	if len(p.held) != 0 || len(p.waiting) != 0 {
		t.Errorf("held %v, %d wait", p.held, len(p.waiting))
	}
}
