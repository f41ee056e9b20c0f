package table_test

import (
	"time"

	"gatehouse/internal/telemetry"
)

const (
	traceA = "4bf92f3577b34da6a3ce929d0e0e4736"
	spanA  = "00f067aa0ba902b7"
)

// gatewayRow is a request through the gateway with one call.
func gatewayRow(offset time.Duration, change func(*telemetry.Span)) telemetry.Span {
	s := telemetry.Span{
		Time: minute.Add(offset).UnixNano(), Duration: 3_250_700, TraceID: traceA, SpanID: spanA, ParentSpanID: "b7ad6b7169203331",
		Name: "petstore;rev=2 - getPet", Kind: "server", Status: "ok", Service: "gatehouse", Instance: "host-1", Source: "gateway",
		RequestID: "5f0c7c6e-7a1b-4f7d-9a53-0a4f5e6d7c8b", API: "petstore", APIName: "Pet store", APIRevision: "2", Operation: "getPet", OperationName: "Get a pet",
		Product: "starter", Subscription: "sub-1", Route: "/pets/{id}", Method: "GET", StatusCode: 200, Scheme: "https", Host: "api.contoso.com",
		Path: "/petstore/pets/7", Query: "verbose=***", ClientIP: "203.0.113.9", UserAgent: "curl/8.5.0", RequestBytes: 12, ResponseBytes: 512,
		BackendTime: 2_000_000, PolicyTime: 250_700, Outcome: "ok", SampleWeight: 1,
		Resource:   `{"service.name":"gatehouse","service.version":"1.0.0","cloud.region":"West Europe"}`,
		Attributes: `{"Request-accept":"text/plain,\"backend.Request-x\":\"y","Request-Body":"a","backend.Response-etag":"e\\1,\"}","backend.Response-Body":"","gatehouse.cache_hit":true,"network.protocol.version":"2"}`,
		Calls: []telemetry.CallRow{{SpanID: "00000000000000c1", Source: "forward-request", Backend: "pets", Method: "GET", URL: "http://pets.internal:8080/v1/pets",
			Target: "pets.internal:8080", Status: 200, Attempt: 1, Offset: 400_000, Duration: 2_000_000, Outcome: "ok"}},
	}
	if change != nil {
		change(&s)
	}
	return s
}

