package kql

import (
	"context"
	"fmt"
	"math"
	"slices"

	"gatehouse/internal/query/kql/syntax"
	"gatehouse/internal/query/kql/table"
)

// Bounds of a query's plan.
const (
	maxStages = 100
	maxDepth  = 64      // of lets and functions in each other
	maxRows   = 1 << 20 // that a step in Go takes
	// maxStepBytes is the size of those rows.
	maxStepBytes = 256 << 20
)

// binder makes a plan of a query's tree: it resolves names and types. Steps
// that SQL cannot say are run while binding, and their rows become a relation.
type binder struct {
	ctx        context.Context
	engine     *Engine
	request    Request
	text       string
	next       int // number of the last column
	stages     int
	depth      int
	notes      []syntax.Error
	render     *Render
	several    []result    // tables that the query gives, when they are several
	outermost  syntax.Expr // the expression that a fork may stand in
	read       int64
	within     *division // the parts that a step works on one by one; nil: on all rows
	statements []string  // SQL that ran, for tests
}

// scope is the names that let statements and parameters bind.
type scope struct {
	parent *scope
	name   string
	value  syntax.Expr // bound in parent; nil: rel or x
	rel    relation
	x      expression
}

func (s *scope) find(name string) *scope {
	for ; s != nil; s = s.parent {
		if s.name == name {
			return s
		}
	}
	return nil
}

// fault carries an error through the recursion; query catches it.
type fault struct{ err error }

func (b *binder) fail(at syntax.Span, code, hint, format string, args ...any) {
	panic(fault{&QueryError{Errors: []syntax.Error{located(b.text, code, at, fmt.Sprintf(format, args...), hint)}}})
}

func (b *binder) check(err error) {
	if err != nil {
		panic(fault{err})
	}
}

func (b *binder) note(code string, at syntax.Span, message string) {
	for _, n := range b.notes {
		if n.Message == message {
			return
		}
	}
	b.notes = append(b.notes, located(b.text, code, at, message, ""))
}

func (b *binder) id() int { b.next++; return b.next }

func (b *binder) column(name string, t table.Type) column {
	return column{Name: name, Type: t, ID: b.id()}
}

// query binds a whole text.
func (b *binder) query(q *syntax.Query) (rel relation, err error) {
	defer func() {
		if p := recover(); p != nil {
			f, ok := p.(fault)
			if !ok {
				panic(p)
			}
			rel, err = nil, f.err
		}
	}()
	s, all := b.results(q.Statements)
	if len(all) == 0 {
		return nil, &QueryError{Errors: []syntax.Error{located(b.text, codeUse, syntax.Span{Start: len(b.text), End: len(b.text)}, "the query has no statement that gives a result", "end it with a table or a pipe")}}
	}
	for _, st := range all {
		if len(all) > 1 {
			forks := len(b.several)
			out := b.statement(st, s)
			if len(b.several) == forks {
				b.several = append(b.several, result{"", out})
			}
			rel = out
		}
	}
	if len(all) == 1 {
		rel = b.statement(all[0], s)
	}
	return rel, nil
}

// statement binds an expression that gives a result.
func (b *binder) statement(st *syntax.ExpressionStatement, s *scope) relation {
	b.outermost = st.X
	if b.isTable(st.X, s) {
		rel := b.finish(b.relation(st.X, s))
		if _, ok := rel.(*graph); ok {
			b.fail(st.X.Position(), codeUse, "put graph-match or graph-to-table behind it", "a graph has no rows to show")
		}
		return rel
	}
	x := b.scalar(st.X, &rowContext{scope: s})
	c := b.column("print_0", x.kind())
	return &project{Input: b.single(), Assign: []assignment{{c.ID, x}}, Columns: []column{c}}
}

// results gives the expressions of a text, at least one.
func (b *binder) results(list []syntax.Statement) (*scope, []*syntax.ExpressionStatement) {
	s, _ := b.lets(list, nil)
	var all []*syntax.ExpressionStatement
	for _, st := range list {
		if x, ok := st.(*syntax.ExpressionStatement); ok {
			all = append(all, x)
		}
	}
	return s, all
}

// finish gives a default range to the tables that have no bound on their time.
func (b *binder) finish(rel relation) relation {
	visitScans(rel, func(s *scan) {
		if s.Asked || s.Table.Time == "" {
			return
		}
		s.Asked = true
		switch {
		case !b.request.Start.IsZero() || !b.request.End.IsZero():
		case s.Low == 0 && s.High == 0 && s.TraceID == "":
			s.Low = ticks(b.request.Now.Add(-b.engine.o.DefaultRange))
			b.note(noteRange, syntax.Span{}, fmt.Sprintf("neither the query nor the request bounds the time of %s: the last %s are read. Add a filter such as where %s > ago(7d).", s.Table.Name, b.engine.o.DefaultRange, s.Table.Time))
		}
		if !b.request.Start.IsZero() {
			s.Low = max(s.Low, ticks(b.request.Start))
		}
		if !b.request.End.IsZero() && (s.High == 0 || s.High > ticks(b.request.End)) {
			s.High = ticks(b.request.End)
		}
	})
	return rel
}

