package gateway

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/apim"
	"gatehouse/internal/policy"
	"gatehouse/internal/policy/statement"
	"gatehouse/internal/telemetry"
)

// sections is a whole document; each section includes its base first.
func sections(inbound, backend, outbound, onError string) *apim.Document {
	if backend == "" {
		backend = "<base/>"
	}
	return &apim.Document{File: "test.xml", Text: "<policies><inbound><base/>" + inbound + "</inbound><backend>" + backend +
		"</backend><outbound><base/>" + outbound + "</outbound><on-error><base/>" + onError + "</on-error></policies>"}
}

// raw sends bytes on a connection of its own and reads the first response.
func (h *harness) raw(t *testing.T, text string, half bool) (*http.Response, string) {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(h.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	if half {
		_ = c.(*net.TCPConn).CloseWrite()
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return &http.Response{Header: http.Header{}}, err.Error()
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

// A request whose body is damaged must not look like a success.
func TestDamagedRequestBodies(t *testing.T) {
	h := newHarness(t, testService(echoBackend(t).URL), nil)
	for name, text := range map[string]string{
		"chunked": "POST /free/items/1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nZZ\r\n",
		"short":   "POST /free/items/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhello",
	} {
		resp, body := h.raw(t, text, name == "short")
		e := h.recorder.last(t)
		if resp.StatusCode == 200 || e.Status != resp.StatusCode && resp.StatusCode != 0 || e.Status == 200 {
			t.Errorf("%s: answered %d %q, recorded %d %s %+v", name, resp.StatusCode, body, e.Status, e.Outcome, e.Failure)
		}
	}
}

type panicking struct{}

func (panicking) Run(*policy.Context) error { panic("a bug") }

// A bug in a statement is the failure of one request, which is still recorded.
func TestPanicIsAnInternalError(t *testing.T) {
	table := statement.Table()
	table["boom"] = &policy.Definition{Name: "boom", Sections: policy.AnySection, Scopes: policy.AnyScope,
		Compile: func(*policy.Compiler, *policy.Element) policy.Statement { return panicking{} }}
	for _, one := range []*apim.Document{sections("<boom/>", "", "", ""), sections("", "", "<boom/>", ""), sections("<boom/>", "", "", "<boom/>")} {
		s := testService(echoBackend(t).URL)
		s.APIs[2].Policy = one
		h := newHarness(t, s, func(o *Options) { o.Definitions = table })
		resp, body := h.raw(t, "GET /free/items/1 HTTP/1.1\r\nHost: x\r\n\r\n", false)
		if resp.StatusCode != 500 || !strings.Contains(body, "activityId") {
			t.Errorf("%d %s", resp.StatusCode, body)
		}
		if e := h.recorder.last(t); e.Status != 500 || e.Outcome != telemetry.OutcomeError || e.Failure.Reason != "InternalError" {
			t.Errorf("%+v", e)
		}
	}
}

// Credentials stay secret also when a policy takes them off the request.
func TestSecretsThatPoliciesRemove(t *testing.T) {
	s := testService(echoBackend(t).URL)
	s.APIs[2].Policy = document(`<trace source="t" severity="error"><message>@("got " + context.Request.Headers.GetValueOrDefault("Authorization",""))</message></trace>
<set-header name="Authorization" exists-action="delete"/>`)
	h := newHarness(t, s, nil)
	h.call(t, "GET", "/free/items/1", nil, "Authorization", "Bearer canary-removed-token")
	if e := h.recorder.last(t); len(e.Events) != 1 || strings.Contains(fmt.Sprintf("%+v", e), "canary-removed") {
		t.Errorf("%+v", e)
	}
}

func TestQueryKeyOfAnAPIIsLeftOut(t *testing.T) {
	s := testService(echoBackend(t).URL)
	s.APIs[3].SubscriptionKeyQuery = "ident"
	s.APIs[3].Diagnostics = []*apim.Diagnostic{{ID: "d", Sampling: 100, FrontendRequest: apim.Capture{MaskQuery: []apim.Mask{{Name: "other", Mode: "Mask"}}}}}
	h := newHarness(t, s, nil)
	for _, key := range []string{"key-gold-1", "wrong-secret", "%6Bey-gold-1"} {
		h.call(t, "GET", "/named/items/1?ident="+key+"&keep=yes", nil)
		if e := h.recorder.last(t); e.Query != "keep=yes" {
			t.Errorf("%s", e.Query)
		}
	}
}

func TestStatusWithoutBody(t *testing.T) {
	for _, status := range []int{204, 304} {
		s := testService(echoBackend(t).URL)
		s.APIs[2].Policy = sections("", "", fmt.Sprintf(`<set-status code="%d"/>`, status), "")
		s.APIs[1].Policy = sections(fmt.Sprintf(`<return-response><set-status code="%d"/><set-body>text</set-body></return-response>`, status), "", "", "")
		h := newHarness(t, s, nil)
		for _, path := range []string{"/free/items/1", "/open/items/1"} {
			resp, body := h.call(t, "GET", path, nil)
			if e := h.recorder.last(t); resp.StatusCode != status || body != "" || e.Outcome != telemetry.OutcomeOK || e.ResponseBytes != 0 {
				t.Errorf("%s %d: %d %q %s %+v", path, status, resp.StatusCode, body, e.Outcome, e.Failure)
			}
		}
	}
}

func TestInformationalStatusIsRefused(t *testing.T) {
	s := testService(echoBackend(t).URL)
	s.APIs[2].Policy = sections("", "", `<set-status code="@(100 + 3)"/>`, "")
	h := newHarness(t, s, nil)
	resp, body := h.raw(t, "GET /free/items/1 HTTP/1.1\r\nHost: x\r\n\r\n", false)
	if e := h.recorder.last(t); resp.StatusCode != 500 || e.Status != 500 || e.Outcome != telemetry.OutcomeError {
		t.Errorf("%d %q %d", resp.StatusCode, body, e.Status)
	}
}

func TestResponseTooLargeForAPolicy(t *testing.T) {
	big := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write(make([]byte, 5000))
	}))
	defer big.Close()
	s := testService(big.URL)
	s.APIs[2].Policy = sections("", "", `<find-and-replace from="a" to="b"/>`, "")
	s.APIs[1].Policy = sections(`<send-request mode="new" response-variable-name="r"><set-url>`+big.URL+`</set-url></send-request>`, "", "", "")
	h := newHarness(t, s, func(o *Options) { o.MaxPolicyBodyBytes = 1000 })
	for _, path := range []string{"/free/items/1", "/open/items/1"} {
		resp, body := h.call(t, "GET", path, nil)
		if e := h.recorder.last(t); resp.StatusCode != 500 {
			t.Errorf("%s: %d %s %+v", path, resp.StatusCode, body, e.Failure)
		}
	}
	s.APIs[2].Policy = sections(`<find-and-replace from="a" to="b"/>`, "", "", "")
	h = newHarness(t, s, func(o *Options) { o.MaxPolicyBodyBytes = 1000 })
	for _, body := range []io.Reader{strings.NewReader(strings.Repeat("x", 2000)), io.LimitReader(zeros{}, 2000)} {
		if resp, text := h.call(t, "POST", "/free/items/1", body); resp.StatusCode != 413 {
			t.Errorf("request: %d %s", resp.StatusCode, text)
		}
	}
}

