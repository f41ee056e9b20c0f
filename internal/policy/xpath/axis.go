package xpath

import "gatehouse/internal/policy/xmldoc"

type axis uint8

const (
	child axis = iota
	descendant
	descendantOrSelf
	self
	parent
	ancestor
	ancestorOrSelf
	attribute
	following
	followingSibling
	preceding
	precedingSibling
)

// reverse axes count from the context node backwards.
func (a axis) reverse() bool {
	return a == ancestor || a == ancestorOrSelf || a == preceding || a == precedingSibling
}

func axisOf(w word) axis {
	names := map[string]axis{"child": child, "descendant": descendant, "descendant-or-self": descendantOrSelf, "self": self,
		"parent": parent, "ancestor": ancestor, "ancestor-or-self": ancestorOrSelf, "attribute": attribute, "following": following,
		"following-sibling": followingSibling, "preceding": preceding, "preceding-sibling": precedingSibling}
	a, ok := names[w.text]
	if !ok && w.text == "namespace" {
		fail(w.offset, "the axis namespace is not supported")
	}
	if !ok {
		fail(w.offset, "unknown axis %q", w.text)
	}
	return a
}

type nodeTest uint8

const (
	anyNode nodeTest = iota
	anyName
	byName
	bySpace
	textNode
	commentNode
	instructionNode
)

type step struct {
	axis       axis
	test       nodeTest
	name       Name
	predicates []evaluator
}

// matches tells whether a node passes the test of a step.
func (s *step) matches(n *xmldoc.Node) bool {
	principal := xmldoc.Element
	if s.axis == attribute {
		principal = xmldoc.Attribute
	}
	switch s.test {
	case anyNode:
		return true
	case anyName:
		return n.Kind == principal
	case byName:
		return n.Kind == principal && n.Local == s.name.Local && n.Space == s.name.Space
	case bySpace:
		return n.Kind == principal && n.Space == s.name.Space
	case textNode:
		return n.IsText()
	case commentNode:
		return n.Kind == xmldoc.Comment
	}
	return n.Kind == xmldoc.Instruction && n.Local != "xml" && (s.name.Local == "" || n.Local == s.name.Local)
}

// take gives the nodes of one step from a node in the order of the axis.
func (c *Context) take(n *xmldoc.Node, s *step) NodeSet {
	t := taker{c: c, s: s}
	switch s.axis {
	case child:
		t.children(n)
	case descendant, descendantOrSelf:
		if s.axis == descendantOrSelf {
			t.add(n)
		}
		t.descendants(n)
	case self:
		t.add(n)
	case parent:
		if n.Parent != nil {
			t.add(n.Parent)
		}
	case ancestor, ancestorOrSelf:
		if s.axis == ancestor {
			n = n.Parent
		}
		for ; n != nil; n = n.Parent {
			t.add(n)
		}
	case attribute:
		for _, a := range n.Attrs {
			if _, declares := a.Declares(); !declares {
				t.add(a)
			}
		}
	default:
		t.around(n, s.axis)
	}
	return t.out
}

type taker struct {
	c   *Context
	s   *step
	out NodeSet
}

func (t *taker) add(n *xmldoc.Node) {
	t.c.Step(1)
	if n.Kind == xmldoc.Instruction && n.Local == "xml" {
		return // the declaration is no node
	}
	if t.s.matches(n) {
		t.out = append(t.out, n)
	}
}

func (t *taker) children(n *xmldoc.Node) {
	for _, c := range n.Children {
		t.add(c)
	}
}

func (t *taker) descendants(n *xmldoc.Node) {
	for _, c := range n.Children {
		t.add(c)
		t.descendants(c)
	}
}

// around takes siblings, and with them what is in them.
func (t *taker) around(n *xmldoc.Node, a axis) {
	deep := a == following || a == preceding
	if n.Kind == xmldoc.Attribute {
		if !deep {
			return
		}
		n = n.Parent
		if a == following {
			t.descendants(n)
		}
	}
	for ; n.Parent != nil; n = n.Parent {
		at := 0
		for at < len(n.Parent.Children) && n.Parent.Children[at] != n {
			at++
		}
		t.c.Step(at / 8)
		if a == following || a == followingSibling {
			for _, s := range n.Parent.Children[at+1:] {
				t.add(s)
				if deep {
					t.descendants(s)
				}
			}
		} else {
			for i := at - 1; i >= 0; i-- {
				t.before(n.Parent.Children[i], deep)
			}
		}
		if !deep {
			return
		}
	}
}

// before takes a node and what is in it from the end.
func (t *taker) before(n *xmldoc.Node, deep bool) {
	if deep {
		for i := len(n.Children) - 1; i >= 0; i-- {
			t.before(n.Children[i], true)
		}
	}
	t.add(n)
}
