package lake

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

type accountKey struct{}

// WithAccount says whose queries a context's are: places are shared out between
// accounts. Without one they are of the process itself.
func WithAccount(ctx context.Context, account string) context.Context {
	return context.WithValue(ctx, accountKey{}, account)
}

// recently is how long an account that asked is left a place.
const recently = time.Minute

// places are the queries that may run at once. An account alone may have all of
// them; while others ask too, one place is not for any single account, and what
// gets free goes to who has the fewest. So nobody waits behind a row of another's
// long queries.
type places struct {
	size int
	now  func() time.Time

	mu      sync.Mutex
	held    map[string]int
	waiting []*waiter // first come first
	asked   map[string]time.Time
}

type waiter struct {
	account string
	ready   chan struct{} // closed when it has a place
}

func newPlaces(size int) *places {
	return &places{size: size, now: time.Now, held: map[string]int{}, asked: map[string]time.Time{}}
}

// acquire waits for a place, which the returned function gives back.
func (p *places) acquire(ctx context.Context) (release func(), err error) {
	account, _ := ctx.Value(accountKey{}).(string)
	w := &waiter{account: account, ready: make(chan struct{})}
	p.mu.Lock()
	p.ask(account)
	p.waiting = append(p.waiting, w)
	p.share()
	p.mu.Unlock()
	release = func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.giveBack(account)
	}
	select {
	case <-w.ready:
		return release, nil
	case <-ctx.Done():
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.Index(p.waiting, w); i >= 0 {
		p.waiting = slices.Delete(p.waiting, i, i+1)
	} else { // it got its place in the same moment
		p.giveBack(account)
	}
	return nil, fmt.Errorf("query lake: wait for %d other queries: %w", p.size, ctx.Err())
}

// ask notes who asks, and forgets who did long ago.
func (p *places) ask(account string) {
	now := p.now()
	for other, at := range p.asked {
		if now.Sub(at) > recently {
			delete(p.asked, other)
		}
	}
	p.asked[account] = now
}

func (p *places) giveBack(account string) {
	if p.held[account]--; p.held[account] == 0 {
		delete(p.held, account)
	}
	p.share()
}

// share gives free places to those who wait: first who has the fewest, then who
// came first.
func (p *places) share() {
	for {
		next := -1
		for i, w := range p.waiting {
			if p.held[w.account] < p.most() && (next < 0 || p.held[w.account] < p.held[p.waiting[next].account]) {
				next = i
			}
		}
		if p.taken() >= p.size || next < 0 {
			return
		}
		w := p.waiting[next]
		p.waiting = slices.Delete(p.waiting, next, next+1)
		p.held[w.account]++
		close(w.ready)
	}
}

func (p *places) taken() (n int) {
	for _, held := range p.held {
		n += held
	}
	return n
}

// running is the number of queries that run.
func (p *places) running() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.taken()
}

// most is how many places an account may have.
func (p *places) most() int {
	if len(p.asked) > 1 {
		return max(p.size-1, 1)
	}
	return p.size
}