// A second attempt must send what the first one sent, or fail.
func TestRetrySendsTheBodyAgain(t *testing.T) {
	calls, sizes := 0, []int{}
	flaky := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, _ := io.ReadAll(r.Body)
		sizes = append(sizes, len(data))
		if calls++; calls%2 == 1 {
			w.WriteHeader(503)
		}
	}))
	defer flaky.Close()
	s := testService(flaky.URL)
	s.APIs[2].Policy = sections("", `<retry condition="@(context.Response.StatusCode == 503)" count="2" interval="0"><forward-request/></retry>`, "", "")
	h := newHarness(t, s, nil)
	bodies := []func() io.Reader{func() io.Reader { return strings.NewReader("hello") }, func() io.Reader { return io.LimitReader(zeros{}, 100_000) }}
	for _, body := range bodies {
		calls, sizes = 0, nil
		resp, _ := h.call(t, "POST", "/free/items/1", body())
		if e := h.recorder.last(t); resp.StatusCode != 500 || e.Failure.Reason != "RequestBodyConsumed" || len(sizes) != 1 {
			t.Errorf("%d, attempts sent %v, %+v", resp.StatusCode, sizes, e.Failure)
		}
	}
	s.APIs[2].Policy = sections("", `<retry condition="@(context.Response.StatusCode == 503)" count="2" interval="0"><forward-request buffer-request-body="true"/></retry>`, "", "")
	h = newHarness(t, s, nil)
	for _, body := range bodies {
		calls, sizes = 0, nil
		if resp, _ := h.call(t, "POST", "/free/items/1", body()); resp.StatusCode != 200 || len(sizes) != 2 || sizes[0] != sizes[1] {
			t.Errorf("buffered: %d, attempts sent %v", resp.StatusCode, sizes)
		}
	}
}

