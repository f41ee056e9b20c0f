package syntax

// stages gives the reader of each operator by its name.
func stages() map[string]func(*parser, Span) Operator {
	m := map[string]func(*parser, Span) Operator{
		"where": readWhere, "filter": readWhere, "summarize": readSummarize, "distinct": readDistinct,
		"sort": readSort, "order": readSort, "top": readTop, "top-nested": readTopNested, "take": readTake, "limit": readTake,
		"sample": readSample, "sample-distinct": readSampleDistinct, "count": readCount, "join": readJoin, "lookup": readLookup,
		"union": readUnion, "mv-expand": readMvExpand, "mvexpand": readMvExpandOld, "mv-apply": readMvApply, "mvapply": readMvApply,
		"make-series": readMakeSeries, "range": readRange, "print": readPrint, "render": readRender, "evaluate": readEvaluate,
		"serialize": readSerialize, "parse": readParse, "parse-where": readParseWhere, "parse-kv": readParseKV, "search": readSearch,
		"find": readFind, "getschema": readGetSchema, "as": readAs, "invoke": readInvoke, "partition": readPartition,
		"reduce": readReduce, "make-graph": readMakeGraph, "graph-match": readGraphMatch, "graph-to-table": readGraphToTable,
		"graph-shortest-paths": readShortestPaths, "graph-mark-components": readGraphMark, "graph-where-nodes": readGraphWhereNodes, "graph-where-edges": readGraphWhereEdges,
		"top-hitters": readTopHitters, "fork": readFork, "facet": readFacet, "consume": readConsume, "assert-schema": readAssertSchema,
		"scan": readScan,
	}
	for _, kind := range []string{"project", "extend", "project-away", "project-keep", "project-rename", "project-reorder"} {
		m[kind] = func(p *parser, at Span) Operator { return p.project(kind, at) }
	}
	for _, name := range UnsupportedOperators() {
		m[name] = func(p *parser, at Span) Operator { return p.unsupported(name, at.Start) }
	}
	return m
}

// UnsupportedOperators are those of KQL that parse and do not run.
func UnsupportedOperators() []string {
	return []string{"macro-expand"}
}

// unsupported skips an operator's text.
func (p *parser) unsupported(name string, start int) Operator {
	if p.peek().is(name) {
		p.next()
	}
	p.skip(p.at, []string{"|", ";"})
	at := p.since(start)
	return &Unsupported{Span: at, Name: name, Text: p.text[at.Start:at.End]}
}

func readWhere(p *parser, at Span) Operator {
	w := &Where{Options: p.options(), Predicate: p.expression()}
	w.Span = p.since(at.Start)
	return w
}

func (p *parser) project(kind string, at Span) Operator {
	o := &Project{Kind: kind}
	switch kind {
	case "project-away", "project-keep":
		o.Columns = p.columnPatterns()
	case "project-reorder":
		if !p.stageEnds(p.peek()) {
			p.list(func() { o.Columns = append(o.Columns, p.reordered()) })
		}
	default:
		if kind == "extend" || !p.stageEnds(p.peek()) {
			for _, n := range p.namedList() {
				o.Columns = append(o.Columns, Ordered{Named: n})
			}
		}
	}
	o.Span = p.since(at.Start)
	return o
}

func (p *parser) reordered() Ordered {
	x := p.columnPattern()
	o := Ordered{Named: Named{Span: x.Position(), X: x}}
	if word, size := p.operatorWord(); word == "granny-asc" || word == "granny-desc" {
		p.at += size
		o.Asc, o.Given = word == "granny-asc", true
		return o
	}
	p.direction(&o)
	return o
}

func readSummarize(p *parser, at Span) Operator {
	s := &Summarize{Options: p.options()}
	if !p.peek().is("by") && !p.stageEnds(p.peek()) {
		s.Aggregates = p.namedList()
	}
	if p.accept("by") {
		s.By = p.namedList()
	}
	s.Span = p.since(at.Start)
	return s
}

func readDistinct(p *parser, at Span) Operator {
	p.options()
	d := &Distinct{}
	if t := p.peek(); t.is("*") {
		p.next()
		d.Columns = []Named{{Span: t.Span, X: &Star{Span: t.Span}}}
	} else {
		d.Columns = p.namedList()
	}
	d.Span = p.since(at.Start)
	return d
}

func readSort(p *parser, at Span) Operator {
	p.options()
	p.expect("by")
	s := &Sort{}
	p.list(func() { s.By = append(s.By, p.ordered()) })
	s.Span = p.since(at.Start)
	return s
}

