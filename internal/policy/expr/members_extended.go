package expr

import "strings"

// extendedTypes are types outside the documented list that published policies use.
func extendedTypes() []typeRow {
	load := func(f *frame, a []any) any { a[0].(*xmlHolder).n = parseXML(f, text(a, 1)); return nil }
	one := func(f *frame, a []any) any {
		for _, n := range selectXML(f, xmlOf(a[0]), text(a, 1)) {
			return &xmlHolder{n}
		}
		return nil
	}
	many := func(f *frame, a []any) any {
		out := &Array{elem: named("System.Xml.XmlNode")}
		for _, n := range selectXML(f, xmlOf(a[0]), text(a, 1)) {
			out.items = append(out.items, &xmlHolder{n})
		}
		return out
	}
	return []typeRow{
		{decl: "class System.Xml.XmlNode", extended: true, is: instance[*xmlHolder], rows: []row{
			{sig: "string InnerText", get: func(v any) string { return xmlOf(v).text() }},
			{sig: "string Value", get: func(v any) string { return xmlOf(v).text() }},
			{sig: "string Name", get: func(v any) string { return xmlOf(v).qualifiedName() }}, {sig: "string LocalName", get: func(v any) string { return xmlOf(v).name }},
			{sig: "string OuterXml", get: func(v any) string { return xmlOf(v).XML(false) }},
			{sig: "string InnerXml", get: func(v any) string { return xmlOf(v).inner() }},
			{sig: "XmlNode SelectSingleNode(string path)", get: one},
			{sig: "IReadOnlyList<XmlNode> SelectNodes(string path)", get: many},
			{sig: "IReadOnlyList<XmlNode> ChildNodes", get: func(v any) any {
				out := &Array{elem: named("System.Xml.XmlNode")}
				for _, n := range xmlOf(v).nodes() {
					out.items = append(out.items, &xmlHolder{n})
				}
				return out
			}},
		}},
		{decl: "class System.Xml.XmlElement : XmlNode", extended: true, is: instance[*xmlHolder], rows: []row{
			{sig: "string GetAttribute(string name)", get: func(_ *frame, a []any) any {
				for _, x := range xmlOf(a[0]).attrs {
					if x.qualifiedName() == text(a, 1) {
						return x.value
					}
				}
				return ""
			}},
		}},
		{decl: "class System.Xml.XmlDocument : XmlNode", extended: true, is: instance[*xmlHolder], rows: []row{
			{sig: "new()", get: func(*frame, []any) any { return &xmlHolder{&xmlNode{kind: "document"}} }},
			{sig: "void LoadXml(string s)", get: load},
			{sig: "XmlElement DocumentElement", get: func(v any) any {
				r := xmlOf(v).root()
				if r == nil {
					return nil
				}
				return &xmlHolder{r}
			}},
		}},
		{decl: "class System.Xml.XmlReader : IDisposable", extended: true, is: instance[*xmlReader], rows: []row{
			{sig: "static XmlReader Create(TextReader r)", get: func(f *frame, a []any) any { return newXMLReader(f, arg[*reader](a, 0).rest) }},
			{sig: "bool Read()", get: func(_ *frame, a []any) any { return a[0].(*xmlReader).move(1) }},
			{sig: "XmlNodeType MoveToContent()", get: func(_ *frame, a []any) any {
				r := a[0].(*xmlReader)
				r.move(0)
				return Enum{types().full["System.Xml.XmlNodeType"], r.kind()}
			}},
			{sig: "XmlNodeType NodeType", get: func(v any) int64 { return v.(*xmlReader).kind() }},
			{sig: "bool EOF", get: func(v any) bool { r := v.(*xmlReader); return r.i >= len(r.events) }},
			{sig: "string Name", get: func(v any) string { return v.(*xmlReader).node().qualifiedName() }},
			{sig: "string LocalName", get: func(v any) string { return v.(*xmlReader).node().name }},
			{sig: "string Value", get: func(v any) string { return v.(*xmlReader).node().value }},
			{sig: "bool IsStartElement()", get: func(_ *frame, a []any) any { return a[0].(*xmlReader).kind() == 1 }},
			{sig: "bool ReadToFollowing(string name)", get: func(_ *frame, a []any) any {
				r := a[0].(*xmlReader)
				for r.move(1) {
					if r.kind() == 1 && r.node().qualifiedName() == text(a, 1) {
						return true
					}
				}
				return false
			}},
			{sig: "string ReadElementContentAsString()", get: func(_ *frame, a []any) any { r := a[0].(*xmlReader); n := r.node(); r.skip(); return n.text() }},
			{sig: "string ReadInnerXml()", get: func(_ *frame, a []any) any { r := a[0].(*xmlReader); n := r.node(); r.skip(); return n.inner() }},
			{sig: "string GetAttribute(string name)", get: func(_ *frame, a []any) any {
				for _, x := range a[0].(*xmlReader).node().attrs {
					if x.qualifiedName() == text(a, 1) {
						return x.value
					}
				}
				return nil
			}},
		}},
		{decl: "class System.Security.Cryptography.RSACng : RSA", extended: true, is: instance[*rsaKey], rows: []row{{sig: "new()", get: func(*frame, []any) any { return newRSA(rsaBits) }}}},
	}
}

