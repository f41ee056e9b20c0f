package mcp

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"gatehouse/internal/apim"
)

// Tool is an operation as a tool.
type Tool struct {
	Name               string
	title, description string
	operation          *apim.Operation
	schema             inputSchema
	path               []pathPart
	bindings           []binding // of query and header parameters
	fixed              string    // literal part of the template's query
	body               string    // argument that is the body, "" without one
	contentType        string    // of the body
}

// binding is an argument and the parameter that it becomes.
type binding struct {
	argument  string
	parameter apim.Parameter
}

// pathPart is a literal piece of the path or an argument.
type pathPart struct{ literal, argument string }

// maxDescription bounds what models are told of one tool, in bytes.
const maxDescription = 4 << 10

// NewTool describes an operation as a tool. keyHeader and keyQuery carry the
// subscription key, which is no business of a model.
func NewTool(t *apim.MCPTool, op *apim.Operation, keyHeader, keyQuery string) (*Tool, error) {
	out := &Tool{Name: t.Name, title: t.Title, description: t.Description, operation: op, schema: inputSchema{Type: "object", Properties: map[string]json.RawMessage{}}}
	if out.title == "" {
		out.title = op.Name
	}
	for _, text := range []string{op.Description, op.Name} {
		if out.description == "" {
			out.description = text
		}
	}
	if len(out.description) > maxDescription {
		out.description = strings.ToValidUTF8(out.description[:maxDescription], "")
	}
	path, query, _ := strings.Cut(op.URLTemplate, "?")
	if err := out.addPath(path); err != nil {
		return nil, err
	}
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		switch {
		case name == "" || strings.HasPrefix(name, "{"):
		case strings.HasPrefix(value, "{"):
			if !slices.ContainsFunc(op.Parameters, func(p apim.Parameter) bool { return p.In == apim.InQuery && p.Name == name }) {
				if err := out.addParameter(apim.Parameter{Name: name, In: apim.InQuery}); err != nil {
					return nil, err
				}
			}
		default:
			out.fixed += "&" + pair
		}
	}
	for _, p := range op.Parameters {
		if p.In == apim.InPath || isReserved(p, keyHeader, keyQuery) {
			continue
		}
		if err := out.addParameter(p); err != nil {
			return nil, err
		}
	}
	return out, out.addBody()
}

// isReserved tells whether a parameter is the gateway's own business.
func isReserved(p apim.Parameter, keyHeader, keyQuery string) bool {
	if p.In == apim.InQuery {
		return strings.EqualFold(p.Name, keyQuery)
	}
	switch strings.ToLower(p.Name) {
	case "accept", "content-type", "content-length", "authorization", "cookie", "host", "connection", "transfer-encoding", "te", "trailer", "upgrade", "expect":
		return true
	}
	return strings.EqualFold(p.Name, keyHeader)
}

// addPath reads the template's path and the parameters in it.
func (t *Tool) addPath(path string) error {
	for path != "" {
		literal, rest, found := strings.Cut(path, "{")
		if literal != "" {
			t.path = append(t.path, pathPart{literal: strings.TrimSuffix(literal, "*")})
		}
		if !found {
			return nil
		}
		name, behind, closed := strings.Cut(rest, "}")
		name = strings.TrimPrefix(name, "*")
		if !closed || name == "" {
			return fmt.Errorf("the URL template %q is malformed", t.operation.URLTemplate)
		}
		p := apim.Parameter{Name: name, In: apim.InPath, Schema: json.RawMessage(`{"type":"string"}`)}
		for _, declared := range t.operation.Parameters {
			if declared.In == apim.InPath && strings.EqualFold(declared.Name, name) && declared.Schema != nil {
				p.Schema = declared.Schema
			}
		}
		t.path = append(t.path, pathPart{argument: name})
		if err := t.schema.add(name, "", true, p.Schema); err != nil {
			return err
		}
		path = behind
	}
	return nil
}

// addParameter adds a query or header parameter. A name that is taken already
// tells its place too.
func (t *Tool) addParameter(p apim.Parameter) error {
	name := t.free(p.Name, p.In)
	t.bindings = append(t.bindings, binding{name, p})
	note := ""
	if p.In == apim.InHeader {
		note = "Sent as a request header."
	}
	return t.schema.add(name, note, p.Required, p.Schema)
}

func (t *Tool) free(name, place string) string {
	if t.schema.Properties[name] == nil {
		return name
	}
	name = place + "_" + name
	for t.schema.Properties[name] != nil {
		name += "_"
	}
	return name
}

// addBody adds the declared body: JSON before all else.
func (t *Tool) addBody() error {
	list := t.operation.Requests
	if len(list) == 0 || t.operation.Method == "GET" || t.operation.Method == "HEAD" {
		return nil
	}
	i := max(0, slices.IndexFunc(list, func(r apim.Representation) bool { return isJSON(r.ContentType) }))
	schema := list[i].Schema
	note := "The request body."
	if !isJSON(list[i].ContentType) && !isForm(list[i].ContentType) {
		schema, note = json.RawMessage(`{"type":"string"}`), "The request body, as text of the type "+list[i].ContentType+"."
	}
	t.body, t.contentType = t.free("body", "request"), list[i].ContentType
	return t.schema.add(t.body, note, t.operation.NeedsBody, schema)
}

func isJSON(contentType string) bool {
	kind, _, _ := strings.Cut(strings.ToLower(contentType), ";")
	kind = strings.TrimSpace(kind)
	return kind == "" || kind == "application/json" || kind == "text/json" || strings.HasSuffix(kind, "+json")
}

func isForm(contentType string) bool {
	return strings.HasPrefix(strings.ToLower(contentType), "application/x-www-form-urlencoded")
}

// description is how tools/list shows a tool.
type description struct {
	Name        string      `json:"name"`
	Title       string      `json:"title,omitempty"`
	Description string      `json:"description,omitempty"`
	InputSchema inputSchema `json:"inputSchema"`
	Annotations struct {
		Title       string `json:"title,omitempty"`
		ReadOnly    bool   `json:"readOnlyHint"`
		Destructive bool   `json:"destructiveHint"`
		Idempotent  bool   `json:"idempotentHint"`
	} `json:"annotations"`
}

func (t *Tool) describe() description {
	d := description{Name: t.Name, Title: t.title, Description: t.description, InputSchema: t.schema}
	a := &d.Annotations
	a.Title = t.title
	a.ReadOnly = t.operation.Method == "GET" || t.operation.Method == "HEAD" || t.operation.Method == "OPTIONS"
	a.Idempotent = a.ReadOnly || t.operation.Method == "PUT" || t.operation.Method == "DELETE"
	a.Destructive = !a.ReadOnly && t.operation.Method != "POST"
	return d
}
