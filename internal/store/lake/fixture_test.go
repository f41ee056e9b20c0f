package lake

import (
	"encoding/json"
	"fmt"
	"time"

	"gatehouse/internal/telemetry"
)

// gatewaySpan builds the row of one request through the gateway: 12 policy
// steps and one backend call. n makes rows differ as real ones do.
func gatewaySpan(n int, at time.Time) telemetry.Span {
	return telemetry.Span{
		Time: at.UnixNano(), Duration: int64(3_000_000 + n%1000*7919), TraceID: traceID(n), SpanID: spanID(n, 0),
		Name: "petstore;rev=1 - getPet", Kind: "server", Status: "ok", Service: "gatehouse", Instance: "host-1", Source: "gateway",
		RequestID: traceID(n * 7), API: fmt.Sprintf("petstore-%d", n%20), APIName: fmt.Sprintf("Pet store %d", n%20), APIRevision: "1",
		Operation: fmt.Sprintf("getPet-%d", n%100), OperationName: "Get a pet", Product: "starter", Subscription: fmt.Sprintf("sub-%d", n%300),
		Route: "/pets/{id}", Method: "GET", StatusCode: 200, Scheme: "https", Host: "api.contoso.com", Path: fmt.Sprintf("/petstore/pets/%d", n%5000),
		Query: "verbose=***", ClientIP: fmt.Sprintf("10.0.%d.%d", n%4, n%200), UserAgent: "curl/8.5.0", RequestBytes: 0, ResponseBytes: int64(500 + n%800),
		BackendTime: int64(2_000_000 + n%1000*6000), PolicyTime: int64(100_000 + n%500*100), Outcome: "ok", SampleWeight: 1,
		Resource: benchResource, Pipeline: benchPipeline, Steps: benchSteps(n),
		Calls: []telemetry.CallRow{{SpanID: spanID(n, 1), Source: "forward-request", Backend: "pets", Method: "GET",
			URL: "http://pets.internal:8080/v1/pets", Target: "pets.internal:8080", Status: 200, Attempt: 1, Offset: int64(400_000 + n%100), Duration: int64(2_000_000 + n%1000*6000), Outcome: "ok"}},
	}
}

func traceID(n int) string {
	x := uint64(n)*0x9E3779B97F4A7C15 + 0x1234567
	x ^= x >> 29
	return fmt.Sprintf("%016x%016x", x*0xBF58476D1CE4E5B9, uint64(n)+1)
}

func spanID(n, k int) string { return fmt.Sprintf("%015x%d", uint64(n)*0x9E3779B97F4A7C15>>4, k) }

var benchResource = `{"service.name":"gatehouse","service.instance.id":"host-1","service.version":"1.0.0"}`

var benchPipeline = func() string {
	var steps []telemetry.StepInfo
	for i := range 12 {
		parent := -1
		if i > 5 && i < 8 {
			parent = 5
		}
		steps = append(steps, telemetry.StepInfo{Name: "set-header", Section: "inbound", Scope: "api", File: "apis/petstore/policy.xml", Line: 3 + i, Parent: parent})
	}
	b, _ := json.Marshal(steps)
	return string(b)
}()

func benchSteps(n int) []byte {
	steps := make([]telemetry.Step, 12)
	for i := range steps {
		steps[i] = telemetry.Step{Index: uint16(i), Start: int64(10_000 + i*20_000 + n%1000), Duration: int64(1000 + (n*31+i)%9000)}
	}
	return telemetry.AppendSteps(nil, steps)
}
