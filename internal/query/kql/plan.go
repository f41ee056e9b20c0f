package kql

import (
	"gatehouse/internal/query/kql/table"
)

// A plan is a tree of relations with typed expressions. It knows no SQL: a
// dialect prints it. Columns have numbers that are unique in a query, so that
// names, which a query may choose and reuse, never reach the printer.

// column is a column of a relation.
type column struct {
	Name string
	Type table.Type
	ID   int
}

// relation is a step of a plan.
type relation interface {
	columns() []column // those a query sees, in order
	order() []orderKey // by which its rows are ordered; nil: not ordered
}

// orderKey orders by a column, which may be one that a query does not see.
type orderKey struct {
	ID         int
	Descending bool
	NullsFirst bool
}

// assignment computes a column.
type assignment struct {
	ID int
	X  expression
}

type (
	// scan reads a table of package table.
	scan struct {
		Table      *table.Table
		Columns    []column
		Members    map[member]int // members of dynamic columns that are read as columns of their own
		Workspaces []string
		Low, High  int64 // ticks, both inclusive; 0: no bound
		TraceID    string
		Asked      bool // the query itself bounds its time
	}
	// values are rows in memory.
	values struct {
		Columns []column
		Rows    [][]any
		Ordinal int // column with the position of the row
	}
	// filter keeps rows.
	filter struct {
		Input relation
		X     expression
	}
	// project computes columns and chooses which are seen; all others stay below.
	project struct {
		Input   relation
		Assign  []assignment
		Columns []column
	}
	// sorted orders rows by computed columns.
	sorted struct {
		Input relation
		Keys  []orderKey
	}
	// limit keeps the first rows.
	limit struct {
		Input relation
		Count int64
	}
	// aggregate groups rows. Without keys it has one row; without aggregates it
	// gives the distinct keys.
	aggregate struct {
		Input   relation
		Keys    []assignment
		Values  []assignment
		Columns []column
	}
	// join pairs rows. Equal[i] are a column of the left and one of the right.
	join struct {
		Kind        string
		Left, Right relation
		Equal       [][2]expression
		Within      []int // of innerunique: the left side's keys count in each part by itself
		NullsEqual  bool  // null pairs with null
		Columns     []column
	}
	// union unites rows; each branch gives each column a source, 0 is none.
	union struct {
		Branches []unionBranch
		Columns  []column
	}
	// expand makes a row for each element of lists.
	expand struct {
		Input   relation
		Lists   []assignment // lists of JSON values
		Index   int          // column with the position in the list
		Limit   int64
		Columns []column
	}
	// shared is a relation that is computed once.
	shared struct {
		ID    int
		Input relation
	}
	// numbers is range.
	numbers struct {
		Column         column
		From, To, Step expression
	}
)

type member struct {
	Column int
	Name   string
}

type unionBranch struct {
	Input  relation
	Source []expression // by position in Columns; nil: absent
}

func (r *scan) columns() []column      { return r.Columns }
func (r *values) columns() []column    { return r.Columns }
func (r *filter) columns() []column    { return r.Input.columns() }
func (r *project) columns() []column   { return r.Columns }
func (r *sorted) columns() []column    { return r.Input.columns() }
func (r *limit) columns() []column     { return r.Input.columns() }
func (r *aggregate) columns() []column { return r.Columns }
func (r *join) columns() []column      { return r.Columns }
func (r *union) columns() []column     { return r.Columns }
func (r *expand) columns() []column    { return r.Columns }
func (r *shared) columns() []column    { return r.Input.columns() }
func (r *numbers) columns() []column   { return []column{r.Column} }

func (r *scan) order() []orderKey      { return nil }
func (r *values) order() []orderKey    { return []orderKey{{ID: r.Ordinal}} }
func (r *filter) order() []orderKey    { return r.Input.order() }
func (r *project) order() []orderKey   { return r.Input.order() }
func (r *sorted) order() []orderKey    { return r.Keys }
func (r *limit) order() []orderKey     { return r.Input.order() }
func (r *aggregate) order() []orderKey { return nil }
func (r *join) order() []orderKey      { return nil }
func (r *union) order() []orderKey     { return nil }
func (r *expand) order() []orderKey {
	if in := r.Input.order(); in != nil {
		return append(append([]orderKey{}, in...), orderKey{ID: r.Index})
	}
	return nil
}
func (r *shared) order() []orderKey  { return r.Input.order() }
func (r *numbers) order() []orderKey { return []orderKey{{ID: r.Column.ID}} }

// expression is a typed scalar.
type expression interface{ kind() table.Type }

type (
	// constant is a value as in ResultTable.
	constant struct {
		Type  table.Type
		Value any
	}
	// reference is a column's value.
	reference struct {
		Type table.Type
		ID   int
	}
	// apply is an operation on arguments; the dialect knows it by its name.
	apply struct {
		Type table.Type
		Op   string
		Args []expression
	}
	// aggregated is an aggregate function over a group.
	aggregated struct {
		Type  table.Type
		Op    string
		Args  []expression
		Order []orderKey // of lists
	}
	// window is a function over the rows in their order.
	window struct {
		Type  table.Type
		Op    string
		Args  []expression
		Order []orderKey
		By    []int // partition
		Whole bool  // the frame is from the first row to this one
	}
	// scalarQuery is the first value of a relation.
	scalarQuery struct {
		Type  table.Type
		Input relation
	}
	// inQuery tests whether a value is in the first column of a relation.
	inQuery struct {
		X     expression
		Input relation
		Not   bool
	}
)

func (x *constant) kind() table.Type    { return x.Type }
func (x *reference) kind() table.Type   { return x.Type }
func (x *apply) kind() table.Type       { return x.Type }
func (x *aggregated) kind() table.Type  { return x.Type }
func (x *window) kind() table.Type      { return x.Type }
func (x *scalarQuery) kind() table.Type { return x.Type }
func (x *inQuery) kind() table.Type     { return table.Bool }

// children of an expression.
func children(x expression) []expression {
	switch x := x.(type) {
	case *apply:
		return x.Args
	case *aggregated:
		return x.Args
	case *window:
		return x.Args
	case *inQuery:
		return []expression{x.X}
	}
	return nil
}

// walk visits an expression and what is in it until visit says no.
func walk(x expression, visit func(expression) bool) {
	if x == nil || !visit(x) {
		return
	}
	for _, c := range children(x) {
		walk(c, visit)
	}
}

// isConstant tells whether an expression reads no column.
func isConstant(x expression) bool {
	yes := true
	walk(x, func(e expression) bool {
		switch e.(type) {
		case *reference, *aggregated, *window:
			yes = false
		}
		return yes
	})
	return yes
}

func ref(c column) *reference { return &reference{Type: c.Type, ID: c.ID} }

func call(t table.Type, op string, args ...expression) *apply {
	return &apply{Type: t, Op: op, Args: args}
}

func long(n int64) *constant      { return &constant{Type: table.Long, Value: n} }
func text(s string) *constant     { return &constant{Type: table.String, Value: s} }
func boolean(b bool) *constant    { return &constant{Type: table.Bool, Value: b} }
func null(t table.Type) *constant { return &constant{Type: t, Value: emptyOf(t)} }
func emptyOf(t table.Type) (v any) {
	if t == table.String {
		v = ""
	}
	return v
}
