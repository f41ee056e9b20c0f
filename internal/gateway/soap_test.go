package gateway

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"gatehouse/internal/apim"
)

const (
	addMessage = `<?xml version="1.0"?><!-- sum --><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header><t:Token xmlns:t="urn:t"><t:Body>x</t:Body></t:Token></s:Header><s:Body>
 <Add xmlns="http://tempuri.org/"><a>1</a></Add></s:Body></s:Envelope>`
	subtractMessage = `<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope" xmlns:m="http://tempuri.org/"><e:Body><m:Subtract/></e:Body></e:Envelope>`
)

// calculator is a SOAP API whose backend tells what reached it.
func calculator(t *testing.T, operations ...*apim.Operation) *harness {
	t.Helper()
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "text/xml")
		_, _ = w.Write([]byte(r.URL.RequestURI() + "|" + r.Header.Get("Soapaction") + "|" + r.Header.Get("X-Op") + "|" + string(body)))
	}))
	t.Cleanup(backend.Close)
	s := testService("")
	s.APIs = []*apim.API{{ID: "calc", Path: "calc", IsCurrent: true, Type: apim.TypeSOAP, ServiceURL: backend.URL + "/Calculator.svc", Operations: operations,
		Policy: document(`<set-header name="X-Op" exists-action="override"><value>@(context.Operation.Id)</value></set-header>`)}}
	s.Products = nil
	return newHarness(t, s, nil)
}

func addAndSubtract() []*apim.Operation {
	return []*apim.Operation{
		{ID: "add", Name: "Add", Method: "POST", URLTemplate: "/?soapAction=http://tempuri.org/ICalculator/Add"},
		{ID: "subtract", Name: "Subtract", Method: "POST", URLTemplate: "/?soapAction=http://tempuri.org/ICalculator/Subtract"},
	}
}

func TestSOAPOperationIsFound(t *testing.T) {
	h := calculator(t, addAndSubtract()...)
	for _, c := range []struct {
		name, path, body string
		header           []string
		operation        string // "" is 404
	}{
		{"quoted action", "/calc", addMessage, []string{"SOAPAction", `"http://tempuri.org/ICalculator/Add"`}, "add"},
		{"plain action with a slash", "/calc/", addMessage, []string{"SOAPAction", `http://tempuri.org/ICalculator/Add`}, "add"},
		{"action of SOAP 1.2", "/calc", subtractMessage, []string{"Content-Type", `application/soap+xml; charset=utf-8; action="http://tempuri.org/ICalculator/Subtract"`}, "subtract"},
		{"query", "/calc?soapAction=http://tempuri.org/ICalculator/Subtract", subtractMessage, nil, "subtract"},
		{"body alone", "/calc", subtractMessage, []string{"Content-Type", "application/soap+xml"}, "subtract"},
		{"empty action", "/calc", addMessage, []string{"SOAPAction", `""`, "Content-Type", "text/xml"}, "add"},
		{"unknown action", "/calc", addMessage, []string{"SOAPAction", "urn:other"}, ""},
		{"unknown element", "/calc", `<Envelope><Body><Divide/></Body></Envelope>`, nil, ""},
		{"no envelope", "/calc", `<Add/>`, nil, ""},
		{"not XML", "/calc", `{"Add": 1}`, nil, ""},
		{"other path", "/calc/other", addMessage, []string{"SOAPAction", `http://tempuri.org/ICalculator/Add`}, ""},
	} {
		resp, body := h.call(t, "POST", c.path, strings.NewReader(c.body), c.header...)
		h.recorder.last(t)
		if c.operation == "" {
			if resp.StatusCode != 404 || !strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json") {
				t.Errorf("%s: %d %s", c.name, resp.StatusCode, body)
			}
			continue
		}
		if resp.StatusCode != 200 || !strings.HasSuffix(body, "|"+c.operation+"|"+c.body) || !strings.HasPrefix(body, "/Calculator.svc") {
			t.Errorf("%s: %d %s", c.name, resp.StatusCode, body)
		}
	}
	if resp, _ := h.call(t, "GET", "/calc?wsdl", nil); resp.StatusCode != 404 { // as in Azure
		t.Errorf("wsdl: %d", resp.StatusCode)
	}
}

