package expr

func (p *parser) block() *blockStmt {
	p.enter()
	defer p.leave()
	b := &blockStmt{at: at(p.expect("{", "before the statements"))}
	for !p.is("}") {
		if p.tok().kind == tEOF {
			fail(b.offset(), "this { is not closed", "")
		}
		b.list = append(b.list, p.statement())
	}
	b.end = p.tok().pos
	p.i++
	return b
}

func (p *parser) statement() node {
	p.enter()
	defer p.leave()
	t := p.tok()
	if p.is("{") {
		return p.block()
	}
	if p.accept(";") {
		return &emptyStmt{at(t.pos)}
	}
	if t.kind == tIdent && !t.escaped {
		if s := p.keywordStatement(t); s != nil {
			return s
		}
	}
	if s := p.declaration(); s != nil {
		return s
	}
	if l := p.deconstruction(); l != nil {
		x := &assignX{at(p.expect("=", "after the variables")), "", l, p.expression()}
		p.semicolon()
		return &exprStmt{at(t.pos), x}
	}
	x := p.expression()
	p.semicolon()
	return &exprStmt{at(t.pos), x}
}

func (p *parser) semicolon() {
	if p.is(";") {
		p.i++
		return
	}
	prev := p.tokens[max(p.i-1, 0)]
	fail(prev.end, "expected ; found "+describe(p.tok()), "end the statement with ;")
}

func (p *parser) keywordStatement(t *token) node {
	pos := at(t.pos)
	switch t.text {
	case "if":
		return p.ifStatement(pos)
	case "for":
		return p.forStatement(pos)
	case "foreach":
		return p.foreachStatement(pos)
	case "while":
		p.i++
		return &whileStmt{at: pos, cond: p.condition("while"), body: p.statement()}
	case "do":
		p.i++
		s := &whileStmt{at: pos, do: true, body: p.statement()}
		if !p.acceptWord("while") {
			fail(p.tok().pos, "expected while after the body of do", "")
		}
		s.cond = p.condition("while")
		p.semicolon()
		return s
	case "switch":
		return p.switchStatement(pos)
	case "try":
		return p.tryStatement(pos)
	case "using":
		return p.usingStatement(pos)
	case "lock":
		// One request runs on one thread: nothing is to be kept out.
		p.i++
		return &usingStmt{at: pos, x: p.condition("lock"), body: p.statement()}
	case "return":
		p.i++
		s := &returnStmt{at: pos}
		if !p.is(";") {
			s.x = p.expression()
		}
		p.semicolon()
		return s
	case "throw":
		p.i++
		s := &throwStmt{at: pos}
		if !p.is(";") {
			s.x = p.expression()
		}
		p.semicolon()
		return s
	case "break", "continue":
		p.i++
		p.semicolon()
		return &jumpStmt{pos, t.text}
	case "const":
		p.i++
		d := p.variables(pos, p.typeName())
		d.konst = true
		p.semicolon()
		return d
	case "checked", "unchecked":
		if n := p.peek(1); n.kind == tOp && n.text == "{" {
			p.i++
			body := p.block()
			body.checked = t.text
			return body
		}
	case "goto", "fixed", "unsafe", "yield":
		if t.text != "yield" || p.peek(1).text == "return" || p.peek(1).text == "break" {
			fail(t.pos, "the statement '"+t.text+"' cannot be used in policy expressions", "")
		}
	}
	return nil
}

func (p *parser) condition(what string) node {
	p.expect("(", "after "+what)
	c := p.expression()
	p.expect(")", "after the condition")
	return c
}

func (p *parser) ifStatement(pos at) node {
	p.i++
	s := &ifStmt{at: pos, cond: p.condition("if"), then: p.statement()}
	if p.acceptWord("else") {
		s.els = p.statement()
	}
	return s
}

func (p *parser) forStatement(pos at) node {
	p.i++
	p.expect("(", "after for")
	s := &forStmt{at: pos}
	if !p.is(";") {
		if d := p.declarationHead(); d != nil {
			s.init = []node{d}
		} else if l := p.deconstruction(); l != nil {
			s.init = []node{&exprStmt{l.at, &assignX{at(p.expect("=", "after the variables")), "", l, p.expression()}}}
		} else {
			s.init = p.expressionList(";")
		}
	}
	p.expect(";", "in for")
	if !p.is(";") {
		s.cond = p.expression()
	}
	p.expect(";", "in for")
	if !p.is(")") {
		s.post = p.expressionList(")")
	}
	p.expect(")", "after for")
	s.body = p.statement()
	return s
}

func (p *parser) expressionList(stop string) []node {
	var out []node
	for {
		pos := p.tok().pos
		out = append(out, &exprStmt{at(pos), p.expression()})
		if p.is(stop) || !p.accept(",") {
			return out
		}
	}
}

func (p *parser) foreachStatement(pos at) node {
	p.i++
	p.expect("(", "after foreach")
	s := &foreachStmt{at: pos}
	if s.parts = p.deconstruction(); s.parts == nil {
		s.t = p.varOrType()
		s.name = p.identifier("a variable name")
	}
	if !p.acceptWord("in") {
		fail(p.tok().pos, "expected in, found "+describe(p.tok()), "write foreach (var x in list)")
	}
	s.in = p.expression()
	p.expect(")", "after foreach")
	s.body = p.statement()
	return s
}

