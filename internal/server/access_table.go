package server

import (
	"net/http"
	"strings"

	"gatehouse/internal/api/arm"
	"gatehouse/internal/identity"
	"gatehouse/internal/rules/azure"
	"gatehouse/internal/rules/logsearch"
	"gatehouse/internal/telemetry"
)

// readMetrics and sendMetrics are the data actions of metric workspaces.
const (
	readMetrics   = "Microsoft.Monitor/accounts/data/metrics/read"
	sendMetrics   = "Microsoft.Insights/Metrics/Write"
	sendTelemetry = "Microsoft.Insights/Telemetry/Write"
)

// accessTable has the rights that each route of the monitor doors needs, by the
// pattern it is registered with.
func accessTable() map[string]needs {
	t := map[string]needs{
		// Nothing but to be known: these tell nothing, or say who may what themselves.
		"/": open, "/api/": open, "GET /prometheus/graph": open, "GET /healthz": open, "GET /readyz": open,

		"/prometheus/":                    ofMetrics,
		"/workspaces/{names}/prometheus/": ofMetrics,
		"POST /dataCollectionRules/{id}/streams/Microsoft-PrometheusMetrics/api/v1/write": ofCollection,
		"/v1/": ofTelemetry,

		"GET /metrics":                     onService("Microsoft.ApiManagement/service/metrics/read"),
		"GET /api/loggers":                 onService("Microsoft.ApiManagement/service/loggers/read"),
		"GET /api/exports":                 onService("Microsoft.ApiManagement/service/loggers/read"),
		"GET /api/telemetry-costs":         onService("Microsoft.ApiManagement/service/diagnostics/read"),
		"POST /api/custom-metrics/predict": onService("Microsoft.ApiManagement/service/diagnostics/read"),
		"GET /api/policy-traces":           onService("Microsoft.ApiManagement/service/gateways/listTrace/action"),
		"GET /api/policy-traces/{id}":      onService("Microsoft.ApiManagement/service/gateways/listTrace/action"),
		"GET /api/debug-sessions":          onService("Microsoft.ApiManagement/service/gateways/listDebugCredentials/action"),
		"POST /api/debug-sessions":         onService("Microsoft.ApiManagement/service/gateways/listDebugCredentials/action"),
		"DELETE /api/debug-sessions/{id}":  onService("Microsoft.ApiManagement/service/gateways/invalidateDebugCredentials/action"),

		"GET /api/metrics/workspaces":                       onHouse("Microsoft.Monitor/accounts/read"),
		"GET /api/metric-workspaces":                        onHouse("Microsoft.Monitor/accounts/read"),
		"GET /api/metric-workspaces/{name}":                 onAccount("Microsoft.Monitor/accounts/read"),
		"PUT /api/metric-workspaces/{name}":                 onAccount("Microsoft.Monitor/accounts/write"),
		"DELETE /api/metric-workspaces/{name}":              onAccount("Microsoft.Monitor/accounts/delete"),
		"GET /api/metric-workspaces/{name}/slow-queries":    onAccount("Microsoft.Monitor/accounts/read"),
		"GET /api/metric-workspaces/{name}/rules":           onAccount("Microsoft.AlertsManagement/prometheusRuleGroups/read"),
		"GET /api/metric-workspaces/{name}/rules/{file}":    onAccount("Microsoft.AlertsManagement/prometheusRuleGroups/read"),
		"PUT /api/metric-workspaces/{name}/rules/{file}":    onAccount("Microsoft.AlertsManagement/prometheusRuleGroups/write"),
		"DELETE /api/metric-workspaces/{name}/rules/{file}": onAccount("Microsoft.AlertsManagement/prometheusRuleGroups/delete"),
		"GET /api/metric-workspaces/{name}/scrape":          onAccount("Microsoft.Insights/dataCollectionRules/read"),
		"PUT /api/metric-workspaces/{name}/scrape":          onAccount("Microsoft.Insights/dataCollectionRules/write"),
		"DELETE /api/metric-workspaces/{name}/scrape":       onAccount("Microsoft.Insights/dataCollectionRules/delete"),
		"GET /api/cardinality":                              ofCardinality,
		"GET /api/transactions":                             ofRows,

		"/alertmanager/":                        ofAlertmanager,
		"GET /api/alerts":                       onHouse("Microsoft.AlertsManagement/alerts/read"),
		"GET /api/alerts/{id}":                  onHouse("Microsoft.AlertsManagement/alerts/read"),
		"POST /api/alerts/{id}/acknowledge":     onHouse("Microsoft.AlertsManagement/alerts/changestate/action"),
		"POST /api/alerts/{id}/resolve":         onHouse("Microsoft.AlertsManagement/alerts/changestate/action"),
		"GET /api/action-groups":                onHouse("Microsoft.Insights/actionGroups/read"),
		"GET /api/action-groups/{name}":         onHouse("Microsoft.Insights/actionGroups/read"),
		"POST /api/action-groups/{name}/test":   onHouse("Microsoft.Insights/createNotifications/action"),
		"POST /api/receivers/{name}/test":       onHouse("Microsoft.Insights/createNotifications/action"),
		"GET /api/deliveries":                   onHouse("Microsoft.Insights/notificationStatus/read"),
		"POST /api/deliveries/dead/resend":      onHouse("Microsoft.Insights/createNotifications/action"),
		"POST /api/deliveries/dead/{id}/resend": onHouse("Microsoft.Insights/createNotifications/action"),
		"DELETE /api/deliveries/dead":           onHouse("Microsoft.Insights/notificationStatus/delete"),
		"DELETE /api/deliveries/dead/{id}":      onHouse("Microsoft.Insights/notificationStatus/delete"),
		"GET /api/objectives":                   onHouse("Gatehouse/objectives/read"),
		"GET /api/log-search-rules":             onHouse("Microsoft.Insights/scheduledQueryRules/read"),

		"GET /api/availability":                onHouse("Microsoft.Insights/webtests/read"),
		"POST /api/availability":               onHouse("Microsoft.Insights/webtests/write"),
		"GET /api/availability/{name}":         onHouse("Microsoft.Insights/webtests/read"),
		"PUT /api/availability/{name}":         onHouse("Microsoft.Insights/webtests/write"),
		"DELETE /api/availability/{name}":      onHouse("Microsoft.Insights/webtests/delete"),
		"POST /api/availability/{name}/run":    onHouse("Microsoft.Insights/webtests/run/action"),
		"GET /api/availability/{name}/results": onHouse("Microsoft.Insights/webtests/read"),

		"GET /api/dashboards":                      onHouse("Microsoft.Dashboard/dashboards/read"),
		"GET /api/dashboards/{uid}":                onHouse("Microsoft.Dashboard/dashboards/read"),
		"GET /api/dashboards/{uid}/data":           ofShownDashboard,
		"GET /api/dashboards/{uid}/page":           ofShownDashboard,
		"PUT /api/dashboards/{uid}":                onHouse("Microsoft.Dashboard/dashboards/write"),
		"DELETE /api/dashboards/{uid}":             onHouse("Microsoft.Dashboard/dashboards/delete"),
		"GET /api/grafana/{name}/datasources.yaml": onHouse("Microsoft.Dashboard/grafana/read"),

		// The token in a report's link is its key.
		"GET " + reportPath + "{token}":      open,
		"GET " + reportPath + "{token}/data": open,
		"GET /api/reports":                   onHouse("Gatehouse/reports/read"),
		"POST /api/reports":                  ofNewReport,
		"DELETE /api/reports/{id}":           onHouse("Gatehouse/reports/delete"),

		"GET /api/status":        onHouse("Gatehouse/status/read"),
		"GET /api/workspaces":    onHouse("Microsoft.Insights/components/read"),
		"/api/live":              byMethod("Gatehouse/live/"),
		"/api/live/":             byMethod("Gatehouse/live/"),
		"GET /api/activity":      onHouse("Microsoft.Insights/eventtypes/values/read"),
		"GET /api/doctor":        onHouse("Gatehouse/doctor/read"),
		"GET /api/access-review": onHouse("Microsoft.Authorization/roleAssignments/read"),
		"GET /api/audit":         onHouse("Microsoft.Insights/eventtypes/values/read"),

		"GET /api/traces/search":   onHouse("Gatehouse/traces/read"),
		"GET /api/traces/services": onHouse("Gatehouse/traces/read"),
		"GET /api/traces/map":      onHouse("Gatehouse/traces/read"),
		"GET /api/traces/{id}":     onHouse("Gatehouse/traces/read"),

		"GET /debug/pprof/":        onHouse("Gatehouse/process/profile/action"),
		"GET /debug/pprof/profile": onHouse("Gatehouse/process/profile/action"),
		"GET /debug/pprof/trace":   onHouse("Gatehouse/process/profile/action"),
	}
	for _, probe := range []string{"", "/resource", "/list", "/scrape"} {
		t["GET /probe/metrics"+probe] = onHouse("Microsoft.Insights/metrics/read")
	}
	for _, logs := range []string{"/v1/apps", "/v1/workspaces", "/v1/subscriptions", "/v1/$batch", "/$batch", "/workspaces", "/subscriptions"} {
		t[logs], t[logs+"/"] = open, open // a query names its workspaces: (*Server).mayRead
	}
	return t
}

