package ingest

import (
	"slices"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"gatehouse/internal/telemetry"
)

// Limits of one measurement.
const (
	maxMetricName     = 128
	maxDimensions     = 17 // ten of its own and the seven standard ones
	maxDimensionValue = 128
)

// customMetrics are the metrics of emit-metric: sum and count of the values by
// dimensions, as a summary without quantiles.
type customMetrics struct {
	options *Options

	mu      sync.Mutex
	metrics map[customName]*customMetric
	taken   map[string]bool // Prometheus names
	key     []byte
}

type customName struct{ namespace, name string }

type customMetric struct {
	name   string
	series map[string]*customSeries // by dimensions
	more   *customSeries            // what is beyond the limit
}

type customSeries struct {
	desc  *prometheus.Desc
	count uint64
	sum   float64
	value []string
}

func newCustomMetrics(o *Options) *customMetrics {
	return &customMetrics{options: o, metrics: map[customName]*customMetric{}, taken: map[string]bool{}}
}

// Describe gives nothing: the names are only known when they are emitted.
func (c *customMetrics) Describe(chan<- *prometheus.Desc) {}

// Collect gives all series.
func (c *customMetrics) Collect(out chan<- prometheus.Metric) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range c.metrics {
		for _, s := range m.series {
			out <- s.metric()
		}
		if m.more != nil {
			out <- m.more.metric()
		}
	}
}

func (s *customSeries) metric() prometheus.Metric {
	m, err := prometheus.NewConstSummary(s.desc, s.count, s.sum, nil, s.value...)
	if err != nil {
		return prometheus.NewInvalidMetric(s.desc, err)
	}
	return m
}

func (c *customMetrics) add(v *telemetry.Measurement) {
	c.mu.Lock()
	defer c.mu.Unlock()
	m := c.metric(v)
	labels, values := dimensions(v)
	c.key = c.key[:0]
	for i := range labels {
		c.key = append(append(append(append(c.key, labels[i]...), 0xff), values[i]...), 0xff)
	}
	s := m.series[string(c.key)]
	switch {
	case s != nil:
	case m.series != nil && len(m.series) < c.options.CustomSeries:
		s = newCustomSeries(m.name, labels, values)
		m.series[string(c.key)] = s
	case m.more == nil:
		for i := range values {
			values[i] = overflow
		}
		m.more = newCustomSeries(m.name, labels, values)
		fallthrough
	default:
		s = m.more
	}
	s.count++
	s.sum += v.Value
}

// metric finds or makes the metric; beyond the limit of names all values go to one.
func (c *customMetrics) metric(v *telemetry.Measurement) *customMetric {
	key := customName{v.Namespace, v.Name}
	if m := c.metrics[key]; m != nil {
		return m
	}
	if len(c.metrics) >= c.options.CustomMetrics {
		key = customName{}
		if m := c.metrics[key]; m != nil {
			return m
		}
		m := &customMetric{name: "custom" + overflow, more: &customSeries{desc: prometheus.NewDesc("custom"+overflow, customHelp, nil, nil)}}
		c.metrics[key] = m
		return m
	}
	m := &customMetric{name: c.name(v), series: map[string]*customSeries{}}
	c.metrics[key] = m
	return m
}

const customHelp = "Values of an emit-metric policy."

// name is the metric's own name in Prometheus' alphabet. Two names that become
// the same, and names of our own metrics, get the namespace in front.
func (c *customMetrics) name(v *telemetry.Measurement) string {
	name := sanitise(v.Name)
	for _, prefix := range []string{"gatehouse_", "http_server_", "http_client_", "go_", "process_", "promhttp_", "prometheus_", "alertmanager_", "custom_"} {
		if strings.HasPrefix(name, prefix) {
			name = "custom_" + name
			break
		}
	}
	// A summary's own suffixes: two families must not claim one series.
	for _, suffix := range []string{"_sum", "_count", "_bucket", "_total", "_info", "_created"} {
		if strings.HasSuffix(name, suffix) {
			name += "_value"
		}
	}
	if c.taken[name] {
		name = "custom_" + sanitise(v.Namespace) + "_" + name
	}
	for c.taken[name] {
		name += "_"
	}
	c.taken[name] = true
	return name
}

func newCustomSeries(name string, labels, values []string) *customSeries {
	return &customSeries{desc: prometheus.NewDesc(name, customHelp, labels, nil), value: values}
}

// dimensions gives labels and values as Prometheus will see them, in the order
// of the labels. Series are told apart by this form: two that differ only in
// what is cleaned away, or in the order of their dimensions, would be one series
// that is collected twice, and the registry refuses that.
func dimensions(v *telemetry.Measurement) (labels, values []string) {
	for i := range v.Dimensions {
		d := &v.Dimensions[i]
		label := sanitise(d.Key)
		if label == "job" || label == "instance" {
			label = "exported_" + label // as a scrape names them
		}
		at, used := slices.BinarySearch(labels, label)
		if used || len(labels) == maxDimensions {
			continue
		}
		value := strings.ToValidUTF8(clip(d.Value, maxDimensionValue), "\uFFFD")
		if value == overflow { // stands for many values; a caller could send it
			value = "overflow"
		}
		labels, values = slices.Insert(labels, at, label), slices.Insert(values, at, value)
	}
	return labels, values
}

// sanitise makes a name of letters, digits and underscores in lower case that
// starts with a letter.
func sanitise(s string) string {
	var b strings.Builder
	for i := 0; i < len(s) && b.Len() < maxMetricName; i++ {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
			b.WriteByte(c)
		case 'A' <= c && c <= 'Z':
			b.WriteByte(c + 'a' - 'A')
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "_"):
			b.WriteByte('_')
		}
	}
	out := strings.TrimRight(b.String(), "_")
	if out == "" || out[0] < 'a' || out[0] > 'z' {
		out = "custom_" + out
	}
	// Names that mean something to Prometheus in a summary.
	if out == "quantile" || out == "le" {
		out += "_"
	}
	return out
}
