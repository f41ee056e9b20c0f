package kql

import (
	"slices"

	"gatehouse/internal/query/kql/syntax"
	"gatehouse/internal/query/kql/table"
)

// graph is what make-graph gives: no rows, but the edges and nodes from which
// graph-match and graph-to-table make rows.
type graph struct {
	edges, nodes   relation
	source, target column // of the edges, as texts
	key            column // of the nodes, as text
}

func (g *graph) columns() []column { return nil }
func (g *graph) order() []orderKey { return nil }

func (b *binder) makeGraph(rel relation, op *syntax.MakeGraph, s *scope) relation {
	g := &graph{}
	keyed := func(rel relation, x syntax.Expr) (relation, column) {
		k := b.column("key", table.String)
		v := b.scalar(x, b.row(rel, s))
		return &project{Input: rel, Columns: rel.columns(), Assign: []assignment{{k.ID, b.convert(v, table.String)}}}, k
	}
	g.edges, g.source = keyed(rel, op.Source)
	g.edges, g.target = keyed(g.edges, op.Target)
	switch len(op.Nodes) {
	case 0:
		return b.nodesOfEdges(g, op.NodeID)
	case 1:
		g.nodes, g.key = keyed(b.relation(op.Nodes[0].Table, s), op.Nodes[0].Key)
		return g
	}
	parts := []relation{}
	for _, n := range op.Nodes {
		part, k := keyed(b.relation(n.Table, s), n.Key)
		p := &project{Input: part, Columns: append(slices.Clone(part.columns()), column{Name: " key", Type: table.String, ID: k.ID})}
		parts = append(parts, p)
	}
	all := b.unite(parts, nil, nil, s, op.Span)
	columns := all.columns()
	at := slices.Index(names(columns), " key")
	g.key = columns[at]
	g.nodes = &project{Input: all, Columns: slices.Delete(slices.Clone(columns), at, at+1)}
	return g
}

// nodesOfEdges makes nodes of what the edges join.
func (b *binder) nodesOfEdges(g *graph, name string) relation {
	u := &union{Columns: []column{b.column(name, table.String)}}
	for _, k := range []column{g.source, g.target} {
		u.Branches = append(u.Branches, unionBranch{Input: separate(g.edges), Source: []expression{ref(k)}})
	}
	g.key = b.column(name, table.String)
	distinct := &aggregate{Input: u, Keys: []assignment{{g.key.ID, ref(u.Columns[0])}}, Columns: []column{g.key}}
	g.nodes = distinct
	if name == "" {
		g.nodes = &project{Input: distinct}
	}
	return g
}

// ofGraph is the graph that an operator works on.
func (b *binder) ofGraph(rel relation, at syntax.Span) *graph {
	g, ok := rel.(*graph)
	if !ok {
		b.fail(at, codeUse, "put make-graph before it", "this operator works on a graph")
	}
	return g
}

// graphToTable gives the nodes or the edges of a graph as rows.
func (b *binder) graphToTable(rel relation, op *syntax.GraphToTable) relation {
	g := b.ofGraph(rel, op.Span)
	if op.Edges {
		return g.edges
	}
	return g.nodes
}

// properties of nodes or edges in memory.
type properties struct {
	columns []column
	keys    [][]any // of edges source and target, of nodes the key
	rows    [][]any
}

// load runs a side of the graph; keys stand before the properties, and what more
// is asked of each of its rows behind them.
func (b *binder) load(rel relation, more []expression, keys ...column) *properties {
	p := &properties{columns: rel.columns()}
	low := &project{Input: rel, Columns: append(slices.Clone(keys), p.columns...)}
	for _, x := range more {
		k := b.column("", x.kind())
		low.Assign, low.Columns = append(low.Assign, assignment{k.ID, x}), append(low.Columns, k)
	}
	for _, r := range b.fetch(low) {
		p.keys = append(p.keys, r[:len(keys)])
		p.rows = append(p.rows, r[len(keys):])
	}
	return p
}

