// Package graphql reads, checks and executes GraphQL requests.
//
// What comes in: the text of a schema once, then request bodies or query
// strings, and a function that resolves one field. What goes out: checked
// operations, what they ask for, and responses as JSON. It must never reach the
// network, know policies or HTTP connections, or run without limits: depth,
// tokens, fields and resolved values are all bounded.
package graphql

import (
	"errors"
	"slices"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/rules"
)

// Limits of one schema and one request.
const (
	maxSchemaTokens  = 2_000_000
	maxTokens        = 10_000
	maxNesting       = 128
	maxSelections    = 2_000  // written in the document: checking compares them in pairs
	maxFieldsAsked   = 10_000 // with fragments spread
	maxVariableDepth = 64
)

// Schema is a compiled schema. Safe for concurrent use.
type Schema struct {
	types *ast.Schema
	rules *rules.Rules
}

// SchemaError says where a schema is wrong. Line is 0 when that is not known.
type SchemaError struct {
	Message      string
	Line, Column int
}

func (e *SchemaError) Error() string { return e.Message }

// Load compiles a schema in the schema definition language.
func Load(name string, sdl []byte) (*Schema, error) {
	if _, err := parser.ParseSchemaWithLimit(&ast.Source{Name: name, Input: string(sdl)}, maxSchemaTokens); err != nil {
		return nil, schemaError(err)
	}
	types, err := validator.LoadSchema(validator.Prelude, &ast.Source{Name: name, Input: string(sdl)})
	if err != nil {
		return nil, schemaError(err)
	}
	if types.Query == nil {
		return nil, &SchemaError{Message: "the schema has no query type: declare type Query, or name one with schema { query: ... }"}
	}
	delete(types.Directives, "defer") // the whole answer comes at once
	return &Schema{types: types, rules: rules.NewDefaultRules()}, nil
}

func schemaError(err error) error {
	var at *gqlerror.Error
	if !errors.As(err, &at) {
		return &SchemaError{Message: err.Error()}
	}
	out := &SchemaError{Message: at.Message}
	if len(at.Locations) > 0 {
		out.Line, out.Column = at.Locations[0].Line, at.Locations[0].Column
	}
	return out
}

// Kinds of operations.
const (
	Query        = string(ast.Query)
	Mutation     = string(ast.Mutation)
	Subscription = string(ast.Subscription)
)

// Root is the name of the root type of a kind of operation, "" when the schema
// has none.
func (s *Schema) Root(kind string) string {
	d := map[string]*ast.Definition{Query: s.types.Query, Mutation: s.types.Mutation, Subscription: s.types.Subscription}[kind]
	if d == nil {
		return ""
	}
	return d.Name
}

// HasType tells whether the schema declares a type.
func (s *Schema) HasType(name string) bool { return s.types.Types[name] != nil }

// Abstract tells whether a type is an interface or a union.
func (s *Schema) Abstract(name string) bool {
	d := s.types.Types[name]
	return d != nil && d.IsAbstractType()
}

// HasField tells whether an object or interface type has a field.
func (s *Schema) HasField(typ, field string) bool {
	d := s.types.Types[typ]
	return d != nil && d.Kind != ast.InputObject && d.Fields.ForName(field) != nil
}

// related lists the types whose rules count for a field that is selected on a
// type: the object types that it may turn out to be, and the interfaces and
// unions on the way.
func (s *Schema) related(d *ast.Definition) (objects, abstract []string) {
	possible := []*ast.Definition{d}
	if d.IsAbstractType() {
		abstract = append(abstract, d.Name)
		possible = s.types.PossibleTypes[d.Name]
	}
	for _, o := range possible {
		objects = append(objects, o.Name)
		for _, i := range o.Interfaces {
			if !slices.Contains(abstract, i) {
				abstract = append(abstract, i)
			}
		}
	}
	return objects, abstract
}
