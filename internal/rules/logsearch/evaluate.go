package logsearch

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse/internal/rules/azure"
)

// valueColumn holds the number that is compared.
const valueColumn = "gatehouse_value"

// compiled is a rule ready to run.
type compiled struct {
	Rule
	condition *Condition
	question  string
	every     time.Duration
	window    time.Duration
	override  time.Duration // 0: none
	resolve   time.Duration // how long it must be healthy
}

// compile prepares a checked rule.
func compile(r Rule) *compiled {
	c := &compiled{Rule: r, condition: &r.Properties.Criteria.AllOf[0]}
	c.every, c.window = span(r.Properties.Frequency), span(r.Properties.Window)
	c.override = span(r.Properties.OverrideRange)
	c.resolve = healthyFor(c.every)
	if s := r.Properties.Resolve; s != nil && s.TimeToResolve != "" {
		c.resolve = span(s.TimeToResolve)
	}
	c.question = c.condition.question()
	return c
}

// span reads a duration that was checked; "" is 0.
func span(text string) time.Duration {
	d, _ := azure.ParseDuration(text)
	return d
}

// healthyFor is how long the condition must not hold before an alert is
// resolved, where the rule does not say: the service's table, as documented for
// stateful alerts (not confirmed by trying it).
func healthyFor(every time.Duration) time.Duration {
	switch {
	case every <= time.Minute:
		return 10 * time.Minute
	case every <= 15*time.Minute:
		return 3 * every
	case every < 11*time.Hour:
		return 2 * every
	}
	return every
}

func (c *compiled) enabled() bool { return c.Properties.Enabled == nil || *c.Properties.Enabled }

// StaysFired says that only people end an alert of the rule.
func (r *Rule) StaysFired() bool {
	if s := r.Properties.Resolve; s != nil && s.AutoResolved != nil {
		return !*s.AutoResolved
	}
	return r.Properties.AutoMitigate != nil && !*r.Properties.AutoMitigate
}

// question is the rule's query with the number that is compared, by the
// dimensions.
func (c *Condition) question() string {
	function := aggregations[strings.ToLower(c.TimeAggregation)]
	measure := ""
	if function != "count" {
		measure = column(c.MeasureColumn)
	}
	text := strings.TrimRight(c.Query, "; \t\r\n") + "\n| summarize " + valueColumn + " = " + function + "(" + measure + ")"
	for i, d := range c.Dimensions {
		text += map[bool]string{true: " by ", false: ", "}[i == 0] + column(d.Name)
	}
	return text
}

// column quotes a column's name for KQL.
func column(name string) string {
	return "['" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(name) + "']"
}

// point is the number of one combination of dimensions in one window.
type point struct {
	dimensions []string // values, as the condition orders their names
	value      float64
}

func (p point) key() string { return strings.Join(p.dimensions, "\x00") }

// points reads an answer. A number that is null (an average over no rows) is no
// point.
func (c *Condition) points(a Answer) ([]point, error) {
	at := make([]int, len(c.Dimensions)+1)
	for i := range at {
		name := valueColumn
		if i < len(c.Dimensions) {
			name = c.Dimensions[i].Name
		}
		if at[i] = slices.Index(a.Columns, name); at[i] < 0 {
			return nil, fmt.Errorf("the answer has no column %q", name)
		}
	}
	var out []point
	for _, row := range a.Rows {
		value, ok := number(row[at[len(c.Dimensions)]])
		if !ok || math.IsNaN(value) {
			continue
		}
		p := point{value: value}
		for i := range c.Dimensions {
			p.dimensions = append(p.dimensions, text(row[at[i]]))
		}
		if c.wanted(p) {
			out = append(out, p)
		}
	}
	return out, nil
}

// wanted says whether the dimensions' filters let the point pass.
func (c *Condition) wanted(p point) bool {
	for i, d := range c.Dimensions {
		listed := slices.Contains(d.Values, "*") || slices.Contains(d.Values, p.dimensions[i])
		if listed != strings.EqualFold(d.Operator, "Include") {
			return false
		}
	}
	return true
}

func number(v any) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, true
	case int64:
		return float64(v), true
	case int32:
		return float64(v), true
	case bool:
		if v {
			return 1, true
		}
		return 0, true
	}
	return 0, false
}

func text(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	return fmt.Sprint(v)
}

func (c *Condition) met(value float64) bool {
	limit := *c.Threshold
	switch strings.ToLower(c.Operator) {
	case "greaterthan":
		return value > limit
	case "greaterthanorequal":
		return value >= limit
	case "lessthan":
		return value < limit
	case "lessthanorequal":
		return value <= limit
	}
	return value == limit
}

// evaluate gives the combinations for which enough of the last windows fail,
// with the number of the newest window in which each has one.
func (c *compiled) evaluate(ctx context.Context, query QueryFunc, end time.Time) (map[string]point, error) {
	need := c.condition.Periods()
	failed, newest := map[string]int{}, map[string]point{}
	for i := range need.Windows {
		to := end.Add(-time.Duration(i) * c.window)
		from := to.Add(-max(c.window, c.override))
		answer, err := query(ctx, Question{Query: c.question, Start: from, End: to, Scopes: c.Properties.Scopes, Rows: maxAlerts})
		if err != nil {
			return nil, err
		}
		if answer.Cut {
			return nil, fmt.Errorf("the condition has more than %d combinations of dimensions: narrow the query or leave a dimension out", maxAlerts)
		}
		points, err := c.condition.points(answer)
		if err != nil {
			return nil, err
		}
		for _, p := range points {
			if _, seen := newest[p.key()]; !seen {
				newest[p.key()] = p
			}
			if c.condition.met(p.value) {
				failed[p.key()]++
			}
		}
	}
	for key := range newest {
		if failed[key] < need.Failing {
			delete(newest, key)
		}
	}
	return newest, nil
}
