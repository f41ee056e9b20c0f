package kql

import (
	"context"
	"fmt"
	"testing"
	"time"

	"gatehouse/internal/query/kql"
	"gatehouse/internal/store/lake"
	"gatehouse/internal/telemetry"
)

// least is how many published queries run; what lowers it is a fault.
const least = 92

// TestCorpus runs the published queries over rows of every table.
func TestCorpus(t *testing.T) {
	names, texts := corpus(t)
	e := filled(t)
	passed := 0
	for i, text := range texts {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		_, err := e.Query(ctx, kql.Request{Query: text, Workspaces: []string{""}})
		cancel()
		if err != nil {
			t.Logf("%s: %v", names[i], err)
			continue
		}
		passed++
	}
	fmt.Printf("kql/corpus %d/%d\n", passed, len(texts))
	if passed < least {
		t.Errorf("%d of %d published queries run, %d did before", passed, len(texts), least)
	}
}

// filled is an engine over two hours of rows.
func filled(t *testing.T) *kql.Engine {
	t.Helper()
	l, err := lake.Open(lake.DefaultOptions(t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	var spans []telemetry.Span
	var logs []telemetry.LogRecord
	types := []string{telemetry.TypeMessage, telemetry.TypeException, telemetry.TypeEvent, telemetry.TypePageView, telemetry.TypeBrowserTiming,
		telemetry.TypeAvailability, telemetry.TypeMetric, telemetry.TypePerformanceCounter}
	for n := range 400 {
		at := time.Now().Add(-time.Duration(n) * 18 * time.Second).UnixNano()
		trace, span := fmt.Sprintf("%032x", n+1), fmt.Sprintf("%016x", n+1)
		status := []int32{200, 200, 201, 404, 500}[n%5]
		spans = append(spans,
			telemetry.Span{Time: at, Duration: int64(n%50+1) * 1e6, TraceID: trace, SpanID: span, Kind: "server", Name: "shop;rev=1 - get", Method: "GET", Path: "/shop/items",
				Host: "api.test", Scheme: "https", StatusCode: status, Source: "gateway", Service: "gateway", API: "shop", Operation: "get", Outcome: "ok", SampleWeight: 1, Status: "ok"},
			telemetry.Span{Time: at + 1e6, Duration: int64(n%20+1) * 1e6, TraceID: trace, SpanID: span[:15] + "f", ParentSpanID: span, Kind: "client", Name: "GET /stock", Source: "track",
				Service: "shop", CallType: "Http", Target: "stock.test", Data: "https://stock.test/stock", ResultCode: "200", Status: "ok", SampleWeight: 1,
				Tags: `{"user_Id":"u1","session_Id":"s1"}`, Attributes: `{"tier":"gold"}`})
		logs = append(logs, telemetry.LogRecord{Time: at, TraceID: trace, SpanID: span, Type: types[n%len(types)], EventName: "name", Body: "text " + trace, Severity: "information",
			SeverityNumber: 9, Service: "shop", Source: "track", SampleWeight: 1, Tags: `{"user_Id":"u1"}`, Attributes: `{"tier":"gold"}`, Measurements: `{"m":1.5}`,
			Item: `{"value":2,"valueCount":1,"duration":12.5,"success":"True","id":"1","problemId":"p","type":"t"}`})
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
