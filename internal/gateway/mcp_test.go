package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"gatehouse/internal/apim"
	"gatehouse/internal/telemetry"
)

// petService has an HTTP API and an MCP server of some of its operations.
func petService(t *testing.T) *apim.Service {
	t.Helper()
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		switch {
		case strings.HasSuffix(r.URL.Path, "/missing"):
			w.WriteHeader(404)
			_, _ = io.WriteString(w, `{"error": "no such pet"}`)
		case strings.HasSuffix(r.URL.Path, "/photo"):
			w.Header().Set("Content-Type", "image/png")
			_, _ = io.WriteString(w, "\x89PNG")
		case strings.HasSuffix(r.URL.Path, "/large"):
			_, _ = w.Write(make([]byte, 100_000))
		case strings.HasSuffix(r.URL.Path, "/broken"):
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "short")
		default:
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(map[string]any{"method": r.Method, "uri": r.URL.RequestURI(), "body": string(body), "tag": r.Header.Get("X-Tag"),
				"type": r.Header.Get("Content-Type"), "op": r.Header.Get("X-Op"), "auth": r.Header.Get("Authorization"), "mcp": r.Header.Get("Mcp-Protocol-Version"), "trace": r.Header.Get("Traceparent") != ""})
		}
	}))
	t.Cleanup(backend.Close)
	pet := json.RawMessage(`{"$ref":"#/$defs/Pet","$defs":{"Pet":{"type":"object","properties":{"name":{"type":"string"},"friend":{"$ref":"#/$defs/Pet"}}}}}`)
	s := testService("")
	s.VersionSets = []*apim.VersionSet{{ID: "v", Scheme: "Segment"}}
	s.APIs = []*apim.API{
		{ID: "pets", Name: "Pets", Path: "pets", IsCurrent: true, Version: "v1", VersionSet: "v", ServiceURL: backend.URL, SubscriptionRequired: true, SubscriptionKeyHeader: "X-Pets-Key", Operations: []*apim.Operation{
			{ID: "get", Name: "Get a pet", Description: "Finds a pet by its id.", Method: "GET", URLTemplate: "/{id}?view={view}", Parameters: []apim.Parameter{
				{Name: "id", In: apim.InPath, Required: true, Schema: json.RawMessage(`{"type":"string"}`)},
				{Name: "id", In: apim.InQuery, Schema: json.RawMessage(`{"type":"array","items":{"type":"integer"}}`), Explode: true},
				{Name: "X-Tag", In: apim.InHeader, Schema: json.RawMessage(`{"type":"string"}`)},
				{Name: "Authorization", In: apim.InHeader}, {Name: "x-pets-key", In: apim.InHeader}}},
			{ID: "put", Name: "Change a pet", Method: "PUT", URLTemplate: "/{id}", Requests: []apim.Representation{{ContentType: "text/xml"}, {ContentType: "application/json", Schema: pet}}},
			{ID: "secret", Name: "Secret", Method: "GET", URLTemplate: "/secret"},
		}, Policy: document(`<set-header name="X-Op" exists-action="override"><value>@(context.Operation.Id)</value></set-header>`)},
		{ID: "pet-tools", Name: "Pet tools", Path: "pet-tools", IsCurrent: true, Type: apim.TypeMCP, SubscriptionRequired: true, MCP: &apim.MCPServer{Tools: []*apim.MCPTool{
			{Name: "get_pet", API: "pets", Operation: "get"}, {Name: "change_pet", Title: "Change", Description: "Changes a pet.", API: "pets", Operation: "put"}}}},
	}
	s.Products = nil
	return s
}

// withHeader adds headers to the requests of an MCP client.
type withHeader http.Header

func (h withHeader) RoundTrip(r *http.Request) (*http.Response, error) {
	for name, values := range h {
		r.Header[name] = values
	}
	return http.DefaultTransport.RoundTrip(r)
}

