package conformance

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/internal/rules"
	"gatehouse/internal/server"
)

// P04: no key, a bad key and a bad token are refused as Azure does.
func missionRefusals(t *testing.T, h *house) {
	missing := `{ "statusCode": 401, "message": "Access denied due to missing subscription key. Make sure to include subscription key when making requests to an API." }`
	invalid := `{ "statusCode": 401, "message": "Access denied due to invalid subscription key. Make sure to provide a valid key for an active subscription." }`
	for _, c := range []struct {
		path   string
		header []string
		status int
		body   string
	}{
		{"/keyed/items/1", nil, 401, missing},
		{"/keyed/items/1", []string{"Ocp-Apim-Subscription-Key", "wrong"}, 401, invalid},
		{"/keyed/items/1?subscription-key=wrong", nil, 401, invalid},
		{"/keyed/items/1", []string{"Ocp-Apim-Subscription-Key", productKey}, 200, ""},
		{"/keyed/items/1?subscription-key=" + productKey, nil, 200, ""},
		{"/token/items/1", nil, 401, `{ "statusCode": 401, "message": "JWT not present." }`},
		{"/token/items/1", []string{"Authorization", "Bearer " + token(t, "YW5vdGhlci1zaWduaW5nLWtleS1hbm90aGVyLXNpZ25pbmcta2V5", 3600)}, 401, ""},
		{"/token/items/1", []string{"Authorization", "Bearer " + token(t, jwtKey, -3600)}, 401, ""},
		{"/token/items/1", []string{"Authorization", "Bearer " + token(t, jwtKey, 3600)}, 200, ""},
		{"/nothing", nil, 404, `{ "statusCode": 404, "message": "Resource not found" }`},
	} {
		a := h.call(t, "GET", c.path, "", c.header...)
		if a.status != c.status || (c.body != "" && a.body != c.body) {
			t.Errorf("GET %s %v: %d %s, want %d %s", c.path, c.header, a.status, a.body, c.status, c.body)
		}
	}
	a := h.call(t, "GET", "/keyed/items/1", "")
	if want := `AzureApiManagementKey realm="` + h.gateway + `/keyed",name="Ocp-Apim-Subscription-Key",type="header"`; a.header.Get("Www-Authenticate") != want {
		t.Errorf("Www-Authenticate %q, want %q", a.header.Get("Www-Authenticate"), want)
	}
}

// P05: N requests are N counts and N records, each with its policy steps.
func missionEveryMove(t *testing.T, h *house) {
	const n = 200
	h.load(t, n, "/stepped/items/1", 200)
	eventually(t, "the counter", func() bool {
		return h.query(t, `sum(http_server_request_duration_seconds_count{gatehouse_api="stepped"})`) == n
	})
	var got found
	// The list is read before the total: rows may come between the two.
	eventually(t, "the records", func() bool { got = h.search(t, "api=stepped"); return got.Total >= n && len(got.Traces) >= n })
	if got.Total != n || len(got.Traces) != n {
		t.Errorf("%d records of %d requests, %d listed", got.Total, n, len(got.Traces))
	}
	want := map[string]string{"set-variable": "inbound", "choose": "inbound", "set-header": "", "forward-request": "backend"}
	for _, s := range got.Traces[:10] {
		steps := map[string]map[string]any{}
		for _, one := range h.trace(t, s.TraceID).Spans {
			if one.Policy != nil {
				steps[one.Name] = one.Policy
			}
		}
		for name, section := range want {
			if steps[name] == nil || (section != "" && steps[name]["section"] != section) || steps[name]["line"] == 0.0 || steps[name]["file"] == "" {
				t.Errorf("trace %s: step %s is %v", s.TraceID, name, steps[name])
			}
		}
		if steps["set-method"] != nil {
			t.Errorf("trace %s: a step of a branch that was not taken", s.TraceID)
		}
	}
}

