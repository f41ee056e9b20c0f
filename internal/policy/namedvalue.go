package policy

import (
	"fmt"
	"slices"
	"strings"

	"gatehouse/internal/apim"
)

// expand puts named values into a text: every {{name}} that names one is
// replaced by its value, as text, before tags and expressions are looked for.
// Values are not searched for further names. A {{name}} without a value stays
// and is listed as unknown, unless asName holds its place among the unknown:
// then it stands for its own name.
func (s *Set) expand(document apim.Document, asName map[int]bool) (*source, Messages) {
	text := strings.TrimPrefix(document.Text, byteOrderMark)
	src := &source{file: document.File, original: text, text: text}
	var out strings.Builder
	done, found := 0, 0
	for at := 0; ; {
		start, end := nextReference(text, at)
		if start < 0 {
			break
		}
		at = end
		name := text[start+2 : end-2]
		value := s.values[name]
		replacement, secret := name, false
		if value != nil {
			replacement, secret = value.Value, value.Secret
		} else if found++; !asName[found-1] {
			offset := out.Len() + start - done
			src.unknown = append(src.unknown, reference{offset, name})
			continue
		}
		out.WriteString(text[done:start])
		src.spans = append(src.spans, span{out.Len(), out.Len() + len(replacement), start, end, name, secret, value == nil})
		out.WriteString(replacement)
		done = end
		if out.Len() > maxExpandedBytes {
			return src, Messages{{Pos: src.position(0), Text: fmt.Sprintf("the document has more than %d bytes after named values were put in", maxExpandedBytes)}}
		}
	}
	if done > 0 {
		out.WriteString(text[done:])
		src.text = out.String()
	}
	return src, nil
}

// nextReference finds the next {{name}} from an offset on.
func nextReference(text string, at int) (start, end int) {
	for {
		open := strings.Index(text[at:], "{{")
		if open < 0 {
			return -1, -1
		}
		start = at + open
		end = start + 2
		for end < len(text) && isNamedValueByte(text[end]) {
			end++
		}
		if end > start+2 && strings.HasPrefix(text[end:], "}}") {
			return start, end + 2
		}
		at = start + 1
	}
}

// isNamedValueByte tells what names of named values are made of. They are
// matched as they are written: letter case counts.
func isNamedValueByte(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b == '-' || b == '.' || b == '_'
}

// unresolved lists the unknown names that are meant as named values: those in
// comments, in Liquid and in interpolated strings are not.
func (p *parser) unresolved() []int {
	slices.SortFunc(p.plain, func(a, b area) int { return a.start - b.start })
	var out []int
	areas := p.plain
	for i, r := range p.src.unknown {
		for len(areas) > 0 && areas[0].end <= r.offset {
			areas = areas[1:]
		}
		if len(areas) == 0 || areas[0].start > r.offset {
			out = append(out, i)
		}
	}
	return out
}

// unknownMessages explains missing named values.
func (s *Set) unknownMessages(src *source, indexes []int, warning bool) Messages {
	var out Messages
	for _, i := range indexes {
		if len(out) == maxMessages {
			break
		}
		r := src.unknown[i]
		text := fmt.Sprintf("there is no named value %q: create it, or correct the name%s", r.name, s.similar(r.name))
		if warning {
			text = fmt.Sprintf("there is no named value %q: it stands for its own name%s", r.name, s.similar(r.name))
		}
		out = append(out, Message{Pos: src.position(r.offset), Text: text, Warning: warning})
	}
	return out
}

// similar hints at a name that differs only in letter case.
func (s *Set) similar(name string) string {
	best := ""
	for known := range s.values {
		if strings.EqualFold(known, name) && (best == "" || known < best) {
			best = known
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(" (letter case counts: there is %q)", best)
}

// checkNamedValues fills the set and reports what cannot be used.
func (s *Set) checkNamedValues(values []*apim.NamedValue) Messages {
	var out Messages
	report := func(v *apim.NamedValue, warning bool, format string, args ...any) {
		pos := apim.Position{File: "namedValues/" + v.ID, Line: 1, Column: 1}
		out = append(out, Message{Pos: pos, Text: fmt.Sprintf(format, args...), Warning: warning})
	}
	for _, v := range values {
		switch {
		case v.Name == "" || strings.ContainsFunc(v.Name, func(r rune) bool { return r > 0x7f || !isNamedValueByte(byte(r)) }):
			report(v, true, "no policy can refer to the named value %q: use only letters, digits, '.', '-' and '_' in its display name", v.Name)
		case s.values[v.Name] != nil:
			report(v, false, "the display name %q is used by the named value %q too: give one of them another", v.Name, s.values[v.Name].ID)
		case len(v.Value) > maxNamedValueBytes:
			report(v, false, "the value of the named value %q has more than %d bytes", v.Name, maxNamedValueBytes)
		default:
			s.values[v.Name] = v
		}
	}
	return out
}
