package appinsights

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"gatehouse/internal/telemetry"
)

// dependency adds a span that calls something. Rows of OpenTelemetry say what
// in attributes, which are read as Azure's own exporters do.
func (b *batch) dependency(s *telemetry.Span, attributes object, tags map[string]string) {
	kind, target, what, name := s.CallType, s.Target, s.Data, s.Name
	ok, code := s.Status != "error", s.ResultCode
	if s.Source != "track" {
		ok = ok && s.StatusCode < 400
		kind, target = first(kind, otlpType(s, attributes)), first(target, otlpTarget(s, attributes))
		what = first(what, otlpData(s, attributes))
		code = first(code, status(s), str(attributes["rpc.grpc.status_code"]), "0")
		if s.Method != "" {
			name = s.Method + " " + first(s.Path, pathOf(oneOf(attributes, "url.full", "http.url")))
		}
	} else {
		code = first(code, status(s))
	}
	fields := object{"id": s.SpanID, "name": name, "duration": timespan(time.Duration(s.Duration)), "resultCode": code, "success": ok,
		"data": what, "target": target, "type": kind}
	if m := numbers(s.Measurements); len(m) > 0 {
		fields["measurements"] = m
	}
	b.add(dependencyData, s.Time, s.SampleWeight, tags, plain(attributes), fields)
}

func status(s *telemetry.Span) string {
	if s.StatusCode > 0 {
		return requestCode(s, nil)
	}
	return ""
}

// sqlSystems are called SQL, whatever their names.
func sqlSystem(name string) bool {
	return slices.Contains([]string{"db2", "derby", "mariadb", "mssql", "microsoft.sql_server", "oracle", "oracle.db", "sqlite", "other_sql", "hsqldb", "hsql", "h2"}, name)
}

func otlpType(s *telemetry.Span, a object) string {
	db, rpc, model, space := oneOf(a, "db.system.name", "db.system"), str(a["rpc.system"]), oneOf(a, "gen_ai.provider.name", "gen_ai.system"), str(a["az.namespace"])
	switch {
	case s.Method != "":
		return "Http"
	case sqlSystem(db):
		return "SQL"
	case db != "":
		return db
	case rpc == "wcf":
		return "WCF Service"
	case rpc != "":
		return "GRPC"
	case model != "":
		return "GenAI | " + model
	case s.Kind == "producer":
		return "Queue Message"
	case s.Kind == "internal" && space != "":
		return "InProc | " + space
	case s.Kind == "internal" && s.ParentSpanID != "":
		return "InProc"
	}
	return "Dependency"
}

func otlpData(s *telemetry.Span, a object) string {
	if s.Method != "" {
		return first(oneOf(a, "url.full", "http.url"), composed(s))
	}
	return oneOf(a, "db.query.text", "db.statement", "db.operation.name", "db.operation")
}

// otlpTarget is the peer; of a database also the database's name.
func otlpTarget(s *telemetry.Span, a object) string {
	host := first(s.Host, oneOf(a, "net.peer.name", "net.peer.ip", "http.host"))
	if host == "" {
		if u, err := url.Parse(oneOf(a, "url.full", "http.url")); err == nil {
			host = u.Hostname()
		}
	}
	peer := first(str(a["peer.service"]), withPort(host, oneOf(a, "server.port", "net.peer.port")))
	if db := oneOf(a, "db.system.name", "db.system"); db != "" {
		name := oneOf(a, "db.namespace", "db.name")
		if peer != "" && name != "" {
			return peer + "|" + name
		}
		return first(peer, name, db)
	}
	return first(peer, str(a["rpc.system"]), oneOf(a, "messaging.destination.name", "messaging.destination", "gen_ai.provider.name", "gen_ai.system"))
}

// tagNames gives the protocol's name of a column of context.
var tagNames = map[string]string{
	"operation_Name": "ai.operation.name", "operation_SyntheticSource": "ai.operation.syntheticSource", "client_CountryOrRegion": "ai.location.country",
	"client_StateOrProvince": "ai.location.province", "client_City": "ai.location.city", "client_IP": "ai.location.ip", "user_Id": "ai.user.id",
	"user_AuthenticatedId": "ai.user.authUserId", "user_AccountId": "ai.user.accountId", "session_Id": "ai.session.id", "application_Version": "ai.application.ver",
	"client_Type": "ai.device.type", "client_Model": "ai.device.model", "client_OS": "ai.device.osVersion", "client_Browser": "ai.device.browserVersion",
	"sdkVersion": "ai.internal.sdkVersion",
}

// tagsOf are the tags of a row. An address that is not known is masked here: an
// endpoint would otherwise take this process's own.
func tagsOf(own, resource object, service, instance string) map[string]string {
	out := map[string]string{"ai.cloud.role": service, "ai.cloud.roleInstance": instance, "ai.location.ip": "0.0.0.0", "ai.internal.sdkVersion": "gatehouse"}
	for column, v := range own {
		switch name := tagNames[column]; {
		case name != "":
			out[name] = str(v)
		case strings.HasPrefix(column, "ai."): // a tag without a column was kept under its name
			out[column] = str(v)
		}
	}
	if out["ai.application.ver"] == "" {
		out["ai.application.ver"] = str(resource["service.version"])
	}
	return out
}
