package conformance

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/internal/server"
)

// costly are two Gatehouses: what the second makes of custom metrics goes to a
// workspace of the first.
type costly struct {
	first, second *house
}

const keyOfCostly = "b0000000-0000-4000-8000-000000000001"

func (h *house) costly(t *testing.T) *costly {
	t.Helper()
	if h.costlyKept == nil {
		h.costlyKept = h.openCostly(t)
	}
	return h.costlyKept
}

func (h *house) openCostly(t *testing.T) *costly {
	t.Helper()
	out := &costly{}
	files := map[string]string{
		"policy.xml":                          "<policies><inbound/><backend><forward-request/></backend><outbound/><on-error/></policies>",
		"loggers/here/loggerInformation.json": insights(keyOfCostly),
		// What all APIs have, and one with captures of its own.
		"diagnostics/applicationinsights/diagnosticInformation.json": `{"properties":{"loggerId":"/loggers/here","metrics":true}}`,
		"apis/dear/diagnostics/applicationinsights/diagnosticInformation.json": `{"properties":{"loggerId":"/loggers/here",
 "frontend":{"request":{"headers":["X-Mark"],"body":{"bytes":8192}},"response":{"body":{"bytes":100}}}}}`,
		"apis/priced/diagnostics/applicationinsights/diagnosticInformation.json": `{"properties":{"loggerId":"/loggers/here","metrics":true,
 "frontend":{"request":{"headers":["X-Team","X-Tier","X-Site"]}}}}`,
	}
	for _, id := range []string{"dear", "priced"} {
		h.addAPI(files, id, "", "", false)
	}
	h.addAPI(files, "shared", policies(fmt.Sprintf(sharedMetric, "first"), "", ""), "", false)
	intervals := func(c *server.Config) {
		c.Telemetry.CustomMetricsInterval, c.Telemetry.MetricsInterval = server.Duration(200*time.Millisecond), server.Duration(200*time.Millisecond)
	}
	out.first, _ = h.runTenant(t, "costly", files, func(c *server.Config) {
		intervals(c)
		c.Telemetry.Workspaces = []server.WorkspaceConfig{{Name: "here", Key: secretFile(t, keyOfCostly)}}
	})
	branch := map[string]string{
		"policy.xml": files["policy.xml"],
		"loggers/there/loggerInformation.json": fmt.Sprintf(`{"properties":{"loggerType":"applicationInsights","credentials":{"connectionString":"InstrumentationKey=%s;IngestionEndpoint=%s"}}}`,
			keyOfCostly, out.first.monitor),
		"diagnostics/applicationinsights/diagnosticInformation.json": `{"properties":{"loggerId":"/loggers/there","metrics":true}}`,
	}
	h.addAPI(branch, "shared", policies(fmt.Sprintf(sharedMetric, "second"), "", ""), "", false)
	out.second, _ = h.runTenant(t, "costly", branch, func(c *server.Config) {
		intervals(c)
		c.Telemetry.Loggers, c.Telemetry.Profile = map[string]string{"*": "export"}, "native"
	})
	return out
}

// sharedMetric has a series for each value of a header on each gateway, and one
// that is the same on all.
const sharedMetric = `<emit-metric name="visits"><dimension name="n" value="@(context.Request.Headers.GetValueOrDefault("X-N", ""))"/><dimension name="gateway" value="%s"/></emit-metric>
<emit-metric name="all-visits"><dimension name="plan" value="gold"/></emit-metric>`

// pricedMetric is what the prediction is asked about, and then saved.
const pricedMetric = `<emit-metric name="orders"><dimension name="team" value="@(context.Request.Headers.GetValueOrDefault("X-Team", ""))"/><dimension name="tier" value="@(context.Request.Headers.GetValueOrDefault("X-Tier", "none"))"/><dimension name="site" value="@(context.Request.Headers.GetValueOrDefault("X-Site"))"/><dimension name="API ID"/><dimension name="kind" value="order"/></emit-metric>`

// metricValue reads a series of a process's own metrics.
func metricValue(t *testing.T, h *house, series string) (v float64) {
	t.Helper()
	resp, err := http.Get(h.monitor + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, series+" "); ok {
			_, _ = fmt.Sscan(rest, &v)
		}
	}
	return v
}

