// Package ledger is the one list of all alerts: each occurrence with its id, its
// states and what its receivers said.
//
// What comes in: alerts as they are seen, again and again, acknowledgements, and
// outcomes of notifications. What goes out: records, also after a restart. It
// must never notify, or change the id of an occurrence that goes on.
package ledger

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// States of a record.
const (
	Fired        = "fired"
	Acknowledged = "acknowledged"
	Resolved     = "resolved"
)

// ErrNotFound: there is no record with the id.
var ErrNotFound = errors.New("there is no alert with this id")

// ErrOver: the alert is resolved.
var ErrOver = errors.New("the alert is resolved already")

// Alert is an alert as it is seen now. A past EndsAt means: it is over.
type Alert struct {
	Fingerprint  string
	Labels       map[string]string
	Annotations  map[string]string
	StartsAt     time.Time
	EndsAt       time.Time
	GeneratorURL string
	Value        *float64 // of the expression; nil: not known here
}

// Record is one occurrence of an alert, from fired to resolved.
type Record struct {
	ID             string            `json:"id"` // a UUID, one through its life
	Fingerprint    string            `json:"fingerprint"`
	Kind           string            `json:"kind"` // slo, availability, log, metric
	State          string            `json:"state"`
	Labels         map[string]string `json:"labels"`
	Annotations    map[string]string `json:"annotations"`
	GeneratorURL   string            `json:"generatorURL,omitempty"`
	Value          *float64          `json:"value,omitempty"` // of the expression, when it is known
	FiredAt        time.Time         `json:"firedAt"`
	AcknowledgedAt time.Time         `json:"acknowledgedAt,omitzero"`
	AcknowledgedBy string            `json:"acknowledgedBy,omitempty"`
	ResolvedAt     time.Time         `json:"resolvedAt,omitzero"`
	ExpiresAt      time.Time         `json:"expiresAt,omitzero"` // it resolves then, unless it is seen again
	Events         []Event           `json:"events"`
	Receivers      []Outcome         `json:"receivers"`
}

// Event is a change of state.
type Event struct {
	At    time.Time `json:"at"`
	State string    `json:"state"`
	By    string    `json:"by,omitempty"`
	Note  string    `json:"note,omitempty"`
}

// Outcome is what became of the last attempt for one receiver and state.
type Outcome struct {
	Receiver    string    `json:"receiver"`
	Integration string    `json:"integration"`
	Key         string    `json:"key"` // of the notification's group
	State       string    `json:"state"`
	Result      string    `json:"result"` // delivered, retrying, dead
	At          time.Time `json:"at"`
	Attempts    int       `json:"attempts"`
	Error       string    `json:"error,omitempty"`
}

// Bounds of a record.
const (
	maxEvents    = 50
	maxReceivers = 50
)

// Options of a ledger. The zero value of a field means its default.
type Options struct {
	Load func(name string) ([]byte, error) // nil: nothing is kept
	Save func(name string, data []byte) error
	Max  int              // records; default 10 000, of which resolved ones go first
	Now  func() time.Time // default time.Now
}

// Ledger is safe for concurrent use.
type Ledger struct {
	options Options

	mu    sync.Mutex
	byID  map[string]*Record
	open  map[string]*Record // by fingerprint
	dirty map[int]bool       // shards to save
}

// New reads the records of the time before.
func New(o Options) (*Ledger, error) {
	if o.Load == nil {
		o.Load = func(string) ([]byte, error) { return nil, nil }
	}
	if o.Save == nil {
		o.Save = func(string, []byte) error { return nil }
	}
	if o.Max == 0 {
		o.Max = 10_000
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	l := &Ledger{options: o, byID: map[string]*Record{}, open: map[string]*Record{}, dirty: map[int]bool{}}
	return l, l.load()
}

// Observe takes alerts as they are now.
func (l *Ledger) Observe(alerts ...Alert) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.options.Now().UTC()
	for _, a := range alerts {
		over := !a.EndsAt.IsZero() && !a.EndsAt.After(now)
		r := l.open[a.Fingerprint]
		switch {
		case r == nil && over:
			continue // it was over before it was known
		case r == nil:
			r = l.begin(a, now)
		}
		r.Annotations, r.ExpiresAt = a.Annotations, a.EndsAt.UTC()
		if a.Value != nil {
			r.Value = a.Value
		}
		l.touch(r)
		if over {
			l.resolve(r, a.EndsAt.UTC(), "")
		}
	}
}

