package policy

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"gatehouse/internal/apim"
)

// piece is a stretch of text that is part of a value.
type piece struct {
	start, end int
	decode     bool // entities stand for characters; false inside CDATA
}

// edge says that from byte text of a value on, bytes come from offset raw of
// the source.
type edge struct{ text, raw int }

// entity decodes the entity at the start of text: one of the five named ones,
// or a number. Its width is 0 when there is none: a lone & is itself.
func entity(text string) (rune, int) {
	end := strings.IndexByte(text[:min(len(text), 12)], ';')
	if end < 2 {
		return 0, 0
	}
	switch name := text[1:end]; name {
	case "quot":
		return '"', end + 1
	case "amp":
		return '&', end + 1
	case "lt":
		return '<', end + 1
	case "gt":
		return '>', end + 1
	case "apos":
		return '\'', end + 1
	default:
		return numericEntity(name, end+1)
	}
}

func numericEntity(name string, width int) (rune, int) {
	if name[0] != '#' {
		return 0, 0
	}
	digits, base := name[1:], 10
	if strings.HasPrefix(digits, "x") || strings.HasPrefix(digits, "X") {
		digits, base = digits[1:], 16
	}
	n, err := strconv.ParseUint(digits, base, 32)
	if err != nil || n > utf8.MaxRune || !xmlCharacter(rune(n)) {
		return 0, 0
	}
	return rune(n), width
}

// xmlCharacter tells whether XML 1.0 knows a character.
func xmlCharacter(c rune) bool {
	return c >= ' ' && utf8.ValidRune(c) && c != 0xfffe && c != 0xffff || c == '\t' || c == '\n' || c == '\r'
}

// expression reads the expression that begins here.
func (p *parser) expression(entities bool) (Value, bool) {
	start := p.i
	p.part = start
	scan, ok := scanExpression(p.src.text, start+1, entities)
	if !ok {
		p.i = scan.i
		text := "the expression that begins at " + p.line(start) + " is broken: " + scan.problem
		if scan.opened >= 0 {
			text += " (the bracket of " + p.line(scan.opened) + " is open)"
		}
		return Value{}, p.fail(scan.where, "%s", text)
	}
	p.i = scan.i
	if p.record {
		p.plain = append(p.plain, scan.plain...)
	}
	if p.i-start > maxExpressionBytes {
		return Value{}, p.fail(start, "the expression has more than %d bytes", maxExpressionBytes)
	}
	pieces := []piece{{start + 2, scan.i - 1, entities}}
	v := p.value(pieces, scan.keep)
	p.references(pieces, referencesInExpression)
	if scan.i-1 == start+2 {
		v.Pos = p.pos(start + 2)
	}
	v.Expression, v.Block = true, p.src.text[start+1] == '{'
	return v, true
}

// literal makes a value of pieces of the text without surrounding white space.
func (p *parser) literal(pieces []piece) Value {
	return p.value(p.src.trim(pieces), nil)
}

// value joins pieces. keep lists the offsets of entities that stay.
func (p *parser) value(pieces []piece, keep []int) Value {
	if len(pieces) == 0 {
		return Value{}
	}
	s := p.src
	first, last := pieces[0], pieces[len(pieces)-1]
	v := Value{Pos: p.pos(first.start)}
	named, secret := s.touched(first.start, last.end)
	v.Named = named
	if v.Secret = secret; secret {
		v.secrets = s.secrets(first.start, last.end)
	}
	text := s.text[first.start:first.end]
	if len(pieces) == 1 && (!first.decode || strings.IndexByte(text, '&') < 0) {
		v.Text = text
		if named {
			edges := []edge{{0, first.start}}
			v.Place, v.unknown = s.place(edges), s.unknownIn(edges, last.end)
		}
		return v
	}
	var edges []edge
	v.Text, edges = s.decode(pieces, keep)
	if len(edges) > 1 || named {
		v.Place = s.place(edges)
	}
	if named {
		v.unknown = s.unknownIn(edges, last.end)
	}
	return v
}

// trim removes white space at both ends.
func (s *source) trim(pieces []piece) []piece {
	for len(pieces) > 0 {
		first := &pieces[0]
		for first.start < first.end && isSpace(s.text[first.start]) {
			first.start++
		}
		if first.start < first.end {
			break
		}
		pieces = pieces[1:]
	}
	for len(pieces) > 0 {
		last := &pieces[len(pieces)-1]
		for last.end > last.start && isSpace(s.text[last.end-1]) {
			last.end--
		}
		if last.start < last.end {
			break
		}
		pieces = pieces[:len(pieces)-1]
	}
	return pieces
}

// decode joins pieces, puts characters for entities, and remembers where each
// stretch came from.
func (s *source) decode(pieces []piece, keep []int) (string, []edge) {
	var b strings.Builder
	var edges []edge
	for _, one := range pieces {
		edges = append(edges, edge{b.Len(), one.start})
		from := one.start
		for i := one.start; one.decode && i < one.end; {
			r, width := rune(0), 0
			if s.text[i] == '&' {
				r, width = entity(s.text[i:one.end])
			}
			for len(keep) > 0 && keep[0] < i {
				keep = keep[1:]
			}
			if width == 0 || len(keep) > 0 && keep[0] == i {
				i++
				continue
			}
			b.WriteString(s.text[from:i])
			edges = append(edges, edge{b.Len(), i})
			b.WriteRune(r)
			i += width
			from = i
			edges = append(edges, edge{b.Len(), i})
		}
		b.WriteString(s.text[from:one.end])
	}
	return b.String(), edges
}

// place makes Value.Place. Bytes of one decoded character all map to its
// entity.
func (s *source) place(edges []edge) func(int) apim.Position {
	return func(offset int) apim.Position {
		i := len(edges) - 1
		for i > 0 && edges[i].text > offset {
			i--
		}
		raw := edges[i].raw + max(0, offset-edges[i].text)
		if i+1 < len(edges) && raw >= edges[i+1].raw {
			raw = edges[i].raw
		}
		return s.position(raw)
	}
}
