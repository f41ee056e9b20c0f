package kql

import (
	"slices"
	"strings"

	"gatehouse/internal/query/kql/syntax"
	"gatehouse/internal/query/kql/table"
)

// oldExpandRows is how many rows mvexpand, the older form, makes of one.
const oldExpandRows = 128

// expand is mv-expand: a row for each element of arrays and bags.
func (b *binder) expand(rel relation, op *syntax.MvExpand, s *scope) relation {
	out, _ := b.expanded(rel, op, s)
	return out
}

// expanded also gives the column with the position in the list.
func (b *binder) expanded(rel relation, op *syntax.MvExpand, s *scope) (out relation, index int) {
	c := b.row(rel, s)
	low := &expand{Input: rel, Index: b.id()}
	high := &project{Input: low, Columns: slices.Clone(rel.columns())}
	elements := "elements"
	for _, o := range op.Options {
		word := ""
		if n, ok := o.Value.(*syntax.Name); ok {
			word = n.Name
		}
		switch {
		case o.Name == "with_itemindex":
			k := b.column(word, table.Long)
			high.Columns = append(high.Columns, k)
			high.Assign = append(high.Assign, assignment{k.ID, &reference{Type: table.Long, ID: low.Index}})
		case (o.Name == "kind" || o.Name == "bagexpansion") && word == "array":
			elements = "elements of array"
		}
	}
	for _, e := range op.Columns {
		name := b.nameOf(e.X)
		if len(e.Names) > 0 {
			name = e.Names[0]
		}
		if name == "" {
			name = (&shaper{columns: high.Columns}).unique("Column1")
		}
		id := b.id()
		low.Lists = append(low.Lists, assignment{id, call(table.Unknown, elements, b.convert(b.scalar(e.X, c), table.Dynamic))})
		var x expression = &reference{Type: table.Dynamic, ID: id}
		if e.To != table.Unknown {
			x = b.convert(x, e.To)
		}
		k := b.column(name, x.kind())
		high.Assign = append(high.Assign, assignment{k.ID, x})
		if i := slices.Index(names(high.Columns), name); i >= 0 {
			high.Columns[i] = k
		} else {
			high.Columns = append(high.Columns, k)
		}
	}
	if op.Limit != nil {
		low.Limit = b.number(op.Limit, &rowContext{scope: s})
	} else if op.Deprecated {
		low.Limit = oldExpandRows
	}
	low.Columns = rel.columns()
	return high, low.Index
}

// numbers is range.
func (b *binder) numbers(op *syntax.Range, s *scope) relation {
	c := &rowContext{scope: s}
	from, to, step := b.scalar(op.From, c), b.scalar(op.To, c), b.scalar(op.Step, c)
	t := from.kind()
	switch t {
	case table.Datetime:
		to, step = b.convert(to, t), b.convert(step, table.Timespan)
	case table.Timespan:
		to, step = b.convert(to, t), b.convert(step, t)
	default:
		t = widest(widest(from.kind(), to.kind()), step.kind())
		if t == table.Int {
			t = table.Long
		}
		from, to, step = b.convert(from, t), b.convert(to, t), b.convert(step, t)
	}
	if n, ok := b.value(step, op.Step.Position()).(int64); ok && n == 0 {
		b.fail(op.Step.Position(), codeArguments, "", "the step of range cannot be zero")
	}
	return &numbers{Column: b.column(op.Name, t), From: from, To: to, Step: step}
}

func (b *binder) print(op *syntax.Print, s *scope) relation {
	c := &rowContext{scope: s}
	p := &shaper{b: b}
	for i, n := range op.Columns {
		name := b.nameOf(n.X)
		if len(n.Names) > 0 {
			name = n.Names[0]
		}
		if _, ok := n.X.(*syntax.Name); name == "" || ok && len(n.Names) == 0 {
			name = "print_" + string(rune('0'+i%10))
		}
		p.add(name, b.scalar(n.X, c))
	}
	return &project{Input: b.single(), Assign: p.assign, Columns: p.columns}
}

// search keeps rows of which any text has the term.
func (b *binder) search(rel relation, op *syntax.Search, s *scope) relation {
	if rel == nil {
		tables := op.Tables
		if len(tables) == 0 {
			tables = []syntax.Expr{&syntax.Star{Span: op.Span}}
		}
		source := []syntax.Option{{Name: "withsource", Value: &syntax.Name{Name: "$table"}}}
		rel = b.unite(nil, tables, source, s, op.Span)
	}
	x := b.searched(op.Predicate, b.row(rel, s))
	b.bound(rel, x)
	return &filter{Input: rel, X: x}
}

// searched is a predicate in which a text alone means any column.
func (b *binder) searched(x syntax.Expr, c *rowContext) expression {
	switch x := x.(type) {
	case *syntax.Literal:
		if word, ok := x.Value.(string); ok {
			return b.anyColumn(word, c)
		}
	case *syntax.Star:
		return boolean(true)
	case *syntax.Binary:
		if x.Op == "and" || x.Op == "or" {
			return call(table.Bool, x.Op, b.searched(x.L, c), b.searched(x.R, c))
		}
	}
	return b.convert(b.scalar(x, c), table.Bool)
}

// betweenColumns stands between the texts of columns: no term goes across it.
const betweenColumns = "\x1f"

// anyColumn tests all columns of text at once, as one text: a condition for each
// would take seconds to plan over all tables.
func (b *binder) anyColumn(word string, c *rowContext) expression {
	if word == "" || word == "*" {
		return boolean(true)
	}
	return b.anyText(word, termPattern(word, false, true, true), c)
}

func (b *binder) anyText(word, pattern string, c *rowContext) expression {
	texts := []expression{text(betweenColumns)}
	for _, k := range c.columns {
		if k.Type == table.String && k.Name != "$table" || k.Type == table.Dynamic {
			texts = append(texts, b.convert(ref(k), table.String))
		}
	}
	if len(texts) == 1 || strings.Contains(word, betweenColumns) {
		return boolean(false)
	}
	return call(table.Bool, "term alone", call(table.String, "delimit", texts...), text(pattern))
}

// anyColumnIs is * has "x": any column of text fulfils the condition.
func (b *binder) anyColumnIs(x *syntax.Binary, c *rowContext) expression {
	if k, ok := x.R.(*syntax.Literal); ok {
		word, _ := k.Value.(string)
		term := strings.HasPrefix(x.Op, "has")
		switch x.Op {
		case "has", "has_cs", "contains", "contains_cs":
			if word != "" {
				return b.anyText(word, termPattern(word, strings.HasSuffix(x.Op, "_cs"), term, term), c)
			}
		}
	}
	var any expression = boolean(false)
	for _, k := range c.columns {
		if k.Type != table.String && k.Type != table.Dynamic || k.Name == "$table" {
			continue
		}
		one := *x
		one.L = &syntax.Name{Span: x.L.Position(), Name: k.Name}
		any = call(table.Bool, "or", any, b.convert(b.binary(&one, c), table.Bool))
	}
	return any
}
