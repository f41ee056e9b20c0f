package conformance

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func newTraceID(t *testing.T) string {
	t.Helper()
	var b [16]byte
	if _, err := rand.Read(b[:]); err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(b[:])
}

func parent(trace string) string { return "00-" + trace + "-00f067aa0ba902b7-01" }

const (
	jwtKey      = "bWlzc2lvbi1zaWduaW5nLWtleS0wMTIzNDU2Nzg5MDEyMw==" // of the test alone
	productKey  = "mission-product-key"
	description = "openapi: 3.0.1\ninfo: {title: api, version: '1'}\npaths:\n" +
		"  /items/{id}:\n    get: {operationId: get-item, responses: {'200': {description: ok}}}\n    post: {operationId: post-item, responses: {'200': {description: ok}}}\n" +
		"  /*:\n    get: {operationId: get-any, responses: {'200': {description: ok}}}\n"
)

// policies makes a document of the content of its sections.
func policies(inbound, backend, outbound string) string {
	if backend == "" {
		backend = "<base/>"
	}
	return "<policies>\n<inbound><base/>\n" + inbound + "\n</inbound>\n<backend>" + backend + "</backend>\n<outbound><base/>" + outbound + "</outbound>\n<on-error><base/></on-error>\n</policies>"
}

// addAPI adds an API with a policy and, unless "", the properties of a diagnostic.
func (h *house) addAPI(files map[string]string, id, policy, diagnostic string, keyed bool) {
	dir := "apis/" + id + "/"
	files[dir+"apiInformation.json"] = fmt.Sprintf(`{"properties":{"displayName":"API %[1]s","path":%[1]q,"protocols":["http"],"serviceUrl":%[2]q,"subscriptionRequired":%[3]t}}`, id, h.backend.URL, keyed)
	files[dir+"specification.yaml"] = description
	if policy != "" {
		files[dir+"policy.xml"] = policy
	}
	if diagnostic != "" {
		files[dir+"diagnostics/applicationinsights/diagnosticInformation.json"] = `{"properties":{"loggerId":"/loggers/workspace",` + diagnostic + `}}`
	}
}

func sampling(percent int, more string) string {
	return fmt.Sprintf(`"sampling":{"samplingType":"fixed","percentage":%d}%s`, percent, more)
}

