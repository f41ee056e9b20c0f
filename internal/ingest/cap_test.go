package ingest

import (
	"testing"
	"time"

	"gatehouse/internal/telemetry"
)

// Beyond the cap successes are left out and counted, failures go on to be kept
// for a while; the next day begins anew.
func TestDailyCap(t *testing.T) {
	m := &memory{}
	var now clock
	i := open(t, Options{Rows: []telemetry.Rows{m}, Now: now.read, DailyCaps: map[string]int64{"small": 20_000},
		Destination: func(logger string) Destination { return Destination{Workspace: logger} }})
	e := endpoint1()
	e.Diagnostics = []*telemetry.Diagnostic{{Logger: "small", Sampling: 100}}
	other := endpoint1()
	other.Diagnostics = []*telemetry.Diagnostic{{Logger: "large", Sampling: 100}}
	send := func(e *telemetry.Endpoint, status int) {
		for n := range 100 {
			x := exchange(e, n)
			x.Status = status
			i.Exchange(x)
		}
		if err := i.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	count := func() (n int) {
		for _, s := range m.spans {
			if s.Workspace == "small" {
				n++
			}
		}
		return n
	}
	send(e, 200)
	successes := count()
	if successes < 10 || successes > 20 || !i.Capped("small") || i.Capped("large") {
		t.Fatalf("%d of 100 successes", successes)
	}
	send(other, 200)
	send(e, 500)
	failures := count() - successes
	if failures == 0 || failures > 10 {
		t.Errorf("%d of 100 failures", failures)
	}
	send(e, 500)
	if count() != successes+failures {
		t.Error("failures were kept beyond their share")
	}
	if s := i.Stats(); s.Kept+s.Dropped != s.Sent || s.Dropped != uint64(300-successes-failures) {
		t.Errorf("%+v", s)
	}
	if got := gather(t, i, "gatehouse_telemetry_dropped_total", "reason=daily_cap"); got != float64(300-successes-failures) {
		t.Errorf("daily_cap: %v", got)
	}
	now.pass(24 * time.Hour)
	if i.Capped("small") {
		t.Error("the next day begins full")
	}
	if err := i.Logs(t.Context(), []telemetry.LogRecord{{Workspace: "small", Body: string(make([]byte, 30_000))}}); err != nil || !i.Capped("small") {
		t.Errorf("rows of receivers are not counted: %v", err)
	}
}