func mcpSession(t *testing.T, h *harness, path string, header http.Header) (*sdk.ClientSession, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	client := sdk.NewClient(&sdk.Implementation{Name: "test", Version: "1"}, nil)
	session, err := client.Connect(ctx, &sdk.StreamableClientTransport{Endpoint: h.URL + path, HTTPClient: &http.Client{Transport: withHeader(header)}}, nil)
	if err == nil {
		t.Cleanup(func() { _ = session.Close() })
	}
	return session, err
}

var allKey = http.Header{"Ocp-Apim-Subscription-Key": {"key-all"}}

// callTool gives the text of a tool's answer.
func callTool(t *testing.T, session *sdk.ClientSession, name string, arguments any) (string, bool) {
	t.Helper()
	r, err := session.CallTool(t.Context(), &sdk.CallToolParams{Name: name, Arguments: arguments})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	text, ok := r.Content[0].(*sdk.TextContent)
	if !ok {
		return fmt.Sprintf("%T", r.Content[0]), r.IsError
	}
	return text.Text, r.IsError
}

func TestMCPTools(t *testing.T) {
	h := newHarness(t, petService(t), nil)
	session, err := mcpSession(t, h, "/pet-tools/mcp", http.Header{"Ocp-Apim-Subscription-Key": {"key-all"}, "Authorization": {"Bearer caller"}})
	if err != nil {
		t.Fatal(err)
	}
	info := session.InitializeResult()
	if info.ServerInfo.Name != "pet-tools" || info.ProtocolVersion != "2025-11-25" || info.Capabilities.Tools == nil {
		t.Errorf("%+v", info)
	}
	if err := session.Ping(t.Context(), nil); err != nil {
		t.Error(err)
	}
	list, err := session.ListTools(t.Context(), nil)
	if err != nil || len(list.Tools) != 2 {
		t.Fatalf("%v %v", list, err)
	}
	get, change := list.Tools[0], list.Tools[1]
	if get.Name != "get_pet" || get.Description != "Finds a pet by its id." || get.Title != "Get a pet" || !get.Annotations.ReadOnlyHint || change.Annotations.ReadOnlyHint || change.Title != "Change" {
		t.Errorf("%+v %+v", get, change)
	}
	schema, _ := json.Marshal(get.InputSchema)
	if want := `{"properties":{"X-Tag":{"description":"Sent as a request header.","type":"string"},"id":{"type":"string"},"query_id":{"items":{"type":"integer"},"type":"array"},"view":{}},"required":["id"],"type":"object"}`; string(schema) != want {
		t.Errorf("got  %s\nwant %s", schema, want)
	}
	schema, _ = json.Marshal(change.InputSchema)
	if want := `{"$defs":{"Pet":{"properties":{"friend":{"$ref":"#/$defs/Pet"},"name":{"type":"string"}},"type":"object"}},"properties":{"body":{"$ref":"#/$defs/Pet","description":"The request body."},"id":{"type":"string"}},"required":["id"],"type":"object"}`; string(schema) != want {
		t.Errorf("got  %s\nwant %s", schema, want)
	}
	text, failed := callTool(t, session, "get_pet", map[string]any{"id": "a/b?c", "query_id": []int{1, 2}, "X-Tag": "t", "view": "full"})
	if want := `{"auth":"Bearer caller","body":"","mcp":"","method":"GET","op":"get","tag":"t","trace":true,"type":"","uri":"/a%2Fb%3Fc?view=full\u0026id=1\u0026id=2"}`; failed || strings.TrimSpace(text) != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
	text, failed = callTool(t, session, "change_pet", map[string]any{"id": "7", "body": map[string]any{"name": "Rex", "age": json.Number("12345678901234567890")}})
	if failed || !strings.Contains(text, `"body":"{\"age\":12345678901234567890,\"name\":\"Rex\"}"`) || !strings.Contains(text, `"type":"application/json"`) || !strings.Contains(text, `"uri":"/7"`) {
		t.Error(text)
	}
}

