package expr

import (
	"slices"
	"strings"
)

// The rest of System.Xml.Linq: moving around in a tree, changing it in place,
// and the node types beside elements, attributes and texts.

// xmlDeclaration is XDeclaration.
type xmlDeclaration struct{ version, encoding, standalone string }

// String is the declaration as it stands at the top of a document.
func (d *xmlDeclaration) String() string {
	s := `<?xml version="` + d.version + `"`
	if d.encoding != "" {
		s += ` encoding="` + d.encoding + `"`
	}
	if d.standalone != "" {
		s += ` standalone="` + d.standalone + `"`
	}
	return s + "?>"
}

func (n *xmlNode) document() *xmlNode {
	for n.parent != nil {
		n = n.parent
	}
	if n.kind != "document" {
		return nil
	}
	return n
}

func (n *xmlNode) child(kind string) *xmlNode {
	for _, c := range n.nodes() {
		if c.kind == kind {
			return c
		}
	}
	return nil
}

// nodeType is the number of the XmlNodeType.
func (n *xmlNode) nodeType() int64 {
	switch n.kind {
	case "element":
		return 1
	case "attribute":
		return 2
	case "text":
		return 3
	case "cdata":
		return 4
	case "pi":
		return 7
	case "comment":
		return 8
	case "document":
		return 9
	case "doctype":
		return 10
	}
	return 0
}

// place is the node's position among its parent's children, -1 without one.
func (n *xmlNode) place() int {
	if n.parent == nil {
		return -1
	}
	return slices.Index(n.parent.nodes(), n)
}

func (n *xmlNode) beside(step int) any {
	if i := n.place(); i >= 0 && i+step >= 0 && i+step < len(n.parent.nodes()) {
		return n.parent.nodes()[i+step]
	}
	return nil
}

// around gives the siblings after or before a node, elements of a name only or
// all nodes.
func (n *xmlNode) around(after, elements bool, name string) []*xmlNode {
	i := n.place()
	if i < 0 {
		return nil
	}
	list := n.parent.nodes()[:i]
	if after {
		list = n.parent.nodes()[i+1:]
	}
	var out []*xmlNode
	for _, c := range list {
		if !elements || c.kind == "element" && c.named(name) {
			out = append(out, c)
		}
	}
	return out
}

func (n *xmlNode) ancestors(name string, self bool) []*xmlNode {
	var out []*xmlNode
	if !self {
		n = n.parent
	}
	for ; n != nil && n.kind == "element"; n = n.parent {
		if n.named(name) {
			out = append(out, n)
		}
	}
	return out
}

// descend gives all nodes below one, in document order.
func (n *xmlNode) descend(f *frame) []*xmlNode {
	var out []*xmlNode
	for _, c := range n.nodes() {
		f.step(1)
		out = append(append(out, c), c.descend(f)...)
	}
	return out
}

// insert puts content at a place among the children.
func (n *xmlNode) insert(f *frame, at int, v any) {
	f.charge(128)
	holder := &xmlNode{kind: n.kind}
	addXML(f, holder, v)
	n.open = n.open || holder.open
	for _, c := range holder.nodes() {
		c.parent = n
	}
	n.children = slices.Insert(n.nodes(), at, holder.nodes()...)
	for _, a := range holder.attrs {
		a.parent = n
		n.attrs = append(n.attrs, a)
	}
}

func (n *xmlNode) mustStand() {
	if n.place() < 0 {
		throw("System.InvalidOperationException", "The parent is missing.")
	}
}

func optionalName(a []any) string {
	if len(a) > 1 {
		return ToString(a[1])
	}
	return ""
}

// both makes the rows of a method with and without a name.
func both(sig string, get tableFunc) []row {
	return []row{{sig: sig + "()", get: get}, {sig: sig + "(XName name)", get: get}}
}

