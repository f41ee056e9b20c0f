package ingest

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"gatehouse/internal/telemetry"
)

// Values that stand for what has no name of its own.
const (
	none     = "none"
	overflow = "_overflow"
)

// dropReason says why the rows of an exchange were not kept.
type dropReason uint8

const (
	dropQueueFull dropReason = iota
	dropWriterBehind
	dropWriteFailed
	dropClosed
	dropDailyCap
	dropReasons
)

func (r dropReason) String() string {
	return [...]string{"queue_full", "writer_behind", "write_failed", "closed", "daily_cap"}[r]
}

// metrics counts every exchange. record may be called from any goroutine.
type metrics struct {
	options  *Options
	registry *prometheus.Registry

	duration, gateway, backend, client *bounded[prometheus.Observer]
	received, sent, rejections, cpu    *bounded[prometheus.Counter]
	outcomes                           *bounded[prometheus.Counter]
	custom                             *customMetrics
	info                               *apiInfo

	exchanges, sampled, droppedLogs prometheus.Counter
	dropped                         [dropReasons]prometheus.Counter
	rows, exportDropped             *prometheus.CounterVec
	metricWrites                    prometheus.Counter // that failed
	activeSeries, seriesLimit       *prometheus.GaugeVec
	seriesOverflow                  *prometheus.CounterVec
	kept                            atomic.Uint64

	mu        sync.RWMutex
	endpoints map[*telemetry.Endpoint]*endpoint
	names     map[endpointName]*shared
	sources   map[string]bool // of rejections, bounded

	lastCPU time.Duration // of the process, at the last share
}

// endpointName is what the labels of an endpoint are made of.
type endpointName struct{ api, operation, product string }

var requestBuckets = []float64{.005, .01, .025, .05, .075, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10}

func newMetrics(o *Options) (*metrics, error) {
	m := &metrics{
		options: o, registry: prometheus.NewRegistry(), endpoints: map[*telemetry.Endpoint]*endpoint{}, names: map[endpointName]*shared{},
		sources: map[string]bool{}, custom: newCustomMetrics(o), info: newAPIInfo(), lastCPU: processCPU(),
	}
	histogram := func(name, help string, labels ...string) *bounded[prometheus.Observer] {
		v := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: requestBuckets,
			NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 160, NativeHistogramMinResetDuration: time.Hour}, labels)
		return &bounded[prometheus.Observer]{vec: v, get: v.WithLabelValues, limit: o.MaxSeries, seen: map[seriesKey]bool{}}
	}
	counter := func(name, help string, labels ...string) *bounded[prometheus.Counter] {
		v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
		return &bounded[prometheus.Counter]{vec: v, get: v.WithLabelValues, limit: o.MaxSeries, seen: map[seriesKey]bool{}}
	}
	const api, operation, product = "gatehouse_api", "gatehouse_operation", "gatehouse_product"
	m.duration = histogram("http_server_request_duration_seconds", "Time until the last byte of the response was sent.", api, operation, product, "http_request_method", "http_response_status_code")
	m.gateway = histogram("gatehouse_gateway_duration_seconds", "Time in the gateway without waiting for backends.", api, operation)
	m.backend = histogram("gatehouse_backend_duration_seconds", "Time waiting for backends, all attempts of a request.", api, operation)
	m.client = histogram("http_client_request_duration_seconds", "Time of one backend attempt until the response's headers.", "gatehouse_backend", api, "http_response_status_code")
	m.received = counter("http_server_request_body_bytes_total", "Bytes of request bodies.", api, operation, product)
	m.sent = counter("http_server_response_body_bytes_total", "Bytes of response bodies.", api, operation, product)
	m.rejections = counter("gatehouse_policy_rejections_total", "Requests that a policy or the gateway refused.", api, operation, product, "source", "reason")
	m.outcomes = counter("gatehouse_request_outcomes_total", "Requests by their status, that of the last backend call, and the reason of the last error.", api, "http_response_status_code", "gatehouse_backend_status_code", "gatehouse_error_reason")
	m.cpu = counter("gatehouse_operation_cpu_seconds_total", "Share of the process's CPU time by time spent in the gateway.", api, operation)
	m.ownCounters()
	return m, m.register()
}

