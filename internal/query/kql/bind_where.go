package kql

import (
	"math"
	"slices"

	"gatehouse/internal/query/kql/syntax"
	"gatehouse/internal/query/kql/table"
)

func (b *binder) where(rel relation, predicate syntax.Expr, s *scope) relation {
	x := b.bound(rel, b.convert(b.scalar(predicate, b.row(rel, s)), table.Bool))
	if x == nil {
		return rel
	}
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
// the tables below, which then read fewer files. What is left of the filter is
// returned, nil when the tables see to all of it.
func (b *binder) bound(rel relation, x expression) expression {
	a, ok := x.(*apply)
	if !ok || len(a.Args) < 2 {
		return x
	}
	if a.Op == "and" {
		left, right := b.bound(rel, a.Args[0]), b.bound(rel, a.Args[1])
		switch {
		case left == nil:
			return right
		case right == nil:
			return left
		}
		return call(a.Type, a.Op, left, right)
	}
	column, op, value := a.Args[0], a.Op, a.Args[1]
	if _, ok := column.(*constant); ok {
		mirror := map[string]string{"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "=="}
		column, op, value = value, mirror[op], column
	}
	exact := true
	if inner, ok := column.(*apply); ok && inner.Op == "bin ticks" && (op == ">" || op == ">=") {
		column, exact = inner.Args[0], false
	}
	r, ok := column.(*reference)
	if !ok {
		return x
	}
	if k, ok := value.(*constant); ok && r.Type == table.String && op == "==" {
		traced(rel, r.ID, k.Value.(string))
		return x
	}
	if r.Type != table.Datetime || !isConstant(value) {
		return x
	}
	if k, ok := b.value(value, syntax.Span{}).(int64); ok && bounded(rel, r.ID, op, k) && exact {
		return nil
	}
	return x
}

// bounded narrows the time of the tables below to what a comparison with a
// constant allows, and says whether all of them are bound by it.
func bounded(rel relation, id int, op string, k int64) bool {
	low, high := int64(0), int64(0)
	switch op {
	case ">":
		low = k + 1
	case ">=":
		low = k
	case "<":
		high = k - 1
	case "<=":
		high = k
	case "==":
		low, high = k, k
	}
	if low <= 0 && high <= 0 || k == math.MaxInt64 {
		return false
	}
	return narrow(rel, id, low, high)
}

// follow gives a column's scans below steps through which a filter may sink. It
// says whether all rows come from scans that visit took.
func follow(rel relation, id int, visit func(*scan, column) bool) bool {
	switch r := rel.(type) {
	case *filter:
		return follow(r.Input, id, visit)
	case *sorted:
		return follow(r.Input, id, visit)
	case *project:
		if slices.ContainsFunc(r.Assign, func(a assignment) bool { return looksAround(a.X) }) {
			return false // fewer rows below would change what it counts
		}
		for _, a := range r.Assign {
			if a.ID == id {
				k, ok := a.X.(*reference)
				if !ok {
					return false
				}
				id = k.ID
				break
			}
		}
		return follow(r.Input, id, visit)
	case *union:
		i := slices.IndexFunc(r.Columns, func(c column) bool { return c.ID == id })
		all := i >= 0
		for _, u := range r.Branches {
			if i < 0 {
				break
			}
			k, ok := u.Source[i].(*reference)
			all = ok && follow(u.Input, k.ID, visit) && all
		}
		return all
	case *scan:
		i := slices.IndexFunc(r.Columns, func(c column) bool { return c.ID == id })
		return i >= 0 && visit(r, r.Columns[i])
	}
	return false
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

func narrow(rel relation, id int, low, high int64) bool {
	return follow(rel, id, func(s *scan, c column) bool {
		if c.Name != s.Table.Time {
			return false
		}
		if low > 0 {
			s.Low = max(s.Low, low)
		}
		if high > 0 && (s.High == 0 || high < s.High) {
			s.High = high
		}
		return true
	})
}

func traced(rel relation, id int, trace string) {
	follow(rel, id, func(s *scan, c column) bool {
		if (c.Name == "operation_Id" || c.Name == "OperationId") && trace != "" {
			s.TraceID = trace
		}
		return false
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
