package logsearch

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"gatehouse/internal/alerting"
)

// Question is a query of a rule over a range of time, its end left out.
type Question struct {
	Query      string
	Start, End time.Time
	Scopes     []string // resource ids of telemetry workspaces; none: the default one
	Rows       int      // at most
}

// Answer has the rows. Cut: there were more.
type Answer struct {
	Columns []string
	Rows    [][]any // values of KQL's types
	Cut     bool
}

// QueryFunc answers a question.
type QueryFunc func(ctx context.Context, q Question) (Answer, error)

// Options of an Evaluator; Query is required.
type Options struct {
	Query  QueryFunc
	Notify func(ctx context.Context, alerts ...alerting.Alert) error // nil: alerts are only shown
	Link   func(Question) string                                     // to the rows behind an alert; nil: none
	Settle time.Duration                                             // the newest rows that are not looked at yet; default 5 s
	Trial  time.Duration                                             // that a query may take over no rows; default 10 s
	Logger *slog.Logger
}

// Bounds.
const (
	maxRules   = 512  // of a process
	maxAlerts  = 1000 // combinations of dimensions of one rule
	concurrent = 2    // rules evaluated at once
	timeout    = 2 * time.Minute
)

// Evaluator runs rules on their clocks. Use: New, Load, Load again at will, Stop.
type Evaluator struct {
	options Options
	turn    chan struct{}
	ctx     context.Context
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu    sync.Mutex
	rules map[string]*running // by name in lower case
	gone  map[string]Rule     // of the last change: the end of their alerts is still to be told
}

// running is a rule with what is known of its alerts.
type running struct {
	*compiled
	stop context.CancelFunc

	mu     sync.Mutex
	alerts map[string]*firing
	status Status
	over   bool // its alerts were ended
}

// firing is one alert.
type firing struct {
	point
	started, met time.Time // met: when the condition last held
	window       [2]time.Time
}

// Status of a rule.
type Status struct {
	Name           string    `json:"name"`
	Enabled        bool      `json:"enabled"`
	Severity       int       `json:"severity"`
	Query          string    `json:"query"`
	Every          string    `json:"evaluationFrequency"`
	Window         string    `json:"windowSize"`
	State          string    `json:"state"` // firing, healthy, failed, waiting, disabled
	Firing         int       `json:"firing"`
	LastEvaluation time.Time `json:"lastEvaluation,omitzero"`
	Seconds        float64   `json:"evaluationSeconds"`
	Error          string    `json:"error,omitempty"`
}

