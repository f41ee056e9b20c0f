package gateway

import (
	"context"
	"net/http"
	"time"

	"github.com/coder/websocket"

	"gatehouse/internal/gateway/subscribe"
	"gatehouse/internal/graphql"
	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
)

// events adapts the hub to what statements ask for.
type events struct{ hub *subscribe.Hub }

func (e events) Publish(t policy.Topic, event []byte) { e.hub.Publish(topic(t), event) }

func topic(t policy.Topic) string { return t.API + ";rev=" + t.Revision + "/" + t.Field }

// acceptSubscriptions agrees to a WebSocket that the gateway serves itself, once
// outbound has run.
func (x *exchange) acceptSubscriptions() error {
	if x.api.graph.schema == nil {
		x.answerGraphQL(http.StatusInternalServerError, graphql.Errors{{Message: "The API has no GraphQL schema."}}.JSON())
		return nil
	}
	x.subscribes = true
	x.Context.Response = &expr.Response{StatusCode: http.StatusSwitchingProtocols, StatusReason: "Switching Protocols", Header: expr.Header{}}
	return nil
}

// maxGraphQLMessage bounds a message of a client.
const maxGraphQLMessage = 1 << 20

// serveSubscriptions takes the connection over and speaks GraphQL on it.
func (x *exchange) serveSubscriptions(resp *expr.Response) {
	h := x.w.Header()
	for name, values := range resp.Header {
		if !hopByHop(name) {
			h[name] = values
		}
	}
	for name, values := range x.FinalHeader {
		h[name] = values
	}
	r := *x.r
	r.Header = x.r.Header.Clone()
	r.Header.Set("Connection", "Upgrade") // dropped before policies ran
	r.Header.Set("Upgrade", "websocket")
	// Any origin: keys are not sent by browsers on their own, as cookies are.
	conn, err := websocket.Accept(x.w, &r, &websocket.AcceptOptions{Subprotocols: subscribe.Protocols(), InsecureSkipVerify: true})
	if err != nil {
		x.gateway.options.Log.Debug("a WebSocket was not opened", "error", err)
		x.Exchange.Status = http.StatusBadRequest
		return
	}
	conn.SetReadLimit(min(maxGraphQLMessage, x.gateway.options.MaxPolicyBodyBytes))
	ctx, cancel := context.WithCancel(x.Std)
	defer cancel()
	go keepAlive(ctx, conn)
	x.Settle()
	l := &live{x: x, resolving: &resolving{context: &x.Context}}
	subscribe.Serve(ctx, socketConn{conn, x}, conn.Subprotocol(), l.start)
}

// pingInterval is how often a client must show that it is still there.
const pingInterval = 30 * time.Second

func keepAlive(ctx context.Context, conn *websocket.Conn) {
	tick := time.NewTicker(pingInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		wait, cancel := context.WithTimeout(ctx, pingInterval)
		err := conn.Ping(wait)
		cancel()
		if err != nil {
			_ = conn.CloseNow()
			return
		}
	}
}

// socketConn is the connection as the protocol sees it.
type socketConn struct {
	*websocket.Conn
	x *exchange
}

func (s socketConn) Read(ctx context.Context) ([]byte, error) {
	_, data, err := s.Conn.Read(ctx)
	s.x.Exchange.RequestBytes += int64(len(data))
	return data, err
}

func (s socketConn) Write(ctx context.Context, message []byte) error {
	s.x.response.total += int64(len(message))
	return s.Conn.Write(ctx, websocket.MessageText, message)
}

func (s socketConn) Close(code int, reason string) {
	_ = s.Conn.Close(websocket.StatusCode(code), reason)
}

// live answers the requests of one connection.
type live struct {
	x         *exchange
	resolving *resolving
}

func (l *live) start(ctx context.Context, r *graphql.Request, size int, send func([]byte)) graphql.Errors {
	removed, faults := l.guard(ctx, r, size)
	if faults != nil {
		return faults
	}
	o, faults := l.x.api.graph.schema.Prepare(r)
	if faults != nil {
		return faults
	}
	answer := func(root map[string]any) {
		response := o.Execute(ctx, l.x.api.graph.plan, l.resolving.resolve, root)
		response.Errors = append(response.Errors, removed...)
		send(response.JSON())
	}
	if o.Kind() != graphql.Subscription {
		answer(nil)
		return nil
	}
	return l.wait(ctx, o.Subject(), answer)
}

// guard lets validate-graphql-request check what came as a message.
func (l *live) guard(ctx context.Context, r *graphql.Request, size int) (removed, faults graphql.Errors) {
	check := l.x.GraphQLGuard
	if check == nil {
		return nil, nil
	}
	c, err := l.resolving.forkPlain(ctx)
	if err == nil {
		removed, err = check(c, r, size)
		l.resolving.drop(c)
	}
	if err != nil {
		return nil, graphql.Errors{{Message: policy.AsError(err, "validate-graphql-request").Message}}
	}
	return removed, nil
}

// wait sends an answer for each event of a field, until ctx ends.
func (l *live) wait(ctx context.Context, field string, answer func(root map[string]any)) graphql.Errors {
	api := l.x.Context.API
	s, err := l.x.gateway.hub.Subscribe(topic(policy.Topic{API: api.ID, Revision: api.Revision, Field: field}))
	if err != nil {
		return graphql.Errors{{Message: "There are too many subscriptions."}}
	}
	defer s.Cancel()
	for {
		select {
		case <-ctx.Done():
			return nil
		case event, open := <-s.Events:
			if !open {
				return graphql.Errors{{Message: "Events came faster than they were read."}}
			}
			value, err := graphql.Decode(event)
			if err != nil {
				value = string(event)
			}
			answer(map[string]any{field: value})
		}
	}
}
