package table

// requests are spans that something else called.
func requests() []branch {
	d := dimensions("http_method")
	milliseconds := "duration_ns/1e6"
	return bySender(branch{
		source: "spans", from: "{rows}",
		sql: spanContext().with(values{
			"id":                 "span_id",
			"source":             first(optionalTag("source"), bySource("''", "target")),
			"name":               requestName,
			"url":                bySource(composedURL, first(filled("data"), composedURL)),
			"success":            requestSuccess,
			"resultCode":         requestCode(),
			"duration":           milliseconds,
			"performanceBucket":  bucket(milliseconds),
			"operation_Name":     first(optionalTag("operation_Name"), bySource("name", requestName)),
			"customDimensions":   bySource(object(captured, d), texts("attributes")),
			"customMeasurements": bySource(measurements(), jsonOf("measurements")),
		}),
		keys: map[string]values{"customDimensions": gatewayKeys(d), "customMeasurements": measurementKeys()},
	}, "kind='server'", "kind IN ('server', 'consumer') AND kind>='consumer'") // the last is what DuckDB tests before it reads more
}

const (
	// requestName is METHOD /path as called; of other senders that say what their
	// route is, METHOD /route, as Azure's exporters for OpenTelemetry name requests.
	requestName = "CASE WHEN " + fromGateway + " THEN http_method||' '||url_path" +
		" WHEN source='otlp' AND http_method<>'' THEN http_method||' '||CASE WHEN http_route<>'' THEN http_route ELSE url_path END ELSE name END"

	// composedURL puts a URL together in one go: each || would copy it again.
	composedURL = "CASE WHEN url_query<>'' THEN concat(" + withoutQuery + ", '?', url_query) ELSE " + withoutQuery + " END"

	withoutQuery = "CASE WHEN server_address<>'' THEN concat(url_scheme, '://', server_address, url_path) ELSE url_path END"

	// A request succeeded when the whole response was sent and says so. A sender of
	// Application Insights' protocol says it itself.
	requestSuccess = "CASE WHEN source='track' THEN status<>'error'" +
		" WHEN " + fromGateway + " THEN status<>'error' AND outcome<>'client-closed' AND http_status_code BETWEEN 1 AND 399" +
		" ELSE status<>'error' AND http_status_code<400 END"
)

// requestCode: a response that the client did not wait for has a code of its own.
func requestCode() string {
	return "CASE WHEN result_code<>'' THEN result_code WHEN " + fromGateway + " AND outcome='client-closed' THEN '0 [not sent in full]'" +
		" WHEN http_status_code>0 THEN CAST(http_status_code AS VARCHAR) ELSE " + bySource("'0'", first(optionalAttribute("rpc.grpc.status_code"), "'0'")) + " END"
}

func measurements() string {
	m := sizes()
	sql := "json_object("
	for n, name := range sorted(m) {
		if n > 0 {
			sql += ", "
		}
		sql += literal(name) + ", " + m[name]
	}
	return sql + ")"
}

func measurementKeys() values {
	out := values{}
	for name, sql := range sizes() {
		out[name] = bySource("CAST("+sql+" AS VARCHAR)", member("measurements", name))
	}
	return out
}
