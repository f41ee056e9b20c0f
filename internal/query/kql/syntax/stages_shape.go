package syntax

import (
	"strconv"

	"gatehouse/internal/query/kql/table"
)

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

func readMakeGraph(p *parser, at Span) Operator {
	g := &MakeGraph{Source: p.postfix()}
	for _, mark := range []string{"-", "-", ">"} {
		p.expect(mark)
	}
	g.Target = p.postfix()
	if p.accept("with") {
		p.list(func() {
			n := GraphNodes{Table: p.postfix()}
			p.expect("on")
			n.Key = p.postfix()
			g.Nodes = append(g.Nodes, n)
		})
	}
	g.Span = p.since(at.Start)
	return g
}

func readGraphMatch(p *parser, at Span) Operator {
	g := &GraphMatch{Options: p.options("cycles")}
	p.list(func() { g.Patterns = append(g.Patterns, p.graphPattern()) })
	if p.accept("where") {
		g.Where = p.expression()
	}
	if p.accept("project") {
		g.Project = p.namedList()
	}
	g.Span = p.since(at.Start)
	return g
}

// graphPattern is "(a)-[e]->(b)--(c)".
func (p *parser) graphPattern() []GraphStep {
	list := []GraphStep{p.graphNode()}
	for p.peek().is("-") || p.peek().is("<") {
		list = append(list, p.graphEdge(), p.graphNode())
	}
	return list
}

func (p *parser) graphNode() GraphStep {
	start := p.peek().Start
	var s GraphStep
	p.bracket("(", ")", func() {
		if !p.peek().is(")") {
			s.Name = p.newName("the name of a node")
		}
	})
	s.Span = p.since(start)
	return s
}

func (p *parser) graphEdge() GraphStep {
	start := p.peek().Start
	s := GraphStep{Edge: true, Left: p.accept("<")}
	p.expect("-")
	if p.peek().is("[") {
		p.bracket("[", "]", func() {
			if nameable(p.peek()) {
				s.Name = p.next().text
			}
			if p.accept("*") {
				s.Min = p.bound(1)
				p.expect("..")
				if s.Max = p.bound(maxSteps); s.Max < max(1, s.Min) {
					p.fail(codeLiteral, p.since(start), "a path cannot be this short", "write *1..3 for one to three steps")
				}
			}
		})
	}
	p.expect("-")
	if !s.Left {
		s.Right = p.accept(">")
	}
	s.Span = p.since(start)
	return s
}

// maxSteps is the longest path that a pattern of a graph may ask for.
const maxSteps = 1000

// bound is a number of steps in a graph. {Name} is a parameter of a workbook
// that nobody filled in: it leaves the bound open.
func (p *parser) bound(open int) int {
	if p.peek().is("{") {
		p.bracket("{", "}", func() { p.newName("the name of a parameter") })
		return open
	}
	t := p.peek()
	n, err := strconv.Atoi(t.text)
	if t.kind != tokenInteger || err != nil || n > maxSteps {
		p.expected("a number of steps, at most 1000,")
	}
	p.next()
	return n
}
