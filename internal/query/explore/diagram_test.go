package explore

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/telemetry"
)

// Two requests go through the gateway to pets-backend, whose span names the
// second attempt as parent. The shop calls the gateway by host without trace
// context, and a database that sends nothing.
func mapRows() []telemetry.Span {
	rows := []telemetry.Span{gatewayRow(1), backendRow(1), gatewayRow(2), backendRow(2)}
	rows[2].SampleWeight = 3
	shop := telemetry.Span{Time: origin(), Duration: 10 * millisecond, TraceID: trace(7), SpanID: id(700), Name: "GET /checkout", Kind: "server",
		Status: "error", Service: "shop", Source: "track", Host: "Shop.test:8443"}
	call := telemetry.Span{Time: origin(), Duration: 5 * millisecond, TraceID: trace(7), SpanID: id(701), ParentSpanID: id(700), Name: "GET /pets",
		Kind: "client", Status: "ok", Service: "shop", Source: "track", Target: "API.test:443"}
	db := telemetry.Span{Time: origin(), Duration: 2 * millisecond, TraceID: trace(7), SpanID: id(702), ParentSpanID: id(700), Name: "SELECT",
		Kind: "client", Status: "error", Service: "shop", Source: "otlp", Attributes: `{"db.system":"postgresql"}`}
	late := telemetry.Span{Time: origin(), Duration: 4 * millisecond, TraceID: trace(8), SpanID: id(800), ParentSpanID: id(899), Name: "job", Kind: "consumer",
		Status: "ok", Service: "worker", Source: "otlp"}
	return append(rows, shop, call, db, late)
}

func TestMap(t *testing.T) {
	e := explorer(t, mapRows(), nil)
	m, err := e.Map(context.Background(), time.Unix(0, origin()).Add(-time.Minute), time.Unix(0, origin()).Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	edges := map[string]string{}
	for _, e := range m.Edges {
		edges[e.From+" -> "+e.To] += fmt.Sprintf("%s %d/%d %.0fms;", e.Match, e.Failed, e.Calls, e.AvgMS)
		if (e.Match == MatchedBySpan) != (e.Why == "") {
			t.Errorf("%s -> %s is %s and says %q", e.From, e.To, e.Match, e.Why)
		}
	}
	for edge, want := range map[string]string{
		"gatehouse -> pets-backend": "host 4/4 19ms;span 0/4 40ms;", // the failed first attempts have no span on the other side
		"gatehouse -> login.test":   "none 0/4 8ms;",
		"shop -> gatehouse":         "host 0/1 5ms;",
		"shop -> postgresql":        "none 1/1 2ms;",
		"client -> shop":            "none 1/1 10ms;",
		"unknown caller -> worker":  "none 0/1 4ms;",
		"client -> gatehouse":       "none 0/4 100ms;",
	} {
		if edges[edge] != want {
			t.Errorf("%s: got %q, want %q", edge, edges[edge], want)
		}
		delete(edges, edge)
	}
	if len(edges) > 0 {
		t.Errorf("more edges: %v", edges)
	}
	kinds := map[string]string{}
	for _, n := range m.Nodes {
		kinds[n.ID] = fmt.Sprintf("%s %d/%d", n.Kind, n.Failed, n.Requests)
	}
	for node, want := range map[string]string{"gatehouse": "role 0/4", "pets-backend": "role 0/2", "shop": "role 1/1", "worker": "role 0/1",
		"login.test": "external 0/0", "postgresql": "external 0/0", "client": "unknown 0/0", "unknown caller": "unknown 0/0"} {
		if kinds[node] != want {
			t.Errorf("%s: got %q, want %q", node, kinds[node], want)
		}
	}
}

// Two roles behind one host: the map does not guess.
func TestMapSharedHost(t *testing.T) {
	rows := mapRows()
	rows[3].Host = "api.test"
	m, err := explorer(t, rows, nil).Map(context.Background(), time.Unix(0, origin()).Add(-time.Minute), time.Unix(0, origin()).Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range m.Edges {
		if e.From == "shop" && e.Target == "API.test:443" && (e.Match != MatchedNot || !strings.Contains(e.Why, "gatehouse, pets-backend")) {
			t.Errorf("%+v", e)
		}
	}
}

func TestHostName(t *testing.T) {
	for in, want := range map[string]string{"A.test": "a.test", "a.test:80": "a.test", "[::1]:80": "::1", "[::1]": "[::1]", "::1": "::1", "": ""} {
		if got := hostName(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
