package expr

import (
	"encoding/xml"
	"io"
	"strings"
)

const (
	xmlnsSpace   = "http://www.w3.org/2000/xmlns/"
	xmlSpace     = "http://www.w3.org/XML/1998/namespace"
	maxXMLNested = 256
)

// xmlParser makes a tree of a text.
type xmlParser struct {
	f     *frame
	d     *xml.Decoder
	doc   *xmlNode
	at    *xmlNode
	names []openXML
	line  int // of the token that is read
	pos   int
}

// openXML is an open element: its name as written, and where that stands.
type openXML struct {
	name      string
	line, pos int
}

func parseXML(f *frame, s string) *xmlNode {
	f.charge(len(s))
	s = strings.TrimPrefix(s, "\ufeff")
	p := &xmlParser{f: f, d: xml.NewDecoder(strings.NewReader(s)), doc: &xmlNode{kind: "document"}}
	p.d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	p.at = p.doc
	for {
		start := int(p.d.InputOffset())
		p.line, p.pos = p.d.InputPos()
		tok, err := p.d.RawToken()
		if err == io.EOF {
			break
		}
		if err != nil {
			p.line, p.pos = p.d.InputPos()
			text := err.Error()
			if e, ok := err.(*xml.SyntaxError); ok {
				text = e.Msg
			}
			p.fail("The XML cannot be read: %s.", text)
		}
		f.step(1)
		f.charge(nodeBytes)
		p.token(tok, s[start:p.d.InputOffset()])
	}
	if len(p.names) > 0 {
		var open []string
		for i := len(p.names) - 1; i >= 0; i-- {
			open = append(open, p.names[i].name)
		}
		p.fail("Unexpected end of file has occurred. The following elements are not closed: %s.", strings.Join(open, ", "))
	}
	if p.doc.root() == nil {
		badXML("Root element is missing.")
	}
	return p.doc
}

// fail says where the token stands that is wrong.
func (p *xmlParser) fail(format string, args ...any) {
	badXML(format+" Line %d, position %d.", append(args, p.line, p.pos)...)
}

func badXML(format string, args ...any) { throw("System.Xml.XmlException", format, args...) }

func (p *xmlParser) token(tok xml.Token, written string) {
	switch t := tok.(type) {
	case xml.StartElement:
		p.start(&t, strings.HasSuffix(written, "/>"))
	case xml.EndElement:
		p.end(written)
	case xml.CharData:
		p.text(string(t), strings.HasPrefix(written, "<![CDATA["))
	case xml.Comment:
		p.at.add(&xmlNode{kind: "comment", value: string(t)})
	case xml.ProcInst:
		if t.Target == "xml" {
			p.doc.decl = readDeclaration(string(t.Inst))
		} else {
			p.at.add(&xmlNode{kind: "pi", name: t.Target, value: string(t.Inst)})
		}
	case xml.Directive:
		if rest, ok := strings.CutPrefix(string(t), "DOCTYPE"); ok && p.at == p.doc {
			p.at.add(&xmlNode{kind: "doctype", value: strings.TrimSpace(rest)})
		}
	}
}

func (p *xmlParser) start(t *xml.StartElement, empty bool) {
	if len(p.names) >= maxXMLNested {
		throwLimit("XML is nested too deep")
	}
	if p.at == p.doc && p.doc.root() != nil {
		p.pos++
		p.fail("There are multiple root elements.")
	}
	e := &xmlNode{kind: "element", name: t.Name.Local, open: !empty, parent: p.at}
	p.f.charge(nodeBytes * len(t.Attr))
	for _, a := range t.Attr {
		space := a.Name.Space
		if space == "xmlns" {
			space = xmlnsSpace
		}
		e.attrs = append(e.attrs, &xmlNode{kind: "attribute", space: space, name: a.Name.Local, value: a.Value, parent: e})
	}
	e.space = p.resolve(e, t.Name.Space, true)
	for i, a := range t.Attr {
		if a.Name.Space != "xmlns" {
			e.attrs[i].space = p.resolve(e, a.Name.Space, false)
		}
		for _, o := range e.attrs[:i] {
			if o.name == e.attrs[i].name && o.space == e.attrs[i].space {
				p.fail("'%s' is a duplicate attribute name.", a.Name.Local)
			}
		}
	}
	p.at.nodes()
	p.at.children = append(p.at.children, e)
	p.at = e
	p.names = append(p.names, openXML{qualified(t.Name.Space, t.Name.Local), p.line, p.pos + 1})
}

func qualified(prefix, local string) string {
	if prefix == "" {
		return local
	}
	return prefix + ":" + local
}

// resolve gives the namespace of a prefix at an element that is being read.
func (p *xmlParser) resolve(n *xmlNode, prefix string, element bool) string {
	switch {
	case prefix == "xml":
		return xmlSpace
	case prefix == "" && !element:
		return ""
	case prefix == "":
		return n.declared("", "xmlns")
	}
	space := n.declared(xmlnsSpace, prefix)
	if space == "" {
		p.pos++
		p.fail("'%s' is an undeclared prefix.", prefix)
	}
	return space
}

func (p *xmlParser) end(written string) {
	last := len(p.names) - 1
	if last < 0 {
		p.fail("Unexpected end tag.")
	}
	// An empty tag ends without a tag of its own.
	if name := strings.TrimSpace(strings.TrimSuffix(strings.TrimPrefix(written, "</"), ">")); written != "" && name != p.names[last].name {
		open := p.names[last]
		p.pos += 2
		p.fail("The '%s' start tag on line %d position %d does not match the end tag of '%s'.", open.name, open.line, open.pos, name)
	}
	p.at, p.names = p.at.parent, p.names[:last]
}

func (p *xmlParser) text(s string, cdata bool) {
	switch {
	case p.at == p.doc:
		if strings.TrimSpace(s) != "" {
			p.pos += len(s) - len(strings.TrimLeft(s, " \t\r\n"))
			p.fail("Data at the root level is invalid.")
		}
	case cdata:
		p.at.add(&xmlNode{kind: "cdata", value: s})
	case strings.TrimSpace(s) != "":
		p.at.add(&xmlNode{kind: "text", value: s})
	}
}

func readDeclaration(inst string) *xmlDeclaration {
	part := func(name string) string {
		_, rest, ok := strings.Cut(inst, name+"=")
		if !ok || rest == "" {
			return ""
		}
		value, _, _ := strings.Cut(rest[1:], rest[:1])
		return value
	}
	return &xmlDeclaration{part("version"), part("encoding"), part("standalone")}
}