func open(*Server, *http.Request) []identity.Need { return nil }

func onHouse(action string) needs {
	return func(*Server, *http.Request) []identity.Need {
		return []identity.Need{{Action: action, Scope: houseID()}}
	}
}

func onService(action string) needs {
	return func(s *Server, _ *http.Request) []identity.Need {
		return []identity.Need{{Action: action, Scope: s.serviceID()}}
	}
}

func onAccount(action string) needs {
	return func(s *Server, r *http.Request) []identity.Need {
		return []identity.Need{{Action: action, Scope: s.accountScope(r.PathValue("name"))}}
	}
}

func byMethod(prefix string) needs {
	return func(_ *Server, r *http.Request) []identity.Need {
		return []identity.Need{{Action: prefix + verb(r.Method), Scope: houseID()}}
	}
}

func ofAlertmanager(_ *Server, r *http.Request) []identity.Need {
	return []identity.Need{{Action: "Microsoft.AlertsManagement/alerts/" + verb(r.Method), Scope: houseID()}}
}

// ofMetrics are calls of the Prometheus API: of one workspace, or of several,
// each of which must allow them.
func ofMetrics(s *Server, r *http.Request) []identity.Need {
	names, path := telemetry.DefaultWorkspace, r.URL.Path
	if several := r.PathValue("names"); several != "" {
		names, path = several, below(r).URL.Path
	}
	need := identity.Need{Action: readMetrics, Data: true}
	switch {
	case strings.HasSuffix(path, "/api/v1/write"):
		need.Action = sendMetrics
	case r.Method == http.MethodDelete, r.Method == http.MethodPut, r.Method == http.MethodPatch,
		strings.Contains(path, "/-/reload"), strings.Contains(path, "/api/v1/admin/"):
		need = identity.Need{Action: "Microsoft.Monitor/accounts/write"}
	}
	var out []identity.Need
	for _, name := range strings.Split(names, ",") {
		need.Scope = s.accountScope(name)
		out = append(out, need)
	}
	return out
}

