package kql

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"gatehouse/internal/query/kql"
	"gatehouse/internal/store/lake"
	"gatehouse/internal/telemetry"
)

// item is one thing that happened, in the words of Application Insights. The
// store gets it as a row; expectations are worked out from it in Go.
type item struct {
	table                                string // classic name
	at                                   time.Time
	name, app, role, user, auth, session string
	op, opName, parent, id               string
	ms                                   float64
	failed                               bool
	code, kind, target                   string
	browser, country, os, sdk            string
	weight                               int32
	message                              string
	value                                float64
	dims                                 map[string]string
}

// worldNow is the moment of the queries, not at the start of anything.
func worldNow() time.Time { return time.Date(2026, 3, 14, 9, 42, 17, 0, time.UTC) }

func pick(n int, from ...string) string { return from[n%len(from)] }

// world has 30 days of items: most of the last 30 hours, so that the default
// range of 24 hours leaves some out.
func world() []item {
	var all []item
	add := func(i item) { all = append(all, i) }
	ago := func(d time.Duration) time.Time { return worldNow().Add(-d) }
	for n := range 120 {
		at := ago(time.Duration(n)*15*time.Minute + 31*time.Second)
		i := item{table: "requests", at: at, name: pick(n*n, "GET /a", "GET /b", "PUT /c.eot", "{SelectedRequest}"), app: pick(n/2, "shop", "pay"), role: "web", user: pick(n*7/3, "u1", "u2", "u3", "u4"),
			session: pick(n, "s1", "s2"), op: fmt.Sprintf("%032x", n+1), opName: pick(n/3, "op1", "op2", "op3"), id: fmt.Sprintf("r%d", n), ms: float64(n*37%900 + 1), failed: n%7 == 3, code: pick(n%7, "200", "201", "200", "500"), weight: int32(n%3 + 1),
			dims: map[string]string{"Service ID": pick(n, "apim-robo-test", "other", "other"), "Subscription Name": pick(n/3, "gold", "free"), "API Name": pick(n, "api1", "api2"), "Request-Session-Correlation-Id": fmt.Sprint("c", n)}}
		add(i)
		d := item{table: "dependencies", at: at.Add(time.Second), name: pick(n, "SELECT x", "POST /y"), app: i.app, role: pick(n, "web", "{LogicApp:name}"), op: i.op, opName: "{exportedworkflowname}", parent: i.id, id: fmt.Sprintf("d%d", n), ms: float64(n%40 + 2), failed: n%11 == 1,
			code: "0", kind: pick(n, "Plugin", "SQL", "Http"), target: "t", weight: 1, dims: map[string]string{}}
		if n%4 == 0 {
			d.dims["gen_ai.system"], d.dims["gen_ai.response.model"] = "ai", pick(n/4, "m1", "m2", "")
			d.dims["gen_ai.request.model"] = pick(n/8, "q1", "")
		}
		if n%6 == 0 {
			d.dims["session.id"] = pick(n/6, "{Session}", "x")
		}
		add(d)
	}
	for n := range 60 {
		at := ago(time.Duration(n)*13*time.Hour + 3*time.Minute)
		add(item{table: "customEvents", at: at, name: pick(n*n/2, "mz", "buy", "FeatureEvaluation", "{SelectedEvent}"), app: "shop", role: "web", user: pick(n*5/4, "u1", "u2", "u3"), auth: pick(n, "a1", "a2"), session: pick(n, "s1", "s2", "s3", "s4"),
			browser: pick(n, "Edge 1", "Firefox 2"), country: pick(n/2, "Belgium", "Peru"), os: pick(n, "Linux", "Windows", ""), weight: 1, dims: map[string]string{"parentId": pick(n, "f1", "not_specified", "", "f2")}})
		add(item{table: "pageViews", at: at.Add(-2 * time.Hour), name: pick(n, "home", "cart"), app: "shop", role: "web", user: pick(n, "u1", "u9"), auth: pick(n/2, "a1", "a3"), browser: "Edge 1", country: pick(n, "Chile", ""), os: pick(n, "macOS", "Linux"), ms: float64(n + 1), weight: int32(n%2 + 1), dims: map[string]string{}})
	}
	add(item{table: "customEvents", at: ago(time.Hour), name: "gen_ai.evaluation.result", weight: 1, dims: map[string]string{}})
	for n := range 40 {
		at := ago(time.Duration(n)*45*time.Minute + 7*time.Second)
		add(item{table: "traces", at: at, role: pick(n, "{logicapp:NAME}", "web"), opName: pick(n/2, "w1", "w2"), message: pick(n, "hello", `[{"type":"LineCrossing","properties":{"personCount":`+fmt.Sprint(n)+`},"event":"personCountEvent"}]`, `perceptConfiguration "type":"LineCrossing"`), weight: 1,
			dims: map[string]string{"Category": pick(n, "Workflow.Operations.Runs", "Other"), "LogLevel": pick(n, "Information", "Error"), "event.name": pick(n, "gen_ai.evaluation.groundedness", "gen_ai.evaluation.user_feedback"), "gen_ai.evaluation.score": pick(n/2, "1", "-1", "5", "5")}})
		add(item{table: "exceptions", at: at.Add(time.Second), name: "Boom", role: pick(n, "{logicapp:name}", "web"), op: pick(n/2, "{RunId}", "else"), opName: "{ExportedWorkflowName}", parent: pick(n/4, "{requestId}", "p"), user: pick(n, "u1", "u2"), message: pick(n, "a Timeout happened", "timeouts are not terms", "nothing"), weight: 1,
			dims: map[string]string{"entityName": pick(n, "t1", "t2"), "correlationId": fmt.Sprint("x", n)}})
		add(item{table: "customMetrics", at: at.Add(2 * time.Second), name: pick(n, "caller-requests", "Item_Dropped_Count", "preview.item.dropped.count"), sdk: pick(n, "js:1", "py:2", "go:3"), value: float64(n), weight: 1, dims: map[string]string{"CallerId": pick(n/3, "c1", "c2", ""), "dropCode": pick(n, "", "403", ""), "drop.code": ""}})
	}
	return all
}

