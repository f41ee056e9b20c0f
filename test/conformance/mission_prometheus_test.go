package conformance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang/snappy"
	"github.com/prometheus/prometheus/prompb"

	"gatehouse/internal/server"
)

// scrapeFile is the scrape configuration of the house's default workspace.
func (h *house) scrapeFile() string { return filepath.Join(h.service, "..", "scrape.yml") }

// metricWorkspaces are two workspaces beside the default one.
func (h *house) metricWorkspaces(t *testing.T, c *server.Config) {
	t.Helper()
	h.scrape(t, "scrape_configs: []\n")
	c.Scrape.File = h.scrapeFile()
	c.Metrics.Workspaces = []server.MetricWorkspaceConfig{{Name: "clusters", AzureCompat: true, PersonalData: "refuse"}, {Name: "small", SamplesPerMinute: 1, MaxSeries: 2},
		{Name: "packs", Rules: h.packFiles(t)}}
}

func (h *house) scrape(t *testing.T, text string) {
	t.Helper()
	if err := os.WriteFile(h.scrapeFile(), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// remoteWrite sends one sample with the labels, name and value in turn.
func (h *house) remoteWrite(t *testing.T, path string, pairs ...string) answer {
	t.Helper()
	one := prompb.TimeSeries{Samples: []prompb.Sample{{Value: 7, Timestamp: time.Now().UnixMilli()}}}
	for i := 0; i+1 < len(pairs); i += 2 {
		one.Labels = append(one.Labels, prompb.Label{Name: pairs[i], Value: pairs[i+1]})
	}
	body, err := (&prompb.WriteRequest{Timeseries: []prompb.TimeSeries{one}}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Post(h.monitor+path, "application/x-protobuf", bytes.NewReader(snappy.Encode(nil, body)))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, string(text)}
}

func (h *house) reload(t *testing.T) (int, string) {
	t.Helper()
	resp, err := http.Post(h.monitor+"/prometheus/-/reload", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text)
}

// M06: what looks like personal data is refused and listed.
func missionPersonalData(t *testing.T, h *house) {
	a := h.remoteWrite(t, "/workspaces/clusters/prometheus/api/v1/write", "__name__", "logins", "user", "jo@example.org")
	if a.status != 400 || !strings.Contains(a.body, "e-mail address") || strings.Contains(a.body, "jo@") {
		t.Errorf("%d %s", a.status, a.body)
	}
	if w := h.metricWorkspace(t, "clusters"); len(w.Refusals) == 0 || w.Refusals[0].Reason != "personal_data" || w.Refusals[0].Metric != "logins" {
		t.Errorf("refusals: %+v", w.Refusals)
	}
}

type listedWorkspace struct {
	Name         string `json:"name"`
	ActiveSeries int64  `json:"active_series"`
	SeriesLimit  int64  `json:"active_series_limit"`
	Ingestion    string `json:"ingestion_endpoint"`
	ScrapeError  string `json:"scrape_error"`
	Refusals     []struct{ Reason, Metric string }
}

func (h *house) metricWorkspace(t *testing.T, name string) listedWorkspace {
	t.Helper()
	var out struct{ Workspaces []listedWorkspace }
	if status := h.get(t, "/api/metrics/workspaces", &out); status != http.StatusOK {
		t.Fatalf("list workspaces: %d", status)
	}
	for _, w := range out.Workspaces {
		if w.Name == name {
			return w
		}
	}
	t.Fatalf("no workspace %q", name)
	return listedWorkspace{}
}

// M22: usage and limits, and 429 with Retry-After at the cap.
func missionLimits(t *testing.T, h *house) {
	const path = "/workspaces/small/prometheus/api/v1/write"
	if a := h.remoteWrite(t, path, "__name__", "one"); a.status != 204 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if a := h.remoteWrite(t, path, "__name__", "two"); a.status != 429 || a.header.Get("Retry-After") == "" {
		t.Errorf("over the budget: %d %s", a.status, a.body)
	}
	if w := h.metricWorkspace(t, "small"); w.ActiveSeries != 1 || w.SeriesLimit != 2 || !strings.HasSuffix(w.Ingestion, path) {
		t.Errorf("%+v", w)
	}
}

// M24: the document's own example names both labels.
func missionCase(t *testing.T, h *house) {
	a := h.remoteWrite(t, "/dataCollectionRules/clusters/streams/Microsoft-PrometheusMetrics/api/v1/write?api-version=2023-04-24",
		"__name__", "node_disk", "diskSize", "1", "disksize", "2")
	if a.status != 400 || !strings.Contains(a.body, "diskSize and disksize") {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// M28: usage is a series from the start.
func missionUsage(t *testing.T, h *house) {
	eventually(t, "usage as series", func() bool {
		return h.query(t, `gatehouse_metrics_workspace_active_series{workspace="default"}`) > 0 && h.query(t, `gatehouse_metrics_workspace_active_series_limit{workspace="default"}`) == 1e6
	})
}

// M23 and M30: a job every 100 ms with relabelling begins without a restart; a
// faulty configuration leaves it at work.
func missionScrape(t *testing.T, h *house) {
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "temperature{room=\"hall\"} 21\nhumidity 3\n")
	}))
	t.Cleanup(target.Close)
	address := strings.TrimPrefix(target.URL, "http://")
	h.scrape(t, fmt.Sprintf(`scrape_configs:
- job_name: room
  scrape_interval: 100ms
  scrape_timeout: 100ms
  static_configs: [{targets: [%q]}]
  metric_relabel_configs: [{source_labels: [__name__], regex: temperature, action: keep}, {target_label: site, replacement: north}]
`, address))
	if status, text := h.reload(t); status != http.StatusOK {
		t.Fatalf("reload: %d %s", status, text)
	}
	eventually(t, "scraped series", func() bool {
		return h.query(t, fmt.Sprintf(`count_over_time(temperature{job="room",site="north",room="hall",instance=%q}[1m])`, address)) > 3
	})
	if got := h.query(t, `count(humidity)`); got != 0 {
		t.Error("what relabelling drops is stored")
	}
	h.scrape(t, "scrape_configs: [{job_name: room}, {job_name: room}]\n")
	if status, text := h.reload(t); status != http.StatusInternalServerError || !strings.Contains(text, "room") {
		t.Errorf("a faulty configuration: %d %s", status, text)
	}
	if w := h.metricWorkspace(t, "default"); w.ScrapeError == "" {
		t.Error("the fault is not listed")
	}
	eventually(t, "the old target at work", func() bool {
		var out struct {
			Data struct {
				ActiveTargets []struct{ ScrapePool, ScrapeInterval, ScrapeURL string }
			}
		}
		h.get(t, "/prometheus/api/v1/targets", &out)
		all := out.Data.ActiveTargets
		return len(all) == 1 && all[0].ScrapePool == "room" && all[0].ScrapeInterval == "100ms" && strings.Contains(all[0].ScrapeURL, address)
	})
}