func fixtureSpans() []telemetry.Span {
	return []telemetry.Span{
		gatewayRow(0, nil),
		gatewayRow(time.Second, func(s *telemetry.Span) { // the client left while the response was sent
			s.StatusCode, s.Outcome, s.ErrorSource, s.ErrorReason, s.ErrorMessage = 200, "client-closed", "gateway", "ClientConnectionFailure", "The client closed the connection."
			s.Attributes, s.Product, s.ClientIP, s.SampleWeight, s.Workspace = "", "", "", 0, "orders"
		}),
		gatewayRow(2*time.Second, func(s *telemetry.Span) { // the client left while the backend was waited for
			s.StatusCode, s.Outcome, s.ErrorSource, s.ErrorReason = 499, "client-closed", "forward-request", "ClientConnectionFailure"
			s.Calls[0].Status, s.Calls[0].Outcome, s.Calls[0].Error = 0, "client-closed", "ClientConnectionFailure"
		}),
		gatewayRow(3*time.Second, func(s *telemetry.Span) { // a policy failed
			s.StatusCode, s.Outcome, s.Status, s.ErrorSource, s.ErrorReason = 500, "error", "error", "set-header", "ExpressionValueEvaluationFailure"
			s.ErrorMessage, s.ErrorWhere, s.Calls = "Expression evaluation failed.", "api/inbound/set-header[1]", nil
		}),
		gatewayRow(4*time.Second, func(s *telemetry.Span) { // retried; the backend failed twice
			s.StatusCode, s.Status, s.SampleWeight = 503, "error", 4
			second := s.Calls[0]
			s.Calls[0].Status = 503
			second.SpanID, second.Attempt, second.Offset, second.Status, second.URL = "", 2, 2_500_000, 503, "http://pets.internal:8080"
			s.Calls = append(s.Calls, second)
		}),
		gatewayRow(5*time.Second, func(s *telemetry.Span) { // a call of a language model
			s.API, s.Operation, s.Attributes = "chat", "complete", `{"gen_ai.request.model":"mini","gen_ai.response.model":"gpt-x-mini","gen_ai.usage.input_tokens":9,"gen_ai.usage.output_tokens":12,"gen_ai.usage.total_tokens":21,"gen_ai.request.stream":true,"Request-Body":"{\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]}","Response-Body":"{\"choices\":[{\"message\":{\"content\":\"Ho\"}}]}"}`
		}),
		{Time: minute.UnixNano(), Duration: 1_000_000_000, TraceID: traceA, SpanID: "00000000000000d1", ParentSpanID: "00000000000000c1", Name: "GET /v1/pets", Kind: "server",
			Status: "unset", Service: "pets", Instance: "pets-1", Source: "otlp", Method: "GET", Route: "/v1/pets/{id}", StatusCode: 404, Scheme: "http", Host: "pets.internal", Path: "/v1/pets/7", SampleWeight: 1,
			Attributes: `{"enduser.id":"ann","count":12,"flag":true,"list":[1,2],"text":"a\":1,b"}`, Resource: `{"service.version":"7"}`,
			Events: `[{"time":1773480413500000000,"name":"exception","attributes":{"exception.type":"KeyError","exception.message":"no pet 7","exception.stacktrace":"at x","pet":7}},{"time":1773480413600000000,"name":"cache miss","attributes":{}}]`},
		{Time: minute.UnixNano(), Duration: 5_000_000, TraceID: traceA, SpanID: "00000000000000d2", ParentSpanID: "00000000000000d1", Name: "SELECT pets", Kind: "client",
			Status: "unset", Service: "pets", Source: "otlp", Host: "db.internal", SampleWeight: 1, Attributes: `{"db.system":"mssql","db.name":"zoo","db.statement":"SELECT 1","server.port":1433}`},
		{Time: minute.Add(time.Millisecond).UnixNano(), Duration: 5_000_000, TraceID: traceA, SpanID: "00000000000000d3", ParentSpanID: "00000000000000d1", Name: "HTTP GET", Kind: "client",
			Status: "unset", Service: "pets", Source: "otlp", Method: "GET", StatusCode: 200, Host: "vet.internal", SampleWeight: 1, Attributes: `{"url.full":"https://vet.internal:8443/check?id=1","server.port":8443}`},
		{Time: minute.Add(2 * time.Millisecond).UnixNano(), Duration: 5_000_000, TraceID: traceA, SpanID: "00000000000000d4", ParentSpanID: "00000000000000d1", Name: "pets.Vet/Check", Kind: "client",
			Status: "error", Service: "pets", Source: "otlp", Host: "vet.internal", SampleWeight: 1, Attributes: `{"rpc.system":"grpc","rpc.grpc.status_code":14}`},
		{Time: minute.Add(3 * time.Millisecond).UnixNano(), Duration: 5_000_000, TraceID: traceA, SpanID: "00000000000000d5", ParentSpanID: "00000000000000d1", Name: "feed", Kind: "internal",
			Status: "unset", Service: "pets", Source: "otlp", SampleWeight: 1},
		{Time: minute.Add(4 * time.Millisecond).UnixNano(), Duration: 5_000_000, TraceID: traceA, SpanID: "00000000000000d6", ParentSpanID: "00000000000000d1", Name: "orders publish", Kind: "producer",
			Status: "unset", Service: "pets", Source: "otlp", SampleWeight: 1, Attributes: `{"messaging.destination.name":"orders"}`},
		{Time: minute.UnixNano(), Duration: 20_000_000, TraceID: traceA, SpanID: "e1", ParentSpanID: "e0", Name: "GET /shop", Kind: "server",
			Status: "ok", Service: "shop", Instance: "shop-1", Source: "track", ResultCode: "404", StatusCode: 404, Data: "https://shop.contoso.com/shop?x=1", SampleWeight: 3,
			Tags:       `{"user_Id":"u1","session_Id":"s1","operation_Name":"GET /shop","client_City":"Ghent","appName":"shop-insights","sdkVersion":"node:2.9.8","client_IP":"0.0.0.0","operation_SyntheticSource":"bot","source":"cid-v1:abc"}`,
			Attributes: `{"API Name":"shop","tier":"gold"}`, Measurements: `{"items":3}`},
		{Time: minute.UnixNano(), Duration: 7_000_000, TraceID: traceA, SpanID: "e2", ParentSpanID: "e1", Name: "GET /stock", Kind: "client",
			Status: "error", Service: "shop", Source: "track", ResultCode: "0", CallType: "Http", Target: "stock.internal", Data: "http://stock.internal/stock", SampleWeight: 3},
	}
}

