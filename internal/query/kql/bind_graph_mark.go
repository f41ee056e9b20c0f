package kql

import (
	"slices"

	"gatehouse/internal/query/kql/syntax"
	"gatehouse/internal/query/kql/table"
)

// graphWhere leaves nodes out, with the edges that they end, or edges.
func (b *binder) graphWhere(rel relation, op *syntax.GraphWhere, s *scope) relation {
	g := b.ofGraph(rel, op.Span)
	m := &matcher{}
	var asked []expression
	of := g.nodes
	if op.Edges {
		of = g.edges
	}
	asked = append(asked, b.convert(b.scalar(op.Predicate, b.row(of, s)), table.Bool))
	at := len(of.columns())
	if op.Edges {
		m.nodeProperties, m.edgeProperties = b.load(g.nodes, nil, g.key), b.load(g.edges, asked, g.source, g.target)
	} else {
		m.nodeProperties, m.edgeProperties = b.load(g.nodes, asked, g.key), b.load(g.edges, nil, g.source, g.target)
	}
	m.index()
	keepNode := func(n int) bool { return true }
	keepEdge := func(i int) bool { return m.edgeProperties.rows[i][at] == true }
	if !op.Edges {
		keepNode = func(n int) bool { return m.rowOf[n] >= 0 && m.nodeProperties.rows[m.rowOf[n]][at] == true }
		keepEdge = func(i int) bool { return keepNode(m.ends[i][0]) && keepNode(m.ends[i][1]) }
	}
	return b.graphOf(m, keepNode, keepEdge)
}

// graphOf makes a graph of what is in memory.
func (b *binder) graphOf(m *matcher, keepNode, keepEdge func(int) bool) *graph {
	var nodes, edges [][]any
	np, ep := m.nodeProperties, m.edgeProperties
	for n, row := range m.rowOf {
		if !keepNode(n) {
			continue
		}
		cells := []any{m.keys[n]}
		for i, c := range np.columns {
			switch {
			case row >= 0:
				cells = append(cells, np.rows[row][i])
			default:
				cells = append(cells, emptyOf(c.Type))
			}
		}
		nodes = append(nodes, cells)
	}
	for i, r := range ep.rows {
		if keepEdge(i) {
			edges = append(edges, append([]any{m.keys[m.ends[i][0]], m.keys[m.ends[i][1]]}, r[:len(ep.columns)]...))
		}
	}
	g := &graph{key: b.column("key", table.String), source: b.column("source", table.String), target: b.column("target", table.String)}
	g.nodes = b.keyedMemory(nodes, np.columns, g.key)
	g.edges = b.keyedMemory(edges, ep.columns, g.source, g.target)
	return g
}

// keyedMemory is rows whose keys stand before the columns that a query sees.
func (b *binder) keyedMemory(rows [][]any, columns []column, keys ...column) relation {
	var seen []column
	for _, c := range columns {
		seen = append(seen, b.column(c.Name, c.Type))
	}
	return &project{Input: b.memory(append(slices.Clone(keys), seen...), rows), Columns: seen}
}

// graphMark gives each node the number of the component that it is in.
func (b *binder) graphMark(rel relation, op *syntax.GraphMark) relation {
	g := b.ofGraph(rel, op.Span)
	name, strong := "ComponentId", false
	for _, o := range op.Options {
		word, _ := o.Value.(*syntax.Name)
		switch {
		case word == nil:
			b.fail(o.Span, codeUse, "with_component_id=ComponentId", "a name is needed here")
		case o.Name == "with_component_id":
			name = word.Name
		case word.Name == "strong" || word.Name == "weak":
			strong = word.Name == "strong"
		default:
			b.fail(o.Span, codeUse, "kind=weak or kind=strong", "there are no components of the kind %s", word.Name)
		}
	}
	if slices.Contains(names(g.nodes.columns()), name) {
		b.fail(op.Span, codeUse, "with_component_id=another", "the nodes have a property %q already", name)
	}
	m := &matcher{nodeProperties: b.load(g.nodes, nil, g.key), edgeProperties: b.load(g.edges, nil, g.source, g.target)}
	m.index()
	var marks []int64
	if strong {
		marks = m.strongComponents()
	} else {
		marks = m.weakComponents()
	}
	b.check(b.ctx.Err())
	np := m.nodeProperties
	rows := make([][]any, 0, len(m.rowOf))
	for n, row := range m.rowOf {
		var cells []any
		if row >= 0 {
			cells = slices.Clone(np.rows[row])
		} else {
			for _, c := range np.columns {
				cells = append(cells, emptyOf(c.Type))
			}
		}
		m.rowOf[n] = n
		rows = append(rows, append(cells, marks[n]))
	}
	np.rows, np.columns = rows, append(slices.Clone(np.columns), column{Name: name, Type: table.Long})
	every := func(int) bool { return true }
	return b.graphOf(m, every, every)
}

// weakComponents numbers the parts of the graph, whatever way its edges go.
func (m *matcher) weakComponents() []int64 {
	marks := make([]int64, len(m.rowOf))
	for i := range marks {
		marks[i] = -1
	}
	next := int64(0)
	for start := range marks {
		if marks[start] >= 0 {
			continue
		}
		marks[start] = next
		for open := []int{start}; len(open) > 0; {
			node := open[len(open)-1]
			open = open[:len(open)-1]
			for _, edge := range slices.Concat(m.out[node], m.in[node]) {
				for _, other := range m.ends[edge] {
					if marks[other] < 0 {
						marks[other] = next
						open = append(open, other)
					}
				}
			}
		}
		next++
	}
	return marks
}

// strongComponents numbers the parts in which every node leads to every other, by
// Tarjan's algorithm without recursion: a graph may be as deep as it is large.
func (m *matcher) strongComponents() []int64 {
	n := len(m.rowOf)
	t := &tarjan{m: m, index: make([]int, n), low: make([]int, n), at: make([]int, n), marks: make([]int64, n)}
	for i := range t.marks {
		t.marks[i] = -1
	}
	for node := range t.index {
		if t.index[node] == 0 {
			t.from(node)
		}
	}
	return t.marks
}

type tarjan struct {
	m          *matcher
	index, low []int // of each node, from 1; 0: not seen
	at         []int // which edge of the node is next
	stack      []int
	count      int
	marks      []int64 // -1: none yet
	next       int64
}

func (t *tarjan) from(start int) {
	t.open(start)
	for path := []int{start}; len(path) > 0; {
		node := path[len(path)-1]
		if t.at[node] < len(t.m.out[node]) {
			other := t.m.ends[t.m.out[node][t.at[node]]][1]
			t.at[node]++
			switch {
			case t.index[other] == 0:
				t.open(other)
				path = append(path, other)
			case t.marks[other] < 0:
				t.low[node] = min(t.low[node], t.index[other])
			}
			continue
		}
		path = path[:len(path)-1]
		if len(path) > 0 {
			parent := path[len(path)-1]
			t.low[parent] = min(t.low[parent], t.low[node])
		}
		if t.low[node] == t.index[node] {
			t.close(node)
		}
	}
}

func (t *tarjan) open(node int) {
	t.count++
	t.index[node], t.low[node] = t.count, t.count
	t.stack = append(t.stack, node)
}

// close gives the nodes above a component's first one its number.
func (t *tarjan) close(first int) {
	for {
		node := t.stack[len(t.stack)-1]
		t.stack = t.stack[:len(t.stack)-1]
		t.marks[node] = t.next
		if node == first {
			t.next++
			return
		}
	}
}
