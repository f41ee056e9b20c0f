package openapi

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gatehouse/internal/apim"
	"gatehouse/internal/apim/dialect"
)

// Limits of schemas, in bytes: of one, as in Azure, and of all of a description.
const (
	maxSchema  = 4 << 20
	maxSchemas = 64 << 20
)

// declarations are what operations declare of their messages: what the
// validation policies check. They are read from the description as it is
// written: a reference that leads nowhere makes a schema unusable, not lax.
type declarations struct {
	root     map[string]any
	old      bool // swagger 2.0
	loneRef  bool
	left     int
	schemas  map[string]json.RawMessage // of plain references
	warnings []string
}

// declared is what one operation declares.
type declared struct {
	parameters []apim.Parameter
	requests   []apim.Representation
	needsBody  bool
	responses  map[string]declaredResponse // by what stands for the status
}

type declaredResponse struct {
	content map[string]json.RawMessage // by content type
	all     json.RawMessage            // swagger 2.0: the schema of every content type
	headers []apim.Parameter
}

func newDeclarations(root map[string]any) *declarations {
	_, old := root["swagger"]
	return &declarations{root: root, old: old, loneRef: old || strings.HasPrefix(fmt.Sprint(root["openapi"]), "3.0"), left: maxSchemas,
		schemas: map[string]json.RawMessage{}}
}

// read gives what the operations declare, by verb and path.
func (d *declarations) read() map[string]*declared {
	out := map[string]*declared{}
	paths, _ := d.root["paths"].(map[string]any)
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		item := dialect.Resolve(d.root, paths[path])
		for _, verb := range slices.Sorted(maps.Keys(item)) {
			op, ok := item[verb].(map[string]any)
			if ok && verb != "parameters" && len(out) < maxOperations {
				out[strings.ToUpper(verb)+" "+path] = d.operation(item, op)
			}
		}
	}
	return out
}

func (d *declarations) operation(item, op map[string]any) *declared {
	out := &declared{responses: map[string]declaredResponse{}}
	var form []map[string]any
	for _, p := range d.merged(item, op) {
		switch p["in"] {
		case apim.InPath, apim.InQuery, apim.InHeader:
			out.parameters = append(out.parameters, d.parameter(p))
		case "body":
			out.needsBody = p["required"] == true
			for _, contentType := range d.types(op, "consumes", "application/json") {
				out.requests = append(out.requests, apim.Representation{ContentType: contentType, Schema: d.schema(p["schema"], dialect.Request)})
			}
		case "formData":
			form = append(form, p)
		}
	}
	if len(form) > 0 {
		for _, contentType := range d.types(op, "consumes", "application/x-www-form-urlencoded") {
			out.requests = append(out.requests, apim.Representation{ContentType: contentType, Schema: d.schema(formSchema(form), dialect.Request)})
		}
	}
	if body := dialect.Resolve(d.root, op["requestBody"]); body != nil {
		out.requests, out.needsBody = d.content(body, dialect.Request), body["required"] == true
	}
	responses, _ := op["responses"].(map[string]any)
	for code, r := range responses {
		out.responses[code] = d.response(dialect.Resolve(d.root, r))
	}
	return out
}

// merged lists the parameters of an operation; its own override those of the path.
func (d *declarations) merged(item, op map[string]any) []map[string]any {
	var out []map[string]any
	for _, list := range []any{item["parameters"], op["parameters"]} {
		all, _ := list.([]any)
		for _, v := range all {
			p := dialect.Resolve(d.root, v)
			if p == nil {
				continue
			}
			same := func(o map[string]any) bool { return o["name"] == p["name"] && o["in"] == p["in"] }
			_, named := p["name"].(string)
			_, placed := p["in"].(string)
			if !named || !placed {
				continue
			}
			if i := slices.IndexFunc(out, same); i >= 0 {
				out[i] = p
			} else {
				out = append(out, p)
			}
		}
	}
	return out
}

// types are content types that swagger 2.0 declares for all bodies at once.
func (d *declarations) types(op map[string]any, key, fallback string) []string {
	list, ok := op[key].([]any)
	if !ok {
		list, _ = d.root[key].([]any)
	}
	var out []string
	for _, v := range list {
		if s, ok := v.(string); ok {
			out = append(out, s)
		}
	}
	if len(out) == 0 {
		return []string{fallback}
	}
	return out
}

func formSchema(parameters []map[string]any) any {
	properties, required := map[string]any{}, []any{}
	for _, p := range parameters {
		name, _ := p["name"].(string)
		properties[name] = p
		if p["required"] == true {
			required = append(required, name)
		}
	}
	return map[string]any{"type": "object", "properties": properties, "required": required}
}

