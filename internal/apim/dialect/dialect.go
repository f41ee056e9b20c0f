// Package dialect turns schemas of OpenAPI 2.0, 3.0 and 3.1 and of older JSON
// Schema drafts into self-contained JSON Schema 2020-12.
//
// What comes in: a document as encoding/json decodes it, and a schema in it or
// a pointer to one. What goes out: a schema whose references all lead into its
// own $defs. It must never fetch a reference, change the document, or give a
// schema that accepts more because a part of it could not be read.
package dialect

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Limits of one schema with all that it refers to.
const (
	maxDepth = 200
	maxNodes = 200_000
)

var errTooLarge = errors.New("the schema is too large or nested too deeply")

// Direction of a message: properties that only the other side sends are not
// required in it.
type Direction uint8

const (
	Any Direction = iota
	Request
	Response
)

// Options of Bundle.
type Options struct {
	Direction Direction
	// LoneRef ignores what stands beside a $ref, as OpenAPI 2.0 and 3.0 say.
	LoneRef bool
}

// Bundle gives a self-contained schema for a schema of a document.
func Bundle(document, schema any, o Options) (any, error) {
	b := &bundler{document: document, options: o, names: map[string]string{}, used: map[string]bool{}, defs: map[string]any{}}
	out, err := b.schema(schema, 0)
	if err != nil {
		return nil, err
	}
	if len(b.defs) == 0 {
		return out, nil
	}
	m, ok := out.(map[string]any)
	if !ok {
		return out, nil
	}
	m["$defs"] = b.defs
	return m, nil
}

type bundler struct {
	document any
	options  Options
	names    map[string]string // of the definitions, by pointer
	used     map[string]bool
	defs     map[string]any
	nodes    int
}

// schema translates one schema; it never changes its argument.
func (b *bundler) schema(v any, depth int) (any, error) {
	if b.nodes++; b.nodes > maxNodes || depth > maxDepth {
		return nil, errTooLarge
	}
	if v == nil {
		return true, nil
	}
	if accept, ok := v.(bool); ok {
		return accept, nil
	}
	in, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("a schema must be an object, not %s", kindOf(v))
	}
	out := map[string]any{}
	if ref, ok := in["$ref"].(string); ok {
		name, err := b.definition(ref, depth)
		if err != nil {
			return nil, err
		}
		out["$ref"] = "#/$defs/" + name
		if b.options.LoneRef {
			return out, nil
		}
	}
	for _, key := range slices.Sorted(maps.Keys(in)) {
		if err := b.keyword(out, in, key, depth+1); err != nil {
			return nil, err
		}
	}
	b.required(out, in)
	tuples(out)
	bounds(out, in)
	return nullable(out, in), nil
}

// keyword translates one keyword. Annotations, and whatever is no keyword, are
// left out.
func (b *bundler) keyword(out, in map[string]any, key string, depth int) (err error) {
	v := in[key]
	switch key {
	case "not", "if", "then", "else", "additionalProperties", "unevaluatedProperties", "contains", "propertyNames",
		"unevaluatedItems", "additionalItems":
		out[key], err = b.schema(v, depth)
	case "items":
		if list, ok := v.([]any); ok {
			out["prefixItems"], err = b.list(list, depth)
			return err
		}
		out[key], err = b.schema(v, depth)
	case "allOf", "anyOf", "oneOf", "prefixItems":
		list, ok := v.([]any)
		if !ok {
			return fmt.Errorf("%s must be a list of schemas", key)
		}
		out[key], err = b.list(list, depth)
	case "properties", "patternProperties", "dependentSchemas":
		out[key], err = b.members(key, v, depth)
	case "dependencies":
		err = b.dependencies(out, v, depth)
	case "type":
		if t := v; t != "file" && t != "any" {
			out[key] = t
		}
	case "enum", "const", "format", "pattern", "multipleOf", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength",
		"minItems", "maxItems", "uniqueItems", "minContains", "maxContains", "minProperties", "maxProperties", "dependentRequired":
		out[key] = v
	case "$dynamicRef", "$recursiveRef":
		return fmt.Errorf("%s is not supported", key)
	}
	return err
}

