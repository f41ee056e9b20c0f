package table

// dimensions are the custom dimensions that API Management adds to the items of
// a request: SQL over a row of spans. Ids stand in them, not display names.
func dimensions(method string) values {
	return values{
		"API Name":          "api",
		"API Revision":      "api_revision",
		"API Type":          first(optionalAttribute("gatehouse.api.type"), "'http'"),
		"Operation Name":    "operation",
		"Product Name":      "product",
		"Subscription Name": "subscription",
		"Region":            member("resource", "cloud.region"),
		"Request Id":        "request_id",
		"Service ID":        "service",
		"Service Name":      "server_address",
		"Service Type":      "'API Management'",
		"Cache":             when("contains(attributes, '\"gatehouse.cache_hit\":true')", "'Hit'", "'None'"),
		"HTTP Method":       method,
	}
}

// logDimensions are those of them that a row of logs knows.
func logDimensions() values {
	return values{
		"API Name": "api", "Operation Name": "operation", "Product Name": "product", "Subscription Name": "subscription",
		"Region": member("resource", "cloud.region"), "Service ID": "service", "Service Type": "'API Management'", "source": "scope",
	}
}

// gatewayKeys makes the members that are columns of the gateway's rows cheap.
// Other senders may have members of the same names: API Management itself.
func gatewayKeys(members values) values {
	out := values{}
	for name, sql := range members {
		out[name] = bySource(sql, attribute(name))
	}
	return out
}

// captured are the attributes of a request: captured headers and bodies stand in
// them under API Management's names.
const captured = "CAST(CASE WHEN attributes<>'' THEN attributes END AS JSON)"

// backendCaptures are those of them that belong to a call of the gateway: the
// last attempt to forward the request. Their names have "backend." in front. A
// quote in a value is escaped, so that it never follows a comma or brace.
func backendCaptures() string {
	const pair = `[{,]"backend[.]((?:[^"\\]|\\.)*":"(?:[^"\\]|\\.)*")`
	last := "c.source='forward-request' AND c.attempt=list_max([x.attempt FOR x IN s.calls IF x.source='forward-request'])"
	return `CASE WHEN contains(attributes, '"backend.') AND ` + last + ` THEN CAST('{"'||array_to_string(regexp_extract_all(attributes, '` + pair + `', 1), ',"')||'}' AS JSON) END`
}

// sizes are the custom measurements of a request through the gateway.
func sizes() values {
	return values{
		"Request Size":        "request_bytes",
		"Response Size":       "response_bytes",
		"Client Time (in ms)": "greatest(duration_ns-backend_ns-policy_ns, 0)/1e6",
	}
}
