package policy

import (
	"fmt"
	"strings"

	"gatehouse/internal/apim"
)

// atTag tells whether a start tag stands here: a < before anything else is text.
func (p *parser) atTag() bool {
	t := p.src.text
	return p.i+1 < len(t) && t[p.i] == '<' && isNameStart(t[p.i+1])
}

// name reads the name of a tag or attribute.
func (p *parser) name() string {
	start, t := p.i, p.src.text
	if p.i < len(t) && isNameStart(t[p.i]) {
		for p.i < len(t) && isNameByte(t[p.i]) {
			p.i++
		}
	}
	if len(p.src.spans) > 0 {
		if _, secret := p.src.touched(start, p.i); secret {
			p.fail(start, "a secret named value must not hold tags or attributes")
			return ""
		}
	}
	return t[start:p.i]
}

// element reads an element whose < stands here. inline is set in documents
// that are not policies: nothing in them is an expression.
func (p *parser) element(depth int, inline bool) *Element {
	start := p.i
	if depth > maxDepth {
		p.fail(start, "elements nest deeper than %d", maxDepth)
		return nil
	}
	if p.elements++; p.elements > maxElements {
		p.fail(start, "the document has more than %d elements", maxElements)
		return nil
	}
	e := &Element{Pos: p.pos(start)}
	p.part = start
	p.i++
	if e.Name = p.name(); e.Name == "" {
		return nil
	}
	closed, ok := p.attributes(e, inline)
	if !ok {
		return nil
	}
	if closed {
		return e
	}
	if !inline && rawContent(e) {
		ok = p.raw(e, start, depth)
	} else {
		p.liquidData = p.liquidData || daprBinding(e) && isLiquid(e)
		ok = p.content(e, start, depth, inline)
		p.liquidData = p.liquidData && !daprBinding(e)
	}
	if !ok {
		return nil
	}
	return e
}

// attributes reads up to the end of a start tag and tells whether the element
// is closed by it.
func (p *parser) attributes(e *Element, inline bool) (closed, ok bool) {
	t := p.src.text
	for {
		before := p.i
		p.skipSpace()
		switch {
		case p.i >= len(t):
			return false, p.fail(p.i, "the tag <%s> of %s has no >", e.Name, place(e.Pos))
		case t[p.i] == '>':
			p.i++
			return false, true
		case p.at("/>"):
			p.i += 2
			return true, true
		case before == p.i:
			return false, p.unexpected(e)
		}
		if !p.attribute(e, inline) {
			return false, false
		}
	}
}

// unexpected explains a character that may not stand after a name or value.
func (p *parser) unexpected(e *Element) bool {
	if len(e.Attrs) == 0 {
		return p.fail(p.i, "unexpected character after <%s", e.Name)
	}
	last := &e.Attrs[len(e.Attrs)-1]
	return p.fail(p.i, "expected white space, > or /> after the value of %q, which begins at %d:%d; a value that holds quotes must be wholly one expression, or write them as &quot;",
		last.Name, last.Value.Pos.Line, last.Value.Pos.Column)
}

func place(pos apim.Position) string { return fmt.Sprintf("%d:%d", pos.Line, pos.Column) }

func (p *parser) attribute(e *Element, inline bool) bool {
	start := p.i
	name := p.name()
	if name == "" {
		if len(p.messages) > 0 && p.messages.Failed() {
			return false
		}
		return p.fail(start, "expected an attribute, > or /> in the tag <%s>", e.Name)
	}
	if e.Attr(name) != nil {
		return p.fail(start, "the attribute %q is given twice", name)
	}
	if len(e.Attrs) == maxAttributes {
		return p.fail(start, "<%s> has more than %d attributes", e.Name, maxAttributes)
	}
	pos := p.pos(start)
	p.skipSpace()
	if !p.at("=") {
		return p.fail(p.i, "the attribute %q has no value: expected =\"...\"", name)
	}
	p.i++
	p.skipSpace()
	if !p.at(`"`) && !p.at("'") {
		return p.fail(p.i, "the value of %q must stand in quotes", name)
	}
	v, ok := p.quoted(name, inline)
	e.Attrs = append(e.Attrs, Attr{Name: name, Value: v, Pos: pos})
	return ok
}

// quoted reads the value of an attribute: an expression with whatever it
// holds, or all up to the closing quote.
func (p *parser) quoted(name string, inline bool) (Value, bool) {
	open, t := p.i, p.src.text
	quote := t[open]
	p.i++
	p.skipSpace()
	if !inline && isExpressionStart(p.rest()) {
		v, ok := p.expression(true)
		if !ok {
			return v, false
		}
		p.skipSpace()
		if p.i >= len(t) || t[p.i] != quote {
			return v, p.fail(p.i, "expected %c after the expression of %q: a value is wholly text or wholly one expression", quote, name)
		}
		p.i++
		return v, true
	}
	end := strings.IndexByte(t[open+1:], quote)
	if end < 0 {
		return Value{}, p.fail(open, "the value of %q is never closed: expected %c", name, quote)
	}
	end += open + 1
	p.i = end + 1
	pieces := []piece{{open + 1, end, true}}
	v := p.value(pieces, nil)
	if !inline {
		p.mixed(open+1, end)
	}
	return v, p.references(pieces, referencesInText)
}

// mixed warns of text that holds what looks like an expression.
func (p *parser) mixed(start, end int) {
	text := p.src.text[start:end]
	if i := strings.Index(text, "@("); i >= 0 {
		p.warn(start+i, "this is text, not an expression: a value must begin with @( or @{ to be one; join text and values inside the expression")
	}
}
