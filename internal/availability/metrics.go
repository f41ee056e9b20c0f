package availability

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
)

// Collector has the series of a monitor.
type Collector struct {
	monitor                                                *Monitor
	success, duration, time, results, expires, alert, lost *prometheus.Desc
}

// NewCollector makes the metrics gatehouse_availability_*.
func NewCollector(m *Monitor) *Collector {
	d := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("gatehouse_availability_"+name, help, labels, nil)
	}
	return &Collector{monitor: m,
		success:  d("success", "Whether the last run of the test from the place passed: 1 or 0.", "test", "location"),
		duration: d("duration_seconds", "How long the last run took.", "test", "location"),
		time:     d("last_result_timestamp_seconds", "When the last run began.", "test", "location"),
		results:  d("results_total", "Runs of the test from the place.", "test", "location", "success"),
		expires:  d("certificate_expiry_timestamp_seconds", "When the certificate of the address ends.", "test", "location"),
		alert:    d("alert_locations", "From how many places the test must fail for the alert.", "test"),
		lost:     d("lost_results_total", "Results that could not be stored."),
	}
}

// Describe is of prometheus.Collector.
func (c *Collector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.success, c.duration, c.time, c.results, c.expires, c.alert, c.lost} {
		to <- d
	}
}

// Collect is of prometheus.Collector. A test that is off has no series.
func (c *Collector) Collect(to chan<- prometheus.Metric) {
	m := c.monitor
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	to <- prometheus.MustNewConstMetric(c.lost, prometheus.CounterValue, float64(m.lost.Load()))
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.tests {
		if !r.test.enabled() {
			continue
		}
		name := r.test.Name
		gauge(c.alert, float64(r.test.alertLocations()), name)
		for location, last := range r.last {
			up := 0.0
			if last.Success {
				up = 1
			}
			gauge(c.success, up, name, location)
			gauge(c.duration, last.Duration.Seconds(), name, location)
			gauge(c.time, float64(last.Time.UnixNano())/1e9, name, location)
			if last.CertificateExpires != nil {
				gauge(c.expires, float64(last.CertificateExpires.Unix()), name, location)
			}
		}
		for key, n := range r.counts {
			to <- prometheus.MustNewConstMetric(c.results, prometheus.CounterValue, float64(n), name, key.location, strconv.FormatBool(key.success))
		}
	}
}
