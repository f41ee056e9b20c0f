package appinsights

import (
	"fmt"
	"testing"
)

type row = map[string]string

// manual are the items that SDKs send by calls that name the type.
func manual() []row {
	return []row{
		{"type": "server", "name": "GET /shop", "code": "404", "status": "error", "ms": "12.5", "role": "shop", "d.tier": "gold", "data": "https://shop.contoso.com/shop?x=1", "id": "0000000000000001", "count": "1"},
		{"type": "client", "name": "GET /stock", "code": "200", "status": "ok", "ms": "7", "d.tier": "gold", "call": "Http", "target": "stock.internal", "data": "http://stock.internal/stock", "id": "0000000000000002"},
		{"type": "exception", "body": "it broke", "i.type": "TypeError", "d.tier": "gold"},
		{"type": "trace", "body": "a message", "severity": "warning", "role": "shop", "d.tier": "gold"},
		{"type": "event", "name": "bought", "d.tier": "gold"},
		{"type": "metric", "name": "queue", "i.value": "10", "d.tier": "gold"},
		{"type": "availability", "name": "ping", "body": "Passed", "i.success": "true", "i.duration": "55", "i.location": "node-1", "i.id": "a1"},
		{"type": "page-view", "name": "Home", "i.url": "https://shop/", "i.duration": "812.5"},
	}
}

func report(sdk string, passed, total int) {
	fmt.Printf("appinsights/sdk/%s %d/%d\n", sdk, passed, total)
}

func TestClassicNode(t *testing.T) {
	want := manual()
	want[0]["m.items"], want[4]["m.price"], want[5]["i.valueCount"] = "3", "9.5", "4"
	s := open(t, true)
	node(t, "classic.cjs", s)
	report("applicationinsights-2", s.arrive(t, want), len(want))
}

// everything lets the current SDK send all traces. Its options have no word for
// that: five traces a second are their only rate.
const everything = "OTEL_TRACES_SAMPLER=always_on"

// currentWants are the rows of current.cjs.
func currentWants() []row {
	want := manual()
	for _, w := range want {
		delete(w, "role") // the script sets none
	}
	// This SDK takes the id of a call as that of its operation, rounds its times to
	// milliseconds, and sends neither its URL nor its code; for calls that it saw
	// itself it sends both.
	for i, w := range want[:2] {
		w["trace"], w["id"], w["code"] = w["id"], some, "0"
		w["ms"] = []string{"13", "7"}[i]
		for _, lost := range []string{"data", "target", "call"} {
			delete(w, lost)
		}
	}
	want = append(want,
		row{"type": "server", "name": "GET", "code": "404", "status": "error", "data": "http://127.0.0.1/seen", "ms": some, "trace": some, "parent": some},
		row{"type": "client", "name": "GET /seen", "code": "404", "status": "error", "call": "Http", "data": some, "target": some, "trace": some, "id": some})
	return want
}

func TestCurrentNode(t *testing.T) {
	want := currentWants()
	s := open(t, true)
	node(t, "current.cjs", s, everything)
	report("applicationinsights-3", s.arrive(t, want), len(want))
}

// distroWants are the rows of distro.cjs.
func distroWants() []row {
	return []row{
		{"type": "server", "name": "GET /shop", "code": "404", "status": "error", "role": "shop", "d.tier": "gold"},
		{"type": "client", "name": "GET /stock", "code": "200", "call": "Http", "target": "stock.internal", "data": "http://stock.internal/stock", "d.tier": "gold"},
		{"type": "exception", "body": "it broke", "i.type": "TypeError"},
		{"type": "trace", "body": "a message", "severity": "warning", "role": "shop", "d.tier": "gold"},
		{"type": "event", "name": "bought", "d.tier": "gold"},
		{"type": "metric", "name": "queue", "i.value": "10", "d.tier": "gold"},
	}
}

func TestDistribution(t *testing.T) {
	want := distroWants()
	s := open(t, true)
	node(t, "distro.cjs", s)
	report("monitor-opentelemetry", s.arrive(t, want), len(want))
}
