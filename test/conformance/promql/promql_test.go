package promql_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"text/template"
	"time"

	prom "github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"
)

// variants are what stands for the arguments of the list's queries.
var variants = map[string][]string{
	"range":                {"1s", "15s", "1m", "5m", "15m", "1h"},
	"offset":               {"1m", "5m", "10m"},
	"simpleAggrOp":         {"sum", "avg", "max", "min", "count", "stddev", "stdvar"},
	"topBottomOp":          {"topk", "bottomk"},
	"quantile":             {"-0.5", "0.1", "0.5", "0.75", "0.95", "0.90", "0.99", "1", "1.5"},
	"arithBinOp":           {"+", "-", "*", "/", "%", "^"},
	"compBinOp":            {"==", "!=", "<", ">", "<=", ">="},
	"binOp":                {"+", "-", "*", "/", "%", "^", "==", "!=", "<", ">", "<=", ">="},
	"simpleMathFunc":       {"abs", "ceil", "floor", "exp", "sqrt", "ln", "log2", "log10", "round"},
	"extrapolatedRateFunc": {"delta", "rate", "increase"},
	"clampFunc":            {"clamp_min", "clamp_max"},
	"instantRateFunc":      {"idelta", "irate"},
	"dateFunc":             {"day_of_month", "day_of_week", "days_in_month", "hour", "minute", "month", "year"},
	"simpleTimeAggrOp":     {"sum", "avg", "max", "min", "count", "stddev", "stdvar", "absent", "last"},
}

// accepted are queries that the list expects to fail and that a Prometheus of
// today answers, since label names may be any UTF-8: both must answer alike.
func accepted(query string) bool { return strings.Contains(query, `"~invalid"`) }

type query struct {
	text string
	fail bool
}

func queries(t *testing.T) (out []query) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "shared", "corpus", "promql", "promql-test-queries.yml"))
	if err != nil {
		t.Skip("the public list of queries is not at hand")
	}
	var list struct {
		Cases []struct {
			Query string   `yaml:"query"`
			Args  []string `yaml:"variant_args"`
			Fail  bool     `yaml:"should_fail"`
		} `yaml:"test_cases"`
	}
	if err := yaml.Unmarshal(data, &list); err != nil {
		t.Fatal(err)
	}
	for _, c := range list.Cases {
		tmpl, err := template.New("query").Parse(c.Query)
		if err != nil {
			t.Fatal(err)
		}
		for _, values := range combinations(t, c.Args) {
			var b bytes.Buffer
			if err := tmpl.Execute(&b, values); err != nil {
				t.Fatal(err)
			}
			out = append(out, query{b.String(), c.Fail})
		}
	}
	return out
}

func combinations(t *testing.T, args []string) []map[string]string {
	t.Helper()
	out := []map[string]string{{}}
	for _, arg := range args {
		if len(variants[arg]) == 0 {
			t.Fatalf("the list has an argument %q that is not known here", arg)
		}
		var next []map[string]string
		for _, before := range out {
			for _, v := range variants[arg] {
				one := map[string]string{arg: v}
				for k, w := range before {
					one[k] = w
				}
				next = append(next, one)
			}
		}
		out = next
	}
	return out
}

func api(t *testing.T, address string) v1.API {
	t.Helper()
	c, err := prom.NewClient(prom.Config{Address: address})
	if err != nil {
		t.Fatal(err)
	}
	return v1.NewAPI(c)
}

func TestCompliance(t *testing.T) {
	list := queries(t)
	folder := build(t)
	reference := startPrometheus(t, folder, "global: {scrape_interval: 1h, evaluation_interval: 1h}\nstorage: {tsdb: {out_of_order_time_window: 3h}}\n")
	ours := startGatehouse(t) + "/workspaces/compliance/prometheus"
	end := time.Now().Truncate(time.Second)
	feed(t, end, reference+"/api/v1/write", ours+"/api/v1/write")
	a, b := api(t, reference), api(t, ours)
	r := v1.Range{Start: end.Add(-12 * time.Minute), End: end.Add(-2 * time.Minute), Step: 10 * time.Second}
	passed := 0
	for _, q := range list {
		if err := compare(a, b, q, r); err != nil {
			t.Errorf("%s: %v", q.text, err)
			continue
		}
		if q.fail && accepted(q.text) {
			t.Logf("%s: the list expects a refusal, a Prometheus of today answers, and so do we", q.text)
		}
		passed++
	}
	fmt.Printf("promql/compliance %d/%d\n", passed, len(list))
}

