package expr

import (
	"strconv"
	"strings"
)

// xmlWriter writes nodes as LINQ to XML does: a name gets the prefix that the
// tree declares for its namespace, and one that nothing declares is declared.
type xmlWriter struct {
	b        strings.Builder
	indented bool
	declared []xmlPrefix // by xmlns attributes of the open elements
	written  []xmlPrefix // what stands in the text so far
}

type xmlPrefix struct {
	prefix, space string
	pending       bool // to be written at the end of the start tag
}

// XML is the text of the node.
func (n *xmlNode) XML(indented bool) string {
	w := &xmlWriter{indented: indented}
	for e := n.parent; e != nil; e = e.parent {
		w.declared = append(declarations(e), w.declared...)
	}
	if n.kind == "attribute" {
		w.attribute(n)
		return strings.TrimPrefix(w.b.String(), " ")
	}
	w.node(n, 0, false)
	return w.b.String()
}

// String is ToString(): indented XML.
func (n *xmlNode) String() string { return n.XML(true) }

// qualifiedName is the name with the prefix that is declared for it.
func (n *xmlNode) qualifiedName() string {
	prefix := n.prefix(n.space)
	if n.kind == "element" && n.declared("", "xmlns") == n.space {
		prefix = ""
	}
	return prefix + n.name
}

// declarations are the prefixes that an element declares.
func declarations(e *xmlNode) []xmlPrefix {
	var out []xmlPrefix
	for _, a := range e.attrs {
		switch {
		case a.space == xmlnsSpace:
			out = append(out, xmlPrefix{prefix: a.name, space: a.value})
		case a.space == "" && a.name == "xmlns":
			out = append(out, xmlPrefix{space: a.value})
		}
	}
	return out
}

func (w *xmlWriter) node(n *xmlNode, depth int, mixed bool) {
	switch n.kind {
	case "document":
		for i, c := range n.nodes() {
			if i > 0 {
				w.line(0, false)
			}
			w.node(c, 0, false)
		}
	case "text":
		w.b.WriteString(escapeXML(n.value))
	case "cdata":
		w.b.WriteString("<![CDATA[" + strings.ReplaceAll(n.value, "]]>", "]]]]><![CDATA[>") + "]]>")
	case "comment":
		w.b.WriteString("<!--" + n.value + "-->")
	case "pi":
		w.b.WriteString(strings.TrimSuffix("<?"+n.name+" "+n.value, " ") + "?>")
	case "doctype":
		w.b.WriteString("<!DOCTYPE " + n.value + ">")
	default:
		w.element(n, depth, mixed)
	}
}

// line begins a new line, unless text stands beside.
func (w *xmlWriter) line(depth int, mixed bool) {
	if w.indented && !mixed {
		w.b.WriteString(newline)
		for range depth {
			w.b.WriteString("  ")
		}
	}
}

func (w *xmlWriter) element(e *xmlNode, depth int, mixed bool) {
	declared, written := len(w.declared), len(w.written)
	w.declared = append(w.declared, declarations(e)...)
	prefix, ok := w.declaredPrefix(e.space, true)
	if !ok {
		prefix, _ = w.writtenPrefix(e.space)
	}
	name := qualified(prefix, e.name)
	w.b.WriteString("<" + name)
	w.use(prefix, e.space, written)
	for _, a := range e.attrs {
		w.inElement(a, written)
	}
	for i := len(w.written) - 1; i >= written; i-- {
		if p := &w.written[i]; p.pending {
			w.declare(*p)
		}
	}
	w.content(e, name, depth, mixed)
	w.declared, w.written = w.declared[:declared], w.written[:written]
}

func (w *xmlWriter) content(e *xmlNode, name string, depth int, mixed bool) {
	children := e.nodes()
	if len(children) == 0 && !e.open {
		w.b.WriteString(" />")
		return
	}
	w.b.WriteString(">")
	for _, c := range children {
		if c.kind == "text" || c.kind == "cdata" {
			mixed = true
		} else {
			w.line(depth+1, mixed)
		}
		w.node(c, depth+1, mixed)
	}
	if len(children) > 0 {
		w.line(depth, mixed)
	}
	w.b.WriteString("</" + name + ">")
}

