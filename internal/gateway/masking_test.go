package gateway

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"gatehouse/internal/apim"
	recording "gatehouse/internal/policy/record"
)

// leaky puts every kind of secret everywhere that a policy can put text.
const leaky = `
<set-variable name="in" value="@(context.Request.Headers.GetValueOrDefault("Authorization",""))"/>
<set-variable name="plain" value="@(context.Request.Headers.GetValueOrDefault("Authorization","").AsBasic()?.Password ?? "none")"/>
<set-variable name="who" value="@(context.Subscription.Key + "/" + "{{named}}")"/>
<authentication-managed-identity resource="https://vault.azure.net" output-token-variable-name="fetched"/>
<set-variable name="copy" value="@("copy of " + context.Variables["fetched"])"/>
<trace source="t" severity="error"><message>@(context.Variables["in"] + " " + context.Variables["plain"] + " " + context.Variables["who"] + " " + context.Variables["fetched"])</message><metadata name="m" value="@((string)context.Variables["copy"])"/></trace>
<set-variable name="said" value="@{ context.Trace("said " + context.Variables["copy"] + context.Variables["plain"]); return 1; }"/>
<authentication-basic username="svc" password="%s"/>
<set-variable name="out" value="@(context.Request.Headers.GetValueOrDefault("Authorization",""))"/>
<set-variable name="decoded" value="@(((string)context.Variables["out"]).AsBasic().Password)"/>
<send-request response-variable-name="r" ignore-error="true"><set-url>@("%s/where?code=" + context.Variables["who"])</set-url><set-method>POST</set-method><set-header name="X-Copy" exists-action="override"><value>@((string)context.Variables["copy"])</value></set-header><authentication-basic username="svc" password="nested-pass"/></send-request>
<set-header name="X-Echo" exists-action="override"><value>@(context.Variables["decoded"] + ", " + context.Variables["copy"])</value></set-header>`

// TestSecretsStayOutOfATrace traces a request whose policy shows its secrets,
// and looks for them in the recording and in the record.
func TestSecretsStayOutOfATrace(t *testing.T) {
	e := newEntra(t)
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s %v", r.URL, r.Header.Get("Authorization"), r.Header["X-Echo"])
		_, _ = io.Copy(w, r.Body)
	}))
	t.Cleanup(backend.Close)
	for name, authorization := range map[string]string{"basic": "Basic YW5uOnBhc3MtaW4=", "bearer": "Bearer bearer-of-the-caller"} { // ann:pass-in
		s := testService(backend.URL)
		s.NamedValues = []*apim.NamedValue{{ID: "named", Name: "named", Value: "value-that-is-named", Secret: true}}
		s.APIs[0].Policy = document(fmt.Sprintf(leaky, "basic-pass", backend.URL))
		s.APIs[0].Diagnostics = []*apim.Diagnostic{{ID: "applicationinsights", Sampling: 100, BackendRequest: apim.Capture{Headers: []string{"X-Echo"}, BodyBytes: 100}, FrontendResponse: apim.Capture{BodyBytes: 1000}}}
		for _, sub := range s.Subscriptions {
			sub.AllowTracing = true
		}
		desk := recording.NewDesk(recording.DefaultDeskOptions())
		h := newHarness(t, s, func(o *Options) { e.options(o); o.Observer = desk })
		resp, body := h.call(t, "POST", "/closed/items/1", strings.NewReader("{}"), "Ocp-Apim-Trace", "true", "Ocp-Apim-Subscription-Key", "key-gold-1", "Authorization", authorization)
		if resp.StatusCode != http.StatusOK || !strings.Contains(body, "Basic ") {
			t.Fatalf("%s: %d %s", name, resp.StatusCode, body)
		}
		r := desk.Find(resp.Header.Get("Apim-Trace-Id"))
		if r == nil {
			t.Fatal("no recording")
		}
		trace, err := json.Marshal(r.Trace())
		if err != nil {
			t.Fatal(err)
		}
		exchange := fmt.Sprintf("%+v", h.recorder.last(t))
		for _, secret := range []string{"bearer-of-the-caller", "YW5uOnBhc3MtaW4", "pass-in", "key-gold-1", "value-that-is-named", "token-1-for", "token-2-for", "basic-pass", "nested-pass", "c3ZjOmJhc2ljLXBhc3M", "c3ZjOm5lc3RlZC1wYXNz", "client-secret-1"} {
			if at := strings.Index(string(trace), secret); at >= 0 {
				t.Errorf("%s: the recording holds %s: ...%s", name, secret, trace[max(0, at-80):min(len(trace), at+40)])
			}
			if at := strings.Index(exchange, secret); at >= 0 {
				t.Errorf("%s: the record holds %s: ...%s", name, secret, exchange[max(0, at-80):min(len(exchange), at+40)])
			}
		}
		if !strings.Contains(string(trace), "copy of ***") || !strings.Contains(exchange, "said copy of ***") {
			t.Errorf("%s: what is not secret is gone: %s", name, trace)
		}
	}
}
