package expr

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

type tokenKind uint8

const (
	tEOF tokenKind = iota
	tIdent
	tOp
	tString // value: string
	tChar   // value: Char
	tInt    // value: int32, uint32, int64 or uint64
	tReal   // value: float64, float32 or Decimal
	tInterp // parts
)

// token is one lexical element; end is the offset after it.
type token struct {
	kind     tokenKind
	text     string
	value    any
	parts    []interpPart
	escaped  bool // @identifier
	pos, end int
}

// interpPart is literal text, or a hole with its source range.
type interpPart struct {
	text       string
	hole       bool
	start, end int // of the hole's expression
	format     string
	align      string
}

// maxNesting bounds how deep interpolated strings, brackets and operators may
// be nested in each other, so that no text exhausts the stack.
const maxNesting = 100

type lexer struct {
	src   string
	pos   int
	end   int
	depth int // of interpolated strings
}

// lex cuts src[start:end] into tokens. Offsets stay those of src.
func lex(src string, start, end, depth int) (out []token, err *Error) {
	defer catchCompile(&err)
	if depth > 8 {
		fail(start, "interpolated strings are nested too deep", "")
	}
	l := &lexer{src: src, pos: start, end: end, depth: depth}
	for {
		t := l.next()
		out = append(out, t)
		if t.kind == tEOF {
			return out, nil
		}
	}
}

// fail aborts compilation; catchCompile turns it into the returned error.
func fail(pos int, text, hint string) { panic(&Error{Offset: pos, Text: text, Hint: hint}) }

func failf(pos int, format string, args ...any) { fail(pos, fmt.Sprintf(format, args...), "") }

func catchCompile(err **Error) {
	switch r := recover().(type) {
	case nil:
	case *Error:
		*err = r
	default:
		// A fault of the compiler must not take the gateway down.
		*err = &Error{Text: fmt.Sprint(internalFault, r)}
	}
}

const internalFault = "internal error of the expression compiler: "

func (l *lexer) peek(n int) byte {
	if l.pos+n < l.end {
		return l.src[l.pos+n]
	}
	return 0
}

func (l *lexer) skipSpace() {
	for l.pos < l.end {
		c := l.src[l.pos]
		switch {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f':
			l.pos++
		case c == '/' && l.peek(1) == '/':
			for l.pos < l.end && l.src[l.pos] != '\n' {
				l.pos++
			}
		case c == '/' && l.peek(1) == '*':
			i := strings.Index(l.src[l.pos+2:l.end], "*/")
			if i < 0 {
				fail(l.pos, "this comment is not closed", "end it with */")
			}
			l.pos += i + 4
		case c >= utf8.RuneSelf:
			r, n := utf8.DecodeRuneInString(l.src[l.pos:l.end])
			if !unicode.IsSpace(r) && r != '\uFEFF' {
				return
			}
			l.pos += n
		default:
			return
		}
	}
}

