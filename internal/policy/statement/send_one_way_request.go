package statement

import (
	"context"

	"gatehouse/internal/policy"
	"gatehouse/internal/telemetry"
)

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
	if c.Services.Background == nil {
		s.send(c, r)
		return nil
	}
	// The context goes back to its pool when the request ends: the call gets
	// one of its own.
	services, now, random := c.Services, c.Now, c.Random
	trace, span, sampled := c.Exchange.TraceID, c.Exchange.SpanID, c.Exchange.Sampled
	accepted := c.Services.Background.Go(func(ctx context.Context) {
		own := &policy.Context{Std: ctx, Services: services, Exchange: telemetry.NewExchange()}
		own.Now, own.Random = now, random
		own.Exchange.Start = now()
		own.Exchange.TraceID, own.Exchange.SpanID, own.Exchange.Sampled = trace, span, sampled
		s.send(own, r)
		own.Exchange.Release()
	})
	if !accepted {
		c.Event(telemetry.SeverityWarning, "send-one-way-request", "dropped: too many one-way requests are under way", nil)
	}
	return nil
}

func (s *sendOneWayRequestStatement) send(c *policy.Context, r *policy.OutgoingRequest) {
	response, err := c.Services.HTTP.Send(c, r)
	if err != nil {
		c.Event(telemetry.SeverityWarning, "send-one-way-request", sendFailure(c, s.request.source, err).Error(), nil)
		return
	}
	if err := response.Body.Close(); err != nil {
		c.Event(telemetry.SeverityVerbose, "send-one-way-request", "closing the response: "+err.Error(), nil)
	}
}
