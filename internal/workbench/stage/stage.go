// Package stage runs single requests through a gateway that stands alone: no
// client and no listener, and where a tool wants it no network.
//
// What comes in: a service (or one policy document), and requests. What goes
// out: what the client would have got, and what the policies did on the way.
// It must never open a listener or a store, or change the files it reads.
package stage

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"gatehouse/internal/apim"
	"gatehouse/internal/gateway"
	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
	"gatehouse/internal/policy/statement"
	"gatehouse/internal/telemetry"
)

// Options of a Stage.
type Options struct {
	Extended bool // expressions may use .NET types beyond the documented ones
	Lenient  bool // unknown named values stand for their names
	// Network answers in place of the network. Nil, or an answer that is nil
	// without an error: the request really leaves.
	Network func(Call) (*http.Response, error)
	// Now is the clock of gateway and policies; nil: the real one.
	Now func() time.Time
	// Wait is what statements do between attempts; nil: real time passes.
	Wait     func(time.Duration)
	Branches func(at apim.Position, b *expr.Branch)
}

// Call is a request that leaves the gateway. Source is the statement that makes
// it, "" when the gateway itself does, such as for signing keys.
type Call struct {
	Request *http.Request
	Source  string
}

// ErrTimeout is for Network: no answer came in time.
var ErrTimeout error = context.DeadlineExceeded

// ErrConnect is for Network: nobody listens.
var ErrConnect = errors.New("connection refused")

// Stage runs one request at a time.
type Stage struct {
	options  Options
	gateway  *gateway.Gateway
	snapshot *gateway.Snapshot

	mu   sync.Mutex
	play *Play
	out  *Outcome
}

// Play is one request and what is made of it.
type Play struct {
	Request *http.Request
	// Begin is called when API, product and subscription are known; it may set
	// variables and the like. Nil: nothing to do.
	Begin func(c *policy.Context)
	// Record makes the recorder of the request; nil: none.
	Record func(c *policy.Context, o policy.Observed) policy.Recorder
}

// Outcome is what came of a Play.
type Outcome struct {
	Status    int
	Header    http.Header
	Body      []byte
	Broken    bool // the connection was broken before the response was whole
	Variables []Variable
	LastError *expr.LastError
	Exchange  telemetry.Exchange
	API       string // ids of what the request was routed to
	Operation string
	Product   string
}

// Variable is a context variable after the run.
type Variable struct {
	Name  string
	Value any
}

// New compiles a service. The error holds every problem with its place.
func New(s *apim.Service, o Options) (*Stage, error) {
	out := &Stage{options: o}
	g := gateway.DefaultOptions()
	g.Log, g.Definitions, g.LenientNames = slog.New(slog.DiscardHandler), statement.Table(), o.Lenient
	if o.Extended {
		g.Profile = expr.Extended
	}
	if o.Now != nil {
		g.Now, g.Cache.Now, g.Quota.Now, g.Backend.Now = o.Now, o.Now, o.Now, o.Now
	}
	if o.Network != nil {
		g.Backend.Answer = out.answer
	}
	g.Sink, g.Observer, g.Branches = sink{out}, out, o.Branches
	out.gateway = gateway.New(g)
	snapshot, err := out.gateway.Compile(s)
	if err != nil {
		return nil, err
	}
	out.gateway.Swap(snapshot)
	out.snapshot = snapshot
	return out, nil
}

// Close waits for what is under way.
func (s *Stage) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	s.gateway.Close(ctx)
}

// Warnings are what compilation found that stops nothing.
func (s *Stage) Warnings() []apim.Warning { return s.snapshot.Warnings }

// Pipelines are all policies of the service.
func (s *Stage) Pipelines() []*policy.Pipeline { return s.snapshot.Pipelines() }

// Run plays one request.
func (s *Stage) Run(p Play) *Outcome {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.play, s.out = &p, &Outcome{Header: http.Header{}}
	w := &writer{header: http.Header{}}
	s.serve(w, p.Request)
	out := s.out
	out.Status, out.Header, out.Body = w.status, w.sent, w.body
	s.play, s.out = nil, nil
	return out
}

