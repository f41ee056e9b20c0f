package policy

import (
	"fmt"
	"strings"

	"gatehouse/internal/apim"
)

// fragment is a parsed policy fragment.
type fragment struct {
	id       string
	document apim.Document
	elements []*Element // when unknown named values are errors
	lenient  []*Element // when they stand for their names
	count    int
	unknown  Messages // named values that do not exist, as errors
	broken   bool
}

// sectionOf gives the section that an element name stands for, or 0.
func sectionOf(name string) Section {
	for _, s := range [...]Section{Inbound, Backend, Outbound, OnError} {
		if s.String() == name {
			return s
		}
	}
	return 0
}

// checkFragments parses the fragments. Ids are resource names: letter case
// does not count.
func (s *Set) checkFragments(fragments []*apim.PolicyFragment) Messages {
	var out Messages
	for _, f := range fragments {
		key := strings.ToLower(f.ID)
		if s.fragments[key] != nil {
			out = append(out, Message{Pos: apim.Position{File: f.Document.File, Line: 1, Column: 1}, Text: fmt.Sprintf("there is another fragment with the id %q", f.ID)})
			continue
		}
		one := &fragment{id: f.ID, document: f.Document}
		s.fragments[key] = one
		messages := s.parseFragment(one)
		one.broken = messages.Failed()
		out = append(out, messages...)
		for _, m := range one.unknown {
			m.Warning = true // an error only where the fragment is included
			out = append(out, m)
		}
	}
	return out
}

func (s *Set) parseFragment(f *fragment) Messages {
	if len(f.document.Text) > maxFragmentBytes {
		return Messages{{Pos: apim.Position{File: f.document.File, Line: 1, Column: 1},
			Text: fmt.Sprintf("the fragment %q has %d bytes; at most %d are allowed", f.id, len(f.document.Text), maxFragmentBytes)}}
	}
	root, p, messages := s.read(f.document, false)
	if root == nil {
		return messages
	}
	f.unknown = s.unknownMessages(p.src, p.unresolved(), false)
	messages = append(messages, checkFragmentShape(root)...)
	f.elements, f.lenient, f.count = root.Children, root.Children, p.elements-1
	if len(f.unknown) > 0 {
		root, _, more := s.read(f.document, true)
		if root == nil {
			return append(messages, more...)
		}
		f.lenient = root.Children
	}
	return messages
}

// checkFragmentShape reports what a fragment must not hold.
func checkFragmentShape(root *Element) Messages {
	var out Messages
	report := func(e *Element, format string, args ...any) {
		if len(out) < maxMessages {
			out = append(out, Message{Pos: e.Pos, Text: fmt.Sprintf(format, args...)})
		}
	}
	if root.Name != "fragment" {
		report(root, "expected <fragment> as the root element of a fragment, found <%s>", root.Name)
		return out
	}
	for _, a := range root.Attrs {
		out = append(out, Message{Pos: a.Pos, Text: "<fragment> takes no attributes", Warning: true})
	}
	if root.Text.Text != "" || root.Text.Expression {
		out = append(out, Message{Pos: root.Text.Pos, Text: "a fragment holds policies, not text"})
	}
	for _, e := range root.Children {
		if sectionOf(e.Name) != 0 {
			report(e, "a fragment has no sections: remove <%s> and keep what is in it", e.Name)
		}
	}
	walk(root.Children, func(e *Element) {
		switch e.Name {
		case "include-fragment":
			report(e, "a fragment cannot include another fragment: include both from the policy document")
		case "base":
			report(e, "a fragment cannot hold <base/>: put it into the policy document")
		}
	})
	return out
}

// walk visits elements and everything in them.
func walk(elements []*Element, visit func(*Element)) {
	for _, e := range elements {
		visit(e)
		walk(e.Children, visit)
	}
}

// inclusion puts fragments into one document.
type inclusion struct {
	set      *Set
	elements int
	messages Messages
	reported map[string]bool // fragments whose unknown named values were told
}