// A call is two requests in one trace: the message, and the operation with its
// own policies.
func TestMCPCallsAreTraced(t *testing.T) {
	h := newHarness(t, petService(t), nil)
	session, err := mcpSession(t, h, "/pet-tools/mcp", allKey)
	if err != nil {
		t.Fatal(err)
	}
	callTool(t, session, "get_pet", map[string]any{"id": "7"})
	_ = session.Close()
	var outer, inner *telemetry.Exchange
	h.recorder.last(t)
	deadline := time.Now().Add(10 * time.Second)
	for outer == nil && time.Now().Before(deadline) {
		h.recorder.mu.Lock()
		for i := range h.recorder.all {
			switch e := &h.recorder.all[i]; {
			case e.Endpoint.API == "pets":
				inner = e
			case len(e.Calls) > 0:
				outer = e
			}
		}
		h.recorder.mu.Unlock()
		time.Sleep(10 * time.Millisecond)
	}
	if outer == nil || inner == nil {
		t.Fatal("not both were recorded")
	}
	if outer.TraceID != inner.TraceID || inner.ParentID != outer.Calls[0].SpanID || outer.Calls[0].Source != "tools/call" || outer.Calls[0].Backend != "get_pet" || outer.Calls[0].Status != 200 {
		t.Errorf("%+v\n%+v", outer, inner)
	}
	if inner.Endpoint.Operation != "get" || inner.Subscription != "s-all" || inner.Path != "/pets/v1/7" || outer.Endpoint.APIType != "mcp" || inner.ClientIP != outer.ClientIP {
		t.Errorf("%+v", inner)
	}
}

func TestMCPFailuresOfTools(t *testing.T) {
	s := petService(t)
	h := newHarness(t, s, func(o *Options) { o.MaxPolicyBodyBytes = 50_000 })
	session, err := mcpSession(t, h, "/pet-tools/mcp", allKey)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name      string
		arguments any
		want      string
	}{
		{"missing argument", map[string]any{}, `the argument "id" is required`},
		{"null argument", map[string]any{"id": nil}, `the argument "id" is required`},
		{"unknown argument", map[string]any{"id": "1", "x": 1}, `there is no argument "x"`},
		{"another operation", map[string]any{"id": "secret"}, "404 Not Found\n{ \"statusCode\": 404, \"message\": \"Resource not found\" }"},
		{"out of the path", map[string]any{"id": ".."}, `the argument "id" is a part of a path: it must not be ".."`},
		{"header injection", map[string]any{"id": "1", "X-Tag": "a\r\nX-Evil: b"}, `the argument "X-Tag" is sent as a header: it must not hold control characters`},
		{"error of the backend", map[string]any{"id": "missing"}, "404 Not Found\n{\"error\": \"no such pet\"}"},
		{"too large", map[string]any{"id": "large"}, "The answer is larger than 50000 bytes."},
		{"broken off", map[string]any{"id": "broken"}, "The backend broke off its answer."},
	} {
		if text, failed := callTool(t, session, "get_pet", c.arguments); !failed || text != c.want {
			t.Errorf("%s: %v %q", c.name, failed, text)
		}
	}
	if text, failed := callTool(t, session, "get_pet", map[string]any{"id": "photo"}); failed || text != "*mcp.ImageContent" {
		t.Errorf("picture: %s", text)
	}
	if _, err := session.CallTool(t.Context(), &sdk.CallToolParams{Name: "nothing"}); err == nil || !strings.Contains(err.Error(), "unknown tool") {
		t.Errorf("unknown tool: %v", err)
	}
	if _, err := session.ListPrompts(t.Context(), nil); err == nil {
		t.Error("prompts are not supported")
	}
}

