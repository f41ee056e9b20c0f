package graphql

import (
	"encoding/json"
	"math"
	"strconv"

	"github.com/vektah/gqlparser/v2/ast"
)

// coerceVariables checks the values of variables and fills in defaults.
func (o *Operation) coerceVariables(given map[string]any) (map[string]any, Errors) {
	out := map[string]any{}
	var faults Errors
	for _, d := range o.operation.VariableDefinitions {
		value, there := given[d.Variable]
		switch {
		case !there && d.DefaultValue != nil:
			out[d.Variable], _ = o.schema.fallback(d.DefaultValue, d.Type)
			continue
		case !there && !d.Type.NonNull:
			continue
		case !there:
			faults = append(faults, errorf("Variable $%s of the required type %s was not given.", d.Variable, d.Type).at(d.Position))
			continue
		}
		checked, problem := o.schema.input(value, d.Type, 0)
		if problem != "" {
			faults = append(faults, errorf("Variable $%s: %s", d.Variable, problem).at(d.Position))
			continue
		}
		out[d.Variable] = checked
	}
	return out, faults
}

// input checks a value of a variable against its type. The problem is "" when
// there is none; it never quotes the value.
func (s *Schema) input(value any, t *ast.Type, depth int) (any, string) {
	switch {
	case depth > maxVariableDepth:
		return nil, "it is nested too deep."
	case value == nil && t.NonNull:
		return nil, "null is no value of " + t.String() + "."
	case value == nil:
		return nil, ""
	case t.Elem != nil:
		return s.inputList(value, t, depth)
	}
	d := s.types.Types[t.NamedType]
	switch d.Kind {
	case ast.InputObject:
		return s.inputObject(value, d, depth)
	case ast.Enum:
		if text, ok := value.(string); ok && d.EnumValues.ForName(text) != nil {
			return text, ""
		}
		return nil, "expected a value of the enum " + d.Name + "."
	}
	return scalarInput(value, d.Name)
}

func (s *Schema) inputList(value any, t *ast.Type, depth int) (any, string) {
	list, ok := value.([]any)
	if !ok {
		list = []any{value} // one value stands for a list of one
	}
	out := make([]any, len(list))
	for i, v := range list {
		one, problem := s.input(v, t.Elem, depth+1)
		if problem != "" {
			return nil, "element " + strconv.Itoa(i) + ": " + problem
		}
		out[i] = one
	}
	return out, ""
}

func (s *Schema) inputObject(value any, d *ast.Definition, depth int) (any, string) {
	object, ok := value.(map[string]any)
	if !ok {
		return nil, "expected an object of the type " + d.Name + "."
	}
	for name := range object {
		if d.Fields.ForName(name) == nil {
			return nil, "a field was given that " + d.Name + " does not have."
		}
	}
	out := make(map[string]any, len(d.Fields))
	for _, f := range d.Fields {
		v, there := object[f.Name]
		if !there {
			if f.DefaultValue != nil {
				out[f.Name], _ = s.fallback(f.DefaultValue, f.Type)
			} else if f.Type.NonNull {
				return nil, "the required field " + f.Name + " of " + d.Name + " is missing."
			}
			continue
		}
		one, problem := s.input(v, f.Type, depth+1)
		if problem != "" {
			return nil, "field " + f.Name + ": " + problem
		}
		out[f.Name] = one
	}
	if d.Directives.ForName("oneOf") != nil && len(object) != 1 {
		return nil, "exactly one field of " + d.Name + " must be given."
	}
	return out, ""
}

// scalarInput checks the built-in scalars; others take what comes.
func scalarInput(value any, name string) (any, string) {
	number, isNumber := value.(json.Number)
	switch name {
	case "Int":
		if isNumber && isInt32(string(number)) {
			return value, ""
		}
	case "Float":
		if isNumber {
			return value, ""
		}
	case "Boolean":
		if _, ok := value.(bool); ok {
			return value, ""
		}
	case "String":
		if _, ok := value.(string); ok {
			return value, ""
		}
	case "ID":
		if _, err := strconv.ParseInt(string(number), 10, 64); isNumber && err == nil {
			return string(number), ""
		}
		if _, ok := value.(string); ok {
			return value, ""
		}
	default:
		return value, ""
	}
	return nil, "the value cannot be used as " + name + "."
}

