package quota

import (
	"hash/maphash"
	"sync"
)

// Places counts what is under way. Safe for concurrent use. A key is held only
// while somebody has a place of it.
type Places struct {
	seed   maphash.Seed
	shards [32]placeShard
}

type placeShard struct {
	mu    sync.Mutex
	taken map[string]int64
}

// NewPlaces makes places that are all free.
func NewPlaces() *Places {
	p := &Places{seed: maphash.MakeSeed()}
	for i := range p.shards {
		p.shards[i].taken = map[string]int64{}
	}
	return p
}

// Enter takes one of max places of key, which leave gives back; false when all
// are taken. Only the first call of leave counts.
func (p *Places) Enter(key string, max int64) (leave func(), ok bool) {
	s := &p.shards[maphash.String(p.seed, key)%uint64(len(p.shards))]
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken[key] >= max {
		return nil, false
	}
	s.taken[key]++
	return sync.OnceFunc(func() { s.leave(key) }), true
}

func (s *placeShard) leave(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken[key]--; s.taken[key] <= 0 {
		delete(s.taken, key)
	}
}

// Len is how many keys have a place taken.
func (p *Places) Len() int {
	total := 0
	for i := range p.shards {
		p.shards[i].mu.Lock()
		total += len(p.shards[i].taken)
		p.shards[i].mu.Unlock()
	}
	return total
}
