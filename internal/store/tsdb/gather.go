package tsdb

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/exemplar"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/metadata"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/storage"
)

// WriteGathered appends the result of gathering a registry at time t, as if it
// had been scraped: counters, gauges, summaries, classic and native histograms,
// exemplars. Series that were in the last call and are not in this one get a
// staleness marker. One registry a DB; calls are serialised.
//
// Series that are refused do not stop the others; the error tells the first
// and how many.
func (db *DB) WriteGathered(ctx context.Context, families []*dto.MetricFamily, t time.Time) error {
	return db.gather.write(ctx, families, t)
}

// Metadata gives type, unit and help of the families of WriteGathered's last
// call, by family name.
func (db *DB) Metadata() map[string]metadata.Metadata {
	db.gather.mu.Lock()
	defer db.gather.mu.Unlock()
	out := make(map[string]metadata.Metadata, len(db.gather.families))
	for name, f := range db.gather.families {
		out[name] = f
	}
	return out
}

// gatherWriter remembers the series reference and labels of every metric it has
// written, so that a repeated write costs one map lookup a metric and no label
// building.
type gatherWriter struct {
	db            storage.AppendableV2
	job, instance string

	mu       sync.Mutex
	metrics  map[string]*gathered // by family name and label pairs
	families map[string]metadata.Metadata
	round    uint64
	key      []byte
	points   []point
	builder  labels.ScratchBuilder
}

// gathered is one metric: one series, or those of a histogram or summary.
type gathered struct {
	series []gatheredSeries
	round  uint64 // of the last write
}

type gatheredSeries struct {
	ref       storage.SeriesRef
	labels    labels.Labels
	suffix    string  // of the point it takes
	bound     float64 // of the point it takes
	histogram bool
	exemplar  int64 // time of the newest one written, ms
}

// fits tells whether the series are those of the points.
func (g *gathered) fits(points []point) bool {
	if len(g.series) != len(points) {
		return false
	}
	for i := range points {
		s, p := &g.series[i], &points[i]
		if s.bound != p.bound || s.suffix != p.suffix || s.histogram != p.isHistogram() {
			return false
		}
	}
	return true
}

func newGatherWriter(db storage.AppendableV2, job, instance string) *gatherWriter {
	return &gatherWriter{
		db: db, job: job, instance: instance,
		metrics: map[string]*gathered{}, families: map[string]metadata.Metadata{},
	}
}

func (w *gatherWriter) write(ctx context.Context, families []*dto.MetricFamily, t time.Time) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("write gathered metrics: %w", err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.round++
	b := &batch{app: w.db.AppenderV2(ctx), t: t.UnixMilli()}
	w.describe(families)
	for _, f := range families {
		for _, m := range f.Metric {
			w.writeMetric(b, f, m)
		}
	}
	w.markStale(b)
	if err := b.app.Commit(); err != nil {
		return fmt.Errorf("write gathered metrics: %w", err)
	}
	return b.err()
}

// describe replaces the families' metadata.
func (w *gatherWriter) describe(families []*dto.MetricFamily) {
	clear(w.families)
	for _, f := range families {
		kind := model.MetricTypeUnknown
		switch f.GetType() {
		case dto.MetricType_COUNTER:
			kind = model.MetricTypeCounter
		case dto.MetricType_GAUGE:
			kind = model.MetricTypeGauge
		case dto.MetricType_SUMMARY:
			kind = model.MetricTypeSummary
		case dto.MetricType_HISTOGRAM:
			kind = model.MetricTypeHistogram
		case dto.MetricType_GAUGE_HISTOGRAM:
			kind = model.MetricTypeGaugeHistogram
		}
		w.families[f.GetName()] = metadata.Metadata{Type: kind, Unit: f.GetUnit(), Help: f.GetHelp()}
	}
}

func (w *gatherWriter) writeMetric(b *batch, f *dto.MetricFamily, m *dto.Metric) {
	w.points = appendPoints(w.points[:0], f.GetType(), m)
	w.key = appendKey(w.key[:0], f.GetName(), m.Label)
	g := w.metrics[string(w.key)]
	switch {
	case g == nil:
		g = &gathered{series: w.newSeries(f.GetName(), m.Label)}
		w.metrics[string(w.key)] = g
	case !g.fits(w.points): // other buckets than before
		g.series = b.replace(g.series, w.newSeries(f.GetName(), m.Label))
	}
	g.round = w.round
	start := startTime(m)
	for i := range w.points {
		b.append(&g.series[i], &w.points[i], start)
	}
}

