package kql

import (
	"gatehouse/internal/query/kql/syntax"
	"gatehouse/internal/query/kql/table"
	"slices"
)

func (b *binder) where(rel relation, predicate syntax.Expr, s *scope) relation {
	x := b.convert(b.scalar(predicate, b.row(rel, s)), table.Bool)
	b.bound(rel, x)
	rel, x = b.hoist(rel, x)
	return &filter{Input: rel, X: x}
}

// hoist computes windows before a step that cannot hold them.
func (b *binder) hoist(rel relation, x expression) (relation, expression) {
	windowed := false
	walk(x, func(e expression) bool {
		_, ok := e.(*window)
		windowed = windowed || ok
		return !ok
	})
	if !windowed {
		return rel, x
	}
	c := b.column("w", x.kind())
	return &project{Input: rel, Assign: []assignment{{c.ID, x}}, Columns: rel.columns()}, ref(c)
}

// bound finds the bounds of time in the conjuncts of a filter, and gives them to
// the tables below, which then read fewer files. The filter stays.
func (b *binder) bound(rel relation, x expression) {
	a, ok := x.(*apply)
	if !ok || len(a.Args) < 2 {
		return
	}
	if a.Op == "and" {
		b.bound(rel, a.Args[0])
		b.bound(rel, a.Args[1])
		return
	}
	column, op, value := a.Args[0], a.Op, a.Args[1]
	if _, ok := column.(*constant); ok {
		mirror := map[string]string{"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "=="}
		column, op, value = value, mirror[op], column
	}
	if inner, ok := column.(*apply); ok && inner.Op == "bin ticks" && (op == ">" || op == ">=") {
		column = inner.Args[0]
	}
	r, ok := column.(*reference)
	if !ok {
		return
	}
	if r.Type == table.String && op == "==" {
		if k, ok := value.(*constant); ok {
			traced(rel, r.ID, k.Value.(string))
		}
		return
	}
	if r.Type != table.Datetime || !isConstant(value) || op != "<" && op != "<=" && op != ">" && op != ">=" && op != "==" {
		return
	}
	k, ok := b.value(value, syntax.Span{}).(int64)
	if !ok {
		return
	}
	if op == ">" || op == ">=" || op == "==" {
		narrow(rel, r.ID, k, 0)
	}
	if op == "<" || op == "<=" || op == "==" {
		narrow(rel, r.ID, 0, k)
	}
}

// follow gives a column's scans below steps through which a filter may sink.
func follow(rel relation, id int, visit func(*scan, column)) {
	switch r := rel.(type) {
	case *filter:
		follow(r.Input, id, visit)
	case *sorted:
		follow(r.Input, id, visit)
	case *project:
		if slices.ContainsFunc(r.Assign, func(a assignment) bool { return looksAround(a.X) }) {
			return // fewer rows below would change what it counts
		}
		for _, a := range r.Assign {
			if a.ID == id {
				k, ok := a.X.(*reference)
				if !ok {
					return
				}
				id = k.ID
				break
			}
		}
		follow(r.Input, id, visit)
	case *union:
		for i, c := range r.Columns {
			if c.ID != id {
				continue
			}
			for _, u := range r.Branches {
				if k, ok := u.Source[i].(*reference); ok {
					follow(u.Input, k.ID, visit)
				}
			}
		}
	case *scan:
		for _, c := range r.Columns {
			if c.ID == id {
				visit(r, c)
			}
		}
	}
}

// looksAround says whether a value depends on other rows than its own.
func looksAround(x expression) bool {
	switch x := x.(type) {
	case *window:
		return true
	case *apply:
		return slices.ContainsFunc(x.Args, looksAround)
	}
	return false
}

func narrow(rel relation, id int, low, high int64) {
	follow(rel, id, func(s *scan, c column) {
		if c.Name != s.Table.Time {
			return
		}
		if low != 0 {
			s.Low = max(s.Low, low)
		}
		if high != 0 && (s.High == 0 || high < s.High) {
			s.High = high
		}
	})
}

func traced(rel relation, id int, trace string) {
	follow(rel, id, func(s *scan, c column) {
		if (c.Name == "operation_Id" || c.Name == "OperationId") && trace != "" {
			s.TraceID = trace
		}
	})
}

func (b *binder) sort(rel relation, by []syntax.Ordered, s *scope) relation {
	c := b.row(rel, s)
	p := &project{Input: rel, Columns: rel.columns()}
	var keys []orderKey
	for _, o := range by {
		x := b.scalar(o.X, c)
		id := b.id()
		if r, ok := x.(*reference); ok && r.Type != table.Dynamic {
			id = r.ID
		} else {
			if x.kind() == table.Dynamic {
				x = b.convert(x, table.String)
			}
			p.Assign = append(p.Assign, assignment{id, x})
		}
		keys = append(keys, orderKey{ID: id, Descending: !o.Asc, NullsFirst: o.Nulls == "first" || o.Nulls == "" && o.Asc})
	}
	if len(p.Assign) == 0 {
		return &sorted{Input: rel, Keys: keys}
	}
	return &sorted{Input: p, Keys: keys}
}

// serialize keeps the order of rows that have one, and gives one to others.
func (b *binder) serialize(rel relation, op *syntax.Serialize, s *scope) relation {
	if rel.order() == nil {
		n := b.id()
		p := &project{Input: rel, Columns: rel.columns(), Assign: []assignment{{n, &window{Type: table.Long, Op: "position"}}}}
		rel = &sorted{Input: p, Keys: []orderKey{{ID: n}}}
	}
	if len(op.Columns) == 0 {
		return rel
	}
	return b.extend(rel, op.Columns, s)
}
