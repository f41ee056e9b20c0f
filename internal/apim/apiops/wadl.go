package apiops

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"gatehouse/internal/apim"
)

// wadl is the part of the Web Application Description Language that says which
// operations there are.
type wadl struct {
	XMLName   xml.Name
	Resources []struct {
		Resources []wadlResource `xml:"resource"`
	} `xml:"resources"`
}

type wadlResource struct {
	Path      string         `xml:"path,attr"`
	Params    []wadlParam    `xml:"param"`
	Methods   []wadlMethod   `xml:"method"`
	Resources []wadlResource `xml:"resource"`
}

type wadlMethod struct {
	ID    string `xml:"id,attr"`
	Name  string `xml:"name,attr"`
	Title struct {
		Title string `xml:"title,attr"`
	} `xml:"doc"`
	Params    []wadlParam `xml:"request>param"`
	Requests  []wadlBody  `xml:"request>representation"`
	Responses []struct {
		Status          string      `xml:"status,attr"`
		Params          []wadlParam `xml:"param"`
		Representations []wadlBody  `xml:"representation"`
	} `xml:"response"`
}

// wadlBody has no schema: its element attribute names one of a grammar that a
// WADL export does not hold.
type wadlBody struct {
	MediaType string `xml:"mediaType,attr"`
}

type wadlParam struct {
	Name      string `xml:"name,attr"`
	Style     string `xml:"style,attr"`
	Required  bool   `xml:"required,attr"`
	Type      string `xml:"type,attr"`
	Repeating bool   `xml:"repeating,attr"`
	Options   []struct {
		Value string `xml:"value,attr"`
	} `xml:"option"`
}

// Limits of one WADL description.
const (
	maxWADLDepth      = 40
	maxWADLOperations = 10_000
)

// parseWADL gives the operations in the order of the document; errors are of
// type *Problem.
func parseWADL(data []byte, file string) ([]*apim.Operation, error) {
	if err := checkXML(data, file); err != nil {
		return nil, err
	}
	var doc wadl
	if err := xml.Unmarshal(trimBOM(data), &doc); err != nil {
		return nil, &Problem{apim.Position{File: file, Line: 1, Column: 1}, fmt.Sprintf("is not a WADL description: %v", err)}
	}
	if doc.XMLName.Local != "application" {
		return nil, &Problem{apim.Position{File: file, Line: 1, Column: 1}, fmt.Sprintf("is not a WADL description: the root element is <%s>, not <application>", clip(doc.XMLName.Local))}
	}
	w := &wadlReader{used: map[string]bool{}}
	for _, top := range doc.Resources {
		for i := range top.Resources {
			w.resource(&top.Resources[i], "", nil)
		}
	}
	return w.operations, nil
}

// checkXML finds syntax errors with their place, and refuses deep nesting
// before the recursive decoder sees it.
func checkXML(data []byte, file string) error {
	d := xml.NewDecoder(bytes.NewReader(trimBOM(data)))
	depth := 0
	for {
		token, err := d.Token()
		line, column := d.InputPos()
		at := apim.Position{File: file, Line: line, Column: column}
		var syntax *xml.SyntaxError
		switch {
		case errors.As(err, &syntax):
			return &Problem{at, "is not valid XML: " + syntax.Msg}
		case err != nil && err == io.EOF:
			return nil
		case err != nil:
			return &Problem{at, fmt.Sprintf("is not valid XML: %v", err)}
		}
		switch token.(type) {
		case xml.StartElement:
			depth++
		case xml.EndElement:
			depth--
		}
		if depth > maxWADLDepth {
			return &Problem{at, fmt.Sprintf("elements are nested deeper than %d", maxWADLDepth)}
		}
	}
}

type wadlReader struct {
	operations []*apim.Operation
	used       map[string]bool
}

