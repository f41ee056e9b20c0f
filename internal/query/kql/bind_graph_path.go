package kql

import (
	"slices"

	"gatehouse/internal/query/kql/syntax"
	"gatehouse/internal/query/kql/table"
)

// pathCall is map, all or any over the edges of a path, or over the nodes within
// it; or node_degree_in, node_degree_out, node_id of a node. What is asked of each
// edge or node the store computes before the search.
type pathCall struct {
	call     *syntax.Call
	name     string
	element  int
	inner    bool       // over the nodes within a path
	x        expression // nil: of the node itself
	property int        // where x stands in the properties' rows
}

func (p *pathCall) kind() table.Type {
	switch p.name {
	case "map":
		return table.Dynamic
	case "all", "any":
		return table.Bool
	case "node_id":
		return table.String
	}
	return table.Long
}

// pathCalls binds the calls of an expression that are about paths and nodes.
func (b *binder) pathCalls(m *matcher, g *graph, x syntax.Expr, s *scope) {
	for _, call := range callsIn(x) {
		p := &pathCall{call: call, name: call.Name, element: -1}
		if len(call.Arguments) == 0 {
			continue
		}
		of := call.Arguments[0].Value
		if c, ok := of.(*syntax.Call); ok && c.Name == "inner_nodes" && len(c.Arguments) == 1 {
			p.inner, of = true, c.Arguments[0].Value
		}
		if n, ok := of.(*syntax.Name); ok {
			if at, known := m.variables[n.Name]; known {
				p.element = at
			}
		}
		if p.element < 0 || p.inner && !m.elements[p.element].edge {
			continue
		}
		switch edge := m.elements[p.element].edge; p.name {
		case "map", "all", "any":
			b.need(call, 2, 2)
			if !edge {
				b.fail(call.Span, codeUse, call.Name+"(e, ...) of an edge -[e*1..3]->", "%s is about the edges of a path", call.Name)
			}
			p.x = b.ofEach(g, p, call.Arguments[1].Value, s)
		case "node_degree_in", "node_degree_out", "node_id":
			if edge {
				b.fail(call.Span, codeUse, "", "%s is about a node", call.Name)
			}
		default:
			continue
		}
		m.calls = append(m.calls, p)
	}
}

// ofEach binds what is asked of each edge, or of each inner node.
func (b *binder) ofEach(g *graph, p *pathCall, x syntax.Expr, s *scope) expression {
	rel := g.edges
	if p.inner {
		rel = g.nodes
	}
	v := b.scalar(x, b.row(rel, s))
	if p.name != "map" {
		return b.convert(v, table.Bool)
	}
	return v
}

// callsIn are the calls of an expression, outermost first.
func callsIn(x syntax.Expr) (list []*syntax.Call) {
	switch x := x.(type) {
	case *syntax.Unary:
		return callsIn(x.X)
	case *syntax.Binary:
		return append(callsIn(x.L), callsIn(x.R)...)
	case *syntax.In:
		list = callsIn(x.X)
		for _, e := range x.List {
			list = append(list, callsIn(e)...)
		}
	case *syntax.Between:
		return slices.Concat(callsIn(x.X), callsIn(x.Low), callsIn(x.High))
	case *syntax.Path:
		return callsIn(x.X)
	case *syntax.Index:
		return append(callsIn(x.X), callsIn(x.Key)...)
	case *syntax.Call:
		list = append(list, x)
		for _, a := range x.Arguments {
			list = append(list, callsIn(a.Value)...)
		}
	}
	return list
}

// edgeConditions takes out the conditions that each edge of a path, or each node
// within it, must meet by itself, and the conditions on a single edge: the search
// then leaves other edges alone.
func (b *binder) edgeConditions(m *matcher, g *graph, all []syntax.Expr, s *scope) (rest []syntax.Expr) {
	for _, x := range all {
		if p := m.callOf(x); p != nil && p.name == "all" {
			m.edgeRules = append(m.edgeRules, p)
			continue
		}
		at := m.singleEdge(x)
		if at < 0 {
			rest = append(rest, x)
			continue
		}
		c := &rowContext{scope: s, rel: g.edges, elements: map[string]element{m.elements[at].name: {columns: g.edges.columns()}}}
		p := &pathCall{name: "all", element: at, x: b.convert(b.scalar(x, c), table.Bool)}
		m.calls, m.edgeRules = append(m.calls, p), append(m.edgeRules, p)
	}
	return rest
}