func TestConnectMakesNoTunnel(t *testing.T) {
	s := testService(echoBackend(t).URL)
	s.APIs = append(s.APIs, &apim.API{ID: "root", IsCurrent: true, ServiceURL: s.APIs[2].ServiceURL, Operations: []*apim.Operation{{ID: "all", Method: "*", URLTemplate: "/*"}}})
	h := newHarness(t, s, nil)
	for _, text := range []string{"CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: 127.0.0.1:22\r\n\r\n", "CONNECT /free/x HTTP/1.1\r\nHost: x\r\n\r\n"} {
		resp, _ := h.raw(t, text, false)
		if e := h.recorder.last(t); resp.StatusCode != 404 || len(e.Calls) != 0 {
			t.Errorf("%q: %d", text, resp.StatusCode)
		}
	}
}

func TestHeaderValuesCannotSplit(t *testing.T) {
	s := testService(echoBackend(t).URL)
	s.APIs[2].Policy = sections(`<set-header name="X-In" exists-action="override"><value>@("a\r\nX-Evil: 1")</value></set-header><set-query-parameter name="q" exists-action="override"><value>@("a b\r\nc")</value></set-query-parameter><rewrite-uri template="@("/x y\r\nHost: evil?a=b c\r\nd")"/>`, "",
		`<set-header name="X-Out" exists-action="override"><value>@("a\r\nX-Evil: 1\n\nbody")</value></set-header><set-status code="200" reason="@("OK\r\nX-Evil: 1")"/>`, "")
	h := newHarness(t, s, nil)
	resp, body := h.raw(t, "GET /free/items/1 HTTP/1.1\r\nHost: x\r\n\r\n", false)
	if resp.Header.Get("X-Evil") != "" || strings.Contains(body, `"X-Evil"`) || resp.StatusCode != 200 {
		t.Errorf("%d %v %s", resp.StatusCode, resp.Header, body)
	}
}

func TestReturnedContextResponse(t *testing.T) {
	s := testService(echoBackend(t).URL)
	s.APIs[2].Policy = sections("", "", `<set-variable name="r" value="@(context.Response)"/><return-response response-variable-name="r"/>`, "")
	h := newHarness(t, s, nil)
	resp, body := h.raw(t, "GET /free/items/1 HTTP/1.1\r\nHost: x\r\n\r\n", false)
	e := h.recorder.last(t)
	if resp.StatusCode != 200 || !strings.Contains(body, "path") || e.Outcome != telemetry.OutcomeOK {
		t.Errorf("%d %q %+v", resp.StatusCode, body, e.Failure)
	}
}

func TestDynamicAnyOriginGetsNoCredentials(t *testing.T) {
	s := testService(echoBackend(t).URL)
	s.APIs[2].Policy = document(`<cors allow-credentials="true"><allowed-origins><origin>@("*")</origin></allowed-origins><allowed-headers><header>*</header></allowed-headers></cors>`)
	h := newHarness(t, s, nil)
	resp, _ := h.call(t, "GET", "/free/items/1", nil, "Origin", "https://evil.example")
	if resp.Header.Get("Access-Control-Allow-Credentials") != "" || resp.Header.Get("Access-Control-Allow-Origin") != "*" {
		t.Error(resp.Header)
	}
}

