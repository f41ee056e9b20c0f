package server

import (
	"context"
	"sync"
	"time"

	"gatehouse/internal/activity"
	"gatehouse/internal/identity"
)

// note is what the door and the routes behind it learn about a request that the
// activity log records.
type note struct {
	caller  *identity.Caller
	missing *identity.Need // a right that the caller does not have
}

type noteKey struct{}

func withNote(ctx context.Context, n *note) context.Context {
	return context.WithValue(ctx, noteKey{}, n)
}

// noteOf gives the note of a request; one that is not recorded has one too, which
// nobody reads.
func noteOf(ctx context.Context) *note {
	if n, ok := ctx.Value(noteKey{}).(*note); ok {
		return n
	}
	return &note{}
}

// into writes who asked, and what was refused.
func (n *note) into(e *activity.Event) {
	claims := map[string]string{"name": "unknown"}
	if c := n.caller; c != nil {
		claims["name"] = short(c.Name, 200)
		if c.Kind == identity.KindToken {
			claims["iss"], claims["oid"] = short(c.Issuer, 200), short(c.Object, 200)
		}
	}
	e.Identity = activity.Identity{Claims: claims}
	if n.missing != nil {
		e.Properties["missingAction"], e.Properties["missingScope"] = short(n.missing.Action, 200), short(n.missing.Scope, 1000)
	}
}

// maxRefusals of callers that nobody knows are recorded one by one in a minute.
// Others could otherwise push all older days out of the log.
const maxRefusals = 60

// refusals counts what the activity log leaves out.
type refusals struct {
	lost func(int64) // tells the log

	mu      sync.Mutex
	minute  time.Time
	seen    int64
	untold  int64
	pending *time.Timer
}

// room says whether one more refusal is recorded; one that is not is counted, and
// the log is told of the number within a minute.
func (f *refusals) room(now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if now.Sub(f.minute) >= time.Minute || now.Before(f.minute) {
		f.minute, f.seen = now, 0
	}
	if f.seen++; f.seen <= maxRefusals {
		return true
	}
	if f.untold++; f.pending == nil {
		f.pending = time.AfterFunc(time.Minute, f.tell)
	}
	return false
}

// tell gives the log the number of those that were left out.
func (f *refusals) tell() {
	f.mu.Lock()
	n := f.untold
	f.untold = 0
	if f.pending != nil {
		f.pending.Stop()
		f.pending = nil
	}
	f.mu.Unlock()
	if n > 0 {
		f.lost(n)
	}
}
