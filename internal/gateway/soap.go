package gateway

import (
	"bytes"
	"encoding/xml"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"gatehouse/internal/apim"
	"gatehouse/internal/policy"
)

// soapTable finds the operation of a SOAP message. All operations have one
// address: what tells them apart is the action, or the first element of the
// body.
type soapTable struct {
	actions  map[string]int // by lower-case action
	elements map[string]int // by "{namespace}name", and by name alone
	// checked: some operation has a policy of its own, so that a message must
	// not pass under the name of another one.
	checked bool
}

// ambiguous marks an element that several operations have.
const ambiguous = -1

// maxSOAPHead is how far into a message its first element is looked for.
const maxSOAPHead = 64 << 10

func newSOAPTable(operations []*apim.Operation) *soapTable {
	t := &soapTable{actions: map[string]int{}, elements: map[string]int{}}
	for i, op := range operations {
		t.checked = t.checked || op.Policy != nil
		path, query, _ := strings.Cut(op.URLTemplate, "?")
		action := soapActionOf(query)
		if op.Method != http.MethodPost || strings.Trim(path, "/") != "" || action == "" {
			continue
		}
		t.actions[strings.ToLower(action)] = i
		if op.SOAPElement == "" { // no WSDL: by the habit that the last part of an action is the element
			t.element(action[strings.LastIndexAny(action, "/:#")+1:], i)
			continue
		}
		t.element(op.SOAPElement, i)
		t.element(op.SOAPElement[strings.LastIndexByte(op.SOAPElement, '}')+1:], i)
	}
	return t
}

func (t *soapTable) element(name string, index int) {
	if other, taken := t.elements[name]; taken && other != index {
		index = ambiguous
	}
	t.elements[name] = index
}

// soapActionOf reads the soapAction parameter of a URL template's query.
func soapActionOf(query string) string {
	for pair := range strings.SplitSeq(query, "&") {
		if name, value, _ := strings.Cut(pair, "="); strings.EqualFold(name, "soapAction") {
			if decoded, err := url.QueryUnescape(value); err == nil {
				return decoded
			}
			return value
		}
	}
	return ""
}

// soapOperation finds the operation that a message at the API's address means:
// by the SOAPAction header (1.1), the action of the content type (1.2), else by
// the body. ok is false when they do not tell.
func (x *exchange) soapOperation(rest string) (index int, ok bool) {
	if x.r.Method != http.MethodPost || strings.Trim(rest, "/") != "" {
		return 0, false
	}
	if action := soapAction(x.r.Header); action != "" {
		index, ok = x.api.soap.actions[strings.ToLower(action)]
		return index, ok
	}
	return x.soapElement()
}

// soapAction is the action that the headers name.
func soapAction(h http.Header) string {
	if v := h["Soapaction"]; len(v) > 0 {
		return strings.Trim(strings.TrimSpace(v[0]), `"`)
	}
	_, parameters, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		return ""
	}
	return parameters["action"]
}

// soapElement finds the operation by the first element of the body.
func (x *exchange) soapElement() (index int, ok bool) {
	name := firstBodyElement(x.Request.Body.Head(maxSOAPHead))
	for _, key := range [2]string{"{" + name.Space + "}" + name.Local, name.Local} {
		if index, ok = x.api.soap.elements[key]; ok {
			return index, index != ambiguous
		}
	}
	return 0, false
}

// firstBodyElement is the first element within the body of an envelope; empty
// when the text is no envelope or the element stands too far behind.
func firstBodyElement(text []byte) xml.Name {
	d := xml.NewDecoder(bytes.NewReader(text))
	var path []string
	for {
		token, err := d.Token()
		if err != nil {
			return xml.Name{}
		}
		switch token := token.(type) {
		case xml.StartElement:
			if len(path) == 2 && path[0] == "Envelope" && path[1] == "Body" {
				return token.Name
			}
			if path = append(path, token.Name.Local); path[0] != "Envelope" || len(path) > 100 {
				return xml.Name{}
			}
		case xml.EndElement:
			if path = path[:len(path)-1]; len(path) == 0 {
				return xml.Name{}
			}
		}
	}
}

// sameSOAPOperation refuses a message that names one operation in its address or
// action and another one elsewhere: the policies of the first would run, and the
// backend might do the second.
func sameSOAPOperation(x *exchange) *policy.Error {
	if x.r.Method != http.MethodPost {
		return nil
	}
	_, query, _ := strings.Cut(x.Context.Operation.URLTemplate, "?")
	own, named := soapActionOf(query), soapAction(x.r.Header)
	same := own == "" || named == "" || strings.EqualFold(own, named)
	if same && x.api.soap.checked {
		if index, ok := x.soapElement(); ok {
			same = x.api.operations[index].operation == x.Context.Operation
		}
	}
	if same {
		return nil
	}
	return &policy.Error{Source: "soap", Reason: "SoapActionMismatch", Status: http.StatusBadRequest, Scope: "api", Section: "inbound",
		Message: "The address, the SOAP action and the body of the message do not name the same operation."}
}
