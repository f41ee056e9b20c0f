package backend

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/internal/apim"
)

// Circuit states.
const (
	CircuitClosed = iota
	CircuitOpen
	CircuitHalfOpen // the next request, or one under way, decides
)

// CircuitState is the state of one circuit breaker.
type CircuitState struct {
	Backend string
	State   int
}

// States lists the circuit breakers of a set, by backend id.
func (s *Set) States() []CircuitState {
	var list []CircuitState
	for _, e := range s.entries {
		if e.target != nil && e.target.circuit != nil {
			list = append(list, CircuitState{e.source.ID, e.target.circuit.state()})
		}
	}
	slices.SortFunc(list, func(a, b CircuitState) int { return strings.Compare(a.Backend, b.Backend) })
	return list
}

const (
	maxFailureCount    = 10_000
	percentageSlices   = 10
	percentageRequests = 5 // fewer requests than this in the interval say nothing
	maxTrip            = 24 * time.Hour
)

// breaker opens after too many failures in an interval. Whether a request may
// pass is answered from two atomics; only reports take the lock.
type breaker struct {
	rule     *apim.CircuitBreaker
	interval time.Duration
	trip     time.Duration
	start    time.Time // times are nanoseconds since then
	now      func() time.Time

	openUntil atomic.Int64 // 0: closed; past: half open
	probe     atomic.Int64 // half open: until when a request under way may decide; 0: none

	mu       sync.Mutex
	failures []int64 // by count: times of the last failures, a ring
	next     int
	slices   [percentageSlices]slice // by percentage
}

// slice counts a tenth of the interval.
type slice struct{ number, requests, failures int64 }

func newBreaker(rule *apim.CircuitBreaker, now func() time.Time) (*breaker, error) {
	b := &breaker{rule: rule, now: now, start: now(),
		interval: time.Duration(rule.IntervalSeconds) * time.Second, trip: time.Duration(rule.TripSeconds) * time.Second}
	switch {
	case rule.IntervalSeconds <= 0 || rule.TripSeconds <= 0:
		return nil, errors.New("its circuit breaker needs an interval and a trip duration of a second or more")
	case rule.Percentage < 0 || rule.Percentage > 100:
		return nil, errors.New("the percentage of its circuit breaker is not between 0 and 100")
	case rule.Percentage == 0 && (rule.Count <= 0 || rule.Count > maxFailureCount):
		return nil, errors.New("the count of its circuit breaker is not between 1 and 10000")
	case rule.Percentage == 0:
		b.failures = make([]int64, 0, min(rule.Count, 64))
	}
	return b, nil
}

// clock is at least 1, so that 0 can mean none.
func (b *breaker) clock() int64 { return int64(b.now().Sub(b.start)) + 1 }

// available tells whether allow would probably let a request pass.
func (b *breaker) available() bool {
	until := b.openUntil.Load()
	if until == 0 {
		return true
	}
	now := b.clock()
	return now >= until && now >= b.probe.Load()
}

// allow lets a request pass: any while closed; one at a time when the trip
// duration is over. A request that never reports holds its place for one more
// trip duration at most.
func (b *breaker) allow() bool {
	until := b.openUntil.Load()
	if until == 0 {
		return true
	}
	now := b.clock()
	if now < until {
		return false
	}
	held := b.probe.Load()
	return now >= held && b.probe.CompareAndSwap(held, now+int64(b.trip))
}

// wait is the time until the next request may pass, at least a second.
func (b *breaker) wait() time.Duration {
	now := b.clock()
	return max(time.Duration(max(b.openUntil.Load(), b.probe.Load())-now), time.Second)
}

func (b *breaker) state() int {
	switch until := b.openUntil.Load(); {
	case until == 0:
		return CircuitClosed
	case b.clock() < until:
		return CircuitOpen
	}
	return CircuitHalfOpen
}

// report counts how a call ended. What is not the backend's doing counts
// neither way.
func (b *breaker) report(status int, failure Failure, retryAfter time.Duration) {
	switch failure {
	case FailureCanceled, FailureRequest, FailureCircuit:
		b.probe.Store(0)
		return
	}
	failed := failure != FailureNone || b.isFailure(status)
	open := b.openUntil.Load() != 0
	if !failed && !open && b.rule.Percentage == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.clock()
	if until := b.openUntil.Load(); until != 0 {
		b.decide(now, until, failed, retryAfter)
		return
	}
	if b.count(now, failed) {
		b.open(now, retryAfter)
	}
}

// decide ends the half-open state. A call that began before the circuit opened
// says nothing new.
func (b *breaker) decide(now, until int64, failed bool, retryAfter time.Duration) {
	switch {
	case now < until || b.probe.Load() == 0:
	case failed:
		b.open(now, retryAfter)
	default:
		b.reset()
	}
}

func (b *breaker) open(now int64, retryAfter time.Duration) {
	d := b.trip
	if b.rule.AcceptRetryAfter && retryAfter > 0 {
		d = min(retryAfter, maxTrip)
	}
	b.reset()
	b.openUntil.Store(now + int64(d))
}

// reset closes the circuit and forgets what was counted.
func (b *breaker) reset() {
	b.failures, b.next, b.slices = b.failures[:0], 0, [percentageSlices]slice{}
	b.probe.Store(0)
	b.openUntil.Store(0)
}

// isFailure tells whether a status counts as one.
func (b *breaker) isFailure(status int) bool {
	for _, r := range b.rule.StatusRanges {
		if status >= r[0] && status <= r[1] {
			return true
		}
	}
	return len(b.rule.StatusRanges) == 0 && status >= 500 && status <= 599
}

// count adds a call and tells whether it is one failure too many.
func (b *breaker) count(now int64, failed bool) bool {
	if b.rule.Percentage > 0 {
		return b.countShare(now, failed)
	}
	if !failed {
		return false
	}
	// The ring holds the last Count failures: full, and the oldest of them
	// within the interval, means Count failures within it.
	if len(b.failures) < b.rule.Count {
		b.failures = append(b.failures, now)
	} else {
		b.failures[b.next] = now
	}
	b.next = (b.next + 1) % b.rule.Count
	return len(b.failures) == b.rule.Count && now-b.failures[b.next] < int64(b.interval)
}

func (b *breaker) countShare(now int64, failed bool) bool {
	number := now / (int64(b.interval) / percentageSlices)
	current := &b.slices[number%percentageSlices]
	if current.number != number {
		*current = slice{number: number}
	}
	current.requests++
	if failed {
		current.failures++
	}
	var requests, failures int64
	for _, s := range b.slices {
		if s.number > number-percentageSlices {
			requests += s.requests
			failures += s.failures
		}
	}
	return failed && requests >= percentageRequests && failures*100 >= int64(b.rule.Percentage)*requests
}