func visitScans(rel relation, visit func(*scan)) {
	if s, ok := rel.(*scan); ok {
		visit(s)
	}
	for _, in := range inputs(rel) {
		visitScans(in, visit)
	}
	for _, x := range expressions(rel) {
		walk(x, func(e expression) bool {
			switch e := e.(type) {
			case *scalarQuery:
				visitScans(e.Input, visit)
			case *inQuery:
				visitScans(e.Input, visit)
			}
			return true
		})
	}
}

func inputs(rel relation) []relation {
	switch r := rel.(type) {
	case *filter:
		return []relation{r.Input}
	case *project:
		return []relation{r.Input}
	case *sorted:
		return []relation{r.Input}
	case *limit:
		return []relation{r.Input}
	case *aggregate:
		return []relation{r.Input}
	case *expand:
		return []relation{r.Input}
	case *shared:
		return []relation{r.Input}
	case *join:
		return []relation{r.Left, r.Right}
	case *union:
		var all []relation
		for _, u := range r.Branches {
			all = append(all, u.Input)
		}
		return all
	}
	return nil
}

func expressions(rel relation) (all []expression) {
	add := func(list []assignment) {
		for _, a := range list {
			all = append(all, a.X)
		}
	}
	switch r := rel.(type) {
	case *filter:
		all = append(all, r.X)
	case *project:
		add(r.Assign)
	case *aggregate:
		add(slices.Concat(r.Keys, r.Values))
	case *expand:
		add(r.Lists)
	case *numbers:
		all = append(all, r.From, r.To, r.Step)
	}
	return all
}

// lets adds the names that statements bind, and gives the last expression.
func (b *binder) lets(list []syntax.Statement, s *scope) (*scope, *syntax.ExpressionStatement) {
	var last *syntax.ExpressionStatement
	for _, st := range list {
		switch st := st.(type) {
		case *syntax.Let:
			s = &scope{parent: s, name: st.Name, value: st.Value}
		case *syntax.ExpressionStatement:
			last = st
		case *syntax.Declare:
			for _, p := range st.Parameters {
				if p.Default == nil {
					b.fail(p.Span, codeUse, "give it a default value", "the query parameter %s has no value", p.Name)
				}
				s = &scope{parent: s, name: p.Name, value: p.Default}
			}
		}
	}
	return s, last
}

// enter counts the depth of lets and functions.
func (b *binder) enter(at syntax.Span) func() {
	b.depth++
	if b.depth > maxDepth {
		b.fail(at, codeUse, "a function must not call itself", "lets and functions stand in each other more than %d deep", maxDepth)
	}
	return func() { b.depth-- }
}

// single is one row without columns.
func (b *binder) single() relation {
	return &values{Rows: [][]any{{}}, Ordinal: b.id()}
}

// value evaluates a constant expression.
func (b *binder) value(x expression, at syntax.Span) any {
	if c, ok := x.(*constant); ok {
		return c.Value
	}
	if !isConstant(x) {
		b.fail(at, codeUse, "", "a constant is needed here, not a column")
	}
	c := b.column("v", x.kind())
	rows, _, err := b.rows(b.finish(&project{Input: b.single(), Assign: []assignment{{c.ID, x}}, Columns: []column{c}}), 1, math.MaxInt64)
	b.check(err)
	if len(rows) == 0 {
		return nil
	}
	return rows[0][0]
}

// number evaluates a constant whole number.
func (b *binder) number(x syntax.Expr, c *rowContext) int64 {
	v := b.value(b.convert(b.scalar(x, c), table.Long), x.Position())
	n, ok := v.(int64)
	if !ok {
		b.fail(x.Position(), codeTypes, "", "a whole number is needed here")
	}
	return n
}

// fetch runs a plan for a step in Go.
func (b *binder) fetch(rel relation) [][]any {
	rows, partial, err := b.rows(b.finish(rel), maxRows, maxStepBytes)
	b.check(err)
	if partial != "" {
		b.check(&LimitError{Limit: "rows", Message: fmt.Sprintf("a step in the middle of the query has more than %d rows: filter or summarize before it", maxRows)})
	}
	return rows
}

// memory makes a relation of rows.
func (b *binder) memory(columns []column, rows [][]any) relation {
	return &values{Columns: columns, Rows: rows, Ordinal: b.id()}
}

func (b *binder) stage(at syntax.Span) {
	b.stages++
	if b.stages > maxStages*4 {
		b.check(&LimitError{Limit: "stages", Message: fmt.Sprintf("the query has more than %d stages when functions and lets are put in", maxStages*4)})
	}
	b.check(b.ctx.Err())
}
