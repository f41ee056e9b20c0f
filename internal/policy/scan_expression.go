package policy

import (
	"fmt"
	"strings"
)

// expressionScan finds the end of one C# expression in a policy text. It knows
// just enough of C# to tell brackets from those in strings, characters and
// comments. Entities count as the characters they stand for, because documents
// written as strict XML spell the quotes of strings as &quot;.
type expressionScan struct {
	text     string
	i        int
	entities bool // false inside CDATA
	open     []bracket
	keep     []int  // &quot; that must not be decoded: it stands in a string with plain quotes
	plain    []area // where {{name}} is C#: interpolated strings and comments
	literal  int    // end of the last string or character, to see two side by side
	suspect  int    // offset of the second of the first such pair, or -1
	problem  string // why the scan stopped
	where    int
	opened   int // offset of the bracket that the problem is about, or -1
}

type bracket struct {
	kind   byte
	offset int
}

// area is a stretch of text.
type area struct{ start, end int }

// scanExpression reads an expression whose opening bracket is text[start]. It
// returns the offset after the closing bracket and whether there is one.
func scanExpression(text string, start int, entities bool) (*expressionScan, bool) {
	s := &expressionScan{text: text, i: start, entities: entities, literal: -1, suspect: -1, opened: -1}
	ok := s.code(false)
	if s.suspect >= 0 {
		s.opened = -1
		return s, s.stop(s.suspect, `two strings stand side by side; a quote inside a string is written \" (or "" inside @"...")`)
	}
	return s, ok
}

// next returns the character at i as C# sees it, and its width in text.
// Characters outside ASCII are all alike here.
func (s *expressionScan) next() (byte, int) {
	if s.i >= len(s.text) {
		return 0, 0
	}
	b := s.text[s.i]
	if b == '&' && s.entities {
		if r, width := entity(s.text[s.i:]); width > 0 {
			if r < 0x80 {
				return byte(r), width
			}
			return 0xff, width
		}
	}
	return b, 1
}

// second returns the character after one of the given width.
func (s *expressionScan) second(width int) byte {
	at := s.i
	s.i += width
	b, _ := s.next()
	s.i = at
	return b
}

func (s *expressionScan) stop(where int, format string, args ...any) bool {
	s.where, s.problem = where, fmt.Sprintf(format, args...)
	return false
}

// code reads C# up to the bracket that closes the first one, or, in the hole
// of an interpolated string, up to the } or the : of its format.
func (s *expressionScan) code(hole bool) bool {
	floor := len(s.open)
	for {
		b, width := s.next()
		if width == 0 {
			last := s.open[len(s.open)-1]
			return s.stop(last.offset, "the %q opened here is never closed", string(last.kind))
		}
		switch b {
		case '(', '[', '{':
			s.open = append(s.open, bracket{b, s.i})
			s.i += width
		case ')', ']', '}':
			if hole && len(s.open) == floor && b == '}' {
				return true
			}
			if !s.closing(b, floor) {
				return false
			}
			s.i += width
			if !hole && len(s.open) == floor {
				return true
			}
		case ':':
			s.i += width
			if hole && len(s.open) == floor {
				if c, w := s.next(); c != ':' {
					return s.format()
				} else {
					s.i += w
				}
			}
		default:
			if !s.token(b, width) {
				return false
			}
		}
	}
}

func (s *expressionScan) closing(b byte, floor int) bool {
	if len(s.open) == floor {
		return s.stop(s.i, "unexpected %q", string(b))
	}
	last := s.open[len(s.open)-1]
	if want := closes(last.kind); want != b {
		s.opened = last.offset
		return s.stop(s.i, "expected %q before %q", string(want), string(b))
	}
	s.open = s.open[:len(s.open)-1]
	return true
}

func closes(open byte) byte {
	switch open {
	case '(':
		return ')'
	case '[':
		return ']'
	}
	return '}'
}

// format reads the format of an interpolation up to its }.
func (s *expressionScan) format() bool {
	for start := s.i; ; {
		b, width := s.next()
		if width == 0 || b == '\n' || b == '"' {
			return s.stop(start, "the format of this interpolation has no }")
		}
		if b == '}' {
			return true
		}
		s.i += width
	}
}

