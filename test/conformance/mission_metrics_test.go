package conformance

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	prom "github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// token is a signed JWT that expires in seconds.
func token(t *testing.T, key string, expires int) string {
	t.Helper()
	secret, err := base64.StdEncoding.DecodeString(key)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256, Key: secret}, nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := jwt.Signed(signer).Claims(jwt.Claims{Subject: "tester", Expiry: jwt.NewNumericDate(time.Now().Add(time.Duration(expires) * time.Second))}).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// P07: limit hits, backend latency and the error ratio are series at once.
func missionRealTime(t *testing.T, h *house) {
	statuses := map[int]int{}
	var last answer
	for range 8 {
		last = h.call(t, "GET", "/limited/items/1", "")
		statuses[last.status]++
	}
	if statuses[200] != 3 || statuses[429] != 5 || last.header.Get("Retry-After") == "" {
		t.Errorf("statuses %v, Retry-After %q", statuses, last.header.Get("Retry-After"))
	}
	within(t, 2*time.Second, "the series of limit hits", func() bool {
		return h.query(t, `sum(gatehouse_policy_rejections_total{gatehouse_api="limited",source="rate-limit-by-key",reason="RateLimitExceeded"})`) == 5
	})
	if got := h.query(t, `sum(gatehouse_backend_duration_seconds_count{gatehouse_api="limited"})`); got != 3 {
		t.Errorf("%v backend durations, want 3", got)
	}
	ratio := `sum(http_server_request_duration_seconds_count{gatehouse_api="limited",http_response_status_code=~"[45].."}) / sum(http_server_request_duration_seconds_count{gatehouse_api="limited"})`
	if got := h.query(t, ratio); math.Abs(got-5.0/8) > 1e-9 {
		t.Errorf("error ratio %v, want %v", got, 5.0/8)
	}
}

// P09: counts and bytes are exact; the CPU time of the operations is that of
// the process.
func missionPerOperation(t *testing.T, h *house) {
	before := h.expose(t)
	const n, sent, received = 60, 1000, 2500
	for range n {
		h.call(t, "POST", "/exact/items/1?bytes=2500", strings.Repeat("x", sent))
		h.call(t, "GET", "/exact/any/thing?bytes=10", "")
	}
	h.load(t, 3000, "/exact/items/2?bytes=0", 200)
	eventually(t, "the counters", func() bool {
		return h.query(t, `sum(http_server_request_duration_seconds_count{gatehouse_api="exact"})`) == 2*n+3000
	})
	for query, want := range map[string]float64{
		`sum(http_server_request_duration_seconds_count{gatehouse_api="exact",gatehouse_operation="post-item"})`:   n,
		`sum(http_server_request_duration_seconds_count{gatehouse_api="exact",gatehouse_operation="get-any"})`:     n,
		`sum(http_server_request_duration_seconds_count{gatehouse_api="exact",gatehouse_operation="get-item"})`:    3000,
		`sum(http_server_request_body_bytes_total{gatehouse_api="exact",gatehouse_operation="post-item"})`:         n * sent,
		`sum(http_server_response_body_bytes_total{gatehouse_api="exact",gatehouse_operation="post-item"})`:        n * received,
		`sum(http_server_response_body_bytes_total{gatehouse_api="exact",gatehouse_operation="get-any"})`:          n * 10,
		`sum(http_server_request_body_bytes_total{gatehouse_api="exact",gatehouse_operation=~"get-item|get-any"})`: 0,
	} {
		if got := h.query(t, query); got != want {
			t.Errorf("%s = %v, want %v", query, got, want)
		}
	}
	after := h.expose(t)
	shared := total(after["gatehouse_operation_cpu_seconds_total"]) - total(before["gatehouse_operation_cpu_seconds_total"])
	process := total(after["process_cpu_seconds_total"]) - total(before["process_cpu_seconds_total"])
	if process <= 0 || math.Abs(shared-process) > 0.1*process+0.05 {
		t.Errorf("operations used %.3f s of CPU, the process %.3f s", shared, process)
	}
	t.Logf("CPU of operations %.3f s, of the process %.3f s", shared, process)
}

