package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Canaries travel everywhere a secret can travel. None of them may be found in
// any store, API answer, metric, log line or file of the process.
func TestCanariesReachNoStore(t *testing.T) {
	// The backend repeats headers and body, not the query: query values are no
	// credentials, and a body that a diagnostic asks for is kept.
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_ = json.NewEncoder(w).Encode(map[string]any{"headers": r.Header, "body": string(body)})
	}))
	defer backend.Close()
	canaries := []string{"canary-subscription-key-1", "canary-named-value-2", "canary-bearer-3", "canary-cookie-4", "canary-query-5", "canary-basic-6"}
	files := service(backend.URL, map[string]string{
		"named values/pass/namedValueInformation.json": `{"properties":{"displayName":"pass","value":"canary-named-value-2","secret":true}}`,
		"subscriptions/s/subscriptionInformation.json": `{"properties":{"displayName":"s","scope":"/apis","state":"active","primaryKey":"canary-subscription-key-1"}}`,
		"loggers/w/loggerInformation.json":             `{"properties":{"loggerType":"applicationInsights"}}`,
		"apis/api/diagnostics/applicationinsights/diagnosticInformation.json": `{"properties":{"loggerId":"/loggers/w","verbosity":"verbose","metrics":true,"sampling":{"samplingType":"fixed","percentage":100},
  "frontend":{"request":{"headers":["Authorization","Cookie","X-Note","Ocp-Apim-Subscription-Key"],"body":{"bytes":4096}},"response":{"headers":["X-Leak"],"body":{"bytes":4096}}},
  "backend":{"request":{"headers":["X-Pass"],"body":{"bytes":4096}},"response":{"headers":["X-Leak"],"body":{"bytes":4096}}}}}`,
		"apis/api/policy.xml": `<policies><inbound><base/>
<set-header name="X-Pass" exists-action="override"><value>{{pass}}</value></set-header>
<set-variable name="all" value="@("{{pass}} " + context.Request.Headers.GetValueOrDefault("Authorization","") + context.Request.Headers.GetValueOrDefault("Cookie","") + context.Subscription.Key)" />
<trace source="t" severity="error"><message>@((string)context.Variables["all"])</message><metadata name="m" value="{{pass}}" /></trace>
<emit-metric name="leak"><dimension name="k" value="@((string)context.Variables["all"])" /></emit-metric>
<choose><when condition="@(context.Request.Method == "POST")"><set-variable name="x" value="@(int.Parse((string)context.Variables["all"]))" /></when></choose>
</inbound><backend><base/></backend><outbound><base/><set-header name="X-Leak" exists-action="override"><value>@((string)context.Variables["all"])</value></set-header></outbound><on-error><base/></on-error></policies>`,
	})
	p := start(t, "", "--service", folder(t, files), "--log-level", "debug")
	for _, method := range []string{"GET", "POST"} {
		req, _ := http.NewRequest(method, p.gateway+"/api/items/canary-bearer-3?token=canary-query-5&subscription-key=canary-subscription-key-1", strings.NewReader("body canary-bearer-3 canary-subscription-key-1"))
		req.Header.Set("Ocp-Apim-Subscription-Key", "canary-subscription-key-1")
		req.Header.Set("Authorization", "Bearer canary-bearer-3")
		req.Header.Set("Cookie", "sid=canary-cookie-4")
		req.Header.Set("X-Note", "canary-bearer-3")
		req.Header.Set("User-Agent", "agent canary-cookie-4")
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
	}
	payload := `{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"22222222222222222222222222222222","spanId":"aaaaaaaaaaaaaaaa","name":"n","startTimeUnixNano":"1","endTimeUnixNano":"2","attributes":[{"key":"http.request.header.authorization","value":{"stringValue":"Basic canary-basic-6"}}]}]}]}]}`
	if resp, err := http.Post("http://"+p.otlpHTTP+"/v1/traces", "application/json", strings.NewReader(payload)); err == nil {
		_ = resp.Body.Close()
	}
	var found traceList
	p.wait("both traces", func() bool { p.get("/api/traces/search?api=api", &found); return found.Total >= 2 })
	p.wait("the metrics", func() bool { return p.query("sum(http_server_request_duration_seconds_count)") >= 2 })
	answers := []string{"/metrics", "/api/status", "/api/traces/search?api=api", "/prometheus/api/v1/label/k/values", "/prometheus/api/v1/series?match[]={__name__=~\".%2B\"}"}
	for _, one := range found.Traces {
		answers = append(answers, "/api/traces/"+one.TraceID)
	}
	for _, path := range answers {
		resp, err := http.Get(p.monitor + path)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		_, _ = b.ReadFrom(resp.Body)
		_ = resp.Body.Close()
		search(t, "GET "+path, b.Bytes(), canaries)
	}
	p.stop()
	search(t, "the log", []byte(p.out.String()), canaries)
	// Parquet pages are compressed: what the APIs above show was read from
	// them. The rest of the folder is searched as it is.
	err := filepath.WalkDir(p.data, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		search(t, strings.TrimPrefix(path, p.data), data, canaries)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func search(t *testing.T, where string, data []byte, canaries []string) {
	t.Helper()
	for _, c := range canaries {
		if i := bytes.Index(data, []byte(c)); i >= 0 {
			t.Errorf("%s is in %s: %s", c, where, fmt.Sprintf("%q", data[max(0, i-80):min(len(data), i+80)]))
		}
	}
}