// ofCollection is Azure's path of remote write.
func ofCollection(s *Server, r *http.Request) []identity.Need {
	name := r.PathValue("id")
	if w := s.collectionRule(name); w != nil {
		name = w.config.Name
	}
	return []identity.Need{{Action: sendMetrics, Data: true, Scope: s.accountScope(name)}}
}

// ofTelemetry is OTLP, which goes to the default workspaces.
func ofTelemetry(s *Server, r *http.Request) []identity.Need {
	if strings.HasPrefix(r.URL.Path, "/v1/metrics") {
		return []identity.Need{{Action: sendMetrics, Data: true, Scope: s.accountScope(telemetry.DefaultWorkspace)}}
	}
	w, _ := s.workspaces.ByName("")
	return []identity.Need{{Action: sendTelemetry, Data: true, Scope: w.ResourceID, Workspace: w.Title()}}
}

func ofCardinality(s *Server, r *http.Request) []identity.Need {
	name := r.URL.Query().Get("workspace")
	if name == "" {
		name = telemetry.DefaultWorkspace
	}
	return []identity.Need{{Action: readMetrics, Data: true, Scope: s.accountScope(name)}}
}

// ofShownDashboard reads a dashboard and the samples that it shows.
func ofShownDashboard(s *Server, r *http.Request) []identity.Need {
	return append(ofCardinality(s, r), identity.Need{Action: "Microsoft.Dashboard/dashboards/read", Scope: houseID()})
}

