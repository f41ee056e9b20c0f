package odata

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

type tokenKind uint8

const (
	end    tokenKind = iota
	word             // name, keyword, number, date, guid
	quoted           // 'text', with its prefix in word if there is one
	phrase           // "text"
	symbol           // ( ) , / : ; = *
	broken           // an open quote, a stray character
)

// parser reads the value of one option token by token.
type parser struct {
	text  string
	loose bool
	model *Model
	depth int

	kind  tokenKind
	token string // of words and symbols; never of quoted text
	start int    // where the token starts
	pos   int    // behind it
	space bool   // white space stands before it
}

// next moves to the next token.
func (p *parser) next() {
	from := p.pos
	for p.pos < len(p.text) && (p.text[p.pos] == ' ' || p.text[p.pos] == '\t') {
		p.pos++
	}
	p.space, p.start = p.pos > from, p.pos
	if p.pos == len(p.text) {
		p.kind, p.token = end, ""
		return
	}
	switch c := p.text[p.pos]; {
	case c == '\'':
		p.quote('\'', quoted)
	case c == '"':
		p.quote('"', phrase)
	case strings.IndexByte("(),/:;=*[]{}", c) >= 0:
		p.pos++
		p.kind, p.token = symbol, string(c)
	default:
		p.words()
	}
}

// quote reads to the closing quote; a doubled one is part of the text.
func (p *parser) quote(q byte, kind tokenKind) {
	p.token = ""
	for i := p.pos + 1; i < len(p.text); i++ {
		if q == '"' && p.text[i] == '\\' {
			i++
			continue
		}
		if p.text[i] != q {
			continue
		}
		if q == '\'' && i+1 < len(p.text) && p.text[i+1] == q {
			i++
			continue
		}
		p.kind, p.pos = kind, i+1
		return
	}
	p.kind, p.pos = broken, len(p.text)
}

// words reads a name or an unquoted literal. Dates, times and guids hold "-"
// and ":"; a name before ":" is the variable of a lambda.
func (p *parser) words() {
	from := p.pos
	for p.pos < len(p.text) {
		r, n := utf8.DecodeRuneInString(p.text[p.pos:])
		digits := p.text[from] >= '0' && p.text[from] <= '9' || p.text[from] == '-' && p.pos > from
		if !wordRune(r) && !(digits && (r == ':' || r == '+')) {
			break
		}
		p.pos += n
	}
	if p.pos == from {
		_, n := utf8.DecodeRuneInString(p.text[p.pos:])
		p.kind, p.token, p.pos = broken, "", p.pos+n
		return
	}
	p.kind, p.token = word, p.text[from:p.pos]
	// duration'PT1H', Namespace.Enum'Value'
	if p.pos < len(p.text) && p.text[p.pos] == '\'' && isName(p.token) {
		p.quote('\'', quoted)
	}
}

func wordRune(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("_.-$@~", r) || unicode.Is(unicode.Mn, r) || unicode.Is(unicode.Mc, r)
}

// isName tells identifiers, qualified ones too.
func isName(s string) bool {
	for part := range strings.SplitSeq(s, ".") {
		first, _ := utf8.DecodeRuneInString(part)
		if part == "" || !unicode.IsLetter(first) && first != '_' || len(part) > 128 {
			return false
		}
		if strings.IndexFunc(part, func(r rune) bool {
			return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_' && !unicode.Is(unicode.Mn, r)
		}) >= 0 {
			return false
		}
	}
	return true
}

// is tells whether the token is this symbol.
func (p *parser) is(s string) bool { return p.kind == symbol && p.token == s }

// keyword tells whether the token is this word of the language.
func (p *parser) keyword(s string) bool {
	return p.kind == word && (p.token == s || p.loose && strings.EqualFold(p.token, s))
}

// accept moves over a symbol when it is there.
func (p *parser) accept(s string) bool {
	if !p.is(s) {
		return false
	}
	p.next()
	return true
}

func (p *parser) expect(s string) error {
	if !p.accept(s) {
		return p.fail("%q is expected", s)
	}
	return nil
}

// fail words an error with its place; values of the request are not shown.
func (p *parser) fail(format string, args ...any) error { return p.failAt(p.start, format, args...) }

func (p *parser) failAt(at int, format string, args ...any) error {
	return fmt.Errorf("%s at character %d", fmt.Sprintf(format, args...), utf8.RuneCountInString(p.text[:at])+1)
}

// whole checks that a rule takes all of the text.
func (p *parser) whole(rule func() error) error {
	if p.kind == end {
		return errors.New("is empty")
	}
	if err := rule(); err != nil {
		return err
	}
	if p.kind != end {
		return p.fail("what follows does not belong here")
	}
	return nil
}

// enter bounds nesting.
func (p *parser) enter() (leave func(), err error) {
	if p.depth++; p.depth > maxDepth {
		return nil, p.fail("the nesting is deeper than %d", maxDepth)
	}
	return func() { p.depth-- }, nil
}

// balanced checks quotes and brackets alone.
func (p *parser) balanced() error {
	var open []string
	closing := map[string]string{")": "(", "]": "[", "}": "{"}
	for p.kind != end {
		switch {
		case p.kind == broken && p.pos == len(p.text):
			return p.fail("a quote is not closed")
		case p.is("("), p.is("["), p.is("{"):
			if open = append(open, p.token); len(open) > maxDepth {
				return p.fail("the nesting is deeper than %d", maxDepth)
			}
		case p.kind == symbol && closing[p.token] != "":
			if len(open) == 0 || open[len(open)-1] != closing[p.token] {
				return p.fail("%q closes nothing", p.token)
			}
			open = open[:len(open)-1]
		}
		p.next()
	}
	if len(open) > 0 {
		return p.fail("%q is not closed", open[len(open)-1])
	}
	return nil
}
