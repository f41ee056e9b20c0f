package expr

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxJSONDepth bounds nesting of JSON texts.
const maxJSONDepth = 64 + 64

// ParseJSON reads a JSON text with the tolerance of Newtonsoft: comments,
// single quotes, unquoted names, trailing commas, NaN. ISO dates in strings
// become dates. The error is a *RuntimeError.
func ParseJSON(data []byte) (t *JToken, err error) { return readJSON(data, false) }

// ParseJSONText reads a JSON text as ParseJSON does, and leaves dates the
// strings that they are.
func ParseJSONText(data []byte) (t *JToken, err error) { return readJSON(data, true) }

func readJSON(data []byte, plain bool) (t *JToken, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = toException(r).runtimeError()
		}
	}()
	r := &jsonReader{s: bodyText(data), plain: plain}
	return r.document(), nil
}

// jsonReader reads one JSON text.
type jsonReader struct {
	m     *machine // counts the work; may be nil
	s     string
	i     int
	depth int
	plain bool   // dates stay strings
	class string // what is read, "" for JToken
}

func parseJSON(m *machine, s string) *JToken {
	r := &jsonReader{m: m, s: strings.TrimPrefix(s, "\ufeff")}
	return r.document()
}

// jsonStarts are the names of the tokens that values begin with.
var jsonStarts = map[JTokenType]string{JObject: "StartObject", JArray: "StartArray", JInteger: "Integer", JFloat: "Float", JString: "String",
	JBoolean: "Boolean", JNull: "Null", JUndefined: "Undefined", JDate: "Date", JConstructor: "StartConstructor"}

// parseJSONAs reads a text that must be an object or an array.
func parseJSONAs(m *machine, s string, k JTokenType) *JToken {
	r := &jsonReader{m: m, s: strings.TrimPrefix(s, "\ufeff"), class: jsonClass(k)}
	t := r.document()
	if t.kind != k {
		r.i = 0
		r.space()
		if r.i++; !t.container() {
			r.i = len(strings.TrimRight(r.s, " \t\r\n"))
		}
		kind := map[JTokenType]string{JObject: "an object", JArray: "an array"}[k]
		r.fail("Error reading %s from JsonReader. Current JsonReader item is not %s: %s.", r.class, kind, jsonStarts[t.kind])
	}
	return t
}

// document reads the whole text as one value.
func (r *jsonReader) document() *JToken {
	r.space()
	if r.i >= len(r.s) {
		if r.class == "" {
			r.class = "JToken"
		}
		r.fail("Error reading %s from JsonReader.", r.class)
	}
	t := r.value()
	r.space()
	if r.i < len(r.s) {
		r.fail("Additional text encountered after finished reading JSON content: %q.", r.s[r.i])
	}
	return t
}

func (r *jsonReader) fail(format string, args ...any) {
	line := 1 + strings.Count(r.s[:min(r.i, len(r.s))], "\n")
	if r.s == "" {
		line = 0
	}
	pos := min(r.i, len(r.s)) - (strings.LastIndexByte(r.s[:min(r.i, len(r.s))], '\n') + 1)
	throw("Newtonsoft.Json.JsonReaderException", "%s Path '', line %d, position %d.", fmt.Sprintf(format, args...), line, pos)
}

func (r *jsonReader) space() {
	for r.i < len(r.s) {
		switch c := r.s[r.i]; {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			r.i++
		case c == '/' && r.i+1 < len(r.s) && r.s[r.i+1] == '*':
			end := strings.Index(r.s[r.i+2:], "*/")
			if end < 0 {
				r.fail("Unexpected end while parsing comment.")
			}
			r.i += end + 4
		case c == '/' && r.i+1 < len(r.s) && r.s[r.i+1] == '/':
			for r.i < len(r.s) && r.s[r.i] != '\n' {
				r.i++
			}
		default:
			return
		}
	}
}

func (r *jsonReader) peek() byte {
	if r.i >= len(r.s) {
		r.fail("Unexpected end of content.")
	}
	return r.s[r.i]
}

func (r *jsonReader) value() *JToken {
	if r.m != nil {
		r.m.step(1)
		r.m.charge(tokenBytes)
	}
	switch c := r.peek(); c {
	case '{':
		return r.object()
	case '[':
		return r.array()
	case '"', '\'':
		text := r.text(c)
		if r.plain {
			return &JToken{kind: JString, value: text}
		}
		return stringToken(text)
	}
	return r.bare()
}

// stringToken makes dates of strings that look like ISO dates, and of
// /Date(milliseconds)/.
func stringToken(s string) *JToken {
	if strings.HasPrefix(s, "/Date(") {
		if d, ok := epochDate(s); ok {
			return &JToken{kind: JDate, value: d}
		}
	}
	if len(s) >= 19 && len(s) <= 40 && s[4] == '-' && s[10] == 'T' {
		if d, ok := isoDate(s); ok {
			return &JToken{kind: JDate, value: d}
		}
	}
	return &JToken{kind: JString, value: s}
}

func (r *jsonReader) enter() {
	if r.depth++; r.depth > maxJSONDepth {
		r.fail("The reader's MaxDepth of %d has been exceeded.", maxJSONDepth)
	}
	r.i++
	r.space()
}

func (r *jsonReader) object() *JToken {
	r.enter()
	t := &JToken{kind: JObject}
	for r.peek() != '}' {
		name := r.name()
		r.space()
		if r.peek() != ':' {
			r.fail("Invalid character after parsing property name. Expected ':' but got: %c.", r.s[r.i])
		}
		r.i++
		r.space()
		if r.m != nil {
			r.m.charge(tokenBytes)
		}
		t.setProperty(name, r.value())
		r.separator('}')
	}
	r.i++
	r.depth--
	return t
}

