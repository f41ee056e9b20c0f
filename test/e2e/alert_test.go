package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// onCall keeps what a webhook and PagerDuty's Events API v2 were told.
type onCall struct {
	*httptest.Server
	mu    sync.Mutex
	hooks map[string]time.Time // status -> when it came first
	pages []page
}

type page struct {
	Action string `json:"event_action"`
	Key    string `json:"dedup_key"`
	at     time.Time
}

func newOnCall(t *testing.T) *onCall {
	o := &onCall{hooks: map[string]time.Time{}}
	o.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o.mu.Lock()
		defer o.mu.Unlock()
		if r.URL.Path == "/v2/enqueue" {
			p := page{at: time.Now()}
			if json.NewDecoder(r.Body).Decode(&p) == nil {
				o.pages = append(o.pages, p)
			}
			w.WriteHeader(http.StatusAccepted)
			_, _ = w.Write([]byte(`{"status":"success"}`))
			return
		}
		var n struct {
			Alerts []struct {
				Status string            `json:"status"`
				Labels map[string]string `json:"labels"`
			} `json:"alerts"`
		}
		if json.NewDecoder(r.Body).Decode(&n) != nil {
			return
		}
		for _, a := range n.Alerts { // a shipped alert may stand in the same group
			if a.Labels["alertname"] == "TooManyErrors" && a.Labels["gatehouse_api"] == "api" && o.hooks[a.Status].IsZero() {
				o.hooks[a.Status] = time.Now()
			}
		}
	}))
	t.Cleanup(o.Close)
	return o
}

// told gives when both were told of a state, zero while one was not.
func (o *onCall) told(status, action string) (hook, paged time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, p := range o.pages {
		if p.Action == action && paged.IsZero() {
			paged = p.at
		}
	}
	return o.hooks[status], paged
}

// An error ratio rule fires at a webhook and at PagerDuty and is resolved there,
// with one key; how long that takes from the first bad request, and from the
// last one, is printed.
func TestAlertFiresAndResolves(t *testing.T) {
	backend, o, dir := echo(t), newOnCall(t), t.TempDir()
	write(t, dir, map[string]string{
		"rules.yml": "groups:\n- name: test\n  interval: 1s\n  rules:\n  - alert: TooManyErrors\n    expr: sum by (gatehouse_api) (rate(http_server_request_duration_seconds_count{http_response_status_code=~\"5..\"}[10s])) / sum by (gatehouse_api) (rate(http_server_request_duration_seconds_count[10s])) > 0.5\n    for: 1s\n",
		"alertmanager.yml": fmt.Sprintf("route: {receiver: hook, group_wait: 1s, group_interval: 2s, routes: [{matchers: [alertname=TooManyErrors], receiver: both}]}\nreceivers:\n- name: hook\n- name: both\n"+
			"  webhook_configs: [{url: %q}]\n  pagerduty_configs: [{routing_key: key, url: %q}]\n", o.URL, o.URL+"/v2/enqueue"),
		"gatehouse.yaml": "telemetry: {metricsInterval: 1s}\n",
	})
	p := start(t, "", "--config", filepath.Join(dir, "gatehouse.yaml"), "--service", folder(t, service(backend.URL, nil)), "--rules", filepath.Join(dir, "rules.yml"), "--alertmanager", filepath.Join(dir, "alertmanager.yml"))
	after := func(status, action, query string) (hook, paged time.Duration) {
		begin := time.Now()
		p.within(90*time.Second, status+" at both", func() bool {
			p.call("GET", "/api/items/1"+query, nil)
			h, g := o.told(status, action)
			hook, paged = h.Sub(begin), g.Sub(begin)
			return !h.IsZero() && !g.IsZero()
		})
		return hook, paged
	}
	hook, paged := after("firing", "trigger", "?fail=1")
	ended, unpaged := after("resolved", "resolve", "")
	tenth := func(d time.Duration) time.Duration { return d.Round(100 * time.Millisecond) }
	fmt.Printf("alert timing: first bad request to webhook %s, to PagerDuty %s; end of bad requests to resolved %s, at PagerDuty %s\n", tenth(hook), tenth(paged), tenth(ended), tenth(unpaged))
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, one := range o.pages {
		if one.Key == "" || one.Key != o.pages[0].Key {
			t.Errorf("keys %+v", o.pages)
		}
	}
}
