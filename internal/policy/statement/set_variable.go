package statement

import "gatehouse/internal/policy"

// setVariableStatement keeps the run-time type of an expression; a literal is
// a string.
type setVariableStatement struct {
	name    string
	value   policy.Any
	literal any // the literal, boxed once; nil for an expression
}

func setVariable() *policy.Definition {
	return &policy.Definition{Name: "set-variable", Sections: policy.AnySection, Scopes: policy.AnyScope,
		Attributes: []string{"name", "value"}, Compile: compileSetVariable}
}

func compileSetVariable(k *policy.Compiler, e *policy.Element) policy.Statement {
	checkChildren(k, e)
	s := &setVariableStatement{name: requiredLiteral(k, e, "name")}
	if a := k.Required(e, "value"); a != nil {
		s.value = k.AnyValue(a.Value)
		if !a.Value.Expression {
			s.literal = a.Value.Text
		}
	}
	return s
}

func (s *setVariableStatement) Run(c *policy.Context) error {
	if s.literal != nil {
		c.Variables.Set(s.name, s.literal)
		return nil
	}
	v, err := s.value.Eval(c)
	if err != nil {
		return err
	}
	c.Variables.Set(s.name, v)
	return nil
}
