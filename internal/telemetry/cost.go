package telemetry

import "time"

// What it costs to keep a request, in processor time of one core: measured by
// make bench and by BenchmarkCapturedParts (docs/reference/telemetry-cost.md). Other
// machines have others; the proportions hold.
const (
	CostOfRecord     = 4 * time.Microsecond  // of one request with its backend call, in a workspace
	CostOfHeader     = 250 * time.Nanosecond // of a captured header
	CostOfBody       = 800 * time.Nanosecond // of a captured body, whatever its size
	CostOfBodyByte   = 2 * time.Nanosecond
	CostOfStep       = 60 * time.Nanosecond // of the time of one policy statement
	CostOfRemoteItem = 2 * time.Microsecond // of an item that is sent to an endpoint outside
)

// BodyCost is the processor time of a captured body of a size.
func BodyCost(bytes int64) time.Duration {
	return CostOfBody + time.Duration(bytes)*CostOfBodyByte
}
