package kql

import (
	"fmt"
	"slices"

	"gatehouse/internal/query/kql/syntax"
	"gatehouse/internal/query/kql/table"
)

// A body is the sub-query of mv-apply and partition: its steps work on each
// part of the rows by itself. The parts are told apart by columns that the query
// does not see; a step that looks at several rows groups by them as well, so
// that one statement answers for all parts.

// maxParts is how many parts there may be when each is a statement of its own.
const maxParts = 64

// division is what a body's steps keep.
type division struct {
	By    []column // tell the parts apart
	Carry []column // have one value in a part, and come back behind the body
}

// parts are the columns that a window is divided by.
func (b *binder) parts() (ids []int) {
	if b.within != nil {
		for _, c := range b.within.By {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

// alone lets steps work on all rows, until what it gives is called.
func (b *binder) alone() func() {
	outer := b.within
	b.within = nil
	return func() { b.within = outer }
}

// perPart makes an aggregate one of each part.
func (b *binder) perPart(a *aggregate) *aggregate {
	if b.within == nil {
		return a
	}
	for _, c := range b.within.By {
		a.Keys = append(a.Keys, assignment{c.ID, ref(c)})
	}
	for _, c := range b.within.Carry {
		a.Values = append(a.Values, assignment{c.ID, &aggregated{Type: c.Type, Op: "take_any(a)", Args: []expression{ref(c)}}})
	}
	return a
}

// first rows, of each part.
func (b *binder) head(rel relation, n int64) relation {
	if b.within == nil {
		return &limit{Input: rel, Count: n}
	}
	c := b.column("n", table.Long)
	numbered := &project{Input: rel, Columns: rel.columns(), Assign: []assignment{{c.ID, &window{Type: table.Long, Op: "row_number", Order: rel.order(), By: b.parts()}}}}
	return &filter{Input: numbered, X: call(table.Bool, "<=", ref(c), long(n))}
}

// divisible tells whether a step can work on parts in one statement.
func divisible(op syntax.Operator) bool {
	switch op := op.(type) {
	case *syntax.Where, *syntax.Project, *syntax.Summarize, *syntax.Distinct, *syntax.Sort, *syntax.Top, *syntax.Take, *syntax.Sample, *syntax.Count,
		*syntax.Serialize, *syntax.MvExpand, *syntax.MvApply, *syntax.Parse, *syntax.ParseKV, *syntax.Scan:
		return true
	case *syntax.Search:
		return len(op.Tables) == 0
	case *syntax.Join:
		return slices.Contains([]string{"", "inner", "innerunique", "leftouter", "leftsemi", "leftanti", "anti", "leftantisemi"}, op.Kind)
	}
	return false
}

// divided binds a body in one statement.
func (b *binder) divided(rel relation, w *division, body []syntax.Operator, s *scope) relation {
	if outer := b.within; outer != nil {
		w.Carry = slices.Concat(w.Carry, outer.By, outer.Carry)
	}
	defer b.alone()()
	b.within = w
	return b.steps(rel, body, s)
}

// mvApply expands arrays and runs a sub-query over the elements of each row.
// What the row holds beside them stands before the sub-query's columns.
func (b *binder) mvApply(rel relation, op *syntax.MvApply, s *scope) relation {
	for _, step := range op.Body {
		if !divisible(step) {
			b.fail(step.Position(), codeMissing, "move it behind mv-apply", "this operator cannot stand in the sub-query of mv-apply on this server")
		}
	}
	row := b.column("row", table.Long)
	low := &project{Input: rel, Columns: rel.columns(), Assign: []assignment{{row.ID, call(table.Long, "row id")}}}
	elements, index := b.expanded(low, &syntax.MvExpand{Span: op.Span, Options: op.Options, Columns: op.Columns, Limit: op.Limit}, s)
	var carry []column
	for _, c := range rel.columns() {
		if slices.Contains(elements.columns(), c) {
			carry = append(carry, c)
		}
	}
	in := &sorted{Input: elements, Keys: []orderKey{{ID: row.ID}, {ID: index}}}
	body := b.divided(in, &division{By: []column{row}, Carry: slices.Clone(carry)}, op.Body, s)
	var columns []column
	for _, c := range carry {
		if !slices.Contains(names(body.columns()), c.Name) {
			columns = append(columns, c)
		}
	}
	out := &project{Input: body, Columns: append(columns, body.columns()...)}
	return &sorted{Input: out, Keys: append([]orderKey{{ID: row.ID}}, body.order()...)}
}

// partition runs a sub-query over the rows of each value of a column.
func (b *binder) partition(rel relation, op *syntax.Partition, s *scope) relation {
	key := b.scalar(op.By, b.row(rel, s))
	if key.kind() == table.Dynamic {
		b.fail(op.By.Position(), codeTypes, "put tostring() around it in an extend before", "a dynamic value cannot be the key of partition")
	}
	if op.Full == nil && !slices.ContainsFunc(op.Body, func(step syntax.Operator) bool { return !divisible(step) }) {
		c := b.column("part", key.kind())
		low := &project{Input: rel, Columns: rel.columns(), Assign: []assignment{{c.ID, key}}}
		return b.divided(low, &division{By: []column{c}}, op.Body, s)
	}
	return b.partEach(rel, op, key, s)
}

// partEach binds a sub-query for each value of the key by itself.
func (b *binder) partEach(rel relation, op *syntax.Partition, key expression, s *scope) relation {
	defer b.alone()()
	c := b.column("part", key.kind())
	rows := b.fetch(&limit{Input: &aggregate{Input: separate(rel), Keys: []assignment{{c.ID, key}}, Columns: []column{c}}, Count: maxParts + 1})
	if len(rows) > maxParts {
		b.check(&LimitError{Limit: "partitions", Message: fmt.Sprintf("this sub-query of partition runs for each value of its key, and there are more than %d", maxParts)})
	}
	slices.SortFunc(rows, func(x, y []any) int { return compareCells(x[0], y[0]) })
	parts := []relation{}
	for _, r := range rows {
		value := &constant{Type: key.kind(), Value: r[0]}
		if op.Full != nil {
			parts = append(parts, b.relation(op.Full, &scope{parent: s, name: b.nameOf(op.By), x: value}))
			continue
		}
		same := call(table.Bool, "not", call(table.Bool, "!=", key, value))
		parts = append(parts, b.steps(b.renumber(&filter{Input: separate(rel), X: same}), op.Body, s))
	}
	if len(parts) == 0 {
		parts = append(parts, b.steps(&limit{Input: rel}, op.Body, s))
	}
	return b.unite(parts, nil, nil, s, op.Span)
}
