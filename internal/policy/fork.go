package policy

import (
	"context"

	"gatehouse/internal/policy/expr"
	"gatehouse/internal/telemetry"
)

// Fork makes a context for a branch that runs beside others, such as a child
// of wait. The branch may read everything and set variables; it must not change
// request or response. With bodies the bodies are read into memory, as a stream
// can be read only once; without, the fork sees messages without body. It may
// hold its part of the memory that is left, of beside that run at a time. The
// fork ends with Join or Drop.
func (c *Context) Fork(std context.Context, bodies bool, beside int) (*Context, error) {
	if bodies {
		if err := c.bufferBodies(); err != nil {
			return nil, err
		}
	}
	f := &Context{Context: c.Context, Std: std, Services: c.Services, Exchange: telemetry.NewExchange(),
		Pipeline: c.Pipeline, Section: c.Section, Target: c.Target, Recorder: c.Recorder}
	f.Tracer = f
	f.Budget, f.began = c.Budget.Share(beside), c.Budget.Held()
	if c.Response != nil {
		own := *c.Response
		f.Response = &own
	}
	if !bodies {
		f.Request.Body = expr.Body{}
		if f.Response != nil {
			f.Response.Body = expr.Body{}
		}
	}
	f.Variables = expr.Variables{}
	c.Variables.Each(func(name string, value any) {
		if r, ok := value.(*expr.Response); ok && r != nil {
			own := *r
			value = &own
		}
		f.Variables.Set(name, value)
	})
	e := f.Exchange
	e.Endpoint, e.TraceID, e.SpanID, e.RequestID = c.Exchange.Endpoint, c.Exchange.TraceID, c.Exchange.SpanID, c.Exchange.RequestID
	e.Sampled, e.Start, e.Legacy, e.Tracestate = c.Exchange.Sampled, c.Exchange.Start, c.Exchange.Legacy, c.Exchange.Tracestate
	return f, nil
}

func (c *Context) bufferBodies() error {
	if err := c.Request.Body.Buffer(); err != nil {
		return err
	}
	if c.Response == nil {
		return nil
	}
	return c.Response.Body.Buffer()
}

// Settle reads what variables hold only as a reference into a body, so that
// forks may look at it at a time.
func (c *Context) Settle() {
	c.Variables.Each(func(_ string, value any) { expr.Settle(value) })
}

// Join takes over the named variables of a fork and what it recorded.
func (c *Context) Join(f *Context, variables []string) {
	for _, name := range variables {
		if value, ok := f.Variables.Get(name); ok {
			c.Variables.Set(name, value)
		}
	}
	c.Drop(f)
}

// Drop takes over only what a fork recorded.
func (c *Context) Drop(f *Context) {
	c.secrets = append(c.secrets, f.secrets...)
	c.Budget.Rejoin(&f.Budget, f.began)
	e, own := c.Exchange, f.Exchange
	e.Steps = appendUpTo(e.Steps, own.Steps, telemetry.MaxSteps)
	e.DroppedSteps += own.DroppedSteps
	e.Calls = appendUpTo(e.Calls, own.Calls, telemetry.MaxCalls)
	e.Events = appendUpTo(e.Events, own.Events, telemetry.MaxEvents)
	e.Measurements = appendUpTo(e.Measurements, own.Measurements, telemetry.MaxMeasurements)
	own.Release()
}

func appendUpTo[T any](list, more []T, limit int) []T {
	return append(list, more[:min(len(more), max(0, limit-len(list)))]...)
}
