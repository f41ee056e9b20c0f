package kql

import (
	"context"
	"fmt"
	"slices"

	"gatehouse/internal/query/kql/syntax"
)

// maxFrontier bounds the places that a search for shortest paths keeps for one
// node that it begins at.
const maxFrontier = 2_000_000

// shortest finds the shortest paths between each two nodes at a pattern's ends.
// What is said of the edges and nodes on the way bounds the search itself, so
// what is left of the condition may be about the ends only.
func (b *binder) shortest(m *matcher, op *syntax.GraphMatch, rest []syntax.Expr) {
	p := m.patterns[0]
	variable := false
	for i, at := range p {
		variable = variable || m.elements[at].high > 0
		if slices.Index(p, at) != i {
			b.fail(op.Span, codeUse, "give each node a name of its own", "a node stands twice in the pattern")
		}
	}
	if !variable {
		b.fail(op.Span, codeUse, "graph-shortest-paths (a)-[e*1..5]->(b) ...", "graph-shortest-paths needs an edge of several steps")
	}
	for _, x := range rest {
		for _, n := range namesIn(x) {
			if at, ok := m.variables[n]; ok && at != p[0] && at != p[len(p)-1] {
				b.fail(x.Position(), codeUse, "all(e, x == 1) says something of each edge, all(inner_nodes(e), x == 1) of each node on the way", "this condition cannot bound the search for shortest paths")
			}
		}
	}
	all := false
	for _, o := range op.Options {
		n, ok := o.Value.(*syntax.Name)
		if all = ok && n.Name == "all"; !all && (!ok || n.Name != "any") {
			b.fail(o.Span, codeUse, "output=any or output=all", "graph-shortest-paths gives any or all paths of the least length")
		}
	}
	b.check(m.runShortest(b.ctx, all))
}

// place of a search: behind an element of the pattern, at a node, so many steps
// into the edge that follows.
type searchPlace struct{ element, node, steps int32 }

// arrival is how a place was come to: over an edge from another place, or without
// one (edge -1) from the path's last step to the node that the pattern wants.
type arrival struct {
	from searchPlace
	edge int32
}

// pathSearch goes out from one node, step by step to all sides.
type pathSearch struct {
	m        *matcher
	pattern  []int
	all      bool
	depth    map[searchPlace]int
	before   map[searchPlace][]arrival
	ends     []searchPlace // places at the pattern's end, as they were found
	source   int32
	reached  int // of them, those at another node than the source
	now      []searchPlace
	distance int
	several  bool // edges of several steps: steps are told apart beyond the least
}

func (m *matcher) runShortest(ctx context.Context, all bool) error {
	m.cancelled = ctx
	m.patterns[0], m.flipped[0] = m.cheaper(m.patterns[0])
	p := m.patterns[0]
	many := 0
	for _, at := range p {
		if m.elements[at].high > 0 {
			many++
		}
	}
	for node := range m.rowOf {
		if set, ok := m.allowed[m.elements[p[0]].name]; ok && !set[node] {
			continue
		}
		s := &pathSearch{m: m, pattern: p, all: all, source: int32(node), several: many > 1, depth: map[searchPlace]int{}, before: map[searchPlace][]arrival{}}
		if err := s.run(); err != nil {
			return err
		}
	}
	return nil
}

func (s *pathSearch) run() error {
	s.reach(searchPlace{node: s.source}, arrival{edge: -1, from: searchPlace{element: -1}})
	last := s.pattern[len(s.pattern)-1]
	wanted := s.m.candidates(last)
	if set, ok := s.m.allowed[s.m.elements[last].name]; !ok || set[s.source] {
		wanted-- // no path leads back to where it begins
	}
	for len(s.now) > 0 && s.reached < wanted {
		from := s.now
		s.now = nil
		s.distance++
		for _, p := range from {
			if err := s.spread(p); err != nil {
				return err
			}
		}
	}
	for _, end := range s.ends {
		if err := s.unwind(end); err != nil {
			return err
		}
	}
	return nil
}

// spread goes over every edge that the pattern allows behind a place.
func (s *pathSearch) spread(p searchPlace) error {
	e := s.m.elements[s.pattern[p.element+1]]
	low, high := int32(1), int32(1)
	if e.high > 0 {
		low, high = int32(e.low), int32(e.high)
	}
	walked := p.steps
	if !s.several && e.high > 0 && walked >= max(low, 1) {
		walked = int32(s.distance) - 1 - p.element/2 // the only edge of several steps
	}
	if walked >= high || p.steps > 0 && e.inner != nil && !e.inner[p.node] {
		return nil
	}
	next := p.steps + 1
	if !s.several {
		next = min(next, max(low, 1))
	}
	try := func(edges []int, end int) error {
		for _, edge := range edges {
			if s.m.steps++; s.m.steps > maxSearch || len(s.depth) > maxFrontier {
				return &LimitError{Limit: "search", Message: fmt.Sprintf("graph-shortest-paths takes more than %d steps, or keeps more than %d places: bound the length of paths, or name a condition on the nodes", maxSearch, maxFrontier)}
			}
			if s.m.steps%4096 == 0 && s.m.cancelled.Err() != nil {
				return s.m.cancelled.Err()
			}
			if e.edges == nil || e.edges[edge] {
				s.reach(searchPlace{p.element, int32(s.m.ends[edge][end]), next}, arrival{p, int32(edge)})
			}
		}
		return nil
	}
	if e.right || !e.left {
		if err := try(s.m.out[p.node], 1); err != nil {
			return err
		}
	}
	if e.left || !e.right {
		return try(s.m.in[p.node], 0)
	}
	return nil
}

// reach notes a place that was come to, and the places that follow without a step.
func (s *pathSearch) reach(p searchPlace, how arrival) {
	end := int(p.element) == len(s.pattern)-1
	if end && p.node == s.source && s.distance > 0 {
		return
	}
	if at, known := s.depth[p]; known {
		if s.all && at == s.distance {
			s.before[p] = append(s.before[p], how)
		}
		return
	}
	s.depth[p], s.before[p] = s.distance, []arrival{how}
	if end {
		s.ends = append(s.ends, p)
		if p.node != s.source {
			s.reached++
		}
		return
	}
	s.now = append(s.now, p)
	e := s.m.elements[s.pattern[p.element+1]]
	low := int32(1)
	if e.high > 0 {
		low = int32(e.low)
	}
	if p.steps < low {
		return
	}
	if set, ok := s.m.allowed[s.m.elements[s.pattern[p.element+2]].name]; !ok || set[p.node] {
		s.reach(searchPlace{p.element + 2, p.node, 0}, arrival{p, -1})
	}
}

// unwind keeps the paths that end at a place.
func (s *pathSearch) unwind(p searchPlace) error {
	if s.m.steps++; s.m.steps > maxSearch {
		return &LimitError{Limit: "search", Message: fmt.Sprintf("graph-shortest-paths takes more than %d steps: name a condition on the nodes", maxSearch)}
	}
	if p.steps == 0 {
		s.m.bound[s.pattern[p.element]] = route{int(p.node)}
	}
	for _, how := range s.before[p] {
		if how.from.element < 0 {
			return s.m.keep("graph-shortest-paths")
		}
		edges := s.pattern[how.from.element+1]
		saved := s.m.bound[edges]
		switch {
		case how.edge >= 0:
			s.m.bound[edges] = append(route{int(how.edge)}, saved...)
		case p.element > how.from.element:
			s.m.bound[edges] = route{}
		}
		if err := s.unwind(how.from); err != nil {
			return err
		}
		s.m.bound[edges] = saved
	}
	return nil
}
