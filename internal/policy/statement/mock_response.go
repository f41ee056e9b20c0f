package statement

import (
	"mime"
	"net/http"
	"strings"

	"gatehouse/internal/apim"
	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
)

// mockResponseStatement ends the pipeline with a declared response of the
// operation: its example, else the sample made from its schema, else nothing.
type mockResponseStatement struct {
	status      int
	reason      string
	contentType []string // nil: no header
	body        []byte
}

func mockResponse() *policy.Definition {
	return &policy.Definition{Name: "mock-response", Sections: policy.Inbound | policy.Outbound | policy.OnError, Scopes: policy.AnyScope,
		Attributes: []string{"status-code", "content-type", "index"}, Compile: compileMockResponse}
}

func compileMockResponse(k *policy.Compiler, e *policy.Element) policy.Statement {
	checkChildren(k, e)
	code := k.Int(e, "status-code", http.StatusOK)
	index := k.Int(e, "index", 0)
	if a := e.Attr("status-code"); a != nil && (code.Dynamic() || code.Known() && !validStatus(code.Literal)) {
		k.Errorf(a.Value.Pos, "status-code: expected a status code from 100 to 999, and no expression")
	}
	if a := e.Attr("index"); a != nil && (index.Dynamic() || index.Literal < 0) {
		k.Errorf(a.Value.Pos, "index: expected a number from 0, and no expression")
	}
	wanted := k.Literal(e, "content-type", "")
	s := &mockResponseStatement{status: int(code.Literal), reason: http.StatusText(int(code.Literal))}
	r := representation(k.Environment().Responses, s.status, wanted, int(index.Literal))
	switch {
	case wanted != "":
		s.contentType = []string{wanted}
	case r != nil && r.ContentType != "":
		s.contentType = []string{r.ContentType}
	}
	if r == nil {
		return s
	}
	text := r.Example
	if text == "" {
		text = r.Sample
	}
	s.body = []byte(text)
	return s
}

// representation finds the declared content of a status code: of the content
// type when one is wanted, else the first; index counts among those that fit.
func representation(responses []apim.Response, status int, contentType string, index int) *apim.Representation {
	for i := range responses {
		if responses[i].StatusCode != status {
			continue
		}
		for j := range responses[i].Representations {
			r := &responses[i].Representations[j]
			if contentType != "" && !strings.EqualFold(mediaType(r.ContentType), mediaType(contentType)) {
				continue
			}
			if index == 0 {
				return r
			}
			index--
		}
	}
	return nil
}

// mediaType is a content type without its parameters.
func mediaType(contentType string) string {
	if t, _, err := mime.ParseMediaType(contentType); err == nil {
		return t
	}
	return contentType
}

func (s *mockResponseStatement) Run(c *policy.Context) error {
	r := &expr.Response{StatusCode: s.status, StatusReason: s.reason, Header: expr.Header{}}
	if s.contentType != nil {
		r.Header["Content-Type"] = s.contentType
	}
	if len(s.body) > 0 {
		r.Body = expr.BytesBody(s.body)
	}
	return answer(c, r)
}
