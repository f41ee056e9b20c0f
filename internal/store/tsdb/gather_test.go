package tsdb

import (
	"context"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/model/labels"
)

// writeAll gathers reg and writes it at a time.
func writeAll(t *testing.T, db *DB, reg *prometheus.Registry, at time.Time) {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	if err := db.WriteGathered(context.Background(), families, at); err != nil {
		t.Fatal(err)
	}
}

func TestGatheredCounterIsExact(t *testing.T) {
	db := openTest(t, Options{Instance: "gw-1"})
	reg := prometheus.NewRegistry()
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "requests_total", Help: "Requests."}, []string{"api", "job"})
	reg.MustRegister(requests)
	start := time.Now().Add(time.Second)
	for i := range 10 {
		requests.WithLabelValues("echo", "mine").Add(1 << 40)
		writeAll(t, db, reg, start.Add(time.Duration(i)*5*time.Second))
	}
	at := start.Add(45 * time.Second)
	want := map[string]float64{`{__name__="requests_total", api="echo", exported_job="mine", instance="gw-1", job="gatehouse"}`: 10 << 40}
	got := eval(t, db, "requests_total", at)
	for k, v := range want {
		if got[k] != v || len(got) != 1 {
			t.Errorf("counter: %v, want %v", got, want)
		}
	}
	if m := db.Metadata()["requests_total"]; m.Type != "counter" || m.Help != "Requests." {
		t.Errorf("metadata: %+v", m)
	}
}

func TestGatheredCounterStartsAtZero(t *testing.T) {
	db := openTest(t, Options{})
	reg := prometheus.NewRegistry()
	requests := prometheus.NewCounter(prometheus.CounterOpts{Name: "errors_total"})
	reg.MustRegister(requests)
	created := time.Now()
	requests.Add(7)
	// First seen at 7: the zero at its creation lets increase() count all of them.
	writeAll(t, db, reg, created.Add(60*time.Second))
	got := eval(t, db, "errors_total - errors_total offset 59s", created.Add(60*time.Second))
	if len(got) != 1 {
		t.Fatalf("no zero sample at the creation: %v", got)
	}
	for _, v := range got {
		if v != 7 {
			t.Errorf("increase: %v, want 7", v)
		}
	}
}

func TestGatheredHistograms(t *testing.T) {
	db := openTest(t, Options{})
	reg := prometheus.NewRegistry()
	h := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "duration_seconds", Buckets: []float64{.1, .5, 1}, NativeHistogramBucketFactor: 1.1,
	}, []string{"api"})
	reg.MustRegister(h)
	start := time.Now().Add(time.Second)
	for i := range 13 {
		for j := 1; j <= 1000; j++ {
			h.WithLabelValues("echo").Observe(float64(j) / 1000)
		}
		writeAll(t, db, reg, start.Add(time.Duration(i)*5*time.Second))
	}
	at := start.Add(60 * time.Second)
	for query, want := range map[string]float64{
		`histogram_quantile(0.95, sum(rate(duration_seconds[1m])))`:                 0.95,
		`histogram_quantile(0.95, sum by (le) (rate(duration_seconds_bucket[1m])))`: 0.95,
		`histogram_count(sum(duration_seconds))`:                                    13000,
		`sum(duration_seconds_count)`:                                               13000,
		`sum(duration_seconds_bucket{le="0.5"})`:                                    6500,
		`sum(duration_seconds_bucket{le="1.0"})`:                                    13000,
		`sum(duration_seconds_bucket{le="+Inf"})`:                                   13000,
		`sum(duration_seconds_sum)`:                                                 6506.5,
	} {
		if got := eval(t, db, query, at)["{}"]; !near(got, want, 0.06) {
			t.Errorf("%s = %v, want %v", query, got, want)
		}
	}
	if got := eval(t, db, `sum(duration_seconds_count)`, at)["{}"]; got != 13000 {
		t.Errorf("count is not exact: %v", got)
	}
}

func TestGatheredSeriesThatVanish(t *testing.T) {
	db := openTest(t, Options{})
	reg := prometheus.NewRegistry()
	g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "g"}, []string{"api"})
	h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "h", NativeHistogramBucketFactor: 1.1}, []string{"api"})
	reg.MustRegister(g, h)
	for _, api := range []string{"a", "b"} {
		g.WithLabelValues(api).Set(1)
		h.WithLabelValues(api).Observe(1)
	}
	start := time.Now().Add(time.Second)
	writeAll(t, db, reg, start)
	g.DeleteLabelValues("b")
	h.DeleteLabelValues("b")
	writeAll(t, db, reg, start.Add(5*time.Second))
	at := start.Add(6 * time.Second)
	for _, query := range []string{"count(g)", "count(h)"} {
		if got := eval(t, db, query, at)["{}"]; got != 1 {
			t.Errorf("%s = %v after one vanished, want 1", query, got)
		}
	}
	g.WithLabelValues("b").Set(2)
	writeAll(t, db, reg, start.Add(10*time.Second))
	if got := eval(t, db, `sum(g{api="b"})`, start.Add(10*time.Second))["{}"]; got != 2 {
		t.Errorf("the series that came back: %v, want 2", got)
	}
}

