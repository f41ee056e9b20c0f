package azuremonitor

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/tsdb"

	"gatehouse/internal/api/arm"
)

// noon is a time at the start of a minute.
func noon() time.Time { return time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC) }

// gatewaySeries are samples every 5 seconds, as a gateway writes them.
type gatewaySeries struct {
	t  *testing.T
	db *tsdb.DB
	// of the counters by API and code
	counts map[[2]string]float64
	start  time.Time // of the process
}

func newSeries(t *testing.T) *gatewaySeries {
	t.Helper()
	db, err := tsdb.Open(t.TempDir(), nil, nil, tsdb.DefaultOptions(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return &gatewaySeries{t: t, db: db, counts: map[[2]string]float64{}}
}

// begin is a new process.
func (g *gatewaySeries) begin(at time.Time) { g.start, g.counts = at, map[[2]string]float64{} }

// write stores all series at a time.
func (g *gatewaySeries) write(at time.Time) {
	g.t.Helper()
	app := g.db.Appender(g.t.Context())
	add := func(v float64, pairs ...string) {
		pairs = append([]string{"job", "gatehouse", "instance", "gatehouse"}, pairs...) // a later one counts
		if _, err := app.Append(0, labels.FromMap(asMap(pairs)), at.UnixMilli(), v); err != nil {
			g.t.Fatal(err)
		}
	}
	add(float64(g.start.UnixMilli())/1000, "__name__", "gatehouse_start_time_seconds")
	add(1, "__name__", "gatehouse_start_time_seconds", "job", "another", "instance", "a:1")
	add(at.Sub(noon()).Seconds()/2, "__name__", "process_cpu_seconds_total")
	for key, n := range g.counts {
		add(n, "__name__", "http_server_request_duration_seconds_count", "gatehouse_api", key[0], "http_response_status_code", key[1])
		backend, reason := key[1], "None" // what is 4xx was refused by the gateway
		if key[1][0] == '4' {
			backend, reason = "none", "RateLimitExceeded"
		}
		add(n, "__name__", "gatehouse_request_outcomes_total", "gatehouse_api", key[0], "http_response_status_code", key[1], "gatehouse_backend_status_code", backend, "gatehouse_error_reason", reason)
		add(n*0.1, "__name__", "http_server_request_duration_seconds_sum", "gatehouse_api", key[0], "http_response_status_code", key[1])
		h := &histogram.Histogram{Schema: 3, Count: uint64(n), Sum: n * 0.1, ZeroThreshold: 1e-128, PositiveSpans: []histogram.Span{{Offset: -26, Length: 1}}, PositiveBuckets: []int64{int64(n)}}
		if _, err := app.AppendHistogram(0, labels.FromStrings("__name__", "http_server_request_duration_seconds", "job", "gatehouse", "instance", "gatehouse", "gatehouse_api", key[0], "http_response_status_code", key[1]), at.UnixMilli(), h, nil); err != nil {
			g.t.Fatal(err)
		}
	}
	// of another gateway that is scraped: it does not count
	add(1e6, "__name__", "http_server_request_duration_seconds_count", "gatehouse_api", "orders", "http_response_status_code", "200", "job", "another", "instance", "a:1")
	if err := app.Commit(); err != nil {
		g.t.Fatal(err)
	}
}

func asMap(pairs []string) map[string]string {
	out := map[string]string{}
	for i := 0; i+1 < len(pairs); i += 2 {
		out[pairs[i]] = pairs[i+1]
	}
	return out
}

func (g *gatewaySeries) handler(now time.Time) *arm.Mux {
	engine := promql.NewEngine(promql.EngineOpts{Timeout: time.Minute, MaxSamples: 5_000_000, LookbackDelta: 5 * time.Minute, EnableAtModifier: true, EnableNegativeOffset: true})
	mux := arm.NewMux(slog.New(slog.DiscardHandler))
	New(Options{Cores: 2, Now: func() time.Time { return now }, Service: func() (string, string) { return "contoso", "West Europe" },
		Range: func(ctx context.Context, query string, start, end time.Time, step time.Duration) (promql.Matrix, error) {
			q, err := engine.NewRangeQuery(ctx, g.db, nil, query, start, end, step)
			if err != nil {
				return nil, err
			}
			return q.Exec(ctx).Matrix()
		}}).Register(mux)
	return mux
}

const resource = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ApiManagement/service/contoso"

type answered struct {
	Cost                      int
	Timespan, Interval        string
	Namespace, Resourceregion string
	Value                     []struct {
		ID, Unit   string
		Name       struct{ Value string }
		Timeseries []struct {
			Metadatavalues []struct {
				Name  struct{ Value string }
				Value string
			}
			Data []struct {
				TimeStamp                        time.Time
				Total, Average, Maximum, Minimum *float64
			}
		}
	}
	Error struct{ Code, Message string }
}

func ask(t *testing.T, m *arm.Mux, path string, pairs ...string) (int, answered) {
	t.Helper()
	v := url.Values{"api-version": {"2024-02-01"}}
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	rec := httptest.NewRecorder()
	m.ServeHTTP(rec, httptest.NewRequest("GET", path+"?"+v.Encode(), nil))
	var out answered
	if err := json.Unmarshal(rec.Body.Bytes(), &out); err != nil {
		t.Fatalf("%s: %v", rec.Body, err)
	}
	return rec.Code, out
}

// totals are the sums of all series of the first metric, by their dimensions.
func (a *answered) totals() map[string]float64 {
	out := map[string]float64{}
	for _, m := range a.Value[:1] {
		for _, s := range m.Timeseries {
			var key []string
			for _, d := range s.Metadatavalues {
				key = append(key, d.Name.Value+"="+d.Value)
			}
			name := strings.Join(key, ",")
			out[name] += 0
			for _, p := range s.Data {
				if p.Total != nil {
					out[name] += *p.Total
				}
			}
		}
	}
	return out
}

const metricsOf = resource + "/providers/microsoft.insights/metrics"

// Ten minutes of requests with a restart, a series that begins late and a sleep
// of the machine: each request is in one minute.
func TestTotalsAreExact(t *testing.T) {
	g := newSeries(t)
	g.begin(noon().Add(-2 * time.Hour))
	want := map[string]float64{}
	call := func(api, code string, n float64) {
		g.counts[[2]string{api, code}] += n
		want["apiid="+api+",gatewayresponsecode="+code] += n
	}
	at := noon()
	for step := range 120 { // 5 s each
		switch step {
		case 65:
			g.begin(at.Add(-time.Second))
		case 90:
			at = at.Add(20 * time.Minute) // the machine slept
		}
		call("orders", "200", float64(step%7+1))
		if step > 30 && step < 50 || step > 80 {
			call("basket", "500", 3)
		}
		g.write(at)
		at = at.Add(5 * time.Second)
	}
	end := at.Truncate(time.Minute).Add(time.Minute)
	m := g.handler(end)
	for _, interval := range []string{"PT1M", "PT5M", "PT1H", "FULL"} {
		status, a := ask(t, m, metricsOf, "metricnames", "Requests", "aggregation", "Total", "interval", interval, "$filter", "ApiId eq '*' and GatewayResponseCode eq '*'",
			"timespan", noon().Add(-time.Minute).Format(time.RFC3339)+"/"+end.Add(time.Hour).Format(time.RFC3339))
		if status != 200 {
			t.Fatalf("%s: %d %+v", interval, status, a.Error)
		}
		if got := a.totals(); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %v\nwant %v", interval, got, want)
		}
	}
}

// An API that is called again long after a restart begins anew, whatever its
// count was before.
func TestTotalsAfterIdleRestart(t *testing.T) {
	for _, before := range []float64{2, 1000} {
		g := newSeries(t)
		g.begin(noon().Add(-time.Hour))
		g.counts[[2]string{"orders", "200"}] = before
		at := noon()
		write := func(n int) {
			for range n {
				g.write(at)
				at = at.Add(5 * time.Second)
			}
		}
		write(30)
		g.begin(at)
		write(120) // ten minutes without a call
		g.counts[[2]string{"orders", "200"}] = 5
		write(30)
		_, a := ask(t, g.handler(at), metricsOf, "aggregation", "total", "timespan", noon().Add(-time.Minute).Format(time.RFC3339)+"/"+at.Add(time.Minute).Format(time.RFC3339))
		if got := a.totals()[""]; got != before+5 {
			t.Errorf("%v before the restart: %v in all", before, got)
		}
	}
}

func TestAnswers(t *testing.T) {
	g := newSeries(t)
	g.begin(noon().Add(-time.Hour))
	for n := range 49 { // 12:00:00 to 12:04:00
		g.counts[[2]string{"orders", "200"}] += 2
		g.counts[[2]string{"Basket", "404"}]++
		g.counts[[2]string{"checkout", "201"}] += 4
		g.write(noon().Add(time.Duration(n) * 5 * time.Second))
	}
	m := g.handler(noon().Add(4 * time.Minute))
	two := "2026-05-04T12:01:00Z/2026-05-04T12:03:00Z" // two minutes, 12 samples each
	for _, c := range []struct {
		name  string
		pairs []string
		want  map[string]float64
	}{
		{"all", nil, map[string]float64{"": 2 * 12 * 7}},
		{"a value, in any case", []string{"$filter", "apiid eq 'BASKET'"}, map[string]float64{"apiid=Basket": 24}},
		{"two values", []string{"$filter", "(ApiId eq 'basket' or ApiId eq 'orders')"}, map[string]float64{"apiid=Basket": 24, "apiid=orders": 48}},
		{"not one", []string{"$filter", "ApiId ne 'basket' and ApiId ne 'checkout'"}, map[string]float64{"apiid=orders": 48}},
		{"rolled up", []string{"$filter", "ApiId eq 'basket' or ApiId eq 'orders'", "rollupby", "ApiId"}, map[string]float64{"": 72}},
		{"categories", []string{"$filter", "GatewayResponseCodeCategory eq '*'"}, map[string]float64{"gatewayresponsecodecategory=2xx": 144, "gatewayresponsecodecategory=4xx": 24}},
		{"reasons", []string{"$filter", "LastErrorReason eq '*'"}, map[string]float64{"lasterrorreason=None": 144, "lasterrorreason=RateLimitExceeded": 24}},
		{"a reason by API", []string{"$filter", "LastErrorReason eq 'ratelimitexceeded' and ApiId eq '*'"}, map[string]float64{"lasterrorreason=RateLimitExceeded,apiid=Basket": 24}},
		{"backend codes", []string{"$filter", "BackendResponseCode eq '*' and GatewayResponseCodeCategory eq '*'"}, map[string]float64{"backendresponsecode=200,gatewayresponsecodecategory=2xx": 48, "backendresponsecode=201,gatewayresponsecodecategory=2xx": 96, "backendresponsecode=none,gatewayresponsecodecategory=4xx": 24}},
		{"backend categories", []string{"$filter", "BackendResponseCodeCategory eq '2xx'"}, map[string]float64{"backendresponsecodecategory=2xx": 144}},
		{"one category", []string{"$filter", "GatewayResponseCodeCategory eq '4xx' and ApiId eq '*'"}, map[string]float64{"gatewayresponsecodecategory=4xx,apiid=Basket": 24}},
		{"region", []string{"$filter", "Location eq 'west europe' and ApiId eq 'orders'"}, map[string]float64{"location=West Europe,apiid=orders": 48}},
		{"another region", []string{"$filter", "Location eq 'North'"}, map[string]float64{}},
		{"the largest", []string{"$filter", "ApiId eq '*'", "top", "1"}, map[string]float64{"apiid=checkout": 96}},
		{"the smallest", []string{"$filter", "ApiId eq '*'", "top", "1", "orderby", "sum asc"}, map[string]float64{"apiid=Basket": 24}},
		{"metadata", []string{"$filter", "ApiId eq '*'", "top", "1", "resultType", "metadata"}, map[string]float64{"apiid=Basket": 0, "apiid=orders": 0, "apiid=checkout": 0}},
		{"an unknown dimension, not checked", []string{"$filter", "Planet eq '*'", "ValidateDimensions", "false"}, map[string]float64{"": 168}},
		{"an aggregation that it has not", []string{"aggregation", "Maximum"}, map[string]float64{}},
		{"a timespan that is encoded twice", []string{"timespan", url.QueryEscape(two)}, map[string]float64{"": 168}},
	} {
		status, a := ask(t, m, metricsOf, append([]string{"metricnames", "requests", "aggregation", "total", "timespan", two}, c.pairs...)...)
		if status != 200 || fmt.Sprint(a.totals()) != fmt.Sprint(c.want) {
			t.Errorf("%s: %d %v %+v, want %v", c.name, status, a.totals(), a.Error, c.want)
		}
	}
	status, a := ask(t, m, metricsOf, "metricnames", "Duration,BackendDuration,CpuPercent_Gateway", "aggregation", "Average,Maximum,Minimum", "timespan", two)
	if status != 200 || len(a.Value) != 3 || len(a.Value[0].Timeseries) != 1 || len(a.Value[1].Timeseries) != 0 {
		t.Fatalf("%d %+v", status, a)
	}
	d := a.Value[0].Timeseries[0].Data
	if len(d) != 2 || !d[0].TimeStamp.Equal(noon().Add(time.Minute)) || *d[0].Average < 99.9 || *d[0].Average > 100.1 || *d[0].Maximum < 100 || *d[0].Maximum > 110 || *d[0].Minimum > 100 || *d[0].Minimum < 91 {
		t.Errorf("durations: %+v", d)
	}
	if cpu := a.Value[2].Timeseries[0].Data[0].Average; *cpu < 24.9 || *cpu > 25.1 {
		t.Errorf("half a core of two: %v", *cpu)
	}
	if a.Namespace != Namespace || a.Resourceregion != "West Europe" || a.Interval != "PT1M" || a.Timespan != two || a.Cost != 6 || a.Value[0].Unit != "MilliSeconds" {
		t.Errorf("%+v", a)
	}
}

func TestRefusals(t *testing.T) {
	m := newSeries(t).handler(noon())
	for want, pairs := range map[string][]string{
		"Valid metrics":             {"metricnames", "Petrol"},
		"metricnamespace":           {"metricnamespace", "Microsoft.Cache/redis"},
		"timespan:":                 {"timespan", "yesterday"},
		"no time in it":             {"timespan", "2026-05-04T12:00:00Z/2026-05-04T12:00:00Z"},
		"is not one of PT1M":        {"interval", "PT7M"},
		"intervals, at most":        {"timespan", "P90D"},
		"aggregation:":              {"aggregation", "p99"},
		"is not one of the metrics": {"$filter", "Planet eq '*'"},
		"no closing quote":          {"$filter", "ApiId eq 'x"},
		"between two dimensions":    {"$filter", "ApiId eq 'x' or Location eq 'y'"},
		"not closed":                {"$filter", "(ApiId eq 'x'"},
		"not opened":                {"$filter", "ApiId eq 'x')"},
		"write comparisons":         {"$filter", "ApiId"},
		"not one of eq, ne":         {"$filter", "ApiId lt 'x'"},
		"stands twice":              {"$filter", "ApiId eq 'x' and ApiId eq 'y'"},
		"top:":                      {"top", "0"},
		"orderby:":                  {"orderby", "size"},
	} {
		if status, a := ask(t, m, metricsOf, pairs...); status != 400 || a.Error.Code != "BadRequest" || !strings.Contains(a.Error.Message, want) {
			t.Errorf("%s: %d %+v", want, status, a.Error)
		}
	}
	for _, path := range []string{strings.Replace(metricsOf, "contoso", "other", 1), "/subscriptions/s/resourceGroups/g/providers/Microsoft.Cache/redis/contoso/providers/microsoft.insights/metrics"} {
		if status, a := ask(t, m, path); status != 404 || a.Error.Code != "ResourceNotFound" {
			t.Errorf("%s: %d %+v", path, status, a.Error)
		}
	}
	if status, a := ask(t, m, metricsOf, "timespan", "P90D", "interval", "PT2M", "AutoAdjustTimegrain", "true"); status != 200 || a.Interval != "PT5M" {
		if !strings.Contains(a.Error.Message, "intervals") {
			t.Errorf("adjusted: %d %+v", status, a)
		}
	}
}

func FuzzFilter(f *testing.F) {
	f.Add("ApiId eq '*' and (Location eq 'a' or Location eq 'b''c') and Code ne '5'")
	f.Add("((ApiId eq 'x'))")
	f.Add("ApiId eq'\x8f'")
	f.Fuzz(func(t *testing.T, text string) {
		clauses, err := parseFilter(text)
		if err != nil {
			return
		}
		for _, c := range clauses {
			if c.dimension == "" && text != "" {
				t.Errorf("%q: a clause without a dimension", text)
			}
			p := plan{metric: &metrics()[0], counter: metrics()[0].counter, every: time.Minute, matches: strings.Join(c.matchers("a"), ",")}
			if _, err := promqlParser.ParseExpr(p.query("total")); err != nil {
				t.Errorf("%q: %v", text, err)
			}
		}
	})
}

var promqlParser = parser.NewParser(parser.Options{})
