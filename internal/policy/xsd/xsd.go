// Package xsd checks XML documents against a subset of XML Schema 1.0: what
// schemas of services are written with.
//
// What comes in: schema documents, once, and bodies of messages. What goes out:
// a compiled schema that all requests share, and the places where a body breaks
// it. It must never fetch a document, expand an entity, quote a value of a body
// in a problem, or take a schema for checked whose words it does not know.
package xsd

import (
	"errors"
	"fmt"
)

// Namespaces.
const (
	nsSchema   = "http://www.w3.org/2001/XMLSchema"
	nsInstance = "http://www.w3.org/2001/XMLSchema-instance"
	nsWSDL     = "http://schemas.xmlsoap.org/wsdl/"
	nsXML      = "http://www.w3.org/XML/1998/namespace"
)

// name is an expanded name.
type name struct{ space, local string }

func (n name) String() string { return n.local }

// Schema is a compiled schema.
type Schema struct {
	elements   map[name]*element
	attributes map[name]*attribute
	types      map[name]*definition
	groups     map[name]*particle
	attrGroups map[name][]*attribute
}

// element is an element declaration.
type element struct {
	name               name
	typ                *definition
	nillable, abstract bool
	fixed              *string
}

// attribute is an attribute declaration or its use in a type.
type attribute struct {
	name                 name
	typ                  *simple
	required, prohibited bool
	fixed                *string
	any                  *wildcard // an attribute wildcard instead
}

// definition is a type: simple, or complex with attributes and content.
type definition struct {
	name       name
	base       *definition
	text       *simple // of a simple type, or of a complex one with simple content
	attributes []*attribute
	content    *particle // of a complex type with child elements; nil: none
	mixed      bool
	abstract   bool
	anything   bool // xs:anyType
}

// particle is a piece of a content model.
type particle struct {
	min, max int // max -1: unbounded
	kind     particleKind
	parts    []*particle
	element  *element
	wildcard *wildcard
}

type particleKind uint8

const (
	sequence particleKind = iota
	choice
	all
	single
	wild
)

// wildcard is xs:any or xs:anyAttribute.
type wildcard struct {
	any     bool
	other   bool // any but target
	target  string
	spaces  []string
	process string // strict, lax, skip
}

func (w *wildcard) takes(space string) bool {
	switch {
	case w.any:
		return true
	case w.other:
		return space != "" && space != w.target
	}
	for _, s := range w.spaces {
		if s == space {
			return true
		}
	}
	return false
}

// Limits.
const (
	maxDocument = 4 << 20
	maxNodes    = 500_000
	maxDepth    = 256
	maxIncluded = 100
	maxProblems = 20
)

// Problem is one way in which a body breaks its schema.
type Problem struct {
	Text           string
	Line, Position int
}

// Load gives the document that a schema includes or imports, false when there
// is none.
type Load func(location string) ([]byte, bool)

// ErrNoElement is the failure of a schema that no document can be checked against.
var ErrNoElement = errors.New("it declares no element that a document could start with")

// Compile compiles a schema with all that it includes, or all that stand in a
// WSDL description. Its errors are for the author of the policy.
func Compile(document []byte, load Load) (*Schema, error) {
	c := &compiler{load: load, out: &Schema{elements: map[name]*element{}, attributes: map[name]*attribute{}, types: map[name]*definition{},
		groups: map[name]*particle{}, attrGroups: map[name][]*attribute{}},
		sources: map[symbol]source{}, seen: map[string]bool{}, open: map[symbol]bool{}}
	if err := c.read(document, "", false); err != nil {
		return nil, err
	}
	for key := range c.sources {
		if err := c.declare(key); err != nil {
			return nil, err
		}
	}
	if len(c.out.elements) == 0 {
		return nil, ErrNoElement
	}
	return c.out, nil
}

// Declares tells whether a document may start with an element.
func (s *Schema) Declares(space, local string) bool { return s.elements[name{space, local}] != nil }

func unsupported(n *node) error {
	return fmt.Errorf("line %d: <%s> is not supported", n.line, n.name.local)
}
