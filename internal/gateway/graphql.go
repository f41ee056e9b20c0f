package gateway

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"

	"gatehouse/internal/apim"
	"gatehouse/internal/graphql"
	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
	"gatehouse/internal/telemetry"
)

// graphQLEndpoint gives a GraphQL API its one endpoint: documents come by POST,
// or by GET in the query string; a GET may also ask for a WebSocket.
func graphQLEndpoint(a *apim.API) *apim.API {
	if len(a.Operations) > 0 {
		return a
	}
	out := *a
	for _, method := range []string{"POST", "GET"} {
		out.Operations = append(out.Operations, &apim.Operation{ID: "graphql", Name: "GraphQL", Method: method, URLTemplate: "/"})
	}
	return &out
}

// graphQL is what a GraphQL API is compiled to, beside its pipelines.
type graphQL struct {
	schema    *graphql.Schema // nil without one
	resolvers []policy.FieldResolver
	plan      *graphql.Plan
	executed  bool // here, with resolvers; else the backend does it
}

// graphQL compiles schema and resolvers of an API, once for all its variants;
// nil for other types of API.
func (k *compilation) graphQL(a *apim.API) *graphQL {
	if a == nil || a.Type != apim.TypeGraphQL {
		return nil
	}
	if g := k.graphs[a]; g != nil {
		return g
	}
	g := &graphQL{executed: a.ServiceURL == "" || len(a.Resolvers) > 0}
	k.graphs[a] = g
	for _, s := range a.Schemas {
		g.schema = k.graphQLSchema(a, s)
		break
	}
	if g.schema == nil {
		return g
	}
	resolved := map[[2]string]bool{}
	for _, r := range a.Resolvers {
		if one := k.resolver(a, r, g.schema, resolved); one != nil {
			g.resolvers = append(g.resolvers, *one)
		}
	}
	g.plan = g.schema.Plan(resolved)
	if a.ServiceURL != "" && len(a.Resolvers) > 0 {
		k.report(policy.Messages{{Pos: apim.Position{File: "apis/" + a.ID, Line: 1, Column: 1}, Warning: true,
			Text: "the API has resolvers: requests are executed here, the backend of its serviceUrl is not asked"}})
	}
	return g
}

func (k *compilation) graphQLSchema(a *apim.API, s *apim.Schema) *graphql.Schema {
	pos := apim.Position{File: s.File, Line: 1, Column: 1}
	if pos.File == "" {
		pos.File = "apis/" + a.ID + "/schemas/" + s.ID
	}
	out, err := graphql.Load(pos.File, s.Document)
	if err == nil {
		return out
	}
	var at *graphql.SchemaError
	if errors.As(err, &at) && at.Line > 0 {
		pos.Line, pos.Column = at.Line, at.Column
	}
	k.report(policy.Messages{{Pos: pos, Text: "GraphQL schema: " + err.Error()}})
	return nil
}

// resolver parses a resolver; its statements are compiled with each variant.
func (k *compilation) resolver(a *apim.API, r *apim.Resolver, s *graphql.Schema, resolved map[[2]string]bool) *policy.FieldResolver {
	pos := apim.Position{File: r.Policy.File, Line: 1, Column: 1}
	key := [2]string{r.Type, r.Field}
	switch {
	case !s.HasField(r.Type, r.Field):
		k.report(policy.Messages{{Pos: pos, Warning: true, Text: fmt.Sprintf("the schema has no field %s.%s: the resolver %q never runs", r.Type, r.Field, r.ID)}})
		return nil
	case resolved[key]:
		k.report(policy.Messages{{Pos: pos, Text: fmt.Sprintf("apis/%s has another resolver for %s.%s; remove one", a.ID, r.Type, r.Field)}})
		return nil
	}
	root, messages := k.set.ParseResolver(*r.Policy)
	k.report(messages)
	if root == nil {
		return nil
	}
	resolved[key] = true
	return &policy.FieldResolver{Type: r.Type, Field: r.Field, Root: root}
}

// executesGraphQL tells whether the request is answered by resolvers: unless
// set-backend-service sent it elsewhere.
func (x *exchange) executesGraphQL() bool {
	return x.api != nil && x.api.graph != nil && x.api.graph.executed && x.Target == x.api.target
}

// notGuarded refuses a handshake whose messages could not be checked.
func notGuarded() *policy.Error {
	return &policy.Error{Source: "validate-graphql-request", Reason: "GraphQLRequestNotValid", Status: http.StatusBadRequest,
		Message: "The messages of a WebSocket cannot be checked against the rules of this API."}
}

// Statuses of requests that are not executed.
const (
	statusBadDocument = http.StatusBadRequest
	statusNoMutation  = http.StatusMethodNotAllowed // by GET
)

// executeGraphQL answers a request with the resolvers of its API. What is wrong
// with it is told in the response, as GraphQL does.
func (x *exchange) executeGraphQL(o policy.ForwardOptions) error {
	if strings.EqualFold(x.upgradeTo, "websocket") {
		return x.acceptSubscriptions()
	}
	operation, status, faults := x.prepareGraphQL()
	if faults != nil {
		x.answerGraphQL(status, faults.JSON())
		return nil
	}
	timeout := o.Timeout
	if timeout <= 0 {
		timeout = defaultGraphQLTimeout
	}
	ctx, cancel := context.WithTimeout(x.Std, timeout)
	defer cancel()
	x.Settle()
	r := &resolving{context: &x.Context}
	response := operation.Execute(ctx, x.api.graph.plan, r.resolve, nil)
	if err := x.Std.Err(); err != nil {
		return policy.ErrClientClosed
	}
	x.answerGraphQL(http.StatusOK, response.JSON())
	return nil
}

