package syntax

import (
	"fmt"
	"slices"
	"strconv"

	"gatehouse/internal/query/kql/table"
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

// literal is a constant other than dynamic(...).
func (p *parser) literal() Expr {
	t := p.next()
	p.countLiteral(t.Span)
	l := &Literal{Span: t.Span}
	var err error
	switch t.kind {
	case tokenString:
		l.Type, l.Value = table.String, p.joined(t.value)
	case tokenInteger:
		l.Type = table.Long
		l.Value, err = parseInteger(t.text, 64)
	case tokenReal:
		l.Type = table.Real
		l.Value, err = parseReal(t.text)
	case tokenTimespan:
		l.Type = table.Timespan
		l.Value, err = parseTimespan(t.text)
	case tokenWord:
		l.Type = table.Bool
		l.Value, err = parseBool(t.text)
	case tokenTyped:
		return p.typedLiteral(t)
	}
	if err != nil {
		p.fail(codeLiteral, t.Span, err.Error(), "")
	}
	l.Span = p.since(t.Start)
	return l
}

// joined puts strings together that stand next to each other.
func (p *parser) joined(value string) string {
	for p.peek().kind == tokenString {
		value += p.next().value
	}
	return value
}

func (p *parser) typedLiteral(t token) Expr {
	if t.word == "typeof" {
		kind, ok := typeByName(t.value)
		if !ok {
			p.fail(codeLiteral, t.Span, strconv.Quote(t.value)+" is not a type", "bool, int, long, real, decimal, string, datetime, timespan, guid or dynamic")
		}
		return &TypeLiteral{Span: t.Span, Type: kind}
	}
	kind, _ := typeByName(t.word)
	value, err := typed(kind, t.value)
	if err != nil {
		hint := "to convert a column, write to" + kind.String() + "(...)"
		p.fail(codeLiteral, t.Span, err.Error(), hint)
	}
	return &Literal{Span: t.Span, Type: kind, Value: value}
}

func (p *parser) countLiteral(at Span) {
	p.count.literals++
	if p.count.literals > p.Literals {
		p.fail(codeLimit, at, fmt.Sprintf("the query has more than %d constants", p.Literals), "put them into one dynamic([...])")
	}
}

// constant is a literal with a sign or without, or a dynamic one.
func (p *parser) constant() Expr {
	x := p.unary()
	inner := x
	if u, ok := x.(*Unary); ok {
		inner = u.X
	}
	switch inner.(type) {
	case *Literal, *TypeLiteral:
		return x
	}
	p.fail(codeUnexpected, x.Position(), "a constant is expected here", "")
	return nil
}

// datatable is datatable(name:type, ...)[value, ...].
func (p *parser) datatable() Expr {
	d := &Datatable{Span: Span{Start: p.next().Start}}
	d.Columns, _ = p.schema()
	p.bracket("[", "]", func() {
		p.accept(",") // Kusto lets the list begin with one
		for !p.peek().is("]") {
			d.Values = append(d.Values, p.constant())
			if !p.accept(",") {
				break
			}
		}
	})
	d.Span = p.since(d.Start)
	return d
}