// token reads a string, character, comment, or any other character.
func (s *expressionScan) token(b byte, width int) bool {
	switch b {
	case '"':
		return s.str(false, false)
	case '\'':
		return s.character(width)
	case '/':
		return s.comment(width)
	case '@', '$':
		return s.prefixed(b, width)
	}
	s.i += width
	return true
}

// prefixed reads @"...", $"...", $@"..." and @$"...", or a lone @ or $.
func (s *expressionScan) prefixed(first byte, width int) bool {
	at := s.i
	second := s.second(width)
	s.i += width
	if second == '"' {
		return s.str(first == '@', first == '$')
	}
	if (second == '@' || second == '$') && second != first {
		_, w := s.next()
		s.i += w
		if b, _ := s.next(); b == '"' {
			return s.str(true, true)
		}
		s.i = at + width
	}
	return true
}

// str reads a string whose quote is the character at i. A string opened by a
// plain quote is closed by one, a string opened by &quot; by &quot;.
func (s *expressionScan) str(verbatim, interpolated bool) bool {
	start := s.i
	if s.literal == start && s.suspect < 0 {
		s.suspect = start
	}
	_, quote := s.next()
	raw := quote == 1
	s.i += quote
	for {
		b, width := s.next()
		switch {
		case width == 0:
			return s.stop(start, "this string is never closed")
		case b == '\n' && !verbatim:
			s.opened = s.open[len(s.open)-1].offset
			return s.stop(start, "this string is not closed at the end of its line, or a bracket before it is not closed")
		case b == '"' && raw != (width == 1):
			if raw {
				s.keep = append(s.keep, s.i)
			}
			s.i += width
		case b == '"' && verbatim && s.sameQuote(width):
			s.i += 2 * width
		case b == '"':
			s.i += width
			s.literal = s.i
			return true
		case b == '\\' && !verbatim:
			s.i += width
			_, w := s.next()
			s.i += w
		case b == '{' && interpolated:
			if !s.hole(width) {
				return false
			}
		default:
			s.i += width
		}
	}
}

// sameQuote tells whether the quote at i is doubled in the same spelling.
func (s *expressionScan) sameQuote(width int) bool {
	at := s.i
	s.i += width
	b, w := s.next()
	s.i = at
	return b == '"' && (w == 1) == (width == 1) && (w == width)
}

// hole reads {{ or {expression:format} of an interpolated string.
func (s *expressionScan) hole(width int) bool {
	start := s.i
	s.i += width
	if b, w := s.next(); b == '{' {
		s.plain = append(s.plain, area{start, s.i + w})
		s.i += w
		return true
	}
	if len(s.open) > maxDepth {
		return s.stop(start, "brackets and interpolations nest deeper than %d", maxDepth)
	}
	s.open = append(s.open, bracket{'{', start})
	if !s.code(true) {
		return false
	}
	s.open = s.open[:len(s.open)-1]
	_, w := s.next()
	s.i += w
	return true
}

// character reads 'x', '\n' or 'A'.
func (s *expressionScan) character(width int) bool {
	start := s.i
	raw := width == 1
	s.i += width
	for {
		b, w := s.next()
		switch {
		case w == 0 || b == '\n':
			return s.stop(start, "this character is not closed at the end of its line")
		case b == '\\':
			s.i += w
			_, w = s.next()
			s.i += w
		case b == '\'' && raw != (w == 1):
			if raw {
				s.keep = append(s.keep, s.i)
			}
			s.i += w
		case b == '\'':
			s.i += w
			s.literal = s.i
			return true
		default:
			s.i += w
		}
	}
}

// comment reads // or /* */, or a lone slash.
func (s *expressionScan) comment(width int) bool {
	start := s.i
	switch s.second(width) {
	case '/':
		end := strings.IndexByte(s.text[s.i:], '\n')
		if end < 0 {
			end = len(s.text) - s.i
		}
		s.i += end
	case '*':
		end := strings.Index(s.text[s.i+2:], "*/")
		if end < 0 {
			return s.stop(start, "this comment is never closed")
		}
		s.i += end + 4
	default:
		s.i += width
		return true
	}
	s.plain = append(s.plain, area{start, s.i})
	return true
}
