package template

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// template resolves the expressions of a deployment template.
type template struct {
	declared  map[string]any // parameters
	variables map[string]any
	given     map[string]any
	spent     *work

	deployment Deployment
	items      []*item
	index      map[string]*item // by id, name and symbolic name in lower case
	resolving  map[string]bool
	loops      []place
	out        []Resource
}

// place is where a copy stands.
type place struct {
	loop string
	n    int
}

// maxSteps bounds the work that a small template can ask for: each variable may
// use another one twice.
const maxSteps = 200_000

// maxDepth of expressions and of variables that use others.
const maxDepth = 32

// resolve gives v with every expression in it replaced by its value.
func (t *template) resolve(v any, depth int) (any, error) {
	if t.spent.steps++; t.spent.steps > maxSteps {
		return nil, errors.New("the template takes too many steps")
	}
	if depth > maxDepth {
		return nil, errors.New("the template is nested too deeply, or a variable uses itself")
	}
	switch v := v.(type) {
	case string:
		return t.text(v, depth)
	case []any:
		out := make([]any, len(v))
		for i := range v {
			one, err := t.resolve(v[i], depth+1)
			if err != nil {
				return nil, err
			}
			out[i] = one
		}
		return out, nil
	case map[string]any:
		out := make(map[string]any, len(v))
		if err := t.copyProperties(v, out, depth); err != nil {
			return nil, err
		}
		for k := range v {
			if _, isCopy := v[k].([]any); k == "copy" && isCopy {
				continue
			}
			one, err := t.resolve(v[k], depth+1)
			if err != nil {
				return nil, err
			}
			out[k] = one
		}
		return out, nil
	}
	return v, nil
}

func (t *template) text(s string, depth int) (any, error) {
	if strings.HasPrefix(s, "[[") {
		return s[1:], nil
	}
	if !strings.HasPrefix(s, "[") || !strings.HasSuffix(s, "]") {
		return s, nil
	}
	p := &expression{template: t, text: s[1 : len(s)-1], depth: depth}
	v, err := p.value()
	if p.space(); err == nil && p.at < len(p.text) {
		err = fmt.Errorf("unexpected %q", p.text[p.at:])
	}
	if err != nil {
		return nil, fmt.Errorf("expression %.200s: %w", s, err)
	}
	return v, nil
}

// expression reads and evaluates in one pass.
type expression struct {
	template *template
	text     string
	at       int
	depth    int
	skip     int // in what is not taken of an if
}

func (p *expression) space() {
	for p.at < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.at]) >= 0 {
		p.at++
	}
}

func (p *expression) next(c byte) bool {
	if p.space(); p.at < len(p.text) && p.text[p.at] == c {
		p.at++
		return true
	}
	return false
}

func (p *expression) value() (any, error) {
	if p.template.spent.steps++; p.template.spent.steps > maxSteps {
		return nil, errors.New("the template takes too many steps")
	}
	if p.depth++; p.depth > maxDepth {
		return nil, errors.New("it is nested too deeply, or a variable uses itself")
	}
	defer func() { p.depth-- }()
	v, err := p.primary()
	for err == nil {
		switch {
		case p.next('.'):
			if name := p.word(); p.skip == 0 {
				v, err = property(v, name)
			}
		case p.next('['):
			var key any
			if key, err = p.value(); err == nil && !p.next(']') {
				err = errors.New("] is missing")
			}
			if err == nil && p.skip == 0 {
				v, err = element(v, key)
			}
		default:
			return v, nil
		}
	}
	return nil, err
}

func (p *expression) primary() (any, error) {
	if p.next('\'') {
		return p.quoted()
	}
	word := p.word()
	if n, err := strconv.ParseFloat(word, 64); err == nil {
		return n, nil
	}
	if word == "" || !p.next('(') {
		return nil, fmt.Errorf("a function, a number or a text is expected at %q", p.text[min(p.at, len(p.text)):])
	}
	if strings.EqualFold(word, "if") {
		return p.choice()
	}
	var args []any
	for !p.next(')') {
		if len(args) > 0 && !p.next(',') {
			return nil, errors.New(") is missing")
		}
		v, err := p.value()
		if err != nil {
			return nil, err
		}
		args = append(args, v)
	}
	if p.skip > 0 {
		return nil, nil
	}
	v, err := p.template.call(word, args, p.depth)
	if err == nil {
		err = p.template.spend(v)
	}
	return v, err
}

