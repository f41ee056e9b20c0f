package remotewrite

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

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

// Refusal is a metric whose samples were refused, by one reason.
type Refusal struct {
	Time    time.Time `json:"time"` // of the last
	Reason  string    `json:"reason"`
	Metric  string    `json:"metric"`
	Message string    `json:"message"`
	Count   int64     `json:"count"`
}

const maxRefusals = 100

// Refusals are the last refusals, one for each metric and reason.
type Refusals struct {
	mu    sync.Mutex
	items []Refusal // oldest first
}

func (r *Refusals) add(f Refusal) {
	if len(f.Metric) > 200 {
		f.Metric = strings.ToValidUTF8(f.Metric[:200], "")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	f.Count = 1
	if i := slices.IndexFunc(r.items, func(o Refusal) bool { return o.Metric == f.Metric && o.Reason == f.Reason }); i >= 0 {
		f.Count += r.items[i].Count
		r.items = slices.Delete(r.items, i, i+1)
	} else if len(r.items) == maxRefusals {
		r.items = slices.Delete(r.items, 0, 1)
	}
	r.items = append(r.items, f)
}

// list gives the newest first.
func (r *Refusals) list() []Refusal {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := slices.Clone(r.items)
	slices.Reverse(out)
	return out
}
