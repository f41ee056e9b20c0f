package cache

import (
	"math"
	"sync"
	"time"
)

// Vectors keeps values by the nearness of vectors, in partitions that know
// nothing of each other. Entries and estimated bytes are bounded; the oldest
// goes first. Safe for concurrent use. Values are shared by all readers.
type Vectors struct {
	size       func(any) int64
	now        func() time.Time
	maxEntries int
	maxBytes   int64

	mu         sync.RWMutex
	partitions map[string][]*vector
	sentinel   vector // older: the newest, newer: the oldest
	entries    int
	bytes      int64
}

// vector is one entry. Its direction has the length 1, so that the cosine
// similarity of two is their product.
type vector struct {
	partition    string
	direction    []float32
	value        any
	size         int64
	expires      time.Time
	newer, older *vector
}

// same is the similarity from which on two vectors stand for the same thing:
// the later value replaces the earlier one.
const same = 0.9999

// NewVectors makes an empty store with the bounds of o; Shards has no meaning.
func NewVectors(o Options) *Vectors {
	if o.MaxEntries <= 0 {
		o.MaxEntries = 10_000 // each look-up compares with all entries of its partition
	}
	o = o.withDefaults()
	v := &Vectors{size: o.Size, now: o.Now, maxEntries: o.MaxEntries, maxBytes: o.MaxBytes, partitions: map[string][]*vector{}}
	v.sentinel.newer, v.sentinel.older = &v.sentinel, &v.sentinel
	return v
}

// Nearest gives the living value of a partition whose vector is nearest to v,
// when their cosine similarity is at least 1-threshold.
func (s *Vectors) Nearest(partition string, v []float32, threshold float64) (any, bool) {
	d := direction(v)
	if d == nil {
		return nil, false
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	e, similarity := nearest(s.partitions[partition], d, s.now())
	if e == nil || similarity < 1-threshold-tolerance {
		return nil, false
	}
	return e.value, true
}

// tolerance is the rounding of 32-bit numbers: equal vectors must be equal.
const tolerance = 1e-6

// Add keeps a value for ttl under v. A value too large for the store, a vector
// without direction and a ttl of 0 or less keep nothing.
func (s *Vectors) Add(partition string, v []float32, value any, ttl time.Duration) {
	d := direction(v)
	size := s.size(value) + 4*int64(len(v)) + int64(len(partition)) + entryOverhead
	if d == nil || ttl <= 0 || size > s.maxBytes {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if e, similarity := nearest(s.partitions[partition], d, now); e != nil && similarity >= same {
		s.remove(e)
	}
	e := &vector{partition: partition, direction: d, value: value, size: size, expires: now.Add(ttl)}
	s.partitions[partition] = append(s.partitions[partition], e)
	e.newer, e.older = &s.sentinel, s.sentinel.older
	e.older.newer, s.sentinel.older = e, e
	s.entries++
	s.bytes += size
	for s.entries > 1 && (s.entries > s.maxEntries || s.bytes > s.maxBytes || !now.Before(s.sentinel.newer.expires)) {
		s.remove(s.sentinel.newer)
	}
}

func nearest(list []*vector, d []float32, now time.Time) (found *vector, similarity float64) {
	similarity = -2
	for _, e := range list {
		if len(e.direction) != len(d) || !now.Before(e.expires) {
			continue
		}
		if p := product(e.direction, d); p > similarity {
			found, similarity = e, p
		}
	}
	return found, similarity
}

func (s *Vectors) remove(e *vector) {
	e.newer.older, e.older.newer = e.older, e.newer
	s.entries--
	s.bytes -= e.size
	list := s.partitions[e.partition]
	for i := range list {
		if list[i] == e {
			last := len(list) - 1
			list[i], list[last] = list[last], nil
			list = list[:last]
			break
		}
	}
	if len(list) == 0 {
		delete(s.partitions, e.partition)
		return
	}
	s.partitions[e.partition] = list
}

// direction is v with the length 1; nil when v has none, or is not made of
// numbers.
func direction(v []float32) []float32 {
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	length := math.Sqrt(sum)
	if length == 0 || math.IsNaN(length) || math.IsInf(length, 0) {
		return nil
	}
	d := make([]float32, len(v))
	for i, x := range v {
		d[i] = float32(float64(x) / length)
	}
	return d
}

// product sums in four lanes, which the processor adds side by side.
func product(a, b []float32) float64 {
	var s0, s1, s2, s3 float32
	b = b[:len(a)]
	i := 0
	for ; i+4 <= len(a); i += 4 {
		s0 += a[i] * b[i]
		s1 += a[i+1] * b[i+1]
		s2 += a[i+2] * b[i+2]
		s3 += a[i+3] * b[i+3]
	}
	for ; i < len(a); i++ {
		s0 += a[i] * b[i]
	}
	return float64(s0+s1) + float64(s2+s3)
}
