package conformance

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/internal/server"
	"gatehouse/internal/store/lake"
)

// loggersRun is what a Gatehouse with two workspaces kept: its rows, read after
// it stopped.
type loggersRun struct {
	requests map[string]int    // "api workspace source"
	metrics  map[string]string // "api workspace": custom dimensions of its custom metric
	warnings string
	audit    []string // records of the switch
	active   float64  // series of the default workspace
	beyond   float64  // values that came for series beyond the limit
	wide     float64  // sum of the rows of the metric with many series
}

// Keys of the two workspaces.
const (
	keyOfDefault = "11111111-0000-4000-8000-000000000001"
	keyOfOrders  = "22222222-0000-4000-8000-000000000002"
)

// seriesLimit of a workspace: the metrics of the three other APIs, and ten series
// of the one with many, which comes last.
const (
	otherSeries = 3
	seriesLimit = otherSeries + 10
	wideSeries  = 30
	wideBeyond  = wideSeries - 10
)

const loggersLoad = 40 // requests to each API before and after the key changes

// loggers runs the Gatehouse with two workspaces once for all rows about them.
func (h *house) loggers(t *testing.T) *loggersRun {
	t.Helper()
	if h.loggersKept == nil {
		h.loggersKept = h.runLoggers(t)
	}
	return h.loggersKept
}

func insights(key string) string {
	return fmt.Sprintf(`{"properties":{"loggerType":"applicationInsights","credentials":{"connectionString":"InstrumentationKey=%s"}}}`, key)
}

// loggersService: an API with a logger of its own, one with that of all APIs,
// and one whose diagnostic has no metrics.
func (h *house) loggersService() map[string]string {
	files := map[string]string{
		"policy.xml":                                                 "<policies><inbound/><backend><forward-request/></backend><outbound/><on-error/></policies>",
		"loggers/all/loggerInformation.json":                         insights(keyOfDefault),
		"loggers/one/loggerInformation.json":                         insights(keyOfOrders),
		"diagnostics/applicationinsights/diagnosticInformation.json": `{"properties":{"loggerId":"/loggers/all","metrics":true}}`,
	}
	for id, diagnostic := range map[string]string{"shared": "", "own": `"metrics":true`, "silent": `"metrics":false`} {
		policy := policies(fmt.Sprintf(`<emit-metric name="m-%s"><dimension name="plan" value="gold"/></emit-metric>`, id), "", "")
		h.addAPI(files, id, policy, "", false)
		if diagnostic != "" {
			files["apis/"+id+"/diagnostics/applicationinsights/diagnosticInformation.json"] = `{"properties":{"loggerId":"/loggers/one",` + diagnostic + `}}`
		}
	}
	h.addAPI(files, "wide", policies(`<emit-metric name="m-wide"><dimension name="n" value="@(context.Request.Headers.GetValueOrDefault("X-N", ""))"/></emit-metric>`, "", ""), "", false)
	return files
}

func (h *house) runLoggers(t *testing.T) *loggersRun {
	t.Helper()
	second := &house{data: t.TempDir(), service: t.TempDir(), backend: h.backend, log: &lockedText{}}
	files := second.loggersService()
	second.write(t, files)
	config := server.DefaultConfig()
	config.Service.Folder, config.Service.Name, config.Data.Folder = second.service, "loggers", second.data
	gateway, monitor := freePort(t), freePort(t)
	second.gateway, second.monitor = "http://"+gateway, "http://"+monitor
	config.Listen = server.ListenConfig{Gateway: gateway, Monitor: monitor}
	config.Telemetry.Multiplex, config.Telemetry.CustomMetricSeries = true, seriesLimit
	config.Telemetry.MetricsInterval, config.Telemetry.CustomMetricsInterval = server.Duration(100*time.Millisecond), server.Duration(200*time.Millisecond)
	off := false
	for name, key := range map[string]string{"default": keyOfDefault, "orders": keyOfOrders} {
		file := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(file, []byte(key), 0o600); err != nil {
			t.Fatal(err)
		}
		w := server.WorkspaceConfig{Name: name, Key: server.Secret{File: file}}
		if name == "orders" {
			w.Dimensions = &off
		}
		config.Telemetry.Workspaces = append(config.Telemetry.Workspaces, w)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- server.Run(ctx, config, "conformance", slog.New(slog.NewTextHandler(second.log, nil)), io.Discard)
	}()
	stopped := sync.OnceValue(func() error {
		stop()
		return <-done
	})
	defer stopped() // also when a wait fails: before its folders go
	out := second.driveLoggers(t, files)
	if err := stopped(); err != nil {
		t.Fatalf("%v\n%s", err, second.log)
	}
	out.read(t, second.data)
	return out
}

