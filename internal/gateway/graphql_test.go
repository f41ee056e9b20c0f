package gateway

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"gatehouse/internal/apim"
)

const peopleSchema = `
type Query { hello: String user(id: ID!): User }
type Mutation { rename(id: ID!, name: String!): User }
type User { id: ID! name: String secret: String }
`

func graphQLSchemaOf(text string) []*apim.Schema {
	return []*apim.Schema{{ID: "graphql", ContentType: "application/vnd.ms-azure-apim.graphql.schema", Document: []byte(text), File: "apis/people/specification.graphql"}}
}

// TestGraphQLPassThrough sends documents to a GraphQL backend: by POST, by GET,
// as introspection, and refuses other verbs and paths.
func TestGraphQLPassThrough(t *testing.T) {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_ = json.NewEncoder(w).Encode(map[string]string{"method": r.Method, "path": r.URL.RequestURI(), "body": string(body)})
	}))
	defer backend.Close()
	api := &apim.API{ID: "people", Path: "people", IsCurrent: true, Type: apim.TypeGraphQL, ServiceURL: backend.URL + "/graphql", Schemas: graphQLSchemaOf(peopleSchema)}
	h := newHarness(t, &apim.Service{Name: "test", APIs: []*apim.API{api}}, nil)
	for _, c := range []struct{ method, path, body, want string }{
		{"POST", "/people", `{"query":"{ hello }"}`, `{"body":"{\"query\":\"{ hello }\"}","method":"POST","path":"/graphql"}`},
		{"POST", "/people", `{"query":"{ __schema { queryType { name } } }"}`, `{"body":"{\"query\":\"{ __schema { queryType { name } } }\"}","method":"POST","path":"/graphql"}`},
		{"GET", "/people?query=%7Bhello%7D", "", `{"body":"","method":"GET","path":"/graphql?query=%7Bhello%7D"}`},
	} {
		resp, body := h.call(t, c.method, c.path, strings.NewReader(c.body), "Content-Type", "application/json")
		if resp.StatusCode != 200 || strings.TrimSpace(body) != c.want {
			t.Errorf("%s %s: %d %s", c.method, c.path, resp.StatusCode, body)
		}
		if e := h.recorder.last(t); e.Endpoint.Operation != "graphql" || e.Endpoint.APIType != "graphql" {
			t.Errorf("endpoint: %+v", e.Endpoint)
		}
	}
	for _, c := range [][2]string{{"PUT", "/people"}, {"POST", "/people/other"}} {
		if resp, _ := h.call(t, c[0], c[1], nil); resp.StatusCode != 404 {
			t.Errorf("%s %s: %d", c[0], c[1], resp.StatusCode)
		}
	}
}
