// Package xslt transforms XML with a subset of XSLT 1.0.
//
// What comes in: the text of a stylesheet, compiled once, and for each
// transformation a document and the values of parameters. What goes out: the
// result as text, or an error. What is not in the subset is an error when the
// stylesheet is compiled, and every transformation ends within its limits. A
// stylesheet must never reach anything outside of itself and the document:
// import, include and document() are refused.
package xslt

import (
	"context"
	"fmt"
	"time"

	"gatehouse/internal/policy/xmldoc"
	"gatehouse/internal/policy/xpath"
)

// Namespace is that of the instructions.
const Namespace = "http://www.w3.org/1999/XSL/Transform"

// Limits of one transformation.
const (
	maxSteps   = 5_000_000
	maxDepth   = 500 // of templates that apply templates
	maxNested  = xmldoc.MaxDepth
	maxNodes   = 500_000
	maxOutput  = 8 << 20
	maxTime    = 5 * time.Second
	firstOrder = 1 << 30 // of nodes that are made
)

// Problem is what is wrong at a byte of the stylesheet.
type Problem struct {
	Offset int
	Text   string
}

// Error gives the text.
func (p *Problem) Error() string { return p.Text }

// Stylesheet is a compiled stylesheet, shared by all transformations.
type Stylesheet struct {
	rules     map[xpath.Name][]rule // by mode, the best first
	named     map[xpath.Name]*template
	globals   []*variable
	strip     []xpath.Name // names of elements; "*" is any
	preserve  []xpath.Name
	output    output
	Parameter map[string]bool // names of the parameters that it declares
}

type template struct {
	body   []instruction
	params []*variable
	order  int
}

// rule is one alternative of a template's pattern.
type rule struct {
	match    *xpath.Alternative
	priority float64
	template *template
}

// instruction is one compiled instruction.
type instruction interface {
	run(t *transformer, c *xpath.Context)
}

// transformer is one transformation.
type transformer struct {
	sheet    *Stylesheet
	ctx      context.Context
	deadline time.Time
	xpath    *xpath.Run
	vars     *binding
	globals  map[xpath.Name]xpath.Value
	pending  map[xpath.Name]bool // globals that are being evaluated
	start    *xpath.Context
	out      *xmldoc.Node
	given    map[string]string
	steps    int
	check    int
	depth    int // of templates
	nested   int // of elements
	nodes    int
	bytes    int
	at       int // byte of the instruction that runs
}

// binding is a variable in scope.
type binding struct {
	name  xpath.Name
	value xpath.Value
	next  *binding
}

func (t *transformer) fail(format string, args ...any) {
	panic(&Problem{t.at, fmt.Sprintf(format, args...)})
}

// Transform makes the result of a document. Whitespace is stripped from doc in
// place.
func (s *Stylesheet) Transform(ctx context.Context, doc *xmldoc.Node, parameters map[string]string) (text string, err error) {
	t := &transformer{sheet: s, ctx: ctx, deadline: time.Now().Add(maxTime), given: parameters, globals: map[xpath.Name]xpath.Value{}}
	t.xpath = &xpath.Run{Variable: t.variable, Step: t.step}
	defer func() {
		switch r := recover().(type) {
		case nil:
		case *Problem:
			text, err = "", r
		case *xpath.Problem:
			text, err = "", &Problem{t.at, r.Text}
		default:
			panic(r)
		}
	}()
	s.stripSpace(doc)
	result := &xmldoc.Node{Kind: xmldoc.Document, Order: firstOrder}
	t.out = result
	c := &xpath.Context{Run: t.xpath, Node: doc, Position: 1, Size: 1, Current: doc}
	t.start = c
	for _, g := range s.globals {
		t.variable(g.name)
	}
	t.apply(c, xpath.NodeSet{doc}, xpath.Name{}, nil)
	return s.output.write(t, result), nil
}

