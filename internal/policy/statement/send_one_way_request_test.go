package statement

import (
	"context"
	"testing"

	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
)

// held answers when release is closed and notes which contexts it was given.
type held struct {
	release  chan struct{}
	contexts chan *policy.Context
}

func (h held) Send(c *policy.Context, _ *policy.OutgoingRequest) (*expr.Response, error) {
	<-h.release
	h.contexts <- c
	return &expr.Response{StatusCode: 200}, nil
}

func TestOneWayRequestsOutliveTheRequest(t *testing.T) {
	g := newCase(t, map[string]string{
		"policy.xml": `<policies><inbound><base/>
  <send-one-way-request mode="new"><set-url>https://log.example</set-url></send-one-way-request>
  <send-one-way-request mode="new"><set-url>https://log.example</set-url></send-one-way-request>
</inbound></policies>`,
		"request": "GET / HTTP/1.1\nHost: a\n",
	})
	p := g.compile()
	if p == nil {
		t.Fatalf("does not compile: %s", g.out["messages"])
	}
	c := g.context()
	h := held{make(chan struct{}), make(chan *policy.Context, 2)}
	background := policy.NewBackground(1)
	c.Services.HTTP, c.Services.Background = h, background
	if failure := p.Run(c, fallback); failure != nil {
		t.Fatal(failure)
	}
	if len(c.Exchange.Events) != 1 {
		t.Errorf("%d events, want one for the request beyond the limit", len(c.Exchange.Events))
	}
	close(h.release)
	background.Close(context.Background())
	if used := <-h.contexts; used == c {
		t.Error("the call kept the context of the request, which is used again")
	}
}
