package logs

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// platformNames are the aggregations of a resource's metrics and those of the
// metrics API that they are.
func platformNames(m metric) map[string]string {
	out := map[string]string{}
	for platform, name := range map[string]string{"average": "avg", "minimum": "min", "maximum": "max", "total": "sum", "count": "count"} {
		if m.aggregations[name] != "" {
			out[platform] = name
		}
	}
	if m.aggregations["unique"] != "" {
		out["count"] = "unique"
	}
	return out
}

func localized(name, title string) map[string]string {
	return map[string]string{"value": name, "localizedValue": title}
}

// resourceMetrics answers {resource}/providers/Microsoft.Insights/metrics in the
// shape of Azure Monitor's metrics.
func (h *Handler) resourceMetrics(t *target) handle {
	return func(w http.ResponseWriter, r *http.Request) *fault {
		v := r.URL.Query()
		names := list(v.Get("metricnames"))
		if len(names) == 0 {
			return badArgument("MetricInvalid", "metricnames names no metric: .../metricDefinitions lists them")
		}
		if len(names) > maxMetrics {
			return badArgument("MetricInvalid", "metricnames names more than "+strconv.Itoa(maxMetrics)+" metrics")
		}
		every := v.Get("interval")
		if every == "" {
			every = "PT1M"
		}
		timespan := v.Get("timespan")
		if timespan == "" {
			timespan = "PT1H"
		}
		now := h.o.Now()
		span, err := parseTimespan(timespan, now)
		if err != nil {
			return badArgument("TimespanInvalid", "timespan: "+err.Error())
		}
		release, f := h.limits.enter(r.Context(), userOf(r), len(names))
		if f != nil {
			return f
		}
		defer release()
		value := []any{}
		for _, name := range names {
			one, f := h.resourceMetric(r, t, name, span, every, now)
			if f != nil {
				return f
			}
			value = append(value, one)
		}
		writeJSON(w, map[string]any{"cost": 0, "timespan": span.start.Format(time.RFC3339) + "/" + span.end.Format(time.RFC3339), "interval": every,
			"namespace": "microsoft.insights/components", "resourceregion": "local", "value": value})
		return nil
	}
}

func (h *Handler) resourceMetric(r *http.Request, t *target, name string, span interval, every string, now time.Time) (map[string]any, *fault) {
	v := r.URL.Query()
	m, ok := metricNamed(name)
	if !ok {
		return nil, badArgument("MetricInvalid", "there is no metric "+strconv.Quote(name)+": .../metricDefinitions lists them")
	}
	names := platformNames(m)
	asked := list(strings.ToLower(v.Get("aggregation")))
	if len(asked) == 0 {
		for platform, inner := range names {
			if inner == m.standard {
				asked = append(asked, platform)
			}
		}
	}
	q := &metricQuery{metric: m, span: span, top: defaultSegments}
	var kept []string
	for _, platform := range asked {
		if inner := names[platform]; inner != "" {
			kept, q.aggregations = append(kept, platform), append(q.aggregations, inner)
		}
	}
	if len(kept) == 0 {
		return nil, badArgument("AggregationInvalid", name+" has none of the aggregations "+strings.Join(asked, ", "))
	}
	checked, f := h.readMetric(metricParameters{MetricID: name, Timespan: span.start.Format(time.RFC3339Nano) + "/" + span.end.Format(time.RFC3339Nano),
		Interval: every, Aggregation: q.aggregations, Filter: v.Get("$filter")}, now)
	if f != nil {
		return nil, f
	}
	parts, f := h.measure(r.Context(), t, checked, true, now)
	if f != nil {
		return nil, f
	}
	return map[string]any{"id": t.title + insights + "metrics/" + name, "type": "Microsoft.Insights/metrics", "name": localized(name, m.title),
		"displayDescription": m.title, "unit": m.unit, "errorCode": "Success",
		"timeseries": []any{map[string]any{"metadatavalues": []any{}, "data": checked.points(parts, kept)}}}, nil
}

// points are the parts of the time span, also those in which nothing happened.
func (q *metricQuery) points(parts []measured, names []string) []map[string]any {
	byTime := map[int64]measured{}
	for _, m := range parts {
		byTime[m.at.UnixNano()] = m
	}
	out := []map[string]any{}
	for at := floor(q.span.start, q.every); at.Before(q.span.end); at = at.Add(q.every) {
		point := map[string]any{"timeStamp": at}
		if m, ok := byTime[at.UnixNano()]; ok {
			for n, name := range names {
				point[name] = m.values[n]
			}
		}
		out = append(out, point)
	}
	return out
}

func (h *Handler) metricDefinitions(t *target) handle {
	return func(w http.ResponseWriter, r *http.Request) *fault {
		if f := h.readable(r.Context(), t); f != nil {
			return f
		}
		value := []any{}
		for _, m := range metrics() {
			var supported []string
			primary := ""
			for platform, name := range platformNames(m) {
				title := strings.ToUpper(platform[:1]) + platform[1:]
				supported = append(supported, title)
				if name == m.standard {
					primary = title
				}
			}
			slices.Sort(supported)
			value = append(value, map[string]any{"id": t.title + insights + "metricdefinitions/" + m.id, "resourceId": t.title, "namespace": "microsoft.insights/components",
				"name": localized(m.id, m.title), "displayDescription": m.title, "isDimensionRequired": false, "unit": m.unit, "primaryAggregationType": primary,
				"supportedAggregationTypes": supported, "metricAvailabilities": []any{map[string]string{"timeGrain": "PT1M", "retention": "P90D"}}})
		}
		writeJSON(w, map[string]any{"value": value})
		return nil
	}
}

func (h *Handler) metricNamespaces(t *target) handle {
	return func(w http.ResponseWriter, r *http.Request) *fault {
		if f := h.readable(r.Context(), t); f != nil {
			return f
		}
		writeJSON(w, map[string]any{"value": []any{map[string]any{"id": t.title + insights + "metricNamespaces/microsoft.insights/components",
			"type": "Microsoft.Insights/metricNamespaces", "name": "microsoft.insights/components", "classification": "Platform",
			"properties": map[string]string{"metricNamespaceName": "microsoft.insights/components"}}}})
		return nil
	}
}
