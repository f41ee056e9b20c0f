package record_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/apim"
	"gatehouse/internal/gateway"
	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
	"gatehouse/internal/policy/record"
	"gatehouse/internal/policy/statement"
)

const document = `<policies>
  <inbound><base/>
    <set-variable name="access" value="@("tok-" + "ens-are-hidden")"/>
    <set-header name="Authorization"><value>@("Bearer " + (string)context.Variables["access"])</value></set-header>
    <set-variable name="jwt" value="eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"/>
    <set-variable name="long" value="@(new string('x', 10000))"/>
    <set-variable name="api-secret" value="{{hidden}}"/>
    <set-variable name="traced" value="@(context.Tracing)"/>
    <wait for="all">
      <choose><when condition="@(true)"><set-variable name="a" value="1"/></when></choose>
      <choose><when condition="@(true)"><set-variable name="b" value="2"/></when></choose>
    </wait>
    <trace source="here"><message>{{hidden}} and more</message></trace>
  </inbound>
  <outbound><base/><set-header name="X-Len"><value>@(context.Response.Body.As<string>(preserveContent: true).Length.ToString())</value></set-header></outbound>
</policies>`

// open makes a gateway with a desk in front of a backend.
func open(t *testing.T, o record.DeskOptions) (*record.Desk, *gateway.Gateway) {
	t.Helper()
	desk := record.NewDesk(o)
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if r.Header.Get("Apim-Debug-Authorization") != "" && len(desk.Sessions()) > 0 { // that of a closed one is worth nothing
			t.Error("the token of the session reached the backend")
		}
		w.Header().Set("Content-Type", "text/plain")
		_, _ = w.Write([]byte("hello"))
	}))
	t.Cleanup(backend.Close)
	g := gateway.DefaultOptions()
	g.Definitions, g.Observer = statement.Table(), desk
	out := gateway.New(g)
	s, err := out.Compile(&apim.Service{Name: "test",
		NamedValues: []*apim.NamedValue{{ID: "hidden", Name: "hidden", Value: "very-hidden-value", Secret: true}},
		Subscriptions: []*apim.Subscription{
			{ID: "may", Scope: "/apis", State: apim.SubscriptionActive, PrimaryKey: "key-that-may-trace", AllowTracing: true},
			{ID: "may-not", Scope: "/apis", State: apim.SubscriptionActive, PrimaryKey: "key-that-may-not"}},
		APIs: []*apim.API{{ID: "echo", Path: "echo", IsCurrent: true, SubscriptionRequired: true, ServiceURL: backend.URL,
			Policy:     &apim.Document{File: "policy.xml", Text: document},
			Operations: []*apim.Operation{{ID: "all", Method: "*", URLTemplate: "/*"}}}}})
	if err != nil {
		t.Fatal(err)
	}
	out.Swap(s)
	return desk, out
}

func send(t *testing.T, g http.Handler, header map[string]string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest("POST", "/echo/x?subscription-key=key-that-may-trace&q=1", strings.NewReader("body"))
	for name, value := range header {
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	g.ServeHTTP(w, r)
	return w
}

func TestTrace(t *testing.T) {
	o := record.DefaultDeskOptions()
	o.Location = "http://monitor/api/policy-traces/"
	desk, g := open(t, o)
	w := send(t, g, map[string]string{"Ocp-Apim-Trace": "true", "Ocp-Apim-Subscription-Key": "key-that-may-trace"})
	id := w.Header().Get("Apim-Trace-Id")
	if w.Code != 200 || id == "" || w.Header().Get("Ocp-Apim-Trace-Location") != o.Location+id {
		t.Fatalf("%d %v", w.Code, w.Header())
	}
	r := desk.Find(id)
	if r == nil {
		t.Fatal("the recording is not kept")
	}
	data, err := json.Marshal(r.Trace())
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"very-hidden-value", "tokens-are-hidden", "tok-ens-are-hidden", "key-that-may", "eyJzdWIiOiIxIn0"} {
		if strings.Contains(string(data), secret) {
			t.Errorf("the recording holds the secret %s", secret)
		}
	}
	for _, one := range []string{`"value":"Bearer ***"`, `"name":"traced","type":"System.Boolean","value":"True"`, `"source":"here"`, `*** and more`, `"text":"hello"`,
		`"traceEntries":{"inbound":[{"source":"api-inspector"`, `"state":"stream"`} {
		if !strings.Contains(string(data), one) {
			t.Errorf("the recording lacks %s", one)
		}
	}
	inside := 0
	for i, s := range r.Steps {
		if s.Outcome != "ok" || s.Before == record.NoState || s.After == record.NoState {
			t.Errorf("step %d: %+v", i, s)
		}
		if s.Parent >= 0 && r.Steps[s.Parent].Name == "choose" && r.Steps[s.Parent].Depth == 1 && s.Depth == 2 {
			inside++
		}
	}
	if inside != 2 {
		t.Errorf("%d statements inside the branches of wait, want 2", inside)
	}
	for _, v := range r.States[r.Last].Variables {
		if v.Name == "long" && (len(v.Value) != 4096 || !v.Cut) {
			t.Errorf("long: %d bytes, cut %v", len(v.Value), v.Cut)
		}
	}
}