func (l *lexer) next() token {
	l.skipSpace()
	start := l.pos
	if l.pos >= l.end {
		return token{kind: tEOF, pos: l.end, end: l.end}
	}
	c := l.src[l.pos]
	var t token
	switch {
	case c == '"':
		l.pos++
		t = token{kind: tString, value: l.quoted(start)}
	case c == '@' && l.peek(1) == '"':
		l.pos += 2
		t = token{kind: tString, value: l.verbatim(start)}
	case c == '$' && l.peek(1) == '"':
		l.pos += 2
		t = token{kind: tInterp, parts: l.interpolated(start, false)}
	case (c == '$' && l.peek(1) == '@' || c == '@' && l.peek(1) == '$') && l.peek(2) == '"':
		l.pos += 3
		t = token{kind: tInterp, parts: l.interpolated(start, true)}
	case c == '\'':
		t = token{kind: tChar, value: l.char()}
	case isDigit(c) || c == '.' && isDigit(l.peek(1)):
		t = l.number()
	case c == '@' && isIdentStart(l.src[l.pos+1:l.end]):
		l.pos++
		t = token{kind: tIdent, text: l.ident(), escaped: true}
	case isIdentStart(l.src[l.pos:l.end]):
		t = token{kind: tIdent, text: l.ident()}
	default:
		t = token{kind: tOp, text: l.operator()}
	}
	t.pos, t.end = start, l.pos
	return t
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isIdentStart(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return r == '_' || unicode.IsLetter(r)
}

func (l *lexer) ident() string {
	start := l.pos
	for l.pos < l.end {
		r, n := utf8.DecodeRuneInString(l.src[l.pos:l.end])
		if r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.Is(unicode.Mn, r) {
			break
		}
		l.pos += n
	}
	return l.src[start:l.pos]
}

var operators = []string{
	"<<=", ">>=", "??=", "=>", "==", "!=", "<=", ">=", "&&", "||", "??", "?.", "++", "--", "+=", "-=", "*=", "/=", "%=",
	"&=", "|=", "^=", "<<", "->", "::",
	"+", "-", "*", "/", "%", "=", "<", ">", "!", "~", "&", "|", "^", "?", ":", ";", ",", ".", "(", ")", "[", "]", "{", "}",
}

func (l *lexer) operator() string {
	rest := l.src[l.pos:l.end]
	for _, op := range operators {
		if !strings.HasPrefix(rest, op) {
			continue
		}
		// "a ?.5 : b" is a conditional, not a null-conditional.
		if op == "?." && len(rest) > 2 && isDigit(rest[2]) {
			continue
		}
		l.pos += len(op)
		return op
	}
	r, _ := utf8.DecodeRuneInString(rest)
	failf(l.pos, "unexpected character %q", r)
	return ""
}

func (l *lexer) quoted(start int) string {
	var b strings.Builder
	for {
		if l.pos >= l.end || l.src[l.pos] == '\n' {
			fail(start, "this string is not closed", "end it with \", or use @\"...\" for text of several lines")
		}
		switch c := l.src[l.pos]; c {
		case '"':
			l.pos++
			return b.String()
		case '\\':
			l.escape(&b)
		default:
			b.WriteByte(c)
			l.pos++
		}
	}
}

func (l *lexer) verbatim(start int) string {
	var b strings.Builder
	for {
		if l.pos >= l.end {
			fail(start, "this verbatim string is not closed", "end it with \"; a quote inside is written \"\"")
		}
		c := l.src[l.pos]
		if c == '"' {
			if l.peek(1) != '"' {
				l.pos++
				return b.String()
			}
			l.pos++
		}
		b.WriteByte(c)
		l.pos++
	}
}

// escape reads a backslash sequence.
func (l *lexer) escape(b *strings.Builder) {
	at := l.pos
	c := l.peek(1)
	l.pos += 2
	const simple = "'\"\\0abfnrtv"
	if i := strings.IndexByte(simple, c); i >= 0 && c != 0 {
		b.WriteByte("'\"\\\x00\a\b\f\n\r\t\v"[i])
		return
	}
	n, fixed := 0, true
	switch c {
	case 'x':
		n, fixed = 4, false
	case 'u':
		n = 4
	case 'U':
		n = 8
	default:
		fail(at, "unknown escape sequence", "write \\\\ for a backslash, or use a verbatim string @\"...\"")
	}
	v, digits := l.hex(n)
	if digits == 0 || fixed && digits != n || v > unicode.MaxRune {
		fail(at, "malformed escape sequence", "")
	}
	// A surrogate pair is written as two \u sequences.
	if v >= 0xD800 && v < 0xDC00 && l.peek(0) == '\\' && l.peek(1) == 'u' {
		save := l.pos
		l.pos += 2
		if low, k := l.hex(4); k == 4 && low >= 0xDC00 && low < 0xE000 {
			v = (v-0xD800)<<10 + (low - 0xDC00) + 0x10000
		} else {
			l.pos = save
		}
	}
	b.WriteRune(rune(v))
}

func (l *lexer) hex(n int) (v uint32, digits int) {
	for digits < n {
		d := strings.IndexByte("0123456789abcdef", lower(l.peek(0)))
		if d < 0 || l.peek(0) == 0 {
			break
		}
		v = v<<4 | uint32(d)
		digits++
		l.pos++
	}
	return v, digits
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 32
	}
	return c
}

