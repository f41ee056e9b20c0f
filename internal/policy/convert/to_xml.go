package convert

import (
	"encoding/xml"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"gatehouse/internal/policy/expr"
	"gatehouse/internal/policy/xmldoc"
)

// ToXML are the attributes of json-to-xml.
type ToXML struct {
	Separator      string // between prefix and name
	Prefix         string // of members that declare namespaces; "": none do
	AttributeBlock string // the member that holds attributes; "": none does
}

// The element around a document that has no one root, and around each item of
// an array without a name.
const (
	rootName = "Document"
	itemName = "Item"
)

const (
	maxXMLNodes = 500_000
	// MaxOutput is how many bytes a converted body may have.
	MaxOutput = expr.DefaultMaxBody
)

// Errors of conversions.
var (
	ErrTooLarge  = errors.New("the result is too large")
	errCharacter = errors.New("it holds a character that XML cannot hold")
)

// Document converts a JSON document and gives XML.
func (o ToXML) Document(t *expr.JToken) (string, error) {
	b := &builder{ToXML: o}
	doc := &xmldoc.Node{Kind: xmldoc.Document}
	name, value := rootName, t
	if only := o.root(t); only != "" {
		name, value = only, t.Get(only)
	}
	if t.Kind() == expr.JArray {
		root := b.element(doc, rootName)
		for _, item := range t.Items() {
			b.add(root, itemName, item)
		}
	} else {
		b.add(doc, name, value)
	}
	if b.err != nil {
		return "", b.err
	}
	w := xmldoc.Writer{Max: MaxOutput}
	w.Node(doc)
	if w.Full {
		return "", ErrTooLarge
	}
	return w.String(), nil
}

// root is the only member of the document when it can be the root element.
func (o ToXML) root(t *expr.JToken) string {
	names := t.Names()
	if len(names) != 1 || strings.HasPrefix(names[0], "#") || strings.HasPrefix(names[0], "@") || names[0] == o.AttributeBlock {
		return ""
	}
	if _, declares := o.declares(names[0]); declares || t.Get(names[0]).Kind() == expr.JArray {
		return ""
	}
	return names[0]
}

// builder makes one tree.
type builder struct {
	ToXML
	nodes int
	err   error
}

func (b *builder) fail(err error) {
	if b.err == nil {
		b.err = err
	}
}

// add puts a member into an element: an array is one element for each item.
func (b *builder) add(parent *xmldoc.Node, name string, v *expr.JToken) {
	if b.err != nil {
		return
	}
	if v.Kind() != expr.JArray {
		b.fill(b.element(parent, name), name, v)
		return
	}
	if v.Len() == 0 {
		b.element(parent, name)
		return
	}
	for _, item := range v.Items() {
		if item.Kind() == expr.JArray { // an array in an array keeps its name
			inner := b.element(parent, name)
			b.add(inner, name, item)
			continue
		}
		b.fill(b.element(parent, name), name, item)
	}
}

// element makes an element whose name is settled when its declarations are known.
func (b *builder) element(parent *xmldoc.Node, name string) *xmldoc.Node {
	if b.nodes++; b.nodes > maxXMLNodes {
		b.fail(ErrTooLarge)
	}
	e := &xmldoc.Node{Kind: xmldoc.Element, Local: encodeName(name)}
	parent.Append(e)
	if e.Local != name || strings.Contains(name, b.Separator) {
		b.setName(e, e, name)
	}
	return e
}

// setName splits a name at the separator when the part before it is a declared
// prefix.
func (b *builder) setName(n, scope *xmldoc.Node, name string) {
	n.Prefix, n.Local = "", encodeName(name)
	if b.Separator == "" {
		return
	}
	prefix, local, ok := strings.Cut(name, b.Separator)
	if !ok || prefix == "" || local == "" {
		return
	}
	if _, declared := scope.Namespace(prefix); declared {
		n.Prefix, n.Local = prefix, encodeName(local)
	}
}

func (b *builder) fill(e *xmldoc.Node, name string, v *expr.JToken) {
	switch v.Kind() {
	case expr.JObject:
		b.object(e, name, v)
	case expr.JNull, expr.JUndefined:
		b.attribute(e, "xsi", "nil", "true")
		b.attribute(e, "xmlns", "xsi", xmldoc.XSI)
	default:
		b.text(e, xmldoc.Text, v)
	}
}

