package track

import (
	"strings"

	"gatehouse/internal/telemetry"
)

// resourceMetric is how OpenTelemetry's exporters tell of their resource.
const resourceMetric = "_OTELRESOURCE_"

// metric takes the first metric of an item: the protocol has a list and allows one.
func (it *item) metric() *fault {
	var d struct {
		custom
		Metrics []struct {
			Namespace text   `json:"ns"`
			Name      text   `json:"name"`
			Value     number `json:"value"`
			Count     number `json:"count"`
			Min       number `json:"min"`
			Max       number `json:"max"`
			StdDev    number `json:"stdDev"`
		} `json:"metrics"`
	}
	if f := it.read(&d); f != nil {
		return f
	}
	if len(d.Metrics) == 0 || d.Metrics[0].Name.s == "" {
		return missing("metrics", "MetricData")
	}
	m := d.Metrics[0]
	if !m.Value.set {
		return invalid("Field 'value' on type 'DataPoint' is of incorrect type. Expected: a finite number")
	}
	if len(d.Metrics) > 1 {
		it.marked("metrics")
	}
	it.weight = 1 // metrics are not sampled
	if category, counter, instance, ok := counterPath(m.Name.s); ok {
		it.performance(category, counter, instance, m.Value.f, d.custom)
		return nil
	}
	own := columns{"value": m.Value.f, "valueSum": m.Value.f, "valueCount": int64(1)}
	if m.Count.set && m.Count.f >= 1 {
		own["valueCount"] = int64(min(m.Count.f, 1<<31-1))
	}
	for name, value := range map[string]number{"valueMin": m.Min, "valueMax": m.Max, "valueStdDev": m.StdDev} {
		if value.set {
			own[name] = value.f
		}
	}
	it.put(own, "metricNamespace", m.Namespace.s, min(256, it.o.Limits.Text))
	resource := ""
	switch {
	case m.Name.s == resourceMetric:
		resource = it.resource(d.Properties)
		d.Properties = nil
	case !it.workspace.Dimensions:
		d.Properties = nil
	}
	it.record(telemetry.TypeMetric, it.cut("name", m.Name.s, it.o.Limits.Name), "", own, d.custom)
	it.log.Resource = resource
	return nil
}

// resource is the sender's resource as JSON.
func (it *item) resource(properties pairs) string {
	out := map[string]string{}
	for name, value := range it.bounded(properties) {
		if secret(name) {
			value.s = mask
		}
		out[it.cut("resource", name, it.o.Limits.Key)] = it.cut("resource", value.s, it.o.Limits.Value)
	}
	if len(out) == 0 {
		return ""
	}
	return encode(out)
}

// counter is the older form of a performance counter.
func (it *item) counter() *fault {
	var d struct {
		custom
		Category text   `json:"categoryName"`
		Counter  text   `json:"counterName"`
		Instance text   `json:"instanceName"`
		Value    number `json:"value"`
	}
	if f := it.read(&d); f != nil {
		return f
	}
	if d.Counter.s == "" || !d.Value.set {
		return missing("counterName and value", "PerformanceCounterData")
	}
	it.performance(d.Category.s, d.Counter.s, d.Instance.s, d.Value.f, d.custom)
	return nil
}

func (it *item) performance(category, counter, instance string, value float64, c custom) {
	own := columns{"value": value}
	it.put(own, "category", category, it.o.Limits.Text)
	it.put(own, "counter", counter, it.o.Limits.Text)
	it.put(own, "instance", instance, it.o.Limits.Text)
	it.weight = 1
	it.record(telemetry.TypePerformanceCounter, it.cut("name", counter, it.o.Limits.Name), "", own, c)
}

// counterPath reads \Category(Instance)\Counter, the name by which SDKs send
// performance counters as metrics.
func counterPath(name string) (category, counter, instance string, ok bool) {
	rest, found := strings.CutPrefix(name, `\`)
	if !found {
		return "", "", "", false
	}
	category, counter, found = strings.Cut(rest, `\`)
	if !found || category == "" || counter == "" {
		return "", "", "", false
	}
	if open := strings.IndexByte(category, '('); open > 0 && strings.HasSuffix(category, ")") {
		category, instance = category[:open], category[open+1:len(category)-1]
	}
	return category, counter, instance, true
}
