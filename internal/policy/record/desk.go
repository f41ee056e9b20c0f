package record

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/internal/policy"
)

// Headers of tracing.
const (
	headerTrace    = "Ocp-Apim-Trace"
	headerToken    = "Apim-Debug-Authorization"
	headerID       = "Apim-Trace-Id"
	headerLocation = "Ocp-Apim-Trace-Location"
)

// DeskOptions are the bounds of a Desk.
type DeskOptions struct {
	Location    string        // URL that a trace id is added to
	MaxTraces   int           // recordings at a time; the oldest goes first
	MaxBytes    int64         // of all recordings together
	MaxAge      time.Duration // of a recording
	MaxSessions int
	Recording   Options
	Now         func() time.Time
}

// DefaultDeskOptions are the bounds in a gateway.
func DefaultDeskOptions() DeskOptions {
	return DeskOptions{MaxTraces: 200, MaxBytes: 64 << 20, MaxAge: time.Hour, MaxSessions: 100, Recording: DefaultOptions(), Now: time.Now}
}

// Desk decides which live requests are recorded, and keeps the recordings. It
// implements policy.Observer.
type Desk struct {
	o       DeskOptions
	running atomic.Int64 // sessions: none costs one comparison

	mu       sync.Mutex
	kept     []*Recording // oldest first
	bytes    int64
	sessions map[[32]byte]*Session
}

// Session lets requests that carry its token be recorded.
type Session struct {
	ID           string    `json:"id"`
	Subscription string    `json:"subscription,omitempty"`
	API          string    `json:"api,omitempty"`
	Expires      time.Time `json:"expires"`
	Token        string    `json:"token,omitempty"` // only in the answer that opens it
}

// Longest life of a session.
const maxSession = 24 * time.Hour

// NewDesk makes a desk without recordings.
func NewDesk(o DeskOptions) *Desk { return &Desk{o: o, sessions: map[[32]byte]*Session{}} }

// Watches implements policy.Observer.
func (d *Desk) Watches(c *policy.Context) bool {
	h := c.Request.Header
	return len(h[headerTrace]) > 0 || d.running.Load() > 0 && len(h[headerToken]) > 0
}

// Observe implements policy.Observer: a request is recorded when it asks for it
// with the key of a subscription that allows tracing, or with a session's token.
// The token goes no further.
func (d *Desk) Observe(c *policy.Context, o policy.Observed) policy.Recorder {
	token := c.Request.Header.Get(headerToken)
	c.Request.Header.Del(headerToken)
	asked := strings.EqualFold(c.Request.Header.Get(headerTrace), "true")
	allowed := asked && o.AllowTracing && c.Subscription != nil
	if !allowed && (token == "" || !d.admits(token, c)) {
		return nil
	}
	options := d.o.Recording
	options.ID, options.Secret = newID(), o
	c.Tracing = true
	c.SetFinalHeader(headerID, options.ID)
	c.SetFinalHeader(headerLocation, d.o.Location+options.ID)
	return New(c, options, d.keep)
}

// newID is 128 bits that nobody can guess.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	return fmt.Sprintf("%x", b)
}

func (d *Desk) admits(token string, c *policy.Context) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.sessions[sha256.Sum256([]byte(token))]
	if s == nil || !d.o.Now().Before(s.Expires) {
		return false
	}
	if s.Subscription != "" && (c.Subscription == nil || c.Subscription.ID != s.Subscription) {
		return false
	}
	return s.API == "" || c.API != nil && c.API.ID == s.API
}

// Open opens a session for one subscription, or for one API.
func (d *Desk) Open(subscription, api string, life time.Duration) (Session, error) {
	if (subscription == "") == (api == "") {
		return Session{}, errors.New("name a subscription or an api")
	}
	if life <= 0 || life > maxSession {
		return Session{}, fmt.Errorf("a session lasts from a minute to %d hours", int(maxSession.Hours()))
	}
	var b [32]byte
	_, _ = rand.Read(b[:])
	token := base64.RawURLEncoding.EncodeToString(b[:])
	d.mu.Lock()
	defer d.mu.Unlock()
	d.expire()
	if len(d.sessions) >= d.o.MaxSessions {
		return Session{}, fmt.Errorf("%d sessions are open; close one", len(d.sessions))
	}
	s := &Session{ID: newID(), Subscription: subscription, API: api, Expires: d.o.Now().Add(life).UTC()}
	d.sessions[sha256.Sum256([]byte(token))] = s
	d.running.Store(int64(len(d.sessions)))
	out := *s
	out.Token = token
	return out, nil
}

// Sessions lists the open ones.
func (d *Desk) Sessions() []Session {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.expire()
	out := []Session{}
	for _, s := range d.sessions {
		out = append(out, *s)
	}
	return out
}

// Close ends a session; false when there is none with that id.
func (d *Desk) Close(id string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for key, s := range d.sessions {
		if s.ID == id {
			delete(d.sessions, key)
			d.running.Store(int64(len(d.sessions)))
			return true
		}
	}
	return false
}

// expire drops what is over.
func (d *Desk) expire() {
	now := d.o.Now()
	for key, s := range d.sessions {
		if !now.Before(s.Expires) {
			delete(d.sessions, key)
		}
	}
	d.running.Store(int64(len(d.sessions)))
	for len(d.kept) > 0 && (len(d.kept) > d.o.MaxTraces || d.bytes > d.o.MaxBytes || now.Sub(d.kept[0].Started) > d.o.MaxAge) {
		d.bytes -= d.kept[0].memory()
		d.kept[0] = nil
		d.kept = d.kept[1:]
	}
}

func (d *Desk) keep(r *Recording) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.kept = append(d.kept, r)
	d.bytes += r.memory()
	d.expire()
}

func (r *Recording) memory() int64 { return r.size + int64(512*len(r.Steps)) + 1024 }

// Find gives a recording; nil when it is not kept (any more).
func (d *Desk) Find(id string) *Recording {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.expire()
	for _, r := range d.kept {
		if r.ID == id {
			return r
		}
	}
	return nil
}

// Recordings lists what is kept, the newest first.
func (d *Desk) Recordings() []*Recording {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.expire()
	out := make([]*Recording, 0, len(d.kept))
	for i := len(d.kept) - 1; i >= 0; i-- {
		out = append(out, d.kept[i])
	}
	return out
}
