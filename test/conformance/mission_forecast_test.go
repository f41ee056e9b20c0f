package conformance

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

// forecastSet is a labelled set of workspaces with a limit of 1000 series: leaks
// that will reach it, and others that grow and turn, or stand still. By the minute
// over eight hours; a leak reaches the limit after the sixth.
func forecastSet() (series []map[string]string, leaks, others int) {
	add := func(name string, value func(minute float64) float64) {
		var b strings.Builder
		for m := range 360 {
			fmt.Fprintf(&b, "%.1f ", value(float64(m)))
		}
		series = append(series, map[string]string{"series": fmt.Sprintf(`gatehouse_metrics_workspace_active_series{workspace=%q}`, name), "values": b.String()},
			map[string]string{"series": fmt.Sprintf(`gatehouse_metrics_workspace_active_series_limit{workspace=%q}`, name), "values": "1000x360"})
	}
	noise := func(m, seed float64) float64 { return 8 * math.Sin(m*1.7+seed) * math.Cos(m*0.31+2*seed) }
	for i := range 20 {
		k := float64(i)
		leaks++
		switch i % 3 {
		case 0: // a straight line, some steeper
			add(fmt.Sprintf("leak-%02d", i), func(m float64) float64 { return 250 + (1.6+0.02*k)*m + noise(m, k) })
		case 1: // begins after two hours
			add(fmt.Sprintf("leak-%02d", i), func(m float64) float64 { return 300 + (2.3+0.03*k)*math.Max(0, m-120) + noise(m, k) })
		default: // in steps
			add(fmt.Sprintf("leak-%02d", i), func(m float64) float64 { return 240 + 18*math.Floor(m/9) + noise(m, k) })
		}
	}
	for i := range 30 {
		k := float64(i)
		others++
		switch i % 3 {
		case 0: // stands still
			add(fmt.Sprintf("other-%02d", i), func(m float64) float64 { return 250 + 20*k + noise(m, k) })
		case 1: // the wave of a day and of an hour
			add(fmt.Sprintf("other-%02d", i), func(m float64) float64 { return 400 + 60*math.Sin(m/120+k) + 20*math.Sin(m/10) + noise(m, k) })
		default: // a deployment: grows for a quarter of an hour, then stays
			add(fmt.Sprintf("other-%02d", i), func(m float64) float64 { return 350 + 10*math.Min(15, math.Max(0, m-180)) + noise(m, k) })
		}
	}
	return series, leaks, others
}

// P30: a forecast warns before the limit is reached; over a labelled set its
// precision and recall are what is stated here.
func missionForecast(t *testing.T, _ *house) {
	series, leaks, others := forecastSet()
	told := func(which string) string {
		return fmt.Sprintf(`count(count by (workspace) (count_over_time(ALERTS{alertname="GatehouseSeriesLimitAhead",alertstate="firing",workspace=~%q}[6h]))) or vector(0)`, which+"-.*")
	}
	number := func(n int) []map[string]any { return []map[string]any{{"labels": "{}", "value": n}} }
	promtoolTests(t, "1m", []string{"shipped/forecast.yml"}, []unitTest{{Interval: "1m", Series: series, Queries: []unitQuery{
		{told("leak"), "359m", number(leaks)},
		{told("other"), "359m", number(0)},
		// Nothing has reached its limit yet: each leak was told ahead.
		{`count(gatehouse_metrics_workspace_active_series >= 1000) or vector(0)`, "359m", number(0)},
	}}})
	if !t.Failed() {
		fmt.Printf("forecast: precision 1.00, recall 1.00 over %d leaks and %d others\n", leaks, others)
	}
}

// driftOfOne: a node tells what it serves; a change is another hash, the change
// back the first one again.
func (h *house) driftOfOne(t *testing.T) {
	t.Helper()
	config := func() string {
		var out struct {
			Revision struct{ Config string }
		}
		h.get(t, "/api/status", &out)
		return out.Revision.Config
	}
	before := config()
	if len(before) != 12 {
		t.Fatalf("%q", before)
	}
	shown := func(hash string) bool {
		return h.query(t, fmt.Sprintf(`count(gatehouse_node_info{config=%q})`, hash)) == 1 && h.query(t, `count(gatehouse_node_info)`) == 1
	}
	eventually(t, "the first hash", func() bool { return shown(before) })
	api := h.serviceFile(t, "apis/plain/specification.yaml")
	h.write(t, map[string]string{"apis/plain/specification.yaml": api + "\n# another\n"})
	eventually(t, "another hash", func() bool { now := config(); return now != before && shown(now) })
	h.write(t, map[string]string{"apis/plain/specification.yaml": api})
	eventually(t, "the first hash again", func() bool { return config() == before && shown(before) })
	promtoolTests(t, "1m", []string{"shipped/credentials.yml"}, []unitTest{{Interval: "1m", Series: []map[string]string{
		{"series": `gatehouse_node_info{job="g",instance="a",version="1",config="x"}`, "values": "1x60"},
		{"series": `gatehouse_node_info{job="g",instance="b",version="1",config="y"}`, "values": "1x30 stale"},
		{"series": `gatehouse_node_info{job="g",instance="b",version="1",config="x"}`, "values": "_x31 1x30"},
	}, Queries: []unitQuery{
		{`count(ALERTS{alertname="GatehouseNodesDiffer",alertstate="firing"})`, "20m", []map[string]any{{"labels": "{}", "value": 1}}},
		{`count(ALERTS{alertname="GatehouseNodesDiffer",alertstate="firing"})`, "40m", nil},
	}}})
}
