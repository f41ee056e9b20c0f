package dashboards

// Selectors of the variables.
const (
	oneAPI       = `gatehouse_api=~"$api"`
	oneOperation = oneAPI + `,gatehouse_operation=~"$operation"`
	oneProduct   = `gatehouse_product=~"$product"`
)

func variableAPI() Variable {
	return Variable{"api", "API", "http_server_request_duration_seconds_count", "gatehouse_api"}
}

// requests and failures as rates, by labels; an answer with a 5xx status failed.
func requests(by, selector string) string {
	return "sum by (" + by + ") (rate(http_server_request_duration_seconds_count{" + selector + "}[$__rate_interval]))"
}

func failures(by, selector string) string {
	if selector != "" {
		selector += ","
	}
	return requests(by, selector+`http_response_status_code=~"5.."`)
}

func failureRatio(by, selector string) string {
	return "(" + failures(by, selector) + " or " + requests(by, selector) + " * 0) / (" + requests(by, selector) + " > 0)"
}

// quantile of the requests' durations, from the classic buckets: every version
// of Grafana and of Prometheus reads them.
func quantile(q, by, metric, selector string) string {
	if by != "" {
		by += ", "
	}
	return "histogram_quantile(" + q + ", sum by (" + by + "le) (rate(" + metric + "_bucket{" + selector + "}[$__rate_interval])))"
}

func percentiles(metric, selector string) []Query {
	return []Query{{Expr: quantile("0.5", "", metric, selector), Legend: "p50"}, {Expr: quantile("0.95", "", metric, selector), Legend: "p95"},
		{Expr: quantile("0.99", "", metric, selector), Legend: "p99"}}
}

func gateway() Dashboard {
	const duration = "http_server_request_duration_seconds"
	return Dashboard{UID: "gatehouse-gateway", Title: "Gateway", Description: "All requests through the gateway.", Tags: []string{"gateway"}, Rows: []Row{
		{"Now", []Panel{
			number("Requests", "reqps", "sum(rate("+duration+"_count[5m]))"),
			number("Failing", "percentunit", `(sum(rate(`+duration+`_count{http_response_status_code=~"5.."}[5m])) or vector(0)) / sum(rate(`+duration+`_count[5m]))`),
			number("p95", "s", "histogram_quantile(0.95, sum by (le) (rate("+duration+"_bucket[5m])))"),
			number("Gateway's own p95", "s", "histogram_quantile(0.95, sum by (le) (rate(gatehouse_gateway_duration_seconds_bucket[5m])))"),
			number("Refused by policies", "reqps", "sum(rate(gatehouse_policy_rejections_total[5m])) or vector(0)"),
			number("Records dropped", "short", "sum(increase(gatehouse_telemetry_dropped_total[1h])) or vector(0)"),
		}},
		{"Requests", []Panel{
			chart("Requests by API", "reqps", 12, Query{Expr: requests("gatehouse_api", ""), Legend: "{{gatehouse_api}}"}),
			chart("Answers by status", "reqps", 12, Query{Expr: requests("http_response_status_code", ""), Legend: "{{http_response_status_code}}"}),
			chart("Share of failures by API", "percentunit", 12, Query{Expr: failureRatio("gatehouse_api", ""), Legend: "{{gatehouse_api}}"}),
			chart("Duration", "s", 12, percentiles(duration, "")...),
		}},
		{"Where the time goes", []Panel{
			chart("Waiting for backends, p95 by API", "s", 12, Query{Expr: quantile("0.95", "gatehouse_api", "gatehouse_backend_duration_seconds", ""), Legend: "{{gatehouse_api}}"}),
			chart("In the gateway, p95 by API", "s", 12, Query{Expr: quantile("0.95", "gatehouse_api", "gatehouse_gateway_duration_seconds", ""), Legend: "{{gatehouse_api}}"}),
			chart("Backend attempts", "reqps", 12, Query{Expr: "sum by (gatehouse_backend, http_response_status_code) (rate(http_client_request_duration_seconds_count[$__rate_interval]))",
				Legend: "{{gatehouse_backend}} {{http_response_status_code}}"}),
			chart("Processor time by API", "percentunit", 12, Query{Expr: "sum by (gatehouse_api) (rate(gatehouse_operation_cpu_seconds_total[$__rate_interval]))", Legend: "{{gatehouse_api}}"}).
				saying("Share of the process's processor time by the time spent in the gateway; 1 is one core."),
		}},
		{"Refusals and bytes", []Panel{
			chart("Refusals by reason", "reqps", 12, Query{Expr: "sum by (source, reason) (rate(gatehouse_policy_rejections_total[$__rate_interval]))", Legend: "{{source}} {{reason}}"}),
			chart("Bytes", "Bps", 12, Query{Expr: "sum(rate(http_server_request_body_bytes_total[$__rate_interval]))", Legend: "in"},
				Query{Expr: "sum(rate(http_server_response_body_bytes_total[$__rate_interval]))", Legend: "out"}),
		}},
	}}
}

