package statement

import "gatehouse/internal/policy"

// setMethodStatement sets the method of the request.
type setMethodStatement struct{ method policy.String }

func setMethod() *policy.Definition {
	return &policy.Definition{Name: "set-method", Sections: policy.AnySection, Scopes: policy.AnyScope, Compile: compileSetMethod}
}

func compileSetMethod(k *policy.Compiler, e *policy.Element) policy.Statement {
	warnNarrow(k, e, policy.Inbound|policy.OnError)
	return &setMethodStatement{method: compileMethod(k, e)}
}

// compileMethod compiles the text of set-method.
func compileMethod(k *policy.Compiler, e *policy.Element) policy.String {
	checkChildren(k, e)
	if !e.Text.Expression && !validHeaderName(e.Text.Text) {
		pos := e.Text.Pos
		if e.Text.Text == "" {
			pos = e.Pos
		}
		k.Errorf(pos, "<set-method> needs the name of a method, such as POST")
	}
	return k.StringValue(e.Text)
}

// evalMethod gives a method that is safe to send.
func evalMethod(c *policy.Context, v *policy.String, source string) (string, error) {
	method, err := v.Eval(c)
	if err != nil {
		return "", err
	}
	if !validHeaderName(method) {
		return "", invalid(c, source, "The expression of set-method gave no method name.")
	}
	return method, nil
}

func (s *setMethodStatement) Run(c *policy.Context) error {
	method, err := evalMethod(c, &s.method, "set-method")
	if err != nil {
		return err
	}
	c.Request.Method = method
	return nil
}
