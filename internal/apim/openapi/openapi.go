// Package openapi reads OpenAPI 2.0, 3.0 and 3.1 descriptions into the words of
// apim.
//
// What comes in: one description as JSON or YAML. What goes out: its title,
// servers and operations, with what they declare of their messages and examples
// for mock-response. It must never fetch
// a reference, follow a file path, or decide how an API is served.
package openapi

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"github.com/getkin/kin-openapi/openapi2"
	"github.com/getkin/kin-openapi/openapi2conv"
	"github.com/getkin/kin-openapi/openapi3"

	"gatehouse/internal/apim"
)

// Document is what a gateway needs of a description.
type Document struct {
	Title, Version string
	Servers        []string // URLs, variables replaced by their defaults; may be relative
	Operations     []*apim.Operation
	Schemas        []*apim.Schema
	Warnings       []string // what was left out
}

// Error says where and why a description cannot be read.
type Error struct {
	apim.Position
	Reason string
}

func (e *Error) Error() string {
	if e.Line == 0 {
		return e.File + ": " + e.Reason
	}
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Reason)
}

// Load reads a description; name stands in errors. References to other
// documents are never fetched: they are left out with a warning. Errors are of
// type *Error.
func Load(data []byte, name string) (*Document, error) {
	tree, err := parse(data, name)
	if err != nil {
		return nil, err
	}
	root, ok := tree.(map[string]any)
	if !ok {
		return nil, &Error{apim.Position{File: name, Line: 1, Column: 1}, "is not an OpenAPI description: the top level must be an object"}
	}
	read, err := reader(root, name)
	if err != nil {
		return nil, err
	}
	declarations := newDeclarations(root)
	messages, named := declarations.read(), declarations.named()
	c := &cleaner{root: root}
	c.clean(root)
	doc, err := guarded(read, root)
	if err != nil {
		// What a gateway needs is paths and verbs; schemas only feed samples.
		c.warn("the schemas are not usable and were left out: " + short(err))
		stripSchemas(root)
		doc, err = guarded(read, root)
	}
	if err != nil {
		return nil, &Error{apim.Position{File: name}, "cannot be read as OpenAPI: " + short(err)}
	}
	out := &Document{Servers: servers(doc), Schemas: named, Warnings: append(c.warnings, declarations.warnings...)}
	if doc.Info != nil {
		out.Title, out.Version = doc.Info.Title, doc.Info.Version
	}
	out.operations(doc, messages)
	return out, nil
}

// reader chooses by the version that the description declares.
func reader(root map[string]any, name string) (func([]byte) (*openapi3.T, error), error) {
	if v, ok := root["openapi"]; ok {
		if s := fmt.Sprint(v); !strings.HasPrefix(s, "3.") {
			return nil, &Error{apim.Position{File: name}, fmt.Sprintf("declares openapi %q; 2.0 and 3.x can be read", clip(s, 40))}
		}
		// The library decides by this text; a number (openapi: 3.1) is not one.
		root["openapi"] = fmt.Sprint(v)
		return readVersion3, nil
	}
	if v, ok := root["swagger"]; ok {
		if s := fmt.Sprint(v); !strings.HasPrefix(s, "2") {
			return nil, &Error{apim.Position{File: name}, fmt.Sprintf("declares swagger %q; 2.0 and 3.x can be read", clip(s, 40))}
		}
		root["swagger"] = "2.0"
		return readVersion2, nil
	}
	return nil, &Error{apim.Position{File: name, Line: 1, Column: 1}, `is not an OpenAPI description: it has neither "openapi" nor "swagger"`}
}

func readVersion3(data []byte) (*openapi3.T, error) {
	return openapi3.NewLoader().LoadFromData(data)
}

func readVersion2(data []byte) (*openapi3.T, error) {
	var doc openapi2.T
	if err := json.Unmarshal(data, &doc); err != nil {
		return nil, err
	}
	return openapi2conv.ToV3(&doc)
}

// guarded turns a panic of the library on a strange description into an error.
func guarded(read func([]byte) (*openapi3.T, error), root map[string]any) (doc *openapi3.T, err error) {
	defer func() {
		if p := recover(); p != nil {
			doc, err = nil, fmt.Errorf("the description is contradictory: %v", p)
		}
	}()
	data, err := json.Marshal(root)
	if err != nil {
		return nil, err
	}
	return read(data)
}

func servers(doc *openapi3.T) []string {
	var out []string
	for _, s := range doc.Servers {
		if s == nil {
			continue
		}
		u := s.URL
		for name, v := range s.Variables {
			if v != nil {
				u = strings.ReplaceAll(u, "{"+name+"}", v.Default)
			}
		}
		out = append(out, u)
	}
	return out
}

// Service makes a service of one API that needs no subscription: the
// description's operations, below the path of its first server, forwarded to
// backendURL.
func Service(doc *Document, backendURL string) *apim.Service {
	api := &apim.API{
		ID: slug(doc.Title), Name: doc.Title, Path: doc.BasePath(), Revision: "1", IsCurrent: true, Type: apim.TypeHTTP,
		Protocols: []string{"http", "https"}, ServiceURL: strings.TrimRight(backendURL, "/"), Operations: doc.Operations, Schemas: doc.Schemas,
	}
	if api.ID == "" {
		api.ID = "api"
	}
	if api.Name == "" {
		api.Name = api.ID
	}
	s := &apim.Service{Name: "gatehouse", APIs: []*apim.API{api}}
	for _, w := range doc.Warnings {
		s.Warnings = append(s.Warnings, apim.Warning{Resource: "apis/" + api.ID, Message: w})
	}
	return s
}

// BasePath is the path of the first server without slashes at both ends, "" when there is none.
func (d *Document) BasePath() string {
	if len(d.Servers) == 0 {
		return ""
	}
	u, err := url.Parse(d.Servers[0])
	if err != nil {
		return ""
	}
	return strings.Trim(u.Path, "/")
}

func short(err error) string { return clip(err.Error(), 300) }

func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "..."
}
