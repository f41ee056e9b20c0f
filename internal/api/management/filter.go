package management

import (
	"strings"
)

// filterOf reads $filter: comparisons and functions of the fields of a kind,
// joined by and, or, not and parentheses.
func filterOf(text string, fields map[string]string) (func(*entity) bool, *fault) {
	if strings.TrimSpace(text) == "" {
		return func(*entity) bool { return true }, nil
	}
	p := &filter{words: filterWords(text), fields: fields}
	keep := p.or(0)
	if p.wrong == "" && p.at < len(p.words) {
		p.fail("unexpected " + p.words[p.at])
	}
	if p.wrong != "" {
		return nil, invalid("$filter", "$filter: "+p.wrong)
	}
	return keep, nil
}

// filter reads an expression in one pass.
type filter struct {
	words  []string
	at     int
	fields map[string]string
	wrong  string
}

const maxFilterDepth = 32

type predicate = func(*entity) bool

func (p *filter) fail(text string) {
	if p.wrong == "" {
		p.wrong = text
	}
}

func (p *filter) next() string {
	if p.at >= len(p.words) {
		p.fail("it ends too early")
		return ""
	}
	p.at++
	return p.words[p.at-1]
}

func (p *filter) take(word string) bool {
	if p.at < len(p.words) && strings.EqualFold(p.words[p.at], word) {
		p.at++
		return true
	}
	return false
}

func (p *filter) or(depth int) predicate {
	left := p.and(depth)
	for p.take("or") {
		a, b := left, p.and(depth)
		left = func(e *entity) bool { return a(e) || b(e) }
	}
	return left
}

func (p *filter) and(depth int) predicate {
	left := p.term(depth)
	for p.take("and") {
		a, b := left, p.term(depth)
		left = func(e *entity) bool { return a(e) && b(e) }
	}
	return left
}

func (p *filter) term(depth int) predicate {
	if depth > maxFilterDepth {
		p.fail("it is nested too deeply")
		p.at = len(p.words)
		return nil
	}
	if p.take("not") {
		inner := p.term(depth + 1)
		return func(e *entity) bool { return !inner(e) }
	}
	if p.take("(") {
		inner := p.or(depth + 1)
		if !p.take(")") {
			p.fail("a parenthesis is not closed")
		}
		return inner
	}
	word := p.next()
	if test := filterFunctions[strings.ToLower(word)]; test != nil {
		return p.function(word, test)
	}
	return p.comparison(word)
}

// filterFunctions take the field and the text.
var filterFunctions = map[string]func(field, text string) bool{
	"contains": strings.Contains, "substringof": strings.Contains,
	"startswith": strings.HasPrefix, "endswith": strings.HasSuffix,
}

func (p *filter) function(name string, test func(string, string) bool) predicate {
	open := p.take("(")
	first := p.next()
	comma := p.take(",")
	second := p.next()
	if !open || !comma || !p.take(")") {
		p.fail(name + " takes a field and a text in parentheses")
	}
	if strings.HasPrefix(first, "'") { // substringof('x', name)
		first, second = second, first
	}
	field, text := p.field(first), p.literal(second)
	p.truth()
	return func(e *entity) bool { return test(strings.ToLower(field(e)), strings.ToLower(text)) }
}

// truth passes over "eq true", which older clients write behind a function.
func (p *filter) truth() {
	if p.take("eq") && !p.take("true") {
		p.fail("a function can only be compared with true")
	}
}

func (p *filter) comparison(name string) predicate {
	field := p.field(name)
	operator := strings.ToLower(p.next())
	text := p.literal(p.next())
	var holds func(int) bool
	switch operator {
	case "eq":
		holds = func(c int) bool { return c == 0 }
	case "ne":
		holds = func(c int) bool { return c != 0 }
	case "gt":
		holds = func(c int) bool { return c > 0 }
	case "ge":
		holds = func(c int) bool { return c >= 0 }
	case "lt":
		holds = func(c int) bool { return c < 0 }
	case "le":
		holds = func(c int) bool { return c <= 0 }
	default:
		p.fail("there is no operator " + operator)
	}
	return func(e *entity) bool { return holds(strings.Compare(strings.ToLower(field(e)), strings.ToLower(text))) }
}

func (p *filter) field(name string) func(*entity) string {
	for known, property := range p.fields {
		if !strings.EqualFold(known, strings.TrimPrefix(name, "properties/")) {
			continue
		}
		return func(e *entity) string {
			if property == "" {
				return e.id
			}
			text, _ := e.properties[property].(string)
			return text
		}
	}
	p.fail("there is no field " + name)
	return func(*entity) string { return "" }
}

func (p *filter) literal(word string) string {
	if len(word) < 2 || word[0] != '\'' {
		p.fail(word + " is not a text in single quotes")
		return ""
	}
	return strings.ReplaceAll(word[1:len(word)-1], "''", "'")
}

// filterWords cuts a filter into words, signs and texts with their quotes.
func filterWords(s string) []string {
	var out []string
	for i := 0; i < len(s); {
		from := i
		switch c := s[i]; {
		case c == ' ' || c == '\t':
			i++
			continue
		case c == '\'':
			for i++; i < len(s); i++ {
				if s[i] == '\'' {
					if i+1 < len(s) && s[i+1] == '\'' {
						i++
						continue
					}
					break
				}
			}
			i = min(i+1, len(s))
			if i-from < 2 || s[i-1] != '\'' {
				return append(out, "an open quote")
			}
		case strings.IndexByte("(),", c) >= 0:
			i++
		default:
			for i < len(s) && strings.IndexByte(" \t'(),", s[i]) < 0 {
				i++
			}
		}
		out = append(out, s[from:i])
	}
	return out
}
