package ingest

import (
	"encoding/hex"
	"strconv"
	"strings"
	"sync"

	"gatehouse/internal/telemetry"
)

// rowBuilder makes rows of exchanges. Texts of one exchange are written into
// one buffer and become one string, so that a row costs one allocation.
type rowBuilder struct {
	options   *Options
	batch     *batch
	free      sync.Pool
	templates map[*telemetry.Endpoint]*template
	resources map[string]string // JSON by service name
	text      []byte
	cuts      []cut
}

// cut is a piece of the text buffer and the field that gets it.
type cut struct {
	to         *string
	start, end int
}

// template is the part of a row that all exchanges of an endpoint share.
type template struct {
	span telemetry.Span
	view view
	url  bool // the name is METHOD /path
}

func newRowBuilder(o *Options) *rowBuilder {
	r := &rowBuilder{options: o, templates: map[*telemetry.Endpoint]*template{}, resources: map[string]string{}}
	r.free.New = func() any {
		return &batch{spans: make([]telemetry.Span, 0, o.BatchSize), calls: make([]telemetry.CallRow, 0, o.BatchSize*2), steps: make([]byte, 0, o.BatchSize*64)}
	}
	r.batch = r.free.Get().(*batch)
	return r
}

// take gives the batch away and starts another.
func (r *rowBuilder) take() *batch {
	b := r.batch
	r.batch = r.free.Get().(*batch)
	return b
}

func (r *rowBuilder) recycle(b *batch) {
	b.reset()
	r.free.Put(b)
}

// template makes the shared part once for each endpoint. Endpoints of replaced
// snapshots leave when the table is full.
func (r *rowBuilder) template(e *telemetry.Endpoint) *template {
	if t := r.templates[e]; t != nil {
		return t
	}
	if len(r.templates) >= 2*r.options.MaxEndpoints {
		clear(r.templates)
	}
	t := &template{span: telemetry.Span{Kind: "server", Service: r.options.Service, Instance: r.options.Instance, Source: "gateway"}}
	if e != nil {
		describe(&t.span, e)
		t.view = viewOf(e.Diagnostics)
	} else {
		t.view = viewOf(nil)
	}
	t.url = t.view.urlNames
	t.span.Resource = r.resource(t.span.Service)
	r.templates[e] = t
	return t
}

func describe(s *telemetry.Span, e *telemetry.Endpoint) {
	if e.Service != "" {
		s.Service = e.Service
	}
	s.API, s.APIName, s.APIRevision = e.API, e.APIName, e.APIRevision
	s.Operation, s.OperationName, s.Product = e.Operation, e.OperationName, e.Product
	s.Route, _, _ = strings.Cut(e.URLTemplate, "?")
	if e.Pipeline != nil {
		s.Pipeline = e.Pipeline.Descriptor
	}
	switch {
	case e.API != "" && e.Operation != "":
		s.Name = e.API + ";rev=" + e.APIRevision + " - " + e.Operation
	case e.API != "":
		s.Name = e.API + ";rev=" + e.APIRevision
	}
}

func (r *rowBuilder) resource(service string) string {
	if s, ok := r.resources[service]; ok {
		return s
	}
	b := appendJSON([]byte(`{"service.name":`), service)
	b = append(b, `,"service.instance.id":`...)
	b = append(appendJSON(b, r.options.Instance), '}')
	if len(r.resources) > 100 {
		clear(r.resources)
	}
	r.resources[service] = string(b)
	return string(b)
}

// add appends the rows of one exchange to the batch. Fields of the exchange
// that are not text of the caller's memory are copied.
func (r *rowBuilder) add(e *telemetry.Exchange, weight int32) {
	t := r.template(e.Endpoint)
	b := r.batch
	b.spans = append(b.spans, t.span)
	s := &b.spans[len(b.spans)-1]
	r.text, r.cuts = r.text[:0], r.cuts[:0]

	s.Time, s.Duration = e.Start.UnixNano(), int64(e.Duration)
	s.Subscription, s.Method, s.StatusCode = e.Subscription, e.Method, int32(e.Status)
	s.Scheme, s.Host, s.Path, s.Query, s.UserAgent = e.Scheme, e.Host, e.Path, e.Query, e.UserAgent
	s.RequestBytes, s.ResponseBytes = e.RequestBytes, e.ResponseBytes
	s.BackendTime, s.PolicyTime = int64(e.BackendTime), int64(e.PolicyTime)
	s.Outcome, s.SampleWeight = e.Outcome.String(), weight
	s.ErrorSource, s.ErrorReason, s.ErrorMessage = e.Failure.Source, e.Failure.Reason, clip(e.Failure.Message, maxText)
	s.Status = "ok"
	if spanFailed(e) {
		s.Status, s.StatusText = "error", s.ErrorReason
	}
	r.ids(e, s)
	r.name(e, s, t)
	if t.view.clientIP && e.ClientIP.IsValid() {
		from := len(r.text)
		r.text = e.ClientIP.AppendTo(r.text)
		r.cuts = append(r.cuts, cut{&s.ClientIP, from, len(r.text)})
	}
	r.where(e, s)
	r.attributes(e, s)
	start := len(b.steps)
	b.steps = telemetry.AppendSteps(b.steps, e.Steps)
	s.Steps = b.steps[start:len(b.steps):len(b.steps)]
	r.calls(e, s)
	r.logs(e, s, t)
	r.settle()
}

