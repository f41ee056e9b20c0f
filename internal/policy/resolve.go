package policy

import (
	"fmt"

	"gatehouse/internal/apim"
)

const (
	maxNamedValueBytes = 64 << 10
	maxExpressionBytes = 64 << 10
)

// Set is what all documents of a service share: named values and fragments. It
// may be used by many goroutines.
type Set struct {
	// Lenient makes unknown named values and fragments warnings: a name stands
	// for itself, a fragment for nothing. It is for looking at documents without
	// their service.
	Lenient bool

	values    map[string]*apim.NamedValue
	fragments map[string]*fragment
}

// Document is one parsed policy document with named values and fragments resolved.
type Document struct {
	Scope                               Scope
	Inbound, Backend, Outbound, OnError []*Element // <base/> still stands in them
	// Missing sections count as <base/>.
	Missing Section

	places []*Element // the section elements
	nested Section    // sections with <base/> inside another element
}

// NewSet checks named values and fragments. Unknown names are found by Parse.
// The set is usable even when there are errors: what has errors is left out of
// it, and documents that need it fail.
func NewSet(values []*apim.NamedValue, fragments []*apim.PolicyFragment) (*Set, Messages) {
	s := &Set{values: make(map[string]*apim.NamedValue, len(values)), fragments: make(map[string]*fragment, len(fragments))}
	messages := s.checkNamedValues(values)
	return s, append(messages, s.checkFragments(fragments)...)
}

// Parse reads a policy document. The document is nil when a message is an
// error.
func (s *Set) Parse(doc apim.Document, scope Scope) (*Document, Messages) {
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
	d, more := shape(root)
	messages = append(messages, more...)
	if d == nil {
		return nil, messages
	}
	d.Scope = scope
	in := &inclusion{set: s, elements: p.elements}
	for _, section := range [...]Section{Inbound, Backend, Outbound, OnError} {
		list := d.section(section)
		*list = in.expand(*list)
	}
	messages = append(messages, in.messages...)
	messages = append(messages, d.settle()...)
	if messages.Failed() {
		return nil, messages
	}
	return d, messages
}

// read puts named values in and parses. The root is nil when there is an error
// of form. With asNames unknown named values stand for their names, with a
// warning each.
func (s *Set) read(doc apim.Document, asNames bool) (*Element, *parser, Messages) {
	doc, messages := decoded(doc)
	if messages.Failed() {
		return nil, nil, messages
	}
	src, messages := s.expand(doc, nil)
	if messages.Failed() {
		return nil, nil, messages
	}
	root, p := parseDocument(src)
	if !asNames || root == nil || len(src.unknown) == 0 {
		return root, p, p.messages
	}
	unresolved := p.unresolved()
	if len(unresolved) == 0 {
		return root, p, p.messages
	}
	warnings := s.unknownMessages(src, unresolved, true)
	replace := make(map[int]bool, len(unresolved))
	for _, i := range unresolved {
		replace[i] = true
	}
	src, messages = s.expand(doc, replace)
	if messages.Failed() {
		return nil, nil, messages
	}
	root, p = parseDocument(src)
	return root, p, append(warnings, p.messages...)
}
