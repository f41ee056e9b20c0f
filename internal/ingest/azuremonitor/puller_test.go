package azuremonitor

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
)

func openSamples(t *testing.T) *tsdb.DB {
	t.Helper()
	o := tsdb.DefaultOptions()
	o.OutOfOrderTimeWindow = (10 * time.Minute).Milliseconds()
	db, err := tsdb.Open(t.TempDir(), nil, nil, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// stored gives all samples of a metric by their series.
func stored(t *testing.T, db storage.Queryable, metric string) map[string]map[int64]float64 {
	t.Helper()
	q, err := db.Querier(math.MinInt64, math.MaxInt64)
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	out := map[string]map[int64]float64{}
	set := q.Select(t.Context(), true, nil, labels.MustNewMatcher(labels.MatchEqual, model.MetricNameLabel, metric))
	for set.Next() {
		points := map[int64]float64{}
		it := set.At().Iterator(nil)
		for it.Next() == chunkenc.ValFloat {
			at, v := it.At()
			points[at] = v
		}
		out[set.At().Labels().String()] = points
	}
	if set.Err() != nil {
		t.Fatal(set.Err())
	}
	return out
}

func pullOptions(c *Client, db storage.AppendableV2, now *clock, d *documents) PullOptions {
	return PullOptions{Client: c, Resource: service, Appendable: db, Now: now.now, Load: d.load, Save: d.save, Tags: []string{"team"}, Labels: map[string]string{"category": "edge"}, Workspace: "default"}
}

func puller(t *testing.T, o PullOptions) *Puller {
	t.Helper()
	p, err := NewPuller(o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// noon is a time in the middle of an hour and of a minute.
func noon() time.Time { return time.Date(2026, 5, 4, 12, 30, 20, 0, time.UTC) }

const basket = `{__name__="azure_apim_requests", api_id="basket", category="edge", region="West Europe", resource="orders", resource_group="shop", team="shop"}`

// A pull has the closed minutes with Azure's times; the next one goes on where it
// ended, also after a restart.
func TestPullGoesOn(t *testing.T) {
	a, db, now, kept := newAzure(t), openSamples(t), &clock{at: noon()}, &documents{list: map[string][]byte{}}
	c := a.connect(t, 0, 0)
	p := puller(t, pullOptions(c, db, now, kept))
	if err := p.Pull(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := stored(t, db, "azure_apim_requests")[basket]; len(got) != 50 || got[time.Date(2026, 5, 4, 12, 26, 0, 0, time.UTC).UnixMilli()] != 26 {
		t.Fatalf("%d minutes of the first pull: %v", len(got), stored(t, db, "azure_apim_requests"))
	}
	if q := a.queries(); len(q) != 3 || q[0].Get("timespan") != "2026-05-04T11:37:00Z/2026-05-04T12:27:00Z" || q[1].Get("metricnames") != "Duration,BackendDuration" || q[0].Get("top") != "1000" {
		t.Errorf("asked: %v", q)
	}
	if err := p.Pull(t.Context()); err != nil || len(a.queries()) != 0 {
		t.Errorf("a minute that is not over is asked for (%v)", err)
	}
	now.add(2 * time.Minute)
	p = puller(t, pullOptions(c, db, now, kept)) // as after a restart
	if err := p.Pull(t.Context()); err != nil {
		t.Fatal(err)
	}
	if q := a.queries(); len(q) != 3 || q[0].Get("timespan") != "2026-05-04T12:27:00Z/2026-05-04T12:29:00Z" {
		t.Errorf("after the restart: %v", q)
	}
	sum, n := 0.0, 0
	for _, v := range stored(t, db, "azure_apim_requests")[basket] {
		sum, n = sum+v, n+1
	}
	want := 0.0
	for at := time.Date(2026, 5, 4, 11, 37, 0, 0, time.UTC); at.Before(time.Date(2026, 5, 4, 12, 29, 0, 0, time.UTC)); at = at.Add(time.Minute) {
		want += float64(at.Minute())
	}
	if n != 52 || sum != want {
		t.Errorf("%d minutes with %v requests, want 52 with %v", n, sum, want)
	}
	if s := p.Status(); s.Known != 0 || s.Late != 0 || s.Skipped != 0 || s.Error != "" {
		t.Errorf("%+v", s)
	}
	for name, series := range map[string]int{"azure_apim_duration_milliseconds": 6, "azure_apim_backend_duration_milliseconds": 6, "azure_apim_capacity_percent": 2} {
		if got := stored(t, db, name); len(got) != series {
			t.Errorf("%s has %d series: %v", name, len(got), got)
		}
	}
}

// What was stored before a stop that left no note of it is not there twice.
func TestPullAgainAfterCrash(t *testing.T) {
	a, db, now, kept := newAzure(t), openSamples(t), &clock{at: noon()}, &documents{list: map[string][]byte{}, saves: 1}
	c := a.connect(t, 0, 0)
	p := puller(t, pullOptions(c, db, now, kept))
	if err := p.Pull(t.Context()); err == nil || p.Status().Errors["store"] != 1 {
		t.Fatalf("%v %+v", err, p.Status())
	}
	kept.full = false
	now.add(2 * time.Minute)
	p = puller(t, pullOptions(c, db, now, kept))
	if err := p.Pull(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := stored(t, db, "azure_apim_requests")[basket]; len(got) != 52 {
		t.Errorf("%d minutes", len(got))
	}
	if s := p.Status(); s.Known == 0 || s.Refused+s.Late != 0 {
		t.Errorf("%+v", s)
	}
}

// Minutes that are too old to be caught up are counted, once.
func TestPullAfterPause(t *testing.T) {
	a, db, now, kept := newAzure(t), openSamples(t), &clock{at: noon()}, &documents{list: map[string][]byte{}}
	p := puller(t, pullOptions(a.connect(t, -1, 0), db, now, kept))
	if err := p.Pull(t.Context()); err != nil {
		t.Fatal(err)
	}
	now.add(3 * time.Hour)
	a.refuseNext(2, 503, "")
	for range 2 {
		if err := p.Pull(t.Context()); err == nil {
			t.Fatal("no error")
		}
	}
	if err := p.Pull(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := p.Status(); s.Skipped != 130 || s.Errors["azure"] != 2 || s.Pulls != 2 {
		t.Errorf("%+v", s)
	}
	if got := stored(t, db, "azure_apim_requests")[basket]; len(got) != 100 {
		t.Errorf("%d minutes", len(got))
	}
}

// A short Retry-After is waited for within the call; a long one ends it, and
// nobody calls before it is over.
func TestThrottling(t *testing.T) {
	a, db, now := newAzure(t), openSamples(t), &clock{at: noon()}
	c := a.connect(t, 3, time.Minute)
	p := puller(t, pullOptions(c, db, now, &documents{list: map[string][]byte{}}))
	a.refuseNext(1, 429, "1")
	before := time.Now()
	if err := p.Pull(t.Context()); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(before); took < 900*time.Millisecond {
		t.Errorf("asked again after %s", took)
	}
	if q := a.queries(); len(q) != 4 {
		t.Errorf("%d calls, want one more than queries", len(q))
	}
	now.add(5 * time.Minute)
	a.refuseNext(1, 529, "600")
	err := p.Pull(t.Context())
	if err == nil || reasonOf(err) != "throttled" || waitFor(err, time.Now()) != 10*time.Minute {
		t.Fatalf("%v", err)
	}
	if q := a.queries(); len(q) != 1 {
		t.Errorf("%d calls", len(q))
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := p.Pull(ctx); !errors.Is(err, ErrThrottled) || len(a.queries()) != 0 {
		t.Errorf("called although Azure asked to wait: %v", err)
	}
	if s := p.Status(); s.Errors["throttled"] != 2 {
		t.Errorf("%+v", s)
	}
}

// A secret is in no error, no log and no series.
func TestSecretIsNotShown(t *testing.T) {
	a, db, now := newAzure(t), openSamples(t), &clock{at: noon()}
	a.missing = true
	var log bytes.Buffer
	o := pullOptions(a.connect(t, -1, 0), db, now, &documents{list: map[string][]byte{}})
	o.Logger = slog.New(slog.NewTextHandler(&log, nil))
	p := puller(t, o)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); p.Run(ctx) }()
	for deadline := time.Now().Add(30 * time.Second); p.Status().Error == "" && time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
	}
	cancel()
	<-done
	s := p.Status()
	if s.Errors["credential"] == 0 || !strings.Contains(s.Error, "AADSTS7000215") {
		t.Errorf("%+v", s)
	}
	if strings.Contains(s.Error+log.String(), secret) || !strings.Contains(log.String(), "AADSTS7000215") {
		t.Errorf("log: %s\nerror: %s", log.String(), s.Error)
	}
}

func TestCollector(t *testing.T) {
	a, db, now := newAzure(t), openSamples(t), &clock{at: noon()}
	c := a.connect(t, -1, 0)
	p := puller(t, pullOptions(c, db, now, &documents{list: map[string][]byte{}}))
	a.refuseNext(1, 403, "")
	_ = p.Pull(t.Context())
	if err := p.Pull(t.Context()); err != nil {
		t.Fatal(err)
	}
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(NewCollector(c, []*Puller{p}))
	want := `
# HELP gatehouse_azure_monitor_api_calls_total Calls of Azure Resource Manager, each try for itself.
# TYPE gatehouse_azure_monitor_api_calls_total counter
gatehouse_azure_monitor_api_calls_total{status="200"} 5
gatehouse_azure_monitor_api_calls_total{status="403"} 1
gatehouse_azure_monitor_api_calls_total{status="429"} 0
# HELP gatehouse_azure_monitor_lag_seconds Age of the newest minute that was read.
# TYPE gatehouse_azure_monitor_lag_seconds gauge
gatehouse_azure_monitor_lag_seconds{resource="orders",workspace="default"} 200
# HELP gatehouse_azure_monitor_pulls_total Pulls that succeeded.
# TYPE gatehouse_azure_monitor_pulls_total counter
gatehouse_azure_monitor_pulls_total{resource="orders",workspace="default"} 1
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "gatehouse_azure_monitor_api_calls_total", "gatehouse_azure_monitor_lag_seconds", "gatehouse_azure_monitor_pulls_total"); err != nil {
		t.Error(err)
	}
}

func TestNewPullerRefuses(t *testing.T) {
	a, db, now := newAzure(t), openSamples(t), &clock{at: noon()}
	base := pullOptions(a.connect(t, 0, 0), db, now, &documents{list: map[string][]byte{}})
	for want, change := range map[string]func(*PullOptions){
		"not a resource id":    func(o *PullOptions) { o.Resource = "orders" },
		"name its metrics":     func(o *PullOptions) { o.Resource = strings.ReplaceAll(service, "ApiManagement/service", "Cache/redis") },
		`aggregation "median"`: func(o *PullOptions) { o.Requests = []Request{{Metric: "Requests", Aggregations: []string{"median"}}} },
		"name an aggregation":  func(o *PullOptions) { o.Requests = []Request{{Metric: "Requests"}} },
		"name of a dimension":  func(o *PullOptions) { o.Requests = []Request{{"Requests", []string{"total"}, []string{"a' or 'b"}}} },
		"not one of azure":     func(o *PullOptions) { o.Names = "other" },
		"damaged":              func(o *PullOptions) { o.Load = func(string) ([]byte, error) { return []byte("{"), nil } },
	} {
		o := base
		change(&o)
		if _, err := NewPuller(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// The token stays with the host that it is for.
func TestNextLinkOfAnotherHost(t *testing.T) {
	a := newAzure(t)
	strangers := 0
	other := newAzure(t)
	other.Config.Handler = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { strangers++ })
	a.nextLink = other.URL + "/subscriptions/x/resources"
	if _, err := a.connect(t, -1, 0).list(t.Context(), "x", ""); err == nil || !strings.Contains(err.Error(), "another host") || strangers != 0 {
		t.Errorf("%v, %d calls", err, strangers)
	}
}
