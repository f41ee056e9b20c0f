package otlp

import (
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// mask stands where a credential was.
const mask = "***"

// secretEndings end the names of attributes and of query parameters that hold
// a credential. Names are compared in lower case, after the last dot, with
// "_" as "-": older senders write header names so.
var secretEndings = [...]string{"authorization", "cookie", "subscription-key", "api-key", "x-functions-key"}

func secret(key string) bool {
	key = key[strings.LastIndexByte(key, '.')+1:]
	for _, ending := range secretEndings {
		if from := len(key) - len(ending); from >= 0 && sameName(key[from:], ending) {
			return true
		}
	}
	return false
}

// sameName compares key with name, which is in lower case and as long.
func sameName(key, name string) bool {
	for i := range len(name) {
		c := key[i]
		switch {
		case c >= 'A' && c <= 'Z':
			c += 'a' - 'A'
		case c == '_':
			c = '-'
		}
		if c != name[i] {
			return false
		}
	}
	return true
}

// maskedURL masks credentials in the query of an attribute that is a URL or a
// part of one.
func maskedURL(key, value string) string {
	switch key {
	case "url.query":
		return maskedQuery(value)
	case "url.full", "url.original", "http.url", "http.target":
		if path, query, found := strings.Cut(value, "?"); found {
			return path + "?" + maskedQuery(query)
		}
	}
	return value
}

func maskedQuery(query string) string {
	parts := strings.Split(query, "&")
	changed := false
	for i, part := range parts {
		if name, value, found := strings.Cut(part, "="); found && value != "" && secret(name) {
			parts[i], changed = name+"="+mask, true
		}
	}
	if !changed {
		return query
	}
	return strings.Join(parts, "&")
}

// maskMetrics masks the attributes of a metrics request where they are, since
// the metrics function gets the request itself.
func maskMetrics(md pmetric.Metrics) {
	for _, rm := range md.ResourceMetrics().All() {
		maskMap(rm.Resource().Attributes())
		for _, sm := range rm.ScopeMetrics().All() {
			maskMap(sm.Scope().Attributes())
			for _, m := range sm.Metrics().All() {
				maskMetric(m)
			}
		}
	}
}

func maskMetric(m pmetric.Metric) {
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		maskPoints(m.Gauge().DataPoints())
	case pmetric.MetricTypeSum:
		maskPoints(m.Sum().DataPoints())
	case pmetric.MetricTypeHistogram:
		for _, p := range m.Histogram().DataPoints().All() {
			maskMap(p.Attributes())
			maskExemplars(p.Exemplars())
		}
	case pmetric.MetricTypeExponentialHistogram:
		for _, p := range m.ExponentialHistogram().DataPoints().All() {
			maskMap(p.Attributes())
			maskExemplars(p.Exemplars())
		}
	case pmetric.MetricTypeSummary:
		for _, p := range m.Summary().DataPoints().All() {
			maskMap(p.Attributes())
		}
	}
}

func maskPoints(points pmetric.NumberDataPointSlice) {
	for _, p := range points.All() {
		maskMap(p.Attributes())
		maskExemplars(p.Exemplars())
	}
}

func maskExemplars(exemplars pmetric.ExemplarSlice) {
	for _, e := range exemplars.All() {
		maskMap(e.FilteredAttributes())
	}
}

func maskMap(m pcommon.Map) {
	for key, v := range m.All() {
		if secret(key) {
			v.SetStr(mask)
		}
	}
}
