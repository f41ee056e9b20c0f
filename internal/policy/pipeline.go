package policy

import (
	"errors"

	"gatehouse/internal/telemetry"
)

// Pipeline is a compiled policy: immutable, shared by all requests.
type Pipeline struct {
	Inbound, Backend, Outbound, OnError Block
	Info                                *telemetry.Pipeline
	elements                            []*Element
	resume                              int // of Outbound, after a stored response was served
	resolvers                           map[field]Block
}

// Element is where the statement with that place in Info.Steps was written.
func (p *Pipeline) Element(index uint16) *Element { return p.elements[index] }

// Elements are all statements, in the order of Info.Steps.
func (p *Pipeline) Elements() []*Element { return p.elements }

// Block is statements that run one after the other.
type Block []step

type step struct {
	statement Statement
	index     uint16
}

// Run runs the statements until one fails or answers. Every execution is
// timed: the cost is one clock reading before and after.
func (b Block) Run(c *Context) error {
	for i := range b {
		if err := b[i].run(c); err != nil {
			return err
		}
		if c.ended {
			return nil
		}
	}
	return nil
}

func (s *step) run(c *Context) error {
	e := c.Exchange
	slot := -1
	if len(e.Steps) < telemetry.MaxSteps {
		slot = len(e.Steps)
		e.Steps = append(e.Steps, telemetry.Step{Index: s.index, Start: e.Since()})
	} else {
		e.DroppedSteps++
	}
	if c.Recorder != nil {
		c.Recorder.Before(c, s.index)
	}
	err := s.statement.Run(c)
	if c.Recorder != nil {
		c.Recorder.After(c, s.index, err)
	}
	if slot >= 0 {
		t := &e.Steps[slot]
		t.Duration = e.Since() - t.Start
		if err != nil {
			t.Outcome = telemetry.OutcomeError
		} else if c.ended {
			t.Outcome = telemetry.OutcomeReturned
		}
	}
	if err != nil {
		return c.place(err, s.index)
	}
	return nil
}

// place fills in where an error happened; the innermost statement wins.
func (c *Context) place(err error, index uint16) error {
	el := c.Pipeline.elements[index]
	e := AsError(err, el.Name)
	if e.Section == "" {
		info := &c.Pipeline.Info.Steps[index]
		e.Section, e.Scope, e.Path = info.Section, info.Scope, el.Path
		if e.PolicyID == "" {
			e.PolicyID = info.ID
		}
	}
	return e
}

// Run runs the whole pipeline: inbound, backend, outbound, and on-error when a
// statement fails. It returns the failure when on-error did not replace the
// answer; the caller then writes the default answer, which context.Response
// holds. ErrClientClosed is returned as it is, and nothing more runs.
func (p *Pipeline) Run(c *Context, fallback func(c *Context, e *Error)) *Error {
	c.Pipeline = p
	err := p.sections(c)
	if err == nil {
		return c.finish(nil)
	}
	if errors.Is(err, ErrClientClosed) {
		return c.finish(AsError(err, "request"))
	}
	return p.Fail(c, AsError(err, "gateway"), fallback)
}

func (p *Pipeline) sections(c *Context) error {
	c.Section = Inbound
	if err := p.Inbound.Run(c); err != nil {
		return err
	}
	how, over := c.leave()
	switch {
	case over:
		return nil
	case how == sectionRuns:
		if over, err := p.backend(c); err != nil || over {
			return err
		}
	}
	c.Section = Outbound
	outbound := p.Outbound
	if how == sectionServed {
		outbound = outbound[p.resume:]
	}
	err := outbound.Run(c)
	c.leave()
	return err
}

func (p *Pipeline) backend(c *Context) (over bool, err error) {
	c.Section = Backend
	if err := p.Backend.Run(c); err != nil {
		return true, err
	}
	if _, over := c.leave(); over {
		return true, nil
	}
	c.Section = Outbound
	for _, f := range c.before {
		if err := f(c); err != nil {
			e := AsError(err, "gateway")
			if e.Section == "" { // no statement of its own is running
				e.Section = Outbound.String()
			}
			return true, e
		}
	}
	return false, nil
}

// Fail runs on-error for an error that happened before or in the pipeline.
// fallback puts the default answer into context.Response first.
func (p *Pipeline) Fail(c *Context, e *Error, fallback func(c *Context, e *Error)) *Error {
	c.Pipeline = p
	c.ended, c.section = false, sectionRuns
	c.Section = OnError
	c.setLastError(e)
	c.Budget.HandleError()
	fallback(c, e)
	if err := p.OnError.Run(c); err != nil {
		if errors.Is(err, ErrClientClosed) {
			return c.finish(AsError(err, "request"))
		}
		e = AsError(err, "on-error")
		c.setLastError(e)
		fallback(c, e)
	}
	return c.finish(e)
}

func (c *Context) finish(e *Error) *Error {
	for _, f := range c.after {
		f()
	}
	return e
}
