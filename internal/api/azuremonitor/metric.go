package azuremonitor

import (
	"slices"
	"strings"
)

// metric is one that Azure documents of API Management and that the gateway's
// series have.
type metric struct {
	name, display, about, unit string
	primary                    string
	aggregations               []string // in lower case
	dimensions                 []dimension
	// The series: a counter whose increase is the total; or a histogram of seconds
	// without its suffix.
	counter, histogram string
}

// dimension of a metric: a label, made from one, or the same for all.
type dimension struct {
	name  string
	label string // "": constant
	// category makes 2xx of 200.
	category bool
	resource bool // the service's id; in queries of a subscription
	// counter has the dimension when the metric's own has not.
	counter string
}

func (d *dimension) key() string { return strings.ToLower(d.name) }

// column is the label that the dimension has in a query's result.
func (d *dimension) column() string {
	if d.category {
		return d.label + "_category"
	}
	return d.label
}

const requests = "http_server_request_duration_seconds"

// metrics are all, in the order of Azure's list.
func metrics() []metric {
	location := dimension{name: "Location"}
	api := dimension{name: "ApiId", label: "gatehouse_api"}
	code := dimension{name: "GatewayResponseCode", label: "http_response_status_code"}
	category := dimension{name: "GatewayResponseCodeCategory", label: "http_response_status_code", category: true}
	const outcomes = "gatehouse_request_outcomes_total"
	backend := dimension{name: "BackendResponseCode", label: "gatehouse_backend_status_code", counter: outcomes}
	backendCategory := dimension{name: "BackendResponseCodeCategory", label: "gatehouse_backend_status_code", category: true, counter: outcomes}
	reason := dimension{name: "LastErrorReason", label: "gatehouse_error_reason", counter: outcomes}
	durations := []string{"average", "maximum", "minimum"}
	return []metric{
		{name: "Requests", display: "Requests", about: "Requests that the gateway answered.", unit: "Count", primary: "Total", aggregations: []string{"total"},
			dimensions: []dimension{location, reason, backend, code, backendCategory, category, api}, counter: requests + "_count"},
		{name: "Duration", display: "Overall Duration of Gateway Requests", about: "Time until the last byte of the answer was sent. Maximum and minimum are those of the histogram's buckets.", unit: "MilliSeconds", primary: "Average", aggregations: durations,
			dimensions: []dimension{location, api}, histogram: requests},
		{name: "BackendDuration", display: "Duration of Backend Requests", about: "Time waiting for backends, all attempts of a request. Maximum and minimum are those of the histogram's buckets.", unit: "MilliSeconds", primary: "Average", aggregations: durations,
			dimensions: []dimension{location, api}, histogram: "gatehouse_backend_duration_seconds"},
		{name: "CpuPercent_Gateway", display: "CPU Percentage of Gateway", about: "CPU time of the process, of all cores.", unit: "Percent", primary: "Average", aggregations: []string{"average"},
			counter: "process_cpu_seconds_total"},
	}
}

func metricNamed(name string) *metric {
	all := metrics()
	i := slices.IndexFunc(all, func(m metric) bool { return strings.EqualFold(m.name, name) })
	if i < 0 {
		return nil
	}
	return &all[i]
}

func (m *metric) dimension(name string) *dimension {
	i := slices.IndexFunc(m.dimensions, func(d dimension) bool { return strings.EqualFold(d.name, name) })
	if i < 0 {
		return nil
	}
	return &m.dimensions[i]
}
