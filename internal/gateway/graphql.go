package gateway

import "gatehouse/internal/apim"

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
