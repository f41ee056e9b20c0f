package gateway

import (
	"strings"
	"testing"

	"gatehouse/internal/apim"
)

// described is a WSDL with two schemas, of which one uses the other.
const described = `<?xml version="1.0"?><d:definitions xmlns:d="http://schemas.xmlsoap.org/wsdl/" xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:m="urn:money" targetNamespace="urn:calc"><d:types>
 <xs:schema targetNamespace="urn:calc" elementFormDefault="qualified"><xs:import namespace="urn:money"/>
  <xs:element name="Add"><xs:complexType><xs:sequence><xs:element name="a" type="xs:int"/><xs:element name="price" type="m:Amount" minOccurs="0"/></xs:sequence></xs:complexType></xs:element>
  <xs:element name="AddResponse" type="xs:int"/></xs:schema>
 <xs:schema targetNamespace="urn:money"><xs:simpleType name="Amount"><xs:restriction base="xs:decimal"><xs:minInclusive value="0"/></xs:restriction></xs:simpleType></xs:schema>
</d:types></d:definitions>`

// TestSOAPIsValidatedByItsDescription checks messages against the schemas in the
// WSDL, and those in RPC style, which it does not describe, to be SOAP only.
func TestSOAPIsValidatedByItsDescription(t *testing.T) {
	const validate = `<validate-content unspecified-content-type-action="prevent" max-size="10000" size-exceeded-action="prevent"><content type="text/xml" validate-as="soap" action="prevent"/></validate-content>`
	envelope := func(body string) string {
		return `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>` + body + `</s:Body></s:Envelope>`
	}
	text := []apim.Representation{{ContentType: "text/xml"}}
	operation := func(id, element string) *apim.Operation {
		return &apim.Operation{ID: id, Name: id, Method: "POST", URLTemplate: "/?soapAction=urn:calc/" + id, SOAPElement: element, Requests: text, Responses: []apim.Response{{StatusCode: 200, Representations: text}}}
	}
	s := testService(echoBackend(t).URL)
	s.Products = nil
	s.APIs = []*apim.API{{ID: "calc", Path: "calc", IsCurrent: true, Type: apim.TypeSOAP, ServiceURL: s.APIs[0].ServiceURL,
		Operations: []*apim.Operation{operation("Add", "{urn:calc}Add"), operation("Old", "{urn:calc}Old")},
		Schemas:    []*apim.Schema{{ID: "wsdl", ContentType: apim.SchemaWSDL, Document: []byte(described)}},
		Policy:     sections(validate+`<return-response><set-status code="200"/><set-body>ok</set-body></return-response>`, "", "", "")}}
	h := newHarness(t, s, nil)
	for _, c := range []struct {
		name, action, body string
		status             int
		answer             string
	}{
		{"fits", "Add", envelope(`<Add xmlns="urn:calc"><a>1</a><price>2.5</price></Add>`), 200, "ok"},
		{"a value that does not", "Add", envelope(`<Add xmlns="urn:calc"><a>x</a></Add>`), 400, "element 'a' does not fit"},
		{"of the other schema", "Add", envelope(`<Add xmlns="urn:calc"><a>1</a><price>-1</price></Add>`), 400, "element 'price' is below 0"},
		{"missing", "Add", envelope(`<Add xmlns="urn:calc"/>`), 400, "does not conform"},
		{"fault", "Add", envelope(`<s:Fault><faultcode>s:Client</faultcode></s:Fault>`), 200, "ok"},
		{"no envelope", "Add", `<Add xmlns="urn:calc"><a>1</a></Add>`, 400, "does not conform"},
		{"RPC style", "Old", envelope(`<Old xmlns="urn:calc"><x/></Old>`), 200, "ok"},
		{"RPC style without envelope", "Old", `<Old/>`, 400, "does not conform"},
	} {
		resp, body := h.call(t, "POST", "/calc", strings.NewReader(c.body), "Content-Type", "text/xml", "SOAPAction", "urn:calc/"+c.action)
		if resp.StatusCode != c.status || !strings.Contains(body, c.answer) {
			t.Errorf("%s: %d %s", c.name, resp.StatusCode, body)
		}
	}
	broken := *s.APIs[0]
	broken.Schemas = []*apim.Schema{{ID: "wsdl", ContentType: apim.SchemaWSDL, Document: []byte(strings.Replace(described, `namespace="urn:money"`, `namespace="urn:money" schemaLocation="money.xsd"`, 1))}}
	s.APIs = []*apim.API{&broken}
	snapshot, err := h.gateway.Compile(s)
	if err != nil || len(snapshot.Warnings) != 1 || !strings.Contains(snapshot.Warnings[0].Message, `the schemas in the WSDL of the API cannot be used: line 2: <import> names "money.xsd"`) {
		t.Errorf("%v %+v", err, snapshot.Warnings)
	}
}