func (p *expression) word() string {
	p.space()
	from := p.at
	for p.at < len(p.text) {
		c := p.text[p.at]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || (c == '-' && p.at == from)) {
			break
		}
		p.at++
	}
	return p.text[from:p.at]
}

// quoted reads a text in single quotes; two of them are one.
func (p *expression) quoted() (any, error) {
	var b strings.Builder
	for p.at < len(p.text) {
		c := p.text[p.at]
		p.at++
		if c == '\'' {
			if p.at >= len(p.text) || p.text[p.at] != '\'' {
				return b.String(), nil
			}
			p.at++
		}
		b.WriteByte(c)
	}
	return nil, errors.New("a quote is missing")
}

func property(v any, name string) (any, error) {
	m, _ := v.(map[string]any)
	value, ok := lookup(m, name)
	if !ok {
		return nil, fmt.Errorf("there is no property %q", name)
	}
	return value, nil
}

func element(v, key any) (any, error) {
	if name, ok := key.(string); ok {
		return property(v, name)
	}
	list, isList := v.([]any)
	n, isNumber := key.(float64)
	if !isList || !isNumber || n < 0 || int(n) >= len(list) {
		return nil, fmt.Errorf("there is no element %v", key)
	}
	return list[int(n)], nil
}

// maxBytes bounds what all functions make together.
const maxBytes = 64 << 20

func (t *template) spend(v any) error {
	switch v := v.(type) {
	case string:
		t.spent.bytes += len(v)
	case []any:
		t.spent.bytes += 16 * len(v)
	case map[string]any:
		t.spent.bytes += 64 * len(v)
	}
	if t.spent.bytes > maxBytes {
		return errors.New("the template makes too much")
	}
	return nil
}

// choice reads what is behind "if(": what is not taken may be what fails.
func (p *expression) choice() (any, error) {
	condition, err := p.value()
	if err != nil {
		return nil, err
	}
	var out any
	for _, taken := range []bool{condition == true, condition != true} {
		if !p.next(',') {
			return nil, errors.New("if takes a condition and two values")
		}
		if !taken {
			p.skip++
		}
		v, err := p.value()
		if !taken {
			p.skip--
		}
		if err != nil {
			return nil, err
		}
		if taken {
			out = v
		}
	}
	if !p.next(')') {
		return nil, errors.New(") is missing")
	}
	return out, nil
}

// copyProperties makes the lists that {"copy": [{"name", "count", "input"}]} asks for.
func (t *template) copyProperties(v, out map[string]any, depth int) error {
	list, _ := v["copy"].([]any)
	for _, one := range list {
		m, _ := one.(map[string]any)
		n, err := t.resolve(m["count"], depth+1)
		count, ok := n.(float64)
		if err != nil || !ok || count < 0 || count > maxCopies {
			return fmt.Errorf("copy of %v: count must be a number from 0 to %d", m["name"], maxCopies)
		}
		name, made := text([]any{m["name"]}, 0), []any{}
		for i := range int(count) {
			leave := t.enter(name, i)
			value, err := t.resolve(m["input"], depth+1)
			leave()
			if err != nil {
				return err
			}
			made = append(made, value)
		}
		out[name] = made
	}
	return nil
}

// sorted gives the names of an object in order, so that one template always
// comes to the same.
func sorted(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }

// lookup finds a member without regard to letter case.
func lookup(m map[string]any, name string) (any, bool) {
	if v, ok := m[name]; ok {
		return v, true
	}
	for k, v := range m {
		if strings.EqualFold(k, name) {
			return v, true
		}
	}
	return nil, false
}
