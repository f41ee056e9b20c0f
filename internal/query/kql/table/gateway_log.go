package table

import "strings"

// gatewayLogs is the table to which API Management's diagnostic settings write,
// beside Application Insights: a row for each request through the gateway.
func gatewayLogs() *Table {
	const milliseconds = "//1000000"
	context := spanContext()
	last := "([x FOR x IN calls IF x.source='forward-request'])[-1]"
	t := &Table{Name: "ApiManagementGatewayLogs", Time: "TimeGenerated"}
	sql := values{}
	add := func(name string, kind Type, of string) {
		t.Columns = append(t.Columns, Column{Name: name, Type: kind})
		sql[name] = of
	}
	add("TimeGenerated", Datetime, rowTicks)
	add("OperationName", String, "'Microsoft.ApiManagement/GatewayLogs'")
	add("Category", String, "'GatewayLogs'")
	add("CorrelationId", String, "request_id")
	add("Region", String, member("resource", "cloud.region"))
	add("IsRequestSuccess", Bool, requestSuccess)
	add("CallerIpAddress", String, context["client_IP"])
	add("Method", String, "http_method")
	add("Url", String, composedURL)
	add("ResponseCode", Int, "http_status_code")
	add("TotalTime", Long, "duration_ns"+milliseconds)
	add("BackendTime", Long, "backend_ns"+milliseconds)
	add("ClientTime", Long, "greatest(duration_ns-backend_ns-policy_ns, 0)"+milliseconds)
	add("RequestSize", Long, "request_bytes")
	add("ResponseSize", Long, "response_bytes")
	add("Cache", String, when("contains(attributes, '\"gatehouse.cache_hit\":true')", "'hit'", "'none'"))
	add("BackendMethod", String, "coalesce("+last+".method, '')")
	add("BackendUrl", String, "coalesce("+last+".url, '')")
	add("BackendResponseCode", Int, "nullif("+last+".status, 0)")
	add("BackendId", String, "coalesce("+last+".backend, '')")
	add("ApiId", String, "api")
	add("ApiRevision", String, "api_revision")
	add("OperationId", String, "operation")
	add("ProductId", String, "product")
	add("ApimSubscriptionId", String, "subscription")
	add("UserId", String, context["user_AuthenticatedId"])
	add("LastErrorSource", String, "error_source")
	add("LastErrorReason", String, "error_reason")
	add("LastErrorMessage", String, "error_message")
	add("LastErrorScope", String, "split_part(error_where, '/', 1)")
	add("LastErrorSection", String, "split_part(error_where, '/', 2)")
	add("LastErrorElapsed", Long, "CASE WHEN error_reason<>'' THEN duration_ns"+milliseconds+" END")
	add("Errors", Dynamic, "CASE WHEN error_reason<>'' THEN json_array(json_object('source', error_source, 'reason', error_reason, 'message', error_message, 'section', split_part(error_where, '/', 2), 'elapsed', duration_ns"+milliseconds+")) END")
	add("RequestHeaders", Dynamic, headersIn("Request-"))
	add("RequestBody", String, attribute("Request-Body"))
	add("ResponseHeaders", Dynamic, headersIn("Response-"))
	add("ResponseBody", String, attribute("Response-Body"))
	add("BackendRequestHeaders", Dynamic, headersIn("backend.Request-"))
	add("BackendRequestBody", String, attribute("backend.Request-Body"))
	add("BackendResponseHeaders", Dynamic, headersIn("backend.Response-"))
	add("BackendResponseBody", String, attribute("backend.Response-Body"))
	for _, name := range []string{"BackendProtocol", "ClientTlsVersion"} {
		add(name, String, "''") // not recorded
	}
	add("ClientProtocol", String, "'HTTP/'||"+first(optionalAttribute("network.protocol.version"), "'1.1'"))
	add("CacheTime", Long, "CAST(NULL AS BIGINT)")
	add("TraceRecords", Dynamic, "CAST(NULL AS JSON)")
	addCommon(add, t.Name, context)
	t.Branches = []Branch{{Source: "spans", From: "{rows}", Where: operand(fromGateway + " AND kind='server'"),
		Columns: operands(sql), Keys: map[string]map[string]string{}}}
	return t
}

// addCommon adds the columns at the end of every table of gateway logs.
func addCommon(add func(name string, kind Type, of string), table string, context map[string]string) {
	add("TraceId", String, "trace_id")
	add("ItemCount", Int, context["itemCount"])
	add("Type", String, literal(table))
	for _, name := range []string{"_ResourceId", "_SubscriptionId", "SourceSystem", "TenantId", "_IsBillable"} {
		add(name, String, context[name])
	}
	add("_BilledSize", Real, context["_BilledSize"])
}

// headersIn are the captured headers whose attributes begin with a prefix, as an
// object; NULL when there are none. A quote in a value is escaped, so that it
// never follows a comma or brace.
func headersIn(prefix string) string {
	pair := `[{,]"` + strings.ReplaceAll(prefix, ".", "[.]") + `((?:[^"\\]|\\.)*":"(?:[^"\\]|\\.)*")`
	object := `json_merge_patch(CAST('{"'||array_to_string(regexp_extract_all(attributes, '` + pair + `', 1), ',"')||'}' AS JSON), '{"Body":null,"Body.truncated":null}')`
	return `CASE WHEN contains(attributes, '"` + prefix + `') AND regexp_matches(attributes, '` + pair + `') THEN nullif(` + object + `, '{}') END`
}
