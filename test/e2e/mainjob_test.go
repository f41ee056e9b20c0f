package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

type traceList struct {
	Traces []struct {
		TraceID     string `json:"trace_id"`
		RootName    string `json:"root_name"`
		HTTPStatus  int    `json:"http_status"`
		Outcome     string `json:"outcome"`
		ErrorReason string `json:"error_reason"`
	} `json:"traces"`
	Total int `json:"total"`
}

type traceTree struct {
	Spans []struct {
		SpanID       string         `json:"span_id"`
		ParentSpanID string         `json:"parent_span_id"`
		Name         string         `json:"name"`
		Service      string         `json:"service"`
		Policy       map[string]any `json:"policy"`
		Call         map[string]any `json:"call"`
		Request      map[string]any `json:"request"`
	} `json:"spans"`
	Logs []struct {
		Body string `json:"body"`
	} `json:"logs"`
}

// echo answers with what it received.
func echo(t *testing.T) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Query().Get("fail") != "" {
			w.WriteHeader(http.StatusInternalServerError)
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"method": r.Method, "path": r.URL.Path, "query": r.URL.RawQuery, "headers": r.Header, "body": string(body)})
	}))
	t.Cleanup(s.Close)
	return s
}

const typical = `<policies>
  <inbound>
    <base />
    <set-variable name="caller" value="@(context.Request.Headers.GetValueOrDefault("X-Caller", "nobody"))" />
    <choose>
      <when condition="@(context.Request.Method == "GET")">
        <set-header name="X-Seen" exists-action="override"><value>@((string)context.Variables["caller"])</value></set-header>
      </when>
    </choose>
    <trace source="test" severity="information"><message>@("called by " + (string)context.Variables["caller"])</message></trace>
  </inbound>
  <backend><base /></backend>
  <outbound><base /><set-header name="X-Out" exists-action="override"><value>done</value></set-header></outbound>
  <on-error><base /></on-error>
</policies>`

// A request is a trace with a span for each policy statement and each backend
// attempt, joined with the spans that the backend sends over OTLP.
func TestRequestBecomesATrace(t *testing.T) {
	backend := echo(t)
	p := start(t, "", "--service", folder(t, service(backend.URL, map[string]string{"apis/api/policy.xml": typical})))
	trace := "4bf92f3577b34da6a3ce929d0e0e4736"
	status, header, body := p.call("GET", "/api/items/7", nil, "X-Caller", "tester", "Traceparent", "00-"+trace+"-00f067aa0ba902b7-01")
	if status != 200 || header.Get("X-Out") != "done" || !strings.Contains(body, `"tester"`) {
		t.Fatalf("%d %v %s", status, header, body)
	}
	var seen struct{ Headers http.Header }
	if err := json.Unmarshal([]byte(body), &seen); err != nil {
		t.Fatal(err)
	}
	parent := seen.Headers.Get("Traceparent")
	if !strings.HasPrefix(parent, "00-"+trace+"-") {
		t.Fatalf("the backend got traceparent %q", parent)
	}
	callSpan := strings.Split(parent, "-")[2]
	now := time.Now().UnixNano()
	payload := fmt.Sprintf(`{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"orders"}}]},"scopeSpans":[{"spans":[{"traceId":%q,"spanId":"aaaaaaaaaaaaaaaa","parentSpanId":%q,"name":"load item","kind":2,"startTimeUnixNano":"%d","endTimeUnixNano":"%d"}]}]}]}`, trace, callSpan, now, now+1e6)
	resp, err := http.Post("http://"+p.otlpHTTP+"/v1/traces", "application/json", strings.NewReader(payload))
	if err != nil || resp.StatusCode != 200 {
		t.Fatalf("otlp: %v %v", err, resp)
	}
	_ = resp.Body.Close()
	var tree traceTree
	p.wait("the trace with the backend's span", func() bool {
		tree = traceTree{}
		if p.get("/api/traces/"+trace, &tree) != 200 {
			return false
		}
		for _, s := range tree.Spans {
			if s.Service == "orders" {
				return true
			}
		}
		return false
	})
	steps := map[string]map[string]any{}
	callFound := false
	for _, s := range tree.Spans {
		if s.Policy != nil {
			steps[s.Name] = s.Policy
		}
		if s.SpanID == callSpan {
			callFound = true
		}
	}
	for _, name := range []string{"set-variable", "choose", "set-header", "trace", "forward-request"} {
		if steps[name] == nil {
			t.Errorf("no span for policy %s in %+v", name, tree.Spans)
		}
	}
	if got := steps["set-variable"]; got != nil && (got["section"] != "inbound" || got["scope"] != "api" || got["file"] != "apis/api/policy.xml" || got["line"] != float64(4)) {
		t.Errorf("set-variable is placed at %v", got)
	}
	if !callFound {
		t.Errorf("no span %s for the backend attempt", callSpan)
	}
	if len(tree.Logs) != 1 || tree.Logs[0].Body != "called by tester" {
		t.Errorf("logs of the trace: %+v", tree.Logs)
	}
}

