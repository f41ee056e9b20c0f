package gateway

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"gatehouse/internal/apim"
	"gatehouse/internal/apim/openapi"
)

const validations = `<policies><inbound><base/>
 <validate-parameters specified-parameter-action="prevent" unspecified-parameter-action="prevent"><headers unspecified-parameter-action="ignore"/></validate-parameters>
 <validate-content unspecified-content-type-action="prevent" max-size="1000" size-exceeded-action="prevent" errors-variable-name="errors"><content validate-as="json" action="prevent"/></validate-content>
</inbound><backend><base/></backend><outbound><base/>
 <validate-status-code unspecified-status-code-action="prevent"/>
 <validate-headers specified-header-action="prevent" unspecified-header-action="ignore"/>
 <validate-content unspecified-content-type-action="ignore" max-size="1000" size-exceeded-action="detect"><content type="application/json" validate-as="json" action="detect"/></validate-content>
</outbound><on-error><base/></on-error></policies>`

// books serves a real description in front of a backend that answers as the
// request asks it to.
func books(t *testing.T) *harness {
	t.Helper()
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		status, answer := http.StatusOK, r.Header.Get("X-Answer")
		if _, err := fmt.Sscan(r.Header.Get("X-Status"), &status); err != nil {
			status = http.StatusOK
		}
		if total := r.Header.Get("X-Say-Total"); total != "" {
			w.Header().Set("X-Total", total)
		}
		if answer == "" {
			body, _ := io.ReadAll(r.Body)
			answer = string(body)
		}
		w.WriteHeader(status)
		io.WriteString(w, answer)
	}))
	t.Cleanup(backend.Close)
	data, err := os.ReadFile("testdata/books.yaml")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := openapi.Load(data, "books.yaml")
	if err != nil {
		t.Fatal(err)
	}
	service := openapi.Service(doc, backend.URL)
	service.APIs[0].Policy = &apim.Document{File: "books.xml", Text: validations}
	return newHarness(t, service, nil)
}

const book = `{"title": "Emma", "author": {"name": "Jane", "teacher": {"name": "George"}}, "subtitle": null, "genre": "fiction", "isbn": "978-0141439587", "price": 9.5}`

func TestValidationOfRequests(t *testing.T) {
	h := books(t)
	for _, c := range []struct{ method, path, body, want string }{
		{"GET", "/v1/books?limit=5&genre=fiction&genre=history", "", ""},
		{"GET", "/v1/books?limit=500", "", "The value of the query parameter limit does not conform to the definition. Number exceeds maximum value of 100."},
		{"GET", "/v1/books?limit=5&limit=6", "", "Request cannot contain multiple values for the query parameter limit."},
		{"GET", "/v1/books?genre=fiction&genre=war", "", "The value of the query parameter genre does not conform to the definition. Value is not defined in enum at '[1]'."},
		{"GET", "/v1/books?admin=true", "", "Unspecified query parameter admin is not allowed."},
		{"GET", "/v1/books/17", "", "The value of the path parameter id does not conform to the definition. String does not validate against format 'uuid'."},
		{"POST", "/v1/books", book, ""},
		{"POST", "/v1/books", `{"title": "Emma"}`, "Body of the request does not conform to the definition Book, which is associated with the content type application/json. Required properties are missing from object: author. Line: 1, Position: 1"},
		{"POST", "/v1/books", strings.Replace(book, "9.5", "0", 1), "Body of the request does not conform to the definition Book, which is associated with the content type application/json. Number equals or is less than exclusive minimum value of 0 at 'price'. Line: 1, Position: 151"},
		{"POST", "/v1/books", strings.Repeat(" ", 2000) + book, "Request's body is 2154 bytes long and it exceeds the limit of 1000 bytes."},
	} {
		answer := book
		if c.path == "/v1/books?limit=5&genre=fiction&genre=history" {
			answer = "[]"
		}
		resp, body := h.call(t, c.method, c.path, strings.NewReader(c.body), "Content-Type", "application/json", "X-Answer", answer, "X-Say-Total", "1",
			"X-Status", map[string]string{"GET": "200", "POST": "201"}[c.method])
		h.recorder.last(t)
		switch {
		case c.want == "" && resp.StatusCode >= 300:
			t.Errorf("%s %s: %d %s", c.method, c.path, resp.StatusCode, body)
		case c.want != "" && (resp.StatusCode != 400 || body != `{ "statusCode": 400, "message": "`+c.want+`" }`):
			t.Errorf("%s %s: %d %s\nwant %s", c.method, c.path, resp.StatusCode, body, c.want)
		}
	}
}

// A body that comes in pieces or compressed is validated and still sent whole.
func TestValidatedBodyIsSentWhole(t *testing.T) {
	h := books(t)
	pieces := io.MultiReader(strings.NewReader(book[:40]), strings.NewReader(book[40:]))
	resp, body := h.call(t, "POST", "/v1/books", struct{ io.Reader }{pieces}, "Content-Type", "application/json", "X-Status", "201")
	if resp.StatusCode != 201 || body != book {
		t.Errorf("in pieces: %d %s", resp.StatusCode, body)
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	io.WriteString(z, `{"title": 5}`)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	resp, body = h.call(t, "POST", "/v1/books", &packed, "Content-Type", "application/json", "Content-Encoding", "gzip")
	if resp.StatusCode != 400 || !strings.Contains(body, "Required properties are missing") {
		t.Errorf("compressed: %d %s", resp.StatusCode, body)
	}
	long := struct{ io.Reader }{strings.NewReader(strings.Repeat(" ", 5000) + book)}
	resp, body = h.call(t, "POST", "/v1/books", long, "Content-Type", "application/json")
	if resp.StatusCode != 400 || !strings.Contains(body, "more than 1000 bytes long") {
		t.Errorf("long, of unknown size: %d %s", resp.StatusCode, body)
	}
}

func TestValidationOfResponses(t *testing.T) {
	h := books(t)
	const path = "/v1/books/01234567-89ab-cdef-0123-456789abcdef"
	resp, body := h.call(t, "GET", path, nil, "X-Status", "500", "X-Answer", "stack trace")
	e := h.recorder.last(t)
	if resp.StatusCode != 502 || strings.Contains(body, "stack") || e.Failure.Reason != "Response not allowed" || e.Failure.Source != "validate-status-code" {
		t.Errorf("status: %d %s %+v", resp.StatusCode, body, e.Failure)
	}
	resp, body = h.call(t, "GET", "/v1/books", nil, "X-Answer", "[]", "X-Say-Total", "many")
	if e = h.recorder.last(t); resp.StatusCode != 502 || e.Failure.Source != "validate-headers" || !strings.Contains(e.Failure.Message, "header X-Total") {
		t.Errorf("header: %d %s %+v", resp.StatusCode, body, e.Failure)
	}
	// Detected: the client gets the answer, the trace tells.
	resp, body = h.call(t, "GET", path, nil, "X-Answer", `{"title": "secret", "id": 5}`)
	e = h.recorder.last(t)
	if resp.StatusCode != 200 || body != `{"title": "secret", "id": 5}` || len(e.Events) != 2 || e.Events[0].Source != "validate-content" || strings.Contains(fmt.Sprint(e.Events), "secret") {
		t.Errorf("detected: %d %s %+v", resp.StatusCode, body, e.Events)
	}
}
