// Package convert turns XML documents into JSON and back, as the policies
// xml-to-json and json-to-xml do.
//
// What comes in: a parsed document and the attributes of the policy. What goes
// out: a document of the other kind. What Azure does where its documentation
// is silent is known from few published examples: each such rule stands in one
// place here. It must never make a result beyond its bounds.
package convert

import (
	"encoding/xml"
	"strings"

	"gatehouse/internal/policy/expr"
	"gatehouse/internal/policy/xmldoc"
)

// ToJSON are the attributes of xml-to-json.
type ToJSON struct {
	// Friendly is kind="javascript-friendly": names can be written behind a dot,
	// declarations of namespaces are left out, xsi:nil is null. Otherwise
	// attributes are "@name" and texts beside them "#text".
	Friendly bool
	// AlwaysArray makes an array of every child element.
	AlwaysArray bool
}

// Names of texts that stand beside attributes or elements.
const (
	textName         = "#text"
	cdataName        = "#cdata-section"
	friendlyTextName = "value"
)

// Document converts a document. The values of the XML declaration become
// members beside the root element, as in Azure.
func (o ToJSON) Document(doc *xmldoc.Node) *expr.JToken {
	out := expr.NewJObject()
	for _, c := range doc.Children {
		if c.Kind == xmldoc.Instruction && c.Local == "xml" && !o.Friendly {
			for _, a := range declaration(c.Value) {
				out.Set(a.Name.Local, a.Value)
			}
		}
	}
	root := doc.Root()
	out.Set(o.name(root), o.value(root))
	return out
}

// declaration reads version, encoding and standalone.
func declaration(text string) []xml.Attr {
	t, err := xml.NewDecoder(strings.NewReader("<x " + text + "/>")).RawToken()
	if e, ok := t.(xml.StartElement); ok && err == nil {
		return e.Attr
	}
	return nil
}

// name writes the prefix before a dollar sign.
func (o ToJSON) name(n *xmldoc.Node) string {
	name := n.Local
	if n.Prefix != "" {
		name = n.Prefix + "$" + n.Local
	}
	if n.Kind == xmldoc.Attribute && !o.Friendly {
		name = "@" + name
	}
	return name
}

// value is a text when the element has nothing else, null when it is written
// as <a/>.
func (o ToJSON) value(e *xmldoc.Node) *expr.JToken {
	if o.Friendly && isNil(e) {
		return expr.NewJSON(nil)
	}
	m := &collected{values: map[string][]*expr.JToken{}}
	for _, a := range e.Attrs {
		if _, declares := a.Declares(); !declares || !o.Friendly {
			m.add(o.name(a), expr.NewJSON(a.Value), false)
		}
	}
	attributes := len(m.names)
	for _, c := range e.Children {
		switch {
		case c.Kind == xmldoc.Element:
			m.add(o.name(c), o.value(c), o.AlwaysArray)
		case c.IsText() && strings.TrimSpace(c.Value) != "":
			m.add(o.textName(c), expr.NewJSON(c.Value), false)
		}
	}
	switch {
	case len(m.names) == 0 && e.Closed:
		return expr.NewJSON(nil)
	case len(m.names) == 0:
		return expr.NewJSON("")
	case attributes == 0 && len(m.names) == 1 && m.onlyText(o):
		return m.values[m.names[0]][0]
	}
	return m.object()
}

func isNil(e *xmldoc.Node) bool {
	a := e.Attr(xmldoc.XSI, "nil")
	return a != nil && (a.Value == "true" || a.Value == "1")
}

func (o ToJSON) textName(c *xmldoc.Node) string {
	switch {
	case o.Friendly:
		return friendlyTextName
	case c.Kind == xmldoc.CDATA:
		return cdataName
	}
	return textName
}

// collected are the members of an object in the order of their first values.
type collected struct {
	names  []string
	values map[string][]*expr.JToken
	arrays map[string]bool
}

func (m *collected) add(name string, v *expr.JToken, array bool) {
	if m.values[name] == nil {
		m.names = append(m.names, name)
	}
	m.values[name] = append(m.values[name], v)
	if array {
		if m.arrays == nil {
			m.arrays = map[string]bool{}
		}
		m.arrays[name] = true
	}
}

// onlyText tells that the one member is one plain text.
func (m *collected) onlyText(o ToJSON) bool {
	name := m.names[0]
	v := m.values[name]
	text := name == textName || name == cdataName || o.Friendly && name == friendlyTextName
	return text && len(v) == 1 && v[0].Kind() == expr.JString && !m.arrays[name]
}

func (m *collected) object() *expr.JToken {
	out := expr.NewJObject()
	for _, name := range m.names {
		v := m.values[name]
		if len(v) == 1 && !m.arrays[name] {
			out.Set(name, v[0])
		} else {
			out.Set(name, expr.NewJArray(v...))
		}
	}
	return out
}
