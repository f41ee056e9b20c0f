package server

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/activity"
)

func TestRecorded(t *testing.T) {
	s := &Server{}
	for request, want := range map[string]string{
		"GET /metrics":                                  "Microsoft.ApiManagement/service/metrics/read Scrape",
		"GET /prometheus/api/v1/query":                  "Microsoft.Monitor/accounts/data/metrics/read Query",
		"POST /prometheus/api/v1/query_range":           "Microsoft.Monitor/accounts/data/metrics/read Query",
		"GET /workspaces/west/prometheus/federate":      "Microsoft.Monitor/accounts/data/federate/read Scrape",
		"POST /prometheus/api/v1/write":                 "",
		"POST /workspaces/west/prometheus/api/v1/write": "",
		"POST /v1/traces":                               "",
		"POST /v2/track":                                "",
		"POST /v2.1/TRACK":                              "",
		"GET /healthz":                                  "",
		"GET /":                                         "",
		"GET /api/live":                                 "",
		"POST /v1/apps/x/query":                         "Microsoft.OperationalInsights/workspaces/query/read Query",
		"GET /api/traces/1":                             "Gatehouse/traces/read Query",
		"PUT /api/metric-workspaces/x":                  "Gatehouse/metric-workspaces/write Administrative",
		"DELETE /api/deliveries/dead":                   "Gatehouse/deliveries/delete Administrative",
		"POST /alertmanager/api/v2/silences":            "Microsoft.AlertsManagement/alerts/action Administrative",
		"PUT //subscriptions/S/resourceGroups/G/providers/Microsoft.Insights/actionGroups/x": "microsoft.insights/actiongroups/write Administrative",
		"GET /subscriptions/x/y/z": "Gatehouse/resources/read Query",
		"GET /debug/pprof/":        "Gatehouse/console/read Query",
	} {
		method, path, _ := strings.Cut(request, " ")
		r := httptest.NewRequest(method, "/", nil)
		r.URL = &url.URL{Path: path}
		got, ok := s.recorded(r)
		text := got.operation + " " + got.category
		if !ok {
			text = ""
		}
		if text != want {
			t.Errorf("%s: %q, want %q", request, text, want)
		}
	}
}

func TestActivityFilter(t *testing.T) {
	e := activity.Event{Time: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), ResultType: "Failure", Level: "Warning", Identity: activity.Identity{Claims: map[string]string{"name": "ada"}},
		ResourceID: "/subscriptions/S/resourceGroups/Ops/providers/Microsoft.Monitor/accounts/x"}
	for text, want := range map[string]bool{
		"eventTimestamp ge '2026-03-01T00:00:00Z'":                                                                     true,
		"eventTimestamp ge '2026-03-01T12:00:00Z' and eventTimestamp le '2026-03-01T12:00:00Z'":                        true,
		"eventTimestamp gt '2026-03-01T12:00:00Z'":                                                                     false,
		"eventTimestamp ge '2026-03-01T00:00:00Z' AND eventTimestamp lt '2026-03-01T12:00:00Z'":                        false,
		"eventTimestamp ge '2026-03-01T00:00:00Z' and resourceGroupName eq 'ops' and caller eq 'ada'":                  true,
		"eventTimestamp ge '2026-03-01T00:00:00Z' and status eq 'Succeeded'":                                           false,
		"eventTimestamp ge '2026-03-01T00:00:00Z' and resourceProvider eq 'microsoft.monitor' and levels eq 'Warning'": true,
	} {
		q, err := activityFilter(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		got := !e.Time.Before(q.From) && (q.To.IsZero() || e.Time.Before(q.To)) && q.Match(e)
		if got != want {
			t.Errorf("%s: %t", text, got)
		}
	}
	for text, want := range map[string]string{
		"": "eventTimestamp ge", "caller eq 'x'": "eventTimestamp ge '...' is missing", "eventTimestamp ge 'yesterday'": "is not a time",
		"eventTimestamp eq '2026-03-01T00:00:00Z'": "takes ge", "eventTimestamp ge '2026-03-01T00:00:00Z' and color eq 'red'": "no property",
		"eventTimestamp ge '2026-03-01T00:00:00Z' or caller eq 'x'": "is not \"property eq",
	} {
		if _, err := activityFilter(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