func TestGatheredExemplars(t *testing.T) {
	db := openTest(t, Options{})
	reg := prometheus.NewRegistry()
	h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "h", Buckets: []float64{1}, NativeHistogramBucketFactor: 1.1})
	reg.MustRegister(h)
	h.(prometheus.ExemplarObserver).ObserveWithExemplar(0.5, prometheus.Labels{"trace_id": "abc"})
	at := time.Now().Add(time.Second)
	writeAll(t, db, reg, at)
	writeAll(t, db, reg, at.Add(5*time.Second)) // the same exemplar is not an error
	q, err := db.ExemplarQuerier(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	found, err := q.Select(0, math.MaxInt64, []*labels.Matcher{labels.MustNewMatcher(labels.MatchRegexp, "__name__", "h.*")})
	if err != nil || len(found) == 0 {
		t.Fatalf("exemplars: %v, %v", found, err)
	}
	for _, f := range found {
		if len(f.Exemplars) != 1 || f.Exemplars[0].Labels.Get("trace_id") != "abc" || f.Exemplars[0].Value != 0.5 {
			t.Errorf("exemplars of %s: %v", f.SeriesLabels, f.Exemplars)
		}
	}
}

func TestGatheredOtherKinds(t *testing.T) {
	db := openTest(t, Options{})
	reg := prometheus.NewRegistry()
	s := prometheus.NewSummary(prometheus.SummaryOpts{Name: "s", Objectives: map[float64]float64{0.5: 0.05}})
	u := prometheus.NewUntypedFunc(prometheus.UntypedOpts{Name: "u"}, func() float64 { return 3 })
	reg.MustRegister(s, u)
	s.Observe(2)
	s.Observe(2)
	at := time.Now().Add(time.Second)
	writeAll(t, db, reg, at)
	for query, want := range map[string]float64{`sum(s{quantile="0.5"})`: 2, "sum(s_count)": 2, "sum(s_sum)": 4, "sum(u)": 3} {
		if got := eval(t, db, query, at)["{}"]; got != want {
			t.Errorf("%s = %v, want %v", query, got, want)
		}
	}
}

func TestGatheredBucketsThatChange(t *testing.T) {
	db := openTest(t, Options{})
	at := time.Now().Add(time.Second)
	for i, buckets := range [][]float64{{1, 2, 3}, {1, 5}} {
		reg := prometheus.NewRegistry()
		h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "h", Buckets: buckets})
		reg.MustRegister(h)
		h.Observe(1.5)
		writeAll(t, db, reg, at.Add(time.Duration(i)*5*time.Second))
	}
	got := eval(t, db, `count by (le) (h_bucket)`, at.Add(6*time.Second))
	if len(got) != 3 || got[`{le="5.0"}`] != 1 || got[`{le="2.0"}`] != 0 {
		t.Errorf("buckets after the change: %v", got)
	}
}

func TestGatheredBeyondTheLimit(t *testing.T) {
	db := openTest(t, Options{MaxSeries: 2})
	reg := prometheus.NewRegistry()
	g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "g"}, []string{"api"})
	reg.MustRegister(g)
	for _, api := range []string{"a", "b", "c"} {
		g.WithLabelValues(api).Set(1)
	}
	families, _ := reg.Gather()
	at := time.Now()
	err := db.WriteGathered(context.Background(), families, at)
	var limit *LimitError
	if !errors.As(err, &limit) {
		t.Errorf("beyond the limit: %v", err)
	}
	if got := eval(t, db, "count(g)", at)["{}"]; got != 2 {
		t.Errorf("series kept: %v, want 2", got)
	}
}

func BenchmarkWriteGathered(b *testing.B) {
	db, err := Open(Options{Folder: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	reg := prometheus.NewRegistry()
	h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "h", NativeHistogramBucketFactor: 1.1}, []string{"api"})
	reg.MustRegister(h)
	for i := range 100 {
		for j := range 50 {
			h.WithLabelValues(string(rune('a' + i))).Observe(float64(j))
		}
	}
	families, _ := reg.Gather()
	at := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		at = at.Add(time.Second)
		if err := db.WriteGathered(context.Background(), families, at); err != nil {
			b.Fatal(err)
		}
	}
}
