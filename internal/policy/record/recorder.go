package record

import (
	"sync"
	"time"

	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
	"gatehouse/internal/telemetry"
)

// Options of a Recorder.
type Options struct {
	ID     string
	Secret policy.Observed // what the gateway knows of secrets
	// ReadBodies reads bodies up to MaxBody into memory, for requests that are
	// only made to be looked at. Else a body shows when something read it.
	ReadBodies bool
	MaxValue   int   // bytes of a variable or header that are kept
	MaxBody    int   // bytes of a body
	MaxBytes   int64 // of all states together
	MaxSteps   int
}

// DefaultOptions are the bounds of a recording in a gateway.
func DefaultOptions() Options {
	return Options{MaxValue: 4 << 10, MaxBody: 16 << 10, MaxBytes: 4 << 20, MaxSteps: 512}
}

// Recorder records one request. It is safe for concurrent use.
type Recorder struct {
	o    Options
	done func(*Recording)

	mu       sync.Mutex
	rec      *Recording
	mask     *masker
	branches map[*policy.Context]*branch
	parent   int // step that the branches of a request stand in
	sealed   bool
	began    time.Time // the time of the machine, whatever the request's clock says
}

// branch is one of the contexts of a request: the request itself, or a branch
// of it that runs beside others.
type branch struct {
	open    []int // steps that run, -1: one that was dropped
	outer   int   // step around the branch
	calls   int   // of the exchange that were taken
	events  int
	current int // state at the end of the last statement, NoState: unknown
}

// New begins the recording of a request. done gets it when it is complete.
func New(c *policy.Context, o Options, done func(*Recording)) *Recorder {
	rec := &Recording{ID: o.ID, Started: c.Timestamp, First: NoState, Last: NoState}
	if c.Deployment != nil {
		rec.Service = c.Deployment.ServiceName
	}
	if c.API != nil {
		rec.API = c.API.ID
	}
	if c.Operation != nil {
		rec.Operation = c.Operation.ID
	}
	if c.Product != nil {
		rec.Product = c.Product.ID
	}
	if c.Subscription != nil {
		rec.Subscription = c.Subscription.ID
	}
	r := &Recorder{o: o, done: done, rec: rec, mask: newMasker(o.Secret), branches: map[*policy.Context]*branch{}, parent: -1, began: time.Now()}
	r.branches[c] = &branch{outer: -1, calls: len(c.Exchange.Calls), events: len(c.Exchange.Events), current: NoState}
	rec.Method, rec.URL, rec.ClientIP = c.Request.Method, r.mask.url(&c.Request.OriginalURL), c.Request.IPAddress
	rec.First = r.state(c)
	return r
}

// Before implements policy.Recorder.
func (r *Recorder) Before(c *policy.Context, index uint16) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.sealed {
		return
	}
	b := r.branches[c]
	if b == nil {
		b = &branch{outer: r.innermost(), calls: len(c.Exchange.Calls), events: len(c.Exchange.Events), current: NoState}
		r.branches[c] = b
	}
	if len(r.rec.Steps) >= r.o.MaxSteps {
		r.rec.Dropped++
		b.open = append(b.open, -1)
		return
	}
	before := r.state(c)
	info, e := &c.Pipeline.Info.Steps[index], c.Pipeline.Element(index)
	s := Step{Name: info.Name, ID: info.ID, Section: info.Section, Scope: info.Scope, File: info.File, Line: info.Line, Column: e.Pos.Column,
		Fragment: info.Fragment, Parent: b.around(), Start: int64(time.Since(r.began)), Outcome: "running", Before: before, After: NoState}
	if s.Parent >= 0 {
		s.Depth = r.rec.Steps[s.Parent].Depth + 1
	}
	b.open = append(b.open, len(r.rec.Steps))
	r.rec.Steps = append(r.rec.Steps, s)
}

// around is the step that the next one stands in.
func (b *branch) around() int {
	for i := len(b.open) - 1; i >= 0; i-- {
		if b.open[i] >= 0 {
			return b.open[i]
		}
	}
	return b.outer
}

// innermost is the step that runs now and began last.
func (r *Recorder) innermost() int {
	last := -1
	for _, b := range r.branches {
		if b.outer < 0 {
			last = max(last, b.around())
		}
	}
	return last
}

// After implements policy.Recorder.
func (r *Recorder) After(c *policy.Context, _ uint16, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	b := r.branches[c]
	if r.sealed || b == nil || len(b.open) == 0 {
		return
	}
	i := b.open[len(b.open)-1]
	b.open = b.open[:len(b.open)-1]
	if i < 0 {
		return
	}
	s := &r.rec.Steps[i]
	s.Duration = int64(time.Since(r.began)) - s.Start
	s.After = r.state(c)
	switch {
	case err != nil:
		s.Outcome, s.Failure = "error", r.failure(policy.AsError(err, s.Name))
	case c.Ended():
		s.Outcome = "returned"
	default:
		s.Outcome = "ok"
	}
	r.take(c, b, s)
}

// take gives a statement the calls and messages that were added while it ran,
// but for those that a statement inside it took.
func (r *Recorder) take(c *policy.Context, b *branch, s *Step) {
	e := c.Exchange
	for ; b.calls < len(e.Calls); b.calls++ {
		one := &e.Calls[b.calls]
		u := one.Scheme + "://" + one.Host + one.Path
		s.Calls = append(s.Calls, Call{Method: one.Method, URL: r.mask.text(u), Status: one.Status, Attempt: one.Attempt,
			Duration: one.Duration, Outcome: one.Outcome.String(), Error: r.mask.text(one.Error)})
	}
	for ; b.events < len(e.Events); b.events++ {
		one := &e.Events[b.events]
		text, _ := cut(r.mask.text(one.Message), r.o.MaxValue)
		s.Messages = append(s.Messages, Note{Source: one.Source, Severity: severity(one.Severity), Message: text})
	}
}

func severity(s telemetry.Severity) string {
	switch s {
	case telemetry.SeverityVerbose:
		return "verbose"
	case telemetry.SeverityWarning:
		return "warning"
	case telemetry.SeverityError:
		return "error"
	}
	return "information"
}

// Done implements policy.Recorder: the recording is complete.
func (r *Recorder) Done(c *policy.Context, failure *policy.Error) {
	r.mu.Lock()
	if r.sealed {
		r.mu.Unlock()
		return
	}
	r.rec.Last = r.state(c)
	r.rec.Duration = int64(time.Since(r.began))
	if failure != nil {
		r.rec.Failure = r.failure(failure)
	}
	r.sealed = true
	for _, secret := range c.Concealed() {
		r.mask.know(secret)
	}
	r.mask.clean(r.rec)
	r.branches, r.mask = nil, nil
	r.mu.Unlock()
	r.done(r.rec)
}

func (r *Recorder) failure(e *policy.Error) *Failure {
	return &Failure{Source: e.Source, Reason: e.Reason, Message: r.mask.text(e.Message), Scope: e.Scope, Section: e.Section, Path: e.Path}
}

func lastFailure(e *expr.LastError, mask *masker) *Failure {
	if e == nil {
		return nil
	}
	return &Failure{Source: e.Source, Reason: e.Reason, Message: mask.text(e.Message), Scope: e.Scope, Section: e.Section, Path: e.Path}
}