// ofNewReport shows samples of the default workspace to whoever has the link.
func ofNewReport(s *Server, _ *http.Request) []identity.Need {
	return []identity.Need{{Action: "Gatehouse/reports/write", Scope: houseID()}, {Action: readMetrics, Data: true, Scope: s.accountScope(telemetry.DefaultWorkspace)}}
}

// ofRows reads the rows of the workspace that a parameter names.
func ofRows(s *Server, r *http.Request) []identity.Need {
	if w, ok := s.workspaces.ByName(strings.TrimSpace(r.URL.Query().Get("workspace"))); ok {
		return []identity.Need{readsRows(w)}
	}
	return []identity.Need{{Action: "Microsoft.OperationalInsights/workspaces/query/read", Scope: houseID()}}
}

// ofResources are calls for resources of Azure's resource manager: the type with
// read, write or delete, or what is posted with action, at the resource's own id.
func ofResources(s *Server, r *http.Request) []identity.Need {
	id, err := arm.Parse(r.URL.Path)
	if err != nil {
		return []identity.Need{{Action: "Gatehouse/resources/" + verb(r.Method), Scope: houseID()}}
	}
	need := identity.Need{Action: id.Type() + "/" + verb(r.Method), Scope: id.String()}
	out := []identity.Need{need}
	switch typ := id.Type(); {
	case strings.HasPrefix(typ, "microsoft.apimanagement/"):
		// There is one service, and a client may write any group in front of it.
		out[0].Scope = s.serviceID() + belowService(id)
	case strings.HasPrefix(typ, "microsoft.resources/deployments"):
		out[0].Scope = houseID()
		if verb(r.Method) != "read" {
			out = append(out, deploys(s)...)
		}
	case strings.HasPrefix(typ, "microsoft.resources/"), strings.HasPrefix(typ, "microsoft.insights/metric"):
		out[0].Scope = s.serviceID()
	case strings.HasPrefix(typ, "microsoft.insights/eventtypes"):
		out[0].Scope = houseID()
	case typ == strings.ToLower(ruleType), typ == strings.ToLower(endpointType):
		out[0].Scope = s.accountScope(id.Name())
	case takesEffectEverywhere(typ) && verb(r.Method) != "read":
		need.Scope = houseID()
		out = append(out, need)
	}
	return out
}

// deploys are the rights to all that a deployment template can make: what is in it
// is known only when it is evaluated.
func deploys(s *Server) (out []identity.Need) {
	for _, kind := range []string{"loggers", "diagnostics", "namedValues"} {
		out = append(out, identity.Need{Action: "Microsoft.ApiManagement/service/" + kind + "/write", Scope: s.serviceID()})
	}
	for _, t := range s.templateTypes() {
		out = append(out, identity.Need{Action: t.kind + "/write", Scope: houseID()})
	}
	return out
}

// takesEffectEverywhere: rules are evaluated over all data, whatever group they
// stand in, so that a right in one group is not enough.
func takesEffectEverywhere(typ string) bool {
	for _, one := range []string{azure.Type, logsearch.Type, grafanaType} {
		if one = strings.ToLower(one); typ == one || strings.HasPrefix(typ, one+"/") {
			return true
		}
	}
	return false
}

// belowService is the rest of an id behind its service.
func belowService(id arm.ID) string {
	var b strings.Builder
	for _, s := range id.Segments[min(1, len(id.Segments)):] {
		b.WriteString("/" + s.Type)
		if s.Name != "" {
			b.WriteString("/" + s.Name)
		}
	}
	return b.String()
}
