package statement

import (
	"maps"
	"net/http"

	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
)

// returnResponseStatement ends the pipeline with a response of its own, or
// with the response of a variable on which the children are applied.
type returnResponseStatement struct {
	variable string
	status   *statusEdit
	headers  []*headerEdit
	body     *bodyEdit
}

func returnResponse() *policy.Definition {
	return &policy.Definition{Name: "return-response", Sections: policy.AnySection, Scopes: policy.AnyScope,
		Attributes: []string{"response-variable-name"}, Compile: compileReturnResponse}
}

func compileReturnResponse(k *policy.Compiler, e *policy.Element) policy.Statement {
	checkChildren(k, e, "set-status", "set-header", "set-body")
	s := &returnResponseStatement{status: nestedStatus(k, e), headers: nestedHeaders(k, e), body: nestedBody(k, e)}
	if e.Attr("response-variable-name") != nil {
		s.variable = requiredLiteral(k, e, "response-variable-name")
	}
	return s
}

func (s *returnResponseStatement) Run(c *policy.Context) error {
	r, err := s.base(c)
	if err != nil {
		return err
	}
	if s.status != nil {
		if err := s.status.apply(c, r); err != nil {
			return err
		}
	}
	for _, h := range s.headers {
		if err := h.apply(c, r.Header, "return-response"); err != nil {
			return err
		}
	}
	if s.body != nil {
		data, err := s.body.bytes(c)
		if err != nil {
			return err
		}
		replaceBody(c, &r.Body, r.Header, data)
	}
	return answer(c, r)
}

// blank is the response that the children fill.
func blank(headers int) *expr.Response {
	return &expr.Response{StatusCode: http.StatusOK, StatusReason: "OK", Header: make(expr.Header, headers+1)}
}

// base is the response on which the children are applied: a copy, as the
// variable's value is shared, but for context.Response, whose body can have one
// owner only.
func (s *returnResponseStatement) base(c *policy.Context) (*expr.Response, error) {
	if s.variable == "" {
		return blank(len(s.headers)), nil
	}
	value, set := c.Variables.Get(s.variable)
	from, ok := value.(*expr.Response)
	if !set && (s.status != nil || s.body != nil || len(s.headers) > 0) {
		// Published policies name a variable that nobody sets beside what they answer.
		return blank(len(s.headers)), nil
	}
	if !ok || from == nil {
		return nil, invalid(c, "return-response", "The variable "+s.variable+" holds no response.")
	}
	if from == c.Response {
		return response(c), nil
	}
	r := *from
	r.Header = maps.Clone(from.Header)
	if r.Header == nil {
		r.Header = expr.Header{}
	}
	return &r, nil
}
