package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"gatehouse/internal/store/lake"
	"gatehouse/internal/telemetry"
)

const batch = 2000

// fill writes a day of requests that ends at end.
func fill(dir string, end time.Time, requests int, stop <-chan os.Signal) error {
	var clock atomic.Int64
	clock.Store(end.Add(-24 * time.Hour).UnixNano())
	o := lake.DefaultOptions(dir)
	o.Now = func() time.Time { return time.Unix(0, clock.Load()) }
	// A lake of this load re-encodes its small files until they have 50,000 rows.
	// Writing them so at once costs the same files without the hours of waiting.
	o.FlushRows, o.CompactInterval = 50_000, time.Second
	l, err := lake.Open(o)
	if err != nil {
		return err
	}
	defer l.Close()
	started, before := time.Now(), processorTime()
	d := newDay(end.Add(-24*time.Hour).UnixNano(), int64(24*time.Hour)/int64(requests))
	for n := 0; n < requests; n += batch {
		select {
		case <-stop:
			return errors.New("stopped")
		default:
		}
		spans, logs := d.next(n, min(batch, requests-n))
		clock.Store(spans[len(spans)-1].Time)
		if err := write(l, spans, logs); err != nil {
			return err
		}
	}
	if err := l.Flush(); err != nil {
		return err
	}
	rows, wall := l.Stats().Rows, time.Since(started)
	clock.Store(end.UnixNano())
	if err := settle(l, &clock); err != nil {
		return err
	}
	report(l, rows, requests, wall, processorTime()-before)
	return nil
}

