package openapi

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// maxWarnings of one description; the rest is counted.
const maxWarnings = 20

// cleaner takes out of a description what would make the library fetch, fail or
// recurse: references to other documents and references to nowhere.
type cleaner struct {
	root     any
	warnings []string
}

func (c *cleaner) warn(text string) {
	if len(c.warnings) < maxWarnings {
		c.warnings = append(c.warnings, text)
	}
}

func (c *cleaner) clean(v any) {
	switch v := v.(type) {
	case map[string]any:
		c.reference(v)
		// Discriminators only serve validation, and their mappings are references too.
		if d, ok := v["discriminator"].(map[string]any); ok && (d["mapping"] != nil || d["propertyName"] != nil) {
			delete(v, "discriminator")
		}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			c.clean(v[key])
		}
	case []any:
		for _, child := range v {
			c.clean(child)
		}
	}
}

func (c *cleaner) reference(m map[string]any) {
	ref, ok := m["$ref"].(string)
	if !ok {
		return
	}
	switch {
	case !strings.HasPrefix(ref, "#"):
		c.warn(fmt.Sprintf("the reference %q points to another document and was left out", clip(ref, 120)))
	case !c.resolves(ref):
		c.warn(fmt.Sprintf("the reference %q points to nothing and was left out", clip(ref, 120)))
	default:
		return
	}
	delete(m, "$ref")
}

// resolves follows a local JSON pointer; chains of references that lead back to
// themselves do not resolve.
func (c *cleaner) resolves(ref string) bool {
	for range 32 {
		v, ok := c.lookup(ref)
		if !ok {
			return false
		}
		m, isMap := v.(map[string]any)
		next, isRef := m["$ref"].(string)
		if !isMap || !isRef || !strings.HasPrefix(next, "#") {
			return isMap
		}
		ref = next
	}
	return false
}

func (c *cleaner) lookup(ref string) (any, bool) {
	if !strings.HasPrefix(ref, "#/") {
		return nil, false
	}
	now := c.root
	for part := range strings.SplitSeq(ref[2:], "/") {
		part = strings.NewReplacer("~1", "/", "~0", "~", "%7B", "{", "%7D", "}").Replace(part)
		switch v := now.(type) {
		case map[string]any:
			child, ok := v[part]
			if !ok {
				return nil, false
			}
			now = child
		case []any:
			i, err := strconv.Atoi(part)
			if err != nil || i < 0 || i >= len(v) {
				return nil, false
			}
			now = v[i]
		default:
			return nil, false
		}
	}
	return now, true
}

// stripSchemas leaves paths, verbs, parameters and examples.
func stripSchemas(root map[string]any) {
	delete(root, "definitions")
	if components, ok := root["components"].(map[string]any); ok {
		for _, kind := range []string{"schemas", "callbacks", "links", "securitySchemes", "headers"} {
			delete(components, kind)
		}
	}
	for _, kind := range []string{"webhooks", "security", "securityDefinitions"} {
		delete(root, kind)
	}
	stripBelow(root)
}

func stripBelow(v any) {
	switch v := v.(type) {
	case map[string]any:
		delete(v, "schema")
		delete(v, "callbacks")
		delete(v, "links")
		delete(v, "headers")
		if ref, ok := v["$ref"].(string); ok && (strings.HasPrefix(ref, "#/components/schemas/") || strings.HasPrefix(ref, "#/definitions/")) {
			delete(v, "$ref")
		}
		for _, child := range v {
			stripBelow(child)
		}
	case []any:
		for _, child := range v {
			stripBelow(child)
		}
	}
}
