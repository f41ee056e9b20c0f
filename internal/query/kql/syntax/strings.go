package syntax

import (
	"strings"
	"unicode/utf8"
)

// stringAhead tells whether a string of any form begins here: "", ”, @"", h"",
// three backticks or tildes.
func (l *lexer) stringAhead() bool {
	rest := l.text[l.at:]
	if rest[0] == 'h' || rest[0] == 'H' {
		rest = rest[1:]
	}
	if strings.HasPrefix(rest, "@") {
		rest = rest[1:]
		return strings.HasPrefix(rest, `"`) || strings.HasPrefix(rest, "'")
	}
	return strings.HasPrefix(rest, `"`) || strings.HasPrefix(rest, "'") || strings.HasPrefix(rest, "```") || strings.HasPrefix(rest, "~~~")
}

func (l *lexer) string() token {
	start := l.at
	if l.text[l.at] == 'h' || l.text[l.at] == 'H' { // hides the text in logs; the text is the same
		l.at++
	}
	rest := l.text[l.at:]
	switch {
	case strings.HasPrefix(rest, "```") || strings.HasPrefix(rest, "~~~"):
		return l.multiline(start, rest[:3])
	case rest[0] == '@':
		return l.verbatim(start, rest[1])
	}
	return l.escaped(start, rest[0])
}

func (l *lexer) multiline(start int, quote string) token {
	l.at += 3
	end := strings.Index(l.text[l.at:], quote)
	if end < 0 {
		l.fail(codeUnclosed, Span{start, l.at}, "the string has no end", "add "+quote)
		value := l.text[l.at:]
		l.at = len(l.text)
		return token{kind: tokenString, value: value}
	}
	value := l.text[l.at : l.at+end]
	l.at += end + 3
	return token{kind: tokenString, value: value}
}

// verbatim reads @"...", where a doubled quote stands for one and \ for itself.
func (l *lexer) verbatim(start int, quote byte) token {
	var b strings.Builder
	for l.at += 2; l.at < len(l.text) && l.text[l.at] != '\n' && l.text[l.at] != '\r'; l.at++ {
		c := l.text[l.at]
		if c != quote {
			b.WriteByte(c)
			continue
		}
		if l.at+1 < len(l.text) && l.text[l.at+1] == quote {
			b.WriteByte(c)
			l.at++
			continue
		}
		l.at++
		return token{kind: tokenString, value: b.String()}
	}
	return l.unclosed(start, quote, b.String())
}

func (l *lexer) unclosed(start int, quote byte, value string) token {
	l.fail(codeUnclosed, Span{start, l.at}, "the string has no end on this line", "add "+string(quote)+", or write a text of several lines between ``` and ```")
	return token{kind: tokenString, value: value}
}

// escaped reads "..." and '...'.
func (l *lexer) escaped(start int, quote byte) token {
	var b strings.Builder
	for l.at++; l.at < len(l.text) && l.text[l.at] != '\n' && l.text[l.at] != '\r'; {
		switch c := l.text[l.at]; c {
		case quote:
			l.at++
			return token{kind: tokenString, value: b.String()}
		case '\\':
			at := l.at
			size, ok := unescape(&b, l.text[at+1:])
			l.at += 1 + size
			if !ok {
				l.fail(codeLiteral, Span{at, min(l.at, len(l.text))}, "this escape has no meaning in a string", `write \\ for a backslash, or put @ before the string: @"..."`)
			}
		default:
			b.WriteByte(c)
			l.at++
		}
	}
	return l.unclosed(start, quote, b.String())
}

// unescape writes what the escape after a backslash stands for, and tells how
// long it is.
func unescape(b *strings.Builder, rest string) (int, bool) {
	if rest == "" || rest[0] == '\n' || rest[0] == '\r' {
		return 0, false
	}
	if i := strings.IndexByte(`'"\abfnrtv`, rest[0]); i >= 0 {
		b.WriteByte("'\"\\\a\b\f\n\r\t\v"[i])
		return 1, true
	}
	switch c := rest[0]; {
	case c == 'x':
		return codePoint(b, rest, 2)
	case c == 'u':
		return codePoint(b, rest, 4)
	case c == 'U':
		return codePoint(b, rest, 8)
	case c >= '0' && c <= '7':
		return octal(b, rest)
	}
	_, size := utf8.DecodeRuneInString(rest)
	return size, false
}

func codePoint(b *strings.Builder, rest string, digits int) (int, bool) {
	value, n := 0, 1
	for ; n < len(rest) && n <= digits; n++ {
		d := strings.IndexByte("0123456789abcdef", rest[n]|0x20)
		if d < 0 || rest[n] < '0' {
			break
		}
		value = value<<4 | d
	}
	if n != digits+1 || value > utf8.MaxRune {
		return n, false
	}
	b.WriteRune(rune(value))
	return n, true
}

func octal(b *strings.Builder, rest string) (int, bool) {
	value, n := 0, 0
	for ; n < len(rest) && n < 3 && rest[n] >= '0' && rest[n] <= '7' && value*8+int(rest[n]-'0') < 256; n++ {
		value = value*8 + int(rest[n]-'0')
	}
	b.WriteRune(rune(value))
	return n, true
}
