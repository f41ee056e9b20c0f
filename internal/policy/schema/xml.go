package schema

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
)

// Namespaces of SOAP 1.1 and 1.2 envelopes.
const (
	soap11 = "http://schemas.xmlsoap.org/soap/envelope/"
	soap12 = "http://www.w3.org/2003/05/soap-envelope"
)

// maxXMLDepth of a body.
const maxXMLDepth = 256

// ValidateXML checks that a body is well-formed: one root element, names and
// attributes in order, no document type declaration.
func ValidateXML(data []byte) []Problem { return walkXML(data, nil) }

// ValidateSOAP checks besides that it is an envelope of SOAP 1.1 or 1.2 with
// at most one header and one body after it.
func ValidateSOAP(data []byte) []Problem { return walkXML(data, &envelope{}) }

// envelope follows the elements of a SOAP message.
type envelope struct {
	space        string
	header, body bool
}

// xmlError is what is wrong with a body, without a word of it.
type xmlError string

func (e xmlError) Error() string { return string(e) }

const errEnvelope = xmlError("is no SOAP envelope: the root must be Envelope of SOAP 1.1 or 1.2 with an optional Header and one Body in it")

// enter sees an element at depth 1 (the root) or 2.
func (e *envelope) enter(name xml.Name, depth int) error {
	if depth == 1 {
		e.space = name.Space
		if name.Local != "Envelope" || name.Space != soap11 && name.Space != soap12 {
			return errEnvelope
		}
		return nil
	}
	switch {
	case name.Space == e.space && name.Local == "Header" && !e.header && !e.body:
		e.header = true
	case name.Space == e.space && name.Local == "Body" && !e.body:
		e.body = true
	case e.body && e.space == soap11 && name.Space != soap11:
		// SOAP 1.1 allows elements behind the body.
	default:
		return errEnvelope
	}
	return nil
}

func walkXML(data []byte, soap *envelope) []Problem {
	d := xml.NewDecoder(bytes.NewReader(data))
	depth, roots := 0, 0
	for {
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		if err == nil {
			depth, roots, err = step(token, depth, roots, soap)
		}
		if err != nil {
			line, position := d.InputPos()
			return []Problem{{Text: "Body " + xmlReason(err) + ".", Line: line, Position: position}}
		}
	}
	switch {
	case roots == 0:
		return []Problem{{Text: "Body is not valid XML: it has no root element.", Line: 1, Position: 1}}
	case soap != nil && !soap.body:
		return []Problem{{Text: "Body " + errEnvelope.Error() + ".", Line: 1, Position: 1}}
	}
	return nil
}

func step(token xml.Token, depth, roots int, soap *envelope) (int, int, error) {
	switch t := token.(type) {
	case xml.StartElement:
		if depth == 0 {
			roots++
		}
		if depth++; depth > maxXMLDepth {
			return depth, roots, xmlError("is nested too deeply")
		}
		if roots > 1 {
			return depth, roots, xmlError("is not valid XML: it has more than one root element")
		}
		if err := uniqueAttributes(t.Attr); err != nil {
			return depth, roots, err
		}
		if soap != nil && depth <= 2 {
			return depth, roots, soap.enter(t.Name, depth)
		}
	case xml.EndElement:
		depth--
	case xml.Directive:
		return depth, roots, xmlError("holds a document type declaration, which is not allowed")
	case xml.CharData:
		if depth == 0 && len(bytes.TrimSpace(bytes.TrimPrefix(t, []byte("\xef\xbb\xbf")))) > 0 {
			return depth, roots, xmlError("is not valid XML: it has text outside of the root element")
		}
	}
	return depth, roots, nil
}

func uniqueAttributes(attrs []xml.Attr) error {
	if len(attrs) > 256 {
		return xmlError("has an element with too many attributes")
	}
	for i := range attrs {
		for j := range i {
			if attrs[i].Name == attrs[j].Name {
				return xmlError("is not valid XML: an attribute stands twice in an element")
			}
		}
	}
	return nil
}

// xmlReason words what the decoder says without quoting the body.
func xmlReason(err error) string {
	var own xmlError
	var syntax *xml.SyntaxError
	switch {
	case errors.As(err, &own):
		return string(own)
	case errors.As(err, &syntax):
		return "is not valid XML"
	}
	return "is in an encoding that cannot be read"
}