// compare asks both for a range and for an instant.
func compare(reference, ours v1.API, q query, r v1.Range) error {
	ctx := context.Background()
	want, _, wantErr := reference.QueryRange(ctx, q.text, r)
	got, _, gotErr := ours.QueryRange(ctx, q.text, r)
	switch {
	case (wantErr == nil) != (gotErr == nil):
		return fmt.Errorf("reference: %v, ours: %v", wantErr, gotErr)
	case wantErr != nil:
		if wantErr.Error() != gotErr.Error() {
			return fmt.Errorf("the errors differ: %v; %v", wantErr, gotErr)
		}
		if !q.fail {
			return fmt.Errorf("both refuse it: %w", wantErr)
		}
		return nil
	case q.fail && !accepted(q.text):
		return fmt.Errorf("both answer what must be refused")
	}
	if err := same(want, got); err != nil {
		return err
	}
	want, _, wantErr = reference.Query(ctx, q.text, r.End)
	got, _, gotErr = ours.Query(ctx, q.text, r.End)
	if wantErr != nil || gotErr != nil {
		return fmt.Errorf("as an instant query: %v; %v", wantErr, gotErr)
	}
	return same(want, got)
}

// same compares values point by point; sums may differ in their last digits,
// as their order is not fixed.
func same(want, got model.Value) error {
	if want.Type() != got.Type() {
		return fmt.Errorf("a %s, want a %s", got.Type(), want.Type())
	}
	a, b := flatten(want), flatten(got)
	if len(a) != len(b) {
		return fmt.Errorf("%d series, want %d", len(b), len(a))
	}
	for key, points := range a {
		other, ok := b[key]
		if !ok || len(points) != len(other) {
			return fmt.Errorf("series %s: %d points, want %d", key, len(other), len(points))
		}
		for i, p := range points {
			if p.Timestamp != other[i].Timestamp || !near(float64(p.Value), float64(other[i].Value)) {
				return fmt.Errorf("series %s: %v, want %v", key, other[i], p)
			}
		}
	}
	return nil
}

func near(a, b float64) bool {
	return a == b || (math.IsNaN(a) && math.IsNaN(b)) || math.Abs(a-b) <= 1e-12*math.Max(math.Abs(a), math.Abs(b))
}

func flatten(v model.Value) map[string][]model.SamplePair {
	out := map[string][]model.SamplePair{}
	switch v := v.(type) {
	case model.Matrix:
		for _, s := range v {
			out[s.Metric.String()] = s.Values
		}
	case model.Vector:
		for _, s := range v {
			out[s.Metric.String()] = []model.SamplePair{{Timestamp: s.Timestamp, Value: s.Value}}
		}
	case *model.Scalar:
		out[""] = []model.SamplePair{{Timestamp: v.Timestamp, Value: v.Value}}
	}
	return out
}

