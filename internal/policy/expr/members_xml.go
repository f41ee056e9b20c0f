package expr

import (
	"strings"
)

// xmlNode is any XObject.
type xmlNode struct {
	kind     string // "document", "element", "attribute", "text", "cdata", "comment", "pi", "doctype"
	space    string
	name     string
	value    string // of attributes, texts, comments and processing instructions
	attrs    []*xmlNode
	children []*xmlNode // nodes reads them
	parent   *xmlNode
	decl     *xmlDeclaration // of a document
	open     bool            // an element without content that has an end tag
	unread   *unreadXML      // where the children are that were not read yet
}

func (n *xmlNode) add(c *xmlNode) {
	inside := false // a node is never inside itself
	for at := n; at != nil && !inside; at = at.parent {
		inside = at == c
	}
	if c.parent != nil || inside {
		c = c.clone()
	}
	c.parent = n
	if c.kind == "attribute" {
		n.attrs = append(n.attrs, c)
		return
	}
	n.children = append(n.nodes(), c)
}

// bare is a copy without children and parent.
func (n *xmlNode) bare() *xmlNode {
	out := *n
	out.parent, out.attrs, out.children, out.unread = nil, nil, nil, nil
	for _, a := range n.attrs {
		one := *a
		one.parent = &out
		out.attrs = append(out.attrs, &one)
	}
	return &out
}

func (n *xmlNode) clone() *xmlNode {
	out := n.bare()
	children := n.peek()
	out.children = make([]*xmlNode, len(children))
	for i, c := range children {
		k := c.clone()
		k.parent = out
		out.children[i] = k
	}
	return out
}

func (n *xmlNode) root() *xmlNode {
	for _, c := range n.nodes() {
		if c.kind == "element" {
			return c
		}
	}
	return nil
}

func (n *xmlNode) text() string {
	if n.kind != "element" && n.kind != "document" {
		return n.value
	}
	var b strings.Builder
	for _, c := range n.nodes() {
		if c.kind == "text" || c.kind == "cdata" || c.kind == "element" {
			b.WriteString(c.text())
		}
	}
	return b.String()
}

// elements of a name, all when it is "".
func (n *xmlNode) elements(f *frame, name string, deep bool) []*xmlNode {
	var out []*xmlNode
	for _, c := range n.nodes() {
		if c.kind != "element" {
			continue
		}
		f.step(1)
		if c.named(name) {
			out = append(out, c)
		}
		if deep {
			out = append(out, c.elements(f, name, true)...)
		}
	}
	return out
}

// named compares with "local" or "{namespace}local".
func (n *xmlNode) named(name string) bool {
	if name == "" {
		return true
	}
	space, local := splitXName(name)
	return n.name == local && n.space == space
}

func splitXName(s string) (space, local string) {
	if strings.HasPrefix(s, "{") {
		if i := strings.IndexByte(s, '}'); i > 0 {
			return s[1:i], s[i+1:]
		}
	}
	return "", s
}

// attribute finds an attribute, nil when there is none.
func (n *xmlNode) attribute(space, name string) *xmlNode {
	for _, a := range n.attrs {
		if a.space == space && a.name == name {
			return a
		}
	}
	return nil
}

// prefix finds the declared prefix of a namespace.
func (n *xmlNode) prefix(space string) string {
	for e := n; e != nil; e = e.parent {
		for _, a := range e.attrs {
			if a.space == xmlnsSpace && a.value == space {
				return a.name + ":"
			}
		}
	}
	if space == xmlSpace {
		return "xml:"
	}
	return ""
}

func xmlBody(doc *xmlNode, want string) any {
	if want == "XElement" {
		root := doc.root()
		root.parent = nil
		return root
	}
	return doc
}

func xmlKind(kinds ...string) func(any) bool {
	return func(v any) bool {
		n, ok := v.(*xmlNode)
		if !ok {
			return false
		}
		for _, k := range kinds {
			if n.kind == k {
				return true
			}
		}
		return false
	}
}

func xmlArray(class string, list []*xmlNode) *Array {
	a := &Array{elem: named("System.Xml.Linq." + class)}
	for _, n := range list {
		a.items = append(a.items, n)
	}
	return a
}

