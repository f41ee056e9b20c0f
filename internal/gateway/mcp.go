package gateway

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"gatehouse/internal/apim"
	"gatehouse/internal/gateway/mcp"
	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
	"gatehouse/internal/telemetry"
)

// mcpAPI is an MCP server: one of ours with tools, or a remote one.
type mcpAPI struct {
	endpoint string      // path of the remote server below its base URL
	server   *mcp.Server // nil: the remote one
	tools    map[*mcp.Tool]*toolTarget
}

// toolTarget is where the operation of a tool is found.
type toolTarget struct {
	api       *compiledAPI
	operation *compiledOperation
	base      string // path in front of the operation's own, escaped
	query     string // names the version, "" without
	header    string // canonical; names the version, "" without
	version   string
}

// mcpEndpoint gives an MCP server its addresses. A remote one that speaks the
// older transport has two more.
func mcpEndpoint(a *apim.API) *apim.API {
	out := *a
	if out.MCP == nil {
		out.MCP = &apim.MCPServer{}
	}
	out.Operations = []*apim.Operation{{ID: "mcp", Name: "MCP", Method: "*", URLTemplate: "/mcp"}}
	if out.MCP.SSE && len(out.MCP.Tools) == 0 {
		out.Operations = append(out.Operations, &apim.Operation{ID: "sse", Name: "SSE", Method: "GET", URLTemplate: "/sse"},
			&apim.Operation{ID: "messages", Name: "Messages", Method: "POST", URLTemplate: "/messages"})
	}
	return &out
}

func endpointPath(m *apim.MCPServer) string {
	if path := strings.Trim(m.Endpoint, "/"); path != "" {
		return "/" + path
	}
	return ""
}

// mcpTools makes the server of an API whose tools are operations of others.
func (k *compilation) mcpTools(a *compiledAPI, all []*compiledAPI) {
	var tools []*mcp.Tool
	a.mcp.tools = map[*mcp.Tool]*toolTarget{}
	for _, t := range a.api.MCP.Tools {
		target, op := findTool(t, all)
		var tool *mcp.Tool
		err := errors.New("its operation does not exist in an HTTP API")
		if target != nil {
			tool, err = mcp.NewTool(t, op, target.api.keyHeader, target.api.keyQuery)
		}
		if err != nil {
			k.failAPI(a.api, fmt.Errorf("the tool %q: %w", t.Name, err))
			continue
		}
		k.place(target)
		tools = append(tools, tool)
		a.mcp.tools[tool] = target
	}
	if len(tools) == 0 {
		return
	}
	version := a.api.Version
	if version == "" {
		version = a.api.Revision
	}
	server, err := mcp.NewServer(a.api.ID, a.api.Name, version, tools)
	if err != nil {
		k.failAPI(a.api, err)
	}
	a.mcp.server = server
}

func (k *compilation) failAPI(a *apim.API, err error) {
	k.report(policy.Messages{{Pos: apim.Position{File: "apis/" + a.ID, Line: 1, Column: 1}, Text: err.Error()}})
}

func findTool(t *apim.MCPTool, all []*compiledAPI) (*toolTarget, *apim.Operation) {
	id, revision, revised := strings.Cut(t.API, ";rev=")
	for _, a := range all {
		if !strings.EqualFold(a.api.ID, id) || a.api.Type != apim.TypeHTTP && a.api.Type != "" || revised && a.api.Revision != revision || !revised && !a.api.IsCurrent {
			continue
		}
		i := slices.IndexFunc(a.api.Operations, func(o *apim.Operation) bool { return strings.EqualFold(o.ID, t.Operation) })
		if i >= 0 {
			return &toolTarget{api: a, operation: &a.operations[i]}, a.api.Operations[i]
		}
	}
	return nil, nil
}

// place finds the address of a target: its path, version and revision.
func (k *compilation) place(t *toolTarget) {
	a := t.api.api
	path := a.Path
	i := slices.IndexFunc(k.service.VersionSets, func(v *apim.VersionSet) bool { return v.ID == a.VersionSet })
	if i >= 0 && a.Version != "" {
		t.version = a.Version
		switch set := k.service.VersionSets[i]; strings.ToLower(set.Scheme) {
		case "header":
			t.header = http.CanonicalHeaderKey(set.Header)
		case "query":
			t.query = url.QueryEscape(set.Query) + "=" + url.QueryEscape(a.Version)
		default:
			if !strings.EqualFold(path[strings.LastIndexByte(path, '/')+1:], a.Version) {
				path += "/" + a.Version
			}
		}
	}
	if path = strings.Trim(path, "/"); path != "" {
		t.base = "/" + (&url.URL{Path: path}).EscapedPath()
	}
	if !a.IsCurrent {
		t.base += ";rev=" + a.Revision
	}
}

// answerMCP answers a message to an MCP server in place of a backend.
func (x *exchange) answerMCP() error {
	if x.Request.Method != http.MethodPost { // no streams of its own, and no sessions to end
		x.answerWith(http.StatusMethodNotAllowed, expr.Header{"Allow": {"POST"}}, nil)
		return nil
	}
	if v := x.Request.Header.Values("Mcp-Protocol-Version"); len(v) > 0 && !mcp.KnownVersion(v[0]) {
		x.answerWith(http.StatusBadRequest, expr.Header{"Content-Type": {"application/json"}},
			[]byte(`{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"the protocol version of the header Mcp-Protocol-Version is not known"}}`))
		return nil
	}
	text, err := x.Request.Body.Bytes(false)
	if err != nil {
		return x.bodyError(err)
	}
	answer := x.api.mcp.server.Handle(text, x.callTool)
	switch {
	case answer == nil:
		x.answerWith(http.StatusAccepted, expr.Header{}, nil)
	case onlyEvents(x.Request.Header):
		x.answerWith(http.StatusOK, expr.Header{"Content-Type": {"text/event-stream"}, "Cache-Control": {"no-cache"}}, slices.Concat([]byte("event: message\ndata: "), answer, []byte("\n\n")))
	default:
		x.answerWith(http.StatusOK, expr.Header{"Content-Type": {"application/json"}}, answer)
	}
	return nil
}

