package metrics_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/api/metrics"
	"gatehouse/internal/query/promql"
	"gatehouse/internal/rules"
	"gatehouse/internal/store/tsdb"

	"github.com/golang/snappy"
	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/prompb"
)

// serve opens an empty workspace and serves its API.
func serve(t *testing.T, change func(*metrics.Options), limits tsdb.Options) (*httptest.Server, *tsdb.DB) {
	t.Helper()
	limits.Folder = t.TempDir()
	db, err := tsdb.Open(limits)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	reg := prometheus.NewRegistry()
	o := metrics.Options{
		Engine: promql.New(db, promql.Options{Registerer: reg}), Storage: db, Metadata: db.Metadata, Registerer: reg,
	}
	if change != nil {
		change(&o)
	}
	h, err := metrics.New(o)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server, db
}

func client(t *testing.T, server *httptest.Server) v1.API {
	t.Helper()
	c, err := api.NewClient(api.Config{Address: server.URL + "/prometheus"})
	if err != nil {
		t.Fatal(err)
	}
	return v1.NewAPI(c)
}

// fill writes a counter and a histogram for a minute up to now.
func fill(t *testing.T, db *tsdb.DB) (now time.Time) {
	t.Helper()
	reg := prometheus.NewRegistry()
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "requests_total", Help: "Requests."}, []string{"api"})
	h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "duration_seconds", NativeHistogramBucketFactor: 1.1})
	reg.MustRegister(c, h)
	now = time.Now()
	for i := range 13 {
		c.WithLabelValues("echo").Add(5)
		h.(prometheus.ExemplarObserver).ObserveWithExemplar(0.1, prometheus.Labels{"trace_id": fmt.Sprint(i)})
		families, err := reg.Gather()
		if err != nil {
			t.Fatal(err)
		}
		if err := db.WriteGathered(context.Background(), families, now.Add(time.Duration(i-12)*5*time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	return now
}

func TestOfficialClient(t *testing.T) {
	server, db := serve(t, nil, tsdb.Options{})
	now := fill(t, db)
	c, ctx := client(t, server), context.Background()

	value, _, err := c.Query(ctx, `sum by (api) (requests_total)`, now)
	if err != nil || value.(model.Vector)[0].Value != 65 || value.(model.Vector)[0].Metric["api"] != "echo" {
		t.Errorf("query: %v, %v", value, err)
	}
	value, _, err = c.QueryRange(ctx, `rate(requests_total[30s])`, v1.Range{Start: now.Add(-20 * time.Second), End: now, Step: 5 * time.Second})
	if err != nil || len(value.(model.Matrix)) != 1 || value.(model.Matrix)[0].Values[4].Value != 1 {
		t.Errorf("query_range: %v, %v", value, err)
	}
	value, _, err = c.Query(ctx, `histogram_quantile(0.5, duration_seconds)`, now)
	if err != nil || len(value.(model.Vector)) != 1 {
		t.Errorf("native quantile: %v, %v", value, err)
	}
	names, _, err := c.LabelNames(ctx, nil, now.Add(-time.Hour), now)
	if err != nil || len(names) != 4 {
		t.Errorf("labels: %v, %v", names, err)
	}
	values, _, err := c.LabelValues(ctx, "api", nil, now.Add(-time.Hour), now)
	if err != nil || len(values) != 1 || values[0] != "echo" {
		t.Errorf("label values: %v, %v", values, err)
	}
	series, _, err := c.Series(ctx, []string{`{job="gatehouse"}`}, now.Add(-time.Hour), now)
	if err != nil || len(series) != 2 {
		t.Errorf("series: %v, %v", series, err)
	}
	exemplars, err := c.QueryExemplars(ctx, `duration_seconds`, now.Add(-time.Hour), now.Add(time.Hour))
	if err != nil || len(exemplars) != 1 || len(exemplars[0].Exemplars) == 0 {
		t.Errorf("exemplars: %v, %v", exemplars, err)
	}
	about, err := c.Metadata(ctx, "requests_total", "")
	if err != nil || len(about["requests_total"]) != 1 || about["requests_total"][0].Type != "counter" || about["requests_total"][0].Help != "Requests." {
		t.Errorf("metadata: %v, %v", about, err)
	}
}

func TestStatusRoutes(t *testing.T) {
	server, db := serve(t, nil, tsdb.Options{})
	fill(t, db)
	c, ctx := client(t, server), context.Background()
	if _, err := c.Rules(ctx, nil); err != nil {
		t.Errorf("rules: %v", err)
	}
	if _, err := c.Alerts(ctx); err != nil {
		t.Errorf("alerts: %v", err)
	}
	if _, err := c.Targets(ctx); err != nil {
		t.Errorf("targets: %v", err)
	}
	if info, err := c.Buildinfo(ctx); err != nil || info.Version != "3.15.0" {
		t.Errorf("buildinfo: %v, %v", info, err)
	}
	if stats, err := c.TSDB(ctx); err != nil || stats.HeadStats.NumSeries != 2 {
		t.Errorf("tsdb: %v, %v", stats, err)
	}
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	r, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, _ := io.ReadAll(r.Body)
	return r.StatusCode, string(body)
}

func TestRoutes(t *testing.T) {
	server, db := serve(t, nil, tsdb.Options{})
	fill(t, db)
	for path, want := range map[string]int{
		"/api/v1/format_query?query=up+%2B1":   200,
		"/api/v1/query?query=up[":              400,
		"/api/v1/status/tsdb/blocks":           200,
		"/api/v1/features":                     200,
		"/-/healthy":                           200,
		"/-/ready":                             200,
		"/api/v1/metadata?limit=1":             200,
		"/api/v1/metadata?limit=x":             400,
		"/federate?match[]=requests_total":     200,
		"/federate?match[]={":                  400,
		"/api/v1/status/config":                404,
		"/api/v1/status/flags":                 404,
		"/api/v1/status/runtimeinfo":           404,
		"/api/v1/status/self_metrics":          404,
		"/api/v1/notifications/live":           404,
		"/api/v1/admin/tsdb/snapshot":          404,
		"/api/v1/search/metric_names":          404,
		"/api/v1/otlp/v1/metrics":              404,
		"/api/v1/write":                        404,
		"/other":                               404,
		"/api/v1/label/../admin/tsdb/x/values": 404,
	} {
		if status, body := get(t, server.URL+"/prometheus"+path); status != want {
			t.Errorf("GET %s: %d, want %d: %s", path, status, want, body)
		}
	}
	_, body := get(t, server.URL+"/prometheus/federate?match[]=requests_total")
	if !strings.Contains(body, `requests_total{api="echo",instance="gatehouse",job="gatehouse"} 65 `) {
		t.Errorf("federate: %s", body)
	}
	_, body = get(t, server.URL+"/prometheus/api/v1/status/config")
	var envelope struct{ Status, ErrorType string }
	if err := json.Unmarshal([]byte(body), &envelope); err != nil || envelope.ErrorType != "not_found" {
		t.Errorf("a refused route answers %s", body)
	}
}

func TestProcessRoutes(t *testing.T) {
	server, _ := serve(t, func(o *metrics.Options) { o.ProcessRoutes = true }, tsdb.Options{})
	for _, path := range []string{"config", "flags", "runtimeinfo"} {
		if status, body := get(t, server.URL+"/prometheus/api/v1/status/"+path); status != 200 {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
}

func TestRemoteRead(t *testing.T) {
	server, db := serve(t, nil, tsdb.Options{})
	now := fill(t, db)
	body, err := (&prompb.ReadRequest{Queries: []*prompb.Query{{
		StartTimestampMs: now.Add(-time.Hour).UnixMilli(), EndTimestampMs: now.UnixMilli(),
		Matchers: []*prompb.LabelMatcher{{Type: prompb.LabelMatcher_EQ, Name: "__name__", Value: "requests_total"}},
	}}}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.Post(server.URL+"/prometheus/api/v1/read", "application/x-protobuf", bytes.NewReader(snappy.Encode(nil, body)))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	packed, _ := io.ReadAll(res.Body)
	plain, err := snappy.Decode(nil, packed)
	if err != nil {
		t.Fatalf("%d %s: %v", res.StatusCode, packed, err)
	}
	var answer prompb.ReadResponse
	if err := answer.Unmarshal(plain); err != nil || len(answer.Results[0].Timeseries) != 1 {
		t.Fatalf("answer: %v, %v", answer.Results, err)
	}
	samples := answer.Results[0].Timeseries[0].Samples
	if last := samples[len(samples)-1]; last.Value != 65 {
		t.Errorf("last sample: %+v", last)
	}
}

func TestRulesAndAlertsAreShown(t *testing.T) {
	var set *rules.Rules
	server, db := serve(t, func(o *metrics.Options) {
		var err error
		set, err = rules.New(rules.Options{
			Query: o.Engine.Instant, Appendable: o.Storage, Queryable: o.Storage, MinInterval: 10 * time.Millisecond,
		})
		if err != nil {
			t.Fatal(err)
		}
		o.Rules = set
	}, tsdb.Options{})
	t.Cleanup(set.Stop)
	fill(t, db)
	shipped, err := rules.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	shipped["mine.yml"] = []byte("groups: [{name: mine, interval: 50ms, rules: [{alert: Busy, expr: requests_total > 60}]}]")
	if err := set.Load(shipped); err != nil {
		t.Fatal(err)
	}
	if err := set.Start(); err != nil {
		t.Fatal(err)
	}
	c, ctx := client(t, server), context.Background()
	groups, err := c.Rules(ctx, nil)
	if err != nil || len(groups.Groups) != len(shipped) || groups.Groups[0].File != "mine.yml" {
		t.Errorf("rules: %+v, %v", groups, err)
	}
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		alerts, err := c.Alerts(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if len(alerts.Alerts) == 1 && alerts.Alerts[0].State == v1.AlertStateFiring && alerts.Alerts[0].Labels["api"] == "echo" {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("alerts: %+v", alerts)
		}
	}
}
