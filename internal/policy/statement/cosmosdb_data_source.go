package statement

import (
	"encoding/json"
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
		s.operation = compileCosmosOperation(k, c)
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

// childText compiles the text of a child element that may be absent.
func childText(k *policy.Compiler, e *policy.Element, name string, attributes ...string) *policy.Any {
	c := only(k, e, name)
	if c == nil {
		return nil
	}
	checkAttributes(k, c, append(attributes, "template")...)
	checkChildren(k, c)
	noTemplate(k, c)
	v := k.AnyValue(c.Text)
	return &v
}

func requiredText(k *policy.Compiler, e *policy.Element, name string) *policy.Any {
	v := childText(k, e, name)
	if v == nil {
		k.Errorf(e.Pos, "<%s> needs <%s>", e.Name, name)
		return &policy.Any{}
	}
	if c := e.Child(name); !c.Text.Expression && c.Text.Text == "" {
		k.Errorf(c.Pos, "<%s> must not be empty", name)
	}
	return v
}

// noTemplate refuses what would be sent as the text of a template.
func noTemplate(k *policy.Compiler, e *policy.Element) {
	if a := e.Attr("template"); a != nil && a.Value.Text != "none" && a.Value.Text != "" {
		k.Errorf(a.Pos, "a template of <%s> is not supported; write the value as an expression, such as @(context.GraphQL.Arguments[\"id\"].ToString())", e.Name)
	}
}

// jsonValue is a value of an expression as JSON.
func jsonValue(c *policy.Context, v *policy.Any) (json.RawMessage, error) {
	value, err := v.Eval(c)
	if err != nil {
		return nil, err
	}
	if n, ok := value.(int32); ok {
		value = int64(n)
	}
	return json.RawMessage(expr.NewJSON(value).JSON(false)), nil
}

// textValue is a value of an expression as text.
func textValue(c *policy.Context, v *policy.Any) (string, error) {
	value, err := v.Eval(c)
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(expr.ToString(value)), nil
}
