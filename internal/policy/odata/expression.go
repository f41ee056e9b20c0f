package odata

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
)

// scope is what names in an expression refer to.
type scope struct {
	item      *Type // of the collection or entity; nil: not known
	variables []variable
}

// variable is bound by any or all.
type variable struct {
	name string
	item *Type
}

func (s scope) variable(name string) (*Type, bool) {
	for _, v := range slices.Backward(s.variables) {
		if v.name == name {
			return v.item, true
		}
	}
	return nil, false
}

// levels are the binary operators from weak to strong.
var levels = [][]string{{"or"}, {"and"}, {"eq", "ne"}, {"gt", "ge", "lt", "le", "has", "in"}, {"add", "sub"}, {"mul", "div", "divby", "mod"}}

// expression reads $filter and what stands in it.
func (p *parser) expression(s scope) error {
	leave, err := p.enter()
	if err != nil {
		return err
	}
	defer leave()
	return p.binary(s, 0)
}

func (p *parser) binary(s scope, level int) error {
	if level == len(levels) {
		return p.unary(s)
	}
	if err := p.binary(s, level+1); err != nil {
		return err
	}
	for {
		i := slices.IndexFunc(levels[level], p.keyword)
		if i < 0 || !p.space {
			return nil
		}
		operator := levels[level][i]
		p.next()
		if !p.space && !p.is("(") {
			return p.fail("white space is missing behind the operator")
		}
		if operator == "in" && p.is("(") {
			if err := p.operands(s); err != nil {
				return err
			}
			continue
		}
		if err := p.binary(s, level+1); err != nil {
			return err
		}
	}
}

// operands is the list behind in.
func (p *parser) operands(s scope) error {
	p.next()
	for !p.is(")") {
		if err := p.expression(s); err != nil {
			return err
		}
		if !p.accept(",") {
			break
		}
	}
	return p.expect(")")
}

func (p *parser) unary(s scope) error {
	leave, err := p.enter()
	if err != nil {
		return err
	}
	defer leave()
	if p.keyword("not") {
		p.next()
		return p.unary(s)
	}
	if p.kind == word && p.token == "-" {
		p.next()
		return p.unary(s)
	}
	// "-Price" negates; "-1" is a number.
	if p.kind == word && len(p.token) > 1 && p.token[0] == '-' && isName(p.token[1:]) && p.token != "-INF" {
		p.token = p.token[1:]
	}
	return p.primary(s)
}

func (p *parser) primary(s scope) error {
	switch {
	case p.kind == quoted:
		p.next()
		return nil
	case p.accept("("):
		if err := p.expression(s); err != nil {
			return err
		}
		return p.expect(")")
	case p.is("["), p.is("{"):
		return p.json()
	case p.kind == word:
		return p.wordExpression(s)
	case p.kind == broken && p.pos == len(p.text):
		return p.fail("a quote is not closed")
	case p.kind == end:
		return p.fail("a value is missing")
	}
	return p.fail("a value is expected")
}

// json reads a collection or complex literal.
func (p *parser) json() error {
	d := json.NewDecoder(strings.NewReader(p.text[p.start:]))
	var skipped json.RawMessage
	if d.Decode(&skipped) != nil {
		return p.fail("the JSON literal is not valid")
	}
	p.pos = p.start + int(d.InputOffset())
	p.next()
	return nil
}

// literals that are written without quotes.
var literals = regexp.MustCompile(`^(?:null|true|false|-?INF|NaN` +
	`|[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?[mMdDfFlL]?` +
	`|[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}` +
	`|-?\d{4,}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,12})?)?(?:[Zz]|[+-]\d\d:\d\d)?)?` +
	`|\d\d:\d\d(?::\d\d(?:\.\d{1,12})?)?` +
	`|@[A-Za-z_]\w*)$`)

func (p *parser) wordExpression(s scope) error {
	if literals.MatchString(p.token) {
		p.next()
		return nil
	}
	name, at := p.token, p.start
	if name == "$it" || name == "$this" || name == "$root" {
		p.next()
		item := s.item
		if name == "$root" {
			item = nil
		}
		return p.steps(s, item)
	}
	if !isName(name) {
		return p.fail("this is neither a literal nor a name")
	}
	p.next()
	if p.is("(") && !p.space {
		return p.call(s, name, at)
	}
	if item, ok := s.variable(name); ok {
		return p.steps(s, item)
	}
	item, err := p.member(s.item, name, at)
	if err != nil {
		return err
	}
	return p.steps(s, item)
}

// member follows a property of a type, or a cast to one.
func (p *parser) member(item *Type, name string, at int) (*Type, error) {
	if strings.Contains(name, ".") {
		return p.model.named(name), nil
	}
	next, ok := item.property(name)
	if !ok {
		return nil, p.failAt(at, "%s has no property %s", item.Name, short(name))
	}
	return next, nil
}

