package policy

import (
	"fmt"

	"gatehouse/internal/apim"
)

// FieldResolver is the document of a resolver: one data source that answers one
// field of a GraphQL schema.
type FieldResolver struct {
	Type, Field string
	Root        *Element
}

// ParseResolver reads the document of a resolver, whose root element is a data
// source. The root is nil when a message is an error.
func (s *Set) ParseResolver(doc apim.Document) (*Element, Messages) {
	if len(doc.Text) > maxDocumentBytes {
		return nil, Messages{{Pos: apim.Position{File: doc.File, Line: 1, Column: 1},
			Text: fmt.Sprintf("the document has %d bytes; at most %d are allowed", len(doc.Text), maxDocumentBytes)}}
	}
	root, p, messages := s.read(doc, s.Lenient)
	if root == nil {
		return nil, messages
	}
	if !s.Lenient {
		messages = append(messages, s.unknownMessages(p.src, p.unresolved(), false)...)
	}
	if root.Name == "policies" || root.Name == "fragment" {
		messages = append(messages, Message{Pos: root.Pos, Text: fmt.Sprintf("<%s> cannot be the root of a resolver: it has one data source, "+
			"<http-data-source>, <cosmosdb-data-source> or <sql-data-source>, and inherits nothing", root.Name)})
		return nil, messages
	}
	in := &inclusion{set: s, elements: p.elements}
	elements := in.expand([]*Element{root})
	messages = append(messages, in.messages...)
	c := settling{document: &Document{Scope: Resolver}, section: Resolving}
	c.elements(elements, "")
	messages = append(messages, c.messages...)
	walk(elements, func(e *Element) {
		if e.Name == "base" {
			messages = append(messages, Message{Pos: e.Pos, Text: "<base/> cannot stand in a resolver: it inherits from no other scope"})
		}
	})
	if messages.Failed() {
		return nil, messages
	}
	return elements[0], messages
}

// field names a field of a type.
type field struct{ typ, name string }

// Resolver gives the data source of a field, nil when it has none.
func (p *Pipeline) Resolver(typ, name string) Block { return p.resolvers[field{typ, name}] }

// resolvers compiles the resolvers behind the sections.
func (k *Compiler) resolvers(list []FieldResolver) map[field]Block {
	if len(list) == 0 {
		return nil
	}
	k.section = Resolving
	out := make(map[field]Block, len(list))
	for _, r := range list {
		out[field{r.Type, r.Field}] = k.Block([]*Element{r.Root})
	}
	return out
}

// Within compiles as if in another section: what prepares the request of a data
// source edits the request, what comes behind it the response.
func (k *Compiler) Within(s Section, compile func()) {
	defer func(outer Section) { k.section = outer }(k.section)
	k.section = s
	compile()
}
