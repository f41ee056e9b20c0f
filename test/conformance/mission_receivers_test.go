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
)

// receivers are a webhook and a PagerDuty Events v2 endpoint that keep what
// they get.
type receivers struct {
	server *httptest.Server
	mu     sync.Mutex
	hooks  []hookCall
	pages  []pageCall
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