func fixtureLogs() []telemetry.LogRecord {
	log := func(kind, name string, change func(*telemetry.LogRecord)) telemetry.LogRecord {
		r := telemetry.LogRecord{Time: minute.UnixNano(), TraceID: traceA, SpanID: spanA, EventName: name, Type: kind, Service: "shop", Instance: "shop-1", Source: "track",
			SampleWeight: 1, Tags: `{"user_Id":"u1"}`}
		change(&r)
		return r
	}
	return []telemetry.LogRecord{
		log("", "", func(r *telemetry.LogRecord) {
			r.Source, r.API, r.Operation, r.Product, r.Subscription, r.Scope, r.Service = "gateway", "petstore", "getPet", "starter", "sub-1", "my-source", "gatehouse"
			r.Severity, r.SeverityNumber, r.Body, r.Attributes, r.Tags = "information", 9, "hello", `{"key":"value"}`, ""
		}),
		log("", "", func(r *telemetry.LogRecord) {
			r.Source, r.Severity, r.Body, r.Attributes, r.Time = "otlp", "warning", "slow", `{"ms":1200,"logger":"x"}`, r.Time+1
		}),
		log("", "", func(r *telemetry.LogRecord) {
			r.Source, r.Severity, r.Body, r.Attributes = "otlp", "error", "it broke", `{"exception.type":"IOError","exception.message":"disk","exception.stacktrace":"at y"}`
		}),
		log("", "", func(r *telemetry.LogRecord) {
			r.Source, r.Attributes = "otlp", `{"microsoft.custom_event.name":"signup","plan":"pro"}`
		}),
		log(telemetry.TypeException, "", func(r *telemetry.LogRecord) {
			r.Severity, r.Item = "error", `{"problemId":"TypeError at main","type":"TypeError","outerType":"TypeError","outerMessage":"x is undefined","outerMethod":"main","innermostMessage":"inner","severityLevel":4,"details":[{"type":"TypeError"}]}`
		}),
		log(telemetry.TypeEvent, "bought", func(r *telemetry.LogRecord) {
			r.Attributes, r.Measurements, r.SampleWeight = `{"sku":"7"}`, `{"price":9.5}`, 2
		}),
		log(telemetry.TypeMetric, "queue", func(r *telemetry.LogRecord) {
			r.Item, r.Attributes = `{"value":10,"valueCount":4,"valueMin":1,"valueMax":5,"metricNamespace":"shop"}`, `{"region":"eu"}`
		}),
		log(telemetry.TypeMetric, "_OTELRESOURCE_", func(r *telemetry.LogRecord) { r.Item = `{"value":1}` }),
		log(telemetry.TypePageView, "Home", func(r *telemetry.LogRecord) {
			r.Item = `{"id":"pv1","url":"https://shop/","duration":812.5}`
		}),
		log(telemetry.TypeBrowserTiming, "Home", func(r *telemetry.LogRecord) {
			r.Item = `{"url":"https://shop/","networkDuration":10,"sendDuration":20,"receiveDuration":30,"processingDuration":40,"totalDuration":100}`
		}),
		log(telemetry.TypeAvailability, "ping", func(r *telemetry.LogRecord) {
			r.Item, r.Body = `{"id":"a1","location":"node-1","success":true,"duration":55,"size":3}`, "Passed"
		}),
		log(telemetry.TypeAvailability, "ping", func(r *telemetry.LogRecord) {
			r.Item, r.Time = `{"id":"a2","location":"node-1","success":"False","duration":400000}`, r.Time+1
		}),
		log(telemetry.TypePerformanceCounter, "% Processor Time", func(r *telemetry.LogRecord) {
			r.Item = `{"category":"Processor","counter":"% Processor Time","instance":"_Total","value":12.5}`
		}),
	}
}