func TestEmptyCredentialDoesNotGarbleTheRecord(t *testing.T) {
	s := testService(echoBackend(t).URL)
	s.Backends = []*apim.Backend{{ID: "b", URL: s.APIs[0].ServiceURL, Credentials: apim.BackendCredentials{Header: map[string][]string{"X-A": {""}}}}}
	h := newHarness(t, s, nil)
	h.call(t, "GET", "/free/items/1", nil)
	if e := h.recorder.last(t); e.Path != "/free/items/1" {
		t.Error(e.Path)
	}
}

// A body that could not be kept for a second attempt must not be sent as an empty one.
func TestRetryDoesNotLoseTheBody(t *testing.T) {
	s := testService(echoBackend(t).URL)
	s.APIs[2].Policy = sections("", `<retry condition="@(context.Response == null)" count="2" interval="0"><forward-request buffer-request-body="true"/></retry>`, "", "")
	h := newHarness(t, s, func(o *Options) { o.MaxPolicyBodyBytes = 1000 })
	for _, body := range []io.Reader{strings.NewReader(strings.Repeat("x", 2000)), io.LimitReader(zeros{}, 2000)} {
		resp, text := h.call(t, "POST", "/free/items/1", body)
		if e := h.recorder.last(t); resp.StatusCode != 413 || len(e.Calls) != 0 {
			t.Errorf("%d %s, %d calls", resp.StatusCode, text, len(e.Calls))
		}
	}
}

// An expression that cannot read the request's body is not the one to blame.
func TestExpressionReadsABodyThatDoesNotArrive(t *testing.T) {
	s := testService(echoBackend(t).URL)
	s.APIs[2].Policy = sections(`<set-variable name="b" value="@(context.Request.Body.As<string>(true))"/>`, "", "", "")
	h := newHarness(t, s, func(o *Options) { o.MaxPolicyBodyBytes = 1000 })
	for _, body := range []io.Reader{strings.NewReader(strings.Repeat("x", 2000)), io.LimitReader(zeros{}, 2000)} {
		resp, text := h.call(t, "POST", "/free/items/1", body)
		if e := h.recorder.last(t); resp.StatusCode != 413 || e.Failure.Path != "set-variable[1]" {
			t.Errorf("%d %s %+v", resp.StatusCode, text, e.Failure)
		}
	}
	resp, text := h.raw(t, "POST /free/items/1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", false)
	if e := h.recorder.last(t); resp.StatusCode != 400 || e.Outcome != telemetry.OutcomeClientClosed {
		t.Errorf("%d %s %s %+v", resp.StatusCode, text, e.Outcome, e.Failure)
	}
}

func TestNoContentTypeIsMadeUp(t *testing.T) {
	bare := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Content-Type"] = nil
		_, _ = io.WriteString(w, "<html><script>")
	}))
	defer bare.Close()
	h := newHarness(t, testService(bare.URL), nil)
	resp, _ := h.call(t, "GET", "/free/items/1", nil)
	if v, ok := resp.Header["Content-Type"]; ok {
		t.Error(v)
	}
}

// A client that stops in the middle of its body must not hold a backend for ever.
func TestStalledUploadEnds(t *testing.T) {
	h := newHarness(t, testService(echoBackend(t).URL), func(o *Options) { o.BodyIdleTimeout = 50 * time.Millisecond })
	for _, framing := range []string{"Content-Length: 10\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"} {
		resp, text := h.raw(t, "POST /free/items/1 HTTP/1.1\r\nHost: x\r\n"+framing, false)
		if e := h.recorder.last(t); resp.StatusCode != 400 || e.Outcome != telemetry.OutcomeClientClosed {
			t.Errorf("%d %s %s %+v", resp.StatusCode, text, e.Outcome, e.Failure)
		}
	}
}

// The bound is on the body alone: a slow answer to a whole body is waited for.
func TestSlowAnswerAfterAnUpload(t *testing.T) {
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		time.Sleep(700 * time.Millisecond)
	}))
	defer slow.Close()
	h := newHarness(t, testService(slow.URL), func(o *Options) { o.BodyIdleTimeout = 400 * time.Millisecond })
	for _, body := range []io.Reader{strings.NewReader("hello"), io.LimitReader(zeros{}, 100_000)} {
		if resp, text := h.call(t, "POST", "/free/items/1", body); resp.StatusCode != 200 {
			t.Errorf("%d %s", resp.StatusCode, text)
		}
	}
}