func TestMCPSubscriptionsAndPolicies(t *testing.T) {
	s := petService(t)
	s.APIs[1].Policy = document(`<set-variable name="m" value="@((string)context.Request.Body?.As<JObject>(true)?["method"])"/><choose><when condition="@(context.Variables.GetValueOrDefault<string>("m", "") == "tools/call")"><rate-limit-by-key calls="1" renewal-period="60" counter-key="a"/></when></choose>`)
	s.Subscriptions = append(s.Subscriptions, &apim.Subscription{ID: "s-tools", Scope: "/apis/pet-tools", State: "active", PrimaryKey: "key-tools"})
	h := newHarness(t, s, nil)
	if _, err := mcpSession(t, h, "/pet-tools/mcp", nil); err == nil {
		t.Error("let in without a key")
	}
	session, err := mcpSession(t, h, "/pet-tools/mcp", http.Header{"Ocp-Apim-Subscription-Key": {"key-tools"}})
	if err != nil {
		t.Fatal(err)
	}
	// The operation looks at the subscription itself.
	if text, failed := callTool(t, session, "get_pet", map[string]any{"id": "1"}); !failed || !strings.HasPrefix(text, "401 Unauthorized") {
		t.Errorf("a key for the tools alone: %s", text)
	}
	if _, err := session.CallTool(t.Context(), &sdk.CallToolParams{Name: "get_pet", Arguments: map[string]any{"id": "1"}}); err == nil {
		t.Error("the rate limit of the MCP server did not count")
	}
}

