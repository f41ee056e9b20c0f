package kql

import (
	"slices"

	"gatehouse/internal/query/kql/syntax"
	"gatehouse/internal/query/kql/table"
)

// topNested is top-nested: the best values of a first key, in each of them the
// best of a second, and so on. The store groups; which groups are kept is
// decided here, level by level.
func (b *binder) topNested(rel relation, op *syntax.TopNested, s *scope) relation {
	if b.within != nil {
		b.fail(op.Span, codeMissing, "", "top-nested cannot stand in this sub-query on this server")
	}
	n := &nesting{b: b, scope: s, rel: rel, shape: &shaper{b: b}, found: map[string][]any{"": nil}}
	for _, l := range op.Levels {
		n.level(l)
	}
	return b.memory(n.shape.columns, n.rows)
}

// nesting is what top-nested has found down to a level.
type nesting struct {
	b     *binder
	scope *scope
	rel   relation // the rows that are left, with the keys of the levels
	keys  []column // of those levels, after others took the place of some
	shape *shaper  // of the result
	rows  [][]any
	found map[string][]any // the result's row by the keys of all levels
}

func (n *nesting) level(l syntax.TopLevel) {
	b := n.b
	c := b.row(n.rel, n.scope)
	of := b.scalar(l.Of.X, c)
	if of.kind() == table.Dynamic {
		of = b.convert(of, table.String)
	}
	key := b.column("key", of.kind())
	n.rel = &project{Input: n.rel, Columns: n.rel.columns(), Assign: []assignment{{key.ID, of}}}
	name := givenName(l.Of, b.nameOf(l.Of.X))
	n.shape.add(name, ref(key))
	groups, value := n.groups(key, l)
	n.shape.add(givenName(l.By.Named, "aggregated_"+name), null(value))
	kept, all := n.keep(groups, l)
	if !all {
		n.narrow(key, kept, l)
		if l.Others != nil {
			key = n.keys[len(n.keys)-1]
			groups, _ = n.groups(key, l)
			kept = n.withOthers(kept, groups)
		} else {
			n.keys = append(n.keys, key)
		}
	} else {
		n.keys = append(n.keys, key)
	}
	found := map[string][]any{}
	n.rows = nil
	for _, g := range kept {
		parent := n.found[cellsKey(g[:len(g)-2])]
		row := append(slices.Clone(parent), g[len(g)-2], g[len(g)-1])
		found[cellsKey(g[:len(g)-1])] = row
		n.rows = append(n.rows, row)
	}
	n.found = found
}

func givenName(n syntax.Named, otherwise string) string {
	if len(n.Names) > 0 {
		return n.Names[0]
	}
	return otherwise
}

// groups computes a level's aggregate by all keys down to it: rows of the keys
// and the value.
func (n *nesting) groups(key column, l syntax.TopLevel) (rows [][]any, t table.Type) {
	b := n.b
	c := b.row(n.rel, n.scope)
	c.aggregates = true
	low := &aggregate{Input: n.rel}
	keys := n.keys
	if len(keys) == 0 || keys[len(keys)-1] != key {
		keys = append(slices.Clone(keys), key)
	}
	for _, k := range keys {
		id := b.id()
		low.Keys = append(low.Keys, assignment{id, ref(k)})
		low.Columns = append(low.Columns, column{Name: k.Name, Type: k.Type, ID: id})
	}
	value := b.lift(b.scalar(l.By.X, c), low)
	v := b.column("value", value.kind())
	return b.fetch(&project{Input: low, Assign: []assignment{{v.ID, value}}, Columns: append(slices.Clone(low.Columns), v)}), value.kind()
}

// keep chooses the best groups of each parent; all says that none was left out.
func (n *nesting) keep(groups [][]any, l syntax.TopLevel) (kept [][]any, all bool) {
	most := int64(len(groups))
	if l.Count != nil {
		most = n.b.rowCount(l.Count, n.scope)
	}
	slices.SortStableFunc(groups, func(x, y []any) int {
		last := len(x) - 1
		order := compareCells(y[last], x[last])
		if l.By.Asc {
			order = -order
		}
		if order == 0 {
			order = compareCells(x[last-1], y[last-1])
		}
		return order
	})
	taken := map[string]int64{}
	for _, g := range groups {
		parent := cellsKey(g[:len(g)-2])
		if taken[parent] < most {
			taken[parent]++
			kept = append(kept, g)
		}
	}
	return kept, len(kept) == len(groups)
}

// narrow leaves the rows of the groups that are kept, or gives all others one key.
func (n *nesting) narrow(key column, kept [][]any, l syntax.TopLevel) {
	b := n.b
	var columns []column
	j := &join{Kind: "inner", Left: n.rel, NullsEqual: true, Columns: n.rel.columns()}
	for _, k := range append(slices.Clone(n.keys), key) {
		c := b.column(k.Name, k.Type)
		columns = append(columns, c)
		j.Equal = append(j.Equal, [2]expression{ref(k), ref(c)})
	}
	var rows [][]any
	for _, g := range kept {
		rows = append(rows, append(slices.Clone(g[:len(g)-1]), true))
	}
	mark := b.column("kept", table.Bool)
	j.Right = b.memory(append(columns, mark), rows)
	n.rel = j
	if l.Others == nil {
		return
	}
	j.Kind = "leftouter"
	other := b.convert(b.scalar(l.Others, &rowContext{scope: n.scope}), key.Type)
	mapped := b.column(key.Name, key.Type)
	x := call(key.Type, "if", call(table.Bool, "is null", ref(mark)), other, ref(key))
	n.rel = &project{Input: j, Columns: j.Columns, Assign: []assignment{{mapped.ID, x}}}
	n.keys = append(n.keys, mapped)
}

// withOthers adds, behind those that are kept, the groups that are not among them.
func (n *nesting) withOthers(kept, groups [][]any) [][]any {
	have := map[string]bool{}
	for _, g := range kept {
		have[cellsKey(g[:len(g)-1])] = true
	}
	for _, g := range groups {
		if !have[cellsKey(g[:len(g)-1])] {
			kept = append(kept, g)
		}
	}
	return kept
}