// driveLoggers sends requests, changes the key of a logger in the folder, and
// sends more.
func (h *house) driveLoggers(t *testing.T, files map[string]string) *loggersRun {
	t.Helper()
	var status struct {
		Revision struct{ ID int }
		Warnings []struct{ Resource, Message string }
	}
	eventually(t, "the second gateway", func() bool {
		resp, err := http.Get(h.monitor + "/readyz")
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	send := func() {
		for _, id := range []string{"shared", "own", "silent"} {
			h.load(t, loggersLoad, "/"+id+"/items/1", http.StatusOK)
		}
	}
	send()
	h.get(t, "/api/status", &status)
	out := &loggersRun{requests: map[string]int{}, metrics: map[string]string{}, warnings: fmt.Sprint(status.Warnings)}
	var audit struct {
		Value []struct{ Properties map[string]string }
	}
	h.get(t, "/api/activity?limit=1000", &audit)
	for _, e := range audit.Value {
		if e.Properties["setting"] == "telemetry.multiplex" {
			out.audit = append(out.audit, e.Properties["before"]+" "+e.Properties["after"])
		}
	}
	before := status.Revision.ID
	h.write(t, map[string]string{"loggers/one/loggerInformation.json": insights(keyOfDefault)})
	eventually(t, "the reload", func() bool {
		return h.get(t, "/api/status", &status) == http.StatusOK && status.Revision.ID > before
	})
	send()
	// The others have their places before the one with many series begins.
	const active = `gatehouse_custom_metric_series{workspace="default"}`
	eventually(t, "the series of the others", func() bool { return h.query(t, active) == otherSeries })
	for n := range wideSeries {
		h.call(t, "GET", "/wide/items/1", "", "X-N", fmt.Sprint("value-", n))
	}
	eventually(t, "the meter", func() bool {
		out.active, out.beyond = h.query(t, active), h.query(t, `gatehouse_custom_metric_overflow_total{workspace="default"}`)
		return out.active >= seriesLimit && out.beyond >= wideBeyond
	})
	return out
}

// read takes the rows from the folder that the process left.
func (r *loggersRun) read(t *testing.T, data string) {
	t.Helper()
	l, err := lake.Open(lake.DefaultOptions(filepath.Join(data, "lake")))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	bound := func(table string) map[string]lake.Source {
		return map[string]lake.Source{"rows": {Table: table, Start: time.Now().Add(-time.Hour), End: time.Now().Add(time.Hour)}}
	}
	each := func(text, table string, visit func(a, b, c string, n int)) {
		rows, err := l.Query(t.Context(), lake.Statement{SQL: text, Sources: bound(table)})
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var a, b, c string
			var n int
			if err := rows.Scan(&a, &b, &c, &n); err != nil {
				t.Fatal(err)
			}
			visit(a, b, c, n)
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
	}
	each("SELECT api, workspace, source, sum(item_count)::INTEGER FROM {rows} GROUP BY ALL", lake.Spans, func(api, workspace, source string, n int) {
		r.requests[api+" "+workspace+" "+source] += n
	})
	each("SELECT event_name, workspace, attributes, 1 FROM {rows} WHERE type = 'metric' ORDER BY time DESC", lake.Logs, func(name, workspace, attributes string, _ int) {
		r.metrics[strings.TrimPrefix(name, "m-")+" "+workspace] = attributes
	})
	each(`SELECT '', '', '', sum(json_extract_string(item, '$.value')::DOUBLE)::INTEGER FROM {rows} WHERE type = 'metric' AND event_name = 'm-wide'`, lake.Logs, func(_, _, _ string, n int) {
		r.wide = float64(n)
	})
}

func (r *loggersRun) want(t *testing.T, api string, counts map[string]int) {
	t.Helper()
	for place, n := range counts {
		if got := r.requests[api+" "+place]; got != n {
			t.Errorf("%s in %q: %d requests, want %d; all: %v", api, place, got, n, r.requests)
		}
	}
}

// A12: a new key in place: what came before is in the old workspace, what came
// after in the new one, and nothing is lost.
func missionKeyChange(t *testing.T, h *house) {
	r := h.loggers(t)
	r.want(t, "silent", map[string]int{"orders gateway": loggersLoad, " gateway-copy": loggersLoad, " gateway": loggersLoad})
	r.want(t, "shared", map[string]int{" gateway": 2 * loggersLoad, "orders gateway": 0, "orders gateway-copy": 0})
	h.tenants(t).masked(t)
}

// A25: with the switch both loggers receive, and once they are of one workspace
// it receives once.
func missionBothLoggers(t *testing.T, h *house) {
	if got := h.loggers(t).audit; len(got) != 1 || got[0] != "false true" {
		t.Errorf("the switch in the activity log: %v", got)
	}
	h.loggers(t).want(t, "own", map[string]int{"orders gateway": loggersLoad, " gateway-copy": loggersLoad, " gateway": loggersLoad, "orders gateway-copy": 0})
}

// A35: dimensions are a switch of the workspace.
func missionDimensionsSwitch(t *testing.T, h *house) {
	r := h.loggers(t)
	if got := r.metrics["shared "]; !strings.Contains(got, `"plan":"gold"`) || !strings.Contains(got, `"Service Type":"API Management"`) {
		t.Errorf("on: %s", got)
	}
	if got := r.metrics["own orders"]; got == "" || strings.Contains(got, "gold") {
		t.Errorf("off: %q", got)
	}
}

// A36: the diagnostic's metrics decide.
func missionMetricsSwitch(t *testing.T, h *house) {
	r := h.loggers(t)
	if got, ok := r.metrics["silent orders"]; ok {
		t.Errorf("metrics are off: %s", got)
	}
	if _, ok := r.metrics["own orders"]; !ok {
		t.Errorf("metrics are on: %v", r.metrics)
	}
}

// A37: the service says which piece is missing.
func missionMissingSwitch(t *testing.T, h *house) {
	r := h.loggers(t)
	if strings.Contains(r.warnings, "apis/own the policy") || strings.Contains(r.warnings, "apis/shared the policy") {
		t.Errorf("warnings: %s", r.warnings)
	}
	_, tr := h.request(t, "GET", "/measured/items/1", "")
	var status struct {
		Warnings []struct{ Resource, Message string }
	}
	h.get(t, "/api/status", &status)
	if text := fmt.Sprint(status.Warnings); len(tr.Spans) == 0 || !strings.Contains(text, `does not have "metrics": true`) {
		t.Errorf("warnings: %s", text)
	}
}

// A39: beyond the limit of active series new ones are put into one, the meter
// shows both, and totals stay exact.
func missionActiveSeries(t *testing.T, h *house) {
	r := h.loggers(t)
	if r.active != seriesLimit || r.beyond != wideBeyond || r.wide != wideSeries {
		t.Errorf("%v active series, %v values beyond the limit, a total of %v", r.active, r.beyond, r.wide)
	}
}
