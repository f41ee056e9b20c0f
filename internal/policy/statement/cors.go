package statement

import (
	"net/http"
	"net/textproto"
	"strconv"
	"strings"

	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
)

// corsStatement lets pages of other origins call the API. It answers
// preflights, also those that match no OPTIONS operation (policy.Preflighter),
// and puts CORS headers on the final response of all other requests.
type corsStatement struct {
	credentials, terminate policy.Bool
	maxAge                 policy.Int
	origins                valueSet
	methods                valueSet
	headers                valueSet
	expose                 valueSet
}

// valueSet is a list of allowed names; "*" allows all.
type valueSet struct {
	values []policy.String
	any    bool
	joined string // for a header, when all values are literal
}

func cors() *policy.Definition {
	return &policy.Definition{Name: "cors", Sections: policy.Inbound, Scopes: policy.AnyScope,
		Attributes: []string{"allow-credentials", "terminate-unmatched-request"}, Compile: compileCORS}
}

func compileCORS(k *policy.Compiler, e *policy.Element) policy.Statement {
	k.Once(e)
	checkChildren(k, e, "allowed-origins", "allowed-methods", "allowed-headers", "expose-headers")
	s := &corsStatement{credentials: k.Bool(e, "allow-credentials", false), terminate: k.Bool(e, "terminate-unmatched-request", true)}
	origins, headers := only(k, e, "allowed-origins"), only(k, e, "allowed-headers")
	if origins == nil || len(origins.Children) == 0 {
		k.Errorf(e.Pos, "<cors> needs <allowed-origins> with at least one <origin>")
	} else {
		s.origins = compileSet(k, origins, "origin")
		s.compileOrigins(k, origins)
	}
	if headers == nil {
		k.Warnf(e.Pos, "<cors> has no <allowed-headers>: only the headers that browsers always allow are accepted")
	} else {
		s.headers = compileSet(k, headers, "header")
	}
	s.methods = valueSet{values: []policy.String{{Literal: "GET"}, {Literal: "POST"}}, joined: "GET, POST"}
	if m := only(k, e, "allowed-methods"); m != nil {
		s.methods = compileSet(k, m, "method", "preflight-result-max-age")
		s.maxAge = k.Int(m, "preflight-result-max-age", 0)
	}
	if x := only(k, e, "expose-headers"); x != nil {
		s.expose = compileSet(k, x, "header")
	}
	return s
}

// compileOrigins removes the slash that people write behind an origin and
// warns of origins that no browser sends.
func (s *corsStatement) compileOrigins(k *policy.Compiler, e *policy.Element) {
	for i := range s.origins.values {
		v := &s.origins.values[i]
		if v.Dynamic() || v.Literal == "*" || v.Literal == "" {
			continue
		}
		v.Literal = strings.TrimSuffix(v.Literal, "/")
		if !strings.Contains(v.Literal, "://") && v.Literal != "null" {
			k.Warnf(e.Children[i].Pos, "the origin %q never matches: an origin has a scheme, as in https://example.com", v.Literal)
		}
	}
	if s.origins.any && (s.credentials.Dynamic() || s.credentials.Literal) {
		k.Warnf(e.Pos, "allow-credentials has no effect on the origin *: browsers refuse credentials for any origin; list the origins")
	}
}

func compileSet(k *policy.Compiler, e *policy.Element, child string, attributes ...string) valueSet {
	checkAttributes(k, e, attributes...)
	checkChildren(k, e, child)
	s := valueSet{values: texts(k, e, child)}
	names := make([]string, 0, len(s.values))
	for i := range s.values {
		if !s.values[i].Dynamic() && s.values[i].Literal == "*" {
			s.any = true
		}
		names = append(names, headerValue(s.values[i].Literal))
	}
	if !anyDynamic(s.values) {
		s.joined = strings.Join(names, ", ")
	}
	return s
}

// has tells whether the set allows a value. fold ignores letter case.
func (s *valueSet) has(c *policy.Context, value string, fold bool) (bool, error) {
	if s.any {
		return true, nil
	}
	for i := range s.values {
		v, err := s.values[i].Eval(c)
		if err != nil {
			return false, err
		}
		if v == value || fold && strings.EqualFold(v, value) || v == "*" {
			return true, nil
		}
	}
	return false, nil
}

// all tells whether the set allows any value.
func (s *valueSet) all(c *policy.Context) (bool, error) {
	if s.any {
		return true, nil
	}
	for i := range s.values {
		if !s.values[i].Dynamic() {
			continue
		}
		if v, err := s.values[i].Eval(c); err != nil || v == "*" {
			return err == nil, err
		}
	}
	return false, nil
}

// list gives the values for a header, wanted when any is allowed.
func (s *valueSet) list(c *policy.Context, wanted string) (string, error) {
	if s.any && wanted != "" {
		return headerValue(wanted), nil
	}
	if s.joined != "" || len(s.values) == 0 {
		return s.joined, nil
	}
	names := make([]string, 0, len(s.values))
	for i := range s.values {
		v, err := s.values[i].Eval(c)
		if err != nil {
			return "", err
		}
		names = append(names, headerValue(v))
	}
	return strings.Join(names, ", "), nil
}