// graphMatch finds the places of a graph where patterns fit, and gives a row for
// each. Conditions on one node are asked first, by the store; the search goes
// from node to node in memory; what is left of the condition is asked of its rows.
func (b *binder) graphMatch(rel relation, op *syntax.GraphMatch, s *scope) relation {
	g := b.ofGraph(rel, op.Span)
	m := b.matcher(op)
	if op.Where != nil {
		b.pathCalls(m, g, op.Where, s)
	}
	for _, n := range op.Project {
		b.pathCalls(m, g, n.X, s)
	}
	rest := b.edgeConditions(m, g, conjuncts(op.Where), s)
	b.loadGraph(m, g)
	rest = b.nodeConditions(g, m, rest, s)
	if op.Shortest {
		b.shortest(m, op, rest)
	} else {
		b.check(m.run(b.ctx))
	}
	found, vars := b.matchRows(m, op, s)
	c := &rowContext{scope: s, rel: found, columns: nil, elements: vars}
	for _, x := range rest {
		found = &filter{Input: found, X: b.convert(b.scalar(x, c), table.Bool)}
	}
	if len(op.Project) == 0 {
		return b.matchAll(found, vars, m)
	}
	p := &shaper{b: b}
	for _, n := range op.Project {
		b.place(p, n, c)
	}
	return &project{Input: found, Assign: p.assign, Columns: p.columns}
}

func conjuncts(x syntax.Expr) []syntax.Expr {
	if x == nil {
		return nil
	}
	if a, ok := x.(*syntax.Binary); ok && a.Op == "and" {
		return append(conjuncts(a.L), conjuncts(a.R)...)
	}
	return []syntax.Expr{x}
}

// nodeConditions asks the store which nodes a variable may be, and gives the
// conditions that are about more than one node.
func (b *binder) nodeConditions(g *graph, m *matcher, all []syntax.Expr, s *scope) (rest []syntax.Expr) {
	of := map[string][]syntax.Expr{}
	for _, x := range all {
		name, one := "", true
		for _, n := range namesIn(x) {
			if at, ok := m.variables[n]; ok {
				one = one && !m.elements[at].edge && (name == "" || name == n)
				name = n
			}
		}
		if one && name != "" && onlyMembers(x, name) {
			of[name] = append(of[name], x)
		} else {
			rest = append(rest, x)
		}
	}
	for name, list := range of {
		nodes := b.renumber(&project{Input: separate(g.nodes), Columns: append(slices.Clone(g.nodes.columns()), g.key)})
		columns := nodes.columns()
		key := columns[len(columns)-1]
		c := &rowContext{scope: s, rel: nodes, elements: map[string]element{name: {columns: columns[:len(columns)-1]}}}
		for _, x := range list {
			nodes = &filter{Input: nodes, X: b.convert(b.scalar(x, c), table.Bool)}
		}
		k := b.column("key", table.String)
		rows := b.fetch(&aggregate{Input: nodes, Keys: []assignment{{k.ID, ref(key)}}, Columns: []column{k}})
		m.restrict(name, rows)
	}
	return rest
}

// onlyMembers tells whether a variable stands before a point everywhere.
func onlyMembers(x syntax.Expr, name string) bool {
	switch x := x.(type) {
	case *syntax.Name:
		return x.Name != name
	case *syntax.Path:
		if n, ok := x.X.(*syntax.Name); ok && n.Name == name {
			return true
		}
		return onlyMembers(x.X, name)
	case *syntax.Unary:
		return onlyMembers(x.X, name)
	case *syntax.Binary:
		return onlyMembers(x.L, name) && onlyMembers(x.R, name)
	case *syntax.In:
		for _, e := range x.List {
			if !onlyMembers(e, name) {
				return false
			}
		}
		return onlyMembers(x.X, name)
	case *syntax.Between:
		return onlyMembers(x.X, name) && onlyMembers(x.Low, name) && onlyMembers(x.High, name)
	case *syntax.Index:
		return onlyMembers(x.X, name) && onlyMembers(x.Key, name)
	case *syntax.Call:
		for _, a := range x.Arguments {
			if !onlyMembers(a.Value, name) {
				return false
			}
		}
	}
	return true
}