func (h *house) expose(t *testing.T) map[string]*dto.MetricFamily {
	t.Helper()
	resp, err := http.Get(h.monitor + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(resp.Body)
	if err != nil {
		t.Fatalf("/metrics: %v", err)
	}
	return families
}

func total(f *dto.MetricFamily) float64 {
	sum := 0.0
	for _, m := range f.GetMetric() {
		sum += m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
	}
	return sum
}

// P11: the gateway's own endpoint is enough for any Prometheus.
func missionNoAgent(t *testing.T, h *house) {
	h.call(t, "GET", "/marker/items/1", "")
	eventually(t, "metrics in the exposition", func() bool {
		f := h.expose(t)
		return total(f["http_server_request_duration_seconds"]) > 0 && total(f["process_cpu_seconds_total"]) > 0 && f["gatehouse_telemetry_exchanges_total"] != nil
	})
	// As a Prometheus asks for native histograms: protobuf.
	req, _ := http.NewRequest("GET", h.monitor+"/metrics", nil)
	req.Header.Set("Accept", `application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited`)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	decoder := expfmt.NewDecoder(resp.Body, expfmt.ResponseFormat(resp.Header))
	native := false
	for {
		var f dto.MetricFamily
		if err := decoder.Decode(&f); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if f.GetName() == "http_server_request_duration_seconds" {
			native = len(f.Metric[0].GetHistogram().GetPositiveSpan()) > 0
		}
	}
	if !native {
		t.Error("no native histogram in the protobuf exposition")
	}
}

// P18: the tag of an API groups its metrics, also a new one without a restart.
func missionTags(t *testing.T, h *house) {
	for range 5 {
		h.call(t, "GET", "/tagged/items/1", "")
	}
	join := `sum by (team) (http_server_request_duration_seconds_count{gatehouse_api="tagged"} * on (gatehouse_api) group_left (team) gatehouse_api_info{team="%s"})`
	eventually(t, "requests by team", func() bool { return h.query(t, fmt.Sprintf(join, "payments")) == 5 })
	h.write(t, map[string]string{"tags/team/tagInformation.json": `{"properties":{"displayName":"team=checkout"}}`})
	eventually(t, "requests by the new team", func() bool {
		h.call(t, "GET", "/tagged/items/1", "")
		return h.query(t, fmt.Sprintf(join, "checkout")) >= 6
	})
}

// A34: emit-metric's values and dimensions arrive.
func missionCustomMetric(t *testing.T, h *house) {
	for range 4 {
		h.call(t, "GET", "/measured/items/1", "")
	}
	eventually(t, "the custom metric", func() bool { return h.query(t, `orders_count{region="north",api_id="measured"}`) == 4 })
	if got := h.query(t, `orders_sum{region="north",api_id="measured"}`); got != 10 {
		t.Errorf("the sum is %v, want 10", got)
	}
	h.tenants(t).namespace(t)
}

// M02: the stock Prometheus client and the calls of Grafana's data source.
func missionOpenTools(t *testing.T, h *house) {
	h.call(t, "GET", "/marker/items/1", "")
	client, err := prom.NewClient(prom.Config{Address: h.monitor + "/prometheus"})
	if err != nil {
		t.Fatal(err)
	}
	api, ctx, now := v1.NewAPI(client), context.Background(), time.Now()
	const selector = "http_server_request_duration_seconds_count"
	eventually(t, "a value", func() bool {
		value, _, err := api.Query(ctx, "sum("+selector+")", time.Now())
		if err != nil {
			t.Fatal(err)
		}
		v, ok := value.(model.Vector)
		return ok && len(v) == 1 && v[0].Value > 0
	})
	checks := map[string]func() (bool, error){
		"query_range": func() (bool, error) {
			v, _, err := api.QueryRange(ctx, "histogram_quantile(0.9, sum by (le) (http_server_request_duration_seconds_bucket))", v1.Range{Start: now.Add(-time.Minute), End: time.Now(), Step: time.Second})
			m, ok := v.(model.Matrix)
			return ok && len(m) == 1, err
		},
		"labels": func() (bool, error) {
			l, _, err := api.LabelNames(ctx, nil, now.Add(-time.Hour), now.Add(time.Hour))
			return len(l) > 5, err
		},
		"values": func() (bool, error) {
			l, _, err := api.LabelValues(ctx, "__name__", nil, now.Add(-time.Hour), now.Add(time.Hour))
			return len(l) > 5, err
		},
		"series": func() (bool, error) {
			l, _, err := api.Series(ctx, []string{selector}, now.Add(-time.Hour), now.Add(time.Hour))
			return len(l) > 0, err
		},
		"metadata":  func() (bool, error) { m, err := api.Metadata(ctx, "", "10"); return len(m) > 0, err },
		"rules":     func() (bool, error) { r, err := api.Rules(ctx, nil); return len(r.Groups) > 0, err },
		"alerts":    func() (bool, error) { _, err := api.Alerts(ctx); return true, err },
		"buildinfo": func() (bool, error) { b, err := api.Buildinfo(ctx); return b.Version != "", err },
		"exemplars": func() (bool, error) {
			_, err := api.QueryExemplars(ctx, selector, now.Add(-time.Hour), now.Add(time.Hour))
			return true, err
		},
	}
	for name, check := range checks {
		if ok, err := check(); !ok || err != nil {
			t.Errorf("%s: %t %v", name, ok, err)
		}
	}
	if _, _, err := api.Query(ctx, "sum(", now); err == nil || !strings.Contains(err.Error(), "bad_data") {
		t.Errorf("a broken query: %v", err)
	}
}
