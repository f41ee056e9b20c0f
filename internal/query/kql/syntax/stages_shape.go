package syntax

func readMvExpand(p *parser, at Span) Operator    { return p.mvExpand(false, at) }
func readMvExpandOld(p *parser, at Span) Operator { return p.mvExpand(true, at) }

func (p *parser) mvExpand(old bool, at Span) Operator {
	m := &MvExpand{Deprecated: old, Options: p.options("bagexpansion", "kind", "with_itemindex")}
	p.list(func() { m.Columns = append(m.Columns, p.expansion()) })
	if p.accept("limit") {
		m.Limit = p.expression()
	}
	m.Span = p.since(at.Start)
	return m
}

func (p *parser) expansion() Expansion {
	e := Expansion{Named: p.named()}
	if p.accept("to") {
		t := p.peek()
		if t.kind != tokenTyped || t.word != "typeof" {
			p.expected("typeof(...)")
		}
		if l, ok := p.literal().(*TypeLiteral); ok {
			e.To = l.Type
		}
	}
	return e
}

func readMvApply(p *parser, at Span) Operator {
	m := &MvApply{Options: p.options("with_itemindex")}
	p.list(func() { m.Columns = append(m.Columns, p.expansion()) })
	if p.accept("limit") {
		m.Limit = p.expression()
	}
	p.expect("on")
	p.bracket("(", ")", func() { m.Body = p.operatorsOnly() })
	m.Span = p.since(at.Start)
	return m
}

func readMakeSeries(p *parser, at Span) Operator {
	m := &MakeSeries{Options: p.options("kind")}
	p.list(func() { m.Aggregates = append(m.Aggregates, p.seriesAggregate()) })
	p.expect("on")
	m.On = p.named()
	if p.accept("in") {
		p.expect("range")
		m.InRange = true
		p.bracket("(", ")", func() {
			m.From = p.expression()
			p.expect(",")
			m.To = p.expression()
			p.expect(",")
			m.Step = p.expression()
		})
	} else {
		p.seriesRange(m)
	}
	if p.accept("by") {
		m.By = p.namedList()
	}
	m.Span = p.since(at.Start)
	return m
}

func (p *parser) seriesRange(m *MakeSeries) {
	if p.accept("from") {
		m.From = p.expression()
	}
	if p.accept("to") {
		m.To = p.expression()
	}
	p.expect("step")
	m.Step = p.expression()
}

func (p *parser) seriesAggregate() SeriesAggregate {
	a := SeriesAggregate{Named: p.named()}
	if p.accept("default") {
		p.expect("=")
		a.Default = p.expression()
	}
	return a
}

func readPartition(p *parser, at Span) Operator {
	o := &Partition{Options: p.options()}
	p.expect("by")
	o.By = p.columnPath()
	if p.peek().is("{") {
		p.bracket("{", "}", func() { o.Full = p.tabular() })
	} else {
		p.bracket("(", ")", func() { o.Body = p.operatorsOnly() })
	}
	o.Span = p.since(at.Start)
	return o
}

// columnPath is a column with members behind it; a bracket begins something else.
func (p *parser) columnPath() Expr {
	t := p.peek()
	if !readable(t) {
		return p.postfix()
	}
	p.next()
	var x Expr = &Name{Span: t.Span, Name: t.text}
	for {
		switch {
		case p.peek().is("."):
			p.next()
			m := p.peek()
			member := p.newName("the name of a member")
			x = &Path{X: x, Member: member, MemberAt: m.Span, Span: p.since(t.Start)}
		case p.peek().is("["):
			x = p.index(x, t.Start)
		default:
			return x
		}
	}
}

func readReduce(p *parser, at Span) Operator {
	r := &Reduce{Options: p.options("kind")}
	p.expect("by")
	r.By = p.named().X
	if p.accept("with") {
		p.list(func() { r.Options = append(r.Options, p.property(false)) })
	}
	r.Span = p.since(at.Start)
	return r
}