func (s *Stage) serve(w *writer, r *http.Request) {
	defer func() {
		if value := recover(); value == http.ErrAbortHandler {
			s.out.Broken = true
		} else if value != nil {
			panic(value)
		}
	}()
	s.gateway.ServeHTTP(w, r)
}

type sourceKey struct{}

// answer is the network of a stage without one.
func (s *Stage) answer(r *http.Request) (*http.Response, error) {
	source, _ := r.Context().Value(sourceKey{}).(string)
	resp, err := s.options.Network(Call{Request: r, Source: source})
	if r.Body != nil && (resp != nil || err != nil) {
		_ = r.Body.Close()
	}
	return resp, err
}

// Watches implements policy.Observer: every request is watched.
func (s *Stage) Watches(*policy.Context) bool { return true }

// Observe implements policy.Observer.
func (s *Stage) Observe(c *policy.Context, o policy.Observed) policy.Recorder {
	own := *c.Services
	own.Background = nil // one-way requests are made before the answer goes out
	own.Forward, own.HTTP = forwarder{own.Forward}, requester{own.HTTP}
	if s.options.Wait != nil {
		own.Wait = func(_ context.Context, d time.Duration) { s.options.Wait(d) }
	}
	c.Services = &own
	if c.API != nil {
		s.out.API = c.API.ID
	}
	if c.Operation != nil {
		s.out.Operation = c.Operation.ID
	}
	if c.Product != nil {
		s.out.Product = c.Product.ID
	}
	if s.play.Begin != nil {
		s.play.Begin(c)
	}
	r := recorder{stage: s}
	if s.play.Record != nil {
		r.next = s.play.Record(c, o)
	}
	return r
}

// recorder keeps what is left at the end.
type recorder struct {
	stage *Stage
	next  policy.Recorder
}

func (r recorder) Before(c *policy.Context, index uint16) {
	if r.next != nil {
		r.next.Before(c, index)
	}
}

func (r recorder) After(c *policy.Context, index uint16, err error) {
	if r.next != nil {
		r.next.After(c, index, err)
	}
}

func (r recorder) Done(c *policy.Context, failure *policy.Error) {
	if r.next != nil {
		r.next.Done(c, failure)
	}
	out := r.stage.out
	out.Variables = nil
	c.Variables.Each(func(name string, value any) { out.Variables = append(out.Variables, Variable{name, value}) })
	if c.LastError != nil {
		last := *c.LastError
		out.LastError = &last
	}
}

// forwarder and requester note which statement makes a request.
type forwarder struct{ policy.Forwarder }

func (f forwarder) Forward(c *policy.Context, o policy.ForwardOptions) error {
	std := c.Std
	defer func() { c.Std = std }()
	c.Std = context.WithValue(std, sourceKey{}, "forward-request")
	return f.Forwarder.Forward(c, o)
}

type requester struct{ policy.Requester }

func (q requester) Send(c *policy.Context, r *policy.OutgoingRequest) (*expr.Response, error) {
	std := c.Std
	defer func() { c.Std = std }()
	c.Std = context.WithValue(std, sourceKey{}, r.Source)
	return q.Requester.Send(c, r)
}

// sink copies the record of a request.
type sink struct{ stage *Stage }

func (k sink) Exchange(e *telemetry.Exchange) {
	if out := k.stage.out; out != nil {
		out.Exchange = *e // not released: the copy keeps its lists
	}
}

func (k sink) Spans(context.Context, []telemetry.Span) error { return nil }

func (k sink) Logs(context.Context, []telemetry.LogRecord) error { return nil }

// writer is the client of a stage.
type writer struct {
	header, sent http.Header
	status       int
	body         []byte
}

func (w *writer) Header() http.Header { return w.header }

func (w *writer) WriteHeader(status int) {
	if w.status == 0 {
		w.status, w.sent = status, w.header.Clone()
	}
}

func (w *writer) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	if len(w.body)+len(p) > maxResponse {
		return 0, io.ErrShortWrite
	}
	w.body = append(w.body, p...)
	return len(p), nil
}

// maxResponse is the largest response that is kept.
const maxResponse = 64 << 20

func (w *writer) FlushError() error { return nil }

func (w *writer) SetReadDeadline(time.Time) error { return nil }