// missionService is one API for each question.
func (h *house) missionService() map[string]string {
	files := map[string]string{
		"policy.xml": "<policies><inbound/><backend><forward-request timeout=\"20\"/></backend><outbound/><on-error/></policies>",
		"loggers/workspace/loggerInformation.json":                   `{"properties":{"loggerType":"applicationInsights","credentials":{"instrumentationKey":"none"}}}`,
		"loggers/other/loggerInformation.json":                       `{"properties":{"loggerType":"applicationInsights","credentials":{"instrumentationKey":"none"}}}`,
		"diagnostics/applicationinsights/diagnosticInformation.json": `{"properties":{"loggerId":"/loggers/workspace","verbosity":"information","logClientIp":true,"httpCorrelationProtocol":"W3C",` + sampling(100, "") + `,"frontend":{"request":{"headers":["X-Mark"]}}}}`,
		"products/starter/productInformation.json":                   `{"properties":{"displayName":"Starter","state":"published","subscriptionRequired":true}}`,
		"products/starter/apis/keyed/productApiInformation.json":     "{}",
		"subscriptions/team-a/subscriptionInformation.json":          `{"properties":{"displayName":"Team A","scope":"/products/starter","state":"active","primaryKey":"` + productKey + `"}}`,
		"tags/team/tagInformation.json":                              `{"properties":{"displayName":"team=payments"}}`,
		"tags/team/apis/tagged/tagApiInformation.json":               "{}",
	}
	for _, id := range []string{"marker", "plain", "exact", "split", "alarm", "tagged", "recorded", "abandoned", "whole", "trouble"} {
		h.addAPI(files, id, "", "", false)
	}
	h.addAPI(files, "keyed", "", "", true)
	h.addAPI(files, "owned", "", "", false)
	files["tags/ownership/tagInformation.json"] = `{"properties":{"displayName":"team=platform"}}`
	files["tags/ownership/apis/owned/tagApiInformation.json"] = "{}"
	h.addAPI(files, "metered", policies(`<rate-limit calls="1" renewal-period="300"/>`, "", ""), "", true)
	h.addAPI(files, "allotted", "", "", true)
	files["products/starter/apis/metered/productApiInformation.json"] = "{}"
	files["products/allotted/productInformation.json"] = `{"properties":{"displayName":"Allotted","state":"published","subscriptionRequired":true}}`
	files["products/allotted/policy.xml"] = policies(`<quota calls="1" renewal-period="3600"/>`, "", "")
	files["products/allotted/apis/allotted/productApiInformation.json"] = "{}"
	files["subscriptions/team-b/subscriptionInformation.json"] = `{"properties":{"displayName":"Team B","scope":"/products/allotted","state":"active","primaryKey":"` + allottedKey + `"}}`
	h.addAPI(files, "token", policies(`<validate-jwt header-name="Authorization" require-scheme="Bearer"><issuer-signing-keys><key>`+jwtKey+`</key></issuer-signing-keys></validate-jwt>`, "", ""), "", false)
	h.addAPI(files, "limited", policies(`<rate-limit-by-key calls="3" renewal-period="60" counter-key="all"/>`, "", ""), "", false)
	h.addAPI(files, "stepped", policies(`<set-variable name="v" value="1"/>
<choose><when condition="@(context.Request.Method == "GET")"><set-header name="X-Seen"><value>yes</value></set-header></when><otherwise><set-method>GET</set-method></otherwise></choose>`,
		"", `<set-header name="X-Out"><value>done</value></set-header>`), "", false)
	h.addAPI(files, "measured", policies(`<emit-metric name="orders" namespace="shop" value="2.5"><dimension name="region" value="north"/><dimension name="API ID"/></emit-metric>`, "", ""), "", false)
	send := func(name string) string {
		return `<send-request mode="new" response-variable-name="` + name + `" timeout="5" ignore-error="true"><set-url>` + h.backend.URL + "/" + name + `</set-url><set-method>GET</set-method></send-request>`
	}
	h.addAPI(files, "calls", policies(send("one")+"<wait for=\"all\">"+send("two")+send("three")+"</wait>",
		`<retry condition="@(context.Response.StatusCode == 503)" count="2" interval="0"><forward-request/></retry>`, ""), "", false)
	for _, percent := range []int{0, 5, 50, 100} {
		h.addAPI(files, fmt.Sprintf("sample-%d", percent), "", sampling(percent, ""), false)
	}
	for _, percent := range []int{0, 1} {
		h.addAPI(files, fmt.Sprintf("errors-%d", percent), "", sampling(percent, `,"alwaysLog":"allErrors"`), false)
	}
	for _, verbosity := range []string{"verbose", "information", "error"} {
		h.addAPI(files, "say-"+verbosity, policies(say("verbose")+say("information")+say("error"), "", ""), `"verbosity":"`+verbosity+`",`+sampling(100, ""), false)
	}
	for _, protocol := range []string{"Legacy", "None", "W3C"} {
		h.addAPI(files, "speak-"+strings.ToLower(protocol), "", `"httpCorrelationProtocol":"`+protocol+`",`+sampling(100, ""), false)
	}
	h.addAPI(files, "kept", "", sampling(100, `,"logClientIp":true,"frontend":{"request":{"headers":["X-Mark"],"body":{"bytes":10}}}`), false)
	h.addAPI(files, "bare", "", sampling(100, ""), false)
	h.addAPI(files, "narrow", "", sampling(0, ""), false)
	h.addAPI(files, "thinned", "", sampling(50, ""), false)
	h.addAPI(files, "broken", policies(`<set-variable name="x" value="@(int.Parse("x"))"/>`, "", ""), "", false)
	h.addAPI(files, "same", "", sampling(100, ""), false)
	return files
}

func say(severity string) string {
	return `<trace source="mission" severity="` + severity + `"><message>` + severity + `</message></trace>`
}

// upstreamRules are rule files of the Prometheus project, from its module.
func upstreamRules(t *testing.T) []string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/prometheus/prometheus").Output()
	if err != nil {
		t.Fatalf("find the Prometheus module: %v", err)
	}
	dir := filepath.Join(strings.TrimSpace(string(out)), "rules", "fixtures")
	var files []string
	for _, name := range []string{"rules.yaml", "rules1.yaml", "rules2.yaml", "rules_multiple.yaml", "rules_chain.yaml", "alert_rule.yaml"} {
		path := filepath.Join(dir, name)
		if _, err := os.Stat(path); err != nil {
			t.Fatal(err)
		}
		files = append(files, path)
	}
	return files
}

// missionRules are chained recording rules and an alert that ends soon.
func missionRules(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "mission.yml")
	text := `groups:
- name: mission
  interval: 1s
  rules:
  - record: mission:first
    expr: vector(time())
  - record: mission:second
    expr: mission:first * 2
  - record: mission:third
    expr: mission:second - 2 * time()
  - alert: MissionChained
    expr: mission:second > 0
  - alert: MissionErrors
    expr: sum by (gatehouse_api) (rate(http_server_request_duration_seconds_count{gatehouse_api="alarm",http_response_status_code="500"}[3s])) > 0
    labels: {severity: page}
`
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}
