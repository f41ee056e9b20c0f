package conformance

import (
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/prometheus/prompb"
)

// references are what the documentation of PromQL promises, on the data of
// seedReferences: an expression, and the values by the label that tells the series
// apart ("" when there is one).
var references = []struct {
	expr, label string
	want        map[string]float64
}{
	// Selectors: equal, not equal, regular expressions anchored at both ends.
	{`visits_total{job="shop"}`, "instance", map[string]float64{"a": 1200, "b": 2400}},
	{`visits_total{job=~"sh.*",instance!="a"}`, "instance", map[string]float64{"b": 2400}},
	{`visits_total{job!~"shop|s"}`, "instance", map[string]float64{"c": 600}},
	{`{__name__=~"visits.*",instance="c"}`, "instance", map[string]float64{"c": 600}},
	// A label that is absent is the empty one.
	{`count(visits_total{region=""})`, "", map[string]float64{"": 3}},
	// Offsets, and times that stand in the expression.
	{`visits_total{instance="a"} offset 5m`, "instance", map[string]float64{"a": 600}},
	{`visits_total{instance="a"} - visits_total{instance="a"} offset 1m`, "", map[string]float64{"": 120}},
	{`visits_total{instance="a"} @ end()`, "instance", map[string]float64{"a": 1200}},
	// Counters: rate a second, increase over a time, resets.
	{`rate(visits_total[5m])`, "instance", map[string]float64{"a": 2, "b": 4, "c": 1}},
	{`increase(visits_total{instance="a"}[5m])`, "instance", map[string]float64{"a": 600}},
	{`irate(visits_total{instance="b"}[5m])`, "instance", map[string]float64{"b": 4}},
	{`resets(restarted_total[10m])`, "", map[string]float64{"": 1}},
	// Aggregation by labels and without them.
	{`sum by (job) (rate(visits_total[5m]))`, "job", map[string]float64{"shop": 6, "desk": 1}},
	{`sum without (instance) (rate(visits_total[5m]))`, "job", map[string]float64{"shop": 6, "desk": 1}},
	{`avg(temperature)`, "", map[string]float64{"": 21}},
	{`max by (room) (temperature) - min by (room) (temperature)`, "room", map[string]float64{"hall": 0, "attic": 0}},
	{`topk(1, temperature)`, "room", map[string]float64{"attic": 24}},
	{`count_values("degrees", temperature)`, "degrees", map[string]float64{"18": 1, "24": 1}},
	{`quantile(0.5, temperature)`, "", map[string]float64{"": 21}},
	{`stddev(temperature)`, "", map[string]float64{"": 3}},
	// Binary operators: matching of labels, many to one, comparison, sets.
	{`failures_total / ignoring (kind) group_left visits_total`, "kind", map[string]float64{"timeout": 0.05, "refused": 0.01}},
	{`sum by (owner) (visits_total * on (job) group_left (owner) owner_info)`, "owner", map[string]float64{"ann": 3600, "bob": 600}},
	{`temperature > 20`, "room", map[string]float64{"attic": 24}},
	{`temperature > bool 20`, "room", map[string]float64{"attic": 1, "hall": 0}},
	{`temperature and on (room) lit{room="hall"}`, "room", map[string]float64{"hall": 18}},
	{`temperature unless on (room) lit`, "room", map[string]float64{"attic": 24}},
	{`lit or on (room) temperature`, "room", map[string]float64{"hall": 1, "attic": 24}},
	{`2 ^ 3 ^ 2 % 7`, "", map[string]float64{"": 1}}, // powers bind from the right and before %
	{`-2 ^ 2`, "", map[string]float64{"": -4}},
	// Functions over time, subqueries, forecasts.
	{`max_over_time(rate(visits_total{instance="a"}[2m])[5m:1m])`, "instance", map[string]float64{"a": 2}},
	{`avg_over_time(ramp[4m])`, "", map[string]float64{"": 8.5}},
	{`deriv(ramp[5m]) * 60`, "", map[string]float64{"": 1}},
	{`predict_linear(ramp[5m], 600)`, "", map[string]float64{"": 20}},
	{`changes(restarted_total[10m])`, "", map[string]float64{"": 9}},
	{`absent(visits_total{job="nothing"})`, "job", map[string]float64{"nothing": 1}},
	{`clamp(temperature, 20, 22)`, "room", map[string]float64{"hall": 20, "attic": 22}},
	// Labels that are made.
	{`label_replace(temperature, "floor", "$1-floor", "room", "(a|h).*")`, "floor", map[string]float64{"a-floor": 24, "h-floor": 18}},
	{`label_join(temperature, "both", "/", "house", "room")`, "both", map[string]float64{"one/hall": 18, "one/attic": 24}},
	// Classic histograms.
	{`histogram_quantile(0.5, rate(took_seconds_bucket[5m]))`, "", map[string]float64{"": 0.5}},
	{`histogram_quantile(0.9, rate(took_seconds_bucket[5m]))`, "", map[string]float64{"": 0.9}},
	{`time() - timestamp(temperature{room="hall"})`, "", map[string]float64{"": 0}},
}

