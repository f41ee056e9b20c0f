package table

import (
	"encoding/json"
	"net/http"
	"strconv"
)

// exceptions are log records that are one, failed requests through the gateway,
// and exception events of spans.
func exceptions() []branch {
	return []branch{loggedExceptions(), gatewayFailures(), spanExceptions()}
}

// exceptionAttributes find log records of OpenTelemetry that are exceptions.
const exceptionAttributes = `source='otlp' AND (contains(attributes, '"exception.type"') OR contains(attributes, '"exception.message"'))`

func loggedExceptions() branch {
	kind := first(optionalItem("type"), optionalItem("outerType"), optionalAttribute("exception.type"))
	message := first(optionalItem("outerMessage"), optionalAttribute("exception.message"), "body")
	sql := logContext().with(values{
		"problemId":        first(optionalItem("problemId"), kind),
		"type":             kind,
		"message":          first(optionalItem("message"), filled("body"), optionalAttribute("exception.message")),
		"outerType":        first(optionalItem("outerType"), kind),
		"outerMessage":     message,
		"innermostType":    first(optionalItem("innermostType"), kind),
		"innermostMessage": first(optionalItem("innermostMessage"), message),
		"severityLevel":    "coalesce(try_cast(" + memberOrNull("item", "severityLevel") + " AS INTEGER), " + severityLevel + ")",
		"details":          "coalesce(CASE WHEN contains(item, '\"details\"') THEN json_extract(item, '$.details') END, " + details(kind, message, attribute("exception.stacktrace")) + ")",
		"customDimensions": bySource(object(texts("attributes"), logDimensions()), texts("attributes")),
	})
	for _, name := range []string{"handledAt", "assembly", "method", "outerAssembly", "outerMethod", "innermostAssembly", "innermostMethod"} {
		sql[name] = item(name)
	}
	return branch{source: "logs", from: "{rows}", where: "type='exception' OR (type='' AND " + exceptionAttributes + ")", sql: sql,
		keys: map[string]values{"customDimensions": gatewayKeys(logDimensions())}}
}

// gatewayFailures: a request has one exception, whatever failed first: the
// client left, a policy or the gateway failed, or the response tells of a failure.
func gatewayFailures() branch {
	const left = "(outcome='client-closed' OR error_reason='ClientConnectionFailure')"
	// The response was on its way when the gateway itself saw the client leave.
	at := "CASE WHEN error_source IN ('', 'gateway') THEN 'transfer-response' ELSE error_source END"
	where := when("outcome='returned'", "'return-response'", when("len(calls)>0", "'forward-request'", "'gateway'"))
	reason := "CASE WHEN " + left + " THEN 'ClientConnectionFailure' WHEN error_reason<>'' THEN error_reason ELSE CAST(http_status_code AS VARCHAR) END"
	problem := "CASE WHEN " + left + " THEN 'ClientConnectionFailure at '||" + at +
		" WHEN error_reason<>'' THEN error_reason||CASE WHEN error_source='' THEN '' ELSE ' at '||error_source END" +
		" ELSE CAST(http_status_code AS VARCHAR)||' at '||" + where + " END"
	message := "CASE WHEN " + left + " THEN CASE WHEN error_source IN ('', 'gateway', 'transfer-response') THEN 'A task was canceled.' ELSE 'The operation was canceled.' END" +
		" WHEN error_reason<>'' THEN CASE WHEN error_message<>'' THEN error_message ELSE error_reason END ELSE " + statusText() + " END"
	d := dimensions("http_method")
	sql := spanContext().with(values{
		"timestamp":          "(epoch_ns(time)+duration_ns)//100+" + unixTicks,
		"operation_ParentId": "span_id",
		"problemId":          problem,
		"type":               reason,
		"outerType":          reason,
		"innermostType":      reason,
		"outerMessage":       message,
		"innermostMessage":   message,
		"method":             "error_where",
		"outerMethod":        "error_where",
		"innermostMethod":    "error_where",
		"severityLevel":      "3",
		"details":            details(reason, message, "''"),
		"itemId":             guid("'exception'", "trace_id", "span_id", "epoch_ns(time)"),
		"customDimensions":   object(captured, d),
		"_BilledSize":        size("error_message", "error_where", "attributes"),
	})
	return branch{source: "spans", from: "{rows}",
		where: fromGateway + " AND (outcome='client-closed' OR error_reason<>'' OR http_status_code>=400)", sql: sql,
		keys: map[string]values{"customDimensions": d}}
}

// spanExceptions are the events of spans that are named exception.
func spanExceptions() branch {
	event := func(name string) string {
		return "coalesce(json_extract_string(e, " + literal(`$.attributes."`+name+`"`) + "), '')"
	}
	kind, message := event("exception.type"), event("exception.message")
	return branch{source: "spans", from: spanEvents, where: "s.source NOT LIKE 'gateway%' AND json_extract_string(e, '$.name')='exception'",
		sql: eventContext().with(values{
			"problemId": first(filled(kind), "'exception'"), "type": kind, "outerType": kind, "innermostType": kind,
			"message": message, "outerMessage": message, "innermostMessage": message, "severityLevel": "3",
			"details": details(kind, message, event("exception.stacktrace")),
		})}
}

// spanEvents has a row for each event of a span.
const spanEvents = "(SELECT *, unnest(json_extract(events, '$[*]')) AS e FROM {rows} AS r WHERE source<>'gateway' AND events<>'') AS s"

// eventContext are the shared columns of an event of a span.
func eventContext() values {
	return spanContext().with(values{
		"timestamp":          "coalesce(try_cast(json_extract_string(e, '$.time') AS BIGINT), epoch_ns(time))//100+" + unixTicks,
		"operation_ParentId": "span_id",
		"itemId":             guid("trace_id", "span_id", "CAST(e AS VARCHAR)"),
		"customDimensions":   texts("CAST(json_extract(e, '$.attributes') AS VARCHAR)"),
		"_BilledSize":        size("CAST(e AS VARCHAR)"),
	})
}

// details has the shape of Application Insights: a list of exceptions, the
// outermost first.
func details(kind, message, stack string) string {
	return "json_array(json_object('type', " + kind + ", 'message', " + message + ", 'rawStack', " + stack + ", 'severityLevel', 'Error', 'outerId', '0', 'id', '1'))"
}

// statusText names the status of a response. The names are one constant: a
// CASE of them is what planning a query would spend its time on.
func statusText() string {
	names := map[string]string{}
	for code := 400; code < 600; code++ {
		if text := http.StatusText(code); text != "" {
			names[strconv.Itoa(code)] = text
		}
	}
	object, _ := json.Marshal(names) // a map of texts
	return "coalesce(json_extract_string(" + literal(string(object)) + ", '$.'||CAST(http_status_code AS VARCHAR)), 'HTTP '||CAST(http_status_code AS VARCHAR))"
}
