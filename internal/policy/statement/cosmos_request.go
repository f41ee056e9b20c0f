package statement

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
)

// cosmosKey is the compiled <partition-key>; nil: it is not given.
type cosmosKey struct {
	kind  string // string, number, bool, none, null
	value *sourceValue
}

func compileCosmosKey(k *policy.Compiler, e *policy.Element) *cosmosKey {
	c := only(k, e, "partition-key")
	if c == nil {
		return nil
	}
	value := childText(k, e, "partition-key", "data-type")
	return &cosmosKey{kind: k.OneOf(c, "data-type", "string", "string", "number", "bool", "none", "null"), value: value}
}

// header gives the value of the partition key header: a list of one.
func (p *cosmosKey) header(c *policy.Context) (string, error) {
	if p == nil || p.kind == "none" {
		return "[{}]", nil
	}
	if p.kind == "null" {
		return "[null]", nil
	}
	text, err := p.value.text(c)
	if err != nil {
		return "", err
	}
	switch p.kind {
	case "number":
		if _, err := strconv.ParseFloat(text, 64); err != nil {
			return "", invalid(c, cosmosName, "The partition key is not a number.")
		}
		return "[" + text + "]", nil
	case "bool":
		if text = strings.ToLower(text); text != "true" && text != "false" {
			return "", invalid(c, cosmosName, "The partition key is neither true nor false.")
		}
		return "[" + text + "]", nil
	}
	return expr.NewJSON([]any{text}).JSON(false), nil
}

// cosmosRead reads one item; an item that is not there is null.
type cosmosRead struct {
	id  *sourceValue
	key *cosmosKey
}

func (r *cosmosRead) run(c *policy.Context, s *cosmosSession) ([]byte, error) {
	id, err := cosmosID(c, r.id)
	if err != nil {
		return nil, err
	}
	if r.key == nil { // without a key only a query finds the item
		return readByQuery(c, s, id)
	}
	key, err := r.key.header(c)
	if err != nil {
		return nil, err
	}
	response, err := s.send(c, http.MethodGet, id, expr.Header{"X-Ms-Documentdb-Partitionkey": {key}}, nil, http.StatusNotFound)
	if response == nil || err != nil {
		return nil, err
	}
	return response.Body.Bytes(true)
}

func readByQuery(c *policy.Context, s *cosmosSession, id string) ([]byte, error) {
	q := &cosmosPages{statement: "SELECT * FROM c WHERE c.id = @id", parameters: []cosmosParameter{{Name: "@id", Value: json.RawMessage(expr.NewJSON(id).JSON(false))}}, max: 1}
	items, _, err := q.fetch(c, s)
	if err != nil || len(items) == 0 {
		return nil, err
	}
	return items[0], nil
}

// cosmosID is the id of an item as it may stand in a path.
func cosmosID(c *policy.Context, v *sourceValue) (string, error) {
	id, err := v.text(c)
	if err == nil && (id == "" || strings.ContainsAny(id, `/\?#`)) {
		err = invalid(c, cosmosName, "The id is empty, or holds a character that ids of Cosmos DB cannot have.")
	}
	return id, err
}

// cosmosMatch is the compiled <etag>; nil: it is not given.
type cosmosMatch struct {
	header string
	value  *sourceValue
}

func compileCosmosMatch(k *policy.Compiler, e *policy.Element) *cosmosMatch {
	c := only(k, e, "etag")
	if c == nil {
		return nil
	}
	m := &cosmosMatch{header: "If-Match", value: childText(k, e, "etag", "type")}
	if k.OneOf(c, "type", "match", "match", "no-match") == "no-match" {
		m.header = "If-None-Match"
	}
	return m
}

// cosmosChange is what delete-request and write-request have in common.
type cosmosChange struct {
	key   *cosmosKey
	match *cosmosMatch
	fixed expr.Header // of attributes
}

var cosmosChangeAttributes = []string{"consistency-level", "pre-trigger", "post-trigger"}

var cosmosConsistency = map[string]string{"bounded-staleness": "Bounded", "consistent-prefix": "ConsistentPrefix", "eventual": "Eventual", "session": "Session", "strong": "Strong"}

