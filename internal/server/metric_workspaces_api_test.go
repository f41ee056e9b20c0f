package server

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang/snappy"
	"github.com/prometheus/prometheus/prompb"
)

// openMetrics opens a Gatehouse over the data folder and serves its monitor
// routes; close may be called early.
func openMetrics(t *testing.T, data string, settings ...MetricWorkspaceConfig) (base string, closeAll func()) {
	t.Helper()
	service := t.TempDir()
	if err := os.MkdirAll(filepath.Join(service, "apis"), 0o755); err != nil {
		t.Fatal(err)
	}
	c := DefaultConfig()
	c.Service.Folder, c.Data.Folder, c.Metrics.Workspaces, c.Rules.NoShipped = service, data, settings, true
	s, err := Open(c, "test", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	if err := s.metricRoutes(mux); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(mux)
	closeAll = sync.OnceFunc(func() {
		server.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(closeAll)
	return server.URL, closeAll
}

func send(t *testing.T, method, url, contentType string, body []byte) (int, string) {
	t.Helper()
	r, err := http.NewRequest(method, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", contentType)
	resp, err := http.DefaultClient.Do(r)
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

func writeSample(t *testing.T, url string, value float64, pairs ...string) (int, string) {
	t.Helper()
	one := prompb.TimeSeries{Samples: []prompb.Sample{{Value: value, Timestamp: time.Now().UnixMilli()}}}
	for i := 0; i+1 < len(pairs); i += 2 {
		one.Labels = append(one.Labels, prompb.Label{Name: pairs[i], Value: pairs[i+1]})
	}
	body, err := (&prompb.WriteRequest{Timeseries: []prompb.TimeSeries{one}}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return send(t, "POST", url+"/api/v1/write", "application/x-protobuf", snappy.Encode(nil, body))
}

func wantStatus(t *testing.T, what string, want int, text string) func(int, string) {
	return func(got int, body string) {
		t.Helper()
		if got != want || !strings.Contains(body, text) {
			t.Errorf("%s: %d %s; want %d and %q", what, got, body, want, text)
		}
	}
}

// A workspace is made, used, changed and deleted without a restart, and is
// there after one.
func TestMetricWorkspaceLife(t *testing.T) {
	data := t.TempDir()
	base, closeAll := openMetrics(t, data, MetricWorkspaceConfig{Name: "fixed"})
	admin := base + "/api/metric-workspaces/"
	put := func(name, body string) (int, string) {
		return send(t, "PUT", admin+name, "application/json", []byte(body))
	}
	wantStatus(t, "unknown", 404, "there is no metric workspace")(send(t, "GET", base+"/workspaces/team/prometheus/api/v1/query?query=1", "", nil))
	wantStatus(t, "make", 201, `"active_series_limit":7`)(put("team", `{"maxSeries":7,"azureCompat":true,"query":{"timeout":"30s"},"dataCollectionRule":"dcr-7"}`))
	wantStatus(t, "write", 204, "")(writeSample(t, base+"/workspaces/team/prometheus", 5, "__name__", "built"))
	wantStatus(t, "Azure's path", 204, "")(send(t, "POST", base+"/dataCollectionRules/dcr-7/streams/Microsoft-PrometheusMetrics/api/v1/write", "application/x-protobuf", snappy.Encode(nil, nil)))
	wantStatus(t, "query", 200, `"5"`)(send(t, "GET", base+"/workspaces/team/prometheus/api/v1/query?query=built", "", nil))
	wantStatus(t, "live usage", 200, `"events_per_minute":1`)(send(t, "GET", admin+"team", "", nil))
	wantStatus(t, "bad name", 400, "not a name")(put("_x", `{}`))
	wantStatus(t, "reserved name", 400, "taken")(put("across", `{}`))
	wantStatus(t, "unknown field", 400, "unknown field")(put("x", `{"maxSerie":7}`))
	wantStatus(t, "files of the process", 400, "unknown field")(put("x", `{"scrape":"/etc/passwd"}`))
	wantStatus(t, "another's rule", 409, "team")(put("x", `{"dataCollectionRule":"DCR-7"}`))
	wantStatus(t, "of the settings", 409, "settings file")(put("fixed", `{}`))
	wantStatus(t, "of the settings", 409, "settings file")(send(t, "DELETE", admin+"fixed?confirm=fixed", "", nil))
	wantStatus(t, "default", 409, "always exists")(send(t, "DELETE", admin+"default?confirm=default", "", nil))
	wantStatus(t, "change", 200, `"active_series_limit":9`)(put("Team", `{"maxSeries":9}`))
	wantStatus(t, "samples after the change", 200, `"5"`)(send(t, "GET", base+"/workspaces/team/prometheus/api/v1/query?query=built", "", nil))
	closeAll()

	base, closeAll = openMetrics(t, data)
	admin = base + "/api/metric-workspaces/"
	wantStatus(t, "after a restart", 200, `"active_series_limit":9`)(send(t, "GET", admin+"team", "", nil))
	wantStatus(t, "samples after a restart", 200, `"5"`)(send(t, "GET", base+"/workspaces/team/prometheus/api/v1/query?query=built", "", nil))
	wantStatus(t, "unconfirmed", 428, "?confirm=team")(send(t, "DELETE", admin+"team", "", nil))
	wantStatus(t, "confirmed wrongly", 428, "?confirm=team")(send(t, "DELETE", admin+"team?confirm=default", "", nil))
	wantStatus(t, "delete", 204, "")(send(t, "DELETE", admin+"team?confirm=team", "", nil))
	wantStatus(t, "deleted", 404, "")(send(t, "DELETE", admin+"team?confirm=team", "", nil))
	if _, err := os.Stat(filepath.Join(data, "tsdb", "team")); !os.IsNotExist(err) {
		t.Error("the samples of a deleted workspace are still there")
	}
	wantStatus(t, "writing to a deleted one", 404, "")(writeSample(t, base+"/workspaces/team/prometheus", 5, "__name__", "built"))
	wantStatus(t, "make again", 201, `"active_series":0`)(put("team", `{}`))
	closeAll()
}

// What is in flight ends safely while workspaces come, change and go: writes are
// taken, or refused by one of three statuses; nothing panics.
func TestMetricWorkspacesChangeUnderLoad(t *testing.T) {
	base, _ := openMetrics(t, t.TempDir())
	admin := base + "/api/metric-workspaces/busy"
	ctx, stop := context.WithCancel(context.Background())
	var users sync.WaitGroup
	allowed := map[int]bool{200: true, 204: true, 404: true, 503: true}
	for n := range 4 {
		users.Go(func() {
			for ctx.Err() == nil {
				if status, text := writeSample(t, base+"/workspaces/busy/prometheus", 1, "__name__", "m", "n", fmt.Sprint(n)); !allowed[status] {
					t.Errorf("write: %d %s", status, text)
				}
				for _, path := range []string{"/workspaces/busy/prometheus/api/v1/query?query=sum(m)", "/workspaces/default,busy/prometheus/api/v1/query?query=sum(m)", "/api/metric-workspaces"} {
					if status, text := send(t, "GET", base+path, "", nil); !allowed[status] {
						t.Errorf("%s: %d %s", path, status, text)
					}
				}
			}
		})
	}
	for range 3 {
		wantStatus(t, "make", 201, "")(send(t, "PUT", admin, "application/json", []byte(`{}`)))
		wantStatus(t, "change", 200, "")(send(t, "PUT", admin, "application/json", []byte(`{"maxSeries":100}`)))
		wantStatus(t, "delete", 204, "")(send(t, "DELETE", admin+"?confirm=busy", "", nil))
	}
	stop()
	users.Wait()
}

// A deletion that was cut off is ended at the next start.
func TestDeletionIsResumed(t *testing.T) {
	data := t.TempDir()
	left := filepath.Join(data, "tsdb", "half")
	if err := os.MkdirAll(filepath.Join(left, "wal"), 0o755); err != nil {
		t.Fatal(err)
	}
	c := openCatalog(t, data)
	document, _ := json.Marshal(metricDocument{Deleting: []string{"half"}})
	if err := c.Save(metricWorkspaceDocument, document); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	base, _ := openMetrics(t, data)
	if _, err := os.Stat(left); !os.IsNotExist(err) {
		t.Error("the samples are still there")
	}
	wantStatus(t, "resumed", 404, "")(send(t, "GET", base+"/api/metric-workspaces/half", "", nil))
}

func TestAcrossWorkspaces(t *testing.T) {
	base, _ := openMetrics(t, t.TempDir(), MetricWorkspaceConfig{Name: "a"}, MetricWorkspaceConfig{Name: "b"}, MetricWorkspaceConfig{Name: "c"})
	for i, name := range []string{"a", "b", "c"} {
		wantStatus(t, name, 204, "")(writeSample(t, base+"/workspaces/"+name+"/prometheus", float64(1+i), "__name__", "m", "job", "j"))
	}
	wantStatus(t, "own label", 204, "")(writeSample(t, base+"/workspaces/a/prometheus", 9, "__name__", "own", "workspace", "inner"))
	api := base + "/workspaces/a,b/prometheus/api/v1/"
	for _, c := range []struct{ path, want string }{
		{"query?query=sum(m)", `"3"`},
		{"query?query=m", `"workspace":"a"`},
		{"query?query=sum(m{workspace=\"b\"})", `"2"`},
		{"query?query=count({workspace=\"b\"})", `"1"`},
		{"query?query=own", `"exported_workspace":"inner"`},
		{"query?query=own{exported_workspace=\"inner\"}", `"workspace":"a"`},
		{"label/workspace/values", `["a","b"]`},
		{"label/exported_workspace/values", `["inner"]`},
		{"labels", `"exported_workspace","job","workspace"`},
		{"series?match[]=m", `"workspace":"b"`},
	} {
		wantStatus(t, c.path, 200, c.want)(send(t, "GET", api+c.path, "", nil))
	}
	wantStatus(t, "unknown", 404, `"nowhere"`)(send(t, "GET", base+"/workspaces/a,nowhere/prometheus/api/v1/query?query=m", "", nil))
	wantStatus(t, "writing", 404, "")(writeSample(t, base+"/workspaces/a,b/prometheus", 1, "__name__", "m"))
	wantStatus(t, "statistics", 500, "one workspace")(send(t, "GET", api+"status/tsdb", "", nil))
}

func TestQueryLimitsAndSlowQueries(t *testing.T) {
	base, _ := openMetrics(t, t.TempDir(),
		MetricWorkspaceConfig{Name: "azure", AzureCompat: true, Query: MetricQueryConfig{MaxSeries: 1, MaxLength: 200, Slow: 1}},
		MetricWorkspaceConfig{Name: "small", Query: MetricQueryConfig{MaxSamples: 1}})
	at := base + "/workspaces/azure/prometheus"
	for _, job := range []string{"a", "b"} {
		wantStatus(t, job, 204, "")(writeSample(t, at, 1, "__name__", "m", "job", job))
		wantStatus(t, job, 204, "")(writeSample(t, base+"/workspaces/small/prometheus", 1, "__name__", "m", "job", job))
	}
	end := time.Now().Unix()
	ranged := func(days, step int) string {
		return fmt.Sprintf("/api/v1/query_range?query=m{job=\"a\"}&start=%d&end=%d&step=%d", end-int64(days)*86400, end, step)
	}
	for _, c := range []struct {
		path   string
		status int
		want   string
	}{
		{"/api/v1/query?query=m{job=\"a\"}", 200, `"1"`},
		{"/api/v1/query?query=m", 422, `"errorType":"execution","error":"expanding series: a selector of the query matches more than 1 series`},
		{"/api/v1/query?query=" + strings.Repeat("1%2B", 150) + "1", 400, `"errorType":"bad_data","error":"invalid parameter \"query\": the query has 301 bytes, at most 200`},
		{"/api/v1/query?query=sum(rate(m[33d]))", 400, "at most 768h0m0s"},
		{"/api/v1/query?query=sum(rate(m[1d]%20offset%2032d))", 400, "at most 768h0m0s"},
		{ranged(33, 3600), 400, `"errorType":"bad_data"`},
		{ranged(3, 59), 400, "the step must be at least 1m0s"},
		{ranged(3, 60), 200, `"success"`},
	} {
		wantStatus(t, c.path, c.status, c.want)(send(t, "GET", at+c.path, "", nil))
	}
	wantStatus(t, "samples", 422, "too many samples")(send(t, "GET", base+"/workspaces/small/prometheus/api/v1/query?query=m", "", nil))
	status, text := send(t, "GET", base+"/api/metric-workspaces/azure/slow-queries", "", nil)
	for _, want := range []string{`"query":"m{job=\"a\"}"`, `"samples":1`, `"step_seconds":60`, "local from 127.0.0.1 with Go-http-client", "more than 1 series"} {
		if status != 200 || !strings.Contains(text, want) {
			t.Errorf("slow queries: %d, no %s in %s", status, want, text)
		}
	}
	wantStatus(t, "the default threshold", 200, `"queries":[]`)(send(t, "GET", base+"/api/metric-workspaces/small/slow-queries", "", nil))
}

// The usage of workspaces is on /metrics with their limits, also of one that is
// made later, and without one that is gone.
func TestUsageSeries(t *testing.T) {
	data := t.TempDir()
	service := t.TempDir()
	if err := os.MkdirAll(filepath.Join(service, "apis"), 0o755); err != nil {
		t.Fatal(err)
	}
	c := DefaultConfig()
	c.Service.Folder, c.Data.Folder = service, data
	s, err := Open(c, "test", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	mux := http.NewServeMux()
	if err := s.metricRoutes(mux); err != nil {
		t.Fatal(err)
	}
	shown := func(line string) bool {
		rw := httptest.NewRecorder()
		s.exposition().ServeHTTP(rw, httptest.NewRequest("GET", "/metrics", nil))
		if rw.Code != 200 {
			t.Fatalf("%d %s", rw.Code, rw.Body)
		}
		return strings.Contains(rw.Body.String(), line)
	}
	if _, err := s.setMetricWorkspace(MetricWorkspaceConfig{Name: "later", SamplesPerMinute: 50}); err != nil {
		t.Fatal(err)
	}
	const limit, library = `gatehouse_metrics_workspace_events_per_minute_limit{workspace="later"} 50`, `prometheus_tsdb_head_series{workspace="later"} 0`
	if !shown(limit) || !shown(library) || !shown(`gatehouse_metrics_workspace_active_series_limit{workspace="default"} 1e+06`) {
		t.Error("usage is not shown")
	}
	if err := s.removeMetricWorkspace("later", "later"); err != nil {
		t.Fatal(err)
	}
	if shown(`workspace="later"`) {
		t.Error("a deleted workspace is shown")
	}
}
