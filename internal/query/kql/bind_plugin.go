package kql

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"gatehouse/internal/query/kql/syntax"
	"gatehouse/internal/query/kql/table"
)

// maxPivot is how many columns a plugin makes of values.
const maxPivot = 1000

// plugins of evaluate that this server has.
func plugins() map[string]func(*binder, relation, *syntax.Evaluate, *scope) relation {
	return map[string]func(*binder, relation, *syntax.Evaluate, *scope) relation{
		"pivot": (*binder).pivot, "bag_unpack": (*binder).unpack, "narrow": (*binder).narrowed, "dcount_intersect": (*binder).intersect,
		"autocluster": (*binder).autocluster, "autocluster_v2": (*binder).autocluster, "basket": (*binder).basket, "basket_v2": (*binder).basket,
		"activity_metrics": (*binder).activityMetrics, "activity_counts_metrics": (*binder).activityCounts, "activity_engagement": (*binder).activityEngagement,
		"sliding_window_counts": (*binder).slidingCounts, "session_count": (*binder).sessionCount, "funnel_sequence_completion": (*binder).funnelCompletion,
		"diffpatterns": (*binder).diffpatterns, "diffpatterns_v2": (*binder).diffpatterns,
	}
}

func (b *binder) evaluate(rel relation, op *syntax.Evaluate, s *scope) relation {
	run := plugins()[op.Plugin.Name]
	if run == nil {
		known := slices.Sorted(maps.Keys(plugins()))
		hint := didYouMean(op.Plugin.Name, known)
		if hint == "" {
			hint = "there are " + strings.Join(known, ", ")
		}
		b.fail(op.Plugin.NameAt, codeMissing, hint, "this server has no plugin %q", op.Plugin.Name)
	}
	if rel == nil {
		b.fail(op.Span, codeUse, "requests | evaluate "+op.Plugin.Name+"(...)", "the plugin %s needs rows to work on", op.Plugin.Name)
	}
	return run(b, rel, op, s)
}

// schemed gives a plugin's result the columns that the query says.
func (b *binder) schemed(rel relation, op *syntax.Evaluate) relation {
	if op.Schema == nil && !op.Open {
		return rel
	}
	out := &project{Input: rel}
	if op.Open {
		out.Columns = slices.Clone(rel.columns())
	}
	c := &rowContext{columns: rel.columns()}
	for _, p := range op.Schema {
		var x expression = null(p.Type)
		if k, ok := c.column(p.Name); ok {
			x = b.convert(ref(k), p.Type)
		}
		k := b.column(p.Name, p.Type)
		out.Assign = append(out.Assign, assignment{k.ID, x})
		if i := slices.Index(names(out.Columns), p.Name); i >= 0 {
			out.Columns[i] = k
		} else {
			out.Columns = append(out.Columns, k)
		}
	}
	return out
}

// pivot turns the values of a column into columns of an aggregate.
func (b *binder) pivot(rel relation, op *syntax.Evaluate, s *scope) relation {
	args := op.Plugin.Arguments
	if len(args) == 0 {
		b.fail(op.Span, codeArguments, "evaluate pivot(column, count(), other columns)", "pivot needs a column")
	}
	c := b.row(rel, s)
	key := b.convert(b.scalar(args[0].Value, c), table.String)
	used := columnSet{}.with(key)
	args = args[1:]
	var value expression = &aggregated{Type: table.Long, Op: "count()"}
	if len(args) > 0 {
		if x, ok := args[0].Value.(*syntax.Call); ok {
			inner := *c
			inner.aggregates = true
			value = b.scalar(x, &inner)
			used = used.with(value)
			args = args[1:]
		}
	}
	p := &shaper{b: b}
	for _, a := range args {
		p.add(b.nameOf(a.Value), b.scalar(a.Value, c))
	}
	if len(args) == 0 {
		for _, k := range rel.columns() {
			if !used[k.ID] {
				p.add(k.Name, ref(k))
			}
		}
	}
	return b.schemed(b.pivoted(rel, p, key, value), op)
}