// isPreflight tells whether the request asks for permission.
func isPreflight(c *policy.Context) bool {
	return c.Request.Method == http.MethodOptions && c.Request.Header.Has("Access-Control-Request-Method")
}

func (s *corsStatement) Run(c *policy.Context) error {
	origin := c.Request.Header.Get("Origin")
	if origin == "" {
		return nil
	}
	if isPreflight(c) {
		return s.Preflight(c)
	}
	matched, err := s.origins.has(c, origin, true)
	if err != nil {
		return err
	}
	if matched {
		return s.decorate(c, origin)
	}
	terminate, err := s.terminate.Eval(c)
	if err != nil {
		return err
	}
	if terminate && (c.Request.Method == http.MethodGet || c.Request.Method == http.MethodHead) {
		return answer(c, &expr.Response{StatusCode: http.StatusOK, StatusReason: "OK", Header: expr.Header{}})
	}
	return nil
}

// Preflight answers when the policy allows what the preflight asks, or when
// terminate-unmatched-request says so.
func (s *corsStatement) Preflight(c *policy.Context) error {
	origin := c.Request.Header.Get("Origin")
	r := &expr.Response{StatusCode: http.StatusOK, StatusReason: "OK", Header: expr.Header{}}
	allowed, err := s.permits(c, origin)
	if err != nil {
		return err
	}
	if allowed {
		if err := s.grant(c, r, origin); err != nil {
			return err
		}
		return answer(c, r)
	}
	terminate, err := s.terminate.Eval(c)
	if err != nil || !terminate {
		return err
	}
	return answer(c, r)
}

// permits tells whether origin, method and headers of a preflight are allowed.
func (s *corsStatement) permits(c *policy.Context, origin string) (bool, error) {
	ok, err := s.origins.has(c, origin, true)
	if err != nil || !ok || origin == "" {
		return false, err
	}
	ok, err = s.methods.has(c, c.Request.Header.Get("Access-Control-Request-Method"), true)
	if err != nil || !ok {
		return false, err
	}
	for _, line := range c.Request.Header.Values("Access-Control-Request-Headers") {
		for name := range strings.SplitSeq(line, ",") {
			name = strings.TrimSpace(name)
			if name == "" || safelisted(name) {
				continue
			}
			if ok, err = s.headers.has(c, name, true); err != nil || !ok {
				return false, err
			}
		}
	}
	return true, nil
}

// safelisted headers need no permission.
func safelisted(name string) bool {
	switch textproto.CanonicalMIMEHeaderKey(name) {
	case "Accept", "Accept-Language", "Content-Language":
		return true
	}
	return false
}

// grant writes the headers of a successful preflight.
func (s *corsStatement) grant(c *policy.Context, r *expr.Response, origin string) error {
	if err := s.allowOrigin(c, r.Header, origin); err != nil {
		return err
	}
	methods, err := s.methods.list(c, c.Request.Header.Get("Access-Control-Request-Method"))
	if err != nil {
		return err
	}
	r.Header["Access-Control-Allow-Methods"] = []string{methods}
	headers, err := s.headers.list(c, strings.Join(c.Request.Header.Values("Access-Control-Request-Headers"), ","))
	if err != nil {
		return err
	}
	if headers != "" {
		r.Header["Access-Control-Allow-Headers"] = []string{headers}
	}
	age, err := s.maxAge.Eval(c)
	if err != nil {
		return err
	}
	if age > 0 {
		r.Header["Access-Control-Max-Age"] = []string{strconv.FormatInt(age, 10)}
	}
	if _, any := r.Header["Vary"]; !any && !s.origins.any {
		r.Header["Vary"] = []string{"Origin"}
	}
	return nil
}

// allowOrigin writes the origin and whether credentials are allowed. Any
// origin never gets credentials.
func (s *corsStatement) allowOrigin(c *policy.Context, h expr.Header, origin string) error {
	if any, err := s.origins.all(c); err != nil {
		return err
	} else if any {
		h["Access-Control-Allow-Origin"] = []string{"*"}
		return nil
	}
	h["Access-Control-Allow-Origin"] = []string{headerValue(origin)}
	credentials, err := s.credentials.Eval(c)
	if err == nil && credentials {
		h["Access-Control-Allow-Credentials"] = []string{"true"}
	}
	return err
}

// decorate puts the headers of an actual request on its final response.
func (s *corsStatement) decorate(c *policy.Context, origin string) error {
	if c.FinalHeader == nil {
		c.FinalHeader = expr.Header{}
	}
	if err := s.allowOrigin(c, c.FinalHeader, origin); err != nil {
		return err
	}
	exposed, err := s.expose.list(c, "")
	if err != nil {
		return err
	}
	if exposed != "" {
		c.FinalHeader["Access-Control-Expose-Headers"] = []string{exposed}
	}
	if !s.origins.any {
		c.After(func() { varyByOrigin(response(c).Header) })
	}
	return nil
}

// varyByOrigin keeps shared caches from giving one origin's answer to another.
func varyByOrigin(h expr.Header) {
	for _, line := range h["Vary"] {
		for name := range strings.SplitSeq(line, ",") {
			if name = strings.TrimSpace(name); name == "*" || strings.EqualFold(name, "Origin") {
				return
			}
		}
	}
	h.Add("Vary", "Origin")
}