func readTop(p *parser, at Span) Operator {
	p.options()
	t := &Top{Count: p.named().X}
	p.expect("by")
	t.By = p.ordered()
	t.Span = p.since(at.Start)
	return t
}

func readTopNested(p *parser, at Span) Operator {
	t := &TopNested{}
	for {
		t.Levels = append(t.Levels, p.topLevel())
		if !p.accept(",") {
			break
		}
		if word, size := p.operatorWord(); word == "top-nested" {
			p.at += size
		} else {
			p.expected("top-nested")
		}
	}
	t.Span = p.since(at.Start)
	return t
}

func (p *parser) topLevel() TopLevel {
	var l TopLevel
	if !p.peek().is("of") {
		l.Count = p.expression()
	}
	p.expect("of")
	l.Of = p.named()
	if p.accept("with") {
		p.expect("others")
		p.expect("=")
		l.Others = p.expression()
	}
	p.expect("by")
	l.By = p.ordered()
	return l
}

func readTake(p *parser, at Span) Operator {
	p.options()
	t := &Take{Count: p.named().X}
	t.Span = p.since(at.Start)
	return t
}

func readSample(p *parser, at Span) Operator {
	s := &Sample{Count: p.named().X}
	s.Span = p.since(at.Start)
	return s
}

func readSampleDistinct(p *parser, at Span) Operator {
	s := &Sample{Count: p.named().X}
	p.expect("of")
	s.Of = p.named().X
	s.Span = p.since(at.Start)
	return s
}

func readCount(p *parser, at Span) Operator {
	c := &Count{}
	if p.accept("as") {
		c.As = p.newName("a name")
	}
	c.Span = p.since(at.Start)
	return c
}

func readJoin(p *parser, at Span) Operator   { return p.join(false, at) }
func readLookup(p *parser, at Span) Operator { return p.join(true, at) }

func (p *parser) join(lookup bool, at Span) Operator {
	j := &Join{Lookup: lookup}
	for _, o := range p.options("kind") {
		if word, ok := o.Value.(*Name); ok && o.Name == "kind" {
			j.Kind = word.Name
			continue
		}
		j.Options = append(j.Options, o)
	}
	j.Right = p.tableReference()
	if lookup && !p.peek().is("on") {
		p.expected("\"on\"")
	}
	if p.accept("on") {
		p.list(func() { j.On = append(j.On, p.expression()) })
	}
	j.Span = p.since(at.Start)
	return j
}

func readUnion(p *parser, at Span) Operator {
	u := &Union{Options: p.options("kind", "withsource", "with_source", "isfuzzy"), Tables: p.tableReferences()}
	u.Span = p.since(at.Start)
	return u
}

func readRange(p *parser, at Span) Operator {
	r := &Range{Name: p.newName("the name of a column")}
	p.expect("from")
	r.From = p.expression()
	p.expect("to")
	r.To = p.expression()
	p.expect("step")
	r.Step = p.expression()
	r.Span = p.since(at.Start)
	return r
}

func readPrint(p *parser, at Span) Operator {
	o := &Print{Columns: p.namedList()}
	o.Span = p.since(at.Start)
	return o
}

func readSerialize(p *parser, at Span) Operator {
	p.options()
	s := &Serialize{}
	if !p.stageEnds(p.peek()) {
		s.Columns = p.namedList()
	}
	s.Span = p.since(at.Start)
	return s
}

func readGetSchema(p *parser, at Span) Operator { return &GetSchema{Span: p.since(at.Start)} }

func readAs(p *parser, at Span) Operator {
	a := &As{Options: p.options(), Name: p.newName("a name")}
	a.Span = p.since(at.Start)
	return a
}

func readInvoke(p *parser, at Span) Operator {
	i := &Invoke{Call: p.functionCall()}
	i.Span = p.since(at.Start)
	return i
}

// functionCall is a call, where nothing else may stand.
func (p *parser) functionCall() *Call {
	if p.peek().kind == tokenWord && p.ahead(1).is("(") {
		if c, ok := p.postfix().(*Call); ok {
			return c
		}
	}
	p.expected("a function call")
	return nil
}

func readEvaluate(p *parser, at Span) Operator {
	e := &Evaluate{Options: p.options(), Plugin: p.functionCall()}
	if p.accept(":") {
		e.Schema, e.Open = p.schema()
	}
	e.Span = p.since(at.Start)
	return e
}
