// Package export brings batches that wait in a queue to a destination outside:
// it retries, waits, counts and tells how it goes.
//
// What comes in: a queue and a function that sends. What goes out: calls of
// that function, metrics and a Status. It must never forget a batch that the
// destination may still take, lose an item without counting it, show a secret,
// or know what is in a batch.
package export

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"gatehouse/internal/telemetry"
)

// Reasons for which items are dropped, beside those that a destination gives.
const (
	ReasonOld       = "too-old"      // waited longer than MaxAge
	ReasonQueueFull = "queue-full"   // the queue was at its bound
	ReasonRejected  = "rejected"     // the destination will never take them
	ReasonTooLarge  = "too-large"    // one item alone is more than the destination takes
	ReasonTries     = "many-tries"   // refused again and again while others were taken
	ReasonQuota     = "quota"        // the destination takes no more and keeps nothing back
	ReasonUnread    = "unreadable"   // written by another version
	ReasonSampled   = "sampled-out"  // by the destination
	ReasonUnknown   = "not-accepted" // the destination does not say which or why
)

// Result is what became of one try.
type Result struct {
	Sent    int            // items that the destination has
	Dropped map[string]int // items that it will never have, by reason
	// Left is what is to be tried again, with its items; nil: nothing.
	Left      []byte
	LeftItems int
	After     time.Duration // how long the destination wants to be left alone
	// Partial means that the destination works: others were taken, and what is left
	// is given up after MaxTries.
	Partial bool
	Err     error // why something was not taken; without secrets
}

// Options of an Exporter. Queue and Send must be set; zero means default.
type Options struct {
	Name, Kind string // of the destination, for metrics and people
	Endpoint   string // for people, without secrets
	Queue      telemetry.Queue
	// Join makes one request of what several batches hold; nil: each is sent alone.
	Join func(batches [][]byte) ([]byte, error)
	Send func(ctx context.Context, data []byte, items int) Result

	Senders    int           // at a time; default 4
	MaxItems   int           // of a request, when batches are joined; default 2,000
	BatchDelay time.Duration // how long a smaller request waits for more; default 500 ms
	MaxAge     time.Duration // of an item, then it is dropped; default 48 h
	MaxTries   int           // see Result.Partial; default 10
	Timeout    time.Duration // of one try; default 30 s
	FirstPause time.Duration // after a failure, then twice as long; default 1 s
	LongPause  time.Duration // default 2 min
	Now        func() time.Time
	Logger     *slog.Logger
}

func (o Options) withDefaults() Options {
	orDefault(&o.Senders, 4)
	orDefault(&o.MaxItems, 2000)
	orDefault(&o.BatchDelay, 500*time.Millisecond)
	orDefault(&o.MaxAge, 48*time.Hour)
	orDefault(&o.MaxTries, 10)
	orDefault(&o.Timeout, 30*time.Second)
	orDefault(&o.FirstPause, time.Second)
	orDefault(&o.LongPause, 2*time.Minute)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Join == nil {
		o.MaxItems = 1
	}
	return o
}

func orDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Exporter empties a queue into a destination.
type Exporter struct {
	options Options
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu     sync.Mutex
	status Status
	until  time.Time // nobody sends before
	next   sync.Mutex
}

// Start runs the senders. Close ends them.
func Start(o Options) *Exporter {
	o = o.withDefaults()
	e := &Exporter{options: o, status: Status{Name: o.Name, Kind: o.Kind, Endpoint: o.Endpoint, Dropped: map[string]int64{}}}
	ctx, cancel := context.WithCancel(context.Background())
	e.cancel = cancel
	for range o.Senders {
		e.running.Go(func() { e.run(ctx) })
	}
	return e
}

