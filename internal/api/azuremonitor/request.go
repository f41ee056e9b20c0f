package azuremonitor

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse/internal/api/timespan"
)

// grains are the intervals that Azure Monitor has.
var grains = []string{"PT1M", "PT5M", "PT15M", "PT30M", "PT1H", "PT6H", "PT12H", "P1D"}

// read checks a request's parameters.
func (h *Handler) read(v url.Values, s *scope) (*request, error) {
	q := &request{}
	if space := get(v, "metricnamespace"); space != "" && !strings.EqualFold(space, Namespace) {
		return nil, bad("metricnamespace: there is no %.100q here, only %s", space, Namespace)
	}
	if err := q.readMetrics(v); err != nil {
		return nil, err
	}
	if err := q.readTimes(v, h.o.Now()); err != nil {
		return nil, err
	}
	if err := q.readFilter(v, s); err != nil {
		return nil, err
	}
	return q, q.readOrder(v)
}

func (q *request) readMetrics(v url.Values) error {
	names := list(get(v, "metricnames"))
	if len(names) == 0 {
		names = []string{metrics()[0].name}
	}
	if len(names) > maxNames {
		return bad("metricnames has %d names, at most %d", len(names), maxNames)
	}
	for _, name := range names {
		m := metricNamed(name)
		if m == nil {
			var known []string
			for _, one := range metrics() {
				known = append(known, one.name)
			}
			return bad("Failed to find metric configuration for provider: Microsoft.ApiManagement, resource Type: service, metric: %.100s, Valid metrics: %s", name, strings.Join(known, ","))
		}
		q.metrics = append(q.metrics, m)
	}
	for _, a := range list(get(v, "aggregation")) {
		a = strings.ToLower(a)
		if !slices.Contains([]string{"average", "count", "maximum", "minimum", "total", "none"}, a) {
			return bad("aggregation: %.40q is not one of Average, Count, Maximum, Minimum, Total", a)
		}
		q.aggregations = append(q.aggregations, a)
	}
	return nil
}

func (q *request) readTimes(v url.Values, now time.Time) error {
	text := get(v, "timespan")
	if text == "" {
		text = "PT1H"
	}
	var err error
	if q.span, err = timespan.Parse(text, now); err != nil {
		return bad("timespan: %v", err)
	}
	if q.interval = strings.ToUpper(get(v, "interval")); q.interval == "" {
		q.interval = grains[0]
	}
	if err := q.readGrain(get(v, "autoadjusttimegrain") == "true"); err != nil {
		return err
	}
	q.span.Start = q.span.Start.Truncate(min(q.every, time.Minute))
	if !q.span.Start.Before(q.span.End) {
		return bad("timespan: %q has no time in it", text)
	}
	if n := q.points(); n > maxPoints {
		return bad("the timespan has %d intervals, at most %d: use a longer interval", n, maxPoints)
	}
	return nil
}

// readGrain takes an interval of the list, and FULL for the whole timespan.
func (q *request) readGrain(adjust bool) error {
	if q.interval == "FULL" {
		q.every = max(q.span.End.Sub(q.span.Start).Round(time.Minute), time.Minute)
		return nil
	}
	every, err := timespan.Duration(q.interval)
	if err != nil {
		return bad("interval: %v", err)
	}
	for _, g := range grains {
		grain, err := timespan.Duration(g)
		if err == nil && (grain == every || adjust && grain > every) {
			q.every, q.interval = grain, g
			return nil
		}
	}
	return bad("interval: %q is not one of %s, FULL", q.interval, strings.Join(grains, ", "))
}

func (q *request) readFilter(v url.Values, s *scope) error {
	text := get(v, "$filter")
	clauses, err := parseFilter(text)
	if err != nil {
		return bad("%v", err)
	}
	q.divided = len(clauses) > 0
	lenient := strings.EqualFold(get(v, "validatedimensions"), "false")
	for _, c := range clauses {
		if s.subscription && strings.EqualFold(c.dimension, "Microsoft.ResourceId") {
			for _, m := range q.metrics {
				m.dimensions = append(m.dimensions, dimension{name: "Microsoft.ResourceId", resource: true})
			}
		} else if !q.known(c.dimension) {
			if lenient {
				continue
			}
			return bad("$filter: dimension %.100q is not one of the metrics asked for: metricDefinitions lists theirs", c.dimension)
		}
		q.filter = append(q.filter, c)
	}
	q.rollup = list(get(v, "rollupby"))
	return nil
}

// known tells whether each metric has a dimension.
func (q *request) known(name string) bool {
	return !slices.ContainsFunc(q.metrics, func(m *metric) bool { return m.dimension(name) == nil })
}

func (q *request) readOrder(v url.Values) error {
	q.top, q.metadata = defaultTop, strings.EqualFold(get(v, "resulttype"), "metadata")
	if text := get(v, "top"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxTop {
			return bad("top: %.40q is not a number from 1 to %d", text, maxTop)
		}
		q.top = n
	}
	if q.metadata {
		q.top = maxTop
	}
	words := strings.Fields(strings.ToLower(get(v, "orderby")))
	if len(words) == 0 {
		return nil
	}
	q.order = &order{aggregation: map[string]string{"sum": "total", "avg": "average", "max": "maximum", "min": "minimum"}[words[0]]}
	if q.order.aggregation == "" {
		q.order.aggregation = words[0]
	}
	if len(words) > 2 || !slices.Contains([]string{"total", "average", "maximum", "minimum", "count"}, q.order.aggregation) || len(words) == 2 && words[1] != "asc" && words[1] != "desc" {
		return bad("orderby: write an aggregation, and asc or desc: sum desc")
	}
	q.order.ascending = len(words) == 1 || words[1] == "asc"
	return nil
}

func list(text string) []string {
	var out []string
	for _, one := range strings.Split(text, ",") {
		if one = strings.TrimSpace(one); one != "" {
			out = append(out, one)
		}
	}
	return out
}
