package xmldoc

import "strings"

// Writer writes trees as XML.
type Writer struct {
	b strings.Builder
	// Max is how many bytes may be written; Full tells that there were more.
	Max  int
	Full bool
	// Indent puts elements that hold no text on lines of their own.
	Indent bool
	depth  int
	// HTML writes void elements without an end tag and the text of script and
	// style as it is.
	HTML bool
	// CDATA tells which elements have their text written as CDATA sections.
	CDATA func(e *Node) bool
}

// String is what was written.
func (w *Writer) String() string { return w.b.String() }

// Put writes a text as it is.
func (w *Writer) Put(s string) {
	if w.Max > 0 && w.b.Len()+len(s) > w.Max {
		w.Full = true
		return
	}
	w.b.WriteString(s)
}

// Node writes a node with everything in it.
func (w *Writer) Node(n *Node) {
	if w.Full {
		return
	}
	switch n.Kind {
	case Document:
		for _, c := range n.Children {
			w.Node(c)
		}
	case Element:
		w.element(n)
	case Text, CDATA:
		w.text(n)
	case Comment:
		w.Put("<!--" + n.Value + "-->")
	case Instruction:
		w.instruction(n)
	}
}

func (w *Writer) instruction(n *Node) {
	w.Put("<?" + n.Local)
	if n.Value != "" {
		w.Put(" " + n.Value)
	}
	if w.HTML {
		w.Put(">")
	} else {
		w.Put("?>")
	}
}

func (w *Writer) text(n *Node) {
	switch {
	case n.Raw, w.HTML && n.Parent != nil && verbatim(n.Parent.Local):
		w.Put(n.Value)
	case n.Kind == CDATA, w.CDATA != nil && n.Parent != nil && w.CDATA(n.Parent):
		w.Put("<![CDATA[" + strings.ReplaceAll(n.Value, "]]>", "]]]]><![CDATA[>") + "]]>")
	default:
		w.Put(escapeText.Replace(n.Value))
	}
}

func verbatim(name string) bool {
	return strings.EqualFold(name, "script") || strings.EqualFold(name, "style")
}

func void(name string) bool {
	switch strings.ToLower(name) {
	case "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr", "basefont", "frame", "isindex":
		return true
	}
	return false
}

var (
	escapeText      = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\r", "&#xD;")
	escapeAttribute = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "\n", "&#xA;", "\r", "&#xD;", "\t", "&#x9;")
)

func (w *Writer) element(n *Node) {
	name := n.Name()
	w.Put("<" + name)
	for _, a := range n.Attrs {
		w.Put(" " + a.Name() + `="` + escapeAttribute.Replace(a.Value) + `"`)
	}
	switch {
	case w.HTML && n.Space == "" && void(n.Local) && len(n.Children) == 0:
		w.Put(">")
		return
	case len(n.Children) == 0 && !w.HTML:
		w.Put(" />")
		return
	}
	w.Put(">")
	lines := w.Indent && !holdsText(n)
	w.depth++
	for _, c := range n.Children {
		w.line(lines)
		w.Node(c)
	}
	w.depth--
	w.line(lines && len(n.Children) > 0)
	w.Put("</" + name + ">")
}

func (w *Writer) line(wanted bool) {
	if wanted {
		w.Put("\n" + strings.Repeat("  ", w.depth))
	}
}

func holdsText(n *Node) bool {
	for _, c := range n.Children {
		if c.IsText() {
			return true
		}
	}
	return false
}
