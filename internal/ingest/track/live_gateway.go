package track

import (
	"strconv"
	"sync/atomic"
	"time"

	"gatehouse/internal/telemetry"
)

// gatewayTally counts the gateway's own exchanges, all of them. Every watcher
// shows the difference to what it saw before.
type gatewayTally struct {
	requests, failed, duration     atomic.Int64
	calls, callsFailed, callsSpent atomic.Int64
	exceptions                     atomic.Int64
}

// tallied is the state of a gatewayTally at one time.
type tallied struct {
	at                                                                     time.Time
	requests, failed, duration, calls, callsFailed, callsSpent, exceptions int64
	cpu                                                                    float64
}

// Exchange feeds the live view. It is called off the request path and keeps
// nothing of e.
func (r *Receiver) Exchange(e *telemetry.Exchange) {
	t := &r.hubs.gateway
	t.requests.Add(1)
	t.duration.Add(int64(e.Duration))
	left := e.Outcome == telemetry.OutcomeClientClosed
	failed := left || e.Outcome == telemetry.OutcomeError || e.Status >= 400 || e.Status == 0
	if failed {
		t.failed.Add(1)
	}
	if failed || e.Failure.Reason != "" {
		t.exceptions.Add(1)
	}
	for i := range e.Calls {
		c := &e.Calls[i]
		t.calls.Add(1)
		t.callsSpent.Add(c.Duration)
		if c.Status < 1 || c.Status >= 400 {
			t.callsFailed.Add(1)
		}
	}
	if failed && r.hubs.watches.Load() > 0 {
		r.hubs.of("").send(r.failure(e))
	}
}

// failure is a point with one document: a request that failed.
func (r *Receiver) failure(e *telemetry.Exchange) *View {
	ms := float64(e.Duration) / 1e6
	d := Document{Type: "Request", Name: e.Method + " " + e.Path, URL: e.Scheme + "://" + e.Host + e.Path, Code: strconv.Itoa(e.Status), Duration: &ms,
		Message: e.Failure.Message, Properties: map[string]string{"Operation Id": hexID(e.TraceID)}}
	if e.Failure.Reason != "" {
		d.Properties["Reason"] = e.Failure.Reason
	}
	if e.Endpoint != nil {
		d.Properties["API Name"], d.Properties["Operation Name"] = e.Endpoint.API, e.Endpoint.Operation
	}
	v := r.gatewayView()
	v.Documents = append(v.Documents, d)
	return v
}

func (r *Receiver) gatewayView() *View {
	return &View{Time: r.options.Now().UTC().Format(time.RFC3339Nano), Role: "gatehouse", Source: "gateway", Stream: "gateway", Metrics: map[string]float64{}, Documents: []Document{}}
}

// tally reads the counters.
func (r *Receiver) tally() (tallied, float64) {
	t := &r.hubs.gateway
	now := tallied{at: r.options.Now(), requests: t.requests.Load(), failed: t.failed.Load(), duration: t.duration.Load(), calls: t.calls.Load(),
		callsFailed: t.callsFailed.Load(), callsSpent: t.callsSpent.Load(), exceptions: t.exceptions.Load()}
	memory := 0.0
	if r.options.Process != nil {
		now.cpu, memory = r.options.Process()
	}
	return now, memory
}

// second is a point of what happened between two states.
func (r *Receiver) second(before, now tallied, memory float64) *View {
	v := r.gatewayView()
	elapsed := now.at.Sub(before.at).Seconds()
	if elapsed <= 0 {
		return v
	}
	rate := func(a, b int64) float64 { return float64(b-a) / elapsed }
	mean := func(spent, n int64) float64 {
		if n <= 0 {
			return 0
		}
		return float64(spent) / float64(n) / 1e6
	}
	v.Metrics = map[string]float64{
		"requests_per_second": rate(before.requests, now.requests), "requests_failed_per_second": rate(before.failed, now.failed),
		"request_duration_ms":     mean(now.duration-before.duration, now.requests-before.requests),
		"dependencies_per_second": rate(before.calls, now.calls), "dependencies_failed_per_second": rate(before.callsFailed, now.callsFailed),
		"dependency_duration_ms": mean(now.callsSpent-before.callsSpent, now.calls-before.calls), "exceptions_per_second": rate(before.exceptions, now.exceptions),
	}
	if r.options.Process != nil {
		v.Metrics["cpu_percent"], v.Metrics["memory_bytes"] = max(0, now.cpu-before.cpu)/elapsed*100, memory
	}
	return v
}

func hexID(id telemetry.TraceID) string {
	const digits = "0123456789abcdef"
	out := make([]byte, 0, 32)
	for _, b := range id {
		out = append(out, digits[b>>4], digits[b&15])
	}
	return string(out)
}
