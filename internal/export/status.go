package export

import (
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Status is how a destination does: for its page and for metrics.
type Status struct {
	Name        string           `json:"name"`
	Kind        string           `json:"type"`
	Endpoint    string           `json:"endpoint"`
	State       string           `json:"state"` // idle, sending, waiting
	Sent        int64            `json:"sent"`
	Retried     int64            `json:"retried"`
	Dropped     map[string]int64 `json:"dropped"`
	QueueBytes  int64            `json:"queueBytes"`
	QueueItems  int              `json:"queueItems"`
	LastSuccess *time.Time       `json:"lastSuccess,omitempty"`
	LastError   string           `json:"lastError,omitempty"` // of the last try that failed; "" after a success
	LastErrorAt *time.Time       `json:"lastErrorAt,omitempty"`
	NextTry     *time.Time       `json:"nextTry,omitempty"`
}

// maxErrorText bounds what a destination may say.
const maxErrorText = 500

func (e *Exporter) record(r Result) {
	now := e.options.Now().UTC()
	e.mu.Lock()
	s := &e.status
	s.Sent += int64(r.Sent)
	s.Retried += int64(r.LeftItems)
	for reason, n := range r.Dropped {
		s.Dropped[reason] += int64(n)
	}
	quiet := true
	if r.Err == nil || r.Sent > 0 {
		s.LastSuccess = &now
	}
	if r.Err == nil {
		s.LastError, s.LastErrorAt = "", nil
	} else {
		quiet = s.LastErrorAt != nil && now.Sub(*s.LastErrorAt) < time.Minute && s.LastError == cut(r.Err.Error())
		if !quiet {
			s.LastError, s.LastErrorAt = cut(r.Err.Error()), &now
		}
	}
	e.mu.Unlock()
	if r.Err != nil && !quiet {
		e.options.Logger.Warn("a destination of telemetry did not take everything", slog.String("destination", e.options.Name),
			slog.Int("tried_again", r.LeftItems), slog.Any("dropped", r.Dropped), slog.String("error", cut(r.Err.Error())))
	}
}

func (e *Exporter) drop(reason string, items int, err error) {
	e.record(Result{Dropped: map[string]int{reason: items}, Err: err})
}

func cut(s string) string {
	if len(s) > maxErrorText {
		return s[:maxErrorText]
	}
	return s
}

func (e *Exporter) healthy() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return !e.until.After(e.options.Now())
}

// Status tells how the destination does now.
func (e *Exporter) Status() Status {
	q := e.options.Queue.Stats()
	now := e.options.Now()
	e.mu.Lock()
	defer e.mu.Unlock()
	out := e.status
	out.Dropped = make(map[string]int64, len(e.status.Dropped)+2)
	for reason, n := range e.status.Dropped {
		out.Dropped[reason] = n
	}
	out.Dropped[ReasonQueueFull] += int64(q.DroppedFull)
	out.Dropped[ReasonOld] += int64(q.DroppedOld)
	for reason, n := range out.Dropped {
		if n == 0 {
			delete(out.Dropped, reason)
		}
	}
	out.QueueBytes, out.QueueItems = q.Bytes, q.Items
	switch {
	case e.until.After(now):
		until := e.until.UTC()
		out.State, out.NextTry = "waiting", &until
	case q.Batches > 0:
		out.State = "sending"
	default:
		out.State = "idle"
	}
	return out
}

// Collector has the metrics of all destinations that list gives.
type Collector struct {
	list                                       func() []Status
	sent, retried, dropped, bytes, items, last *prometheus.Desc
}

// NewCollector makes the metrics gatehouse_export_*.
func NewCollector(list func() []Status) *Collector {
	d := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("gatehouse_export_"+name, help, append([]string{"destination"}, labels...), nil)
	}
	return &Collector{list: list,
		sent:    d("sent_items_total", "Items that the destination took."),
		retried: d("retried_items_total", "Items that were kept after a try, to be tried again."),
		dropped: d("dropped_items_total", "Items that never reach the destination, by reason.", "reason"),
		bytes:   d("queue_bytes", "Size of the destination's queue on disk."),
		items:   d("queue_items", "Items that wait for the destination."),
		last:    d("last_success_timestamp_seconds", "When the destination took something the last time."),
	}
}

// Describe is of prometheus.Collector.
func (c *Collector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.sent, c.retried, c.dropped, c.bytes, c.items, c.last} {
		to <- d
	}
}

// Collect is of prometheus.Collector.
func (c *Collector) Collect(to chan<- prometheus.Metric) {
	for _, s := range c.list() {
		counter := func(d *prometheus.Desc, n int64, labels ...string) {
			to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), append([]string{s.Name}, labels...)...)
		}
		counter(c.sent, s.Sent)
		counter(c.retried, s.Retried)
		for reason, n := range s.Dropped {
			counter(c.dropped, n, reason)
		}
		to <- prometheus.MustNewConstMetric(c.bytes, prometheus.GaugeValue, float64(s.QueueBytes), s.Name)
		to <- prometheus.MustNewConstMetric(c.items, prometheus.GaugeValue, float64(s.QueueItems), s.Name)
		if s.LastSuccess != nil {
			to <- prometheus.MustNewConstMetric(c.last, prometheus.GaugeValue, float64(s.LastSuccess.Unix()), s.Name)
		}
	}
}
