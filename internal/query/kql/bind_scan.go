package kql

import (
	"context"
	"slices"

	"gatehouse/internal/query/kql/syntax"
	"gatehouse/internal/query/kql/table"
)

// scan goes over rows in their order and keeps for each of its steps the rows
// that the steps up to it took last. What a step says of the row alone the store
// computes before; what it says of the steps' rows is computed row by row.

// scanner is a bound scan.
type scanner struct {
	steps   []scanStep
	width   int   // columns that a step keeps: those of the source, then the declared ones
	source  int   // how many of them are of the source
	initial []any // of a step that keeps no row
	row     []any // the row that is looked at: source, parts, and what the store computed
	state   [][]any
	groups  int // columns behind those of the source that divide the rows

	sequences []*sequence // by step; nil: it keeps no row
	match     int64
	rows      [][]any
}

type scanStep struct {
	name      string
	output    string
	condition evaluator
	assign    []scanAssign
}

type scanAssign struct {
	at int // which declared column
	x  evaluator
}

// sequence is what is kept for a step: the rows of the steps up to it, nil where
// a step took none, and the number of the match.
type sequence struct {
	rows  [][]any
	match int64
	last  []any // not given yet: the step gives only its last row
}

func (b *binder) scanRows(rel relation, op *syntax.Scan, s *scope) relation {
	if len(op.Steps) == 0 {
		b.fail(op.Span, codeArguments, "scan with (step s: true;)", "scan needs a step")
	}
	rel, groups := b.scanOrder(rel, op, s)
	m := &scanner{source: len(rel.columns())}
	columns := slices.Clone(rel.columns())
	for _, d := range op.Declared {
		if slices.Contains(names(columns), d.Name) {
			b.fail(d.Span, codeUse, "give it another name", "there is a column %q already", d.Name)
		}
		columns = append(columns, b.column(d.Name, d.Type))
	}
	m.width = len(columns)
	m.initial = b.scanInitial(op, columns)
	low := b.scanSteps(m, op, rel, columns, groups, s)
	out, err := m.run(b.ctx, b.fetch(low), len(groups))
	b.check(err)
	return b.scanned(op, m, columns, groups, out)
}

// scanOrder gives the rows their order and tells which columns divide them.
func (b *binder) scanOrder(rel relation, op *syntax.Scan, s *scope) (relation, []column) {
	groups := b.carried()
	if len(op.OrderBy) > 0 {
		rel = b.sort(rel, op.OrderBy, s)
	}
	if rel.order() == nil {
		b.fail(op.Span, codeUse, "put sort by or serialize before it", "scan needs rows in an order")
	}
	order := rel.order()
	p := &project{Input: rel, Columns: rel.columns()}
	for _, n := range op.PartitionBy {
		x := b.scalar(n.X, b.row(rel, s))
		c := b.column("", x.kind())
		p.Assign = append(p.Assign, assignment{c.ID, x})
		groups = append(groups, c)
	}
	var keys []orderKey
	for _, g := range groups {
		keys = append(keys, orderKey{ID: g.ID})
	}
	if len(groups) == 0 {
		return rel, nil
	}
	return &sorted{Input: p, Keys: append(keys, order...)}, groups
}

// carried are the columns that a body's steps keep.
func (b *binder) carried() []column {
	if b.within == nil {
		return nil
	}
	return slices.Concat(b.within.By, b.within.Carry)
}

// scanInitial is what a step's columns are before it took a row.
func (b *binder) scanInitial(op *syntax.Scan, columns []column) (initial []any) {
	declared := len(columns) - len(op.Declared)
	for i, c := range columns {
		v := emptyOf(c.Type)
		if i >= declared && op.Declared[i-declared].Default != nil {
			d := op.Declared[i-declared].Default
			v = b.value(b.convert(b.scalar(d, &rowContext{}), c.Type), d.Position())
		}
		initial = append(initial, v)
	}
	return initial
}

// scanSteps binds the steps, and gives the relation that has what they read of
// a row alone.
func (b *binder) scanSteps(m *scanner, op *syntax.Scan, rel relation, columns, groups []column, s *scope) relation {
	w := &stepwise{b: b, slots: map[int]func() any{}}
	c := &rowContext{scope: s, rel: rel, columns: rel.columns(), elements: map[string]element{}}
	for i, step := range op.Steps {
		if _, known := c.elements[step.Name]; known {
			b.fail(step.Span, codeUse, "give it another name", "there is a step %q already", step.Name)
		}
		v := element{}
		for k, of := range columns {
			kept := b.column(of.Name, of.Type)
			w.slots[kept.ID] = func() any { return m.kept(i, k) }
			v.columns = append(v.columns, kept)
		}
		c.elements[step.Name] = v
	}
	for k, of := range columns[m.source:] {
		w.slots[of.ID] = func() any { return m.initial[m.source+k] }
		c.columns = append(c.columns[:len(c.columns):len(c.columns)], of)
	}
	w.row = &m.row
	w.first = m.source + len(groups)
	for _, step := range op.Steps {
		if step.Optional {
			b.fail(step.Span, codeMissing, "leave the word out", "this server has no optional steps of scan")
		}
		bound := scanStep{name: step.Name, output: step.Output}
		bound.condition = w.compile(b.convert(b.scalar(step.Condition, c), table.Bool), step.Condition.Position())
		for _, a := range step.Assign {
			bound.assign = append(bound.assign, b.scanAssign(w, op, a, columns, m.source, c))
		}
		m.steps = append(m.steps, bound)
	}
	low := &project{Input: rel, Assign: w.lifted, Columns: slices.Concat(rel.columns(), groups, w.columns)}
	return &sorted{Input: low, Keys: rel.order()}
}

