package statement

import (
	"strings"

	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
)

// setBackendServiceStatement sends the request to another base URL, or to a
// backend resource.
type setBackendServiceStatement struct {
	baseURL, backend policy.String
	useBackend       bool
	fixed            *policy.Target // known at compile time
}

func setBackendService() *policy.Definition {
	return &policy.Definition{Name: "set-backend-service", Sections: policy.Inbound | policy.Backend, Scopes: policy.AnyScope,
		Attributes: []string{"base-url", "backend-id", "sf-resolve-condition", "sf-service-instance-name", "sf-partition-key",
			"sf-listener-name", "sf-replica-type", "dapr-app-id", "dapr-method", "dapr-namespace"},
		Compile: compileSetBackendService}
}

func compileSetBackendService(k *policy.Compiler, e *policy.Element) policy.Statement {
	checkChildren(k, e)
	if a := e.Attr("backend-id"); a != nil && !a.Value.Expression && a.Value.Text == "dapr" {
		return compileDaprBackend(k, e)
	}
	s := &setBackendServiceStatement{baseURL: k.String(e, "base-url", ""), backend: k.String(e, "backend-id", "")}
	base, backend := e.Attr("base-url"), e.Attr("backend-id")
	switch {
	case base == nil && backend == nil:
		k.Errorf(e.Pos, "<set-backend-service> needs base-url or backend-id")
	case base != nil && backend != nil:
		k.Errorf(backend.Pos, "<set-backend-service> takes base-url or backend-id, not both")
	case backend != nil:
		s.useBackend = true
		s.compileBackend(k, backend)
	default:
		s.compileBase(k, base)
	}
	for i := range e.Attrs {
		if a := &e.Attrs[i]; strings.HasPrefix(a.Name, "sf-") {
			k.Warnf(a.Pos, "%s has no effect: Service Fabric names are not resolved, the backend's URL is used", a.Name)
		} else if strings.HasPrefix(a.Name, "dapr-") {
			k.Errorf(a.Pos, "%s needs backend-id=\"dapr\"", a.Name)
		}
	}
	return s
}

func (s *setBackendServiceStatement) compileBackend(k *policy.Compiler, a *policy.Attr) {
	if a.Value.Expression {
		return
	}
	id := a.Value.Text
	known := k.Environment().Backends
	switch {
	case id == "":
		k.Errorf(a.Value.Pos, "backend-id must not be empty")
	case known != nil && !known[id]:
		k.Errorf(a.Value.Pos, "backend-id=%q: the service has no such backend", id)
	}
	s.fixed = &policy.Target{Backend: id}
}

func (s *setBackendServiceStatement) compileBase(k *policy.Compiler, a *policy.Attr) {
	if a.Value.Expression {
		return
	}
	if a.Value.Text == "" {
		k.Warnf(a.Value.Pos, "base-url is empty: the statement fails when it runs; put the URL of a backend in its place")
		return
	}
	u, problem := parseBase(a.Value.Text)
	if problem != "" {
		report(k, &a.Value, a.Value.Pos, "base-url: %s", problem)
		return
	}
	s.fixed = &policy.Target{URL: u}
}

func parseBase(text string) (u expr.URL, problem string) {
	u, err := expr.ParseURL(strings.TrimSpace(text))
	if err != nil {
		return u, "expected an absolute URL, such as https://example.com/base"
	}
	switch u.Scheme {
	case "http", "https", "ws", "wss":
		return u, ""
	}
	return u, "expected a URL with the scheme http, https, ws or wss"
}

func (s *setBackendServiceStatement) Run(c *policy.Context) error {
	if s.fixed != nil {
		c.Target = *s.fixed
		s.show(c)
		return nil
	}
	if s.useBackend {
		return s.runBackend(c)
	}
	text, err := s.baseURL.Eval(c)
	if err != nil {
		return err
	}
	u, problem := parseBase(text)
	if problem != "" {
		return invalid(c, "set-backend-service", "base-url: "+problem+".")
	}
	c.Target = policy.Target{URL: u}
	s.show(c)
	return nil
}

func (s *setBackendServiceStatement) runBackend(c *policy.Context) error {
	id, err := s.backend.Eval(c)
	if err != nil {
		return err
	}
	if id == "" {
		return invalid(c, "set-backend-service", "The expression of backend-id gave an empty text.")
	}
	c.Target = policy.Target{Backend: id}
	return nil
}

// show lets context.Request.Url name the backend, as policies expect; a pool
// or a backend resource is not known before the request is forwarded.
func (s *setBackendServiceStatement) show(c *policy.Context) {
	if u := &c.Target.URL; u.Host != "" {
		c.Request.URL.Scheme, c.Request.URL.Host, c.Request.URL.Port = u.Scheme, u.Host, u.Port
	}
}
