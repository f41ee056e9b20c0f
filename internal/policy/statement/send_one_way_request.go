package statement

import "gatehouse/internal/policy"

// sendOneWayRequestStatement makes a request whose response nobody waits for.
// Its failure is never the failure of the request that made it.
type sendOneWayRequestStatement struct{ request *outgoing }

func sendOneWayRequest() *policy.Definition {
	return &policy.Definition{Name: "send-one-way-request", Sections: policy.AnySection, Scopes: policy.AnyScope,
		Attributes: sendAttributes("response-variable-name", "ignore-error"), Compile: compileSendOneWayRequest}
}

func compileSendOneWayRequest(k *policy.Compiler, e *policy.Element) policy.Statement {
	return &sendOneWayRequestStatement{request: compileOutgoing(k, e)}
}

func (s *sendOneWayRequestStatement) Run(c *policy.Context) error {
	r, err := s.request.build(c)
	if err != nil {
		return err
	}
	inBackground(c, s.request.source, func(own *policy.Context) error {
		response, err := own.Services.HTTP.Send(own, r)
		if err != nil {
			return sendFailure(own, s.request.source, err)
		}
		return response.Body.Close()
	})
	return nil
}
