package azuremonitor

import (
	"sort"
	"strings"
)

// Sample is one value with its labels.
type Sample struct {
	Name, Unit string
	Labels     map[string]string
	Milli      int64 // Unix time
	Value      float64
}

// Names of samples.
const (
	NamesTidy  = "azure"   // azure_apim_requests and the like
	NamesAzure = "azurerm" // azurerm_resource_metric with the labels of azure-metrics-exporter
)

// aggregations in the order in which they are written.
var aggregations = []string{"average", "count", "maximum", "minimum", "total"}

// tidyName gives a metric's name: azure_apim_ for API Management, the last part
// of the type for others, then the words of Azure's name and its unit.
func tidyName(id resourceID, metric, unit string) string {
	kind := snake(id.kind[strings.LastIndexByte(id.kind, '/')+1:])
	if id.kind == serviceType {
		kind = "apim"
	}
	suffix := map[string]string{"MilliSeconds": "_milliseconds", "Seconds": "_seconds", "Percent": "_percent", "Bytes": "_bytes", "BytesPerSecond": "_bytes_per_second", "CountPerSecond": "_per_second"}[unit]
	return "azure_" + kind + "_" + snake(metric) + suffix
}

const serviceType = "microsoft.apimanagement/service"

// tidyLabel gives a dimension's label. Azure gives the names of dimensions back
// in lower case, without the borders of words.
func tidyLabel(dimension string) string {
	known := map[string]string{"apiid": "api_id", "gatewayresponsecode": "gateway_code", "gatewayresponsecodecategory": "gateway_code_category",
		"backendresponsecode": "backend_code", "backendresponsecodecategory": "backend_code_category", "location": "region",
		"lasterrorreason": "last_error_reason", "resourcetype": "resource_type"}
	if label, ok := known[strings.ToLower(dimension)]; ok {
		return label
	}
	return snake(dimension)
}

// tidy names the values of one interval: one aggregation has the metric's name
// alone, several are told apart by stat. Total alone has no stat.
func tidy(id resourceID, s *series, p *point, stats []string, fixed map[string]string) []Sample {
	var out []Sample
	for _, a := range aggregations {
		value, ok := p.values[a]
		if !ok {
			continue
		}
		labels := map[string]string{"resource": id.name, "resource_group": strings.ToLower(id.group)}
		for name, text := range fixed {
			labels[name] = text
		}
		for _, d := range s.dimensions {
			labels[tidyLabel(d[0])] = d[1]
		}
		if len(stats) > 1 || a != "total" {
			labels["stat"] = a
		}
		out = append(out, Sample{Name: tidyName(id, s.metric, s.unit), Unit: s.unit, Labels: labels, Milli: p.at.UnixMilli(), Value: value})
	}
	return out
}

// exporterName is what azure-metrics-exporter calls all it reads.
const exporterName = "azurerm_resource_metric"

// exporter names the values of one interval as azure-metrics-exporter does.
func exporter(id resourceID, s *series, p *point, o *naming) []Sample {
	var out []Sample
	for _, a := range aggregations {
		value, ok := p.values[a]
		if !ok {
			continue
		}
		labels := map[string]string{"resourceID": strings.ToLower(id.text), "subscriptionID": id.subscription, "resourceGroup": id.group, "resourceName": id.name,
			"metric": s.metric, "unit": s.unit, "interval": o.interval, "timespan": o.timespan, "aggregation": a}
		for _, d := range s.dimensions {
			if strings.EqualFold(d[0], resourceDimension) {
				continue
			}
			if o.dimensions(s) == 1 {
				labels["dimension"] = d[1]
				continue
			}
			labels["dimension"+strings.ToUpper(d[0][:1])+letters(d[0][1:])] = d[1]
		}
		for name, text := range o.fixed {
			labels[name] = text
		}
		out = append(out, Sample{Name: o.name(id, s, a, labels), Unit: s.unit, Labels: labels, Milli: p.at.UnixMilli(), Value: value})
	}
	return out
}

// resourceDimension is how an answer about a subscription tells resources apart.
const resourceDimension = "microsoft.resourceid"

// naming is what azure-metrics-exporter's parameters say of names.
type naming struct {
	metric, template   string
	interval, timespan string
	fixed              map[string]string
}

func (o *naming) dimensions(s *series) (n int) {
	for _, d := range s.dimensions {
		if !strings.EqualFold(d[0], resourceDimension) {
			n++
		}
	}
	return n
}

// name fills the template; a placeholder in it leaves the labels.
func (o *naming) name(id resourceID, s *series, aggregation string, labels map[string]string) string {
	if o.template == "" {
		return o.metric
	}
	values := map[string]string{"name": o.metric, "type": id.kind, "metric": s.metric, "unit": s.unit, "aggregation": aggregation, "interval": o.interval, "timespan": o.timespan, "dimension": ""}
	if o.dimensions(s) == 1 {
		values["dimension"] = labels["dimension"]
	}
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	sort.Strings(names)
	out := o.template
	for _, name := range names {
		if holder := "{" + name + "}"; strings.Contains(out, holder) {
			out = strings.ReplaceAll(out, holder, values[name])
			delete(labels, name)
		}
	}
	return templated(out)
}

// templated lowers a name and drops what a name cannot have.
func templated(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '_', r == ':':
			return r
		case r == ' ', r == '/', r == '-', r == '.':
			return '_'
		}
		return -1
	}, strings.ToLower(s))
	if s = strings.Trim(s, "_"); s == "" || (s[0] >= '0' && s[0] <= '9') {
		return "_" + s
	}
	return s
}

// letters keeps what a label's name can have.
func letters(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' {
			return r
		}
		return -1
	}, s)
}

// snake writes CpuPercent_Gateway as cpu_percent_gateway.
func snake(s string) string {
	var b strings.Builder
	lower := false
	for _, r := range s {
		switch {
		case r >= 'A' && r <= 'Z':
			if lower {
				b.WriteByte('_')
			}
			b.WriteRune(r + 'a' - 'A')
			lower = false
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			b.WriteRune(r)
			lower = true
		default:
			if lower {
				b.WriteByte('_')
			}
			lower = false
		}
	}
	return strings.Trim(b.String(), "_")
}

// tagLabel is the label of a resource's tag.
func tagLabel(name string) string { return "tag_" + snake(name) }
