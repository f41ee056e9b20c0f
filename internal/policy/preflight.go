package policy

import (
	"net/http"

	"gatehouse/internal/policy/expr"
)

// Preflighter is a statement that answers CORS preflights. When no OPTIONS
// operation matches a preflight, only these statements of the effective policy
// run, and only those that stand directly in inbound.
type Preflighter interface {
	Statement
	// Preflight ends the pipeline when it answered.
	Preflight(c *Context) error
}

// preflight runs a Preflighter with the timing of a statement.
type preflight struct{ Preflighter }

func (p preflight) Run(c *Context) error { return p.Preflighter.Preflight(c) }

// HandlesPreflight tells whether Preflight would answer.
func (p *Pipeline) HandlesPreflight() bool {
	for i := range p.Inbound {
		if _, ok := p.Inbound[i].statement.(Preflighter); ok {
			return true
		}
	}
	return false
}

// Preflight answers a CORS preflight that matches no OPTIONS operation. When
// no statement accepts the origin the answer is an empty 200 without CORS
// headers, which browsers take as a refusal. A failure runs on-error as in Run.
func (p *Pipeline) Preflight(c *Context, fallback func(c *Context, e *Error)) *Error {
	c.Pipeline = p
	c.Section = Inbound
	for i := range p.Inbound {
		s := &p.Inbound[i]
		handler, ok := s.statement.(Preflighter)
		if !ok {
			continue
		}
		one := step{statement: preflight{handler}, index: s.index}
		if err := one.run(c); err != nil {
			return p.Fail(c, AsError(err, "cors"), fallback)
		}
		if c.ended {
			return c.finish(nil)
		}
	}
	c.Response = &expr.Response{StatusCode: http.StatusOK, StatusReason: "OK", Header: expr.Header{}}
	c.End()
	return c.finish(nil)
}
