package gateway

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/internal/apim"
	"gatehouse/internal/policy/statement"
	"gatehouse/internal/telemetry"
)

// recorder is a Sink that keeps copies of exchanges.
type recorder struct {
	telemetry.Discard
	mu   sync.Mutex
	all  []telemetry.Exchange
	seen chan struct{}
}

func newRecorder() *recorder { return &recorder{seen: make(chan struct{}, 1000)} }

func (r *recorder) Exchange(e *telemetry.Exchange) {
	c := *e
	c.Steps, c.Calls = append([]telemetry.Step{}, e.Steps...), append([]telemetry.Call{}, e.Calls...)
	c.Events, c.Captures = append([]telemetry.Event{}, e.Events...), append([]telemetry.Capture{}, e.Captures...)
	c.Measurements = append([]telemetry.Measurement{}, e.Measurements...)
	r.mu.Lock()
	r.all = append(r.all, c)
	r.mu.Unlock()
	e.Release()
	r.seen <- struct{}{}
}

func (r *recorder) last(t *testing.T) telemetry.Exchange {
	t.Helper()
	select {
	case <-r.seen:
	case <-time.After(10 * time.Second):
		t.Fatal("no exchange was recorded")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.all[len(r.all)-1]
}

func document(inbound string) *apim.Document {
	return &apim.Document{File: "test.xml", Text: "<policies><inbound><base/>" + inbound + "</inbound><backend><base/></backend><outbound><base/></outbound><on-error><base/></on-error></policies>"}
}

// testService has a closed API, an API of an open product, and all kinds of keys.
func testService(backend string) *apim.Service {
	operations := func() []*apim.Operation {
		return []*apim.Operation{{ID: "get", Name: "Get", Method: "GET", URLTemplate: "/items/{id}"}, {ID: "post", Name: "Post", Method: "POST", URLTemplate: "/items/{id}"}, {ID: "any", Method: "GET", URLTemplate: "/raw/*"}}
	}
	return &apim.Service{
		Name: "test",
		APIs: []*apim.API{
			{ID: "closed", Name: "Closed", Path: "closed", IsCurrent: true, ServiceURL: backend, SubscriptionRequired: true, Operations: operations()},
			{ID: "open", Name: "Open", Path: "open", IsCurrent: true, ServiceURL: backend, SubscriptionRequired: true, Operations: operations()},
			{ID: "free", Name: "Free", Path: "free", IsCurrent: true, ServiceURL: backend, Operations: operations()},
			{ID: "named", Name: "Named", Path: "named", IsCurrent: true, ServiceURL: backend, SubscriptionRequired: true, SubscriptionKeyHeader: "X-My-Key", SubscriptionKeyQuery: "mykey", Operations: operations()},
		},
		Products: []*apim.Product{
			{ID: "gold", Name: "Gold", Published: true, SubscriptionRequired: true, APIs: []string{"closed", "named"},
				Policy: &apim.Document{File: "gold.xml", Text: `<policies><inbound><set-header name="X-Product" exists-action="override"><value>gold</value></set-header><base/></inbound><backend><base/></backend><outbound><base/></outbound><on-error><base/></on-error></policies>`}},
			{ID: "public", Name: "Public", Published: true, APIs: []string{"open"}},
			{ID: "draft", Name: "Draft", SubscriptionRequired: true, APIs: []string{"closed"}},
		},
		Subscriptions: []*apim.Subscription{
			{ID: "s-gold", Scope: "/products/gold", State: "active", PrimaryKey: "key-gold-1", SecondaryKey: "key-gold-2"},
			{ID: "s-draft", Scope: "/products/draft", State: "active", PrimaryKey: "key-draft"},
			{ID: "s-api", Scope: "/apis/closed", State: "active", PrimaryKey: "key-api"},
			{ID: "s-all", Scope: "/apis", State: "active", PrimaryKey: "key-all"},
			{ID: "s-old", Scope: "/apis", State: "suspended", PrimaryKey: "key-old"},
		},
	}
}

type harness struct {
	*httptest.Server
	gateway  *Gateway
	recorder *recorder
}

func newHarness(t *testing.T, s *apim.Service, change func(*Options)) *harness {
	t.Helper()
	r := newRecorder()
	o := DefaultOptions()
	o.Sink, o.Definitions = r, statement.Table()
	if change != nil {
		change(&o)
	}
	g := New(o)
	snapshot, err := g.Compile(s)
	if err != nil {
		t.Fatal(err)
	}
	g.Swap(snapshot)
	server := httptest.NewServer(g)
	t.Cleanup(server.Close)
	return &harness{Server: server, gateway: g, recorder: r}
}

func (h *harness) call(t *testing.T, method, path string, body io.Reader, header ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest(method, h.URL+path, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Add(header[i], header[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(data)
}

func echoBackend(t *testing.T) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Backend", "yes")
		_ = json.NewEncoder(w).Encode(map[string]any{"path": r.URL.Path, "query": r.URL.RawQuery, "header": r.Header, "host": r.Host, "body": len(body)})
	}))
	t.Cleanup(s.Close)
	return s
}

