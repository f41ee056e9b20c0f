// Package rules evaluates recording and alerting rules on a clock.
//
// What comes in: rule files as text, a query function, and where to append and
// read samples. What goes out: recorded samples, the state of the alerts, and
// alerts to a notify function. It must never import a query language of ours,
// open a file, or send a notification itself.
package rules

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"slices"
	"sync"
	"time"

	"gatehouse/internal/alerting"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/strutil"
)

// QueryFunc evaluates an instant query at a time.
type QueryFunc func(ctx context.Context, query string, t time.Time) (promql.Vector, error)

// NotifyFunc takes alerts that fire or are resolved. It is called again with
// alerts that still fire.
type NotifyFunc func(ctx context.Context, alerts ...alerting.Alert) error

// Options of the rules of one workspace. Query, Appendable and Queryable are
// required; the zero value of another field means its default.
type Options struct {
	Query      QueryFunc
	Appendable storage.Appendable
	Queryable  storage.Queryable // where the state of pending alerts is read after a restart
	Notify     NotifyFunc        // nil: alerts are only shown

	Interval       time.Duration     // of groups that have none; default 15 s
	ExternalLabels map[string]string // added to every alert that lacks them
	ExternalURL    string            // base of the links in alerts, e.g. https://host:9443/prometheus

	MaxConcurrent   int64         // rules evaluated at once; default 4
	MaxGroups       int           // default 500
	MaxRules        int           // in one group; default 100
	MinInterval     time.Duration // of a group; default 1 s
	ResendDelay     time.Duration // between two notifications of a firing alert; default 1 min
	OutageTolerance time.Duration // how old the state of a pending alert may be; default 1 h
	ForGracePeriod  time.Duration // alerts with a shorter "for" are not restored; default 10 s

	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

func (o Options) withDefaults() Options {
	setDefault(&o.Interval, 15*time.Second)
	setDefault(&o.MaxConcurrent, 4)
	setDefault(&o.MaxGroups, 500)
	setDefault(&o.MaxRules, 100)
	setDefault(&o.MinInterval, time.Second)
	setDefault(&o.ResendDelay, time.Minute)
	setDefault(&o.OutageTolerance, time.Hour)
	setDefault(&o.ForGracePeriod, 10*time.Second)
	if o.Notify == nil {
		o.Notify = func(context.Context, ...alerting.Alert) error { return nil }
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

// Rules is the set of rule groups of one workspace. Use: New, Load, Start, Load
// again at will, Stop.
type Rules struct {
	options  Options
	log      *slog.Logger
	external labels.Labels
	loader   *loader
	upstream *rules.Manager
	cancel   context.CancelFunc

	mu      sync.Mutex // Load, Start, Stop
	running bool
	stopped bool
	done    chan struct{} // closed when upstream has returned
}

// New makes an empty set; nothing is evaluated before Start.
func New(o Options) (*Rules, error) {
	o = o.withDefaults()
	if o.Query == nil || o.Appendable == nil || o.Queryable == nil {
		return nil, errors.New("make rules: Query, Appendable and Queryable are required")
	}
	external, err := url.Parse(o.ExternalURL)
	if err != nil {
		return nil, fmt.Errorf("make rules: external URL: %w", err)
	}
	p := parser.NewParser(parser.Options{})
	ctx, cancel := context.WithCancel(context.Background())
	r := &Rules{
		options: o, log: o.Logger.With("component", "rules"), external: labels.FromMap(o.ExternalLabels),
		loader: newLoader(p, o), cancel: cancel, done: make(chan struct{}),
	}
	r.upstream = rules.NewManager(&rules.ManagerOptions{
		Context: ctx, ExternalURL: external, Logger: r.log, Registerer: o.Registerer,
		QueryFunc: rules.QueryFunc(o.Query), NotifyFunc: r.notify, Appendable: o.Appendable, Queryable: o.Queryable,
		OutageTolerance: o.OutageTolerance, ForGracePeriod: o.ForGracePeriod, ResendDelay: o.ResendDelay,
		GroupLoader: r.loader, Parser: p, RestoreNewRuleGroups: true,
		ConcurrentEvalsEnabled: true, MaxConcurrentEvals: o.MaxConcurrent,
		DefaultRuleQueryOffset: func() time.Duration { return 0 },
	})
	return r, nil
}

// Check says what Load would refuse, and changes nothing.
func (r *Rules) Check(files map[string][]byte) error {
	_, err := r.loader.check(files)
	return err
}

// Load replaces all rule files: name -> YAML in Prometheus's rule file format.
// Groups that did not change keep their state. On an error, which names every
// fault as file:line:column, the rules in force stay.
func (r *Rules) Load(files map[string][]byte) error {
	checked, err := r.loader.check(files)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopped {
		return errors.New("load rules: they are stopped")
	}
	before := r.loader.swap(checked)
	// Upstream would wait for ever for groups that were never started to
	// stop, so that Start is the first to give them to it.
	if !r.running {
		return nil
	}
	if err := r.update(); err != nil {
		r.loader.swap(before)
		return err
	}
	return nil
}

func (r *Rules) update() error {
	names := slices.Sorted(maps.Keys(r.loader.files()))
	if err := r.upstream.Update(r.options.Interval, names, r.external, r.options.ExternalURL, nil); err != nil {
		return fmt.Errorf("load rules: %w", err)
	}
	return nil
}

// Start begins to evaluate. Start what answers queries and takes alerts first.
func (r *Rules) Start() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.running || r.stopped {
		return errors.New("start rules: they were started before; make new ones")
	}
	r.running = true
	go func() {
		defer close(r.done)
		r.upstream.Run()
	}()
	return r.update()
}

// Stop waits for the evaluations under way; their alerts still reach the notify
// function. The state of pending alerts stays in the samples. It may be called
// at any time, and again.
func (r *Rules) Stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopped {
		return
	}
	r.stopped = true
	if r.running {
		r.upstream.Stop()
		<-r.done
	}
	r.cancel()
}

// RuleGroups gives the groups in force, for the HTTP API.
func (r *Rules) RuleGroups() []*rules.Group { return r.upstream.RuleGroups() }

// AlertingRules gives the alerting rules in force, for the HTTP API.
func (r *Rules) AlertingRules() []*rules.AlertingRule { return r.upstream.AlertingRules() }

// notify adds the external labels, which upstream leaves to its own sender.
func (r *Rules) notify(ctx context.Context, expr string, alerts ...*rules.Alert) {
	if len(alerts) == 0 {
		return
	}
	link := r.options.ExternalURL + strutil.TableLinkForExpression(expr)
	out := make([]alerting.Alert, len(alerts))
	for i, a := range alerts {
		value := a.Value
		all := r.external.Map()
		maps.Copy(all, a.Labels.Map())
		out[i] = alerting.Alert{
			Labels: all, Annotations: a.Annotations.Map(), GeneratorURL: link,
			StartsAt: a.FiredAt, EndsAt: a.ValidUntil, Value: &value,
		}
		if !a.ResolvedAt.IsZero() {
			out[i].EndsAt = a.ResolvedAt
		}
		if out[i].EndsAt.Before(out[i].StartsAt) {
			// The clock went back meanwhile: receivers refuse an end before the
			// beginning, and the alert would go on.
			out[i].StartsAt = out[i].EndsAt
		}
	}
	if err := r.options.Notify(ctx, out...); err != nil {
		r.log.Error("alerts were not taken; those that still fire are sent again", "expr", expr, "err", err)
	}
}
