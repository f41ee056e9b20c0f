package graphql

import (
	"errors"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/formatter"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
)

// Operation is one valid operation of a request, with its variables.
type Operation struct {
	schema    *Schema
	document  *ast.QueryDocument
	operation *ast.OperationDefinition
	root      *ast.Definition
	variables map[string]any
}

// Prepare parses a request, checks it against the schema and reads its
// variables.
func (s *Schema) Prepare(r *Request) (*Operation, Errors) {
	if !shallow(r.Query) {
		return nil, Errors{errorf("The document is nested deeper than %d levels.", maxNesting)}
	}
	document, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: r.Query}, maxTokens)
	if err != nil {
		var at *gqlerror.Error
		if errors.As(err, &at) {
			return nil, fromLibrary(gqlerror.List{at})
		}
		return nil, Errors{errorf("The document cannot be parsed.")}
	}
	if selections(document) > maxSelections {
		return nil, Errors{errorf("The document selects more than %d fields.", maxSelections)}
	}
	if list := validator.ValidateWithRules(s.types, document, s.rules); len(list) > 0 {
		return nil, fromLibrary(list)
	}
	o := &Operation{schema: s, document: document}
	if fault := o.choose(r.OperationName); fault != nil {
		return nil, Errors{fault}
	}
	if o.Fields() > maxFieldsAsked {
		return nil, Errors{errorf("The operation asks for more than %d fields.", maxFieldsAsked)}
	}
	var faults Errors
	if o.variables, faults = o.coerceVariables(r.Variables); len(faults) > 0 {
		return nil, faults
	}
	return o, nil
}

// shallow bounds the recursion of the parser before it begins. Brackets in
// strings count too: they only make it stricter.
func shallow(text string) bool {
	depth := 0
	for i := range len(text) {
		switch text[i] {
		case '{', '(', '[':
			if depth++; depth > maxNesting {
				return false
			}
		case '}', ')', ']':
			depth = max(0, depth-1)
		}
	}
	return true
}

// selections counts the selections that a document writes down.
func selections(document *ast.QueryDocument) int {
	var count func(set ast.SelectionSet) int
	count = func(set ast.SelectionSet) int {
		n := len(set)
		for _, one := range set {
			switch one := one.(type) {
			case *ast.Field:
				n += count(one.SelectionSet)
			case *ast.InlineFragment:
				n += count(one.SelectionSet)
			}
		}
		return n
	}
	n := 0
	for _, o := range document.Operations {
		n += count(o.SelectionSet)
	}
	for _, f := range document.Fragments {
		n += count(f.SelectionSet)
	}
	return n
}

// choose finds the operation that is to run.
func (o *Operation) choose(name string) *Error {
	if len(o.document.Operations) == 0 {
		return errorf("The document has no operation.")
	}
	if name == "" && len(o.document.Operations) > 1 {
		return errorf("The document has several operations: operationName must say which is to run.")
	}
	o.operation = o.document.Operations.ForName(name)
	if name == "" {
		o.operation = o.document.Operations[0]
	}
	if o.operation == nil {
		return errorf("The document has no operation %q.", name)
	}
	types := o.schema.types
	o.root = map[ast.Operation]*ast.Definition{ast.Query: types.Query, ast.Mutation: types.Mutation, ast.Subscription: types.Subscription}[o.operation.Operation]
	if o.root == nil {
		return errorf("The schema has no %s type.", o.operation.Operation)
	}
	return nil
}

// Kind is query, mutation or subscription.
func (o *Operation) Kind() string { return string(o.operation.Operation) }

// Subject is the field that a subscription waits for: validation sees to it
// that there is one.
func (o *Operation) Subject() string {
	r := &run{operation: o}
	for _, g := range r.collect(o.root, []*ast.Field{{SelectionSet: o.operation.SelectionSet}}) {
		return g.fields[0].Name
	}
	return ""
}

// Depth is how deep fields are nested: 1 for fields of the root alone.
func (o *Operation) Depth() int {
	known := map[string]int{}
	var depth func(set ast.SelectionSet) int
	depth = func(set ast.SelectionSet) int {
		deepest := 0
		for _, one := range set {
			below := 0
			switch one := one.(type) {
			case *ast.Field:
				below = 1 + depth(one.SelectionSet)
			case *ast.InlineFragment:
				below = depth(one.SelectionSet)
			case *ast.FragmentSpread:
				if _, ok := known[one.Name]; !ok {
					known[one.Name] = depth(one.Definition.SelectionSet) // fragments have no cycles: validation saw to it
				}
				below = known[one.Name]
			}
			deepest = max(deepest, below)
		}
		return deepest
	}
	return depth(o.operation.SelectionSet)
}

// Fields counts what the operation asks for, with its fragments spread. It
// stops soon above the limit, as fragments can double the count at each level.
func (o *Operation) Fields() int {
	known := map[string]int{}
	var count func(set ast.SelectionSet) int
	count = func(set ast.SelectionSet) int {
		n := 0
		for _, one := range set {
			switch one := one.(type) {
			case *ast.Field:
				n += 1 + count(one.SelectionSet)
			case *ast.InlineFragment:
				n += count(one.SelectionSet)
			case *ast.FragmentSpread:
				if _, ok := known[one.Name]; !ok {
					known[one.Name] = count(one.Definition.SelectionSet)
				}
				n += known[one.Name]
			}
			n = min(n, maxFieldsAsked+1)
		}
		return n
	}
	return count(o.operation.SelectionSet)
}

// Text is the document as it is now.
func (o *Operation) Text() string {
	var b strings.Builder
	formatter.NewFormatter(&b, formatter.WithIndent("")).FormatQueryDocument(o.document)
	return b.String()
}
