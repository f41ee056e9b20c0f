package policy

import "strings"

// textContent collects the text of an element.
type textContent struct {
	pieces     []piece
	expression *Value
	start      int // of the first text
}

// content reads children and text up to the end tag.
func (p *parser) content(e *Element, start, depth int, inline bool) bool {
	var text textContent
	for {
		before := p.i
		p.skipSpace()
		ok := true
		switch {
		case p.i >= len(p.src.text):
			return p.fail(start, "<%s> is never closed: expected </%s>", e.Name, e.Name)
		case p.at("<!--"):
			ok = p.comment()
		case p.at("<![CDATA["):
			ok = p.cdata(&text, inline)
		case p.at("<?"):
			ok = p.until("<?", "?>", "processing instruction")
		case p.at("</"):
			return p.endTag(e, start) && p.text(e, &text, inline)
		case p.at("<!"):
			return p.fail(p.i, "expected a tag, <!-- or <![CDATA[")
		case p.atTag():
			ok = p.child(e, depth, inline)
		default:
			ok = p.characters(&text, before, inline)
		}
		if !ok {
			return false
		}
	}
}

func (p *parser) child(e *Element, depth int, inline bool) bool {
	from := p.i
	document := !inline && rawDocument(e.Name, p.rest())
	child := p.element(depth+1, inline || document)
	if child == nil {
		return false
	}
	if document {
		child.Text = p.value([]piece{{from, p.i, false}}, nil)
	}
	e.Children = append(e.Children, child)
	return true
}

// rawDocument looks at the tag that begins here.
func rawDocument(parent, rest string) bool {
	end := 1
	for end < len(rest) && isNameByte(rest[end]) {
		end++
	}
	return inlineDocument(parent, rest[1:end])
}

func (p *parser) endTag(e *Element, start int) bool {
	at := p.i
	p.i += 2
	name := p.name()
	if p.messages.Failed() {
		return false
	}
	p.skipSpace()
	if name == e.Name && p.at(">") {
		p.i++
		return true
	}
	if name == e.Name {
		return p.fail(at, "the end tag </%s> has no >", name)
	}
	return p.fail(at, "</%s> does not close <%s>, which was opened at %s", name, e.Name, p.line(start))
}

// characters reads text up to the next tag, or an expression.
func (p *parser) characters(text *textContent, before int, inline bool) bool {
	if text.expression != nil {
		return p.fail(p.i, "text after an expression: a value is wholly text or wholly one expression")
	}
	if len(text.pieces) == 0 {
		text.start = p.i
		if !inline && isExpressionStart(p.rest()) {
			v, ok := p.expression(true)
			text.expression = &v
			return ok
		}
		before = p.i
	}
	for t := p.src.text; p.i < len(t); p.i++ {
		if t[p.i] == '<' && p.atMarkup() {
			break
		}
		// The rest of the text is skipped in one step where it holds no <.
		if next := strings.IndexByte(t[p.i+1:], '<'); next >= 0 {
			p.i += next
		} else {
			p.i = len(t) - 1
		}
	}
	text.pieces = append(text.pieces, piece{before, p.i, true})
	return true
}

// atMarkup tells whether the < here begins markup. Before anything else, such
// as white space or a digit, it is text.
func (p *parser) atMarkup() bool {
	t := p.src.text
	if p.i+1 >= len(t) {
		return false
	}
	c := t[p.i+1]
	return c == '/' || c == '!' || c == '?' || isNameStart(c)
}

// cdata reads <![CDATA[...]]>: text as it is, or an expression.
func (p *parser) cdata(text *textContent, inline bool) bool {
	start := p.i
	const open = "<![CDATA["
	p.i += len(open)
	from := p.i
	p.skipSpace()
	if !inline && len(text.pieces) == 0 && text.expression == nil && isExpressionStart(p.rest()) {
		text.start = p.i
		v, ok := p.expression(false)
		if !ok {
			return false
		}
		text.expression = &v
		p.skipSpace()
		if !p.at("]]>") {
			return p.fail(p.i, "expected ]]> after the expression")
		}
		p.i += 3
		return true
	}
	p.i = start
	if !p.until(open, "]]>", "CDATA section") {
		return false
	}
	if strings.TrimSpace(p.src.text[from:p.i-3]) == "" {
		return true
	}
	if text.expression != nil {
		return p.fail(start, "text after an expression: a value is wholly text or wholly one expression")
	}
	if len(text.pieces) == 0 {
		text.start = from
	}
	text.pieces = append(text.pieces, piece{from, p.i - 3, false})
	return true
}

// text gives the element its text.
func (p *parser) text(e *Element, text *textContent, inline bool) bool {
	if text.expression == nil && len(text.pieces) == 0 {
		return true
	}
	if len(e.Children) > 0 && !inline {
		return p.fail(text.start, "<%s> holds elements, so there can be no text beside them", e.Name)
	}
	if text.expression != nil {
		e.Text = *text.expression
		return true
	}
	last := text.pieces[len(text.pieces)-1]
	if !inline {
		p.mixed(text.pieces[0].start, last.end)
	}
	e.Text = p.literal(text.pieces)
	return p.references(text.pieces, referencesInText)
}