func (r *jsonReader) separator(end byte) {
	r.space()
	switch c := r.peek(); c {
	case ',':
		r.i++
		r.space()
	case end:
	default:
		r.fail("After parsing a value an unexpected character was encountered: %c.", c)
	}
}

func (r *jsonReader) array() *JToken {
	r.enter()
	t := &JToken{kind: JArray}
	for r.peek() != ']' {
		if r.s[r.i] == ',' {
			t.list = append(t.kids(), &JToken{kind: JUndefined, parent: t})
			r.separator(']')
			continue
		}
		v := r.value()
		v.parent = t
		t.list = append(t.kids(), v)
		r.separator(']')
	}
	r.i++
	r.depth--
	return t
}

func (r *jsonReader) name() string {
	c := r.peek()
	if c == '"' || c == '\'' {
		return r.text(c)
	}
	start := r.i
	for r.i < len(r.s) && (isDigit(r.s[r.i]) || r.s[r.i] == '_' || r.s[r.i] == '$' || lower(r.s[r.i]) >= 'a' && lower(r.s[r.i]) <= 'z') {
		r.i++
	}
	if r.i == start {
		r.fail("Invalid property identifier character: %c.", c)
	}
	return r.s[start:r.i]
}

func (r *jsonReader) text(quote byte) string {
	r.i++
	start := r.i
	for r.i < len(r.s) && r.s[r.i] != quote && r.s[r.i] != '\\' {
		r.i++
	}
	if r.i < len(r.s) && r.s[r.i] == quote {
		s := r.s[start:r.i]
		r.i++
		return s
	}
	var b strings.Builder
	b.WriteString(r.s[start:r.i])
	for {
		if r.i >= len(r.s) {
			r.fail("Unterminated string. Expected delimiter: %c.", quote)
		}
		c := r.s[r.i]
		r.i++
		switch c {
		case quote:
			return b.String()
		case '\\':
			r.escape(&b)
		default:
			b.WriteByte(c)
		}
	}
}

func (r *jsonReader) escape(b *strings.Builder) {
	c := r.peek()
	r.i++
	switch c {
	case 'b':
		b.WriteByte('\b')
	case 'f':
		b.WriteByte('\f')
	case 'n':
		b.WriteByte('\n')
	case 'r':
		b.WriteByte('\r')
	case 't':
		b.WriteByte('\t')
	case '"', '\\', '/', '\'':
		b.WriteByte(c)
	case 'u':
		v := r.hex4()
		if v >= 0xD800 && v < 0xDC00 && strings.HasPrefix(r.s[r.i:], `\u`) {
			save := r.i
			r.i += 2
			if low := r.hex4(); low >= 0xDC00 && low < 0xE000 {
				v = (v-0xD800)<<10 + low - 0xDC00 + 0x10000
			} else {
				r.i = save
			}
		}
		if !utf8.ValidRune(v) {
			v = utf8.RuneError
		}
		b.WriteRune(v)
	default:
		r.fail("Bad JSON escape sequence: \\%c.", c)
	}
}

func (r *jsonReader) hex4() rune {
	if r.i+4 > len(r.s) {
		r.fail("Unexpected end while parsing Unicode escape sequence.")
	}
	n, err := strconv.ParseUint(r.s[r.i:r.i+4], 16, 32)
	if err != nil {
		r.fail("Invalid Unicode escape sequence: \\u%s.", r.s[r.i:r.i+4])
	}
	r.i += 4
	return rune(n)
}

// bare reads numbers and words.
func (r *jsonReader) bare() *JToken {
	start := r.i
	for r.i < len(r.s) && !strings.ContainsRune(" \t\r\n,:]}[{\"'/", rune(r.s[r.i])) {
		r.i++
	}
	w := r.s[start:r.i]
	switch w {
	case "true", "false":
		return &JToken{kind: JBoolean, value: w == "true"}
	case "null":
		return &JToken{kind: JNull}
	case "undefined":
		return &JToken{kind: JUndefined}
	case "NaN":
		return &JToken{kind: JFloat, value: math.NaN()}
	case "Infinity":
		return &JToken{kind: JFloat, value: math.Inf(1)}
	case "-Infinity":
		return &JToken{kind: JFloat, value: math.Inf(-1)}
	}
	if t := jsonNumber(w); t != nil {
		return t
	}
	r.i = start
	r.fail("Unexpected character encountered while parsing value: %c.", r.peek())
	return nil
}

func jsonNumber(w string) *JToken {
	if w == "" || w != "-" && w[0] != '-' && w[0] != '.' && !isDigit(w[0]) || len(w) > 400 {
		return nil
	}
	if n, err := strconv.ParseInt(w, 10, 64); err == nil {
		return &JToken{kind: JInteger, value: n}
	}
	if strings.HasPrefix(w, "0x") || strings.HasPrefix(w, "0X") {
		if n, err := strconv.ParseInt(w[2:], 16, 64); err == nil {
			return &JToken{kind: JInteger, value: n}
		}
		return nil
	}
	if !strings.ContainsAny(w, ".eE_xXpPnN") {
		if n, ok := new(big.Int).SetString(w, 10); ok {
			return &JToken{kind: JInteger, value: n}
		}
		return nil
	}
	if strings.ContainsAny(w, "_xXpPnN") {
		return nil
	}
	d, err := strconv.ParseFloat(w, 64)
	if err != nil && !math.IsInf(d, 0) {
		return nil
	}
	return &JToken{kind: JFloat, value: d}
}