func (b *bundler) list(in []any, depth int) (any, error) {
	out := make([]any, len(in))
	for i, v := range in {
		s, err := b.schema(v, depth)
		if err != nil {
			return nil, err
		}
		out[i] = s
	}
	return out, nil
}

func (b *bundler) members(key string, v any, depth int) (any, error) {
	in, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%s must be an object", key)
	}
	out := make(map[string]any, len(in))
	for _, name := range slices.Sorted(maps.Keys(in)) {
		s, err := b.schema(in[name], depth)
		if err != nil {
			return nil, err
		}
		out[name] = s
	}
	return out, nil
}

// dependencies of older drafts are two keywords now.
func (b *bundler) dependencies(out map[string]any, v any, depth int) error {
	in, _ := v.(map[string]any)
	names, schemas := map[string]any{}, map[string]any{}
	for name, d := range in {
		if list, ok := d.([]any); ok {
			names[name] = list
			continue
		}
		s, err := b.schema(d, depth)
		if err != nil {
			return err
		}
		schemas[name] = s
	}
	if len(names) > 0 {
		out["dependentRequired"] = names
	}
	if len(schemas) > 0 {
		out["dependentSchemas"] = schemas
	}
	return nil
}

var notName = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// definition gives the name in $defs of what a reference points to.
func (b *bundler) definition(ref string, depth int) (string, error) {
	if name, ok := b.names[ref]; ok {
		return name, nil
	}
	target, err := Lookup(b.document, ref)
	if err != nil {
		return "", err
	}
	base := notName.ReplaceAllString(ref[strings.LastIndexByte(ref, '/')+1:], "-")
	if base == "" || base == "-" {
		base = "root"
	}
	name := base
	for i := 2; b.used[name]; i++ {
		name = base + "-" + strconv.Itoa(i)
	}
	// The name is known before the schema is: it may refer to itself.
	b.names[ref], b.used[name] = name, true
	s, err := b.schema(target, depth+1)
	if err != nil {
		return "", err
	}
	b.defs[name] = s
	return name, nil
}

// Lookup follows a reference into the document: "#" or "#/a/b".
func Lookup(document any, ref string) (any, error) {
	pointer, local := strings.CutPrefix(ref, "#")
	if !local {
		return nil, fmt.Errorf("the reference %q leads to another document", clip(ref))
	}
	if pointer == "" {
		return document, nil
	}
	now := document
	if !strings.HasPrefix(pointer, "/") {
		return nil, fmt.Errorf("the reference %q is not a pointer such as #/components/schemas/Name", clip(ref))
	}
	for part := range strings.SplitSeq(pointer[1:], "/") {
		if plain, err := url.PathUnescape(part); err == nil {
			part = plain
		}
		part = strings.NewReplacer("~1", "/", "~0", "~").Replace(part)
		next, ok := child(now, part)
		if !ok {
			return nil, fmt.Errorf("the reference %q points to nothing", clip(ref))
		}
		now = next
	}
	return now, nil
}

func child(v any, name string) (any, bool) {
	switch v := v.(type) {
	case map[string]any:
		next, ok := v[name]
		return next, ok
	case []any:
		i, err := strconv.Atoi(name)
		if err == nil && i >= 0 && i < len(v) {
			return v[i], true
		}
	}
	return nil, false
}

// Resolve follows references from an object to an object that is none; nil
// when it leads nowhere.
func Resolve(document, v any) map[string]any {
	for range 32 {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		ref, ok := m["$ref"].(string)
		if !ok {
			return m
		}
		next, err := Lookup(document, ref)
		if err != nil {
			return nil
		}
		v = next
	}
	return nil
}

func kindOf(v any) string {
	switch v.(type) {
	case string:
		return "text"
	case []any:
		return "a list"
	}
	return "a number"
}

func clip(s string) string { return strings.ToValidUTF8(s[:min(len(s), 120)], "") }
