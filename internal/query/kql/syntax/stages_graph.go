package syntax

import "strconv"

func readMakeGraph(p *parser, at Span) Operator {
	g := &MakeGraph{Source: p.postfix()}
	for _, mark := range []string{"-", "-", ">"} {
		p.expect(mark)
	}
	g.Target = p.postfix()
	if t := p.peek(); t.is("with_node_id") && p.ahead(1).is("=") {
		p.at += 2
		g.NodeID = p.newName("the name of a property")
	}
	if p.accept("with") {
		p.list(func() {
			n := GraphNodes{Table: p.postfix()}
			p.expect("on")
			n.Key = p.postfix()
			g.Nodes = append(g.Nodes, n)
		})
	}
	g.Span = p.since(at.Start)
	return g
}

func readGraphMatch(p *parser, at Span) Operator {
	g := &GraphMatch{Options: p.options("cycles")}
	p.list(func() { g.Patterns = append(g.Patterns, p.graphPattern()) })
	return p.graphClauses(g, at)
}

func readShortestPaths(p *parser, at Span) Operator {
	g := &GraphMatch{Shortest: true, Options: p.options("output")}
	g.Patterns = [][]GraphStep{p.graphPattern()}
	return p.graphClauses(g, at)
}

// graphClauses are what may stand behind the patterns.
func (p *parser) graphClauses(g *GraphMatch, at Span) Operator {
	if p.accept("where") {
		g.Where = p.expression()
	}
	if p.accept("project") {
		g.Project = p.namedList()
	}
	g.Span = p.since(at.Start)
	return g
}

// graphPattern is "(a)-[e]->(b)--(c)".
func (p *parser) graphPattern() []GraphStep {
	list := []GraphStep{p.graphNode()}
	for p.peek().is("-") || p.peek().is("<") {
		list = append(list, p.graphEdge(), p.graphNode())
	}
	return list
}

func (p *parser) graphNode() GraphStep {
	start := p.peek().Start
	var s GraphStep
	p.bracket("(", ")", func() {
		if !p.peek().is(")") {
			s.Name = p.newName("the name of a node")
		}
	})
	s.Span = p.since(start)
	return s
}

func (p *parser) graphEdge() GraphStep {
	start := p.peek().Start
	s := GraphStep{Edge: true, Left: p.accept("<")}
	p.expect("-")
	if p.peek().is("[") {
		p.bracket("[", "]", func() {
			if nameable(p.peek()) {
				s.Name = p.next().text
			}
			if p.accept("*") {
				s.Min = p.bound(1)
				p.expect("..")
				if s.Max = p.bound(maxSteps); s.Max < max(1, s.Min) {
					p.fail(codeLiteral, p.since(start), "a path cannot be this short", "write *1..3 for one to three steps")
				}
			}
		})
	}
	p.expect("-")
	if !s.Left {
		s.Right = p.accept(">")
	}
	s.Span = p.since(start)
	return s
}

// maxSteps is the longest path that a pattern of a graph may ask for.
const maxSteps = 1000

// bound is a number of steps in a graph. {Name} is a parameter of a workbook
// that nobody filled in: it leaves the bound open.
func (p *parser) bound(open int) int {
	if p.peek().is("{") {
		p.bracket("{", "}", func() { p.newName("the name of a parameter") })
		return open
	}
	t := p.peek()
	n, err := strconv.Atoi(t.text)
	if t.kind != tokenInteger || err != nil || n > maxSteps {
		p.expected("a number of steps, at most 1000,")
	}
	p.next()
	return n
}

func readGraphToTable(p *parser, at Span) Operator {
	g := &GraphToTable{}
	switch t := p.peek(); {
	case t.is("edges"):
		g.Edges = true
	case !t.is("nodes"):
		p.expected("nodes or edges")
	}
	p.next()
	g.Span = p.since(at.Start)
	return g
}

func readGraphMark(p *parser, at Span) Operator {
	g := &GraphMark{Options: p.options("kind", "with_component_id")}
	g.Span = p.since(at.Start)
	return g
}

func readGraphWhereNodes(p *parser, at Span) Operator { return p.graphWhere(false, at) }
func readGraphWhereEdges(p *parser, at Span) Operator { return p.graphWhere(true, at) }

func (p *parser) graphWhere(edges bool, at Span) Operator {
	g := &GraphWhere{Edges: edges, Predicate: p.expression()}
	g.Span = p.since(at.Start)
	return g
}
