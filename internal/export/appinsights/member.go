package appinsights

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"gatehouse/internal/telemetry"
)

// member is one of a row's attributes. raw is the value as it stands in the row,
// within its quotes when it is a text: what the gateway captured is written into
// an item as it is, without being read and escaped anew.
type member struct {
	name, raw string
	text      bool
}

// readMembers reads attributes; those that are nested come by encoding/json.
func readMembers(to []member, attributes string) []member {
	if attributes == "" {
		return to
	}
	from := len(to)
	r := flatReader{rest: attributes}
	if out, ok := r.members(to); ok {
		return out
	}
	to = to[:from]
	for name, v := range parsed(attributes) {
		value := str(v)
		to = append(to, member{name: name, raw: string(telemetry.AppendJSONText(nil, value)), text: true})
	}
	return to
}

// members is flat without reading what the texts say.
func (r *flatReader) members(to []member) ([]member, bool) {
	if !r.sign('{') {
		return to, false
	}
	if r.sign('}') {
		return to, r.end()
	}
	for {
		name, ok := r.text()
		if !ok || !r.sign(':') {
			return to, false
		}
		m := member{name: name}
		if r.space(); len(r.rest) > 0 && r.rest[0] == '"' {
			m.text = true
			m.raw, ok = r.raw()
		} else {
			before := r.rest
			var v any
			if v, ok = r.value(); ok && v != nil {
				m.raw = before[:len(before)-len(r.rest)]
			}
		}
		if !ok {
			return to, false
		}
		to = append(to, m)
		switch {
		case r.sign(','):
		case r.sign('}'):
			return to, r.end()
		default:
			return to, false
		}
	}
}

// raw gives a text without reading its escapes, which it checks.
func (r *flatReader) raw() (string, bool) {
	for at := 1; ; {
		at += telemetry.PlainJSON(r.rest[at:])
		switch {
		case at >= len(r.rest):
			return "", false
		case r.rest[at] == '"':
			out := r.rest[1:at]
			r.rest = r.rest[at+1:]
			return out, true
		case r.rest[at] == '\\':
			size := escape(r.rest[at+1:])
			if size == 0 {
				return "", false
			}
			at += 1 + size
		default:
			size := character(r.rest[at:])
			if size == 0 {
				return "", false
			}
			at += size
		}
	}
}

// attribute is the text of one of the row's attributes.
func (b *batch) attribute(name string) string {
	for n := range b.members {
		if m := &b.members[n]; m.name == name {
			return m.value()
		}
	}
	return ""
}

func (m *member) value() string {
	if !m.text || telemetry.PlainJSON(m.raw) == len(m.raw) {
		return m.raw
	}
	r := flatReader{rest: `"` + m.raw + `"`}
	out, _ := r.text()
	return out
}

// property writes a member as a dimension. Empty ones are left out.
func (b *batch) property(m *member, name string, cut *cuts) {
	if m.raw == "" || name == truncated {
		return
	}
	b.scratch = telemetry.AppendJSON(append(b.scratch[:0], ','), clip(name, maxKey))
	b.scratch = append(b.scratch, `:"`...)
	b.scratched()
	end := len(m.raw)
	if end > maxValue { // escapes may make it longer than what it says
		if end = within(m.raw, maxValue); end < len(m.raw) {
			*cut = append(*cut, name)
		}
	}
	b.lines = append(append(b.lines, m.raw[:end]...), '"')
}

// within is how much of a raw text says no more than so many bytes, whole
// characters of it.
func within(raw string, limit int) int {
	at := 0
	for limit > 0 && at < len(raw) {
		plain := strings.IndexByte(raw[at:], '\\')
		if plain < 0 {
			plain = len(raw) - at
		}
		if plain >= limit {
			return at + len(clip(raw[at:], limit))
		}
		if at, limit = at+plain, limit-plain; at == len(raw) {
			break
		}
		says := 1
		size := 1 + escape(raw[at+1:])
		if raw[at+1] == 'u' {
			n, _ := strconv.ParseUint(raw[at+2:at+6], 16, 16)
			says = utf8.RuneLen(rune(n))
		}
		if says > limit {
			break
		}
		at, limit = at+size, limit-says
	}
	return at
}

// cuts are the names of what was cut.
type cuts []string

func (c *cuts) text(name, value string, limit int) string {
	if len(value) > limit {
		*c = append(*c, name)
		return clip(value, limit)
	}
	return value
}

// marked names what was cut in a dimension.
func (b *batch) marked(c cuts) {
	if len(c) > 0 {
		b.lines = telemetry.AppendJSON(append(b.lines, `,"`+truncated+`":`...), clip(fmt.Sprint([]string(c)), maxValue))
	}
}
