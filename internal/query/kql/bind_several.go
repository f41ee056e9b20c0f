package kql

import (
	"slices"

	"gatehouse/internal/query/kql/syntax"
	"gatehouse/internal/query/kql/table"
)

// result is one of the tables that a query gives.
type result struct {
	name string
	rel  relation
}

// fork gives a table for each of its sub-queries.
func (b *binder) fork(rel relation, op *syntax.Fork, s *scope) relation {
	for _, branch := range op.Branches {
		part := b.steps(b.renumber(rel), branch.Body, s)
		b.several = append(b.several, result{branch.Name, b.finish(part)})
	}
	return b.several[len(b.several)-1].rel
}

// facet gives a table of each column's values and how many rows have them, and
// behind them that of its sub-query.
func (b *binder) facet(rel relation, op *syntax.Facet, s *scope) relation {
	for _, x := range op.By {
		in := b.renumber(rel)
		count := syntax.Named{X: &syntax.Call{Name: "count"}}
		part := b.summarize(in, &syntax.Summarize{Aggregates: []syntax.Named{count}, By: []syntax.Named{{X: x}}}, s)
		b.several = append(b.several, result{"", b.finish(part)})
	}
	if op.With != nil {
		b.several = append(b.several, result{"", b.finish(b.steps(b.renumber(rel), op.With, s))})
	}
	return b.several[len(b.several)-1].rel
}

// topHitters gives the values that most rows have, or most of a weight. It is
// exact here.
func (b *binder) topHitters(rel relation, op *syntax.TopHitters, s *scope) relation {
	c := b.row(rel, s)
	p := &shaper{b: b}
	name := givenName(op.Of, b.nameOf(op.Of.X))
	p.add(name, b.scalar(op.Of.X, c))
	keys := p.assign
	p.assign = nil
	if op.Weight == nil {
		p.add("approximate_count_"+name, &aggregated{Type: table.Long, Op: "count()"})
	} else {
		inner := *c
		inner.aggregates = true
		p.add("approximate_sum_"+b.nameOf(op.Weight), b.scalar(&syntax.Call{Span: op.Weight.Position(), Name: "sum", Arguments: []syntax.Argument{{Value: op.Weight}}}, &inner))
	}
	groups := b.perPart(&aggregate{Input: rel, Keys: keys, Values: p.assign, Columns: p.columns})
	return b.head(&sorted{Input: groups, Keys: []orderKey{{ID: p.columns[1].ID, Descending: true}, {ID: p.columns[0].ID}}}, b.rowCount(op.Count, s))
}

// assertSchema refuses rows that do not have the columns which the query says.
func (b *binder) assertSchema(rel relation, op *syntax.AssertSchema) relation {
	have := rel.columns()
	if !op.Open && len(have) != len(op.Columns) {
		b.fail(op.Span, codeTypes, "see getschema", "the rows have %d columns, not %d", len(have), len(op.Columns))
	}
	for _, p := range op.Columns {
		i := slices.Index(names(have), p.Name)
		if i < 0 {
			b.fail(p.Span, codeName, didYouMean(p.Name, names(have)), "there is no column %q here", p.Name)
		}
		if have[i].Type != p.Type {
			b.fail(p.Span, codeTypes, "", "the column %s is of the type %s", p.Name, have[i].Type)
		}
	}
	return rel
}
