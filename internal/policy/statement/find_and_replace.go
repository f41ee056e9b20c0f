package statement

import (
	"bytes"
	"errors"

	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
)

// findAndReplaceStatement replaces a text in the body of the request in
// inbound and backend, of the response in outbound and on-error.
type findAndReplaceStatement struct {
	from, to policy.String
	request  bool
}

func findAndReplace() *policy.Definition {
	return &policy.Definition{Name: "find-and-replace", Sections: policy.AnySection, Scopes: policy.AnyScope,
		Attributes: []string{"from", "to"}, Compile: compileFindAndReplace}
}

func compileFindAndReplace(k *policy.Compiler, e *policy.Element) policy.Statement {
	checkChildren(k, e)
	s := &findAndReplaceStatement{from: required(k, e, "from"), to: required(k, e, "to"), request: editsRequest(k.Section())}
	if a := e.Attr("from"); a != nil && !a.Value.Expression && a.Value.Text == "" {
		k.Errorf(a.Value.Pos, "from must not be empty")
	}
	return s
}

func (s *findAndReplaceStatement) Run(c *policy.Context) error {
	body, h := s.message(c)
	if body == nil || !body.Present() {
		return nil
	}
	from, err := s.from.Eval(c)
	if err != nil {
		return err
	}
	to, err := s.to.Eval(c)
	if err != nil || from == "" {
		return err
	}
	data, err := body.Bytes(true)
	if errors.Is(err, expr.ErrBodyConsumed) {
		return nil
	}
	if err != nil {
		return err
	}
	found := bytes.Count(data, []byte(from))
	if found == 0 {
		return nil
	}
	if len(data)+found*(len(to)-len(from)) > expr.DefaultMaxBody {
		return invalid(c, "find-and-replace", "The body would be longer than 8 MB.")
	}
	replaceBody(c, body, h, bytes.ReplaceAll(data, []byte(from), []byte(to)))
	return nil
}

func (s *findAndReplaceStatement) message(c *policy.Context) (*expr.Body, expr.Header) {
	if s.request {
		return &c.Request.Body, c.Request.Header
	}
	if c.Response == nil {
		return nil, nil
	}
	return &c.Response.Body, c.Response.Header
}
