package statement

import (
	"testing"
	"time"

	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
)

// sameAnswer is a forwarder that always gives the same response.
type sameAnswer struct{ response *expr.Response }

func (s sameAnswer) Forward(c *policy.Context, _ policy.ForwardOptions) error {
	c.Response = s.response
	return nil
}

// plainCounter lets everything pass.
type plainCounter struct{}

func (plainCounter) Add(string, int64, int64, time.Duration) policy.Count {
	return policy.Count{Allowed: true, Remaining: 1}
}
func (plainCounter) Record(string, int64, int64, time.Duration) policy.Count {
	return policy.Count{Allowed: true}
}

// TestLiteralStatementsDoNotAllocate: what compile time can know costs a
// request nothing.
func TestLiteralStatementsDoNotAllocate(t *testing.T) {
	g := newCase(t, map[string]string{
		"policy.xml": `<policies><inbound><base/>
  <check-header name="X-Key" failed-check-httpcode="401" failed-check-error-message="no" ignore-case="false"><value>k</value></check-header>
  <ip-filter action="allow"><address>10.0.0.1</address><address-range from="192.0.2.0" to="192.0.2.255"/></ip-filter>
  <set-variable name="a" value="1"/>
  <choose><when condition="false"/><otherwise><set-header name="X-A" exists-action="override"><value>1</value></set-header></otherwise></choose>
  <set-header name="X-B" exists-action="skip"><value>1</value></set-header>
  <set-header name="X-C" exists-action="delete"/>
  <set-backend-service base-url="https://other.example/base"/>
  <rewrite-uri template="/fixed"/>
  <set-method>POST</set-method>
  <set-body>text</set-body>
</inbound><outbound><base/><set-status code="202" reason="Taken"/></outbound></policies>`,
		"request": "GET /a HTTP/1.1\nHost: gw.example\nX-Key: k\n",
	})
	p := g.compile()
	if p == nil {
		t.Fatalf("does not compile: %s", g.out["messages"])
	}
	c := g.context()
	c.Services.Forward = sameAnswer{&expr.Response{StatusCode: 200, Header: expr.Header{}}}
	allocations := testing.AllocsPerRun(100, func() {
		c.Exchange.Steps = c.Exchange.Steps[:0]
		c.Request.URL.RawQuery = ""
		if failure := p.Run(c, fallback); failure != nil {
			t.Fatal(failure)
		}
	})
	if allocations > 0 {
		t.Errorf("%v allocations a request, want none", allocations)
	}
}

func BenchmarkRateLimit(b *testing.B) {
	s := &rateLimitStatement{level: policy.Product, limit: rateLimitValue{calls: 10, window: time.Minute}}
	g := newCase(&testing.T{}, map[string]string{"context": "subscription: sub\nproduct: starter\n", "request": "GET / HTTP/1.1\nHost: a\n"})
	c := g.context()
	c.Services.Counters = plainCounter{}
	b.ReportAllocs()
	for b.Loop() {
		if err := s.Run(c); err != nil {
			b.Fatal(err)
		}
	}
}
