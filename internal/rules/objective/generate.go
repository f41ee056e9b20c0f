package objective

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

type ruleGroup struct {
	Name     string `yaml:"name"`
	Interval string `yaml:"interval"`
	Rules    []rule `yaml:"rules"`
}

type rule struct {
	Record      string            `yaml:"record,omitempty"`
	Alert       string            `yaml:"alert,omitempty"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for,omitempty"`
	KeepFiring  string            `yaml:"keep_firing_for,omitempty"`
	Labels      map[string]string `yaml:"labels"`
	Annotations map[string]string `yaml:"annotations,omitempty"`
}

// RuleFiles gives a Prometheus rule file for each objective, by name. A file
// depends on its objective alone, and the default's on which APIs have their
// own: what did not change keeps its state at a reload.
func (s *Set) RuleFiles() (map[string][]byte, error) {
	out := map[string][]byte{}
	for _, o := range s.All() {
		var b bytes.Buffer
		e := yaml.NewEncoder(&b)
		e.SetIndent(2)
		if err := e.Encode(map[string]any{"groups": s.groups(o)}); err != nil {
			return nil, fmt.Errorf("objective %q: %w", o.Name, err)
		}
		out["objectives/"+o.Name+".yml"] = b.Bytes()
	}
	return out, nil
}

func (s *Set) groups(o Objective) []ruleGroup {
	short := ruleGroup{Name: "gatehouse-objective-" + o.Name, Interval: step.String()}
	long := ruleGroup{Name: short.Name + "-long", Interval: "2m"}
	selector, by := s.scope(o)
	for _, one := range o.indicators(selector, by) {
		short.Rules = append(short.Rules, one.short()...)
		long.Rules = append(long.Rules, one.long()...)
	}
	return []ruleGroup{short, long}
}

// scope selects the objective's requests, and says what they are grouped by.
func (s *Set) scope(o Objective) (selector, by string) {
	switch {
	case o.API != "":
		return "gatehouse_api=" + strconv.Quote(o.API), "gatehouse_api"
	case o.Product != "":
		return "gatehouse_product=" + strconv.Quote(o.Product), "gatehouse_product"
	}
	own := []string{"none"} // requests that match no API
	for _, other := range s.Objectives {
		if other.API != "" {
			own = append(own, regexp.QuoteMeta(other.API))
		}
	}
	return "gatehouse_api!~" + strconv.Quote(strings.Join(own, "|")), "gatehouse_api"
}

// indicator is one promise of an objective: which requests break it.
type indicator struct {
	name, kind       string // kind: availability, latency
	requests, broken string // expressions, per second over 5 minutes
	budget           float64
	window           time.Duration
	who, what        string // of the alerts' summaries
	promise          string
}

func (o Objective) indicators(selector, by string) (out []indicator) {
	const total = "http_server_request_duration_seconds"
	requests := fmt.Sprintf("sum by (%s) (rate(%s_count{%s}[5m]))", by, total, selector)
	who := "API {{ $labels.gatehouse_api }}"
	if by == "gatehouse_product" {
		who = "Product {{ $labels.gatehouse_product }}"
	}
	if o.Availability != 0 {
		out = append(out, indicator{name: o.Name, kind: "availability", requests: requests, window: time.Duration(o.Window), who: who, what: "fail",
			broken: fmt.Sprintf("sum by (%s) (rate(%s_count{%s,http_response_status_code=~\"5..\"}[5m])) or %s * 0", by, total, selector, requests),
			budget: budget(o.Availability), promise: fmt.Sprintf("%s %% do not fail", number(o.Availability))})
	}
	if o.Latency != nil {
		below := time.Duration(o.Latency.Below)
		histogram := fmt.Sprintf("sum by (%s) (rate(%s{%s}[5m]))", by, total, selector)
		out = append(out, indicator{name: o.Name, kind: "latency", requests: requests, window: time.Duration(o.Window), who: who, what: "take longer than " + below.String(),
			broken: fmt.Sprintf("clamp_min(1 - histogram_fraction(0, %s, %s), 0) * histogram_count(%s) or %s * 0", number(below.Seconds()), histogram, histogram, requests),
			budget: budget(o.Latency.Share), promise: fmt.Sprintf("%s %% end within %s", number(o.Latency.Share), below)})
	}
	return out
}

