package issuer

import (
	"sync"
	"time"
)

// Wrong secrets of an address in a minute, and addresses that are told apart.
const (
	maxFailures  = 30
	maxAddresses = 10_000
)

// brakes slow down who tries secrets.
type brakes struct {
	now func() time.Time

	mu       sync.Mutex
	minute   time.Time
	failures map[string]int
}

func newBrakes(now func() time.Time) *brakes {
	return &brakes{now: now, failures: map[string]int{}}
}

// may says whether an address may try once more.
func (b *brakes) may(peer string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if now := b.now(); now.Sub(b.minute) >= time.Minute || now.Before(b.minute) {
		b.minute, b.failures = now, map[string]int{}
	}
	return b.failures[peer] < maxFailures
}

func (b *brakes) failed(peer string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, known := b.failures[peer]; known || len(b.failures) < maxAddresses {
		b.failures[peer]++
	}
}
