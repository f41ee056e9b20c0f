package ingest

import (
	"encoding/binary"
	"math"

	"gatehouse/internal/telemetry"
)

// decide tells whether the rows of an exchange are kept, and how many exchanges
// they stand for. Without diagnostics everything is kept. The decision depends
// on the trace id alone, so that all parts of a trace share it, also across
// gateways.
func decide(e *telemetry.Exchange) (keep bool, weight int32) {
	if e.Endpoint == nil || len(e.Endpoint.Diagnostics) == 0 {
		return true, 1
	}
	percent, errors := 0.0, false
	for _, d := range e.Endpoint.Diagnostics {
		percent = max(percent, min(d.Sampling, 100))
		errors = errors || d.AlwaysLogErrors
	}
	// All errors are kept, so each stands for itself only.
	if errors && failed(e) || percent >= 100 {
		return true, 1
	}
	u := fraction(e.TraceID) * 100
	if !(u < percent) {
		return false, 0
	}
	return true, weigh(100/percent, u/percent)
}

// failed is what alwaysLog allErrors means by an error.
func failed(e *telemetry.Exchange) bool {
	return e.Status >= 400 || e.Outcome == telemetry.OutcomeError || e.Outcome == telemetry.OutcomeTimeout
}

// fraction maps a trace id to [0, 1) by its last seven bytes, which W3C asks
// to be random.
func fraction(id telemetry.TraceID) float64 {
	return float64(binary.BigEndian.Uint64(id[8:])&(1<<56-1)) / (1 << 56)
}

// weigh rounds a weight up or down by a number that is uniform in [0, 1), so
// that sums are right on average.
func weigh(exact, uniform float64) int32 {
	if exact >= math.MaxInt32 {
		return math.MaxInt32
	}
	whole := math.Floor(exact)
	if uniform < exact-whole {
		whole++
	}
	return int32(whole)
}

// view is what the diagnostics of an endpoint allow to be stored.
type view struct {
	verbosity telemetry.Severity
	clientIP  bool
	urlNames  bool
}

// viewOf joins the diagnostics: what one of them keeps is kept.
func viewOf(list []*telemetry.Diagnostic) view {
	if len(list) == 0 {
		return view{verbosity: telemetry.SeverityVerbose, clientIP: true}
	}
	v := view{verbosity: telemetry.SeverityError}
	for _, d := range list {
		v.verbosity = min(v.verbosity, d.Verbosity)
		v.clientIP = v.clientIP || d.LogClientIP
		v.urlNames = v.urlNames || d.URLOperationNames
	}
	return v
}
