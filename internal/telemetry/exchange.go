package telemetry

import (
	"net/netip"
	"sync"
	"time"
)

type (
	// TraceID is a W3C trace id; all zero means none.
	TraceID [16]byte
	// SpanID is a W3C span id; all zero means none.
	SpanID [8]byte
)

// Outcome says how an exchange, a policy statement or a backend call ended.
type Outcome uint8

const (
	OutcomeOK           Outcome = iota
	OutcomeError                // a policy, the gateway or the backend failed
	OutcomeClientClosed         // the client left before the whole response was sent
	OutcomeReturned             // a statement ended the pipeline with its own response
	OutcomeTimeout
)

// String gives the outcome as it is stored and shown.
func (o Outcome) String() string {
	switch o {
	case OutcomeOK:
		return "ok"
	case OutcomeError:
		return "error"
	case OutcomeClientClosed:
		return "client-closed"
	case OutcomeReturned:
		return "returned"
	case OutcomeTimeout:
		return "timeout"
	}
	return "unknown"
}

// Endpoint is what compile time knows of one (API, operation, product): the
// gateway makes one for each and every exchange points at it. Immutable.
type Endpoint struct {
	Service                                                string // service name, e.g. "demo"
	Region                                                 string // location of the service
	API, APIName, APIRevision, APIVersion, APIType         string
	Operation, OperationName, OperationMethod, URLTemplate string
	Product, ProductName                                   string        // empty: no product applies
	Tags                                                   []Tag         // of the API, e.g. team=payments
	Diagnostics                                            []*Diagnostic // empty: everything is kept
	Correlation                                            Correlation   // of its first diagnostic
	RequestContext                                         string        // Request-Context of its calls, of CorrelationLegacy
	Pipeline                                               *Pipeline
}

// Tag is a resource tag; a tag without "=" in its name has an empty Value.
type Tag struct{ Key, Value string }

// Pipeline describes the statements of one effective policy, in document order.
type Pipeline struct {
	Steps      []StepInfo
	Descriptor string // Steps as JSON, made once; stored beside the timings
}

// StepInfo describes one policy statement: where it stands and what it is.
type StepInfo struct {
	Name     string `json:"name"`
	ID       string `json:"id,omitempty"`
	Section  string `json:"section"` // inbound, backend, outbound, on-error
	Scope    string `json:"scope"`   // global, workspace, product, api, operation
	File     string `json:"file"`
	Line     int    `json:"line"`
	Fragment string `json:"fragment,omitempty"`
	Parent   int    `json:"parent"` // index of the enclosing statement, -1: none
}

// Step is one execution of a statement. Times are nanoseconds since Exchange.Start.
type Step struct {
	Index    uint16 // into Pipeline.Steps
	Outcome  Outcome
	Start    int64
	Duration int64
}

// Call is one attempt to reach a backend, or one request of a send-request
// statement. Times are nanoseconds since Exchange.Start.
type Call struct {
	SpanID   SpanID
	Source   string // statement: forward-request, send-request
	Backend  string // backend resource id, empty for a plain URL
	Method   string
	Scheme   string
	Host     string
	Path     string
	Status   int // 0: no response
	Attempt  int // 1 for the first
	Start    int64
	Duration int64 // until the response's headers, or the failure
	Sent     int64 // body bytes
	Outcome  Outcome
	Error    string // short reason, never a secret
}

// Event is a message of a trace statement, or a failure, that becomes a log record.
type Event struct {
	At       int64 // nanoseconds since Exchange.Start
	Severity Severity
	Source   string
	Message  string
	Metadata []Attribute
}

// Severity of a log record, as in the trace policy.
type Severity uint8

const (
	SeverityVerbose Severity = iota
	SeverityInformation
	SeverityWarning
	SeverityError
)

// Attribute is a name with a text value.
type Attribute struct{ Key, Value string }

// Measurement is one value of an emit-metric statement.
type Measurement struct {
	Name, Namespace string
	Value           float64
	Dimensions      []Attribute
}

