package syntax

import "strings"

// newName reads the name of something new.
func (p *parser) newName(what string) string {
	t := p.peek()
	if t.is("[") {
		return p.bracketedName()
	}
	if !nameable(t) {
		p.expected(what)
	}
	p.next()
	return t.text
}

// named is "expr", "name = expr" or "(a, b) = expr".
func (p *parser) named() Named {
	start := p.peek().Start
	n := Named{Names: p.names()}
	n.X = p.expression()
	n.Span = p.since(start)
	return n
}

// names reads "name =" or "(a, b) =", when they are there.
func (p *parser) names() []string {
	t := p.peek()
	switch {
	case nameable(t) && p.ahead(1).is("="):
		p.at += 2
		return []string{t.text}
	case t.is("[") && p.ahead(p.bracketedSize(0)).is("="):
		name := p.bracketedName()
		p.expect("=")
		return []string{name}
	case t.is("(") && p.nameListAhead():
		var list []string
		p.bracket("(", ")", func() { p.list(func() { list = append(list, p.newName("a name")) }) })
		p.expect("=")
		return list
	}
	return nil
}

// bracketedSize counts the tokens of ["a name"] that stand n tokens ahead; 0 when there is none.
func (p *parser) bracketedSize(n int) int {
	if !p.ahead(n).is("[") {
		return 0
	}
	size := 1
	for p.ahead(n+size).kind == tokenString {
		size++
	}
	if size == 1 || !p.ahead(n+size).is("]") {
		return 0
	}
	return size + 1
}

func (p *parser) nameListAhead() bool {
	for n := 1; ; n += 2 {
		if size := p.bracketedSize(n); size > 0 {
			n += size - 1
		} else if !nameable(p.ahead(n)) {
			return false
		}
		if !p.ahead(n + 1).is(",") {
			return p.ahead(n+1).is(")") && p.ahead(n+2).is("=")
		}
	}
}

func (p *parser) namedList() []Named {
	var list []Named
	p.list(func() { list = append(list, p.named()) })
	return list
}

// ordered is a named expression with a direction.
func (p *parser) ordered() Ordered {
	o := Ordered{Named: p.named()}
	p.direction(&o)
	return o
}

func (p *parser) direction(o *Ordered) {
	if t := p.peek(); t.is("asc") || t.is("desc") {
		p.next()
		o.Asc, o.Given = t.text == "asc", true
	}
	if p.accept("nulls") {
		t := p.peek()
		if !t.is("first") && !t.is("last") {
			p.expected("first or last")
		}
		p.next()
		o.Nulls = t.text
	}
}

// columnPattern is a column's name, in which * may stand.
func (p *parser) columnPattern() Expr {
	t := p.peek()
	switch {
	case t.is("["):
		return p.quoted()
	case t.is("*") || nameable(t) && p.starAfter():
		p.next()
		name := t.text
		if t.is("*") {
			name = "*" + p.patternRest()
		} else {
			name += p.patternRest()
		}
		return &Name{Span: p.since(t.Start), Name: name, Pattern: true}
	case readable(t):
		p.next()
		return &Name{Span: t.Span, Name: t.text}
	}
	p.expected("the name of a column")
	return nil
}

func (p *parser) columnPatterns() []Ordered {
	var list []Ordered
	if t := p.peek(); p.stageEnds(t) {
		return nil
	}
	p.list(func() {
		x := p.columnPattern()
		list = append(list, Ordered{Named: Named{Span: x.Position(), X: x}})
	})
	return list
}

// starAhead tells whether a * is glued to the token before it; starAfter, to this one.
func (p *parser) starAhead() bool { return p.peek().is("*") && p.peek().glued }
func (p *parser) starAfter() bool { return p.ahead(1).is("*") && p.ahead(1).glued }

// patternRest reads what is glued to the beginning of a pattern.
func (p *parser) patternRest() string {
	var b strings.Builder
	for t := p.peek(); t.glued && (t.is("*") || t.kind == tokenWord || t.kind == tokenInteger); t = p.peek() {
		b.WriteString(p.next().text)
	}
	return b.String()
}

// tableReference is a table, a pattern of tables, or an expression in brackets.
func (p *parser) tableReference() Expr {
	t := p.peek()
	if t.is("*") || nameable(t) && p.starAfter() {
		return p.columnPattern()
	}
	return p.postfix()
}

func (p *parser) tableReferences() []Expr {
	var list []Expr
	p.list(func() { list = append(list, p.tableReference()) })
	return list
}
