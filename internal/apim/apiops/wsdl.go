package apiops

import (
	"encoding/xml"
	"errors"
	"fmt"
	"slices"
	"strings"

	"gatehouse/internal/apim"
)

// wsdl is the part of the Web Services Description Language 1.1 that says which
// operations there are and how a message names one.
type wsdl struct {
	XMLName         xml.Name
	Attributes      []xml.Attr `xml:",any,attr"`
	TargetNamespace string     `xml:"targetNamespace,attr"`
	Messages        []struct {
		Name  string     `xml:"name,attr"`
		Parts []wsdlPart `xml:"part"`
	} `xml:"message"`
	PortTypes []struct {
		Name       string              `xml:"name,attr"`
		Operations []wsdlPortOperation `xml:"operation"`
	} `xml:"portType"`
	Bindings []wsdlBinding `xml:"binding"`
}

type wsdlPart struct {
	Attributes []xml.Attr `xml:",any,attr"`
	Element    string     `xml:"element,attr"`
}

type wsdlPortOperation struct {
	Name  string `xml:"name,attr"`
	Input struct {
		Message string `xml:"message,attr"`
	} `xml:"input"`
}

// wsdlBinding has at most one of its SOAP elements: 1.1 or 1.2.
type wsdlBinding struct {
	Type       string    `xml:"type,attr"`
	SOAP11     *wsdlSOAP `xml:"http://schemas.xmlsoap.org/wsdl/soap/ binding"`
	SOAP12     *wsdlSOAP `xml:"http://schemas.xmlsoap.org/wsdl/soap12/ binding"`
	Operations []struct {
		Name   string    `xml:"name,attr"`
		SOAP11 *wsdlSOAP `xml:"http://schemas.xmlsoap.org/wsdl/soap/ operation"`
		SOAP12 *wsdlSOAP `xml:"http://schemas.xmlsoap.org/wsdl/soap12/ operation"`
		Input  struct {
			Body11 *wsdlSOAP `xml:"http://schemas.xmlsoap.org/wsdl/soap/ body"`
			Body12 *wsdlSOAP `xml:"http://schemas.xmlsoap.org/wsdl/soap12/ body"`
		} `xml:"input"`
	} `xml:"operation"`
}

type wsdlSOAP struct {
	Style     string `xml:"style,attr"`
	Action    string `xml:"soapAction,attr"`
	Namespace string `xml:"namespace,attr"`
}

// parseWSDL lists the SOAP operations of a description, as Azure's import makes
// them: POST to /?soapAction=ACTION. An operation that several bindings have is
// listed once.
func parseWSDL(data []byte, file string) ([]*apim.Operation, error) {
	if err := checkXML(data, file); err != nil {
		return nil, err
	}
	var w wsdl
	if err := xml.Unmarshal(trimBOM(data), &w); err != nil {
		return nil, &Problem{apim.Position{File: file, Line: 1, Column: 1}, fmt.Sprintf("is not a WSDL description: %v", err)}
	}
	if w.XMLName.Local != "definitions" {
		return nil, &Problem{apim.Position{File: file, Line: 1, Column: 1}, fmt.Sprintf("is not a WSDL 1.1 description: the root element is <%s>, not <definitions>", clip(w.XMLName.Local))}
	}
	var out []*apim.Operation
	for i := range w.Bindings {
		out = w.bound(out, &w.Bindings[i])
	}
	return out, nil
}

// bound adds the operations of a binding.
func (w *wsdl) bound(out []*apim.Operation, b *wsdlBinding) []*apim.Operation {
	soap := firstSOAP(b.SOAP11, b.SOAP12)
	if soap == nil {
		return out // of HTTP GET or POST, or MIME
	}
	contentType := "text/xml"
	if b.SOAP11 == nil {
		contentType = "application/soap+xml"
	}
	for i := range b.Operations {
		op := &b.Operations[i]
		call := firstSOAP(op.SOAP11, op.SOAP12)
		if call == nil {
			continue
		}
		if same := slices.IndexFunc(out, func(o *apim.Operation) bool { return o.ID == op.Name }); same >= 0 {
			declareSOAP(out[same], contentType)
			continue
		}
		element := w.element(b.Type, op.Name)
		if call.Style == "rpc" || call.Style == "" && soap.Style == "rpc" {
			element = op.Name
			if body := firstSOAP(op.Input.Body11, op.Input.Body12); body != nil && body.Namespace != "" {
				element = "{" + body.Namespace + "}" + op.Name
			}
		}
		out = append(out, soapOperation(out, op.Name, call.Action, element))
		declareSOAP(out[len(out)-1], contentType)
	}
	return out
}