func (l *lexer) char() Char {
	start := l.pos
	l.pos++
	var b strings.Builder
	switch {
	case l.pos >= l.end || l.src[l.pos] == '\n' || l.src[l.pos] == '\'':
		fail(start, "a character literal holds one character", "use \"...\" for strings")
	case l.src[l.pos] == '\\':
		l.escape(&b)
	default:
		r, n := utf8.DecodeRuneInString(l.src[l.pos:l.end])
		b.WriteRune(r)
		l.pos += n
	}
	if l.peek(0) != '\'' {
		fail(start, "a character literal holds one character", "use \"...\" for strings")
	}
	l.pos++
	r, _ := utf8.DecodeRuneInString(b.String())
	if r > 0xFFFF {
		fail(start, "this character does not fit into a char", "use a string")
	}
	return Char(r)
}

func (l *lexer) number() token {
	start := l.pos
	if l.src[l.pos] == '0' && (lower(l.peek(1)) == 'x' || lower(l.peek(1)) == 'b') {
		return l.radix(start)
	}
	real := false
	l.digits()
	if l.peek(0) == '.' && isDigit(l.peek(1)) {
		real = true
		l.pos++
		l.digits()
	}
	if lower(l.peek(0)) == 'e' && (isDigit(l.peek(1)) || (l.peek(1) == '-' || l.peek(1) == '+') && isDigit(l.peek(2))) {
		real = true
		l.pos += 2
		l.digits()
	}
	text := strings.ReplaceAll(l.src[start:l.pos], "_", "")
	switch s := lower(l.peek(0)); {
	case s == 'f' || s == 'd' || s == 'm':
		l.pos++
		return l.real(start, text, s)
	case real:
		return l.real(start, text, 'd')
	}
	v, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		fail(start, "this number is too large", "")
	}
	return token{kind: tInt, value: l.suffix(v)}
}

func (l *lexer) digits() {
	for isDigit(l.peek(0)) || l.peek(0) == '_' {
		l.pos++
	}
}

func (l *lexer) real(start int, text string, suffix byte) token {
	if suffix == 'm' {
		whole, ok := new(big.Float).SetPrec(512).SetString(text)
		if ok && (whole.MantExp(nil) > 96) {
			fail(start, "this number is too large for a decimal", "")
		}
		d, ok := parseDecimal(text)
		if !ok {
			fail(start, "malformed decimal number", "")
		}
		return token{kind: tReal, value: d}
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		fail(start, "this number is too large", "")
	}
	if suffix == 'f' {
		return token{kind: tReal, value: float32(v)}
	}
	return token{kind: tReal, value: v}
}

func (l *lexer) radix(start int) token {
	base := 16
	if lower(l.peek(1)) == 'b' {
		base = 2
	}
	l.pos += 2
	from := l.pos
	for l.peek(0) == '_' || strings.IndexByte("0123456789abcdef"[:base], lower(l.peek(0))) >= 0 && l.peek(0) != 0 {
		l.pos++
	}
	v, err := strconv.ParseUint(strings.ReplaceAll(l.src[from:l.pos], "_", ""), base, 64)
	if err != nil {
		fail(start, "malformed number", "")
	}
	return token{kind: tInt, value: l.suffix(v)}
}

// suffix reads U and L and gives the literal the first C# type that holds it.
func (l *lexer) suffix(v uint64) any {
	unsigned, long := false, false
	for {
		switch c := lower(l.peek(0)); {
		case c == 'u' && !unsigned:
			unsigned = true
		case c == 'l' && !long:
			long = true
		default:
			return integerLiteral(v, unsigned, long)
		}
		l.pos++
	}
}

func integerLiteral(v uint64, unsigned, long bool) any {
	switch {
	case v <= math.MaxInt32 && !unsigned && !long:
		return int32(v)
	case v <= math.MaxUint32 && !long:
		return uint32(v)
	case v <= math.MaxInt64 && !unsigned:
		return int64(v)
	}
	return v
}
