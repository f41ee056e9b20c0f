package promql

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/common/model"
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
	// that they are read for, by 5000. RuleCost is that of a rule's query.
	MaxCost, RuleCost float64
	// MaxKeyBytes is the size of the labels of all series that a selector matches.
	MaxKeyBytes int64
	// OneMetric wants the name of one metric in each selector, and of /series no
	// regular expressions and at most MaxFindRange.
	OneMetric    bool
	MaxFindRange time.Duration
	// Hours of samples that queries ask for in 30 seconds: by their range alone,
	// and by the range of each selector.
	Hours, ParsedHours Quota
	// Returned are the bytes of answers in 30 seconds, RuleReturned those of the
	// results of rules in 3 minutes.
	Returned, RuleReturned float64
}

// AzureLimits are those of Azure Monitor workspaces.
func AzureLimits() Limits {
	return Limits{MaxLength: 64 << 10, MaxRange: 32 * 24 * time.Hour, MaxSeries: 500_000, LongRange: 48 * time.Hour, LongStep: time.Minute, MaxCost: 15_000, RuleCost: 3_000,
		MaxKeyBytes: 64 << 20, OneMetric: true, MaxFindRange: 12 * time.Hour,
		Hours: Quota{30_000, 60_000, 600_000}, ParsedHours: Quota{2_000_000, 2_000_000, 20_000_000}, Returned: 500_000_000, RuleReturned: 1_000_000_000}
}

// LimitError is why a query is refused.
type LimitError struct {
	Reason     string        // for counting: length, range, series, ...
	RetryAfter time.Duration // above 0: the query may be asked again then
	text       string
}

func (e *LimitError) Error() string { return e.text }

func beyond(reason, format string, args ...any) error {
	return &LimitError{Reason: reason, text: fmt.Sprintf(format, args...)}
}

// checkText refuses a query before it is parsed: the parser's work grows with
// the length.
func (l *Limits) checkText(query string) error {
	if l.MaxLength > 0 && len(query) > l.MaxLength {
		return beyond("length", "the query has %d bytes, at most %d: split it, or record parts of it by rules", len(query), l.MaxLength)
	}
	return nil
}

// checkRange refuses a query that reads too far, or too finely over a long time.
func (l *Limits) checkRange(e *parser.EvalStmt, step time.Duration) error {
	if span := e.End.Sub(e.Start); l.LongRange > 0 && span >= l.LongRange && step > 0 && step < l.LongStep {
		return beyond("step", "the query has a step of %s over %s: from %s on the step must be at least %s", step, span, l.LongRange, l.LongStep)
	}
	if l.MaxRange > 0 {
		first, last := readTimes(e)
		if span := last - first; span > l.MaxRange.Milliseconds() {
			return beyond("range", "the query reads %s of samples, at most %s: use a shorter time or shorter range selectors", time.Duration(span)*time.Millisecond, l.MaxRange)
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

// selectorHours are the hours that each selector of a statement reads, summed.
func selectorHours(e *parser.EvalStmt) (hours float64) {
	parser.Inspect(e.Expr, func(n parser.Node, path []parser.Node) error {
		if _, ok := n.(*parser.VectorSelector); !ok {
			return nil
		}
		hours += e.End.Sub(e.Start).Hours()
		for _, above := range path {
			switch a := above.(type) {
			case *parser.MatrixSelector:
				hours += a.Range.Hours()
			case *parser.SubqueryExpr:
				hours += a.Range.Hours()
			}
		}
		return nil
	})
	return hours
}

// checkNames refuses a query with a selector that is not of one metric.
func (l *Limits) checkNames(e parser.Expr) (err error) {
	if !l.OneMetric {
		return nil
	}
	parser.Inspect(e, func(n parser.Node, _ []parser.Node) error {
		if v, ok := n.(*parser.VectorSelector); ok && err == nil && !ofOneMetric(v.LabelMatchers) {
			err = beyond("name", "the selector %s does not name one metric: give it exactly one matcher of __name__, an equality", v)
		}
		return nil
	})
	return err
}

func ofOneMetric(matchers []*labels.Matcher) bool {
	named := 0
	for _, m := range matchers {
		if m.Name != model.MetricNameLabel {
			continue
		}
		if m.Type != labels.MatchEqual || m.Value == "" {
			return false
		}
		named++
	}
	return named == 1
}

// CheckFind refuses a look-up of series (/series) beyond the limits.
func (l *Limits) CheckFind(matchers []*labels.Matcher, start, end time.Time) error {
	if !l.OneMetric {
		return nil
	}
	if !ofOneMetric(matchers) {
		return beyond("name", "match[] does not name one metric: give it exactly one matcher of __name__, an equality")
	}
	for _, m := range matchers {
		if m.Type == labels.MatchRegexp || m.Type == labels.MatchNotRegexp {
			return beyond("name", "match[] has a regular expression, %s: use equalities", m)
		}
	}
	if span := end.Sub(start); l.MaxFindRange > 0 && span > l.MaxFindRange {
		return beyond("range", "series are asked for over %s, at most %s: use a shorter time", span, l.MaxFindRange)
	}
	return nil
}

// bounded counts what a query's selectors match.
type bounded struct {
	storage.Queryable
	limits *Limits
	cost   *float64 // of all selectors; the engine asks one after the other
}

func (l *Limits) bound(q storage.Queryable) storage.Queryable {
	if l.MaxSeries <= 0 && l.MaxCost <= 0 && l.MaxKeyBytes <= 0 {
		return q
	}
	return &bounded{Queryable: q, limits: l, cost: new(float64)}
}

// ofRules bounds what a rule's query reads: by its cost alone.
func (l *Limits) ofRules(q storage.Queryable) storage.Queryable {
	if l.RuleCost <= 0 {
		return q
	}
	return (&Limits{MaxCost: l.RuleCost}).bound(q)
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
	keys int64   // bytes of labels
	each float64 // cost of a series
	err  error
}

func (s *boundedSet) Next() bool {
	if s.err != nil || !s.SeriesSet.Next() {
		return false
	}
	if s.n++; s.limits.MaxSeries > 0 && s.n > s.limits.MaxSeries {
		s.err = beyond("series", "a selector of the query matches more than %d series: add label matchers", s.limits.MaxSeries)
	}
	if *s.cost += s.each; s.limits.MaxCost > 0 && *s.cost > s.limits.MaxCost {
		s.err = beyond("cost", "the query costs more than %g (series times minutes, by 5000): add label matchers, use a shorter time, or record it by rules", s.limits.MaxCost)
	}
	if s.limits.MaxKeyBytes > 0 {
		if s.keys += int64(s.At().Labels().ByteSize()); s.keys > s.limits.MaxKeyBytes {
			s.err = beyond("keys", "the labels of the series that a selector of the query matches have more than %d bytes: add label matchers", s.limits.MaxKeyBytes)
		}
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
