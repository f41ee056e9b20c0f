package gateway

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"gatehouse/internal/apim"
)

// subscriber is a GraphQL client on a WebSocket.
type subscriber struct {
	t    *testing.T
	conn *websocket.Conn
}

func subscribeTo(t *testing.T, url, protocol string, header http.Header) *subscriber {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	conn, resp, err := websocket.Dial(ctx, url, &websocket.DialOptions{Subprotocols: []string{protocol}, HTTPHeader: header})
	if err != nil {
		t.Fatalf("%v %+v", err, resp)
	}
	t.Cleanup(func() { _ = conn.CloseNow() })
	if conn.Subprotocol() != protocol {
		t.Fatalf("subprotocol %q", conn.Subprotocol())
	}
	return &subscriber{t, conn}
}

func (s *subscriber) say(text string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := s.conn.Write(ctx, websocket.MessageText, []byte(text)); err != nil {
		s.t.Fatal(err)
	}
}

func (s *subscriber) hears(want string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_, data, err := s.conn.Read(ctx)
	if err != nil || string(data) != want {
		s.t.Fatalf("got %s %v, want %s", data, err, want)
	}
}

// publishing lets rename publish what it gives.
func publishing(resolvers map[string]string) {
	resolvers["Mutation/rename"] = strings.Replace(resolvers["Mutation/rename"], "</http-request>",
		`</http-request><http-response><publish-event><targets><graphql-subscription id="renamed" /></targets></publish-event></http-response>`, 1)
}

func waitForSubscriptions(t *testing.T, g *Gateway, field string) {
	t.Helper()
	for range 200 {
		if g.hub.Waiting("blog;rev=/"+field) > 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("nobody subscribed")
}

func TestGraphQLSubscriptions(t *testing.T) {
	api := blogAPI(blogBackend(t).URL, publishing)
	api.Policy = document(`<set-header name="X-Seen"><value>yes</value></set-header>`)
	h := newHarness(t, &apim.Service{Name: "test", APIs: []*apim.API{api}}, nil)
	for _, protocol := range []string{"graphql-transport-ws", "graphql-ws"} {
		begin, next := "subscribe", "next"
		if protocol == "graphql-ws" {
			begin, next = "start", "data"
		}
		s := subscribeTo(t, h.URL+"/blog", protocol, nil)
		s.say(`{"type":"connection_init","payload":{}}`)
		s.hears(`{"type":"connection_ack"}`)
		s.say(`{"type":"` + begin + `","id":"q","payload":{"query":"{ user(id: 4) { name } }"}}`)
		s.hears(`{"type":"` + next + `","id":"q","payload":{"data":{"user":{"name":"Ada"}}}}`)
		s.hears(`{"type":"complete","id":"q"}`)
		s.say(`{"type":"` + begin + `","id":"1","payload":{"query":"subscription { renamed { name posts { title } } }"}}`)
		waitForSubscriptions(t, h.gateway, "renamed")
		h.call(t, "POST", "/blog", strings.NewReader(`{"query":"mutation { rename(id: 5, name: \"Eve\") { id } }"}`))
		s.hears(`{"type":"` + next + `","id":"1","payload":{"data":{"renamed":{"name":"Eve","posts":[{"title":"of 5, first 2"}]}}}}`)
		s.say(`{"type":"` + begin + `","id":"2","payload":{"query":"subscription { none }"}}`)
		_, data, err := s.conn.Read(t.Context())
		if err != nil || !strings.Contains(string(data), `"type":"error","id":"2"`) || !strings.Contains(string(data), "Cannot query field") {
			t.Errorf("got %s %v", data, err)
		}
		<-h.recorder.seen // of the mutation
		_ = s.conn.Close(websocket.StatusNormalClosure, "")
		e := h.recorder.last(t)
		if e.Status != 101 || e.ResponseBytes == 0 || len(e.Calls) != 2 {
			t.Errorf("exchange: status %d, %d bytes, calls %+v", e.Status, e.ResponseBytes, e.Calls)
		}
	}
	if h.gateway.hub.Waiting("blog;rev=/renamed") != 0 {
		t.Error("a subscription outlived its connection")
	}
}

// TestGraphQLSubscriptionsAreValidated applies the rules to messages.
func TestGraphQLSubscriptionsAreValidated(t *testing.T) {
	api := blogAPI(blogBackend(t).URL, publishing)
	api.Policy = document(`<validate-graphql-request max-size="300" max-depth="2"><authorize><rule path="/User/name" action="remove" /><rule path="/Query/users" action="reject" /></authorize></validate-graphql-request>`)
	h := newHarness(t, &apim.Service{Name: "test", APIs: []*apim.API{api}}, nil)
	s := subscribeTo(t, h.URL+"/blog", "graphql-transport-ws", nil)
	s.say(`{"type":"connection_init"}`)
	s.hears(`{"type":"connection_ack"}`)
	for _, c := range []struct{ query, want string }{
		{"{ users { id } }", `{"type":"error","id":"1","payload":[{"message":"The field Query.users is not allowed."}]}`},
		{"{ user(id: 1) { posts { title } } }", `{"type":"error","id":"1","payload":[{"message":"The query is nested deeper than 2 levels."}]}`},
		{"{ user(id: 1) { id } }" + strings.Repeat(" ", 300), `{"type":"error","id":"1","payload":[{"message":"The request is larger than 300 bytes."}]}`},
		{"{ user(id: 1) { id name } }", `{"type":"next","id":"1","payload":{"errors":[{"message":"The field User.name is not allowed.","locations":[{"line":1,"column":20}]}],"data":{"user":{"id":"1"}}}}`},
	} {
		body, _ := json.Marshal(map[string]any{"type": "subscribe", "id": "1", "payload": map[string]string{"query": c.query}})
		s.say(string(body))
		s.hears(c.want)
	}
}

func TestGraphQLSubscriptionsNeedAKey(t *testing.T) {
	api := blogAPI(blogBackend(t).URL, publishing)
	api.SubscriptionRequired = true
	h := newHarness(t, &apim.Service{Name: "test", APIs: []*apim.API{api}, Subscriptions: []*apim.Subscription{{ID: "s", Scope: "/apis", State: "active", PrimaryKey: "the-key"}}}, nil)
	_, resp, err := websocket.Dial(t.Context(), h.URL+"/blog", nil)
	if err == nil || resp.StatusCode != 401 {
		t.Errorf("without a key: %v %+v", err, resp)
	}
	s := subscribeTo(t, h.URL+"/blog?subscription-key=the-key", "graphql-transport-ws", nil)
	s.say(`{"type":"connection_init"}`)
	s.hears(`{"type":"connection_ack"}`)
}
