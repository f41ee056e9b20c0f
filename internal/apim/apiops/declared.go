package apiops

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"gatehouse/internal/apim"
	"gatehouse/internal/apim/dialect"
)

// declaredMessages reads what the information file of an operation declares of
// its messages; what the specification says wins over it.
func (l *loader) declaredMessages(a *apim.API, op *apim.Operation, n *node) {
	if len(op.Parameters) == 0 {
		op.Parameters = append(op.Parameters, l.parameters(a, n, apim.InPath, "templateParameters")...)
		op.Parameters = append(op.Parameters, l.parameters(a, n, apim.InQuery, "request", "queryParameters")...)
		op.Parameters = append(op.Parameters, l.parameters(a, n, apim.InHeader, "request", "headers")...)
	}
	if len(op.Requests) == 0 {
		op.Requests = l.representations(a, n.get("request"), dialect.Request)
	}
}

func (l *loader) parameters(a *apim.API, n *node, in string, path ...string) []apim.Parameter {
	var out []apim.Parameter
	for _, p := range l.list(n, path...) {
		name := l.str(p, "name")
		if name == "" {
			continue
		}
		out = append(out, apim.Parameter{Name: name, In: in, Required: in == apim.InPath || l.boolean(p, false, "required"), Schema: l.parameterSchema(a, p)})
	}
	return out
}

// parameterSchema is the schema that a parameter names, or one made of its type
// and allowed values.
func (l *loader) parameterSchema(a *apim.API, p *node) json.RawMessage {
	if s := l.typeSchema(a, p, dialect.Request); s != nil {
		return s
	}
	kind := fold(l.str(p, "type"))
	switch kind {
	case "string", "number", "integer", "boolean", "array":
	case "int", "long", "int32", "int64":
		kind = "integer"
	case "bool":
		kind = "boolean"
	case "double", "float", "decimal":
		kind = "number"
	default:
		kind = ""
	}
	return simpleSchema(kind, l.strings(p, "values"))
}

// simpleSchema is the schema of a type and its allowed values; nil for anything.
func simpleSchema(kind string, values []string) json.RawMessage {
	s := map[string]any{}
	if kind != "" {
		s["type"] = kind
	}
	var enum []any
	for _, v := range values {
		if (kind == "integer" || kind == "number" || kind == "boolean") && json.Valid([]byte(v)) {
			enum = append(enum, json.RawMessage(v))
		} else {
			enum = append(enum, v)
		}
	}
	if enum != nil {
		s["enum"] = enum
	}
	if len(s) == 0 {
		return nil
	}
	data, err := json.Marshal(s)
	if err != nil {
		return json.RawMessage(apim.UnusableSchema)
	}
	return data
}

func (l *loader) representations(a *apim.API, n *node, direction dialect.Direction) []apim.Representation {
	var out []apim.Representation
	for _, rep := range l.list(n, "representations") {
		out = append(out, apim.Representation{ContentType: l.str(rep, "contentType"), Example: l.exampleOf(rep), Schema: l.typeSchema(a, rep, direction)})
	}
	return out
}

// typeSchema finds the definition typeName of the API's schema schemaId, nil
// when none is named.
func (l *loader) typeSchema(a *apim.API, n *node, direction dialect.Direction) json.RawMessage {
	id, name := lastSegment(l.str(n, "schemaId")), l.str(n, "typeName")
	if id == "" {
		return nil
	}
	schema, err := namedType(a.Schemas, id, name, direction)
	if err != nil {
		l.warn("apis/"+a.ID, "the schema %q of the type %q cannot be used for validation: %v", clip(id), clip(name), err)
		return json.RawMessage(apim.UnusableSchema)
	}
	return schema
}

func namedType(schemas []*apim.Schema, id, name string, direction dialect.Direction) (json.RawMessage, error) {
	for _, s := range schemas {
		if !strings.EqualFold(s.ID, id) {
			continue
		}
		if !strings.Contains(s.ContentType, "json") {
			return nil, nil // XSD: no JSON schema, but nothing is wrong with it
		}
		d := json.NewDecoder(bytes.NewReader(s.Document))
		d.UseNumber()
		var document any
		if err := d.Decode(&document); err != nil {
			return nil, fmt.Errorf("it is not valid JSON: %w", err)
		}
		escaped := strings.NewReplacer("~", "~0", "/", "~1", "%", "%25").Replace(name)
		for _, place := range []string{"#/components/schemas/", "#/definitions/", "#/"} {
			if _, err := dialect.Lookup(document, place+escaped); err != nil {
				continue
			}
			out, err := dialect.Bundle(document, map[string]any{"$ref": place + escaped}, dialect.Options{Direction: direction})
			if err != nil {
				return nil, err
			}
			return json.Marshal(out)
		}
		return nil, fmt.Errorf("it has no definition of that name")
	}
	return nil, fmt.Errorf("the API has no such schema")
}
