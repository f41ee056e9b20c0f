package statement

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"gatehouse/internal/apim"
	"gatehouse/internal/graphql"
	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
)

// validateGraphQLRequestStatement checks a GraphQL request against the schema
// of the API, bounds its size and depth, and decides about each field.
type validateGraphQLRequestStatement struct {
	schema        *graphql.Schema // nil: the API is no GraphQL API, nothing is done
	errorVariable policy.String
	maxSize       policy.Int
	maxDepth      policy.Int
	rules         []graphQLRule // the most specific first
}

const (
	defaultGraphQLDepth = 6
	documentedSize      = 102_400
	maxGraphQLFields    = 250 // that a request may ask for, on all levels
	// invalidGraphQLStatus answers what is wrong with a request, rejected
	// fields included.
	invalidGraphQLStatus = http.StatusBadRequest
)

func validateGraphQLRequest() *policy.Definition {
	return &policy.Definition{Name: "validate-graphql-request", Sections: policy.Inbound, Scopes: policy.AnyScope,
		Attributes: []string{"error-variable-name", "max-size", "max-depth"}, Compile: compileValidateGraphQLRequest}
}

func compileValidateGraphQLRequest(k *policy.Compiler, e *policy.Element) policy.Statement {
	k.Once(e)
	checkChildren(k, e, "authorize")
	k.Required(e, "max-size")
	s := &validateGraphQLRequestStatement{schema: k.Environment().Schema, errorVariable: k.String(e, "error-variable-name", ""),
		maxSize: k.Int(e, "max-size", documentedSize), maxDepth: k.Int(e, "max-depth", defaultGraphQLDepth)}
	positive(k, e, "max-size", &s.maxSize)
	positive(k, e, "max-depth", &s.maxDepth)
	if s.maxSize.Known() && s.maxSize.Literal > documentedSize {
		k.Warnf(e.Attr("max-size").Value.Pos, "max-size=%d is more than the %d bytes that Azure allows; it is accepted here", s.maxSize.Literal, documentedSize)
	}
	switch api := k.Environment().API; {
	case api != nil && api.Type == apim.TypeGraphQL && s.schema == nil:
		k.Errorf(e.Pos, "<validate-graphql-request> needs the schema of the API: put it into specification.graphql")
	case api != nil && api.Type != apim.TypeGraphQL && e.Scope&(policy.API|policy.Operation) != 0:
		k.Warnf(e.Pos, "the API is no GraphQL API: the statement does nothing")
	}
	if a := only(k, e, "authorize"); a != nil {
		checkAttributes(k, a)
		s.rules = compileGraphQLRules(k, a, s.schema)
	}
	return s
}

func (s *validateGraphQLRequestStatement) Run(c *policy.Context) error {
	if s.schema == nil {
		return nil
	}
	if isHandshake(&c.Request) {
		c.GraphQLGuard = s.guard // documents come later, as messages
		return nil
	}
	request, size, fault := s.read(c)
	if fault != nil {
		return s.fail(c, "GraphQLRequestNotValid", graphql.Errors{fault})
	}
	removed, err := s.check(c, request, size)
	if err != nil || len(removed) == 0 {
		return err
	}
	s.rewrite(c, request)
	if err := s.tell(c, removed); err != nil {
		return err
	}
	c.BeforeOutbound(func(c *policy.Context) error { return addGraphQLErrors(c, removed) })
	return nil
}

// isHandshake tells whether a request opens a WebSocket and asks for nothing
// else: with a document of its own it is a request like any other.
func isHandshake(r *expr.Request) bool {
	if r.Method != http.MethodGet || !r.Header.Has("Sec-Websocket-Key") {
		return false
	}
	values, err := url.ParseQuery(r.URL.RawQuery)
	return err == nil && !values.Has("query")
}

// guard checks a document that came as a message of a WebSocket.
func (s *validateGraphQLRequestStatement) guard(c *policy.Context, request *graphql.Request, size int) (graphql.Errors, error) {
	return s.check(c, request, int64(size))
}

// read takes the request out of body or query string. What is too large is not
// parsed.
func (s *validateGraphQLRequestStatement) read(c *policy.Context) (*graphql.Request, int64, *graphql.Error) {
	if c.Request.Method == http.MethodGet {
		r, fault := graphql.ReadQuery(c.Request.URL.RawQuery)
		return r, int64(len(c.Request.URL.RawQuery)), fault
	}
	limit, err := s.maxSize.Eval(c)
	if size := c.Request.Body.Size(); err == nil && size > limit {
		return nil, size, tooLargeGraphQL(limit)
	}
	body, err := c.Request.Body.Bytes(true)
	if err != nil {
		return nil, 0, &graphql.Error{Message: "The body of the request cannot be read, or is too large."}
	}
	if int64(len(body)) > limit {
		return nil, int64(len(body)), tooLargeGraphQL(limit)
	}
	r, fault := graphql.ReadBody(c.Request.Header.Get("Content-Type"), body)
	return r, int64(len(body)), fault
}

