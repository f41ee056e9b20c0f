package statement

import (
	"errors"

	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
)

// sendRequestStatement makes a request and keeps its response in a variable.
type sendRequestStatement struct {
	request     *outgoing
	variable    string
	ignoreError bool
}

func sendRequest() *policy.Definition {
	return &policy.Definition{Name: "send-request", Sections: policy.AnySection, Scopes: policy.AnyScope,
		Attributes: outgoingAttributes, Compile: compileSendRequest}
}

func compileSendRequest(k *policy.Compiler, e *policy.Element) policy.Statement {
	return &sendRequestStatement{request: compileOutgoing(k, e), variable: requiredLiteral(k, e, "response-variable-name"),
		ignoreError: literalBool(k, e, "ignore-error", false)}
}

func (s *sendRequestStatement) Run(c *policy.Context) error {
	r, err := s.send(c)
	if err == nil {
		c.Variables.Set(s.variable, r)
		return nil
	}
	if s.ignoreError && !errors.Is(err, policy.ErrClientClosed) {
		c.Variables.Set(s.variable, nil)
		return nil
	}
	return err
}

func (s *sendRequestStatement) send(c *policy.Context) (*expr.Response, error) {
	r, err := s.request.build(c)
	if err != nil {
		return nil, err
	}
	response, err := c.Services.HTTP.Send(c, r)
	if err != nil {
		return nil, sendFailure(c, s.request.source, err)
	}
	return response, nil
}
