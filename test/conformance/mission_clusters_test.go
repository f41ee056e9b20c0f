package conformance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang/snappy"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/prompb"
	"github.com/prometheus/prometheus/promql/parser"

	"gatehouse/internal/dashboards"
)

const packsPath = "/workspaces/packs/prometheus"

// clusterSeries writes what exporters of a healthy cluster say into the workspace
// of the packs: five samples of each series, the last now.
func (h *house) clusterSeries(t *testing.T) {
	t.Helper()
	h.cluster.Do(func() {
		request, now := &prompb.WriteRequest{}, time.Now()
		for _, line := range caseLines(t, "healthy.txt") {
			cut := strings.LastIndex(line, " ")
			if strings.Contains(line, "{{") {
				continue
			}
			metric, err := parser.NewParser(parser.Options{}).ParseMetric(line[:cut])
			if err != nil {
				t.Fatal(err)
			}
			step, grows := strings.CutPrefix(line[cut+1:], "+")
			var value float64
			if _, err := fmt.Sscan(step, &value); err != nil {
				t.Fatal(line, err)
			}
			one := prompb.TimeSeries{}
			metric.Range(func(l labels.Label) { one.Labels = append(one.Labels, prompb.Label{Name: l.Name, Value: l.Value}) })
			for n := range 5 {
				v := value
				if grows {
					v *= float64(n)
				}
				one.Samples = append(one.Samples, prompb.Sample{Timestamp: now.Add(time.Duration(n-4) * 15 * time.Second).UnixMilli(), Value: v})
			}
			request.Timeseries = append(request.Timeseries, one)
		}
		body, err := request.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.Post(h.monitor+packsPath+"/api/v1/write", "application/x-protobuf", bytes.NewReader(snappy.Encode(nil, body)))
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode/100 != 2 {
			t.Fatalf("write: %d", resp.StatusCode)
		}
	})
}

// seriesOf is the number of series that a query of a workspace's API gives.
func (h *house) seriesOf(t *testing.T, api, expr string) int {
	t.Helper()
	var out struct {
		Data struct{ Result []json.RawMessage }
	}
	if status := h.get(t, api+"/api/v1/query?query="+url.QueryEscape(expr), &out); status != http.StatusOK {
		t.Fatalf("%s: %d", expr, status)
	}
	return len(out.Data.Result)
}

var recorded = regexp.MustCompile(`gatehouse:\w+:\w+`)

// shows waits until a query gives series. A recorded series counts as there when
// its rule gives one: slow groups have not run yet.
func (h *house) shows(t *testing.T, api, expr string) {
	t.Helper()
	within(t, 90*time.Second, "series of "+expr, func() bool {
		if h.seriesOf(t, api, expr) > 0 {
			return true
		}
		names := recorded.FindAllString(expr, -1)
		return len(names) > 0 && !slices.ContainsFunc(names, func(name string) bool { return h.seriesOf(t, api, h.ruleQuery(t, api, name)) == 0 })
	})
}

// ruleQuery is the query of the rule that records a series.
func (h *house) ruleQuery(t *testing.T, api, name string) string {
	t.Helper()
	var out ruleList
	h.get(t, api+"/api/v1/rules?type=record", &out)
	for _, g := range out.Data.Groups {
		for _, r := range g.Rules {
			if r.Name == name {
				return r.Query
			}
		}
	}
	t.Fatalf("no rule records %s", name)
	return ""
}

// filled shows every query of a dashboard that must have series.
func (h *house) filled(t *testing.T, api, uid string) {
	t.Helper()
	d, ok := dashboards.Find(uid)
	if !ok {
		t.Fatalf("no dashboard %s", uid)
	}
	var read struct {
		Title  string
		Panels []json.RawMessage
	}
	if status := h.get(t, "/api/dashboards/"+uid, &read); status != http.StatusOK || len(read.Panels) == 0 {
		t.Errorf("%s: %d, %d panels", uid, status, len(read.Panels))
	}
	for _, q := range d.Queries() {
		if !q.Quiet {
			h.shows(t, api, dashboards.Filled(q.Expr))
		}
	}
}

// M05: the rules for machines and clusters give series over what exporters say,
// and none of their alerts is in trouble.
func missionInfrastructure(t *testing.T, h *house) {
	h.clusterSeries(t)
	for _, file := range []string{"aks.yml", "windows.yml", "nodes.yml"} {
		h.loadedRules(t, file)
	}
	for _, expr := range []string{`1 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[1m]))`, `sum by (namespace) (rate(container_cpu_usage_seconds_total[1m]))`, `kube_deployment_spec_replicas == kube_deployment_status_replicas_available`} {
		if h.seriesOf(t, packsPath, expr) == 0 {
			t.Errorf("%s gives nothing", expr)
		}
	}
	for _, name := range []string{"instance:node_memory_utilisation:ratio", "node_namespace_pod_container:container_memory_working_set_bytes", "namespace_memory:kube_pod_container_resource_limits:sum"} {
		query := h.ruleQuery(t, packsPath, name)
		if h.seriesOf(t, packsPath, query) == 0 && !strings.Contains(query, "cluster:namespace:") {
			t.Errorf("%s: %s gives nothing", name, query)
		}
	}
}