func (b *binder) pivoted(rel relation, p *shaper, key, value expression) relation {
	fixed := len(p.columns)
	pivot := b.column("pivot", table.String)
	low := &aggregate{Input: rel, Keys: append(slices.Clone(p.assign), assignment{pivot.ID, key})}
	low.Columns = append(slices.Clone(p.columns), pivot)
	v := b.column("value", value.kind())
	x := b.lift(value, low)
	rows := b.fetch(&project{Input: low, Assign: []assignment{{v.ID, x}}, Columns: append(slices.Clone(low.Columns), v)})
	absent := b.ofNothing(rel, value)
	at := map[string]int{}
	for _, r := range rows {
		at[r[fixed].(string)] = 0
	}
	if len(at) > maxPivot {
		b.check(&LimitError{Limit: "columns", Message: fmt.Sprintf("pivot would make more than %d columns: filter or group before it", maxPivot)})
	}
	out := &shaper{b: b, columns: slices.Clone(p.columns)}
	for i := range out.columns {
		out.columns[i].ID = b.id()
	}
	for i, name := range slices.Sorted(maps.Keys(at)) {
		at[name] = fixed + i
		out.columns = append(out.columns, b.column(out.unique(name), value.kind()))
	}
	byKey := map[string][]any{}
	var list [][]any
	for _, r := range rows {
		k := cellsKey(r[:fixed])
		if byKey[k] == nil {
			row := slices.Clone(r[:fixed])
			for range at {
				row = append(row, absent)
			}
			byKey[k] = row
			list = append(list, row)
		}
		byKey[k][at[r[fixed].(string)]] = r[fixed+1]
	}
	slices.SortStableFunc(list, func(x, y []any) int { return slices.CompareFunc(x[:fixed], y[:fixed], compareCells) })
	return b.memory(out.columns, list)
}

// ofNothing is what an aggregate gives without rows.
func (b *binder) ofNothing(rel relation, value expression) any {
	low := &aggregate{Input: &limit{Input: separate(rel)}}
	v := b.column("value", value.kind())
	x := b.lift(value, low)
	return b.fetch(&project{Input: low, Assign: []assignment{{v.ID, x}}, Columns: []column{v}})[0][0]
}

// unpack is bag_unpack: the members of a bag become columns.
func (b *binder) unpack(rel relation, op *syntax.Evaluate, s *scope) relation {
	o := b.unpackOptions(op.Plugin, s)
	bag, ok := b.scalar(op.Plugin.Arguments[0].Value, b.row(rel, s)).(*reference)
	if !ok || bag.Type != table.Dynamic {
		b.fail(op.Plugin.Arguments[0].Value.Position(), codeTypes, "", "bag_unpack takes a column of type dynamic")
	}
	out := &project{Input: rel}
	for _, c := range rel.columns() {
		if c.ID != bag.ID && (op.Schema == nil || op.Open) {
			out.Columns = append(out.Columns, c)
		}
	}
	source := names(rel.columns())
	for _, m := range b.bagMembers(rel, bag, o, op.Schema) {
		i := slices.Index(names(out.Columns), m.Name)
		switch {
		case i < 0 && (op.Schema == nil || !slices.Contains(source, m.Name)):
		case o.conflict == "keep_source" || op.Schema != nil:
			if i < 0 {
				out.Columns = append(out.Columns, rel.columns()[slices.Index(source, m.Name)])
			}
			continue
		case o.conflict == "replace_source":
			out.Columns = slices.Delete(out.Columns, i, i+1)
		default:
			b.fail(op.Span, codeUse, "columnsConflict='replace_source' or 'keep_source', or a prefix", "bag_unpack makes a column %q, which there is already", m.Name)
		}
		k := b.column(m.Name, m.Type)
		member := strings.TrimPrefix(m.Name, o.prefix)
		out.Columns = append(out.Columns, k)
		out.Assign = append(out.Assign, assignment{k.ID, b.convert(b.member(bag, member, b.row(rel, s)), m.Type)})
	}
	return out
}

type unpacking struct {
	prefix   string
	conflict string
	ignored  []string
}

func (b *binder) unpackOptions(x *syntax.Call, s *scope) (o unpacking) {
	if len(x.Arguments) == 0 {
		b.fail(x.Span, codeArguments, "evaluate bag_unpack(column)", "bag_unpack needs a column")
	}
	for i, a := range x.Arguments[1:] {
		v, _ := b.value(b.scalar(a.Value, &rowContext{scope: s}), a.Value.Position()).(string)
		switch {
		case a.Name == "columnsConflict" || a.Name == "" && i == 1:
			o.conflict = v
		case a.Name == "ignoredProperties" || a.Name == "" && i == 2:
			o.ignored = jsonTexts(v)
		default:
			o.prefix = v
		}
	}
	return o
}

