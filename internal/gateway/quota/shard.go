package quota

import (
	"strings"
	"sync"
)

// shard is a part of the counters with its own lock. Counters form a list by
// use; the list's ends are in the sentinel.
type shard struct {
	mu       sync.Mutex
	counters map[counterKey]*counter
	sentinel counter // older: the newest, newer: the oldest
	maxKeys  int
	maxBytes int64
	bytes    int64
	evicted  uint64
	_        [64]byte // apart from its neighbour's cache line
}

func (s *shard) init(maxKeys int, maxBytes int64) {
	s.counters = map[counterKey]*counter{}
	s.sentinel.newer, s.sentinel.older = &s.sentinel, &s.sentinel
	s.maxKeys, s.maxBytes = maxKeys, maxBytes
}

func (s *shard) add(key counterKey, n, limit, now int64, force bool) Result {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.counters[key]
	if c == nil {
		c = &counter{key: key, latest: now}
	}
	now = max(now, c.latest)
	c.latest = now
	c.expire(now)
	want := max(n, 1)
	fits := want <= limit && c.total <= limit-want
	if fits || force {
		s.count(c, n, now)
	} else if s.counters[key] == c {
		s.touch(c)
	}
	r := Result{Allowed: fits, Remaining: max(0, limit-c.total)}
	if !fits {
		r.RetryAfter = c.retryAfter(want, limit, now)
	}
	return r
}

// count adds to a counter and makes room for its growth.
func (s *shard) count(c *counter, n, now int64) {
	if n == 0 {
		if c.newer != nil {
			s.touch(c)
		}
		return
	}
	before := int64(0)
	if c.newer == nil { // new: keep the key's bytes, not the request they were cut from
		c.key.key = strings.Clone(c.key.key)
		s.counters[c.key] = c
	} else {
		before = c.bytes()
		s.unlink(c)
	}
	s.link(c)
	c.add(n, now)
	s.bytes += c.bytes() - before
	s.shrink(c, now)
}

// shrink drops a few expired counters, and, over the bounds, the least
// recently used ones; never keep.
func (s *shard) shrink(keep *counter, now int64) {
	for range 2 {
		if old := s.sentinel.newer; old != keep && old != &s.sentinel && old.expired(max(now, old.latest)) {
			s.remove(old)
		}
	}
	for len(s.counters) > s.maxKeys || s.bytes > s.maxBytes {
		old := s.sentinel.newer
		if old == keep || old == &s.sentinel {
			return
		}
		if !old.expired(max(now, old.latest)) {
			s.evicted++
		}
		s.remove(old)
	}
}

func (s *shard) remove(c *counter) {
	s.unlink(c)
	s.bytes -= c.bytes()
	delete(s.counters, c.key)
}

func (s *shard) touch(c *counter) {
	s.unlink(c)
	s.link(c)
}

// link puts c at the newest end.
func (s *shard) link(c *counter) {
	c.newer, c.older = &s.sentinel, s.sentinel.older
	c.older.newer, s.sentinel.older = c, c
}

func (s *shard) unlink(c *counter) {
	c.newer.older, c.older.newer = c.older, c.newer
	c.newer, c.older = nil, nil
}
