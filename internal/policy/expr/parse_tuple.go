package expr

// parenthesised reads (x), or the tuple (a, name: b).
func (p *parser) parenthesised() node {
	start := p.expect("(", "")
	x := &tupleX{at: at(start)}
	for {
		name := ""
		if t, n := p.tok(), p.peek(1); t.kind == tIdent && n.kind == tOp && n.text == ":" {
			name = t.text
			p.i += 2
		}
		v := p.tupleItem()
		if !p.is(",") && len(x.items) == 0 && name == "" {
			p.expect(")", "")
			return v
		}
		if name == "" {
			name = impliedName(v)
		}
		x.names, x.items = append(x.names, name), append(x.items, v)
		if !p.accept(",") {
			break
		}
	}
	p.expect(")", "after the tuple")
	return x
}

// tupleItem reads a value, or "int a" and "var a" of a deconstruction.
func (p *parser) tupleItem() node {
	start := p.i
	pos := at(p.tok().pos)
	if t := p.tryType(true); t != nil {
		if n := p.tok(); n.kind == tIdent && (n.escaped || !reserved(n.text)) && !p.queryWord(n.text) && p.peek(1).kind == tOp && (p.peek(1).text == "," || p.peek(1).text == ")") {
			p.i++
			return declaredItem(pos, t, n.text)
		}
	}
	p.i = start
	return p.expression()
}

// declaredItem is one variable that a deconstruction declares.
func declaredItem(pos at, t *typeX, name string) *outVarX {
	if t != nil && len(t.parts) == 1 && t.parts[0].name == "var" {
		t = nil
	}
	return &outVarX{at: pos, t: t, name: name}
}

// deconstruction reads the left side of "var (a, b) = x" and of
// "(int a, var b) in x"; nil when none stands here.
func (p *parser) deconstruction() *tupleX {
	start := p.i
	if p.isWord("var") && p.peek(1).kind == tOp && p.peek(1).text == "(" {
		p.i++
		if x := p.variableNames(); x != nil && (p.is("=") || p.isWord("in")) {
			return x
		}
	}
	p.i = start
	if !p.is("(") || !p.tupleAhead() {
		return nil
	}
	if x, ok := p.parenthesised().(*tupleX); ok && (p.is("=") || p.isWord("in")) {
		return x
	}
	p.i = start
	return nil
}

// tupleAhead tells whether the parenthesis here is followed by = or in.
func (p *parser) tupleAhead() bool {
	depth := 0
	for i := p.i; i < len(p.tokens); i++ {
		t := &p.tokens[i]
		switch {
		case t.kind != tOp:
		case t.text == "(":
			depth++
		case t.text == ")":
			if depth--; depth == 0 {
				n := &p.tokens[min(i+1, len(p.tokens)-1)]
				return n.kind == tOp && n.text == "=" || n.kind == tIdent && n.text == "in"
			}
		case t.text == ";" || t.text == "{":
			return false
		}
	}
	return false
}

// variableNames reads (a, (b, _)) behind var.
func (p *parser) variableNames() *tupleX {
	p.enter()
	defer p.leave()
	x := &tupleX{at: at(p.tok().pos)}
	for p.accept("(") || p.accept(",") {
		t := p.tok()
		switch {
		case p.is("("):
			inner := p.variableNames()
			if inner == nil {
				return nil
			}
			x.items = append(x.items, inner)
		case t.kind == tIdent && (t.escaped || !reserved(t.text)):
			p.i++
			x.items = append(x.items, declaredItem(at(t.pos), nil, t.text))
		default:
			return nil
		}
		x.names = append(x.names, "")
		if p.accept(")") {
			return x
		}
	}
	return nil
}

// anonymousMethod reads delegate (int x) { ... }, the older form of a lambda.
func (p *parser) anonymousMethod(pos int) node {
	l := &lambdaX{at: at(pos)}
	p.expect("(", "after delegate")
	for !p.accept(")") {
		if len(l.params) > 0 {
			p.expect(",", "between parameters")
		}
		par := parameter{pos: p.tok().pos, t: p.typeName()}
		par.name = p.identifier("a parameter name")
		l.params = append(l.params, par)
	}
	l.block = p.block()
	return l
}

var sizes = map[string]int32{"bool": 1, "byte": 1, "sbyte": 1, "char": 2, "short": 2, "ushort": 2, "int": 4, "uint": 4, "long": 8, "ulong": 8,
	"float": 4, "double": 8, "decimal": 16}

func (p *parser) sizeof(pos int) node {
	p.expect("(", "after sizeof")
	t := p.typeName()
	p.expect(")", "after the type")
	if len(t.parts) != 1 || sizes[t.parts[0].name] == 0 {
		fail(pos, "sizeof needs a predefined type of fixed size", "")
	}
	return &literalX{at(pos), sizes[t.parts[0].name]}
}
