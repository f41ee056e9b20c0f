package statement

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"gatehouse/internal/policy"
)

// httpDataSourceStatement answers a field of a GraphQL schema with the body of
// an HTTP response.
type httpDataSourceStatement struct {
	before   policy.Block // what prepares the request, such as set-backend-service
	request  *outgoing
	redirect bool // before chooses the backend
	forward  *forwardRequestStatement
	response policy.Block
}

func httpDataSource() *policy.Definition {
	return &policy.Definition{Name: "http-data-source", Sections: policy.Resolving, Scopes: policy.Resolver, Compile: compileHTTPDataSource}
}

func compileHTTPDataSource(k *policy.Compiler, e *policy.Element) policy.Statement {
	checkChildren(k, e, "http-request", "backend", "http-response")
	s := &httpDataSourceStatement{}
	if request := only(k, e, "http-request"); request != nil {
		checkAttributes(k, request)
		s.compileRequest(k, request)
	} else {
		k.Errorf(e.Pos, "<http-data-source> needs <http-request>, with <set-method> and <set-url>")
	}
	if b := only(k, e, "backend"); b != nil {
		checkAttributes(k, b)
		s.compileBackend(k, b)
	}
	s.response = compileSourceResponse(k, e, "http-response")
	return s
}

// requestParts are the children of http-request that make the request itself.
var requestParts = []string{"set-method", "set-url", "set-header", "set-body", "authentication-certificate", "authentication-basic", "authentication-managed-identity", "proxy"}

// requestSteps are the children that run before it as statements of their own.
var requestSteps = []string{"get-authorization-context", "set-backend-service", "set-variable"}

func (s *httpDataSourceStatement) compileRequest(k *policy.Compiler, e *policy.Element) {
	checkChildren(k, e, append(slices.Clone(requestSteps), requestParts...)...)
	if e.Child("set-method") == nil {
		k.Errorf(e.Pos, "<http-request> needs <set-method>")
	}
	if e.Child("set-url") == nil {
		k.Errorf(e.Pos, "<http-request> needs <set-url>, the URL of the data source")
		return
	}
	s.redirect = e.Child("set-backend-service") != nil
	var steps []*policy.Element
	parts := *e
	parts.Children = nil
	for _, c := range e.Children {
		switch {
		case slices.Contains(requestSteps, c.Name):
			steps = append(steps, c)
		case slices.Contains(requestParts, c.Name):
			parts.Children = append(parts.Children, s.withHost(c))
		}
	}
	k.Within(policy.Inbound, func() {
		s.before = k.Block(steps)
		s.request = compileOutgoing(k, &parts)
	})
	s.request.source = "http-data-source"
}

// withHost completes a path that is sent to the backend of set-backend-service;
// the host is replaced when the backend is known.
func (s *httpDataSourceStatement) withHost(e *policy.Element) *policy.Element {
	if e.Name != "set-url" || !s.redirect || e.Text.Expression || !strings.HasPrefix(e.Text.Text, "/") {
		return e
	}
	whole := *e
	whole.Text.Text = "https://backend" + e.Text.Text
	return &whole
}

// compileBackend reads the one setting of forward-request that counts here.
func (s *httpDataSourceStatement) compileBackend(k *policy.Compiler, e *policy.Element) {
	checkChildren(k, e, "forward-request")
	f := only(k, e, "forward-request")
	if f == nil {
		return
	}
	checkAttributes(k, f, k.Environment().Definitions["forward-request"].Attributes...)
	s.forward, _ = compileForwardRequest(k, f).(*forwardRequestStatement)
	for i := range f.Attrs {
		if a := &f.Attrs[i]; a.Name != "timeout" && a.Name != "timeout-ms" {
			k.Warnf(a.Pos, "%s has no effect in a resolver: the response is read whole, and redirects are not followed", a.Name)
		}
	}
}

// sourceResponseParts may change the response of a data source.
var sourceResponseParts = []string{"set-body", "xml-to-json", "json-to-xml", "find-and-replace", "xsl-transform", "set-header", "set-variable",
	"choose", "trace", "publish-event"}

// compileSourceResponse compiles what changes the response of a data source.
func compileSourceResponse(k *policy.Compiler, e *policy.Element, name string) policy.Block {
	r := only(k, e, name)
	if r == nil {
		return nil
	}
	checkAttributes(k, r)
	checkChildren(k, r, sourceResponseParts...)
	parts := slices.DeleteFunc(slices.Clone(r.Children), func(c *policy.Element) bool { return !slices.Contains(sourceResponseParts, c.Name) })
	var block policy.Block
	k.Within(policy.Outbound, func() { block = k.Block(parts) })
	return block
}

func (s *httpDataSourceStatement) Run(c *policy.Context) error {
	if err := s.before.Run(c); err != nil {
		return err
	}
	r, err := s.request.build(c)
	if err != nil {
		return err
	}
	if s.redirect {
		retarget(r, &c.Target)
	}
	if s.forward != nil {
		if r.Timeout, err = s.forward.evalTimeout(c, r.Timeout); err != nil {
			return err
		}
	}
	response, err := c.Services.HTTP.Send(c, r)
	if err != nil {
		return sendFailure(c, "http-data-source", err)
	}
	c.Response = response
	if response.StatusCode >= http.StatusBadRequest {
		return refusal(c, "http-data-source", response.StatusCode)
	}
	return s.response.Run(c)
}

// retarget sends a request to the backend that set-backend-service named.
func retarget(r *policy.OutgoingRequest, t *policy.Target) {
	if t.Backend != "" {
		r.Backend = t.Backend
		return
	}
	path := joinPath(t.URL.Path, r.URL.Path)
	r.URL.Scheme, r.URL.Host, r.URL.Port, r.URL.Path = t.URL.Scheme, t.URL.Host, t.URL.Port, path
}

// refusal is the failure of a field whose data source did not give the data.
// Clients see the text; it names the status and nothing of the body.
func refusal(c *policy.Context, source string, status int) error {
	return c.Fail(source, "DataSourceStatusCode", fmt.Sprintf("The data source answered with status %d.", status), http.StatusInternalServerError)
}
