package logs

import (
	"context"
	"math"
	"slices"
	"strings"
	"time"

	"gatehouse/internal/query/kql/table"
)

// measured is one value: of a segment, of a part of the time span, or of all.
type measured struct {
	at       time.Time
	segments []string
	values   []any
}

func (h *Handler) measure(ctx context.Context, t *target, q *metricQuery, buckets bool, now time.Time) ([]measured, *fault) {
	result, f := h.ask(ctx, t, q.text(buckets), q.span, now, 0)
	if f != nil {
		return nil, f
	}
	var out []measured
	for _, tab := range result.Tables[:min(len(result.Tables), 1)] {
		for _, row := range tab.Rows {
			var m measured
			for n, c := range tab.Columns {
				switch ticks, isTime := row[n].(int64); {
				case c.Name == "at" && isTime:
					m.at = timeOf(ticks)
				case strings.HasPrefix(c.Name, "s") && c.Type == table.String:
					text, _ := row[n].(string)
					m.segments = append(m.segments, text)
				case strings.HasPrefix(c.Name, "v"):
					m.values = append(m.values, finite(row[n]))
				}
			}
			// summarize gives the columns of "by" first, and the values in their order.
			if len(m.values) == len(q.aggregations) && len(m.segments) == len(q.columns) {
				out = append(out, m)
			}
		}
	}
	return out, nil
}

func timeOf(ticks int64) time.Time {
	rest := ticks - table.UnixTicks
	return time.Unix(rest/table.TicksPerSecond, rest%table.TicksPerSecond*100).UTC()
}

// finite leaves out what JSON has no number for.
func finite(v any) any {
	if f, ok := v.(float64); ok && (math.IsNaN(f) || math.IsInf(f, 0)) {
		return nil
	}
	return v
}

func (q *metricQuery) value(m measured) map[string]any {
	values := map[string]any{}
	for n, name := range q.aggregations {
		values[name] = m.values[n]
	}
	out := map[string]any{q.metric.id: values}
	for n, name := range q.segments {
		out[name] = m.segments[n]
	}
	return out
}

// answerMetric gives the value in the shape of the metrics API: a range of time
// with values, or with segments that have them.
func (h *Handler) answerMetric(ctx context.Context, t *target, p metricParameters) (map[string]any, *fault) {
	now := h.o.Now()
	q, f := h.readMetric(p, now)
	if f != nil {
		return nil, f
	}
	out := map[string]any{"start": q.span.start, "end": q.span.end}
	whole, f := h.measure(ctx, t, q, false, now)
	if f != nil {
		return nil, f
	}
	if q.every == 0 {
		q.fill(out, whole)
		return out, nil
	}
	out["interval"] = p.Interval
	parts, f := h.measure(ctx, t, q, true, now)
	if f != nil {
		return nil, f
	}
	out["segments"] = q.parts(whole, parts)
	return out, nil
}

// fill puts the value, or the segments, into an answer or a part of it.
func (q *metricQuery) fill(out map[string]any, list []measured) {
	if len(q.columns) > 0 {
		segments := make([]map[string]any, 0, len(list))
		for _, m := range list {
			segments = append(segments, q.value(m))
		}
		out["segments"] = segments
		return
	}
	m := measured{values: make([]any, len(q.aggregations))}
	if len(list) > 0 {
		m = list[0]
	}
	for key, v := range q.value(m) {
		out[key] = v
	}
}

// parts divides the time span. Of segments only those stand in it that lead
// over the whole span.
func (q *metricQuery) parts(whole, parts []measured) []map[string]any {
	byTime := map[int64][]measured{}
	for _, m := range parts {
		if len(q.columns) > 0 && !slices.ContainsFunc(whole, func(w measured) bool { return slices.Equal(w.segments, m.segments) }) {
			continue
		}
		byTime[m.at.UnixNano()] = append(byTime[m.at.UnixNano()], m)
	}
	out := []map[string]any{}
	for at := floor(q.span.start, q.every); at.Before(q.span.end); at = at.Add(q.every) {
		end := at.Add(q.every)
		part := map[string]any{"start": later(at, q.span.start), "end": earlier(end, q.span.end)}
		list := byTime[at.UnixNano()]
		if len(q.columns) > 0 && len(list) == 0 {
			continue
		}
		q.fill(part, list)
		out = append(out, part)
	}
	return out
}

// floor is the start of the part that holds t, counted from year 1 as bin does.
func floor(t time.Time, every time.Duration) time.Time { return t.UTC().Truncate(every) }

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
