package telemetry

// Span is one row of the lake's spans table. The struct tags are the column
// names and encodings of the Parquet files; times are nanoseconds.
//
// A request through the gateway is one row: its policy steps and backend calls
// are nested in it (Pipeline, Steps, Calls) and shown as spans of their own by
// the readers. Writing them as rows would multiply the cost of every request.
type Span struct {
	Time         int64  `parquet:"time,timestamp(nanosecond:local),delta"`
	Duration     int64  `parquet:"duration_ns"`
	TraceID      string `parquet:"trace_id"` // 32 hex digits, lower case
	SpanID       string `parquet:"span_id"`  // 16 hex digits
	ParentSpanID string `parquet:"parent_span_id"`
	Name         string `parquet:"name,dict"`
	Kind         string `parquet:"kind,dict"`   // server, client, internal, producer, consumer
	Status       string `parquet:"status,dict"` // ok, error, unset
	StatusText   string `parquet:"status_message,dict"`
	Service      string `parquet:"service,dict"` // resource service.name
	Instance     string `parquet:"service_instance,dict"`
	Source       string `parquet:"source,dict"` // gateway, otlp, track

	RequestID     string `parquet:"request_id"`
	API           string `parquet:"api,dict"`
	APIName       string `parquet:"api_name,dict"`
	APIRevision   string `parquet:"api_revision,dict"`
	Operation     string `parquet:"operation,dict"`
	OperationName string `parquet:"operation_name,dict"`
	Product       string `parquet:"product,dict"`
	Subscription  string `parquet:"subscription,dict"`
	Route         string `parquet:"http_route,dict"`
	Method        string `parquet:"http_method,dict"`
	StatusCode    int32  `parquet:"http_status_code"`
	Scheme        string `parquet:"url_scheme,dict"`
	Host          string `parquet:"server_address,dict"`
	Path          string `parquet:"url_path"`
	Query         string `parquet:"url_query"`
	ClientIP      string `parquet:"client_address,dict"`
	UserAgent     string `parquet:"user_agent,dict"`
	RequestBytes  int64  `parquet:"request_bytes"`
	ResponseBytes int64  `parquet:"response_bytes"`
	BackendTime   int64  `parquet:"backend_ns"`
	PolicyTime    int64  `parquet:"policy_ns"`
	Outcome       string `parquet:"outcome,dict"`
	ErrorSource   string `parquet:"error_source,dict"`
	ErrorReason   string `parquet:"error_reason,dict"`
	ErrorMessage  string `parquet:"error_message,dict"`
	ErrorWhere    string `parquet:"error_where,dict"` // scope, section and path of the statement
	SampleWeight  int32  `parquet:"item_count"`       // how many exchanges this row stands for

	// Workspace is the id of the workspace that the row belongs to, "" is the default one.
	Workspace string `parquet:"workspace,dict"`
	// Of a call to something else, where the sender says more than HTTP's columns
	// hold (Application Insights: type, target, data). Data of a request is its URL.
	CallType   string `parquet:"call_type,dict"`
	Target     string `parquet:"target,dict"`
	Data       string `parquet:"data"`
	ResultCode string `parquet:"result_code,dict"` // as the sender wrote it; "" is StatusCode

	Tags         string `parquet:"tags"`         // JSON object: context by column name, e.g. user_Id, session_Id, operation_Name
	Measurements string `parquet:"measurements"` // JSON object of numbers

	Attributes string    `parquet:"attributes"`    // JSON object, "" when empty
	Resource   string    `parquet:"resource,dict"` // JSON object
	Events     string    `parquet:"events"`        // JSON array of {time, name, attributes}
	Links      string    `parquet:"links"`         // JSON array of {trace_id, span_id, attributes}
	Pipeline   string    `parquet:"pipeline,dict"` // Pipeline.Descriptor
	Steps      []byte    `parquet:"steps"`         // AppendSteps
	Calls      []CallRow `parquet:"calls,list"`
}

// CallRow is a backend call nested in the row of its request.
type CallRow struct {
	SpanID   string `parquet:"span_id"`
	Source   string `parquet:"source,dict"`
	Backend  string `parquet:"backend,dict"`
	Method   string `parquet:"method,dict"`
	URL      string `parquet:"url,dict"` // scheme://host/path, no query
	Target   string `parquet:"target,dict"`
	Status   int32  `parquet:"status"`
	Attempt  int32  `parquet:"attempt"`
	Offset   int64  `parquet:"offset_ns"` // from the request's start
	Duration int64  `parquet:"duration_ns"`
	Outcome  string `parquet:"outcome,dict"`
	Error    string `parquet:"error,dict"`
}

// Types of log records. The zero value is a message.
const (
	TypeMessage            = ""
	TypeException          = "exception"
	TypeEvent              = "event" // customEvents
	TypePageView           = "page-view"
	TypeBrowserTiming      = "browser-timing"
	TypeAvailability       = "availability"
	TypeMetric             = "metric" // customMetrics
	TypePerformanceCounter = "performance-counter"
)

// LogRecord is one row of the lake's logs table: a message, or one of the other
// items of Application Insights that are not spans.
type LogRecord struct {
	Time           int64  `parquet:"time,timestamp(nanosecond:local),delta"`
	TraceID        string `parquet:"trace_id"`
	SpanID         string `parquet:"span_id"`
	Severity       string `parquet:"severity,dict"`   // trace, debug, information, warning, error, fatal
	SeverityNumber int32  `parquet:"severity_number"` // OpenTelemetry's 1 to 24
	Body           string `parquet:"body"`
	EventName      string `parquet:"event_name,dict"`
	Service        string `parquet:"service,dict"`
	Instance       string `parquet:"service_instance,dict"`
	Source         string `parquet:"source,dict"` // gateway, otlp, track
	API            string `parquet:"api,dict"`
	Operation      string `parquet:"operation,dict"`
	Product        string `parquet:"product,dict"`
	Subscription   string `parquet:"subscription,dict"`
	Scope          string `parquet:"scope,dict"` // instrumentation scope, or the trace policy's source

	Type         string `parquet:"type,dict"`      // TypeMessage, TypeException, ...
	Workspace    string `parquet:"workspace,dict"` // as in Span
	SampleWeight int32  `parquet:"item_count"`     // how many items this row stands for; 0 is 1
	Tags         string `parquet:"tags"`           // as in Span
	Measurements string `parquet:"measurements"`   // JSON object of numbers
	// Item is a JSON object of the columns that only this type has, by their names
	// in Application Insights, e.g. problemId, details, valueSum, url, success.
	// EventName holds the name, Body the message.
	Item string `parquet:"item"`

	Attributes string `parquet:"attributes"`    // JSON object
	Resource   string `parquet:"resource,dict"` // JSON object
}