// declareSOAP declares the content type of an operation's messages, which tells
// the versions of SOAP apart.
func declareSOAP(op *apim.Operation, contentType string) {
	message := apim.Representation{ContentType: contentType}
	if slices.ContainsFunc(op.Requests, func(r apim.Representation) bool { return r.ContentType == contentType }) {
		return
	}
	op.Requests = append(op.Requests, message)
	if len(op.Responses) == 0 {
		op.Responses = []apim.Response{{StatusCode: 200}}
	}
	op.Responses[0].Representations = append(op.Responses[0].Representations, message)
}

func firstSOAP(a, b *wsdlSOAP) *wsdlSOAP {
	if a != nil {
		return a
	}
	return b
}

// soapOperation names an operation by its action, or by its own name when it
// has none or shares it.
func soapOperation(others []*apim.Operation, name, action, element string) *apim.Operation {
	template := actionTemplate(action)
	if action == "" || slices.ContainsFunc(others, func(o *apim.Operation) bool { return o.URLTemplate == template }) {
		template = actionTemplate(name)
	}
	return &apim.Operation{ID: name, Name: name, Method: "POST", URLTemplate: template, SOAPElement: element}
}

// actionTemplate escapes only what would end the parameter or begin another.
func actionTemplate(action string) string {
	return "/?soapAction=" + strings.NewReplacer("%", "%25", "&", "%26", "#", "%23", "+", "%2B", " ", "%20", "{", "%7B", "}", "%7D").Replace(action)
}

// element is the first element of an operation's message in document style,
// "{namespace}name", "" when the description does not tell.
func (w *wsdl) element(portType, operation string) string {
	for _, p := range w.PortTypes {
		if p.Name != localName(portType) {
			continue
		}
		for _, op := range p.Operations {
			if op.Name != operation {
				continue
			}
			for _, m := range w.Messages {
				if m.Name == localName(op.Input.Message) && len(m.Parts) > 0 && m.Parts[0].Element != "" {
					return w.qualified(&m.Parts[0])
				}
			}
		}
	}
	return ""
}

// qualified resolves the prefix of a part's element by what the part or the
// root declares.
func (w *wsdl) qualified(p *wsdlPart) string {
	prefix, _, found := strings.Cut(p.Element, ":")
	for _, list := range [][]xml.Attr{p.Attributes, w.Attributes} {
		for _, a := range list {
			if found && a.Name.Space == "xmlns" && a.Name.Local == prefix || !found && a.Name.Space == "" && a.Name.Local == "xmlns" {
				return "{" + a.Value + "}" + localName(p.Element)
			}
		}
	}
	return localName(p.Element)
}

func localName(qualified string) string { return qualified[strings.LastIndexByte(qualified, ':')+1:] }

// described reads the operations of a SOAP API from its WSDL, and keeps the WSDL
// for the schemas in it.
func (l *loader) described(a *apim.API, folder string) []*apim.Operation {
	for _, name := range []string{"specification.wsdl", "specification.xml"} {
		data, file, ok := l.read(folder + name)
		if !ok {
			continue
		}
		operations, err := parseWSDL(data, file)
		var problem *Problem
		if errors.As(err, &problem) {
			l.problems = l.problems.add(*problem)
		}
		if err == nil {
			a.Schemas = append(a.Schemas, &apim.Schema{ID: "wsdl", ContentType: apim.SchemaWSDL, Document: trimBOM(data), File: file})
		}
		return operations
	}
	return nil
}

// preferListed keeps of a SOAP API's operations those that the folder lists with
// an information file, if it lists any. The WSDL then only tells what their
// messages look like.
func (l *loader) preferListed(a *apim.API, folder string) {
	var listed, others []*apim.Operation
	for _, op := range a.Operations {
		below := folder + "operations/" + op.ID + "/"
		if l.files.has(below+"operationInformation.json") || l.files.has(below+"apiOperationInformation.json") {
			listed = append(listed, op)
		} else {
			others = append(others, op)
		}
	}
	if len(listed) == 0 {
		return
	}
	a.Operations = listed
	for _, op := range listed {
		for _, d := range others {
			if op.SOAPElement == "" && (strings.EqualFold(op.URLTemplate, d.URLTemplate) || strings.EqualFold(op.Name, d.Name)) {
				describeSOAP(op, d)
			}
		}
	}
}

// describeSOAP gives a listed operation what the WSDL tells and the list does not.
func describeSOAP(op, described *apim.Operation) {
	op.SOAPElement = described.SOAPElement
	if len(op.Requests) == 0 {
		op.Requests = described.Requests
	}
	if len(op.Responses) == 0 {
		op.Responses = described.Responses
	}
}