func (w *wadlReader) resource(r *wadlResource, parent string, shared []wadlParam) {
	path := parent
	if p := strings.Trim(r.Path, "/"); p != "" {
		path += "/" + p
	}
	shared = append(shared[:len(shared):len(shared)], r.Params...)
	for i := range r.Methods {
		w.method(&r.Methods[i], path, shared)
	}
	for i := range r.Resources {
		w.resource(&r.Resources[i], path, shared)
	}
}

func (w *wadlReader) method(m *wadlMethod, path string, shared []wadlParam) {
	// A method without a name is a reference to one that is declared elsewhere.
	if m.Name == "" || len(w.operations) >= maxWADLOperations {
		return
	}
	template := path
	if template == "" {
		template = "/"
	}
	separator := "?"
	if strings.Contains(template, "?") {
		separator = "&"
	}
	for _, p := range append(shared[:len(shared):len(shared)], m.Params...) {
		if p.Style == "query" && p.Required && p.Name != "" {
			template += separator + p.Name + "={" + p.Name + "}"
			separator = "&"
		}
	}
	op := &apim.Operation{Name: m.Title.Title, Method: strings.ToUpper(m.Name), URLTemplate: template}
	op.ID = w.unique(m.ID, op.Method, path)
	for _, p := range append(shared[:len(shared):len(shared)], m.Params...) {
		if in := wadlPlace(p.Style); in != "" && p.Name != "" {
			op.Parameters = append(op.Parameters, p.declared(in))
		}
	}
	op.Requests = wadlBodies(m.Requests)
	if op.Name == "" {
		op.Name = op.ID
	}
	for _, r := range m.Responses {
		status, err := strconv.Atoi(strings.TrimSpace(r.Status))
		if err != nil || status < 100 || status > 599 {
			status = 200
		}
		response := apim.Response{StatusCode: status, Representations: wadlBodies(r.Representations)}
		for _, p := range r.Params {
			if p.Style == "header" && p.Name != "" {
				response.Headers = append(response.Headers, p.declared(apim.InHeader))
			}
		}
		op.Responses = append(op.Responses, response)
	}
	w.operations = append(w.operations, op)
}

// wadlPlace is where a parameter of a style stands, "" for others.
func wadlPlace(style string) string {
	switch style {
	case "template":
		return apim.InPath
	case "query", "header":
		return style
	}
	return ""
}

func wadlBodies(list []wadlBody) []apim.Representation {
	var out []apim.Representation
	for _, b := range list {
		out = append(out, apim.Representation{ContentType: b.MediaType})
	}
	return out
}

func (p *wadlParam) declared(in string) apim.Parameter {
	_, kind, _ := strings.Cut(p.Type, ":") // xs:int
	switch kind {
	case "string", "boolean":
	case "int", "integer", "long", "short", "byte", "unsignedInt", "unsignedLong", "unsignedShort", "unsignedByte":
		kind = "integer"
	case "double", "float", "decimal":
		kind = "number"
	default:
		kind = ""
	}
	var values []string
	for _, o := range p.Options {
		values = append(values, o.Value)
	}
	schema := simpleSchema(kind, values)
	if p.Repeating {
		if schema == nil {
			schema = []byte("true")
		}
		schema = []byte(`{"type":"array","items":` + string(schema) + `}`)
	}
	return apim.Parameter{Name: p.Name, In: in, Required: p.Required || in == apim.InPath, Schema: schema, Explode: p.Repeating && in == apim.InQuery}
}

var notName = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

func (w *wadlReader) unique(id, method, path string) string {
	if id == "" {
		id = strings.ToLower(method + path)
	}
	id = strings.Trim(notName.ReplaceAllString(id, "-"), "-.")
	id = id[:min(len(id), 76)]
	if id == "" {
		id = "operation"
	}
	out := id
	for i := 1; w.used[fold(out)]; i++ {
		out = id + "-" + strconv.Itoa(i)
	}
	w.used[fold(out)] = true
	return out
}
