// Package remotewrite takes samples in by Prometheus remote write 1.0 and 2.0.
//
// What comes in: POST requests with snappy-compressed protocol buffers. What
// goes out: samples, histograms, exemplars and metadata into an appendable, and
// the specification's answers, as upstream's own handler writes them. It must
// never authorise a request (the door does), keep a sample back after it said
// that it took it, or refuse a whole request because of one bad series.
package remotewrite

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/exp/api/remote"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/storage"
	upstream "github.com/prometheus/prometheus/storage/remote"
)

// Options of a Receiver. Appendable is required; the zero value of another
// field means its default.
type Options struct {
	Appendable storage.Appendable

	MaxBody           int64         // of a request, compressed bytes; default 5 MiB
	MaxConcurrent     int           // requests at once; default 64
	ReadTimeout       time.Duration // for a body; default 30 s
	SamplesPerMinute  int64         // default 0: no limit
	RequestsPerMinute int64         // default 0: no limit
	BytesPerMinute    int64         // of bodies as they are sent; default 0: no limit

	Now        func() time.Time
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

func (o Options) withDefaults() Options {
	if o.MaxBody <= 0 {
		o.MaxBody = 5 << 20
	}
	if o.MaxConcurrent <= 0 {
		o.MaxConcurrent = 64
	}
	if o.ReadTimeout <= 0 {
		o.ReadTimeout = 30 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// Receiver is the handler of one workspace's remote write requests.
type Receiver struct {
	options  Options
	upstream http.Handler
	slots    chan struct{}
	samples  *budget
	requests *budget
	bytes    *budget
	counts   *counts
}

// New makes the receiver.
func New(o Options) (*Receiver, error) {
	o = o.withDefaults()
	if o.Appendable == nil {
		return nil, errors.New("make the remote write receiver: an appendable is required")
	}
	r := &Receiver{
		options: o, slots: make(chan struct{}, o.MaxConcurrent), counts: newCounts(o.Registerer),
		samples: newBudget(o.SamplesPerMinute, o.Now()), requests: newBudget(o.RequestsPerMinute, o.Now()), bytes: newBudget(o.BytesPerMinute, o.Now()),
	}
	accepted := remote.MessageTypes{remote.WriteV1MessageType, remote.WriteV2MessageType}
	r.upstream = upstream.NewWriteHandler(newQuietLogger(o.Logger, time.Minute, 10), o.Registerer, &appendable{next: o.Appendable, receiver: r}, accepted, false, false, true)
	return r, nil
}

// request is what the appender tells of a request under way.
type request struct {
	v1      bool
	taken   int64
	dropped int   // samples of version 1 that were left out
	first   error // of them
}

type requestKey struct{}

// ServeHTTP answers POST .../api/v1/write.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	version := "1.0"
	message, err := messageType(req)
	if message == remote.WriteV2MessageType {
		version = "2.0"
	}
	recorder := &answer{ResponseWriter: w}
	defer func() { r.counts.requests.WithLabelValues(version, strconv.Itoa(recorder.status)).Inc() }()
	if err != nil {
		http.Error(recorder, err.Error(), http.StatusUnsupportedMediaType)
		return
	}
	if !r.admit(recorder, req) {
		return
	}
	defer func() { <-r.slots }()
	state := &request{v1: message == remote.WriteV1MessageType}
	recorder.state = state
	if !r.body(recorder, req, state) {
		return
	}
	r.upstream.ServeHTTP(recorder, req.WithContext(context.WithValue(req.Context(), requestKey{}, state)))
	r.samples.take(state.taken, r.options.Now())
}

// messageType reads the content type; upstream answers a bad one with a status
// that the specification does not have.
func messageType(req *http.Request) (remote.WriteMessageType, error) {
	kind := req.Header.Get("Content-Type")
	if kind == "" {
		return remote.WriteV1MessageType, nil
	}
	return remote.ParseProtoMsg(kind)
}

// admit refuses what is over a limit; when it does not, a slot is taken.
func (r *Receiver) admit(w http.ResponseWriter, req *http.Request) bool {
	if n := req.ContentLength; n > r.options.MaxBody {
		http.Error(w, fmt.Sprintf("the request has %d bytes, at most %d: send fewer samples at once", n, r.options.MaxBody), http.StatusRequestEntityTooLarge)
		return false
	}
	now := r.options.Now()
	if wait := r.samples.wait(now); wait > 0 {
		tooMany(w, wait, fmt.Sprintf("the workspace takes %d samples a minute: send the request again later", r.options.SamplesPerMinute))
		return false
	}
	if wait := r.requests.wait(now); wait > 0 {
		tooMany(w, wait, fmt.Sprintf("the workspace takes %d requests a minute: send more samples in each", r.options.RequestsPerMinute))
		return false
	}
	if wait := r.bytes.wait(now); wait > 0 {
		tooMany(w, wait, fmt.Sprintf("the workspace takes %d bytes a minute: send the request again later", r.options.BytesPerMinute))
		return false
	}
	select {
	case r.slots <- struct{}{}:
	default:
		w.Header().Set("Retry-After", "1")
		http.Error(w, fmt.Sprintf("%d requests are under way: send the request again later", r.options.MaxConcurrent), http.StatusServiceUnavailable)
		return false
	}
	r.requests.take(1, now)
	return true
}

func tooMany(w http.ResponseWriter, wait time.Duration, text string) {
	w.Header().Set("Retry-After", strconv.Itoa(int((wait+time.Second-1)/time.Second)))
	http.Error(w, text, http.StatusTooManyRequests)
}

// answer turns the success of a version 1 request that had refused series into
// the 400 that the specification asks for: the others are stored.
type answer struct {
	http.ResponseWriter
	state  *request
	status int
}

func (a *answer) WriteHeader(status int) {
	if a.status != 0 {
		return
	}
	a.status = status
	if s := a.state; s != nil && s.dropped > 0 && status < 300 {
		a.status = http.StatusBadRequest
		a.Header().Set("Content-Type", "text/plain; charset=utf-8")
		a.ResponseWriter.WriteHeader(a.status)
		_, _ = fmt.Fprintf(a.ResponseWriter, "%d samples were refused, the others are stored; the first: %v\n", s.dropped, s.first)
		return
	}
	a.ResponseWriter.WriteHeader(status)
}

// Unwrap lets deadlines through.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

func (a *answer) Write(p []byte) (int, error) {
	if a.status == 0 {
		a.WriteHeader(http.StatusOK)
	}
	return a.ResponseWriter.Write(p)
}

// budget is an amount a minute. It is asked before a request and charged after
// it, when the amount is known; a debt must be paid back by waiting.
type budget struct {
	mu     sync.Mutex
	rate   float64 // a second; 0: no limit
	burst  float64
	amount float64
	at     time.Time
}

func newBudget(perMinute int64, now time.Time) *budget {
	perMinute = max(perMinute, 0)
	return &budget{rate: float64(perMinute) / 60, burst: float64(perMinute), amount: float64(perMinute), at: now}
}

func (b *budget) refill(now time.Time) {
	if d := now.Sub(b.at).Seconds(); d > 0 {
		b.amount = min(b.burst, b.amount+d*b.rate)
	}
	b.at = now
}

// wait gives how long until there is something left.
func (b *budget) wait(now time.Time) time.Duration {
	if b.rate <= 0 {
		return 0
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.refill(now); b.amount >= 1 {
		return 0
	}
	return time.Duration((1 - b.amount) / b.rate * float64(time.Second))
}

func (b *budget) take(n int64, now time.Time) {
	if b.rate <= 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refill(now)
	b.amount -= float64(n)
}