func api() Dashboard {
	const duration = "http_server_request_duration_seconds"
	operation := Variable{"operation", "Operation", duration + `_count{gatehouse_api=~"$api"}`, "gatehouse_operation"}
	return Dashboard{UID: "gatehouse-api", Title: "API", Description: "One API, or several, by operation.", Tags: []string{"api"}, Variables: []Variable{variableAPI(), operation}, Rows: []Row{
		{"Requests", []Panel{
			chart("Requests by operation", "reqps", 12, Query{Expr: requests("gatehouse_operation", oneOperation), Legend: "{{gatehouse_operation}}"}),
			chart("Answers by status", "reqps", 12, Query{Expr: requests("http_response_status_code", oneOperation), Legend: "{{http_response_status_code}}"}),
			chart("Share of failures by operation", "percentunit", 12, Query{Expr: failureRatio("gatehouse_operation", oneOperation), Legend: "{{gatehouse_operation}}"}),
			chart("Duration", "s", 12, percentiles(duration, oneOperation)...),
		}},
		{"Where the time goes", []Panel{
			chart("p95 by operation", "s", 12, Query{Expr: quantile("0.95", "gatehouse_operation", duration, oneOperation), Legend: "{{gatehouse_operation}}"}),
			chart("Waiting for backends and in the gateway, p95", "s", 12, Query{Expr: quantile("0.95", "", "gatehouse_backend_duration_seconds", oneOperation), Legend: "backends"},
				Query{Expr: quantile("0.95", "", "gatehouse_gateway_duration_seconds", oneOperation), Legend: "gateway"}),
			chart("Backend attempts", "reqps", 12, Query{Expr: "sum by (gatehouse_backend, http_response_status_code) (rate(http_client_request_duration_seconds_count{" + oneAPI + "}[$__rate_interval]))",
				Legend: "{{gatehouse_backend}} {{http_response_status_code}}"}),
			chart("Bytes sent", "Bps", 12, Query{Expr: "sum by (gatehouse_operation) (rate(http_server_response_body_bytes_total{" + oneOperation + "}[$__rate_interval]))", Legend: "{{gatehouse_operation}}"}),
		}},
		{"Operations", []Panel{
			list("Requests in the last hour", "short", 12, "sum by (gatehouse_api, gatehouse_operation) (increase("+duration+"_count{"+oneOperation+"}[1h]))"),
			list("Refusals in the last hour", "short", 12, "sum by (gatehouse_operation, source, reason) (increase(gatehouse_policy_rejections_total{"+oneOperation+"}[1h])) > 0"),
		}},
	}}
}

func consumers() Dashboard {
	const duration = "http_server_request_duration_seconds"
	product := Variable{"product", "Product", duration + "_count", "gatehouse_product"}
	return Dashboard{UID: "gatehouse-consumers", Title: "Products and consumers", Description: "Who uses what. Consumers by subscription are in the requests table: the number of subscriptions has no bound, so that they are no label.",
		Tags: []string{"product"}, Variables: []Variable{product}, Rows: []Row{
			{"Products", []Panel{
				chart("Requests by product", "reqps", 12, Query{Expr: requests("gatehouse_product", oneProduct), Legend: "{{gatehouse_product}}"}),
				chart("Share of failures by product", "percentunit", 12, Query{Expr: failureRatio("gatehouse_product", oneProduct), Legend: "{{gatehouse_product}}"}),
				chart("p95 by product", "s", 12, Query{Expr: quantile("0.95", "gatehouse_product", duration, oneProduct), Legend: "{{gatehouse_product}}"}),
				chart("Refusals by product", "reqps", 12, Query{Expr: "sum by (gatehouse_product, reason) (rate(gatehouse_policy_rejections_total{" + oneProduct + "}[$__rate_interval]))", Legend: "{{gatehouse_product}} {{reason}}"}),
			}},
			{"APIs of the products", []Panel{
				list("Requests in the last hour", "short", 12, "sum by (gatehouse_product, gatehouse_api) (increase("+duration+"_count{"+oneProduct+"}[1h]))"),
				list("Bytes sent in the last hour", "bytes", 12, "sum by (gatehouse_product, gatehouse_api) (increase(http_server_response_body_bytes_total{"+oneProduct+"}[1h]))"),
			}},
			{"Teams", []Panel{
				chart("Requests by tag of the API", "reqps", 24, Query{Expr: "sum by (team) (rate(" + duration + "_count{" + oneProduct + "}[$__rate_interval]) * on (gatehouse_api) group_left (team) gatehouse_api_info)", Legend: "{{team}}"}),
			}},
		}}
}

// house is Gatehouse itself: what it records, keeps and uses.
func house() Dashboard {
	return Dashboard{UID: "gatehouse-self", Title: "Gatehouse", Description: "What the process records, keeps and uses.", Tags: []string{"self"}, Rows: []Row{
		{"Recording", []Panel{
			chart("Records", "short", 12, Query{Expr: "sum(rate(gatehouse_telemetry_exchanges_total[$__rate_interval]))", Legend: "requests"},
				Query{Expr: "sum by (table) (rate(gatehouse_telemetry_rows_total[$__rate_interval]))", Legend: "rows of {{table}}"}),
			chart("Dropped", "short", 12, Query{Expr: "sum by (reason) (rate(gatehouse_telemetry_dropped_total[$__rate_interval]))", Legend: "{{reason}}"}),
		}},
		{"Metrics", []Panel{
			chart("Custom metric series", "short", 12, Query{Expr: "sum by (workspace) (gatehouse_custom_metric_series)", Legend: "{{workspace}}"},
				Query{Expr: "sum by (workspace) (gatehouse_custom_metric_series_limit)", Legend: "limit of {{workspace}}"}),
			chart("Series by gateway metric", "short", 12, Query{Expr: `count by (__name__) ({__name__=~"http_.+_count|gatehouse_.+_total"})`, Legend: "{{__name__}}"}),
		}},
		{"Process", []Panel{
			chart("Processor", "percentunit", 8, Query{Expr: "rate(process_cpu_seconds_total[$__rate_interval])", Legend: "cores"}),
			chart("Memory", "bytes", 8, Query{Expr: "process_resident_memory_bytes", Legend: "resident"}, Query{Expr: "go_memstats_heap_inuse_bytes", Legend: "heap"}),
			chart("Goroutines and files", "short", 8, Query{Expr: "go_goroutines", Legend: "goroutines"}, Query{Expr: "process_open_fds", Legend: "open files"}),
		}},
	}}
}
