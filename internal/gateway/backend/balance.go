package backend

import (
	"fmt"
	"time"
)

// group is the members of a pool with one priority.
type group struct {
	priority int
	members  []member
}

type member struct {
	target *Target
	weight uint64
}

// balance makes equal weights of a group without any.
func (g *group) balance() {
	for _, m := range g.members {
		if m.weight > 0 {
			return
		}
	}
	for i := range g.members {
		g.members[i].weight = 1
	}
}

// Pick chooses a target: the backend itself, or of a pool a member by weight
// among the lowest priority number that has one whose circuit lets a request
// pass. With none it is a *CircuitOpenError. Report must follow.
func (s *Set) Pick(id string) (*Target, error) {
	e := s.find(id)
	if e == nil {
		return nil, fmt.Errorf("backends/%s: %w", id, ErrUnknownBackend)
	}
	if e.target != nil {
		if e.target.circuit == nil || e.target.circuit.allow() {
			return e.target, nil
		}
		return nil, &CircuitOpenError{Backend: e.source.ID, RetryAfter: e.target.circuit.wait()}
	}
	for i := range e.groups {
		if t := e.groups[i].pick(s.options.Random); t != nil {
			return t, nil
		}
	}
	return nil, &CircuitOpenError{Backend: e.source.ID, RetryAfter: e.wait()}
}

// pick chooses by weight among the members that look available; when the
// choice is taken by another request in the meantime (a probe), it tries the
// others in turn. Weight 0 gets requests only when nothing else is left.
func (g *group) pick(random func() uint64) *Target {
	var sum uint64
	for i := range g.members {
		if m := &g.members[i]; m.target.available() {
			sum += m.weight
		}
	}
	if sum > 0 {
		at := random() % sum
		for i := range g.members {
			m := &g.members[i]
			if !m.target.available() {
				continue
			}
			if at < m.weight && m.target.take() {
				return m.target
			}
			at -= min(at, m.weight)
		}
	}
	for i := range g.members {
		if g.members[i].target.take() {
			return g.members[i].target
		}
	}
	return nil
}

func (t *Target) available() bool { return t.circuit == nil || t.circuit.available() }

func (t *Target) take() bool { return t.circuit == nil || t.circuit.allow() }

// wait is the time until the first circuit of a pool is tried again.
func (e *entry) wait() time.Duration {
	var least time.Duration
	for _, g := range e.groups {
		for _, m := range g.members {
			if m.target.circuit == nil {
				continue
			}
			if w := m.target.circuit.wait(); least == 0 || w < least {
				least = w
			}
		}
	}
	return least
}
