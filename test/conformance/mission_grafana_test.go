package conformance

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// M13: the call that links a workspace to a Grafana makes the data source appear
// in the file that this Grafana provisions itself from; Grafana's health check
// passes on it.
func missionGrafana(t *testing.T, h *house) {
	const version = "?api-version=2023-09-01"
	const resource = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Dashboard/grafana/team"
	const zero = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/gatehouse/providers/Microsoft.Monitor/accounts/"
	put := func(want int, ids ...string) {
		t.Helper()
		var links []string
		for _, id := range ids {
			links = append(links, `{"azureMonitorWorkspaceResourceId":"`+id+`"}`)
		}
		body := `{"location":"westeurope","properties":{"grafanaIntegrations":{"azureMonitorWorkspaceIntegrations":[` + strings.Join(links, ",") + `]}}}`
		r, err := http.NewRequest("PUT", h.monitor+resource+version, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if text, _ := io.ReadAll(resp.Body); resp.StatusCode != want {
			t.Errorf("link %v: %d %s", ids, resp.StatusCode, text)
		}
	}
	sources := func() map[string]string {
		t.Helper()
		status, text := h.text(t, "/api/grafana/team/datasources.yaml")
		var file struct {
			APIVersion  int `yaml:"apiVersion"`
			Datasources []struct{ Name, UID, Type, URL string }
		}
		if err := yaml.Unmarshal([]byte(text), &file); status != 200 || err != nil || file.APIVersion != 1 {
			t.Fatalf("%d %s %v", status, text, err)
		}
		out := map[string]string{}
		for _, d := range file.Datasources {
			if d.Type != "prometheus" || d.UID == "" {
				t.Errorf("%+v", d)
			}
			out[d.Name] = d.URL
		}
		return out
	}
	put(201, zero+"clusters", strings.ToUpper(zero)+"DEFAULT")
	got := sources()
	if len(got) != 2 || got["Managed_Prometheus_clusters"] != h.monitor+"/workspaces/clusters/prometheus" || got["Managed_Prometheus_default"] != h.monitor+"/prometheus" {
		t.Errorf("%v", got)
	}
	for name, address := range got { // as Grafana's health check asks
		resp, err := http.PostForm(address+"/api/v1/query", url.Values{"query": {"1+1"}})
		if err != nil {
			t.Fatal(err)
		}
		if text, _ := io.ReadAll(resp.Body); resp.StatusCode != 200 || !strings.Contains(string(text), `"2"`) {
			t.Errorf("%s: %d %s", name, resp.StatusCode, text)
		}
		_ = resp.Body.Close()
	}
	put(400, zero+"not-there")
	put(200, zero+"clusters")
	if got := sources(); len(got) != 1 {
		t.Errorf("after the link of one was taken back: %v", got)
	}
	put(200)
	if got := sources(); len(got) != 0 {
		t.Errorf("without links: %v", got)
	}
	if status, _ := h.text(t, "/api/grafana/other/datasources.yaml"); status != 404 {
		t.Errorf("a Grafana that is not there: %d", status)
	}
}
