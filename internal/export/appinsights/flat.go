package appinsights

import (
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"gatehouse/internal/telemetry"
)

// flat reads a JSON object whose values are texts, numbers and words, as nearly
// all rows have. Texts that have no escape are parts of the row and not copied:
// captured bodies are long. ok is false for anything else, which is left to
// encoding/json.
func flat(s string) (out object, ok bool) {
	r := flatReader{rest: s}
	if !r.sign('{') {
		return nil, false
	}
	out = object{}
	if r.sign('}') {
		return out, r.end()
	}
	for {
		name, ok := r.text()
		if !ok || !r.sign(':') {
			return nil, false
		}
		v, ok := r.value()
		if !ok {
			return nil, false
		}
		out[name] = v
		switch {
		case r.sign(','):
		case r.sign('}'):
			return out, r.end()
		default:
			return nil, false
		}
	}
}

type flatReader struct{ rest string }

func (r *flatReader) space() { r.rest = strings.TrimLeft(r.rest, " \t\r\n") }

func (r *flatReader) sign(c byte) bool {
	if r.space(); r.rest == "" || r.rest[0] != c {
		return false
	}
	r.rest = r.rest[1:]
	return true
}

func (r *flatReader) end() bool { r.space(); return r.rest == "" }

func (r *flatReader) value() (any, bool) {
	r.space()
	if strings.HasPrefix(r.rest, `"`) {
		return r.text()
	}
	stop := strings.IndexAny(r.rest, ",} \t\r\n")
	if stop <= 0 {
		return nil, false
	}
	word := r.rest[:stop]
	r.rest = r.rest[stop:]
	switch {
	case word == "null":
		return nil, true
	case word == "true", word == "false":
		return word == "true", true
	case word[0] != '"' && word[0] != '{' && word[0] != '[' && json.Valid([]byte(word)):
		return json.Number(word), true
	}
	return nil, false
}

func (r *flatReader) text() (string, bool) {
	if r.space(); r.rest == "" || r.rest[0] != '"' {
		return "", false
	}
	end := strings.IndexByte(r.rest[1:], '"')
	if end < 0 {
		return "", false
	}
	plain := r.rest[1 : end+1]
	if strings.IndexByte(plain, '\\') >= 0 {
		return r.escaped()
	}
	if !whole(plain) {
		return "", false
	}
	r.rest = r.rest[end+2:]
	return plain, true
}

// whole tells whether a part of a text is what JSON takes as it is.
func whole(s string) bool {
	if telemetry.PlainJSON(s) == len(s) {
		return true
	}
	for i := range len(s) {
		if s[i] < ' ' {
			return false
		}
	}
	return utf8.ValidString(s)
}

// escaped reads a text with escapes: the parts between them as they are.
func (r *flatReader) escaped() (string, bool) {
	var out strings.Builder
	quote := 0 // the next one; it is looked for again only when it was escaped
	for at := 1; ; {
		if at > quote {
			n := strings.IndexByte(r.rest[at:], '"')
			if n < 0 {
				return "", false
			}
			quote = at + n
		}
		part := r.rest[at:quote]
		back := strings.IndexByte(part, '\\')
		if back < 0 {
			out.WriteString(part)
			r.rest = r.rest[quote+1:]
			return out.String(), whole(part)
		}
		if out.Len() == 0 {
			out.Grow(len(part) + 64)
		}
		out.WriteString(part[:back])
		size := unescape(&out, r.rest[at+back+1:])
		if size == 0 || !whole(part[:back]) {
			return "", false
		}
		at += back + 1 + size
	}
}

// unescape reads what is behind a backslash and gives how many bytes it was; 0
// is for what encoding/json reads better.
func unescape(out *strings.Builder, s string) int {
	if s == "" {
		return 0
	}
	if i := strings.IndexByte(`"\/bfnrt`, s[0]); i >= 0 {
		out.WriteByte("\"\\/\b\f\n\r\t"[i])
		return 1
	}
	if s[0] != 'u' || len(s) < 5 {
		return 0
	}
	n, err := strconv.ParseUint(s[1:5], 16, 16)
	if err != nil || utf16.IsSurrogate(rune(n)) {
		return 0
	}
	out.WriteRune(rune(n))
	return 5
}

// escape gives how many bytes an escape has behind its backslash, 0 when it is
// none or one that encoding/json reads better.
func escape(s string) int {
	if s == "" {
		return 0
	}
	if strings.IndexByte(`"\/bfnrt`, s[0]) >= 0 {
		return 1
	}
	if s[0] != 'u' || len(s) < 5 {
		return 0
	}
	if n, err := strconv.ParseUint(s[1:5], 16, 16); err != nil || utf16.IsSurrogate(rune(n)) {
		return 0
	}
	return 5
}

// character gives how many bytes a character has that is not ASCII, 0 when it is
// not whole.
func character(s string) int {
	if s[0] < utf8.RuneSelf {
		if s[0] < ' ' {
			return 0
		}
		return 1
	}
	if r, size := utf8.DecodeRuneInString(s); r != utf8.RuneError || size > 1 {
		return size
	}
	return 0
}
