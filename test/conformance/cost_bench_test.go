package conformance

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"gatehouse/internal/ingest"
	"gatehouse/internal/store/lake"
	"gatehouse/internal/telemetry"
)

// BenchmarkCapturedParts measures what the parts of a record cost behind the
// request: row, encoding, write-ahead log and Parquet, in processor time. The
// constants of telemetry/cost.go come from it and from make bench.
func BenchmarkCapturedParts(b *testing.B) {
	for _, one := range []struct {
		name                 string
		headers, body, steps int
	}{{"row", 0, 0, 0}, {"headers=10", 10, 0, 0}, {"body=8192", 0, 8192, 0}, {"json=8192", 0, -8192, 0}, {"steps=10", 0, 0, 10}} {
		b.Run(one.name, func(b *testing.B) {
			store, err := lake.Open(lake.DefaultOptions(b.TempDir()))
			if err != nil {
				b.Fatal(err)
			}
			i, err := ingest.New(ingest.Options{Rows: []telemetry.Rows{store}})
			if err != nil {
				b.Fatal(err)
			}
			pipeline := &telemetry.Pipeline{}
			for range one.steps {
				pipeline.Steps = append(pipeline.Steps, telemetry.StepInfo{Name: "set-header", Section: "inbound", Scope: "api", Parent: -1})
			}
			endpoint := &telemetry.Endpoint{Service: "bench", API: "api", APIRevision: "1", Operation: "get", Pipeline: pipeline}
			body := strings.Repeat("x", max(one.body, 0))
			for n := 0; len(body) < -one.body; n++ {
				body += fmt.Sprintf(`{"id":%d,"name":"item %d","price":%d.5},`, n*7919, n, n%97)
			}
			start := processorTime()
			for n := range b.N {
				e := telemetry.NewExchange()
				e.Endpoint, e.Start, e.Method, e.Status, e.Path, e.Host, e.Scheme, e.Protocol = endpoint, time.Now(), "GET", 200, "/api", "127.0.0.1:8080", "http", "1.1"
				e.SpanID[0], e.SpanID[1], e.TraceID[0], e.TraceID[7], e.RequestID[3] = byte(n), byte(n>>8), byte(n), byte(n>>8), byte(n)
				e.Calls = append(e.Calls, telemetry.Call{Source: "forward-request", Method: "GET", Scheme: "http", Host: "127.0.0.1:7001", Path: "/api", Status: 200, Attempt: 1, Duration: 1e6})
				for n := range one.steps {
					e.Steps = append(e.Steps, telemetry.Step{Index: uint16(n), Start: int64(n) * 1000, Duration: int64(900 + n)})
				}
				for n := range one.headers {
					e.Captures = append(e.Captures, telemetry.Capture{Part: telemetry.FrontendRequest, Name: fmt.Sprint("X-Header-", n), Value: "a value of some length"})
				}
				if body != "" {
					e.Captures = append(e.Captures, telemetry.Capture{Part: telemetry.FrontendResponse, Value: body, Size: int64(len(body))})
				}
				i.Exchange(e)
				if n%4096 == 4095 {
					if err := i.Flush(b.Context()); err != nil {
						b.Fatal(err)
					}
				}
			}
			if err := i.Close(b.Context()); err != nil {
				b.Fatal(err)
			}
			if err := store.Close(); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(processorTime()-start)/float64(b.N), "cpu-ns/request")
		})
	}
}

func processorTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
