package mcp

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"gatehouse/internal/apim"
)

// pets has a tool that reads and one that writes.
func pets(t testing.TB) *Server {
	t.Helper()
	read := &apim.Operation{ID: "get", Name: "Get a pet", Method: "GET", URLTemplate: "/pets/{id}?view=full&page={page}", Parameters: []apim.Parameter{
		{Name: "tags", In: apim.InQuery, Schema: json.RawMessage(`{"type":"array"}`)},
		{Name: "X-Trace", In: apim.InHeader},
		{Name: "Authorization", In: apim.InHeader},
		{Name: "key", In: apim.InQuery},
	}}
	write := &apim.Operation{ID: "add", Name: "Add", Method: "POST", URLTemplate: "/pets", NeedsBody: true, Requests: []apim.Representation{{ContentType: "application/json", Schema: json.RawMessage(`{"type":"object"}`)}}}
	var tools []*Tool
	for name, op := range map[string]*apim.Operation{"get_pet": read, "add_pet": write} {
		tool, err := NewTool(&apim.MCPTool{Name: name}, op, "X-Key", "key")
		if err != nil {
			t.Fatal(err)
		}
		tools = append(tools, tool)
	}
	s, err := NewServer("pets", "Pets", "1", tools)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// echo answers a call with the request that it means.
func echo(_ *Tool, r *Request) Result {
	text := r.Method + " " + r.Path + "?" + r.Query + " " + r.Header.Get("X-Trace") + r.Header.Get("Content-Type") + " " + string(r.Body)
	return Answered(200, http.Header{"Content-Type": {"text/plain"}}, []byte(text), "")
}

func TestHandle(t *testing.T) {
	s := pets(t)
	call := func(name, arguments string) string {
		return `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"` + name + `","arguments":` + arguments + `}}`
	}
	for _, c := range []struct{ name, message, want string }{
		{"start", `{"jsonrpc":"2.0","id":"a","method":"initialize","params":{"protocolVersion":"2025-03-26"}}`, `"protocolVersion":"2025-03-26"`},
		{"version of the future", `{"jsonrpc":"2.0","id":"a","method":"initialize","params":{"protocolVersion":"3000-01-01"}}`, `"protocolVersion":"2025-11-25"`},
		{"ping", `{"jsonrpc":"2.0","id":7,"method":"ping"}`, `"id":7,"result":{}`},
		{"list", `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`, `"required":["id"]`},
		{"notification", `{"jsonrpc":"2.0","method":"notifications/initialized"}`, ""},
		{"a response", `{"jsonrpc":"2.0","id":1,"result":{}}`, ""},
		{"unknown method", `{"jsonrpc":"2.0","id":1,"method":"resources/list"}`, `"code":-32601`},
		{"no JSON", `{"jsonrpc"`, `"code":-32700`},
		{"two values", `{} {}`, `"code":-32700`},
		{"batch", `[{"jsonrpc":"2.0","id":1,"method":"ping"}]`, `batches are not supported`},
		{"an older JSON-RPC", `{"id":1,"method":"ping"}`, `"code":-32600`},
		{"an object as id", `{"jsonrpc":"2.0","id":{},"method":"ping"}`, `"code":-32600`},
		{"unknown tool", call("eat_pet", "{}"), `unknown tool: eat_pet`},
		{"read", call("get_pet", `{"id":"a/b c","page":2,"tags":["x","y"],"X-Trace":"t"}`), `GET /pets/a%2Fb%20c?view=full\u0026page=2\u0026tags=x%2Cy t`},
		{"write", call("add_pet", `{"body":{"name":"Rex","age":12345678901234567890}}`), `POST /pets? application/json {\"age\":12345678901234567890,\"name\":\"Rex\"}`},
		{"write without the body", call("add_pet", `{}`), `the argument \"body\" is required`},
		{"missing argument", call("get_pet", `{}`), `the argument \"id\" is required`},
		{"unknown argument", call("get_pet", `{"id":"1","nope":1}`), `there is no argument \"nope\"`},
		{"arguments that are no object", call("get_pet", `[1]`), `must be a JSON object`},
		{"a way out of the path", call("get_pet", `{"id":".."}`), `must not be \"..\"`},
		{"a header that ends the line", call("get_pet", `{"id":"1","X-Trace":"a\r\nHost: b"}`), `control characters`},
		{"the key is the gateway's own", call("get_pet", `{"id":"1","key":"k"}`), `there is no argument \"key\"`},
	} {
		got := string(s.Handle([]byte(c.message), echo))
		if (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %s\nwant %s", c.name, got, c.want)
		}
	}
	if list := string(s.Handle([]byte(`{"jsonrpc":"2.0","id":1,"method":"tools/list"}`), echo)); strings.Contains(list, "Authorization") || !strings.Contains(list, `"readOnlyHint":true`) {
		t.Errorf("list: %s", list)
	}
}

func TestAnswered(t *testing.T) {
	for _, c := range []struct {
		status     int
		kind, body string
		want       string
	}{
		{200, "application/json", `{"a":1}`, `{"content":[{"type":"text","text":"{\"a\":1}"}]}`},
		{204, "", "", `{"content":[{"type":"text","text":"204 No Content"}]}`},
		{200, "image/png", "\x89PNG", `{"content":[{"type":"image","data":"iVBORw==","mimeType":"image/png"}]}`},
		{200, "application/zip", "\xff\xfe", `{"content":[{"type":"resource","resource":{"uri":"/x","mimeType":"application/zip","blob":"//4="}}]}`},
		{404, "text/plain", "no such pet", `{"content":[{"type":"text","text":"404 Not Found\nno such pet"}],"isError":true}`},
		{502, "text/plain", "\xff", `{"content":[{"type":"text","text":"502 Bad Gateway"}],"isError":true}`},
	} {
		got, err := json.Marshal(Answered(c.status, http.Header{"Content-Type": {c.kind}}, []byte(c.body), "/x"))
		if err != nil || string(got) != c.want {
			t.Errorf("%d %s: %s %v", c.status, c.kind, got, err)
		}
	}
}

func TestMalformedTemplate(t *testing.T) {
	for _, template := range []string{"/pets/{id", "/pets/{}"} {
		if _, err := NewTool(&apim.MCPTool{Name: "x"}, &apim.Operation{Method: "GET", URLTemplate: template}, "", ""); err == nil {
			t.Errorf("%s is taken", template)
		}
	}
}

// Whatever comes, an answer is JSON, and a request's path has no way out.
func FuzzHandle(f *testing.F) {
	s := pets(f)
	f.Add(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_pet","arguments":{"id":"../x","page":[1,{"a":null}]}}}`)
	f.Add(`{"jsonrpc":"2.0","id":1e999,"method":"initialize","params":null}`)
	f.Add(`[[`)
	f.Fuzz(func(t *testing.T, message string) {
		out := s.Handle([]byte(message), func(tool *Tool, r *Request) Result {
			if strings.Contains(r.Path, "/../") || strings.HasSuffix(r.Path, "/..") || !strings.HasPrefix(r.Path, "/pets") {
				t.Errorf("path %q", r.Path)
			}
			return echo(tool, r)
		})
		if out != nil && !json.Valid(out) {
			t.Errorf("%s", out)
		}
	})
}
