package ingest

import (
	"sync/atomic"
	"time"

	"gatehouse/internal/telemetry"
)

// dailyCap bounds the bytes of a workspace's items in a UTC day, counted since
// the process started. Beyond it requests that succeeded, messages and metrics
// are left out; failures, by which somebody will look for the cause, go on to
// be kept for another quarter.
type dailyCap struct {
	limit int64
	now   func() time.Time
	day   atomic.Int64
	bytes atomic.Int64
}

func newCaps(o *Options) map[string]*dailyCap {
	out := map[string]*dailyCap{}
	for name, limit := range o.DailyCaps {
		if limit > 0 {
			out[name] = &dailyCap{limit: limit, now: o.Now}
		}
	}
	return out
}

// take counts bytes; a nil cap counts nothing.
func (c *dailyCap) take(n int) {
	if c == nil {
		return
	}
	c.turn()
	c.bytes.Add(int64(n))
}

// full tells whether an item is left out.
func (c *dailyCap) full(failure bool) bool {
	if c == nil {
		return false
	}
	c.turn()
	limit := c.limit
	if failure {
		limit += limit / 4
	}
	return c.bytes.Load() >= limit
}

// turn begins a new day.
func (c *dailyCap) turn() {
	day := c.now().Unix() / (24 * 60 * 60)
	if old := c.day.Load(); old != day && c.day.CompareAndSwap(old, day) {
		c.bytes.Store(0)
	}
}

// Capped tells receivers that a workspace takes no more items today.
func (i *Ingest) Capped(workspace string) bool { return i.caps[workspace].full(false) }

// takeSpans and takeLogs count rows of receivers.
func (i *Ingest) takeSpans(spans []telemetry.Span) {
	for n := range spans {
		i.caps[spans[n].Workspace].take(spanSize(&spans[n]))
	}
}

func (i *Ingest) takeLogs(logs []telemetry.LogRecord) {
	for n := range logs {
		i.caps[logs[n].Workspace].take(logSize(&logs[n]))
	}
}

// envelope is about what the fields of an item take that are not texts of its
// sender.
const envelope = 600

func spanSize(s *telemetry.Span) int {
	n := envelope + len(s.Name) + len(s.Path) + len(s.Query) + len(s.UserAgent) + len(s.ErrorMessage) + len(s.Data) + len(s.Target) +
		len(s.Attributes) + len(s.Tags) + len(s.Measurements) + len(s.Events) + len(s.Links)
	for i := range s.Calls {
		n += envelope + len(s.Calls[i].URL) + len(s.Calls[i].Error)
	}
	return n
}

func logSize(l *telemetry.LogRecord) int {
	return envelope + len(l.Body) + len(l.EventName) + len(l.Attributes) + len(l.Item) + len(l.Tags) + len(l.Measurements)
}
