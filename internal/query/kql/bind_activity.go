package kql

import (
	"fmt"

	"gatehouse/internal/query/kql/syntax"
	"gatehouse/internal/query/kql/table"
)

// maxActivityBins bounds the steps of time of a plugin that counts who comes back.
const maxActivityBins = 10_000

// activity is who was seen in which step of time.
type activity struct {
	start, step int64
	seen        []map[string]bool // by step: ids
	rows        []map[string]int64
}

// activityArguments are id, time, start, end and a step, which the plugins have
// in common; more are numbers of ticks.
func (b *binder) activityArguments(rel relation, op *syntax.Evaluate, s *scope, steps int) (id, at expression, start, end int64, windows []int64) {
	args := op.Plugin.Arguments
	if len(args) < 4+steps {
		b.fail(op.Span, codeArguments, fmt.Sprintf("evaluate %s(user_Id, timestamp, ago(7d), now(), 1d)", op.Plugin.Name), "%s needs a column of ids, one of times, a start, an end and %d timespans", op.Plugin.Name, steps)
	}
	if len(args) > 4+steps {
		b.fail(args[4+steps].Value.Position(), codeMissing, "", "this server's %s takes no dimensions and cohorts", op.Plugin.Name)
	}
	c := b.row(rel, s)
	id = b.convert(b.scalar(args[0].Value, c), table.String)
	at = b.convert(b.scalar(args[1].Value, c), table.Datetime)
	ticks := func(a syntax.Argument, t table.Type) int64 {
		v, ok := b.value(b.convert(b.scalar(a.Value, &rowContext{scope: s}), t), a.Value.Position()).(int64)
		if !ok {
			b.fail(a.Value.Position(), codeTypes, "", "a constant %s is needed here", t)
		}
		return v
	}
	start, end = ticks(args[2], table.Datetime), ticks(args[3], table.Datetime)
	for _, a := range args[4:] {
		w := ticks(a, table.Timespan)
		if w <= 0 {
			b.fail(a.Value.Position(), codeArguments, "", "a timespan above zero is needed here")
		}
		windows = append(windows, w)
	}
	return id, at, start, end, windows
}

// active counts ids in the steps of time from low to end, which begin at multiples
// of the step before and behind the start. The tables below are read for that
// time.
func (b *binder) active(rel relation, id, at expression, low, start, end, step int64) *activity {
	first := (start - low + step - 1) / step // steps before the start
	a := &activity{start: start - first*step, step: step}
	steps := (end-a.start)/step + 1
	if end < start || steps > maxActivityBins {
		b.check(&LimitError{Limit: "steps", Message: fmt.Sprintf("the plugin works on 1 to %d steps of time", maxActivityBins)})
	}
	a.seen, a.rows = make([]map[string]bool, steps), make([]map[string]int64, steps)
	for i := range a.seen {
		a.seen[i], a.rows[i] = map[string]bool{}, map[string]int64{}
	}
	who, when, n := b.column("id", table.String), b.column("step", table.Long), b.column("n", table.Long)
	bin := call(table.Long, "bin long", call(table.Long, "-", b.convert(at, table.Long), long(a.start)), long(step))
	within := call(table.Bool, "and", call(table.Bool, ">=", at, &constant{Type: table.Datetime, Value: a.start}), call(table.Bool, "<=", at, &constant{Type: table.Datetime, Value: end}))
	kept := rel
	if x := b.bound(rel, within); x != nil {
		kept = &filter{Input: rel, X: x}
	}
	for _, r := range b.fetch(&aggregate{Input: kept, Keys: []assignment{{who.ID, id}, {when.ID, bin}}, Values: []assignment{{n.ID, &aggregated{Type: table.Long, Op: "count()"}}}, Columns: []column{who, when, n}}) {
		i := r[1].(int64) / step
		a.seen[i][r[0].(string)], a.rows[i][r[0].(string)] = true, r[2].(int64)
	}
	return a
}

// before unites the ids of the steps from i-n+1 to i.
func (a *activity) before(i, n int) map[string]bool {
	all := map[string]bool{}
	for k := max(0, i-n+1); k <= i; k++ {
		for id := range a.seen[k] {
			all[id] = true
		}
	}
	return all
}

func (a *activity) count(i int) (n int64) {
	for _, rows := range a.rows[i] {
		n += rows
	}
	return n
}

// timeline is the name of the column of times in the result.
func (b *binder) timeline(op *syntax.Evaluate) column {
	name := b.nameOf(op.Plugin.Arguments[1].Value)
	if name == "" {
		name = "Timeline"
	}
	return b.column(name, table.Datetime)
}

