package promql

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/annotations"
)

// Limits bound one query. The zero value of a field means no limit.
type Limits struct {
	MaxLength int           // of the text, bytes
	MaxRange  time.Duration // from the first sample that a query reads to the last, range selectors and offsets counted
	MaxSeries int           // that one selector matches
	// LongRange is the length of a range query from which its step must be at
	// least LongStep.
	LongRange, LongStep time.Duration
	// MaxCost of a query: the series that its selectors match, times the minutes
	// that they are read for, by 5000.
	MaxCost float64
}

// AzureLimits are those of Azure Monitor workspaces.
func AzureLimits() Limits {
	return Limits{MaxLength: 64 << 10, MaxRange: 32 * 24 * time.Hour, MaxSeries: 500_000, LongRange: 48 * time.Hour, LongStep: time.Minute, MaxCost: 15_000}
}

// checkText refuses a query before it is parsed: the parser's work grows with
// the length.
func (l *Limits) checkText(query string) error {
	if l.MaxLength > 0 && len(query) > l.MaxLength {
		return fmt.Errorf("the query has %d bytes, at most %d: split it, or record parts of it by rules", len(query), l.MaxLength)
	}
	return nil
}

// checkRange refuses a query that reads too far, or too finely over a long time.
func (l *Limits) checkRange(s parser.Statement, step time.Duration) error {
	e, ok := s.(*parser.EvalStmt)
	if !ok {
		return nil
	}
	if span := e.End.Sub(e.Start); l.LongRange > 0 && span >= l.LongRange && step > 0 && step < l.LongStep {
		return fmt.Errorf("the query has a step of %s over %s: from %s on the step must be at least %s", step, span, l.LongRange, l.LongStep)
	}
	if l.MaxRange > 0 {
		first, last := readTimes(e)
		if span := last - first; span > l.MaxRange.Milliseconds() {
			return fmt.Errorf("the query reads %s of samples, at most %s: use a shorter time or shorter range selectors", time.Duration(span)*time.Millisecond, l.MaxRange)
		}
	}
	return nil
}

// readTimes are the first and the last time that a statement reads, in ms. Only
// the query's own range, range selectors, subqueries and offsets count, not how
// far back a sample may be to be present.
func readTimes(e *parser.EvalStmt) (first, last int64) {
	first, last = e.Start.UnixMilli(), e.End.UnixMilli()
	start, end := first, last
	parser.Inspect(e.Expr, func(n parser.Node, path []parser.Node) error {
		v, ok := n.(*parser.VectorSelector)
		if !ok {
			return nil
		}
		from, to := start, end
		if v.Timestamp != nil {
			from, to = *v.Timestamp, *v.Timestamp
		}
		from, to = from-v.OriginalOffset.Milliseconds(), to-v.OriginalOffset.Milliseconds()
		for _, above := range path {
			switch a := above.(type) {
			case *parser.MatrixSelector:
				from -= a.Range.Milliseconds()
			case *parser.SubqueryExpr:
				from, to = from-a.Range.Milliseconds()-a.OriginalOffset.Milliseconds(), to-a.OriginalOffset.Milliseconds()
			}
		}
		first, last = min(first, from), max(last, to)
		return nil
	})
	return first, last
}

// bounded counts what a query's selectors match.
type bounded struct {
	storage.Queryable
	limits *Limits
	cost   *float64 // of all selectors; the engine asks one after the other
}

func (l *Limits) bound(q storage.Queryable) storage.Queryable {
	if l.MaxSeries <= 0 && l.MaxCost <= 0 {
		return q
	}
	return &bounded{Queryable: q, limits: l, cost: new(float64)}
}

func (b *bounded) Querier(mint, maxt int64) (storage.Querier, error) {
	q, err := b.Queryable.Querier(mint, maxt)
	if err != nil {
		return nil, err
	}
	return &boundedQuerier{Querier: q, bounded: b, minutes: float64(maxt-mint) / 60_000}, nil
}

type boundedQuerier struct {
	storage.Querier
	*bounded
	minutes float64
}

func (b *boundedQuerier) Select(ctx context.Context, sorted bool, hints *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	minutes := b.minutes
	if hints != nil {
		minutes = float64(hints.End-hints.Start) / 60_000
	}
	return &boundedSet{SeriesSet: b.Querier.Select(ctx, sorted, hints, matchers...), bounded: b.bounded, each: max(minutes, 1) / 5000}
}

type boundedSet struct {
	storage.SeriesSet
	*bounded
	n    int
	each float64 // cost of a series
	err  error
}

func (s *boundedSet) Next() bool {
	if s.err != nil || !s.SeriesSet.Next() {
		return false
	}
	if s.n++; s.limits.MaxSeries > 0 && s.n > s.limits.MaxSeries {
		s.err = fmt.Errorf("a selector of the query matches more than %d series: add label matchers", s.limits.MaxSeries)
	}
	if *s.cost += s.each; s.limits.MaxCost > 0 && *s.cost > s.limits.MaxCost {
		s.err = fmt.Errorf("the query costs more than %g (series times minutes, by 5000): add label matchers, use a shorter time, or record it by rules", s.limits.MaxCost)
	}
	return s.err == nil
}

func (s *boundedSet) Err() error {
	if s.err != nil {
		return s.err
	}
	return s.SeriesSet.Err()
}

func (s *boundedSet) Warnings() annotations.Annotations { return s.SeriesSet.Warnings() }
