package remotewrite

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// newQuietLogger lets at most n records of one message through in a period.
// Upstream logs every refused series at error level: one sender above its limit
// would otherwise fill the log.
func newQuietLogger(log *slog.Logger, period time.Duration, n int) *slog.Logger {
	return slog.New(&quietHandler{
		next:  log.Handler(),
		state: &quietState{period: period, limit: n, seen: map[string]int{}},
	})
}

type quietHandler struct {
	next  slog.Handler
	state *quietState
}

type quietState struct {
	mu     sync.Mutex
	period time.Duration
	limit  int
	until  time.Time
	seen   map[string]int
}

func (h *quietHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, level)
}

func (h *quietHandler) Handle(ctx context.Context, r slog.Record) error {
	if !h.state.allow(r.Message, r.Time) {
		return nil
	}
	return h.next.Handle(ctx, r)
}

func (h *quietHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &quietHandler{next: h.next.WithAttrs(attrs), state: h.state}
}

func (h *quietHandler) WithGroup(name string) slog.Handler {
	return &quietHandler{next: h.next.WithGroup(name), state: h.state}
}

func (s *quietState) allow(message string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.After(s.until) {
		clear(s.seen)
		s.until = now.Add(s.period)
	}
	s.seen[message]++
	return s.seen[message] <= s.limit
}
