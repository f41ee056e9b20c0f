// Package cache keeps values and responses for a while.
//
// What comes in: a key, a value and a time to live. What goes out: the same
// value while it lives. Entries and estimated bytes are bounded; what was not
// used for long goes first. It must never change, copy or keep alive a value
// beyond its time, and never grow beyond its bounds.
package cache

import (
	"hash/maphash"
	"strings"
	"sync"
	"time"
)

// Options bound the cache.
type Options struct {
	MaxEntries int
	MaxBytes   int64 // estimated, keys included
	Shards     int   // independently locked parts, rounded up to a power of two
	Size       func(value any) int64
	Now        func() time.Time
}

// DefaultOptions are the defaults of a gateway.
func DefaultOptions() Options {
	return Options{MaxEntries: 100_000, MaxBytes: 256 << 20, Shards: 16, Size: SizeOf, Now: time.Now}
}

func (o Options) withDefaults() Options {
	d := DefaultOptions()
	if o.MaxEntries <= 0 {
		o.MaxEntries = d.MaxEntries
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = d.MaxBytes
	}
	if o.Shards <= 0 {
		o.Shards = d.Shards
	}
	if o.Size == nil {
		o.Size = d.Size
	}
	if o.Now == nil {
		o.Now = d.Now
	}
	return o
}

// Stats are counts since the start, and what is held now.
type Stats struct {
	Hits, Misses, Evicted, Refused uint64 // Refused: values too large to keep
	Entries                        int
	Bytes                          int64
}

// Cache is a bounded cache. Safe for concurrent use. Values are shared by all
// readers: they must not be changed once they are in.
type Cache struct {
	seed   maphash.Seed
	size   func(any) int64
	now    func() time.Time
	shards []shard
	mask   uint64
}

// New makes an empty cache.
func New(o Options) *Cache {
	o = o.withDefaults()
	n := 1
	// A shard must have room for large values: no more than a few when small.
	for n < o.Shards && o.MaxEntries/(2*n) >= 64 && o.MaxBytes/int64(2*n) >= 1<<20 {
		n *= 2
	}
	c := &Cache{seed: maphash.MakeSeed(), size: o.Size, now: o.Now, shards: make([]shard, n), mask: uint64(n - 1)}
	for i := range c.shards {
		c.shards[i].init(max(1, o.MaxEntries/n), max(1, o.MaxBytes/int64(n)))
	}
	return c
}

func (c *Cache) shard(key string) *shard { return &c.shards[maphash.String(c.seed, key)&c.mask] }

// Get returns a value that is still alive.
func (c *Cache) Get(key string) (any, bool) { return c.shard(key).get(key, c.now()) }

// Set keeps a value for ttl in place of the one before. With a ttl of 0 or
// less, or a value too large for the cache, the key is empty afterwards.
func (c *Cache) Set(key string, value any, ttl time.Duration) {
	size := c.size(value) + int64(len(key)) + entryOverhead
	s := c.shard(key)
	if ttl <= 0 {
		s.delete(key)
		return
	}
	s.set(strings.Clone(key), value, max(size, entryOverhead), c.now().Add(ttl))
}

// Delete empties a key.
func (c *Cache) Delete(key string) { c.shard(key).delete(key) }

// Stats sums up all shards.
func (c *Cache) Stats() Stats {
	var t Stats
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		t.Hits += s.stats.Hits
		t.Misses += s.stats.Misses
		t.Evicted += s.stats.Evicted
		t.Refused += s.stats.Refused
		t.Entries += len(s.entries)
		t.Bytes += s.bytes
		s.mu.Unlock()
	}
	return t
}

// entryOverhead is the estimated memory of an entry without key and value.
const entryOverhead = 160

type entry struct {
	key          string
	value        any
	size         int64
	expires      time.Time
	newer, older *entry
}

// shard is a part of the cache with its own lock and a list by use; the
// list's ends are in the sentinel.
type shard struct {
	mu         sync.Mutex
	entries    map[string]*entry
	sentinel   entry // older: the newest, newer: the oldest
	maxEntries int
	maxBytes   int64
	bytes      int64
	stats      Stats
}

func (s *shard) init(maxEntries int, maxBytes int64) {
	s.entries = map[string]*entry{}
	s.sentinel.newer, s.sentinel.older = &s.sentinel, &s.sentinel
	s.maxEntries, s.maxBytes = maxEntries, maxBytes
}

func (s *shard) get(key string, now time.Time) (any, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entries[key]
	if e == nil {
		s.stats.Misses++
		return nil, false
	}
	if !now.Before(e.expires) {
		s.remove(e)
		s.stats.Misses++
		return nil, false
	}
	s.stats.Hits++
	if s.sentinel.older != e {
		s.unlink(e)
		s.link(e)
	}
	return e.value, true
}

func (s *shard) set(key string, value any, size int64, expires time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.entries[key]; old != nil {
		s.remove(old)
	}
	if size > s.maxBytes {
		s.stats.Refused++
		return
	}
	e := &entry{key: key, value: value, size: size, expires: expires}
	s.entries[key] = e
	s.link(e)
	s.bytes += size
	for len(s.entries) > s.maxEntries || s.bytes > s.maxBytes {
		s.stats.Evicted++
		s.remove(s.sentinel.newer)
	}
}

func (s *shard) delete(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.entries[key]; e != nil {
		s.remove(e)
	}
}

func (s *shard) remove(e *entry) {
	s.unlink(e)
	s.bytes -= e.size
	delete(s.entries, e.key)
}

func (s *shard) link(e *entry) {
	e.newer, e.older = &s.sentinel, s.sentinel.older
	e.older.newer, s.sentinel.older = e, e
}

func (s *shard) unlink(e *entry) {
	e.newer.older, e.older.newer = e.older, e.newer
	e.newer, e.older = nil, nil
}
