// Package xpath evaluates XPath 1.0 expressions and XSLT patterns on trees of
// xmldoc.
//
// What comes in: the text of an expression, compiled once with the namespaces
// and variables that are in scope, and nodes. What goes out: a node set, a
// text, a number or a truth value. All work is counted, and what is not
// supported (the namespace axis, id, key, document) is an error when the
// expression is compiled. It must never reach anything outside of the tree, or
// change a node.
package xpath

import (
	"fmt"

	"gatehouse/internal/policy/xmldoc"
)

// Value is a NodeSet, string, float64 or bool.
type Value any

// NodeSet is nodes in document order.
type NodeSet []*xmldoc.Node

// Name is an expanded name.
type Name struct{ Space, Local string }

// Scope is what surrounds an expression.
type Scope struct {
	Namespace func(prefix string) (uri string, ok bool)
	// Variable tells whether a variable is declared here.
	Variable func(Name) bool
}

// Problem is what is wrong at a byte of an expression. Text quotes the
// expression, never the document.
type Problem struct {
	Offset int
	Text   string
}

// Error gives the text.
func (p *Problem) Error() string { return p.Text }

func fail(offset int, format string, args ...any) {
	panic(&Problem{offset, fmt.Sprintf(format, args...)})
}

// Run is what one evaluation, of many expressions, shares.
type Run struct {
	Variable func(Name) Value
	// Step counts work: it panics with an error of its own when it was too much.
	Step func(n int)
}

// Context is where an expression is evaluated.
type Context struct {
	*Run
	Node           *xmldoc.Node
	Position, Size int
	Current        *xmldoc.Node // what current() gives
}

// Expression is a compiled expression, shared by all evaluations.
type Expression struct{ root evaluator }

// evaluator is one node of an expression.
type evaluator interface{ eval(c *Context) Value }

const maxDepth = 100

// Compile compiles an expression.
func Compile(text string, s Scope) (e *Expression, problem *Problem) {
	defer catch(&problem)
	p := newParser(text, s)
	root := p.expression()
	p.end()
	return &Expression{root}, nil
}

func catch(problem **Problem) {
	if r := recover(); r != nil {
		p, ok := r.(*Problem)
		if !ok {
			panic(r)
		}
		*problem = p
	}
}

// Value evaluates the expression. Like the methods below it panics with a
// *Problem when a value is of the wrong kind, and with what Step panics with.
func (e *Expression) Value(c *Context) Value { return e.root.eval(c) }

// String evaluates to text.
func (e *Expression) String(c *Context) string { return String(e.root.eval(c)) }

// Bool evaluates to a truth value.
func (e *Expression) Bool(c *Context) bool { return Bool(e.root.eval(c)) }

// Number evaluates to a number.
func (e *Expression) Number(c *Context) float64 { return Number(e.root.eval(c)) }

// Nodes evaluates to nodes; ok is false when the value is no node set.
func (e *Expression) Nodes(c *Context) (nodes NodeSet, ok bool) {
	nodes, ok = e.root.eval(c).(NodeSet)
	return nodes, ok
}
