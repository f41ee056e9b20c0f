package statement

import (
	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
)

// proxyStatement sends requests to the backend through an HTTP proxy.
type proxyStatement struct {
	url, username, password policy.String
	fixed                   *policy.Proxy // all three literal; shared, never changed
}

func proxy() *policy.Definition {
	return &policy.Definition{Name: "proxy", Sections: policy.Inbound, Scopes: policy.AnyScope,
		Attributes: []string{"url", "username", "password"}, Compile: compileProxy}
}

func compileProxy(k *policy.Compiler, e *policy.Element) policy.Statement {
	checkChildren(k, e)
	s := &proxyStatement{url: required(k, e, "url"), username: k.String(e, "username", ""), password: k.String(e, "password", "")}
	if a := e.Attr("password"); a != nil && e.Attr("username") == nil {
		k.Errorf(a.Pos, "<proxy> has a password and no username")
	}
	a := e.Attr("url")
	if a == nil || a.Value.Expression {
		return s
	}
	u, ok := proxyURL(a.Value.Text)
	if !ok {
		report(k, &a.Value, a.Value.Pos, "url: expected the absolute URL of an HTTP proxy, such as http://proxy.example:8080")
		return s
	}
	if !s.username.Dynamic() && !s.password.Dynamic() {
		s.fixed = &policy.Proxy{URL: u, Username: s.username.Literal, Password: s.password.Literal}
	}
	return s
}

func proxyURL(text string) (expr.URL, bool) {
	u, err := expr.ParseURL(text)
	return u, err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https")
}

func (s *proxyStatement) Run(c *policy.Context) (err error) {
	c.Proxy, err = s.proxy(c)
	return err
}

// EditRequest sends the request of send-request through the proxy.
func (s *proxyStatement) EditRequest(c *policy.Context, r *policy.OutgoingRequest) (err error) {
	r.Proxy, err = s.proxy(c)
	return err
}

func (s *proxyStatement) proxy(c *policy.Context) (*policy.Proxy, error) {
	if s.fixed != nil {
		return s.fixed, nil
	}
	text, err := s.url.Eval(c)
	if err != nil {
		return nil, err
	}
	u, ok := proxyURL(text)
	if !ok {
		return nil, invalid(c, "proxy", "url must be the absolute URL of an HTTP proxy.")
	}
	p := &policy.Proxy{URL: u}
	if p.Username, err = s.username.Eval(c); err != nil {
		return nil, err
	}
	p.Password, err = s.password.Eval(c)
	return p, err
}
