package kql

import (
	"slices"

	"gatehouse/internal/query/kql/syntax"
	"gatehouse/internal/query/kql/table"
)

// find is a union of the rows that a predicate finds in each table. A table
// without any of the predicate's columns is left out; in others the columns that
// they lack are null.
func (b *binder) find(op *syntax.Find, s *scope) relation {
	tables := op.Tables
	if len(tables) == 0 {
		tables = []syntax.Expr{&syntax.Star{Span: op.Span}}
	}
	var parts []relation
	var labels []string
	for _, t := range tables {
		found, named := b.unionTables(t, s, false)
		parts, labels = append(parts, found...), append(labels, named...)
	}
	named := b.namedColumns(op.Predicate, parts)
	var kept []relation
	var sources []string
	for i, p := range parts {
		if len(named) == 0 || slices.ContainsFunc(p.columns(), func(c column) bool { return slices.Contains(names(named), c.Name) }) {
			kept, sources = append(kept, p), append(sources, labels[i])
		}
	}
	if len(kept) == 0 {
		b.fail(op.Predicate.Position(), codeName, "", "no table has a column of this predicate")
	}
	show := b.findShape(op, named, kept)
	for i, p := range kept {
		p = b.withColumns(p, named)
		c := b.row(p, s)
		x := b.searched(op.Predicate, c)
		b.bound(p, x)
		kept[i] = b.findShown(&filter{Input: p, X: x}, show, sources[i])
	}
	return b.unite(kept, nil, nil, s, op.Span)
}

// namedColumns are the columns of any table that an expression names.
func (b *binder) namedColumns(x syntax.Expr, parts []relation) (list []column) {
	for _, n := range namesIn(x) {
		for _, p := range parts {
			if k, ok := (&rowContext{columns: p.columns()}).column(n); ok && !slices.Contains(names(list), n) {
				list = append(list, k)
			}
		}
	}
	return list
}

// namesIn are the names that an expression reads.
func namesIn(x syntax.Expr) (list []string) {
	add := func(more ...syntax.Expr) {
		for _, e := range more {
			list = append(list, namesIn(e)...)
		}
	}
	switch x := x.(type) {
	case *syntax.Name:
		return []string{x.Name}
	case *syntax.Unary:
		add(x.X)
	case *syntax.Binary:
		add(x.L, x.R)
	case *syntax.In:
		add(x.X)
		add(x.List...)
	case *syntax.Between:
		add(x.X, x.Low, x.High)
	case *syntax.Path:
		add(x.X)
	case *syntax.Index:
		add(x.X, x.Key)
	case *syntax.Call:
		for _, a := range x.Arguments {
			add(a.Value)
		}
	}
	return list
}

// withColumns gives rows the columns that they lack, as null.
func (b *binder) withColumns(p relation, named []column) relation {
	out := &project{Input: p, Columns: slices.Clone(p.columns())}
	for _, c := range named {
		if !slices.Contains(names(out.Columns), c.Name) {
			k := b.column(c.Name, c.Type)
			out.Columns = append(out.Columns, k)
			out.Assign = append(out.Assign, assignment{k.ID, null(c.Type)})
		}
	}
	if len(out.Assign) == 0 {
		return p
	}
	return out
}

// findShape is what find shows of each row.
type findShape struct {
	source string
	shown  []column // ID 0; Type Unknown: that of the table
	pack   string   // name of the bag with the others, "": none
	all    bool     // the bag has those that are shown too
}

func (b *binder) findShape(op *syntax.Find, named []column, parts []relation) findShape {
	show := findShape{source: "source_"}
	for _, o := range op.Options {
		if n, ok := o.Value.(*syntax.Name); ok && (o.Name == "withsource" || o.Name == "with_source") {
			show.source = n.Name
		}
	}
	for i, n := range op.Project {
		if k, ok := n.X.(*syntax.Name); ok {
			show.shown = append(show.shown, column{Name: k.Name, Type: op.Types[i]})
			continue
		}
		show.pack, show.all = "pack_", true
	}
	if len(op.Project) > 0 {
		return show
	}
	show.pack = "pack_"
	for _, c := range named {
		show.shown = append(show.shown, column{Name: c.Name})
	}
	for _, c := range parts[0].columns() {
		if inAll(parts, c) && !slices.Contains(names(show.shown), c.Name) {
			show.shown = append(show.shown, column{Name: c.Name})
		}
	}
	return show
}

// findShown gives a row of find: its table, the columns that are shown, and the bag.
func (b *binder) findShown(rel relation, show findShape, label string) relation {
	c := &rowContext{columns: rel.columns()}
	p := &shaper{b: b}
	p.add(show.source, text(label))
	for _, k := range show.shown {
		have, ok := c.column(k.Name)
		switch {
		case ok && (k.Type == table.Unknown || k.Type == have.Type):
			p.add(k.Name, ref(have))
		case ok:
			p.add(k.Name, b.convert(ref(have), k.Type))
		case k.Type != table.Unknown:
			p.add(k.Name, null(k.Type))
		}
	}
	if show.pack != "" {
		var bag []expression
		for _, k := range rel.columns() {
			if show.all || !slices.Contains(names(show.shown), k.Name) {
				bag = append(bag, text(k.Name), b.convert(ref(k), table.Dynamic))
			}
		}
		p.add(show.pack, call(table.Dynamic, "pack filled", bag...))
	}
	return &project{Input: rel, Assign: p.assign, Columns: p.columns}
}
