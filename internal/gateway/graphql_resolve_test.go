package gateway

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/apim"
	"gatehouse/internal/policy/statement"
	"gatehouse/internal/telemetry"
)

const blogSchema = `
type Query { user(id: ID!): User users: [User!] boom: String slow: String }
type Mutation { rename(id: ID!, name: String!): User }
type Subscription { renamed: User! }
type User { id: ID! name: String posts(first: Int = 2): [Post!] }
type Post { title: String }
`

func source(method, url, more string) string {
	return "<http-data-source><http-request><set-method>" + method + "</set-method><set-url>" + url + "</set-url>" + more + "</http-data-source>"
}

// blogAPI is a synthetic API on a REST backend.
func blogAPI(backend string, change func(resolvers map[string]string)) *apim.API {
	resolvers := map[string]string{
		"Query/user":  source("GET", `@($"`+backend+`/users/{context.GraphQL.Arguments["id"]}")`, "</http-request>"),
		"Query/users": source("GET", backend+"/users", "</http-request>"),
		"Query/boom":  source("GET", backend+"/boom", "</http-request>"),
		"Query/slow":  source("GET", backend+"/slow", `</http-request><backend><forward-request timeout-ms="50"/></backend>`),
		"User/posts": source("GET", `@($"`+backend+`/posts?user={context.GraphQL.Parent["id"]}&first={context.GraphQL.Arguments["first"]}")`,
			`</http-request><http-response><set-body>@(context.Response.Body.As<JObject>()["items"].ToString())</set-body></http-response>`),
		"Mutation/rename": source("PUT", `@($"`+backend+`/users/{context.GraphQL.Arguments["id"]}")`, `<set-body>@(context.GraphQL.Arguments.ToString())</set-body></http-request>`),
	}
	if change != nil {
		change(resolvers)
	}
	api := &apim.API{ID: "blog", Path: "blog", IsCurrent: true, Type: apim.TypeGraphQL, Schemas: graphQLSchemaOf(blogSchema)}
	for path, text := range resolvers {
		typ, field, _ := strings.Cut(path, "/")
		api.Resolvers = append(api.Resolvers, &apim.Resolver{ID: typ + "-" + field, Type: typ, Field: field, Policy: &apim.Document{File: "apis/blog/resolvers/" + typ + "-" + field + "/policy.xml", Text: text}})
	}
	return api
}

func blogBackend(t *testing.T) *httptest.Server {
	t.Helper()

	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch {
		case r.URL.Path == "/users":
			_, _ = io.WriteString(w, `[{"id":1,"name":"Ada"},{"id":2,"name":"Bob"}]`)
		case strings.HasPrefix(r.URL.Path, "/users/") && r.Method == "PUT":
			body, _ := io.ReadAll(r.Body)
			_, _ = w.Write(body)
		case strings.HasPrefix(r.URL.Path, "/users/"):
			_, _ = fmt.Fprintf(w, `{"id":%q,"name":"Ada"}`, strings.TrimPrefix(r.URL.Path, "/users/"))
		case r.URL.Path == "/posts":
			_, _ = fmt.Fprintf(w, `{"items":[{"title":"of %s, first %s"}]}`, r.URL.Query().Get("user"), r.URL.Query().Get("first"))
		case r.URL.Path == "/slow":
			time.Sleep(300 * time.Millisecond)
		default:
			http.Error(w, "a text that must not reach the client", http.StatusTeapot)
		}
	}))
	t.Cleanup(server.Close)
	return server
}