func nodeRows() []row {
	rows := []row{
		{sig: "XNode NextNode", get: func(v any) any { return v.(*xmlNode).beside(1) }},
		{sig: "XNode PreviousNode", get: func(v any) any { return v.(*xmlNode).beside(-1) }},
		{sig: "IEnumerable<XNode> NodesAfterSelf()", get: func(_ *frame, a []any) any { return xmlArray("XNode", a[0].(*xmlNode).around(true, false, "")) }},
		{sig: "IEnumerable<XNode> NodesBeforeSelf()", get: func(_ *frame, a []any) any { return xmlArray("XNode", a[0].(*xmlNode).around(false, false, "")) }},
		{sig: "static bool DeepEquals(XNode? a, XNode? b)", get: func(f *frame, a []any) any { return equalXML(f, a[0], a[1]) }},
		{sig: "bool IsAfter(XNode o)", get: func(f *frame, a []any) any { return orderXML(f, a[0].(*xmlNode), arg[*xmlNode](a, 1)) > 0 }},
		{sig: "bool IsBefore(XNode o)", get: func(f *frame, a []any) any { return orderXML(f, a[0].(*xmlNode), arg[*xmlNode](a, 1)) < 0 }},
	}
	rows = append(rows, both("IEnumerable<XElement> ElementsAfterSelf", func(_ *frame, a []any) any {
		return xmlArray("XElement", a[0].(*xmlNode).around(true, true, optionalName(a)))
	})...)
	rows = append(rows, both("IEnumerable<XElement> ElementsBeforeSelf", func(_ *frame, a []any) any {
		return xmlArray("XElement", a[0].(*xmlNode).around(false, true, optionalName(a)))
	})...)
	rows = append(rows, both("IEnumerable<XElement> Ancestors", func(_ *frame, a []any) any {
		return xmlArray("XElement", a[0].(*xmlNode).ancestors(optionalName(a), false))
	})...)
	for _, params := range []string{"(object? v)", "(params object[] v)"} {
		rows = append(rows,
			row{sig: "void AddAfterSelf" + params, get: func(f *frame, a []any) any {
				n := a[0].(*xmlNode)
				n.mustStand()
				n.parent.insert(f, n.place()+1, a[1])
				return nil
			}},
			row{sig: "void AddBeforeSelf" + params, get: func(f *frame, a []any) any {
				n := a[0].(*xmlNode)
				n.mustStand()
				n.parent.insert(f, n.place(), a[1])
				return nil
			}},
			row{sig: "void ReplaceWith" + params, get: func(f *frame, a []any) any {
				n := a[0].(*xmlNode)
				n.mustStand()
				p, i := n.parent, n.place()
				n.remove()
				p.insert(f, i, a[1])
				return nil
			}})
	}
	return rows
}

func containerRows() []row {
	end := func(last bool) func(any) any {
		return func(v any) any {
			list := v.(*xmlNode).nodes()
			switch {
			case len(list) == 0:
				return nil
			case last:
				return list[len(list)-1]
			}
			return list[0]
		}
	}
	rows := []row{
		{sig: "XNode FirstNode", get: end(false)}, {sig: "XNode LastNode", get: end(true)},
		{sig: "IEnumerable<XNode> DescendantNodes()", get: func(f *frame, a []any) any { return xmlArray("XNode", a[0].(*xmlNode).descend(f)) }},
		{sig: "void RemoveNodes()", get: func(_ *frame, a []any) any { a[0].(*xmlNode).clearNodes(); return nil }},
	}
	for _, params := range []string{"(object? v)", "(params object[] v)"} {
		rows = append(rows,
			row{sig: "void AddFirst" + params, get: func(f *frame, a []any) any { a[0].(*xmlNode).insert(f, 0, a[1]); return nil }},
			row{sig: "void ReplaceNodes" + params, get: func(f *frame, a []any) any {
				n := a[0].(*xmlNode)
				n.clearNodes()
				n.insert(f, 0, a[1])
				return nil
			}})
	}
	return rows
}

func (n *xmlNode) clearNodes() {
	for _, c := range n.nodes() {
		c.parent = nil
	}
	n.children, n.open = nil, false
}

func (n *xmlNode) clearAttributes() {
	for _, a := range n.attrs {
		a.parent = nil
	}
	n.attrs = nil
}

func setXMLName(_ *frame, a []any) any {
	n := a[0].(*xmlNode)
	n.space, n.name = splitXName(ToString(a[1]))
	return nil
}

func setXMLValue(_ *frame, a []any) any {
	n, value := a[0].(*xmlNode), xmlText(notNull(a[1]))
	if n.kind == "attribute" {
		n.value = value
		return nil
	}
	n.clearNodes()
	n.addText(value)
	return nil
}

