package ingest

import (
	"encoding/hex"
	"strconv"
	"strings"
	"sync"
	"unsafe"

	"gatehouse/internal/telemetry"
)

// rowBuilder makes rows of exchanges. Their texts are written into memory of
// the batch, which is used again, so that a row costs no allocation.
type rowBuilder struct {
	options   *Options
	batch     *batch
	free      sync.Pool
	caps      map[string]*dailyCap
	templates map[*telemetry.Endpoint]*template
	resources map[string]string // JSON by service name
	costs     costs
	text      []byte // of one exchange, at the end of the batch's memory
	cuts      []cut
}

// cut is a piece of the text buffer and the field that gets it.
type cut struct {
	to         *string
	start, end int
}

// template is the part of a row that all exchanges of an endpoint share, and
// where rows go.
type template struct {
	span   telemetry.Span
	routes []*route
	region string
}

func newRowBuilder(o *Options) *rowBuilder {
	r := &rowBuilder{options: o, templates: map[*telemetry.Endpoint]*template{}, resources: map[string]string{}}
	r.free.New = func() any {
		return &batch{spans: make([]telemetry.Span, 0, o.BatchSize), calls: make([]telemetry.CallRow, 0, o.BatchSize*2), steps: make([]byte, 0, o.BatchSize*64)}
	}
	return r
}

// fresh gives an empty batch.
func (r *rowBuilder) fresh() *batch { return r.free.Get().(*batch) }

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
	t := &template{span: telemetry.Span{Kind: "server", Service: r.options.Service, Instance: r.options.Instance}}
	if e != nil {
		describe(&t.span, e)
		t.region = e.Region
		t.routes = r.options.routes(e.Diagnostics)
	} else {
		t.routes = r.options.routes(nil)
	}
	for _, to := range t.routes {
		r.cost(to, e)
		if to.to.Rows == nil {
			to.cap = r.caps[to.to.Workspace]
		}
	}
	t.span.Resource = r.resource(t.span.Service, t.region)
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

func (r *rowBuilder) resource(service, region string) string {
	key := service + "\x00" + region
	if s, ok := r.resources[key]; ok {
		return s
	}
	b := telemetry.AppendJSON([]byte(`{"service.name":`), service)
	b = append(b, `,"service.instance.id":`...)
	b = telemetry.AppendJSON(b, r.options.Instance)
	if region != "" {
		b = telemetry.AppendJSON(append(b, `,"cloud.region":`...), region)
	}
	b = append(b, '}')
	if len(r.resources) > 100 {
		clear(r.resources)
	}
	r.resources[key] = string(b)
	return string(b)
}

// add appends the rows of one exchange to a batch. Fields of the exchange that
// are not text of the caller's memory are copied.
func (r *rowBuilder) add(b *batch, to *route, t *template, e *telemetry.Exchange, weight int32) {
	r.begin(b, e)
	b.spans = append(b.spans, t.span)
	s := &b.spans[len(b.spans)-1]
	s.Source, s.Workspace = to.source, to.to.Workspace

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
	if e.Outcome == telemetry.OutcomeClientClosed {
		s.ResultCode = resultCut
	}
	r.ids(e, s)
	r.name(e, s, to)
	if to.view.clientIP && e.ClientIP.IsValid() {
		from := len(r.text)
		r.text = e.ClientIP.AppendTo(r.text)
		r.cuts = append(r.cuts, cut{&s.ClientIP, from, len(r.text)})
	}
	r.where(e, s)
	r.attributes(e, s)
	r.caller(e, s)
	start := len(b.steps)
	b.steps = telemetry.AppendSteps(b.steps, e.Steps)
	s.Steps = b.steps[start:len(b.steps):len(b.steps)]
	r.calls(e, s)
	r.logs(e, s, to)
	r.settle()
	for _, c := range to.costs {
		c.count(e, len(r.text)+len(s.Steps), len(s.Steps))
	}
	if to.cap != nil {
		to.cap.take(spanSize(s))
	}
}

