package explore

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"gatehouse/internal/telemetry"
)

// Trace is one trace as a tree. Spans are in the order of a depth-first walk,
// so that a list of them reads as the tree. Offsets are from Start.
type Trace struct {
	TraceID      string    `json:"trace_id"`
	Start        time.Time `json:"start"`
	DurationMS   float64   `json:"duration_ms"` // from the first start to the last end
	Services     []string  `json:"services"`
	Warnings     []string  `json:"warnings"`
	Spans        []*Span   `json:"spans"`
	CriticalPath []Segment `json:"critical_path"`
	Logs         []Log     `json:"logs"`
}

// Span is one span of the tree. Policy, Call and Request say what it is in the
// gateway; a span of another service has none of them.
type Span struct {
	SpanID        string          `json:"span_id"`
	ParentSpanID  string          `json:"parent_span_id"` // "" for a root; not "" when the parent is not stored
	Name          string          `json:"name"`
	Kind          string          `json:"kind"`
	Service       string          `json:"service"`
	StartMS       float64         `json:"start_ms"`
	DurationMS    float64         `json:"duration_ms"`
	Status        string          `json:"status"`
	StatusMessage string          `json:"status_message"`
	Depth         int             `json:"depth"`
	Attributes    json.RawMessage `json:"attributes"`
	Resource      json.RawMessage `json:"resource,omitempty"`
	Events        json.RawMessage `json:"events"`
	Links         json.RawMessage `json:"links,omitempty"`
	Policy        *Policy         `json:"policy,omitempty"`
	Call          *Call           `json:"call,omitempty"`
	Request       *Request        `json:"request,omitempty"`

	start, end int64 // ns
	children   []*Span
	parent     *Span
	placed     bool
}

// Policy says which statement of which document was executed.
type Policy struct {
	Section  string `json:"section"`
	Scope    string `json:"scope"`
	File     string `json:"file"`
	Line     int    `json:"line"`
	ID       string `json:"id"`
	Fragment string `json:"fragment"`
	Outcome  string `json:"outcome"`
}

// Call is a request of the gateway to a backend.
type Call struct {
	Source  string `json:"source"` // statement: forward-request, send-request
	Backend string `json:"backend"`
	Method  string `json:"method"`
	URL     string `json:"url"`
	Target  string `json:"target"`
	Status  int32  `json:"status"` // 0: no response
	Attempt int32  `json:"attempt"`
	Outcome string `json:"outcome"`
	Error   string `json:"error"`
}

// Request is what the gateway knows of a request.
type Request struct {
	RequestID     string  `json:"request_id"`
	API           string  `json:"api"`
	APIName       string  `json:"api_name"`
	APIRevision   string  `json:"api_revision"`
	Operation     string  `json:"operation"`
	OperationName string  `json:"operation_name"`
	Product       string  `json:"product"`
	Subscription  string  `json:"subscription"`
	Method        string  `json:"method"`
	Route         string  `json:"route"`
	URL           string  `json:"url"` // scheme://host/path
	Query         string  `json:"query"`
	Status        int32   `json:"status"`
	ClientIP      string  `json:"client_ip"`
	UserAgent     string  `json:"user_agent"`
	RequestBytes  int64   `json:"request_bytes"`
	ResponseBytes int64   `json:"response_bytes"`
	BackendMS     float64 `json:"backend_ms"`
	PolicyMS      float64 `json:"policy_ms"`
	// UnaccountedMS is the part of the request that no statement and no call
	// covers: reading and writing the client's connection, routing.
	UnaccountedMS float64 `json:"unaccounted_ms"`
	Outcome       string  `json:"outcome"`
	ErrorSource   string  `json:"error_source"`
	ErrorReason   string  `json:"error_reason"`
	ErrorMessage  string  `json:"error_message"`
	ErrorWhere    string  `json:"error_where"`
	SampleWeight  int32   `json:"item_count"`
}

