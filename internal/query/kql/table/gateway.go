package table

// dimensions are the custom dimensions that API Management adds to the items of
// a request: SQL over a row of spans. Ids stand in them, not display names.
func dimensions(method string) values {
	return values{
		"API Name":          "api",
		"API Revision":      "api_revision",
		"API Type":          first(attribute("gatehouse.api.type"), "'http'"),
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

// captures gives the attributes with the names that API Management gives to
// captured headers and bodies. Only names are changed: a quote in a value is
// escaped, so that it never follows a comma or brace.
func captures(request, response string) string {
	sql := "nullif(attributes, '')"
	for _, side := range []struct{ prefix, name string }{{request, "Request-"}, {response, "Response-"}} {
		sql = `regexp_replace(` + sql + `, '([{,])"` + side.prefix + `header[.]', '\1"` + side.name + `', 'g')`
		sql = `regexp_replace(` + sql + `, '([{,])"` + side.prefix + `body"', '\1"` + side.name + `Body"')`
	}
	return "CAST(" + sql + " AS JSON)"
}

// sizes are the custom measurements of a request through the gateway.
func sizes() values {
	return values{
		"Request Size":        "request_bytes",
		"Response Size":       "response_bytes",
		"Client Time (in ms)": "greatest(duration_ns-backend_ns-policy_ns, 0)/1e6",
	}
}
