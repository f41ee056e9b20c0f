package explore

import (
	"encoding/json"
	"sort"

	"gatehouse/internal/telemetry"
	"gatehouse/internal/telemetry/expand"
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
	statements, calls, warnings := expand.Row(row)
	t.Warnings = append(t.Warnings, warnings...)
	nested := make([]*Span, 0, len(statements)+len(calls))
	for _, parts := range [][]expand.Part{statements, calls} {
		for n := range parts {
			nested = append(nested, part(s, &parts[n]))
		}
	}
	s.Request.UnaccountedMS = ms(uncovered(s, nested))
	return append([]*Span{s}, nested...)
}

// part is a statement or a call as a span of the request's service.
func part(request *Span, p *expand.Part) *Span {
	s := &Span{SpanID: p.SpanID, ParentSpanID: p.ParentSpanID, Name: p.Name, Kind: "internal", Service: request.Service, Status: p.Status, StatusMessage: p.StatusText,
		start: p.Start, end: p.End, Attributes: json.RawMessage("{}"), Events: json.RawMessage("[]")}
	if c := p.Call; c != nil {
		s.Kind = "client"
		s.Call = &Call{Source: c.Source, Backend: c.Backend, Method: c.Method, URL: c.URL, Target: c.Target, Status: c.Status,
			Attempt: c.Attempt, Outcome: c.Outcome, Error: c.Error}
		return s
	}
	info := p.Statement
	s.Policy = &Policy{Section: info.Section, Scope: info.Scope, File: info.File, Line: info.Line, ID: info.ID, Fragment: info.Fragment, Outcome: p.Outcome}
	return s
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

// uncovered is the part of a span, in ns, that none of the others covers.
func uncovered(s *Span, parts []*Span) int64 {
	type interval struct{ from, to int64 }
	var covered []interval
	for _, c := range parts {
		from, to := max(c.start, s.start), min(c.end, s.end)
		if from < to {
			covered = append(covered, interval{from, to})
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