const costlySeries = `gatehouse_custom_metric_series{workspace="here"}`

// combinations sends a request for each combination of n values of three headers.
func (h *house) combinations(t *testing.T, path string, n int) {
	t.Helper()
	var wg sync.WaitGroup
	for team := range n {
		wg.Go(func() {
			for k := range n * n {
				req, _ := http.NewRequest("GET", h.gateway+path, nil)
				for name, v := range map[string]int{"X-Team": team, "X-Tier": k / n, "X-Site": k % n} {
					req.Header.Set(name, fmt.Sprint("v", v))
				}
				resp, err := http.DefaultClient.Do(req)
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
			}
		})
	}
	wg.Wait()
}

// A40: what is predicted from the traffic before a policy is saved is what the
// policy makes then.
func missionSeriesPredicted(t *testing.T, h *house) {
	c := h.costly(t).first
	const n = 10
	c.combinations(t, "/priced/items/1", n)
	dimension := func(name, value string) map[string]any { return map[string]any{"name": name, "value": value} }
	header := func(name string) string { return `@(context.Request.Headers.GetValueOrDefault("` + name + `", ""))` }
	question := map[string]any{"workspace": "here", "api": "priced", "dimensions": []any{
		dimension("team", header("X-Team")), dimension("tier", header("X-Tier")), dimension("site", header("X-Site")), dimension("API ID", ""), dimension("kind", "order")}}
	var out map[string]any
	within(t, time.Minute, "the traffic is counted", func() bool {
		var status int
		status, out = callJSON(t, http.DefaultClient, "POST", c.monitor+"/api/custom-metrics/predict", question)
		return status == http.StatusOK && out["predicted"] == float64(n*n*n)
	})
	if out["product"] != float64(n*n*n) || out["complete"] != true || out["fits"] != true || out["limit"] != 50_000.0 {
		t.Errorf("%v", out)
	}
	before := metricValue(t, c, costlySeries)
	files := map[string]string{}
	h.addAPI(files, "priced", policies(pricedMetric, "", ""), "", false)
	c.write(t, map[string]string{"apis/priced/policy.xml": files["apis/priced/policy.xml"]})
	within(t, time.Minute, "the policy is served and makes series", func() bool {
		c.load(t, 1, "/priced/items/1", http.StatusOK)
		return metricValue(t, c, costlySeries) > before
	})
	before++ // of the requests without headers
	c.combinations(t, "/priced/items/1", n)
	within(t, time.Minute, "series as predicted", func() bool {
		made := metricValue(t, c, costlySeries) - before
		return made >= 0.95*n*n*n && made <= 1.05*n*n*n
	})
	// A dimension that traffic does not show is said to be unknown.
	// The rows of customMetrics come with the next interval, after the series
	// were counted.
	question["dimensions"], question["api"] = []any{dimension("weather", header("X-Weather")), dimension("team", "@(context.Variables.GetValueOrDefault(\"team\", \"\"))")}, ""
	within(t, time.Minute, "the values of a variable are told from custom metrics", func() bool {
		_, out = callJSON(t, http.DefaultClient, "POST", c.monitor+"/api/custom-metrics/predict", question)
		return strings.Contains(fmt.Sprint(out["dimensions"]), "customMetrics")
	})
	if text := fmt.Sprint(out["dimensions"]); out["complete"] != false || !strings.Contains(text, "X-Weather") || !strings.Contains(text, "unknown") {
		t.Errorf("%v", out)
	}
	if status, _ := callJSON(t, http.DefaultClient, "POST", c.monitor+"/api/custom-metrics/predict", map[string]any{"workspace": "nowhere", "dimensions": []any{dimension("a", "b")}}); status != http.StatusBadRequest {
		t.Errorf("a workspace that is none: %d", status)
	}
}

// A41: series of two gateways that write to one workspace add up in its meter;
// one that both have counts once.
func missionSharedMeter(t *testing.T, h *house) {
	c := h.costly(t)
	before := metricValue(t, c.first, costlySeries)
	send := func(g *house, n int) {
		for k := range n {
			g.call(t, "GET", "/shared/items/1", "", "X-N", fmt.Sprint("n", k))
		}
	}
	send(c.first, 7)
	within(t, time.Minute, "the first gateway's series", func() bool { return metricValue(t, c.first, costlySeries) == before+7+1 })
	send(c.second, 5)
	within(t, time.Minute, "the second's too", func() bool { return metricValue(t, c.first, costlySeries) == before+7+5+1 })
}