// steps follows "/" to properties, casts, any, all, $count and functions.
func (p *parser) steps(s scope, item *Type) error {
	for n := 0; p.accept("/"); n++ {
		if p.kind != word || n > maxSegments {
			return p.fail("a name is expected")
		}
		name, at := p.token, p.start
		p.next()
		switch {
		case name == "$count":
			item = nil
			continue
		case (name == "any" || name == "all") && p.is("("):
			return p.lambda(s, item, name)
		case p.is("("):
			if err := p.arguments(s); err != nil {
				return err
			}
			item = nil
			continue
		case !isName(name):
			return p.fail("a name is expected")
		}
		next, err := p.member(item, name, at)
		if err != nil {
			return err
		}
		item = next
	}
	return nil
}

// lambda reads any() and all(x:condition).
func (p *parser) lambda(s scope, item *Type, name string) error {
	leave, err := p.enter()
	if err != nil {
		return err
	}
	defer leave()
	p.next()
	if p.is(")") && name == "any" {
		p.next()
		return nil
	}
	if p.kind != word || !isName(p.token) {
		return p.fail("the variable of %s is expected", name)
	}
	bound := variable{p.token, item}
	p.next()
	if err := p.expect(":"); err != nil {
		return err
	}
	inner := scope{item: s.item, variables: append(slices.Clip(s.variables), bound)}
	if err := p.expression(inner); err != nil {
		return err
	}
	return p.expect(")")
}

// functions are the built-in ones with their fewest and most arguments.
var functions = map[string][2]int{
	"cast": {1, 2}, "ceiling": {1, 1}, "concat": {2, 2}, "contains": {2, 2}, "date": {1, 1}, "day": {1, 1}, "endswith": {2, 2},
	"floor": {1, 1}, "fractionalseconds": {1, 1}, "geo.distance": {2, 2}, "geo.intersects": {2, 2}, "geo.length": {1, 1},
	"hassubset": {2, 2}, "hassubsequence": {2, 2}, "hour": {1, 1}, "indexof": {2, 2}, "isof": {1, 2}, "length": {1, 1},
	"matchespattern": {2, 2}, "maxdatetime": {0, 0}, "mindatetime": {0, 0}, "minute": {1, 1}, "month": {1, 1}, "now": {0, 0},
	"round": {1, 1}, "second": {1, 1}, "startswith": {2, 2}, "substring": {2, 3}, "time": {1, 1}, "tolower": {1, 1},
	"totaloffsetminutes": {1, 1}, "totalseconds": {1, 1}, "toupper": {1, 1}, "trim": {1, 1}, "year": {1, 1},
}

func (p *parser) call(s scope, name string, at int) error {
	if p.keywordCase(name) {
		return p.caseArguments(s)
	}
	want, known := functions[p.folded(name)]
	if !known && !strings.Contains(name, ".") && !p.model.operation(name) {
		return p.failAt(at, "there is no function %s", short(name))
	}
	count, err := p.countArguments(s, name == "cast" || name == "isof")
	if err != nil {
		return err
	}
	if known && (count < want[0] || count > want[1]) {
		return p.failAt(at, "the function %s does not take %d arguments", name, count)
	}
	return p.steps(s, nil)
}

// folded is the name of a built-in function as the table has it.
func (p *parser) folded(name string) string {
	if p.loose || name == "matchesPattern" {
		return strings.ToLower(name)
	}
	return name
}

func (p *parser) keywordCase(name string) bool {
	return name == "case" || p.loose && strings.EqualFold(name, "case")
}

// caseArguments reads case(condition:value,...).
func (p *parser) caseArguments(s scope) error {
	p.next()
	for {
		if err := p.expression(s); err != nil {
			return err
		}
		if err := p.expect(":"); err != nil {
			return err
		}
		if err := p.expression(s); err != nil {
			return err
		}
		if !p.accept(",") {
			return p.expect(")")
		}
	}
}

func (p *parser) arguments(s scope) error {
	_, err := p.countArguments(s, false)
	return err
}

// countArguments reads "(...)"; functions of the service take name=value.
func (p *parser) countArguments(s scope, types bool) (int, error) {
	p.next()
	count := 0
	for !p.is(")") {
		ahead := *p
		if p.kind == word && isName(p.token) {
			name := p.token
			p.next()
			switch {
			case p.accept("="):
			case types && strings.Contains(name, ".") && (p.is(")") || p.is(",")):
				count++ // the name of a type
				if !p.accept(",") {
					return count, p.expect(")")
				}
				continue
			default:
				*p = ahead
			}
		}
		if err := p.expression(s); err != nil {
			return count, err
		}
		count++
		if !p.accept(",") {
			break
		}
	}
	return count, p.expect(")")
}
