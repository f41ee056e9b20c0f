package statement

import (
	"maps"
	"slices"

	"gatehouse/internal/apim"
	"gatehouse/internal/policy"
)

// validateHeadersStatement checks the headers of responses against those that
// the operation declares for their status.
type validateHeadersStatement struct {
	validation
	unspecified actionValue
	overrides   map[string]actionValue
	byStatus    map[int]*declaredHeaders
}

// declaredHeaders are those of the responses with one status.
type declaredHeaders struct {
	fields []fieldCheck
	names  map[string]bool
	bodies bool // the response declares content types
}

func validateHeaders() *policy.Definition {
	return &policy.Definition{Name: "validate-headers", Sections: policy.Outbound | policy.OnError, Scopes: policy.AnyScope,
		Attributes: []string{"specified-header-action", "unspecified-header-action", "errors-variable-name"}, Compile: compileValidateHeaders}
}

func compileValidateHeaders(k *policy.Compiler, e *policy.Element) policy.Statement {
	k.Once(e)
	checkChildren(k, e, "header")
	s := &validateHeadersStatement{validation: compileValidation(k, e, "errors-variable-name"), unspecified: requiredAction(k, e, "unspecified-header-action"),
		overrides: fieldOverrides(k, e, "header", true), byStatus: map[int]*declaredHeaders{}}
	specified := requiredAction(k, e, "specified-header-action")
	op := k.Environment().Operation
	if op == nil {
		return s
	}
	for i := range op.Responses {
		r := &op.Responses[i]
		if s.byStatus[r.StatusCode] == nil {
			s.byStatus[r.StatusCode] = s.compileHeaders(k, e, r, specified)
		}
	}
	return s
}

func (s *validateHeadersStatement) compileHeaders(k *policy.Compiler, e *policy.Element, r *apim.Response, specified actionValue) *declaredHeaders {
	out := &declaredHeaders{names: map[string]bool{}, bodies: len(r.Representations) > 0}
	for i := range r.Headers {
		f := compileField(k, e, &r.Headers[i], "ResponseHeader", "header", specified)
		if action, ok := s.overrides[f.name]; ok {
			f = compileField(k, e, &r.Headers[i], "ResponseHeader", "header", action)
		}
		out.fields, out.names[f.name] = append(out.fields, f), true
	}
	return out
}

func (s *validateHeadersStatement) Run(c *policy.Context) error {
	var all findings
	if c.Response == nil {
		return s.finish(c, all)
	}
	declared := s.byStatus[c.Response.StatusCode]
	if declared == nil {
		declared = &declaredHeaders{}
	}
	for i := range declared.fields {
		f := &declared.fields[i]
		if err := f.run(c, &s.validation, &all, c.Response.Header[f.name]); err != nil {
			return err
		}
	}
	if len(s.overrides) == 0 && s.unspecified.always(actionIgnore) {
		return s.finish(c, all)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Response.Header)) {
		if declared.names[name] || transportHeader(name, declared.bodies) {
			continue
		}
		action, ok := s.overrides[name]
		if !ok {
			action = s.unspecified
		}
		if err := unspecified(c, &s.validation, &all, name, "ResponseHeader", "header", action); err != nil {
			return err
		}
	}
	return s.finish(c, all)
}