// callOf is the call that an expression is.
func (m *matcher) callOf(x syntax.Expr) *pathCall {
	call, ok := x.(*syntax.Call)
	if !ok {
		return nil
	}
	return m.known(call)
}

func (m *matcher) known(call *syntax.Call) *pathCall {
	for _, p := range m.calls {
		if p.call == call {
			return p
		}
	}
	return nil
}

// singleEdge is the edge of one step that a condition is about alone, or -1.
func (m *matcher) singleEdge(x syntax.Expr) int {
	found := -1
	for _, n := range namesIn(x) {
		at, ok := m.variables[n]
		if !ok {
			continue
		}
		if e := m.elements[at]; !e.edge || e.high > 0 || found >= 0 && found != at {
			return -1
		}
		found = at
	}
	if found < 0 || !onlyMembers(x, m.elements[found].name) {
		return -1
	}
	return found
}

// loadGraph reads the graph with what the path calls ask of it.
func (b *binder) loadGraph(m *matcher, g *graph) {
	var ofNodes, ofEdges []expression
	for _, p := range m.calls {
		switch {
		case p.x == nil:
		case p.inner:
			p.property = len(g.nodes.columns()) + len(ofNodes)
			ofNodes = append(ofNodes, p.x)
		default:
			p.property = len(g.edges.columns()) + len(ofEdges)
			ofEdges = append(ofEdges, p.x)
		}
	}
	m.nodeProperties = b.load(g.nodes, ofNodes, g.key)
	m.edgeProperties = b.load(g.edges, ofEdges, g.source, g.target)
	m.index()
	for _, p := range m.edgeRules {
		m.rule(p)
	}
}

// rule lets an element's search use only the edges, or inner nodes, that meet a condition.
func (m *matcher) rule(p *pathCall) {
	e := &m.elements[p.element]
	if !p.inner {
		e.edges = both(e.edges, len(m.ends), func(i int) bool { return m.edgeProperties.rows[i][p.property] == true })
		return
	}
	e.inner = both(e.inner, len(m.rowOf), func(i int) bool {
		return m.rowOf[i] >= 0 && m.nodeProperties.rows[m.rowOf[i]][p.property] == true
	})
}

func both(have []bool, n int, also func(int) bool) []bool {
	out := make([]bool, n)
	for i := range out {
		out[i] = (have == nil || have[i]) && also(i)
	}
	return out
}

// ofPath is the value of a path call for what its element was bound to.
func (m *matcher) ofPath(p *pathCall, match []route) any {
	bound := match[p.element]
	switch p.name {
	case "node_degree_in":
		return int64(len(m.in[bound[0]]))
	case "node_degree_out":
		return int64(len(m.out[bound[0]]))
	case "node_id":
		return m.keys[bound[0]]
	}
	list := bound
	if p.inner {
		list = m.within(match[m.elements[p.element].from][0], bound)
	}
	values := make([]any, len(list))
	for i, n := range list {
		values[i] = m.asked(p, n)
	}
	switch p.name {
	case "all":
		return !slices.ContainsFunc(values, func(v any) bool { return v != true })
	case "any":
		return slices.Contains(values, any(true))
	}
	for i := range values {
		values[i] = jsonCell(values[i], p.x.kind())
	}
	return jsonOf(values)
}

func (m *matcher) asked(p *pathCall, n int) any {
	if !p.inner {
		return m.edgeProperties.rows[n][p.property]
	}
	if m.rowOf[n] < 0 {
		return nil
	}
	return m.nodeProperties.rows[m.rowOf[n]][p.property]
}

// within are the nodes between the edges of a path that begins at a node.
func (m *matcher) within(start int, path route) (nodes route) {
	at := start
	for _, edge := range path[:max(0, len(path)-1)] {
		at = m.ends[edge][0] + m.ends[edge][1] - at
		nodes = append(nodes, at)
	}
	return nodes
}
