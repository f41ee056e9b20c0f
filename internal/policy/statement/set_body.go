package statement

import "gatehouse/internal/policy"

// setBodyStatement replaces the body of the request in inbound and backend, of
// the response in outbound and on-error.
type setBodyStatement struct {
	edit    *bodyEdit
	request bool
}

func setBody() *policy.Definition {
	return &policy.Definition{Name: "set-body", Sections: policy.AnySection, Scopes: policy.AnyScope,
		Attributes: bodyAttributes, Compile: compileSetBody}
}

func compileSetBody(k *policy.Compiler, e *policy.Element) policy.Statement {
	warnNarrow(k, e, policy.Inbound|policy.Backend|policy.Outbound)
	return &setBodyStatement{edit: compileBodyEdit(k, e), request: editsRequest(k.Section())}
}

func (s *setBodyStatement) Run(c *policy.Context) error {
	if s.request && !c.Request.Body.Present() && bodiless(c.Request.Method) {
		return invalid(c, "set-body", "The "+c.Request.Method+" request has no body to set; change its method first.")
	}
	data, err := s.edit.bytes(c)
	if err != nil {
		return err
	}
	if s.request {
		replaceBody(c, &c.Request.Body, c.Request.Header, data)
		return nil
	}
	r := response(c)
	replaceBody(c, &r.Body, r.Header, data)
	return nil
}

// bodiless tells whether requests of a method have no body.
func bodiless(method string) bool { return method == "GET" || method == "HEAD" }
