package logs

import (
	"fmt"
	"slices"
	"strings"

	"gatehouse/internal/query/kql"
)

// metric is one of Application Insights' standard metrics, as KQL.
type metric struct {
	id, title, unit string
	source          string            // a table, and conditions
	aggregations    map[string]string // name to expression
	standard        string            // aggregation that is given when none is named
	types           []eventType       // whose columns a segment or filter may name
}

// metrics are all standard metrics. A row stands for itemCount items: sums and
// averages count them.
func metrics() []metric {
	all := "union requests, dependencies, exceptions, traces, customEvents, pageViews, browserTimings, availabilityResults"
	out := []metric{
		counted("requests/count", "Server requests", "requests", ""),
		timed("requests/duration", "Server response time", "requests", "duration"),
		counted("requests/failed", "Failed requests", "requests", `success == "False"`),
		distinct("users/count", "Users", all, "user_Id"),
		distinct("users/authenticated", "Users, authenticated", all, "user_AuthenticatedId"),
		distinct("sessions/count", "Sessions", all, "session_Id"),
		counted("pageViews/count", "Page views", "pageViews", ""),
		timed("pageViews/duration", "Page view load time", "pageViews", "duration"),
		timed("client/processingDuration", "Client processing time", "browserTimings", "processingDuration"),
		timed("client/receiveDuration", "Receiving response time", "browserTimings", "receiveDuration"),
		timed("client/networkDuration", "Page load network connect time", "browserTimings", "networkDuration"),
		timed("client/sendDuration", "Send request time", "browserTimings", "sendDuration"),
		timed("client/totalDuration", "Browser page load time", "browserTimings", "totalDuration"),
		counted("dependencies/count", "Dependency calls", "dependencies", ""),
		counted("dependencies/failed", "Dependency failures", "dependencies", `success == "False"`),
		timed("dependencies/duration", "Dependency duration", "dependencies", "duration"),
		counted("exceptions/count", "Exceptions", "exceptions", ""),
		counted("exceptions/browser", "Browser exceptions", "exceptions", `client_Type == "Browser"`),
		counted("exceptions/server", "Server exceptions", "exceptions", `client_Type != "Browser"`),
		counted("traces/count", "Traces", "traces", ""),
		counted("customEvents/count", "Events", "customEvents", ""),
		counted("availabilityResults/count", "Availability tests", "availabilityResults", ""),
		timed("availabilityResults/duration", "Availability test duration", "availabilityResults", "duration"),
		{id: "availabilityResults/availabilityPercentage", title: "Availability", unit: "Percent", source: "availabilityResults", standard: "avg",
			aggregations: map[string]string{"avg": `100.0 * sumif(itemCount, success == "True") / sum(itemCount)`, "count": "sum(itemCount)"}},
		counted("billing/telemetryCount", "Items", all, ""),
	}
	for _, c := range []struct{ id, title, counter, unit string }{
		{"requestExecutionTime", "HTTP request execution time", "Request Execution Time", "MilliSeconds"},
		{"requestsPerSecond", "HTTP request rate", "Requests/Sec", "CountPerSecond"},
		{"requestsInQueue", "HTTP requests in application queue", "Requests In Application Queue", "Count"},
		{"memoryAvailableBytes", "Available memory", "Available Bytes", "Bytes"},
		{"exceptionsPerSecond", "Exception rate", "# of Exceps Thrown / sec", "CountPerSecond"},
		{"processCpuPercentage", "Process CPU", "% Processor Time", "Percent"},
		{"processIOBytesPerSecond", "Process IO rate", "IO Data Bytes/sec", "BytesPerSecond"},
		{"processPrivateBytes", "Process private bytes", "Private Bytes", "Bytes"},
		{"processorCpuPercentage", "Processor time", "% Processor Time", "Percent"},
	} {
		where := "counter == " + kql.Quoted(c.counter)
		switch c.id {
		case "processCpuPercentage":
			where += ` and category != "Processor"`
		case "processorCpuPercentage":
			where += ` and category == "Processor"`
		}
		out = append(out, valued("performanceCounters/"+c.id, c.title, c.unit, "performanceCounters\n| where "+where,
			map[string]string{"avg": "avg(value)", "min": "min(value)", "max": "max(value)", "sum": "sum(value)", "count": "count()"}))
	}
	for n := range out {
		out[n].types = typesOf(out[n].source)
	}
	return out
}

// metricNamed finds a metric; a custom one is named customMetrics/NAME.
func metricNamed(id string) (metric, bool) {
	if name, ok := strings.CutPrefix(id, "customMetrics/"); ok && name != "" {
		m := valued(id, name, "Unspecified", "customMetrics\n| where name == "+kql.Quoted(name), map[string]string{"avg": "sum(valueSum) / sum(valueCount)",
			"min": "min(valueMin)", "max": "max(valueMax)", "sum": "sum(valueSum)", "count": "sum(valueCount)"})
		m.types = typesOf(m.source)
		return m, true
	}
	for _, m := range metrics() {
		if m.id == id {
			return m, true
		}
	}
	return metric{}, false
}

func where(table, condition string) string {
	if condition == "" {
		return table
	}
	return table + "\n| where " + condition
}

func counted(id, title, table, condition string) metric {
	return metric{id: id, title: title, unit: "Count", source: where(table, condition), standard: "sum",
		aggregations: map[string]string{"sum": "sum(itemCount)", "count": "sum(itemCount)"}}
}

func timed(id, title, table, column string) metric {
	return metric{id: id, title: title, unit: "MilliSeconds", source: table, standard: "avg", aggregations: map[string]string{
		"avg": fmt.Sprintf("sum(%s * itemCount) / sum(itemCount)", column), "min": "min(" + column + ")", "max": "max(" + column + ")",
		"sum": fmt.Sprintf("sum(%s * itemCount)", column), "count": "sum(itemCount)"}}
}

func distinct(id, title, table, column string) metric {
	return metric{id: id, title: title, unit: "Count", source: table + "\n| where isnotempty(" + column + ")", standard: "unique",
		aggregations: map[string]string{"unique": "dcount(" + column + ")"}}
}

func valued(id, title, unit, source string, aggregations map[string]string) metric {
	return metric{id: id, title: title, unit: unit, source: source, standard: "avg", aggregations: aggregations}
}

// typesOf are the types whose tables a source reads.
func typesOf(source string) []eventType {
	head, _, _ := strings.Cut(source, "\n")
	var out []eventType
	for _, word := range strings.FieldsFunc(head, func(r rune) bool { return r == ' ' || r == ',' }) {
		out = append(out, typesNamed(word)...)
	}
	return out
}

// aggregationNames are those of a metric, in one order.
func (m metric) aggregationNames() []string {
	var out []string
	for name := range m.aggregations {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// segment finds the column of a segment: a property, or one of the short names
// of the first version of the API.
func (m metric) segment(name string) (string, bool) {
	short := map[string]string{"applicationVersion": "application_Version", "browser": "client_Browser", "city": "client_City", "cloudRoleName": "cloud_RoleName",
		"countryOrRegion": "client_CountryOrRegion", "deviceType": "client_Type", "instanceName": "cloud_RoleInstance"}
	if column := short[name]; column != "" {
		return column, true
	}
	return property(name, m.types)
}
