package graphql

import (
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"net/url"
	"strings"
)

// Request is what a client asks for.
type Request struct {
	Query         string          `json:"query"`
	OperationName string          `json:"operationName,omitempty"`
	Variables     map[string]any  `json:"variables,omitempty"` // numbers are json.Number
	Extensions    json.RawMessage `json:"extensions,omitempty"`
}

// ReadBody reads the body of a POST: a JSON object, or the document itself when
// its content type is application/graphql.
func ReadBody(contentType string, body []byte) (*Request, *Error) {
	if kind, _, _ := mime.ParseMediaType(contentType); kind == "application/graphql" {
		return (&Request{Query: string(body)}).check()
	}
	text := bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\ufeff")))
	switch {
	case len(text) == 0:
		return nil, errorf("The request has no body: a JSON object with the member query is expected.")
	case text[0] == '[':
		return nil, errorf("Several requests in one body are not supported.")
	}
	r := &Request{}
	if err := decode(text, r); err != nil {
		return nil, errorf("The body is not a JSON object with the members query, operationName and variables.")
	}
	return r.check()
}

// ReadQuery reads the query string of a GET.
func ReadQuery(raw string) (*Request, *Error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, errorf("The query string is not valid.")
	}
	r := &Request{Query: values.Get("query"), OperationName: values.Get("operationName")}
	if text := values.Get("variables"); text != "" {
		if err := decode([]byte(text), &r.Variables); err != nil {
			return nil, errorf("The parameter variables is not a JSON object.")
		}
	}
	if text := values.Get("extensions"); text != "" && json.Valid([]byte(text)) {
		r.Extensions = json.RawMessage(text)
	}
	return r.check()
}

func (r *Request) check() (*Request, *Error) {
	if strings.TrimSpace(r.Query) == "" {
		return nil, errorf("The request has no document: the member query is missing or empty.")
	}
	return r, nil
}

// Body is the request as the body of a POST.
func (r *Request) Body() []byte {
	b, err := json.Marshal(r)
	if err != nil {
		return nil // it was read from JSON
	}
	return b
}

// Encode is the request as a query string; parameters of other names in raw stay.
func (r *Request) Encode(raw string) string {
	values, err := url.ParseQuery(raw)
	if err != nil {
		values = url.Values{}
	}
	values.Set("query", r.Query)
	return values.Encode()
}

// decode keeps numbers as they are written.
func decode(data []byte, to any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(to); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errTrailing
	}
	return nil
}

var errTrailing = errorf("text follows the JSON value")

// Decode reads a JSON value: objects are map[string]any, numbers json.Number.
func Decode(data []byte) (any, error) {
	var v any
	err := decode(data, &v)
	return v, err
}
