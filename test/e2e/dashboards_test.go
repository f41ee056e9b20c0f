package e2e

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/dashboards"
)

// Every query of the dashboards about the gateway gives series on the demo, as
// does every variable; what the demo cannot have is told apart.
func TestDashboardsHaveSeriesOnTheDemo(t *testing.T) {
	p := startDemo(t)
	var list struct{ Dashboards []struct{ UID string } }
	p.json(t, "/api/dashboards", &list)
	if len(list.Dashboards) != len(dashboards.All()) {
		t.Fatal(list)
	}
	exporters := []string{"gatehouse-node", "gatehouse-windows", "gatehouse-cluster"} // a test beside the dashboards has their series
	for _, d := range dashboards.All() {
		if slices.Contains(exporters, d.UID) {
			continue
		}
		for _, q := range d.Queries() {
			if !q.Quiet {
				p.series(t, d.UID, dashboards.Filled(q.Expr))
			}
		}
		for _, v := range d.Variables {
			p.series(t, d.UID, dashboards.Filled("count by ("+v.LabelName+") ("+v.Metric+")"))
		}
	}
}

// The program writes what the API gives.
func TestDashboardFiles(t *testing.T) {
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "grafana")
	out, err := exec.Command(path, "dashboards", dir).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, d := range dashboards.All() {
		data, err := os.ReadFile(filepath.Join(dir, d.UID+".json"))
		want, _ := d.JSON()
		if err != nil || string(data) != string(want) || !strings.Contains(string(out), d.UID) {
			t.Errorf("%s: %v\n%s", d.UID, err, out)
		}
	}
	if out, err := exec.Command(path, "dashboards").CombinedOutput(); err == nil || !strings.Contains(string(out), "DIR") {
		t.Errorf("without a folder: %v %s", err, out)
	}
}

// startDemo runs the demo on free ports until the test ends.
func startDemo(t *testing.T) *process {
	t.Helper()
	p := launchAs(t, "demo", "")
	p.ready()
	return p
}

// series waits until a query has at least one series.
func (p *process) series(t *testing.T, uid, expr string) {
	t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	for {
		var out struct {
			Status string
			Error  string
			Data   struct{ Result []json.RawMessage }
		}
		p.json(t, "/prometheus/api/v1/query?query="+url.QueryEscape(expr), &out)
		if len(out.Data.Result) > 0 {
			return
		}
		if out.Status == "error" || time.Now().After(deadline) {
			t.Fatalf("%s: %s gives no series %s", uid, expr, out.Error)
		}
		time.Sleep(500 * time.Millisecond)
	}
}

// json reads an answer of the monitor door, also one that tells of an error.
func (p *process) json(t *testing.T, path string, into any) {
	t.Helper()
	resp, err := http.Get(p.monitor + path)
	if err != nil {
		t.Fatalf("%v\n%s", err, p.out)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
		t.Fatalf("%s: %d %v", path, resp.StatusCode, err)
	}
}
