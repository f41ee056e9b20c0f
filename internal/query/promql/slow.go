package promql

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
)

// SlowQuery is a query that took longer than Options.SlowQuery.
type SlowQuery struct {
	Time     time.Time `json:"time"` // of its end
	Query    string    `json:"query"`
	Start    time.Time `json:"start"` // of the range; start is end of an instant query
	End      time.Time `json:"end"`
	Step     float64   `json:"step_seconds"`
	Duration float64   `json:"duration_seconds"`
	Samples  int64     `json:"samples"` // read
	Series   int       `json:"series"`  // of the result
	Who      string    `json:"who"`
	Error    string    `json:"error,omitempty"`
}

const (
	maxSlowQueries = 200
	maxSlowText    = 4096 // bytes kept of a query
)

// slowLog keeps the newest slow queries.
type slowLog struct {
	log    *slog.Logger
	longer time.Duration

	mu    sync.Mutex
	items []SlowQuery // oldest first
}

func (l *slowLog) add(q SlowQuery) {
	if len(q.Query) > maxSlowText {
		q.Query = strings.ToValidUTF8(q.Query[:maxSlowText], "") + "…"
	}
	l.log.Warn("a query was slow", "query", q.Query, "duration_seconds", q.Duration, "samples", q.Samples, "series", q.Series, "who", q.Who, "error", q.Error)
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.items) == maxSlowQueries {
		l.items = slices.Delete(l.items, 0, 1)
	}
	l.items = append(l.items, q)
}

// SlowQueries gives the newest slow queries, the newest first.
func (e *Engine) SlowQueries() []SlowQuery {
	e.slow.mu.Lock()
	defer e.slow.mu.Unlock()
	out := append([]SlowQuery{}, e.slow.items...)
	slices.Reverse(out)
	return out
}

type whoKey struct{}

// WithWho says who asks, for the log of slow queries.
func WithWho(ctx context.Context, who string) context.Context {
	return context.WithValue(ctx, whoKey{}, who)
}

// NewInstantQuery is upstream's, within the limits of the engine.
func (e *Engine) NewInstantQuery(ctx context.Context, q storage.Queryable, opts promql.QueryOpts, query string, t time.Time) (promql.Query, error) {
	if err := e.options.Limits.checkText(query); err != nil {
		return nil, e.refused(err)
	}
	inner, err := e.Engine.NewInstantQuery(ctx, e.options.Limits.bound(q), opts, query, t)
	return e.watched(ctx, inner, err, 0)
}

// NewRangeQuery is upstream's, within the limits of the engine.
func (e *Engine) NewRangeQuery(ctx context.Context, q storage.Queryable, opts promql.QueryOpts, query string, start, end time.Time, step time.Duration) (promql.Query, error) {
	err := e.options.Limits.checkText(query)
	if err == nil {
		err = e.hours.take(accountOf(ctx), end.Sub(start).Hours())
	}
	if err != nil {
		return nil, e.refused(err)
	}
	inner, err := e.Engine.NewRangeQuery(ctx, e.options.Limits.bound(q), opts, query, start, end, step)
	return e.watched(ctx, inner, err, step)
}

func (e *Engine) watched(ctx context.Context, q promql.Query, err error, step time.Duration) (promql.Query, error) {
	if err != nil {
		return nil, err
	}
	if err := e.checkParsed(ctx, q.Statement(), step); err != nil {
		q.Close()
		return nil, e.refused(err)
	}
	return &watchedQuery{Query: q, engine: e, step: step}, nil
}

func (e *Engine) checkParsed(ctx context.Context, s parser.Statement, step time.Duration) error {
	eval, ok := s.(*parser.EvalStmt)
	if !ok {
		return nil
	}
	l := &e.options.Limits
	if err := l.checkRange(eval, step); err != nil {
		return err
	}
	if err := l.checkNames(eval.Expr); err != nil {
		return err
	}
	if l.ParsedHours == (Quota{}) {
		return nil
	}
	return e.parsed.take(accountOf(ctx), selectorHours(eval))
}

// watchedQuery notes a query that is slow or refused.
type watchedQuery struct {
	promql.Query
	engine *Engine
	step   time.Duration
}

func (w *watchedQuery) Exec(ctx context.Context) *promql.Result {
	began := time.Now()
	result := w.Query.Exec(ctx)
	slow := w.engine.slow
	if took := time.Since(began); slow.longer > 0 && took >= slow.longer {
		slow.add(w.describe(ctx, result, took))
	}
	_ = w.engine.refused(result.Err)
	return result
}

func (w *watchedQuery) describe(ctx context.Context, result *promql.Result, took time.Duration) SlowQuery {
	out := SlowQuery{Time: time.Now().UTC(), Query: w.String(), Step: w.step.Seconds(), Duration: took.Seconds()}
	out.Who, _ = ctx.Value(whoKey{}).(string)
	if s, ok := w.Statement().(*parser.EvalStmt); ok {
		out.Query, out.Start, out.End = s.Expr.String(), s.Start.UTC(), s.End.UTC()
	}
	if s := w.Stats(); s != nil && s.Samples != nil {
		out.Samples = s.Samples.TotalSamples
	}
	switch v := result.Value.(type) {
	case promql.Vector:
		out.Series = len(v)
	case promql.Matrix:
		out.Series = len(v)
	}
	if result.Err != nil {
		out.Error = fmt.Sprint(result.Err)
	}
	return out
}