func TestGraphQLResolvers(t *testing.T) {
	api := blogAPI(blogBackend(t).URL, nil)
	h := newHarness(t, &apim.Service{Name: "test", APIs: []*apim.API{api}}, nil)
	for _, c := range []struct {
		query, variables string
		status           int
		want             string
	}{
		{"{ user(id: 7) { id name } }", "", 200, `{"data":{"user":{"id":"7","name":"Ada"}}}`},
		{"query Q($id: ID!) { a: user(id: $id) { ...U } } fragment U on User { __typename posts(first: 5) { title } }", `{"id":"9"}`, 200,
			`{"data":{"a":{"__typename":"User","posts":[{"title":"of 9, first 5"}]}}}`},
		{"{ users { name posts { title } } }", "", 200, `{"data":{"users":[{"name":"Ada","posts":[{"title":"of 1, first 2"}]},{"name":"Bob","posts":[{"title":"of 2, first 2"}]}]}}`},
		{`mutation { rename(id: 1, name: "Eve") { id name } }`, "", 200, `{"data":{"rename":{"id":"1","name":"Eve"}}}`},
		{"{ user(id: 1) { name } boom }", "", 200, `{"errors":[{"message":"The data source answered with status 418.","locations":[{"line":1,"column":24}],"path":["boom"],"extensions":{"code":"DataSourceStatusCode"}}],"data":{"user":{"name":"Ada"},"boom":null}}`},
		{"{ slow }", "", 200, `{"errors":[{"message":"Internal server error","locations":[{"line":1,"column":3}],"path":["slow"],"extensions":{"code":"Timeout"}}],"data":{"slow":null}}`},
		{"{ __schema { queryType { name } } }", "", 200, `{"data":{"__schema":{"queryType":{"name":"Query"}}}}`},
		{"{ usr }", "", 400, `{"errors":[{"message":"Cannot query field \"usr\" on type \"Query\". Did you mean \"user\" or \"users\"?","locations":[{"line":1,"column":3}]}]}`},
		{"subscription { renamed { id } }", "", 400, `{"errors":[{"message":"Subscriptions need a WebSocket connection."}]}`},
	} {
		body, _ := json.Marshal(map[string]any{"query": c.query, "variables": json.RawMessage(cmp.Or(c.variables, "{}"))})
		resp, got := h.call(t, "POST", "/blog", strings.NewReader(string(body)), "Content-Type", "application/json")
		if resp.StatusCode != c.status || got != c.want || resp.Header.Get("Content-Type") != "application/json; charset=utf-8" {
			t.Errorf("%s: %d %s", c.query, resp.StatusCode, got)
		}
		<-h.recorder.seen
	}
	for _, c := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"GET", "/blog?query=%7Buser(id:3)%7Bid%7D%7D", "", 200, `{"data":{"user":{"id":"3"}}}`},
		{"GET", "/blog?query=mutation%7Brename(id:3,name:%22x%22)%7Bid%7D%7D", "", 405, `{"errors":[{"message":"Mutations must be sent by POST."}]}`},
		{"GET", "/blog", "", 400, `{"errors":[{"message":"The request has no document: the member query is missing or empty."}]}`},
		{"POST", "/blog", "[]", 400, `{"errors":[{"message":"Several requests in one body are not supported."}]}`},
	} {
		if resp, got := h.call(t, c.method, c.path, strings.NewReader(c.body)); resp.StatusCode != c.status || got != c.want {
			t.Errorf("%s %s: %d %s", c.method, c.path, resp.StatusCode, got)
		}
	}
}

// TestGraphQLTrace shows a step for each resolver that ran, and a call for each
// request to a data source.
func TestGraphQLTrace(t *testing.T) {
	api := blogAPI(blogBackend(t).URL, nil)
	api.Policy = document(`<set-variable name="seen" value="1" />`)
	h := newHarness(t, &apim.Service{Name: "test", APIs: []*apim.API{api}}, nil)
	h.call(t, "POST", "/blog", strings.NewReader(`{"query":"{ users { posts { title } } boom }"}`))
	e := h.recorder.last(t)
	names := map[string]int{}
	failed := 0
	for _, s := range e.Steps {
		names[e.Endpoint.Pipeline.Steps[s.Index].Name]++
		if s.Outcome == telemetry.OutcomeError {
			failed++
		}
	}
	if names["http-data-source"] != 4 || names["set-body"] != 2 || names["forward-request"] != 1 || failed != 1 || len(e.Calls) != 4 || e.Status != 200 {
		t.Errorf("steps %v, failed %d, calls %+v", names, failed, e.Calls)
	}
	if len(e.Events) != 1 || e.Events[0].Message != "The data source answered with status 418." {
		t.Errorf("events: %+v", e.Events)
	}
}

