package kql

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"gatehouse/internal/query/kql/syntax"
	"gatehouse/internal/query/kql/table"
)

// Bounds of a search in a graph.
const (
	maxSearch  = 20_000_000 // steps from an edge to the next
	maxMatches = 1_000_000
)

// matcher searches a graph for patterns.
type matcher struct {
	nodeProperties, edgeProperties *properties

	elements  []matchElement
	variables map[string]int // elements by name
	patterns  [][]int        // node, edge, node, ... as elements
	flipped   []bool         // by pattern: it is searched from its end
	calls     []*pathCall    // what the query asks of paths and nodes
	edgeRules []*pathCall    // of them, those that the search obeys
	revisit   bool           // a path may come to a node again
	reuse     bool           // and go over an edge again

	ends      [][2]int // of each edge: nodes
	out, in   [][]int  // edges of each node
	rowOf     []int    // of each node: its row, -1 when no table has it
	keys      []string // of each node
	numbers   map[string]int
	allowed   map[string][]bool // nodes that a variable may be
	bound     []route           // of each element, while searching
	found     [][]route
	steps     int
	cancelled context.Context
}

type matchElement struct {
	name        string
	edge        bool
	left, right bool
	low, high   int    // steps; high 0: one edge
	from        int    // of an edge: the element before it
	edges       []bool // that it may go over; nil: all
	inner       []bool // nodes that it may go through; nil: all
}

// route is a node, or the edges between two nodes.
type route []int

// index numbers the nodes and lists the edges of each.
func (m *matcher) index() {
	m.numbers, m.allowed = map[string]int{}, map[string][]bool{}
	node := func(key any, row int) int {
		k, _ := key.(string)
		n, ok := m.numbers[k]
		if !ok {
			n = len(m.rowOf)
			m.numbers[k] = n
			m.rowOf, m.out, m.in, m.keys = append(m.rowOf, row), append(m.out, nil), append(m.in, nil), append(m.keys, k)
		}
		return n
	}
	for i, k := range m.nodeProperties.keys {
		node(k[0], i)
	}
	for i, k := range m.edgeProperties.keys {
		from, to := node(k[0], -1), node(k[1], -1)
		m.ends = append(m.ends, [2]int{from, to})
		m.out[from], m.in[to] = append(m.out[from], i), append(m.in[to], i)
	}
	m.bound = make([]route, len(m.elements))
}

// restrict says which nodes a variable may be.
func (m *matcher) restrict(name string, keys [][]any) {
	set := make([]bool, len(m.rowOf))
	for _, k := range keys {
		if n, ok := m.numbers[k[0].(string)]; ok && m.rowOf[n] >= 0 {
			set[n] = true
		}
	}
	m.allowed[name] = set
}

// run finds all matches.
func (m *matcher) run(ctx context.Context) error {
	m.cancelled = ctx
	for i, p := range m.patterns {
		m.patterns[i], m.flipped[i] = m.cheaper(p)
	}
	return m.pattern(0)
}

// cheaper turns a pattern round when fewer nodes can stand at its end.
func (m *matcher) cheaper(p []int) (pattern []int, flipped bool) {
	if m.candidates(p[len(p)-1]) >= m.candidates(p[0]) {
		return p, false
	}
	back := slices.Clone(p)
	slices.Reverse(back)
	for _, at := range back {
		e := &m.elements[at]
		if e.left != e.right {
			e.left, e.right = e.right, e.left
		}
	}
	return back, true
}

// keep notes what all elements are bound to, paths in the direction of the query.
func (m *matcher) keep(what string) error {
	if len(m.found) >= maxMatches {
		return &LimitError{Limit: "matches", Message: fmt.Sprintf("%s finds more than %d places: name a condition on more of the nodes", what, maxMatches)}
	}
	found := slices.Clone(m.bound)
	for i, p := range m.patterns {
		for _, at := range p {
			if m.flipped[i] && len(found[at]) > 1 {
				found[at] = slices.Clone(found[at])
				slices.Reverse(found[at])
			}
		}
	}
	m.found = append(m.found, found)
	return nil
}

func (m *matcher) candidates(at int) int {
	set, ok := m.allowed[m.elements[at].name]
	if !ok {
		return len(m.rowOf)
	}
	n := 0
	for _, yes := range set {
		if yes {
			n++
		}
	}
	return n
}

