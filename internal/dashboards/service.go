package dashboards

// objectives shows what is left of the error budgets, and how fast they go.
func objectives() Dashboard {
	const one = `slo=~"$slo"`
	by := func(metric string) string {
		return "max by (slo, objective, gatehouse_api, gatehouse_product) (" + metric + "{" + one + "})"
	}
	const legend = "{{slo}} {{objective}} {{gatehouse_api}}{{gatehouse_product}}"
	return Dashboard{UID: "gatehouse-objectives", Title: "Service level objectives", Description: "Error budgets of APIs and products, and how fast they are spent.", Tags: []string{"slo"},
		Variables: []Variable{{"slo", "Objective", "gatehouse:slo_objective:ratio", "slo"}}, Rows: []Row{
			{"Budgets", []Panel{
				list("Budget that is left", "percentunit", 12, by("gatehouse:slo_budget_remaining:ratio")),
				chart("Budget that is left", "percentunit", 12, Query{Expr: by("gatehouse:slo_budget_remaining:ratio"), Legend: legend}),
				list("Alerts", "short", 24, `max by (alertname, slo, gatehouse_api, gatehouse_product) (ALERTS{alertstate="firing",`+one+`})`).quiet(),
			}},
			{"How fast", []Panel{
				chart("Broken promises, last 5 minutes", "percentunit", 12, Query{Expr: by("gatehouse:slo_errors:ratio5m"), Legend: legend}),
				chart("Broken promises, last hour", "percentunit", 12, Query{Expr: by("gatehouse:slo_errors:ratio1h"), Legend: legend}),
				chart("Broken promises, last 6 hours", "percentunit", 12, Query{Expr: by("gatehouse:slo_errors:ratio6h"), Legend: legend}),
				chart("Broken promises, last day", "percentunit", 12, Query{Expr: by("gatehouse:slo_errors:ratio1d"), Legend: legend}),
			}},
		}}
}

// Requests is the number of requests in a time.
func Requests(by, selector, window string) string {
	return "sum by (" + by + ") (increase(" + requestCount + "{" + selector + "}[" + window + "]))"
}

const requestCount = "http_server_request_duration_seconds_count"

// Uptime is the share of the requests in a time that did not fail.
func Uptime(by, selector, window string) string {
	all, failed := Requests(by, selector, window), `http_response_status_code=~"5.."`
	if selector != "" {
		failed = selector + "," + failed
	}
	return "1 - (" + Requests(by, failed, window) + " or " + all + " * 0) / (" + all + " > 0)"
}

// uptime is the report for those who do not watch it every day.
func uptime() Dashboard {
	return Dashboard{UID: "gatehouse-uptime", Title: "Uptime", Description: "The share of requests that were answered well, by product and API, and what availability tests saw.", Tags: []string{"report"}, Rows: []Row{
		{"The last 30 days", []Panel{
			list("Products", "percentunit", 12, Uptime("gatehouse_product", "", "30d")),
			list("APIs", "percentunit", 12, Uptime("gatehouse_api", "", "30d")),
			list("Availability tests", "percentunit", 24, `avg by (test) (avg_over_time(gatehouse_availability_success[30d]))`).quiet(),
		}},
		{"Day by day", []Panel{
			chart("Products", "percentunit", 24, Query{Expr: Uptime("gatehouse_product", "", "1d"), Legend: "{{gatehouse_product}}"}),
		}},
	}}
}