func TestGraphQLCompileMessages(t *testing.T) {
	compile := func(change func(*apim.API)) string {
		api := blogAPI("http://x.example", nil)
		change(api)
		o := DefaultOptions()
		o.Definitions = statement.Table()
		s, err := New(o).Compile(&apim.Service{Name: "test", APIs: []*apim.API{api}})
		if err != nil {
			return err.Error()
		}
		return fmt.Sprint(s.Warnings)
	}
	for _, c := range []struct {
		change func(*apim.API)
		want   string
	}{
		{func(a *apim.API) { a.Schemas = graphQLSchemaOf("type Query {\n a: Missing\n}") }, "apis/people/specification.graphql:2:5: GraphQL schema: Undefined type Missing."},
		{func(a *apim.API) { a.Resolvers[0].Field = "none" }, "never runs"},
		{func(a *apim.API) { a.Resolvers = append(a.Resolvers, a.Resolvers[0]) }, "has another resolver for"},
		{func(a *apim.API) { a.Resolvers[0].Policy.Text = "<http-data-source/>" }, "policy.xml:1:1: <http-data-source> needs <http-request>"},
		{func(a *apim.API) { a.ServiceURL = "http://x.example" }, "requests are executed here"},
	} {
		if got := compile(c.change); !strings.Contains(got, c.want) {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}

// TestGraphQLValidation takes fields out before resolvers run, or before the
// backend is asked, and tells of it in the response.
func TestGraphQLValidation(t *testing.T) {
	policy := document(`<validate-graphql-request max-size="10000" max-depth="3"><authorize><rule path="/User/name" action="remove" /><rule path="/__*" action="reject" /></authorize></validate-graphql-request>`)
	synthetic := blogAPI(blogBackend(t).URL, nil)
	synthetic.Policy = policy
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if strings.Contains(string(body), "name") {
			t.Errorf("the backend was asked %s", body)
		}
		_, _ = io.WriteString(w, `{"data":{"user":{"id":"1"}}}`)
	}))
	defer backend.Close()
	passing := &apim.API{ID: "passing", Path: "passing", IsCurrent: true, Type: apim.TypeGraphQL, ServiceURL: backend.URL, Schemas: graphQLSchemaOf(blogSchema), Policy: policy}
	h := newHarness(t, &apim.Service{Name: "test", APIs: []*apim.API{synthetic, passing}}, nil)
	for _, path := range []string{"/blog", "/passing"} {
		for _, c := range []struct {
			query  string
			status int
			want   string
		}{
			{"{ user(id: 1) { id name } }", 200, `{"data":{"user":{"id":"1"}},"errors":[{"message":"The field User.name is not allowed.","locations":[{"line":1,"column":20}]}]}`},
			{"{ __schema { description } }", 400, `{"errors":[{"message":"The field Query.__schema is not allowed.","locations":[{"line":1,"column":3}]},{"message":"The field __Schema.description is not allowed.","locations":[{"line":1,"column":14}]}]}`},
			{"{ nothing }", 400, `{"errors":[{"message":"Cannot query field \"nothing\" on type \"Query\".","locations":[{"line":1,"column":3}]}]}`},
		} {
			body, _ := json.Marshal(map[string]string{"query": c.query})
			resp, got := h.call(t, "POST", path, strings.NewReader(string(body)))
			if resp.StatusCode != c.status || got != c.want {
				t.Errorf("%s %s: %d %s", path, c.query, resp.StatusCode, got)
			}
			<-h.recorder.seen
		}
		if resp, got := h.call(t, "GET", path, nil, "Sec-WebSocket-Key", "abc"); resp.StatusCode != 400 {
			t.Errorf("a handshake past the rules of %s: %d %s", path, resp.StatusCode, got)
		}
		<-h.recorder.seen
	}
}
