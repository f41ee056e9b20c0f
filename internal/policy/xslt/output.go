package xslt

import (
	"strings"

	"gatehouse/internal/policy/xmldoc"
	"gatehouse/internal/policy/xpath"
)

// output is xsl:output.
type output struct {
	method         string // xml, html, text; "": by the root element
	omit           bool   // omit-xml-declaration
	standalone     string
	public, system string // of the document type
	indent         bool
	cdata          []xpath.Name
}

func (o *output) write(t *transformer, doc *xmldoc.Node) string {
	method := o.method
	if method == "" {
		method = "xml"
		if root := doc.Root(); root != nil && root.Space == "" && strings.EqualFold(root.Local, "html") {
			method = "html"
		}
	}
	if method == "text" {
		return doc.Text()
	}
	w := &xmldoc.Writer{Max: maxOutput + maxOutput/2, HTML: method == "html", Indent: o.indent, CDATA: o.inCDATA}
	if method == "xml" && !o.omit {
		w.Put(`<?xml version="1.0" encoding="utf-8"`)
		if o.standalone != "" {
			w.Put(` standalone="` + o.standalone + `"`)
		}
		w.Put("?>")
	}
	for _, c := range doc.Children {
		if c.Kind == xmldoc.Element {
			o.docType(w, c)
		}
		w.Node(c)
	}
	if w.Full {
		t.fail("the result is longer than %d bytes", maxOutput)
	}
	return w.String()
}

func (o *output) inCDATA(e *xmldoc.Node) bool {
	for _, n := range o.cdata {
		if n.Local == e.Local && n.Space == e.Space {
			return true
		}
	}
	return false
}

func (o *output) docType(w *xmldoc.Writer, root *xmldoc.Node) {
	switch {
	case o.public != "" && (o.system != "" || w.HTML):
		w.Put("<!DOCTYPE " + root.Name() + ` PUBLIC "` + o.public + `"`)
		if o.system != "" {
			w.Put(` "` + o.system + `"`)
		}
		w.Put(">")
	case o.system != "":
		w.Put("<!DOCTYPE " + root.Name() + ` SYSTEM "` + o.system + `">`)
	}
}

// stripSpace takes text that is only white space out of the elements that
// xsl:strip-space names.
func (s *Stylesheet) stripSpace(n *xmldoc.Node) {
	if len(s.strip) == 0 {
		return
	}
	strip := n.Kind == xmldoc.Element && covers(s.strip, n) && !(covers(s.preserve, n) && !exact(s.strip, n)) && !preserved(n)
	kept := n.Children[:0]
	for _, c := range n.Children {
		if strip && c.IsText() && strings.Trim(c.Value, " \t\r\n") == "" {
			continue
		}
		kept = append(kept, c)
		s.stripSpace(c)
	}
	n.Children = kept
}

func covers(list []xpath.Name, n *xmldoc.Node) bool {
	for _, name := range list {
		if name.Local == "*" && (name.Space == "" || name.Space == n.Space) || name.Local == n.Local && name.Space == n.Space {
			return true
		}
	}
	return false
}

func exact(list []xpath.Name, n *xmldoc.Node) bool {
	for _, name := range list {
		if name.Local == n.Local && name.Space == n.Space {
			return true
		}
	}
	return false
}

// preserved tells whether xml:space="preserve" holds.
func preserved(n *xmldoc.Node) bool {
	for e := n; e != nil; e = e.Parent {
		if a := e.Attr(xmldoc.XML, "space"); a != nil {
			return a.Value == "preserve"
		}
	}
	return false
}