// trends compares with a week ago and looks ahead.
func trends() Dashboard {
	const rate = `gatehouse:product_requests:rate5m`
	return Dashboard{UID: "gatehouse-trends", Title: "Trends", Description: "Against a week ago, and where it goes.", Tags: []string{"report"}, Rows: []Row{
		{"Requests", []Panel{
			chart("Now and a week ago", "reqps", 12, Query{Expr: "sum(" + rate + ")", Legend: "now"}, Query{Expr: "sum(" + rate + " offset 1w)", Legend: "a week ago", Quiet: true}),
			chart("Change against a week ago", "percentunit", 12, Query{Expr: "sum by (gatehouse_product) (" + rate + ") / (sum by (gatehouse_product) (" + rate + " offset 1w) > 0) - 1", Legend: "{{gatehouse_product}}", Quiet: true}),
			chart("In a day, at the rate of the last six hours", "reqps", 12, Query{Expr: "sum by (gatehouse_product) (predict_linear(" + rate + "[6h], 86400) > 0)", Legend: "{{gatehouse_product}}", Quiet: true}),
			chart("Success, now and a week ago", "percentunit", 12, Query{Expr: "min by (gatehouse_product) (gatehouse:product_success:ratio5m)", Legend: "{{gatehouse_product}}"},
				Query{Expr: "min by (gatehouse_product) (gatehouse:product_success:ratio5m offset 1w)", Legend: "{{gatehouse_product}} a week ago", Quiet: true}),
		}},
		{"Use", []Panel{
			chart("Active series, and in a week at this rate", "short", 12, Query{Expr: "sum by (workspace) (gatehouse_metrics_workspace_active_series)", Legend: "{{workspace}}"},
				Query{Expr: "sum by (workspace) (predict_linear(gatehouse_metrics_workspace_active_series[6h], 604800))", Legend: "{{workspace}} in a week"}),
			chart("Memory, and in a day at this rate", "bytes", 12, Query{Expr: "process_resident_memory_bytes", Legend: "now"}, Query{Expr: "predict_linear(process_resident_memory_bytes[6h], 86400)", Legend: "in a day"}),
		}},
	}}
}

// OwnedServices is the share of each API's requests that succeed, with the team
// that owns it.
const OwnedServices = `min by (gatehouse_api) (gatehouse:request_success:ratio5m) * on (gatehouse_api) group_left (team) max by (gatehouse_api, team) (gatehouse_api_info{team!=""})`

// health is the first page to look at: what is up, and what alerts say.
func health() Dashboard {
	return Dashboard{UID: "gatehouse-health", Title: "Health", Description: "Targets, tests, backends and alerts.", Tags: []string{"health"}, Rows: []Row{
		{"Now", []Panel{
			number("Targets up", "short", `sum(up) or vector(0)`),
			number("Targets down", "short", `count(up == 0) or vector(0)`),
			number("Availability tests failing", "short", `count(max by (test) (gatehouse_availability_success) == 0) or vector(0)`),
			number("Backends failing", "short", `count(gatehouse:backend_failures:ratio5m > 0.5) or vector(0)`),
			number("Alerts", "short", `count(ALERTS{alertstate="firing"}) or vector(0)`),
			number("Up since", "s", `time() - process_start_time_seconds`),
		}},
		{"What is wrong", []Panel{
			list("Alerts", "short", 12, `max by (alertname, severity, gatehouse_api, instance) (ALERTS{alertstate="firing"})`).quiet(),
			list("Targets that are down", "short", 12, `up == 0`).quiet(),
		}},
		{"Services and their owners", []Panel{
			list("Share of requests that succeed, by the tag team=...", "percentunit", 24, OwnedServices).quiet(),
		}},
		{"This node", []Panel{
			chart("Processor", "percentunit", 8, Query{Expr: "rate(process_cpu_seconds_total[$__rate_interval])", Legend: "cores"}),
			chart("Memory", "bytes", 8, Query{Expr: "process_resident_memory_bytes", Legend: "resident"}),
			chart("Records dropped", "short", 8, Query{Expr: "sum by (reason) (rate(gatehouse_telemetry_dropped_total[$__rate_interval]))", Legend: "{{reason}}"}),
		}},
		{"Over time", []Panel{
			chart("Targets", "short", 12, Query{Expr: `max by (job, instance) (up)`, Legend: "{{job}} {{instance}}", Quiet: true}),
			chart("Services: share of requests that succeed", "percentunit", 12, Query{Expr: `min by (gatehouse_api) (gatehouse:request_success:ratio5m)`, Legend: "{{gatehouse_api}}"}),
		}},
	}}
}
