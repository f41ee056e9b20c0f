package expr

import (
	"regexp"
	"strings"
)

func (p *parser) primary() node {
	t := p.tok()
	switch t.kind {
	case tString, tChar, tInt, tReal:
		p.i++
		return &literalX{at(t.pos), t.value}
	case tInterp:
		p.i++
		return p.interpolation(t)
	case tIdent:
		if !t.escaped && reserved(t.text) {
			return p.keyword(t)
		}
		p.i++
		n := &nameX{at: at(t.pos), name: t.text}
		if !t.escaped && t.text == "nameof" && p.is("(") {
			return p.nameof(t.pos)
		}
		n.targs = p.callTypeArguments()
		return n
	}
	if p.is("(") {
		return p.parenthesised()
	}
	fail(t.pos, "expected an expression, found "+describe(t), "")
	return nil
}

// callTypeArguments reads <T> behind a name when C# takes it as type arguments.
func (p *parser) callTypeArguments() []*typeX {
	if !p.is("<") {
		return nil
	}
	start := p.i
	args, ok := p.typeArguments()
	if !ok {
		return nil
	}
	t := p.tok()
	if t.kind == tOp {
		switch t.text {
		case "(", ")", "]", "}", ":", ";", ",", ".", "?", "==", "!=", "|", "^", "&&", "||", "&", "[", "?.":
			return args
		}
	}
	if t.kind == tEOF {
		return args
	}
	p.i = start
	return nil
}

func (p *parser) keyword(t *token) node {
	p.i++
	pos := at(t.pos)
	switch t.text {
	case "true", "false":
		return &literalX{pos, t.text == "true"}
	case "null":
		return &literalX{pos, nil}
	case "new":
		return p.creation(t.pos)
	case "typeof":
		p.expect("(", "after typeof")
		x := &typeofX{pos, p.typeName()}
		p.expect(")", "after the type")
		return x
	case "default":
		if !p.accept("(") {
			return &defaultX{pos, nil}
		}
		x := &defaultX{pos, p.typeName()}
		p.expect(")", "after the type")
		return x
	case "checked", "unchecked":
		p.expect("(", "after "+t.text)
		x := &checkedX{pos, p.expression(), t.text == "checked"}
		p.expect(")", "")
		return x
	case "delegate":
		return p.anonymousMethod(t.pos)
	case "sizeof":
		return p.sizeof(t.pos)
	case "this", "base":
		fail(t.pos, "'"+t.text+"' has no meaning in a policy expression", "")
	}
	if predefinedTypes[t.text] {
		return &typeExprX{pos, &typeX{at: pos, parts: []typePart{{name: t.text}}}}
	}
	fail(t.pos, "unexpected '"+t.text+"'", "")
	return nil
}

func (p *parser) nameof(pos int) node {
	p.expect("(", "after nameof")
	x := p.expression()
	p.expect(")", "")
	switch n := x.(type) {
	case *nameX:
		return &literalX{at(pos), n.name}
	case *memberX:
		return &literalX{at(pos), n.name}
	case *typeExprX:
		return &literalX{at(pos), n.t.parts[0].name}
	}
	fail(pos, "nameof needs a name", "")
	return nil
}

// postfix reads member accesses, calls, indexers and ++ behind an operand.
func (p *parser) postfix(x node) node {
	for {
		t := p.tok()
		if t.kind != tOp {
			return x
		}
		switch t.text {
		case ".", "(", "[":
			x = p.suffix(x)
		case "++", "--":
			p.i++
			x = &stepX{at(t.pos), t.text, false, x}
		case "?.":
			p.i++
			x = p.conditional(t.pos, x, p.member(&receiverX{at(t.pos)}, t.pos))
		case "?":
			n := p.peek(1)
			if n.kind != tOp || n.text != "[" || n.pos != t.end {
				return x
			}
			p.i++
			x = p.conditional(t.pos, x, p.suffix(&receiverX{at(t.pos)}))
		default:
			return x
		}
	}
}

// conditional reads the rest of a chain that is skipped when x is null.
func (p *parser) conditional(pos int, x, tail node) node {
	p.enter()
	defer p.leave()
	for p.is(".") || p.is("(") || p.is("[") {
		tail = p.suffix(tail)
	}
	if t := p.tok(); p.is("?.") {
		p.i++
		tail = p.conditional(t.pos, tail, p.member(&receiverX{at(t.pos)}, t.pos))
	} else if n := p.peek(1); p.is("?") && n.kind == tOp && n.text == "[" && n.pos == t.end {
		p.i++
		tail = p.conditional(t.pos, tail, p.suffix(&receiverX{at(t.pos)}))
	}
	return &conditionalX{at(pos), x, tail}
}

func (p *parser) suffix(x node) node {
	t := p.tok()
	p.i++
	switch t.text {
	case ".":
		return p.member(x, t.pos)
	case "(":
		return &callX{at(t.pos), x, p.arguments(")")}
	}
	args := p.arguments("]")
	if len(args) == 0 {
		fail(t.pos, "the index is missing", "")
	}
	return &indexX{at(t.pos), x, args}
}

func (p *parser) member(x node, dot int) node {
	t := p.tok()
	if t.kind != tIdent {
		fail(t.pos, "expected a member name after the dot, found "+describe(t), "")
	}
	p.i++
	return &memberX{at: at(t.pos), x: x, name: t.text, targs: p.callTypeArguments(), dot: dot}
}

// placeholder matches tokens that deployment scripts leave in texts, such as
// {tenant-id}: in an interpolated string they are literal unless the names in
// them are variables.
var placeholder = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]*(-[A-Za-z][A-Za-z0-9]*)+$`)

func (p *parser) interpolation(t *token) node {
	x := &interpX{at: at(t.pos)}
	for _, part := range t.parts {
		if !part.hole {
			x.parts = append(x.parts, interpNode{text: part.text})
			continue
		}
		raw := p.src[part.start:part.end]
		if strings.TrimSpace(raw) == "" {
			fail(part.start, "an empty hole in the interpolated string", "write {{ for a brace")
		}
		sub := newParser(p.src, part.start, part.end, p.interp+1)
		sub.depth = p.depth
		sub.enter()
		n := interpNode{x: sub.expression(), format: part.format}
		sub.end()
		if part.align != "" {
			n.align = p.number(part.align, part.start)
		} else if part.format == "" && placeholder.MatchString(raw) {
			n.raw = "{" + raw + "}"
		}
		x.parts = append(x.parts, n)
	}
	return x
}
