package xslt

import (
	"gatehouse/internal/policy/xmldoc"
)

func (t *transformer) number() int {
	if t.nodes++; t.nodes > maxNodes {
		t.fail("the result has more than %d nodes", maxNodes)
	}
	return firstOrder + t.nodes
}

func (t *transformer) size(n int) {
	if t.bytes += n; t.bytes > maxOutput {
		t.fail("the result is longer than %d bytes", maxOutput)
	}
	t.step(n / 256)
}

// text adds text; it joins the text before it.
func (t *transformer) text(s string, raw bool) {
	if s == "" {
		return
	}
	t.size(len(s))
	if n := len(t.out.Children); n > 0 {
		if last := t.out.Children[n-1]; last.Kind == xmldoc.Text && last.Raw == raw && len(last.Value) < 4096 {
			last.Value += s
			return
		}
	}
	t.out.Append(&xmldoc.Node{Kind: xmldoc.Text, Value: s, Raw: raw, Order: t.number()})
}

// open begins an element of the result; close ends it.
func (t *transformer) open(prefix, local, space string) (shut func()) {
	if t.nested++; t.nested > maxNested {
		t.fail("the result is nested more than %d deep", maxNested)
	}
	t.size(2*len(prefix) + 2*len(local) + 5)
	e := &xmldoc.Node{Kind: xmldoc.Element, Prefix: prefix, Local: local, Space: space, Order: t.number()}
	outer := t.out
	outer.Append(e)
	t.out = e
	t.declare(prefix, space)
	return func() {
		t.out = outer
		t.nested--
	}
}

// declare puts a namespace on the element that is open, unless it is in scope.
func (t *transformer) declare(prefix, space string) {
	if prefix == "xml" {
		return
	}
	if uri, ok := t.out.Namespace(prefix); uri == space && (ok || prefix == "") {
		return
	}
	for _, a := range t.out.Attrs {
		if p, declares := a.Declares(); declares && p == prefix {
			return // the element's own prefix wins
		}
	}
	if prefix != "" && space == "" {
		return
	}
	a := &xmldoc.Node{Kind: xmldoc.Attribute, Local: "xmlns", Value: space, Order: t.number()}
	if prefix != "" {
		a.Prefix, a.Local = "xmlns", prefix
	}
	t.size(len(prefix) + len(space) + 9)
	t.out.Append(a)
}

// attribute sets an attribute of the element that is open; it must have no
// content yet.
func (t *transformer) attribute(prefix, local, space, value string) {
	if t.out.Kind != xmldoc.Element || len(t.out.Children) > 0 {
		t.fail("an attribute stands behind content of its element, or outside of one")
	}
	if space != "" {
		prefix = t.prefixFor(prefix, space)
	} else {
		prefix = ""
	}
	t.size(len(prefix) + len(local) + len(value) + 4)
	for _, a := range t.out.Attrs {
		if _, declares := a.Declares(); !declares && a.Local == local && a.Space == space {
			a.Value = value
			return
		}
	}
	if len(t.out.Attrs) > 1000 {
		t.fail("an element has more than 1000 attributes")
	}
	t.out.Append(&xmldoc.Node{Kind: xmldoc.Attribute, Prefix: prefix, Local: local, Space: space, Value: value, Order: t.number()})
}

// prefixFor finds or declares a prefix for a namespace of an attribute.
func (t *transformer) prefixFor(prefix, space string) string {
	if space == xmldoc.XML {
		return "xml"
	}
	for i := 0; ; i++ {
		if prefix != "" {
			uri, ok := t.out.Namespace(prefix)
			if !ok {
				t.declare(prefix, space)
				return prefix
			}
			if uri == space {
				return prefix
			}
		}
		prefix = "ns" + string(rune('0'+i%10))
		if i >= 10 {
			t.fail("there is no prefix left for a namespace")
		}
	}
}

// copyNode copies a node with everything in it.
func (t *transformer) copyNode(n *xmldoc.Node) {
	t.step(1)
	switch n.Kind {
	case xmldoc.Document:
		for _, c := range children(n) {
			t.copyNode(c)
		}
	case xmldoc.Element:
		shut := t.open(n.Prefix, n.Local, n.Space)
		t.namespaces(n, nil)
		for _, a := range n.Attrs {
			if _, declares := a.Declares(); !declares {
				t.copyNode(a)
			}
		}
		for _, c := range n.Children {
			t.copyNode(c)
		}
		shut()
	case xmldoc.Attribute:
		t.attribute(n.Prefix, n.Local, n.Space, n.Value)
	case xmldoc.Text, xmldoc.CDATA:
		t.text(n.Value, n.Raw)
	default:
		t.size(len(n.Value) + len(n.Local) + 7)
		t.out.Append(&xmldoc.Node{Kind: n.Kind, Local: n.Local, Value: n.Value, Order: t.number()})
	}
}

// namespaces declares what is in scope at n, but for the excluded.
func (t *transformer) namespaces(n *xmldoc.Node, excluded map[string]bool) {
	var seen []string
	for e := n; e != nil; e = e.Parent {
	next:
		for _, a := range e.Attrs {
			prefix, declares := a.Declares()
			if !declares {
				continue
			}
			for _, s := range seen {
				if s == prefix {
					continue next
				}
			}
			seen = append(seen, prefix)
			if !excluded[a.Value] {
				t.declare(prefix, a.Value)
			}
		}
		t.step(1)
	}
}
