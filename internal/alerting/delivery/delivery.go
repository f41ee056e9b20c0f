// Package delivery keeps notifications until their receiver has taken them.
//
// What comes in: messages for receivers, and a function that sends one. What
// goes out: each message to its receiver, in order for one incident; an outcome
// for each attempt; what could not be delivered as dead letters, which can be
// sent again. It must never lose a message that Put has taken without a trace,
// or send more than one trigger for an incident that waited.
package delivery

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// States of a message.
const (
	Firing       = "firing"
	Resolved     = "resolved"
	Acknowledged = "acknowledged"
)

// Alert is one alert of a message; EndsAt is zero while it fires.
type Alert struct {
	Fingerprint  string            `json:"fingerprint"`
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations,omitempty"`
	StartsAt     time.Time         `json:"startsAt"`
	EndsAt       time.Time         `json:"endsAt,omitzero"`
	UpdatedAt    time.Time         `json:"updatedAt,omitzero"`
	GeneratorURL string            `json:"generatorURL,omitempty"`
}

// Message is one notification for one integration of a receiver.
type Message struct {
	ID          string            `json:"id"`
	Receiver    string            `json:"receiver"`
	Integration string            `json:"integration"` // such as webhook[0]
	Key         string            `json:"key"`         // of the incident: one through its life
	State       string            `json:"state"`
	Reason      int               `json:"notificationReason,omitempty"`
	GroupLabels map[string]string `json:"groupLabels,omitempty"`
	RouteLabels map[string]string `json:"routeLabels,omitempty"`
	Alerts      []Alert           `json:"alerts"`
	Queued      time.Time         `json:"queued"`
	Attempts    int               `json:"attempts"`
	LastAttempt time.Time         `json:"lastAttempt,omitzero"`
	Next        time.Time         `json:"next,omitzero"`
	Error       string            `json:"error,omitempty"` // of the last attempt

	busy bool
}

func (m *Message) lane() lane { return lane{m.target(), m.Key} }

func (m *Message) target() target { return target{m.Receiver, m.Integration} }

// target is one integration of a receiver; lane is one incident at it.
type target struct{ receiver, integration string }

type lane struct {
	target
	key string
}

// SendFunc sends one message. retry says whether a later attempt may succeed;
// the error may be shown to users.
type SendFunc func(ctx context.Context, m Message) (retry bool, err error)

// Options of a queue. Send is required; the zero value of another field means
// its default.
type Options struct {
	Send    SendFunc
	Outcome func(m Message, err error, dead bool) // after each attempt; nil: nobody asks

	Load func(name string) ([]byte, error) // nil: nothing is kept
	Save func(name string, data []byte) error

	MaxWaiting     int           // default 10 000; the oldest one becomes a dead letter
	MaxDead        int           // default 1 000; the oldest one is forgotten, and counted
	GiveUpAfter    time.Duration // default 72 h
	MinBackoff     time.Duration // default 1 s
	MaxBackoff     time.Duration // default 1 min
	AttemptTimeout time.Duration // default 30 s

	Logger *slog.Logger
}

func (o Options) withDefaults() Options {
	setDefault(&o.MaxWaiting, 10_000)
	setDefault(&o.MaxDead, 1_000)
	setDefault(&o.GiveUpAfter, 72*time.Hour)
	setDefault(&o.MinBackoff, time.Second)
	setDefault(&o.MaxBackoff, time.Minute)
	setDefault(&o.AttemptTimeout, 30*time.Second)
	if o.Outcome == nil {
		o.Outcome = func(Message, error, bool) {}
	}
	if o.Load == nil {
		o.Load = func(string) ([]byte, error) { return nil, nil }
	}
	if o.Save == nil {
		o.Save = func(string, []byte) error { return nil }
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Queue of messages. Use: New, Put at will, Start, Stop.
type Queue struct {
	options Options
	log     *slog.Logger

	mu        sync.Mutex
	waiting   []*Message // in order of arrival
	dead      []*Message // in order of death
	forgotten int64      // dead letters beyond the bound
	health    map[target]*health
	changes   int64 // counts changes of what is kept

	saving sync.Mutex
	saved  int64 // changes that are on disk

	wake    chan struct{}
	settled chan struct{} // an attempt ended a message's wait
	quit    chan struct{}
	ctx     context.Context
	cancel  context.CancelFunc
	done    sync.WaitGroup
}

// health of a target: after a failure one message at a time tries it.
type health struct {
	busy     int
	failures int
	retryAt  time.Time
}

// New reads what waited when the process ended.
func New(o Options) (*Queue, error) {
	o = o.withDefaults()
	if o.Send == nil {
		return nil, errors.New("make a delivery queue: Send is required")
	}
	ctx, cancel := context.WithCancel(context.Background())
	q := &Queue{options: o, log: o.Logger, health: map[target]*health{}, wake: make(chan struct{}, 1),
		settled: make(chan struct{}, 1), quit: make(chan struct{}), ctx: ctx, cancel: cancel}
	return q, q.load()
}

// Start begins to deliver.
func (q *Queue) Start() {
	q.done.Add(2)
	go q.loop()
	go q.keep()
}

// stopGrace is for attempts under way when the queue stops: ended early they
// would be made again.
const stopGrace = 5 * time.Second

// Stop waits a little for attempts under way and saves. What was not delivered
// is tried again after the next start.
func (q *Queue) Stop() error {
	close(q.quit)
	timer := time.AfterFunc(stopGrace, q.cancel)
	defer timer.Stop()
	q.done.Wait()
	q.cancel()
	return q.save()
}

// Put takes a message; when it returns nil the message survives a crash. A
// message that still waits for the same incident is replaced: a receiver that
// was away gets one trigger, and one resolution when the incident is over.
func (q *Queue) Put(m Message) error {
	m.ID, m.Queued = rand.Text(), time.Now().UTC()
	q.mu.Lock()
	if !q.coalesce(&m) {
		q.waiting = append(q.waiting, &m)
	}
	for len(q.waiting) > q.options.MaxWaiting {
		if !q.overflow() {
			break
		}
	}
	q.changes++
	q.mu.Unlock()
	if err := q.save(); err != nil {
		return fmt.Errorf("keep a notification for %s: %w", m.Receiver, err)
	}
	q.nudge()
	return nil
}

// overflow makes the oldest message that nobody sends a dead letter.
func (q *Queue) overflow() bool {
	for i, m := range q.waiting {
		if !m.busy {
			q.waiting = append(q.waiting[:i], q.waiting[i+1:]...)
			m.Error = fmt.Sprintf("the queue was full: %d notifications waited; last error: %s", q.options.MaxWaiting, m.Error)
			q.bury(m)
			return true
		}
	}
	return false
}

func (q *Queue) bury(m *Message) {
	m.busy = false
	q.dead = append(q.dead, m)
	if n := len(q.dead) - q.options.MaxDead; n > 0 {
		q.dead = append([]*Message(nil), q.dead[n:]...)
		q.forgotten += int64(n)
	}
}

func (q *Queue) nudge() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}
