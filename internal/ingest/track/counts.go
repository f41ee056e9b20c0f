package track

import (
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"
)

// counts are the receiver's own metrics.
type counts struct {
	requests  *prometheus.CounterVec // by status code
	received  prometheus.Counter
	accepted  *prometheus.CounterVec // by item type and workspace
	rejected  *prometheus.CounterVec // by reason
	truncated *prometheus.CounterVec // by field
	aged      *prometheus.CounterVec // late, early
}

func newCounts(registerer prometheus.Registerer, log *slog.Logger) *counts {
	vector := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gatehouse_track_" + name, Help: help}, labels)
	}
	c := &counts{
		requests:  vector("requests_total", "Requests to the Application Insights ingestion endpoint by status.", "code"),
		received:  prometheus.NewCounter(prometheus.CounterOpts{Name: "gatehouse_track_items_received_total", Help: "Application Insights items that came in."}),
		accepted:  vector("items_accepted_total", "Application Insights items that were stored.", "type", "workspace"),
		rejected:  vector("items_rejected_total", "Application Insights items that were not stored.", "reason"),
		truncated: vector("truncated_total", "Parts of Application Insights items that were cut.", "field"),
		aged:      vector("items_outside_age_total", "Application Insights items whose time is far from now.", "side"),
	}
	if registerer == nil {
		return c
	}
	for _, v := range []prometheus.Collector{c.requests, c.received, c.accepted, c.rejected, c.truncated, c.aged} {
		if err := registerer.Register(v); err != nil {
			log.Warn("metrics of the Application Insights receiver are not registered", "error", err)
		}
	}
	return c
}
