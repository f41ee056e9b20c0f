package metrics

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
)

// federation answers /federate: the newest sample of every selected series.
// Native histograms go out in the protocol buffer format alone, which a
// Prometheus with scrape_native_histograms asks for: the text format has no
// form for them, save for those with custom buckets.
type federation struct{ o Options }

type latest struct {
	labels    labels.Labels
	time      int64
	value     float64
	histogram *histogram.FloatHistogram // nil: a float
}

func (s *latest) kind() dto.MetricType {
	switch {
	case s.histogram == nil:
		return dto.MetricType_UNTYPED
	case s.histogram.CounterResetHint == histogram.GaugeType:
		return dto.MetricType_GAUGE_HISTOGRAM
	}
	return dto.MetricType_HISTOGRAM
}

func (h *federation) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, h.o.MaxQueryBody)
	if err := r.ParseForm(); err != nil {
		http.Error(w, "the form cannot be read: "+err.Error(), http.StatusBadRequest)
		return
	}
	selectors, err := h.o.Engine.Parser.ParseMetricSelectors(r.Form["match[]"])
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	samples, err := h.collect(r.Context(), selectors)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	format := expfmt.NegotiateAccept(r.Header, expfmt.NewFormat(expfmt.TypeProtoDelim), expfmt.NewFormat(expfmt.TypeProtoText), expfmt.NewFormat(expfmt.TypeProtoCompact), expfmt.NewFormat(expfmt.TypeTextPlain))
	if format.FormatType() == expfmt.TypeTextPlain {
		samples = slices.DeleteFunc(samples, func(s latest) bool { return s.histogram != nil && !s.histogram.UsesCustomBuckets() })
	}
	w.Header().Set("Content-Type", string(format))
	encoder := expfmt.NewEncoder(w, format)
	for _, family := range families(samples) {
		if err := encoder.Encode(family); err != nil {
			return // the client has gone
		}
	}
}

func (h *federation) collect(ctx context.Context, selectors [][]*labels.Matcher) ([]latest, error) {
	limits := h.o.Engine.Limits()
	now := time.Now()
	start, end := now.Add(-limits.Lookback).UnixMilli(), now.UnixMilli()
	q, err := h.o.Storage.Querier(start, end)
	if err != nil {
		return nil, err
	}
	defer q.Close()
	var sets []storage.SeriesSet
	for _, matchers := range selectors {
		sets = append(sets, q.Select(ctx, true, &storage.SelectHints{Start: start, End: end}, matchers...))
	}
	merged := storage.NewMergeSeriesSet(sets, 0, storage.ChainedSeriesMerge)
	var out []latest
	var it chunkenc.Iterator
	for merged.Next() {
		series := merged.At()
		it = series.Iterator(it)
		if s, ok := newest(it, end); ok {
			s.labels = series.Labels()
			out = append(out, s)
		}
		if len(out) > limits.MaxSamples {
			return nil, fmt.Errorf("more than %d series are selected", limits.MaxSamples)
		}
	}
	return out, merged.Err()
}

// newest gives the last sample up to end; a stale series has none.
func newest(it chunkenc.Iterator, end int64) (out latest, ok bool) {
	for kind := it.Next(); kind != chunkenc.ValNone && it.AtT() <= end; kind = it.Next() {
		ok = true
		switch kind {
		case chunkenc.ValFloat:
			out.time, out.value = it.At()
			out.histogram = nil
		default:
			out.time, out.histogram = it.AtFloatHistogram(nil)
		}
	}
	if out.histogram != nil {
		return out, ok && !value.IsStaleNaN(out.histogram.Sum)
	}
	return out, ok && !value.IsStaleNaN(out.value)
}

// families groups samples by name and kind, in order. A name with both floats
// and histograms has two families: Prometheus reads that.
func families(samples []latest) []*dto.MetricFamily {
	slices.SortStableFunc(samples, func(a, b latest) int {
		return cmp.Or(cmp.Compare(a.labels.Get(model.MetricNameLabel), b.labels.Get(model.MetricNameLabel)), cmp.Compare(a.kind(), b.kind()))
	})
	var out []*dto.MetricFamily
	for _, s := range samples {
		name, kind := s.labels.Get(model.MetricNameLabel), s.kind()
		if name == "" {
			continue
		}
		if len(out) == 0 || out[len(out)-1].GetName() != name || out[len(out)-1].GetType() != kind {
			out = append(out, &dto.MetricFamily{Name: &name, Type: &kind})
		}
		last := out[len(out)-1]
		last.Metric = append(last.Metric, s.metric())
	}
	return out
}

// metric is a series as the exposition has it. It always has an instance, empty
// when the series has none, so that the scraper puts none of its own there.
func (s *latest) metric() *dto.Metric {
	m := &dto.Metric{TimestampMs: &s.time}
	instance := false
	s.labels.Range(func(l labels.Label) {
		if l.Name != model.MetricNameLabel {
			m.Label = append(m.Label, &dto.LabelPair{Name: &l.Name, Value: &l.Value})
		}
		instance = instance || l.Name == model.InstanceLabel
	})
	if !instance {
		name, empty := model.InstanceLabel, ""
		m.Label = append(m.Label, &dto.LabelPair{Name: &name, Value: &empty})
	}
	switch {
	case s.histogram == nil:
		m.Untyped = &dto.Untyped{Value: &s.value}
	case s.histogram.UsesCustomBuckets():
		m.Histogram = classicHistogram(s.histogram)
	default:
		m.Histogram = nativeHistogram(s.histogram)
	}
	return m
}

func nativeHistogram(h *histogram.FloatHistogram) *dto.Histogram {
	return &dto.Histogram{
		SampleCountFloat: &h.Count, SampleSum: &h.Sum, Schema: &h.Schema, ZeroThreshold: &h.ZeroThreshold, ZeroCountFloat: &h.ZeroCount,
		PositiveSpan: bucketSpans(h.PositiveSpans), PositiveCount: h.PositiveBuckets,
		NegativeSpan: bucketSpans(h.NegativeSpans), NegativeCount: h.NegativeBuckets,
	}
}

func bucketSpans(in []histogram.Span) []*dto.BucketSpan {
	out := make([]*dto.BucketSpan, len(in))
	for i, s := range in {
		out[i] = &dto.BucketSpan{Offset: &s.Offset, Length: &s.Length}
	}
	return out
}

// classicHistogram writes custom buckets as cumulative ones.
func classicHistogram(h *histogram.FloatHistogram) *dto.Histogram {
	out := &dto.Histogram{SampleCountFloat: &h.Count, SampleSum: &h.Sum}
	at := map[int32]float64{}
	for it := h.PositiveBucketIterator(); it.Next(); {
		at[it.At().Index] = it.At().Count
	}
	total := 0.0
	for i, bound := range h.CustomValues {
		total += at[int32(i)]
		upTo := total
		out.Bucket = append(out.Bucket, &dto.Bucket{UpperBound: &bound, CumulativeCountFloat: &upTo})
	}
	return out
}
