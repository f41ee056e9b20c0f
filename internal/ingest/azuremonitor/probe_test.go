package azuremonitor

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

func probe(t *testing.T, h http.Handler, path string) (int, string) {
	t.Helper()
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequest("GET", path, nil))
	text, _ := io.ReadAll(rec.Result().Body)
	if rec.Code == 200 {
		parser := expfmt.NewTextParser(model.UTF8Validation)
		if _, err := parser.TextToMetricFamilies(strings.NewReader(string(text))); err != nil {
			t.Errorf("%s: %v\n%s", path, err, text)
		}
	}
	return rec.Code, string(text)
}

func prober(t *testing.T) (*azure, *clock, http.Handler) {
	t.Helper()
	a, now := newAzure(t), &clock{at: noon()}
	mux := http.NewServeMux()
	NewProber(ProbeOptions{Client: a.connect(t, -1, 0), Now: now.now}).Register(mux)
	return a, now, mux
}

func TestProbes(t *testing.T) {
	_, _, h := prober(t)
	target := "target=" + url.QueryEscape(service)
	const common = `azurerm_resource_metric{aggregation="total",`
	const tail = `interval="PT1M",metric="Requests",resourceGroup="Shop",resourceID="` // lower-cased id
	id := strings.ToLower(service)
	const stamp = " 1777897560000\n" // 12:26
	for _, c := range []struct {
		name, path string
		want       []string
	}{
		{"resource", "/probe/metrics/resource?metric=Requests&aggregation=Total&metricFilter=ApiId%20eq%20'*'&" + target, []string{
			common + `dimension="basket",` + tail + id + `",resourceName="orders",subscriptionID="00000000-0000-0000-0000-000000000001",tag_owner="ann",timespan="PT1M",unit="Count"} 26` + stamp,
			common + `dimension="checkout",` + tail}},
		{"several dimensions", "/probe/metrics/resource?metric=Requests&aggregation=Total&metricFilter=ApiId%20eq%20'*'%20and%20Location%20eq%20'*'&" + target, []string{
			`dimensionApiid="basket",dimensionLocation="West Europe",`}},
		{"template", "/probe/metrics/resource?metric=Duration&aggregation=average,maximum&name=azure&template=%7Bname%7D_%7Bmetric%7D_%7Baggregation%7D_%7Bunit%7D&" + target, []string{
			`azure_duration_average_milliseconds{interval="PT1M",resourceGroup="Shop",`, "# TYPE azure_duration_maximum_milliseconds gauge"}},
		{"list", "/probe/metrics/list?metric=Capacity&aggregation=average&subscription=s&resourceType=Microsoft.ApiManagement/service", []string{
			`resourceName="orders",`, `resourceName="orders2",`, `unit="Percent"`}},
		{"scrape", "/probe/metrics/scrape?metricTagName=metrics&aggregation=total&subscription=s&filter=x", []string{`metric="Requests",`, `metric="Capacity",`}},
		{"region", "/probe/metrics?metric=Requests&aggregation=total&subscription=s&region=westeurope&resourceType=Microsoft.ApiManagement/service", []string{
			`resourceName="orders",`, `metric="Requests",`}},
	} {
		status, text := probe(t, h, c.path)
		if status != 200 {
			t.Errorf("%s: %d %s", c.name, status, text)
		}
		for _, want := range c.want {
			if !strings.Contains(text, want) {
				t.Errorf("%s: no %s in\n%s", c.name, want, text)
			}
		}
	}
	if _, text := probe(t, h, "/probe/metrics/scrape?metricTagName=metrics&aggregation=total&subscription=s&filter=x"); strings.Contains(text, "orders2") {
		t.Errorf("a resource without the tag is probed:\n%s", text)
	}
}

