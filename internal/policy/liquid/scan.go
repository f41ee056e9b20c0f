package liquid

import "strings"

// token is a stretch of text, an {{ output }} or a {% tag %}.
type token struct {
	kind   tokenKind
	text   string // of text; what stands between the marks of the others
	offset int    // of text in the template
	name   string // of a tag
	args   string // of a tag
	argsAt int
}

type tokenKind uint8

const (
	textToken tokenKind = iota
	outputToken
	tagToken
)

const blanks = " \t\r\n"

// scan cuts a template. A dash inside of a mark takes the white space away on
// that side.
func scan(text string) []token {
	var out []token
	trim := false
	for at := 0; at < len(text); {
		next := nextMark(text, at)
		if next < 0 {
			return appendText(out, text[at:], at, trim, false)
		}
		t, end := mark(text, next)
		inner := t.text
		left := strings.HasPrefix(inner, "-")
		out = appendText(out, text[at:next], at, trim, left)
		if left {
			t.text, t.offset = inner[1:], t.offset+1
		}
		trim = strings.HasSuffix(t.text, "-")
		t.text = strings.TrimSuffix(t.text, "-")
		at = end
		if t.kind == tagToken {
			if skipped := t.split(text, &at, &trim); skipped != nil {
				out = append(out, skipped...)
				continue
			}
		}
		out = append(out, t)
	}
	return out
}

func appendText(out []token, text string, offset int, left, right bool) []token {
	if left {
		trimmed := strings.TrimLeft(text, blanks)
		offset += len(text) - len(trimmed)
		text = trimmed
	}
	if right {
		text = strings.TrimRight(text, blanks)
	}
	if text == "" {
		return out
	}
	return append(out, token{kind: textToken, text: text, offset: offset})
}

// nextMark finds {{ or {%. Of three braces the last two are the mark: the first
// one is that of a JSON object.
func nextMark(text string, at int) int {
	for {
		i := strings.IndexByte(text[at:], '{')
		if i < 0 || at+i+1 >= len(text) {
			return -1
		}
		at += i
		switch text[at+1] {
		case '{':
			for at+2 < len(text) && text[at+2] == '{' {
				at++
			}
			return at
		case '%':
			return at
		}
		at++
	}
}

func mark(text string, at int) (t token, end int) {
	t = token{kind: outputToken, offset: at + 2}
	shut := "}}"
	if text[at+1] == '%' {
		t.kind, shut = tagToken, "%}"
	}
	i := strings.Index(text[at+2:], shut)
	if i < 0 {
		fail(at, "this %s is never closed: expected %s", text[at:at+2], shut)
	}
	t.text = text[at+2 : at+2+i]
	return t, at + 2 + i + 2
}

// split finds name and arguments of a tag. What stands in a comment or in raw
// text is no template: it is taken here.
func (t *token) split(text string, at *int, trim *bool) (raw []token) {
	body := strings.TrimLeft(t.text, blanks)
	t.argsAt = t.offset + len(t.text) - len(body)
	end := strings.IndexAny(body, blanks)
	if end < 0 {
		end = len(body)
	}
	t.name = body[:end]
	t.args = body[end:]
	t.argsAt += end
	if t.name != "comment" && t.name != "raw" && t.name != "literal" {
		return nil
	}
	from := *at
	end, after := rawEnd(text, from, t.name)
	if end < 0 {
		fail(t.offset, "{%% %s %%} is never closed: expected {%% end%s %%}", t.name, t.name)
	}
	*at = after
	left := *trim
	*trim = strings.HasSuffix(strings.TrimSuffix(text[end:after], "%}"), "-")
	if t.name == "comment" {
		return []token{{kind: textToken, offset: from}}
	}
	strip := strings.HasPrefix(text[end:after], "{%-")
	return appendText([]token{}, text[from:end], from, left, strip)
}

// rawEnd finds the end tag of a comment or of raw text.
func rawEnd(text string, from int, name string) (start, after int) {
	for at := from; ; {
		i := strings.Index(text[at:], "{%")
		if i < 0 {
			return -1, -1
		}
		start = at + i
		shut := strings.Index(text[start:], "%}")
		if shut < 0 {
			return -1, -1
		}
		inner := strings.Trim(strings.Trim(text[start+2:start+shut], "-"), blanks)
		if inner == "end"+name {
			return start, start + shut + 2
		}
		at = start + 2
	}
}
