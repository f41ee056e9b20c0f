package otlp

import (
	"log/slog"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
)

// counts are the receiver's own metrics.
type counts struct {
	requests *prometheus.CounterVec // by signal, transport, code
	items    *prometheus.CounterVec // accepted, by signal
	refused  *prometheus.CounterVec // by signal, reason
}

func newCounts(registerer prometheus.Registerer, log *slog.Logger) *counts {
	vector := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gatehouse_otlp_" + name, Help: help}, labels)
	}
	c := &counts{
		requests: vector("requests_total", "OTLP export requests by their gRPC code.", "signal", "transport", "code"),
		items:    vector("items_total", "Spans, log records and data points that were taken in.", "signal"),
		refused:  vector("refused_total", "Spans, log records and data points that were refused.", "signal", "reason"),
	}
	if registerer == nil {
		return c
	}
	for _, v := range []prometheus.Collector{c.requests, c.items, c.refused} {
		if err := registerer.Register(v); err != nil {
			log.Warn("OTLP receiver metrics are not registered", "error", err)
		}
	}
	return c
}

// request counts an answered request.
func (c *counts) request(s signal, transport string, f *fault) {
	c.requests.WithLabelValues(s.String(), transport, f.codeName()).Inc()
}

// outcome counts the items of a request that was taken in.
func (c *counts) outcome(s signal, taken int, refused *refusals) {
	c.items.WithLabelValues(s.String()).Add(float64(taken))
	for why, n := range refused {
		if n > 0 {
			c.refused.WithLabelValues(s.String(), strings.ReplaceAll(reason(why).String(), " ", "_")).Add(float64(n))
		}
	}
}
