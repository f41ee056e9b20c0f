package syntax

import "gatehouse/internal/query/kql/table"

// property is "name = value" in with (...); a value may be several names.
func (p *parser) property(lists bool) Option {
	t := p.next()
	if t.kind != tokenWord {
		p.at--
		p.expected("the name of a property")
	}
	p.expect("=")
	o := Option{Name: t.text, Value: p.propertyValue()}
	for lists && p.peek().is(",") && p.ahead(1).kind == tokenWord && !p.ahead(2).is("=") {
		p.next()
		list, ok := o.Value.(*List)
		if !ok {
			list = &List{Items: []Expr{o.Value}}
		}
		list.Items = append(list.Items, p.propertyValue())
		list.Span = p.since(o.Value.Position().Start)
		o.Value = list
	}
	o.Span = p.since(t.Start)
	return o
}

// propertyValue is a word, a column, a constant or an expression.
func (p *parser) propertyValue() Expr {
	t, after := p.peek(), p.ahead(1)
	if t.kind == tokenWord && !boolWord(t.text) && !after.is("(") && !after.is(".") {
		p.next()
		return &Name{Span: t.Span, Name: t.text}
	}
	return p.unary()
}

func readRender(p *parser, at Span) Operator {
	t := p.peek()
	if t.kind != tokenWord {
		p.expected("a kind of chart, such as timechart or table,")
	}
	p.next()
	r := &Render{Kind: t.text}
	if p.peek().is("with") && p.ahead(1).is("(") {
		p.next()
		p.bracket("(", ")", func() {
			if !p.peek().is(")") {
				p.list(func() { r.Properties = append(r.Properties, p.property(true)) })
			}
		})
	} else {
		for p.peek().kind == tokenWord && p.ahead(1).is("=") {
			r.Properties = append(r.Properties, p.property(true))
		}
	}
	r.Span = p.since(at.Start)
	return r
}

func readParse(p *parser, at Span) Operator      { return p.parse(false, at) }
func readParseWhere(p *parser, at Span) Operator { return p.parse(true, at) }

func (p *parser) parse(where bool, at Span) Operator {
	o := &Parse{Where: where}
	for _, option := range p.options("kind", "flags") {
		word, ok := option.Value.(*Name)
		switch {
		case !ok:
			p.fail(codeUnexpected, option.Span, option.Name+" of parse is a word", "kind=simple, kind=relaxed or kind=regex flags=Ui")
		case option.Name == "kind":
			o.Kind = word.Name
		case option.Name == "flags":
			o.Flags = word.Name
		}
	}
	o.X = p.expression()
	p.expect("with")
	for !p.stageEnds(p.peek()) {
		o.Pattern = append(o.Pattern, p.parsePart())
	}
	o.Span = p.since(at.Start)
	return o
}

func (p *parser) parsePart() ParsePart {
	t := p.peek()
	part := ParsePart{Span: t.Span}
	switch {
	case t.is("*"):
		p.next()
		part.Star = true
	case t.kind == tokenString:
		p.next()
		p.countLiteral(t.Span)
		part.IsText, part.Text = true, t.value
	case nameable(t) || t.is("["):
		part.Name, part.Type = p.newName("a name"), table.String
		if p.accept(":") {
			part.Type = p.typeName()
		}
		part.Span = p.since(t.Start)
	default:
		p.expected("a text, the name of a column, or *")
	}
	return part
}

func readParseKV(p *parser, at Span) Operator {
	o := &ParseKV{X: p.expression()}
	p.expect("as")
	o.Columns, _ = p.schema()
	if p.accept("with") {
		p.bracket("(", ")", func() { p.list(func() { o.Options = append(o.Options, p.property(false)) }) })
	}
	o.Span = p.since(at.Start)
	return o
}

func readSearch(p *parser, at Span) Operator {
	s := &Search{Options: p.options("kind")}
	if p.accept("in") {
		p.bracket("(", ")", func() { s.Tables = p.tableReferences() })
	}
	s.Predicate = p.searchPredicate()
	s.Span = p.since(at.Start)
	return s
}

func (p *parser) searchPredicate() Expr {
	before := p.searching
	p.searching = true
	x := p.expression()
	p.searching = before
	return x
}

func readFind(p *parser, at Span) Operator {
	f := &Find{Options: p.options("withsource", "with_source", "datascope")}
	if p.accept("in") {
		p.bracket("(", ")", func() { f.Tables = p.tableReferences() })
	}
	p.accept("where")
	f.Predicate = p.searchPredicate()
	switch word, size := p.operatorWord(); word {
	case "project-smart":
		p.at += size
		f.Smart = true
	case "project":
		p.next()
		p.list(func() { p.findColumn(f) })
	}
	f.Span = p.since(at.Start)
	return f
}

func isStar(x Expr) bool {
	_, ok := x.(*Star)
	return ok
}

// findColumn is "name[:type]" or pack(*).
func (p *parser) findColumn(f *Find) {
	start := p.peek().Start
	n, kind := Named{}, table.Unknown
	if p.peek().kind == tokenWord && p.ahead(1).is("(") {
		c := p.call()
		if c.Name != "pack" || len(c.Arguments) != 1 || !isStar(c.Arguments[0].Value) {
			p.fail(codeUnexpected, c.Span, "find shows columns and pack(*)", "add | extend behind find")
		}
		n.X = c
	} else {
		quoted := p.peek().is("[")
		n.X = &Name{Name: p.newName("the name of a column"), Quoted: quoted, Span: p.since(start)}
		if p.accept(":") {
			kind = p.typeName()
		}
	}
	n.Span = p.since(start)
	f.Project, f.Types = append(f.Project, n), append(f.Types, kind)
}
