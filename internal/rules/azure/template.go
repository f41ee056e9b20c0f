package azure

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// template resolves the expressions of a deployment template.
type template struct {
	declared  map[string]any // parameters
	variables map[string]any
	given     map[string]any
	steps     int
}

// maxSteps bounds the work that a small template can ask for: each variable may
// use another one twice.
const maxSteps = 200_000

// maxDepth of expressions and of variables that use others.
const maxDepth = 32

func newTemplate(root map[string]any, given map[string]any) *template {
	t := &template{given: given}
	t.declared, _ = root["parameters"].(map[string]any)
	t.variables, _ = root["variables"].(map[string]any)
	return t
}

// resolveRelevant resolves those of a kind among the resources.
func (t *template) resolveRelevant(list []any, kind string) ([]any, error) {
	var out []any
	for _, r := range list {
		m, ok := r.(map[string]any)
		if named, _ := m["type"].(string); !ok || !strings.EqualFold(named, kind) {
			continue
		}
		kept := map[string]any{}
		for _, name := range []string{"type", "apiVersion", "kind", "name", "location", "tags", "properties"} {
			if v, ok := m[name]; ok {
				kept[name] = v
			}
		}
		resolved, err := t.resolve(kept, 0)
		if err != nil {
			return nil, fmt.Errorf("resource %v: %w", m["name"], err)
		}
		out = append(out, resolved)
	}
	return out, nil
}

// resolve gives v with every expression in it replaced by its value.
func (t *template) resolve(v any, depth int) (any, error) {
	if t.steps++; t.steps > maxSteps {
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
		for k := range v {
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
	if p.template.steps++; p.template.steps > maxSteps {
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
			v, err = property(v, p.word())
		case p.next('['):
			var key any
			if key, err = p.value(); err == nil && !p.next(']') {
				err = errors.New("] is missing")
			}
			if err == nil {
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
	return p.template.call(word, args, p.depth)
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
	m, ok := v.(map[string]any)
	if !ok || m[name] == nil {
		return nil, fmt.Errorf("there is no property %q", name)
	}
	return m[name], nil
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
