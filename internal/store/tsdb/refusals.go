package tsdb

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
)

// Refusal is a metric whose samples were refused, by one reason. Labels are
// those of the newest one: values are shortened, and hashed when they look like
// personal data.
type Refusal struct {
	Time    time.Time         `json:"time"` // of the newest
	Reason  string            `json:"reason"`
	Metric  string            `json:"metric"`
	Labels  map[string]string `json:"labels"`
	Message string            `json:"message"`
	Count   int64             `json:"count"`
}

const (
	maxRefusals      = 200 // kinds: metric and reason
	maxRefusalLabels = 10  // shown of a series
	maxRefusalText   = 64  // bytes shown of a label's value
)

// refusals are the newest refusals, one for each metric and reason.
type refusals struct {
	mu       sync.Mutex
	items    map[refusalKind]*Refusal
	byReason map[string]int64
}

type refusalKind struct{ metric, reason string }

// add counts one. Of a kind that is known the text is made anew at most once a
// second: a sender that is refused all the time must not cost more than one
// that is not.
func (r *refusals) add(ls labels.Labels, err error, now time.Time) {
	reason := Reason(err)
	kind := refusalKind{shorten(ls.Get(model.MetricNameLabel), 200), reason}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.items == nil {
		r.items, r.byReason = map[refusalKind]*Refusal{}, map[string]int64{}
	}
	r.byReason[reason]++
	f := r.items[kind]
	if f == nil {
		if len(r.items) >= maxRefusals {
			delete(r.items, r.oldest())
		}
		f = &Refusal{Metric: kind.metric, Reason: reason}
		r.items[kind] = f
	}
	if f.Count++; f.Message == "" || now.Sub(f.Time) >= time.Second {
		f.Time, f.Labels, f.Message = now.UTC(), shown(ls), err.Error()
	}
}

func (r *refusals) oldest() (kind refusalKind) {
	var at time.Time
	for k, f := range r.items {
		if at.IsZero() || f.Time.Before(at) {
			kind, at = k, f.Time
		}
	}
	return kind
}

// list gives the newest first.
func (r *refusals) list() []Refusal {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]Refusal, 0, len(r.items))
	for _, f := range r.items {
		out = append(out, *f) // its labels are never changed, only replaced
	}
	slices.SortFunc(out, func(a, b Refusal) int {
		return cmp.Or(b.Time.Compare(a.Time), strings.Compare(a.Metric, b.Metric), strings.Compare(a.Reason, b.Reason))
	})
	return out
}

func (r *refusals) counts() map[string]int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make(map[string]int64, len(r.byReason))
	for reason, n := range r.byReason {
		out[reason] = n
	}
	return out
}

func shown(ls labels.Labels) map[string]string {
	out := map[string]string{}
	ls.Range(func(l labels.Label) {
		if l.Name == model.MetricNameLabel || len(out) >= maxRefusalLabels {
			return
		}
		value := l.Value
		if personal(value) != "" {
			value = hashed(value)
		}
		out[shorten(l.Name, maxRefusalText)] = shorten(value, maxRefusalText)
	})
	return out
}

func shorten(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}

// Reason names why samples were refused: of the workspace's own rules, or of
// Prometheus's.
func Reason(err error) string {
	var reasoned interface{ Reason() string }
	var invalid histogram.Error
	switch {
	case errors.As(err, &reasoned):
		return reasoned.Reason()
	case errors.Is(err, storage.ErrOutOfOrderSample):
		return "out_of_order"
	case errors.Is(err, storage.ErrDuplicateSampleForTimestamp):
		return "duplicate_timestamp"
	case errors.Is(err, storage.ErrTooOldSample):
		return "too_old"
	case errors.Is(err, storage.ErrOutOfBounds):
		return "out_of_bounds"
	case errors.As(err, &invalid):
		return "invalid_histogram"
	}
	return "storage"
}
