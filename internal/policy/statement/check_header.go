package statement

import (
	"net/textproto"
	"strings"

	"gatehouse/internal/policy"
)

// checkHeaderStatement refuses requests without a header, or without one of
// its allowed values.
type checkHeaderStatement struct {
	name       policy.String
	code       policy.Int
	message    policy.String
	ignoreCase policy.Bool
	values     []policy.String
}

func checkHeader() *policy.Definition {
	return &policy.Definition{Name: "check-header", Sections: policy.Inbound, Scopes: policy.AnyScope,
		Attributes: []string{"name", "failed-check-httpcode", "failed-check-error-message", "ignore-case"}, Compile: compileCheckHeader}
}

func compileCheckHeader(k *policy.Compiler, e *policy.Element) policy.Statement {
	checkChildren(k, e, "value")
	for _, name := range []string{"failed-check-httpcode", "failed-check-error-message", "ignore-case"} {
		k.Required(e, name)
	}
	s := &checkHeaderStatement{name: required(k, e, "name"), code: k.Int(e, "failed-check-httpcode", 403),
		message: k.String(e, "failed-check-error-message", ""), ignoreCase: k.Bool(e, "ignore-case", false), values: texts(k, e, "value")}
	if a := e.Attr("failed-check-httpcode"); a != nil && s.code.Known() && !validStatus(s.code.Literal) {
		k.Errorf(a.Value.Pos, "failed-check-httpcode=%q: expected a status code from 100 to 999", a.Value.Text)
	}
	if a := e.Attr("name"); a != nil && !a.Value.Expression {
		if !validHeaderName(a.Value.Text) {
			k.Errorf(a.Value.Pos, "%q is not a header name", a.Value.Text)
		}
		s.name.Literal = textproto.CanonicalMIMEHeaderKey(a.Value.Text)
	}
	return s
}

func (s *checkHeaderStatement) Run(c *policy.Context) error {
	name, err := s.name.Eval(c)
	if err != nil {
		return err
	}
	present := c.Request.Header.Values(name)
	if len(present) == 0 {
		return s.refuse(c, "HeaderNotFound", "Header "+name+" was not found in the request. Access denied.")
	}
	if len(s.values) == 0 {
		return nil
	}
	// The value is the whole field: one good line among others must not do.
	value := present[0]
	if len(present) > 1 {
		value = strings.Join(present, ",")
	}
	fold, err := s.ignoreCase.Eval(c)
	if err != nil {
		return err
	}
	for i := range s.values {
		allowed, err := s.values[i].Eval(c)
		if err != nil {
			return err
		}
		if value == allowed || fold && strings.EqualFold(value, allowed) {
			return nil
		}
	}
	return s.refuse(c, "HeaderValueNotAllowed", "Header "+name+" value of "+shown(name, value)+" is not allowed. Access denied.")
}

// shown hides the values of headers that hold credentials: messages go to
// traces.
func shown(name, value string) string {
	switch textproto.CanonicalMIMEHeaderKey(name) {
	case "Authorization", "Proxy-Authorization", "Cookie", "Ocp-Apim-Subscription-Key", "Api-Key", "X-Api-Key":
		return "***"
	}
	return value
}

func (s *checkHeaderStatement) refuse(c *policy.Context, reason, message string) error {
	code, err := s.code.Eval(c)
	if err != nil {
		return err
	}
	if !validStatus(code) {
		return invalid(c, "check-header", "failed-check-httpcode must be from 100 to 999.")
	}
	text, err := s.message.Eval(c)
	if err != nil {
		return err
	}
	e := c.Fail("check-header", reason, message, int(code))
	e.Body = text
	return e
}
