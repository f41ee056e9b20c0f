package statement

import "gatehouse/internal/policy"

// setHeaderStatement edits a header of the request in inbound and backend, of
// the response in outbound and on-error.
type setHeaderStatement struct {
	edit    *headerEdit
	request bool
}

func setHeader() *policy.Definition {
	return &policy.Definition{Name: "set-header", Sections: policy.AnySection, Scopes: policy.AnyScope,
		Attributes: []string{"name", "exists-action"}, Compile: compileSetHeader}
}

func compileSetHeader(k *policy.Compiler, e *policy.Element) policy.Statement {
	return &setHeaderStatement{edit: compileHeaderEdit(k, e), request: editsRequest(k.Section())}
}

func (s *setHeaderStatement) Run(c *policy.Context) error {
	return s.edit.apply(c, header(c, s.request), "set-header")
}
