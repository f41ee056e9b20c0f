package telemetry

// Correlation is a diagnostic's httpCorrelationProtocol.
type Correlation uint8

const (
	CorrelationW3C Correlation = iota
	CorrelationLegacy
	CorrelationNone
)

// Diagnostic is a compiled diagnostic: what to keep of the exchanges of the
// endpoints that it applies to. Immutable.
type Diagnostic struct {
	ID, Logger        string
	Scope             string  // the id of its API, "" for all APIs
	Sampling          float64 // percent, 0 to 100
	AlwaysLogErrors   bool
	Verbosity         Severity // the least severe trace message that is kept
	LogClientIP       bool
	Correlation       Correlation
	Metrics           bool
	URLOperationNames bool // operationNameFormat "Url": METHOD /path instead of "API;rev=N - Operation"
	// KeepQuery keeps query values; native default is false: values are masked.
	KeepQuery                         bool
	FrontendRequest, FrontendResponse CaptureRule
	BackendRequest, BackendResponse   CaptureRule
}

// CaptureRule names the headers and the number of body bytes to keep.
type CaptureRule struct {
	Headers   []string // as typed in the diagnostic
	BodyBytes int
	// Masked headers and query parameters: "hide" drops them, "mask" keeps the name.
	MaskHeaders map[string]string
	MaskQuery   map[string]string
}
