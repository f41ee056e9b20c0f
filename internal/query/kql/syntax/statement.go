package syntax

import "gatehouse/internal/query/kql/table"

// statements reads to the end of the text.
func (p *parser) statements() []Statement {
	var list []Statement
	for p.peek().kind != tokenEnd {
		p.guard(func() {
			s := p.statement()
			list = append(list, s)
			if t := p.peek(); t.kind != tokenEnd && !t.is(";") {
				p.stray()
			}
		}, ";")
		for p.peek().kind != tokenEnd && !p.accept(";") { // a bracket too many: what is behind it hangs in the air
			p.next()
			p.skip(p.at, []string{";"})
		}
	}
	return list
}

func (p *parser) statement() Statement {
	start := p.peek()
	second := p.ahead(1)
	named := nameable(second) || second.is("[")
	switch {
	case start.is("let") && (named || second.is("=")):
		return p.let()
	case start.is("set") && second.kind == tokenWord:
		return p.set()
	case start.is("declare") && second.is("query_parameters"):
		return p.declare()
	case start.is("alias") && second.is("database"):
		return p.alias()
	case start.is("declare") && second.is("pattern"), start.is("restrict") && second.is("access"):
		p.fail(codeUnsupported, start.Span, "the statement "+start.text+" "+second.text+" is not supported", "")
	}
	p.sqlStatement()
	x := p.tabular()
	return &ExpressionStatement{Span: p.since(start.Start), X: x}
}

// sqlStatement tells people apart who begin with a statement of SQL.
func (p *parser) sqlStatement() {
	t, second := p.peek(), p.ahead(1)
	if t.kind != tokenWord || second.kind == tokenEnd || second.kind == tokenMark && !second.is("*") {
		return
	}
	switch t.text {
	case "select", "SELECT", "Select":
		p.fail(codeUnexpected, t.Span, "this is SQL; KQL begins with the table", "requests | where success == false | project name, duration | take 10")
	}
}

func (p *parser) let() Statement {
	start := p.next().Start
	if t := p.peek(); !readable(t) && !t.is("[") {
		p.expected("a name")
	}
	name := p.newName("a name")
	p.expect("=")
	return &Let{Name: name, Value: p.letValue(), Span: p.since(start)}
}

func (p *parser) letValue() Expr {
	if p.peek().is("view") && p.ahead(1).is("(") || p.lambdaAhead() {
		return p.lambda()
	}
	return p.tabular()
}

// lambdaAhead tells "(a:long) { ... }" from an expression in brackets.
func (p *parser) lambdaAhead() bool {
	if !p.peek().is("(") {
		return false
	}
	depth := 0
	for i := p.at; i < len(p.tokens)-1; i++ {
		depth += depthChange(p.tokens[i])
		if depth == 0 {
			return p.tokens[i+1].is("{")
		}
	}
	return false
}

func (p *parser) lambda() *Lambda {
	start := p.peek().Start
	l := &Lambda{View: p.accept("view")}
	p.bracket("(", ")", func() {
		if !p.peek().is(")") {
			p.list(func() { l.Parameters = append(l.Parameters, p.parameter()) })
		}
	})
	p.bracket("{", "}", func() { l.Body = p.body() })
	l.Span = p.since(start)
	return l
}

// body reads the statements of a lambda.
func (p *parser) body() []Statement {
	var list []Statement
	for !p.peek().is("}") {
		list = append(list, p.statement())
		if !p.accept(";") {
			break
		}
	}
	return list
}

// parameter is "name:type = default" or "T:(a:long, ...)" or "T:(*)".
func (p *parser) parameter() Parameter {
	start := p.peek().Start
	param := Parameter{Name: p.newName("the name of a parameter")}
	p.expect(":")
	if p.peek().is("(") {
		param.Tabular = true
		param.Columns, param.Any = p.schema()
	} else {
		param.Type = p.typeName()
		if p.accept("=") {
			param.Default = p.constant()
		}
	}
	param.Span = p.since(start)
	return param
}

// schema is "(name:type, ...)"; a * in front makes it open.
func (p *parser) schema() (columns []Parameter, open bool) {
	p.bracket("(", ")", func() {
		for !p.peek().is(")") {
			if len(columns) == 0 && !open && p.accept("*") {
				open = true
			} else {
				columns = append(columns, p.column())
			}
			if !p.accept(",") {
				break
			}
		}
	})
	return columns, open
}

func (p *parser) column() Parameter {
	start := p.peek().Start
	c := Parameter{Name: p.newName("the name of a column")}
	p.expect(":")
	c.Type = p.typeName()
	c.Span = p.since(start)
	return c
}

func (p *parser) typeName() table.Type {
	t := p.peek()
	kind, ok := typeByName(t.text)
	if t.kind != tokenWord || !ok {
		p.expected("a type (bool, int, long, real, decimal, string, datetime, timespan, guid or dynamic)")
	}
	p.next()
	return kind
}

// set is "set name [= value]".
func (p *parser) set() Statement {
	s := &Set{Span: Span{Start: p.next().Start}, Name: p.next().text}
	for p.peek().is(".") && p.ahead(1).kind == tokenWord {
		p.next()
		s.Name += "." + p.next().text
	}
	if p.accept("=") {
		s.Value = p.optionValue()
	}
	s.Span = p.since(s.Start)
	return s
}

func (p *parser) declare() Statement {
	d := &Declare{Span: Span{Start: p.next().Start}}
	p.next()
	p.bracket("(", ")", func() {
		p.list(func() { d.Parameters = append(d.Parameters, p.parameter()) })
	})
	d.Span = p.since(d.Start)
	return d
}

// alias is "alias database name = cluster('x').database('y')".
func (p *parser) alias() Statement {
	a := &Alias{Span: Span{Start: p.next().Start}}
	p.next()
	a.Name = p.newName("a name")
	p.expect("=")
	a.X = p.expression()
	a.Span = p.since(a.Start)
	return a
}
