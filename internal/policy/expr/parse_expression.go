package expr

import "strconv"

func (p *parser) expression() node {
	p.enter()
	defer p.leave()
	if n := p.tryLambda(); n != nil {
		return n
	}
	if n := p.tryQuery(); n != nil {
		return n
	}
	t := p.tok()
	if p.acceptWord("throw") {
		return &throwX{at(t.pos), p.expression()}
	}
	l := p.ternary()
	op := p.tok()
	if op.kind != tOp {
		return l
	}
	switch op.text {
	case "=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=", ">>=", "??=":
		p.i++
		return &assignX{at(op.pos), op.text[:len(op.text)-1], l, p.expression()}
	case ">":
		// >>= comes as > >= without space.
		if n := p.peek(1); n.kind == tOp && n.text == ">=" && n.pos == op.end {
			p.i += 2
			return &assignX{at(op.pos), ">>", l, p.expression()}
		}
	}
	return l
}

func (p *parser) ternary() node {
	c := p.binary(0)
	if !p.is("?") {
		return c
	}
	q := p.tok().pos
	p.i++
	yes := p.expression()
	p.expect(":", "in the conditional expression")
	return &ternaryX{at(q), c, yes, p.expression()}
}

func precedence(op string) int {
	switch op {
	case "??":
		return 1
	case "||":
		return 2
	case "&&":
		return 3
	case "|":
		return 4
	case "^":
		return 5
	case "&":
		return 6
	case "==", "!=":
		return 7
	case "<", ">", "<=", ">=", "is", "as":
		return 8
	case "<<", ">>":
		return 9
	case "+", "-":
		return 10
	case "*", "/", "%":
		return 11
	}
	return 0
}

// operator is the binary operator at the current token, "" when none; > > is >>.
func (p *parser) operator() (string, int) {
	t := p.tok()
	if t.kind == tIdent && !t.escaped && (t.text == "is" || t.text == "as") {
		return t.text, 1
	}
	if t.kind != tOp {
		return "", 0
	}
	if n := p.peek(1); t.text == ">" && n.kind == tOp && n.pos == t.end {
		if n.text == ">" {
			return ">>", 2
		}
		if n.text == ">=" {
			return "", 0
		}
	}
	return t.text, 1
}

func (p *parser) binary(min int) node {
	l := p.unary()
	// Long chains such as a + b + ... are loops, not recursion.
	for {
		op, n := p.operator()
		prec := precedence(op)
		if prec == 0 || prec <= min {
			return l
		}
		pos := p.tok().pos
		p.i += n
		switch op {
		case "is":
			l = &isX{at(pos), l, p.pattern()}
		case "as":
			l = &asX{at(pos), l, p.asType()}
		case "??":
			p.enter()
			var r node
			if t := p.tok(); p.acceptWord("throw") {
				r = &throwX{at(t.pos), p.expression()}
			} else {
				r = p.binary(prec - 1)
			}
			p.leave()
			l = &binaryX{at(l.offset()), op, l, r, pos}
		default:
			p.enter()
			r := p.binary(prec)
			p.leave()
			l = &binaryX{at(l.offset()), op, l, r, pos}
		}
	}
}

// asType reads the type after as or is: "x as int ? a : b" is a conditional.
func (p *parser) asType() *typeX {
	start := p.i
	t := p.typeName()
	if !t.nullable {
		return t
	}
	if !p.startsOperand() {
		return t
	}
	p.i = start
	inner := p.tryType(false)
	for rank := p.emptyBrackets(); rank >= 0; rank = p.emptyBrackets() {
		inner = &typeX{at: inner.at, elem: inner, array: true, rank: rank}
	}
	return inner
}

// startsOperand tells whether an operand can begin at the current token.
func (p *parser) startsOperand() bool {
	t := p.tok()
	switch t.kind {
	case tEOF:
		return false
	case tOp:
		return t.text == "(" || t.text == "!" || t.text == "~" || t.text == "-"
	case tIdent:
		return t.escaped || t.text != "is" && t.text != "as"
	}
	return true
}

func (p *parser) pattern() *pattern {
	t := p.tok()
	out := &pattern{at: at(t.pos)}
	if p.isWord("var") && p.peek(1).kind == tIdent {
		p.i++
		out.isv, out.name = true, p.identifier("a name")
		return out
	}
	if t.kind == tIdent && (t.escaped || !reserved(t.text) || predefinedTypes[t.text]) {
		start := p.i
		ty := p.asType()
		if n := p.tok(); n.kind == tIdent && (n.escaped || !reserved(n.text)) && n.text != "when" && !p.queryWord(n.text) {
			p.i++
			out.t, out.name = ty, n.text
			return out
		}
		if !p.is(".") && !p.is("(") && !p.is("?.") {
			out.t = ty
			return out
		}
		p.i = start
	}
	out.x = p.binary(8)
	return out
}