func TestProbeRefuses(t *testing.T) {
	a, _, h := prober(t)
	target := "&target=" + url.QueryEscape(service)
	for path, want := range map[string]string{
		"/probe/metrics/resource?metric=Requests":                                         "name a resource",
		"/probe/metrics/resource?x=y" + target:                                            "name a metric",
		"/probe/metrics/resource?metric=Requests&target=orders":                           "not a resource id",
		"/probe/metrics/resource?metric=Requests&interval=1m" + target:                    "interval:",
		"/probe/metrics/resource?metric=Requests&timespan=PT" + target:                    "timespan:",
		"/probe/metrics/resource?metric=Requests&metricTop=-1" + target:                   "metricTop:",
		"/probe/metrics/resource?metric=Requests&name=a-b" + target:                       "not a metric's name",
		"/probe/metrics/list?metric=Requests":                                             "name a subscription",
		"/probe/metrics/list?metric=Requests&subscription=../x":                           "not the id of one",
		"/probe/metrics/list?metric=Requests&subscription=s":                              "name resources",
		"/probe/metrics/scrape?metric=Requests&subscription=s":                            "metricTagName",
		"/probe/metrics?metric=Requests&subscription=s":                                   "region=",
		"/probe/metrics/resource?metric=Requests&validateDimensions=perhaps" + target:     "validateDimensions",
		"/probe/metrics/resource?metric=Requests" + target + strings.Repeat("&a=b", 6000): "too long",
	} {
		if status, text := probe(t, h, path); status < 400 || status > 499 || !strings.Contains(text, want) {
			t.Errorf("%.80s: %d %s", path, status, text)
		}
	}
	if q := a.queries(); len(q) != 0 {
		t.Errorf("Azure was asked: %v", q)
	}
	a.refuseNext(1, 403, "")
	if status, text := probe(t, h, "/probe/metrics/resource?metric=Requests"+target); status != 502 || !strings.Contains(text, "Monitoring Reader") {
		t.Errorf("%d %s", status, text)
	}
	a.refuseNext(1, 429, "600")
	if status, _ := probe(t, h, "/probe/metrics/resource?metric=Requests"+target); status != 503 {
		t.Errorf("throttled: %d", status)
	}
	if status, _ := probe(t, h, "/probe/metrics/resource?metric=Requests"+target); status != 503 || len(a.queries()) != 2 {
		t.Errorf("throttled: %d, or Azure was asked again", status)
	}
}

func TestProbeCache(t *testing.T) {
	a, now, h := prober(t)
	path := "/probe/metrics/resource?metric=Nothing&cache=2m&target=" + url.QueryEscape(service)
	for range 3 {
		if status, text := probe(t, h, path); status != 200 {
			t.Fatalf("%d %s", status, text)
		}
	}
	if q := a.queries(); len(q) != 1 {
		t.Errorf("%d calls for three probes", len(q))
	}
	now.add(3 * time.Minute)
	probe(t, h, path)
	if q := a.queries(); len(q) != 1 || a.lists != 1 {
		t.Errorf("%d calls and %d lists after the answer is too old", len(q), a.lists)
	}
}

func FuzzParameters(f *testing.F) {
	f.Add("metric=Requests&target=" + url.QueryEscape(service) + "&interval=PT5M&timespan=PT1H&template={name}_{metric}")
	f.Add("metric=a&name=_b&metricTop=5&cache=1m&validateDimensions=true&subscription=s")
	f.Fuzz(func(t *testing.T, text string) {
		v, err := url.ParseQuery(text)
		if err != nil {
			return
		}
		p, err := readParameters(v, noon())
		if err != nil {
			return
		}
		if !p.query.start.Before(p.query.end) || p.query.end.After(noon()) {
			t.Errorf("%q: from %s to %s", text, p.query.start, p.query.end)
		}
		s := series{metric: "Requests", unit: "Count", dimensions: [][2]string{{"apiid", "x"}}}
		for _, one := range exporter(resourceID{}, &s, &point{at: noon(), values: map[string]float64{"total": 1}}, &p.naming) {
			if !model.UTF8Validation.IsValidMetricName(one.Name) || one.Name == "" {
				t.Errorf("%q: name %q", text, one.Name)
			}
		}
	})
}
