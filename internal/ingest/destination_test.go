package ingest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"gatehouse/internal/telemetry"
)

// rowsOf counts the requests by where they went.
func rowsOf(m *memory) map[string]int {
	out := map[string]int{}
	for _, s := range m.spans {
		out[s.Workspace+"/"+s.Source]++
	}
	return out
}

// A request goes once to each destination of its loggers, and is kept once.
func TestDestinations(t *testing.T) {
	lake, azure := &memory{}, &memory{}
	places := map[string]Destination{
		"orders": {Workspace: "orders"}, "orders-too": {Workspace: "orders"}, "azure": {Rows: azure}, "off": {Off: true},
	}
	i := open(t, Options{Rows: []telemetry.Rows{lake}, Destination: func(logger string) Destination { return places[logger] }})
	for n, loggers := range [][]string{{}, {"default"}, {"orders"}, {"orders", "orders-too"}, {"orders", "default"}, {"azure"}, {"azure", "orders"}, {"off"}, {"off", "default"}} {
		e := endpoint1()
		for _, name := range loggers {
			e.Diagnostics = append(e.Diagnostics, &telemetry.Diagnostic{Logger: name, Sampling: 100})
		}
		i.Exchange(exchange(e, n))
	}
	if err := i.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(rowsOf(lake)), "map[/gateway:3 /gateway-copy:1 orders/gateway:4]"; got != want {
		t.Errorf("lake: %s, want %s", got, want)
	}
	if got, want := fmt.Sprint(rowsOf(azure)), "map[/gateway:2]"; got != want {
		t.Errorf("export: %s, want %s", got, want)
	}
	if s := i.Stats(); s.Sent != 9 || s.Kept != 8 || s.Sampled != 1 || s.Dropped != 0 {
		t.Errorf("%+v", s)
	}
	if got := gather(t, i, "gatehouse_telemetry_rows_total", "table=spans"); got != 8 {
		t.Errorf("rows: %v", got)
	}
}

// A broken export loses its own rows alone, and they are counted.
func TestBrokenExport(t *testing.T) {
	lake := &memory{}
	azure := &memory{fail: func(int) error { return fmt.Errorf("no route") }}
	i := open(t, Options{Rows: []telemetry.Rows{lake}, RetryFor: 1, Destination: func(logger string) Destination {
		return map[string]Destination{"azure": {Rows: azure}}[logger]
	}})
	both, one := endpoint1(), endpoint1()
	both.Diagnostics = []*telemetry.Diagnostic{{Logger: "default", Sampling: 100}, {Logger: "azure", Sampling: 100}}
	one.Diagnostics = both.Diagnostics[1:]
	i.Exchange(exchange(both, 1))
	i.Exchange(exchange(one, 2))
	if err := i.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := i.Stats(); s.Sent != 2 || s.Kept != 1 || s.Dropped != 1 {
		t.Errorf("%+v", s)
	}
	if got := gather(t, i, "gatehouse_telemetry_export_dropped_rows_total", "table=spans"); got != 2 {
		t.Errorf("export rows dropped: %v", got)
	}
}

// Messages are never sampled: a request that is left out leaves its messages.
func TestMessagesAreNotSampled(t *testing.T) {
	m := &memory{}
	i := open(t, Options{Rows: []telemetry.Rows{m}, Destination: func(string) Destination { return Destination{Workspace: "w"} }})
	e := endpoint1()
	e.Diagnostics = []*telemetry.Diagnostic{{Verbosity: telemetry.SeverityInformation}}
	x := exchange(e, 1)
	x.Subscription = "s1"
	x.Events = append(x.Events, telemetry.Event{Severity: telemetry.SeverityVerbose, Message: "a"}, telemetry.Event{Severity: telemetry.SeverityInformation, Message: "b"})
	i.Exchange(x)
	if err := i.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(m.spans) != 0 || len(m.logs) != 1 || m.logs[0].Body != "b" || m.logs[0].Workspace != "w" || m.logs[0].Subscription != "s1" || len(m.logs[0].TraceID) != 32 {
		t.Errorf("%+v %+v", m.spans, m.logs)
	}
	if s := i.Stats(); s.Sampled != 1 || s.Kept != 0 {
		t.Errorf("%+v", s)
	}
}

// What the exceptions and requests tables need of a request that was cut, and
// of one of the older protocol.
func TestRowOfACutRequest(t *testing.T) {
	m := &memory{}
	i := open(t, Options{Rows: []telemetry.Rows{m}})
	x := exchange(endpoint1(), 1)
	x.Outcome, x.Failure = telemetry.OutcomeClientClosed, telemetry.Failure{Source: "transfer-response", Reason: "ClientConnectionFailure"}
	x.Legacy = telemetry.Legacy{Root: "5c1a8-root", Parent: "|5c1a8-root.7_"}
	x.Caller = "11111111-2222-3333-4444-555555555555"
	x.Events = append(x.Events, telemetry.Event{Message: "m"})
	i.Exchange(x)
	if err := i.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := m.spans[0]
	if s.ResultCode != "0 [not sent in full]" || s.Outcome != "client-closed" || s.ErrorSource != "transfer-response" || s.TraceID != "5c1a8-root" ||
		s.ParentSpanID != "|5c1a8-root.7_" || m.logs[0].TraceID != s.TraceID || s.Tags != `{"source":"cid-v1:11111111-2222-3333-4444-555555555555"}` {
		t.Errorf("%+v", s)
	}
}

// A logger whose key changes under load: every request is kept once, in the
// workspace that its own snapshot's logger had.
func TestKeyChangeLosesNothing(t *testing.T) {
	m := &memory{}
	var place atomic.Pointer[Destination]
	place.Store(&Destination{Workspace: "before"})
	i := open(t, Options{Rows: []telemetry.Rows{m}, QueueSize: 20_000, Destination: func(string) Destination { return *place.Load() }})
	const each = 4000
	send := func() {
		e := endpoint1()
		e.Diagnostics = []*telemetry.Diagnostic{{Logger: "l", Sampling: 100}}
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for n := range each / 4 {
					i.Exchange(exchange(e, n))
				}
			})
		}
		wg.Wait()
	}
	send()
	if err := i.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	place.Store(&Destination{Workspace: "after"})
	send()
	if err := i.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(rowsOf(m)); got != "map[after/gateway:4000 before/gateway:4000]" {
		t.Error(got)
	}
}