func (p *parser) unary() node {
	p.enter()
	defer p.leave()
	t := p.tok()
	if t.kind == tOp {
		switch t.text {
		case "!", "~", "-", "+":
			p.i++
			return &unaryX{at(t.pos), t.text, p.unary()}
		case "++", "--":
			p.i++
			return &stepX{at(t.pos), t.text, true, p.unary()}
		case "(":
			if c := p.tryCast(); c != nil {
				return c
			}
		}
	}
	if t.kind == tIdent && !t.escaped && t.text == "await" {
		fail(t.pos, "await cannot be used in policy expressions", "")
	}
	return p.postfix(p.primary())
}

// tryCast reads (T)x by the disambiguation rule of C#.
func (p *parser) tryCast() node {
	start := p.i
	pos := p.tok().pos
	p.i++
	t := p.tryType(true)
	if t == nil || !p.is(")") {
		p.i = start
		return nil
	}
	p.i++
	simple := t.elem != nil && t.array || t.nullable || len(t.parts) == 1 && predefinedTypes[t.parts[0].name]
	n := p.tok()
	ok := simple && p.startsOperand()
	if !simple {
		switch n.kind {
		case tOp:
			ok = n.text == "(" || n.text == "!" || n.text == "~"
		case tIdent:
			ok = n.escaped || n.text != "is" && n.text != "as"
		case tEOF:
		default:
			ok = true
		}
	}
	if !ok {
		p.i = start
		return nil
	}
	return &castX{at(pos), t, p.unary()}
}

// tryLambda reads x => ..., (x, y) => ... or (T x) => ....
func (p *parser) tryLambda() node {
	t := p.tok()
	if t.kind == tIdent && (t.escaped || !reserved(t.text)) {
		if n := p.peek(1); n.kind == tOp && n.text == "=>" {
			p.i += 2
			return p.lambdaBody(&lambdaX{at: at(t.pos), params: []parameter{{pos: t.pos, name: t.text}}})
		}
		return nil
	}
	if !p.is("(") || !p.lambdaAhead() {
		return nil
	}
	p.i++
	l := &lambdaX{at: at(t.pos)}
	for !p.accept(")") {
		if len(l.params) > 0 {
			p.expect(",", "between parameters")
		}
		par := parameter{pos: p.tok().pos}
		if n := p.peek(1); n.kind != tOp || n.text != "," && n.text != ")" {
			par.t = p.typeName()
		}
		par.name = p.identifier("a parameter name")
		l.params = append(l.params, par)
	}
	p.expect("=>", "in the lambda expression")
	return p.lambdaBody(l)
}

// lambdaAhead tells whether the parenthesis at the current token is followed by =>.
func (p *parser) lambdaAhead() bool {
	depth := 0
	for i := p.i; i < len(p.tokens); i++ {
		t := &p.tokens[i]
		if t.kind != tOp {
			continue
		}
		switch t.text {
		case "(", "[":
			depth++
		case ")", "]":
			if depth--; depth == 0 {
				n := &p.tokens[min(i+1, len(p.tokens)-1)]
				return n.kind == tOp && n.text == "=>"
			}
		case ";", "{", "}":
			return false
		}
	}
	return false
}

func (p *parser) lambdaBody(l *lambdaX) node {
	if p.is("{") {
		l.block = p.block()
	} else {
		l.body = p.expression()
	}
	return l
}

func (p *parser) arguments(closing string) []argument {
	var out []argument
	for !p.accept(closing) {
		if len(out) > 0 {
			p.expect(",", "or "+closing+" after the argument")
		}
		out = append(out, p.argument())
	}
	return out
}

func (p *parser) argument() argument {
	var a argument
	if t, n := p.tok(), p.peek(1); t.kind == tIdent && n.kind == tOp && n.text == ":" {
		a.name = t.text
		p.i += 2
	}
	if p.acceptWord("ref") {
		a.out, a.ref, a.x = true, true, p.unary()
		return a
	}
	if !p.isWord("out") {
		a.x = p.expression()
		return a
	}
	a.out = true
	pos := p.tok().pos
	p.i++
	start := p.i
	if t := p.tryType(true); t != nil && p.tok().kind == tIdent {
		v := &outVarX{at: at(pos), t: t, name: p.identifier("a variable name")}
		if len(t.parts) == 1 && t.parts[0].name == "var" {
			v.t = nil
		}
		a.x = v
		return a
	}
	p.i = start
	a.x = p.expression()
	return a
}

func (p *parser) number(s string, pos int) int {
	n, err := strconv.Atoi(s)
	if err != nil || n > 10000 || n < -10000 {
		fail(pos, "the alignment must be a whole number", "")
	}
	return n
}
