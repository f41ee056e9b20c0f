package syntax

// Operators that give several tables, or none.

func readTopHitters(p *parser, at Span) Operator {
	t := &TopHitters{Count: p.expression()}
	p.expect("of")
	t.Of = p.named()
	if p.accept("by") {
		t.Weight = p.expression()
	}
	t.Span = p.since(at.Start)
	return t
}

func readFork(p *parser, at Span) Operator {
	f := &Fork{}
	for {
		var b Branch
		if t := p.peek(); nameable(t) && p.ahead(1).is("=") {
			p.at += 2
			b.Name = t.text
		}
		p.bracket("(", ")", func() { b.Body = p.operatorsOnly() })
		f.Branches = append(f.Branches, b)
		if t := p.peek(); !t.is("(") && !(nameable(t) && p.ahead(1).is("=")) {
			break
		}
	}
	f.Span = p.since(at.Start)
	return f
}

func readFacet(p *parser, at Span) Operator {
	p.expect("by")
	f := &Facet{}
	p.list(func() { f.By = append(f.By, p.columnPath()) })
	if p.accept("with") {
		p.bracket("(", ")", func() { f.With = p.operatorsOnly() })
	}
	f.Span = p.since(at.Start)
	return f
}

func readConsume(p *parser, at Span) Operator {
	p.options("decodeblocks")
	return &Consume{Span: p.since(at.Start)}
}

func readAssertSchema(p *parser, at Span) Operator {
	a := &AssertSchema{}
	a.Columns, a.Open = p.schema()
	a.Span = p.since(at.Start)
	return a
}
