package xsd

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
)

// node is an element of a document.
type node struct {
	name           name
	attrs          []xml.Attr
	children       []*node
	text           []byte // of the element itself
	line, position int
	spaces         map[string]string // prefixes in scope
}

func (n *node) attr(local string) string {
	for _, a := range n.attrs {
		if a.Name.Space == "" && a.Name.Local == local {
			return a.Value
		}
	}
	return ""
}

func (n *node) has(local string) bool {
	for _, a := range n.attrs {
		if a.Name.Space == "" && a.Name.Local == local {
			return true
		}
	}
	return false
}

// parse reads a document into nodes. Prefixes are kept: values name things by
// them.
func parse(data []byte) (*node, error) {
	d := xml.NewDecoder(bytes.NewReader(data))
	var root *node
	var open []*node
	for count := 0; ; count++ {
		line, position := d.InputPos()
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, errors.New("it is not valid XML")
		}
		switch t := token.(type) {
		case xml.Directive:
			return nil, errors.New("document type declarations are not allowed")
		case xml.StartElement:
			if count > maxNodes || len(open) >= maxDepth || len(open) == 0 && root != nil {
				return nil, errors.New("it is too large, nested too deeply, or has more than one root element")
			}
			n := &node{name: name{t.Name.Space, t.Name.Local}, line: line, position: position}
			n.scope(t.Attr, open)
			if len(open) == 0 {
				root = n
			} else {
				parent := open[len(open)-1]
				parent.children = append(parent.children, n)
			}
			open = append(open, n)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			if len(open) > 0 {
				open[len(open)-1].text = append(open[len(open)-1].text, t...)
			}
		}
	}
	if root == nil {
		return nil, errors.New("it has no root element")
	}
	return root, nil
}

// scope takes namespace declarations out of the attributes.
func (n *node) scope(attrs []xml.Attr, open []*node) {
	if len(open) > 0 {
		n.spaces = open[len(open)-1].spaces
	}
	copied := false
	for _, a := range attrs {
		prefix, declares := "", a.Name.Space == "" && a.Name.Local == "xmlns"
		if a.Name.Space == "xmlns" {
			prefix, declares = a.Name.Local, true
		}
		if !declares {
			n.attrs = append(n.attrs, a)
			continue
		}
		if !copied {
			spaces := make(map[string]string, len(n.spaces)+1)
			for k, v := range n.spaces {
				spaces[k] = v
			}
			n.spaces, copied = spaces, true
		}
		n.spaces[prefix] = a.Value
	}
}

// qname resolves a prefixed name in a value.
func (n *node) qname(value string) (name, bool) {
	prefix, local, prefixed := strings.Cut(strings.TrimSpace(value), ":")
	if !prefixed {
		return name{n.spaces[""], prefix}, prefix != ""
	}
	if prefix == "xml" {
		return name{nsXML, local}, true
	}
	space, ok := n.spaces[prefix]
	return name{space, local}, ok && local != ""
}
