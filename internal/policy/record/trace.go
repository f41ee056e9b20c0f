package record

import (
	"fmt"
	"time"
)

// Trace is a recording in the form of Azure's request trace, with the recording
// itself beside it.
type Trace struct {
	ServiceName  string       `json:"serviceName"`
	TraceID      string       `json:"traceId"`
	TraceEntries TraceEntries `json:"traceEntries"`
	Recording    *Recording   `json:"recording"`
}

// TraceEntries are the entries of each section, in order.
type TraceEntries struct {
	Inbound  []TraceEntry `json:"inbound"`
	Backend  []TraceEntry `json:"backend"`
	Outbound []TraceEntry `json:"outbound"`
	OnError  []TraceEntry `json:"on-error,omitempty"`
}

// TraceEntry is one line of a trace. Statement is the step of the recording
// that it tells of, -1: none.
type TraceEntry struct {
	Source    string    `json:"source"`
	Timestamp time.Time `json:"timestamp"`
	Elapsed   string    `json:"elapsed"`
	Data      any       `json:"data"`
	Statement int       `json:"statement"`
}

func (t *TraceEntries) of(section string) *[]TraceEntry {
	switch section {
	case "backend":
		return &t.Backend
	case "outbound":
		return &t.Outbound
	case "on-error":
		return &t.OnError
	}
	return &t.Inbound
}

// Trace gives the recording as Azure shows it.
func (r *Recording) Trace() *Trace {
	out := &Trace{ServiceName: r.Service, TraceID: r.ID, Recording: r}
	out.TraceEntries = TraceEntries{Inbound: []TraceEntry{}, Backend: []TraceEntry{}, Outbound: []TraceEntry{}}
	add := func(section, source string, at, elapsed int64, statement int, data any) {
		list := out.TraceEntries.of(section)
		*list = append(*list, TraceEntry{source, r.Started.Add(time.Duration(at)), timeSpan(elapsed), data, statement})
	}
	if s := r.at(r.First); s != nil {
		add("inbound", "api-inspector", 0, 0, -1, map[string]any{"request": messageData(&s.Request)})
	}
	add("inbound", "api-inspector", 0, 0, -1, map[string]any{"configuration": r.configuration()})
	for i := range r.Steps {
		s := &r.Steps[i]
		for _, m := range s.Messages {
			add(s.Section, m.Source, s.Start, s.Duration, i, m.Message)
		}
		if s.Name != "trace" || len(s.Messages) == 0 {
			add(s.Section, s.Name, s.Start, s.Duration, i, r.stepData(s))
		}
		if after := r.at(s.After); s.Name == "forward-request" && after != nil && after.Response != nil {
			add(s.Section, s.Name, s.Start+s.Duration, s.Duration, i, map[string]any{"response": messageData(after.Response)})
		}
	}
	last := map[string]any{"message": "The response is sent to the caller."}
	if s := r.at(r.Last); s != nil && s.Response != nil {
		last["response"] = messageData(s.Response)
	}
	add("outbound", "transfer-response", r.Duration, 0, -1, last)
	return out
}

func (r *Recording) at(state int) *State {
	if state < 0 || state >= len(r.States) {
		return nil
	}
	return &r.States[state]
}

func (r *Recording) configuration() map[string]any {
	out := map[string]any{}
	for name, id := range map[string]string{"api": r.API, "operation": r.Operation, "product": r.Product, "subscription": r.Subscription} {
		if id != "" {
			out[name] = map[string]any{"id": id}
		}
	}
	return out
}

// stepData says what a statement did.
func (r *Recording) stepData(s *Step) map[string]any {
	out := map[string]any{"scope": s.Scope, "policy": fmt.Sprintf("%s:%d", s.File, s.Line)}
	if s.Fragment != "" {
		out["fragment"] = s.Fragment
	}
	if s.Failure != nil {
		out["message"] = s.Failure.Message
		out["error"] = s.Failure
	}
	if before := r.at(s.Before); s.Name == "forward-request" && before != nil {
		out["request"] = messageData(&before.Request)
	}
	if changes := r.Changes(s); len(changes) > 0 {
		out["changes"] = changes
	}
	if len(s.Calls) > 0 {
		out["calls"] = s.Calls
	}
	return out
}

func messageData(m *Message) map[string]any {
	headers := make([]Header, len(m.Headers))
	copy(headers, m.Headers)
	if m.Method == "" {
		return map[string]any{"status": map[string]any{"code": m.Status, "reason": m.Reason}, "headers": headers}
	}
	return map[string]any{"method": m.Method, "url": m.URL, "headers": headers}
}

// timeSpan is a duration as .NET writes it.
func timeSpan(ns int64) string {
	ticks := ns / 100
	seconds := ticks / 10_000_000
	return fmt.Sprintf("%02d:%02d:%02d.%07d", seconds/3600, seconds/60%60, seconds%60, ticks%10_000_000)
}
