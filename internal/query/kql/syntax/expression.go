package syntax

import (
	"fmt"
	"slices"
)

// expression is a scalar expression, or the name of a table.
func (p *parser) expression() Expr {
	return p.chain(func() Expr {
		return p.chain(p.equality, "and")
	}, "or")
}

// chain reads operands with operators of one rank between, from left to right.
func (p *parser) chain(operand func() Expr, operators ...string) Expr {
	left := operand()
	for n := 1; slices.ContainsFunc(operators, p.peek().is); n++ {
		if n >= p.Chain {
			p.fail(codeLimit, p.peek().Span, fmt.Sprintf("more than %d operands stand in one chain", p.Chain), "use in (...), or a table")
		}
		op := p.next()
		left = p.binary(left, op.text, op.Span, operand)
	}
	return left
}

func (p *parser) binary(left Expr, op string, at Span, operand func() Expr) Expr {
	right := operand()
	return &Binary{Span: p.since(left.Position().Start), Op: op, OpAt: at, L: left, R: right}
}

// equality is a comparison of two, in (...), or between (...).
func (p *parser) equality() Expr {
	left := p.relation()
	t := p.peek()
	op, size := p.listOperator()
	switch {
	case t.is("==") || t.is("!=") || t.is("<>"):
		p.next()
		text := t.text
		if text == "<>" {
			text = "!="
		}
		return p.binary(left, text, t.Span, p.relation)
	case op == "between" || op == "!between":
		p.at += size
		return p.between(left, op == "!between")
	case op != "":
		p.at += size
		return p.in(left, op)
	}
	return left
}

func (p *parser) relation() Expr {
	left := p.additive()
	if t := p.peek(); t.is("<") || t.is(">") || t.is("<=") || t.is(">=") {
		p.next()
		return p.binary(left, t.text, t.Span, p.additive)
	}
	return left
}

func (p *parser) additive() Expr {
	return p.chain(func() Expr {
		return p.chain(p.textual, "*", "/", "%")
	}, "+", "-")
}

// listOperator finds in, has_any, between and their kin, and how many tokens they take.
func (p *parser) listOperator() (string, int) {
	not, size := "", 0
	if p.peek().is("!") && p.ahead(1).glued {
		not, size = "!", 1
	}
	word := p.ahead(size)
	switch {
	case word.is("in") && p.ahead(size+1).is("~") && p.ahead(size+1).glued:
		return not + "in~", size + 2
	case word.is("in") && p.ahead(size+1).is("range"): // of make-series
		return "", 0
	case word.is("in") || word.is("between"):
		return not + word.text, size + 1
	case not == "" && (word.is("has_any") || word.is("has_all")):
		return word.text, size + 1
	}
	return "", 0
}

func (p *parser) between(x Expr, not bool) Expr {
	b := &Between{X: x, Not: not}
	p.bracket("(", ")", func() {
		b.Low = p.additive()
		p.expect("..")
		b.High = p.additive()
	})
	b.Span = p.since(x.Position().Start)
	return b
}

func (p *parser) in(x Expr, op string) Expr {
	in := &In{X: x, Op: op}
	p.bracket("(", ")", func() {
		p.list(func() { in.List = append(in.List, p.tabular()) })
	})
	in.Span = p.since(x.Position().Start)
	return in
}

// textual is an operand with at most one operator of strings.
func (p *parser) textual() Expr {
	left := p.unary()
	op, size := p.textOperator()
	if op == "" {
		return left
	}
	at := Span{p.peek().Start, p.ahead(size - 1).End}
	p.at += size
	return p.binary(left, op, at, p.unary)
}

const textOperators = " contains contains_cs containscs notcontains notcontainscs has has_cs hasprefix hasprefix_cs hassuffix hassuffix_cs" +
	" startswith startswith_cs endswith endswith_cs like likecs notlike notlikecs "

const negatableOperators = " contains contains_cs has has_cs hasprefix hasprefix_cs hassuffix hassuffix_cs startswith startswith_cs endswith endswith_cs "

func (p *parser) textOperator() (string, int) {
	t, second := p.peek(), p.ahead(1)
	switch {
	case t.is("=~") || t.is("!~"):
		return t.text, 1
	case t.is(":") && p.searching:
		return ":", 1
	case t.is("!") && second.glued && second.kind == tokenWord && listed(negatableOperators, second.text):
		return "!" + second.text, 2
	case t.is("matches") && second.is("regex"):
		return "matches regex", 2
	case t.kind == tokenWord && listed(textOperators, t.text):
		return t.text, 1
	}
	return "", 0
}

func (p *parser) unary() Expr {
	t := p.peek()
	if !t.is("-") && !t.is("+") {
		return p.postfix()
	}
	p.next()
	x := p.postfix()
	return &Unary{Span: p.since(t.Start), Op: t.text, X: x}
}