// addXML adds content as XContainer.Add does.
func addXML(f *frame, n *xmlNode, v any) {
	switch x := v.(type) {
	case nil:
	case *xmlNode:
		f.copiesAt(x, 1)
		if x.kind == "attribute" && n.attribute(x.space, x.name) != nil {
			throw("System.InvalidOperationException", "Duplicate attribute.")
		}
		n.add(x)
	case string:
		f.charge(nodeBytes)
		n.addText(x)
	case *Array, *Seq, *orderedSeq:
		each(f, x, func(i any) bool { addXML(f, n, i); return true })
	default:
		f.charge(nodeBytes)
		n.addText(xmlText(v))
	}
}

// addText adds to the text at the end. An empty one only makes that there is
// an end tag.
func (n *xmlNode) addText(s string) {
	list := n.nodes()
	switch {
	case s == "":
		n.open = n.open || len(list) == 0
	case len(list) > 0 && list[len(list)-1].kind == "text":
		list[len(list)-1].value += s
	default:
		n.add(&xmlNode{kind: "text", value: s})
	}
}

// xName is XName or XNamespace: "{namespace}local".
type xName string

// String is the expanded name.
func (x xName) String() string { return string(x) }

func xmlTypes() []typeRow {
	const ns = "System.Xml.Linq."
	sub := func(deep bool) tableFunc {
		return func(f *frame, a []any) any {
			name := ""
			if len(a) > 1 {
				name = ToString(a[1])
			}
			return xmlArray("XElement", a[0].(*xmlNode).elements(f, name, deep))
		}
	}
	element := func(f *frame, a []any) any {
		space, local := splitXName(ToString(a[0]))
		n := &xmlNode{kind: "element", space: space, name: local}
		for _, v := range a[1:] {
			addXML(f, n, v)
		}
		return n
	}
	document := func(f *frame, a []any) any {
		n := &xmlNode{kind: "document"}
		for _, v := range a {
			addXML(f, n, v)
		}
		return n
	}
	value := row{sig: "string Value", get: func(v any) string { return v.(*xmlNode).text() }, set: func(_ *frame, a []any) any {
		n := a[0].(*xmlNode)
		if n.kind != "element" {
			n.value = text(a, 1)
		} else {
			n.clearNodes()
			n.addText(text(a, 1))
		}
		return nil
	}}
	return []typeRow{
		{decl: "class " + ns + "XObject", is: instance[*xmlNode], rows: []row{
			{sig: "XElement Parent", get: func(v any) any {
				p := v.(*xmlNode).parent
				if p == nil || p.kind == "document" {
					return nil
				}
				return p
			}},
			{sig: "XDocument Document", get: func(v any) any { return pointer(v.(*xmlNode).document()) }},
			{sig: "System.Xml.XmlNodeType NodeType", get: func(v any) int64 { return v.(*xmlNode).nodeType() }},
		}},
		{decl: "class " + ns + "XNode : XObject", is: xmlKind("document", "element", "text", "cdata", "comment", "pi", "doctype"), rows: append(nodeRows(), []row{
			{sig: extendedMark + "static XNode ReadFrom(XmlReader r)", get: func(_ *frame, a []any) any {
				r := arg[*xmlReader](a, 0)
				n := r.node()
				r.skip()
				return n.clone()
			}},
			{sig: "void Remove()", get: func(_ *frame, a []any) any { a[0].(*xmlNode).remove(); return nil }},
			{sig: "string ToString(SaveOptions o)", get: func(_ *frame, a []any) any {
				return a[0].(*xmlNode).XML(num(a, 1)&1 == 0)
			}},
		}...)},
		{decl: "enum " + ns + "SaveOptions", enum: "None DisableFormatting OmitDuplicateNamespaces"},
		{decl: "class " + ns + "XContainer : XNode", is: xmlKind("document", "element"), rows: append(containerRows(), []row{
			{sig: "XElement Element(XName name)", get: func(f *frame, a []any) any {
				for _, e := range a[0].(*xmlNode).elements(f, ToString(a[1]), false) {
					return e
				}
				return nil
			}},
			{sig: "IEnumerable<XElement> Elements()", get: sub(false)}, {sig: "IEnumerable<XElement> Elements(XName name)", get: sub(false)},
			{sig: "IEnumerable<XElement> Descendants()", get: sub(true)}, {sig: "IEnumerable<XElement> Descendants(XName name)", get: sub(true)},
			{sig: "IEnumerable<XNode> Nodes()", get: func(v any) any { return xmlArray("XNode", v.(*xmlNode).nodes()) }},
			{sig: "void Add(object? v)", get: func(f *frame, a []any) any { f.charge(128); addXML(f, a[0].(*xmlNode), a[1]); return nil }},
			{sig: "void Add(params object[] v)", get: func(f *frame, a []any) any { f.charge(128); addXML(f, a[0].(*xmlNode), a[1]); return nil }},
		}...)},
		{decl: "class " + ns + "XDocument : XContainer", is: xmlKind("document"), rows: []row{
			{sig: "new()", get: document}, {sig: "new(params object[] v)", get: document},
			{sig: "static XDocument Parse(string s)", get: func(f *frame, a []any) any { return parseXML(f, text(a, 0)) }},
			{sig: extendedMark + "static XDocument Load(XmlReader r)", get: func(f *frame, a []any) any { return arg[*xmlReader](a, 0).doc }},
			{sig: "new(XDeclaration d, params object[] v)", get: func(f *frame, a []any) any {
				n := document(f, a[1:]).(*xmlNode)
				n.decl, _ = a[0].(*xmlDeclaration)
				return n
			}},
			{sig: "XDeclaration Declaration", get: func(v any) any { return pointer(v.(*xmlNode).decl) }, set: func(_ *frame, a []any) any {
				a[0].(*xmlNode).decl, _ = a[1].(*xmlDeclaration)
				return nil
			}},
			{sig: "XDocumentType DocumentType", get: func(v any) any { return pointer(v.(*xmlNode).child("doctype")) }},
			{sig: "XElement Root", get: func(v any) any { return pointer(v.(*xmlNode).root()) }},
		}},
		{decl: "class " + ns + "XElement : XContainer", is: xmlKind("element"), rows: append([]row{
			{sig: "new(XName name)", get: element}, {sig: "new(XName name, object? v)", get: element}, {sig: "new(XName name, params object[] v)", get: element},
			{sig: "static XElement Parse(string s)", get: func(f *frame, a []any) any { return xmlBody(parseXML(f, text(a, 0)), "XElement") }},
			value, {sig: "XName Name", get: xmlName, set: setXMLName},
			{sig: "XAttribute Attribute(XName name)", get: func(_ *frame, a []any) any {
				for _, x := range a[0].(*xmlNode).attrs {
					if x.named(ToString(a[1])) {
						return x
					}
				}
				return nil
			}},
			{sig: "IEnumerable<XAttribute> Attributes()", get: func(v any) any { return xmlArray("XAttribute", v.(*xmlNode).attrs) }},
			{sig: "bool HasElements", get: func(v any) bool { return v.(*xmlNode).root() != nil }},
			{sig: "bool HasAttributes", get: func(v any) bool { return len(v.(*xmlNode).attrs) > 0 }},
			{sig: "bool IsEmpty", get: func(v any) bool { n := v.(*xmlNode); return len(n.nodes()) == 0 && !n.open }},
			{sig: "void SetAttributeValue(XName name, object? v)", get: setAttribute},
			{sig: "void SetElementValue(XName name, object? v)", get: func(f *frame, a []any) any {
				n := a[0].(*xmlNode)
				for _, e := range n.elements(f, ToString(a[1]), false) {
					e.remove()
				}
				if a[2] != nil {
					n.add(element(f, a[1:]).(*xmlNode))
				}
				return nil
			}},
		}, append(elementRows(), xmlConversions("XElement")...)...)},
		{decl: "class " + ns + "XAttribute : XObject", is: xmlKind("attribute"), rows: append([]row{
			{sig: "new(XName name, object v)", get: func(_ *frame, a []any) any {
				space, local := splitXName(ToString(a[0]))
				return &xmlNode{kind: "attribute", space: space, name: local, value: xmlText(a[1])}
			}}, value, {sig: "XName Name", get: xmlName},
			{sig: "void Remove()", get: func(_ *frame, a []any) any { a[0].(*xmlNode).remove(); return nil }},
		}, append(attributeRows(), xmlConversions("XAttribute")...)...)},
		{decl: "class " + ns + "XText : XNode", is: xmlKind("text", "cdata"), rows: []row{{sig: "new(string s)", get: func(_ *frame, a []any) any { return &xmlNode{kind: "text", value: text(a, 0)} }}, value}},
		{decl: "class " + ns + "XComment : XNode", is: xmlKind("comment"), rows: []row{{sig: "new(string s)", get: func(_ *frame, a []any) any { return &xmlNode{kind: "comment", value: text(a, 0)} }}, value}},
		{decl: "class " + ns + "XName", is: instance[xName], rows: []row{
			{sig: "static implicit XName(string s)", get: func(_ *frame, a []any) any { return checkedName(text(a, 0)) }},
			{sig: "static XName Get(string s)", get: func(_ *frame, a []any) any { return checkedName(text(a, 0)) }},
			{sig: "string LocalName", get: func(v any) string { _, l := splitXName(string(v.(xName))); return l }},
			{sig: "string NamespaceName", get: func(v any) string { s, _ := splitXName(string(v.(xName))); return s }},
			{sig: "XNamespace Namespace", get: func(v any) any { s, _ := splitXName(string(v.(xName))); return xSpace(s) }},
			{sig: "static XName Get(string local, string space)", get: func(_ *frame, a []any) any { return checkedName(string(expandedName(text(a, 1), text(a, 0)))) }},
			{sig: "static bool op_==(XName? a, XName? b)", get: func(_ *frame, a []any) any { return a[0] == a[1] }},
		}},
		{decl: "class " + ns + "XNamespace", is: instance[xSpace], rows: []row{
			{sig: "static implicit XNamespace(string s)", get: func(_ *frame, a []any) any { return xSpace(text(a, 0)) }},
			{sig: "static XNamespace Get(string s)", get: func(_ *frame, a []any) any { return xSpace(text(a, 0)) }},
			{sig: "static XNamespace None", get: fixedValue(xSpace(""))},
			{sig: "static XNamespace Xml", get: fixedValue(xSpace(xmlSpace))},
			{sig: "static XNamespace Xmlns", get: fixedValue(xSpace(xmlnsSpace))},
			{sig: "string NamespaceName", get: func(v any) string { return string(v.(xSpace)) }},
			{sig: "XName GetName(string s)", get: func(_ *frame, a []any) any {
				return checkedName(string(expandedName(string(a[0].(xSpace)), text(a, 1))))
			}},
			{sig: "static bool op_==(XNamespace? a, XNamespace? b)", get: func(_ *frame, a []any) any { return a[0] == a[1] }},
			{sig: "static XName op_+(XNamespace n, string s)", get: func(_ *frame, a []any) any {
				return checkedName(string(expandedName(string(a[0].(xSpace)), text(a, 1))))
			}},
		}},
	}
}

