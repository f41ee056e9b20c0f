package azuremonitor

import (
	"cmp"
	"context"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"gatehouse/internal/api"
	"gatehouse/internal/api/arm"
)

// divided is one time series of an answer: values of aggregations by the start
// of their interval.
type divided struct {
	values []string // of the dimensions
	points map[int64]map[string]float64
}

func localized(name, title string) map[string]string {
	return map[string]string{"value": name, "localizedValue": title}
}

// metric answers for one metric.
func (h *Handler) metric(ctx context.Context, q *request, s *scope, m *metric) (map[string]any, error) {
	out := map[string]any{"id": s.resource + "/providers/Microsoft.Insights/metrics/" + m.name, "type": "Microsoft.Insights/metrics", "name": localized(m.name, m.display),
		"displayDescription": m.about, "unit": m.unit, "errorCode": "Success", "timeseries": []any{}}
	p, none := q.plan(m, s, h.o.Cores)
	if none {
		return out, nil
	}
	asked := q.aggregations
	if len(asked) == 0 {
		asked = []string{strings.ToLower(m.primary)}
	}
	fetched := asked
	if q.order != nil && !slices.Contains(asked, q.order.aggregation) {
		fetched = append(slices.Clone(asked), q.order.aggregation)
	}
	list, err := h.evaluate(ctx, q, s, p, fetched)
	if err != nil {
		return nil, err
	}
	q.arrange(list, asked[0])
	if q.divided && len(list) > q.top {
		list = list[:q.top]
	}
	series := []any{}
	for _, d := range list {
		series = append(series, q.series(p, d, asked))
	}
	out["timeseries"] = series
	return out, nil
}

// evaluate runs the queries of the aggregations and joins their results.
func (h *Handler) evaluate(ctx context.Context, q *request, s *scope, p *plan, aggregations []string) ([]*divided, error) {
	byKey := map[string]*divided{}
	var out []*divided
	first := q.span.Start.Add(q.every)
	last := first.Add((q.span.End.Sub(q.span.Start) - 1).Truncate(q.every))
	for _, a := range aggregations {
		query := p.query(a)
		if query == "" {
			continue
		}
		matrix, err := h.o.Range(ctx, query, first, last, q.every)
		if err != nil {
			return nil, err
		}
		for _, series := range matrix {
			values := p.values(series.Metric, s)
			key := strings.Join(values, "\xff")
			d := byKey[key]
			if d == nil {
				d = &divided{values: values, points: map[int64]map[string]float64{}}
				byKey[key] = d
				out = append(out, d)
			}
			for _, f := range series.Floats {
				at := f.T - q.every.Milliseconds()
				if math.IsNaN(f.F) || math.IsInf(f.F, 0) {
					continue
				}
				if d.points[at] == nil {
					d.points[at] = map[string]float64{}
				}
				d.points[at][a] = f.F
			}
		}
	}
	return out, nil
}

// values of the dimensions by which a series is divided.
func (p *plan) values(ls labels.Labels, s *scope) []string {
	out := make([]string, len(p.divide))
	for n, d := range p.divide {
		if d.label == "" {
			out[n] = s.constant(d)
			continue
		}
		out[n] = ls.Get(d.column())
	}
	return out
}

// arrange puts the series in order: as orderby says, otherwise those with most
// of the first aggregation first.
func (q *request) arrange(list []*divided, first string) {
	o := order{aggregation: first}
	if q.order != nil {
		o = *q.order
	}
	rank := map[*divided]float64{}
	for _, d := range list {
		rank[d] = d.rank(o.aggregation)
	}
	slices.SortStableFunc(list, func(a, b *divided) int {
		by := cmp.Compare(rank[b], rank[a])
		if o.ascending {
			by = -by
		}
		return cmp.Or(by, slices.Compare(a.values, b.values))
	})
}

// rank is one number for all of a series.
func (d *divided) rank(aggregation string) float64 {
	sum, low, high, n := 0.0, math.Inf(1), math.Inf(-1), 0
	for _, p := range d.points {
		if v, ok := p[aggregation]; ok {
			sum, low, high, n = sum+v, min(low, v), max(high, v), n+1
		}
	}
	switch {
	case n == 0:
		return 0
	case aggregation == "average":
		return sum / float64(n)
	case aggregation == "minimum":
		return low
	case aggregation == "maximum":
		return high
	}
	return sum
}

// series writes one time series; an interval without a value has its time alone.
func (q *request) series(p *plan, d *divided, aggregations []string) map[string]any {
	metadata, data := []any{}, []any{}
	for n, dim := range p.divide {
		metadata = append(metadata, map[string]any{"name": localized(dim.key(), dim.key()), "value": d.values[n]})
	}
	if q.metadata {
		return map[string]any{"metadatavalues": metadata}
	}
	for at := q.span.Start; at.Before(q.span.End); at = at.Add(q.every) {
		point := map[string]any{"timeStamp": at.UTC().Format(time.RFC3339)}
		for _, a := range aggregations {
			if v, ok := d.points[at.UnixMilli()][a]; ok {
				point[a] = v
			}
		}
		data = append(data, point)
	}
	return map[string]any{"metadatavalues": metadata, "data": data}
}

// definitions answers .../metricDefinitions.
func (h *Handler) definitions(w http.ResponseWriter, _ *arm.Request, s *scope) error {
	value := []any{}
	for _, m := range metrics() {
		supported, dimensions, grained := []string{}, []any{}, []any{}
		for _, a := range m.aggregations {
			supported = append(supported, strings.ToUpper(a[:1])+a[1:])
		}
		for _, d := range m.dimensions {
			dimensions = append(dimensions, localized(d.name, d.name))
		}
		for _, g := range grains {
			grained = append(grained, map[string]string{"timeGrain": g, "retention": "P93D"})
		}
		value = append(value, map[string]any{"id": s.resource + "/providers/microsoft.insights/metricdefinitions/" + m.name, "resourceId": s.resource, "namespace": Namespace,
			"category": "Gateway", "name": localized(m.name, m.display), "displayDescription": m.about, "isDimensionRequired": false, "unit": m.unit,
			"primaryAggregationType": m.primary, "supportedAggregationTypes": supported, "metricAvailabilities": grained, "dimensions": dimensions})
	}
	api.WriteJSON(w, http.StatusOK, map[string]any{"value": value})
	return nil
}

// namespaces answers .../metricNamespaces.
func (h *Handler) namespaces(w http.ResponseWriter, _ *arm.Request, s *scope) error {
	api.WriteJSON(w, http.StatusOK, map[string]any{"value": []any{map[string]any{"id": s.resource + "/providers/microsoft.insights/metricNamespaces/" + Namespace,
		"type": "Microsoft.Insights/metricNamespaces", "name": Namespace, "classification": "Platform", "properties": map[string]string{"metricNamespaceName": Namespace}}}})
	return nil
}