func object(m map[string]string) string {
	for k, v := range m {
		if v == "" {
			delete(m, k)
		}
	}
	if len(m) == 0 {
		return ""
	}
	b, _ := json.Marshal(m) // a map of texts
	return string(b)
}

func (i item) tags() string {
	return object(map[string]string{"appName": i.app, "user_Id": i.user, "user_AuthenticatedId": i.auth, "session_Id": i.session, "operation_Name": i.opName,
		"client_Browser": i.browser, "client_CountryOrRegion": i.country, "client_OS": i.os, "sdkVersion": i.sdk})
}

func (i item) span() telemetry.Span {
	s := telemetry.Span{Time: i.at.UnixNano(), Duration: int64(i.ms * 1e6), TraceID: i.op, SpanID: i.id, ParentSpanID: i.parent, Name: i.name, Kind: "client", Status: "ok", Service: i.role, Source: "track",
		CallType: i.kind, Target: i.target, ResultCode: i.code, SampleWeight: i.weight, Tags: i.tags(), Attributes: object(i.dims)}
	if i.table == "requests" {
		s.Kind = "server"
	}
	if i.failed {
		s.Status = "error"
	}
	return s
}

func (i item) log() telemetry.LogRecord {
	l := telemetry.LogRecord{Time: i.at.UnixNano(), TraceID: i.op, SpanID: i.parent, Body: i.message, Service: i.role, Source: "track", SampleWeight: i.weight, Tags: i.tags(), Attributes: object(i.dims)}
	switch i.table {
	case "customEvents":
		l.Type, l.EventName = telemetry.TypeEvent, i.name
	case "pageViews":
		l.Type, l.EventName, l.Item = telemetry.TypePageView, i.name, fmt.Sprintf(`{"duration":%v}`, i.ms)
	case "customMetrics":
		l.Type, l.EventName, l.Item = telemetry.TypeMetric, i.name, fmt.Sprintf(`{"value":%v,"valueCount":1}`, i.value)
	case "exceptions":
		l.Type = telemetry.TypeException
		b, _ := json.Marshal(map[string]string{"problemId": i.name, "type": i.name, "outerMessage": i.message})
		l.Item, l.Body = string(b), ""
	}
	return l
}

// engineOf is an engine over the items.
func engineOf(t *testing.T, items []item) *kql.Engine {
	t.Helper()
	o := lake.DefaultOptions(t.TempDir())
	o.Now, o.MaxAge = worldNow, -1
	l, err := lake.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	var spans []telemetry.Span
	var logs []telemetry.LogRecord
	for _, i := range items {
		if i.table == "requests" || i.table == "dependencies" {
			spans = append(spans, i.span())
		} else {
			logs = append(logs, i.log())
		}
	}
	if err := l.Spans(context.Background(), spans); err != nil {
		t.Fatal(err)
	}
	if err := l.Logs(context.Background(), logs); err != nil {
		t.Fatal(err)
	}
	if err := l.Flush(); err != nil {
		t.Fatal(err)
	}
	return kql.New(kql.Options{Lake: l})
}
