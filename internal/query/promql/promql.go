// Package promql evaluates PromQL over one workspace's samples.
//
// What comes in: expressions and times. What goes out: Prometheus query values,
// and the engine itself for the HTTP API. It must never write a sample, know
// where the samples are kept on disk, or serve HTTP.
package promql

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
)

// MaxPoints is the largest number of steps of a range query, as upstream's
// HTTP API has it: enough for a week by the minute.
const MaxPoints = 11_000

// Options of an Engine. The zero value of a field means its default.
type Options struct {
	MaxSamples    int           // in memory at once, one query; default 50 000 000
	Timeout       time.Duration // of one query; default 2 minutes
	MaxConcurrent int           // queries at once, the others wait; default 20
	Lookback      time.Duration // how old a sample may be to count as present; default 5 minutes
	SubqueryStep  time.Duration // of a subquery without one; default 1 minute
	Limits        Limits        // of what clients ask; the rules' own queries have MaxSamples and Timeout alone
	Tenant        *Tenant       // what this workspace shares its quotas with; nil: nothing
	SlowQuery     time.Duration // from when on a query is slow; default 10 s, below 0: none is

	Now        func() time.Time // of the quotas
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

func (o Options) withDefaults() Options {
	if o.MaxSamples <= 0 {
		o.MaxSamples = 50_000_000
	}
	if o.Timeout <= 0 {
		o.Timeout = 2 * time.Minute
	}
	if o.MaxConcurrent <= 0 {
		o.MaxConcurrent = 20
	}
	if o.Lookback <= 0 {
		o.Lookback = 5 * time.Minute
	}
	if o.SubqueryStep <= 0 {
		o.SubqueryStep = time.Minute
	}
	if o.SlowQuery == 0 {
		o.SlowQuery = 10 * time.Second
	}
	if o.Tenant == nil {
		o.Tenant = NewTenant()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// Engine evaluates PromQL over one Queryable. It is safe for concurrent use and
// needs no closing.
type Engine struct {
	*promql.Engine
	Parser    parser.Parser
	ungated   *promql.Engine
	queryable storage.Queryable
	options   Options
	slow      *slowLog

	hours, parsed, returned, ruleReturned *meters
	refusals                              refusals
}

// New makes the engine over the samples of q.
func New(q storage.Queryable, o Options) *Engine {
	o = o.withDefaults()
	p := parser.NewParser(parser.Options{})
	opts := promql.EngineOpts{
		Logger:                   o.Logger.With("component", "promql"),
		MaxSamples:               o.MaxSamples,
		Timeout:                  o.Timeout,
		LookbackDelta:            o.Lookback,
		NoStepSubqueryIntervalFn: func(int64) int64 { return o.SubqueryStep.Milliseconds() },
		EnableAtModifier:         true,
		EnableNegativeOffset:     true,
		EnablePerStepStats:       true, // computed only when a request asks
		Parser:                   p,
	}
	ungated := promql.NewEngine(opts)
	opts.Reg, opts.ActiveQueryTracker = o.Registerer, newGate(o.MaxConcurrent)
	l := &o.Limits
	return &Engine{Engine: promql.NewEngine(opts), ungated: ungated, Parser: p, queryable: q, options: o, slow: &slowLog{log: o.Logger, longer: o.SlowQuery},
		hours:        newMeters("hours", "hours that queries ask for", "ask for shorter times, or less often", quotaSpan, l.Hours, o.Tenant.hours, o.Now),
		parsed:       newMeters("parsed_hours", "hours that the selectors of queries read", "use shorter times and range selectors, or ask less often", quotaSpan, l.ParsedHours, o.Tenant.parsed, o.Now),
		returned:     newMeters("returned", "bytes of answers", "ask for less, or less often", quotaSpan, Quota{Workspace: l.Returned}, nil, o.Now),
		ruleReturned: newMeters("rule_returned", "bytes of the results of rules", "record less by rules", ruleQuotaSpan, Quota{Workspace: l.RuleReturned}, nil, o.Now),
	}
}

// Limits gives the options in force, defaults filled in.
func (e *Engine) Limits() Options { return e.options }

// Instant evaluates query at time t: a vector, or a scalar as a vector of one.
// It is the query function of the rules, which bound their own number: it does
// not wait for a slot, so that slow dashboards cannot hold alerts up.
func (e *Engine) Instant(ctx context.Context, query string, t time.Time) (promql.Vector, error) {
	if err := e.ruleReturned.check("", 1); err != nil {
		return nil, e.refused(err)
	}
	q, err := e.ungated.NewInstantQuery(ctx, e.options.Limits.ofRules(e.queryable), nil, query, t)
	if err != nil {
		return nil, err
	}
	defer q.Close()
	result := q.Exec(ctx)
	if result.Err != nil {
		return nil, e.refused(result.Err)
	}
	switch v := result.Value.(type) {
	case promql.Vector:
		e.chargeRule(v)
		return v, nil
	case promql.Scalar:
		return promql.Vector{{T: v.T, F: v.V, Metric: labels.EmptyLabels()}}, nil
	}
	return nil, fmt.Errorf("query %q gives a %s; an instant vector or a scalar is needed", query, result.Value.Type())
}

// chargeRule notes the bytes of a rule's result, where they are limited.
func (e *Engine) chargeRule(v promql.Vector) {
	if e.options.Limits.RuleReturned <= 0 {
		return
	}
	n := 0
	for _, s := range v {
		n += 16 + int(s.Metric.ByteSize()) // the time and the value
	}
	e.ruleReturned.charge("", float64(n))
}

// Range evaluates query from start to end by step.
func (e *Engine) Range(ctx context.Context, query string, start, end time.Time, step time.Duration) (promql.Matrix, error) {
	if step <= 0 {
		return nil, errors.New("range query: the step must be above zero")
	}
	if points := int64(end.Sub(start) / step); points >= MaxPoints {
		return nil, fmt.Errorf("range query: %d points a series, at most %d: use a longer step or a shorter time", points+1, MaxPoints)
	}
	q, err := e.NewRangeQuery(ctx, e.queryable, nil, query, start, end, step)
	if err != nil {
		return nil, err
	}
	defer q.Close()
	matrix, err := q.Exec(ctx).Matrix()
	if err != nil {
		return nil, err
	}
	return detach(matrix), nil
}

// At evaluates query at one time, for a reader: the series with one point each.
func (e *Engine) At(ctx context.Context, query string, t time.Time) (promql.Matrix, error) {
	q, err := e.NewInstantQuery(ctx, e.queryable, nil, query, t)
	if err != nil {
		return nil, err
	}
	defer q.Close()
	result := q.Exec(ctx)
	if result.Err != nil {
		return nil, result.Err
	}
	var out promql.Matrix
	switch v := result.Value.(type) {
	case promql.Vector:
		for _, s := range v {
			if s.H == nil {
				out = append(out, promql.Series{Metric: s.Metric, Floats: []promql.FPoint{{T: s.T, F: s.F}}})
			}
		}
	case promql.Scalar:
		out = promql.Matrix{{Metric: labels.EmptyLabels(), Floats: []promql.FPoint{{T: v.T, F: v.V}}}}
	default:
		return nil, fmt.Errorf("query %q gives a %s; a number for each series is needed", query, result.Value.Type())
	}
	return out, nil
}

// detach copies the points: closing the query gives their memory back.
func detach(in promql.Matrix) promql.Matrix {
	out := make(promql.Matrix, len(in))
	for i, s := range in {
		out[i] = promql.Series{Metric: s.Metric, Floats: append([]promql.FPoint(nil), s.Floats...)}
		for _, h := range s.Histograms {
			out[i].Histograms = append(out[i].Histograms, promql.HPoint{T: h.T, H: h.H.Copy()})
		}
	}
	return out
}
