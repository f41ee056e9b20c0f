package syntax

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

type tokenKind uint8

const (
	tokenEnd      tokenKind = iota
	tokenWord               // identifiers and keywords
	tokenInteger            // 12, 0x1F
	tokenReal               // 1.5, 1e9
	tokenTimespan           // 1d, 1.5h
	tokenString             // every form of string; value is decoded
	tokenTyped              // datetime(...), long(...): word is the type, value what stands in the brackets
	tokenMark               // operators and brackets
)

type token struct {
	Span
	kind  tokenKind
	text  string // as written
	word  string // of a typed literal: its type
	value string // of strings and typed literals
	glued bool   // no space before it
}

func (t token) is(text string) bool {
	return t.text == text && (t.kind == tokenWord || t.kind == tokenMark)
}

type lexer struct {
	text   string
	at     int
	tokens []token
	fail   func(code string, at Span, message, hint string)
}

// marks are the operators and brackets, longer ones first.
var marks = []string{
	"..", "=>", "==", "=~", "!=", "!~", "<=", ">=", "<>",
	"(", ")", "[", "]", "{", "}", "|", ",", ";", ":", ".", "=", "<", ">", "+", "-", "*", "/", "%", "!", "~", "@", "?",
}

// lex cuts the text into tokens; the last is always tokenEnd.
func (l *lexer) lex() []token {
	for {
		before := l.at
		l.space()
		start := l.at
		if start >= len(l.text) {
			l.tokens = append(l.tokens, token{Span: Span{start, start}, kind: tokenEnd})
			return l.tokens
		}
		t, ok := l.next()
		if l.at == start { // cannot happen; a lexer that stands still would never end
			l.at++
		}
		if !ok {
			continue
		}
		t.Span = Span{start, l.at}
		t.text = l.text[start:l.at]
		t.glued = before == start && start > 0
		l.tokens = append(l.tokens, t)
	}
}

// space skips blanks and comments.
func (l *lexer) space() {
	for l.at < len(l.text) {
		if strings.HasPrefix(l.text[l.at:], "//") {
			end := strings.IndexAny(l.text[l.at:], "\r\n")
			if end < 0 {
				l.at = len(l.text)
				return
			}
			l.at += end
			continue
		}
		r, size := utf8.DecodeRuneInString(l.text[l.at:])
		if !unicode.IsSpace(r) && r != '\u200b' && r != '\ufeff' && r != '\u180e' {
			return
		}
		l.at += size
	}
}

func (l *lexer) next() (token, bool) {
	c := l.text[l.at]
	switch {
	case l.stringAhead():
		return l.string(), true
	case c >= '0' && c <= '9':
		return l.number(), true
	case wordByte(c) || c == '$':
		return l.wordOrTyped(), true
	}
	for _, m := range marks {
		if strings.HasPrefix(l.text[l.at:], m) {
			l.at += len(m)
			return token{kind: tokenMark}, true
		}
	}
	r, size := utf8.DecodeRuneInString(l.text[l.at:])
	at := Span{l.at, l.at + size}
	l.at += size
	for l.at < len(l.text) { // one error for a run of the same
		next, n := utf8.DecodeRuneInString(l.text[l.at:])
		if next != r && (!unicode.IsLetter(next) || next < utf8.RuneSelf) {
			break
		}
		l.at += n
		at.End = l.at
	}
	l.fail(codeCharacter, at, "this character has no meaning in KQL", characterHint(r))
	return token{}, false
}

func characterHint(r rune) string {
	switch {
	case r == '&':
		return "write: and"
	case r == '“' || r == '”' || r == '‘' || r == '’':
		return "these are typographic quotes: write \" or '"
	case r == '#':
		return "a comment begins with //"
	case unicode.IsLetter(r):
		return "a name with other letters than a-z is written in brackets: ['" + string(r) + "...']"
	}
	return ""
}

func wordByte(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// run gives the letters, digits and underscores from here on.
func (l *lexer) run(from int) string {
	end := from
	for end < len(l.text) && wordByte(l.text[end]) {
		end++
	}
	return l.text[from:end]
}

func (l *lexer) digits(from int) int {
	for from < len(l.text) && l.text[from] >= '0' && l.text[from] <= '9' {
		from++
	}
	return from
}

// number reads integers, reals and timespans; 2xx is a name.
func (l *lexer) number() token {
	whole := l.run(l.at)
	if len(whole) > 2 && (whole[:2] == "0x" || whole[:2] == "0X") && strings.Trim(whole[2:], "0123456789abcdefABCDEF") == "" {
		l.at += len(whole)
		return token{kind: tokenInteger}
	}
	end := l.digits(l.at)
	kind := tokenInteger
	if end < len(l.text) && l.text[end] == '.' && !strings.HasPrefix(l.text[end:], "..") {
		kind, end = tokenReal, l.digits(end+1)
	}
	if e := l.exponent(end); e > end {
		kind, end = tokenReal, e
	}
	unit := l.run(end)
	switch {
	case unit == "":
		l.at = end
		return token{kind: kind}
	case unitTicks(unit) != 0:
		l.at = end + len(unit)
		return token{kind: tokenTimespan, value: unit}
	case kind == tokenInteger:
		l.at = end + len(unit)
		return token{kind: tokenWord}
	}
	l.at = end
	return token{kind: kind}
}

// exponent gives the end of "e+10" at from, or from.
func (l *lexer) exponent(from int) int {
	at := from
	if at >= len(l.text) || l.text[at] != 'e' && l.text[at] != 'E' {
		return from
	}
	at++
	if at < len(l.text) && (l.text[at] == '+' || l.text[at] == '-') {
		at++
	}
	if end := l.digits(at); end > at {
		return end
	}
	return from
}

// wordOrTyped reads a word, or datetime(...) and its like whole: what stands in
// their brackets follows rules of its own.
func (l *lexer) wordOrTyped() token {
	start := l.at
	l.at++
	l.at += len(l.run(l.at))
	word := l.text[start:l.at]
	if l.at >= len(l.text) || l.text[l.at] != '(' || !typedWord(word) {
		return token{kind: tokenWord}
	}
	open := l.at
	end := strings.IndexByte(l.text[open:], ')')
	if end < 0 {
		l.fail(codeUnclosed, Span{open, open + 1}, word+"( has no closing bracket", "add )")
		l.at = len(l.text)
		return token{kind: tokenTyped, word: word, value: "null"}
	}
	l.at = open + end + 1
	return token{kind: tokenTyped, word: word, value: strings.TrimSpace(l.text[open+1 : l.at-1])}
}
