package azuremonitor

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// clause says which values of one dimension are asked for.
type clause struct {
	dimension string
	values    []string // one of them; empty: any
	not       []string // none of them
}

// Bounds of $filter.
const (
	maxFilter  = 8 << 10
	maxClauses = 20
	maxValues  = 200
)

// parseFilter reads $filter: comparisons of dimensions joined by and; those of
// one dimension also by or, with or without parentheses.
func parseFilter(text string) ([]clause, error) {
	if len(text) > maxFilter || !utf8.ValidString(text) {
		return nil, fmt.Errorf("$filter has more than %d bytes or is not UTF-8", maxFilter)
	}
	words, err := scanFilter(text)
	if err != nil || len(words) == 0 {
		return nil, err
	}
	p := &filterParser{words: words}
	if err := p.all(); err != nil {
		return nil, fmt.Errorf("$filter: %w", err)
	}
	return p.out, nil
}

// word of a filter: a name, an operator, a parenthesis or a quoted text.
type word struct {
	text   string
	quoted bool
}

func scanFilter(text string) ([]word, error) {
	var out []word
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '+':
			i++
		case c == '(' || c == ')':
			out = append(out, word{text: string(c)})
			i++
		case c == '\'':
			value, n, ok := quoted(text[i:])
			if !ok {
				return nil, fmt.Errorf("$filter: the text at byte %d has no closing quote", i)
			}
			out = append(out, word{value, true})
			i += n
		default:
			n := strings.IndexAny(text[i:], " \t\r\n()'+")
			if n < 0 {
				n = len(text) - i
			}
			out = append(out, word{text: text[i : i+n]})
			i += n
		}
	}
	return out, nil
}

// quoted reads a text in single quotes; two of them are one within.
func quoted(s string) (value string, length int, ok bool) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		if s[i] != '\'' {
			b.WriteByte(s[i])
			continue
		}
		if i+1 < len(s) && s[i+1] == '\'' {
			b.WriteByte('\'')
			i++
			continue
		}
		return b.String(), i + 1, true
	}
	return "", 0, false
}

type filterParser struct {
	words []word
	at    int
	depth int
	out   []clause
}

func (p *filterParser) peek() string {
	if p.at < len(p.words) && !p.words[p.at].quoted {
		return strings.ToLower(p.words[p.at].text)
	}
	return ""
}

// all reads the filter to its end. "or" binds to the comparison before it, which
// must be of the same dimension: Azure's own rule.
func (p *filterParser) all() error {
	or := false
	for {
		for p.peek() == "(" {
			p.at, p.depth = p.at+1, p.depth+1
		}
		if err := p.comparison(or); err != nil {
			return err
		}
		for p.peek() == ")" {
			if p.depth--; p.depth < 0 {
				return fmt.Errorf("a parenthesis closes that was not opened")
			}
			p.at++
		}
		switch p.peek() {
		case "and":
			or = false
		case "or":
			or = true
		default:
			if p.at < len(p.words) {
				return fmt.Errorf("%.40q stands where and, or or the end is expected", p.words[p.at].text)
			}
			if p.depth > 0 {
				return fmt.Errorf("a parenthesis is not closed")
			}
			return nil
		}
		p.at++
	}
}

func (p *filterParser) comparison(or bool) error {
	if len(p.words)-p.at < 3 || p.words[p.at].quoted || p.words[p.at+1].quoted || !p.words[p.at+2].quoted {
		return fmt.Errorf("write comparisons as ApiId eq 'value'")
	}
	name, operator, value := p.words[p.at].text, strings.ToLower(p.words[p.at+1].text), p.words[p.at+2].text
	if operator != "eq" && operator != "ne" {
		return fmt.Errorf("%.40q is not one of eq, ne", operator)
	}
	p.at += 3
	var c *clause
	for i := range p.out {
		if strings.EqualFold(p.out[i].dimension, name) {
			c = &p.out[i]
		}
	}
	switch {
	case or && (len(p.out) == 0 || c != &p.out[len(p.out)-1]):
		return fmt.Errorf("or stands between two dimensions: it joins values of one")
	case or && operator == "ne":
		return fmt.Errorf("ne is joined by and")
	case !or && c != nil && operator == "eq" && len(c.values) > 0:
		return fmt.Errorf("%.40q stands twice: join its values with or", name)
	case c == nil && len(p.out) >= maxClauses:
		return fmt.Errorf("more than %d dimensions", maxClauses)
	case c == nil:
		p.out = append(p.out, clause{dimension: name})
		c = &p.out[len(p.out)-1]
	case len(c.values)+len(c.not) >= maxValues:
		return fmt.Errorf("more than %d values of %.40q", maxValues, name)
	}
	switch {
	case operator == "ne":
		c.not = append(c.not, value)
	case value != "*":
		c.values = append(c.values, value)
	}
	return nil
}

// admits tells whether a value fits the clause.
func (c *clause) admits(value string) bool {
	for _, v := range c.not {
		if strings.EqualFold(v, value) {
			return false
		}
	}
	for _, v := range c.values {
		if strings.EqualFold(v, value) {
			return true
		}
	}
	return len(c.values) == 0
}
