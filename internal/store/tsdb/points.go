package tsdb

import (
	"math"
	"slices"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/exemplar"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// point is one sample of a metric: suffix and bound tell its series apart from
// the metric's other ones.
type point struct {
	suffix         string // "", _count, _sum, _bucket
	label          string // "", le, quantile
	bound          float64
	value          float64
	histogram      *histogram.Histogram
	floatHistogram *histogram.FloatHistogram
	exemplars      []*dto.Exemplar
}

func (p *point) isHistogram() bool { return p.histogram != nil || p.floatHistogram != nil }

// appendPoints takes a metric apart into samples, always in the same order. A
// histogram with both classic and native buckets gives both.
func appendPoints(out []point, kind dto.MetricType, m *dto.Metric) []point {
	switch {
	case m.Counter != nil:
		p := point{value: m.Counter.GetValue()}
		if m.Counter.Exemplar != nil {
			p.exemplars = []*dto.Exemplar{m.Counter.Exemplar}
		}
		return append(out, p)
	case m.Gauge != nil:
		return append(out, point{value: m.Gauge.GetValue()})
	case m.Untyped != nil:
		return append(out, point{value: m.Untyped.GetValue()})
	case m.Summary != nil:
		return appendSummary(out, m.Summary)
	case m.Histogram != nil:
		return appendHistogram(out, kind, m.Histogram)
	}
	return out
}

func appendSummary(out []point, s *dto.Summary) []point {
	out = append(out,
		point{suffix: "_count", value: float64(s.GetSampleCount())},
		point{suffix: "_sum", value: s.GetSampleSum()})
	for _, q := range s.Quantile {
		out = append(out, point{label: model.QuantileLabel, bound: q.GetQuantile(), value: q.GetValue()})
	}
	return out
}

func appendHistogram(out []point, kind dto.MetricType, h *dto.Histogram) []point {
	native := isNative(h)
	if native {
		out = append(out, nativePoint(kind, h))
		if !hasClassicBuckets(h) {
			return out
		}
	}
	count := h.GetSampleCountFloat()
	if count == 0 {
		count = float64(h.GetSampleCount())
	}
	out = append(out,
		point{suffix: "_count", value: count},
		point{suffix: "_sum", value: h.GetSampleSum()})
	infinite := false
	for _, b := range h.Bucket {
		p := point{suffix: "_bucket", label: model.BucketLabel, bound: b.GetUpperBound(), value: b.GetCumulativeCountFloat()}
		if p.value == 0 {
			p.value = float64(b.GetCumulativeCount())
		}
		if b.Exemplar != nil {
			p.exemplars = []*dto.Exemplar{b.Exemplar}
		}
		infinite = infinite || math.IsInf(p.bound, 1)
		out = append(out, p)
	}
	if !infinite {
		out = append(out, point{suffix: "_bucket", label: model.BucketLabel, bound: math.Inf(1), value: count})
	}
	return out
}

// isNative tells a histogram with exponential buckets. An empty one carries a
// span without length, so that it can be told from a classic one.
func isNative(h *dto.Histogram) bool {
	return len(h.PositiveSpan) > 0 || len(h.NegativeSpan) > 0 ||
		h.GetZeroThreshold() > 0 || h.GetZeroCount() > 0 || h.GetZeroCountFloat() > 0
}

// hasClassicBuckets is false for a native histogram that has an infinite bucket
// only to carry an exemplar.
func hasClassicBuckets(h *dto.Histogram) bool {
	return len(h.Bucket) > 0 && !math.IsInf(h.Bucket[0].GetUpperBound(), 1)
}

func nativePoint(kind dto.MetricType, h *dto.Histogram) point {
	hint := histogram.UnknownCounterReset
	if kind == dto.MetricType_GAUGE_HISTOGRAM {
		hint = histogram.GaugeType
	}
	if h.GetSampleCountFloat() > 0 || h.GetZeroCountFloat() > 0 {
		f := &histogram.FloatHistogram{
			CounterResetHint: hint, Schema: h.GetSchema(),
			Count: h.GetSampleCountFloat(), Sum: h.GetSampleSum(),
			ZeroThreshold: h.GetZeroThreshold(), ZeroCount: h.GetZeroCountFloat(),
			PositiveSpans: spans(h.PositiveSpan), PositiveBuckets: slices.Clone(h.PositiveCount),
			NegativeSpans: spans(h.NegativeSpan), NegativeBuckets: slices.Clone(h.NegativeCount),
		}
		return point{floatHistogram: f.Compact(0), exemplars: h.Exemplars}
	}
	n := &histogram.Histogram{
		CounterResetHint: hint, Schema: h.GetSchema(),
		Count: h.GetSampleCount(), Sum: h.GetSampleSum(),
		ZeroThreshold: h.GetZeroThreshold(), ZeroCount: h.GetZeroCount(),
		PositiveSpans: spans(h.PositiveSpan), PositiveBuckets: slices.Clone(h.PositiveDelta),
		NegativeSpans: spans(h.NegativeSpan), NegativeBuckets: slices.Clone(h.NegativeDelta),
	}
	return point{histogram: n.Compact(0), exemplars: h.Exemplars}
}

func spans(in []*dto.BucketSpan) []histogram.Span {
	out := make([]histogram.Span, len(in))
	for i, s := range in {
		out[i] = histogram.Span{Offset: s.GetOffset(), Length: s.GetLength()}
	}
	return out
}

// startTime gives when the metric began to count, in ms; 0 when unknown.
func startTime(m *dto.Metric) int64 {
	var at *timestamppb.Timestamp
	switch {
	case m.Counter != nil:
		at = m.Counter.CreatedTimestamp
	case m.Summary != nil:
		return 0 // its quantiles are not counts, a zero would be wrong
	case m.Histogram != nil:
		at = m.Histogram.CreatedTimestamp
	}
	if at == nil {
		return 0
	}
	return at.AsTime().UnixMilli()
}

// appendKey writes what tells a metric from all others of the registry.
func appendKey(key []byte, name string, pairs []*dto.LabelPair) []byte {
	key = append(key, name...)
	for _, p := range pairs {
		key = append(key, 0xff)
		key = append(key, p.GetName()...)
		key = append(key, 0xff)
		key = append(key, p.GetValue()...)
	}
	return key
}

func convertExemplar(e *dto.Exemplar, now int64) (exemplar.Exemplar, bool) {
	b := labels.NewScratchBuilder(len(e.Label))
	for _, p := range e.Label {
		b.Add(p.GetName(), p.GetValue())
	}
	b.Sort()
	out := exemplar.Exemplar{Labels: b.Labels(), Value: e.GetValue(), Ts: now}
	if e.Timestamp != nil {
		out.Ts, out.HasTs = e.Timestamp.AsTime().UnixMilli(), true
	}
	return out, out.Labels.Len() > 0
}

func sortExemplars(s []exemplar.Exemplar) {
	slices.SortFunc(s, func(a, b exemplar.Exemplar) int { return int(a.Ts - b.Ts) })
}