func tooLargeGraphQL(limit int64) *graphql.Error {
	return &graphql.Error{Message: fmt.Sprintf("The request is larger than %d bytes.", limit)}
}

// check checks a request. Fields that are to be removed are taken out of its
// document and returned; a failure means that it must not go on.
func (s *validateGraphQLRequestStatement) check(c *policy.Context, r *graphql.Request, size int64) (graphql.Errors, error) {
	limit, err := s.maxSize.Eval(c)
	if err != nil {
		return nil, err
	}
	depth, err := s.maxDepth.Eval(c)
	if err != nil {
		return nil, err
	}
	if size > limit {
		return nil, s.fail(c, "GraphQLRequestNotValid", graphql.Errors{tooLargeGraphQL(limit)})
	}
	o, faults := s.schema.Prepare(r)
	switch {
	case faults != nil:
	case int64(o.Depth()) > depth:
		faults = graphql.Errors{{Message: fmt.Sprintf("The query is nested deeper than %d levels.", depth)}}
	case o.Fields() > maxGraphQLFields:
		faults = graphql.Errors{{Message: fmt.Sprintf("The query asks for more than %d fields.", maxGraphQLFields)}}
	}
	if faults != nil {
		return nil, s.fail(c, "GraphQLRequestNotValid", faults)
	}
	if len(s.rules) == 0 {
		return nil, nil
	}
	removed, rejected, err := o.Restrict((&graphQLDecision{rules: s.rules, context: c}).decide)
	switch {
	case err != nil:
		return nil, err
	case len(rejected) > 0:
		return nil, s.fail(c, "GraphQLFieldNotAllowed", rejected)
	case len(removed) > 0:
		r.Query = o.Text()
	}
	return removed, nil
}

// fail stops the request: the client gets the errors and no data.
func (s *validateGraphQLRequestStatement) fail(c *policy.Context, reason string, faults graphql.Errors) error {
	if err := s.tell(c, faults); err != nil {
		return err
	}
	e := c.Fail("validate-graphql-request", reason, faults[0].Message, invalidGraphQLStatus)
	e.KeepResponse = true
	c.Response = &expr.Response{StatusCode: invalidGraphQLStatus, StatusReason: http.StatusText(invalidGraphQLStatus),
		Header: expr.Header{"Content-Type": {"application/json; charset=utf-8"}}, Body: expr.BytesBody(faults.JSON())}
	return e
}

// tell puts errors into the variable GraphQLErrors and the one that the
// statement names.
func (s *validateGraphQLRequestStatement) tell(c *policy.Context, faults graphql.Errors) error {
	name, err := s.errorVariable.Eval(c)
	if err != nil {
		return err
	}
	list := expr.NewJSON([]any{})
	for _, f := range faults {
		one := expr.NewJObject()
		one.Set("message", f.Message)
		list.Append(one)
	}
	c.Variables.Set("GraphQLErrors", list)
	if name != "" {
		c.Variables.Set(name, list)
	}
	return nil
}

// rewrite puts the changed document into the request.
func (s *validateGraphQLRequestStatement) rewrite(c *policy.Context, r *graphql.Request) {
	delete(c.Request.Header, "Accept-Encoding") // the response must be read to add the errors
	if c.Request.Method == http.MethodGet {
		c.Request.URL.RawQuery = r.Encode(c.Request.URL.RawQuery)
		return
	}
	c.Request.Header.Set("Content-Type", "application/json")
	replaceBody(c, &c.Request.Body, c.Request.Header, r.Body())
}

// addGraphQLErrors adds the errors of removed fields to the response. What is no
// GraphQL response stays as it is.
func addGraphQLErrors(c *policy.Context, removed graphql.Errors) error {
	if c.Response == nil {
		return nil
	}
	data, err := c.Response.Body.Bytes(true)
	if err != nil {
		return err
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(data, &members) != nil || members == nil {
		return nil
	}
	var all []json.RawMessage
	_ = json.Unmarshal(members["errors"], &all) // none, or no list: then the new ones stand alone
	for _, e := range removed {
		if one, err := json.Marshal(e); err == nil {
			all = append(all, one)
		}
	}
	if members["errors"], err = json.Marshal(all); err != nil {
		return err
	}
	out, err := json.Marshal(members)
	if err != nil {
		return err
	}
	replaceBody(c, &c.Response.Body, c.Response.Header, out)
	return nil
}