func TestSubscriptionKeys(t *testing.T) {
	h := newHarness(t, testService(echoBackend(t).URL), nil)
	const header = "Ocp-Apim-Subscription-Key"
	for _, one := range []struct {
		name, path   string
		header       []string
		status       int
		subscription string
		product      string
	}{
		{"product key", "/closed/items/1", []string{header, "key-gold-1"}, 200, "s-gold", "gold"},
		{"secondary key", "/closed/items/1", []string{header, "key-gold-2"}, 200, "s-gold", "gold"},
		{"key in the query", "/closed/items/1?subscription-key=key-gold-1", nil, 200, "s-gold", "gold"},
		{"header wins over query", "/closed/items/1?subscription-key=key-gold-1", []string{header, "wrong"}, 401, "", ""},
		{"API key skips the product", "/closed/items/1", []string{header, "key-api"}, 200, "s-api", ""},
		{"all-APIs key", "/closed/items/1", []string{header, "key-all"}, 200, "s-all", ""},
		{"suspended", "/closed/items/1", []string{header, "key-old"}, 401, "", ""},
		{"unpublished product", "/closed/items/1", []string{header, "key-draft"}, 401, "", ""},
		{"key of another API", "/named/items/1", []string{"X-My-Key", "key-api"}, 401, "", ""},
		{"own names", "/named/items/1", []string{"X-My-Key", "key-gold-1"}, 200, "s-gold", "gold"},
		{"own query name", "/named/items/1?mykey=key-gold-1", nil, 200, "s-gold", "gold"},
		{"default name does not count", "/named/items/1", []string{header, "key-gold-1"}, 401, "", ""},
		{"missing", "/closed/items/1", nil, 401, "", ""},
		{"open product", "/open/items/1", nil, 200, "", "public"},
		{"no subscription needed", "/free/items/1", nil, 200, "", ""},
	} {
		resp, body := h.call(t, "GET", one.path, nil, one.header...)
		e := h.recorder.last(t)
		if resp.StatusCode != one.status || e.Subscription != one.subscription || e.Endpoint.Product != one.product {
			t.Errorf("%s: %d %s; subscription %q product %q", one.name, resp.StatusCode, body, e.Subscription, e.Endpoint.Product)
		}
		if strings.Contains(e.Query, "key-") || strings.Contains(fmt.Sprintf("%+v", e.Failure), "key-gold") {
			t.Errorf("%s: a key is in the record: %+v", one.name, e)
		}
	}
}

func TestDeniedAnswersAreAzures(t *testing.T) {
	h := newHarness(t, testService(echoBackend(t).URL), nil)
	resp, body := h.call(t, "GET", "/closed/items/1", nil)
	if want := `{ "statusCode": 401, "message": "Access denied due to missing subscription key. Make sure to include subscription key when making requests to an API." }`; body != want || len(body) != 152 {
		t.Errorf("missing: %s", body)
	}
	if got, want := resp.Header.Get("WWW-Authenticate"), `AzureApiManagementKey realm="`+h.URL+`/closed",name="Ocp-Apim-Subscription-Key",type="header"`; got != want {
		t.Errorf("WWW-Authenticate: %s", got)
	}
	_, body = h.call(t, "GET", "/closed/items/1", nil, "Ocp-Apim-Subscription-Key", "wrong-key")
	if want := `{ "statusCode": 401, "message": "Access denied due to invalid subscription key. Make sure to provide a valid key for an active subscription." }`; body != want {
		t.Errorf("invalid: %s", body)
	}
	resp, body = h.call(t, "GET", "/nothing", nil)
	if resp.StatusCode != 404 || body != `{ "statusCode": 404, "message": "Resource not found" }` {
		t.Errorf("no API: %d %s", resp.StatusCode, body)
	}
	if resp, _ = h.call(t, "DELETE", "/free/items/1", nil); resp.StatusCode != 404 {
		t.Errorf("wrong verb: %d", resp.StatusCode)
	}
	strict := newHarness(t, testService(echoBackend(t).URL), func(o *Options) { o.MethodNotAllowed = true })
	if resp, _ = strict.call(t, "DELETE", "/free/items/1", nil); resp.StatusCode != 405 || resp.Header.Get("Allow") != "GET, POST" {
		t.Errorf("wrong verb with methodNotAllowed: %d %v", resp.StatusCode, resp.Header)
	}
}

