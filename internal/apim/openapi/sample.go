package openapi

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"gatehouse/internal/apim"
)

// Limits of one generated sample, and of all samples of a description.
const (
	sampleDepth = 8
	sampleNodes = 400
	sampleBytes = 8 << 20
)

// representations takes what its samples cost from the budget, in bytes.
func representations(r *openapi3.Response, budget *int) []apim.Representation {
	if r == nil {
		return nil
	}
	var out []apim.Representation
	for _, contentType := range slices.Sorted(maps.Keys(r.Content)) {
		media := r.Content[contentType]
		if media == nil {
			continue
		}
		rep := apim.Representation{ContentType: contentType, Example: example(media, contentType)}
		if isJSON(contentType) && media.Schema != nil && *budget > 0 {
			s := sampler{left: sampleNodes, open: map[*openapi3.Schema]bool{}}
			if v := s.value(media.Schema, 0); v != nil {
				rep.Sample = text(v, true)
				*budget -= len(rep.Sample)
			}
		}
		out = append(out, rep)
	}
	return out
}

func isJSON(contentType string) bool {
	media, _, _ := strings.Cut(strings.ToLower(contentType), ";")
	media = strings.TrimSpace(media)
	return media == "application/json" || media == "text/json" || strings.HasSuffix(media, "+json")
}

func example(media *openapi3.MediaType, contentType string) string {
	if media.Example != nil {
		return text(media.Example, isJSON(contentType))
	}
	for _, name := range slices.Sorted(maps.Keys(media.Examples)) {
		if e := media.Examples[name]; e != nil && e.Value != nil && e.Value.Value != nil {
			return text(e.Value.Value, isJSON(contentType))
		}
	}
	return ""
}

// text writes an example as the body of a response. An example that is text
// stays as it is, unless JSON is due and it is not JSON yet.
func text(v any, asJSON bool) string {
	if s, ok := v.(string); ok && (!asJSON || json.Valid([]byte(s))) {
		return s
	}
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return ""
	}
	return string(b)
}

// sampler makes one value that fits a schema, as far as that is simple.
type sampler struct {
	left int
	open map[*openapi3.Schema]bool // those that the value stands in: a schema is not repeated in itself
}

func (s *sampler) value(ref *openapi3.SchemaRef, depth int) any {
	s.left--
	if ref == nil || ref.Value == nil || depth > sampleDepth || s.left < 0 || s.open[ref.Value] {
		return nil
	}
	schema := ref.Value
	s.open[schema] = true
	defer delete(s.open, schema)
	if v, ok := given(schema); ok {
		return v
	}
	for _, list := range []openapi3.SchemaRefs{schema.OneOf, schema.AnyOf} {
		if len(list) > 0 && len(schema.Properties) == 0 {
			return s.value(list[0], depth+1)
		}
	}
	if len(schema.Properties) > 0 || len(schema.AllOf) > 0 || is(schema, "object") {
		return s.object(schema, depth)
	}
	if is(schema, "array") || schema.Items != nil {
		if item := s.value(schema.Items, depth+1); item != nil {
			return []any{item}
		}
		return []any{}
	}
	return scalarSample(schema)
}

// given is a value that the schema itself offers.
func given(schema *openapi3.Schema) (any, bool) {
	switch {
	case schema.Example != nil:
		return schema.Example, true
	case len(schema.Examples) > 0:
		return schema.Examples[0], true
	case schema.Const != nil:
		return schema.Const, true
	case schema.Default != nil:
		return schema.Default, true
	case len(schema.Enum) > 0:
		return schema.Enum[0], true
	}
	return nil, false
}

func (s *sampler) object(schema *openapi3.Schema, depth int) any {
	out := map[string]any{}
	for _, part := range schema.AllOf {
		switch v := s.value(part, depth+1).(type) {
		case map[string]any:
			maps.Copy(out, v)
		case nil:
		default:
			if len(schema.AllOf) == 1 && len(schema.Properties) == 0 {
				return v
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(schema.Properties)) {
		property := schema.Properties[name]
		if property == nil || property.Value == nil || property.Value.WriteOnly {
			continue
		}
		if v := s.value(property, depth+1); v != nil {
			out[name] = v
		}
	}
	return out
}

func is(schema *openapi3.Schema, kind string) bool {
	return schema.Type != nil && schema.Type.Includes(kind)
}

func scalarSample(schema *openapi3.Schema) any {
	switch {
	case is(schema, "string"):
		return stringSample(schema.Format)
	case is(schema, "integer"), is(schema, "number"):
		if schema.Min != nil {
			return *schema.Min
		}
		return 0
	case is(schema, "boolean"):
		return true
	}
	return nil
}

func stringSample(format string) string {
	switch format {
	case "date-time":
		return "2024-01-01T00:00:00Z"
	case "date":
		return "2024-01-01"
	case "time":
		return "00:00:00Z"
	case "uuid":
		return "00000000-0000-0000-0000-000000000000"
	case "email":
		return "name@example.com"
	case "uri", "url":
		return "https://example.com"
	case "ipv4":
		return "192.0.2.1"
	case "byte":
		return "c3RyaW5n"
	}
	return "string"
}
