package odata

import (
	"fmt"
	"strings"
)

// orderBy reads a list of expressions, each with asc or desc.
func (p *parser) orderBy(s scope) error {
	for {
		if err := p.expression(s); err != nil {
			return err
		}
		if p.keyword("asc") || p.keyword("desc") {
			p.next()
		}
		if !p.accept(",") {
			return nil
		}
	}
}

// compute reads a list of "expression as name".
func (p *parser) compute(s scope) error {
	for {
		if err := p.expression(s); err != nil {
			return err
		}
		if !p.keyword("as") {
			return p.fail("\"as\" with a name is expected")
		}
		p.next()
		if p.kind != word || !isName(p.token) {
			return p.fail("a name is expected")
		}
		p.next()
		if !p.accept(",") {
			return nil
		}
	}
}

// selectItems reads a list of properties, with options in 4.01.
func (p *parser) selectItems(s scope) error {
	for {
		if err := p.item(s, false); err != nil {
			return err
		}
		if !p.accept(",") {
			return nil
		}
	}
}

// expandItems reads a list of navigation properties with options.
func (p *parser) expandItems(s scope) error {
	for {
		if err := p.item(s, true); err != nil {
			return err
		}
		if !p.accept(",") {
			return nil
		}
	}
}

func (p *parser) item(s scope, expand bool) error {
	leave, err := p.enter()
	if err != nil {
		return err
	}
	defer leave()
	item := s.item
	for n := 0; ; n++ {
		if p.accept("*") {
			item = nil
		} else if item, err = p.itemName(item, expand, n); err != nil {
			return err
		}
		if !p.accept("/") {
			break
		}
	}
	if !p.accept("(") {
		return nil
	}
	return p.nested(scope{item: item}, expand)
}

// itemName reads one step of a path in $select or $expand.
func (p *parser) itemName(item *Type, expand bool, n int) (*Type, error) {
	if p.kind != word || n > maxSegments {
		return nil, p.fail("a name is expected")
	}
	name := p.token
	if expand && (name == "$ref" || name == "$count" || name == "$value") && (n > 0 || name == "$value") {
		p.next()
		return nil, nil
	}
	if !isName(name) {
		return nil, p.fail("a name is expected")
	}
	next, err := p.member(item, name, p.start)
	if err != nil && p.model.operation(name) {
		next, err = nil, nil
	}
	p.next()
	return next, err
}

// nestedOptions are those that may stand inside $expand.
var nestedOptions = map[string]bool{"$filter": true, "$select": true, "$expand": true, "$orderby": true, "$top": true, "$skip": true,
	"$count": true, "$search": true, "$levels": true, "$compute": true, "$apply": true}

// nested reads "$option=value;..." up to the closing bracket.
func (p *parser) nested(s scope, expand bool) error {
	for {
		if p.kind != word {
			return p.fail("a query option is expected")
		}
		name := strings.ToLower(p.token)
		if p.loose && !strings.HasPrefix(name, "$") {
			name = "$" + name
		}
		if !nestedOptions[name] || !p.loose && name != p.token || !expand && !p.loose {
			return p.fail("%s is no query option that may stand here", short(p.token))
		}
		p.next()
		if err := p.expect("="); err != nil {
			return err
		}
		if err := p.nestedValue(s, name); err != nil {
			return err
		}
		if p.accept(")") {
			return nil
		}
		if err := p.expect(";"); err != nil {
			return err
		}
	}
}

func (p *parser) nestedValue(s scope, name string) error {
	switch name {
	case "$filter":
		return p.expression(s)
	case "$orderby":
		return p.orderBy(s)
	case "$select":
		return p.selectItems(s)
	case "$expand":
		return p.expandItems(s)
	case "$compute":
		return p.compute(s)
	case "$search":
		return p.search()
	case "$apply":
		return p.skipValue()
	}
	text := p.token
	if p.kind != word {
		return p.fail("a value is expected")
	}
	p.next()
	switch {
	case name == "$count" && text != "true" && text != "false":
		return fmt.Errorf("%s must be true or false", name)
	case name == "$levels" && text == "max", name == "$count":
		return nil
	}
	if err := number(text, false); err != nil {
		return fmt.Errorf("%s %w", name, err)
	}
	return nil
}

// skipValue reads over a value whose rules are not checked.
func (p *parser) skipValue() error {
	for depth := 0; ; p.next() {
		switch {
		case p.kind == end || p.kind == broken:
			return p.fail("a bracket or a quote is not closed")
		case p.is("("):
			depth++
		case depth == 0 && (p.is(")") || p.is(";")):
			return nil
		case p.is(")"):
			depth--
		}
	}
}

// search reads words and phrases with AND, OR and NOT.
func (p *parser) search() error {
	leave, err := p.enter()
	if err != nil {
		return err
	}
	defer leave()
	for {
		for p.keyword("NOT") {
			p.next()
		}
		switch {
		case p.accept("("):
			if err := p.search(); err != nil {
				return err
			}
			if err := p.expect(")"); err != nil {
				return err
			}
		case p.keyword("AND"), p.keyword("OR"):
			return p.fail("a word or a phrase is expected")
		case p.kind == word, p.kind == phrase:
			p.next()
		case p.kind == broken && p.pos == len(p.text):
			return p.fail("a quote is not closed")
		default:
			return p.fail("a word or a phrase is expected")
		}
		if p.keyword("AND") || p.keyword("OR") {
			p.next()
			continue
		}
		if p.kind != word && p.kind != phrase && !p.is("(") {
			return nil
		}
	}
}