func (w *xmlWriter) declare(p xmlPrefix) {
	name := "xmlns"
	if p.prefix != "" {
		name = "xmlns:" + p.prefix
	}
	w.b.WriteString(" " + name + `="` + escapeAttribute(p.space) + `"`)
}

// inElement writes an attribute of an element whose own prefixes begin at own.
func (w *xmlWriter) inElement(a *xmlNode, own int) {
	switch {
	case a.space == xmlnsSpace:
		w.explicit(a.name, a.value, own)
	case a.space == "" && a.name == "xmlns":
		w.explicit("", a.value, own)
	case a.space != "":
		prefix, ok := w.declaredPrefix(a.space, false)
		if !ok {
			if prefix, ok = w.writtenPrefix(a.space); !ok || prefix == "" {
				prefix = "p" + strconv.Itoa(len(w.written))
			}
		}
		w.use(prefix, a.space, own)
		w.b.WriteString(" " + prefix + ":" + a.name + `="` + escapeAttribute(a.value) + `"`)
		return
	}
	w.attribute(a)
}

func (w *xmlWriter) attribute(a *xmlNode) {
	name := a.name
	switch {
	case a.space == xmlnsSpace:
		name = "xmlns:" + name
	case a.space != "":
		prefix, ok := w.declaredPrefix(a.space, false)
		if !ok {
			prefix = "p1"
		}
		name = prefix + ":" + name
	}
	w.b.WriteString(" " + name + `="` + escapeAttribute(a.value) + `"`)
}

// declaredPrefix is the nearest declared prefix of a namespace.
func (w *xmlWriter) declaredPrefix(space string, orDefault bool) (string, bool) {
	switch space {
	case "":
		return "", true
	case xmlSpace:
		return "xml", true
	}
	return nearest(w.declared, space, orDefault)
}

// writtenPrefix is the prefix that stands for a namespace in the text.
func (w *xmlWriter) writtenPrefix(space string) (string, bool) {
	return nearest(w.written, space, true)
}

// nearest finds a prefix of a namespace that nothing nearer means otherwise.
func nearest(list []xmlPrefix, space string, orDefault bool) (string, bool) {
	hidden := map[string]bool{}
	for i := len(list) - 1; i >= 0; i-- {
		p := list[i]
		if p.space == space && !hidden[p.prefix] && (orDefault || p.prefix != "") {
			return p.prefix, true
		}
		hidden[p.prefix] = true
	}
	return "", false
}

// use notes that a prefix is used, and that it must be declared if it is not.
func (w *xmlWriter) use(prefix, space string, own int) {
	pending := prefix != "" || space != ""
	for i := len(w.written) - 1; i >= 0; i-- {
		if w.written[i].prefix != prefix {
			continue
		}
		if i >= own {
			if w.written[i].space != space {
				redefined(prefix, w.written[i].space, space)
			}
			return
		}
		pending = w.written[i].space != space
		break
	}
	w.written = append(w.written, xmlPrefix{prefix, space, pending && prefix != "xml"})
}

// explicit notes an xmlns attribute, which is written where it stands.
func (w *xmlWriter) explicit(prefix, space string, own int) {
	for i := len(w.written) - 1; i >= own; i-- {
		if p := &w.written[i]; p.prefix == prefix {
			if p.space != space {
				redefined(prefix, p.space, space)
			}
			p.pending = false
			return
		}
	}
	w.written = append(w.written, xmlPrefix{prefix: prefix, space: space})
}

func redefined(prefix, from, to string) {
	badXML("The prefix '%s' cannot be redefined from '%s' to '%s' within the same start element tag.", prefix, from, to)
}

// escapeXML is text between tags.
func escapeXML(s string) string {
	if !strings.ContainsAny(s, "&<>\r") {
		return s
	}
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\r\n", newline, "\r", newline).Replace(s)
}

func escapeAttribute(s string) string {
	if !strings.ContainsAny(s, "&<>\"\t\n\r") {
		return s
	}
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "\t", "&#x9;", "\n", "&#xA;", "\r", "&#xD;").Replace(s)
}
