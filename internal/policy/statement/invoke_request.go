package statement

import (
	"net/http"
	"strings"

	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
)

// invokeRequestStatement makes a request and keeps its response in a variable.
// Without a variable the response becomes context.Response and the section is
// over.
type invokeRequestStatement struct {
	method, url, backend policy.String
	variable             string
	headers              []*headerEdit
	body                 *bodyEdit
}

func invokeRequest() *policy.Definition {
	return &policy.Definition{Name: "invoke-request", Sections: policy.AnySection, Scopes: policy.AnyScope,
		Attributes: []string{"method", "url", "backend-id", "response-variable-name"}, Compile: compileInvokeRequest}
}

func compileInvokeRequest(k *policy.Compiler, e *policy.Element) policy.Statement {
	checkChildren(k, e, "set-header", "set-body")
	s := &invokeRequestStatement{method: k.String(e, "method", http.MethodGet), url: k.String(e, "url", ""), backend: k.String(e, "backend-id", ""),
		variable: k.Literal(e, "response-variable-name", ""), headers: nestedHeaders(k, e), body: nestedBody(k, e)}
	u, b := e.Attr("url"), e.Attr("backend-id")
	if u == nil && b == nil {
		k.Errorf(e.Pos, "<invoke-request> needs the attribute \"url\", \"backend-id\", or both")
	}
	if u != nil && b == nil && !u.Value.Expression {
		if _, err := expr.ParseURL(u.Value.Text); err != nil {
			report(k, &u.Value, u.Value.Pos, "url: expected an absolute URL, such as https://example.com/path, unless a backend-id is given")
		}
	}
	if known := k.Environment().Backends; b != nil && !b.Value.Expression && known != nil && !known[b.Value.Text] {
		k.Errorf(b.Value.Pos, "backend-id=%q: the service has no such backend", b.Value.Text)
	}
	return s
}

func (s *invokeRequestStatement) Run(c *policy.Context) error {
	r, err := s.build(c)
	if err != nil {
		return err
	}
	response, err := c.Services.HTTP.Send(c, r)
	if err != nil {
		return sendFailure(c, "invoke-request", err)
	}
	if s.variable != "" {
		c.Variables.Set(s.variable, response)
		return nil
	}
	if err := answer(c, response); err != nil {
		return err
	}
	c.EndSection()
	return nil
}

func (s *invokeRequestStatement) build(c *policy.Context) (*policy.OutgoingRequest, error) {
	r := &policy.OutgoingRequest{Source: "invoke-request", Header: make(expr.Header, len(s.headers)+1), Attempt: 1, Timeout: duration(defaultSendTimeout)}
	var err error
	if r.Method, err = evalMethod(c, &s.method, "invoke-request"); err != nil {
		return nil, err
	}
	if r.Backend, err = s.backend.Eval(c); err != nil {
		return nil, err
	}
	text, err := s.url.Eval(c)
	if err != nil {
		return nil, err
	}
	r.URL, err = expr.ParseURL(text)
	switch {
	case r.Backend != "" && err == nil:
		return nil, invalid(c, "invoke-request", "With a backend-id, url must be a path and not name a host.")
	case r.Backend != "":
		r.URL.Path, r.URL.RawQuery, _ = strings.Cut(text, "?")
	case err != nil:
		return nil, invalid(c, "invoke-request", "The url is not an absolute URL.")
	}
	for _, h := range s.headers {
		if err := h.apply(c, r.Header, "invoke-request"); err != nil {
			return nil, err
		}
	}
	if s.body != nil {
		r.Body, err = s.body.bytes(c)
		return r, err
	}
	return r, nil
}