// A real Prometheus sends by both versions, federates from us and reads back.
func TestPrometheusBesideUs(t *testing.T) {
	folder := build(t)
	base := startGatehouse(t)
	sent := base + "/workspaces/sent/prometheus"
	host := strings.TrimPrefix(base, "http://")
	reference := startPrometheus(t, folder, fmt.Sprintf(`global: {scrape_interval: 500ms}
scrape_configs:
- {job_name: gatehouse, static_configs: [{targets: [%[1]q]}], scrape_native_histograms: true}
- {job_name: federated, honor_labels: true, metrics_path: /workspaces/sent/prometheus/federate, params: {"match[]": ["{job=\"gatehouse\"}"]}, static_configs: [{targets: [%[1]q]}], metric_relabel_configs: [{target_label: federated, replacement: "yes"}]}
remote_write:
- {url: "%[2]s/api/v1/write", send_exemplars: true, send_native_histograms: true, write_relabel_configs: [{target_label: version, replacement: one}]}
- {url: "%[2]s/api/v1/write", name: two, protobuf_message: io.prometheus.write.v2.Request, write_relabel_configs: [{target_label: version, replacement: two}]}
- {url: "%[3]s/dataCollectionRules/DCR-1/streams/Microsoft-PrometheusMetrics/api/v1/write?api-version=2023-04-24", name: azure}
remote_read:
- {url: "%[2]s/api/v1/read", read_recent: true, filter_external_labels: false}
`, host, sent, base))
	has(t, sent, `up{job="gatehouse",version="one"} == 1`)
	has(t, sent, `up{job="gatehouse",version="two"} == 1`)
	has(t, base+"/workspaces/azure/prometheus", `up{job="gatehouse"} == 1`)
	has(t, reference, `up{job="gatehouse",federated="yes"}`)
	has(t, reference, `up{job="gatehouse",version="two",federated=""} == 1`) // read back
	has(t, base+"/workspaces/default/prometheus", `gatehouse_metrics_workspace_active_series{workspace="sent"} > 100`)
	var out struct {
		Status string
		Data   json.RawMessage
	}
	for _, path := range []string{"/status/config", "/status/flags", "/status/runtimeinfo", "/status/buildinfo", "/status/tsdb", "/status/walreplay", "/alertmanagers", "/targets", "/targets/metadata", "/metadata", "/rules", "/alerts", "/format_query?query=up", "/parse_query?query=up"} {
		if err := fetch(base+"/prometheus/api/v1"+path, &out); err != nil || out.Status != "success" {
			t.Errorf("%s: %v %+v", path, err, out.Status)
		}
	}
	ready(t, base+"/prometheus/-/healthy")
	ready(t, base+"/alertmanager/-/ready")
	ready(t, base+"/alertmanager/api/v2/status")
}

// has waits until a query gives series at an address.
func has(t *testing.T, address, query string) {
	t.Helper()
	eventually(t, query, func() error {
		v, _, err := api(t, address).Query(context.Background(), query, time.Now())
		if err != nil {
			return err
		}
		if vector, ok := v.(model.Vector); !ok || len(vector) == 0 {
			return fmt.Errorf("no series at %s", address)
		}
		return nil
	})
}

// The Prometheus of the distribution, which is years older, sends, federates and
// reads back too, where it is installed.
func TestDistributionPrometheus(t *testing.T) {
	path, err := exec.LookPath("prometheus")
	if err != nil {
		t.Skip("there is no prometheus in PATH: apt-get install prometheus")
	}
	version, _ := exec.Command(path, "--version").CombinedOutput()
	t.Logf("%.60s", version)
	base := startGatehouse(t)
	sent := base + "/workspaces/sent/prometheus"
	older := startPrometheus(t, filepath.Dir(path), fmt.Sprintf(`global: {scrape_interval: 500ms, external_labels: {cluster: older}}
scrape_configs:
- {job_name: gatehouse, static_configs: [{targets: [%[1]q]}]}
- {job_name: federated, honor_labels: true, metrics_path: /workspaces/sent/prometheus/federate, params: {"match[]": ["{job=\"gatehouse\"}"]}, static_configs: [{targets: [%[1]q]}], metric_relabel_configs: [{target_label: federated, replacement: "yes"}]}
remote_write:
- {url: "%[2]s/api/v1/write", send_exemplars: true, write_relabel_configs: [{target_label: version, replacement: one}]}
- {url: "%[3]s/dataCollectionRules/DCR-1/streams/Microsoft-PrometheusMetrics/api/v1/write?api-version=2023-04-24", name: azure}
remote_read:
- {url: "%[2]s/api/v1/read", read_recent: true, filter_external_labels: false}
`, strings.TrimPrefix(base, "http://"), sent, base))
	has(t, sent, `up{job="gatehouse",version="one",cluster="older"} == 1`)
	has(t, sent, `gatehouse_telemetry_exchanges_total{job="gatehouse"}`)
	has(t, base+"/workspaces/azure/prometheus", `up{job="gatehouse",cluster="older"} == 1`)
	has(t, older, `up{job="gatehouse",federated="yes"}`)
	has(t, older, `up{job="gatehouse",version="one",federated=""} == 1`) // read back
	has(t, older, `rate(http_server_request_duration_seconds_count[1m]) or vector(1)`)
}
