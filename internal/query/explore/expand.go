package explore

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"sort"

	"gatehouse/internal/telemetry"
)

// expand makes the spans of one row: its own, and for a request of the gateway
// those of the statements and calls nested in it.
func (t *Trace) expand(row *telemetry.Span) []*Span {
	s := &Span{
		SpanID: row.SpanID, ParentSpanID: row.ParentSpanID, Name: row.Name, Kind: row.Kind, Service: row.Service,
		Status: row.Status, StatusMessage: row.StatusText, start: row.Time, end: row.Time + max(row.Duration, 0),
		Attributes: attributes(row), Resource: stored(row.Resource, ""), Events: stored(row.Events, "[]"), Links: stored(row.Links, ""),
	}
	if row.Source != "gateway" {
		return []*Span{s}
	}
	s.Request = request(row)
	steps, err := telemetry.DecodeSteps(row.Steps)
	if err != nil {
		t.warn("the policy steps of span %s are damaged: only %d are shown", row.SpanID, len(steps))
	}
	var pipeline []telemetry.StepInfo
	if row.Pipeline != "" {
		if err := json.Unmarshal([]byte(row.Pipeline), &pipeline); err != nil {
			t.warn("the policy description of span %s is damaged", row.SpanID)
		}
	}
	statements := expandSteps(s, steps, pipeline)
	calls := expandCalls(s, row.Calls, statements)
	s.Request.UnaccountedMS = ms(uncovered(s, statements, calls))
	return append(append([]*Span{s}, statements...), calls...)
}

func request(row *telemetry.Span) *Request {
	url := row.Path
	if row.Host != "" {
		url = row.Scheme + "://" + row.Host + row.Path
	}
	return &Request{
		RequestID: row.RequestID, API: row.API, APIName: row.APIName, APIRevision: row.APIRevision, Operation: row.Operation,
		OperationName: row.OperationName, Product: row.Product, Subscription: row.Subscription, Method: row.Method, Route: row.Route,
		URL: url, Query: row.Query, Status: row.StatusCode, ClientIP: row.ClientIP, UserAgent: row.UserAgent,
		RequestBytes: row.RequestBytes, ResponseBytes: row.ResponseBytes, BackendMS: ms(row.BackendTime), PolicyMS: ms(row.PolicyTime),
		Outcome: row.Outcome, ErrorSource: row.ErrorSource, ErrorReason: row.ErrorReason, ErrorMessage: row.ErrorMessage,
		ErrorWhere: row.ErrorWhere, SampleWeight: row.SampleWeight,
	}
}

// expandSteps makes one span a statement execution. Executions are recorded in
// the order of their starts; the span of one hangs below the execution of its
// enclosing statement that was running at that time.
func expandSteps(request *Span, steps []telemetry.Step, pipeline []telemetry.StepInfo) []*Span {
	out := make([]*Span, 0, len(steps))
	for i, step := range steps {
		info := telemetry.StepInfo{Name: fmt.Sprintf("statement %d", step.Index), Parent: -1}
		if int(step.Index) < len(pipeline) {
			info = pipeline[step.Index]
		}
		s := &Span{
			SpanID: derivedID(request.SpanID, i), Name: info.Name, Kind: "internal", Service: request.Service, Status: status(step.Outcome.String()),
			start: request.start + step.Start, end: request.start + step.Start + step.Duration,
			Attributes: json.RawMessage("{}"), Events: json.RawMessage("[]"),
			Policy: &Policy{Section: info.Section, Scope: info.Scope, File: info.File, Line: info.Line, ID: info.ID,
				Fragment: info.Fragment, Outcome: step.Outcome.String()},
		}
		s.ParentSpanID = enclosing(request, out, steps, s, info.Parent, pipeline).SpanID
		out = append(out, s)
	}
	return out
}

// enclosing finds the latest execution before s of the statement at index, or
// of the one around that, which was running when s started.
func enclosing(request *Span, before []*Span, steps []telemetry.Step, s *Span, index int, pipeline []telemetry.StepInfo) *Span {
	for range len(pipeline) { // a damaged description may run in a circle
		if index < 0 || index >= len(pipeline) {
			break
		}
		for i := len(before) - 1; i >= 0; i-- {
			if int(steps[i].Index) == index && before[i].start <= s.start && s.start <= before[i].end {
				return before[i]
			}
		}
		index = pipeline[index].Parent
	}
	return request
}