func elementRows() []row {
	edge := func(last bool) func(any) any {
		return func(v any) any {
			list := v.(*xmlNode).attrs
			switch {
			case len(list) == 0:
				return nil
			case last:
				return list[len(list)-1]
			}
			return list[0]
		}
	}
	rows := []row{
		{sig: "new(XElement e)", get: func(f *frame, a []any) any { f.copiesAt(a[0], 1); return arg[*xmlNode](a, 0).clone() }},
		{sig: "static IEnumerable<XElement> EmptySequence", get: func(*frame) any { return xmlArray("XElement", nil) }},
		{sig: "XAttribute FirstAttribute", get: edge(false)}, {sig: "XAttribute LastAttribute", get: edge(true)},
		{sig: "IEnumerable<XAttribute> Attributes(XName name)", get: func(_ *frame, a []any) any {
			var out []*xmlNode
			for _, x := range a[0].(*xmlNode).attrs {
				if x.named(ToString(a[1])) {
					out = append(out, x)
				}
			}
			return xmlArray("XAttribute", out)
		}},
		{sig: "void RemoveAttributes()", get: func(_ *frame, a []any) any { a[0].(*xmlNode).clearAttributes(); return nil }},
		{sig: "void RemoveAll()", get: func(_ *frame, a []any) any {
			a[0].(*xmlNode).clearAttributes()
			a[0].(*xmlNode).clearNodes()
			return nil
		}},
		{sig: "void SetValue(object v)", get: setXMLValue},
		{sig: "IEnumerable<XNode> DescendantNodesAndSelf()", get: func(f *frame, a []any) any {
			n := a[0].(*xmlNode)
			return xmlArray("XNode", append([]*xmlNode{n}, n.descend(f)...))
		}},
		{sig: "XNamespace GetDefaultNamespace()", get: func(_ *frame, a []any) any { return xSpace(a[0].(*xmlNode).declared("", "xmlns")) }},
		{sig: "XNamespace GetNamespaceOfPrefix(string p)", get: func(_ *frame, a []any) any {
			if s := a[0].(*xmlNode).declared(xmlnsSpace, text(a, 1)); s != "" {
				return xSpace(s)
			}
			return nil
		}},
		{sig: "string GetPrefixOfNamespace(XNamespace n)", get: func(_ *frame, a []any) any {
			if p := a[0].(*xmlNode).prefix(ToString(a[1])); p != "" {
				return strings.TrimSuffix(p, ":")
			}
			return nil
		}},
	}
	rows = append(rows, both("IEnumerable<XElement> AncestorsAndSelf", func(_ *frame, a []any) any {
		return xmlArray("XElement", a[0].(*xmlNode).ancestors(optionalName(a), true))
	})...)
	rows = append(rows, both("IEnumerable<XElement> DescendantsAndSelf", func(f *frame, a []any) any {
		n, name := a[0].(*xmlNode), optionalName(a)
		var out []*xmlNode
		if n.named(name) {
			out = append(out, n)
		}
		return xmlArray("XElement", append(out, n.elements(f, name, true)...))
	})...)
	for _, params := range []string{"(object? v)", "(params object[] v)"} {
		rows = append(rows,
			row{sig: "void ReplaceAll" + params, get: func(f *frame, a []any) any {
				n := a[0].(*xmlNode)
				n.clearAttributes()
				n.clearNodes()
				n.insert(f, 0, a[1])
				return nil
			}},
			row{sig: "void ReplaceAttributes" + params, get: func(f *frame, a []any) any {
				n := a[0].(*xmlNode)
				n.clearAttributes()
				n.insert(f, 0, a[1])
				return nil
			}})
	}
	return rows
}

// declared is the namespace that a prefix or the default stands for here.
func (n *xmlNode) declared(space, name string) string {
	for ; n != nil; n = n.parent {
		for _, a := range n.attrs {
			if a.space == space && a.name == name {
				return a.value
			}
		}
	}
	return ""
}