func (b *builder) object(e *xmldoc.Node, name string, v *expr.JToken) {
	names, items := v.Names(), v.Items()
	for i, n := range names {
		if prefix, declares := b.declares(n); declares && items[i].Kind() == expr.JString {
			b.declare(e, prefix, items[i])
		}
	}
	b.setName(e, e, name)
	for i, n := range names {
		item := items[i]
		_, declares := b.declares(n)
		switch {
		case declares && item.Kind() == expr.JString:
		case n == b.AttributeBlock && n != "" && item.Kind() == expr.JObject:
			values := item.Items()
			for j, a := range item.Names() {
				b.named(e, a, values[j])
			}
		case len(n) > 1 && n[0] == '@' && scalar(item):
			b.named(e, n[1:], item)
		case n == textName && scalar(item):
			b.text(e, xmldoc.Text, item)
		case n == cdataName && scalar(item):
			b.text(e, xmldoc.CDATA, item)
		default:
			b.add(e, n, item)
		}
	}
}

func scalar(v *expr.JToken) bool { return v.Kind() != expr.JObject && v.Kind() != expr.JArray }

// declares tells whether a member's name is that of a namespace declaration.
func (o ToXML) declares(name string) (prefix string, ok bool) {
	if o.Prefix == "" {
		return "", false
	}
	if name == o.Prefix {
		return "", true
	}
	prefix, ok = strings.CutPrefix(name, o.Prefix+o.Separator)
	return prefix, ok && prefix != "" && prefix != "xml" && prefix != "xmlns" && encodeName(prefix) == prefix
}

func (b *builder) declare(e *xmldoc.Node, prefix string, v *expr.JToken) {
	uri := b.characters(v)
	switch {
	case prefix == "":
		b.attribute(e, "", "xmlns", uri)
	case uri != "": // XML 1.0 cannot take a prefix back
		b.attribute(e, "xmlns", prefix, uri)
	}
}

// named adds an attribute.
func (b *builder) named(e *xmldoc.Node, name string, v *expr.JToken) {
	a := &xmldoc.Node{Kind: xmldoc.Attribute}
	b.setName(a, e, name)
	b.attribute(e, a.Prefix, a.Local, b.characters(v))
}

// attribute sets an attribute; a second one of the same name replaces it.
func (b *builder) attribute(e *xmldoc.Node, prefix, local, value string) {
	for _, a := range e.Attrs {
		if a.Prefix == prefix && a.Local == local {
			a.Value = value
			return
		}
	}
	if b.nodes++; len(e.Attrs) > 1000 {
		b.fail(ErrTooLarge)
		return
	}
	e.Append(&xmldoc.Node{Kind: xmldoc.Attribute, Prefix: prefix, Local: local, Value: value})
}

func (b *builder) text(e *xmldoc.Node, kind xmldoc.Kind, v *expr.JToken) {
	if s := b.characters(v); s != "" {
		e.Append(&xmldoc.Node{Kind: kind, Value: s})
	}
}

// characters is how .NET writes a value: True, 1.5, 03/21/2012 05:40:00.
func (b *builder) characters(v *expr.JToken) string {
	s := v.String()
	if !scalar(v) {
		s = v.JSON(false)
	}
	for _, r := range s {
		if r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF {
			b.fail(errCharacter)
			return ""
		}
	}
	if !utf8.ValidString(s) {
		return strings.ToValidUTF8(s, "\uFFFD")
	}
	return s
}

// encodeName writes what cannot stand in a name as _xHHHH_.
func encodeName(name string) string {
	good := func(i int, r rune) bool {
		switch {
		case r >= utf8.RuneSelf:
			return readerTakes(i, r)
		case r == '_' || unicode.IsLetter(r):
			return true
		case i == 0:
			return false
		}
		return r == '-' || r == '.' || unicode.IsDigit(r)
	}
	bad := name == ""
	for i, r := range name {
		bad = bad || !good(i, r)
	}
	if !bad {
		return name
	}
	if name == "" {
		return "_x0000_"
	}
	var out strings.Builder
	for i, r := range name {
		if good(i, r) {
			out.WriteRune(r)
		} else {
			fmt.Fprintf(&out, "_x%04X_", r)
		}
	}
	return out.String()
}

// readerTakes asks the XML reader about a letter beyond ASCII: as .NET's, it
// takes the letters of XML 1.0's fourth edition, not all that Unicode has now.
func readerTakes(i int, r rune) bool {
	name := "_" + string(r)
	if i == 0 {
		name = string(r)
	}
	_, err := xml.NewDecoder(strings.NewReader("<" + name + "/>")).Token()
	return err == nil && r != utf8.RuneError
}