// budget is the share that may break the promise, without the noise of binary
// fractions.
func budget(percent float64) float64 {
	v, _ := strconv.ParseFloat(strconv.FormatFloat(1-percent/100, 'f', 8, 64), 64)
	return v
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', 8, 64) }

// step is how often the short windows are recorded: a sum of rates over a window
// times the step is a number of requests.
const step = 30 * time.Second

func (i indicator) labels(more ...string) map[string]string {
	out := map[string]string{"slo": i.name, "objective": i.kind}
	for n := 0; n+1 < len(more); n += 2 {
		out[more[n]] = more[n+1]
	}
	return out
}

func (i indicator) series(metric string) string {
	return fmt.Sprintf("%s{slo=%q,objective=%q}", metric, i.name, i.kind)
}

const (
	requestRate = "gatehouse:slo_requests:rate5m"
	errorRate   = "gatehouse:slo_errors:rate5m"
	ratioOf     = "gatehouse:slo_errors:ratio"
)

func (i indicator) ratio(window string) rule {
	return rule{Record: ratioOf + window, Labels: i.labels(), Expr: i.share(window)}
}

// share weighs by requests, so that a quiet night does not count as a day.
func (i indicator) share(window string) string {
	return fmt.Sprintf("sum_over_time(%s[%s]) / (sum_over_time(%s[%s]) > 0)", i.series(errorRate), window, i.series(requestRate), window)
}

// burns is true while the budget is spent faster than allowed: in the long
// window, so that it matters, and in the short one, so that it ends soon after.
func (i indicator) burns(part float64, long time.Duration, longName, shortName string) string {
	threshold := part * float64(i.window) / float64(long) * i.budget
	limit := number(min(threshold, highest))
	return fmt.Sprintf("(%s > %s and %s > %s and sum_over_time(%s[%s]) * %s >= %d)", i.series(ratioOf+longName), limit, i.series(ratioOf+shortName), limit,
		i.series(errorRate), longName, number(step.Seconds()), enough)
}

const (
	// highest threshold: with a wide budget the usual multiple would be beyond 1.
	highest = 0.9
	// enough broken promises for an alert: one of three requests is no trend.
	enough = 10
)

func (i indicator) short() []rule {
	return []rule{
		{Record: requestRate, Labels: i.labels(), Expr: i.requests},
		{Record: errorRate, Labels: i.labels(), Expr: i.broken},
		{Record: ratioOf + "5m", Labels: i.labels(), Expr: fmt.Sprintf("%s / (%s > 0)", i.series(errorRate), i.series(requestRate))},
		i.ratio("30m"), i.ratio("1h"), i.ratio("6h"),
		{
			Alert: "GatehouseErrorBudgetBurn", Labels: i.labels("severity", "page"), KeepFiring: "5m",
			Expr:        i.burns(0.02, time.Hour, "1h", "5m") + " or " + i.burns(0.05, 6*time.Hour, "6h", "30m"),
			Annotations: i.words("spends its error budget too fast"),
		},
	}
}

func (i indicator) long() []rule {
	window := fmt.Sprintf("%dh", i.window/time.Hour)
	return []rule{
		i.ratio("2h"), i.ratio("1d"), i.ratio("3d"),
		{Record: "gatehouse:slo_objective:ratio", Labels: i.labels(), Expr: fmt.Sprintf("%s * 0 + %s", i.series(requestRate), number(1-i.budget))},
		{Record: "gatehouse:slo_budget_remaining:ratio", Labels: i.labels(), Expr: fmt.Sprintf("1 - (%s) / %s", i.share(window), number(i.budget))},
		{
			Alert: "GatehouseErrorBudgetLeak", Labels: i.labels("severity", "ticket"), For: "15m", KeepFiring: "30m",
			Expr:        i.burns(0.1, 24*time.Hour, "1d", "2h") + " or " + i.burns(0.1, 72*time.Hour, "3d", "6h"),
			Annotations: i.words("spends its error budget steadily"),
		},
	}
}

func (i indicator) words(what string) map[string]string {
	return map[string]string{
		"summary":     fmt.Sprintf("%s %s", i.who, what),
		"description": fmt.Sprintf("{{ $value | humanizePercentage }} of the requests %s; the objective %s is that %s.", i.what, i.name, i.promise),
	}
}