// seedReferences writes eleven samples a minute apart and gives the last time.
func (h *house) seedReferences(t *testing.T, workspace string) time.Time {
	t.Helper()
	end := time.Now().Truncate(time.Minute)
	series := func(value func(minute int) float64, pairs ...string) prompb.TimeSeries {
		var samples []prompb.Sample
		for m := range 11 {
			samples = append(samples, prompb.Sample{Timestamp: end.Add(time.Duration(m-10) * time.Minute).UnixMilli(), Value: value(m)})
		}
		return sampled(samples, pairs...)
	}
	by := func(perMinute float64) func(int) float64 {
		return func(m int) float64 { return perMinute * float64(m) }
	}
	always := func(v float64) func(int) float64 { return func(int) float64 { return v } }
	h.writeSeries(t, workspace,
		series(by(120), "__name__", "visits_total", "instance", "a", "job", "shop"), series(by(240), "__name__", "visits_total", "instance", "b", "job", "shop"),
		series(by(60), "__name__", "visits_total", "instance", "c", "job", "desk"),
		series(by(3), "__name__", "failures_total", "instance", "c", "job", "desk", "kind", "timeout"), series(by(0.6), "__name__", "failures_total", "instance", "c", "job", "desk", "kind", "refused"),
		series(always(18), "__name__", "temperature", "house", "one", "room", "hall"), series(always(24), "__name__", "temperature", "house", "one", "room", "attic"),
		series(always(1), "__name__", "lit", "room", "hall"),
		series(always(1), "__name__", "owner_info", "job", "shop", "owner", "ann"), series(always(1), "__name__", "owner_info", "job", "desk", "owner", "bob"),
		series(by(1), "__name__", "ramp"),
		series(func(m int) float64 { return float64(m % 6) }, "__name__", "restarted_total"),
		series(by(50), "__name__", "took_seconds_bucket", "le", "0.5"), series(by(90), "__name__", "took_seconds_bucket", "le", "0.9"), series(by(100), "__name__", "took_seconds_bucket", "le", "+Inf"),
	)
	return end
}

// M33: what the documentation of PromQL says holds, example by example; recording
// and alerting rules do as theirs say, relabelling too; a sample backend is
// instrumented, scraped and alerted as the guide has it.
func missionReferences(t *testing.T, h *house) {
	if status, _ := callJSON(t, http.DefaultClient, "PUT", h.monitor+"/api/metric-workspaces/references", map[string]any{"outOfOrderWindow": "20m"}); status != http.StatusCreated {
		t.Fatalf("make the workspace: %d", status)
	}
	const api = "/workspaces/references/prometheus"
	end := h.seedReferences(t, api)
	for _, r := range references {
		got := h.vectorIn(t, api, r.expr, r.label, end)
		same := len(got) == len(r.want)
		for key, want := range r.want {
			v, ok := got[key]
			same = same && ok && math.Abs(v-want) <= 1e-9*math.Max(1, math.Abs(want))
		}
		if !same {
			t.Errorf("%s: %v, want %v", r.expr, got, r.want)
		}
	}
	promtoolTests(t, "1m", []string{"testdata/references.yml"}, []unitTest{referenceRules()})
	h.relabelling(t)
	h.exporterGuide(t)
}

