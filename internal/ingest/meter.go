package ingest

import (
	"hash/maphash"
	"time"

	"gatehouse/internal/telemetry"
)

// meterKey is a destination: a workspace, or an export.
type meterKey struct {
	rows      telemetry.Rows
	workspace string
}

// meter counts the active series of custom metrics of one destination: those
// seen within the window.
type meter struct {
	number   int
	title    string
	limit    int
	seed     maphash.Seed
	seen     map[uint64]int64 // by the hash of a series: when it was last new in an interval, ns
	overflow map[string]bool  // names that have a series for what is beyond
}

func (a *aggregates) meter(to *Destination) *meter {
	key := meterKey{to.Rows, to.Workspace}
	m := a.meters[key]
	if m == nil {
		m = &meter{number: len(a.meters), title: to.Workspace, limit: a.options.WorkspaceSeries, seed: maphash.MakeSeed(), seen: map[uint64]int64{}, overflow: map[string]bool{}}
		switch {
		case to.Rows != nil:
			m.title = "export"
		case m.title == "":
			m.title = telemetry.DefaultWorkspace
		}
		a.meters[key] = m
	}
	return m
}

// admit notes a series; false when it is new and there are too many.
func (m *meter) admit(series []byte, now time.Time) bool {
	h := maphash.Bytes(m.seed, series)
	if _, known := m.seen[h]; !known && len(m.seen) >= m.limit {
		return false
	}
	m.seen[h] = now.UnixNano()
	return true
}

// forget drops series that were not seen since.
func (m *meter) forget(since time.Time) {
	for h, at := range m.seen {
		if at < since.UnixNano() {
			delete(m.seen, h)
		}
	}
	if len(m.seen) < m.limit {
		clear(m.overflow)
	}
}

// overflowName is the metric's name, or one for all when too many have a series
// for what is beyond the limit.
func (m *meter) overflowName(name string, limit int) string {
	if !m.overflow[name] && len(m.overflow) >= limit {
		return overflow
	}
	m.overflow[name] = true
	return name
}

func (m *meter) overflowed(to *metrics) { to.seriesOverflow.WithLabelValues(m.title).Inc() }

func (m *meter) show(to *metrics) {
	to.activeSeries.WithLabelValues(m.title).Set(float64(len(m.seen)))
	to.seriesLimit.WithLabelValues(m.title).Set(float64(m.limit))
}