func TestForwarding(t *testing.T) {
	backend := echoBackend(t)
	h := newHarness(t, testService(backend.URL+"/base?fixed=1"), nil)
	resp, body := h.call(t, "POST", "/free/items/a%20b?x=1", strings.NewReader("hello"), "Connection", "X-Drop", "X-Drop", "1", "X-Keep", "2", "X-Forwarded-For", "6.6.6.6", "Traceparent", "broken")
	if resp.Header.Get("X-Backend") != "yes" {
		t.Fatalf("%d %s", resp.StatusCode, body)
	}
	var seen struct {
		Path, Query, Host string
		Header            http.Header
		Body              int
	}
	if err := json.Unmarshal([]byte(body), &seen); err != nil {
		t.Fatal(err)
	}
	if seen.Path != "/base/items/a b" || seen.Query != "fixed=1&x=1" || seen.Body != 5 || "http://"+seen.Host != backend.URL {
		t.Errorf("backend saw %+v", seen)
	}
	if seen.Header.Get("X-Drop") != "" || seen.Header.Get("X-Keep") != "2" || seen.Header.Get("X-Forwarded-For") != "127.0.0.1" || seen.Header.Get("X-Forwarded-Proto") != "http" {
		t.Errorf("headers: %v", seen.Header)
	}
	e := h.recorder.last(t)
	if got := seen.Header.Get("Traceparent"); got != telemetry.FormatTraceparent(e.TraceID, e.Calls[0].SpanID, true) {
		t.Errorf("traceparent %s", got)
	}
	if e.RequestBytes != 5 || e.ResponseBytes != int64(len(body)) || e.Status != 200 || e.Outcome != telemetry.OutcomeOK || len(e.Steps) != 1 || e.Query != "x=***" {
		t.Errorf("record %+v", e)
	}
}

func TestTrustedProxyNamesTheClient(t *testing.T) {
	h := newHarness(t, testService(echoBackend(t).URL), func(o *Options) { o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} })
	h.call(t, "GET", "/free/items/1", nil, "X-Forwarded-For", "1.1.1.1, 203.0.113.9, 127.0.0.7")
	if e := h.recorder.last(t); e.ClientIP.String() != "203.0.113.9" {
		t.Errorf("client is %s", e.ClientIP)
	}
}

func TestBackendFailures(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	h := newHarness(t, testService("http://"+closed.Addr().String()), nil)
	resp, body := h.call(t, "GET", "/free/items/1", nil)
	e := h.recorder.last(t)
	if resp.StatusCode != 500 || !strings.Contains(body, `"activityId"`) || e.Failure.Reason != "BackendConnectionFailure" || e.Failure.Section != "backend" {
		t.Errorf("%d %s %+v", resp.StatusCode, body, e.Failure)
	}
	if len(e.Calls) != 1 || e.Calls[0].Outcome != telemetry.OutcomeError {
		t.Errorf("calls %+v", e.Calls)
	}
}

func TestTimeout(t *testing.T) {
	release := make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer slow.Close()
	defer close(release)
	s := testService(slow.URL)
	s.Policy = &apim.Document{File: "p.xml", Text: `<policies><inbound/><backend><forward-request timeout-ms="100"/></backend><outbound/><on-error/></policies>`}
	h := newHarness(t, s, nil)
	resp, _ := h.call(t, "GET", "/free/items/1", nil)
	if e := h.recorder.last(t); resp.StatusCode != 500 || e.Failure.Reason != "Timeout" || e.Outcome != telemetry.OutcomeTimeout {
		t.Errorf("%d %+v", resp.StatusCode, e.Failure)
	}
}

func TestServerSentEventsAreNotHeldBack(t *testing.T) {
	next := make(chan struct{})
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for i := range 3 {
			fmt.Fprintf(w, "data: %d\n\n", i)
			w.(http.Flusher).Flush()
			<-next
		}
	}))
	defer backend.Close()
	h := newHarness(t, testService(backend.URL), nil)
	resp, err := http.Get(h.URL + "/free/raw/events")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewReader(resp.Body)
	for i := range 3 {
		line, err := lines.ReadString('\n')
		if err != nil || line != fmt.Sprintf("data: %d\n", i) {
			t.Fatalf("event %d: %q %v", i, line, err)
		}
		_, _ = lines.ReadString('\n')
		next <- struct{}{}
	}
}

