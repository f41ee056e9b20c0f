package syntax

import (
	"fmt"
	"strconv"

	"gatehouse/internal/query/kql/table"
)

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