func TestWhoMayTrace(t *testing.T) {
	now := time.Now()
	o := record.DefaultDeskOptions()
	o.Now = func() time.Time { return now }
	desk, g := open(t, o)
	traced := func(header map[string]string) bool { return send(t, g, header).Header().Get("Apim-Trace-Id") != "" }
	may, mayNot := "key-that-may-trace", "key-that-may-not"
	if traced(map[string]string{"Ocp-Apim-Subscription-Key": may}) || traced(map[string]string{"Ocp-Apim-Subscription-Key": may, "Ocp-Apim-Trace": "false"}) {
		t.Error("traced without being asked")
	}
	if traced(map[string]string{"Ocp-Apim-Subscription-Key": mayNot, "Ocp-Apim-Trace": "true"}) || traced(map[string]string{"Ocp-Apim-Subscription-Key": "wrong", "Ocp-Apim-Trace": "true"}) {
		t.Error("traced a subscription that does not allow it")
	}
	s, err := desk.Open("may-not", "", 5*time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	with := func(key string) map[string]string {
		return map[string]string{"Ocp-Apim-Subscription-Key": key, "Apim-Debug-Authorization": s.Token}
	}
	if !traced(with(mayNot)) || traced(with(may)) || traced(with("wrong")) {
		t.Error("a session traces its own subscription only")
	}
	if list := desk.Sessions(); len(list) != 1 || list[0].Token != "" {
		t.Errorf("sessions: %+v", list)
	}
	now = now.Add(5 * time.Minute)
	if traced(with(mayNot)) {
		t.Error("traced with the token of a session that is over")
	}
	byAPI, err := desk.Open("", "echo", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	s = byAPI
	if !traced(with(may)) || !desk.Close(byAPI.ID) || traced(with(may)) {
		t.Error("a session of an API traces until it is closed")
	}
	for _, bad := range [][2]string{{"", ""}, {"a", "b"}} {
		if _, err := desk.Open(bad[0], bad[1], time.Minute); err == nil {
			t.Error("a session needs a subscription or an API")
		}
	}
}

func TestBounds(t *testing.T) {
	now := time.Now()
	o := record.DefaultDeskOptions()
	o.MaxTraces, o.Recording.MaxSteps, o.Recording.MaxBytes, o.Now = 3, 4, 2000, func() time.Time { return now }
	desk, g := open(t, o)
	ask := map[string]string{"Ocp-Apim-Trace": "true", "Ocp-Apim-Subscription-Key": "key-that-may-trace"}
	first := send(t, g, ask).Header().Get("Apim-Trace-Id")
	r := desk.Find(first)
	if r == nil || len(r.Steps) != 4 || r.Dropped == 0 || r.Stateless == 0 {
		t.Fatalf("%+v", r)
	}
	for range 3 {
		send(t, g, ask)
	}
	if desk.Find(first) != nil || len(desk.Recordings()) != 3 {
		t.Error("the oldest recording goes first")
	}
	now = now.Add(2 * time.Hour)
	if n := len(desk.Recordings()); n != 0 {
		t.Errorf("%d recordings are older than allowed", n)
	}
}

// A request that nobody traces costs a look at two headers and no allocation.
func TestUntracedCostsNothing(t *testing.T) {
	desk := record.NewDesk(record.DefaultDeskOptions())
	if _, err := desk.Open("", "echo", time.Minute); err != nil {
		t.Fatal(err)
	}
	c := &policy.Context{}
	c.Request.Header = expr.Header{"Accept": {"*/*"}}
	if n := testing.AllocsPerRun(100, func() { desk.Watches(c) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
