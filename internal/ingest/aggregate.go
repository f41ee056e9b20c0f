package ingest

import (
	"math"
	"strconv"
	"time"

	"gatehouse/internal/telemetry"
)

// aggregates are the rows of custom metrics in the making: one for each series
// of a destination and interval. Used by the worker only, but for the meters.
type aggregates struct {
	options *Options
	meters  *meters
	metrics *metrics
	series  map[string]*aggregate
	since   time.Time
	swept   time.Time
	key     []byte
}

type aggregate struct {
	to              Destination
	source          string
	service         string
	region          string
	resource        string
	name, namespace string
	dimensions      []telemetry.Attribute
	count           int64
	sum, min, max   float64
}

func newAggregates(o *Options, m *metrics) *aggregates {
	now := o.Now()
	return &aggregates{options: o, metrics: m, meters: newMeters(o), series: map[string]*aggregate{}, since: now, swept: now}
}

// add counts the measurements of an exchange for every route that takes metrics.
func (a *aggregates) add(t *template, e *telemetry.Exchange) {
	for _, r := range t.routes {
		if !r.metrics || r.cap.full(false) {
			continue
		}
		for n := range e.Measurements {
			if v := e.Measurements[n].Value; !math.IsNaN(v) && !math.IsInf(v, 0) {
				a.find(r, t, &e.Measurements[n]).count1(v)
			}
		}
	}
}

func (g *aggregate) count1(v float64) {
	if g.count == 0 {
		g.min, g.max = v, v
	}
	g.count++
	g.sum, g.min, g.max = g.sum+v, math.Min(g.min, v), math.Max(g.max, v)
}

// find gives the aggregate of a measurement's series, or the one of all that
// are beyond the workspace's limit.
func (a *aggregates) find(r *route, t *template, v *telemetry.Measurement) *aggregate {
	a.meters.mu.Lock()
	defer a.meters.mu.Unlock()
	m := a.meters.of(meterKey{r.to.Rows, r.to.Workspace})
	dimensions, name := v.Dimensions, v.Name
	if !r.to.Dimensions {
		dimensions = nil
	}
	a.seriesKey(m, t, name, v.Namespace, dimensions)
	if g := a.series[string(a.key)]; g != nil {
		return g
	}
	if !m.admit(m.seriesHash(t.span.Service, v.Namespace, name, dimensions), a.options.Now()) {
		m.overflowed(a.metrics)
		name = m.overflowName(name, a.options.CustomMetrics)
		dimensions = overflowed(dimensions)
		a.seriesKey(m, t, name, v.Namespace, dimensions)
		if g := a.series[string(a.key)]; g != nil {
			return g
		}
	}
	g := &aggregate{to: r.to, source: r.source, service: t.span.Service, region: t.region, resource: t.span.Resource, name: clip(name, maxMetricText), namespace: clip(v.Namespace, maxMetricText)}
	for _, d := range dimensions {
		g.dimensions = append(g.dimensions, telemetry.Attribute{Key: clip(d.Key, 150), Value: clip(d.Value, maxText)})
	}
	a.series[string(a.key)] = g
	return g
}

// maxMetricText bounds names and namespaces, as Application Insights does.
const maxMetricText = 256

func overflowed(dimensions []telemetry.Attribute) []telemetry.Attribute {
	out := make([]telemetry.Attribute, len(dimensions))
	for n, d := range dimensions {
		out[n] = telemetry.Attribute{Key: d.Key, Value: overflow}
	}
	return out
}

func (a *aggregates) seriesKey(m *meter, t *template, name, namespace string, dimensions []telemetry.Attribute) {
	a.key = strconv.AppendInt(a.key[:0], int64(m.number), 10)
	for _, part := range [...]string{t.span.Service, namespace, name} {
		a.key = append(append(a.key, 0xff), part...)
	}
	for n := range dimensions {
		a.key = append(append(a.key, 0xff), dimensions[n].Key...)
		a.key = append(append(a.key, 0xfe), dimensions[n].Value...)
	}
}

// emit makes a row of each series and begins the next interval.
func (a *aggregates) emit(i *Ingest) {
	now := a.options.Now()
	interval := now.Sub(a.since)
	for _, g := range a.series {
		if s := i.stream(&g.to); s != nil && len(s.writers) > 0 {
			s.batch.logs = append(s.batch.logs, g.row(a.since, interval))
			if len(s.batch.logs) >= a.options.BatchSize {
				i.send(s)
			}
		}
	}
	clear(a.series)
	a.since = now
	a.meters.mu.Lock()
	defer a.meters.mu.Unlock()
	if now.Sub(a.swept) >= a.options.SeriesWindow/48 {
		a.swept = now
		for _, m := range a.meters.by {
			m.forget(now.Add(-a.options.SeriesWindow))
		}
	}
	for _, m := range a.meters.by {
		m.show(a.metrics)
	}
}

// row is the aggregate as a log record; its time is the start of the interval.
func (g *aggregate) row(start time.Time, interval time.Duration) telemetry.LogRecord {
	b := []byte{'{'}
	for n, one := range []struct {
		name  string
		value float64
	}{{"value", g.sum}, {"valueSum", g.sum}, {"valueCount", float64(g.count)}, {"valueMin", g.min}, {"valueMax", g.max}} {
		if n > 0 {
			b = append(b, ',')
		}
		b = append(telemetry.AppendJSON(b, one.name), ':')
		b = strconv.AppendFloat(b, one.value, 'g', -1, 64)
	}
	b = append(telemetry.AppendJSON(append(b, `,"metricNamespace":`...), g.namespace), '}')
	return telemetry.LogRecord{Time: start.UnixNano(), Type: telemetry.TypeMetric, EventName: g.name, Severity: "information", SeverityNumber: 9,
		Service: g.service, Source: g.source, Workspace: g.to.Workspace, Resource: g.resource, SampleWeight: 1, Item: string(b),
		Attributes: g.customDimensions(interval)}
}

// customDimensions are the metric's own, and those that Azure adds.
func (g *aggregate) customDimensions(interval time.Duration) string {
	all := append(g.dimensions[:len(g.dimensions):len(g.dimensions)],
		telemetry.Attribute{Key: "Service ID", Value: g.service}, telemetry.Attribute{Key: "Service Name", Value: g.service},
		telemetry.Attribute{Key: "Region", Value: g.region}, telemetry.Attribute{Key: "Service Type", Value: "API Management"},
		telemetry.Attribute{Key: "_MS.AggregationIntervalMs", Value: strconv.FormatInt(max(1, interval.Milliseconds()), 10)},
		telemetry.Attribute{Key: "_MS.MetricNamespace", Value: g.namespace})
	b, seen := []byte{'{'}, map[string]bool{}
	for _, d := range all {
		if d.Value == "" || seen[d.Key] {
			continue
		}
		if seen[d.Key] = true; len(b) > 1 {
			b = append(b, ',')
		}
		b = append(telemetry.AppendJSON(b, d.Key), ':')
		b = telemetry.AppendJSON(b, d.Value)
	}
	return string(append(b, '}'))
}