func TestLargeBodiesStream(t *testing.T) {
	const size = 64 << 20
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, n)
	}))
	defer backend.Close()
	h := newHarness(t, testService(backend.URL), func(o *Options) { o.MaxBodyBytes = size })
	if _, body := h.call(t, "POST", "/free/items/1", io.LimitReader(zeros{}, size)); body != fmt.Sprint(size) {
		t.Errorf("the backend got %s bytes", body)
	}
	h.recorder.last(t)
	req, _ := http.NewRequest("POST", h.URL+"/free/items/1", io.LimitReader(zeros{}, size+1))
	req.ContentLength = size + 1
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("over the limit: %d", resp.StatusCode)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestClientThatLeavesIsRecorded(t *testing.T) {
	block := make(chan struct{})
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write(bytes.Repeat([]byte("x"), 1<<20))
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		close(block)
	}))
	defer backend.Close()
	h := newHarness(t, testService(backend.URL), nil)
	ctx, cancel := context.WithCancel(t.Context())
	req, _ := http.NewRequestWithContext(ctx, "GET", h.URL+"/free/items/1", nil)
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.ReadFull(resp.Body, make([]byte, 1000))
	cancel()
	_ = resp.Body.Close()
	e := h.recorder.last(t)
	if e.Outcome != telemetry.OutcomeClientClosed || e.Status != 200 || e.Failure.Reason != "ClientConnectionFailure" {
		t.Errorf("outcome %s status %d %+v", e.Outcome, e.Status, e.Failure)
	}
	<-block
}

func TestWebSocketIsPiped(t *testing.T) {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "websocket" || r.Header.Get("Sec-Websocket-Key") == "" {
			http.Error(w, "no upgrade", 400)
			return
		}
		c, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer c.Close()
		_, _ = rw.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		_ = rw.Flush()
		line, _ := rw.ReadString('\n')
		_, _ = rw.WriteString("echo " + line)
		_ = rw.Flush()
	}))
	defer backend.Close()
	h := newHarness(t, testService(backend.URL), nil)
	c, err := net.Dial("tcp", strings.TrimPrefix(h.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	fmt.Fprintf(c, "GET /free/raw/ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: abc\r\nSec-WebSocket-Version: 13\r\n\r\n")
	r := bufio.NewReader(c)
	resp, err := http.ReadResponse(r, nil)
	if err != nil || resp.StatusCode != 101 {
		t.Fatalf("%v %v", resp, err)
	}
	fmt.Fprintf(c, "hello\n")
	if line, err := r.ReadString('\n'); err != nil || line != "echo hello\n" {
		t.Fatalf("%q %v", line, err)
	}
	_ = c.Close()
	if e := h.recorder.last(t); e.Status != 101 || e.RequestBytes != 6 || e.ResponseBytes != 11 {
		t.Errorf("record: status %d, %d bytes in, %d out", e.Status, e.RequestBytes, e.ResponseBytes)
	}
}

func TestPreflightRunsCorsOfTheOperation(t *testing.T) {
	s := testService(echoBackend(t).URL)
	s.APIs[0].Policy = document(`<cors><allowed-origins><origin>https://app.example</origin></allowed-origins><allowed-methods><method>POST</method></allowed-methods><allowed-headers><header>*</header></allowed-headers></cors>`)
	h := newHarness(t, s, nil)
	resp, _ := h.call(t, "OPTIONS", "/closed/items/1", nil, "Origin", "https://app.example", "Access-Control-Request-Method", "POST")
	if resp.StatusCode != 200 || resp.Header.Get("Access-Control-Allow-Origin") != "https://app.example" {
		t.Errorf("allowed: %d %v", resp.StatusCode, resp.Header)
	}
	resp, _ = h.call(t, "OPTIONS", "/closed/items/1", nil, "Origin", "https://evil.example", "Access-Control-Request-Method", "POST")
	if resp.StatusCode != 200 || resp.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("other origin: %d %v", resp.StatusCode, resp.Header)
	}
	if resp, _ = h.call(t, "OPTIONS", "/free/items/1", nil, "Origin", "https://app.example", "Access-Control-Request-Method", "POST"); resp.StatusCode != 404 {
		t.Errorf("no cors policy: %d", resp.StatusCode)
	}
}