// varOrType reads a type; var gives nil.
func (p *parser) varOrType() *typeX {
	t := p.typeName()
	if t.elem == nil && len(t.parts) == 1 && t.parts[0].name == "var" && t.parts[0].args == nil {
		return nil
	}
	return t
}

func (p *parser) switchStatement(pos at) node {
	p.i++
	s := &switchStmt{at: pos, x: p.condition("switch")}
	p.expect("{", "after switch")
	for !p.accept("}") {
		var sec switchSection
		for p.isWord("case") || p.isWord("default") {
			sec.labels = append(sec.labels, p.switchLabel())
		}
		if len(sec.labels) == 0 {
			fail(p.tok().pos, "expected case or default, found "+describe(p.tok()), "")
		}
		for !p.isWord("case") && !p.is("}") && !(p.isWord("default") && p.peek(1).text == ":") {
			if p.tok().kind == tEOF {
				fail(int(pos), "this switch is not closed", "")
			}
			sec.body = append(sec.body, p.statement())
		}
		s.sections = append(s.sections, sec)
	}
	return s
}

func (p *parser) switchLabel() switchLabel {
	l := switchLabel{pos: p.tok().pos}
	if p.acceptWord("default") {
		p.expect(":", "after default")
		return l
	}
	p.i++
	l.p = p.pattern()
	if p.acceptWord("when") {
		l.when = p.expression()
	}
	p.expect(":", "after case")
	return l
}

func (p *parser) tryStatement(pos at) node {
	p.i++
	s := &tryStmt{at: pos, body: p.block()}
	for p.isWord("catch") {
		c := catchClause{at: at(p.tok().pos)}
		p.i++
		if p.accept("(") {
			c.t = p.typeName()
			if !p.is(")") {
				c.name = p.identifier("a variable name")
			}
			p.expect(")", "after the exception")
		}
		if p.acceptWord("when") {
			c.when = p.condition("when")
		}
		c.body = p.block()
		s.catches = append(s.catches, c)
	}
	if p.acceptWord("finally") {
		s.finally = p.block()
	}
	if s.catches == nil && s.finally == nil {
		fail(p.tok().pos, "try needs a catch or a finally block", "")
	}
	return s
}

func (p *parser) usingStatement(pos at) node {
	p.i++
	p.expect("(", "after using")
	s := &usingStmt{at: pos}
	if d := p.declarationHead(); d != nil {
		s.decl = d
	} else {
		s.x = p.expression()
	}
	p.expect(")", "after using")
	s.body = p.statement()
	return s
}

// declaration reads a variable declaration or a local function, or gives nil.
func (p *parser) declaration() node {
	start := p.i
	pos := at(p.tok().pos)
	p.acceptWord("static")
	if p.isWord("void") {
		p.i++
		return p.localFunction(pos, nil)
	}
	t := p.tryType(true)
	if t != nil && p.tok().kind == tIdent && p.peek(1).kind == tOp && p.peek(1).text == "(" && !reserved(p.tok().text) {
		return p.localFunction(pos, t)
	}
	p.i = start
	d := p.declarationHead()
	if d == nil {
		return nil
	}
	p.semicolon()
	return d
}

// declarationHead reads "T a = 1, b" without the semicolon, or gives nil.
func (p *parser) declarationHead() *declStmt {
	start := p.i
	pos := at(p.tok().pos)
	t := p.tryType(true)
	if t == nil || p.tok().kind != tIdent || !p.tok().escaped && reserved(p.tok().text) || p.isWord("is") || p.isWord("as") {
		p.i = start
		return nil
	}
	return p.variables(pos, t)
}

func (p *parser) variables(pos at, t *typeX) *declStmt {
	d := &declStmt{at: pos, t: t}
	if t.elem == nil && len(t.parts) == 1 && t.parts[0].name == "var" && t.parts[0].args == nil {
		d.t = nil
	}
	for {
		v := declared{pos: p.tok().pos, name: p.identifier("a variable name")}
		if p.accept("=") {
			if p.is("{") {
				v.arr = p.initializer()
			} else {
				v.x = p.expression()
			}
		}
		d.vars = append(d.vars, v)
		if !p.accept(",") {
			return d
		}
	}
}

func (p *parser) localFunction(pos at, ret *typeX) node {
	f := &funcStmt{at: pos, ret: ret, name: p.identifier("a function name")}
	if p.is("<") {
		fail(p.tok().pos, "generic local functions cannot be used in policy expressions", "")
	}
	p.expect("(", "after the function name")
	for !p.accept(")") {
		if len(f.params) > 0 {
			p.expect(",", "between parameters")
		}
		par := parameter{pos: p.tok().pos}
		if p.isWord("ref") || p.isWord("out") || p.isWord("params") {
			par.mode = p.tok().text
			p.i++
		}
		par.t = p.typeName()
		par.name = p.identifier("a parameter name")
		if p.accept("=") {
			par.def = p.expression()
		}
		f.params = append(f.params, par)
	}
	if p.accept("=>") {
		f.x = p.expression()
		p.semicolon()
		return f
	}
	f.body = p.block()
	return f
}
