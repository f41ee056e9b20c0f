package delivery

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// StateName is the name given to Load and Save.
const StateName = "deliveries"

type state struct {
	Waiting   []*Message `json:"waiting"`
	Dead      []*Message `json:"dead"`
	Forgotten int64      `json:"forgotten"`
}

func (q *Queue) load() error {
	data, err := q.options.Load(StateName)
	if err != nil {
		return fmt.Errorf("load waiting notifications: %w", err)
	}
	if len(data) == 0 {
		return nil
	}
	var kept state
	if err := json.Unmarshal(data, &kept); err != nil {
		return fmt.Errorf("load waiting notifications: %w; remove the saved state %q to start without", err, StateName)
	}
	q.waiting, q.dead, q.forgotten = kept.Waiting, kept.Dead, kept.Forgotten
	for _, m := range q.waiting {
		m.Next = time.Time{} // the receiver may be back
	}
	return nil
}

// save writes the changes so far. Callers that come while another one writes
// share the next write.
func (q *Queue) save() error {
	q.mu.Lock()
	mine := q.changes
	q.mu.Unlock()
	q.saving.Lock()
	defer q.saving.Unlock()
	if q.saved >= mine {
		return nil
	}
	q.mu.Lock()
	upTo := q.changes
	data, err := json.Marshal(state{q.waiting, q.dead, q.forgotten})
	q.mu.Unlock()
	if err != nil {
		return err
	}
	if err := q.options.Save(StateName, data); err != nil {
		return err
	}
	q.saved = upTo
	return nil
}

// View is the queue as it is now.
type View struct {
	Waiting   []Message `json:"waiting"`
	Dead      []Message `json:"dead"`      // newest first
	Forgotten int64     `json:"forgotten"` // dead letters that were beyond the bound
}

// View gives copies of what waits and of the dead letters.
func (q *Queue) View() View {
	q.mu.Lock()
	defer q.mu.Unlock()
	v := View{Waiting: make([]Message, 0, len(q.waiting)), Dead: make([]Message, 0, len(q.dead)), Forgotten: q.forgotten}
	for _, m := range q.waiting {
		v.Waiting = append(v.Waiting, *m)
	}
	for _, m := range slices.Backward(q.dead) {
		v.Dead = append(v.Dead, *m)
	}
	return v
}

// Resend puts dead letters back: that with the id, or all of them when id is
// empty. It says how many.
func (q *Queue) Resend(id string) (int, error) {
	n := q.takeDead(id, func(m *Message) {
		m.Attempts, m.Error, m.LastAttempt, m.Next, m.Queued = 0, "", time.Time{}, time.Time{}, time.Now().UTC()
		q.waiting = append(q.waiting, m)
	})
	if n == 0 {
		return 0, nil
	}
	q.nudge()
	return n, q.save()
}

// Forget removes dead letters: that with the id, or all of them when id is empty.
func (q *Queue) Forget(id string) (int, error) {
	n := q.takeDead(id, func(*Message) {})
	if n == 0 {
		return 0, nil
	}
	return n, q.save()
}

func (q *Queue) takeDead(id string, each func(*Message)) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := 0
	q.dead = slices.DeleteFunc(q.dead, func(m *Message) bool {
		if id != "" && m.ID != id {
			return false
		}
		each(m)
		n++
		return true
	})
	q.changes++
	return n
}
