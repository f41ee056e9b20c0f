package policy

import "strings"

// rawContent tells which elements hold text of any kind: JSON, XML, HTML or
// Liquid. Tags in it are part of the text.
func rawContent(e *Element) bool {
	if daprBinding(e) {
		return false
	}
	if isLiquid(e) { // of data sources
		return true
	}
	switch e.Name {
	case "set-body", "payload", "data", "log-to-eventhub", "publish-to-dapr", "sql-statement":
		return true
	}
	return false
}

// daprBinding tells the elements whose template is that of their <data>.
func daprBinding(e *Element) bool {
	return e.Name == "invoke-dapr-binding" || e.Name == "invoke-darp-binding"
}

func isLiquid(e *Element) bool {
	a := e.Attr("template")
	return a != nil && strings.EqualFold(a.Value.Text, "liquid")
}

// inlineDocument tells which children of an element are XML documents of their
// own: they are parsed, and their Text is their whole markup.
func inlineDocument(parent, child string) bool {
	switch parent {
	case "xsl-transform":
		return child != "parameter"
	case "cross-domain":
		return true
	}
	return false
}

// raw reads the content of an element that holds text of any kind. The content
// is one expression, or else text up to the matching end tag:
//   - without tags in it, entities stand for characters, CDATA for its content
//     and comments for nothing, as in every other element;
//   - with tags in it, it is kept as it is written, because there entities are
//     part of the markup. Only in the tags of Liquid they are decoded.
func (p *parser) raw(e *Element, start, depth int) bool {
	from := p.i
	liquid := isLiquid(e) || e.Name == "data" && p.liquidData
	for p.skipSpace(); p.at("<!--"); p.skipSpace() {
		if !p.comment() {
			return false
		}
	}
	if p.rawExpression() {
		return p.content(e, start, depth, false)
	}
	p.i = from
	end, markup, ok := p.rawEnd(e, start)
	if !ok {
		return false
	}
	if liquid {
		p.exempt(from, end)
	}
	if markup {
		e.Text = p.markup(from, end, liquid)
		return p.references([]piece{{from, end, true}}, referencesInMarkup)
	}
	after := p.i
	pieces := p.rawPieces(from, end)
	p.i = after
	if !liquid {
		p.mixed(from, end)
	}
	e.Text = p.literal(pieces)
	return p.references(pieces, referencesInText)
}

// rawExpression tells whether an expression stands here, perhaps in CDATA.
func (p *parser) rawExpression() bool {
	rest := p.rest()
	if strings.HasPrefix(rest, "<![CDATA[") {
		rest = strings.TrimLeft(rest[len("<![CDATA["):], " \t\r\n")
	}
	return isExpressionStart(rest)
}

// rawEnd finds the matching end tag and moves behind it. It tells whether
// there are tags before it.
func (p *parser) rawEnd(e *Element, start int) (end int, markup, ok bool) {
	for depth := 1; ; {
		next := strings.IndexByte(p.rest(), '<')
		if next < 0 {
			return 0, false, p.fail(start, "<%s> is never closed: expected </%s>", e.Name, e.Name)
		}
		p.i += next
		end = p.i
		switch {
		case p.at("<!--"):
			ok = p.comment()
		case p.at("<![CDATA["):
			ok = p.until("<![CDATA[", "]]>", "CDATA section")
		case p.closes(e.Name):
			if depth--; depth == 0 {
				return end, markup, true
			}
			markup, ok = true, true
		default:
			if p.atTag() && tagName(p.rest()) == e.Name {
				depth++
			}
			markup = markup || p.atMarkup()
			p.i++
			ok = true
		}
		if !ok {
			return 0, false, false
		}
	}
}

func tagName(rest string) string {
	end := 1
	for end < len(rest) && isNameByte(rest[end]) {
		end++
	}
	return rest[1:end]
}

// closes moves behind </name> when it stands here.
func (p *parser) closes(name string) bool {
	if !p.at("</" + name) {
		return false
	}
	at := p.i
	p.i += 2 + len(name)
	p.skipSpace()
	if p.at(">") {
		p.i++
		return true
	}
	p.i = at
	return false
}

// rawPieces leaves out comments and unwraps CDATA. There are no tags.
func (p *parser) rawPieces(from, end int) []piece {
	var pieces []piece
	for p.i = from; ; {
		next := strings.IndexByte(p.src.text[p.i:end], '<')
		if next < 0 {
			return append(pieces, piece{from, end, true})
		}
		p.i += next
		at := p.i
		switch {
		case p.at("<!--"):
			p.i += strings.Index(p.rest(), "-->") + 3
			pieces = append(pieces, piece{from, at, true})
			from = p.i
		case p.at("<![CDATA["):
			p.i += strings.Index(p.rest(), "]]>") + 3
			pieces = append(pieces, piece{from, at, true}, piece{at + len("<![CDATA["), p.i - 3, false})
			from = p.i
		default:
			p.i++
		}
	}
}

// markup makes the text of content with tags in it.
func (p *parser) markup(from, end int, liquid bool) Value {
	all := p.src.trim([]piece{{from, end, false}})
	if !liquid || len(all) == 0 {
		return p.value(all, nil)
	}
	var pieces []piece
	start, stop := all[0].start, all[0].end
	for i := start; i < stop; {
		text := p.src.text[i:stop]
		open := strings.Index(text, "{")
		if open < 0 || open+1 == len(text) {
			break
		}
		i += open
		shut := ""
		switch p.src.text[i+1] {
		case '{':
			shut = "}}"
		case '%':
			shut = "%}"
		}
		length := 1
		if shut != "" {
			if found := strings.Index(p.src.text[i:stop], shut); found >= 0 {
				pieces = append(pieces, piece{start, i, false}, piece{i, i + found, true})
				start, length = i+found, found
			} else {
				break
			}
		}
		i += length
	}
	return p.value(append(pieces, piece{start, stop, false}), nil)
}