// M01: scraped, platform and custom metrics meet in one query.
func missionOneService(t *testing.T, h *house) {
	missionScrape(t, h)
	h.call(t, "GET", "/measured/items/1", "")
	eventually(t, "one query over all kinds", func() bool {
		return h.query(t, `count(sum(last_over_time(temperature[5m]))) + count(sum(http_server_request_duration_seconds_count)) + count(sum(orders_count))`) == 3
	})
}

// M10: a workspace that is made while the process runs has endpoints that work
// at once, and is gone when it is deleted.
func missionWorkspaceMade(t *testing.T, h *house) {
	do := func(method, path, body string) (int, string) {
		r, err := http.NewRequest(method, h.monitor+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(text)
	}
	if status, text := do("PUT", "/api/metric-workspaces/onboarded", `{"maxSeries":100}`); status != 201 {
		t.Fatalf("make: %d %s", status, text)
	}
	w := h.metricWorkspace(t, "onboarded")
	if _, path, ok := strings.Cut(w.Ingestion, "/workspaces/"); !ok || w.SeriesLimit != 100 {
		t.Errorf("%+v", w)
	} else if a := h.remoteWrite(t, "/workspaces/"+path, "__name__", "first"); a.status != 204 {
		t.Errorf("write: %d %s", a.status, a.body)
	}
	if status, text := do("GET", "/workspaces/onboarded/prometheus/api/v1/query?query=first", ""); status != 200 || !strings.Contains(text, `"7"`) {
		t.Errorf("query: %d %s", status, text)
	}
	if status, text := do("DELETE", "/api/metric-workspaces/onboarded?confirm=onboarded", ""); status != 204 {
		t.Errorf("delete: %d %s", status, text)
	}
	if a := h.remoteWrite(t, "/workspaces/onboarded/prometheus/api/v1/write", "__name__", "late"); a.status != 404 {
		t.Errorf("after the deletion: %d %s", a.status, a.body)
	}
	h.accountMade(t, do)
}

// accountMade makes a workspace as Azure's clients do, follows its resources to
// where samples are sent and asked for, and deletes it.
func (h *house) accountMade(t *testing.T, do func(method, path, body string) (int, string)) {
	t.Helper()
	const id, version = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Monitor/accounts/made-by-arm", "?api-version=2023-04-03"
	var made struct {
		ID, Location string
		Tags         map[string]string
		Properties   struct {
			AccountID, ProvisioningState string
			Metrics                      struct{ PrometheusQueryEndpoint string }
			DefaultIngestionSettings     struct{ DataCollectionRuleResourceID, DataCollectionEndpointResourceID string }
		}
	}
	read := func(path string, into any) {
		t.Helper()
		if status, text := do("GET", path+version, ""); status != 200 || json.Unmarshal([]byte(text), into) != nil {
			t.Fatalf("%s: %d %s", path, status, text)
		}
	}
	if status, text := do("PUT", id+version, `{"location":"westeurope","tags":{"team":"edge"}}`); status != 201 {
		t.Fatalf("make: %d %s", status, text)
	}
	if status, text := do("PUT", strings.ToUpper(id)+version, `{"location":"westeurope","tags":{"team":"core"}}`); status != 200 {
		t.Errorf("again: %d %s", status, text)
	}
	read("/"+id, &made) // a doubled slash, as clients write
	if made.ID != id || made.Location != "westeurope" || made.Tags["team"] != "core" || made.Properties.ProvisioningState != "Succeeded" || made.Properties.AccountID == "" {
		t.Errorf("%+v", made)
	}
	var rule struct{ Properties struct{ ImmutableID string } }
	var endpoint struct {
		Properties struct{ MetricsIngestion struct{ Endpoint string } }
	}
	read(made.Properties.DefaultIngestionSettings.DataCollectionRuleResourceID, &rule)
	read(made.Properties.DefaultIngestionSettings.DataCollectionEndpointResourceID, &endpoint)
	to := strings.TrimPrefix(endpoint.Properties.MetricsIngestion.Endpoint, h.monitor) + "/dataCollectionRules/" + rule.Properties.ImmutableID + "/streams/Microsoft-PrometheusMetrics/api/v1/write?api-version=2023-04-24"
	if a := h.remoteWrite(t, to, "__name__", "arrived"); a.status != 204 {
		t.Errorf("write to %s: %d %s", to, a.status, a.body)
	}
	from := strings.TrimPrefix(made.Properties.Metrics.PrometheusQueryEndpoint, h.monitor)
	if status, text := do("GET", from+"/api/v1/query?query=arrived", ""); status != 200 || !strings.Contains(text, `"7"`) {
		t.Errorf("query: %d %s", status, text)
	}
	for _, path := range []string{"/subscriptions/s/providers/Microsoft.Monitor/accounts", "/subscriptions/s/resourceGroups/G/providers/Microsoft.Monitor/accounts"} {
		var list struct{ Value []struct{ Name string } }
		if read(path, &list); len(list.Value) != 1 || list.Value[0].Name != "made-by-arm" {
			t.Errorf("%s: %+v", path, list)
		}
	}
	for _, c := range []struct {
		method, path, body string
		status             int
	}{
		{"PUT", strings.Replace(id, "/g/", "/other/", 1) + version, `{"location":"x"}`, 409},
		{"PUT", strings.Replace(id, "made-by-arm", "clusters", 1) + version, `{"location":"x"}`, 409},
		{"PUT", strings.Replace(id, "made-by-arm", "b@d", 1) + version, `{"location":"x"}`, 400},
		{"PUT", id + version, `{}`, 400},
		{"PUT", id, `{"location":"x"}`, 400},
		{"PATCH", strings.Replace(id, "made", "not", 1) + version, `{"tags":{}}`, 404},
		{"DELETE", id + version, "", 200},
		{"DELETE", id + version, "", 204},
		{"GET", id + version, "", 404},
	} {
		if status, text := do(c.method, c.path, c.body); status != c.status {
			t.Errorf("%s %s: %d %s, want %d", c.method, c.path, status, text, c.status)
		}
	}
}

// P22: what makes the series is named, with the same numbers as Prometheus's
// own status page.
func missionCardinality(t *testing.T, h *house) {
	h.call(t, "GET", "/plain/items/1", "")
	eventually(t, "series by API", func() bool {
		var out struct {
			Metrics []struct {
				Name   string
				Series int64
			}
			APIs []struct{ Name string }
		}
		var status struct {
			Data struct {
				SeriesCountByMetricName []struct {
					Name  string
					Value int64
				}
			}
		}
		h.get(t, "/api/cardinality?limit=100", &out)
		h.get(t, "/prometheus/api/v1/status/tsdb?limit=1", &status)
		if len(out.Metrics) == 0 || len(out.APIs) == 0 || len(status.Data.SeriesCountByMetricName) != 1 {
			return false
		}
		return out.Metrics[0].Series == status.Data.SeriesCountByMetricName[0].Value // series may be made in between
	})
	eventually(t, "the largest as series", func() bool {
		return h.query(t, `count(gatehouse_metrics_top_series{workspace="default",by="metric"})`) == 10
	})
}
