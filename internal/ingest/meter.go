package ingest

import (
	"encoding/json"
	"hash/maphash"
	"strings"
	"sync"
	"time"

	"gatehouse/internal/telemetry"
)

// meterKey is a destination: a workspace, or an export.
type meterKey struct {
	rows      telemetry.Rows
	workspace string
}

// meters count the series of custom metrics, one for each destination. That of a
// workspace counts what it gets from everywhere: the series of this gateway and of
// others that send to it add up, as the limit is theirs together.
type meters struct {
	limit int
	mu    sync.Mutex // guards all of them
	by    map[meterKey]*meter
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

func newMeters(o *Options) *meters {
	return &meters{limit: o.WorkspaceSeries, by: map[meterKey]*meter{}}
}

// of finds or makes one. The caller holds the lock.
func (a *meters) of(key meterKey) *meter {
	m := a.by[key]
	if m == nil {
		m = &meter{number: len(a.by), title: key.workspace, limit: a.limit, seed: maphash.MakeSeed(), seen: map[uint64]int64{}, overflow: map[string]bool{}}
		switch {
		case key.rows != nil:
			m.title = "export"
		case m.title == "":
			m.title = telemetry.DefaultWorkspace
		}
		a.by[key] = m
	}
	return m
}

// seriesHash is of a series whatever the order of its dimensions, which other
// gateways send in another.
func (m *meter) seriesHash(service, namespace, name string, dimensions []telemetry.Attribute) uint64 {
	h := m.hash(service, namespace, clip(name, maxMetricText))
	for _, d := range dimensions {
		if d.Value != "" { // an empty one is not sent
			h += m.hash("", clip(d.Key, 150), clip(d.Value, maxText))
		}
	}
	return h
}

func (m *meter) hash(parts ...string) uint64 {
	var h maphash.Hash
	h.SetSeed(m.seed)
	for _, p := range parts {
		_, _ = h.WriteString(p)
		_ = h.WriteByte(0xff)
	}
	return h.Sum64()
}

// admit notes a series; false when it is new and there are too many.
func (m *meter) admit(series uint64, now time.Time) bool {
	if _, known := m.seen[series]; !known && len(m.seen) >= m.limit {
		return false
	}
	m.seen[series] = now.UnixNano()
	return true
}

// received notes the series of custom metrics that others sent. They are kept
// whatever the limit says: what is beyond is counted.
func (a *meters) received(logs []telemetry.LogRecord, now time.Time, to *metrics) {
	for n := range logs {
		l := &logs[n]
		if l.Type != telemetry.TypeMetric {
			continue
		}
		service, dimensions := receivedDimensions(l)
		var item struct {
			Namespace string `json:"metricNamespace"`
		}
		_ = json.Unmarshal([]byte(l.Item), &item) // without a namespace it has none
		a.mu.Lock()
		m := a.of(meterKey{workspace: l.Workspace})
		if !m.admit(m.seriesHash(service, item.Namespace, l.EventName, dimensions), now) {
			m.overflowed(to)
		}
		a.mu.Unlock()
	}
}

// receivedDimensions are those of a row without what gateways add to all.
func receivedDimensions(l *telemetry.LogRecord) (service string, out []telemetry.Attribute) {
	var all map[string]any
	if json.Unmarshal([]byte(l.Attributes), &all) != nil {
		return l.Service, nil
	}
	service = l.Service
	for name, v := range all {
		value, ok := v.(string)
		switch {
		case name == "Service ID" && ok:
			service = value
		case name == "Service Name", name == "Region", name == "Service Type", strings.HasPrefix(name, "_MS."), !ok:
		default:
			out = append(out, telemetry.Attribute{Key: name, Value: value})
		}
	}
	return service, out
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

// Series tells how many series of custom metrics a workspace has now, and how
// many it may have.
func (i *Ingest) Series(workspace string) (active, limit int) {
	a := i.aggregates.meters
	a.mu.Lock()
	defer a.mu.Unlock()
	if m := a.by[meterKey{workspace: workspace}]; m != nil {
		active = len(m.seen)
	}
	return active, a.limit
}
