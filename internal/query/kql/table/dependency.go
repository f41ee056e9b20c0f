package table

// dependencies are spans that call something, and the calls of the gateway,
// which are nested in the rows of its requests.
func dependencies() []branch {
	milliseconds := "duration_ns/1e6"
	own := branch{
		source: "spans", from: "{rows}", where: "kind IN ('client', 'producer', 'internal')",
		sql: spanContext().with(values{
			"id":                 "span_id",
			"target":             "CASE WHEN target<>'' OR source='track' THEN target ELSE " + otlpTarget() + " END",
			"type":               "CASE WHEN call_type<>'' OR source='track' THEN call_type ELSE " + otlpType() + " END",
			"name":               otlpName(),
			"data":               "CASE WHEN data<>'' OR source='track' THEN data ELSE " + otlpData() + " END",
			"success":            "CASE source WHEN 'track' THEN status<>'error' ELSE status<>'error' AND http_status_code<400 END",
			"resultCode":         "CASE WHEN result_code<>'' THEN result_code WHEN http_status_code>0 THEN CAST(http_status_code AS VARCHAR) WHEN source='track' THEN '' ELSE " + first(attribute("rpc.grpc.status_code"), "'0'") + " END",
			"duration":           milliseconds,
			"performanceBucket":  bucket(milliseconds),
			"customDimensions":   texts("attributes"),
			"customMeasurements": jsonOf("measurements"),
		}),
	}
	return []branch{own, gatewayCalls()}
}

// callType is the type of the gateway's own calls.
const callType = "Backend"

func gatewayCalls() branch {
	d := dimensions("c.method")
	milliseconds := "c.duration_ns/1e6"
	id := "coalesce(nullif(c.span_id, ''), substr(md5(concat_ws('|', span_id, c.source, c.offset_ns)), 1, 16))"
	return branch{
		source: "spans", from: "{rows} s, unnest(s.calls) AS u(c)",
		sql: spanContext().with(values{
			"timestamp":          "(epoch_ns(time)+c.offset_ns)//100+" + unixTicks,
			"id":                 id,
			"target":             "c.target",
			"type":               literal(callType),
			"name":               "c.method||' '||coalesce(nullif(regexp_extract(c.url, '^[a-zA-Z][a-zA-Z0-9+.-]*://[^/?#]*(/[^?#]*)', 1), ''), '/')",
			"data":               "c.url",
			"success":            "c.outcome IN ('ok', 'returned') AND c.status BETWEEN 1 AND 399",
			"resultCode":         "CAST(c.status AS VARCHAR)",
			"duration":           milliseconds,
			"performanceBucket":  bucket(milliseconds),
			"operation_ParentId": "s.span_id",
			"itemId":             guid("trace_id", id, "epoch_ns(time)"),
			"customDimensions":   object(backendCaptures(), d),
			"_BilledSize":        size("c.url", "c.target", "c.error"),
		}),
		keys: map[string]values{"customDimensions": d},
	}
}

// What follows reads the attributes of OpenTelemetry's conventions, present and
// old, as Azure's own exporters do.

func database() string { return first(attribute("db.system.name"), attribute("db.system")) }

func rpc() string { return attribute("rpc.system") }

func otlpType() string {
	db := database()
	return "CASE WHEN http_method<>'' THEN 'Http'" +
		" WHEN " + db + "<>'' THEN CASE WHEN " + db + " IN ('db2', 'derby', 'mariadb', 'mssql', 'microsoft.sql_server', 'oracle', 'oracle.db', 'sqlite', 'other_sql', 'hsqldb', 'hsql', 'h2') THEN 'SQL' ELSE " + db + " END" +
		" WHEN " + rpc() + "='wcf' THEN 'WCF Service' WHEN " + rpc() + "<>'' THEN 'GRPC'" +
		" WHEN " + genAI() + "<>'' THEN 'GenAI | '||" + genAI() +
		" WHEN kind='producer' THEN 'Queue Message'" +
		" WHEN kind='internal' AND " + attribute("az.namespace") + "<>'' THEN 'InProc | '||" + attribute("az.namespace") +
		" WHEN kind='internal' AND parent_span_id<>'' THEN 'InProc' ELSE 'Dependency' END"
}

func genAI() string { return first(attribute("gen_ai.provider.name"), attribute("gen_ai.system")) }

func otlpName() string {
	path := "coalesce(nullif(url_path, ''), nullif(regexp_extract(" + fullURL() + ", '^[a-zA-Z][a-zA-Z0-9+.-]*://[^/?#]*(/[^?#]*)', 1), ''), '/')"
	return "CASE WHEN source='otlp' AND http_method<>'' THEN http_method||' '||" + path + " ELSE name END"
}

func fullURL() string { return first(attribute("url.full"), attribute("http.url")) }

func otlpData() string {
	return "CASE WHEN http_method<>'' THEN " + first(fullURL(), composedURL) +
		" ELSE " + first(attribute("db.query.text"), attribute("db.statement"), attribute("db.operation.name"), attribute("db.operation")) + " END"
}

// otlpTarget is the peer; of a database also the database's name.
func otlpTarget() string {
	port := first(attribute("server.port"), attribute("net.peer.port"))
	host := first("server_address", attribute("net.peer.name"), attribute("net.peer.ip"), attribute("http.host"),
		"regexp_extract("+fullURL()+", '^[a-zA-Z][a-zA-Z0-9+.-]*://([^/?#@]*@)?([^/?#:]*)', 2)")
	peer := first(attribute("peer.service"),
		when(host+"<>'' AND "+port+" NOT IN ('', '80', '443')", host+"||':'||"+port, host))
	name := first(attribute("db.namespace"), attribute("db.name"))
	return "CASE WHEN " + database() + "<>'' THEN coalesce(nullif(concat_ws('|', nullif(" + peer + ", ''), nullif(" + name + ", '')), ''), " + database() + ")" +
		" WHEN " + rpc() + "<>'' THEN " + first(peer, rpc()) +
		" ELSE " + first(peer, attribute("messaging.destination.name"), attribute("messaging.destination"), genAI()) + " END"
}
