package delivery

import (
	"context"
	"slices"
	"time"
)

// Attempts at once: in all, and at one target that is well.
const (
	maxAttempts       = 16
	maxTargetAttempts = 4
)

func (q *Queue) loop() {
	defer q.done.Done()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-q.quit:
			return
		case <-q.wake:
		case <-timer.C:
		}
		timer.Reset(q.dispatch(time.Now()))
	}
}

// dispatch starts what is due and says when to look again.
func (q *Queue) dispatch(now time.Time) time.Duration {
	q.mu.Lock()
	defer q.mu.Unlock()
	order := slices.Clone(q.waiting)
	// The one that was tried longest ago comes first, so that a message that a
	// receiver never takes does not keep the others back.
	slices.SortStableFunc(order, func(a, b *Message) int { return a.LastAttempt.Compare(b.LastAttempt) })
	first := q.firstOfLanes()
	busy := 0
	for _, m := range q.waiting {
		if m.busy {
			busy++
		}
	}
	next := time.Minute
	for _, m := range order {
		if m.busy || first[m.lane()] != m {
			continue
		}
		h := q.healthOf(m.target())
		if wait := max(m.Next.Sub(now), h.retryAt.Sub(now)); wait > 0 {
			next = min(next, wait)
			continue
		}
		if busy >= maxAttempts || h.busy >= maxTargetAttempts || (h.failures > 0 && h.busy > 0) {
			continue // the end of an attempt wakes the loop
		}
		m.busy = true
		h.busy++
		busy++
		q.done.Add(1)
		go q.attempt(m, *m)
	}
	return max(next, time.Millisecond)
}

func (q *Queue) firstOfLanes() map[lane]*Message {
	first := make(map[lane]*Message, len(q.waiting))
	for _, m := range q.waiting {
		if first[m.lane()] == nil {
			first[m.lane()] = m
		}
	}
	return first
}

func (q *Queue) healthOf(t target) *health {
	h := q.health[t]
	if h == nil {
		h = &health{}
		q.health[t] = h
	}
	return h
}

func (q *Queue) attempt(m *Message, copied Message) {
	defer q.done.Done()
	ctx, cancel := context.WithTimeout(q.ctx, q.options.AttemptTimeout)
	retry, err := q.options.Send(ctx, copied)
	cancel()
	if q.ctx.Err() != nil && err != nil {
		q.release(m) // the end of the process is no fault of the receiver
		return
	}
	result, dead := q.finish(m, retry, err)
	q.options.Outcome(result, err, dead)
	if err == nil || dead {
		select {
		case q.settled <- struct{}{}:
		default:
		}
	}
	q.nudge()
}

// saveInterval bounds what is sent again after a crash. A queue of thousands is
// not written anew for each of its messages.
const saveInterval = time.Second

// keep saves what attempts changed, once for all of an interval.
func (q *Queue) keep() {
	defer q.done.Done()
	for {
		select {
		case <-q.quit:
			return
		case <-q.settled:
		}
		select {
		case <-q.quit:
			return
		case <-time.After(saveInterval):
		}
		if err := q.save(); err != nil {
			q.log.Error("the delivery queue was not saved: a restart may send a notification again", "err", err)
		}
	}
}

func (q *Queue) release(m *Message) {
	q.mu.Lock()
	defer q.mu.Unlock()
	m.busy = false
	q.healthOf(m.target()).busy--
}

// finish takes the result of an attempt into account.
func (q *Queue) finish(m *Message, retry bool, err error) (result Message, dead bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := time.Now().UTC()
	h := q.healthOf(m.target())
	h.busy--
	m.busy = false
	m.Attempts++
	m.LastAttempt = now
	q.changes++
	switch {
	case err == nil:
		m.Error = ""
		h.failures, h.retryAt = 0, time.Time{}
		q.remove(m)
	case !retry || now.Sub(m.Queued) > q.options.GiveUpAfter:
		m.Error = err.Error()
		q.remove(m)
		q.bury(m)
		dead = true
		q.log.Warn("a notification was not delivered: it is a dead letter", "receiver", m.Receiver, "integration", m.Integration, "attempts", m.Attempts, "err", m.Error)
	default:
		if m.Error == "" {
			q.log.Warn("a notification was not delivered; it is tried again", "receiver", m.Receiver, "integration", m.Integration, "err", err)
		}
		m.Error = err.Error()
		m.Next = now.Add(q.backoff(m.Attempts))
		h.failures++
		h.retryAt = now.Add(q.backoff(h.failures))
	}
	return *m, dead
}

func (q *Queue) backoff(failures int) time.Duration {
	return min(q.options.MinBackoff<<min(failures-1, 20), q.options.MaxBackoff)
}

func (q *Queue) remove(m *Message) {
	q.waiting = slices.DeleteFunc(q.waiting, func(other *Message) bool { return other == m })
}
