package table

import "strings"

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
			"resultCode":         "CASE WHEN result_code<>'' THEN result_code WHEN http_status_code>0 THEN CAST(http_status_code AS VARCHAR) WHEN source='track' THEN '' ELSE " + first(optionalAttribute("rpc.grpc.status_code"), "'0'") + " END",
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
	id := "coalesce(CASE WHEN c.span_id<>'' THEN c.span_id END, substr(md5(concat_ws('|', span_id, c.source, c.offset_ns)), 1, 16))"
	return branch{
		source: "spans", from: "(SELECT *, unnest(calls) AS c FROM {rows} AS r) AS s",
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

func database() string {
	return first(optionalAttribute("db.system.name"), optionalAttribute("db.system"))
}

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

func genAI() string {
	return first(optionalAttribute("gen_ai.provider.name"), optionalAttribute("gen_ai.system"))
}

func otlpName() string {
	path := "coalesce(CASE WHEN url_path<>'' THEN url_path END, nullif(regexp_extract(" + fullURL() + ", '^[a-zA-Z][a-zA-Z0-9+.-]*://[^/?#]*(/[^?#]*)', 1), ''), '/')"
	return "CASE WHEN source='otlp' AND http_method<>'' THEN http_method||' '||" + path + " ELSE name END"
}

func fullURL() string { return first(optionalAttribute("url.full"), optionalAttribute("http.url")) }

func otlpData() string {
	return "CASE WHEN http_method<>'' THEN " + first(either("url.full", "http.url"), composedURL) +
		" ELSE " + first(optionalAttribute("db.query.text"), optionalAttribute("db.statement"), optionalAttribute("db.operation.name"), optionalAttribute("db.operation")) + " END"
}

// otlpTarget is the peer; of a database also the database's name. What it is
// made of is NULL when absent: DuckDB writes the argument of nullif twice, so
// that texts within texts would grow beyond what it can plan in a moment.
func otlpTarget() string {
	db := either("db.system.name", "db.system")
	port := either("server.port", "net.peer.port")
	host := "coalesce(CASE WHEN server_address<>'' THEN server_address END, " + either("net.peer.name", "net.peer.ip", "http.host") +
		", nullif(regexp_extract(" + either("url.full", "http.url") + ", '^[a-zA-Z][a-zA-Z0-9+.-]*://([^/?#@]*@)?([^/?#:]*)', 2), ''))"
	peer := "coalesce(" + either("peer.service") + ", " + when(port+" NOT IN ('80', '443')", host+"||':'||"+port, host) + ")"
	name := "CASE WHEN " + db + " IS NOT NULL THEN " + either("db.namespace", "db.name") + " END"
	return "coalesce(nullif(concat_ws('|', " + peer + ", " + name + "), ''), " + db + ", " +
		either("rpc.system", "messaging.destination.name", "messaging.destination", "gen_ai.provider.name", "gen_ai.system") + ", '')"
}

// either is the first attribute that is there and not empty, else NULL.
func either(names ...string) string {
	out := make([]string, len(names))
	for n, name := range names {
		out[n] = optionalAttribute(name)
	}
	return "coalesce(" + strings.Join(out, ", ") + ")"
}
