// Package xmldoc reads XML documents into a tree that keeps prefixes, CDATA
// sections and places, and writes trees as XML.
//
// What comes in: the bytes of a body or the text of a stylesheet. What goes
// out: a tree of Nodes in document order. It must never resolve anything outside
// of the document (document types are refused), and every dimension of a
// document is bounded.
package xmldoc

import "strings"

// Kind of a node.
type Kind uint8

// The kinds of nodes.
const (
	Document Kind = iota
	Element
	Attribute
	Text
	CDATA // text that was written as a CDATA section
	Comment
	Instruction // of processing; Local is its target
)

// Node is one node of a tree.
type Node struct {
	Kind                 Kind
	Prefix, Local, Space string // Space is the namespace's URI
	Value                string // of attributes, texts, comments and instructions
	Parent               *Node
	Attrs                []*Node // of an element, namespace declarations among them
	Children             []*Node
	Order                int // place in document order
	Offset               int // byte of the source where the node begins
	// Closed tells that an element was written as <a/>.
	Closed bool
	// Raw is text that is written without escaping.
	Raw bool
}

// Name is the qualified name as it is written.
func (n *Node) Name() string {
	if n.Prefix == "" {
		return n.Local
	}
	return n.Prefix + ":" + n.Local
}

// Declares tells whether an attribute declares a namespace; prefix is "" for
// the default one.
func (n *Node) Declares() (prefix string, ok bool) {
	switch {
	case n.Kind != Attribute:
		return "", false
	case n.Prefix == "xmlns":
		return n.Local, true
	case n.Prefix == "" && n.Local == "xmlns":
		return "", true
	}
	return "", false
}

// Namespace finds the URI of a prefix in the scope of an element.
func (n *Node) Namespace(prefix string) (uri string, ok bool) {
	if prefix == "xml" {
		return XML, true
	}
	for e := n; e != nil; e = e.Parent {
		for _, a := range e.Attrs {
			if p, declares := a.Declares(); declares && p == prefix {
				return a.Value, a.Value != "" || prefix == ""
			}
		}
	}
	return "", prefix == ""
}

// The namespaces that every document knows.
const (
	XML = "http://www.w3.org/XML/1998/namespace"
	XSI = "http://www.w3.org/2001/XMLSchema-instance"
)

// Attr returns an attribute by its local name and namespace, or nil.
func (n *Node) Attr(space, local string) *Node {
	for _, a := range n.Attrs {
		if a.Local == local && a.Space == space {
			return a
		}
	}
	return nil
}

// Root is the root element of a document, or nil.
func (n *Node) Root() *Node {
	for _, c := range n.Children {
		if c.Kind == Element {
			return c
		}
	}
	return nil
}

// Text is the string value of a node: the text of an element with that of
// everything in it.
func (n *Node) Text() string {
	if n.Kind != Element && n.Kind != Document {
		return n.Value
	}
	if len(n.Children) == 1 && n.Children[0].IsText() {
		return n.Children[0].Value
	}
	var b strings.Builder
	n.appendText(&b)
	return b.String()
}

func (n *Node) appendText(b *strings.Builder) {
	for _, c := range n.Children {
		if c.IsText() {
			b.WriteString(c.Value)
		} else if c.Kind == Element {
			c.appendText(b)
		}
	}
}

// IsText tells whether the node is text, as a CDATA section or not.
func (n *Node) IsText() bool { return n.Kind == Text || n.Kind == CDATA }

// Append adds a child or an attribute.
func (n *Node) Append(c *Node) {
	c.Parent = n
	if c.Kind == Attribute {
		n.Attrs = append(n.Attrs, c)
	} else {
		n.Children = append(n.Children, c)
	}
}
