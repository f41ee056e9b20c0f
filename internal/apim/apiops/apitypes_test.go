package apiops

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gatehouse/internal/apim"
)

// folder writes a service folder of pairs of name and text.
func folder(t *testing.T, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i < len(files); i += 2 {
		name := filepath.Join(dir, files[i])
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(files[i+1]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// oneAPI loads a folder that holds one API and no reason to warn.
func oneAPI(t *testing.T, files ...string) *apim.API {
	t.Helper()
	s, err := Load(folder(t, files...), Options{LookupEnv: noEnv})
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Warnings) > 0 {
		t.Errorf("warnings: %v", s.Warnings)
	}
	return s.APIs[0]
}

const emptyPolicy = "<policies><inbound><base/></inbound></policies>"

func TestWebSocketAPIHasOneOperation(t *testing.T) {
	a := oneAPI(t, "apis/chat/apiInformation.json", `{"properties": {"path": "chat", "type": "websocket", "protocols": ["ws", "wss"], "serviceUrl": "wss://chat.example/socket"}}`,
		"apis/chat/operations/onHandshake/policy.xml", emptyPolicy)
	if len(a.Operations) != 1 || a.Operations[0].ID != "onHandshake" || a.Operations[0].Policy == nil || a.Operations[0].URLTemplate != "/*" {
		t.Errorf("%+v", a.Operations)
	}
	a = oneAPI(t, "apis/chat/apiInformation.json", `{"properties": {"path": "chat", "type": "websocket", "serviceUrl": "ws://chat.example"}}`,
		"apis/chat/operations/onhandshake/operationInformation.json", `{"properties": {"displayName": "On Handshake", "method": "GET", "urlTemplate": "/"}}`)
	if len(a.Operations) != 1 || a.Operations[0].Name != "On Handshake" || a.Operations[0].URLTemplate != "/*" {
		t.Errorf("%+v", a.Operations[0])
	}
}

const calculatorWSDL = `<?xml version="1.0" encoding="utf-8"?>
<wsdl:definitions xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:soap12="http://schemas.xmlsoap.org/wsdl/soap12/"
  xmlns:http="http://schemas.xmlsoap.org/wsdl/http/" xmlns:tns="http://tempuri.org/" targetNamespace="http://tempuri.org/">
 <wsdl:message name="AddIn"><wsdl:part name="parameters" element="tns:Add"/></wsdl:message>
 <wsdl:message name="SubIn"><wsdl:part name="parameters" xmlns:q1="urn:q1" element="q1:SubtractRequest"/></wsdl:message>
 <wsdl:message name="OldIn"><wsdl:part name="a" type="xs:int"/></wsdl:message>
 <wsdl:portType name="ICalculator">
  <wsdl:operation name="Add"><wsdl:input message="tns:AddIn"/></wsdl:operation>
  <wsdl:operation name="Subtract"><wsdl:input message="tns:SubIn"/></wsdl:operation>
  <wsdl:operation name="Old"><wsdl:input message="tns:OldIn"/></wsdl:operation>
 </wsdl:portType>
 <wsdl:binding name="one" type="tns:ICalculator"><soap:binding transport="http://schemas.xmlsoap.org/soap/http"/>
  <wsdl:operation name="Add"><soap:operation soapAction="http://tempuri.org/ICalculator/Add?a&amp;b" style="document"/><wsdl:input><soap:body use="literal"/></wsdl:input></wsdl:operation>
  <wsdl:operation name="Subtract"><soap:operation soapAction=""/></wsdl:operation>
  <wsdl:operation name="Old"><soap:operation soapAction="urn:old" style="rpc"/><wsdl:input><soap:body use="literal" namespace="urn:rpc"/></wsdl:input></wsdl:operation>
 </wsdl:binding>
 <wsdl:binding name="two" type="tns:ICalculator"><soap12:binding transport="http://schemas.xmlsoap.org/soap/http"/>
  <wsdl:operation name="Add"><soap12:operation soapAction="http://tempuri.org/ICalculator/Add"/></wsdl:operation>
 </wsdl:binding>
 <wsdl:binding name="three" type="tns:ICalculator"><http:binding verb="GET"/><wsdl:operation name="Get"><http:operation location="/Get"/></wsdl:operation></wsdl:binding>
</wsdl:definitions>`

const calculatorInfo = `{"properties": {"path": "calc", "type": "soap", "serviceUrl": "https://calc.example/svc"}}`

func TestSOAPOperationsOfTheDescription(t *testing.T) {
	a := oneAPI(t, "apis/calc/apiInformation.json", calculatorInfo, "apis/calc/specification.wsdl", calculatorWSDL,
		"apis/calc/operations/add/policy.xml", emptyPolicy)
	var got []string
	for _, op := range a.Operations {
		line := op.ID + " " + op.Method + " " + op.URLTemplate + " " + op.SOAPElement
		for i, r := range op.Requests {
			line += " " + r.ContentType
			if op.Responses[0].StatusCode != 200 || op.Responses[0].Representations[i].ContentType != r.ContentType {
				t.Errorf("%s: the response is %+v", op.ID, op.Responses)
			}
		}
		got = append(got, line)
	}
	want := []string{"Add POST /?soapAction=http://tempuri.org/ICalculator/Add?a%26b {http://tempuri.org/}Add text/xml application/soap+xml",
		"Subtract POST /?soapAction=Subtract {urn:q1}SubtractRequest text/xml", "Old POST /?soapAction=urn:old {urn:rpc}Old text/xml"}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if a.Operations[0].Policy == nil {
		t.Error("the policy was not attached")
	}
	if len(a.Schemas) != 1 || a.Schemas[0].ContentType != apim.SchemaWSDL {
		t.Errorf("the schemas are %+v", a.Schemas)
	}
}

func TestSOAPOperationsThatTheFolderLists(t *testing.T) {
	a := oneAPI(t, "apis/calc/apiInformation.json", calculatorInfo, "apis/calc/specification.wsdl", calculatorWSDL,
		"apis/calc/operations/5f0e/operationInformation.json", `{"properties": {"displayName": "Take away", "method": "POST", "urlTemplate": "/?soapAction=Subtract"}}`)
	if len(a.Operations) != 1 || a.Operations[0].ID != "5f0e" || a.Operations[0].SOAPElement != "{urn:q1}SubtractRequest" || len(a.Operations[0].Requests) != 1 {
		t.Errorf("%+v", a.Operations)
	}
}

func TestBrokenDescriptions(t *testing.T) {
	for text, want := range map[string]string{
		"<wsdl:definitions": "apis/calc/specification.wsdl:1:18: is not valid XML",
		"<description/>":    "apis/calc/specification.wsdl:1:1: is not a WSDL 1.1 description: the root element is <description>, not <definitions>",
		"":                  "apis/calc/specification.wsdl:1:1: is not a WSDL description",
		"<definitions/>":    `apis/calc/operations/add/policy.xml:1:1: the API has no operation "add"; its specification declares none`,
	} {
		_, err := Load(folder(t, "apis/calc/apiInformation.json", calculatorInfo, "apis/calc/specification.wsdl", text, "apis/calc/operations/add/policy.xml", emptyPolicy), Options{LookupEnv: noEnv})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

const librarian = `// package wrong;
syntax = "proto3"; /* service Comment { rpc No(A) returns (B); } */
package acme.library.v1;
option go_package = "service X { rpc No(A) returns (B); } \" ";
message service { string rpc = 1; }
message Book { message Page { int32 rpc = 1; } oneof service { string a = 2; } }
service Library {
  option deprecated = true;
  rpc GetBook (GetRequest) returns (Book) { option (google.api.http) = { get: "/v1/{name}" }; }
  rpc Watch(stream GetRequest) returns (stream Book);
}
service Empty {}
service Second { rpc rpc(A) returns (B); }
`

func TestGRPCOperations(t *testing.T) {
	info := `{"properties": {"path": "", "type": "grpc", "serviceUrl": "grpcs://library.example:443"}}`
	a := oneAPI(t, "apis/library/apiInformation.json", info, "apis/library/specification.proto", librarian,
		"apis/library/operations/acme.library.v1.Library.Watch/policy.xml", emptyPolicy)
	var got []string
	for _, op := range a.Operations {
		got = append(got, op.ID+" "+op.Name+" "+op.Method+" "+op.URLTemplate)
	}
	want := []string{"acme.library.v1.Library.GetBook GetBook POST /acme.library.v1.Library/GetBook",
		"acme.library.v1.Library.Watch Watch POST /acme.library.v1.Library/Watch", "acme.library.v1.Second.rpc rpc POST /acme.library.v1.Second/rpc"}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if a.Operations[1].Policy == nil {
		t.Error("the policy was not attached")
	}
	if a = oneAPI(t, "apis/library/apiInformation.json", info); len(a.Operations) != 1 || a.Operations[0].URLTemplate != "/*" {
		t.Errorf("without a description: %+v", a.Operations)
	}
}

func FuzzProto(f *testing.F) {
	f.Add(librarian)
	f.Add("service A { rpc")
	f.Add("package 'a\\")
	f.Fuzz(func(_ *testing.T, text string) { addMethods(nil, text) })
}

func TestMCPServers(t *testing.T) {
	pets := []string{"apis/pets/apiInformation.json", `{"properties": {"path": "pets", "serviceUrl": "https://pets.example"}}`,
		"apis/pets/operations/get-pet/operationInformation.json", `{"properties": {"displayName": "Get", "description": "Finds a pet.", "method": "GET", "urlTemplate": "/{id}"}}`}
	a := oneAPI(t, append(pets, "apis/a-tools/apiInformation.json", `{"properties": {"path": "tools", "type": "mcp", "mcpTools": [
		{"name": "one", "description": "d", "operationId": "/subscriptions/s/resourceGroups/r/providers/Microsoft.ApiManagement/service/x/apis/pets/operations/GET-PET"}]}}`,
		"apis/a-tools/tools/two/toolInformation.json", `{"properties": {"displayName": "Two", "operationId": "apis/pets;rev=1/operations/get-pet"}}`)...)
	if len(a.MCP.Tools) != 2 || *a.MCP.Tools[0] != (apim.MCPTool{Name: "one", Description: "d", API: "pets", Operation: "get-pet"}) ||
		*a.MCP.Tools[1] != (apim.MCPTool{Name: "two", Title: "Two", API: "pets;rev=1", Operation: "get-pet"}) {
		t.Errorf("%+v %+v", a.MCP.Tools[0], a.MCP.Tools[1])
	}
	a = oneAPI(t, "apis/remote/apiInformation.json", `{"properties": {"path": "remote", "type": "mcp", "serviceUrl": "https://mcp.example",
		"mcpProperties": {"transportType": "sse", "endpoints": {"mcp": {"uriTemplate": "/api/mcp"}}}}}`)
	if a.MCP.Endpoint != "/api/mcp" || !a.MCP.SSE || a.MCP.Tools != nil {
		t.Errorf("%+v", a.MCP)
	}
	for ref, want := range map[string]string{
		"pets":                            `must have the form /apis/NAME/operations/NAME`,
		"/apis/cats/operations/get-pet":   `the tool "t" refers to the API "cats", which does not exist`,
		"/apis/pets/operations/feed":      `the tool "t" refers to the operation "feed", which the API "pets" does not have; its specification declares get-pet`,
		"/apis/a-tools/operations/mcp":    `of the type mcp; tools are made of operations of HTTP APIs`,
		"/apis/pets;rev=9/operations/get": `the tool "t" refers to the API "pets;rev=9", which does not exist`,
	} {
		_, err := Load(folder(t, append(pets, "apis/a-tools/apiInformation.json", `{"properties": {"path": "tools", "type": "mcp", "mcpTools": [{"name": "t", "operationId": "`+ref+`"}]}}`)...), Options{LookupEnv: noEnv})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "apis/a-tools/apiInformation.json:1:") {
			t.Errorf("%s: %v", ref, err)
		}
	}
}