// Log is a log record of the trace, or another item of Application Insights
// that is not a span.
type Log struct {
	Time       time.Time       `json:"time"`
	Type       string          `json:"type"` // "" is a message; exception, event, page-view, ... (telemetry.Type...)
	Name       string          `json:"name"` // of an event, a page view, an availability test, a metric
	Severity   string          `json:"severity"`
	Body       string          `json:"body"`
	Service    string          `json:"service"`
	Attributes json.RawMessage `json:"attributes"`
	SpanID     string          `json:"span_id"`
	Item       json.RawMessage `json:"item,omitempty"` // the columns that only this type has
}

// Trace reads and assembles one trace. The error is ErrNotFound when nothing
// of it is stored.
func (e *Explorer) Trace(ctx context.Context, id string) (*Trace, error) {
	if IsTraceID(id) {
		id = strings.ToLower(id)
	}
	rows, logs, partial, err := e.o.Lake.Trace(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("read trace %s: %w", id, err)
	}
	if len(rows) == 0 && len(logs) == 0 {
		return nil, fmt.Errorf("trace %s: %w", id, ErrNotFound)
	}
	rows = slices.DeleteFunc(rows, func(s telemetry.Span) bool { return s.Source == copied })
	logs = slices.DeleteFunc(logs, func(l telemetry.LogRecord) bool { return l.Source == copied })
	t := Assemble(id, rows, logs)
	if partial {
		t.Warnings = append(t.Warnings, "the trace is larger than is shown: only its first rows were read")
	}
	return t, nil
}

// Assemble makes a trace of its rows. It needs no store and gives the same
// answer for the same rows.
func Assemble(id string, rows []telemetry.Span, logs []telemetry.LogRecord) *Trace {
	t := &Trace{TraceID: id, Services: []string{}, Warnings: []string{}, Spans: []*Span{}, CriticalPath: []Segment{}, Logs: []Log{}}
	var all []*Span
	for i := range rows {
		all = append(all, t.expand(&rows[i])...)
	}
	roots := t.link(all)
	t.origin(all, logs)
	t.layOut(roots)
	t.checkClocks()
	t.CriticalPath = criticalPath(roots, t.Start.UnixNano())
	for i := range rows {
		if !slices.Contains(t.Services, rows[i].Service) {
			t.Services = append(t.Services, rows[i].Service)
		}
	}
	for i := range logs {
		r := &logs[i]
		t.Logs = append(t.Logs, Log{Time: time.Unix(0, r.Time).UTC(), Type: r.Type, Name: r.EventName, Item: stored(r.Item, ""), Severity: r.Severity, Body: r.Body, Service: r.Service,
			Attributes: object(r.Attributes), SpanID: r.SpanID})
	}
	return t
}

// origin sets the start and the length of the trace.
func (t *Trace) origin(all []*Span, logs []telemetry.LogRecord) {
	var first, last int64
	for i, s := range all {
		if i == 0 || s.start < first {
			first = s.start
		}
		last = max(last, s.end)
	}
	if len(all) == 0 && len(logs) > 0 {
		first, last = logs[0].Time, logs[len(logs)-1].Time
	}
	t.Start = time.Unix(0, first).UTC()
	t.DurationMS = ms(last - first)
}

// layOut lists the tree depth first. It does not recurse: a damaged trace can
// be a chain of thousands of spans.
func (t *Trace) layOut(roots []*Span) {
	stack := slices.Clone(roots)
	slices.Reverse(stack)
	first := t.Start.UnixNano()
	for len(stack) > 0 {
		s := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		s.StartMS, s.DurationMS = ms(s.start-first), ms(s.end-s.start)
		if s.parent != nil {
			s.Depth = s.parent.Depth + 1
		}
		t.Spans = append(t.Spans, s)
		for i := len(s.children) - 1; i >= 0; i-- {
			stack = append(stack, s.children[i])
		}
	}
}

func ms(ns int64) float64 { return float64(ns) / 1e6 }

// object gives stored JSON as it is, {} when there is none or it is damaged.
func object(s string) json.RawMessage { return stored(s, "{}") }

func stored(s, otherwise string) json.RawMessage {
	if s == "" || !json.Valid([]byte(s)) {
		return json.RawMessage(otherwise)
	}
	return json.RawMessage(s)
}