func isInt32(text string) bool {
	n, err := strconv.ParseInt(text, 10, 64)
	return err == nil && n >= math.MinInt32 && n <= math.MaxInt32
}

// literal is the value of a literal of a document or schema, which validation
// has checked. ok is false for a variable that has no value.
func (s *Schema) literal(v *ast.Value, t *ast.Type, variables map[string]any) (value any, ok bool) {
	switch v.Kind {
	case ast.Variable:
		value, ok = variables[v.Raw]
		return value, ok
	case ast.NullValue:
		return nil, true
	}
	if t != nil && t.Elem != nil {
		return s.literalList(v, t, variables), true
	}
	switch v.Kind {
	case ast.ListValue:
		return s.literalList(v, t, variables), true
	case ast.ObjectValue:
		return s.literalObject(v, t, variables), true
	case ast.BooleanValue:
		return v.Raw == "true", true
	case ast.IntValue, ast.FloatValue:
		if t != nil && t.NamedType == "ID" {
			return v.Raw, true
		}
		return json.Number(v.Raw), true
	}
	return v.Raw, true
}

// fallback is the value of a default. Objects are taken as they are written:
// filling in defaults of theirs could go on for ever.
func (s *Schema) fallback(v *ast.Value, t *ast.Type) (any, bool) {
	if d := s.types.Types[t.Name()]; d != nil && d.Kind == ast.InputObject {
		t = nil
	}
	return s.literal(v, t, nil)
}

func (s *Schema) literalList(v *ast.Value, t *ast.Type, variables map[string]any) []any {
	elem := t
	if t != nil && t.Elem != nil {
		elem = t.Elem
	}
	if v.Kind != ast.ListValue {
		one, _ := s.literal(v, elem, variables)
		return []any{one}
	}
	out := make([]any, len(v.Children))
	for i, c := range v.Children {
		out[i], _ = s.literal(c.Value, elem, variables)
	}
	return out
}

func (s *Schema) literalObject(v *ast.Value, t *ast.Type, variables map[string]any) map[string]any {
	var d *ast.Definition
	if t != nil {
		d = s.types.Types[t.NamedType]
	}
	out := make(map[string]any, len(v.Children))
	for _, c := range v.Children {
		var of *ast.Type
		if d != nil {
			if f := d.Fields.ForName(c.Name); f != nil {
				of = f.Type
			}
		}
		if value, ok := s.literal(c.Value, of, variables); ok {
			out[c.Name] = value
		}
	}
	if d == nil {
		return out
	}
	for _, f := range d.Fields {
		if _, there := out[f.Name]; !there && f.DefaultValue != nil {
			out[f.Name], _ = s.fallback(f.DefaultValue, f.Type)
		}
	}
	return out
}

// arguments are the values of a field's or directive's arguments, in the order
// of their declaration. A required one without a value is an error.
func (o *Operation) arguments(declared ast.ArgumentDefinitionList, given ast.ArgumentList) (map[string]any, *Error) {
	if len(declared) == 0 {
		return nil, nil
	}
	out := make(map[string]any, len(declared))
	for _, d := range declared {
		value, ok := any(nil), false
		a := given.ForName(d.Name)
		if a != nil {
			value, ok = o.schema.literal(a.Value, d.Type, o.variables)
		}
		if !ok && d.DefaultValue != nil {
			value, ok = o.schema.fallback(d.DefaultValue, d.Type)
		}
		if d.Type.NonNull && (!ok || value == nil) {
			fault := errorf("Argument %s of the required type %s has no value.", d.Name, d.Type)
			if a != nil {
				fault.at(a.Position)
			}
			return nil, fault
		}
		if ok {
			out[d.Name] = value
		}
	}
	return out, nil
}
