package quota

import (
	"container/list"
	"crypto/sha256"
	"encoding/binary"
	"math"
	"sync"
	"time"
)

// Window is a fixed window: periods of equal length, in whole seconds, counted
// from Start in both directions.
type Window struct {
	Start  time.Time
	Period time.Duration // 0: one window without end
}

// Fixed holds counters of fixed windows. Safe for concurrent use. Keys are kept
// as hashes: a counter has the same small size whatever its key, and a saved
// state tells nothing of what the keys were made of.
type Fixed struct {
	now    func() time.Time
	shards []fixedShard
}

// fixedID is the hash of a key and its window.
type fixedID [16]byte

// fixedCount is what was counted in the period that ends at end.
type fixedCount struct {
	id    fixedID
	end   int64 // Unix seconds; math.MaxInt64: never
	total int64
}

type fixedShard struct {
	mu      sync.Mutex
	counts  map[fixedID]*list.Element // of *fixedCount
	use     list.List                 // the most recently used first
	maxKeys int
	changes uint64
	evicted uint64
}

// NewFixed makes empty counters; of the options MaxKeys, Shards and Now apply.
func NewFixed(o Options) *Fixed {
	o = o.withDefaults()
	n := 1
	for n < o.Shards && o.MaxKeys/(2*n) >= 64 {
		n *= 2
	}
	f := &Fixed{now: o.Now, shards: make([]fixedShard, n)}
	for i := range f.shards {
		f.shards[i].counts, f.shards[i].maxKeys = map[fixedID]*list.Element{}, max(1, o.MaxKeys/n)
	}
	return f
}

func (f *Fixed) shard(id fixedID) *fixedShard {
	return &f.shards[int(binary.LittleEndian.Uint16(id[:]))&(len(f.shards)-1)]
}

// Add counts n against key whatever the limit and gives the state after it.
// Allowed tells whether the limit still holds; with n 0, which only looks,
// whether 1 more would fit. A negative n takes back what was counted in the
// same period.
func (f *Fixed) Add(key string, n, limit int64, w Window) Result {
	now := f.now()
	id, end := w.at(key, now)
	total := f.shard(id).add(id, n, end, now.Unix())
	r := Result{Allowed: total <= limit, Remaining: max(0, limit-total)}
	if n == 0 {
		r.Allowed = total < limit
	}
	if !r.Allowed && end != math.MaxInt64 {
		r.RetryAfter = time.Unix(end, 0).Sub(now)
	}
	return r
}

// at gives the counter of a key and the end of its current period.
func (w *Window) at(key string, now time.Time) (id fixedID, end int64) {
	start, period := w.Start.Unix(), int64(w.Period/time.Second)
	end = math.MaxInt64
	if period > 0 {
		passed := now.Unix() - start
		periods := passed / period
		if passed%period < 0 {
			periods--
		}
		end = start + (periods+1)*period
	}
	buf := make([]byte, 0, 256) // stays on the stack for keys of usual length
	buf = binary.LittleEndian.AppendUint64(buf, uint64(start))
	buf = binary.LittleEndian.AppendUint64(buf, uint64(period))
	buf = append(buf, key...)
	sum := sha256.Sum256(buf)
	copy(id[:], sum[:])
	return id, end
}

func (s *fixedShard) add(id fixedID, n, end, now int64) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.counts[id]
	if e == nil {
		if n <= 0 {
			return 0
		}
		e = s.insert(&fixedCount{id: id, end: end}, now)
	}
	c := e.Value.(*fixedCount)
	s.use.MoveToFront(e)
	if c.end < end { // a new period; an end in the past is a clock that was put back
		c.end, c.total = end, 0
		s.changes++
	}
	if n != 0 {
		c.total = max(0, saturate(c.total, n))
		s.changes++
	}
	return c.total
}

// saturate adds without running over.
func saturate(a, b int64) int64 {
	if b > 0 && a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

// insert makes room first: for each new counter a few whose period is over go,
// and over the bound the one that was not used for longest.
func (s *fixedShard) insert(c *fixedCount, now int64) *list.Element {
	for range 2 {
		if old := s.use.Back(); old != nil && old.Value.(*fixedCount).end <= now {
			s.remove(old)
		}
	}
	for len(s.counts) >= s.maxKeys {
		if s.use.Back().Value.(*fixedCount).end > now {
			s.evicted++
		}
		s.remove(s.use.Back())
	}
	e := s.use.PushFront(c)
	s.counts[c.id] = e
	return e
}

func (s *fixedShard) remove(e *list.Element) {
	delete(s.counts, e.Value.(*fixedCount).id)
	s.use.Remove(e)
	s.changes++
}

// Len is the number of counters held.
func (f *Fixed) Len() int {
	total := 0
	for i := range f.shards {
		f.shards[i].mu.Lock()
		total += len(f.shards[i].counts)
		f.shards[i].mu.Unlock()
	}
	return total
}

// Evicted is how many counters in use were dropped for want of room.
func (f *Fixed) Evicted() uint64 {
	var total uint64
	for i := range f.shards {
		f.shards[i].mu.Lock()
		total += f.shards[i].evicted
		f.shards[i].mu.Unlock()
	}
	return total
}