func (in *inclusion) errorf(pos apim.Position, format string, args ...any) {
	if len(in.messages) < maxMessages {
		in.messages = append(in.messages, Message{Pos: pos, Text: fmt.Sprintf(format, args...)})
	}
}

// expand replaces every <include-fragment/> by what is in the fragment.
func (in *inclusion) expand(elements []*Element) []*Element {
	var out []*Element
	for i, e := range elements {
		if e.Name != "include-fragment" {
			e.Children = in.expand(e.Children)
			if out != nil {
				out = append(out, e)
			}
			continue
		}
		if out == nil {
			out = append(make([]*Element, 0, len(elements)+8), elements[:i]...)
		}
		out = append(out, in.include(e)...)
	}
	if out == nil {
		return elements
	}
	return out
}

func (in *inclusion) include(e *Element) []*Element {
	f := in.find(e)
	if f == nil {
		return nil
	}
	elements := f.elements
	if in.set.Lenient {
		elements = f.lenient
	}
	in.tell(f, e)
	if in.elements += f.count; in.elements > maxElements {
		in.errorf(e.Pos, "the document has more than %d elements after fragments were put in", maxElements)
		return nil
	}
	at := e.Pos
	return copyIncluded(elements, f.id, &at)
}

// find checks an <include-fragment/> and gives its fragment.
func (in *inclusion) find(e *Element) *fragment {
	a := e.Attr("fragment-id")
	if len(e.Children) > 0 || e.Text.Text != "" || e.Text.Expression {
		in.errorf(e.Pos, "<include-fragment> holds nothing: write <include-fragment fragment-id=\"...\" />")
		return nil
	}
	for _, other := range e.Attrs {
		if other.Name != "fragment-id" && other.Name != "id" {
			in.errorf(other.Pos, "<include-fragment> has no attribute %q; it takes fragment-id", other.Name)
		}
	}
	if a == nil {
		in.errorf(e.Pos, "<include-fragment> needs the attribute \"fragment-id\"")
		return nil
	}
	if a.Value.Expression {
		in.errorf(a.Value.Pos, "fragment-id takes no expression: fragments are put in before a request comes")
		return nil
	}
	f := in.set.fragments[strings.ToLower(strings.TrimSpace(a.Value.Text))]
	switch {
	case f == nil && in.set.Lenient && !a.Value.Secret:
		in.messages = append(in.messages, Message{Pos: a.Value.Pos, Warning: true, Text: fmt.Sprintf("there is no fragment %q: nothing is put in its place", a.Value.Text)})
	case f == nil && a.Value.Secret:
		in.errorf(a.Value.Pos, "there is no fragment with this id; it comes from a secret named value")
	case f == nil:
		in.errorf(a.Value.Pos, "there is no fragment %q: create it, or correct the id", a.Value.Text)
	case f.broken:
		in.errorf(a.Value.Pos, "the fragment %q has errors of its own: see %s", f.id, f.document.File)
		f = nil
	}
	return f
}

// tell reports the named values that a fragment misses, once a document.
func (in *inclusion) tell(f *fragment, e *Element) {
	if len(f.unknown) == 0 || in.reported[f.id] {
		return
	}
	if in.reported == nil {
		in.reported = map[string]bool{}
	}
	in.reported[f.id] = true
	for _, m := range f.unknown {
		m.Text += fmt.Sprintf(" (included at %s:%d:%d)", e.Pos.File, e.Pos.Line, e.Pos.Column)
		m.Warning = in.set.Lenient
		in.messages = append(in.messages, m)
	}
}

// copyIncluded copies elements of a fragment: fragments are shared by all
// documents, and each copy is told where it stands.
func copyIncluded(elements []*Element, id string, at *apim.Position) []*Element {
	if len(elements) == 0 {
		return nil
	}
	out := make([]*Element, len(elements))
	for i, e := range elements {
		c := *e
		c.Fragment, c.Included = id, at
		c.Children = copyIncluded(e.Children, id, at)
		out[i] = &c
	}
	return out
}