// vectorIn are the values of an instant query by a label.
func (h *house) vectorIn(t *testing.T, api, expr, label string, at time.Time) map[string]float64 {
	t.Helper()
	var out struct {
		Data struct {
			ResultType string
			Result     any
		}
	}
	if status := h.get(t, fmt.Sprintf("%s/api/v1/query?time=%d&query=%s", api, at.Unix(), escape(expr)), &out); status != http.StatusOK {
		t.Errorf("%s: %d", expr, status)
		return nil
	}
	got := map[string]float64{}
	if out.Data.ResultType == "scalar" {
		got[""] = number(t, out.Data.Result.([]any)[1])
		return got
	}
	for _, one := range out.Data.Result.([]any) {
		s := one.(map[string]any)
		key, _ := s["metric"].(map[string]any)[label].(string)
		got[key] = number(t, s["value"].([]any)[1])
	}
	return got
}

// referenceRules: a recorded series feeds the rule behind it in the same
// evaluation, an alert waits for its time, goes on for its time, and fills its
// annotations.
func referenceRules() unitTest {
	firing := func(at string, n int) unitQuery {
		return unitQuery{`count(ALERTS{alertname="HotRoom",alertstate="firing"}) or vector(0)`, at, []map[string]any{{"labels": "{}", "value": n}}}
	}
	return unitTest{Interval: "1m", Series: []map[string]string{{"series": `temperature{room="attic"}`, "values": "20x5 30x5 20x10"}, {"series": `temperature{room="hall"}`, "values": "20x20"}},
		Queries: []unitQuery{
			{"house:temperature:max", "8m", []map[string]any{{"labels": "house:temperature:max{}", "value": 30}}},
			{"house:temperature_above:degrees", "8m", []map[string]any{{"labels": "house:temperature_above:degrees{}", "value": 10}}},
			firing("7m", 0), firing("8m", 1), firing("12m", 1), firing("13m", 1), firing("14m", 0), // pending from 6 for 2 minutes; gone at 12, kept for 2 minutes
		}}
}

// relabelling: what is kept, dropped, renamed and made of labels, before and after
// the scrape.
func (h *house) relabelling(t *testing.T) {
	t.Helper()
	room := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(w, "seats{Room=\"Hall\",internal_note=\"x\"} 4\nsecret_total 1\n")
	}))
	t.Cleanup(room.Close)
	host := strings.TrimPrefix(room.URL, "http://")
	text := fmt.Sprintf(`scrape_configs:
- job_name: rooms
  scrape_interval: 200ms
  scrape_timeout: 200ms
  static_configs:
  - {targets: ['%[1]s'], labels: {__meta_kind: room, __meta_label_floor: first, team: Blue, unused: x}}
  - {targets: ['127.0.0.1:1'], labels: {__meta_kind: cellar}}
  relabel_configs:
  - {source_labels: [__meta_kind], regex: room, action: keep}
  - {source_labels: [__address__, __meta_kind], separator: ;, regex: '([^:]+):(\d+);(.+)', target_label: instance, replacement: $3@$1}
  - {regex: __meta_label_(.+), action: labelmap}
  - {source_labels: [team], target_label: team, action: lowercase}
  - {source_labels: [__address__], modulus: 1, target_label: shard, action: hashmod}
  - {regex: unused, action: labeldrop}
  metric_relabel_configs:
  - {source_labels: [__name__], regex: secret_.*, action: drop}
  - {source_labels: [Room], regex: (.+), target_label: room, action: replace}
  - {regex: Room|internal_.*, action: labeldrop}
`, host)
	if status, body := h.putText(t, "/api/metric-workspaces/references/scrape", text); status != http.StatusNoContent {
		t.Fatalf("scrape configuration: %d %s", status, body)
	}
	const api = "/workspaces/references/prometheus"
	eventually(t, "the relabelled series", func() bool {
		return h.seriesOf(t, api, `seats{floor="first",instance="room@127.0.0.1",job="rooms",room="Hall",shard="0",team="blue",Room="",unused="",internal_note=""} == 4`) == 1
	})
	if n := h.seriesOf(t, api, `{__name__="secret_total"}`) + h.seriesOf(t, api, `up{instance!="room@127.0.0.1",job="rooms"}`); n != 0 {
		t.Errorf("%d series of what is dropped", n)
	}
}

