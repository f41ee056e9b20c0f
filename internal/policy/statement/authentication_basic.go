package statement

import (
	"encoding/base64"

	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
)

// authenticationBasicStatement sends basic credentials to the backend.
type authenticationBasicStatement struct {
	username, password policy.String
	fixed              *basicHeader // of literal credentials
}

// basicHeader is a header value with the secrets in it.
type basicHeader struct {
	value           []string // shared, never changed
	encoded, secret string
}

func authenticationBasic() *policy.Definition {
	return &policy.Definition{Name: "authentication-basic", Sections: policy.Inbound, Scopes: policy.AnyScope,
		Attributes: []string{"username", "password"}, Compile: compileAuthenticationBasic}
}

func compileAuthenticationBasic(k *policy.Compiler, e *policy.Element) policy.Statement {
	checkChildren(k, e)
	s := &authenticationBasicStatement{username: required(k, e, "username"), password: required(k, e, "password")}
	if !s.username.Dynamic() && !s.password.Dynamic() {
		s.fixed = basic(s.username.Literal, s.password.Literal)
	}
	return s
}

func basic(username, password string) *basicHeader {
	encoded := base64.StdEncoding.EncodeToString([]byte(username + ":" + password))
	return &basicHeader{[]string{"Basic " + encoded}, encoded, password}
}

func (s *authenticationBasicStatement) Run(c *policy.Context) error {
	return s.apply(c, header(c, true))
}

// EditRequest puts the credentials on the request of send-request.
func (s *authenticationBasicStatement) EditRequest(c *policy.Context, r *policy.OutgoingRequest) error {
	return s.apply(c, r.Header)
}

func (s *authenticationBasicStatement) apply(c *policy.Context, h expr.Header) error {
	credentials := s.fixed
	if credentials == nil {
		username, err := s.username.Eval(c)
		if err != nil {
			return err
		}
		password, err := s.password.Eval(c)
		if err != nil {
			return err
		}
		credentials = basic(username, password)
	}
	c.Conceal(credentials.encoded)
	c.Conceal(credentials.secret)
	h["Authorization"] = credentials.value
	return nil
}
