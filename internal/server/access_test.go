package server

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/activity"
	"gatehouse/internal/identity"
	"gatehouse/internal/ingest/otlp"
)

// openRuled opens a Gatehouse with rules of access.
func openRuled(t *testing.T, rules string, change ...func(*Config)) (*Server, string) {
	t.Helper()
	service, file := t.TempDir(), filepath.Join(t.TempDir(), "rules.yaml")
	for _, err := range []error{os.MkdirAll(filepath.Join(service, "apis"), 0o755), os.WriteFile(file, []byte(rules), 0o600)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	c := DefaultConfig()
	c.Service.Folder, c.Data.Folder, c.Rules.NoShipped, c.Identity.Rules = service, t.TempDir(), true, file
	for _, f := range change {
		f(&c)
	}
	s, err := Open(c, "test", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, file
}

// Each route that is registered has a rule, and each rule a route.
func TestEveryRouteHasARule(t *testing.T) {
	s, _ := openRuled(t, "")
	mux := newGuarded(s)
	mux.HandleFunc("GET /api/new-and-forgotten", func(http.ResponseWriter, *http.Request) { t.Error("a route without a rule was served") })
	if err := mux.whole(); err == nil || !strings.Contains(err.Error(), "GET /api/new-and-forgotten") {
		t.Error(err)
	}
	w := httptest.NewRecorder()
	mux.mux.ServeHTTP(w, httptest.NewRequest("GET", "/api/new-and-forgotten", nil))
	if w.Code != 404 {
		t.Errorf("a route without a rule: %d", w.Code)
	}
	if _, err := s.monitorRoutes(otlp.New(otlp.Options{Rows: s.ingest, Metrics: s.otlpMetrics})); err != nil {
		t.Error(err)
	}
}

const ruled = `
principals:
- {name: ada, id: a-1, issuer: x}
- {name: prom, id: p-1, issuer: x, use: scrape}
assignments:
- {principal: ada, role: API Management Service Contributor, scope: /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/gatehouse}
- {principal: prom, role: Monitoring Reader, scope: /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/gatehouse}
`

// A route asks for its right at the resource that it reaches, not at the one that
// a client writes in front of it.
func TestRightsAreAskedWhereTheResourceIs(t *testing.T) {
	s, _ := openRuled(t, ruled)
	monitor, err := s.monitorRoutes(otlp.New(otlp.Options{Rows: s.ingest, Metrics: s.otlpMetrics}))
	if err != nil {
		t.Fatal(err)
	}
	ada := &identity.Caller{Kind: identity.KindToken, Name: "ada", Issuer: "x", Object: "a-1"}
	prom := &identity.Caller{Kind: identity.KindToken, Name: "prom", Issuer: "x", Object: "p-1"}
	nobody := &identity.Caller{Kind: identity.KindToken, Name: "nobody", Issuer: "x", Object: "n"}
	const version = "?api-version=2024-05-01"
	const mine, other = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/gatehouse", "/subscriptions/s/resourceGroups/b"
	name := s.activityService()
	for _, c := range []struct {
		who          *identity.Caller
		method, path string
		refused      string // "": let in
	}{
		{prom, "GET", "/metrics", ""},
		{nobody, "GET", "/metrics", "Microsoft.ApiManagement/service/metrics/read"},
		{nil, "GET", "/metrics", "Gatehouse/door/action"},
		{prom, "GET", "/api/status", ""},
		{prom, "GET", "/prometheus/api/v1/query?query=up", readMetrics},
		{prom, "POST", "/prometheus/api/v1/write", sendMetrics},
		{prom, "POST", "/prometheus/-/reload", "Microsoft.Monitor/accounts/write"},
		{prom, "POST", "/v1/traces", sendTelemetry},
		{prom, "GET", "/workspaces/default,other/prometheus/api/v1/query", readMetrics},
		{prom, "PUT", "/api/metric-workspaces/x", "Microsoft.Monitor/accounts/write"},
		{prom, "GET", "/api/policy-traces", "gateways/listTrace/action"},
		{prom, "GET", "/debug/pprof/", "Gatehouse/process/profile/action"},
		{prom, "POST", "/alertmanager/api/v2/silences", "Microsoft.AlertsManagement/alerts/action"},
		{prom, "POST", "/v1/workspaces/default/query", ""},
		{nobody, "GET", "/v1/workspaces/default/query?query=requests", "Microsoft.OperationalInsights/workspaces/query/read"},
		{nobody, "GET", "/v1/workspaces/default/metadata", "Microsoft.OperationalInsights/workspaces/query/read"},
		{nobody, "GET", "/api/transactions", "Microsoft.OperationalInsights/workspaces/query/read"},
		{ada, "GET", mine + "/providers/Microsoft.ApiManagement/service/" + name + "/loggers" + version, ""},
		// The service is the same whatever group stands in front of it.
		{ada, "GET", other + "/providers/Microsoft.ApiManagement/service/" + name + "/loggers" + version, ""},
		{prom, "POST", mine + "/providers/Microsoft.ApiManagement/service/" + name + "/namedValues/x/listValue" + version, "microsoft.apimanagement/service/namedvalues/listvalue/action"},
		{prom, "POST", mine + "/providers//Microsoft.ApiManagement/service/" + name + "/namedValues/x/LISTVALUE" + version, "microsoft.apimanagement/service/namedvalues/listvalue/action"},
		{prom, "PUT", mine + "/providers/Microsoft.Resources/deployments/d" + version, "microsoft.resources/deployments/write"},
		{ada, "PUT", other + "/providers/Microsoft.Resources/deployments/d" + version, "Microsoft.Monitor/accounts/write"},
		{ada, "PUT", mine + "/providers/Microsoft.AlertsManagement/prometheusRuleGroups/g" + version, "microsoft.alertsmanagement/prometheusrulegroups/write"},
		{prom, "GET", other + "/providers/Microsoft.Monitor/accounts" + version, "microsoft.monitor/accounts/read"},
		{prom, "GET", mine + "/providers/Microsoft.Monitor/accounts/default" + version, ""},
		{prom, "GET", other + "/providers/Microsoft.Insights/dataCollectionRules/default" + version, ""},
		{nobody, "GET", other + "/providers/Microsoft.ApiManagement/service/" + name + "/providers/microsoft.insights/metrics" + version, "microsoft.insights/metrics/read"},
		{nobody, "GET", "/subscriptions/s/resources" + version, "microsoft.resources/resources/read"},
		{nobody, "GET", "/subscriptions/s/providers/Microsoft.Insights/eventtypes/management/values" + version, "microsoft.insights/eventtypes/values/read"},
	} {
		r := httptest.NewRequest(c.method, "/", strings.NewReader("{}"))
		u, err := r.URL.Parse(c.path)
		if err != nil {
			t.Fatal(err)
		}
		r.URL = u
		if c.who != nil {
			r = r.WithContext(identity.WithCaller(r.Context(), c.who))
		}
		w := httptest.NewRecorder()
		monitor.ServeHTTP(w, r)
		body := w.Body.String()
		if refused := w.Code == 403; refused != (c.refused != "") || refused && !strings.Contains(body, c.refused) {
			t.Errorf("%v %s %s: %d %s", c.who, c.method, c.path, w.Code, body)
		}
	}
}

// A change of the rules is in force at the next look; a faulty file is named and
// changes nothing.
func TestRulesAreWatched(t *testing.T) {
	s, file := openRuled(t, "principals: [{name: ada, id: a}]\nassignments: [{principal: ada, role: Reader, scope: /}]")
	ada, read := &identity.Caller{Kind: identity.KindToken, Issuer: identity.Local, Object: "a"}, identity.Need{Action: "x/read", Scope: "/"}
	for _, c := range []struct {
		text    string
		allowed bool
		fault   string
	}{
		{"principals: [{name: ada, id: a}]\nassignments: [{principal: ada, role: Reader, scope: /}]", true, ""},
		{"principals: [{name: ada, id: a}]\nassignments: [{principal: ada, role: Raeder, scope: /}]", true, "no role"},
		{"principals: [{name: ada, id: a}]", false, ""},
	} {
		if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := s.identities.load()
		if (err != nil) != (c.fault != "") || err != nil && !strings.Contains(err.Error(), c.fault) || s.identities.fault() == "" != (err == nil) {
			t.Errorf("%s: %v", c.text, err)
		}
		if got := s.identities.current().Decide(ada, read).Allowed; got != c.allowed {
			t.Errorf("%s: %t", c.text, got)
		}
	}
}

// Callers that nobody knows cannot fill the activity log.
func TestRefusalsAreBounded(t *testing.T) {
	s, _ := openRuled(t, "")
	h := s.recording("monitorTLS", newDoor(newRecogniser("secret"), false, false, http.NotFoundHandler()))
	ask := func(token string) {
		r := httptest.NewRequest("GET", "https://x/metrics", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
	const sent = 5 * maxRefusals
	for range sent {
		ask("wrong")
	}
	ask("secret")
	s.refusals.tell()
	list, err := s.activity.Read(activity.Query{Limit: 1000, From: time.Now().Add(-time.Hour), Match: func(activity.Event) bool { return true }})
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != maxRefusals+2 || list[0].Properties["lost"] != "240" || list[1].Identity.Claims["name"] != "admin token" {
		t.Errorf("%d records, the last %+v", len(list), list[0])
	}
}
