package table

// item is a column that only one type of log record has.
func item(name string) string         { return member("item", name) }
func optionalItem(name string) string { return optional("item", name) }

// severityLevel numbers the words of the lake as Application Insights does.
const severityLevel = "CASE severity WHEN 'information' THEN 1 WHEN 'warning' THEN 2 WHEN 'error' THEN 3 WHEN 'fatal' THEN 4 ELSE 0 END"

// customEventAttribute marks log records of OpenTelemetry that are custom events.
const customEventAttribute = `source='otlp' AND contains(attributes, '"microsoft.custom_event.name"')`

// traces are messages, and the events of spans that are no exceptions.
func traces() []branch {
	messages := branch{source: "logs", from: "{rows}",
		where: "type='' AND NOT (" + exceptionAttributes + ") AND NOT (" + customEventAttribute + ")",
		sql: logContext().with(values{
			"message":          "body",
			"severityLevel":    severityLevel,
			"customDimensions": bySource(object(texts("attributes"), logDimensions()), texts("attributes")),
		}),
		keys: map[string]values{"customDimensions": gatewayKeys(logDimensions())},
	}
	events := branch{source: "spans", from: spanEvents, where: "s.source NOT LIKE 'gateway%' AND json_extract_string(e, '$.name')<>'exception'",
		sql: eventContext().with(values{"message": "json_extract_string(e, '$.name')", "severityLevel": "1"})}
	return []branch{messages, events}
}

func customEvents() []branch {
	return []branch{{source: "logs", from: "{rows}", where: "type='event' OR (type='' AND " + customEventAttribute + ")",
		sql: logContext().with(values{"name": "CASE WHEN type='event' THEN event_name ELSE " + attribute("microsoft.custom_event.name") + " END"})}}
}

// customMetrics leave out the metric by which senders tell of their resource.
func customMetrics() []branch {
	sum := "coalesce(" + number("item", "valueSum") + ", " + number("item", "value") + ")"
	return []branch{{source: "logs", from: "{rows}", where: "type='metric' AND event_name<>'_OTELRESOURCE_'",
		sql: logContext().with(values{
			"name":             "event_name",
			"value":            "coalesce(" + number("item", "value") + ", " + number("item", "valueSum") + ")",
			"valueSum":         sum,
			"valueCount":       "coalesce(try_cast(" + number("item", "valueCount") + " AS INTEGER), 1)",
			"valueMin":         "coalesce(" + number("item", "valueMin") + ", " + sum + ")",
			"valueMax":         "coalesce(" + number("item", "valueMax") + ", " + sum + ")",
			"valueStdDev":      number("item", "valueStdDev"),
			"metricNamespace":  item("metricNamespace"),
			"customDimensions": bySource(object(texts("attributes"), metricDimensions()), texts("attributes")),
		}),
	}}
}

// metricDimensions: the dimensions of a custom metric of the gateway are the
// policy's, beside those that tell where it comes from.
func metricDimensions() values {
	return values{"Region": member("resource", "cloud.region"), "Service ID": "service", "Service Type": "'API Management'"}
}

func pageViews() []branch {
	duration := number("item", "duration")
	return []branch{{source: "logs", from: "{rows}", where: "type='page-view'",
		sql: logContext().with(values{
			"id": item("id"), "name": "event_name", "url": item("url"), "duration": duration,
			"performanceBucket": first(optionalItem("performanceBucket"), bucket(duration)), "client_Type": first(optionalTag("client_Type"), "'Browser'"),
		})}}
}

func browserTimings() []branch {
	total := number("item", "totalDuration")
	return []branch{{source: "logs", from: "{rows}", where: "type='browser-timing'",
		sql: logContext().with(values{
			"name": "event_name", "url": item("url"), "networkDuration": number("item", "networkDuration"), "sendDuration": number("item", "sendDuration"),
			"receiveDuration": number("item", "receiveDuration"), "processingDuration": number("item", "processingDuration"), "totalDuration": total,
			"performanceBucket": first(optionalItem("performanceBucket"), bucket(total)), "client_Type": first(optionalTag("client_Type"), "'Browser'"),
		})}}
}

func availabilityResults() []branch {
	duration := number("item", "duration")
	return []branch{{source: "logs", from: "{rows}", where: "type='availability'",
		sql: logContext().with(values{
			"id": item("id"), "name": "event_name", "location": item("location"), "success": "lower(" + item("success") + ") IN ('true', '1')",
			"message": first(filled("body"), optionalItem("message")), "size": number("item", "size"), "duration": duration,
			"performanceBucket": first(optionalItem("performanceBucket"), bucket(duration)),
		})}}
}

func performanceCounters() []branch {
	return []branch{{source: "logs", from: "{rows}", where: "type='performance-counter'",
		sql: logContext().with(values{
			"name": "event_name", "category": item("category"), "counter": item("counter"), "instance": item("instance"), "value": number("item", "value"),
		})}}
}

// systemEvents of Azure come from its own detectors.
func systemEvents() []branch {
	return []branch{{source: "logs", from: "{rows}", where: "type='system-event'",
		sql: logContext().with(values{"name": "event_name", "eventType": item("eventType")})}}
}
