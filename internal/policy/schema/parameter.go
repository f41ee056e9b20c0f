package schema

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Parameter checks the texts of one declared parameter or header.
type Parameter struct {
	schema    *Schema
	kinds     []string // JSON types that the schema takes; nil: any
	list      bool     // texts are elements
	explode   bool
	separator string
	json      bool // the text is JSON
	object    bool
	items     *jsonschema.Schema
}

// Writing says how lists and objects are written as text.
type Writing struct {
	Explode   bool
	Separator string // "" is a comma
	JSON      bool
}

// NewParameter finds out once how texts become values of the schema.
func NewParameter(s *Schema, w Writing) *Parameter {
	p := &Parameter{schema: s, kinds: kindsOf(s.compiled, 0), explode: w.Explode, separator: w.Separator, json: w.JSON}
	if p.separator == "" {
		p.separator = ","
	}
	p.list = !w.JSON && slices.Contains(p.kinds, "array")
	p.object = !w.JSON && slices.Contains(p.kinds, "object")
	if p.list {
		p.items = itemsOf(s.compiled, 0)
	}
	return p
}

// Single tells whether the parameter takes one value.
func (p *Parameter) Single() bool { return !p.list }

// Spread tells whether the parameter is an object, whose properties stand for
// themselves when it is exploded.
func (p *Parameter) Spread() bool { return p.object }

// Properties lists the names that the schema gives, in order.
func (p *Parameter) Properties() []string {
	return slices.Sorted(maps.Keys(propertiesOf(map[string]bool{}, p.schema.compiled, 0)))
}

func propertiesOf(out map[string]bool, s *jsonschema.Schema, hops int) map[string]bool {
	if s == nil || hops > maxHops {
		return out
	}
	for name := range s.Properties {
		out[name] = true
	}
	for _, part := range slices.Concat([]*jsonschema.Schema{s.Ref}, s.AllOf, s.AnyOf, s.OneOf) {
		propertiesOf(out, part, hops+1)
	}
	return out
}

// Check checks the texts of a message, which holds at least one. nil means
// that they conform.
func (p *Parameter) Check(texts []string) []Problem {
	switch {
	case p.json:
		v, err := decode([]byte(texts[0]))
		if err == nil {
			v, err = p.schema.prepare(v, 0)
		}
		if err != nil {
			return []Problem{{Text: "The value is not JSON that can be checked."}}
		}
		return p.schema.check(v)
	case p.list:
		return p.schema.check(p.elements(texts))
	case p.object:
		return p.schema.check(pairs(strings.Split(texts[0], p.separator)))
	}
	return p.scalar(texts[0])
}

// CheckObject checks a parameter whose properties are written one by one.
func (p *Parameter) CheckObject(properties map[string]string) []Problem {
	out := make(map[string]any, len(properties))
	for name, text := range properties {
		out[name] = guess(propertyOf(p.schema.compiled, name, 0), text)
	}
	return p.schema.check(out)
}

// scalar tries what the text may stand for; the first reading words the problem.
func (p *Parameter) scalar(text string) []Problem {
	var first []Problem
	for i, v := range readings(p.kinds, text) {
		problems := p.schema.check(v)
		if problems == nil {
			return nil
		}
		if i == 0 {
			first = problems
		}
	}
	return first
}

// maxElements of a list in a parameter.
const maxElements = 10_000

func (p *Parameter) elements(texts []string) any {
	parts := texts
	if !p.explode {
		parts = nil
		for _, t := range texts {
			parts = append(parts, strings.SplitN(t, p.separator, maxElements)...)
		}
	}
	out := make([]any, len(parts))
	for i, t := range parts {
		out[i] = guess(p.items, strings.TrimSpace(t))
	}
	return out
}

func pairs(parts []string) any {
	out := map[string]any{}
	for i := 0; i+1 < len(parts); i += 2 {
		out[parts[i]] = parts[i+1]
	}
	return out
}

// guess reads a text by the schema of its own; the whole is checked afterwards.
func guess(s *jsonschema.Schema, text string) any {
	if s == nil {
		return text
	}
	all := readings(kindsOf(s, 0), text)
	for _, v := range all {
		if check(s, v) == nil {
			return v
		}
	}
	return all[0]
}

// readings lists the values that a text may stand for by the types that are
// allowed, the most specific first; never empty.
func readings(kinds []string, text string) []any {
	var out []any
	for _, k := range kinds {
		switch k {
		case "integer", "number":
			if v, ok := number(text); ok {
				out = append(out, v)
			}
		case "boolean":
			if strings.EqualFold(text, "true") || strings.EqualFold(text, "false") {
				out = append(out, strings.EqualFold(text, "true"))
			}
		case "null":
			if text == "" || text == "null" {
				out = append(out, nil)
			}
		}
	}
	return append(out, text)
}

func number(text string) (json.Number, bool) {
	plain := text != "" && strings.IndexFunc(text, func(r rune) bool { return (r < '0' || r > '9') && !strings.ContainsRune("+-.eE", r) }) < 0
	if !plain || !json.Valid([]byte(text)) || checkNumber(text) != nil {
		return "", false
	}
	return json.Number(text), true
}

// maxHops from a schema to what it refers to or is made of.
const maxHops = 8

// kindsOf lists the JSON types that a schema allows as far as it says; nil when
// it says nothing.
func kindsOf(s *jsonschema.Schema, hops int) []string {
	if s == nil || hops > maxHops {
		return nil
	}
	if s.Types != nil {
		return s.Types.ToStrings()
	}
	var out []string
	parts := slices.Concat([]*jsonschema.Schema{s.Ref}, s.AllOf, s.AnyOf, s.OneOf)
	for _, part := range parts {
		for _, k := range kindsOf(part, hops+1) {
			if !slices.Contains(out, k) {
				out = append(out, k)
			}
		}
	}
	if out != nil {
		return out
	}
	return kindsOfValues(s)
}

// kindsOfValues are the types of the values that a schema lists.
func kindsOfValues(s *jsonschema.Schema) []string {
	var values []any
	if s.Enum != nil {
		values = s.Enum.Values
	}
	if s.Const != nil {
		values = append(values, *s.Const)
	}
	var out []string
	for _, v := range values {
		kind := "string"
		switch v.(type) {
		case json.Number:
			kind = "number"
		case bool:
			kind = "boolean"
		case nil:
			kind = "null"
		}
		if !slices.Contains(out, kind) {
			out = append(out, kind)
		}
	}
	return out
}

// itemsOf finds the schema of a list's elements, nil when there is none.
func itemsOf(s *jsonschema.Schema, hops int) *jsonschema.Schema {
	if s == nil || hops > maxHops || s.Items2020 != nil {
		if s == nil {
			return nil
		}
		return s.Items2020
	}
	for _, part := range slices.Concat([]*jsonschema.Schema{s.Ref}, s.AllOf, s.AnyOf, s.OneOf) {
		if items := itemsOf(part, hops+1); items != nil {
			return items
		}
	}
	return nil
}

// propertyOf finds the schema of an object's property, nil when there is none.
func propertyOf(s *jsonschema.Schema, name string, hops int) *jsonschema.Schema {
	if s == nil || hops > maxHops {
		return nil
	}
	if p := s.Properties[name]; p != nil {
		return p
	}
	for _, part := range slices.Concat([]*jsonschema.Schema{s.Ref}, s.AllOf, s.AnyOf, s.OneOf) {
		if p := propertyOf(part, name, hops+1); p != nil {
			return p
		}
	}
	return nil
}
