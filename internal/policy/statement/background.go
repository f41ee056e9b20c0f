package statement

import (
	"context"
	"errors"

	"gatehouse/internal/policy"
	"gatehouse/internal/telemetry"
)

// inBackground runs work that the request does not wait for. The context goes
// back to its pool when the request ends, so work gets one of its own, in the
// same trace. A failure is never the request's: it is told to Background.
func inBackground(c *policy.Context, source string, work func(own *policy.Context) error) {
	background := c.Services.Background
	if background == nil {
		if err := work(c); err != nil {
			c.Event(telemetry.SeverityWarning, source, failureText(err), nil)
		}
		return
	}
	services, now, random := c.Services, c.Now, c.Random
	trace, span, sampled := c.Exchange.TraceID, c.Exchange.SpanID, c.Exchange.Sampled
	accepted := background.Go(func(ctx context.Context) {
		own := &policy.Context{Std: ctx, Services: services, Exchange: telemetry.NewExchange()}
		own.Now, own.Random, own.Tracer = now, random, own
		own.Exchange.Start = now()
		own.Exchange.TraceID, own.Exchange.SpanID, own.Exchange.Sampled = trace, span, sampled
		if err := work(own); err != nil {
			background.Fail(source, failureText(err))
		}
		own.Exchange.Release()
	})
	if !accepted {
		c.Event(telemetry.SeverityWarning, source, "dropped: too much work in the background is under way", nil)
	}
}

// failureText is a failure without its source, which stands beside it.
func failureText(err error) string {
	var e *policy.Error
	if errors.As(err, &e) {
		return e.Reason + ": " + e.Message
	}
	return err.Error()
}