// xmlHolder is an XmlNode: a document keeps its identity when it loads.
type xmlHolder struct{ n *xmlNode }

// inner is the XML of the children.
func (n *xmlNode) inner() string {
	var b strings.Builder
	for _, c := range n.nodes() {
		b.WriteString(c.XML(false))
	}
	return b.String()
}

// xmlReader walks over the starts and ends of a parsed document.
type xmlReader struct {
	doc    *xmlNode
	events []xmlEvent
	i      int
}

type xmlEvent struct {
	n   *xmlNode
	end bool
}

func newXMLReader(f *frame, s string) *xmlReader {
	r := &xmlReader{doc: parseXML(f, s), i: -1}
	r.visit(r.doc)
	return r
}

func (r *xmlReader) visit(n *xmlNode) {
	for _, c := range n.nodes() {
		r.events = append(r.events, xmlEvent{n: c})
		if c.kind == "element" {
			r.visit(c)
			if len(c.nodes()) > 0 || c.open {
				r.events = append(r.events, xmlEvent{c, true})
			}
		}
	}
}

// move goes n nodes on, at least to the first one.
func (r *xmlReader) move(n int) bool {
	r.i = max(r.i+n, 0)
	return r.i < len(r.events)
}

func (r *xmlReader) node() *xmlNode {
	if r.i < 0 || r.i >= len(r.events) {
		return &xmlNode{}
	}
	return r.events[r.i].n
}

// kind is the number of the XmlNodeType.
func (r *xmlReader) kind() int64 {
	switch n := r.node(); {
	case n.kind == "element" && r.events[r.i].end:
		return 15
	case n.kind == "element":
		return 1
	case n.kind == "text":
		return 3
	case n.kind == "cdata":
		return 4
	case n.kind == "comment":
		return 8
	}
	return 0
}

// skip goes behind the current node.
func (r *xmlReader) skip() {
	n := r.node()
	for r.move(1) {
		if e := r.events[r.i]; len(n.nodes()) == 0 && !n.open || n.kind != "element" || e.end && e.n == n {
			break
		}
	}
	if (len(n.nodes()) > 0 || n.open) && n.kind == "element" {
		r.move(1)
	}
}

func xmlOf(v any) *xmlNode { return v.(*xmlHolder).n }

// selectXML evaluates the simple part of XPath: /a/b, //a, ., *, @attribute, text().
func selectXML(f *frame, n *xmlNode, path string) []*xmlNode {
	now := []*xmlNode{n}
	if strings.HasPrefix(path, "/") {
		for now[0].parent != nil {
			now[0] = now[0].parent
		}
	}
	deep := false
	for i, step := range strings.Split(path, "/") {
		if step == "" {
			deep = i > 0
			continue
		}
		if step == "." {
			continue
		}
		var next []*xmlNode
		for _, x := range now {
			next = append(next, xmlStep(f, x, step, deep)...)
		}
		now, deep = next, false
	}
	return now
}

func xmlStep(f *frame, n *xmlNode, step string, deep bool) []*xmlNode {
	var out []*xmlNode
	switch {
	case strings.HasPrefix(step, "@"):
		for _, a := range n.attrs {
			if a.name == step[1:] {
				out = append(out, a)
			}
		}
		return out
	case step == "text()":
		for _, c := range n.nodes() {
			if c.kind == "text" || c.kind == "cdata" {
				out = append(out, c)
			}
		}
		return out
	case step == "*":
		return n.elements(f, "", deep)
	case strings.ContainsAny(step, "[(:|"):
		throw("System.Xml.XPath.XPathException", "The step '%s' of the path is not supported.", step)
	}
	return n.elements(f, step, deep)
}