func (m *matcher) pattern(n int) error {
	if n == len(m.patterns) {
		return m.keep("graph-match")
	}
	start := m.patterns[n][0]
	if m.bound[start] != nil {
		return m.from(n, 0, m.bound[start][0])
	}
	for node := range m.rowOf {
		if err := m.enter(start, node, func() error { return m.from(n, 0, node) }); err != nil {
			return err
		}
	}
	return nil
}

// enter binds a node to an element, goes on, and frees it.
func (m *matcher) enter(at, node int, on func() error) error {
	if have := m.bound[at]; have != nil {
		if have[0] != node {
			return nil
		}
		return on()
	}
	if set, ok := m.allowed[m.elements[at].name]; ok && !set[node] {
		return nil
	}
	m.bound[at] = route{node}
	err := on()
	m.bound[at] = nil
	return err
}

// from goes on in a pattern behind its i-th element, which is a node.
func (m *matcher) from(n, i, node int) error {
	steps := m.patterns[n]
	if i == len(steps)-1 {
		return m.pattern(n + 1)
	}
	at := steps[i+1]
	e := m.elements[at]
	low, high := 1, 1
	if e.high > 0 {
		low, high = e.low, e.high
	}
	return m.walk(e, node, low, high, nil, func(edges route, end int) error {
		return m.enter(steps[i+2], end, func() error {
			m.bound[at] = edges
			err := m.from(n, i+2, end)
			m.bound[at] = nil
			return err
		})
	})
}

// walk goes along the edges from a node, low to high of them.
func (m *matcher) walk(e matchElement, node, low, high int, so route, arrive func(route, int) error) error {
	if m.steps++; m.steps > maxSearch {
		return &LimitError{Limit: "search", Message: fmt.Sprintf("graph-match takes more than %d steps: bound the length of paths, or name a condition on more of the nodes", maxSearch)}
	}
	if m.steps%4096 == 0 && m.cancelled.Err() != nil {
		return m.cancelled.Err()
	}
	if len(so) >= low {
		if err := arrive(slices.Clone(so), node); err != nil {
			return err
		}
	}
	if len(so) == high || len(so) > 0 && e.inner != nil && !e.inner[node] {
		return nil
	}
	try := func(edges []int, end int) error {
		for _, edge := range edges {
			next := m.ends[edge][end]
			if e.edges != nil && !e.edges[edge] || !m.reuse && (slices.Contains(so, edge) || m.taken(edge)) || !m.revisit && m.visited(so, next) {
				continue
			}
			if err := m.walk(e, next, low, high, append(so, edge), arrive); err != nil {
				return err
			}
		}
		return nil
	}
	if e.right || !e.left {
		if err := try(m.out[node], 1); err != nil {
			return err
		}
	}
	if e.left || !e.right {
		return try(m.in[node], 0)
	}
	return nil
}

// taken says whether another step of the match goes over an edge.
func (m *matcher) taken(edge int) bool {
	for at, p := range m.bound {
		if m.elements[at].edge && slices.Contains(p, edge) {
			return true
		}
	}
	return false
}

// visited says whether the match has come to a node already.
func (m *matcher) visited(so route, node int) bool {
	for at, p := range m.bound {
		if p != nil && !m.elements[at].edge && p[0] == node {
			return true
		}
	}
	for _, edge := range so {
		if m.ends[edge][0] == node || m.ends[edge][1] == node {
			return true
		}
	}
	return false
}

// value is a property of what an element was bound to.
func (m *matcher) value(p route, at, property int, t table.Type) any {
	e := m.elements[at]
	if !e.edge {
		if row := m.rowOf[p[0]]; row >= 0 {
			return m.nodeProperties.rows[row][property]
		}
		return emptyOf(t)
	}
	if e.high == 0 {
		return m.edgeProperties.rows[p[0]][property]
	}
	list := make([]any, len(p))
	for i, edge := range p {
		list[i] = jsonCell(m.edgeProperties.rows[edge][property], t)
	}
	return jsonOf(list)
}

// jsonCell is a value as it stands in JSON.
func jsonCell(v any, t table.Type) any {
	n, whole := v.(int64)
	s, isText := v.(string)
	switch {
	case t == table.Datetime && whole:
		return syntax.FormatDatetime(n)
	case t == table.Timespan && whole:
		return syntax.FormatTimespan(n)
	case t == table.Dynamic && isText:
		return json.RawMessage(s)
	}
	return v
}
