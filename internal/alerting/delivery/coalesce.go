package delivery

// coalesce puts m into a message that waits in the same lane, if there is one
// that says no more than m does. It reports whether it did.
func (q *Queue) coalesce(m *Message) bool {
	last := q.lastOf(m.lane())
	if last < 0 {
		return false
	}
	tail := q.waiting[last]
	if tail.State == m.State {
		tail.take(m)
		return true
	}
	if m.State != Firing || tail.State != Resolved {
		return false
	}
	// It fires again before its end was told: for the receiver it goes on.
	q.waiting = append(q.waiting[:last], q.waiting[last+1:]...)
	if before := q.lastOf(m.lane()); before >= 0 && q.waiting[before].State == Firing {
		q.waiting[before].take(m)
		return true
	}
	m.Queued = tail.Queued
	return false
}

// lastOf gives the last message of a lane that is not being sent, or -1.
func (q *Queue) lastOf(l lane) int {
	for i := len(q.waiting) - 1; i >= 0; i-- {
		if q.waiting[i].lane() == l {
			if q.waiting[i].busy {
				return -1
			}
			return i
		}
	}
	return -1
}

// take puts the newer words of other over those of m; alerts that only m has stay.
func (m *Message) take(other *Message) {
	known := map[string]bool{}
	for _, a := range other.Alerts {
		known[a.Fingerprint] = true
	}
	for _, a := range m.Alerts {
		if !known[a.Fingerprint] {
			other.Alerts = append(other.Alerts, a)
		}
	}
	m.Alerts, m.GroupLabels, m.RouteLabels, m.Reason = other.Alerts, other.GroupLabels, other.RouteLabels, other.Reason
}