func share(part, of int) any {
	if of == 0 {
		return nil
	}
	return float64(part) / float64(of)
}

// activityMetrics is activity_metrics: how many ids there are in a step, how many
// of them for the first time, and which share of the step before stayed or left.
func (b *binder) activityMetrics(rel relation, op *syntax.Evaluate, s *scope) relation {
	id, at, start, end, w := b.activityArguments(rel, op, s, 1)
	a := b.active(rel, id, at, start, start, end, w[0])
	columns := []column{b.timeline(op), b.column("dcount_values", table.Long), b.column("dcount_newvalues", table.Long), b.column("retention_rate", table.Real), b.column("churn_rate", table.Real)}
	known, out := map[string]bool{}, [][]any{}
	for i, seen := range a.seen {
		fresh, stayed := 0, 0
		for id := range seen {
			if !known[id] {
				fresh++
			}
			known[id] = true
			if i > 0 && a.seen[i-1][id] {
				stayed++
			}
		}
		row := []any{a.start + int64(i)*a.step, int64(len(seen)), int64(fresh), nil, nil}
		if i > 0 {
			row[3], row[4] = share(stayed, len(a.seen[i-1])), share(len(a.seen[i-1])-stayed, len(a.seen[i-1]))
		}
		if len(seen) > 0 {
			out = append(out, row)
		}
	}
	return b.schemed(b.memory(columns, out), op)
}

// activityCounts is activity_counts_metrics: rows, ids, new ids, and ids so far.
func (b *binder) activityCounts(rel relation, op *syntax.Evaluate, s *scope) relation {
	id, at, start, end, w := b.activityArguments(rel, op, s, 1)
	a := b.active(rel, id, at, start, start, end, w[0])
	columns := []column{b.timeline(op), b.column("count", table.Long), b.column("dcount", table.Long), b.column("new_dcount", table.Long), b.column("aggregated_dcount", table.Long)}
	known, out := map[string]bool{}, [][]any{}
	for i, seen := range a.seen {
		before := len(known)
		for id := range seen {
			known[id] = true
		}
		if len(seen) > 0 {
			out = append(out, []any{a.start + int64(i)*a.step, a.count(i), int64(len(seen)), int64(len(known) - before), int64(len(known))})
		}
	}
	return b.schemed(b.memory(columns, out), op)
}

// activityEngagement is activity_engagement: which share of those who were here
// within the outer window was here within the inner one.
func (b *binder) activityEngagement(rel relation, op *syntax.Evaluate, s *scope) relation {
	id, at, start, end, w := b.activityArguments(rel, op, s, 2)
	if w[1]%w[0] != 0 {
		b.fail(op.Plugin.Arguments[5].Value.Position(), codeArguments, "e.g. 1d and 7d", "the outer window is a multiple of the inner one")
	}
	a := b.active(rel, id, at, start-w[1]+w[0], start, end, w[0])
	columns := []column{b.timeline(op), b.column("dcount_activities_inner", table.Long), b.column("dcount_activities_outer", table.Long), b.column("activity_ratio", table.Real)}
	var out [][]any
	for i, seen := range a.seen {
		if at := a.start + int64(i)*a.step; at >= start && len(seen) > 0 {
			outer := a.before(i, int(w[1]/w[0]))
			out = append(out, []any{at, int64(len(seen)), int64(len(outer)), share(len(seen), len(outer))})
		}
	}
	return b.schemed(b.memory(columns, out), op)
}

// slidingCounts is sliding_window_counts: rows and ids in the window that ends
// with each step.
func (b *binder) slidingCounts(rel relation, op *syntax.Evaluate, s *scope) relation {
	id, at, start, end, w := b.activityArguments(rel, op, s, 2)
	look, step := w[0], w[1]
	n := int((look + step - 1) / step)
	a := b.active(rel, id, at, start-look+step, start, end, step)
	columns := []column{b.timeline(op), b.column("Count", table.Long), b.column("Dcount", table.Long)}
	var out [][]any
	for i := range a.seen {
		if at := a.start + int64(i)*a.step; at >= start {
			count := int64(0)
			for k := max(0, i-n+1); k <= i; k++ {
				count += a.count(k)
			}
			if count > 0 {
				out = append(out, []any{at, count, int64(len(a.before(i, n)))})
			}
		}
	}
	return b.schemed(b.memory(columns, out), op)
}
