package logs

import (
	"fmt"
	"strings"

	"gatehouse/internal/query/kql"
)

// Limits of an OData expression.
const (
	maxExpression = 16 << 10
	maxNesting    = 64
)

// expression turns an OData expression into one of KQL. Names are columns that
// resolve knows; values become literals.
type expression struct {
	tokens  []token
	at      int
	depth   int
	resolve func(path string) (string, bool)
}

type tokenKind uint8

const (
	endToken tokenKind = iota
	nameToken
	textToken
	numberToken
	timeToken
	markToken // ( ) ,
)

type token struct {
	kind tokenKind
	text string
	pos  int // from 0, for errors
}

// filterExpression reads a whole $filter.
func filterExpression(text string, resolve func(string) (string, bool)) (string, error) {
	tokens, err := scanOData(text)
	if err != nil {
		return "", err
	}
	e := &expression{tokens: tokens, resolve: resolve}
	out, err := e.or()
	if err != nil {
		return "", err
	}
	if t := e.peek(); t.kind != endToken {
		return "", fmt.Errorf("at character %d: %q is not expected", t.pos+1, t.text)
	}
	return out, nil
}

func (e *expression) peek() token { return e.tokens[e.at] }

func (e *expression) next() token {
	t := e.tokens[e.at]
	if t.kind != endToken {
		e.at++
	}
	return t
}

// word takes a keyword.
func (e *expression) word(words ...string) (string, bool) {
	t := e.peek()
	if t.kind != nameToken {
		return "", false
	}
	for _, w := range words {
		if strings.EqualFold(t.text, w) {
			e.at++
			return w, true
		}
	}
	return "", false
}

func (e *expression) mark(text string) error {
	if t := e.next(); t.kind != markToken || t.text != text {
		return fmt.Errorf("at character %d: %s is missing", t.pos+1, text)
	}
	return nil
}

func (e *expression) or() (string, error) { return e.chain("or", e.and) }

func (e *expression) and() (string, error) { return e.chain("and", e.not) }

func (e *expression) chain(word string, operand func() (string, error)) (string, error) {
	out, err := operand()
	for err == nil {
		if _, ok := e.word(word); !ok {
			return out, nil
		}
		var right string
		right, err = operand()
		out = "(" + out + " " + word + " " + right + ")"
	}
	return "", err
}

func (e *expression) not() (string, error) {
	if _, ok := e.word("not"); !ok {
		return e.comparison()
	}
	if e.depth++; e.depth > maxNesting {
		return "", fmt.Errorf("the expression is nested deeper than %d", maxNesting)
	}
	out, err := e.not()
	e.depth--
	return "not(" + out + ")", err
}

func (e *expression) comparison() (string, error) {
	left, err := e.value()
	if err != nil {
		return "", err
	}
	word, ok := e.word("eq", "ne", "gt", "ge", "lt", "le", "in")
	if !ok {
		return left, nil
	}
	if word == "in" {
		list, err := e.arguments()
		return "(" + left + " in (" + strings.Join(list, ", ") + "))", err
	}
	right, err := e.value()
	operator := map[string]string{"eq": "==", "ne": "!=", "gt": ">", "ge": ">=", "lt": "<", "le": "<="}[word]
	switch {
	case right == "null" && word == "eq":
		return "isempty(" + left + ")", err
	case right == "null" && word == "ne":
		return "isnotempty(" + left + ")", err
	}
	return "(" + left + " " + operator + " " + right + ")", err
}

// value is a literal, a name, a call or an expression in parentheses.
func (e *expression) value() (string, error) {
	if e.depth++; e.depth > maxNesting {
		return "", fmt.Errorf("the expression is nested deeper than %d", maxNesting)
	}
	defer func() { e.depth-- }()
	t := e.next()
	switch t.kind {
	case textToken:
		return kql.Quoted(t.text), nil
	case numberToken:
		return t.text, nil
	case timeToken:
		return "datetime(" + t.text + ")", nil
	case markToken:
		if t.text == "(" {
			out, err := e.or()
			if err != nil {
				return "", err
			}
			return "(" + out + ")", e.mark(")")
		}
	case nameToken:
		return e.name(t)
	}
	return "", fmt.Errorf("at character %d: a value is missing", t.pos+1)
}

func (e *expression) name(t token) (string, error) {
	switch lower := strings.ToLower(t.text); lower {
	case "true", "false", "null":
		return lower, nil
	}
	if n := e.peek(); n.kind == markToken && n.text == "(" {
		return e.call(t)
	}
	column, ok := e.resolve(t.text)
	if !ok {
		return "", fmt.Errorf("at character %d: there is no property %q here", t.pos+1, t.text)
	}
	return column, nil
}

func (e *expression) arguments() ([]string, error) {
	if err := e.mark("("); err != nil {
		return nil, err
	}
	var out []string
	if t := e.peek(); t.kind == markToken && t.text == ")" {
		e.at++
		return out, nil
	}
	for {
		v, err := e.or()
		if err != nil {
			return nil, err
		}
		out = append(out, v)
		switch t := e.next(); {
		case t.kind == markToken && t.text == ")":
			return out, nil
		case t.kind != markToken || t.text != ",":
			return nil, fmt.Errorf("at character %d: , or ) is missing", t.pos+1)
		}
	}
}

// call writes OData's functions in KQL; %1 and so on are the arguments.
func (e *expression) call(t token) (string, error) {
	forms := map[string]struct {
		arguments int
		form      string
	}{
		"contains": {2, "(%1 contains_cs %2)"}, "startswith": {2, "(%1 startswith_cs %2)"}, "endswith": {2, "(%1 endswith_cs %2)"},
		"substringof": {2, "(%2 contains_cs %1)"}, "indexof": {2, "indexof(%1, %2)"}, "tolower": {1, "tolower(%1)"}, "toupper": {1, "toupper(%1)"},
		"length": {1, "strlen(%1)"}, "trim": {1, `trim(@"\s+", %1)`}, "concat": {2, "strcat(%1, %2)"}, "now": {0, "now()"},
		"year": {1, `datetime_part("year", %1)`}, "month": {1, `datetime_part("month", %1)`}, "day": {1, `datetime_part("day", %1)`},
		"hour": {1, `datetime_part("hour", %1)`}, "minute": {1, `datetime_part("minute", %1)`}, "second": {1, `datetime_part("second", %1)`},
		"round": {1, "round(%1)"}, "floor": {1, "floor(%1, 1)"}, "ceiling": {1, "ceiling(%1)"},
	}
	f, ok := forms[strings.ToLower(t.text)]
	if !ok {
		return "", fmt.Errorf("at character %d: the function %s is not known", t.pos+1, t.text)
	}
	list, err := e.arguments()
	if err != nil {
		return "", err
	}
	if len(list) != f.arguments {
		return "", fmt.Errorf("at character %d: %s takes %d values, not %d", t.pos+1, t.text, f.arguments, len(list))
	}
	var pairs []string
	for n, v := range list {
		pairs = append(pairs, fmt.Sprintf("%%%d", n+1), v)
	}
	return strings.NewReplacer(pairs...).Replace(f.form), nil
}