func compileCosmosChange(k *policy.Compiler, e *policy.Element) cosmosChange {
	h := expr.Header{}
	if level := k.OneOf(e, "consistency-level", "", "bounded-staleness", "consistent-prefix", "eventual", "session", "strong"); level != "" {
		h.Set("x-ms-consistency-level", cosmosConsistency[level])
	}
	for attribute, name := range map[string]string{"pre-trigger": "x-ms-documentdb-pre-trigger-include", "post-trigger": "x-ms-documentdb-post-trigger-include"} {
		if trigger := k.Literal(e, attribute, ""); trigger != "" {
			h.Set(name, trigger)
		}
	}
	return cosmosChange{key: compileCosmosKey(k, e), match: compileCosmosMatch(k, e), fixed: h}
}

func (x *cosmosChange) header(c *policy.Context) (expr.Header, error) {
	h := expr.Header{}
	for name, values := range x.fixed {
		h[name] = values
	}
	key, err := x.key.header(c)
	if err != nil {
		return nil, err
	}
	h["X-Ms-Documentdb-Partitionkey"] = []string{key}
	if x.match != nil {
		etag, err := x.match.value.text(c)
		if err != nil {
			return nil, err
		}
		h[x.match.header] = []string{headerValue(etag)}
	}
	return h, nil
}

// cosmosDelete deletes one item; its answer is null.
type cosmosDelete struct {
	cosmosChange
	id *sourceValue
}

func compileCosmosDelete(k *policy.Compiler, e *policy.Element) cosmosOperation {
	checkAttributes(k, e, cosmosChangeAttributes...)
	checkChildren(k, e, "id", "partition-key", "etag")
	return &cosmosDelete{cosmosChange: compileCosmosChange(k, e), id: requiredText(k, e, "id")}
}

func (d *cosmosDelete) run(c *policy.Context, s *cosmosSession) ([]byte, error) {
	id, err := cosmosID(c, d.id)
	if err != nil {
		return nil, err
	}
	h, err := d.header(c)
	if err != nil {
		return nil, err
	}
	_, err = s.send(c, http.MethodDelete, id, h, nil)
	return nil, err
}

// cosmosWrite inserts, replaces or upserts one item.
type cosmosWrite struct {
	cosmosChange
	kind string
	id   *sourceValue // nil: the body holds it
	body *bodyEdit    // nil: the arguments of the field
}

func compileCosmosWrite(k *policy.Compiler, e *policy.Element) cosmosOperation {
	checkAttributes(k, e, append([]string{"type", "indexing-directive", "enable-content-response-on-write"}, cosmosChangeAttributes...)...)
	checkChildren(k, e, "id", "etag", "set-body", "partition-key")
	w := &cosmosWrite{cosmosChange: compileCosmosChange(k, e), kind: k.OneOf(e, "type", "upsert", "insert", "replace", "upsert"),
		id: childText(k, e, "id"), body: nestedBody(k, e)}
	if w.kind == "replace" && w.id == nil {
		k.Errorf(e.Pos, "<write-request type=\"replace\"> needs <id>, the item to replace")
	}
	if directive := k.OneOf(e, "indexing-directive", "default", "default", "include", "exclude"); directive != "default" {
		w.fixed.Set("x-ms-indexing-directive", directive)
	}
	if !literalBool(k, e, "enable-content-response-on-write", true) {
		w.fixed.Set("Prefer", "return=minimal")
	}
	return w
}

func (w *cosmosWrite) run(c *policy.Context, s *cosmosSession) ([]byte, error) {
	h, err := w.header(c)
	if err != nil {
		return nil, err
	}
	id := ""
	if w.id != nil {
		if id, err = cosmosID(c, w.id); err != nil {
			return nil, err
		}
	}
	body, err := w.item(c, id)
	if err != nil {
		return nil, err
	}
	h["Content-Type"] = []string{"application/json"}
	method := http.MethodPost
	switch w.kind {
	case "replace":
		method = http.MethodPut
	case "upsert":
		h["X-Ms-Documentdb-Is-Upsert"], id = []string{"True"}, ""
	default:
		id = ""
	}
	response, err := s.send(c, method, id, h, body)
	if err != nil {
		return nil, err
	}
	return response.Body.Bytes(true)
}

// item is the item to write, with its id when the body lacks it.
func (w *cosmosWrite) item(c *policy.Context, id string) ([]byte, error) {
	var text string
	if w.body == nil {
		text = c.GraphQL.Arguments.JSON(false)
	} else {
		data, err := w.body.bytes(c)
		if err != nil {
			return nil, err
		}
		text = string(data)
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &members); err != nil || members == nil {
		return nil, invalid(c, cosmosName, "The item to write is not a JSON object.")
	}
	if id == "" || members["id"] != nil {
		return []byte(text), nil
	}
	members["id"] = json.RawMessage(expr.NewJSON(id).JSON(false))
	return json.Marshal(members)
}