// write waits while the lake has no room: the generator is faster than the disk.
func write(l *lake.Lake, spans []telemetry.Span, logs []telemetry.LogRecord) error {
	for _, put := range []func() error{
		func() error { return l.Spans(context.Background(), spans) },
		func() error { return l.Logs(context.Background(), logs) },
	} {
		for {
			err := put()
			if err == nil {
				break
			}
			if !errors.Is(err, lake.ErrFull) {
				return err
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	return nil
}

// settle lets ten minutes pass on the lake's clock and waits until it has
// merged what there is to merge.
func settle(l *lake.Lake, clock *atomic.Int64) error {
	clock.Add(int64(10 * time.Minute))
	merges, quiet := l.Stats().Compactions, time.Now()
	for deadline := time.Now().Add(10 * time.Minute); time.Since(quiet) < 4*time.Second; time.Sleep(100 * time.Millisecond) {
		if now := l.Stats().Compactions; now != merges {
			merges, quiet = now, time.Now()
		}
		if time.Now().After(deadline) {
			return errors.New("the lake merges files for ten minutes")
		}
	}
	return nil
}

func report(l *lake.Lake, rows int64, requests int, wall, cpu time.Duration) {
	fmt.Printf("%s requests, %s rows, %d cores\n", thousands(int64(requests)), thousands(rows), runtime.NumCPU())
	fmt.Printf("written in %.0f s: %s rows/s; %s rows/s per core, making them included, merging too\n", wall.Seconds(), thousands(int64(float64(rows)/wall.Seconds())), thousands(int64(float64(rows)/cpu.Seconds())))
	s := l.Stats()
	for _, name := range []string{lake.Spans, lake.Logs} {
		t := s.Tables[name]
		if t.Rows > 0 {
			fmt.Printf("%s: %s rows, %d files, %d groups, %.1f bytes/row, %.2f GiB\n", name, thousands(t.Rows), t.Files, t.Groups, float64(t.Bytes)/float64(t.Rows), float64(t.Bytes)/(1<<30))
		}
	}
}

func thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func processorTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// day makes rows: a gateway's request with its call, for one in five a call of
// the service behind, for one in four a line of its log.
type day struct {
	start, step int64
	r           *rand.Rand
	spans       []telemetry.Span
	logs        []telemetry.LogRecord
	calls       []telemetry.CallRow
}

func newDay(start, step int64) *day {
	return &day{start: start, step: step, r: rand.New(rand.NewPCG(7, 26))}
}

// traceOf is the trace id of a request.
func traceOf(n int) string {
	return fmt.Sprintf("%016x%016x", uint64(n+1)*0x9e3779b97f4a7c15, uint64(n+1)*0xc2b2ae3d27d4eb4f)
}

func (d *day) next(from, count int) ([]telemetry.Span, []telemetry.LogRecord) {
	d.spans, d.logs = d.spans[:0], d.logs[:0]
	d.calls = make([]telemetry.CallRow, count)
	for i := range count {
		d.request(from+i, &d.calls[i])
	}
	return d.spans, d.logs
}

// status of one in fifty is a failure of the client, of one in two hundred of the service.
func (d *day) status() (int32, string) {
	switch n := d.r.IntN(1000); {
	case n < 5:
		return 500, "error"
	case n < 25:
		return []int32{400, 401, 404, 429}[n%4], "ok"
	case n < 200:
		return 201, "ok"
	}
	return 200, "ok"
}

const (
	apis       = 20
	operations = 5
	users      = 50_000
)

func (d *day) request(n int, call *telemetry.CallRow) {
	r := d.r
	at := d.start + int64(n)*d.step + r.Int64N(d.step)
	trace, span := traceOf(n), strconv.FormatUint(r.Uint64()|1<<63, 16)
	// Some APIs are asked far more often than others.
	api := min(int(r.ExpFloat64()*4), apis-1)
	name, op := "api-"+strconv.Itoa(api), "op-"+strconv.Itoa(r.IntN(operations))
	status, state := d.status()
	took := int64(float64(time.Millisecond) * (2 + r.ExpFloat64()*float64(20+10*api)))
	path := "/" + name + "/items/" + strconv.Itoa(r.IntN(200_000))
	*call = telemetry.CallRow{SpanID: span[:15] + "0", Source: "forward-request", Backend: name, Method: "GET", URL: "https://" + name + ".internal" + path,
		Target: name + ".internal", Status: status, Attempt: 1, Offset: 200_000, Duration: took - 400_000, Outcome: "ok"}
	s := telemetry.Span{Time: at, Duration: took, TraceID: trace, SpanID: span, Name: name + ";rev=1 - " + op, Kind: "server", Status: state, Service: "gateway", Instance: "gw-" + strconv.Itoa(n%3),
		Source: "gateway", RequestID: span + trace[:16], API: name, APIName: name, APIRevision: "1", Operation: op, OperationName: op, Product: "product-" + strconv.Itoa(api%4),
		Subscription: "sub-" + strconv.Itoa(r.IntN(500)), Route: "/items/{id}", Method: "GET", StatusCode: status, Scheme: "https", Host: "api.example.com", Path: path,
		ClientIP: "10.0." + strconv.Itoa(r.IntN(256)) + ".0", UserAgent: "client/" + strconv.Itoa(r.IntN(20)), RequestBytes: int64(r.IntN(2000)), ResponseBytes: int64(r.IntN(20_000)),
		BackendTime: took - 400_000, PolicyTime: 150_000, Outcome: "ok", SampleWeight: 1, Pipeline: "p" + strconv.Itoa(api), Calls: []telemetry.CallRow{*call},
		Attributes: `{"Request-x-user":"user-` + strconv.Itoa(r.IntN(users)) + `","Response-x-region":"r` + strconv.Itoa(n%3) + `"}`}
	if status == 500 {
		s.ErrorSource, s.ErrorReason, s.ErrorMessage = "forward-request", "BackendConnectionFailure", "the connection was reset"
	}
	d.spans = append(d.spans, s)
	if n%5 == 0 {
		d.spans = append(d.spans, telemetry.Span{Time: at + 1e6, Duration: took / 3, TraceID: trace, SpanID: span[:15] + "1", ParentSpanID: call.SpanID, Name: "SELECT items", Kind: "client", Status: "ok",
			Service: name, Instance: name + "-0", Source: "track", CallType: "SQL", Target: "db | shop", Data: "SELECT * FROM items WHERE id = @id", ResultCode: "0", SampleWeight: 1,
			Tags: `{"operation_Name":"GET items","user_Id":"user-` + strconv.Itoa(r.IntN(users)) + `"}`, Attributes: `{"tier":"gold"}`})
	}
	if n%4 == 0 {
		d.logs = append(d.logs, telemetry.LogRecord{Time: at + 2e6, TraceID: trace, SpanID: span, Severity: "information", SeverityNumber: 9, Service: name, Instance: name + "-0", Source: "track",
			Body: "item " + strconv.Itoa(n) + " was read in " + strconv.Itoa(int(took/1000)) + " microseconds for the cart of a customer", SampleWeight: 1,
			Tags: `{"operation_Name":"GET items","user_Id":"user-` + strconv.Itoa(r.IntN(users)) + `"}`, Attributes: `{"CategoryName":"Shop.Items","tier":"gold"}`})
	}
}
