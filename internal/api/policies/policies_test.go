package policies_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"gatehouse/internal/api/policies"
	"gatehouse/internal/apim"
	"gatehouse/internal/gateway"
	"gatehouse/internal/policy/record"
	"gatehouse/internal/policy/statement"
)

// house is a gateway with the monitor API beside it.
func house(t *testing.T) (monitor http.Handler, g *gateway.Gateway) {
	t.Helper()
	service := &apim.Service{Name: "test",
		Subscriptions: []*apim.Subscription{{ID: "web", Scope: "/apis", State: apim.SubscriptionActive, PrimaryKey: "key-of-the-web"}},
		APIs: []*apim.API{{ID: "mock", Path: "mock", IsCurrent: true, SubscriptionRequired: true,
			Policy:     &apim.Document{File: "policy.xml", Text: `<policies><inbound><base/><return-response><set-status code="202" reason="Accepted"/></return-response></inbound></policies>`},
			Operations: []*apim.Operation{{ID: "all", Method: "*", URLTemplate: "/*"}}}}}
	desk := record.NewDesk(record.DefaultDeskOptions())
	o := gateway.DefaultOptions()
	o.Definitions, o.Observer = statement.Table(), desk
	g = gateway.New(o)
	s, err := g.Compile(service)
	if err != nil {
		t.Fatal(err)
	}
	g.Swap(s)
	mux := http.NewServeMux()
	policies.Register(mux, policies.Options{Desk: desk, Service: func() *apim.Service { return service }})
	return mux, g
}

func call(h http.Handler, method, path, body string, into any) int {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)))
	if into != nil {
		_ = json.Unmarshal(w.Body.Bytes(), into)
	}
	return w.Code
}

func TestDebugSession(t *testing.T) {
	monitor, g := house(t)
	var session struct{ ID, Token, Header string }
	if code := call(monitor, "POST", "/api/debug-sessions", `{"subscription":"web","minutes":5}`, &session); code != 201 || session.Token == "" {
		t.Fatalf("%d %+v", code, session)
	}
	r := httptest.NewRequest("GET", "/mock/a", nil)
	r.Header.Set("Ocp-Apim-Subscription-Key", "key-of-the-web")
	r.Header.Set(session.Header, session.Token)
	w := httptest.NewRecorder()
	g.ServeHTTP(w, r)
	id := w.Header().Get("Apim-Trace-Id")
	var trace record.Trace
	if code := call(monitor, "GET", "/api/policy-traces/"+id, "", &trace); code != 200 || w.Code != 202 {
		t.Fatalf("%d %d", code, w.Code)
	}
	entries := trace.TraceEntries.Inbound
	if trace.ServiceName != "test" || trace.TraceID != id || len(entries) != 3 || entries[2].Source != "return-response" || !strings.HasPrefix(entries[2].Elapsed, "00:00:00.") {
		t.Errorf("%+v", trace)
	}
	var list struct {
		Traces []struct {
			ID     string
			Status int
		}
	}
	if call(monitor, "GET", "/api/policy-traces", "", &list); len(list.Traces) != 1 || list.Traces[0].ID != id || list.Traces[0].Status != 202 {
		t.Errorf("%+v", list)
	}
	var open struct{ Sessions []struct{ ID, Token string } }
	if call(monitor, "GET", "/api/debug-sessions", "", &open); len(open.Sessions) != 1 || open.Sessions[0].Token != "" {
		t.Errorf("%+v", open)
	}
	if code := call(monitor, "DELETE", "/api/debug-sessions/"+session.ID, "", nil); code != 204 {
		t.Error(code)
	}
	if code := call(monitor, "DELETE", "/api/debug-sessions/"+session.ID, "", nil); code != 404 {
		t.Error(code)
	}
}

func TestRefused(t *testing.T) {
	monitor, _ := house(t)
	for _, body := range []string{``, `{}`, `{"subscription":"nobody"}`, `{"api":"none"}`, `{"api":"mock","subscription":"web"}`, `{"api":"mock","minutes":-1}`,
		`{"api":"mock","minutes":1441}`, `{"api":"mock","hours":1}`} {
		if code := call(monitor, "POST", "/api/debug-sessions", body, nil); code != 400 {
			t.Errorf("%s: %d", body, code)
		}
	}
	if code := call(monitor, "GET", "/api/policy-traces/00", "", nil); code != 404 {
		t.Error(code)
	}
}