// xSpace is XNamespace.
type xSpace string

// String is the namespace name.
func (x xSpace) String() string { return string(x) }

func xmlName(v any) any {
	n := v.(*xmlNode)
	return expandedName(n.space, n.name)
}

// checkedName is a name that an element may have.
func checkedName(s string) xName {
	_, local := splitXName(s)
	checkName(local)
	return xName(s)
}

func expandedName(space, local string) xName {
	if space == "" {
		return xName(local)
	}
	return xName("{" + space + "}" + local)
}

func (n *xmlNode) remove() {
	p := n.parent
	if p == nil {
		throw("System.InvalidOperationException", "The parent is missing.")
	}
	drop := func(list []*xmlNode) []*xmlNode {
		var out []*xmlNode
		for _, c := range list {
			if c != n {
				out = append(out, c)
			}
		}
		return out
	}
	p.children, p.attrs, n.parent = drop(p.nodes()), drop(p.attrs), nil
	if n.kind != "attribute" && len(p.children) == 0 {
		p.open = false
	}
}

func setAttribute(_ *frame, a []any) any {
	n, name := a[0].(*xmlNode), ToString(a[1])
	for _, x := range n.attrs {
		if x.named(name) {
			if a[2] == nil {
				x.remove()
			} else {
				x.value = xmlText(a[2])
			}
			return nil
		}
	}
	if a[2] != nil {
		space, local := splitXName(name)
		n.add(&xmlNode{kind: "attribute", space: space, name: local, value: xmlText(a[2])})
	}
	return nil
}

// xmlConversions are the explicit conversions of elements and attributes.
func xmlConversions(class string) []row {
	var rows []row
	for _, w := range []string{"string", "int", "long", "bool", "double", "decimal", "float", "uint", "ulong", "DateTime", "DateTimeOffset", "TimeSpan", "Guid"} {
		get := func(_ *frame, a []any) any {
			n, _ := a[0].(*xmlNode)
			if n == nil {
				return tokenTo(nil, typeNamed(w))
			}
			return xmlValue(n.text(), typeNamed(w))
		}
		rows = append(rows, row{sig: "static explicit " + w + "(" + class + "? e)", get: get})
		if w == "string" {
			continue
		}
		rows = append(rows, row{sig: "static explicit " + w + "?(" + class + "? e)", get: func(f *frame, a []any) any {
			if n, _ := a[0].(*xmlNode); n == nil {
				return nil
			}
			return get(f, a)
		}})
	}
	return rows
}
