package conformance

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// receivers are a webhook and a PagerDuty Events v2 endpoint that keep what
// they get.
type receivers struct {
	server *httptest.Server
	mu     sync.Mutex
	hooks  []hookCall
	pages  []pageCall
	common []commonCall
}

// commonCall is what M20 reads of the common alert schema.
type commonCall struct {
	SchemaID string `json:"schemaId"`
	Data     struct {
		Essentials struct {
			AlertRule        string `json:"alertRule"`
			Severity         string `json:"severity"`
			MonitorCondition string `json:"monitorCondition"`
		} `json:"essentials"`
		CustomProperties map[string]string `json:"customProperties"`
	} `json:"data"`
}

type hookCall struct {
	Status   string `json:"status"`
	GroupKey string `json:"groupKey"`
	Alerts   []struct {
		Fingerprint string            `json:"fingerprint"`
		Labels      map[string]string `json:"labels"`
	} `json:"alerts"`
}

type pageCall struct {
	RoutingKey string `json:"routing_key"`
	DedupKey   string `json:"dedup_key"`
	Action     string `json:"event_action"`
}

func newReceivers(t *testing.T) *receivers {
	t.Helper()
	r := &receivers{}
	mux := http.NewServeMux()
	mux.HandleFunc("/hook", func(w http.ResponseWriter, req *http.Request) {
		var c hookCall
		if json.NewDecoder(req.Body).Decode(&c) == nil {
			r.mu.Lock()
			r.hooks = append(r.hooks, c)
			r.mu.Unlock()
		}
	})
	mux.HandleFunc("/common", func(_ http.ResponseWriter, req *http.Request) {
		var c commonCall
		if json.NewDecoder(req.Body).Decode(&c) == nil {
			r.mu.Lock()
			r.common = append(r.common, c)
			r.mu.Unlock()
		}
	})
	mux.HandleFunc("/v2/enqueue", func(w http.ResponseWriter, req *http.Request) {
		var c pageCall
		if json.NewDecoder(req.Body).Decode(&c) == nil {
			r.mu.Lock()
			r.pages = append(r.pages, c)
			r.mu.Unlock()
		}
		w.WriteHeader(http.StatusAccepted)
		_, _ = w.Write([]byte(`{"status":"success"}`))
	})
	r.server = httptest.NewServer(mux)
	t.Cleanup(r.server.Close)
	return r
}

// config is an Alertmanager file that sends MissionErrors to both.
func (r *receivers) config(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "alertmanager.yml")
	text := fmt.Sprintf(`route:
  receiver: nobody
  routes:
  - {receiver: both, matchers: ['alertname="MissionErrors"'], group_by: [alertname, gatehouse_api], group_wait: 100ms, group_interval: 500ms}
receivers:
- name: nobody
- name: both
  webhook_configs: [{url: '%[1]s/hook'}]
  pagerduty_configs: [{url: '%[1]s/v2/enqueue', routing_key: mission}]
`, r.server.URL)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// hook finds a call of the webhook by status, page one of PagerDuty by action.
func (r *receivers) hook(status string) (hookCall, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.hooks {
		if c.Status == status && len(c.Alerts) > 0 {
			return c, true
		}
	}
	return hookCall{}, false
}

func (r *receivers) page(action string) (pageCall, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.pages {
		if c.Action == action {
			return c, true
		}
	}
	return pageCall{}, false
}

// actions are files with an action group and a rule group whose alert calls it.
func (r *receivers) actions(t *testing.T) (groups, rules string) {
	t.Helper()
	dir := t.TempDir()
	groups, rules = filepath.Join(dir, "groups.json"), filepath.Join(dir, "rules.json")
	for path, text := range map[string]string{
		groups: `{"type": "Microsoft.Insights/actionGroups", "name": "oncall", "properties": {"groupShortName": "oncall",
			"webhookReceivers": [{"name": "common", "serviceUri": "` + r.server.URL + `/common", "useCommonAlertSchema": true}]}}`,
		rules: `{"type": "Microsoft.AlertsManagement/prometheusRuleGroups", "name": "mission", "properties": {"rules": [
			{"alert": "MissionAction", "expression": "vector(1)", "severity": 2, "actions": [{"actionGroupId": "/subscriptions/s/resourceGroups/r/providers/Microsoft.Insights/actionGroups/OnCall", "actionProperties": {"team": "mission"}}]}]}}`,
	} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return groups, rules
}

// M20: an alert of a rule group calls its action group with the common alert
// schema, once.
func missionActionGroup(t *testing.T, h *house) {
	calls := func() []commonCall {
		h.alerts.mu.Lock()
		defer h.alerts.mu.Unlock()
		return append([]commonCall(nil), h.alerts.common...)
	}
	within(t, 3*time.Minute, "a call of the action group", func() bool { return len(calls()) > 0 })
	c := calls()[0]
	e := c.Data.Essentials
	if c.SchemaID != "azureMonitorCommonAlertSchema" || e.AlertRule != "mission/MissionAction" || e.Severity != "Sev2" || e.MonitorCondition != "Fired" || c.Data.CustomProperties["team"] != "mission" {
		t.Errorf("%+v", c)
	}
	if n := len(calls()); n != 1 {
		t.Errorf("%d calls for one alert that still fires", n)
	}
}
