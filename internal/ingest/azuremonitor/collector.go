package azuremonitor

import (
	"github.com/prometheus/client_golang/prometheus"
)

// Collector tells how pulls and calls go, as metrics.
type Collector struct {
	client  *Client
	pullers []*Puller

	pulls, errors, lag, samples, skipped, cut, calls, wait *prometheus.Desc
}

// NewCollector makes one for a client and what uses it.
func NewCollector(c *Client, pullers []*Puller) *Collector {
	d := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("gatehouse_azure_monitor_"+name, help, labels, nil)
	}
	return &Collector{client: c, pullers: pullers,
		pulls:   d("pulls_total", "Pulls that succeeded.", "resource", "workspace"),
		errors:  d("pull_errors_total", "Pulls that failed; the next one asks for the same minutes.", "resource", "workspace", "reason"),
		lag:     d("lag_seconds", "Age of the newest minute that was read.", "resource", "workspace"),
		samples: d("samples_total", "Samples by what became of them: stored, known (were stored before), late or refused by the workspace.", "resource", "workspace", "result"),
		skipped: d("skipped_minutes_total", "Minutes that were never read, since Azure did not answer for longer than catchUp.", "resource", "workspace"),
		cut:     d("cut_answers_total", "Answers with as many series as one may have: more exist.", "resource", "workspace"),
		calls:   d("api_calls_total", "Calls of Azure Resource Manager, each try for itself.", "status"),
		wait:    d("throttled_seconds", "How long Azure asks not to be called; 0: it may be.")}
}

// Describe sends the descriptions.
func (c *Collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.pulls, c.errors, c.lag, c.samples, c.skipped, c.cut, c.calls, c.wait} {
		out <- d
	}
}

// Collect sends the values.
func (c *Collector) Collect(out chan<- prometheus.Metric) {
	counter := func(d *prometheus.Desc, n uint64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
	}
	for _, p := range c.pullers {
		s := p.Status()
		own := func(more ...string) []string { return append([]string{p.id.name, p.o.Workspace}, more...) }
		counter(c.pulls, s.Pulls, own()...)
		for _, reason := range reasons() {
			counter(c.errors, s.Errors[reason], own(reason)...)
		}
		for result, n := range map[string]uint64{"stored": s.Samples, "known": s.Known, "late": s.Late, "refused": s.Refused} {
			counter(c.samples, n, own(result)...)
		}
		counter(c.skipped, s.Skipped, own()...)
		counter(c.cut, s.Cut, own()...)
		out <- prometheus.MustNewConstMetric(c.lag, prometheus.GaugeValue, p.lag(), own()...)
	}
	counts := c.client.calls.counts()
	for _, status := range []string{"200", "429"} { // there from the start
		if _, ok := counts[status]; !ok {
			counts[status] = 0
		}
	}
	for status, n := range counts {
		counter(c.calls, n, status)
	}
	out <- prometheus.MustNewConstMetric(c.wait, prometheus.GaugeValue, c.client.throttle.left().Seconds())
}