// Close sends what it can until ctx is done or the destination fails, and ends
// the senders. What was not sent stays in the queue.
func (e *Exporter) Close(ctx context.Context) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for e.healthy() && e.options.Queue.Stats().Batches > 0 {
		select {
		case <-tick.C:
			continue
		case <-ctx.Done():
		}
		break
	}
	e.cancel()
	e.running.Wait()
	return nil
}

func (e *Exporter) run(ctx context.Context) {
	for ctx.Err() == nil {
		held, err := e.gather(ctx)
		if err != nil && len(held) == 0 {
			if ctx.Err() == nil && !e.sleep(ctx, e.options.FirstPause) {
				return
			}
			continue
		}
		if e.deliver(ctx, held) {
			for _, b := range held {
				if err := e.options.Queue.Done(b.ID); err != nil {
					e.options.Logger.Warn("a queue of telemetry does not forget what was sent; it is sent again after a restart", "destination", e.options.Name, "error", err)
				}
			}
		}
	}
}

// gather takes batches until there are enough for a request. One sender at a
// time waits, so that small batches come together.
func (e *Exporter) gather(ctx context.Context) ([]telemetry.Batch, error) {
	e.next.Lock()
	defer e.next.Unlock()
	first, err := e.options.Queue.Next(ctx)
	if err != nil {
		return nil, err
	}
	held, items := []telemetry.Batch{first}, first.Items
	if e.options.MaxItems <= 1 {
		return held, nil
	}
	short, cancel := context.WithTimeout(ctx, e.options.BatchDelay)
	defer cancel()
	for items < e.options.MaxItems {
		b, err := e.options.Queue.Next(short)
		if err != nil {
			break
		}
		held, items = append(held, b), items+b.Items
	}
	return held, nil
}

// deliver tries until everything is sent or dropped; false when ctx ended before.
func (e *Exporter) deliver(ctx context.Context, held []telemetry.Batch) bool {
	data, items, err := e.join(held)
	if err != nil {
		e.drop(ReasonUnread, items, err)
		return true
	}
	oldest, pause := held[0].Time, e.options.FirstPause
	for tries := 1; ; {
		if !e.await(ctx) {
			return false
		}
		if e.options.Now().Sub(oldest) > e.options.MaxAge {
			e.drop(ReasonOld, items, errors.New("the destination did not take it in time"))
			return true
		}
		try, cancel := context.WithTimeout(ctx, e.options.Timeout)
		r := e.options.Send(try, data, items)
		cancel()
		if ctx.Err() != nil && r.Left != nil {
			return false
		}
		e.record(r)
		if r.Left == nil {
			return true
		}
		data, items = r.Left, r.LeftItems
		if r.Partial {
			if tries++; tries > e.options.MaxTries {
				e.drop(ReasonTries, items, r.Err)
				return true
			}
		}
		e.hold(r, jitter(pause))
		pause = min(2*pause, e.options.LongPause)
	}
}

func (e *Exporter) join(held []telemetry.Batch) ([]byte, int, error) {
	items := 0
	all := make([][]byte, len(held))
	for n, b := range held {
		items += b.Items
		all[n] = b.Data
	}
	if e.options.Join == nil {
		return all[0], items, nil
	}
	data, err := e.options.Join(all)
	return data, items, err
}

// jitter keeps many gateways from coming back at the same moment.
func jitter(d time.Duration) time.Duration { return d/2 + rand.N(d/2+1) }

// hold keeps all senders from sending for a while.
func (e *Exporter) hold(r Result, pause time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if at := e.options.Now().Add(max(min(r.After, 24*time.Hour), pause)); at.After(e.until) {
		e.until = at
	}
}

// await waits until sending is allowed; false when ctx ended before.
func (e *Exporter) await(ctx context.Context) bool {
	for {
		e.mu.Lock()
		left := e.until.Sub(e.options.Now())
		e.mu.Unlock()
		if left <= 0 {
			return ctx.Err() == nil
		}
		if !e.sleep(ctx, min(left, time.Second)) {
			return false
		}
	}
}

func (e *Exporter) sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
