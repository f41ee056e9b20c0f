package suite

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// strict decodes a mapping and refuses keys that the type does not have.
func strict[T any](n *yaml.Node, into *T) error {
	t := reflect.TypeFor[T]()
	var known []string
	for i := range t.NumField() {
		if name, _, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ","); name != "" {
			known = append(known, name)
		}
	}
	if n.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: expected a mapping with some of %s", n.Line, strings.Join(known, ", "))
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if key := n.Content[i]; !slices.Contains(known, key.Value) {
			return fmt.Errorf("line %d: there is no key %q here; there are %s", key.Line, key.Value, strings.Join(known, ", "))
		}
	}
	return n.Decode(into)
}

// short decodes a mapping strictly, or a scalar into one field.
func short[T any](n *yaml.Node, into *T, field *string) error {
	if n.Kind == yaml.ScalarNode {
		*field = n.Value
		return nil
	}
	return strict(n, into)
}

type (
	plainSpec         spec
	plainOperation    operation
	plainCase         caseSpec
	plainMessage      message
	plainStub         stub
	plainSubscription subscription
	plainProduct      product
	plainUser         user
	plainExpect       expect
	plainTrace        trace
	plainMetric       metric
	plainFailure      failure
	plainRoute        route
	plainValue        namedValue
)

func (v *spec) UnmarshalYAML(n *yaml.Node) error      { return strict(n, (*plainSpec)(v)) }
func (v *operation) UnmarshalYAML(n *yaml.Node) error { return strict(n, (*plainOperation)(v)) }
func (v *caseSpec) UnmarshalYAML(n *yaml.Node) error  { return strict(n, (*plainCase)(v)) }
func (v *stub) UnmarshalYAML(n *yaml.Node) error      { return strict(n, (*plainStub)(v)) }
func (v *user) UnmarshalYAML(n *yaml.Node) error      { return strict(n, (*plainUser)(v)) }
func (v *expect) UnmarshalYAML(n *yaml.Node) error    { return strict(n, (*plainExpect)(v)) }
func (v *trace) UnmarshalYAML(n *yaml.Node) error     { return strict(n, (*plainTrace)(v)) }
func (v *metric) UnmarshalYAML(n *yaml.Node) error    { return strict(n, (*plainMetric)(v)) }
func (v *route) UnmarshalYAML(n *yaml.Node) error     { return strict(n, (*plainRoute)(v)) }

// UnmarshalYAML takes a whole HTTP message as text, too.
func (v *message) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind != yaml.ScalarNode {
		return strict(n, (*plainMessage)(v))
	}
	if err := v.parse(n.Value); err != nil {
		return fmt.Errorf("line %d: no HTTP message: %w", n.Line, err)
	}
	return nil
}

// UnmarshalYAML takes the value alone, too.
func (v *namedValue) UnmarshalYAML(n *yaml.Node) error { return short(n, (*plainValue)(v), &v.Value) }

// UnmarshalYAML takes the id alone, too.
func (v *subscription) UnmarshalYAML(n *yaml.Node) error {
	return short(n, (*plainSubscription)(v), &v.ID)
}

// UnmarshalYAML takes the id alone, too.
func (v *product) UnmarshalYAML(n *yaml.Node) error { return short(n, (*plainProduct)(v), &v.ID) }

// UnmarshalYAML takes "none", too.
func (v *failure) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode && n.Value == "none" {
		v.none = true
		return nil
	}
	return strict(n, (*plainFailure)(v))
}

// MarshalYAML writes "none" for none.
func (v failure) MarshalYAML() (any, error) {
	if v.none {
		return "none", nil
	}
	return plainFailure(v), nil
}

// UnmarshalYAML takes one message, a list of them or "none".
func (v *messages) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode && n.Value == "none" {
		*v = messages{}
		return nil
	}
	if n.Kind == yaml.SequenceNode {
		return n.Decode((*[]message)(v))
	}
	*v = make(messages, 1)
	return n.Decode(&(*v)[0])
}

// UnmarshalYAML takes one text or a list.
func (v *values) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.SequenceNode {
		return n.Decode((*[]string)(v))
	}
	*v = values{n.Value}
	return nil
}

// UnmarshalYAML takes one number or a list.
func (v *floats) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.SequenceNode {
		return n.Decode((*[]float64)(v))
	}
	*v = make(floats, 1)
	return n.Decode(&(*v)[0])
}

// UnmarshalYAML reads Go's notation, such as 90s.
func (v *duration) UnmarshalYAML(n *yaml.Node) error {
	d, err := time.ParseDuration(n.Value)
	if err != nil {
		return fmt.Errorf("line %d: %q is no duration; write 90s, 5m or 2h", n.Line, n.Value)
	}
	*v = duration(d)
	return nil
}

// UnmarshalYAML reads values as they are written: a date is a text.
func (v *plainValues) UnmarshalYAML(n *yaml.Node) error {
	out, err := anything(n)
	if err != nil {
		return err
	}
	values, ok := out.(map[string]any)
	if !ok {
		return fmt.Errorf("line %d: expected names with values", n.Line)
	}
	*v = values
	return nil
}

// anything is a value of YAML; what YAML takes for a time stays a text.
func anything(n *yaml.Node) (any, error) {
	switch n.Kind {
	case yaml.AliasNode:
		return anything(n.Alias)
	case yaml.MappingNode:
		out := map[string]any{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			value, err := anything(n.Content[i+1])
			if err != nil {
				return nil, err
			}
			out[n.Content[i].Value] = value
		}
		return out, nil
	case yaml.SequenceNode:
		out := []any{}
		for _, item := range n.Content {
			value, err := anything(item)
			if err != nil {
				return nil, err
			}
			out = append(out, value)
		}
		return out, nil
	}
	if n.Tag == "!!timestamp" {
		return n.Value, nil
	}
	var out any
	err := n.Decode(&out)
	return out, err
}
