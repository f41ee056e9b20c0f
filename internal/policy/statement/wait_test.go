package statement

import (
	"sync"
	"testing"

	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
)

// meeting answers only when all requests are under way; requests to
// never.example wait for their cancellation.
type meeting struct{ all *sync.WaitGroup }

func (m meeting) Send(c *policy.Context, r *policy.OutgoingRequest) (*expr.Response, error) {
	if r.URL.Host == "never.example" {
		m.all.Done()
		<-c.Std.Done()
		return nil, c.Std.Err()
	}
	m.all.Done()
	m.all.Wait()
	return &expr.Response{StatusCode: 200, Body: expr.BytesBody([]byte(r.URL.Host))}, nil
}

func runWait(t *testing.T, document string, calls int) *policy.Context {
	t.Helper()
	g := newCase(t, map[string]string{"policy.xml": document, "request": "GET / HTTP/1.1\nHost: a\n"})
	p := g.compile()
	if p == nil {
		t.Fatalf("does not compile: %s", g.out["messages"])
	}
	c := g.context()
	var all sync.WaitGroup
	all.Add(calls)
	c.Services.HTTP = meeting{&all}
	if failure := p.Run(c, fallback); failure != nil {
		t.Fatal(failure)
	}
	return c
}

func TestWaitRunsBranchesBesideEachOther(t *testing.T) {
	c := runWait(t, `<policies><inbound><base/><wait for="all">
  <send-request mode="new" response-variable-name="a"><set-url>https://one.example</set-url></send-request>
  <send-request mode="new" response-variable-name="b"><set-url>https://two.example</set-url></send-request>
</wait></inbound></policies>`, 2)
	for _, name := range []string{"a", "b"} {
		if v, _ := c.Variables.Get(name); v == nil {
			t.Errorf("variable %s is not set", name)
		}
	}
	if n := len(c.Exchange.Steps); n != 4 { // wait, two requests, forward-request
		t.Errorf("%d steps recorded, want 4", n)
	}
}

func TestWaitForAnyCancelsTheOthers(t *testing.T) {
	c := runWait(t, `<policies><inbound><base/><wait for="any">
  <send-request mode="new" response-variable-name="a"><set-url>https://one.example</set-url></send-request>
  <send-request mode="new" response-variable-name="b"><set-url>https://never.example</set-url></send-request>
</wait></inbound></policies>`, 2)
	if v, _ := c.Variables.Get("a"); v == nil {
		t.Error("the first answer is not kept")
	}
	if _, ok := c.Variables.Get("b"); ok {
		t.Error("a cancelled branch set its variable")
	}
}
