package apiops

import (
	"strings"

	"gatehouse/internal/apim"
)

// graphQLSchema is the content type of a GraphQL schema resource.
const graphQLSchema = "application/vnd.ms-azure-apim.graphql.schema"

// graphQL reads schema and resolvers of a GraphQL API. The schema stands in
// specification.graphql, or in a schema resource of its own.
func (l *loader) graphQL(a *apim.API, folder string) {
	if data, file, ok := l.read(folder + "specification.graphql"); ok {
		a.Schemas = append(a.Schemas, &apim.Schema{ID: "graphql", ContentType: graphQLSchema, Document: trimBOM(data), File: file})
	}
	for _, id := range l.files.children(folder + "schemas/") {
		l.graphQLSchema(a, id, folder+"schemas/"+id+"/")
	}
	for _, id := range l.files.children(folder + "resolvers/") {
		l.resolver(a, id, folder+"resolvers/"+id+"/")
	}
	switch {
	case len(a.Schemas) == 0 && a.ServiceURL == "":
		l.warn("apis/"+a.ID, "has neither a GraphQL schema nor a serviceUrl: every request to it fails")
	case len(a.Schemas) == 0 && len(a.Resolvers) > 0:
		l.warn("apis/"+a.ID, "has resolvers but no GraphQL schema: they never run")
	}
}

func (l *loader) graphQLSchema(a *apim.API, id, folder string) {
	n, ok := l.info("schemas", a.ID+"/"+id, folder+"schemaInformation.json")
	if !ok || !strings.Contains(fold(l.str(n, "contentType")), "graphql") || len(a.Schemas) > 0 {
		return // a specification.graphql beside it says the same
	}
	value := n.get("document", "value")
	if value.kind != text || value.text == "" {
		l.fail(n.at, "the GraphQL schema is empty: document.value holds its text")
		return
	}
	a.Schemas = append(a.Schemas, &apim.Schema{ID: id, ContentType: graphQLSchema, Document: []byte(value.text), File: value.at.File})
}

func (l *loader) resolver(a *apim.API, id, folder string) {
	n, ok := l.info("resolvers", a.ID+"/"+id, folder+"resolverInformation.json")
	if !ok {
		return
	}
	r := &apim.Resolver{ID: id, Policy: l.document(folder + "policy.xml")}
	var found bool
	if r.Type, r.Field, found = strings.Cut(strings.Trim(l.str(n, "path"), "/"), "/"); !found || r.Type == "" || r.Field == "" {
		l.fail(n.get("path").at, "the resolver needs a path of type and field, such as Query/users")
		return
	}
	if r.Policy == nil {
		l.warn("apis/"+a.ID+"/resolvers/"+id, "has no policy.xml: the field that it is for has no data source")
		return
	}
	a.Resolvers = append(a.Resolvers, r)
}