// 10,000 requests with a known mix: the counter is exact and every exchange is
// kept or counted.
func TestTenThousandRequestsAreCounted(t *testing.T) {
	backend := echo(t)
	data := t.TempDir()
	dir := folder(t, service(backend.URL, map[string]string{"apis/api/policy.xml": typical}))
	p := start(t, data, "--service", dir)
	const total = 10_000
	var failed atomic.Int64
	var wg sync.WaitGroup
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
	for w := range 16 {
		wg.Go(func() {
			for i := w; i < total; i += 16 {
				path := fmt.Sprintf("/api/items/%d", i)
				if i%10 == 0 {
					path += "?fail=1"
				}
				resp, err := client.Get(p.gateway + path)
				if err != nil {
					failed.Add(1)
					continue
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
			}
		})
	}
	wg.Wait()
	if failed.Load() > 0 {
		t.Fatalf("%d requests failed", failed.Load())
	}
	p.wait("the counter in PromQL", func() bool { return p.query("sum(http_server_request_duration_seconds_count)") >= total })
	for query, want := range map[string]float64{
		`sum(http_server_request_duration_seconds_count)`:                                            total,
		`sum(http_server_request_duration_seconds_count{http_response_status_code="500"})`:           total / 10,
		`sum(http_server_request_duration_seconds_bucket{le="+Inf",gatehouse_operation="get-item"})`: total,
		`histogram_count(sum(http_server_request_duration_seconds))`:                                 total,
	} {
		if got := p.query(query); got != want {
			t.Errorf("%s = %v, want %v", query, got, want)
		}
	}
	var spans traceList
	p.wait("all rows", func() bool {
		p.get("/api/traces/search?limit=1&api=api", &spans)
		dropped := p.query(`sum(gatehouse_telemetry_dropped_total)`)
		return float64(spans.Total)+dropped == total
	})
	t.Logf("10,000 sent: %d rows kept, %v dropped", spans.Total, p.query(`sum(gatehouse_telemetry_dropped_total)`))
	p.kill()
	again := start(t, data, "--service", dir)
	again.wait("all rows after kill -9", func() bool {
		again.get("/api/traces/search?limit=1&api=api", &spans)
		return spans.Total == total
	})
}

// kill -9 in the middle of traffic: what was acknowledged to an OTLP sender is
// there after the next start, and the next start is clean.
func TestKillLosesNothingAcknowledged(t *testing.T) {
	backend := echo(t)
	data := t.TempDir()
	dir := folder(t, service(backend.URL, nil))
	p := start(t, data, "--service", dir)
	const trace = "11111111111111111111111111111111"
	acknowledged := 0
	for i := range 50 {
		now := time.Now().UnixNano()
		payload := fmt.Sprintf(`{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":%q,"spanId":"%016x","name":"n","startTimeUnixNano":"%d","endTimeUnixNano":"%d"}]}]}]}`, trace, i+1, now, now+1000)
		resp, err := http.Post("http://"+p.otlpHTTP+"/v1/traces", "application/json", strings.NewReader(payload))
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode == 200 {
			acknowledged++
		}
	}
	p.kill()
	again := start(t, data, "--service", dir)
	var tree traceTree
	again.wait("the acknowledged spans", func() bool { return again.get("/api/traces/"+trace, &tree) == 200 && len(tree.Spans) >= acknowledged })
	if strings.Contains(again.out.String(), "level=ERROR") {
		t.Errorf("the start after kill -9 was not clean:\n%s", again.out)
	}
}

// The published sample folder: every HTTP operation answers through its
// policies against an echo backend.
func TestSampleArtifactsAnswer(t *testing.T) {
	sample, err := filepath.Abs("../../../shared/corpus/apiops/SampleArtifacts")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(sample); err != nil {
		t.Skip("the published sample folder is not here")
	}
	backend := echo(t)
	dir := t.TempDir()
	write(t, dir, map[string]string{"configuration.test.yaml": fmt.Sprintf(`
namedValues:
- name: intranet-proxy-url
  properties: {value: %[1]q}
backends:
- name: backend1
  properties: {url: %[1]q}
apis:
- name: basic-api
  properties: {serviceUrl: %[1]q}
- name: revisioned-api
  properties: {serviceUrl: %[1]q}
- name: revisioned-api;rev=2
  properties: {serviceUrl: %[1]q}
- name: versioned-api-v1
  properties: {serviceUrl: %[1]q}
- name: versioned-api-v2
  properties: {serviceUrl: %[1]q}
- name: wadl-api
  properties: {serviceUrl: %[1]q}
- name: graphql-api
  properties: {serviceUrl: %[1]q}
`, backend.URL)})
	p := start(t, "", "--service", sample, "--overrides", filepath.Join(dir, "configuration.test.yaml"), "--trusted-proxy", "127.0.0.1")
	key := subscriptionKey(t, p.data, "subscription1")
	apiKey := subscriptionKey(t, p.data, "subscription2")
	for _, one := range []struct {
		method, path, key, header, want string
	}{
		{"GET", "/basic-api/items", key, "", ""},
		{"GET", "/basic-api/items", apiKey, "", ""},
		{"POST", "/basic-api/items", key, "X-Operation", "create-item"},
		{"GET", "/revisioned-api/revision", key, "X-Revision", "1"},
		{"GET", "/revisioned-api;rev=2/revision", key, "X-Revision", "2"},
		{"GET", "/versioned-api/v1/version", key, "X-Product", "product1"},
		{"GET", "/versioned-api/v2/version", "", "X-Product", "product2"},
	} {
		args := []string{"X-Forwarded-For", "10.0.0.1"}
		if one.key != "" {
			args = append(args, "Ocp-Apim-Subscription-Key", one.key)
		}
		status, _, body := p.call(one.method, one.path, nil, args...)
		var seen struct{ Headers http.Header }
		_ = json.Unmarshal([]byte(body), &seen)
		if status != 200 || (one.header != "" && seen.Headers.Get(one.header) != one.want) {
			t.Errorf("%s %s: %d %s", one.method, one.path, status, body)
		}
	}
	for path, want := range map[string]int{"/basic-api/items": 401, "/nothing/here": 404, "/graphql-api": 200} {
		if status, _, body := p.call("GET", path, nil, "X-Forwarded-For", "10.0.0.1"); status != want {
			t.Errorf("GET %s without a key: %d %s, want %d", path, status, body, want)
		}
	}
}

func subscriptionKey(t *testing.T, data, id string) string {
	t.Helper()
	file, err := os.ReadFile(filepath.Join(data, "subscription-keys.json"))
	if err != nil {
		t.Fatal(err)
	}
	var keys map[string]map[string]string
	if err := json.Unmarshal(file, &keys); err != nil {
		t.Fatal(err)
	}
	return keys[id]["primary"]
}