// onlyEvents tells whether a client takes an answer as events only.
func onlyEvents(h expr.Header) bool {
	accept := strings.Join(h.Values("Accept"), ",")
	return strings.Contains(accept, "text/event-stream") && !strings.Contains(accept, "json") && !strings.Contains(accept, "*/*")
}

func (x *exchange) answerWith(status int, h expr.Header, body []byte) {
	out := &expr.Response{StatusCode: status, StatusReason: http.StatusText(status), Header: h}
	if body != nil {
		out.Body = expr.BytesBody(body)
	}
	out.Body.SetLimit(x.gateway.options.MaxPolicyBodyBytes)
	x.Context.Response = out
}

// callTool runs the operation of a tool as a request of its own, with the
// policies, the subscription and the record of any other.
func (x *exchange) callTool(t *mcp.Tool, r *mcp.Request) mcp.Result {
	target := x.api.mcp.tools[t]
	req, err := x.toolRequest(target, r)
	if err != nil {
		return mcp.Failed(err.Error())
	}
	call := telemetry.Call{SpanID: newSpanID(), Source: "tools/call", Backend: t.Name, Method: req.Method, Scheme: x.Exchange.Scheme, Host: x.r.Host,
		Path: req.URL.EscapedPath(), Attempt: 1, Start: x.Exchange.Since(), Sent: int64(len(r.Body))}
	inject(expr.Header(req.Header), x.Exchange, call.SpanID)
	w := &toolAnswer{header: http.Header{}, room: x.gateway.options.MaxPolicyBodyBytes}
	abort := x.gateway.exchange(x.snapshot, w, req, target.operation)
	call.Duration = x.Exchange.Since() - call.Start
	switch {
	case w.full:
		call.Error = "AnswerTooLarge"
	case abort:
		call.Error = "BackendConnectionFailure"
	}
	if call.Error != "" {
		call.Outcome = telemetry.OutcomeError
	}
	record(x.Exchange, call, w.status, nil)
	switch {
	case w.full:
		return mcp.Failed("The answer is larger than " + strconv.FormatInt(x.gateway.options.MaxPolicyBodyBytes, 10) + " bytes.")
	case abort:
		return mcp.Failed("The backend broke off its answer.")
	}
	return mcp.Answered(w.status, w.header, w.body.Bytes(), x.Exchange.Scheme+"://"+x.r.Host+req.URL.EscapedPath())
}

func (x *exchange) toolRequest(t *toolTarget, r *mcp.Request) (*http.Request, error) {
	raw := t.base + r.Path
	path, err := url.PathUnescape(raw)
	if err != nil {
		return nil, fmt.Errorf("the path of the call is not valid: %w", err)
	}
	h := toolHeader(x.Request.Header)
	for name, values := range r.Header {
		h[name] = values
	}
	if t.header != "" {
		h[t.header] = []string{t.version}
	}
	delete(h, x.api.keyHeader)
	if x.brought.key != "" { // the operation looks at the subscription itself
		h[t.api.keyHeader] = []string{x.brought.key}
	}
	req := &http.Request{Method: r.Method, URL: &url.URL{Path: path, RawPath: raw, RawQuery: joinQuery(t.query, r.Query)}, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: h, Host: x.r.Host, RemoteAddr: x.r.RemoteAddr, TLS: x.r.TLS, Body: http.NoBody}
	if len(r.Body) > 0 {
		req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(r.Body)), int64(len(r.Body))
	}
	return req.WithContext(x.Std), nil
}

// toolHeader copies what of the caller's headers concerns the operation too,
// such as its credentials, and not the message that the call came in.
func toolHeader(in expr.Header) http.Header {
	out := http.Header{"Accept": {"application/json, */*;q=0.5"}}
	for name, values := range in {
		switch {
		case hopByHop(name), strings.HasPrefix(name, "Content-"), strings.HasPrefix(name, "Mcp-"), strings.HasPrefix(name, "Accept"),
			strings.HasPrefix(name, "Sec-"), strings.HasPrefix(name, "If-"):
			continue
		}
		switch name {
		case "Host", "Origin", "Referer", "Range", "Expect", "Last-Event-Id", "Traceparent", "Tracestate", "Request-Id":
			continue
		}
		out[name] = values
	}
	return out
}

// toolAnswer keeps the answer of an operation.
type toolAnswer struct {
	header http.Header
	status int
	body   bytes.Buffer
	room   int64
	full   bool
}

var errToolAnswerFull = errors.New("the answer is larger than the limit for tools")

func (w *toolAnswer) Header() http.Header { return w.header }

func (w *toolAnswer) WriteHeader(status int) { w.status = status }

func (w *toolAnswer) Write(p []byte) (int, error) {
	if w.room -= int64(len(p)); w.room < 0 {
		w.full = true
		return 0, errToolAnswerFull
	}
	return w.body.Write(p)
}
