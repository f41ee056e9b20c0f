package expr

import "strings"

// interpolated reads $"..." or $@"..." from behind its opening quote. Holes
// keep only their source range; the parser reads them.
func (l *lexer) interpolated(start int, verbatim bool) []interpPart {
	var parts []interpPart
	var b strings.Builder
	flush := func() {
		if b.Len() > 0 {
			parts = append(parts, interpPart{text: b.String()})
			b.Reset()
		}
	}
	for {
		if l.pos >= l.end || !verbatim && l.src[l.pos] == '\n' {
			fail(start, "this interpolated string is not closed", "end it with \"")
		}
		c := l.src[l.pos]
		switch {
		case c == '"' && verbatim && l.peek(1) == '"':
			b.WriteByte('"')
			l.pos += 2
		case c == '"':
			l.pos++
			flush()
			return parts
		case c == '\\' && !verbatim:
			l.escape(&b)
		case (c == '{' || c == '}') && l.peek(1) == c:
			b.WriteByte(c)
			l.pos += 2
		case c == '}':
			fail(l.pos, "a single } in an interpolated string", "write }} for a brace")
		case c == '{':
			flush()
			parts = append(parts, l.hole(verbatim))
		default:
			b.WriteByte(c)
			l.pos++
		}
	}
}

// hole reads {expression[,alignment][:format]}.
func (l *lexer) hole(verbatim bool) interpPart {
	open := l.pos
	l.pos++
	p := interpPart{hole: true, start: l.pos}
	stop := l.balanced(open, true)
	p.end = l.pos
	if stop == ',' {
		l.pos++
		from := l.pos
		stop = l.balanced(open, true)
		p.align = strings.TrimSpace(l.src[from:l.pos])
	}
	if stop == ':' {
		l.pos++
		p.format = l.holeFormat(verbatim)
	}
	if l.peek(0) != '}' {
		fail(open, "this hole of the interpolated string is not closed", "end it with }")
	}
	l.pos++
	return p
}

// holeFormat reads the format of a hole, in which escapes mean what they mean in
// the string around it.
func (l *lexer) holeFormat(verbatim bool) string {
	var b strings.Builder
	for l.pos < l.end && l.src[l.pos] != '}' && l.src[l.pos] != '"' {
		if l.src[l.pos] == '\\' && !verbatim {
			l.escape(&b)
			continue
		}
		b.WriteByte(l.src[l.pos])
		l.pos++
	}
	return b.String()
}

// balanced moves to the } (or, at the top, the , or :) that ends a hole. A
// conditional inside a hole stands in parentheses, as C# demands.
func (l *lexer) balanced(open int, top bool) byte {
	depth := 0
	for l.pos < l.end {
		c := l.src[l.pos]
		switch {
		case c == '"' || c == '\'' || (c == '@' || c == '$') && (l.peek(1) == '"' || l.peek(2) == '"' && (l.peek(1) == '@' || l.peek(1) == '$')):
			if l.depth++; l.depth > 8 {
				fail(open, "interpolated strings are nested too deep", "")
			}
			l.next()
			l.depth--
			continue
		case c == '/' && (l.peek(1) == '/' || l.peek(1) == '*'):
			before := l.pos
			l.skipSpace()
			if l.pos > before {
				continue
			}
		case c == '(' || c == '[' || c == '{':
			depth++
		case c == '}' && depth == 0:
			return c
		case c == ')' || c == ']' || c == '}':
			depth--
		case depth == 0 && top && c == ':' && l.peek(1) == ':':
			l.pos++
		case depth == 0 && top && (c == ',' || c == ':'):
			return c
		}
		l.pos++
	}
	fail(open, "this hole of the interpolated string is not closed", "end it with }")
	return 0
}
