package xpath

import (
	"slices"

	"gatehouse/internal/policy/xmldoc"
)

// Pattern is a compiled XSLT match pattern: alternatives that each name a node
// and its ancestors.
type Pattern struct{ Alternatives []*Alternative }

// Alternative is one path of a pattern.
type Alternative struct {
	steps    []patternStep // from the node up
	root     bool          // the uppermost step is under the root
	onlyRoot bool          // the pattern /
	Priority float64       // as XSLT gives it to what has none
}

type patternStep struct {
	step
	// anyAncestor: any ancestor may match, not only the parent.
	anyAncestor bool
}

// CompilePattern compiles a pattern.
func CompilePattern(text string, s Scope) (out *Pattern, problem *Problem) {
	defer catch(&problem)
	p := newParser(text, s)
	out = &Pattern{}
	for {
		out.Alternatives = append(out.Alternatives, p.alternative())
		if !p.is("|") {
			break
		}
	}
	p.end()
	return out, nil
}

func (p *parser) alternative() *Alternative {
	a := &Alternative{}
	deep := false
	switch {
	case p.is("//"):
		deep = true
	case p.is("/"):
		a.root = true
		if !p.stepNext() {
			a.onlyRoot, a.Priority = true, -0.5
			return a
		}
	}
	for {
		at := p.at().offset
		s := p.step()
		if s.axis != child && s.axis != attribute {
			fail(at, "a pattern has only child and attribute steps")
		}
		a.steps = append(a.steps, patternStep{s, deep})
		deep = false
		if p.is("//") {
			deep = true
		} else if !p.is("/") {
			break
		}
	}
	// From the node up: whether any ancestor may match belongs to the step above.
	anywhere := a.steps[0].anyAncestor
	for i := range a.steps[1:] {
		a.steps[i].anyAncestor = a.steps[i+1].anyAncestor
	}
	slices.Reverse(a.steps)
	if a.Priority = a.priority(); anywhere {
		a.Priority = 0.5
	}
	return a
}

func (a *Alternative) priority() float64 {
	s := &a.steps[0]
	if len(a.steps) > 1 || a.root || len(s.predicates) > 0 {
		return 0.5
	}
	switch s.test {
	case byName:
		return 0
	case bySpace:
		return -0.25
	case instructionNode:
		if s.name.Local != "" {
			return 0
		}
	}
	return -0.5
}

// Matches tells whether a node matches.
func (a *Alternative) Matches(c *Context, n *xmldoc.Node) bool {
	c.Step(1)
	if a.onlyRoot {
		return n.Kind == xmldoc.Document
	}
	return a.matches(c, n, 0)
}

func (a *Alternative) matches(c *Context, n *xmldoc.Node, i int) bool {
	s := &a.steps[i]
	if n.Kind == xmldoc.Document || (s.axis == attribute) != (n.Kind == xmldoc.Attribute) || !s.step.matches(n) || !s.holds(c, n) {
		return false
	}
	if i == len(a.steps)-1 {
		return !a.root || n.Parent != nil && n.Parent.Kind == xmldoc.Document
	}
	for up := n.Parent; up != nil; up = up.Parent {
		c.Step(1)
		if a.matches(c, up, i+1) {
			return true
		}
		if !a.steps[i+1].anyAncestor {
			return false
		}
	}
	return false
}

// holds checks the predicates of a step: positions count among the siblings
// that pass the test.
func (s *patternStep) holds(c *Context, n *xmldoc.Node) bool {
	if len(s.predicates) == 0 {
		return true
	}
	if n.Parent == nil {
		return false
	}
	plain := step{axis: s.axis, test: s.test, name: s.name}
	set := c.take(n.Parent, &plain)
	for _, p := range s.predicates {
		set = c.pick(set, p)
	}
	return slices.Contains(set, n)
}