// newSeries builds the labels of the current points.
func (w *gatherWriter) newSeries(name string, pairs []*dto.LabelPair) []gatheredSeries {
	out := make([]gatheredSeries, len(w.points))
	for i, p := range w.points {
		w.builder.Reset()
		w.builder.Add(model.MetricNameLabel, name+p.suffix)
		w.builder.Add(model.JobLabel, w.job)
		w.builder.Add(model.InstanceLabel, w.instance)
		for _, pair := range pairs {
			w.builder.Add(exportedName(pair.GetName()), pair.GetValue())
		}
		if p.label != "" {
			w.builder.Add(p.label, labels.FormatOpenMetricsFloat(p.bound))
		}
		w.builder.Sort()
		out[i] = gatheredSeries{
			labels: w.builder.Labels(), suffix: p.suffix, bound: p.bound,
			histogram: p.isHistogram(), exemplar: math.MinInt64,
		}
	}
	return out
}

// exportedName keeps a metric's own job and instance beside the target's, under
// the names that a scrape gives them.
func exportedName(name string) string {
	if name == model.JobLabel || name == model.InstanceLabel {
		return model.ExportedLabelPrefix + name
	}
	return name
}

// markStale ends the series that were not in this round.
func (w *gatherWriter) markStale(b *batch) {
	for key, g := range w.metrics {
		if g.round != w.round {
			b.stale(g)
			delete(w.metrics, key)
		}
	}
}

// batch is one append transaction that goes on after a refused series.
type batch struct {
	app     storage.AppenderV2
	t       int64
	refused int
	first   error
	scratch [1]exemplar.Exemplar
}

func (b *batch) append(s *gatheredSeries, p *point, start int64) {
	if s.ref != 0 {
		start = 0 // the zero at the start was written the first time
	}
	opts := storage.AOptions{Exemplars: b.newExemplars(s, p)}
	ref, err := b.app.Append(s.ref, s.labels, start, b.t, p.value, p.histogram, p.floatHistogram, opts)
	var partial *storage.AppendPartialError
	if err != nil && !errors.As(err, &partial) {
		b.refused++
		if b.first == nil {
			b.first = fmt.Errorf("%s: %w", s.labels, err)
		}
		return
	}
	s.ref = ref
}

// newExemplars gives those of p that are newer than the last one written.
func (b *batch) newExemplars(s *gatheredSeries, p *point) []exemplar.Exemplar {
	out := b.scratch[:0]
	newest := s.exemplar
	for _, e := range p.exemplars {
		if x, ok := convertExemplar(e, b.t); ok && x.Ts > s.exemplar {
			out = append(out, x)
			newest = max(newest, x.Ts)
		}
	}
	s.exemplar = newest
	sortExemplars(out)
	return out
}

// replace ends the old series that are not among the new ones; those that are
// go on, because a marker would hide their value of the same time.
func (b *batch) replace(old, next []gatheredSeries) []gatheredSeries {
	for i := range old {
		same := slices.IndexFunc(next, func(s gatheredSeries) bool { return labels.Equal(s.labels, old[i].labels) })
		if same >= 0 {
			next[same].ref, next[same].exemplar = old[i].ref, old[i].exemplar
		} else {
			b.staleSeries(&old[i])
		}
	}
	return next
}

func (b *batch) stale(g *gathered) {
	for i := range g.series {
		b.staleSeries(&g.series[i])
	}
}

func (b *batch) staleSeries(s *gatheredSeries) {
	if s.ref == 0 {
		return // never accepted
	}
	p := point{value: math.Float64frombits(value.StaleNaN)}
	if s.histogram {
		p = point{histogram: &histogram.Histogram{Sum: math.Float64frombits(value.StaleNaN)}}
	}
	b.append(s, &p, 0)
}

func (b *batch) err() error {
	if b.refused == 0 {
		return nil
	}
	return fmt.Errorf("write gathered metrics: %d series refused, the first: %w", b.refused, b.first)
}
