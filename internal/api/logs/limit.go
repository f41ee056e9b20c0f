package logs

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// limits bound what one user asks for: so many queries at the same time, others
// wait, and so many in a window.
type limits struct {
	o     Options
	mu    sync.Mutex
	users map[[32]byte]*user
}

// user is one who asks. It is forgotten when nothing is left to remember.
type user struct {
	slots   chan struct{}
	waiting int
	window  time.Time // start of the present window
	count   int       // queries in it
	uses    int       // queries that run or wait
}

// maxUsers is how many are remembered; idle ones leave for new ones.
const maxUsers = 10_000

func newLimits(o Options) *limits { return &limits{o: o, users: map[[32]byte]*user{}} }

// userOf tells users apart by what they prove themselves with; without that by
// their address. Only a hash is kept.
func userOf(r *http.Request) [32]byte {
	if key := r.Header.Get("X-Api-Key"); key != "" {
		return sha256.Sum256([]byte("key " + key))
	}
	if token := r.Header.Get("Authorization"); token != "" {
		return sha256.Sum256([]byte("token " + token))
	}
	host, _, _ := net.SplitHostPort(r.RemoteAddr)
	return sha256.Sum256([]byte("address " + host))
}

// enter takes a place for a request of so many queries, and gives it back by release.
func (l *limits) enter(ctx context.Context, id [32]byte, queries int) (release func(), f *fault) {
	u, f := l.admit(id, queries)
	if f != nil {
		return nil, f
	}
	leave := func() {
		l.mu.Lock()
		u.uses--
		l.mu.Unlock()
	}
	select {
	case u.slots <- struct{}{}:
		return func() { <-u.slots; leave() }, nil
	default:
	}
	if !l.queue(u, 1) {
		leave()
		return nil, throttled(fmt.Sprintf("%d queries of this user run and %d wait", l.o.Concurrent, l.o.Waiting), 5)
	}
	defer l.queue(u, -1)
	timer := time.NewTimer(l.o.Wait)
	defer timer.Stop()
	select {
	case u.slots <- struct{}{}:
		return func() { <-u.slots; leave() }, nil
	case <-timer.C:
		leave()
		return nil, throttled(fmt.Sprintf("no place among the %d queries of this user became free in %v", l.o.Concurrent, l.o.Wait), 30)
	case <-ctx.Done():
		leave()
		return nil, &fault{status: 499, code: "ClientClosedRequest", message: "the client left"}
	}
}

// admit counts the queries of a window.
func (l *limits) admit(id [32]byte, queries int) (*user, *fault) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.o.Now()
	u := l.users[id]
	if u == nil {
		if l.forget(now); len(l.users) >= maxUsers {
			return nil, throttled("too many users ask at once", int(l.o.Window/time.Second))
		}
		u = &user{slots: make(chan struct{}, l.o.Concurrent), window: now}
		l.users[id] = u
	}
	if now.Sub(u.window) >= l.o.Window {
		u.window, u.count = now, 0
	}
	if u.count+queries > l.o.Rate {
		left := l.o.Window - now.Sub(u.window)
		return nil, throttled(fmt.Sprintf("more than %d queries in %v", l.o.Rate, l.o.Window), int(left/time.Second)+1)
	}
	u.count += queries
	u.uses++
	return u, nil
}

func (l *limits) queue(u *user, change int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if change > 0 && u.waiting >= l.o.Waiting {
		return false
	}
	u.waiting += change
	return true
}

// forget drops users whose window is over and who run nothing.
func (l *limits) forget(now time.Time) {
	if len(l.users) < maxUsers {
		return
	}
	for id, u := range l.users {
		if u.uses == 0 && now.Sub(u.window) >= l.o.Window {
			delete(l.users, id)
		}
	}
}

func throttled(why string, seconds int) *fault {
	return &fault{status: http.StatusTooManyRequests, code: "ThrottledError", message: "too many queries: " + why, retryAfter: seconds}
}
