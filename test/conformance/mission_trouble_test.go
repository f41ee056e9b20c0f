package conformance

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/dashboards"
)

// trouble begins failures and slowness, for P01.
func (h *house) trouble(t *testing.T) {
	t.Helper()
	const series = `count(http_server_request_duration_seconds_count{gatehouse_api="trouble"})`
	h.call(t, "GET", "/trouble/items/1", "")
	h.call(t, "GET", "/trouble/items/1?status=500", "")
	eventually(t, "both series", func() bool { return h.query(t, series) == 2 })
	h.troubled = time.Now()
	h.load(t, 200, "/trouble/items/1?status=500", 500)
	h.load(t, 160, "/trouble/items/1?delay=300ms", 200)
}

// P01: failures and slowness begin; the alerts that follow the API's objective
// are active within two evaluations of their rules, and the list of alerts and
// the page of health show them.
func missionTrouble(t *testing.T, h *house) {
	var out struct {
		Data struct {
			Alerts []struct {
				State    string
				Labels   map[string]string
				ActiveAt time.Time
			}
		}
	}
	began := map[string]time.Time{}
	within(t, 90*time.Second, "both alerts fire", func() bool {
		h.get(t, "/prometheus/api/v1/alerts", &out)
		for _, a := range out.Data.Alerts {
			if a.Labels["slo"] == "trouble" && a.State == "firing" && a.Labels["alertname"] == "GatehouseErrorBudgetBurn" {
				began[a.Labels["objective"]] = a.ActiveAt
			}
		}
		return len(began) == 2
	})
	for objective, at := range began {
		late := at.Sub(h.troubled)
		t.Logf("%s: active %s after the first failure", objective, late.Round(time.Second))
		// The samples arrive within an interval of the gateway's metrics.
		if late > 2*30*time.Second+2*time.Second {
			t.Errorf("%s: active after %s, more than two evaluations", objective, late)
		}
	}
	eventually(t, "the list of alerts has both", func() bool {
		var list struct {
			Total int `json:"total"`
		}
		h.get(t, "/api/alerts?state=fired&label=slo=trouble", &list)
		return list.Total == 2
	})
	eventually(t, "the page of health has them", func() bool {
		shown := h.shown(t, "gatehouse-health", "")
		for _, s := range panelSeries(t, shown, "What is wrong", "Alerts") {
			if s.Labels["gatehouse_api"] == "trouble" && s.Labels["alertname"] == "GatehouseErrorBudgetBurn" {
				return true
			}
		}
		return false
	})
}

// shown is a dashboard with its data, as the page without Grafana reads it.
func (h *house) shown(t *testing.T, uid, query string) *dashboards.Shown {
	t.Helper()
	var out dashboards.Shown
	if status := h.get(t, "/api/dashboards/"+uid+"/data?"+query, &out); status != http.StatusOK {
		t.Fatalf("%s: %d", uid, status)
	}
	return &out
}

// panelSeries are the series of a panel.
func panelSeries(t *testing.T, d *dashboards.Shown, row, panel string) (out []dashboards.ShownSeries) {
	t.Helper()
	found := false
	for _, r := range d.Rows {
		for _, p := range r.Panels {
			if r.Title != row || p.Title != panel {
				continue
			}
			found = true
			for _, q := range p.Queries {
				if q.Error != "" {
					t.Errorf("%s: %s: %s", panel, q.Expr, q.Error)
				}
				out = append(out, q.Series...)
			}
		}
	}
	if !found {
		t.Fatalf("%s has no panel %s / %s", d.UID, row, panel)
	}
	return out
}

// M27: every dashboard that comes along, and one's own in Grafana's JSON, is read
// with its data from Gatehouse alone, as JSON and as a page without scripts. What
// a panel shows is what its query gives.
func missionWithoutGrafana(t *testing.T, h *house) {
	h.call(t, "GET", "/owned/items/1", "")
	own := `{"title":"Mine","panels":[{"type":"stat","title":"Answer","targets":[{"expr":"vector(42)"}]},{"type":"row","title":"More","panels":[{"type":"timeseries","title":"Line","targets":[{"expr":"sum(up{job=~\"$job\"}) or vector(1)","legendFormat":"all"}]}]}],
"templating":{"list":[{"name":"job","type":"query","allValue":".*"}]}}`
	if status, _ := callJSON(t, http.DefaultClient, "PUT", h.monitor+"/api/dashboards/mine", json.RawMessage(own)); status != http.StatusCreated {
		t.Fatalf("keep a dashboard: %d", status)
	}
	end := time.Now().Unix() - 5 // what comes later does not change it
	span := fmt.Sprintf("from=%d&to=%d&step=30s", end-600, end)
	filled := 0
	for _, d := range dashboards.All() {
		shown := h.shown(t, d.UID, span)
		for _, r := range shown.Rows {
			for _, p := range r.Panels {
				for _, q := range p.Queries {
					if q.Error != "" {
						t.Errorf("%s: %s: %s", d.UID, q.Expr, q.Error)
					}
					filled += len(q.Series)
				}
			}
		}
		page := h.page(t, "/api/dashboards/"+d.UID+"/page?"+span)
		if !strings.Contains(page, "<h1>"+d.Title+"</h1>") || strings.Contains(page, "<script") || strings.Contains(page, "://") {
			t.Errorf("%s: a page of %d bytes without its title, or with something from elsewhere", d.UID, len(page))
		}
	}
	if filled < 20 {
		t.Errorf("%d series in all dashboards", filled)
	}
	mine := h.shown(t, "mine", span)
	if s := panelSeries(t, mine, "", "Answer"); len(s) != 1 || s[0].Points[0].V != 42 {
		t.Errorf("own dashboard: %+v", s)
	}
	if page := h.page(t, "/api/dashboards/mine/page?"+span); !strings.Contains(page, "<path d=\"M") || !strings.Contains(page, ">42<") {
		t.Errorf("own page: %s", page)
	}
	for _, s := range panelSeries(t, h.shown(t, "gatehouse-gateway", span), "Now", "Requests") {
		if want := h.queryAt(t, h.expr(t, "gatehouse-gateway", "Now", "Requests", span), float64(end)); s.Points[len(s.Points)-1].V != want {
			t.Errorf("the panel shows %v, its query gives %v", s.Points[len(s.Points)-1].V, want)
		}
	}
}

func (h *house) page(t *testing.T, path string) string {
	t.Helper()
	resp, err := http.Get(h.monitor + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %s %v", path, resp.Status, err)
	}
	return string(text)
}

// expr is the query of a panel as it was sent.
func (h *house) expr(t *testing.T, uid, row, panel, query string) string {
	t.Helper()
	for _, r := range h.shown(t, uid, query).Rows {
		for _, p := range r.Panels {
			if r.Title == row && p.Title == panel {
				return p.Queries[0].Expr
			}
		}
	}
	t.Fatalf("%s has no panel %s", uid, url.PathEscape(panel))
	return ""
}