// expandCalls makes one span a backend call. It hangs below the innermost
// statement of the name that made it and was running when the call started.
func expandCalls(request *Span, calls []telemetry.CallRow, statements []*Span) []*Span {
	out := make([]*Span, 0, len(calls))
	for i, c := range calls {
		s := &Span{
			SpanID: c.SpanID, Kind: "client", Service: request.Service, Status: callStatus(c), StatusMessage: c.Error,
			start: request.start + c.Offset, end: request.start + c.Offset + max(c.Duration, 0), Name: callName(c),
			Attributes: json.RawMessage("{}"), Events: json.RawMessage("[]"),
			Call: &Call{Source: c.Source, Backend: c.Backend, Method: c.Method, URL: c.URL, Target: c.Target, Status: c.Status,
				Attempt: c.Attempt, Outcome: c.Outcome, Error: c.Error},
		}
		if s.SpanID == "" {
			s.SpanID = derivedID(request.SpanID, -1-i)
		}
		s.ParentSpanID = maker(request, statements, s, c.Source).SpanID
		out = append(out, s)
	}
	return out
}

// maker finds the statement that made a call: by name first; a call of another
// source hangs below whatever statement was running.
func maker(request *Span, statements []*Span, s *Span, source string) *Span {
	for _, byName := range []bool{true, false} {
		for i := len(statements) - 1; i >= 0; i-- {
			st := statements[i]
			if st.start <= s.start && s.start <= st.end && (!byName || st.Name == source) {
				return st
			}
		}
	}
	return request
}

func callName(c telemetry.CallRow) string {
	target := c.Backend
	if target == "" {
		target = c.Target
	}
	name := c.Method + " " + target
	if c.Attempt > 1 {
		name += fmt.Sprintf(" (attempt %d)", c.Attempt)
	}
	return name
}

func callStatus(c telemetry.CallRow) string {
	if c.Status >= 500 {
		return "error"
	}
	return status(c.Outcome)
}

func status(outcome string) string {
	if outcome == telemetry.OutcomeError.String() || outcome == telemetry.OutcomeTimeout.String() {
		return "error"
	}
	return "ok"
}

// derivedID gives a statement a span id that is the same at every reading.
func derivedID(span string, order int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%d", span, order))
	return hex.EncodeToString(sum[:8])
}

// uncovered is the part of a span, in ns, that none of the others covers.
func uncovered(s *Span, groups ...[]*Span) int64 {
	type interval struct{ from, to int64 }
	var covered []interval
	for _, spans := range groups {
		for _, c := range spans {
			from, to := max(c.start, s.start), min(c.end, s.end)
			if from < to {
				covered = append(covered, interval{from, to})
			}
		}
	}
	sort.Slice(covered, func(i, j int) bool { return covered[i].from < covered[j].from })
	left, at := s.end-s.start, s.start
	for _, c := range covered {
		if from := max(c.from, at); from < c.to {
			left -= c.to - from
			at = c.to
		}
	}
	return left
}

// attributes gives a span's attributes with those that the lake keeps as
// columns put back under their OpenTelemetry names. The gateway's own requests
// show theirs in Request.
func attributes(row *telemetry.Span) json.RawMessage {
	stored := object(row.Attributes)
	if row.Source == "gateway" {
		return stored
	}
	all := make(map[string]any)
	add := func(name, value string) {
		if value != "" {
			all[name] = value
		}
	}
	add("http.request.method", row.Method)
	add("http.route", row.Route)
	add("url.scheme", row.Scheme)
	add("url.path", row.Path)
	add("url.query", row.Query)
	add("server.address", row.Host)
	add("client.address", row.ClientIP)
	add("user_agent.original", row.UserAgent)
	add("error.type", row.ErrorReason)
	if row.StatusCode != 0 {
		all["http.response.status_code"] = row.StatusCode
	}
	if len(all) == 0 {
		return stored
	}
	var own map[string]json.RawMessage
	if json.Unmarshal(stored, &own) != nil {
		return stored
	}
	for k, v := range own {
		all[k] = v
	}
	merged, err := json.Marshal(all)
	if err != nil {
		return stored
	}
	return merged
}
