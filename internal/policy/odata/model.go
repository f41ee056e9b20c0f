package odata

import (
	"encoding/xml"
	"errors"
	"fmt"
	"strings"
)

// Model is the names of a metadata document. A nil Model knows none.
type Model struct {
	types      map[string]*Type    // by qualified name, with the alias too
	sets       map[string]resource // entity sets and singletons of the container
	operations map[string]bool     // functions, actions and their imports by their short names
}

type resource struct {
	item   *Type
	single bool
}

// Type is an entity type, a complex type, or a primitive one.
type Type struct {
	Name       string
	base       *Type
	baseName   string
	open       bool
	properties map[string]member
}

// member is a property. many: it is a collection.
type member struct {
	typeName string
	item     *Type // nil: enumerations and what the document does not define
	many     bool
}

// property gives the type of a property; ok is false when there is none. The
// type is nil when it is not known.
func (t *Type) property(name string) (*Type, bool) {
	m, ok := t.member(name)
	return m.item, ok
}

func (t *Type) member(name string) (member, bool) {
	if t == nil {
		return member{}, true
	}
	for at, hops := t, 0; at != nil && hops < maxDepth; at, hops = at.base, hops+1 {
		if m, ok := at.properties[name]; ok {
			return m, true
		}
		if at.open || at.baseName != "" && at.base == nil {
			return member{}, true
		}
	}
	return member{}, false
}

func (m *Model) named(name string) *Type {
	if m == nil {
		return nil
	}
	return m.types[name]
}

func (m *Model) operation(name string) bool { return m != nil && m.operations[name] }

// edmx is what is read of a metadata document.
type edmx struct {
	XMLName xml.Name
	Schemas []edmSchema `xml:"DataServices>Schema"`
}

type edmSchema struct {
	Namespace  string       `xml:"Namespace,attr"`
	Alias      string       `xml:"Alias,attr"`
	Entities   []edmType    `xml:"EntityType"`
	Complex    []edmType    `xml:"ComplexType"`
	Functions  []edmName    `xml:"Function"`
	Actions    []edmName    `xml:"Action"`
	Containers []edmCatalog `xml:"EntityContainer"`
}

type edmType struct {
	Name       string        `xml:"Name,attr"`
	BaseType   string        `xml:"BaseType,attr"`
	Open       bool          `xml:"OpenType,attr"`
	Properties []edmProperty `xml:"Property"`
	Navigation []edmProperty `xml:"NavigationProperty"`
}

type edmProperty struct {
	Name string `xml:"Name,attr"`
	Type string `xml:"Type,attr"`
}

type edmName struct {
	Name string `xml:"Name,attr"`
}

type edmCatalog struct {
	Sets []struct {
		Name string `xml:"Name,attr"`
		Type string `xml:"EntityType,attr"`
	} `xml:"EntitySet"`
	Singletons []edmProperty `xml:"Singleton"`
	Functions  []edmName     `xml:"FunctionImport"`
	Actions    []edmName     `xml:"ActionImport"`
}

// IsModel tells whether a document looks like metadata of OData.
func IsModel(document []byte) bool {
	head := string(document[:min(len(document), 2048)])
	return strings.Contains(head, "Edmx")
}

// maxModel is how many bytes a metadata document may have.
const maxModel = 4 << 20

// ParseModel reads a metadata document.
func ParseModel(document []byte) (*Model, error) {
	if len(document) > maxModel {
		return nil, fmt.Errorf("it is larger than %d MB", maxModel>>20)
	}
	var doc edmx
	if err := xml.Unmarshal(document, &doc); err != nil {
		return nil, errors.New("it is not valid XML")
	}
	if doc.XMLName.Local != "Edmx" || len(doc.Schemas) == 0 {
		return nil, errors.New("it holds no <Edmx> with a <Schema>")
	}
	m := &Model{types: map[string]*Type{}, sets: map[string]resource{}, operations: map[string]bool{}}
	for i := range doc.Schemas {
		m.declare(&doc.Schemas[i])
	}
	m.link()
	for i := range doc.Schemas {
		m.catalog(&doc.Schemas[i])
	}
	return m, nil
}

func (m *Model) declare(s *edmSchema) {
	for _, list := range [][]edmType{s.Entities, s.Complex} {
		for i := range list {
			in := &list[i]
			t := &Type{Name: s.Namespace + "." + in.Name, baseName: in.BaseType, open: in.Open, properties: map[string]member{}}
			for _, properties := range [][]edmProperty{in.Properties, in.Navigation} {
				for _, p := range properties {
					name, many := elementOf(p.Type)
					t.properties[p.Name] = member{typeName: name, many: many}
				}
			}
			m.types[t.Name] = t
			if s.Alias != "" {
				m.types[s.Alias+"."+in.Name] = t
			}
		}
	}
	for _, list := range [][]edmName{s.Functions, s.Actions} {
		for _, o := range list {
			m.operations[o.Name] = true
		}
	}
}

// elementOf takes Collection(...) off a type.
func elementOf(name string) (string, bool) {
	if inner, ok := strings.CutPrefix(name, "Collection("); ok {
		return strings.TrimSuffix(inner, ")"), true
	}
	return name, false
}

// link finds the types that properties and base types name.
func (m *Model) link() {
	for _, t := range m.types {
		t.base = m.types[t.baseName]
		for name, p := range t.properties {
			p.item = m.types[p.typeName]
			if p.item == nil && strings.HasPrefix(p.typeName, "Edm.") && !untyped(p.typeName) {
				p.item = &Type{Name: p.typeName}
			}
			t.properties[name] = p
		}
	}
}

// untyped are the built-in types that may hold anything.
func untyped(name string) bool {
	return name == "Edm.Untyped" || name == "Edm.ComplexType" || name == "Edm.EntityType" || strings.HasPrefix(name, "Edm.Geo")
}

func (m *Model) catalog(s *edmSchema) {
	for _, c := range s.Containers {
		for _, set := range c.Sets {
			m.sets[set.Name] = resource{item: m.types[set.Type]}
		}
		for _, one := range c.Singletons {
			m.sets[one.Name] = resource{item: m.types[one.Type], single: true}
		}
		for _, list := range [][]edmName{c.Functions, c.Actions} {
			for _, o := range list {
				m.operations[o.Name] = true
			}
		}
	}
}
