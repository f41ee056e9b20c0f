package graphql

import (
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// described is an object of introspection: it gives its members by name.
type described func(field string, arguments map[string]any) any

// introspect answers __schema and __type.
func (s *Schema) introspect(field string, arguments map[string]any) any {
	if field == "__schema" {
		return described(s.member)
	}
	name, _ := arguments["name"].(string)
	return s.definition(s.types.Types[name])
}

// member is a field of __Schema.
func (s *Schema) member(field string, _ map[string]any) any {
	switch field {
	case "description":
		return textOrNull(s.types.Description)
	case "types":
		return s.definitions(s.names())
	case "queryType":
		return s.definition(s.types.Query)
	case "mutationType":
		return s.definition(s.types.Mutation)
	case "subscriptionType":
		return s.definition(s.types.Subscription)
	case "directives":
		return s.directives()
	}
	return nil
}

// textOrNull is a description; an empty one is null.
func textOrNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

func (s *Schema) names() []string {
	names := make([]string, 0, len(s.types.Types))
	for name := range s.types.Types {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (s *Schema) definitions(names []string) any {
	out := make([]any, 0, len(names))
	for _, n := range names {
		out = append(out, s.definition(s.types.Types[n]))
	}
	return out
}

// reference describes the type of a field or argument: lists and non-nulls wrap
// what they hold.
func (s *Schema) reference(t *ast.Type) any {
	kind, inner := "", any(nil)
	switch {
	case t.NonNull:
		nullable := *t
		nullable.NonNull = false
		kind, inner = "NON_NULL", s.reference(&nullable)
	case t.Elem != nil:
		kind, inner = "LIST", s.reference(t.Elem)
	default:
		return s.definition(s.types.Types[t.NamedType])
	}
	return described(func(field string, _ map[string]any) any {
		switch field {
		case "kind":
			return kind
		case "ofType":
			return inner
		}
		return nil
	})
}

// definition describes a named type, null when there is none.
func (s *Schema) definition(d *ast.Definition) any {
	if d == nil {
		return nil
	}
	return described(func(field string, arguments map[string]any) any {
		all, _ := arguments["includeDeprecated"].(bool)
		switch field {
		case "kind":
			return string(d.Kind)
		case "name":
			return d.Name
		case "description":
			return textOrNull(d.Description)
		case "fields":
			return s.fields(d, all)
		case "interfaces":
			if d.Kind == ast.Object || d.Kind == ast.Interface {
				return s.definitions(d.Interfaces)
			}
		case "possibleTypes":
			return s.possible(d)
		case "enumValues":
			return enumValues(d, all)
		case "inputFields":
			return s.inputFields(d, all)
		case "specifiedByURL":
			return directiveText(d.Directives, "specifiedBy", "url")
		case "isOneOf":
			if d.Kind == ast.InputObject {
				return d.Directives.ForName("oneOf") != nil
			}
		}
		return nil
	})
}

func (s *Schema) possible(d *ast.Definition) any {
	if !d.IsAbstractType() {
		return nil
	}
	out := []any{}
	for _, p := range s.types.PossibleTypes[d.Name] {
		out = append(out, s.definition(p))
	}
	return out
}

func (s *Schema) fields(d *ast.Definition, all bool) any {
	if d.Kind != ast.Object && d.Kind != ast.Interface {
		return nil
	}
	out := []any{}
	for _, f := range d.Fields {
		if strings.HasPrefix(f.Name, "__") || !all && f.Directives.ForName("deprecated") != nil {
			continue
		}
		out = append(out, annotated(f.Name, f.Description, f.Directives, func(field string, arguments map[string]any) any {
			all, _ := arguments["includeDeprecated"].(bool)
			switch field {
			case "args":
				return s.arguments(f.Arguments, all)
			case "type":
				return s.reference(f.Type)
			}
			return nil
		}))
	}
	return out
}

func (s *Schema) arguments(list ast.ArgumentDefinitionList, all bool) any {
	out := []any{}
	for _, a := range list {
		if all || a.Directives.ForName("deprecated") == nil {
			out = append(out, s.inputValue(a.Name, a.Description, a.Directives, a.Type, a.DefaultValue))
		}
	}
	return out
}

func (s *Schema) inputFields(d *ast.Definition, all bool) any {
	if d.Kind != ast.InputObject {
		return nil
	}
	out := []any{}
	for _, f := range d.Fields {
		if all || f.Directives.ForName("deprecated") == nil {
			out = append(out, s.inputValue(f.Name, f.Description, f.Directives, f.Type, f.DefaultValue))
		}
	}
	return out
}

func (s *Schema) inputValue(name, description string, directives ast.DirectiveList, t *ast.Type, fallback *ast.Value) any {
	return annotated(name, description, directives, func(field string, _ map[string]any) any {
		switch {
		case field == "type":
			return s.reference(t)
		case field == "defaultValue" && fallback != nil:
			return fallback.String()
		}
		return nil
	})
}

func enumValues(d *ast.Definition, all bool) any {
	if d.Kind != ast.Enum {
		return nil
	}
	out := []any{}
	for _, v := range d.EnumValues {
		if all || v.Directives.ForName("deprecated") == nil {
			out = append(out, annotated(v.Name, v.Description, v.Directives, func(string, map[string]any) any { return nil }))
		}
	}
	return out
}

// annotated adds the members that all described things have.
func annotated(name, description string, directives ast.DirectiveList, more described) described {
	return func(field string, arguments map[string]any) any {
		switch field {
		case "name":
			return name
		case "description":
			return textOrNull(description)
		case "isDeprecated":
			return directives.ForName("deprecated") != nil
		case "deprecationReason":
			if directives.ForName("deprecated") == nil {
				return nil
			}
			if reason := directiveText(directives, "deprecated", "reason"); reason != nil {
				return reason
			}
			return "No longer supported"
		}
		return more(field, arguments)
	}
}

func directiveText(list ast.DirectiveList, name, argument string) any {
	if d := list.ForName(name); d != nil {
		if a := d.Arguments.ForName(argument); a != nil {
			return a.Value.Raw
		}
	}
	return nil
}

func (s *Schema) directives() any {
	names := make([]string, 0, len(s.types.Directives))
	for name := range s.types.Directives {
		names = append(names, name)
	}
	slices.Sort(names)
	out := []any{}
	for _, name := range names {
		d := s.types.Directives[name]
		out = append(out, described(func(field string, arguments map[string]any) any {
			all, _ := arguments["includeDeprecated"].(bool)
			switch field {
			case "name":
				return d.Name
			case "description":
				return textOrNull(d.Description)
			case "isRepeatable":
				return d.IsRepeatable
			case "locations":
				locations := []any{}
				for _, l := range d.Locations {
					locations = append(locations, string(l))
				}
				return locations
			case "args":
				return s.arguments(d.Arguments, all)
			}
			return nil
		}))
	}
	return out
}