func TestBrokenServiceKeepsTheOldOne(t *testing.T) {
	s := testService(echoBackend(t).URL)
	h := newHarness(t, s, nil)
	broken := testService("http://127.0.0.1:1")
	broken.APIs[0].Policy = document(`<set-hader name="x"/>`)
	_, err := h.gateway.Compile(broken)
	if err == nil || !strings.Contains(err.Error(), "test.xml:1:") || !strings.Contains(err.Error(), "set-hader") {
		t.Fatalf("the error does not say where: %v", err)
	}
	if resp, _ := h.call(t, "GET", "/free/items/1", nil); resp.StatusCode != 200 {
		t.Errorf("the old configuration is gone: %d", resp.StatusCode)
	}
}

// No secret reaches the record, wherever it travels.
func TestSecretsStayOutOfTheRecord(t *testing.T) {
	s := testService(echoBackend(t).URL)
	s.NamedValues = []*apim.NamedValue{{ID: "nv", Name: "backend-pass", Value: "canary-named-value", Secret: true}}
	s.APIs[0].Policy = document(`
<set-header name="X-Pass" exists-action="override"><value>{{backend-pass}}</value></set-header>
<trace source="t" severity="error"><message>@("pass " + context.Request.Headers.GetValueOrDefault("X-Pass","") + context.Request.Headers.GetValueOrDefault("Authorization","") + context.Subscription.Key)</message><metadata name="m" value="@(context.Request.Headers.GetValueOrDefault("Cookie",""))"/></trace>
<emit-metric name="m"><dimension name="k" value="@(context.Subscription.Key)"/></emit-metric>`)
	s.APIs[0].Diagnostics = []*apim.Diagnostic{{ID: "applicationinsights", Sampling: 100, FrontendRequest: apim.Capture{Headers: []string{"Authorization", "Cookie", "X-Note"}, BodyBytes: 100},
		BackendRequest: apim.Capture{Headers: []string{"X-Pass", "Ocp-Apim-Subscription-Key"}}}}
	h := newHarness(t, s, nil)
	h.call(t, "POST", "/closed/items/canary-bearer-token?code=canary-query", strings.NewReader("body with canary-bearer-token"), "Ocp-Apim-Subscription-Key", "key-gold-1",
		"Authorization", "Bearer canary-bearer-token", "Cookie", "sid=canary-cookie", "X-Note", "note key-gold-1", "User-Agent", "canary-bearer-token")
	e := h.recorder.last(t)
	text := fmt.Sprintf("%+v", e)
	for _, secret := range []string{"canary-named-value", "canary-bearer-token", "canary-cookie", "canary-query", "key-gold-1"} {
		if strings.Contains(text, secret) {
			t.Errorf("%s is in the record: %s", secret, text)
		}
	}
	if len(e.Events) != 1 || len(e.Captures) == 0 || len(e.Measurements) != 1 {
		t.Errorf("the record misses what was asked for: %s", text)
	}
}

func TestTraceOfAnExpressionIsInTheRecord(t *testing.T) {
	backend := echoBackend(t)
	s := testService(backend.URL)
	s.NamedValues = append(s.NamedValues, &apim.NamedValue{ID: "pass", Name: "pass", Value: "hidden-word", Secret: true})
	s.APIs[2].Policy = document(`<set-variable name="v" value="@{ context.Trace("seen " + context.Request.Method); context.Trace("with {{pass}}"); return 1; }"/>
		<wait for="all"><choose><when condition="@{ context.Trace("in a branch"); return true; }"><set-variable name="w" value="1"/></when></choose></wait>`)
	h := newHarness(t, s, nil)
	if resp, body := h.call(t, "GET", "/free/items/1", nil); resp.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", resp.StatusCode, body)
	}
	var got []string
	for _, e := range h.recorder.last(t).Events {
		got = append(got, fmt.Sprintf("%d %s: %s", e.Severity, e.Source, e.Message))
	}
	want := []string{"1 context.Trace: seen GET", "1 context.Trace: with ***", "1 context.Trace: in a branch"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// The status path of Azure's gateways answers without a key and leaves no record.
func TestStatusPath(t *testing.T) {
	h := newHarness(t, testService(echoBackend(t).URL), nil)
	if resp, body := h.call(t, "GET", statusPath, nil); resp.StatusCode != http.StatusOK || body != "" {
		t.Errorf("%d %q", resp.StatusCode, body)
	}
	h.call(t, "GET", "/free/items/1", nil)
	if e := h.recorder.last(t); e.Path != "/free/items/1" {
		t.Errorf("recorded: %s", e.Path)
	}
	empty := httptest.NewServer(New(DefaultOptions()))
	defer empty.Close()
	resp, err := http.Get(empty.URL + statusPath)
	if err != nil {
		t.Fatal(err)
	}
	if _ = resp.Body.Close(); resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("without a configuration: %d", resp.StatusCode)
	}
}
