package subscribe

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"gatehouse/internal/graphql"
)

// The two protocols by the names that clients ask for.
const (
	Modern = "graphql-transport-ws" // of the library graphql-ws
	Legacy = "graphql-ws"           // of the library subscriptions-transport-ws
)

// Protocols lists the subprotocols, the preferred one first.
func Protocols() []string { return []string{Modern, Legacy} }

// Conn is a WebSocket connection that carries text messages. Write and Close
// are called by one goroutine at a time, Read by another.
type Conn interface {
	Read(ctx context.Context) ([]byte, error)
	Write(ctx context.Context, message []byte) error
	Close(code int, reason string)
}

// Start answers one request: it sends responses until there are no more, or ctx
// ends. Errors mean that there was no response at all.
type Start func(ctx context.Context, r *graphql.Request, size int, send func(response []byte)) graphql.Errors

// Time limits of a connection.
const (
	initTimeout  = 10 * time.Second
	writeTimeout = 10 * time.Second
)

// Close codes of the protocols.
const (
	closeNormal       = 1000
	closeBadMessage   = 4400
	closeUnauthorized = 4401
	closeInitTimeout  = 4408
	closeTaken        = 4409
	closeTooMany      = 4429
)

// socket is one connection.
type socket struct {
	ctx    context.Context // of the connection
	conn   Conn
	modern bool
	start  Start

	mu      sync.Mutex // guards writing and running
	running map[string]context.CancelFunc
	work    sync.WaitGroup
}

// message is what both sides send.
type message struct {
	Type    string          `json:"type"`
	ID      string          `json:"id,omitempty"`
	Payload json.RawMessage `json:"payload,omitempty"`
}

// Serve speaks with a client until it leaves or breaks the protocol. All that
// it started has ended when it returns.
func Serve(ctx context.Context, conn Conn, protocol string, start Start) {
	ctx, cancel := context.WithCancel(ctx)
	s := &socket{ctx: ctx, conn: conn, modern: protocol != Legacy, start: start, running: map[string]context.CancelFunc{}}
	code, reason := s.read(ctx)
	cancel()
	s.work.Wait()
	conn.Close(code, reason)
}

// read handles messages; it returns why the connection ends.
func (s *socket) read(ctx context.Context) (code int, reason string) {
	if code, reason := s.greet(ctx); code != 0 {
		return code, reason
	}
	for {
		data, err := s.conn.Read(ctx)
		if err != nil {
			return closeNormal, ""
		}
		m, ok := parse(data)
		if !ok {
			return closeBadMessage, "Invalid message"
		}
		if code, reason := s.handle(ctx, m, len(data)); code != 0 {
			return code, reason
		}
	}
}

// greet waits for the first message and acknowledges it.
func (s *socket) greet(ctx context.Context) (code int, reason string) {
	first, cancel := context.WithTimeout(ctx, initTimeout)
	defer cancel()
	data, err := s.conn.Read(first)
	if err != nil {
		return closeInitTimeout, "Connection initialisation timeout"
	}
	switch m, ok := parse(data); {
	case !ok:
		return closeBadMessage, "Invalid message"
	case m.Type != "connection_init":
		return closeUnauthorized, "Unauthorized"
	}
	s.write(message{Type: "connection_ack"})
	return 0, ""
}

func parse(data []byte) (message, bool) {
	var m message
	err := json.Unmarshal(data, &m)
	return m, err == nil && m.Type != ""
}

func (s *socket) handle(ctx context.Context, m message, size int) (code int, reason string) {
	switch m.Type {
	case "connection_init":
		return closeTooMany, "Too many initialisation requests"
	case "ping":
		s.write(message{Type: "pong", Payload: m.Payload})
	case "pong":
	case "connection_terminate":
		return closeNormal, ""
	case "complete", "stop":
		s.stop(m.ID)
	case "subscribe", "start":
		return s.begin(ctx, m, size)
	default:
		return closeBadMessage, "Invalid message type"
	}
	return 0, ""
}

func (s *socket) stop(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if cancel := s.running[id]; cancel != nil {
		cancel()
		delete(s.running, id)
	}
}

// begin starts a request beside the others of the connection.
func (s *socket) begin(ctx context.Context, m message, size int) (code int, reason string) {
	if m.ID == "" {
		return closeBadMessage, "A request needs an id"
	}
	request, fault := graphql.ReadBody("application/json", m.Payload)
	ctx, cancel := context.WithCancel(ctx)
	s.mu.Lock()
	_, taken := s.running[m.ID]
	full := len(s.running) >= maxPerConnection
	if !taken && !full {
		s.running[m.ID] = cancel
	}
	s.mu.Unlock()
	switch {
	case taken:
		cancel()
		return closeTaken, "Subscriber for " + clip(m.ID) + " already exists"
	case full:
		cancel()
		return closeTooMany, "Too many subscriptions"
	}
	s.work.Add(1)
	go func() {
		defer s.work.Done()
		defer cancel()
		faults := graphql.Errors{fault}
		if fault == nil {
			faults = s.run(ctx, m.ID, request, size)
		}
		s.end(ctx, m.ID, faults)
	}()
	return 0, ""
}

func clip(id string) string { return id[:min(len(id), 40)] }

func (s *socket) run(ctx context.Context, id string, r *graphql.Request, size int) (faults graphql.Errors) {
	defer func() {
		if recover() != nil { // a bug: one request must not end the process
			faults = graphql.Errors{{Message: "Internal server error"}}
		}
	}()
	kind := "next"
	if !s.modern {
		kind = "data"
	}
	return s.start(ctx, r, size, func(response []byte) {
		if ctx.Err() == nil {
			s.write(message{Type: kind, ID: id, Payload: response})
		}
	})
}

// end tells the client that there will be no more, unless the client said so.
func (s *socket) end(ctx context.Context, id string, faults graphql.Errors) {
	if ctx.Err() != nil {
		return
	}
	s.mu.Lock()
	delete(s.running, id)
	s.mu.Unlock()
	if faults == nil {
		s.write(message{Type: "complete", ID: id})
		return
	}
	payload, err := json.Marshal(faults)
	if !s.modern && len(faults) > 0 { // the older protocol shows one error
		payload, err = json.Marshal(faults[0])
	}
	if err == nil {
		s.write(message{Type: "error", ID: id, Payload: payload})
	}
}

// write sends a message. When that fails the connection is gone, which read
// notices.
func (s *socket) write(m message) {
	data, err := json.Marshal(m)
	if err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(s.ctx, writeTimeout) // not of the request: its end must not break the connection
	defer cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.conn.Write(ctx, data)
}