// spanFailed is when the request span is an error: the gateway or the backend
// failed. A refused request (4xx) is the caller's failure.
func spanFailed(e *telemetry.Exchange) bool {
	return e.Status >= 500 || e.Status < 400 && (e.Outcome == telemetry.OutcomeError || e.Outcome == telemetry.OutcomeTimeout)
}

// settle makes one string of the buffer and cuts the fields from it.
func (r *rowBuilder) settle() {
	all := string(r.text)
	for _, c := range r.cuts {
		*c.to = all[c.start:c.end]
	}
}

func (r *rowBuilder) ids(e *telemetry.Exchange, s *telemetry.Span) {
	r.hex(&s.TraceID, e.TraceID[:])
	r.hex(&s.SpanID, e.SpanID[:])
	if e.ParentID != (telemetry.SpanID{}) {
		r.hex(&s.ParentSpanID, e.ParentID[:])
	}
	from := len(r.text)
	id := &e.RequestID
	for n, part := range [...][]byte{id[:4], id[4:6], id[6:8], id[8:10], id[10:]} {
		if n > 0 {
			r.text = append(r.text, '-')
		}
		r.text = hex.AppendEncode(r.text, part)
	}
	r.cuts = append(r.cuts, cut{&s.RequestID, from, len(r.text)})
}

func (r *rowBuilder) hex(field *string, id []byte) {
	from := len(r.text)
	r.text = hex.AppendEncode(r.text, id)
	r.cuts = append(r.cuts, cut{field, from, len(r.text)})
}

// name is "API;rev=N - Operation", or METHOD /path when a diagnostic asks for
// it; a request without an API is named by its verb.
func (r *rowBuilder) name(e *telemetry.Exchange, s *telemetry.Span, t *template) {
	switch {
	case t.url:
		from := len(r.text)
		r.text = append(append(append(r.text, method(e.Method)...), ' '), e.Path...)
		r.cuts = append(r.cuts, cut{&s.Name, from, len(r.text)})
	case s.Name == "":
		s.Name = method(e.Method)
	}
}

// where joins scope, section and path of the failed statement.
func (r *rowBuilder) where(e *telemetry.Exchange, s *telemetry.Span) {
	f := &e.Failure
	if f.Scope == "" && f.Section == "" && f.Path == "" {
		return
	}
	from := len(r.text)
	for _, part := range [...]string{f.Scope, f.Section, f.Path} {
		if part == "" {
			continue
		}
		if len(r.text) > from {
			r.text = append(r.text, '/')
		}
		r.text = append(r.text, part...)
	}
	r.cuts = append(r.cuts, cut{&s.ErrorWhere, from, len(r.text)})
}

func (r *rowBuilder) calls(e *telemetry.Exchange, s *telemetry.Span) {
	if len(e.Calls) == 0 {
		return
	}
	b := r.batch
	if cap(b.calls)-len(b.calls) < len(e.Calls) {
		// A new array: rows that are cut from the old one, and fields that settle
		// later, keep pointing into it.
		b.calls = make([]telemetry.CallRow, 0, 2*cap(b.calls)+len(e.Calls))
	}
	start := len(b.calls)
	for n := range e.Calls {
		c := &e.Calls[n]
		b.calls = append(b.calls, telemetry.CallRow{
			Source: c.Source, Backend: c.Backend, Method: c.Method, Target: c.Host, Status: int32(c.Status), Attempt: int32(c.Attempt),
			Offset: c.Start, Duration: c.Duration, Outcome: c.Outcome.String(), Error: clip(c.Error, maxText),
		})
		row := &b.calls[len(b.calls)-1]
		if c.SpanID != (telemetry.SpanID{}) {
			r.hex(&row.SpanID, c.SpanID[:])
		}
		from := len(r.text)
		r.text = append(append(append(append(r.text, c.Scheme...), "://"...), c.Host...), c.Path...)
		r.cuts = append(r.cuts, cut{&row.URL, from, len(r.text)})
	}
	s.Calls = b.calls[start:len(b.calls):len(b.calls)]
}

// logs makes a log record of each event that the diagnostics keep.
func (r *rowBuilder) logs(e *telemetry.Exchange, s *telemetry.Span, t *template) {
	b := r.batch
	first := len(b.logs)
	for n := range e.Events {
		v := &e.Events[n]
		if v.Severity < t.view.verbosity {
			continue
		}
		name, number := severity(v.Severity)
		b.logs = append(b.logs, telemetry.LogRecord{
			Time: s.Time + v.At, Severity: name, SeverityNumber: number, Body: clip(v.Message, maxBody), Service: s.Service, Instance: s.Instance,
			Source: "gateway", API: s.API, Operation: s.Operation, Product: s.Product, Subscription: s.Subscription, Scope: v.Source, Resource: s.Resource,
			Attributes: metadata(v.Metadata),
		})
	}
	// Only now: appending may have moved the records.
	for n := first; n < len(b.logs); n++ {
		r.hex(&b.logs[n].TraceID, e.TraceID[:])
		r.hex(&b.logs[n].SpanID, e.SpanID[:])
	}
}

func severity(s telemetry.Severity) (string, int32) {
	switch s {
	case telemetry.SeverityVerbose:
		return "debug", 5
	case telemetry.SeverityInformation:
		return "information", 9
	case telemetry.SeverityWarning:
		return "warning", 13
	}
	return "error", 17
}

// statusLabel gives a status as a label value.
func statusLabel(status int) string {
	if status < 100 || status > 599 {
		return "none"
	}
	return strconv.Itoa(status)
}
