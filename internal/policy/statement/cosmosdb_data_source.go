package statement

import (
	"slices"
	"strings"

	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
)

// cosmosDataSourceStatement answers a field of a GraphQL schema from a container
// of Cosmos DB, over its REST API.
type cosmosDataSourceStatement struct {
	account   cosmosAccount
	operation cosmosOperation
	response  policy.Block
}

const cosmosName = "cosmosdb-data-source"

// cosmosOperation is one of query-, read-, delete- and write-request.
type cosmosOperation interface {
	run(c *policy.Context, s *cosmosSession) ([]byte, error)
}

func cosmosDBDataSource() *policy.Definition {
	return &policy.Definition{Name: cosmosName, Sections: policy.Resolving, Scopes: policy.Resolver, Compile: compileCosmosDataSource}
}

var cosmosRequests = []string{"query-request", "read-request", "delete-request", "write-request"}

func compileCosmosDataSource(k *policy.Compiler, e *policy.Element) policy.Statement {
	checkChildren(k, e, append([]string{"connection-info"}, append(slices.Clone(cosmosRequests), "response")...)...)
	s := &cosmosDataSourceStatement{account: compileCosmosAccount(k, e)}
	for _, c := range e.Children {
		if !slices.Contains(cosmosRequests, c.Name) {
			continue
		}
		if s.operation != nil {
			k.Errorf(c.Pos, "<cosmosdb-data-source> takes one request; remove <%s>, or the one before it", c.Name)
			continue
		}
		k.Within(policy.Inbound, func() { s.operation = compileCosmosOperation(k, c) })
	}
	if s.operation == nil {
		k.Errorf(e.Pos, "<cosmosdb-data-source> needs one of <%s>", strings.Join(cosmosRequests, ">, <"))
	}
	s.response = compileSourceResponse(k, e, "response")
	return s
}

func compileCosmosOperation(k *policy.Compiler, e *policy.Element) cosmosOperation {
	switch e.Name {
	case "query-request":
		return compileCosmosQuery(k, e)
	case "read-request":
		checkAttributes(k, e)
		checkChildren(k, e, "id", "partition-key")
		return &cosmosRead{id: requiredText(k, e, "id"), key: compileCosmosKey(k, e)}
	case "delete-request":
		return compileCosmosDelete(k, e)
	}
	return compileCosmosWrite(k, e)
}

func (s *cosmosDataSourceStatement) Run(c *policy.Context) error {
	session, err := s.account.open(c)
	if err != nil {
		return err
	}
	body, err := s.operation.run(c, session)
	if err != nil {
		return err
	}
	c.Response = &expr.Response{StatusCode: 200, StatusReason: "OK", Header: expr.Header{"Content-Type": {"application/json"}}}
	if body != nil {
		c.Response.Body = expr.BytesBody(body)
	}
	return s.response.Run(c)
}