// cost finds the counters of the diagnostics that lead to a route.
func (r *rowBuilder) cost(to *route, e *telemetry.Endpoint) {
	if e == nil || len(e.Diagnostics) == 0 {
		to.costs = []*diagnosticCost{r.costs.of(nil)}
		return
	}
	for _, d := range e.Diagnostics {
		if at := r.options.destination(d.Logger); !at.Off && at.Rows == to.to.Rows && at.Workspace == to.to.Workspace {
			to.costs = append(to.costs, r.costs.of(d))
		}
	}
}

// resultCut is the result code of a request whose client left, as Azure writes it.
const resultCut = "0 [not sent in full]"

// spanFailed is when the request span is an error: the gateway or the backend
// failed. A refused request (4xx) is the caller's failure.
func spanFailed(e *telemetry.Exchange) bool {
	return e.Status >= 500 || e.Status < 400 && (e.Outcome == telemetry.OutcomeError || e.Outcome == telemetry.OutcomeTimeout)
}

// usualText is what the texts of a row take without captures.
const usualText = 1 << 10

// begin finds room for the texts of an exchange. Captures that are full of
// escapes may need more: then they move to memory of their own.
func (r *rowBuilder) begin(b *batch, e *telemetry.Exchange) {
	need := usualText
	for n := range e.Captures {
		need += len(e.Captures[n].Value) + len(e.Captures[n].Value)/8 + 64
	}
	r.batch, r.text, r.cuts = b, b.room(need), r.cuts[:0]
}

// settle gives the fields their parts of the text. They are valid until the
// batch is used again.
func (r *rowBuilder) settle() {
	r.batch.took(len(r.text))
	all := unsafe.String(unsafe.SliceData(r.text), len(r.text))
	for _, c := range r.cuts {
		*c.to = all[c.start:c.end]
	}
}

func (r *rowBuilder) ids(e *telemetry.Exchange, s *telemetry.Span) {
	r.operation(&s.TraceID, e)
	r.hex(&s.SpanID, e.SpanID[:])
	switch {
	case e.Legacy.Parent != "":
		s.ParentSpanID = e.Legacy.Parent
	case e.ParentID != (telemetry.SpanID{}):
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

// operation is the trace id, or the root of a Request-Id that is none.
func (r *rowBuilder) operation(field *string, e *telemetry.Exchange) {
	if e.Legacy.Root != "" {
		*field = e.Legacy.Root
		return
	}
	r.hex(field, e.TraceID[:])
}

func (r *rowBuilder) hex(field *string, id []byte) {
	from := len(r.text)
	r.text = hex.AppendEncode(r.text, id)
	r.cuts = append(r.cuts, cut{field, from, len(r.text)})
}

// name is "API;rev=N - Operation", or METHOD /path when a diagnostic asks for
// it; a request without an API is named by its verb.
func (r *rowBuilder) name(e *telemetry.Exchange, s *telemetry.Span, to *route) {
	switch {
	case to.view.urlNames:
		from := len(r.text)
		r.text = append(append(append(r.text, method(e.Method)...), ' '), e.Path...)
		r.cuts = append(r.cuts, cut{&s.Name, from, len(r.text)})
	case s.Name == "":
		s.Name = method(e.Method)
	}
}

// caller names the application that called, when it said so.
func (r *rowBuilder) caller(e *telemetry.Exchange, s *telemetry.Span) {
	if e.Caller == "" {
		return
	}
	from := len(r.text)
	r.text = append(telemetry.AppendJSON(append(r.text, `{"source":`...), "cid-v1:"+e.Caller), '}')
	r.cuts = append(r.cuts, cut{&s.Tags, from, len(r.text)})
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

// statusLabel gives a status as a label value.
func statusLabel(status int) string {
	if status < 100 || status > 599 {
		return "none"
	}
	return strconv.Itoa(status)
}