// bagMembers are the columns that the schema names, or one for each member of
// all rows, by name; of a member that has several types it is dynamic.
func (b *binder) bagMembers(rel relation, bag *reference, o unpacking, schema []syntax.Parameter) (list []column) {
	for _, p := range schema {
		list = append(list, column{Name: p.Name, Type: p.Type})
	}
	if schema != nil {
		return list
	}
	element := b.id()
	pairs := &expand{Input: separate(rel), Index: b.id(), Lists: []assignment{{element, call(table.Unknown, "members", bag)}}}
	e := &reference{Type: table.Dynamic, ID: element}
	name, kind := b.column("name", table.String), b.column("kind", table.String)
	rows := b.fetch(&aggregate{Input: pairs, Keys: []assignment{
		{name.ID, call(table.String, "to string of dynamic", call(table.Dynamic, "member", e, text("$[0]")))},
		{kind.ID, call(table.String, "json type", call(table.Dynamic, "member", e, text("$[1]")))},
	}, Columns: []column{name, kind}})
	types := map[string]table.Type{}
	for _, r := range rows {
		n, t := r[0].(string), jsonColumn(r[1].(string))
		have, ok := types[n]
		switch {
		case slices.Contains(o.ignored, n) || n == "":
		case !ok || have == table.Unknown:
			types[n] = t
		case t == table.Unknown || t == have:
		case isNumber(t) && isNumber(have):
			types[n] = table.Real
		default:
			types[n] = table.Dynamic
		}
	}
	if len(types) > maxPivot {
		b.check(&LimitError{Limit: "columns", Message: fmt.Sprintf("bag_unpack would make more than %d columns: give a schema, or ignoredProperties", maxPivot)})
	}
	for _, n := range slices.Sorted(maps.Keys(types)) {
		t := types[n]
		if t == table.Unknown {
			t = table.Dynamic
		}
		list = append(list, column{Name: o.prefix + n, Type: t})
	}
	return list
}

// jsonColumn is the type of a column of JSON values; Unknown for null.
func jsonColumn(kind string) table.Type {
	switch kind {
	case "", "NULL":
		return table.Unknown
	case "BOOLEAN":
		return table.Bool
	case "BIGINT", "UBIGINT":
		return table.Long
	case "DOUBLE":
		return table.Real
	case "VARCHAR":
		return table.String
	}
	return table.Dynamic
}

// narrowed is narrow: a row for each value, with its row's number and its column's name.
func (b *binder) narrowed(rel relation, op *syntax.Evaluate, _ *scope) relation {
	of := rel.columns()
	p := &project{Input: rel}
	for _, c := range of {
		k := b.column(c.Name, table.String)
		p.Columns = append(p.Columns, k)
		p.Assign = append(p.Assign, assignment{k.ID, b.convert(ref(c), table.String)})
	}
	var out [][]any
	for i, r := range b.fetch(p) {
		for j, v := range r {
			out = append(out, []any{int64(i), of[j].Name, v})
		}
	}
	return b.schemed(b.memory([]column{b.column("Row", table.Long), b.column("Column", table.String), b.column("Value", table.String)}, out), op)
}

// intersect is dcount_intersect: how many values the first sketch holds, then
// how many the first two have in common, and so on.
func (b *binder) intersect(rel relation, op *syntax.Evaluate, s *scope) relation {
	var sketches []expression
	out := &project{Input: rel, Columns: slices.Clone(rel.columns())}
	if n := len(op.Plugin.Arguments); n < 2 || n > 16 {
		b.fail(op.Span, codeArguments, "evaluate dcount_intersect(hll1, hll2)", "dcount_intersect takes 2 to 16 results of hll")
	}
	p := &shaper{b: b, columns: out.Columns}
	for i, a := range op.Plugin.Arguments {
		sketches = append(sketches, b.convert(b.scalar(a.Value, b.row(rel, s)), table.Dynamic))
		p.add(fmt.Sprintf("s%d", i), call(table.Long, "common of sketches", slices.Clone(sketches)...))
	}
	out.Columns, out.Assign = p.columns, p.assign
	return b.schemed(out, op)
}
