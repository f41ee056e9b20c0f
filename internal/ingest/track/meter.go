package track

import (
	"net/http"
	"sync"
	"time"

	"gatehouse/internal/telemetry"
)

// meter counts what each workspace took: items within a minute, bytes within a
// UTC day.
type meter struct {
	perMinute int64
	capped    int // status of items beyond a daily cap
	mu        sync.Mutex
	usage     map[string]*usage
}

type usage struct {
	minute, day  int64 // since 1970
	items, bytes int64
}

func newMeter(perSecond, capped int) *meter {
	return &meter{perMinute: int64(perSecond) * 60, capped: capped, usage: map[string]*usage{}}
}

// take books an item, or says why it cannot be taken now. Validation takes
// nothing.
func (m *meter) take(w *telemetry.Workspace, size int, now time.Time) *fault {
	m.mu.Lock()
	defer m.mu.Unlock()
	u := m.usage[w.Name]
	if u == nil {
		u = &usage{}
		m.usage[w.Name] = u
	}
	u.roll(now)
	if u.items >= m.perMinute {
		next := time.Unix((u.minute+1)*60, 0).Sub(now)
		return &fault{status: http.StatusTooManyRequests, reason: "rate", retry: next, message: "the workspace takes no more items in this minute"}
	}
	if w.DailyCap > 0 && u.bytes+int64(size) > w.DailyCap {
		next := time.Unix((u.day+1)*86400, 0).Sub(now)
		return &fault{status: m.capped, reason: "daily_cap", retry: next, message: "the workspace's daily cap is used up"}
	}
	u.items++
	u.bytes += int64(size)
	return nil
}

// giveBack takes back what the store did not take.
func (m *meter) giveBack(w *telemetry.Workspace, size int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if u := m.usage[w.Name]; u != nil {
		u.items = max(0, u.items-1)
		u.bytes = max(0, u.bytes-int64(size))
	}
}

func (u *usage) roll(now time.Time) {
	if minute := now.Unix() / 60; minute != u.minute {
		u.minute, u.items = minute, 0
	}
	if day := now.Unix() / 86400; day != u.day {
		u.day, u.bytes = day, 0
	}
}
