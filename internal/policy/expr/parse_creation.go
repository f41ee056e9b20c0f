package expr

// creation reads what follows "new".
func (p *parser) creation(pos int) node {
	switch {
	case p.is("{"):
		return p.anonymous(pos)
	case p.is("["):
		rank := p.emptyBrackets()
		if rank < 0 {
			p.i++
			p.expect("]", "after new[")
		}
		return &newArrayX{at: at(pos), rank: rank, init: p.initializer()}
	}
	t := p.tryType(false)
	if t == nil {
		fail(p.tok().pos, "expected a type after new, found "+describe(p.tok()), "")
	}
	if p.is("?") {
		p.i++
		t = &typeX{at: t.at, elem: t, nullable: true}
	}
	if p.is("[") {
		return p.newArray(pos, t)
	}
	x := &newX{at: at(pos), t: t}
	switch {
	case p.accept("("):
		x.args = p.arguments(")")
	case !p.is("{"):
		fail(p.tok().pos, "expected ( or { after the type, found "+describe(p.tok()), "")
	}
	if p.is("{") {
		x.init = p.initializer()
	}
	return x
}

func (p *parser) newArray(pos int, t *typeX) node {
	x := &newArrayX{at: at(pos), elem: t}
	if x.rank = p.emptyBrackets(); x.rank < 0 {
		p.i++
		x.size = append(x.size, p.expression())
		for p.accept(",") {
			x.size = append(x.size, p.expression())
		}
		p.expect("]", "")
		x.rank = len(x.size) - 1
	}
	for rank := p.emptyBrackets(); rank >= 0; rank = p.emptyBrackets() {
		x.elem = &typeX{at: t.at, elem: x.elem, array: true, rank: rank}
	}
	if p.is("{") {
		x.init = p.initializer()
	} else if x.size == nil {
		fail(p.tok().pos, "the array needs a size or values", "")
	}
	return x
}

func (p *parser) anonymous(pos int) node {
	x := &anonymousX{at: at(pos)}
	p.i++
	for !p.accept("}") {
		if len(x.names) > 0 {
			p.expect(",", "or } in the anonymous object")
			if p.accept("}") {
				break
			}
		}
		name := ""
		if t, n := p.tok(), p.peek(1); t.kind == tIdent && n.kind == tOp && n.text == "=" {
			name = t.text
			p.i += 2
		}
		v := p.expression()
		if name == "" {
			name = impliedName(v)
		}
		if name == "" {
			fail(v.offset(), "this member of the anonymous object needs a name", "write Name = value")
		}
		x.names, x.values = append(x.names, name), append(x.values, v)
	}
	return x
}

func impliedName(n node) string {
	switch v := n.(type) {
	case *nameX:
		return v.name
	case *memberX:
		return v.name
	case *conditionalX:
		return impliedName(v.tail)
	}
	return ""
}

func (p *parser) initializer() *initializer {
	p.enter()
	defer p.leave()
	in := &initializer{at: at(p.expect("{", "before the values"))}
	for !p.accept("}") {
		if len(in.items) > 0 {
			p.expect(",", "or } between the values")
			if p.accept("}") {
				break
			}
		}
		in.items = append(in.items, p.initItem())
	}
	return in
}

func (p *parser) initItem() initItem {
	t := p.tok()
	item := initItem{pos: t.pos}
	switch n := p.peek(1); {
	case p.is("{"):
		p.i++
		item.braces = true
		for !p.accept("}") {
			if len(item.values) > 0 {
				p.expect(",", "or } between the values")
				if p.accept("}") {
					break
				}
			}
			item.values = append(item.values, p.expression())
		}
		return item
	case p.is("["):
		p.i++
		item.index = p.arguments("]")
		p.expect("=", "after the index")
	case t.kind == tIdent && n.kind == tOp && n.text == "=":
		item.name = t.text
		p.i += 2
	}
	if p.is("{") && (item.name != "" || item.index != nil) {
		item.nested = p.initializer()
		return item
	}
	item.values = []node{p.expression()}
	return item
}
