package azuremonitor

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// plan is what a metric's query is made of.
type plan struct {
	metric  *metric
	divide  []*dimension // in the order of the filter
	matches string       // of the selector
	counter string       // that has the dimensions
	every   time.Duration
	cores   int
}

// plan divides a metric as the filter says. none is true when a dimension that
// is the same for all has another value than the filter asks for.
func (q *request) plan(m *metric, s *scope, cores int) (p *plan, none bool) {
	p = &plan{metric: m, counter: m.counter, every: q.every, cores: cores}
	matches := []string{own}
	for i := range q.filter {
		c := &q.filter[i]
		d := m.dimension(c.dimension)
		if d.counter != "" {
			p.counter = d.counter
		}
		switch {
		case d.label == "" && !c.admits(s.constant(d)):
			return nil, true
		case d.label != "" && !d.category:
			matches = append(matches, c.matchers(d.label)...)
		case d.category:
			matches = append(matches, c.categories(d.label)...)
		}
		if !slices.ContainsFunc(q.rollup, func(r string) bool { return strings.EqualFold(r, c.dimension) }) {
			p.divide = append(p.divide, d)
		}
	}
	p.matches = strings.Join(matches, ",")
	return p, false
}

// constant is the value of a dimension that all series have alike.
func (s *scope) constant(d *dimension) string {
	if d.resource {
		return s.resource
	}
	return s.region
}

// matchers of a label: values in any case, as in Azure.
func (c *clause) matchers(label string) []string {
	var out []string
	if len(c.values) > 0 {
		out = append(out, label+"=~"+anyOf(c.values, ""))
	}
	if len(c.not) > 0 {
		out = append(out, label+"!~"+anyOf(c.not, ""))
	}
	return out
}

// categories are matchers of codes by their first digit.
func (c *clause) categories(label string) []string {
	digits := func(list []string) []string {
		out := make([]string, len(list))
		for n, v := range list {
			if out[n] = "none"; len(v) == 3 && strings.EqualFold(v[1:], "xx") {
				out[n] = v[:1]
			}
		}
		return out
	}
	two := clause{values: digits(c.values), not: digits(c.not)}
	var out []string
	if len(two.values) > 0 {
		out = append(out, label+"=~"+anyOf(two.values, ".."))
	}
	if len(two.not) > 0 {
		out = append(out, label+"!~"+anyOf(two.not, ".."))
	}
	return out
}

func anyOf(values []string, tail string) string {
	parts := make([]string, len(values))
	for n, v := range values {
		parts[n] = regexp.QuoteMeta(v) + tail
	}
	return strconv.Quote("(?i:" + strings.Join(parts, "|") + ")")
}

// started is when the process began: what has an older time was written by the
// one before.
const started = "scalar(" + process + ")"

const process = `gatehouse_start_time_seconds{` + own + `}`

// own matches the series that the store writes of this process, not those of
// another gateway that is scraped.
const own = `job="gatehouse",instance="gatehouse"`

// grown is what a counter grew by in the minute that ends now.
func (p *plan) grown(name string) string {
	x := name + "{" + p.matches + "}"
	return p.minute(x, x, fmt.Sprintf("(%s - %s offset 1m) >= 0", x, x))
}

// observed is the histogram of what was observed in the minute that ends now.
func (p *plan) observed() string {
	x, count := p.metric.histogram+"{"+p.matches+"}", p.metric.histogram+"_count{"+p.matches+"}"
	return p.minute(x, count, fmt.Sprintf("(%s - %s offset 1m) and ((%s - %s offset 1m) >= 0)", x, x, count, count))
}

// minute gives the growth of x since the minute before. Where the process began
// in between, x is all of it, since its counters begin at 0, and what grew before
// it ended is added as far as it is higher. Where the same process wrote nothing
// for longer than a query looks back, as on a machine that slept, its value of up
// to an hour before counts. Otherwise the series is new, and x is all of it.
func (p *plan) minute(x, count, growth string) string {
	anew := fmt.Sprintf("((timestamp(%s) >= %s) and (timestamp(%s offset 1m) < %s))", count, started, count, started)
	slept := fmt.Sprintf("(%s - last_over_time(%s[1h] offset 1m)) and on() (%s == last_over_time(%s[1h] offset 1m)) unless on() (%s offset 1m)", x, x, process, process, process)
	ended := ""
	if x == count { // a number, no histogram
		highest := fmt.Sprintf("max_over_time(%s[1m])", x)
		ended = fmt.Sprintf("((%s + (%s - %s offset 1m)) and (%s > %s) and %s) or ", x, highest, x, highest, x, anew)
	}
	return fmt.Sprintf("((%s unless %s) or (%s) or %s%s)", growth, anew, slept, ended, x)
}

// by sums what is divided by the dimensions.
func (p *plan) by(expression string) string {
	labels := make([]string, 0, len(p.divide))
	for _, d := range p.divide {
		if d.label == "" {
			continue
		}
		if d.category {
			expression = fmt.Sprintf(`label_replace(%s, %q, "${1}xx", %q, "(.)..")`, expression, d.column(), d.label)
		}
		labels = append(labels, d.column())
	}
	return fmt.Sprintf("sum by (%s) (%s)", strings.Join(labels, ","), expression)
}

// over puts the minutes of an interval together.
func (p *plan) over(function, expression string) string {
	if p.every == time.Minute {
		return expression
	}
	return fmt.Sprintf("%s((%s)[%ds:1m])", function, expression, int(p.every.Seconds()))
}

// query gives the PromQL of an aggregation, "" when the metric does not have it.
// It is evaluated at the end of each interval.
func (p *plan) query(aggregation string) string {
	m := p.metric
	if !slices.Contains(m.aggregations, aggregation) {
		return ""
	}
	total := func(name string) string { return p.over("sum_over_time", p.by(p.grown(name))) }
	switch {
	case m.unit == "Percent":
		return fmt.Sprintf("100 * %s / %g", total(p.counter), float64(p.cores)*p.every.Seconds())
	case aggregation == "total":
		return total(p.counter)
	case aggregation == "average":
		return fmt.Sprintf("1000 * %s / (%s > 0)", total(m.histogram+"_sum"), total(m.histogram+"_count"))
	case aggregation == "maximum":
		return "1000 * " + p.over("max_over_time", p.quantile(1))
	case aggregation == "minimum":
		return "1000 * " + p.over("min_over_time", p.quantile(0))
	}
	return ""
}

// quantile of the minutes in which something was observed.
func (p *plan) quantile(q int) string {
	all := p.by(p.observed())
	return fmt.Sprintf("(histogram_quantile(%d, %s) and (histogram_count(%s) > 0))", q, all, all)
}
