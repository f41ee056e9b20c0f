package statement

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
)

// cosmosQuery asks for items in the query language of Cosmos DB. Its answer is
// {"items": [...], "continuationToken": ...}.
type cosmosQuery struct {
	statement  *sourceValue
	names      []string
	values     []*sourceValue
	key        *cosmosKey
	maxItems   *sourceValue // nil: all pages are read
	token      *sourceValue
	lowOrderBy bool
}

const (
	maxCosmosPages = 50
	maxCosmosBytes = 8 << 20
)

func compileCosmosQuery(k *policy.Compiler, e *policy.Element) cosmosOperation {
	checkAttributes(k, e, "enable-low-precision-order-by")
	checkChildren(k, e, "sql-statement", "parameters", "query-parameters", "partition-key", "paging")
	q := &cosmosQuery{statement: childText(k, e, "sql-statement"), key: compileCosmosKey(k, e),
		lowOrderBy: literalBool(k, e, "enable-low-precision-order-by", false)}
	for _, name := range []string{"parameters", "query-parameters"} { // the second is an older name
		if list := only(k, e, name); list != nil {
			q.compileParameters(k, list)
		}
	}
	if p := only(k, e, "paging"); p != nil {
		checkAttributes(k, p)
		checkChildren(k, p, "max-item-count", "continuation-token")
		q.maxItems, q.token = requiredText(k, p, "max-item-count"), childText(k, p, "continuation-token")
	}
	return q
}

func (q *cosmosQuery) compileParameters(k *policy.Compiler, list *policy.Element) {
	checkAttributes(k, list)
	checkChildren(k, list, "parameter")
	for _, c := range list.Children {
		if c.Name != "parameter" {
			continue
		}
		checkAttributes(k, c, "name", "template")
		name := requiredLiteral(k, c, "name")
		if a := c.Attr("name"); a != nil && name != "" && !strings.HasPrefix(name, "@") {
			k.Errorf(a.Value.Pos, "name=%q: the name of a parameter begins with @", name)
		}
		q.names, q.values = append(q.names, name), append(q.values, compileSourceValue(k, c))
	}
}

// cosmosParameter is a parameter as the REST API takes it.
type cosmosParameter struct {
	Name  string          `json:"name"`
	Value json.RawMessage `json:"value"`
}

func (q *cosmosQuery) run(c *policy.Context, s *cosmosSession) ([]byte, error) {
	p, err := q.pages(c)
	if err != nil {
		return nil, err
	}
	items, token, err := p.fetch(c, s)
	if err != nil {
		return nil, err
	}
	out := struct {
		Items             []json.RawMessage `json:"items"`
		ContinuationToken *string           `json:"continuationToken"`
	}{Items: items}
	if items == nil {
		out.Items = []json.RawMessage{}
	}
	if token != "" {
		out.ContinuationToken = &token
	}
	return json.Marshal(out)
}

func (q *cosmosQuery) pages(c *policy.Context) (*cosmosPages, error) {
	p := &cosmosPages{statement: "SELECT * FROM c", max: -1, lowOrderBy: q.lowOrderBy}
	var err error
	if q.statement != nil {
		if p.statement, err = q.statement.text(c); err != nil {
			return nil, err
		}
	}
	for i, name := range q.names {
		value, err := q.values[i].json(c)
		if err != nil {
			return nil, err
		}
		p.parameters = append(p.parameters, cosmosParameter{name, value})
	}
	if q.key != nil {
		if p.key, err = q.key.header(c); err != nil {
			return nil, err
		}
	}
	if q.token != nil {
		if p.token, err = q.token.text(c); err != nil {
			return nil, err
		}
	}
	if q.maxItems == nil {
		return p, nil
	}
	text, err := q.maxItems.text(c)
	if err != nil {
		return nil, err
	}
	if p.max, err = strconv.Atoi(text); err != nil || p.max == 0 || p.max < -1 {
		return nil, invalid(c, cosmosName, "The text of max-item-count is no number of items, nor -1.")
	}
	return p, nil
}

// cosmosPages is a query that is ready to be sent, page by page.
type cosmosPages struct {
	statement  string
	parameters []cosmosParameter
	key        string // "": all partitions
	token      string // where to go on
	max        int    // items of the one page that is read; -1: all pages are
	lowOrderBy bool
}

func (p *cosmosPages) fetch(c *policy.Context, s *cosmosSession) (items []json.RawMessage, token string, err error) {
	if p.parameters == nil {
		p.parameters = []cosmosParameter{}
	}
	body, err := json.Marshal(map[string]any{"query": p.statement, "parameters": p.parameters})
	if err != nil {
		return nil, "", err
	}
	size := 0
	token = p.token
	for page := 0; ; page++ {
		response, err := s.send(c, http.MethodPost, "", p.header(token), body)
		if err != nil {
			return nil, "", err
		}
		data, err := response.Body.Bytes(true)
		if err != nil {
			return nil, "", err
		}
		var found struct{ Documents []json.RawMessage }
		if err := json.Unmarshal(data, &found); err != nil {
			return nil, "", c.Fail(cosmosName, "DataSourceResponse", "The data source gave no list of documents.", http.StatusInternalServerError)
		}
		items, token = append(items, found.Documents...), response.Header.Get("X-Ms-Continuation")
		if size += len(data); size > maxCosmosBytes {
			return nil, "", c.Fail(cosmosName, "DataSourceResponse", "The data source gave more than the gateway holds for one field; set paging.", http.StatusInternalServerError)
		}
		if token == "" || p.max > 0 || page+1 == maxCosmosPages {
			return items, token, nil
		}
	}
}

func (p *cosmosPages) header(token string) expr.Header {
	h := expr.Header{"Content-Type": {"application/query+json"}, "X-Ms-Documentdb-Isquery": {"True"}, "X-Ms-Max-Item-Count": {strconv.Itoa(p.max)}}
	if p.key == "" {
		h["X-Ms-Documentdb-Query-Enablecrosspartition"] = []string{"True"}
	} else {
		h["X-Ms-Documentdb-Partitionkey"] = []string{p.key}
	}
	if token != "" {
		h["X-Ms-Continuation"] = []string{headerValue(token)}
	}
	if p.lowOrderBy {
		h["X-Ms-Documentdb-Query-Enable-Low-Precision-Order-By"] = []string{"True"}
	}
	return h
}
