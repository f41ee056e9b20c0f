// Package policy turns policy documents into pipelines and runs them.
//
// What comes in: the text of policy documents and fragments, named values, and
// the table of statements. What goes out: a Pipeline compiled once for each
// (API, operation, product), and while a request runs, a Context that
// statements change. It must never import the gateway: statements reach
// backends, counters, caches and the network through the small interfaces of
// this package (Services).
package policy

import "gatehouse/internal/apim"

// Section of a policy document. The values are bits so that a Definition can
// name several.
type Section uint8

const (
	Inbound Section = 1 << iota
	Backend
	Outbound
	OnError
	// Resolving is where the data source of a GraphQL resolver stands. It is no
	// section of ordinary documents.
	Resolving
	AnySection = Inbound | Backend | Outbound | OnError
)

// String is the section's element name.
func (s Section) String() string {
	switch s {
	case Inbound:
		return "inbound"
	case Backend:
		return "backend"
	case Outbound:
		return "outbound"
	case OnError:
		return "on-error"
	case Resolving:
		return "resolver"
	}
	return "any"
}

// Scope at which a document is set, from broad to narrow.
type Scope uint8

const (
	Global Scope = 1 << iota
	Workspace
	Product
	API
	Operation
	// Resolver is a GraphQL resolver: it inherits from no other scope.
	Resolver
	AnyScope = Global | Workspace | Product | API | Operation
)

// String is the scope as LastError.Scope and traces show it.
func (s Scope) String() string {
	switch s {
	case Global:
		return "global"
	case Workspace:
		return "workspace"
	case Product:
		return "product"
	case API:
		return "api"
	case Operation:
		return "operation"
	case Resolver:
		return "resolver"
	}
	return "any"
}

// Element is one XML element of a parsed policy document.
type Element struct {
	Name     string
	Attrs    []Attr
	Children []*Element
	// Text is the character data between the tags with surrounding white
	// space removed; Raw is false when it is an expression.
	Text Value
	Pos  apim.Position
	// Set by resolution:
	Section  Section
	Scope    Scope
	Fragment string         // id of the fragment that it came from
	Included *apim.Position // where that fragment was included
	Path     string         // LastError.Path, e.g. choose[3]/when[2]; counts from 1
}

// Attr is one attribute.
type Attr struct {
	Name  string
	Value Value
	Pos   apim.Position // of the name
}

// Value is the text of an attribute or element: wholly literal or wholly one
// expression.
type Value struct {
	Text       string // literal text with entities decoded, or the expression's C# without "@(" ")" or "@{" "}"
	Expression bool
	Block      bool          // written as @{ ... }: statements, not one expression
	Pos        apim.Position // of the first character of Text
	// Place maps a byte offset in Text to its position in the source document,
	// through entities and named values. Nil means: count from Pos.
	Place func(offset int) apim.Position
	// Named is true when a named value is part of Text.
	Named bool
	// Secret is true when a secret named value is part of Text: messages must
	// not quote it.
	Secret  bool
	secrets []string   // the values of those
	unknown []standing // named values in Text that do not exist and stand for their names
}

// Attr returns an attribute, or nil.
func (e *Element) Attr(name string) *Attr {
	for i := range e.Attrs {
		if e.Attrs[i].Name == name {
			return &e.Attrs[i]
		}
	}
	return nil
}

// Child returns the first child element of that name, or nil.
func (e *Element) Child(name string) *Element {
	for _, c := range e.Children {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// Effective is the policy of one (API, operation, product) after fragments and
// <base/> were inlined: the direct children of each section in order.
type Effective struct {
	Inbound, Backend, Outbound, OnError []*Element
	Messages                            Messages // what Merge found; Compile reports it
	// Resolvers of a synthetic GraphQL API; they are merged with nothing.
	Resolvers []FieldResolver
}
