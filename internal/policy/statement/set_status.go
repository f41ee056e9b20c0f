package statement

import (
	"net/http"

	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
)

// setStatusStatement sets status code and reason phrase of the response.
type setStatusStatement struct{ edit *statusEdit }

// statusEdit is one compiled set-status, also inside return-response.
type statusEdit struct {
	code   policy.Int
	reason policy.String
	phrase bool // reason is given
}

func setStatus() *policy.Definition {
	return &policy.Definition{Name: "set-status", Sections: policy.Backend | policy.Outbound | policy.OnError, Scopes: policy.AnyScope,
		Attributes: []string{"code", "reason"}, Compile: compileSetStatus}
}

func compileSetStatus(k *policy.Compiler, e *policy.Element) policy.Statement {
	return &setStatusStatement{edit: compileStatusEdit(k, e)}
}

func compileStatusEdit(k *policy.Compiler, e *policy.Element) *statusEdit {
	checkChildren(k, e)
	k.Required(e, "code")
	s := &statusEdit{code: k.Int(e, "code", http.StatusOK), reason: k.String(e, "reason", ""), phrase: e.Attr("reason") != nil}
	if a := e.Attr("code"); a != nil && s.code.Known() && !validStatus(s.code.Literal) {
		k.Errorf(a.Value.Pos, "code=%q: expected a status code from 100 to 999", a.Value.Text)
	}
	return s
}

// nestedStatus compiles the set-status child of return-response, nil when
// there is none.
func nestedStatus(k *policy.Compiler, e *policy.Element) *statusEdit {
	c := only(k, e, "set-status")
	if c == nil {
		return nil
	}
	checkAttributes(k, c, "code", "reason")
	return compileStatusEdit(k, c)
}

func validStatus(code int64) bool { return code >= 100 && code <= 999 }

func (s *statusEdit) apply(c *policy.Context, r *expr.Response) error {
	code, err := s.code.Eval(c)
	if err != nil {
		return err
	}
	if !validStatus(code) {
		return invalid(c, "set-status", "The status code must be from 100 to 999.")
	}
	reason, err := s.reason.Eval(c)
	if err != nil {
		return err
	}
	if !s.phrase {
		reason = http.StatusText(int(code))
	}
	r.StatusCode, r.StatusReason = int(code), headerValue(reason)
	return nil
}

func (s *setStatusStatement) Run(c *policy.Context) error { return s.edit.apply(c, response(c)) }
