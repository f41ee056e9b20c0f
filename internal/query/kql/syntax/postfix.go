package syntax

import "fmt"

// postfix is a primary with .member, .f() and [index] behind it.
func (p *parser) postfix() Expr {
	x := p.primary()
	for n := 0; ; n++ {
		if n >= p.Chain {
			p.fail(codeLimit, p.peek().Span, fmt.Sprintf("a path has more than %d parts", p.Chain), "")
		}
		start := x.Position().Start
		switch {
		case p.peek().is("["):
			x = p.index(x, start)
		case p.peek().is(".") && p.ahead(1).is("["):
			p.next()
			x = p.index(x, start)
		case p.peek().is("."):
			p.next()
			x = p.member(x, start)
		default:
			return x
		}
	}
}

func (p *parser) index(x Expr, start int) Expr {
	i := &Index{X: x}
	p.bracket("[", "]", func() { i.Key = p.expression() })
	i.Span = p.since(start)
	return i
}

func (p *parser) member(x Expr, start int) Expr {
	t := p.peek()
	if t.kind != tokenWord || listed(reservedEverywhere, t.text) {
		p.expected("the name of a member")
	}
	if p.ahead(1).is("(") {
		c := p.call()
		c.Of, c.Span = x, p.since(start)
		return c
	}
	p.next()
	if p.starAhead() {
		return &Path{X: x, Member: t.text + p.patternRest(), MemberAt: p.since(t.Start), Span: p.since(start), Pattern: true}
	}
	return &Path{X: x, Member: t.text, MemberAt: t.Span, Span: p.since(start)}
}

func (p *parser) primary() Expr {
	t := p.peek()
	switch {
	case t.kind == tokenString || t.kind == tokenTyped || t.kind == tokenInteger || t.kind == tokenReal || t.kind == tokenTimespan:
		return p.literal()
	case t.is("("):
		return p.parenthesis()
	case t.is("["):
		return p.quoted()
	case t.is("*"):
		return p.star()
	case t.is("dynamic") && p.ahead(1).is("("):
		return p.dynamic()
	case t.is("datatable") && p.ahead(1).is("("):
		return p.datatable()
	case (t.is("externaldata") || t.is("external_data")) && p.ahead(1).is("("):
		op := p.unsupported(t.text, t.Start)
		return &Pipe{Span: op.Position(), Operators: []Operator{op}}
	case t.kind == tokenWord && boolWord(t.text):
		return p.literal()
	case (t.is("toscalar") || t.is("totable") || t.is("materialize")) && p.ahead(1).is("("):
		return p.call()
	case readable(t) && p.ahead(1).is("("):
		return p.call()
	case readable(t):
		p.next()
		return &Name{Span: t.Span, Name: t.text}
	}
	p.expected("an expression")
	return nil
}

func (p *parser) parenthesis() Expr {
	var x Expr
	searching := p.searching
	p.bracket("(", ")", func() { x = p.tabular() })
	p.searching = searching
	return x
}

// star is * as the left side of an operator, or alone.
func (p *parser) star() Expr {
	t := p.next()
	op, _ := p.textOperator()
	next := p.peek()
	if op == "" && !next.is("==") && !next.is(")") && !next.is(",") && !p.searching {
		p.at--
		p.expected("an expression")
	}
	return &Star{Span: t.Span}
}

// quoted is ['a name'].
func (p *parser) quoted() Expr {
	start := p.peek().Start
	name := p.bracketedName()
	n := &Name{Span: p.since(start), Name: name, Quoted: true}
	if p.peek().is("(") {
		return p.arguments(name, n.Span)
	}
	return n
}

func (p *parser) bracketedName() string {
	var name string
	p.bracket("[", "]", func() {
		if p.peek().kind != tokenString {
			p.expected("a name in quotes")
		}
		name = p.joined(p.next().value)
	})
	return name
}

// call is f(...).
func (p *parser) call() *Call {
	t := p.next()
	return p.arguments(t.text, t.Span)
}

func (p *parser) arguments(name string, at Span) *Call {
	c := &Call{Name: name, NameAt: at}
	tabular := name == "toscalar" || name == "totable" || name == "materialize"
	searching := p.searching
	p.searching = false
	p.bracket("(", ")", func() {
		if p.peek().is(")") {
			return
		}
		p.list(func() { c.Arguments = append(c.Arguments, p.argument(tabular)) })
	})
	p.searching = searching
	c.Span = p.since(at.Start)
	return c
}

func (p *parser) argument(tabular bool) Argument {
	if t := p.peek(); nameable(t) && p.ahead(1).is("=") {
		p.at += 2
		return Argument{Name: t.text, Value: p.expression()}
	}
	if tabular {
		return Argument{Value: p.tabular()}
	}
	return Argument{Value: p.expression()}
}