// New makes an evaluator without rules.
func New(o Options) (*Evaluator, error) {
	if o.Query == nil {
		return nil, errors.New("make log search rules: Query is required")
	}
	if o.Notify == nil {
		o.Notify = func(context.Context, ...alerting.Alert) error { return nil }
	}
	if o.Link == nil {
		o.Link = func(Question) string { return "" }
	}
	if o.Settle == 0 {
		o.Settle = 5 * time.Second
	}
	if o.Trial == 0 {
		o.Trial = 10 * time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	e := &Evaluator{options: o, turn: make(chan struct{}, concurrent), rules: map[string]*running{}}
	e.ctx, e.cancel = context.WithCancel(context.Background())
	return e, nil
}

// Load replaces the rules. Rules that did not change go on with their alerts;
// the alerts of those that are gone are resolved. On an error, also of a query,
// the rules in force stay.
func (e *Evaluator) Load(ctx context.Context, rules []Rule) error {
	next, err := e.prepare(ctx, rules)
	if err != nil {
		return fmt.Errorf("load log search rules: %w", err)
	}
	ended, err := e.swap(next)
	for _, old := range ended { // without the lock: who is told may ask for the rule
		e.notify(old, old.resolveAll(time.Now()))
	}
	return err
}

// Check says what Load would refuse, and changes nothing.
func (e *Evaluator) Check(ctx context.Context, rules []Rule) error {
	if _, err := e.prepare(ctx, rules); err != nil {
		return fmt.Errorf("load log search rules: %w", err)
	}
	return nil
}

// swap puts the next rules in force, starts the new ones, and gives those that
// ended.
func (e *Evaluator) swap(next map[string]*running) (ended []*running, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ctx.Err() != nil {
		return nil, errors.New("load log search rules: they are stopped")
	}
	gone := map[string]Rule{}
	for key, old := range e.rules {
		if same := next[key]; same != nil && equal(same.Rule, old.Rule) {
			next[key] = old
			continue
		}
		old.stop()
		ended, gone[key] = append(ended, old), old.Rule
	}
	for key, r := range next {
		if e.rules[key] != r {
			e.start(r)
		}
	}
	e.rules, e.gone = next, gone
	return ended, nil
}

// prepare compiles the rules and tries the queries of those that are not in force
// already on no rows.
func (e *Evaluator) prepare(ctx context.Context, rules []Rule) (map[string]*running, error) {
	if len(rules) > maxRules {
		return nil, fmt.Errorf("%d rules, at most %d", len(rules), maxRules)
	}
	var errs []error
	next := map[string]*running{}
	for _, rule := range rules {
		if err := rule.Check(); err != nil {
			errs = append(errs, err)
			continue
		}
		key := strings.ToLower(rule.Name)
		if next[key] != nil {
			errs = append(errs, fmt.Errorf("log search rule %q stands twice", rule.Name))
			continue
		}
		r := &running{compiled: compile(rule), alerts: map[string]*firing{}}
		if old, ok := e.inForce(key); !ok || !equal(old, rule) {
			if err := e.try(ctx, r); err != nil {
				errs = append(errs, fmt.Errorf("log search rule %q: %w", rule.Name, err))
			}
		}
		next[key] = r
	}
	return next, errors.Join(errs...)
}

func (e *Evaluator) inForce(key string) (Rule, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if r := e.rules[key]; r != nil {
		return r.Rule, true
	}
	return Rule{}, false
}

// try asks the query of a rule of a moment in which nothing happened.
func (e *Evaluator) try(ctx context.Context, r *running) error {
	short, cancel := context.WithTimeout(ctx, e.options.Trial)
	defer cancel()
	at := time.Now().Add(-r.window)
	answer, err := e.options.Query(short, Question{Query: r.question, Start: at, End: at.Add(time.Microsecond), Scopes: r.Properties.Scopes, Rows: 1})
	if err != nil && short.Err() != nil && ctx.Err() == nil {
		return fmt.Errorf("its query takes longer than %v with no rows to read: let it make fewer rows of its own", e.options.Trial)
	}
	if err == nil {
		_, err = r.condition.points(answer)
	}
	return err
}

// Stop ends the evaluation; alerts that fire are left as they are, to be seen
// again after a restart. It may be called again.
func (e *Evaluator) Stop() {
	e.cancel()
	e.running.Wait()
}

// Find gives a rule by its name in any case, also one that ended with the last
// change.
func (e *Evaluator) Find(name string) (Rule, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if r := e.rules[strings.ToLower(name)]; r != nil {
		return r.Rule, true
	}
	r, ok := e.gone[strings.ToLower(name)]
	return r, ok
}

// Status of all rules, by name.
func (e *Evaluator) Status() []Status {
	e.mu.Lock()
	defer e.mu.Unlock()
	out := make([]Status, 0, len(e.rules))
	for _, r := range e.rules {
		out = append(out, r.view())
	}
	slices.SortFunc(out, func(a, b Status) int { return strings.Compare(a.Name, b.Name) })
	return out
}

func (e *Evaluator) start(r *running) {
	ctx, stop := context.WithCancel(e.ctx)
	r.stop = stop
	if !r.enabled() {
		return
	}
	e.running.Add(1)
	go func() {
		defer e.running.Done()
		e.loop(ctx, r)
	}()
}

// loop evaluates at once and then at the rule's own offset within its interval,
// so that not all rules run at the same moment.
func (e *Evaluator) loop(ctx context.Context, r *running) {
	h := fnv.New64a()
	_, _ = h.Write([]byte(strings.ToLower(r.Name)))
	offset := time.Duration(h.Sum64() % uint64(r.every))
	for wait := time.Duration(0); ; {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		select {
		case <-ctx.Done():
			return
		case e.turn <- struct{}{}:
		}
		e.once(ctx, r, time.Now())
		<-e.turn
		now := time.Now()
		next := now.Truncate(r.every).Add(offset)
		for !next.After(now) {
			next = next.Add(r.every)
		}
		wait = next.Sub(now)
	}
}

// once evaluates a rule and tells of its alerts.
func (e *Evaluator) once(ctx context.Context, r *running, now time.Time) {
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	end := now.Add(-e.options.Settle)
	failing, err := r.evaluate(limited, e.options.Query, end)
	if ctx.Err() != nil {
		return
	}
	if changed := r.note(now, time.Since(now), err); err != nil {
		if changed {
			e.options.Logger.Error("a log search rule was not evaluated; its alerts stay as they are", "rule", r.Name, "error", err)
		}
		e.notify(r, r.still())
		return
	}
	e.notify(r, r.update(failing, now, end))
}

func (e *Evaluator) notify(r *running, list []told) {
	alerts := make([]alerting.Alert, len(list))
	for i, t := range list {
		alerts[i] = e.alert(r, t)
	}
	if len(alerts) == 0 {
		return
	}
	if err := e.options.Notify(context.WithoutCancel(e.ctx), alerts...); err != nil {
		e.options.Logger.Error("alerts were not taken; those that still fire are sent again", "rule", r.Name, "error", err)
	}
}