// Legacy is what a Request-Id of the older correlation protocol says in ids of
// its own form: the root of the operation, and the whole id, which is the
// request's parent.
type Legacy struct{ Root, Parent string }

// Failure is what context.LastError showed; Reason is empty when nothing failed.
type Failure struct {
	Source, Reason, Message, Scope, Section, Path, PolicyID string
}

// Parts of an exchange that a Capture is of.
const (
	FrontendRequest  = "frontend-request"
	FrontendResponse = "frontend-response"
	BackendRequest   = "backend-request"
	BackendResponse  = "backend-response"
)

// ModelCall is what a call of a language model took, where a policy counted it.
type ModelCall struct {
	Deployment, Model         string // as the request and as the answer name it
	Streamed                  bool
	Prompt, Completion, Total int64 // tokens; Total is 0 when nothing was counted
}

// Capture is a header or a body that a diagnostic asked for. Secrets are
// already masked.
type Capture struct {
	Part      string // FrontendRequest and so on
	Name      string // header name, empty for the body
	Value     string
	Truncated bool  // Value is only the beginning
	Size      int64 // bytes of the whole body
}

// Exchange is the flat record of one request: written by the gateway while it
// serves, handed over once at the end. It carries no secret: keys, cookies,
// authorization values and query values never enter it unmasked.
type Exchange struct {
	Endpoint     *Endpoint // nil: no API or operation matched
	Subscription string    // subscription id, never its key
	User         string

	TraceID   TraceID
	SpanID    SpanID // of the request span
	ParentID  SpanID // zero: this is the root
	RequestID [16]byte
	Sampled   bool // the caller's sampled flag; true for a new trace
	// Legacy is set when the caller's Request-Id names an operation that is no
	// trace id; TraceID is then made of it.
	Legacy Legacy
	// Tracestate is the caller's, passed on with every call.
	Tracestate string
	// Caller is the application id in the caller's Request-Context.
	Caller string

	Start       time.Time
	Duration    time.Duration // until the last byte was sent or the exchange failed
	BackendTime time.Duration // waiting for backends, all attempts
	PolicyTime  time.Duration // in statements, waiting for backends not counted

	Method    string
	Scheme    string
	Host      string
	Path      string
	Query     string // names kept, values masked unless a diagnostic allows them
	Protocol  string // "1.1", "2"
	UserAgent string
	ClientIP  netip.Addr

	Status        int
	RequestBytes  int64  // body
	ResponseBytes int64  // body
	RPCStatus     string // grpc-status of a gRPC call; Status is then what it stands for in HTTP
	Outcome       Outcome
	Failure       Failure
	CacheHit      bool
	Model         ModelCall

	Steps        []Step
	DroppedSteps int // beyond MaxSteps
	Calls        []Call
	Events       []Event
	Measurements []Measurement
	Captures     []Capture
}

// Limits of one record; what goes beyond is counted, not kept.
const (
	MaxSteps        = 512
	MaxCalls        = 128
	MaxEvents       = 128
	MaxMeasurements = 64
)

var exchanges = sync.Pool{New: func() any {
	return &Exchange{Steps: make([]Step, 0, 16), Calls: make([]Call, 0, 2)}
}}

// NewExchange takes an empty record from the pool.
func NewExchange() *Exchange { return exchanges.Get().(*Exchange) }

// Release clears the record and gives it back. The caller must not touch it afterwards.
func (e *Exchange) Release() {
	clear(e.Calls)
	clear(e.Events)
	clear(e.Measurements)
	clear(e.Captures)
	*e = Exchange{
		Steps: e.Steps[:0], Calls: e.Calls[:0], Events: e.Events[:0],
		Measurements: e.Measurements[:0], Captures: e.Captures[:0],
	}
	exchanges.Put(e)
}

// Since gives the nanoseconds from the start of the exchange until now.
func (e *Exchange) Since() int64 { return int64(time.Since(e.Start)) }
