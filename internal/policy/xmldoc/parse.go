package xmldoc

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Limits of one document.
const (
	MaxDepth   = 200
	maxNodes   = 500_000
	maxAttrs   = 1_000 // of one element
	maxNameLen = 1_000
)

// Error is what is wrong with a document, and where. Its text quotes names of
// tags, no content.
type Error struct {
	Offset int // byte of the document
	Text   string
}

// Error gives the text.
func (e *Error) Error() string { return e.Text }

// Parse reads a document.
func Parse(data []byte) (*Node, error) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	p := &parser{data: data, d: xml.NewDecoder(bytes.NewReader(data))}
	p.d.CharsetReader = charset
	p.doc = &Node{Kind: Document}
	p.at = p.doc
	for {
		start := int(p.d.InputOffset())
		token, err := p.d.RawToken()
		if err == io.EOF {
			return p.end()
		}
		if err != nil {
			return nil, p.failed(err)
		}
		if err := p.token(token, start); err != nil {
			return nil, err
		}
	}
}

type parser struct {
	data  []byte
	d     *xml.Decoder
	doc   *Node
	at    *Node
	depth int
	nodes int
}

func (p *parser) fail(offset int, format string, args ...any) error {
	return &Error{Offset: offset, Text: fmt.Sprintf(format, args...)}
}

// failed keeps the reason of the decoder and drops its own line count.
func (p *parser) failed(err error) error {
	var syntax *xml.SyntaxError
	if errors.As(err, &syntax) {
		return p.fail(int(p.d.InputOffset()), "%s", syntax.Msg)
	}
	return p.fail(int(p.d.InputOffset()), "%s", err)
}

func (p *parser) end() (*Node, error) {
	if p.at != p.doc {
		return nil, p.fail(p.at.Offset, "<%s> is never closed", p.at.Name())
	}
	if p.doc.Root() == nil {
		return nil, p.fail(len(p.data), "there is no root element")
	}
	return p.doc, nil
}

func (p *parser) token(token xml.Token, start int) error {
	switch t := token.(type) {
	case xml.StartElement:
		return p.open(t, start)
	case xml.EndElement:
		if p.at == p.doc || p.at.Prefix != t.Name.Space || p.at.Local != t.Name.Local {
			return p.fail(start, "the end tag </%s> does not match", qualified(t.Name))
		}
		p.at.Closed = int(p.d.InputOffset()) == start
		p.at = p.at.Parent
		p.depth--
	case xml.CharData:
		return p.text(string(t), start)
	case xml.Comment:
		return p.add(&Node{Kind: Comment, Value: string(t), Offset: start})
	case xml.ProcInst:
		return p.add(&Node{Kind: Instruction, Local: t.Target, Value: string(t.Inst), Offset: start})
	case xml.Directive:
		return p.fail(start, "a document type is not allowed")
	}
	return nil
}

func qualified(n xml.Name) string {
	if n.Space == "" {
		return n.Local
	}
	return n.Space + ":" + n.Local
}

func (p *parser) add(n *Node) error {
	if p.nodes++; p.nodes > maxNodes {
		return p.fail(n.Offset, "the document has more than %d nodes", maxNodes)
	}
	n.Order = p.nodes
	p.at.Append(n)
	return nil
}

func (p *parser) text(text string, start int) error {
	if p.at == p.doc {
		if strings.TrimSpace(text) != "" {
			return p.fail(start, "there is text outside of the root element")
		}
		return nil
	}
	kind := Text
	if bytes.HasPrefix(p.data[min(start, len(p.data)):], []byte("<![CDATA[")) {
		kind = CDATA
	}
	return p.add(&Node{Kind: kind, Value: text, Offset: start})
}

func (p *parser) open(t xml.StartElement, start int) error {
	if p.at == p.doc && p.doc.Root() != nil {
		return p.fail(start, "there is a second root element <%s>", qualified(t.Name))
	}
	if p.depth++; p.depth > MaxDepth {
		return p.fail(start, "elements are nested more than %d deep", MaxDepth)
	}
	if len(t.Attr) > maxAttrs || len(t.Name.Space)+len(t.Name.Local) > maxNameLen {
		return p.fail(start, "a tag is too large")
	}
	e := &Node{Kind: Element, Prefix: t.Name.Space, Local: t.Name.Local, Offset: start}
	if err := p.add(e); err != nil {
		return err
	}
	p.at = e
	for _, a := range t.Attr {
		n := &Node{Kind: Attribute, Prefix: a.Name.Space, Local: a.Name.Local, Value: a.Value, Offset: start}
		if err := p.add(n); err != nil {
			return err
		}
	}
	return p.resolve(e)
}

// resolve gives an element and its attributes their namespaces.
func (p *parser) resolve(e *Node) error {
	var ok bool
	if e.Space, ok = e.Namespace(e.Prefix); !ok {
		return p.fail(e.Offset, "the prefix of <%s> is not declared", e.Name())
	}
	type name struct{ space, local string }
	seen := make(map[name]bool, len(e.Attrs))
	for _, a := range e.Attrs {
		if _, declares := a.Declares(); !declares && a.Prefix != "" {
			if a.Space, ok = e.Namespace(a.Prefix); !ok {
				return p.fail(e.Offset, "the prefix of the attribute %s is not declared", a.Name())
			}
		}
		key := name{a.Space + "\x00" + a.Prefix, a.Local}
		if a.Space != "" {
			key.space = a.Space
		}
		if seen[key] {
			return p.fail(e.Offset, "<%s> has the attribute %s twice", e.Name(), a.Name())
		}
		seen[key] = true
	}
	return nil
}

// charset reads the encodings that need no table.
func charset(label string, input io.Reader) (io.Reader, error) {
	switch strings.ToLower(label) {
	case "utf-8", "utf8", "us-ascii", "ascii":
		return input, nil
	case "iso-8859-1", "latin1":
		data, err := io.ReadAll(input)
		if err != nil {
			return nil, err
		}
		out := make([]rune, len(data))
		for i, b := range data {
			out[i] = rune(b)
		}
		return strings.NewReader(string(out)), nil
	}
	return nil, fmt.Errorf("the encoding %q is not supported: send UTF-8", label)
}
