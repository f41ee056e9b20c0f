package azuremonitor

import (
	"fmt"
	"math"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// parameters are a probe's, as azure-metrics-exporter reads them. Lists may be
// repeated, and have commas.
type parameters struct {
	query                        query
	targets                      []resourceID
	subscriptions                []string
	resourceType, resourceFilter string
	region                       string
	metrics, aggregations        []string
	metricTag, aggregationTag    string
	naming                       naming
	help                         string
	cache                        time.Duration
}

func readParameters(v url.Values, newest time.Time) (*parameters, error) {
	p := &parameters{subscriptions: split(v["subscription"]...), resourceType: v.Get("resourceType"), resourceFilter: v.Get("filter"), region: v.Get("region"),
		metrics: split(v["metric"]...), aggregations: lower(split(v["aggregation"]...)), metricTag: v.Get("metricTagName"), aggregationTag: v.Get("aggregationTagName"),
		help: v.Get("help")}
	p.query = query{filter: v.Get("metricFilter"), orderBy: v.Get("metricOrderBy"), namespace: v.Get("metricNamespace"), interval: fallback(v.Get("interval"), "PT1M"), top: maxTop}
	p.naming = naming{metric: fallback(v.Get("name"), exporterName), template: v.Get("template"), interval: p.query.interval, timespan: fallback(v.Get("timespan"), "PT1M")}
	if letters(p.naming.metric) != p.naming.metric || p.naming.metric == "" || p.naming.metric[0] <= '9' {
		return nil, fmt.Errorf("name: %q is not a metric's name", p.naming.metric)
	}
	for _, t := range split(v["target"]...) {
		id, err := parseResource(t)
		if err != nil {
			return nil, fmt.Errorf("target: %w", err)
		}
		p.targets = append(p.targets, id)
	}
	if len(p.targets) > maxTargets || len(p.subscriptions) > maxTargets || len(p.metrics) > maxTargets {
		return nil, fmt.Errorf("at most %d targets, subscriptions and metrics in one probe", maxTargets)
	}
	if len(p.metrics) == 0 && p.metricTag == "" {
		return nil, fmt.Errorf("name a metric: metric=Requests")
	}
	for _, s := range p.subscriptions {
		if strings.ContainsAny(s, "/?#%") || s == "." || s == ".." {
			return nil, fmt.Errorf("subscription: %q is not the id of one", s)
		}
	}
	return p, p.readTimes(v, newest)
}

// readTimes gives the probe the newest span that is over.
func (p *parameters) readTimes(v url.Values, newest time.Time) error {
	every, err := isoDuration(p.naming.interval)
	if err != nil {
		return fmt.Errorf("interval: %w", err)
	}
	span, err := isoDuration(p.naming.timespan)
	if err != nil {
		return fmt.Errorf("timespan: %w", err)
	}
	p.query.end = newest.UTC().Truncate(every)
	p.query.start = p.query.end.Add(-max(span, every))
	if text := v.Get("metricTop"); text != "" {
		n, err := strconv.ParseInt(text, 10, 32)
		if err != nil || n < 1 || n > maxTop {
			return fmt.Errorf("metricTop: %q is not a number from 1 to %d", text, maxTop)
		}
		p.query.top = int32(n)
	}
	if text := v.Get("validateDimensions"); text != "" {
		yes, err := strconv.ParseBool(text)
		if err != nil {
			return fmt.Errorf("validateDimensions: %q is neither true nor false", text)
		}
		p.query.validate = &yes
	}
	if text := v.Get("cache"); text != "" {
		if p.cache, err = time.ParseDuration(text); err != nil || p.cache < 0 {
			return fmt.Errorf("cache: %q is not a duration such as 1m", text)
		}
	}
	return nil
}

func split(list ...string) []string {
	var out []string
	for _, text := range list {
		for _, one := range strings.Split(text, ",") {
			if one = strings.TrimSpace(one); one != "" {
				out = append(out, one)
			}
		}
	}
	return out
}

func lower(list []string) []string {
	for n := range list {
		list[n] = strings.ToLower(list[n])
	}
	return list
}

func fallback(s, d string) string {
	if s == "" {
		return d
	}
	return s
}

var isoForm = regexp.MustCompile(`^P(?:(\d{1,4})D)?(?:T(?:(\d{1,4})H)?(?:(\d{1,5})M)?)?$`)

// isoDuration reads the durations that Azure Monitor has: minutes, hours, days.
func isoDuration(text string) (time.Duration, error) {
	m := isoForm.FindStringSubmatch(strings.ToUpper(text))
	total := 0.0
	if m != nil {
		for n, unit := range []time.Duration{24 * time.Hour, time.Hour, time.Minute} {
			count, _ := strconv.ParseFloat("0"+m[n+1], 64)
			total += count * float64(unit)
		}
	}
	if total <= 0 || total > float64(math.MaxInt64)/2 {
		return 0, fmt.Errorf("%q is not a duration such as PT1M, PT1H or P1D", text)
	}
	return time.Duration(total), nil
}
