package statement

import (
	"net/url"
	"strings"

	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
)

// daprBackendStatement is set-backend-service with backend-id="dapr": the
// request goes to a method of an application through the sidecar.
type daprBackendStatement struct {
	base                   expr.URL
	token                  string
	app, method, namespace policy.String
}

func compileDaprBackend(k *policy.Compiler, e *policy.Element) policy.Statement {
	s := &daprBackendStatement{base: daprBase(k, e), token: k.Environment().Addresses.DaprToken, app: required(k, e, "dapr-app-id"),
		method: required(k, e, "dapr-method"), namespace: k.String(e, "dapr-namespace", "")}
	for i := range e.Attrs {
		if a := &e.Attrs[i]; strings.HasPrefix(a.Name, "sf-") {
			k.Errorf(a.Pos, "%s cannot stand beside backend-id=\"dapr\"", a.Name)
		}
	}
	return s
}

func (s *daprBackendStatement) Run(c *policy.Context) error {
	app, err := s.app.Eval(c)
	if err != nil {
		return err
	}
	method, err := s.method.Eval(c)
	if err != nil {
		return err
	}
	namespace, err := s.namespace.Eval(c)
	if err != nil {
		return err
	}
	if namespace != "" {
		app += "." + namespace
	}
	method = strings.TrimPrefix(method, "/")
	if !plainHost(strings.ReplaceAll(app, "_", "-")) || strings.Trim(app, ".") == "" || method == "" {
		return invalid(c, "set-backend-service", "dapr-app-id and dapr-method must name an application and its method.")
	}
	c.Target = policy.Target{URL: s.base}
	c.Request.URL.Scheme, c.Request.URL.Host, c.Request.URL.Port = s.base.Scheme, s.base.Host, s.base.Port
	c.Request.URL.Path = "/v1.0/invoke/" + url.PathEscape(app) + "/method/" + escapeMethod(method)
	if s.token != "" {
		header(c, true)["Dapr-Api-Token"] = []string{s.token}
		c.Conceal(s.token)
	}
	return nil
}

// escapeMethod keeps the slashes of a method's path.
func escapeMethod(method string) string {
	parts := strings.Split(method, "/")
	for i := range parts {
		parts[i] = url.PathEscape(parts[i])
	}
	return strings.Join(parts, "/")
}