// global evaluates a variable of the stylesheet when it is read first: they may
// refer to each other in any order.
func (t *transformer) global(name xpath.Name) xpath.Value {
	for _, g := range t.sheet.globals {
		if g.name != name {
			continue
		}
		if v, ok := t.given[name.Local]; ok && g.param && name.Space == "" {
			t.globals[name] = v
			return v
		}
		if t.pending == nil {
			t.pending = map[xpath.Name]bool{}
		}
		if t.pending[name] {
			t.fail("the variable $%s refers to itself", name.Local)
		}
		t.pending[name] = true
		outer := t.vars
		t.vars = nil
		t.globals[name] = g.value(t, t.start)
		t.vars = outer
	}
	return t.globals[name]
}

// step counts work and ends what takes too long.
func (t *transformer) step(n int) {
	t.steps += n
	if t.steps > maxSteps {
		t.fail("the stylesheet does more than %d steps", maxSteps)
	}
	if t.steps < t.check {
		return
	}
	t.check = t.steps + 1024
	if t.ctx.Err() != nil || time.Now().After(t.deadline) {
		t.fail("the transformation takes too long")
	}
}

func (t *transformer) variable(name xpath.Name) xpath.Value {
	for b := t.vars; b != nil; b = b.next {
		if b.name == name {
			return b.value
		}
	}
	if v, ok := t.globals[name]; ok {
		return v
	}
	return t.global(name)
}

// sequence runs instructions; variables end with it.
func (t *transformer) sequence(c *xpath.Context, list []instruction) {
	outer := t.vars
	for _, i := range list {
		t.step(1)
		i.run(t, c)
	}
	t.vars = outer
}

// fragment runs instructions into a tree of its own.
func (t *transformer) fragment(c *xpath.Context, list []instruction) *xmldoc.Node {
	outer, nested := t.out, t.nested
	doc := &xmldoc.Node{Kind: xmldoc.Document, Order: t.number()}
	t.out, t.nested = doc, 0
	t.sequence(c, list)
	t.out, t.nested = outer, nested
	return doc
}

// apply applies templates to nodes.
func (t *transformer) apply(c *xpath.Context, set xpath.NodeSet, mode xpath.Name, params *binding) {
	if t.depth++; t.depth > maxDepth {
		t.fail("templates are applied more than %d deep: look for an endless recursion", maxDepth)
	}
	inner := *c
	inner.Size = len(set)
	for i, n := range set {
		t.step(1)
		inner.Node, inner.Current, inner.Position = n, n, i+1
		if tpl := t.find(&inner, n, mode); tpl != nil {
			t.enter(&inner, tpl, params)
		} else {
			t.builtIn(&inner, n, mode)
		}
	}
	t.depth--
}

func (t *transformer) find(c *xpath.Context, n *xmldoc.Node, mode xpath.Name) *template {
	for i := range t.sheet.rules[mode] {
		if r := &t.sheet.rules[mode][i]; r.match.Matches(c, n) {
			return r.template
		}
	}
	return nil
}

// builtIn is what happens to nodes without a template.
func (t *transformer) builtIn(c *xpath.Context, n *xmldoc.Node, mode xpath.Name) {
	switch n.Kind {
	case xmldoc.Document, xmldoc.Element:
		t.apply(c, children(n), mode, nil)
	case xmldoc.Text, xmldoc.CDATA, xmldoc.Attribute:
		t.text(n.Value, false)
	}
}

// children are the child nodes; the XML declaration is none.
func children(n *xmldoc.Node) xpath.NodeSet {
	out := make(xpath.NodeSet, 0, len(n.Children))
	for _, c := range n.Children {
		if c.Kind != xmldoc.Instruction || c.Local != "xml" {
			out = append(out, c)
		}
	}
	return out
}

// enter runs a template with its parameters.
func (t *transformer) enter(c *xpath.Context, tpl *template, params *binding) {
	outer := t.vars
	t.vars = nil // a template sees globals and its own variables only
	for _, p := range tpl.params {
		value, given := xpath.Value(nil), false
		for b := params; b != nil && !given; b = b.next {
			if b.name == p.name {
				value, given = b.value, true
			}
		}
		if !given {
			value = p.value(t, c)
		}
		t.vars = &binding{p.name, value, t.vars}
	}
	t.sequence(c, tpl.body)
	t.vars = outer
}
