package kql

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"gatehouse/internal/query/kql/syntax"
	"gatehouse/internal/query/kql/table"
)

// Plugins that follow each id along a timeline of times or numbers.

// timelineArguments are id, place on the timeline, start and end, and then what
// the plugin has of its own.
type timelineArguments struct {
	id, at     expression
	typ        table.Type // of the timeline: datetime or long
	start, end int64
}

func (b *binder) timelineOf(rel relation, op *syntax.Evaluate, s *scope, example string, least int) timelineArguments {
	args := op.Plugin.Arguments
	if len(args) < least {
		b.fail(op.Span, codeArguments, example, "%s needs %d arguments", op.Plugin.Name, least)
	}
	c := b.row(rel, s)
	t := timelineArguments{id: b.convert(b.scalar(args[0].Value, c), table.String), at: b.scalar(args[1].Value, c), typ: table.Datetime}
	if isNumber(t.at.kind()) {
		t.typ = table.Long
	}
	t.at = b.convert(t.at, t.typ)
	t.start, t.end = b.ticksOf(args[2], t.typ, s), b.ticksOf(args[3], t.typ, s)
	return t
}

// ticksOf is a constant as ticks, or as a number.
func (b *binder) ticksOf(a syntax.Argument, t table.Type, s *scope) int64 {
	n, ok := b.value(b.convert(b.scalar(a.Value, &rowContext{scope: s}), t), a.Value.Position()).(int64)
	if !ok {
		b.fail(a.Value.Position(), codeTypes, "", "a constant %s is needed here", t)
	}
	return n
}

// width is a constant distance on the timeline, above zero.
func (b *binder) width(a syntax.Argument, t table.Type, s *scope) int64 {
	if t == table.Datetime {
		t = table.Timespan
	}
	n := b.ticksOf(a, t, s)
	if n <= 0 {
		b.fail(a.Value.Position(), codeArguments, "", "a %s above zero is needed here", t)
	}
	return n
}

// along are the rows on the timeline from start to end: id, place, what divides
// them and one value more, in the order of id, what divides them, and place.
func (b *binder) along(rel relation, t timelineArguments, by []expression, more ...expression) [][]any {
	first, last := &constant{Type: t.typ, Value: t.start}, &constant{Type: t.typ, Value: t.end}
	within := call(table.Bool, "and", call(table.Bool, ">=", t.at, first), call(table.Bool, "<=", t.at, last))
	kept := rel
	if x := b.bound(rel, within); x != nil {
		kept = &filter{Input: rel, X: x}
	}
	id, at := b.column("id", table.String), b.column("at", t.typ)
	low := &project{Input: kept, Assign: []assignment{{id.ID, t.id}, {at.ID, t.at}}, Columns: []column{id, at}}
	keys := []orderKey{{ID: id.ID}}
	for i, x := range append(slices.Clone(by), more...) {
		c := b.column("", x.kind())
		low.Assign, low.Columns = append(low.Assign, assignment{c.ID, x}), append(low.Columns, c)
		if i < len(by) {
			keys = append(keys, orderKey{ID: c.ID})
		}
	}
	return b.fetch(&sorted{Input: low, Keys: append(keys, orderKey{ID: at.ID})})
}

// sessionCount is session_count: how many sessions were active in each bin. An
// id that was not seen for longer than the window begins a session.
func (b *binder) sessionCount(rel relation, op *syntax.Evaluate, s *scope) relation {
	t := b.timelineOf(rel, op, s, "evaluate session_count(user_Id, timestamp, ago(7d), now(), 1h, 30m)", 6)
	args := op.Plugin.Arguments
	bin, window := b.width(args[4], t.typ, s), b.width(args[5], t.typ, s)
	columns := []column{b.timeline(op)}
	columns[0].Type = t.typ
	var dims []expression
	for _, a := range args[6:] {
		x := b.scalar(a.Value, b.row(rel, s))
		dims, columns = append(dims, x), append(columns, b.column(b.nameOf(a.Value), x.kind()))
	}
	columns = append(columns, b.column("count_sessions", table.Long))
	counts, list := map[string]int{}, [][]any{}
	var before []any
	in := int64(-1) // bin in which the session was counted
	for _, r := range b.along(rel, t, dims) {
		at := r[1].(int64)
		if before == nil || before[0] != r[0] || cellsKey(before[2:]) != cellsKey(r[2:]) || at-before[1].(int64) > window {
			in = -1
		}
		before = r
		if k := (at - t.start) / bin; k != in {
			in = k
			row := append([]any{t.start + k*bin}, r[2:]...)
			key := cellsKey(row)
			if _, known := counts[key]; !known {
				counts[key], list = len(list), append(list, append(row, int64(0)))
			}
			last := list[counts[key]]
			last[len(last)-1] = last[len(last)-1].(int64) + 1
		}
	}
	slices.SortStableFunc(list, func(x, y []any) int { return slices.CompareFunc(x, y, compareCells) })
	return b.schemed(b.memory(columns, list), op)
}