func (d *declarations) parameter(p map[string]any) apim.Parameter {
	out := apim.Parameter{}
	out.Name, _ = p["name"].(string)
	out.In, _ = p["in"].(string)
	out.Required = p["required"] == true
	direction := dialect.Request
	if out.In == "" {
		direction = dialect.Response
	}
	if d.old {
		// The parameter is its own schema: what is no keyword is left out.
		out.Schema = d.schema(p, direction)
		out.Explode, out.Style = oldStyle(p["collectionFormat"])
		return out
	}
	out.Schema = d.schema(p["schema"], direction)
	style, _ := p["style"].(string)
	explode, given := p["explode"].(bool)
	out.Explode = out.In == apim.InQuery && (style == "" || style == "form") && (explode || !given)
	switch style {
	case apim.StyleSpace, apim.StylePipe, apim.StyleObject:
		out.Style, out.Explode = style, explode
	}
	if content, ok := p["content"].(map[string]any); ok && len(content) == 1 {
		for contentType, media := range content {
			m, _ := media.(map[string]any)
			out.Schema = d.schema(m["schema"], direction)
			if isJSON(contentType) {
				out.Style, out.Explode = apim.StyleJSON, false
			}
		}
	}
	return out
}

func oldStyle(format any) (explode bool, style string) {
	switch format {
	case "multi":
		return true, ""
	case "ssv":
		return false, apim.StyleSpace
	case "tsv":
		return false, apim.StyleTab
	case "pipes":
		return false, apim.StylePipe
	}
	return false, ""
}

func (d *declarations) content(body map[string]any, direction dialect.Direction) []apim.Representation {
	content, _ := body["content"].(map[string]any)
	var out []apim.Representation
	for _, contentType := range slices.Sorted(maps.Keys(content)) {
		media, _ := content[contentType].(map[string]any)
		out = append(out, apim.Representation{ContentType: contentType, Schema: d.schema(media["schema"], direction)})
	}
	return out
}

func (d *declarations) response(r map[string]any) declaredResponse {
	out := declaredResponse{content: map[string]json.RawMessage{}, all: d.schema(r["schema"], dialect.Response)}
	for _, c := range d.content(r, dialect.Response) {
		out.content[c.ContentType] = c.Schema
	}
	headers, _ := r["headers"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		if h := dialect.Resolve(d.root, headers[name]); h != nil {
			p := d.parameter(h)
			p.Name, p.In = name, apim.InHeader
			out.headers = append(out.headers, p)
		}
	}
	return out
}

// schema gives the self-contained form of a schema; plain references share it.
func (d *declarations) schema(v any, direction dialect.Direction) json.RawMessage {
	if v == nil {
		return nil
	}
	m, _ := v.(map[string]any)
	ref, _ := m["$ref"].(string)
	key := fmt.Sprint(direction, ref)
	plain := ref != "" && (d.loneRef || len(m) == 1)
	if s, ok := d.schemas[key]; ok && plain {
		return s
	}
	out := d.bundle(v, direction)
	if plain {
		d.schemas[key] = out
	}
	return out
}

func (d *declarations) bundle(v any, direction dialect.Direction) json.RawMessage {
	s, err := dialect.Bundle(d.root, v, dialect.Options{Direction: direction, LoneRef: d.loneRef})
	if err != nil {
		d.warn("a schema cannot be used for validation: " + short(err))
		return json.RawMessage(apim.UnusableSchema)
	}
	data, err := json.Marshal(s)
	if err != nil || len(data) > maxSchema || len(data) > d.left {
		d.warn(fmt.Sprintf("schemas are too large for validation: at most %d MB each with all that they refer to, %d MB together", maxSchema>>20, maxSchemas>>20))
		return json.RawMessage(apim.UnusableSchema)
	}
	d.left -= len(data)
	return data
}

func (d *declarations) warn(text string) {
	if !slices.Contains(d.warnings, text) && len(d.warnings) < maxWarnings {
		d.warnings = append(d.warnings, text)
	}
}

// named gives the description's own schemas as one document, as Azure's import
// keeps them: schema-ref picks one.
func (d *declarations) named() []*apim.Schema {
	out := &apim.Schema{ID: "components", ContentType: apim.SchemaComponents}
	components, _ := d.root["components"].(map[string]any)
	schemas, _ := components["schemas"].(map[string]any)
	document := map[string]any{"components": map[string]any{"schemas": schemas}}
	if d.old {
		schemas, _ = d.root["definitions"].(map[string]any)
		out.ID, out.ContentType, document = "definitions", apim.SchemaDefinitions, map[string]any{"definitions": schemas}
	}
	data, err := json.Marshal(document)
	if err != nil || len(schemas) == 0 || len(data) > maxSchema {
		return nil
	}
	out.Document = data
	return []*apim.Schema{out}
}
