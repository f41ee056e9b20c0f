package server

import (
	"encoding/json"
	"fmt"
	"testing"
)

// The API counts as status/tsdb does, names the label that is to blame, and
// knows APIs and teams.
func TestCardinality(t *testing.T) {
	base, _ := openMetrics(t, t.TempDir(), MetricWorkspaceConfig{Name: "w"})
	at := base + "/workspaces/w/prometheus"
	for i := range 12 {
		wantStatus(t, "write", 204, "")(writeSample(t, at, 1, "__name__", "orders", "gatehouse_api", "shop", "session", fmt.Sprint(i)))
	}
	wantStatus(t, "write", 204, "")(writeSample(t, at, 1, "__name__", "stock", "gatehouse_api", "store"))
	wantStatus(t, "write", 204, "")(writeSample(t, at, 1, "__name__", "jobs", "team", "crew"))
	wantStatus(t, "write", 204, "")(writeSample(t, at, 1, "__name__", "gatehouse_api_info", "gatehouse_api", "shop", "team", "crew"))
	status, text := send(t, "GET", base+"/api/cardinality?workspace=w&limit=10", "", nil)
	var view cardinalityView
	if err := json.Unmarshal([]byte(text), &view); err != nil || status != 200 {
		t.Fatalf("%d %s: %v", status, text, err)
	}
	if view.ActiveSeries != 15 || len(view.Metrics) != 4 || view.Metrics[0].Name != "orders" || view.Metrics[0].Series != 12 {
		t.Errorf("metrics: %s", text)
	}
	if len(view.Labels) != 4 || view.Labels[0] != (valuesView{"session", 12}) {
		t.Errorf("labels: %s", text)
	}
	if len(view.APIs) != 2 || view.APIs[0].Name != "shop" || view.APIs[0].Series != 13 || view.APIs[1].Series != 1 {
		t.Errorf("APIs: %s", text)
	}
	// jobs, gatehouse_api_info, and twelve of the API shop.
	if len(view.Teams) != 1 || view.Teams[0].Name != "crew" || view.Teams[0].Series != 14 {
		t.Errorf("teams: %s", text)
	}
	var upstream struct {
		Data struct {
			SeriesCountByMetricName []struct {
				Name  string
				Value int64
			}
		}
	}
	_, text = send(t, "GET", at+"/api/v1/status/tsdb?limit=10", "", nil)
	if err := json.Unmarshal([]byte(text), &upstream); err != nil || len(upstream.Data.SeriesCountByMetricName) != 4 {
		t.Fatalf("%v %s", err, text)
	}
	ours := map[string]int64{} // equal counts have no order
	for _, one := range view.Metrics {
		ours[one.Name] = one.Series
	}
	for _, one := range upstream.Data.SeriesCountByMetricName {
		if ours[one.Name] != one.Value {
			t.Errorf("status/tsdb says %+v, this API %v", one, ours)
		}
	}
	for query, want := range map[string]int{"?workspace=none": 404, "?limit=0": 400, "?window=1s": 400, "": 200} {
		wantStatus(t, query, want, "")(send(t, "GET", base+"/api/cardinality"+query, "", nil))
	}
}
