package policy

// Answerer is a statement that answers requests which match no operation, such
// as cross-domain. Only those that stand directly in inbound are asked.
type Answerer interface {
	Statement
	// Answers tells whether Run would answer the request.
	Answers(c *Context) bool
}

// Unmatched lets a statement answer a request that matches no operation. It
// returns false when there is none for it.
func (p *Pipeline) Unmatched(c *Context, fallback func(c *Context, e *Error)) (*Error, bool) {
	for i := range p.Inbound {
		s := &p.Inbound[i]
		a, ok := s.statement.(Answerer)
		if !ok || !a.Answers(c) {
			continue
		}
		c.Pipeline, c.Section = p, Inbound
		if err := s.run(c); err != nil {
			return p.Fail(c, AsError(err, "gateway"), fallback), true
		}
		return c.finish(nil), true
	}
	return nil, false
}