// defaultGraphQLTimeout is that of forward-request.
const defaultGraphQLTimeout = 300 * time.Second

func (x *exchange) prepareGraphQL() (*graphql.Operation, int, graphql.Errors) {
	if x.api.graph.schema == nil {
		return nil, http.StatusInternalServerError, graphql.Errors{{Message: "The API has no GraphQL schema."}}
	}
	request, fault := readGraphQL(&x.Context)
	if fault != nil {
		return nil, statusBadDocument, graphql.Errors{fault}
	}
	operation, faults := x.api.graph.schema.Prepare(request)
	switch {
	case faults != nil:
		return nil, statusBadDocument, faults
	case operation.Kind() == graphql.Subscription:
		return nil, statusBadDocument, graphql.Errors{{Message: "Subscriptions need a WebSocket connection."}}
	case operation.Kind() == graphql.Mutation && x.Request.Method == http.MethodGet:
		return nil, statusNoMutation, graphql.Errors{{Message: "Mutations must be sent by POST."}}
	}
	return operation, 0, nil
}

func readGraphQL(c *policy.Context) (*graphql.Request, *graphql.Error) {
	if c.Request.Method == http.MethodGet {
		return graphql.ReadQuery(c.Request.URL.RawQuery)
	}
	body, err := c.Request.Body.Bytes(true)
	if err != nil {
		return nil, &graphql.Error{Message: "The body of the request cannot be read, or is too large."}
	}
	return graphql.ReadBody(c.Request.Header.Get("Content-Type"), body)
}

func (x *exchange) answerGraphQL(status int, body []byte) {
	h := expr.Header{"Content-Type": {"application/json; charset=utf-8"}}
	if status == statusNoMutation {
		h["Allow"] = []string{http.MethodPost}
	}
	x.Context.Response = &expr.Response{StatusCode: status, StatusReason: http.StatusText(status), Header: h, Body: expr.BytesBody(body)}
}

// resolving runs resolvers for one request, each on a context of its own.
type resolving struct {
	context *policy.Context
	mu      sync.Mutex // guards context
}

func (r *resolving) resolve(ctx context.Context, call *graphql.Call) (any, error) {
	c, err := r.fork(ctx, call)
	if err != nil {
		return nil, err
	}
	err = r.context.Pipeline.Resolver(call.Type, call.Field).Run(c)
	var value any
	if err == nil {
		value, err = sourceValue(c)
	}
	if err != nil {
		err = fieldError(c, call, err)
	}
	r.drop(c)
	return value, err
}

// forkPlain makes a context for work beside others.
func (r *resolving) forkPlain(ctx context.Context) (*policy.Context, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.context.Fork(ctx, false, graphql.MaxAtOnce)
}

// drop takes over what a fork recorded.
func (r *resolving) drop(c *policy.Context) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.context.Drop(c)
}

// fork makes the context of a resolver. The body of its request holds what it
// was asked: {"arguments": {...}, "parent": {...}}.
func (r *resolving) fork(ctx context.Context, call *graphql.Call) (*policy.Context, error) {
	c, err := r.forkPlain(ctx)
	if err != nil {
		return nil, err
	}
	c.Owner, c.Response = r.context.Owner, nil
	g := &expr.GraphQL{Arguments: expr.NewJObject()}
	body := expr.NewJObject()
	if call.Arguments != nil {
		g.Arguments = expr.NewJSON(call.Arguments)
	}
	body.Set("arguments", expr.NewJSON(call.Arguments))
	if call.Parent != nil {
		g.Parent = expr.NewJSON(call.Parent)
		body.Set("parent", expr.NewJSON(call.Parent))
	}
	c.GraphQL = g
	if c.Request.Header = maps.Clone(c.Request.Header); c.Request.Header == nil {
		c.Request.Header = expr.Header{}
	}
	c.Request.Header["Content-Type"] = []string{"application/json"}
	c.Request.Body = expr.BytesBody([]byte(body.JSON(false)))
	return c, nil
}

// sourceValue is the value that a data source gave: the body of its response as
// JSON, or as the text that it is. Null without a body.
func sourceValue(c *policy.Context) (any, error) {
	if c.Response == nil || !c.Response.Body.Present() {
		return nil, nil
	}
	data, err := c.Response.Body.Bytes(true)
	if err != nil || len(data) == 0 {
		return nil, err
	}
	if value, err := graphql.Decode(data); err == nil {
		return value, nil
	}
	return string(data), nil
}

// fieldError is what the client learns of a failed resolver: the text that it
// would get if the request had failed so. The trace tells the rest.
func fieldError(c *policy.Context, call *graphql.Call, err error) error {
	e := policy.AsError(err, "resolver")
	c.Event(telemetry.SeverityError, e.Source, e.Message, []telemetry.Attribute{
		{Key: "field", Value: call.Type + "." + call.Field}, {Key: "reason", Value: e.Reason}, {Key: "path", Value: e.Path}})
	text := e.Body
	if text == "" {
		text = e.Message
	}
	return &graphql.Error{Message: text, Extensions: map[string]any{"code": e.Reason}}
}
