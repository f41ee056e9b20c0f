package conformance

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/internal/ingest"
	"gatehouse/internal/server"
	"gatehouse/internal/telemetry"
)

// metricLimit is a limit of custom metrics: what Azure documents, and what is
// found here by trying, in both profiles.
type metricLimit struct {
	name, azure, stance string
	find                func(t *testing.T, h *house, profile string) string
}

// metricLimits are the limits of custom metrics, which Azure calls a preview.
func metricLimits() []metricLimit {
	return []metricLimit{
		{"dimensions of an `emit-metric` with a value of their own", "10", "compat refuses the eleventh when the service is loaded; native warns and says that series are the product of the values",
			func(t *testing.T, h *house, profile string) string {
				return largest(t, h, profile, []int{1, 10, 11, 25}, func(n int) map[string]string {
					var dimensions strings.Builder
					for i := range n {
						fmt.Fprintf(&dimensions, `<dimension name="d%d" value="v"/>`, i)
					}
					return map[string]string{"": `<emit-metric name="m">` + dimensions.String() + `</emit-metric>`}
				})
			}},
		{"active series within 12 hours", "50,000 for a region and subscription", "of each workspace, whichever gateways write to it; `telemetry.customMetricSeries` sets another; what is beyond becomes one series whose dimensions read `_overflow`, and totals stay exact",
			func(t *testing.T, h *house, profile string) string {
				c := h.costly(t)
				at := map[string]*house{"compat": c.first, "native": c.second}[profile]
				_, out := callJSON(t, http.DefaultClient, "POST", at.monitor+"/api/custom-metrics/predict", map[string]any{"dimensions": []any{map[string]any{"name": "a", "value": "b"}}})
				n, _ := out["limit"].(float64)
				return thousands(int(n))
			}},
		{"sum of what is beyond the series", "lost", "kept: a tenth of the series allowed, the same sum", func(t *testing.T, _ *house, _ string) string {
			total, overflow := 0.0, false
			for _, l := range metricRows(t, 2, 20, func(n int) telemetry.Measurement {
				return telemetry.Measurement{Name: "m", Value: 3, Dimensions: []telemetry.Attribute{{Key: "n", Value: fmt.Sprint(n)}}}
			}) {
				var item struct{ ValueSum float64 }
				if err := json.Unmarshal([]byte(l.Item), &item); err != nil {
					t.Fatal(err)
				}
				total += item.ValueSum
				overflow = overflow || strings.Contains(l.Attributes, "_overflow")
			}
			if total != 60 || !overflow {
				t.Errorf("20 values of 3 in 2 series come to %v, overflow %t", total, overflow)
			}
			return "kept"
		}},
		{"characters of a metric's name, and of its namespace", "256", "the rest is cut, in bytes of whole characters", func(t *testing.T, _ *house, _ string) string {
			l := metricRows(t, 10, 1, func(int) telemetry.Measurement {
				return telemetry.Measurement{Name: strings.Repeat("n", 1000), Namespace: strings.Repeat("s", 1000), Value: 1}
			})[0]
			var item struct{ MetricNamespace string }
			if err := json.Unmarshal([]byte(l.Item), &item); err != nil || len(item.MetricNamespace) != len(l.EventName) {
				t.Errorf("name %d, namespace %d, %v", len(l.EventName), len(item.MetricNamespace), err)
			}
			return thousands(len(l.EventName))
		}},
		{"characters of a dimension's name / value", "150 / 8,192", "the rest is cut, in bytes of whole characters", func(t *testing.T, _ *house, _ string) string {
			l := metricRows(t, 10, 1, func(int) telemetry.Measurement {
				return telemetry.Measurement{Name: "m", Value: 1, Dimensions: []telemetry.Attribute{{Key: strings.Repeat("k", 1000), Value: strings.Repeat("v", 20_000)}}}
			})[0]
			return thousands(strings.Count(l.Attributes, "k")) + " / " + thousands(longestRun(l.Attributes, 'v'))
		}},
		{"bytes of a body that a diagnostic keeps", "8,192", "compat refuses more when the service is loaded; native warns", func(t *testing.T, h *house, profile string) string {
			return largest(t, h, profile, []int{8192, 8193, 65536, 65537}, func(n int) map[string]string {
				return map[string]string{"": "", "loggers/here/loggerInformation.json": insights(keyOfCostly),
					"diagnostics/applicationinsights/diagnosticInformation.json": fmt.Sprintf(`{"properties":{"loggerId":"/loggers/here","frontend":{"request":{"body":{"bytes":%d}}}}}`, n)}
			})
		}},
	}
}