func attributeRows() []row {
	step := func(by int) func(any) any {
		return func(v any) any {
			n := v.(*xmlNode)
			if n.parent == nil {
				return nil
			}
			if i := slices.Index(n.parent.attrs, n) + by; i >= 0 && i < len(n.parent.attrs) {
				return n.parent.attrs[i]
			}
			return nil
		}
	}
	return []row{
		{sig: "static IEnumerable<XAttribute> EmptySequence", get: func(*frame) any { return xmlArray("XAttribute", nil) }},
		{sig: "bool IsNamespaceDeclaration", get: func(v any) bool {
			n := v.(*xmlNode)
			return n.space == xmlnsSpace || n.space == "" && n.name == "xmlns"
		}},
		{sig: "XAttribute NextAttribute", get: step(1)}, {sig: "XAttribute PreviousAttribute", get: step(-1)},
		{sig: "void SetValue(object v)", get: setXMLValue},
	}
}

// equalXML is XNode.DeepEquals.
func equalXML(f *frame, a, b any) bool {
	x, _ := a.(*xmlNode)
	y, _ := b.(*xmlNode)
	if x == nil || y == nil {
		return x == y
	}
	f.step(1)
	if x.kind != y.kind || x.space != y.space || x.name != y.name || len(x.attrs) != len(y.attrs) || len(x.nodes()) != len(y.nodes()) {
		return false
	}
	if x.kind != "element" && x.kind != "document" && x.value != y.value {
		return false
	}
	for i := range x.attrs {
		if x.attrs[i].name != y.attrs[i].name || x.attrs[i].space != y.attrs[i].space || x.attrs[i].value != y.attrs[i].value {
			return false
		}
	}
	for i := range x.nodes() {
		if !equalXML(f, x.nodes()[i], y.nodes()[i]) {
			return false
		}
	}
	return true
}

// orderXML compares the places of two nodes of one tree.
func orderXML(f *frame, a, b *xmlNode) int {
	if a == b {
		return 0
	}
	top := a
	for top.parent != nil {
		top = top.parent
	}
	list := append([]*xmlNode{top}, top.descend(f)...)
	i, j := slices.Index(list, a), slices.Index(list, b)
	if i < 0 || j < 0 {
		throw("System.InvalidOperationException", "A common ancestor is missing.")
	}
	return i - j
}

type xmlOrder struct{}

type xmlEquality struct{}

func linqXMLTypes() []typeRow {
	const ns = "System.Xml.Linq."
	out := []typeRow{
		{decl: "enum System.Xml.XmlNodeType", enum: "None=0 Element=1 Attribute=2 Text=3 CDATA=4 EntityReference=5 Entity=6 ProcessingInstruction=7 Comment=8 Document=9 DocumentType=10 DocumentFragment=11 Notation=12 Whitespace=13 SignificantWhitespace=14 EndElement=15 EndEntity=16 XmlDeclaration=17"},
		{decl: "class " + ns + "XCData : XText", is: xmlKind("cdata"), rows: []row{
			{sig: "new(string s)", get: func(_ *frame, a []any) any { return &xmlNode{kind: "cdata", value: text(a, 0)} }},
		}},
		{decl: "class " + ns + "XProcessingInstruction : XNode", is: xmlKind("pi"), rows: []row{
			{sig: "new(string target, string data)", get: func(_ *frame, a []any) any { return &xmlNode{kind: "pi", name: text(a, 0), value: text(a, 1)} }},
			{sig: "string Target", get: func(v any) string { return v.(*xmlNode).name }},
			{sig: "string Data", get: func(v any) string { return v.(*xmlNode).value }},
		}},
		{decl: "class " + ns + "XDocumentType : XNode", is: xmlKind("doctype"), rows: []row{
			{sig: "new(string name, string? publicId, string? systemId, string? subset)", get: newDocumentType},
			{sig: "string Name", get: func(v any) string { return strings.Fields(v.(*xmlNode).value + " ")[0] }},
		}},
		{decl: "class " + ns + "XDeclaration", is: instance[*xmlDeclaration], rows: []row{
			{sig: "new(string? version, string? encoding, string? standalone)", get: func(_ *frame, a []any) any {
				return &xmlDeclaration{text(a, 0), text(a, 1), text(a, 2)}
			}},
			{sig: "string Version", get: func(v any) string { return v.(*xmlDeclaration).version }},
			{sig: "string Encoding", get: func(v any) string { return v.(*xmlDeclaration).encoding }},
			{sig: "string Standalone", get: func(v any) string { return v.(*xmlDeclaration).standalone }},
		}},
		{decl: "class " + ns + "XNodeDocumentOrderComparer : IComparer<XNode>", is: instance[xmlOrder], rows: []row{
			{sig: "new()", get: func(*frame, []any) any { return xmlOrder{} }},
			{sig: "int Compare(XNode a, XNode b)", get: func(f *frame, a []any) any {
				return int32(orderXML(f, arg[*xmlNode](a, 1), arg[*xmlNode](a, 2)))
			}},
		}},
		{decl: "class " + ns + "XNodeEqualityComparer", is: instance[xmlEquality], rows: []row{
			{sig: "new()", get: func(*frame, []any) any { return xmlEquality{} }},
			{sig: "bool Equals(XNode? a, XNode? b)", get: func(f *frame, a []any) any { return equalXML(f, a[1], a[2]) }},
			{sig: "int GetHashCode(XNode n)", get: func(_ *frame, a []any) any { return int32(hashCode(a[1])) }},
		}},
		{decl: "static " + ns + "Extensions", rows: sequenceRows()},
	}
	return out
}

