package statement

import (
	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
)

// setHeaderStatement edits a header of the request in inbound and backend, of
// the response in outbound and on-error.
type setHeaderStatement struct {
	edit    *headerEdit
	request bool
	decides policy.Forwarding // of a literal name
}

func setHeader() *policy.Definition {
	return &policy.Definition{Name: "set-header", Sections: policy.AnySection, Scopes: policy.AnyScope,
		Attributes: []string{"name", "exists-action"}, Compile: compileSetHeader}
}

func compileSetHeader(k *policy.Compiler, e *policy.Element) policy.Statement {
	s := &setHeaderStatement{edit: compileHeaderEdit(k, e), request: editsRequest(k.Section())}
	s.decides = policy.ForwardingOf(s.edit.key)
	return s
}

func (s *setHeaderStatement) Run(c *policy.Context) error {
	h := header(c, s.request)
	if !s.request || s.decides == 0 && s.edit.key != "" {
		return s.edit.apply(c, h, "set-header")
	}
	return s.decide(c, h)
}

// decide edits a header in which the gateway else tells where the request came
// from.
func (s *setHeaderStatement) decide(c *policy.Context, h expr.Header) error {
	key, err := s.edit.evalKey(c, "set-header")
	if err != nil {
		return err
	}
	action, err := s.edit.exists.eval(c, "set-header")
	if err != nil {
		return err
	}
	if action != skip || len(h[key]) == 0 {
		c.Forwarding |= policy.ForwardingOf(key)
	}
	return s.edit.edit(c, h, key, action)
}
