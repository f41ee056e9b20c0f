package explore

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/telemetry"
)

const millisecond = int64(time.Millisecond)

func origin() int64 { return time.Date(2026, 3, 14, 9, 20, 0, 0, time.UTC).UnixNano() }

func id(n int) string { return fmt.Sprintf("%016x", n) }

func trace(n int) string { return fmt.Sprintf("%032x", n) }

// gatewayRow is a request of 100 ms: inbound choose (0-20) with a send-request
// (5-15) in it, forward-request (20-90) with two attempts, set-header (90-95).
func gatewayRow(n int) telemetry.Span {
	pipeline, _ := json.Marshal([]telemetry.StepInfo{
		{Name: "choose", Section: "inbound", Scope: "api", File: "policy.xml", Line: 3, Parent: -1},
		{Name: "send-request", Section: "inbound", Scope: "api", File: "policy.xml", Line: 5, ID: "token", Parent: 0},
		{Name: "forward-request", Section: "backend", Scope: "global", File: "global.xml", Line: 7, Parent: -1},
		{Name: "set-header", Section: "outbound", Scope: "product", File: "product.xml", Line: 9, Fragment: "cors", Parent: -1},
	})
	steps := telemetry.AppendSteps(nil, []telemetry.Step{
		{Index: 0, Start: 0, Duration: 20 * millisecond},
		{Index: 1, Start: 5 * millisecond, Duration: 10 * millisecond},
		{Index: 2, Start: 20 * millisecond, Duration: 70 * millisecond},
		{Index: 3, Start: 90 * millisecond, Duration: 5 * millisecond, Outcome: telemetry.OutcomeError},
	})
	return telemetry.Span{
		Time: origin(), Duration: 100 * millisecond, TraceID: trace(n), SpanID: id(n*100 + 1), Name: "pets - getPet", Kind: "server",
		Status: "ok", Service: "gatehouse", Source: "gateway", RequestID: "req", API: "pets", APIName: "Pets", Operation: "getPet",
		Product: "starter", Subscription: "alice", Method: "GET", StatusCode: 200, Scheme: "https", Host: "api.test", Path: "/pets/1",
		Outcome: "ok", SampleWeight: 1, Pipeline: string(pipeline), Steps: steps,
		Calls: []telemetry.CallRow{
			{SpanID: id(n*100 + 2), Source: "send-request", Method: "POST", Target: "login.test", Status: 200, Attempt: 1, Offset: 6 * millisecond, Duration: 8 * millisecond, Outcome: "ok"},
			{SpanID: id(n*100 + 3), Source: "forward-request", Backend: "pets", Method: "GET", Status: 503, Attempt: 1, Offset: 21 * millisecond, Duration: 19 * millisecond, Outcome: "ok"},
			{SpanID: id(n*100 + 4), Source: "forward-request", Backend: "pets", Method: "GET", Status: 200, Attempt: 2, Offset: 45 * millisecond, Duration: 40 * millisecond, Outcome: "ok"},
		},
	}
}

// backendRow is the span of the backend below the second attempt.
func backendRow(n int) telemetry.Span {
	return telemetry.Span{Time: origin() + 50*millisecond, Duration: 30 * millisecond, TraceID: trace(n), SpanID: id(n*100 + 5), ParentSpanID: id(n*100 + 4),
		Name: "GET /pets/{id}", Kind: "server", Status: "ok", Service: "pets-backend", Source: "otlp", Method: "GET", StatusCode: 200, Attributes: `{"db.rows":1}`}
}

