package xpath

import "strings"

type parser struct {
	words []word
	i     int
	scope Scope
	depth int
}

func newParser(text string, s Scope) *parser { return &parser{words: lex(text), scope: s} }

func (p *parser) at() *word { return &p.words[p.i] }

func (p *parser) fail(format string, args ...any) { fail(p.at().offset, format, args...) }

func (p *parser) end() {
	if p.at().kind != endWord {
		p.fail("unexpected %q", p.at().text)
	}
}

func (p *parser) is(mark string) bool {
	w := p.at()
	if w.kind != markWord || w.text != mark {
		return false
	}
	p.i++
	return true
}

func (p *parser) expect(mark string) {
	if !p.is(mark) {
		if p.at().kind == endWord {
			p.fail("expected %s, found the end", mark)
		}
		p.fail("expected %s, found %q", mark, p.at().text)
	}
}

// expression reads operators by their rank: or binds least.
func (p *parser) expression() evaluator {
	if p.depth++; p.depth > maxDepth {
		p.fail("the expression is nested more than %d deep", maxDepth)
	}
	defer func() { p.depth-- }()
	return p.binary(0)
}

// ranks are the operators from loose to tight.
func ranks(level int) string {
	return [...]string{" or ", " and ", " = != ", " < <= > >= ", " + - ", " * div mod "}[level]
}

func (p *parser) binary(level int) evaluator {
	if level == 6 {
		return p.unary()
	}
	left := p.binary(level + 1)
	for {
		w := p.at()
		operator := w.kind == operatorWord || w.kind == markWord && w.text != "*"
		if !operator || !strings.Contains(ranks(level), " "+w.text+" ") {
			return left
		}
		p.i++
		left = &binary{w.text, left, p.binary(level + 1)}
	}
}

func (p *parser) unary() evaluator {
	minus := 0
	for p.is("-") {
		minus++
	}
	e := p.union()
	if minus > 0 {
		return &negative{e, minus%2 == 1}
	}
	return e
}

func (p *parser) union() evaluator {
	at := p.at().offset
	e := p.path()
	for p.is("|") {
		e = &union{e, p.path(), at}
	}
	return e
}

// path reads a location path, or a filter with a path behind it.
func (p *parser) path() evaluator {
	if p.primaryNext() {
		return p.filter()
	}
	l := &path{offset: p.at().offset}
	switch {
	case p.is("//"):
		l.root = true
		l.steps = append(l.steps, step{axis: descendantOrSelf})
	case p.is("/"):
		l.root = true
		if !p.stepNext() {
			return l
		}
	}
	p.steps(l)
	return l
}

func (p *parser) steps(l *path) {
	for {
		l.steps = append(l.steps, p.step())
		switch {
		case p.is("//"):
			l.steps = append(l.steps, step{axis: descendantOrSelf})
		case p.is("/"):
		default:
			return
		}
	}
}

// primaryNext tells whether a variable, a literal, a call or ( stands here.
func (p *parser) primaryNext() bool {
	w := p.at()
	switch w.kind {
	case literalWord, numberWord:
		return true
	case markWord:
		return w.text == "(" || w.text == "$"
	case nameWord:
		next := &p.words[p.i+1]
		return next.kind == markWord && next.text == "(" && !nodeType(w.text)
	}
	return false
}

func nodeType(name string) bool {
	return name == "node" || name == "text" || name == "comment" || name == "processing-instruction"
}

func (p *parser) stepNext() bool {
	w := p.at()
	return w.kind == nameWord || w.kind == markWord && (w.text == "*" || w.text == "@" || w.text == "." || w.text == "..")
}

func (p *parser) filter() evaluator {
	at := p.at().offset
	e := p.primary()
	if predicates := p.predicates(); len(predicates) > 0 {
		e = &filtered{e, predicates, at}
	}
	l := &path{from: e, offset: at}
	switch {
	case p.is("//"):
		l.steps = append(l.steps, step{axis: descendantOrSelf})
	case p.is("/"):
	default:
		return e
	}
	p.steps(l)
	return l
}

func (p *parser) primary() evaluator {
	w := *p.at()
	p.i++
	switch {
	case w.kind == literalWord:
		return constant{w.text}
	case w.kind == numberWord:
		if strings.Count(w.text, ".") > 1 {
			fail(w.offset, "%s is no number", w.text)
		}
		return constant{parseNumber(w.text)}
	case w.text == "(":
		e := p.expression()
		p.expect(")")
		return e
	case w.text == "$":
		return p.variable()
	}
	return p.call(w)
}

func (p *parser) variable() evaluator {
	w := *p.at()
	if w.kind != nameWord {
		p.fail("expected a name after $")
	}
	p.i++
	name := p.expand(w, false)
	if !p.scope.Variable(name) {
		fail(w.offset, "there is no variable or parameter $%s here", w.text)
	}
	return variable{name}
}

// expand resolves the prefix of a name. Names without one are in no namespace.
func (p *parser) expand(w word, star bool) Name {
	prefix, local, ok := strings.Cut(w.text, ":")
	if !ok {
		return Name{Local: w.text}
	}
	if local == "*" && !star {
		fail(w.offset, "%s is no name", w.text)
	}
	uri, known := p.scope.Namespace(prefix)
	if !known {
		fail(w.offset, "the prefix %s is not declared", prefix)
	}
	return Name{uri, local}
}

func (p *parser) step() step {
	w := *p.at()
	switch {
	case p.is("."):
		return step{axis: self}
	case p.is(".."):
		return step{axis: parent}
	}
	s := step{axis: child}
	if p.is("@") {
		s.axis = attribute
	} else if next := p.words[min(p.i+1, len(p.words)-1)]; w.kind == nameWord && next.kind == markWord && next.text == "::" {
		s.axis = axisOf(w)
		p.i += 2
	}
	p.test(&s)
	s.predicates = p.predicates()
	return s
}

// test reads what nodes of an axis a step takes.
func (p *parser) test(s *step) {
	w := *p.at()
	switch {
	case p.is("*"):
		s.test = anyName
		return
	case w.kind != nameWord:
		if w.kind == endWord {
			p.fail("expected a step, found the end")
		}
		p.fail("expected a step, found %q", w.text)
	}
	p.i++
	if nodeType(w.text) && p.is("(") {
		s.test = map[string]nodeTest{"node": anyNode, "text": textNode, "comment": commentNode, "processing-instruction": instructionNode}[w.text]
		if s.test == instructionNode && p.at().kind == literalWord {
			s.name.Local = p.at().text
			p.i++
		}
		p.expect(")")
		return
	}
	s.name = p.expand(w, true)
	s.test = byName
	if s.name.Local == "*" {
		s.test = bySpace
	}
}

func (p *parser) predicates() []evaluator {
	var out []evaluator
	for p.is("[") {
		out = append(out, p.expression())
		p.expect("]")
	}
	return out
}
