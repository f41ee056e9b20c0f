package subscribe

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/internal/graphql"
)

func TestHub(t *testing.T) {
	h := &Hub{}
	a, _ := h.Subscribe("x")
	b, _ := h.Subscribe("x")
	other, _ := h.Subscribe("y")
	h.Publish("x", []byte("1"))
	h.Publish("nobody", []byte("2"))
	if string(<-a.Events) != "1" || string(<-b.Events) != "1" || len(other.Events) != 0 {
		t.Error("an event went astray")
	}
	b.Cancel()
	b.Cancel()
	if _, open := <-b.Events; open {
		t.Error("a cancelled subscription is open")
	}
	for range maxWaiting + 1 {
		h.Publish("x", []byte("3"))
	}
	n := 0
	for range a.Events {
		n++
	}
	if n != maxWaiting {
		t.Errorf("the slow one got %d events", n)
	}
	a.Cancel()
	other.Cancel()
	if h.count != 0 || len(h.topics) != 0 {
		t.Errorf("left: %d, %v", h.count, h.topics)
	}
}

// pipeConn is a connection whose client is the test.
type pipeConn struct {
	in     chan string
	mu     sync.Mutex
	out    []string
	wrote  chan struct{}
	closed string
}

func (p *pipeConn) Read(ctx context.Context) ([]byte, error) {
	select {
	case m, ok := <-p.in:
		if !ok {
			return nil, errors.New("gone")
		}
		return []byte(m), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *pipeConn) Write(_ context.Context, m []byte) error {
	p.mu.Lock()
	p.out = append(p.out, string(m))
	p.mu.Unlock()
	p.wrote <- struct{}{}
	return nil
}

func (p *pipeConn) Close(code int, reason string) { p.closed = fmt.Sprint(code, " ", reason) }

// talk sends messages; "wait" waits for one answer.
func talk(t *testing.T, protocol string, messages ...string) (answers, closed string) {
	t.Helper()
	p := &pipeConn{in: make(chan string), wrote: make(chan struct{}, 1000)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		Serve(context.Background(), p, protocol, func(ctx context.Context, r *graphql.Request, size int, send func([]byte)) graphql.Errors {
			switch r.Query {
			case "wrong":
				return graphql.Errors{{Message: "no"}}
			case "crash":
				panic("a bug")
			case "events":
				send([]byte(`{"data":1}`))
				<-ctx.Done()
				return nil
			}
			send([]byte(`{"data":"` + r.Query + `"}`))
			return nil
		})
	}()
	for _, m := range messages {
		if m == "wait" {
			select {
			case <-p.wrote:
			case <-time.After(5 * time.Second):
				t.Fatalf("no answer after %v", p.out)
			}
			continue
		}
		select {
		case p.in <- m:
		case <-done:
		}
	}
	close(p.in)
	<-done
	return strings.Join(p.out, "\n"), p.closed
}

func TestServe(t *testing.T) {
	const hello = `{"type":"connection_init"}`
	ack := `{"type":"connection_ack"}`
	for _, c := range []struct {
		name, protocol string
		send           []string
		answers        []string
		closed         string
	}{
		{"one answer", Modern, []string{hello, "wait", `{"type":"subscribe","id":"1","payload":{"query":"q"}}`, "wait", "wait"},
			[]string{ack, `{"type":"next","id":"1","payload":{"data":"q"}}`, `{"type":"complete","id":"1"}`}, "1000 "},
		{"older protocol", Legacy, []string{hello, "wait", `{"type":"start","id":"1","payload":{"query":"q"}}`, "wait", "wait", `{"type":"connection_terminate"}`},
			[]string{ack, `{"type":"data","id":"1","payload":{"data":"q"}}`, `{"type":"complete","id":"1"}`}, "1000 "},
		{"errors", Modern, []string{hello, "wait", `{"type":"subscribe","id":"1","payload":{"query":"wrong"}}`, "wait", `{"type":"subscribe","id":"2","payload":{}}`, "wait", `{"type":"subscribe","id":"3","payload":{"query":"crash"}}`, "wait"},
			[]string{ack, `{"type":"error","id":"1","payload":[{"message":"no"}]}`, `{"type":"error","id":"2","payload":[{"message":"The request has no document: the member query is missing or empty."}]}`,
				`{"type":"error","id":"3","payload":[{"message":"Internal server error"}]}`}, "1000 "},
		{"error in the older protocol", Legacy, []string{hello, "wait", `{"type":"start","id":"1","payload":{"query":"wrong"}}`, "wait"},
			[]string{ack, `{"type":"error","id":"1","payload":{"message":"no"}}`}, "1000 "},
		{"events until complete", Modern, []string{hello, "wait", `{"type":"subscribe","id":"1","payload":{"query":"events"}}`, "wait", `{"type":"complete","id":"1"}`, `{"type":"ping"}`, "wait"},
			[]string{ack, `{"type":"next","id":"1","payload":{"data":1}}`, `{"type":"pong"}`}, "1000 "},
		{"the same id", Modern, []string{hello, "wait", `{"type":"subscribe","id":"1","payload":{"query":"events"}}`, "wait", `{"type":"subscribe","id":"1","payload":{"query":"q"}}`},
			[]string{ack, `{"type":"next","id":"1","payload":{"data":1}}`}, "4409 Subscriber for 1 already exists"},
		{"no greeting", Modern, []string{`{"type":"subscribe","id":"1","payload":{"query":"q"}}`}, nil, "4401 Unauthorized"},
		{"greeted twice", Modern, []string{hello, "wait", hello}, []string{ack}, "4429 Too many initialisation requests"},
		{"no JSON", Modern, []string{hello, "wait", "hello"}, []string{ack}, "4400 Invalid message"},
		{"unknown type", Modern, []string{hello, "wait", `{"type":"dance"}`}, []string{ack}, "4400 Invalid message type"},
		{"no id", Modern, []string{hello, "wait", `{"type":"subscribe","payload":{"query":"q"}}`}, []string{ack}, "4400 A request needs an id"},
	} {
		answers, closed := talk(t, c.protocol, c.send...)
		if answers != strings.Join(c.answers, "\n") || closed != c.closed {
			t.Errorf("%s: closed %q, answers\n%s", c.name, closed, answers)
		}
	}
}

func TestServeBoundsSubscriptions(t *testing.T) {
	send := []string{`{"type":"connection_init"}`, "wait"}
	for i := range maxPerConnection + 1 {
		send = append(send, fmt.Sprintf(`{"type":"subscribe","id":"%d","payload":{"query":"events"}}`, i))
	}
	p := append(send, `{"type":"ping"}`)
	if _, closed := talk(t, Modern, p...); closed != "4429 Too many subscriptions" {
		t.Errorf("closed %q", closed)
	}
}
