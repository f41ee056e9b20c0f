package gateway

import (
	"sync"
	"time"
)

// failures tells the log of work in the background that failed: the first of a
// kind at once, then their number once in a while.
type failures struct {
	options *Options
	mu      sync.Mutex
	kinds   map[[2]string]*failureKind
}

type failureKind struct {
	told time.Time
	more int // since then
}

const (
	failuresEvery   = 10 * time.Second
	maxFailureKinds = 100
)

func newFailures(o *Options) *failures {
	return &failures{options: o, kinds: map[[2]string]*failureKind{}}
}

// report is policy.Background's Failed.
func (f *failures) report(source, why string) {
	now := f.options.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.kinds) >= maxFailureKinds {
		clear(f.kinds)
	}
	kind := f.kinds[[2]string{source, why}]
	if kind == nil {
		kind = &failureKind{}
		f.kinds[[2]string{source, why}] = kind
	}
	kind.more++
	if now.Sub(kind.told) < failuresEvery {
		return
	}
	f.options.Log.Warn("work in the background failed", "source", source, "reason", why, "times", kind.more)
	kind.told, kind.more = now, 0
}
