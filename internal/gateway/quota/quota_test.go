package quota

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// clock is a clock that tests move.
type clock struct{ ns atomic.Int64 }

func (c *clock) now() time.Time { return time.Unix(1000, c.ns.Load()) }

func (c *clock) advance(d time.Duration) { c.ns.Add(int64(d)) }

func TestAdd(t *testing.T) {
	const second = time.Second
	type step struct {
		after      time.Duration
		n, limit   int64
		allowed    bool
		remaining  int64
		retryAfter time.Duration
		key        string
	}
	var c clock
	q := New(Options{Now: c.now})
	for i, s := range []step{
		{n: 0, limit: 2, allowed: true, remaining: 2},
		{n: 1, limit: 2, allowed: true, remaining: 1},
		{after: 4 * second, n: 1, limit: 2, allowed: true, remaining: 0},
		{n: 0, limit: 2, allowed: false, remaining: 0, retryAfter: 6 * second},
		{n: 1, limit: 2, allowed: false, remaining: 0, retryAfter: 6 * second},
		{n: 2, limit: 2, allowed: false, remaining: 0, retryAfter: 10 * second},
		{n: 3, limit: 2, allowed: false, remaining: 0, retryAfter: 10 * second}, // never fits: the window
		{n: 1, limit: 2, key: "other", allowed: true, remaining: 1},
		{after: 6*second - 1, n: 1, limit: 2, allowed: false, remaining: 0, retryAfter: 1},
		{after: 1, n: 1, limit: 2, allowed: true, remaining: 0},
		{after: 10 * second, n: 2, limit: 2, allowed: true, remaining: 0},
		{after: 20 * second, n: 0, limit: 0, allowed: false, remaining: 0, retryAfter: 10 * second},
	} {
		c.advance(s.after)
		got := q.Add("k"+s.key, s.n, s.limit, 10*second)
		if want := (Result{s.allowed, s.remaining, s.retryAfter}); got != want {
			t.Fatalf("step %d: got %+v, want %+v", i, got, want)
		}
	}
}

func TestRecordCountsBeyondTheLimit(t *testing.T) {
	var c clock
	q := New(Options{Now: c.now})
	if r := q.Record("k", 150, 100, time.Minute); r.Allowed || r.Remaining != 0 || r.RetryAfter != time.Minute {
		t.Fatalf("got %+v", r)
	}
	if r := q.Add("k", 1, 100, time.Minute); r.Allowed {
		t.Fatalf("a call passed after the limit was overrun: %+v", r)
	}
	c.advance(time.Minute)
	if r := q.Add("k", 1, 100, time.Minute); !r.Allowed || r.Remaining != 99 {
		t.Fatalf("got %+v", r)
	}
}

// No stretch of time as long as the window may hold more than the limit, a
// refusal must be justified within the resolution, and RetryAfter must be right.
func TestNeverMoreThanTheLimitInAnyWindow(t *testing.T) {
	for seed := range uint64(60) {
		random := rand.New(rand.NewPCG(seed, 7))
		var c clock
		q := New(Options{Now: c.now})
		window := time.Duration(1+random.IntN(300)) * time.Second
		limit := 1 + random.Int64N(500)
		type call struct{ at, n int64 }
		var allowed []call
		sum := func(from, to int64) (total int64) { // of (from, to]
			for i := len(allowed) - 1; i >= 0 && allowed[i].at > from; i-- {
				if allowed[i].at <= to {
					total += allowed[i].n
				}
			}
			return total
		}
		for range 2000 {
			c.advance(time.Duration(random.Int64N(int64(window) * 3 / (limit + 1))))
			now := c.ns.Load()
			n := 1 + random.Int64N(3)
			r := q.Add("k", n, limit, window)
			if r.Allowed {
				allowed = append(allowed, call{now, n})
				if got := sum(now-int64(window), now); got > limit {
					t.Fatalf("seed %d: %d in a window of %s, limit %d", seed, got, window, limit)
				}
				continue
			}
			// Strict by less than window/resolution: within a window that much longer the limit was really used up.
			if got := sum(now-int64(window)-int64(window)/resolution, now); got+n <= limit {
				t.Fatalf("seed %d: refused %d though only %d of %d were used", seed, n, got, limit)
			}
			if n <= limit && random.IntN(4) == 0 {
				c.advance(r.RetryAfter)
				if r := q.Add("k", n, limit, window); !r.Allowed {
					t.Fatalf("seed %d: refused again after RetryAfter", seed)
				}
				allowed = append(allowed, call{c.ns.Load(), n})
			}
		}
		if entries := q.shards[0].sentinel.older; entries != nil && len(entries.entries) > 4*resolution {
			t.Fatalf("seed %d: %d entries", seed, len(entries.entries))
		}
	}
}

func TestTimeRunningBackCountsAsNoTime(t *testing.T) {
	var c clock
	q := New(Options{Now: c.now})
	c.advance(time.Hour)
	q.Add("k", 1, 1, time.Minute)
	c.advance(-30 * time.Minute)
	if r := q.Add("k", 1, 1, time.Minute); r.Allowed || r.RetryAfter != time.Minute {
		t.Fatalf("got %+v", r)
	}
}

func TestBounds(t *testing.T) {
	var c clock
	q := New(Options{Now: c.now, MaxKeys: 100, Shards: 4})
	for i := range 10_000 {
		q.Add(fmt.Sprint("k", i), 1, 10, time.Minute)
	}
	if q.Len() > 100 || q.Evicted() == 0 {
		t.Fatalf("%d counters, %d evicted", q.Len(), q.Evicted())
	}
	q = New(Options{Now: c.now, Shards: 1, MaxBytes: 100_000})
	for i := range 5000 {
		c.advance(time.Second)
		q.Add(fmt.Sprint("k", i%500), 1, 1000, 300*time.Second)
	}
	s := &q.shards[0]
	var bytes int64
	for _, one := range s.counters {
		bytes += one.bytes()
	}
	if bytes != s.bytes || bytes > 100_000 {
		t.Fatalf("%d bytes counted, %d held", s.bytes, bytes)
	}
	c.advance(time.Hour)
	for i := range 1000 { // expired counters leave without being evicted
		q.Add(fmt.Sprint("n", i%3), 1, 1e6, time.Millisecond)
	}
	if q.Len() > 20 {
		t.Fatalf("%d counters left", q.Len())
	}
}

func TestConcurrentCallsShareTheLimit(t *testing.T) {
	q := New(Options{})
	var allowed atomic.Int64
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for i := range 2000 {
				if q.Add("shared", 1, 1000, time.Hour).Allowed {
					allowed.Add(1)
				}
				q.Add(fmt.Sprint("k", i), 1, 5, time.Hour)
			}
		})
	}
	group.Wait()
	if allowed.Load() != 1000 {
		t.Fatalf("%d allowed", allowed.Load())
	}
}

func BenchmarkAdd(b *testing.B) {
	q := New(Options{})
	b.ReportAllocs()
	for b.Loop() {
		q.Add("subscription/123", 1, 1<<40, time.Minute)
	}
}