func TestAssembleGateway(t *testing.T) {
	tr := Assemble(trace(1), []telemetry.Span{gatewayRow(1), backendRow(1)}, []telemetry.LogRecord{{Time: origin(), Body: "hello", SpanID: id(101)}})
	var got []string
	for _, s := range tr.Spans {
		got = append(got, fmt.Sprintf("%s%s %g+%g %s", strings.Repeat("  ", s.Depth), s.Name, s.StartMS, s.DurationMS, s.Status))
	}
	want := []string{
		"pets - getPet 0+100 ok",
		"  choose 0+20 ok",
		"    send-request 5+10 ok",
		"      POST login.test 6+8 ok",
		"  forward-request 20+70 ok",
		"    GET pets 21+19 error",
		"    GET pets (attempt 2) 45+40 ok",
		"      GET /pets/{id} 50+30 ok",
		"  set-header 90+5 error",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if len(tr.Warnings) != 0 || len(tr.Logs) != 1 || tr.DurationMS != 100 || len(tr.Services) != 2 {
		t.Errorf("%+v", tr)
	}
	if r := tr.Spans[0].Request; r == nil || r.UnaccountedMS != 5 || r.URL != "https://api.test/pets/1" {
		t.Errorf("request %+v", r)
	}
	if p := tr.Spans[2].Policy; p == nil || p.Line != 5 || p.ID != "token" || p.Section != "inbound" {
		t.Errorf("policy %+v", p)
	}
	if string(tr.Spans[7].Attributes) != `{"db.rows":1,"http.request.method":"GET","http.response.status_code":200}` {
		t.Errorf("attributes %s", tr.Spans[7].Attributes)
	}
	again := Assemble(trace(1), []telemetry.Span{gatewayRow(1), backendRow(1)}, nil)
	if again.Spans[2].SpanID != tr.Spans[2].SpanID {
		t.Error("span ids of statements differ from one reading to the next")
	}
	if _, err := json.Marshal(tr); err != nil {
		t.Error(err)
	}
}

func TestCriticalPath(t *testing.T) {
	tr := Assemble(trace(1), []telemetry.Span{gatewayRow(1), backendRow(1)}, nil)
	names := make(map[string]string)
	for _, s := range tr.Spans {
		names[s.SpanID] = s.Name
	}
	var got []string
	at := 0.0
	for _, s := range tr.CriticalPath {
		if s.FromMS != at {
			t.Errorf("a gap before %g", s.FromMS)
		}
		at = s.ToMS
		got = append(got, fmt.Sprintf("%s %g-%g %s", names[s.SpanID], s.FromMS, s.ToMS, s.Label))
	}
	want := []string{
		"choose 0-5 ", "send-request 5-6 ", "POST login.test 6-14 ", "send-request 14-15 ", "choose 15-20 ",
		"forward-request 20-21 ", "GET pets 21-40 ", "forward-request 40-45 ", "GET pets (attempt 2) 45-50 ", "GET /pets/{id} 50-80 ",
		"GET pets (attempt 2) 80-85 ", "forward-request 85-90 ", "set-header 90-95 ", "pets - getPet 95-100 gateway: unaccounted",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestAssembleDamaged(t *testing.T) {
	span := func(n, parent int, start, duration int64) telemetry.Span {
		s := telemetry.Span{Time: origin() + start*millisecond, Duration: duration * millisecond, TraceID: trace(1), SpanID: id(n), Name: fmt.Sprint("s", n), Service: "a", Source: "otlp"}
		if parent > 0 {
			s.ParentSpanID = id(parent)
		}
		return s
	}
	skewed := span(2, 1, -40, 10)
	skewed.Service = "b"
	broken := gatewayRow(1)
	broken.Pipeline, broken.Steps = "{", broken.Steps[:len(broken.Steps)-1]
	for name, c := range map[string]struct {
		rows []telemetry.Span
		want string
	}{
		"missing parent": {[]telemetry.Span{span(1, 9, 0, 10)}, "is not stored"},
		"circle of two":  {[]telemetry.Span{span(1, 2, 0, 10), span(2, 1, 1, 5)}, "in a circle"},
		"own parent":     {[]telemetry.Span{span(1, 1, 0, 10)}, "itself"},
		"circle below":   {[]telemetry.Span{span(5, 0, 0, 10), span(1, 3, 0, 10), span(2, 1, 1, 5), span(3, 2, 1, 5), span(4, 3, 2, 2)}, "in a circle"},
		"twice":          {[]telemetry.Span{span(1, 0, 0, 10), span(1, 0, 0, 10)}, "more than once"},
		"skew":           {[]telemetry.Span{span(1, 0, 0, 10), skewed}, "clocks"},
		"damaged steps":  {[]telemetry.Span{broken}, "damaged"},
	} {
		tr := Assemble(trace(1), c.rows, nil)
		if !strings.Contains(strings.Join(tr.Warnings, "\n"), c.want) {
			t.Errorf("%s: warnings %q", name, tr.Warnings)
		}
		seen := make(map[string]bool)
		for _, s := range tr.Spans {
			if seen[s.SpanID] {
				t.Errorf("%s: span %s twice", name, s.SpanID)
			}
			seen[s.SpanID] = true
		}
		if name != "damaged steps" && name != "twice" && len(tr.Spans) != len(c.rows) {
			t.Errorf("%s: %d spans of %d rows", name, len(tr.Spans), len(c.rows))
		}
	}
}

// Random parents and times: the tree holds every span once, and the critical
// path covers its root without gaps.
func TestAssembleAnything(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		n := 1 + r.IntN(40)
		rows := make([]telemetry.Span, n)
		for i := range rows {
			rows[i] = telemetry.Span{Time: origin() + r.Int64N(1000), Duration: r.Int64N(500) - 10, SpanID: id(i + 1), ParentSpanID: id(r.IntN(n + 3)), Service: "a"}
		}
		tr := Assemble(trace(1), rows, nil)
		if len(tr.Spans) != n {
			t.Fatalf("%d spans of %d", len(tr.Spans), n)
		}
		for i, s := range tr.CriticalPath {
			if s.FromMS >= s.ToMS || (i > 0 && math.Abs(s.FromMS-tr.CriticalPath[i-1].ToMS) > 1e-9) {
				t.Fatalf("piece %d: %+v", i, tr.CriticalPath)
			}
		}
	}
}

func TestDeepChain(t *testing.T) {
	rows := make([]telemetry.Span, 20_000)
	for i := range rows {
		rows[i] = telemetry.Span{Time: origin() + int64(i), Duration: int64(50_000 - i), SpanID: id(i + 1), ParentSpanID: id(i), Service: "a"}
	}
	rows[0].ParentSpanID = ""
	if tr := Assemble(trace(1), rows, nil); len(tr.Spans) != len(rows) || tr.Spans[len(rows)-1].Depth != len(rows)-1 {
		t.Error(len(tr.Spans))
	}
}
