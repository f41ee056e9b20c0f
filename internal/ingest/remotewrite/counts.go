package remotewrite

import "github.com/prometheus/client_golang/prometheus"

// counts are the receiver's own metrics.
type counts struct {
	requests *prometheus.CounterVec // by version and status
	samples  prometheus.Counter
	refused  *prometheus.CounterVec // by reason
}

func newCounts(registerer prometheus.Registerer) *counts {
	c := &counts{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gatehouse_remote_write_requests_total", Help: "Remote write requests by protocol version and status."}, []string{"version", "code"}),
		samples:  prometheus.NewCounter(prometheus.CounterOpts{Name: "gatehouse_remote_write_samples_total", Help: "Samples and histograms that were taken in by remote write."}),
		refused:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gatehouse_remote_write_refused_samples_total", Help: "Samples and histograms that were refused, by reason."}, []string{"reason"}),
	}
	if registerer != nil {
		registerer.MustRegister(c.requests, c.samples, c.refused)
	}
	return c
}
