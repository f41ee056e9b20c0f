package xpath

import (
	"math"
	"slices"

	"gatehouse/internal/policy/xmldoc"
)

type constant struct{ v Value }

func (e constant) eval(*Context) Value { return e.v }

type variable struct{ name Name }

func (e variable) eval(c *Context) Value { return c.Variable(e.name) }

type binary struct {
	operator    string
	left, right evaluator
}

func (e *binary) eval(c *Context) Value {
	c.Step(1)
	switch e.operator {
	case "or":
		return Bool(e.left.eval(c)) || Bool(e.right.eval(c))
	case "and":
		return Bool(e.left.eval(c)) && Bool(e.right.eval(c))
	case "=", "!=", "<", "<=", ">", ">=":
		return c.compare(e.operator, e.left.eval(c), e.right.eval(c))
	}
	a, b := Number(e.left.eval(c)), Number(e.right.eval(c))
	switch e.operator {
	case "+":
		return a + b
	case "-":
		return a - b
	case "*":
		return a * b
	case "div":
		return a / b
	}
	return math.Mod(a, b)
}

type negative struct {
	e   evaluator
	odd bool
}

func (e *negative) eval(c *Context) Value {
	f := Number(e.e.eval(c))
	if e.odd {
		return -f
	}
	return f
}

type union struct {
	left, right evaluator
	offset      int
}

func (e *union) eval(c *Context) Value {
	a, ok := e.left.eval(c).(NodeSet)
	b, okToo := e.right.eval(c).(NodeSet)
	if !ok || !okToo {
		fail(e.offset, "| joins node sets only")
	}
	return c.order(append(slices.Clone(a), b...))
}

// order sorts nodes and takes out doubles.
func (c *Context) order(set NodeSet) NodeSet {
	c.Step(len(set))
	slices.SortFunc(set, func(a, b *xmldoc.Node) int { return a.Order - b.Order })
	return slices.Compact(set)
}

type filtered struct {
	e          evaluator
	predicates []evaluator
	offset     int
}

func (e *filtered) eval(c *Context) Value {
	set, ok := e.e.eval(c).(NodeSet)
	if !ok {
		fail(e.offset, "[ ] picks from a node set only")
	}
	for _, p := range e.predicates {
		set = c.pick(set, p)
	}
	return set
}

// pick keeps the nodes for which a predicate holds; a number is a position.
func (c *Context) pick(set NodeSet, predicate evaluator) NodeSet {
	inner := *c
	inner.Size = len(set)
	if position, ok := predicate.(constant); ok {
		if n, ok := position.v.(float64); ok {
			if i := int(n); float64(i) == n && i >= 1 && i <= len(set) {
				return set[i-1 : i : i]
			}
			return nil
		}
	}
	var out NodeSet
	for i, n := range set {
		c.Step(1)
		inner.Node, inner.Position = n, i+1
		v := predicate.eval(&inner)
		if f, ok := v.(float64); ok && f == float64(i+1) || !ok && Bool(v) {
			out = append(out, n)
		}
	}
	return out
}

// path is steps from the context node, the root, or the nodes of an expression.
type path struct {
	root   bool
	from   evaluator
	steps  []step
	offset int
}

func (e *path) eval(c *Context) Value {
	set := NodeSet{c.Node}
	switch {
	case e.from != nil:
		from, ok := e.from.eval(c).(NodeSet)
		if !ok {
			fail(e.offset, "a path begins with a node set only")
		}
		set = from
	case e.root:
		n := c.Node
		for n.Parent != nil {
			n = n.Parent
		}
		set = NodeSet{n}
	}
	for i := range e.steps {
		set = c.walk(set, &e.steps[i])
	}
	return set
}

// walk takes one step from each node.
func (c *Context) walk(set NodeSet, s *step) NodeSet {
	var out NodeSet
	for _, n := range set {
		found := c.take(n, s)
		for _, p := range s.predicates {
			found = c.pick(found, p)
		}
		if s.axis.reverse() {
			slices.Reverse(found)
		}
		out = append(out, found...)
	}
	if len(set) > 1 && !(s.axis == child && siblings(set)) && s.axis != attribute {
		return c.order(out)
	}
	return out
}

// siblings tells that the children of the nodes are in document order when
// they follow each other: no node is in another.
func siblings(set NodeSet) bool {
	for i := 1; i < len(set); i++ {
		if set[i].Parent != set[0].Parent {
			return false
		}
	}
	return true
}
