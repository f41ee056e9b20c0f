package statement

import (
	"strconv"

	"gatehouse/internal/policy"
)

// validateStatusCodeStatement refuses responses whose status the operation does
// not declare.
type validateStatusCodeStatement struct {
	validation
	unspecified actionValue
	declared    map[int]bool
	overrides   map[int]actionValue // of codes that are not declared
}

func validateStatusCode() *policy.Definition {
	return &policy.Definition{Name: "validate-status-code", Sections: policy.Outbound | policy.OnError, Scopes: policy.AnyScope,
		Attributes: []string{"unspecified-status-code-action", "errors-variable-name", "error-variable-name"}, Compile: compileValidateStatusCode}
}

func compileValidateStatusCode(k *policy.Compiler, e *policy.Element) policy.Statement {
	k.Once(e)
	checkChildren(k, e, "status-code")
	variable := "errors-variable-name"
	if a := e.Attr("error-variable-name"); a != nil && e.Attr(variable) == nil {
		variable = "error-variable-name"
		k.Warnf(a.Pos, "the documented name of this attribute is errors-variable-name; error-variable-name is accepted here, but may be refused elsewhere")
	}
	s := &validateStatusCodeStatement{validation: compileValidation(k, e, variable),
		unspecified: requiredAction(k, e, "unspecified-status-code-action"), declared: map[int]bool{}, overrides: map[int]actionValue{}}
	for _, child := range e.Children {
		if child.Name != "status-code" {
			continue
		}
		checkAttributes(k, child, "code", "action")
		checkChildren(k, child)
		code := requiredLiteral(k, child, "code")
		n, err := strconv.Atoi(code)
		if a := child.Attr("code"); code != "" && (err != nil || !validStatus(int64(n))) {
			report(k, &a.Value, a.Value.Pos, "code=%q: expected a status code from 100 to 999", literal(a.Value))
		}
		s.overrides[n] = requiredAction(k, child, "action")
	}
	if op := k.Environment().Operation; op != nil {
		for _, r := range op.Responses {
			s.declared[r.StatusCode] = true
		}
	}
	return s
}

func (s *validateStatusCodeStatement) Run(c *policy.Context) error {
	var all findings
	if c.Response == nil || s.declared[c.Response.StatusCode] {
		return s.finish(c, all)
	}
	action, overridden := s.overrides[c.Response.StatusCode]
	if !overridden {
		action = s.unspecified
	}
	a, err := action.eval(c)
	if err != nil {
		return err
	}
	code := strconv.Itoa(c.Response.StatusCode)
	s.add(c, &all, finding{name: code, kind: "StatusCode", rule: "Unspecified", details: "Response status code " + code + " is not allowed.", action: a})
	return s.finish(c, all)
}