// largest is the greatest of some sizes that a service may have in a profile; "" is
// the policy of its API.
func largest(t *testing.T, h *house, profile string, sizes []int, service func(int) map[string]string) string {
	t.Helper()
	best := 0
	for _, n := range sizes {
		files := service(n)
		policy := files[""]
		delete(files, "")
		h.addAPI(files, "a", policies(policy, "", ""), "", false)
		config := server.DefaultConfig()
		config.Service.Folder, config.Telemetry.Profile = t.TempDir(), profile
		(&house{service: config.Service.Folder}).write(t, files)
		if server.CheckService(config, io.Discard) == nil {
			best = n
		}
	}
	if best == sizes[len(sizes)-1] {
		return thousands(best) + " and more"
	}
	return thousands(best)
}

func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func longestRun(s string, c byte) (longest int) {
	run := 0
	for i := range len(s) {
		if run++; s[i] != c {
			run = 0
		}
		longest = max(longest, run)
	}
	return longest
}

// metricRows are the rows that values of custom metrics become in a workspace with
// so many series.
func metricRows(t *testing.T, series, values int, of func(int) telemetry.Measurement) []telemetry.LogRecord {
	t.Helper()
	kept := &metricStore{}
	i, err := ingest.New(ingest.Options{Rows: []telemetry.Rows{kept}, WorkspaceSeries: series, AggregationInterval: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	endpoint := &telemetry.Endpoint{Service: "limits", Diagnostics: []*telemetry.Diagnostic{{ID: "applicationinsights", Sampling: 100, Metrics: true}}}
	for n := range values {
		e := telemetry.NewExchange()
		e.Endpoint, e.Start = endpoint, time.Now()
		e.Measurements = append(e.Measurements, of(n))
		i.Exchange(e)
	}
	if err := i.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(kept.logs) == 0 {
		t.Fatal("no rows")
	}
	return kept.logs
}

type metricStore struct {
	mu   sync.Mutex
	logs []telemetry.LogRecord
}

func (s *metricStore) Spans(context.Context, []telemetry.Span) error { return nil }

func (s *metricStore) Logs(_ context.Context, logs []telemetry.LogRecord) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.logs = append(s.logs, logs...)
	return nil
}

// A49: the page of limits says what the limits are found to be.
func missionMetricLimits(t *testing.T, h *house) {
	var b strings.Builder
	b.WriteString("# Limits of custom metrics\n\nAzure calls custom metrics a preview feature, subject to limitations. Here they are part of the product, and its limits are these: `compat` and `native` are what `telemetry.profile` says. The numbers are found by trying, in the test of promise A49, which writes this page (`go test ./test/conformance -run 'TestMission$/A49' -update`).\n\n")
	b.WriteString("| limit | Azure | compat | native | what happens beyond it |\n|---|---|---|---|---|\n")
	for _, l := range metricLimits() {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", l.name, l.azure, l.find(t, h, "compat"), l.find(t, h, "native"), l.stance)
	}
	b.WriteString("\n`gatehouse_custom_metric_series`, `gatehouse_custom_metric_series_limit` and `gatehouse_custom_metric_overflow_total` show the meter of each workspace; an alert fires at 80 % of a limit. `POST /api/custom-metrics/predict` says beforehand how many series a policy would make ([costs](telemetry-cost.md)).\n")
	path := filepath.Join("..", "..", "docs", "reference", "custom-metric-limits.md")
	if *update && !t.Failed() {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != b.String() {
		t.Errorf("docs/reference/custom-metric-limits.md is not what was found (%v): run with -update\n%s", err, b.String())
	}
}