// funnelCompletion is funnel_sequence_completion: how many ids came how far in a
// sequence of states, within periods from the sequence's first state.
func (b *binder) funnelCompletion(rel relation, op *syntax.Evaluate, s *scope) relation {
	t := b.timelineOf(rel, op, s, `evaluate funnel_sequence_completion(user_Id, timestamp, ago(7d), now(), 7d, name, dynamic(["a", "b"]), dynamic([1h, 1d]))`, 8)
	args := op.Plugin.Arguments
	state := b.convert(b.scalar(args[5].Value, b.row(rel, s)), table.String)
	f := &funnel{sequence: b.texts(args[6], s), periods: b.periods(args[7], t.typ, s), start: t.start, step: b.width(args[4], t.typ, s)}
	b.reached(rel, t, state, f)
	columns := []column{b.timeline(op), b.column(b.nameOf(args[5].Value), table.String), b.column("Period", table.Timespan), b.column("dcount", table.Long)}
	columns[0].Type = t.typ
	if t.typ == table.Long {
		columns[2].Type = table.Long
	}
	var out [][]any
	for bin := int64(0); bin <= (t.end-t.start)/f.step && len(out) <= maxActivityBins; bin++ {
		for p, period := range f.periods {
			for i, name := range f.sequence {
				if f.reached[funnelPlace{bin, int64(p), 0}] > 0 {
					out = append(out, []any{t.start + bin*f.step, name, period, f.reached[funnelPlace{bin, int64(p), int64(i)}]})
				}
			}
		}
	}
	if len(out) > maxActivityBins {
		b.check(&LimitError{Limit: "rows", Message: fmt.Sprintf("the plugin gives at most %d rows: take longer steps", maxActivityBins)})
	}
	return b.schemed(b.memory(columns, out), op)
}

// funnel finds how far one id came.
type funnel struct {
	sequence    []string
	periods     []int64
	start, step int64
	events      []funnelEvent
	seen        map[funnelPlace]bool
	reached     map[funnelPlace]int64
}

type funnelEvent struct {
	at    int64
	state int // in the sequence
}

// funnelPlace is a step of the timeline, a period and a state.
type funnelPlace struct{ bin, period, state int64 }

// reached counts ids. An id counts once in the step of the timeline in which its
// sequence begins.
func (b *binder) reached(rel relation, t timelineArguments, state expression, f *funnel) {
	f.seen, f.reached = map[funnelPlace]bool{}, map[funnelPlace]int64{}
	var id any
	for _, r := range b.along(rel, t, nil, state) {
		if id != r[0] {
			b.check(b.ctx.Err())
			f.finish()
			id = r[0]
		}
		if i := slices.Index(f.sequence, r[2].(string)); i >= 0 {
			f.events = append(f.events, funnelEvent{r[1].(int64), i})
		}
	}
	f.finish()
}

// finish counts what the events of one id show.
func (f *funnel) finish() {
	most := slices.Max(f.periods)
	for i, first := range f.events {
		if first.state != 0 {
			continue
		}
		reach := make([]int, len(f.periods))
		for _, e := range f.events[i:] {
			if e.at-first.at > most {
				break
			}
			for p, period := range f.periods {
				if reach[p] < len(f.sequence) && f.sequence[e.state] == f.sequence[reach[p]] && e.at-first.at <= period {
					f.seen[funnelPlace{(first.at - f.start) / f.step, int64(p), int64(reach[p])}] = true
					reach[p]++
				}
			}
		}
	}
	for k := range f.seen {
		f.reached[k]++
	}
	clear(f.seen)
	f.events = f.events[:0]
}

// periods are a constant array of distances on the timeline.
func (b *binder) periods(a syntax.Argument, t table.Type, s *scope) (list []int64) {
	for _, text := range b.texts(a, s) {
		n, ok := syntax.ParseTimespan(text)
		if t == table.Long {
			var err error
			n, err = strconv.ParseInt(text, 10, 64)
			ok = err == nil
		}
		if !ok || n <= 0 {
			b.fail(a.Value.Position(), codeArguments, "e.g. dynamic([10m, 1h])", "the periods are an array of distances above zero")
		}
		list = append(list, n)
	}
	return list
}

// texts are the members of a constant array.
func (b *binder) texts(a syntax.Argument, s *scope) []string {
	v, _ := b.value(b.convert(b.scalar(a.Value, &rowContext{scope: s}), table.Dynamic), a.Value.Position()).(string)
	var list []json.RawMessage
	if json.Unmarshal([]byte(v), &list) != nil || len(list) == 0 {
		b.fail(a.Value.Position(), codeArguments, `e.g. dynamic(["a", "b"])`, "a constant array is needed here")
	}
	return jsonTexts(v)
}
