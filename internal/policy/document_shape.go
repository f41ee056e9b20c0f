package policy

import (
	"fmt"

	"gatehouse/internal/apim"
)

// shape sorts the children of <policies> into sections and checks them.
func shape(root *Element) (*Document, Messages) {
	d, out := &Document{}, Messages(nil)
	errorf := func(pos apim.Position, format string, args ...any) {
		if len(out) < maxMessages {
			out = append(out, Message{Pos: pos, Text: fmt.Sprintf(format, args...)})
		}
	}
	switch root.Name {
	case "policies":
	case "fragment":
		errorf(root.Pos, "this is a fragment: a policy document has the root element <policies>")
		return nil, out
	default:
		errorf(root.Pos, "expected <policies> as the root element, found <%s>", root.Name)
		return nil, out
	}
	if root.Text.Text != "" || root.Text.Expression {
		errorf(root.Text.Pos, "<policies> holds sections, not text")
	}
	first := map[Section]*Element{}
	for _, e := range root.Children {
		s := sectionOf(e.Name)
		switch {
		case s == 0:
			errorf(e.Pos, "unknown section <%s>: expected inbound, backend, outbound or on-error", e.Name)
		case first[s] != nil:
			errorf(e.Pos, "the section <%s> is given twice; the first is at %s", e.Name, place(first[s].Pos))
		default:
			first[s] = e
			d.places = append(d.places, e)
			*d.section(s) = e.Children
			if e.Text.Text != "" || e.Text.Expression {
				errorf(e.Text.Pos, "the section <%s> holds policies, not text", e.Name)
			}
		}
	}
	for _, s := range [...]Section{Inbound, Backend, Outbound, OnError} {
		if first[s] == nil {
			d.Missing |= s
		}
	}
	out = append(out, attributesIgnored(root)...)
	return d, out
}

// attributesIgnored warns of attributes that mean nothing.
func attributesIgnored(root *Element) Messages {
	var out Messages
	for _, e := range append([]*Element{root}, root.Children...) {
		for _, a := range e.Attrs {
			if len(out) < maxMessages {
				out = append(out, Message{Pos: a.Pos, Text: fmt.Sprintf("<%s> takes no attributes: %q is ignored", e.Name, a.Name), Warning: true})
			}
		}
	}
	return out
}

// section gives the list of a section.
func (d *Document) section(s Section) *[]*Element {
	switch s {
	case Inbound:
		return &d.Inbound
	case Backend:
		return &d.Backend
	case Outbound:
		return &d.Outbound
	}
	return &d.OnError
}

// Place is where a section begins, or the zero position when it is missing.
func (d *Document) Place(s Section) apim.Position {
	for _, e := range d.places {
		if sectionOf(e.Name) == s {
			return e.Pos
		}
	}
	return apim.Position{}
}

// Section gives the elements of a section.
func (d *Document) Section(s Section) []*Element { return *d.section(s) }

// settle tells every element where it stands and checks <base/>.
func (d *Document) settle() Messages {
	var out Messages
	for _, s := range [...]Section{Inbound, Backend, Outbound, OnError} {
		elements := *d.section(s)
		c := settling{document: d, section: s}
		c.elements(elements, "")
		if c.bases > maxBases {
			out = append(out, Message{Pos: c.last.Pos, Text: fmt.Sprintf("<base/> stands more than %d times in %s", maxBases, s)})
		}
		out = append(out, c.messages...)
		if s == Backend && len(elements) > 1 {
			at := elements[1]
			pos := at.Pos
			if at.Included != nil {
				pos = *at.Included
			}
			out = append(out, Message{Pos: pos, Warning: true, Text: fmt.Sprintf("the backend section should hold one policy, this has %d", len(elements))})
		}
	}
	return out
}

type settling struct {
	document *Document
	section  Section
	bases    int
	last     *Element
	messages Messages
}

func (c *settling) elements(elements []*Element, parent string) {
	if len(elements) == 0 {
		return
	}
	count := make(map[string]int, min(len(elements), 8))
	for _, e := range elements {
		count[e.Name]++
		e.Scope, e.Section = c.document.Scope, c.section
		e.Path = fmt.Sprintf("%s%s[%d]", parent, e.Name, count[e.Name])
		if e.Name == "base" {
			c.base(e, parent != "")
		}
		c.elements(e.Children, e.Path+"/")
	}
}

func (c *settling) base(e *Element, nested bool) {
	c.bases++
	c.last = e
	if nested {
		c.document.nested |= c.section
	}
	if len(e.Children) > 0 || len(e.Attrs) > 0 || e.Text.Text != "" || e.Text.Expression {
		if len(c.messages) < maxMessages {
			c.messages = append(c.messages, Message{Pos: e.Pos, Text: "<base/> takes no attributes and holds nothing"})
		}
	}
}
