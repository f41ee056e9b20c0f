package policy

import (
	"fmt"
	"strings"

	"gatehouse/internal/apim"
)

// parser reads the tags of one policy text. Policies are not XML: expressions
// may hold any character, so the parser knows where values begin and lets the
// expression scan find their ends. It stops at the first error of form.
type parser struct {
	src      *source
	i        int
	cursor   cursor
	elements int
	messages Messages
	plain    []area // where an unknown {{name}} is no named value
	record   bool   // plain is wanted
	part     int    // where the tag or expression begins that is being read

	liquidData bool // inside a Dapr binding whose template is Liquid
}

// parseDocument reads a text with exactly one root element. The root is nil
// when there was an error.
func parseDocument(src *source) (*Element, *parser) {
	p := &parser{src: src, record: len(src.unknown) > 0}
	if !p.prolog() {
		return nil, p
	}
	root := p.element(1, false)
	if root == nil {
		return nil, p
	}
	if !p.misc() {
		return nil, p
	}
	if p.i < len(src.text) {
		p.fail(p.i, "only comments may follow </%s>: a document has one root element", root.Name)
		return nil, p
	}
	return root, p
}

// pos is the position of an offset in the original file.
func (p *parser) pos(offset int) apim.Position { return p.cursor.move(p.src, offset) }

// fail reports an error at an offset and gives nothing, so that callers can
// return it.
func (p *parser) fail(offset int, format string, args ...any) bool {
	m := p.src.message(offset, format, args...)
	if p.src.within(offset) == nil {
		m.Text += p.culprit(max(offset, p.i))
	}
	p.messages = append(p.messages, m)
	return false
}

// culprit names a named value whose quotes or brackets may be the reason for
// an error in the tag or expression that is being read.
func (p *parser) culprit(end int) string {
	for i := p.src.from(p.part); i < len(p.src.spans) && p.src.spans[i].start <= end; i++ {
		one := &p.src.spans[i]
		if strings.ContainsAny(p.src.text[one.start:one.end], `"'<>()[]{}`) {
			return fmt.Sprintf(" (the named value %q, put in at %s, holds a quote or bracket)", one.name, p.line(one.start))
		}
	}
	return ""
}

func (p *parser) warn(offset int, format string, args ...any) {
	if len(p.messages) < maxMessages {
		m := p.src.message(offset, format, args...)
		m.Warning = true
		p.messages = append(p.messages, m)
	}
}

// message names the named value that an offset comes from: its text is not in
// the file that the position points to.
func (s *source) message(offset int, format string, args ...any) Message {
	text := fmt.Sprintf(format, args...)
	if in := s.within(offset); in != nil {
		text += fmt.Sprintf(" (in the value of the named value %q)", in.name)
	}
	return Message{Pos: s.position(offset), Text: text}
}

// line is line:column of an offset, for messages that name a second place.
func (p *parser) line(offset int) string {
	pos := p.src.position(offset)
	return fmt.Sprintf("%d:%d", pos.Line, pos.Column)
}

func (p *parser) rest() string { return p.src.text[p.i:] }

func (p *parser) at(prefix string) bool { return strings.HasPrefix(p.src.text[p.i:], prefix) }

func (p *parser) skipSpace() {
	for p.i < len(p.src.text) && isSpace(p.src.text[p.i]) {
		p.i++
	}
}

// prolog skips what may stand before the root, and finds the root.
func (p *parser) prolog() bool {
	if !p.misc() {
		return false
	}
	if p.i >= len(p.src.text) {
		return p.fail(p.i, "the document is empty: expected <policies> or <fragment>")
	}
	if !p.atTag() {
		return p.fail(p.i, "expected <policies> or <fragment> here")
	}
	return true
}

// misc skips white space, comments and processing instructions.
func (p *parser) misc() bool {
	for {
		p.skipSpace()
		switch {
		case p.at("<!--"):
			if !p.comment() {
				return false
			}
		case p.at("<?"):
			if !p.until("<?", "?>", "processing instruction") {
				return false
			}
		case p.at("<!DOCTYPE"):
			return p.fail(p.i, "a document type is not allowed: remove <!DOCTYPE ...>")
		default:
			return true
		}
	}
}

func (p *parser) comment() bool {
	start := p.i
	if !p.until("<!--", "-->", "comment") {
		return false
	}
	p.exempt(start, p.i)
	return true
}

// until skips from an opening to a closing mark.
func (p *parser) until(open, shut, what string) bool {
	end := strings.Index(p.src.text[p.i+len(open):], shut)
	if end < 0 {
		return p.fail(p.i, "this %s is never closed: expected %s", what, shut)
	}
	p.i += len(open) + end + len(shut)
	return true
}

func (p *parser) exempt(start, end int) {
	if p.record {
		p.plain = append(p.plain, area{start, end})
	}
}
