package metrics

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
)

// federation answers /federate: the newest sample of every selected series, in
// the text format. Native histograms have no text form and are left out.
type federation struct{ o Options }

type latest struct {
	labels labels.Labels
	time   int64
	value  float64
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
	format := expfmt.NewFormat(expfmt.TypeTextPlain)
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

// newest gives the last float up to end; a stale series has none.
func newest(it chunkenc.Iterator, end int64) (out latest, ok bool) {
	for kind := it.Next(); kind != chunkenc.ValNone; kind = it.Next() {
		if it.AtT() > end {
			break
		}
		if ok = kind == chunkenc.ValFloat; ok {
			out.time, out.value = it.At()
		}
	}
	return out, ok && !value.IsStaleNaN(out.value)
}

// families groups samples by name, in order.
func families(samples []latest) []*dto.MetricFamily {
	slices.SortStableFunc(samples, func(a, b latest) int {
		return strings.Compare(a.labels.Get(model.MetricNameLabel), b.labels.Get(model.MetricNameLabel))
	})
	var out []*dto.MetricFamily
	for _, s := range samples {
		name := s.labels.Get(model.MetricNameLabel)
		if name == "" {
			continue
		}
		if len(out) == 0 || out[len(out)-1].GetName() != name {
			out = append(out, &dto.MetricFamily{Name: &name, Type: dto.MetricType_UNTYPED.Enum()})
		}
		m := &dto.Metric{TimestampMs: &s.time, Untyped: &dto.Untyped{Value: &s.value}}
		s.labels.Range(func(l labels.Label) {
			if l.Name != model.MetricNameLabel {
				m.Label = append(m.Label, &dto.LabelPair{Name: &l.Name, Value: &l.Value})
			}
		})
		last := out[len(out)-1]
		last.Metric = append(last.Metric, m)
	}
	return out
}