// exporterGuide does what docs/guides/exporters.md says: its program is the one
// below, its configuration and rules are read from it.
func (h *house) exporterGuide(t *testing.T) {
	t.Helper()
	guide, err := os.ReadFile(filepath.Join("..", "..", "docs", "guides", "exporters.md"))
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("mission_references_test.go")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(guide), "```")
	var scrape, rules string
	for i := 1; i < len(blocks); i += 2 {
		kind, text, _ := strings.Cut(blocks[i], "\n")
		switch {
		case kind == "go" && !strings.Contains(string(source), strings.TrimSpace(text)):
			t.Errorf("the guide's program is not the one that is tested:\n%s", text)
		case kind == "yaml" && strings.Contains(text, "scrape_configs"):
			scrape = text
		case kind == "yaml" && strings.Contains(text, "groups"):
			rules = text
		}
	}
	backend := httptest.NewServer(orders(prometheus.NewRegistry()))
	t.Cleanup(backend.Close)
	scrape = strings.NewReplacer("orders.example:8000", strings.TrimPrefix(backend.URL, "http://"), "15s", "200ms", "10s", "200ms").Replace(scrape)
	rules = strings.NewReplacer("interval: 30s", "interval: 1s", "for: 5m", "for: 0s").Replace(rules)
	for path, text := range map[string]string{"scrape": scrape, "rules/orders.yml": rules} {
		if status, body := h.putText(t, "/api/metric-workspaces/references/"+path, text); status != http.StatusNoContent {
			t.Fatalf("%s of the guide: %d %s\n%s", path, status, body, text)
		}
	}
	const api = "/workspaces/references/prometheus"
	order := func(path string) {
		resp, err := http.Get(backend.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
	}
	order("/order?fail=1")
	eventually(t, "the guide's series", func() bool { return h.seriesOf(t, api, `orders_total{job="orders",outcome="failed"}`) == 1 })
	eventually(t, "the guide's alert", func() bool {
		order("/order")
		order("/order?fail=1")
		return h.seriesOf(t, api, `ALERTS{alertname="OrdersFail",alertstate="firing"}`) == 1 && h.seriesOf(t, api, `orders:failures:ratio5m > 0.1`) == 1
	})
	if names := h.vectorIn(t, api, `count by (__name__) ({__name__=~"orders_.+",job="orders"})`, "__name__", time.Now()); !slices.Contains(keysOf(names), "orders_duration_seconds_bucket") {
		t.Errorf("series of the guide: %v", names)
	}
}

// orders is a backend that counts its orders and how long they take.
func orders(registry *prometheus.Registry) http.Handler {
	placed := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "orders_total", Help: "Orders by outcome."}, []string{"outcome"})
	duration := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "orders_duration_seconds", Help: "Duration of an order.", Buckets: prometheus.DefBuckets})
	registry.MustRegister(placed, duration)
	mux := http.NewServeMux()
	mux.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("/order", func(w http.ResponseWriter, r *http.Request) {
		began, outcome := time.Now(), "placed"
		if r.URL.Query().Get("fail") != "" {
			outcome = "failed"
			w.WriteHeader(http.StatusInternalServerError)
		}
		placed.WithLabelValues(outcome).Inc()
		duration.Observe(time.Since(began).Seconds())
	})
	return mux
}

func keysOf(m map[string]float64) (out []string) {
	for k := range m {
		out = append(out, k)
	}
	return out
}

func escape(expr string) string { return url.QueryEscape(expr) }

func number(t *testing.T, v any) float64 {
	t.Helper()
	f, err := strconv.ParseFloat(fmt.Sprint(v), 64)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// putText sends a file with PUT.
func (h *house) putText(t *testing.T, path, text string) (int, string) {
	t.Helper()
	req, err := http.NewRequest("PUT", h.monitor+path, strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body)
}
