package statement

import (
	"encoding/json"
	"strings"

	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
)

// sourceValue is the text of an element of a data source: a literal, an
// expression, or a Liquid template.
type sourceValue struct {
	value  policy.Any
	liquid *liquidBody
}

func compileSourceValue(k *policy.Compiler, e *policy.Element) *sourceValue {
	checkChildren(k, e)
	if k.OneOf(e, "template", "none", "none", "liquid") == "liquid" {
		return &sourceValue{liquid: compileLiquid(k, e)}
	}
	return &sourceValue{value: k.AnyValue(e.Text)}
}

// childText compiles the text of a child element that may be absent.
func childText(k *policy.Compiler, e *policy.Element, name string, attributes ...string) *sourceValue {
	c := only(k, e, name)
	if c == nil {
		return nil
	}
	checkAttributes(k, c, append(attributes, "template")...)
	return compileSourceValue(k, c)
}

func requiredText(k *policy.Compiler, e *policy.Element, name string) *sourceValue {
	v := childText(k, e, name)
	if v == nil {
		k.Errorf(e.Pos, "<%s> needs <%s>", e.Name, name)
		return &sourceValue{}
	}
	if c := e.Child(name); !c.Text.Expression && c.Text.Text == "" {
		k.Errorf(c.Pos, "<%s> must not be empty", name)
	}
	return v
}

// eval gives the value with its type; a template gives text.
func (v *sourceValue) eval(c *policy.Context) (any, error) {
	if v.liquid == nil {
		return v.value.Eval(c)
	}
	data, err := v.liquid.render(c)
	return strings.TrimSpace(string(data)), err
}

// json gives the value as JSON.
func (v *sourceValue) json(c *policy.Context) (json.RawMessage, error) {
	value, err := v.eval(c)
	if err != nil {
		return nil, err
	}
	return json.RawMessage(expr.NewJSON(value).JSON(false)), nil
}

// text gives the value as text.
func (v *sourceValue) text(c *policy.Context) (string, error) {
	value, err := v.eval(c)
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(expr.ToString(value)), nil
}
