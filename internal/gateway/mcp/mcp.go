// Package mcp speaks the Model Context Protocol for a server whose tools are
// operations of APIs.
//
// What comes in: declared operations once, and then JSON-RPC messages. What goes
// out: answers, and for a call of a tool the HTTP request that it means. It must
// never send anything itself, keep a session, or decide who may call.
package mcp

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
)

// Versions of the protocol, newest first. A client that asks for another one is
// offered the newest.
var versions = []string{"2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"}

// KnownVersion tells whether a client may name the version in a header.
func KnownVersion(v string) bool { return slices.Contains(versions, v) }

// Codes of JSON-RPC.
const (
	codeParse          = -32700
	codeInvalidRequest = -32600
	codeNoMethod       = -32601
	codeInvalidParams  = -32602
)

// Server answers messages. Safe for concurrent use.
type Server struct {
	name, title, version string
	tools                []*Tool
	list                 []byte // answer of tools/list, made once
}

// NewServer makes a server; version is that of the API behind it.
func NewServer(name, title, version string, tools []*Tool) (*Server, error) {
	described := make([]description, len(tools))
	for i, t := range tools {
		described[i] = t.describe()
	}
	list, err := json.Marshal(map[string]any{"tools": described})
	if err != nil {
		return nil, err
	}
	return &Server{name: name, title: title, version: version, tools: tools, list: list}, nil
}

// message is a request, a notification (without id), or a response of the
// client.
type message struct {
	Version string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id"`
	Method  string          `json:"method"`
	Params  json.RawMessage `json:"params"`
}

type failure struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

func (f *failure) Error() string { return f.Message }

// Handle answers one message; nil when it wants no answer. call makes the
// request that a tool's call means.
func (s *Server) Handle(text []byte, call func(*Tool, *Request) Result) []byte {
	var m message
	switch err := decode(text, &m); {
	case bytes.HasPrefix(bytes.TrimSpace(text), []byte("[")):
		return answer(nil, nil, &failure{codeInvalidRequest, "batches are not supported: send one message in a request"})
	case err != nil:
		return answer(nil, nil, &failure{codeParse, "the message is not valid JSON"})
	case m.Version != "2.0" || !validID(m.ID):
		return answer(nil, nil, &failure{codeInvalidRequest, "the message is not a JSON-RPC 2.0 request"})
	case len(m.ID) == 0, m.Method == "": // a notification, or a response to nothing we asked
		return nil
	}
	result, err := s.handle(&m, call)
	var f *failure
	if err != nil && !errors.As(err, &f) {
		f = &failure{codeInvalidParams, err.Error()}
	}
	return answer(m.ID, result, f)
}

func (s *Server) handle(m *message, call func(*Tool, *Request) Result) (any, error) {
	switch m.Method {
	case "initialize":
		return s.initialize(m.Params), nil
	case "ping":
		return struct{}{}, nil
	case "tools/list":
		return json.RawMessage(s.list), nil
	case "tools/call":
		return s.call(m.Params, call)
	}
	return nil, &failure{codeNoMethod, "the server has no method of that name"}
}

func (s *Server) initialize(params json.RawMessage) any {
	var p struct {
		Version string `json:"protocolVersion"`
	}
	version := versions[0]
	if decode(params, &p) == nil && KnownVersion(p.Version) {
		version = p.Version
	}
	return map[string]any{
		"protocolVersion": version,
		"capabilities":    map[string]any{"tools": struct{}{}},
		"serverInfo":      map[string]any{"name": s.name, "title": s.title, "version": s.version},
	}
}

func (s *Server) call(params json.RawMessage, call func(*Tool, *Request) Result) (any, error) {
	var p struct {
		Name      string          `json:"name"`
		Arguments json.RawMessage `json:"arguments"`
	}
	if err := decode(params, &p); err != nil {
		return nil, &failure{codeInvalidParams, "the parameters are not those of tools/call"}
	}
	i := slices.IndexFunc(s.tools, func(t *Tool) bool { return t.Name == p.Name })
	if i < 0 {
		return nil, &failure{codeInvalidParams, "unknown tool: " + p.Name}
	}
	r, err := s.tools[i].Request(p.Arguments)
	if err != nil { // for the model to mend
		return Failed(err.Error()), nil
	}
	return call(s.tools[i], r), nil
}

// validID tells whether an id is absent, a string or a number.
func validID(id json.RawMessage) bool {
	return len(id) == 0 || id[0] == '"' || id[0] == '-' || '0' <= id[0] && id[0] <= '9'
}

func answer(id json.RawMessage, result any, f *failure) []byte {
	if id == nil {
		id = json.RawMessage("null")
	}
	out := struct {
		Version string          `json:"jsonrpc"`
		ID      json.RawMessage `json:"id"`
		Result  any             `json:"result,omitempty"`
		Error   *failure        `json:"error,omitempty"`
	}{"2.0", id, result, f}
	data, err := json.Marshal(out)
	if err != nil { // an operation's schema that is no JSON was refused before
		return []byte(`{"jsonrpc":"2.0","id":null,"error":{"code":-32603,"message":"the answer cannot be written"}}`)
	}
	return data
}

// decode reads one JSON value and keeps numbers as they are written.
func decode(text []byte, to any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(to); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("there is more than one value")
	}
	return nil
}