// A45: what each captured part costs is shown, with the call that ends it.
func missionCaptureCosts(t *testing.T, h *house) {
	c := h.costly(t).first
	body := strings.Repeat("body ", 1000)
	type part struct {
		Part         string
		Count, Bytes int64
		Micros       float64 `json:"processorMicroseconds"`
		Off          *struct {
			Method, Path string
			Header       map[string]string
			Body         map[string]any
		}
	}
	parts := func() map[string]part {
		var out struct {
			Diagnostics []struct {
				Diagnostic, API, Logger string
				Parts                   []part
			}
		}
		c.get(t, "/api/telemetry-costs", &out)
		found := map[string]part{}
		for _, d := range out.Diagnostics {
			if d.API == "dear" && d.Diagnostic == "applicationinsights" && d.Logger == "here" {
				for _, p := range d.Parts {
					found[p.Part] = p
				}
			}
		}
		return found
	}
	count := func() map[string]part {
		before := parts()["record"].Count
		for range 20 {
			c.call(t, "POST", "/dear/items/1", body, "X-Mark", "0123456789")
		}
		var now map[string]part
		within(t, time.Minute, "the records are counted", func() bool { now = parts(); return now["record"].Count == before+20 })
		return now
	}
	first := count()
	if p := first["bodies"]; p.Count != 40 || p.Bytes != 20*int64(len(body)+100) || p.Micros < float64(p.Bytes)/1000 {
		t.Errorf("bodies %+v", p)
	}
	if p := first["headers"]; p.Count != 20 || p.Bytes != 20*16 || p.Micros <= 0 {
		t.Errorf("headers %+v", p)
	}
	if first["steps"].Count < 20 || first["record"].Micros <= 0 {
		t.Errorf("%+v", first)
	}
	for _, name := range []string{"bodies", "headers"} {
		off := first[name].Off
		var header []string
		for k, v := range off.Header {
			header = append(header, k, v)
		}
		if status, out := callJSON(t, http.DefaultClient, off.Method, c.monitor+off.Path, off.Body, header...); status != http.StatusOK {
			t.Fatalf("%s off: %d %v", name, status, out)
		}
		before := parts()
		after := count()
		if after[name].Count != before[name].Count {
			t.Errorf("%s are kept after they were switched off: %+v, %+v", name, before[name], after[name])
		}
		if name == "bodies" && after["headers"].Count != before["headers"].Count+20 {
			t.Errorf("the headers went with the bodies: %+v", after["headers"])
		}
	}
}

// bodyCost shows that a setting of body bytes says what it costs: A21.
func (c *costly) bodyCost(t *testing.T) {
	t.Helper()
	var status struct {
		Warnings []struct{ Resource, Message string }
	}
	c.first.get(t, "/api/status", &status)
	for _, where := range []string{"apis/dear/diagnostics/applicationinsights frontend request", fmt.Sprint(status.Warnings)} {
		if text := fmt.Sprint(status.Warnings); !strings.Contains(text, where) || !strings.Contains(text, "of processor time") {
			t.Errorf("warnings at load: %s", text)
		}
	}
	for bytes, want := range map[int]bool{0: false, 4000: true} {
		req, _ := http.NewRequest("PUT", c.first.monitor+strings.TrimSuffix(managedRoot, "near")+"costly/apis/shared/diagnostics/applicationinsights?api-version=2024-05-01",
			strings.NewReader(fmt.Sprintf(`{"properties":{"loggerId":"/loggers/here","metrics":true,"frontend":{"response":{"body":{"bytes":%d}}}}}`, bytes)))
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		said := resp.Header.Get("Warning")
		if got := strings.HasPrefix(said, "299 ") && strings.Contains(said, "keeps 4000 bytes") && strings.Contains(said, "of processor time"); resp.StatusCode > http.StatusCreated || got != want {
			t.Errorf("%d bytes: %d, Warning %q", bytes, resp.StatusCode, said)
		}
	}
}
