package logs

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse/internal/api/timespan"
)

// Limits of the metrics API.
const (
	maxBuckets      = 10_000
	defaultSegments = 10
	maxSegments     = 1_000
	maxMetrics      = 50 // of one POST
)

// metricQuery is what the parameters of a metric ask for.
type metricQuery struct {
	metric       metric
	aggregations []string
	span         interval
	every        time.Duration // 0: one value for the whole range
	segments     []string      // as they were named
	columns      []string      // of the segments
	top          int
	order        string // an aggregation, and asc or desc
	filter       string // KQL
}

// parameters of a metric as they come, from a query string or a body.
type metricParameters struct {
	MetricID    string   `json:"metricId"`
	Timespan    string   `json:"timespan"`
	Aggregation []string `json:"aggregation"`
	Interval    string   `json:"interval"`
	Segment     []string `json:"segment"`
	Top         int      `json:"top"`
	OrderBy     string   `json:"orderby"`
	Filter      string   `json:"filter"`
}

func (h *Handler) metric(t *target, id string) handle {
	return func(w http.ResponseWriter, r *http.Request) *fault {
		p, f := metricURL(id, r.URL.Query())
		if f != nil {
			return f
		}
		release, f := h.limits.enter(r.Context(), userOf(r), 1)
		if f != nil {
			return f
		}
		defer release()
		value, f := h.answerMetric(r.Context(), t, p)
		if f != nil {
			return f
		}
		writeJSON(w, map[string]any{"value": value})
		return nil
	}
}

func metricURL(id string, v url.Values) (metricParameters, *fault) {
	p := metricParameters{MetricID: id, Timespan: v.Get("timespan"), Interval: v.Get("interval"), OrderBy: v.Get("orderby"), Filter: v.Get("filter")}
	p.Aggregation, p.Segment = list(v.Get("aggregation")), list(v.Get("segment"))
	if text := v.Get("top"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			return p, badArgument("TopInvalid", "top is not a number: "+strconv.Quote(text))
		}
		p.Top = n
	}
	return p, nil
}

func list(text string) []string {
	var out []string
	for _, item := range strings.Split(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			out = append(out, item)
		}
	}
	return out
}

// metricBatch answers several metrics, each with a status of its own.
func (h *Handler) metricBatch(t *target) handle {
	return func(w http.ResponseWriter, r *http.Request) *fault {
		var body []struct {
			ID         string           `json:"id"`
			Parameters metricParameters `json:"parameters"`
		}
		if f := h.readJSON(w, r, &body); f != nil {
			return f
		}
		if len(body) == 0 || len(body) > maxMetrics {
			return badArgument("BatchSize", fmt.Sprintf("the request has %d metrics; it takes 1 to %d", len(body), maxMetrics))
		}
		release, f := h.limits.enter(r.Context(), userOf(r), len(body))
		if f != nil {
			return f
		}
		defer release()
		out := make([]map[string]any, 0, len(body))
		for _, one := range body {
			value, f := h.answerMetric(r.Context(), t, one.Parameters)
			if f != nil {
				f.correlation = w.Header().Get("X-Ms-Request-Id")
				out = append(out, map[string]any{"id": one.ID, "status": f.status, "body": map[string]errorBody{"error": f.body()}})
				continue
			}
			out = append(out, map[string]any{"id": one.ID, "status": http.StatusOK, "body": map[string]any{"value": value}})
		}
		writeJSON(w, out)
		return nil
	}
}

func (h *Handler) readMetric(p metricParameters, now time.Time) (*metricQuery, *fault) {
	m, ok := metricNamed(p.MetricID)
	if !ok {
		return nil, badArgument("MetricInvalid", "there is no metric "+strconv.Quote(p.MetricID)+": .../metrics/metadata lists them")
	}
	q := &metricQuery{metric: m, segments: p.Segment, top: p.Top, order: p.OrderBy}
	var err error
	if q.span, err = parseTimespan(p.Timespan, now); err != nil {
		return nil, badArgument("TimespanInvalid", "timespan: "+err.Error())
	}
	if q.span.start.IsZero() && q.span.end.IsZero() {
		q.span = interval{now.Add(-defaultSpan), now}
	}
	if q.aggregations = p.Aggregation; len(q.aggregations) == 0 {
		q.aggregations = []string{m.standard}
	}
	for _, name := range q.aggregations {
		if m.aggregations[name] == "" {
			return nil, badArgument("AggregationInvalid", m.id+" has no aggregation "+strconv.Quote(name)+", but "+strings.Join(m.aggregationNames(), ", "))
		}
	}
	if p.Interval != "" {
		if q.every, err = timespan.Duration(p.Interval); err != nil || q.every < time.Second {
			return nil, badArgument("IntervalInvalid", "interval: "+strconv.Quote(p.Interval)+" is not an ISO 8601 duration of a second or more")
		}
		if n := q.span.end.Sub(q.span.start) / q.every; n > maxBuckets {
			return nil, badArgument("IntervalInvalid", fmt.Sprintf("interval divides the time span into %d parts; at most %d", n, maxBuckets))
		}
	}
	return q, q.readSegments(p)
}

func (q *metricQuery) readSegments(p metricParameters) *fault {
	for _, name := range q.segments {
		column, ok := q.metric.segment(name)
		if !ok {
			return badArgument("SegmentInvalid", q.metric.id+" cannot be divided by "+strconv.Quote(name))
		}
		q.columns = append(q.columns, column)
	}
	if q.top == 0 {
		q.top = defaultSegments
	}
	if q.top < 0 || q.top > maxSegments {
		return badArgument("TopInvalid", fmt.Sprintf("top is not 1 to %d", maxSegments))
	}
	name, direction, _ := strings.Cut(strings.TrimSpace(q.order), " ")
	if name == "" {
		name = q.aggregations[0]
	}
	if direction = strings.ToLower(strings.TrimSpace(direction)); direction != "asc" {
		direction = "desc"
	}
	if !slices.Contains(q.aggregations, name) {
		return badArgument("OrderInvalid", "orderby: "+strconv.Quote(name)+" is none of the aggregations that are asked for")
	}
	q.order = "v" + strconv.Itoa(slices.Index(q.aggregations, name)) + " " + direction
	if p.Filter != "" {
		var err error
		if q.filter, err = filterExpression(p.Filter, q.metric.segment); err != nil {
			return badArgument("FilterInvalid", "filter: "+err.Error())
		}
	}
	return nil
}

// text is the query in KQL. buckets asks for the parts of the time span, which
// only has to hold the segments named by keep, one condition.
func (q *metricQuery) text(buckets bool) string {
	b := q.metric.source
	if q.filter != "" {
		b += "\n| where " + q.filter
	}
	var values, by []string
	for n, name := range q.aggregations {
		values = append(values, fmt.Sprintf("v%d = %s", n, q.metric.aggregations[name]))
	}
	for n, column := range q.columns {
		by = append(by, fmt.Sprintf("s%d = tostring(%s)", n, column))
	}
	if buckets {
		by = append(by, "at = bin(timestamp, time("+timespanText(int64(q.every/100))+"))")
	}
	b += "\n| summarize " + strings.Join(values, ", ")
	if len(by) > 0 {
		b += " by " + strings.Join(by, ", ")
	}
	switch {
	case buckets:
		b += "\n| order by at asc"
	case len(q.columns) > 0:
		b += fmt.Sprintf("\n| top %d by %s", q.top, q.order)
	}
	return b
}
