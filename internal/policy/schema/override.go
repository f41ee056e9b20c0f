package schema

import "strings"

// override applies what the policy says about the schema. The schema is a
// bundle of this compilation alone: it is changed in place.
func override(v any, o Options) any {
	if o.Additional == AsDeclared && !o.FoldNames {
		return v
	}
	root, ok := v.(map[string]any)
	if !ok {
		return v
	}
	defs, _ := root["$defs"].(map[string]any)
	for name, d := range defs {
		// A definition may be one of several that make up an object: only where
		// it is used as a whole are other properties forbidden.
		defs[name] = overrideBelow(d, o)
	}
	return o.whole(overrideBelow(root, o))
}

// overrideBelow overrides a schema and those in it, but for what only holds
// for a whole value.
func overrideBelow(v any, o Options) any {
	m, ok := v.(map[string]any)
	if !ok {
		return v
	}
	for _, key := range []string{"allOf", "anyOf", "oneOf"} {
		list, _ := m[key].([]any)
		for i := range list {
			list[i] = overrideBelow(list[i], o)
		}
	}
	for _, key := range []string{"if", "then", "else", "not"} {
		if s, ok := m[key]; ok {
			m[key] = overrideBelow(s, o)
		}
	}
	for _, key := range []string{"items", "contains", "unevaluatedItems", "additionalProperties", "unevaluatedProperties"} {
		if s, ok := m[key]; ok {
			m[key] = o.whole(overrideBelow(s, o))
		}
	}
	tuple, _ := m["prefixItems"].([]any)
	for i := range tuple {
		tuple[i] = o.whole(overrideBelow(tuple[i], o))
	}
	for _, key := range []string{"properties", "patternProperties", "dependentSchemas"} {
		members, _ := m[key].(map[string]any)
		for name, s := range members {
			if s = overrideBelow(s, o); key != "dependentSchemas" {
				s = o.whole(s)
			}
			members[name] = s
		}
	}
	o.additional(m)
	if o.FoldNames {
		fold(m)
	}
	return m
}

// additional takes out what the schema itself says about further properties.
// An object without named properties is a map: its values are not additional.
func (o *Options) additional(m map[string]any) {
	switch o.Additional {
	case Allowed:
		for _, key := range []string{"additionalProperties", "unevaluatedProperties"} {
			if m[key] == false {
				delete(m, key)
			}
		}
	case Forbidden:
		if m["properties"] != nil {
			delete(m, "additionalProperties")
			delete(m, "unevaluatedProperties")
		}
	}
}

// whole forbids, for a value, properties that no part of its schema names.
func (o *Options) whole(v any) any {
	m, ok := v.(map[string]any)
	if !ok || o.Additional != Forbidden {
		return v
	}
	for _, key := range []string{"properties", "$ref", "allOf", "anyOf", "oneOf"} {
		if m[key] != nil && m["additionalProperties"] == nil {
			m["unevaluatedProperties"] = false
			return m
		}
	}
	return m
}

// fold lowers the names of properties; those of the message are lowered too.
func fold(m map[string]any) {
	for _, key := range []string{"properties", "dependentSchemas", "dependentRequired"} {
		members, ok := m[key].(map[string]any)
		if !ok {
			continue
		}
		low := make(map[string]any, len(members))
		for name, s := range members {
			if list, ok := s.([]any); ok {
				s = lowered(list)
			}
			low[strings.ToLower(name)] = s
		}
		m[key] = low
	}
	if list, ok := m["required"].([]any); ok {
		m["required"] = lowered(list)
	}
	patterns, ok := m["patternProperties"].(map[string]any)
	if !ok {
		return
	}
	low := make(map[string]any, len(patterns))
	for p, s := range patterns {
		low["(?i)"+p] = s
	}
	m["patternProperties"] = low
}

func lowered(list []any) []any {
	out, seen := make([]any, 0, len(list)), map[string]bool{}
	for _, v := range list {
		name, _ := v.(string)
		if name = strings.ToLower(name); !seen[name] {
			seen[name] = true
			out = append(out, name)
		}
	}
	return out
}
