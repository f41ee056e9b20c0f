package ingest

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/internal/telemetry"
)

// clock starts at 5000 s and passes when told to.
type clock struct{ passed atomic.Int64 }

func (c *clock) read() time.Time      { return time.Unix(5000, c.passed.Load()) }
func (c *clock) pass(d time.Duration) { c.passed.Add(int64(d)) }

type metricRow struct {
	Value, ValueSum, ValueCount, ValueMin, ValueMax float64
	Namespace                                       string `json:"metricNamespace"`
	dimensions                                      map[string]string
	telemetry.LogRecord
}

func metricRows(t *testing.T, m *memory) (out []metricRow) {
	t.Helper()
	for _, l := range m.logs {
		r := metricRow{LogRecord: l}
		if err := json.Unmarshal([]byte(l.Item), &r); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(l.Attributes), &r.dimensions); err != nil {
			t.Fatal(err)
		}
		out = append(out, r)
	}
	return out
}

func emit(i *Ingest, e *telemetry.Endpoint, name string, value float64, dimensions ...string) {
	x := exchange(e, 1)
	v := telemetry.Measurement{Name: name, Namespace: "API Management", Value: value}
	for n := 0; n < len(dimensions); n += 2 {
		v.Dimensions = append(v.Dimensions, telemetry.Attribute{Key: dimensions[n], Value: dimensions[n+1]})
	}
	x.Measurements = append(x.Measurements, v)
	i.Exchange(x)
}

func metricEndpoint(loggers ...string) *telemetry.Endpoint {
	e := endpoint1()
	e.Region = "west"
	for _, name := range loggers {
		e.Diagnostics = append(e.Diagnostics, &telemetry.Diagnostic{Logger: name, Metrics: true})
	}
	return e
}

// Values of an interval are one row for each series, never sampled.
func TestMetricsAreAggregated(t *testing.T) {
	m := &memory{}
	start := time.Unix(5000, 0)
	var now clock
	i := open(t, Options{Rows: []telemetry.Rows{m}, Now: now.read, Destination: func(string) Destination { return Destination{Workspace: "w", Dimensions: true} }})
	e := metricEndpoint("a")
	for _, v := range []float64{4, -1, 2.5} {
		emit(i, e, "size", v, "plan", "gold", "empty", "", "Region", "mine")
	}
	emit(i, e, "size", 7, "plan", "silver")
	if err := i.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	rows := metricRows(t, m)
	if len(rows) != 2 || len(m.spans) != 0 {
		t.Fatalf("%d rows, %d requests", len(rows), len(m.spans))
	}
	for _, r := range rows {
		if r.dimensions["plan"] != "gold" {
			continue
		}
		if r.Value != 5.5 || r.ValueSum != 5.5 || r.ValueCount != 3 || r.ValueMin != -1 || r.ValueMax != 4 || r.Namespace != "API Management" ||
			r.EventName != "size" || r.Type != telemetry.TypeMetric || r.Workspace != "w" || r.Time != start.UnixNano() || r.Service != "demo" {
			t.Errorf("%+v", r)
		}
		want := `{"plan":"gold","Region":"mine","Service ID":"demo","Service Name":"demo","Service Type":"API Management","_MS.AggregationIntervalMs":"1","_MS.MetricNamespace":"API Management"}`
		if r.Attributes != want {
			t.Errorf("%s, want %s", r.Attributes, want)
		}
	}
	// The next interval starts where the last ended.
	now.pass(10 * time.Second)
	if err := i.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	emit(i, e, "size", 1)
	now.pass(10 * time.Second)
	if err := i.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if last := metricRows(t, m); len(last) != 3 || last[2].Time != start.Add(10*time.Second).UnixNano() || last[2].dimensions["_MS.AggregationIntervalMs"] != "10000" {
		t.Errorf("%+v", last)
	}
}

// Each of the switches decides alone: the diagnostic's metrics, the workspace's
// dimensions, a logger at the scope.
func TestSwitchesOfMetrics(t *testing.T) {
	for name, c := range map[string]struct {
		diagnostics []*telemetry.Diagnostic
		dimensions  bool
		rows        int
		plan        string
	}{
		"all on":            {[]*telemetry.Diagnostic{{Metrics: true}}, true, 1, "gold"},
		"no dimensions":     {[]*telemetry.Diagnostic{{Metrics: true}}, false, 1, ""},
		"metrics off":       {[]*telemetry.Diagnostic{{Sampling: 100}}, true, 0, ""},
		"no logger at hand": {nil, true, 0, ""},
	} {
		m := &memory{}
		i := open(t, Options{Rows: []telemetry.Rows{m}, Destination: func(string) Destination { return Destination{Dimensions: c.dimensions} }})
		e := endpoint1()
		e.Diagnostics = c.diagnostics
		emit(i, e, "size", 1, "plan", "gold")
		if err := i.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		rows := metricRows(t, m)
		if len(rows) != c.rows || len(rows) == 1 && rows[0].dimensions["plan"] != c.plan {
			t.Errorf("%s: %+v", name, rows)
		}
	}
}

// Series beyond the workspace's limit are put into one, and totals stay exact;
// a series that was not seen within the window makes room.
func TestActiveSeries(t *testing.T) {
	m := &memory{}
	var now clock
	i := open(t, Options{Rows: []telemetry.Rows{m}, Now: now.read, WorkspaceSeries: 1000,
		Destination: func(string) Destination { return Destination{Dimensions: true} }})
	e := metricEndpoint("a")
	for a := range 10 {
		for b := range 10 {
			for c := range 12 { // 10 of them make the limit
				emit(i, e, "size", 1, "a", fmt.Sprint(a), "b", fmt.Sprint(b), "c", fmt.Sprint(c))
			}
		}
	}
	if err := i.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	total, beyond := 0.0, 0.0
	for _, r := range metricRows(t, m) {
		total += r.Value
		if strings.Contains(r.Attributes, overflow) {
			beyond += r.Value
		}
	}
	if total != 1200 || beyond != 200 {
		t.Errorf("total %v, beyond the limit %v", total, beyond)
	}
	if active, over := gather(t, i, "gatehouse_custom_metric_series", "workspace=default"), gather(t, i, "gatehouse_custom_metric_overflow_total"); active != 1000 || over != 200 {
		t.Errorf("active %v, overflow %v", active, over)
	}
	now.pass(13 * time.Hour)
	if err := i.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if active := gather(t, i, "gatehouse_custom_metric_series", "workspace=default"); active != 0 {
		t.Errorf("after the window: %v", active)
	}
}
