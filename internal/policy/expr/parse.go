package expr

import (
	"slices"
	"strings"
)

// parser reads tokens by recursive descent, operators by precedence.
type parser struct {
	src    string
	tokens []token
	i      int
	depth  int // of brackets and operators
	interp int // of interpolated strings
	// queries counts the query expressions around the current token.
	queries int
}

// parseProgram reads a whole expression, or with block a list of statements.
func parseProgram(text string, block bool) (n node, err *Error) {
	defer catchCompile(&err)
	p := newParser(text, 0, len(text), 0)
	if block {
		b := &blockStmt{at: 0, end: len(text)}
		for p.tok().kind != tEOF {
			b.list = append(b.list, p.statement())
		}
		return b, nil
	}
	n = p.expression()
	if p.is(";") && p.peek(1).kind == tEOF {
		fail(p.tok().pos, "a ; at the end of an expression", "remove it, or write @{ return ...; }")
	}
	p.end()
	return n, nil
}

func newParser(src string, start, end, interp int) *parser {
	tokens, err := lex(src, start, end, interp)
	if err != nil {
		panic(err)
	}
	return &parser{src: src, tokens: tokens, interp: interp}
}

func (p *parser) tok() *token { return &p.tokens[p.i] }

func (p *parser) peek(n int) *token {
	if p.i+n < len(p.tokens) {
		return &p.tokens[p.i+n]
	}
	return &p.tokens[len(p.tokens)-1]
}

func (p *parser) is(op string) bool {
	t := p.tok()
	return t.kind == tOp && t.text == op
}

func (p *parser) isWord(word string) bool {
	t := p.tok()
	return t.kind == tIdent && t.text == word && !t.escaped
}

func (p *parser) accept(op string) bool {
	if p.is(op) {
		p.i++
		return true
	}
	return false
}

func (p *parser) acceptWord(word string) bool {
	if p.isWord(word) {
		p.i++
		return true
	}
	return false
}

func (p *parser) expect(op, where string) int {
	t := p.tok()
	if !p.is(op) {
		fail(t.pos, "expected "+op+" "+where+", found "+describe(t), "")
	}
	p.i++
	return t.pos
}

func describe(t *token) string {
	switch t.kind {
	case tEOF:
		return "the end of the expression"
	case tString, tInterp:
		return "a string"
	case tChar:
		return "a character"
	case tInt, tReal:
		return "a number"
	}
	return "'" + t.text + "'"
}

func (p *parser) end() {
	if t := p.tok(); t.kind != tEOF {
		fail(t.pos, "unexpected "+describe(t), "the expression ends before it")
	}
}

// enter counts nesting; call the result when leaving.
func (p *parser) enter() {
	p.depth++
	if p.depth > maxNesting {
		fail(p.tok().pos, "the expression is nested too deep", "move parts of it into variables")
	}
}

func (p *parser) leave() { p.depth-- }

// identifier reads a name that is not a reserved word.
func (p *parser) identifier(what string) string {
	t := p.tok()
	if t.kind != tIdent || !t.escaped && reserved(t.text) {
		fail(t.pos, "expected "+what+", found "+describe(t), "")
	}
	p.i++
	return t.text
}

var reservedWords = strings.Fields(`abstract as base bool break byte case catch char checked class const continue decimal
	default delegate do double else enum event explicit extern false finally fixed float for foreach goto if implicit in int
	interface internal is lock long namespace new null object operator out override params private protected public readonly
	ref return sbyte sealed short sizeof stackalloc static string struct switch this throw true try typeof uint ulong
	unchecked unsafe ushort using virtual void volatile while`)

func reserved(word string) bool {
	_, ok := slices.BinarySearch(reservedWords, word)
	return ok
}

var predefinedTypes = map[string]bool{"bool": true, "byte": true, "char": true, "decimal": true, "double": true, "float": true,
	"int": true, "long": true, "object": true, "sbyte": true, "short": true, "string": true, "uint": true, "ulong": true, "ushort": true}

// typeName reads a type; it fails when there is none.
func (p *parser) typeName() *typeX {
	t := p.tryType(true)
	if t == nil {
		fail(p.tok().pos, "expected a type, found "+describe(p.tok()), "")
	}
	return t
}

// tryType reads a type when one stands here, else it restores the position.
// Without suffix, [] and ? are left alone.
func (p *parser) tryType(suffix bool) *typeX {
	p.enter()
	defer p.leave()
	x := p.tupleType()
	if x == nil {
		x = p.namedTypeX()
	}
	if x == nil || !suffix {
		return x
	}
	return p.typeSuffix(x)
}

// namedTypeX reads a name with its type arguments.
func (p *parser) namedTypeX() *typeX {
	start := p.i
	t := p.tok()
	if t.kind != tIdent || !t.escaped && reserved(t.text) && !predefinedTypes[t.text] {
		return nil
	}
	x := &typeX{at: at(t.pos)}
	for {
		part := typePart{name: p.tok().text}
		p.i++
		if p.is("<") {
			args, ok := p.typeArguments()
			if !ok {
				p.i = start
				return nil
			}
			part.args = args
		}
		x.parts = append(x.parts, part)
		if !p.is(".") || p.peek(1).kind != tIdent {
			return x
		}
		p.i++
	}
}

// tupleType reads (T, U name) when that stands here, else it restores the position.
func (p *parser) tupleType() *typeX {
	start := p.i
	if !p.is("(") {
		return nil
	}
	x := &typeX{at: at(p.tok().pos)}
	for p.accept("(") || p.accept(",") {
		t := p.tryType(true)
		if t == nil {
			p.i = start
			return nil
		}
		name := ""
		if n := p.tok(); n.kind == tIdent && (n.escaped || !reserved(n.text)) {
			name = n.text
			p.i++
		}
		x.items, x.names = append(x.items, t), append(x.names, name)
	}
	if !p.accept(")") || len(x.items) < 2 {
		p.i = start
		return nil
	}
	return x
}

// typeSuffix reads [], [,] and ? behind a type.
func (p *parser) typeSuffix(x *typeX) *typeX {
	for {
		rank := p.emptyBrackets()
		switch {
		case rank >= 0:
			x = &typeX{at: x.at, elem: x, array: true, rank: rank}
		case p.is("?") && !x.nullable:
			p.i++
			x = &typeX{at: x.at, elem: x, nullable: true}
		default:
			return x
		}
	}
}

// emptyBrackets reads [] or [,] and gives the commas, -1 when none stands here.
func (p *parser) emptyBrackets() int {
	n := 1
	for p.peek(n).kind == tOp && p.peek(n).text == "," {
		n++
	}
	if !p.is("[") || p.peek(n).kind != tOp || p.peek(n).text != "]" {
		return -1
	}
	p.i += n + 1
	return n - 1
}

// typeArguments reads <a, b> when it is a type argument list.
func (p *parser) typeArguments() ([]*typeX, bool) {
	start := p.i
	p.i++
	var out []*typeX
	for {
		t := p.tryType(true)
		if t == nil {
			p.i = start
			return nil, false
		}
		out = append(out, t)
		if p.accept(",") {
			continue
		}
		if !p.is(">") {
			p.i = start
			return nil, false
		}
		p.i++
		return out, true
	}
}