// M14: the dashboards load, and no panel is without series.
func missionDashboards(t *testing.T, h *house) {
	h.call(t, "GET", "/owned/items/1", "")
	h.call(t, "GET", "/keyed/items/1", "") // is refused
	h.clusterSeries(t)
	for _, uid := range []string{"gatehouse-gateway", "gatehouse-api", "gatehouse-consumers", "gatehouse-objectives", "gatehouse-uptime", "gatehouse-trends"} {
		h.filled(t, "/prometheus", uid)
	}
	for _, uid := range []string{"gatehouse-node", "gatehouse-windows", "gatehouse-cluster"} {
		h.filled(t, packsPath, uid)
	}
}

// M31: health of machines and applications on one page: a target that is away is
// counted and named.
func missionHealth(t *testing.T, h *house) {
	missionScrape(t, h)
	h.call(t, "GET", "/owned/items/1", "")
	h.filled(t, "/prometheus", "gatehouse-health")
	h.scrape(t, "scrape_configs: [{job_name: room, scrape_interval: 100ms, scrape_timeout: 100ms, static_configs: [{targets: ['127.0.0.1:1']}]}]\n")
	if status, text := h.reload(t); status != http.StatusOK {
		t.Fatalf("reload: %d %s", status, text)
	}
	eventually(t, "a target that is down", func() bool {
		return h.query(t, `count(up == 0) or vector(0)`) >= 1 && h.seriesOf(t, "/prometheus", `up{job="room",instance="127.0.0.1:1"} == 0`) == 1
	})
}

// P03: without any setting, one page has the health of the node and of each API
// with its owner.
func missionOwners(t *testing.T, h *house) {
	h.call(t, "GET", "/owned/items/1", "")
	h.filled(t, "/prometheus", "gatehouse-health")
	within(t, 60*time.Second, "an API with its owner", func() bool {
		return h.query(t, `count((`+dashboards.OwnedServices+`) * on (gatehouse_api, team) gatehouse_api_info{gatehouse_api="owned",team="platform"})`) == 1
	})
}

// P06: the Prometheus part scrapes, stores and alerts. The suites beside a real
// Prometheus (queries, remote write, alerts) stand in test/conformance/promql.
func missionPrometheusPart(t *testing.T, h *house) {
	missionScrape(t, h)
	if h.query(t, `count_over_time(temperature{job="room"}[5m])`) < 3 {
		t.Error("nothing is stored")
	}
	missionChainedRules(t, h)
}

// P08: errors that slowly grow: the fast window tells while most of the budget of
// thirty days is still there.
func missionSlowRamp(t *testing.T, _ *house) {
	const series = `http_server_request_duration_seconds_count{gatehouse_api="ramp",http_response_status_code=%q}`
	u := unitTest{Interval: "2m", Series: []map[string]string{
		{"series": fmt.Sprintf(series, "200"), "values": "0+2000x1600"},
		// Two days without an error, then a ramp: 1 % for an hour, 2 %, 3 %.
		{"series": fmt.Sprintf(series, "500"), "values": "0+0x1440 20+20x29 640+40x29 1860+60x60"},
	}, Queries: []unitQuery{
		{`count(ALERTS{alertname="GatehouseErrorBudgetBurn",alertstate="firing"})`, "48h", nil},
		{`count(ALERTS{alertname="GatehouseErrorBudgetBurn",alertstate="firing",gatehouse_api="ramp"}) > 0`, "50h", []map[string]any{{"labels": "{}", "value": 1}}},
		{`count(gatehouse:slo_budget_remaining:ratio{gatehouse_api="ramp"} > 0.2)`, "50h", []map[string]any{{"labels": "{}", "value": 1}}},
	}}
	promtoolTests(t, "2m", []string{"testdata/objectives/*.yml"}, []unitTest{u})
}

const allottedKey = "b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0"

// P23: who is throttled, by rate or quota, shows within seconds: operation and
// product as series, the subscription in the trace.
func missionThrottled(t *testing.T, h *house) {
	for api, want := range map[string]struct {
		status                             int
		source, key, product, subscription string
	}{"metered": {429, "rate-limit", productKey, "starter", "team-a"}, "allotted": {403, "quota", allottedKey, "allotted", "team-b"}} {
		refused := 0
		var subscription any
		for range 3 {
			a, trace := h.request(t, "GET", "/"+api+"/items/1", "", "Ocp-Apim-Subscription-Key", want.key)
			if a.status == want.status {
				refused++
				subscription = trace.Spans[0].Request["subscription"]
			}
		}
		if refused != 2 || subscription != want.subscription {
			t.Errorf("%s: %d refused, subscription %v", api, refused, subscription)
		}
		eventually(t, api+" as a series", func() bool {
			return h.query(t, fmt.Sprintf(`sum(gatehouse_policy_rejections_total{gatehouse_api=%q,gatehouse_operation="get-item",gatehouse_product=%q,source=%q})`, api, want.product, want.source)) == 2
		})
	}
}
