package kql

import (
	"slices"

	"gatehouse/internal/query/kql/syntax"
	"gatehouse/internal/query/kql/table"
)

// sessions is row_window_session: when the session began that a row belongs to.
// It goes from row to row, which is done in memory by a step of its own.
type sessions struct {
	At, Restart   expression
	From, Between int64 // ticks: most from the first row, and from the row before
	Order         []orderKey
	By            []int
}

func (*sessions) kind() table.Type { return table.Datetime }

func (b *binder) sessionCall(x *syntax.Call, c *rowContext) expression {
	b.need(x, 3, 4)
	if c.rel == nil || c.rel.order() == nil {
		b.fail(x.Span, codeUse, "put sort by or serialize before it", "%s needs rows in an order", x.Name)
	}
	if c.before == nil {
		b.fail(x.Span, codeUse, "put it in an extend before", "%s can stand in extend, project and serialize", x.Name)
	}
	ticks := func(i int) int64 {
		v, ok := b.value(b.convert(b.scalar(x.Arguments[i].Value, &rowContext{scope: c.scope}), table.Timespan), x.Arguments[i].Value.Position()).(int64)
		if !ok {
			b.fail(x.Arguments[i].Value.Position(), codeTypes, "", "a constant timespan is needed here")
		}
		return v
	}
	at := b.convert(b.scalar(x.Arguments[0].Value, c), table.Datetime)
	s := &sessions{At: at, Restart: boolean(false), From: ticks(1), Between: ticks(2), Order: c.rel.order(), By: b.parts()}
	if len(x.Arguments) == 4 {
		s.Restart = b.convert(b.scalar(x.Arguments[3].Value, c), table.Bool)
	}
	start := b.column("session", table.Datetime)
	*c.before = append(*c.before, assignment{start.ID, s})
	return ref(start)
}

// under puts steps below the one that needs them and computes what is above.
func (b *binder) under(rel relation, steps, above []assignment) relation {
	for i, a := range steps {
		if s, ok := a.X.(*sessions); ok {
			rel = b.sessionRows(rel, a.ID, s, slices.Concat(steps[:i], above))
			continue
		}
		rel = &project{Input: rel, Columns: rel.columns(), Assign: []assignment{a}}
	}
	return rel
}

// sessionRows runs a relation and gives its rows a column more. The rows keep
// the columns that a query does not see where something above reads them.
func (b *binder) sessionRows(rel relation, id int, s *sessions, read []assignment) relation {
	kept := b.readBelow(rel, read, s)
	at, restart := b.column("", table.Datetime), b.column("", table.Bool)
	low := &project{Input: rel, Assign: []assignment{{at.ID, s.At}, {restart.ID, s.Restart}}}
	low.Columns = append(slices.Clone(kept), at, restart)
	var keys []orderKey
	for _, by := range s.By {
		keys = append(keys, orderKey{ID: by})
	}
	rows := b.fetch(&sorted{Input: low, Keys: append(keys, s.Order...)})
	n := len(kept)
	var parts []int
	for i, c := range kept {
		if slices.Contains(s.By, c.ID) {
			parts = append(parts, i)
		}
	}
	group := ""
	var first, before any
	for i, r := range rows {
		g := ""
		for _, p := range parts {
			g += cellsKey(r[p : p+1])
		}
		now, ok := r[n].(int64)
		if began, ok := first.(int64); !ok || g != group || r[n+1] == true || now-began > s.From || now-before.(int64) > s.Between {
			first = r[n]
		}
		if group, before = g, r[n]; !ok {
			first = nil
		}
		rows[i] = append(r[:n:n], first)
	}
	out := b.memory(append(kept, column{Type: table.Datetime, ID: id}), rows)
	return &project{Input: out, Columns: rel.columns()}
}

// readBelow are the columns of a relation: those that a query sees, and those
// below that orders, parts and expressions read.
func (b *binder) readBelow(rel relation, read []assignment, s *sessions) []column {
	kept := slices.Clone(rel.columns())
	add := func(id int) {
		t := typeBelow(rel, id)
		if t != table.Unknown && !slices.ContainsFunc(kept, func(c column) bool { return c.ID == id }) {
			kept = append(kept, column{Type: t, ID: id})
		}
	}
	for _, c := range b.carried() {
		add(c.ID)
	}
	for _, k := range s.Order {
		add(k.ID)
	}
	for _, a := range read {
		add(a.ID)
		walk(a.X, func(x expression) bool {
			switch x := x.(type) {
			case *reference:
				add(x.ID)
			case *sessions:
				return false
			}
			return true
		})
	}
	return kept
}

// typeBelow is the type of a column of a relation or below it; Unknown: there
// is none.
func typeBelow(rel relation, id int) table.Type {
	for _, c := range rel.columns() {
		if c.ID == id {
			return c.Type
		}
	}
	switch r := rel.(type) {
	case *project:
		for _, a := range r.Assign {
			if a.ID == id {
				return a.X.kind()
			}
		}
	case *scan:
		for m, of := range r.Members {
			if of == id && m.Name != "" {
				return table.String
			}
		}
		for _, c := range r.Columns {
			if c.ID == id {
				return c.Type
			}
		}
	case *values:
		if r.Ordinal == id {
			return table.Long
		}
	case *expand:
		if r.Index == id {
			return table.Long
		}
	}
	for _, in := range inputs(rel) {
		if t := typeBelow(in, id); t != table.Unknown {
			return t
		}
	}
	return table.Unknown
}