func (l *Ledger) begin(a Alert, now time.Time) *Record {
	fired := a.StartsAt.UTC()
	if fired.IsZero() || fired.After(now) {
		fired = now
	}
	r := &Record{ID: newID(a.Fingerprint, fired), Fingerprint: a.Fingerprint, Kind: kind(a.Labels), State: Fired, Labels: a.Labels,
		GeneratorURL: a.GeneratorURL, FiredAt: fired, Events: []Event{{At: fired, State: Fired}}, Receivers: []Outcome{}}
	if len(l.byID) >= l.options.Max {
		l.forgetOldest()
	}
	l.byID[r.ID], l.open[a.Fingerprint] = r, r
	return r
}

// newID makes a UUID of what identifies an occurrence.
func newID(fingerprint string, fired time.Time) string {
	h := sha256.Sum256(fmt.Appendf(nil, "%s %d", fingerprint, fired.UnixNano()))
	h[6], h[8] = h[6]&0x0f|0x80, h[8]&0x3f|0x80 // version 8
	return fmt.Sprintf("%x-%x-%x-%x-%x", h[:4], h[4:6], h[6:8], h[8:10], h[10:16])
}

// kind sorts alerts by what they watch, as their labels tell.
func kind(labels map[string]string) string {
	switch {
	case labels["slo"] != "":
		return "slo"
	case labels["objective"] == "availability": // of a test from outside
		return "availability"
	case labels["log_query"] != "":
		return "log"
	}
	return "metric"
}

func (l *Ledger) resolve(r *Record, at time.Time, note string) {
	r.State, r.ResolvedAt = Resolved, at
	r.event(Event{At: at, State: Resolved, Note: note})
	delete(l.open, r.Fingerprint)
}

func (r *Record) event(e Event) {
	r.Events = append(r.Events, e)
	if n := len(r.Events) - maxEvents; n > 0 {
		r.Events = slices.Delete(r.Events, 1, 1+n) // the first one stays: when it fired
	}
}

// forgetOldest makes room: the record that was resolved first goes, or else the
// one that fired first.
func (l *Ledger) forgetOldest() {
	oldest := slices.MinFunc(l.all(), func(a, b *Record) int {
		if a.rank() != b.rank() {
			return cmp.Compare(a.rank(), b.rank())
		}
		return a.FiredAt.Compare(b.FiredAt)
	})
	delete(l.byID, oldest.ID)
	if l.open[oldest.Fingerprint] == oldest {
		delete(l.open, oldest.Fingerprint)
	}
	l.touch(oldest)
}

// rank is lower for what is forgotten first.
func (r *Record) rank() int {
	if r.State == Resolved {
		return 0
	}
	return 1
}

func (l *Ledger) all() []*Record {
	out := make([]*Record, 0, len(l.byID))
	for _, r := range l.byID {
		out = append(out, r)
	}
	return out
}

// Expire resolves what was not seen again in time, and says how many.
func (l *Ledger) Expire() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.options.Now().UTC()
	for _, r := range l.open {
		if !r.ExpiresAt.IsZero() && !r.ExpiresAt.After(now) {
			l.resolve(r, r.ExpiresAt, "it was not reported any more")
			l.touch(r)
			n++
		}
	}
	return n
}

// Acknowledge notes that somebody works on it.
func (l *Ledger) Acknowledge(id, by, note string) (Record, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.byID[id]
	if r == nil {
		return Record{}, ErrNotFound
	}
	if r.State == Resolved {
		return Record{}, ErrOver
	}
	now := l.options.Now().UTC()
	r.State, r.AcknowledgedAt, r.AcknowledgedBy = Acknowledged, now, by
	r.event(Event{At: now, State: Acknowledged, By: by, Note: note})
	l.touch(r)
	return r.copy(), nil
}

// Outcome notes what a receiver said about the newest occurrence of an alert.
func (l *Ledger) Outcome(fingerprint string, o Outcome) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.newest(fingerprint)
	if r == nil {
		return
	}
	l.touch(r)
	for i, known := range r.Receivers {
		if known.Receiver == o.Receiver && known.Integration == o.Integration && known.State == o.State && known.Key == o.Key {
			r.Receivers[i] = o
			return
		}
	}
	r.Receivers = append(r.Receivers, o)
	if n := len(r.Receivers) - maxReceivers; n > 0 {
		r.Receivers = slices.Delete(r.Receivers, 0, n)
	}
}

func (l *Ledger) newest(fingerprint string) *Record {
	if r := l.open[fingerprint]; r != nil {
		return r
	}
	var found *Record
	for _, r := range l.byID {
		if r.Fingerprint == fingerprint && (found == nil || r.FiredAt.After(found.FiredAt)) {
			found = r
		}
	}
	return found
}
