package policy

import "fmt"

// Merge inlines <base/>: documents go from the narrowest scope to the
// broadest, nil ones are skipped. The elements are shared with the documents:
// nobody may change them.
func Merge(documents ...*Document) *Effective {
	present := make([]*Document, 0, len(documents))
	for _, d := range documents {
		if d != nil {
			present = append(present, d)
		}
	}
	out := &Effective{}
	m := &merging{left: maxEffective}
	out.Inbound = m.section(present, Inbound)
	out.Backend = m.section(present, Backend)
	out.Outbound = m.section(present, Outbound)
	out.OnError = m.section(present, OnError)
	out.Messages = m.messages
	return out
}

// merging makes one effective policy.
type merging struct {
	left     int // elements that may still be put in
	messages Messages
}

// section gives a section of the first document with the same section of the
// next ones in place of <base/>.
func (m *merging) section(documents []*Document, s Section) []*Element {
	for len(documents) > 0 && documents[0].Missing&s != 0 {
		documents = documents[1:]
	}
	if len(documents) == 0 {
		return nil
	}
	d := documents[0]
	in := &inlining{merging: m, rest: documents[1:], section: s, nested: d.nested&s != 0}
	return in.elements(*d.section(s))
}

// inlining replaces the <base/> of one section of one document.
type inlining struct {
	*merging
	rest    []*Document
	section Section
	nested  bool
	known   bool // base was made
	base    []*Element
	size    int // elements in base
}

func (in *inlining) elements(list []*Element) []*Element {
	var out []*Element
	for i, e := range list {
		merged := e
		if e.Name != "base" && in.nested && len(e.Children) > 0 {
			merged = in.copied(e)
		}
		if merged == e && e.Name != "base" {
			if out != nil {
				out = append(out, e)
			}
			continue
		}
		if out == nil {
			out = append(make([]*Element, 0, len(list)+8), list[:i]...)
		}
		if e.Name == "base" {
			out = append(out, in.broader(e)...)
		} else {
			out = append(out, merged)
		}
	}
	if out == nil {
		return list[:len(list):len(list)]
	}
	return out
}

// copied gives the element itself, or a copy when there is a <base/> in it.
func (in *inlining) copied(e *Element) *Element {
	held := false
	walk(e.Children, func(c *Element) { held = held || c.Name == "base" })
	if !held {
		return e
	}
	c := *e
	c.Children = in.elements(e.Children)
	return &c
}

// broader gives what stands for a <base/>.
func (in *inlining) broader(e *Element) []*Element {
	if !in.known {
		in.known = true
		in.base = in.merging.section(in.rest, in.section)
		walk(in.base, func(*Element) { in.size++ })
	}
	if in.left -= in.size; in.left < 0 {
		if len(in.messages) == 0 {
			in.messages = append(in.messages, Message{Pos: e.Pos, Text: fmt.Sprintf("the policy has more than %d elements after <base/> was put in", maxEffective)})
		}
		return nil
	}
	return in.base
}
