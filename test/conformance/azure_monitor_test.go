package conformance

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"gatehouse/internal/server"
	"gatehouse/internal/store/tsdb"
)

const azureTenant = "11111111-0000-0000-0000-000000000000"

// newIssuer is a token issuer as Entra ID is one, for one application: its token
// is what file holds.
func newIssuer(t *testing.T, file string) (issuer *httptest.Server, authority string) {
	t.Helper()
	issuer = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		base := "https://" + r.Host + "/" + azureTenant
		var answer any = map[string]string{"issuer": base + "/v2.0", "token_endpoint": base + "/oauth2/v2.0/token", "authorization_endpoint": base + "/oauth2/v2.0/authorize", "jwks_uri": base + "/keys"}
		if strings.HasSuffix(r.URL.Path, "/token") {
			_ = r.ParseForm()
			token, err := os.ReadFile(file)
			if err != nil || r.Form.Get("client_secret") != "reader's secret" {
				w.WriteHeader(http.StatusUnauthorized)
				answer = map[string]string{"error": "invalid_client"}
			} else {
				answer = map[string]any{"token_type": "Bearer", "expires_in": 3600, "access_token": strings.TrimSpace(string(token))}
			}
		}
		_ = json.NewEncoder(w).Encode(answer)
	}))
	t.Cleanup(issuer.Close)
	authority = filepath.Join(t.TempDir(), "issuer.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: issuer.Certificate().Raw})
	if err := os.WriteFile(authority, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return issuer, authority
}

// seedRequests writes what a gateway that ran for the last forty minutes would
// have written, a restart in between, and gives the requests by API and code.
func seedRequests(t *testing.T, data string) map[string]float64 {
	t.Helper()
	db, err := tsdb.Open(tsdb.Options{Folder: filepath.Join(data, "tsdb")})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	app := db.Appender(t.Context())
	add := func(at time.Time, v float64, name string, pairs ...string) {
		pairs = append(pairs, "__name__", name, "job", "gatehouse", "instance", "gatehouse")
		if _, err := app.Append(0, labels.FromStrings(pairs...), at.UnixMilli(), v); err != nil {
			t.Fatal(err)
		}
	}
	counts, totals := map[string]float64{}, map[string]float64{}
	first := time.Now().Add(-40 * time.Minute).Truncate(time.Second)
	began := first.Add(-time.Hour)
	for n := range 40 * 6 {
		at := first.Add(time.Duration(n) * 10 * time.Second)
		if n == 100 {
			counts, began = map[string]float64{}, at
		}
		add(at, float64(began.Unix()), "gatehouse_start_time_seconds")
		for key, calls := range map[string]int{"orders 200": n % 5, "orders 500": n % 2, "basket 200": 7} {
			if n < 30 && key == "basket 200" || n >= 30*6 { // the newest minutes are not read yet: no calls in them
				calls = 0
			}
			counts[key] += float64(calls)
			totals[key] += float64(calls)
			api, code, _ := strings.Cut(key, " ")
			pairs := []string{"gatehouse_api", api, "http_response_status_code", code}
			add(at, counts[key], "http_server_request_duration_seconds_count", pairs...)
			add(at, counts[key]*0.25, "http_server_request_duration_seconds_sum", pairs...)
			add(at, counts[key], "gatehouse_request_outcomes_total", append(pairs, "gatehouse_backend_status_code", code)...)
		}
	}
	if err := app.Commit(); err != nil {
		t.Fatal(err)
	}
	return totals
}

// The two halves meet: Azure's own client pulls the gateway's metrics from the
// Azure Monitor API of the same Gatehouse into another workspace, with a token of
// an issuer. Each request is there once, at its time.
func TestAzureMonitorBothWays(t *testing.T) {
	data := t.TempDir()
	totals := seedRequests(t, data)
	issuer, authority := newIssuer(t, filepath.Join(data, "admin-token"))
	secret := filepath.Join(t.TempDir(), "secret")
	openapi := filepath.Join(t.TempDir(), "api.yaml")
	for name, text := range map[string]string{secret: "reader's secret\n", openapi: "openapi: 3.0.0\ninfo: {title: Shop, version: '1'}\npaths: {/items: {get: {operationId: items, responses: {'200': {description: ok}}}}}\n"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const resource = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/edge/providers/Microsoft.ApiManagement/service/shop"
	gateway, monitor, secure := freePort(t), freePort(t), freePort(t)
	config := server.DefaultConfig()
	config.Service = server.ServiceConfig{OpenAPI: openapi, Backend: newBackend(t).URL, Name: "shop", Region: "North Europe"}
	config.Data.Folder = data
	config.Listen = server.ListenConfig{Gateway: gateway, Monitor: monitor, MonitorTLS: secure}
	config.Telemetry.MetricsInterval = server.Duration(200 * time.Millisecond)
	config.Metrics.Workspaces = []server.MetricWorkspaceConfig{{Name: "azure"}}
	config.AzureMonitor = server.AzureMonitorConfig{Endpoint: "https://" + secure, Authority: issuer.URL, CAFile: authority, Probes: true,
		Credential: server.AzureCredentialConfig{Type: "clientSecret", TenantID: azureTenant, ClientID: "22222222-0000-0000-0000-000000000000", ClientSecret: server.Secret{File: secret}},
		Services:   []server.AzureServiceConfig{{Resource: resource, Workspace: "azure", Labels: map[string]string{"category": "edge"}}}}
	h := &house{gateway: "http://" + gateway, monitor: "http://" + monitor, log: &lockedText{}}
	h.serve(t, config)

	pulled := func(query string) float64 {
		return h.queryIn(t, "/workspaces/azure/prometheus", query, float64(time.Now().UnixMilli())/1000)
	}
	eventually(t, "the first pull", func() bool {
		return h.query(t, `gatehouse_azure_monitor_pulls_total{resource="shop",workspace="azure"}`) >= 1
	})
	for key, want := range totals {
		api, code, _ := strings.Cut(key, " ")
		if got := pulled(fmt.Sprintf(`sum(sum_over_time(azure_apim_requests{resource="shop",category="edge",region="North Europe",api_id=%q,gateway_code=%q}[2h]))`, api, code)); got != want {
			t.Errorf("%s: %v requests were pulled, want %v", key, got, want)
		}
	}
	if got := pulled(`max(max_over_time(azure_apim_duration_milliseconds{stat="average"}[2h]))`); got != 250 {
		t.Errorf("the average duration is %v ms, want 250", got)
	}
	if got := pulled(`count(count_over_time(azure_apim_cpu_percent_gateway_percent[2h]))`); got > 1 {
		t.Errorf("%v series of the processor", got)
	}

	// What is served now is in the answer of the minutes that are not over.
	for range 25 {
		h.call(t, "GET", "/items", "")
	}
	eventually(t, "25 live requests", func() bool {
		return azureTotal(t, h, resource, "ApiId eq '*'", "shop") == 25
	})
	status, text := h.text(t, "/probe/metrics/resource?metric=Requests&aggregation=total&target="+url.QueryEscape(resource))
	if status != 200 || !strings.Contains(text, `azurerm_resource_metric{aggregation="total",`) || !strings.Contains(text, `resourceName="shop"`) {
		t.Errorf("probe: %d %s", status, text)
	}
	if status, text := h.text(t, "/probe/metrics/list?metric=Requests&aggregation=total&subscription=any&resourceType=Microsoft.ApiManagement/service"); status != 200 {
		t.Errorf("probe of a subscription: %d %s", status, text)
	}
	if status, text := h.text(t, "/probe/metrics?metric=Requests&aggregation=total&subscription=any&region=northeurope&resourceType=Microsoft.ApiManagement/service"); status != 200 || !strings.Contains(text, `resourceName="shop"`) {
		t.Errorf("probe of a region: %d %s", status, text)
	}
	if log := h.log.String(); strings.Contains(log, "reader's secret") {
		t.Error("the secret is in the log")
	}
}

// azureTotal is the sum over the last hour of the series with a value.
func azureTotal(t *testing.T, h *house, resource, filter, value string) float64 {
	t.Helper()
	var out struct {
		Value []struct {
			Timeseries []struct {
				Metadatavalues []struct{ Value string }
				Data           []struct{ Total float64 }
			}
		}
	}
	v := url.Values{"api-version": {"2024-02-01"}, "metricnames": {"Requests"}, "$filter": {filter}, "aggregation": {"Total"}, "timespan": {"PT1H"}}
	if status := h.get(t, resource+"/providers/microsoft.insights/metrics?"+v.Encode(), &out); status != 200 {
		t.Fatalf("metrics: %d", status)
	}
	sum := 0.0
	for _, m := range out.Value {
		for _, s := range m.Timeseries {
			if len(s.Metadatavalues) == 1 && s.Metadatavalues[0].Value == value {
				for _, p := range s.Data {
					sum += p.Total
				}
			}
		}
	}
	return sum
}

// text gets a page of the monitor door.
func (h *house) text(t *testing.T, path string) (int, string) {
	t.Helper()
	resp, err := http.Get(h.monitor + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// serve runs a Gatehouse until the test ends.
func (h *house) serve(t *testing.T, config server.Config) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- server.Run(ctx, config, "conformance", slog.New(slog.NewTextHandler(h.log, nil)), io.Discard)
	}()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("stop: %v", err)
		}
		if t.Failed() {
			t.Logf("log:\n%s", h.log)
		}
	})
	eventually(t, "the gateway is ready", func() bool {
		select {
		case err := <-done:
			done <- nil
			t.Fatalf("the server ended: %v", err)
		default:
		}
		resp, err := http.Get(h.monitor + "/readyz")
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}