func newDocumentType(_ *frame, a []any) any {
	s := text(a, 0)
	switch {
	case a[1] != nil:
		s += ` PUBLIC "` + text(a, 1) + `" "` + text(a, 2) + `"`
	case a[2] != nil:
		s += ` SYSTEM "` + text(a, 2) + `"`
	}
	if text(a, 3) != "" {
		s += " [" + text(a, 3) + "]"
	}
	return &xmlNode{kind: "doctype", value: s}
}

// sequenceRows are the extension methods on sequences of nodes.
func sequenceRows() []row {
	flat := func(class string, pick func(f *frame, n *xmlNode, name string) []*xmlNode) tableFunc {
		return func(f *frame, a []any) any {
			var out []*xmlNode
			each(f, notNull(a[0]), func(v any) bool {
				if n, ok := v.(*xmlNode); ok {
					out = append(out, pick(f, n, optionalName(a))...)
				}
				return true
			})
			f.charge(len(out) * 16)
			return xmlArray(class, out)
		}
	}
	attributes := func(_ *frame, n *xmlNode, name string) []*xmlNode {
		var out []*xmlNode
		for _, x := range n.attrs {
			if x.named(name) {
				out = append(out, x)
			}
		}
		return out
	}
	var rows []row
	add := func(result, name, of string, get tableFunc) {
		rows = append(rows, row{sig: "static IEnumerable<" + result + "> " + name + "(this IEnumerable<" + of + "> v)", get: get},
			row{sig: "static IEnumerable<" + result + "> " + name + "(this IEnumerable<" + of + "> v, XName name)", get: get})
	}
	for _, of := range []string{"XElement", "XDocument"} {
		add("XElement", "Elements", of, flat("XElement", func(f *frame, n *xmlNode, name string) []*xmlNode { return n.elements(f, name, false) }))
		add("XElement", "Descendants", of, flat("XElement", func(f *frame, n *xmlNode, name string) []*xmlNode { return n.elements(f, name, true) }))
	}
	add("XAttribute", "Attributes", "XElement", flat("XAttribute", attributes))
	add("XElement", "Ancestors", "XNode", flat("XElement", func(_ *frame, n *xmlNode, name string) []*xmlNode { return n.ancestors(name, false) }))
	rows = append(rows,
		row{sig: "static IEnumerable<XNode> Nodes(this IEnumerable<XElement> v)", get: flat("XNode", func(_ *frame, n *xmlNode, _ string) []*xmlNode { return n.nodes() })},
		row{sig: "static IEnumerable<XNode> DescendantNodes(this IEnumerable<XElement> v)", get: flat("XNode", func(f *frame, n *xmlNode, _ string) []*xmlNode { return n.descend(f) })})
	remove := func(f *frame, a []any) any {
		for _, v := range collect(f, notNull(a[0])) {
			v.(*xmlNode).remove()
		}
		return nil
	}
	for _, of := range []string{"XNode", "XElement", "XAttribute"} {
		rows = append(rows, row{sig: "static void Remove(this IEnumerable<" + of + "> v)", get: remove})
	}
	return rows
}