func (b *binder) scanAssign(w *stepwise, op *syntax.Scan, a syntax.Named, columns []column, source int, c *rowContext) scanAssign {
	at := -1
	if len(a.Names) == 1 {
		at = slices.Index(names(columns[source:]), a.Names[0])
	}
	if at < 0 {
		b.fail(a.Span, codeName, "name it in declare (name:type)", "a step assigns the columns that scan declares")
	}
	x := b.convert(b.scalar(a.X, c), columns[source+at].Type)
	return scanAssign{source + at, w.compile(x, a.X.Position())}
}

// scanned is the relation of the rows that the steps gave.
func (b *binder) scanned(op *syntax.Scan, m *scanner, columns, groups []column, rows [][]any) relation {
	for _, o := range op.Options {
		t := map[string]table.Type{"with_match_id": table.Long, "with_step_name": table.String}[o.Name]
		if n, ok := o.Value.(*syntax.Name); ok && t != table.Unknown {
			at := map[table.Type]int{table.Long: 0, table.String: 1}[t]
			columns = append(columns, b.column(n.Name, t))
			for i, r := range rows {
				rows[i] = append(r[:len(r):len(r)], m.rows[i][m.width+len(groups)+at])
			}
		}
	}
	// The groups stand behind the columns that the query sees.
	all := slices.Concat(columns, groups)
	for i := range rows {
		rows[i] = append(rows[i], m.rows[i][m.width:m.width+len(groups)]...)
	}
	return &project{Input: b.memory(all, rows), Columns: columns}
}

// kept is a value that a step of the state keeps.
func (m *scanner) kept(step, column int) any {
	if step >= len(m.state) || m.state[step] == nil {
		return m.initial[column]
	}
	return m.state[step][column]
}

// run gives the rows of the steps, in the order in which they took them. Those in
// m.rows have the groups, the match and the step's name behind them.
func (m *scanner) run(ctx context.Context, rows [][]any, groups int) (out [][]any, err error) {
	m.groups = groups
	group := ""
	for i, row := range rows {
		if i%4096 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if g := cellsKey(row[m.source : m.source+groups]); i == 0 || g != group {
			m.end()
			m.sequences, m.match, group = make([]*sequence, len(m.steps)), 0, g
		}
		m.row = row
		for k := len(m.steps) - 1; k >= 0; k-- {
			m.ask(k)
		}
	}
	m.end()
	for _, r := range m.rows {
		out = append(out, slices.Clone(r[:m.width]))
	}
	return out, nil
}

// ask asks one step about the row: first whether it goes on from the step before
// it, then whether it stays. The first step begins a match when it keeps no row.
func (m *scanner) ask(k int) {
	if k > 0 && m.sequences[k-1] != nil {
		if taken, given := m.take(k, m.sequences[k-1]); taken != nil {
			m.flush(m.sequences[k])
			m.flush(m.sequences[k-1])
			m.sequences[k], m.sequences[k-1] = taken, nil
			m.give(k, given)
			return
		}
	}
	from := m.sequences[k]
	if from == nil {
		if k > 0 {
			return
		}
		from = &sequence{match: m.match}
	}
	if taken, given := m.take(k, from); taken != nil {
		if m.sequences[k] == nil {
			m.match++
		}
		m.sequences[k] = taken
		m.give(k, given)
	}
}

// flush gives the row that a step kept until now.
func (m *scanner) flush(q *sequence) {
	if q != nil && q.last != nil {
		m.rows, q.last = append(m.rows, q.last), nil
	}
}

func (m *scanner) end() {
	for _, q := range m.sequences {
		m.flush(q)
	}
}

// take asks whether a step takes the row, with the rows that a sequence keeps;
// if so it gives the sequence with the row as the step's, and the row for the result.
func (m *scanner) take(k int, from *sequence) (to *sequence, given []any) {
	m.state = from.rows
	step := m.steps[k]
	if step.condition() != true {
		return nil, nil
	}
	row := make([]any, m.width, m.width+m.groups+2)
	copy(row, m.initial)
	copy(row, m.row[:m.source])
	for _, a := range step.assign {
		row[a.at] = a.x()
	}
	to = &sequence{match: from.match, rows: make([][]any, k+1)}
	copy(to.rows, from.rows)
	to.rows[k] = row
	return to, append(append(row[:m.width:m.width], m.row[m.source:m.source+m.groups]...), from.match, step.name)
}

// give adds a row to the result, or keeps it until another may take its place.
func (m *scanner) give(k int, row []any) {
	switch m.steps[k].output {
	case "none":
	case "last":
		m.sequences[k].last = row
	default:
		m.rows = append(m.rows, row)
	}
}
