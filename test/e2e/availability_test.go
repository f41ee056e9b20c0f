package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

type availabilityView struct {
	Test struct {
		Name, URL string
		Headers   map[string]string
	}
	Settings        bool
	FailedLocations []string
	AlertLocations  int
	Uptime          struct {
		Results, Passed int
		Ratio           *float64
	}
	Last []struct {
		Location, Message string
		Success           bool
	}
}

func (p *process) send(method, path, body string) (int, string) {
	p.t.Helper()
	req, err := http.NewRequest(method, p.monitor+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(data)
}

// Tests of the settings and of run time: results, their rows, the kept answer,
// the alert that fires and resolves, and what a restart leaves.
func TestAvailability(t *testing.T) {
	var down atomic.Bool
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if down.Load() {
			http.Error(w, "closed for today, "+r.Header.Get("Authorization"), http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, "open")
	}))
	defer target.Close()
	alerts := make(chan string, 100)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var v struct {
			Alerts []struct {
				Status string
				Labels map[string]string
			}
		}
		_ = json.NewDecoder(r.Body).Decode(&v)
		for _, a := range v.Alerts {
			alerts <- a.Labels["alertname"] + " " + a.Labels["test"] + " " + a.Status
		}
	}))
	defer hook.Close()

	dir, data := folder(t, service(target.URL, nil)), t.TempDir()
	settings := filepath.Join(t.TempDir(), "gatehouse.yaml")
	routes := filepath.Join(filepath.Dir(settings), "alertmanager.yml")
	if err := os.WriteFile(routes, fmt.Appendf(nil, "route: {receiver: hook, group_by: [alertname], group_wait: 0s, group_interval: 1s}\nreceivers: [{name: hook, webhook_configs: [{url: %q}]}]\n", hook.URL), 0o600); err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf(`service: {folder: %q}
telemetry: {metricsInterval: 200ms}
alerting: {file: %q}
availability:
  gateway: true
  locations: [{name: west, localAddress: 127.0.0.1}, {name: east, localAddress: 127.0.0.2}]
  tests:
    - {name: shop, url: %q, match: {contains: open}, frequency: 1s, retries: 0, secretHeaders: {Authorization: {env: SHOP_TOKEN}}}
`, dir, routes, target.URL+"/shop?code=query-canary")
	if err := os.WriteFile(settings, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SHOP_TOKEN", "Bearer header-canary")
	p := start(t, data, "--config", settings)
	view := func(name string) (v availabilityView) {
		p.get("/api/availability/"+name, &v)
		return v
	}
	p.wait("results of both places", func() bool {
		v := view("shop")
		return len(v.Last) == 2 && len(v.FailedLocations) == 0 && v.Uptime.Results >= 2 && *v.Uptime.Ratio == 1
	})
	p.wait("the gateway's own endpoint", func() bool { v := view("gateway"); return v.Settings && v.Uptime.Passed >= 1 })

	if status, body := p.send("POST", "/api/availability", fmt.Sprintf(`{"name":"made","url":%q,"frequency":"1s","locations":["east"]}`, target.URL)); status != http.StatusCreated {
		t.Fatalf("%d %s", status, body)
	}
	for _, c := range []struct {
		method, path, body string
		want               int
	}{
		{"POST", "/api/availability", `{"name":"made","url":"http://x.example"}`, http.StatusConflict},
		{"PUT", "/api/availability/shop", `{"url":"http://x.example"}`, http.StatusConflict},
		{"DELETE", "/api/availability/shop", "", http.StatusConflict},
		{"DELETE", "/api/availability/none", "", http.StatusNotFound},
		{"POST", "/api/availability", `{"name":"x","url":"http://x.example","frequency":"now"}`, http.StatusBadRequest},
		{"POST", "/api/availability", `{"name":"x","url":"http://x.example","unknown":1}`, http.StatusBadRequest},
		{"GET", "/api/availability?window=x", "", http.StatusBadRequest},
	} {
		if status, body := p.send(c.method, c.path, c.body); status != c.want {
			t.Errorf("%s %s %s: %d %s", c.method, c.path, c.body, status, body)
		}
	}

	down.Store(true)
	p.wait("failures of both places", func() bool { return len(view("shop").FailedLocations) == 2 })
	p.within(2*time.Minute, "the alert", func() bool { return received(alerts, "GatehouseAvailabilityTestFails shop firing") })
	var rows struct {
		Results []struct {
			Success          bool
			CustomDimensions map[string]string
		}
	}
	p.wait("a failed row", func() bool {
		p.get("/api/availability/shop/results?limit=5", &rows)
		return len(rows.Results) == 5 && !rows.Results[0].Success
	})
	if d := rows.Results[0].CustomDimensions; d["Response-Body"] != "closed for today, ***\n" || d["Status"] != "503" || d["Target"] != target.URL+"/shop?code=***" {
		t.Errorf("%v", d)
	}
	if n := p.query(`gatehouse_availability_success{test="shop",location="west"}`); n != 0 {
		t.Errorf("the series says %v", n)
	}
	down.Store(false)
	p.within(2*time.Minute, "the end of the alert", func() bool { return received(alerts, "GatehouseAvailabilityTestFails shop resolved") })
	p.stop()

	p = start(t, data, "--config", settings)
	p.wait("the test of run time, and what was before", func() bool {
		v := view("shop")
		return len(view("made").Last) == 1 && v.Uptime.Results > v.Uptime.Passed && v.Uptime.Passed > 0
	})
	if status, body := p.send("POST", "/api/availability/made/run", ""); status != http.StatusOK || !strings.Contains(body, `"location":"east"`) {
		t.Errorf("%d %s", status, body)
	}
	if status, _ := p.send("DELETE", "/api/availability/made", ""); status != http.StatusNoContent {
		t.Errorf("%d", status)
	}
	if status := p.get("/api/availability/made", nil); status != http.StatusNotFound {
		t.Errorf("%d", status)
	}
	p.counted(view("shop"))
	if strings.Contains(p.out.String(), "canary") {
		t.Error("a secret is in the log")
	}
}

// counted compares the ratio with the table that queries see.
func (p *process) counted(v availabilityView) {
	p.t.Helper()
	var first struct {
		Workspaces []struct {
			ID string `json:"application_id"`
		}
	}
	p.get("/api/workspaces", &first)
	body, _ := json.Marshal(map[string]string{"query": "availabilityResults | where name == 'shop' | summarize all=count(), bad=countif(success == false)"})
	resp, err := http.Post(p.monitor+"/v1/apps/"+first.Workspaces[0].ID+"/query?"+url.Values{"timespan": {"PT1H"}}.Encode(), "application/json", bytes.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	var out struct{ Tables []struct{ Rows [][]float64 } }
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil || len(out.Tables) == 0 {
		p.t.Fatalf("%v %+v", err, out)
	}
	row := out.Tables[0].Rows[0]
	if int(row[0]) < v.Uptime.Results || int(row[1]) != v.Uptime.Results-v.Uptime.Passed {
		p.t.Errorf("the table has %v, the list %+v", row, v.Uptime)
	}
}

func received(alerts chan string, want string) bool {
	for {
		select {
		case a := <-alerts:
			if a == want {
				return true
			}
		default:
			return false
		}
	}
}