// trusting gives a client that trusts the house's own authority.
func (h *house) trusting(t *testing.T) *http.Client {
	t.Helper()
	pem, err := os.ReadFile(filepath.Join(h.data, "ca", "ca.crt"))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	t.Cleanup(client.CloseIdleConnections)
	return client
}

// P13: plain HTTP answers loopback alone; TLS needs the token.
func missionSecureDoors(t *testing.T, h *house) {
	config := server.DefaultConfig()
	config.Service.Folder, config.Listen.Monitor = h.service, "0.0.0.0:9080"
	if err := config.Check(); err == nil || !strings.Contains(err.Error(), "loopback") {
		t.Errorf("a plain monitor door for other machines: %v", err)
	}
	req, _ := http.NewRequest("GET", h.monitor+"/prometheus/api/v1/query?query=1", nil)
	req.Host = "gatehouse.example"
	if status := send(t, http.DefaultClient, req); status != http.StatusForbidden {
		t.Errorf("the plain door called by another name: %d", status)
	}
	client := h.trusting(t)
	defer client.CloseIdleConnections()
	secret, err := os.ReadFile(filepath.Join(h.data, "admin-token"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/prometheus/api/v1/query?query=1", "/metrics", "/api/traces/search", "/api/status", "/alertmanager/api/v2/alerts"} {
		for auth, want := range map[string]int{"": 401, "Bearer wrong": 401, "Bearer " + strings.TrimSpace(string(secret)): 200} {
			req, _ := http.NewRequest("GET", h.secure+path, nil)
			if auth != "" {
				req.Header.Set("Authorization", auth)
			}
			if status := send(t, client, req); status != want {
				t.Errorf("GET %s with token %t: %d, want %d", path, want == 200, status, want)
			}
		}
	}
	plain, _ := http.NewRequest("GET", strings.Replace(h.secure, "https:", "http:", 1)+"/metrics", nil)
	if status := send(t, http.DefaultClient, plain); status == http.StatusOK {
		t.Error("the TLS door answered plain HTTP")
	}
}

func send(t *testing.T, c *http.Client, req *http.Request) int {
	t.Helper()
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}

// P29: the time of a request splits into parts that sum to the whole.
func missionTimeSplits(t *testing.T, h *house) {
	for _, delay := range []string{"0ms", "30ms", "120ms"} {
		_, tr := h.request(t, "GET", "/split/items/1?delay="+delay, "")
		r := tr.Spans[0].Request
		part := func(name string) float64 { v, _ := r[name].(float64); return v }
		sum := part("backend_ms") + part("policy_ms") + part("unaccounted_ms")
		if total := tr.Spans[0].DurationMS; math.Abs(sum-total) > 1 {
			t.Errorf("delay %s: backend %v + policy %v + gateway %v = %v ms, the request took %v ms", delay, part("backend_ms"), part("policy_ms"), part("unaccounted_ms"), sum, total)
		}
		var slow float64
		if _, err := fmt.Sscanf(delay, "%fms", &slow); err != nil || part("backend_ms") < slow {
			t.Errorf("delay %s: the backend's part is %v ms", delay, part("backend_ms"))
		}
	}
}

// P32: a request id leads to its trace, caller, log and metric.
func missionAccountable(t *testing.T, h *house) {
	id := newTraceID(t)
	h.call(t, "GET", "/keyed/items/9", "", "Ocp-Apim-Subscription-Key", productKey, "Traceparent", parent(id))
	requestID, _ := h.trace(t, id).Spans[0].Request["request_id"].(string)
	if len(requestID) != 36 {
		t.Fatalf("request id %q", requestID)
	}
	got := h.search(t, "q="+requestID)
	if len(got.Traces) != 1 || got.Traces[0].TraceID != id {
		t.Fatalf("search by request id: %+v", got)
	}
	r := h.trace(t, id).Spans[0].Request
	for name, want := range map[string]any{"api": "keyed", "operation": "get-item", "product": "starter", "subscription": "team-a", "api_revision": "1", "client_ip": "127.0.0.1", "status": 200.0} {
		if r[name] != want {
			t.Errorf("%s is %v, want %v", name, r[name], want)
		}
	}
	eventually(t, "the metric of the request's operation", func() bool {
		return h.query(t, `sum(http_server_request_duration_seconds_count{gatehouse_api="keyed",gatehouse_operation="get-item",gatehouse_product="starter",http_response_status_code="200"})`) >= 1
	})
	var exemplars struct {
		Data []struct {
			Exemplars []struct {
				Labels map[string]string `json:"labels"`
			} `json:"exemplars"`
		} `json:"data"`
	}
	eventually(t, "an exemplar with the trace id", func() bool {
		h.get(t, `/prometheus/api/v1/query_exemplars?query=http_server_request_duration_seconds_bucket{gatehouse_api="keyed"}&start=0&end=9999999999`, &exemplars)
		for _, series := range exemplars.Data {
			for _, e := range series.Exemplars {
				if e.Labels["trace_id"] == id {
					return true
				}
			}
		}
		return false
	})
}

// A38: the eleventh custom dimension is refused with its place.
func missionTenDimensions(t *testing.T, h *house) {
	for _, n := range []int{10, 11} {
		var dimensions strings.Builder
		for i := range n {
			fmt.Fprintf(&dimensions, "<dimension name=\"d%d\" value=\"v\"/>\n", i)
		}
		files := map[string]string{}
		h.addAPI(files, "many", policies("<emit-metric name=\"m\">\n"+dimensions.String()+"</emit-metric>", "", ""), "", false)
		config := server.DefaultConfig()
		config.Service.Folder = t.TempDir()
		(&house{service: config.Service.Folder}).write(t, files)
		err := server.CheckService(config, io.Discard)
		if refused := err != nil && strings.Contains(err.Error(), "at most 10 dimensions") && strings.Contains(err.Error(), "apis/many/policy.xml:14:"); refused != (n > 10) {
			t.Errorf("%d dimensions: %v", n, err)
		}
		config.Telemetry.Profile = "native"
		var said bytes.Buffer
		if err := server.CheckService(config, &said); err != nil || strings.Contains(said.String(), "product of their distinct values") != (n > 10) {
			t.Errorf("%d dimensions, native: %v\n%s", n, err, &said)
		}
	}
}

// P21: the default rules are about objectives, none about the processor.
func missionNoCPURule(t *testing.T, h *house) {
	files, err := rules.Shipped()
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	var out ruleList
	h.get(t, "/prometheus/api/v1/rules", &out)
	alerts := 0
	for _, g := range out.Data.Groups {
		if !strings.HasPrefix(g.File, "shipped/") && !strings.HasPrefix(g.File, "objectives/") {
			continue
		}
		for _, r := range g.Rules {
			text := strings.ToLower(r.Name + " " + r.Query)
			if strings.Contains(text, "cpu") || strings.Contains(text, "memory") {
				t.Errorf("%s: %s", r.Name, r.Query)
			}
			if r.Type != "alerting" || r.Labels["severity"] != "page" { // what pages somebody
				continue
			}
			alerts++
			burns := strings.Contains(r.Query, "gatehouse:slo_errors:ratio1h{") && strings.Contains(r.Query, "gatehouse:slo_errors:ratio5m{")
			if r.Labels["objective"] == "" || strings.HasPrefix(g.File, "objectives/") && !burns {
				t.Errorf("the alert %s names no objective or has no two windows: %v %s", r.Name, r.Labels, r.Query)
			}
		}
	}
	if alerts == 0 {
		t.Error("no shipped alert is loaded")
	}
}

type ruleList struct {
	Data struct {
		Groups []struct {
			Name  string `json:"name"`
			File  string `json:"file"`
			Rules []struct {
				Name   string            `json:"name"`
				Query  string            `json:"query"`
				Type   string            `json:"type"`
				Health string            `json:"health"`
				Error  string            `json:"lastError"`
				State  string            `json:"state"`
				Labels map[string]string `json:"labels"`
			} `json:"rules"`
		} `json:"groups"`
	} `json:"data"`
}