func TestMCPOverPlainHTTP(t *testing.T) {
	s := petService(t)
	s.APIs[1].SubscriptionRequired = false
	h := newHarness(t, s, nil)
	ping := `{"jsonrpc":"2.0","id":"a","method":"ping"}`
	for _, c := range []struct {
		name, method, body, accept, version string
		status                              int
		contentType, want                   string
	}{
		{"JSON", "POST", ping, "application/json, text/event-stream", "2025-06-18", 200, "application/json", `{"jsonrpc":"2.0","id":"a","result":{}}`},
		{"events", "POST", ping, "text/event-stream", "", 200, "text/event-stream", "event: message\ndata: {\"jsonrpc\":\"2.0\",\"id\":\"a\",\"result\":{}}\n\n"},
		{"notification", "POST", `{"jsonrpc":"2.0","method":"notifications/initialized"}`, "*/*", "", 202, "", ""},
		{"response", "POST", `{"jsonrpc":"2.0","id":1,"result":{}}`, "*/*", "", 202, "", ""},
		{"older version", "POST", `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2024-11-05"}}`, "*/*", "", 200, "application/json", `"protocolVersion":"2024-11-05"`},
		{"unknown version", "POST", `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"1999-01-01"}}`, "*/*", "", 200, "application/json", `"protocolVersion":"2025-11-25"`},
		{"unknown version in the header", "POST", ping, "*/*", "1999-01-01", 400, "application/json", `"code":-32600`},
		{"no JSON", "POST", `{`, "*/*", "", 200, "application/json", `{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"the message is not valid JSON"}}`},
		{"batch", "POST", `[` + ping + `]`, "*/*", "", 200, "application/json", `"code":-32600`},
		{"no request", "POST", `{"id":{}}`, "*/*", "", 200, "application/json", `"code":-32600`},
		{"no method", "POST", `{"jsonrpc":"2.0","id":1.5,"method":"resources/list"}`, "*/*", "", 200, "application/json", `{"jsonrpc":"2.0","id":1.5,"error":{"code":-32601`},
		{"bad parameters", "POST", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":[]}`, "*/*", "", 200, "application/json", `"code":-32602`},
		{"stream", "GET", "", "text/event-stream", "", 405, "", ""},
		{"end of a session", "DELETE", "", "", "", 405, "", ""},
	} {
		var header []string
		for name, v := range map[string]string{"Accept": c.accept, "Mcp-Protocol-Version": c.version} {
			if v != "" {
				header = append(header, name, v)
			}
		}
		resp, body := h.call(t, c.method, "/pet-tools/mcp", strings.NewReader(c.body), header...)
		if resp.StatusCode != c.status || resp.Header.Get("Content-Type") != c.contentType || !strings.Contains(body, c.want) {
			t.Errorf("%s: %d %s %s", c.name, resp.StatusCode, resp.Header.Get("Content-Type"), body)
		}
	}
	if resp, _ := h.call(t, "POST", "/pet-tools", strings.NewReader(ping)); resp.StatusCode != 404 {
		t.Errorf("other address: %d", resp.StatusCode)
	}
}

func TestMCPToolWithoutOperation(t *testing.T) {
	s := petService(t)
	s.APIs[1].MCP.Tools[0].Operation = "nothing"
	_, err := newHarness(t, petService(t), nil).gateway.Compile(s)
	if err == nil || !strings.Contains(err.Error(), `apis/pet-tools:1:1: the tool "get_pet": its operation does not exist in an HTTP API`) {
		t.Errorf("%v", err)
	}
}

func TestRemoteMCPServer(t *testing.T) {
	server := sdk.NewServer(&sdk.Implementation{Name: "remote", Version: "2"}, nil)
	sdk.AddTool(server, &sdk.Tool{Name: "slow", Description: "Tells its progress."}, func(ctx context.Context, r *sdk.CallToolRequest, in struct{ N int }) (*sdk.CallToolResult, any, error) {
		for i := range in.N {
			_ = r.Session.NotifyProgress(ctx, &sdk.ProgressNotificationParams{ProgressToken: r.Params.GetProgressToken(), Progress: float64(i)})
		}
		return &sdk.CallToolResult{Content: []sdk.Content{&sdk.TextContent{Text: "done " + r.Extra.Header.Get("X-By")}}}, nil, nil
	})
	backend := httptest.NewServer(sdk.NewStreamableHTTPHandler(func(r *http.Request) *sdk.Server {
		if r.URL.Path != "/api/mcp" {
			return nil
		}
		return server
	}, nil))
	defer backend.Close()
	inbound := document(`<set-header name="X-By" exists-action="override"><value>gateway</value></set-header>`)
	for name, a := range map[string]*apim.API{
		"serviceUrl":       {ServiceURL: backend.URL + "/api/mcp", MCP: &apim.MCPServer{}},
		"endpoint":         {ServiceURL: backend.URL, MCP: &apim.MCPServer{Endpoint: "/api/mcp"}},
		"backend resource": {MCP: &apim.MCPServer{Backend: "remote", Endpoint: "mcp"}},
	} {
		a.ID, a.Path, a.IsCurrent, a.Type, a.SubscriptionRequired, a.Policy = "remote", "remote", true, apim.TypeMCP, true, inbound
		s := testService("")
		s.APIs, s.Products, s.Backends = []*apim.API{a}, nil, []*apim.Backend{{ID: "remote", URL: backend.URL + "/api"}}
		h := newHarness(t, s, nil)
		progress := make(chan float64, 10)
		client := sdk.NewClient(&sdk.Implementation{Name: "test", Version: "1"}, &sdk.ClientOptions{ProgressNotificationHandler: func(_ context.Context, r *sdk.ProgressNotificationClientRequest) {
			progress <- r.Params.Progress
		}})
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		session, err := client.Connect(ctx, &sdk.StreamableClientTransport{Endpoint: h.URL + "/remote/mcp", HTTPClient: &http.Client{Transport: withHeader(allKey)}}, nil)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		params := &sdk.CallToolParams{Name: "slow", Arguments: map[string]any{"N": 3}}
		params.SetProgressToken("p")
		r, err := session.CallTool(ctx, params)
		if err != nil || r.Content[0].(*sdk.TextContent).Text != "done gateway" {
			t.Fatalf("%s: %v %v", name, r, err)
		}
		for i := range 3 {
			if p := <-progress; p != float64(i) {
				t.Errorf("%s: progress %v", name, p)
			}
		}
		_ = session.Close()
	}
}

// Events of a remote server are sent on as they come, headers first.
func TestEventStreamBeginsAtOnce(t *testing.T) {
	release := make(chan struct{})
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.(http.Flusher).Flush()
		<-release
		_, _ = io.WriteString(w, "data: 1\n\n")
	}))
	defer backend.Close()
	h := newHarness(t, testService(backend.URL), nil)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	req, _ := http.NewRequestWithContext(ctx, "GET", h.URL+"/free/items/1", nil)
	resp, err := http.DefaultClient.Do(req)
	close(release)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); string(body) != "data: 1\n\n" || err != nil && !errors.Is(err, io.EOF) {
		t.Errorf("%q %v", body, err)
	}
}
