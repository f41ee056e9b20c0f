package conformance

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/server"
)

// tenants are two Gatehouses: loggers of the first are made over the management
// API and send to the second, which has other tokens.
type tenants struct {
	near, far *house
	farToken  string
	nearToken string
	created   map[string]int // status of the PUT of each logger
}

// Workspaces of the far tenant by name, with their keys; those with an identity
// in the name take no key alone.
var farWorkspaces = map[string]string{
	"plain":    "a0000000-0000-4000-8000-000000000001",
	"identity": "a0000000-0000-4000-8000-000000000002",
}

const (
	keyOfNear   = "a0000000-0000-4000-8000-000000000003"
	userClient  = "99999999-aaaa-4bbb-8ccc-dddddddddddd"
	managedRoot = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/shops/providers/Microsoft.ApiManagement/service/near"
)

func (h *house) tenants(t *testing.T) *tenants {
	t.Helper()
	if h.tenantsKept == nil {
		h.tenantsKept = h.openTenants(t)
	}
	return h.tenantsKept
}

func (h *house) openTenants(t *testing.T) *tenants {
	t.Helper()
	out := &tenants{created: map[string]int{}}
	out.far, out.farToken = h.runTenant(t, "far", map[string]string{}, func(c *server.Config) {
		for name, key := range farWorkspaces {
			c.Telemetry.Workspaces = append(c.Telemetry.Workspaces, server.WorkspaceConfig{Name: name, Key: secretFile(t, key), RequireIdentity: name == "identity"})
		}
	})
	// The platform's token endpoint: it knows the system's identity and one more.
	platform := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if client := r.URL.Query().Get("client_id"); client != "" && client != userClient {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"error":"invalid_request","error_description":"Identity not found"}`)
			return
		}
		fmt.Fprintf(w, `{"access_token":%q,"expires_in":"3600","token_type":"Bearer"}`, out.farToken)
	}))
	h.root.Cleanup(platform.Close)
	files := map[string]string{"policy.xml": "<policies><inbound/><backend><forward-request/></backend><outbound/><on-error/></policies>"}
	for _, id := range []string{"key", "text", "system", "user", "stranger", "templated"} {
		h.addAPI(files, id, "", "", false)
	}
	h.addAPI(files, "counted", policies(`<emit-metric name="orders" namespace="shop" value="2.5"><dimension name="region" value="north"/></emit-metric>`, "", ""), "", false)
	out.near, out.nearToken = h.runTenant(t, "near", files, func(c *server.Config) {
		c.Telemetry.Loggers = map[string]string{"*": "export"}
		c.Telemetry.CustomMetricsInterval = server.Duration(200 * time.Millisecond)
		c.Telemetry.Workspaces = []server.WorkspaceConfig{{Name: "own", Key: secretFile(t, keyOfNear)}}
		c.Identity.Managed = server.ManagedIdentity{Source: "imds", Endpoint: platform.URL}
	})
	text := func(workspace string) string {
		return "InstrumentationKey=" + farWorkspaces[workspace] + ";IngestionEndpoint=" + out.far.monitor
	}
	for id, credentials := range map[string]map[string]string{
		"key":      {"instrumentationKey": keyOfNear},
		"text":     {"connectionString": text("plain")},
		"system":   {"connectionString": text("identity"), "identityClientId": "SystemAssigned"},
		"user":     {"connectionString": text("identity"), "identityClientId": userClient},
		"stranger": {"connectionString": text("identity"), "identityClientId": "12345678-aaaa-4bbb-8ccc-dddddddddddd"},
	} {
		out.created[id], _ = out.manage(t, "PUT", "/loggers/"+id, map[string]any{"properties": map[string]any{"loggerType": "applicationInsights", "description": "logger " + id, "credentials": credentials}})
		out.manage(t, "PUT", "/apis/"+id+"/diagnostics/applicationinsights", map[string]any{"properties": map[string]any{"loggerId": managedRoot + "/loggers/" + id}})
		out.near.load(t, 3, "/"+id+"/items/1", http.StatusOK)
	}
	return out
}

func secretFile(t *testing.T, value string) server.Secret {
	t.Helper()
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte(value), 0o600); err != nil {
		t.Fatal(err)
	}
	return server.Secret{File: file}
}

// runTenant runs a Gatehouse until the whole test ends.
func (h *house) runTenant(t *testing.T, name string, files map[string]string, settings func(*server.Config)) (*house, string) {
	t.Helper()
	return h.runTenantIn(t, name, h.root.TempDir(), files, settings)
}

// runTenantIn is runTenant with a data folder that there is.
func (h *house) runTenantIn(t *testing.T, name, data string, files map[string]string, settings func(*server.Config)) (*house, string) {
	t.Helper()
	out := &house{data: data, service: h.root.TempDir(), backend: h.backend, log: &lockedText{}}
	out.write(t, files)
	gateway, monitor, secure := freePort(t), freePort(t), freePort(t)
	out.gateway, out.monitor, out.secure = "http://"+gateway, "http://"+monitor, "https://"+secure
	config := server.DefaultConfig()
	config.Service.Folder, config.Service.Name, config.Data.Folder = out.service, name, out.data
	config.Listen = server.ListenConfig{Gateway: gateway, Monitor: monitor, MonitorTLS: secure}
	settings(&config)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- server.Run(ctx, config, "conformance", slog.New(slog.NewTextHandler(out.log, nil)), io.Discard)
	}()
	h.root.Cleanup(func() {
		stop()
		if err := <-done; err != nil || h.root.Failed() {
			h.root.Logf("%s stopped: %v\n%s", name, err, out.log)
		}
	})
	within(t, time.Minute, name+" is ready", func() bool {
		resp, err := http.Get(out.monitor + "/readyz")
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	token, err := os.ReadFile(filepath.Join(out.data, "admin-token"))
	if err != nil {
		t.Fatal(err)
	}
	return out, strings.TrimSpace(string(token))
}

// manage calls the near tenant's management API below the service.
func (m *tenants) manage(t *testing.T, method, path string, body any, header ...string) (int, map[string]any) {
	t.Helper()
	return callJSON(t, http.DefaultClient, method, m.near.monitor+managedRoot+path+"?api-version=2024-05-01", body, header...)
}

func callJSON(t *testing.T, client *http.Client, method, url string, body any, header ...string) (int, map[string]any) {
	t.Helper()
	var data []byte
	if body != nil {
		var err error
		if data, err = json.Marshal(body); err != nil {
			t.Fatal(err)
		}
	}
	req, err := http.NewRequest(method, url, bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var out map[string]any
	_ = json.NewDecoder(resp.Body).Decode(&out)
	return resp.StatusCode, out
}

// requests counts those of an API in a workspace, by KQL.
func requests(t *testing.T, h *house, workspace, api string) float64 {
	t.Helper()
	query := fmt.Sprintf(`requests | where customDimensions["API Name"] == %q | summarize sum(itemCount)`, api)
	status, out := callJSON(t, http.DefaultClient, "POST", h.monitor+"/v1/workspaces/"+workspace+"/query", map[string]string{"query": query})
	if status != http.StatusOK {
		t.Fatalf("%d %v", status, out)
	}
	rows, _ := out["tables"].([]any)[0].(map[string]any)["rows"].([]any)
	if len(rows) == 0 {
		return 0
	}
	n, _ := rows[0].([]any)[0].(float64)
	return n
}

// arrives waits for the three requests of an API.
func arrives(t *testing.T, h *house, workspace, api string) {
	t.Helper()
	within(t, time.Minute, "requests of "+api+" in "+workspace, func() bool { return requests(t, h, workspace, api) == 3 })
}

// status is a logger as GET /api/loggers shows it.
func (m *tenants) status(t *testing.T, id string) map[string]any {
	t.Helper()
	_, out := callJSON(t, http.DefaultClient, "GET", m.near.monitor+"/api/loggers", nil)
	for _, one := range out["loggers"].([]any) {
		if v := one.(map[string]any); v["id"] == id {
			return v
		}
	}
	t.Fatalf("no logger %s in %v", id, out)
	return nil
}

// A01: whatever tier the service says it has.
func missionEveryTier(t *testing.T, h *house) {
	m := h.tenants(t)
	for n, sku := range []string{"Developer", "Basic", "Standard", "Premium", "Consumption", "Isolated", "BasicV2", "StandardV2", "PremiumV2"} {
		status, out := m.manage(t, "PUT", "", map[string]any{"location": "west", "sku": map[string]any{"name": sku, "capacity": 1}, "properties": map[string]any{}})
		if shown, _ := out["sku"].(map[string]any); status != http.StatusOK || shown["name"] != sku {
			t.Errorf("%s: %d %v", sku, status, out)
		}
		logger := fmt.Sprintf("/loggers/tier-%d", n)
		created, out := m.manage(t, "PUT", logger, map[string]any{"properties": map[string]any{"loggerType": "applicationInsights", "credentials": map[string]any{"instrumentationKey": keyOfNear}}})
		logged, more := m.manage(t, "PUT", "/apis/templated/diagnostics/applicationinsights", map[string]any{"properties": map[string]any{"loggerId": logger}})
		if created != http.StatusCreated || logged > http.StatusCreated {
			t.Errorf("%s: %d %v, %d %v", sku, created, out, logged, more)
		}
		m.manage(t, "DELETE", "/apis/templated/diagnostics/applicationinsights", nil, "If-Match", "*")
		m.manage(t, "DELETE", logger, nil, "If-Match", "*")
	}
	if status, out := m.manage(t, "PUT", "", map[string]any{"sku": map[string]any{"name": "Gold"}}); status != http.StatusBadRequest {
		t.Errorf("a tier that is none: %d %v", status, out)
	}
}

// A02: what one tenant sends to another is there and not here, and the token of
// the one reads nothing of the other.
func missionOtherTenant(t *testing.T, h *house) {
	m := h.tenants(t)
	arrives(t, m.far, "plain", "text")
	for _, workspace := range []string{"default", "own"} {
		if n := requests(t, m.near, workspace, "text"); n != 0 {
			t.Errorf("%v requests in the sender's workspace %s", n, workspace)
		}
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}} // what is tested is the token
	query := map[string]string{"query": "requests | count"}
	if status, _ := callJSON(t, client, "POST", m.far.secure+"/v1/workspaces/plain/query", query, "Authorization", "Bearer "+m.nearToken); status != http.StatusUnauthorized {
		t.Errorf("the sender's token reads the other tenant: %d", status)
	}
	if status, _ := callJSON(t, client, "POST", m.far.secure+"/v1/workspaces/plain/query", query, "Authorization", "Bearer "+m.farToken); status != http.StatusOK {
		t.Errorf("the tenant's own token: %d", status)
	}
}

// A03: such a logger is made by one PUT.
func missionRemoteLogger(t *testing.T, h *house) {
	m := h.tenants(t)
	if m.created["text"] != http.StatusCreated {
		t.Errorf("%v", m.created)
	}
	if v := m.status(t, "text"); v["destination"] != "export" || !strings.HasPrefix(v["endpoint"].(string), m.far.monitor) {
		t.Errorf("%v", v)
	}
}

// A07: a template is deployed as a whole; a second Gatehouse suite does the same
// with Azure's own clients.
func missionTemplate(t *testing.T, h *house) {
	m := h.tenants(t)
	data, err := os.ReadFile(filepath.Join("management", "template.json"))
	if err != nil {
		t.Fatal(err)
	}
	var template map[string]any
	if err := json.Unmarshal(data, &template); err != nil {
		t.Fatal(err)
	}
	value := func(v any) map[string]any { return map[string]any{"value": v} }
	url := m.near.monitor + managedRoot[:strings.Index(managedRoot, "/providers")] + "/providers/Microsoft.Resources/deployments/mission?api-version=2021-04-01"
	body := map[string]any{"properties": map[string]any{"mode": "Incremental", "template": template, "parameters": map[string]any{
		"apimName": value("near"), "appInsightsName": value("own"), "token": value("hidden-word"), "apis": value([]string{"templated"})}}}
	status, out := callJSON(t, http.DefaultClient, "PUT", url, body, "Authorization", "Bearer "+m.nearToken)
	if status != http.StatusCreated || strings.Contains(fmt.Sprint(out), "hidden-word") {
		t.Fatalf("%d %v", status, out)
	}
	m.near.load(t, 3, "/templated/items/1", http.StatusOK)
	arrives(t, m.near, "own", "templated")
	for _, path := range []string{"/apis/templated/diagnostics/applicationinsights", "/diagnostics/applicationinsights", "/loggers/own-logger"} {
		if status, out := m.manage(t, "DELETE", path, nil, "If-Match", "*"); status != http.StatusOK {
			t.Errorf("%s: %d %v", path, status, out)
		}
	}
}

// A08: it can be read, and is in the list with its status.
func missionLoggerListed(t *testing.T, h *house) {
	m := h.tenants(t)
	status, out := m.manage(t, "GET", "/loggers/key", nil)
	p, _ := out["properties"].(map[string]any)
	if status != http.StatusOK || p["loggerType"] != "applicationInsights" || p["description"] != "logger key" || out["id"] != managedRoot+"/loggers/key" {
		t.Errorf("%d %v", status, out)
	}
	_, list := m.manage(t, "GET", "/loggers", nil)
	var names []string
	for _, one := range list["value"].([]any) {
		names = append(names, one.(map[string]any)["name"].(string))
	}
	if !slices.Contains(names, "key") {
		t.Errorf("%v", names)
	}
	if v := m.status(t, "key"); v["state"] != "ok" || v["workspace"] != "own" || v["source"] != "api" || fmt.Sprint(v["used_by"]) != "[apis/key/diagnostics/applicationinsights]" {
		t.Errorf("%v", v)
	}
}

// A09: each kind of credential ingests.
func missionCredentials(t *testing.T, h *house) {
	m := h.tenants(t)
	arrives(t, m.near, "own", "key")
	arrives(t, m.far, "plain", "text")
	arrives(t, m.far, "identity", "system")
}

// A12, beside the change of the key: it is not shown, and is a named value.
func (m *tenants) masked(t *testing.T) {
	t.Helper()
	_, out := m.manage(t, "GET", "/loggers/key", nil)
	if strings.Contains(fmt.Sprint(out), keyOfNear) {
		t.Errorf("the key is shown: %v", out)
	}
	p, _ := out["properties"].(map[string]any)
	reference, _ := p["credentials"].(map[string]any)["instrumentationKey"].(string)
	name := strings.Trim(reference, "{}")
	if !strings.HasPrefix(name, "Logger-Credentials--") {
		t.Fatalf("%q", reference)
	}
	if status, _ := m.manage(t, "POST", "/namedValues/"+name+"/listValue", nil); status != http.StatusForbidden {
		t.Errorf("the value without a token: %d", status)
	}
	if status, out := m.manage(t, "POST", "/namedValues/"+name+"/listValue", nil, "Authorization", "Bearer "+m.nearToken); status != http.StatusOK || out["value"] != keyOfNear {
		t.Errorf("the value: %d %v", status, out)
	}
}

// A13: the endpoint of the connection string is where it goes.
func missionConnectionLogger(t *testing.T, h *house) {
	m := h.tenants(t)
	arrives(t, m.far, "plain", "text")
	within(t, time.Minute, "the logger is well", func() bool { return m.status(t, "text")["state"] == "ok" })
	if v := m.status(t, "text"); v["credential"] != "connectionString" || v["endpoint"] == "" {
		t.Errorf("%v", v)
	}
}

// A14: a workspace that takes no keys alone takes the system's identity.
func missionSystemIdentity(t *testing.T, h *house) {
	m := h.tenants(t)
	arrives(t, m.far, "identity", "system")
	if v := m.status(t, "system"); v["credential"] != "systemIdentity" {
		t.Errorf("%v", v)
	}
}

// A15: likewise a user-assigned one; an unknown client id is named, not lost.
func missionUserIdentity(t *testing.T, h *house) {
	m := h.tenants(t)
	arrives(t, m.far, "identity", "user")
	if v := m.status(t, "user"); v["credential"] != "userIdentity" || v["client_id"] != userClient {
		t.Errorf("%v", v)
	}
	within(t, time.Minute, "the unknown identity is told", func() bool {
		v := m.status(t, "stranger")
		return v["state"] == "failing" && strings.Contains(fmt.Sprint(v["last_error"]), "client id 12345678-aaaa-4bbb-8ccc-dddddddddddd")
	})
	if n := requests(t, m.far, "identity", "stranger"); n != 0 {
		t.Errorf("%v requests without an identity", n)
	}
	status, out := m.manage(t, "PUT", "/loggers/nobody", map[string]any{"properties": map[string]any{"loggerType": "applicationInsights",
		"credentials": map[string]any{"connectionString": "InstrumentationKey=" + keyOfNear, "identityClientId": "somebody"}}})
	if status != http.StatusBadRequest || !strings.Contains(fmt.Sprint(out), "identityClientId") {
		t.Errorf("%d %v", status, out)
	}
}

// A20: the entity is at its id.
func missionDiagnosticEntity(t *testing.T, h *house) {
	m := h.tenants(t)
	status, out := m.manage(t, "GET", "/apis/key/diagnostics/applicationinsights", nil)
	p, _ := out["properties"].(map[string]any)
	if status != http.StatusOK || out["name"] != "applicationinsights" || out["type"] != "Microsoft.ApiManagement/service/apis/diagnostics" || p["loggerId"] != managedRoot+"/loggers/key" {
		t.Errorf("%d %v", status, out)
	}
}

// A22, beside what they do: every setting is read back.
func (m *tenants) settings(t *testing.T) {
	t.Helper()
	side := map[string]any{
		"request": map[string]any{"headers": []any{"X-One"}, "body": map[string]any{"bytes": 100.0}, "dataMasking": map[string]any{
			"headers": []any{map[string]any{"value": "X-One", "mode": "Mask"}}, "queryParams": []any{map[string]any{"value": "*", "mode": "Hide"}}}},
		"response": map[string]any{"headers": []any{"X-Two"}},
	}
	want := map[string]any{"loggerId": managedRoot + "/loggers/key", "alwaysLog": "allErrors", "sampling": map[string]any{"samplingType": "fixed", "percentage": 12.5},
		"verbosity": "verbose", "logClientIp": true, "httpCorrelationProtocol": "Legacy", "operationNameFormat": "Url", "metrics": true, "frontend": side, "backend": side}
	m.manage(t, "PUT", "/apis/templated/diagnostics/applicationinsights", map[string]any{"properties": want})
	_, out := m.manage(t, "GET", "/apis/templated/diagnostics/applicationinsights", nil)
	for name, v := range want {
		if got := out["properties"].(map[string]any)[name]; fmt.Sprint(got) != fmt.Sprint(v) {
			t.Errorf("%s: %v, want %v", name, got, v)
		}
	}
	m.manage(t, "DELETE", "/apis/templated/diagnostics/applicationinsights", nil, "If-Match", "*")
}

// A34, beside value and dimensions: the namespace is a dimension of the row.
func (m *tenants) namespace(t *testing.T) {
	t.Helper()
	m.manage(t, "PUT", "/apis/counted/diagnostics/applicationinsights", map[string]any{"properties": map[string]any{"loggerId": "/loggers/key", "metrics": true}})
	m.near.load(t, 2, "/counted/items/1", http.StatusOK)
	query := `customMetrics | where name == "orders" | summarize sum(valueSum), sum(valueCount) by tostring(customDimensions["_MS.MetricNamespace"]), tostring(customDimensions.region)`
	within(t, time.Minute, "the custom metric", func() bool {
		_, out := callJSON(t, http.DefaultClient, "POST", m.near.monitor+"/v1/workspaces/own/query", map[string]string{"query": query})
		return strings.Contains(fmt.Sprint(out["tables"]), "[shop north 5 2]")
	})
}

// A33: what is over a limit is cut or refused as the guide says, marked,
// counted, and the rest is taken.
func missionItemLimits(t *testing.T, h *house) {
	m := h.tenants(t)
	item := func(name, value string) string {
		return fmt.Sprintf(`{"name":"Microsoft.ApplicationInsights.Event","time":%q,"iKey":%q,"data":{"baseType":"EventData","baseData":{"ver":2,"name":%q,"properties":{"long":%q}}}}`,
			time.Now().UTC().Format(time.RFC3339Nano), farWorkspaces["plain"], name, value)
	}
	cut, refused := m.far.query(t, `sum(gatehouse_track_truncated_total) or vector(0)`), m.far.query(t, `sum(gatehouse_track_items_rejected_total{reason="too_large"}) or vector(0)`)
	body := strings.Join([]string{item("limit-good", "short"), item("limit-long", strings.Repeat("x", 9000)), item("limit-huge", strings.Repeat("y", 70_000))}, "\n")
	resp, err := http.Post(m.far.monitor+"/v2/track", "application/x-json-stream", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var out struct {
		ItemsReceived, ItemsAccepted int
		Errors                       []struct{ Index, StatusCode int }
	}
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil || resp.StatusCode != http.StatusPartialContent || out.ItemsReceived != 3 || out.ItemsAccepted != 2 ||
		len(out.Errors) != 1 || out.Errors[0].Index != 2 || out.Errors[0].StatusCode != http.StatusBadRequest {
		t.Fatalf("%d %+v %v", resp.StatusCode, out, err)
	}
	query := `customEvents | where name startswith "limit-" | order by name asc | project name, strlen(tostring(customDimensions["long"])), isnotempty(customDimensions["gatehouse.truncated"])`
	within(t, time.Minute, "the two items", func() bool {
		_, out := callJSON(t, http.DefaultClient, "POST", m.far.monitor+"/v1/workspaces/plain/query", map[string]string{"query": query})
		tables, _ := out["tables"].([]any)
		return len(tables) > 0 && fmt.Sprint(tables[0].(map[string]any)["rows"]) == "[[limit-good 5 false] [limit-long 8192 true]]"
	})
	within(t, time.Minute, "both are counted", func() bool {
		return m.far.query(t, `sum(gatehouse_track_truncated_total)`) == cut+1 && m.far.query(t, `sum(gatehouse_track_items_rejected_total{reason="too_large"})`) == refused+1
	})
}
