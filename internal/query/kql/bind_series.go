package kql

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"gatehouse/internal/query/kql/syntax"
	"gatehouse/internal/query/kql/table"
)

// maxSeries bounds the values of all series of one make-series.
const maxSeries = 1 << 20

// series is make-series: the rows are grouped by the store, and the gaps are
// filled here, since SQL cannot say it well.
type series struct {
	from, step int64 // ticks, or whole numbers
	count      int
	axis       table.Type
	defaults   []any
}

func (b *binder) makeSeries(rel relation, op *syntax.MakeSeries, s *scope) relation {
	c := b.row(rel, s)
	axis := b.scalar(op.On.X, c)
	t := axis.kind()
	if t == table.Int {
		axis, t = b.convert(axis, table.Long), table.Long
	}
	stepType := t
	if t == table.Datetime {
		stepType = table.Timespan
	}
	constantOf := func(x syntax.Expr, t table.Type) (int64, bool) {
		if x == nil {
			return 0, false
		}
		v, ok := b.value(b.convert(b.scalar(x, &rowContext{scope: s}), t), x.Position()).(int64)
		return v, ok
	}
	step, ok := constantOf(op.Step, stepType)
	if !ok || step <= 0 || t != table.Datetime && t != table.Timespan && t != table.Long {
		b.fail(op.Span, codeArguments, "on timestamp from ago(1d) to now() step 1h", "make-series needs an axis of time or whole numbers and a step above zero")
	}
	from, hasFrom := constantOf(op.From, t)
	to, hasTo := constantOf(op.To, t)
	if op.InRange {
		from -= (from%step + step) % step
		to++
	}
	if k, ok := axis.(*reference); ok && t == table.Datetime {
		narrow(rel, k.ID, from, to)
	}
	keep := func(x expression) { rel = &filter{Input: rel, X: x} }
	if hasFrom {
		keep(call(table.Bool, ">=", axis, &constant{t, from}))
	}
	if hasTo {
		keep(call(table.Bool, "<", axis, &constant{t, to}))
	}
	slot := call(t, "+", &constant{t, from}, call(stepType, "bin long", call(stepType, "-", axis, &constant{t, from}), &constant{stepType, step}))
	p := &shaper{b: b}
	for _, n := range op.By {
		name := b.nameOf(n.X)
		if len(n.Names) > 0 {
			name = n.Names[0]
		}
		p.add(name, b.scalar(n.X, c))
	}
	keys := len(p.columns)
	p.add("axis", slot)
	low := &aggregate{Input: rel, Keys: slices.Clone(p.assign), Columns: slices.Clone(p.columns)}
	p.assign = nil
	c.aggregates = true
	for _, a := range op.Aggregates {
		b.aggregateItem(p, a.Named, c)
	}
	var above []assignment
	for _, a := range p.assign {
		above = append(above, assignment{a.ID, b.lift(a.X, low)})
	}
	rows := b.fetch(&project{Input: low, Assign: above, Columns: p.columns})
	spec := series{from: from, step: step, axis: t}
	for i := range op.Aggregates {
		spec.defaults = append(spec.defaults, b.seriesDefault(op.Aggregates[i].Default, p.columns[keys+1+i].Type, s))
	}
	low64, high64 := int64(math.MaxInt64), int64(math.MinInt64)
	for _, r := range rows {
		if at, ok := r[keys].(int64); ok {
			low64, high64 = min(low64, at), max(high64, at)
		}
	}
	switch {
	case !hasFrom && len(rows) > 0:
		spec.from = low64
	}
	switch {
	case hasTo:
		spec.count = int((to - spec.from + step - 1) / step)
	case len(rows) > 0:
		spec.count = int((high64-spec.from)/step) + 1
	}
	name := b.nameOf(op.On.X)
	if len(op.On.Names) > 0 {
		name = op.On.Names[0]
	}
	return b.filled(spec, rows, keys, p.columns, name)
}

func (b *binder) seriesDefault(x syntax.Expr, t table.Type, s *scope) any {
	if x == nil {
		return int64(0)
	}
	v := b.value(b.scalar(x, &rowContext{scope: s}), x.Position())
	if f, ok := v.(float64); ok && math.IsNaN(f) {
		return nil
	}
	return v
}

// filled makes arrays of the slots of each group; empty slots have the default.
func (b *binder) filled(spec series, rows [][]any, keys int, columns []column, axis string) relation {
	values := len(columns) - keys - 1
	spec.count = max(spec.count, 0)
	groups := map[string][]any{}
	arrays := map[string][][]any{}
	var order []string
	for _, r := range rows {
		k := fmt.Sprintf("%#v", r[:keys])
		if _, ok := groups[k]; !ok {
			if (len(order)+1)*max(spec.count, 1)*values > maxSeries*8 || spec.count > maxSeries {
				b.check(&LimitError{Limit: "series", Message: fmt.Sprintf("make-series would make more than %d values: use a larger step, a shorter range or fewer groups", maxSeries)})
			}
			groups[k], order = r[:keys], append(order, k)
			arrays[k] = spec.empty(values)
		}
		at, ok := r[keys].(int64)
		if i := (at - spec.from) / spec.step; ok && i >= 0 && i < int64(spec.count) {
			for v := range values {
				arrays[k][v][i] = r[keys+1+v]
			}
		}
	}
	if keys == 0 && len(order) == 0 && spec.count > 0 {
		groups[""], order, arrays[""] = nil, []string{""}, spec.empty(values)
	}
	p := &shaper{b: b}
	for _, c := range columns[:keys] {
		p.columns = append(p.columns, b.column(c.Name, c.Type))
	}
	for _, c := range columns[keys+1:] {
		p.columns = append(p.columns, b.column(c.Name, table.Dynamic))
	}
	p.columns = append(p.columns, b.column(axis, table.Dynamic))
	times := spec.times()
	var out [][]any
	for _, k := range order {
		row := slices.Clone(groups[k])
		for _, a := range arrays[k] {
			row = append(row, jsonText(a))
		}
		out = append(out, append(row, times))
	}
	return b.memory(p.columns, out)
}

func (s series) empty(values int) [][]any {
	out := make([][]any, values)
	for v := range out {
		out[v] = make([]any, s.count)
		for i := range out[v] {
			out[v][i] = s.defaults[v]
		}
	}
	return out
}

func (s series) times() string {
	list := make([]any, s.count)
	for i := range list {
		at := s.from + int64(i)*s.step
		switch s.axis {
		case table.Datetime:
			list[i] = syntax.FormatDatetime(at)
		case table.Timespan:
			list[i] = syntax.FormatTimespan(at)
		default:
			list[i] = at
		}
	}
	return jsonText(list)
}

func jsonText(v any) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return "null"
	}
	return strings.TrimSpace(b.String())
}
