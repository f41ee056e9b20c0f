// Package quota counts calls, tokens or bytes against limits, in sliding windows
// (Counters) and in fixed ones (Fixed), and what is under way (Places).
//
// What comes in: a key, an amount, a limit and a window. What goes out:
// whether it fits, how much is left, and when to try again. Within any stretch
// of time as long as a sliding window no more than the limit is ever allowed.
// It must never grow beyond its bounds, block on anything but its own locks, or
// know what is counted. Counts live in memory; Fixed can be saved and loaded.
package quota

import (
	"hash/maphash"
	"time"
)

// Options bound the counters.
type Options struct {
	MaxKeys  int   // counters at a time; the least recently used goes first
	MaxBytes int64 // estimated memory of all counters
	Shards   int   // independently locked parts, rounded up to a power of two
	Now      func() time.Time
}

// DefaultOptions are the defaults of a gateway.
func DefaultOptions() Options {
	return Options{MaxKeys: 200_000, MaxBytes: 128 << 20, Shards: 32, Now: time.Now}
}

func (o Options) withDefaults() Options {
	d := DefaultOptions()
	if o.MaxKeys <= 0 {
		o.MaxKeys = d.MaxKeys
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = d.MaxBytes
	}
	if o.Shards <= 0 {
		o.Shards = d.Shards
	}
	if o.Now == nil {
		o.Now = d.Now
	}
	return o
}

// Result is the state of a counter after a call.
type Result struct {
	Allowed    bool
	Remaining  int64         // of the limit, at least 0
	RetryAfter time.Duration // when not allowed: until the same amount can fit; the window if it never can
}

// Counters holds sliding-window counters. Safe for concurrent use.
type Counters struct {
	seed   maphash.Seed
	start  time.Time // times are nanoseconds since then
	now    func() time.Time
	shards []shard
	mask   uint64
}

// New makes empty counters.
func New(o Options) *Counters {
	o = o.withDefaults()
	n := 1
	for n < o.Shards && o.MaxKeys/(2*n) >= 64 {
		n *= 2
	}
	c := &Counters{seed: maphash.MakeSeed(), start: o.Now(), now: o.Now, shards: make([]shard, n), mask: uint64(n - 1)}
	for i := range c.shards {
		c.shards[i].init(max(1, o.MaxKeys/n), max(1024, o.MaxBytes/int64(n)))
	}
	return c
}

// Add counts n against key if the limit allows it: what was counted within the
// last window and n together are at most limit. n 0 only asks whether 1 would
// fit. A refused amount is not counted. Counters with the same key and another
// window are apart.
func (c *Counters) Add(key string, n, limit int64, window time.Duration) Result {
	return c.add(key, n, limit, window, false)
}

// Record counts n whatever the limit, for amounts that are known only after
// the fact. Allowed tells whether the limit still held.
func (c *Counters) Record(key string, n, limit int64, window time.Duration) Result {
	return c.add(key, n, limit, window, true)
}

func (c *Counters) add(key string, n, limit int64, window time.Duration, force bool) Result {
	n = max(n, 0)
	if window <= 0 { // an empty window holds one call at a time
		return Result{Allowed: n <= limit, Remaining: max(0, limit-n)}
	}
	s := &c.shards[maphash.String(c.seed, key)&c.mask]
	return s.add(counterKey{key, window}, n, limit, int64(c.now().Sub(c.start)), force)
}

// Len is the number of counters held.
func (c *Counters) Len() int {
	total := 0
	for i := range c.shards {
		c.shards[i].mu.Lock()
		total += len(c.shards[i].counters)
		c.shards[i].mu.Unlock()
	}
	return total
}

// Evicted is how many counters in use were dropped for want of room. Each such
// drop may have let a caller start afresh.
func (c *Counters) Evicted() uint64 {
	var total uint64
	for i := range c.shards {
		c.shards[i].mu.Lock()
		total += c.shards[i].evicted
		c.shards[i].mu.Unlock()
	}
	return total
}