func TestSOAPOperationOfADescription(t *testing.T) {
	operations := addAndSubtract()
	operations[0].SOAPElement, operations[1].SOAPElement = "{http://tempuri.org/}Add", "{urn:other}Add"
	h := calculator(t, operations...)
	if _, body := h.call(t, "POST", "/calc", strings.NewReader(addMessage)); !strings.Contains(body, "|add|") {
		t.Error(body)
	}
	if _, body := h.call(t, "POST", "/calc", strings.NewReader(strings.Replace(addMessage, `"http://tempuri.org/"`, `"urn:other"`, 1))); !strings.Contains(body, "|subtract|") {
		t.Error(body)
	}
	// The name alone would be either.
	if resp, body := h.call(t, "POST", "/calc", strings.NewReader(strings.Replace(addMessage, `"http://tempuri.org/"`, `"urn:third"`, 1))); resp.StatusCode != 404 {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
}

func TestSOAPMessageNamesOneOperation(t *testing.T) {
	operations := addAndSubtract()
	operations[1].Policy = document(`<ip-filter action="forbid"><address>127.0.0.1</address></ip-filter>`)
	h := calculator(t, operations...)
	add := `"http://tempuri.org/ICalculator/Add"`
	if resp, _ := h.call(t, "POST", "/calc", strings.NewReader(subtractMessage)); resp.StatusCode != 403 {
		t.Errorf("own policy: %d", resp.StatusCode)
	}
	h.recorder.last(t)
	resp, body := h.call(t, "POST", "/calc", strings.NewReader(subtractMessage), "SOAPAction", add)
	if e := h.recorder.last(t); resp.StatusCode != 400 || e.Failure.Reason != "SoapActionMismatch" || !strings.HasPrefix(body, `{ "statusCode": 400`) {
		t.Errorf("the body of another: %d %s", resp.StatusCode, body)
	}
	if resp, body = h.call(t, "POST", "/calc?soapAction=http://tempuri.org/ICalculator/Add", strings.NewReader(addMessage), "SOAPAction", "urn:hidden"); resp.StatusCode != 400 {
		t.Errorf("the action of another: %d %s", resp.StatusCode, body)
	}
	if resp, body = h.call(t, "POST", "/calc", strings.NewReader(addMessage), "SOAPAction", add); resp.StatusCode != 200 {
		t.Errorf("the same: %d %s", resp.StatusCode, body)
	}
}

func TestLargeSOAPMessageStreams(t *testing.T) {
	h := calculator(t, addAndSubtract()...)
	large := strings.Replace(addMessage, "<a>1</a>", "<a>"+strings.Repeat("1234567890", 200_000)+"</a>", 1)
	if resp, body := h.call(t, "POST", "/calc", io.MultiReader(strings.NewReader(large))); resp.StatusCode != 200 || !strings.HasSuffix(body, large) {
		t.Errorf("%d, %d bytes", resp.StatusCode, len(body))
	}
	late := strings.Replace(addMessage, "<s:Body>", "<!--"+strings.Repeat(" ", maxSOAPHead)+"--><s:Body>", 1)
	if resp, _ := h.call(t, "POST", "/calc", strings.NewReader(late)); resp.StatusCode != 404 {
		t.Errorf("an element that stands too far behind: %d", resp.StatusCode)
	}
}

func FuzzFirstBodyElement(f *testing.F) {
	f.Add([]byte(addMessage))
	f.Add([]byte(subtractMessage))
	f.Add([]byte("</a><Envelope><Body></Body><x/></Envelope>"))
	f.Fuzz(func(_ *testing.T, text []byte) { firstBodyElement(text) })
}