// ownCounters are those of the pipeline itself; all reasons and tables exist
// from the start, so that a rate over them never misses the first loss.
func (m *metrics) ownCounters() {
	m.exchanges = prometheus.NewCounter(prometheus.CounterOpts{Name: "gatehouse_telemetry_exchanges_total", Help: "Exchanges handed over by the gateway."})
	m.sampled = prometheus.NewCounter(prometheus.CounterOpts{Name: "gatehouse_telemetry_sampled_total", Help: "Exchanges whose rows the sampling of a diagnostic left out."})
	m.droppedLogs = prometheus.NewCounter(prometheus.CounterOpts{Name: "gatehouse_telemetry_dropped_logs_total", Help: "Log records of exchanges that were not kept."})
	m.metricWrites = prometheus.NewCounter(prometheus.CounterOpts{Name: "gatehouse_telemetry_metric_write_failures_total", Help: "Writes of all metrics to the metrics store that failed."})
	m.rows = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gatehouse_telemetry_rows_total", Help: "Rows taken by the first writer."}, []string{"table"})
	m.exportDropped = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gatehouse_telemetry_export_dropped_rows_total", Help: "Rows that other writers than the first did not take."}, []string{"table"})
	m.activeSeries = prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "gatehouse_custom_metric_series", Help: "Series of emit-metric that a workspace saw within 12 hours."}, []string{"workspace"})
	m.seriesLimit = prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "gatehouse_custom_metric_series_limit", Help: "Series beyond which new ones are put into one."}, []string{"workspace"})
	m.seriesOverflow = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gatehouse_custom_metric_overflow_total", Help: "Values of emit-metric whose series was beyond the limit."}, []string{"workspace"})
	for _, table := range []string{tableSpans, tableLogs} {
		m.rows.WithLabelValues(table)
		m.exportDropped.WithLabelValues(table)
	}
}

func (m *metrics) register() error {
	dropped := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gatehouse_telemetry_dropped_total", Help: "Exchanges whose rows were lost."}, []string{"reason"})
	for r := range dropReasons {
		m.dropped[r] = dropped.WithLabelValues(r.String())
	}
	var errs []error
	for _, c := range []prometheus.Collector{
		m.duration.vec, m.gateway.vec, m.backend.vec, m.client.vec, m.received.vec, m.sent.vec, m.rejections.vec, m.outcomes.vec, m.cpu.vec, m.custom, m.info,
		m.exchanges, m.sampled, dropped, m.droppedLogs, m.rows, m.exportDropped, m.metricWrites, m.activeSeries, m.seriesLimit, m.seriesOverflow,
	} {
		errs = append(errs, m.registry.Register(c))
	}
	return errors.Join(errs...)
}

func (m *metrics) drop(reason dropReason, n int) { m.dropped[reason].Add(float64(n)) }

// count reads a counter.
func count(c prometheus.Counter) uint64 {
	var out dto.Metric
	if c.Write(&out) != nil {
		return 0
	}
	return uint64(out.GetCounter().GetValue())
}

// seriesKey is the label values of a series; unused ones are empty.
type seriesKey [5]string

// bounded is a metric vector with a limit of series. Beyond it all label values
// are "_overflow", so that totals stay exact.
type bounded[T any] struct {
	vec   prometheus.Collector
	get   func(...string) T
	limit int

	mu   sync.Mutex
	seen map[seriesKey]bool
}

func (b *bounded[T]) series(values ...string) T {
	var key seriesKey
	copy(key[:], values)
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.seen[key] {
		if len(b.seen) >= b.limit {
			for i := range values {
				values[i] = overflow
			}
			return b.get(values...)
		}
		b.seen[key] = true
	}
	return b.get(values...)
}
