package dialect

import "slices"

// required drops what the other side of the exchange sends: readOnly
// properties of requests, writeOnly ones of responses.
func (b *bundler) required(out, in map[string]any) {
	names, ok := in["required"].([]any)
	if !ok {
		return // a mistaken "required: true" of a property says nothing here
	}
	properties, _ := in["properties"].(map[string]any)
	foreign := ""
	switch b.options.Direction {
	case Request:
		foreign = "readOnly"
	case Response:
		foreign = "writeOnly"
	}
	kept := make([]any, 0, len(names))
	for _, n := range names {
		name, text := n.(string)
		if !text || foreign != "" && b.marked(properties[name], foreign) || slices.Contains(kept, n) {
			continue
		}
		kept = append(kept, n)
	}
	if len(kept) > 0 {
		out["required"] = kept
	}
}

// marked tells whether a property carries a flag, itself or where it refers to.
func (b *bundler) marked(v any, flag string) bool {
	if m, ok := v.(map[string]any); ok && m[flag] == true {
		return true
	}
	return Resolve(b.document, v)[flag] == true
}

// tuples of older drafts: the list in items became prefixItems, and what
// follows it items.
func tuples(out map[string]any) {
	rest, ok := out["additionalItems"]
	delete(out, "additionalItems")
	if ok && out["prefixItems"] != nil && out["items"] == nil {
		out["items"] = rest
	}
}

// bounds of OpenAPI 3.0 and draft 4: exclusiveMinimum is a flag beside minimum.
func bounds(out, in map[string]any) {
	for _, pair := range [][2]string{{"exclusiveMinimum", "minimum"}, {"exclusiveMaximum", "maximum"}} {
		flag, ok := in[pair[0]].(bool)
		if !ok {
			continue
		}
		delete(out, pair[0])
		if limit, has := out[pair[1]]; flag && has {
			out[pair[0]] = limit
			delete(out, pair[1])
		}
	}
}

// nullable of OpenAPI 3.0 (x-nullable of 2.0) adds null to what is allowed.
func nullable(out, in map[string]any) any {
	if in["nullable"] != true && in["x-nullable"] != true {
		return out
	}
	if list, ok := out["enum"].([]any); ok && !slices.Contains(list, nil) {
		out["enum"] = append(slices.Clone(list), nil)
	}
	t, typed := out["type"].(string)
	if typed {
		out["type"] = []any{t, "null"}
	}
	combined := out["$ref"] != nil || out["allOf"] != nil || out["anyOf"] != nil || out["oneOf"] != nil
	if !combined {
		return out
	}
	return map[string]any{"anyOf": []any{out, map[string]any{"type": "null"}}}
}
