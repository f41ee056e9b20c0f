package ingest

import (
	"encoding/hex"
	"math"

	"gatehouse/internal/telemetry"
)

// decide tells how many exchanges the row of one stands for, 0: it has none.
// The decision is taken when the exchange is over, as only then is known
// whether it failed, and by the hash of the operation id that Application
// Insights' SDKs use: gateway and services keep the same traces.
func (r *route) decide(e *telemetry.Exchange) (weight int32) {
	bad := failed(e)
	switch {
	case bad && r.errors:
		return 1 // all failures are kept, so each stands for itself only
	case r.failedOnly && !bad:
		return 0
	case r.percent >= 100:
		return 1
	case r.percent <= 0:
		return 0
	}
	u := score(e)
	if !(u < r.percent) {
		return 0
	}
	return weigh(100/r.percent, u/r.percent)
}

// failed is what alwaysLog allErrors means by an error, and what a request that
// was not successful is: its client may have left, too.
func failed(e *telemetry.Exchange) bool {
	return e.Status >= 400 || e.Outcome == telemetry.OutcomeError || e.Outcome == telemetry.OutcomeTimeout || e.Outcome == telemetry.OutcomeClientClosed
}

// score is the sampling score of an operation, from 0 to 100.
func score(e *telemetry.Exchange) float64 {
	if e.Legacy.Root != "" {
		return sampleScore([]byte(e.Legacy.Root))
	}
	var id [32]byte
	hex.Encode(id[:], e.TraceID[:])
	return sampleScore(id[:])
}

// sampleScore is the SDKs' hash: h*33 + c over the id, which is repeated until
// it has eight characters, in 32 bits; its distance from zero in percent.
func sampleScore(id []byte) float64 {
	if len(id) == 0 {
		return 0
	}
	h, n := int32(5381), len(id)
	for n < 8 {
		n *= 2
	}
	for i := range n {
		h = h*33 + int32(id[i%len(id)])
	}
	if h == math.MinInt32 {
		return 100
	}
	return math.Abs(float64(h)) / math.MaxInt32 * 100
}

// weigh is 100/percent, rounded up or down by a number that is uniform in
// [0, 1), so that sums are right on average.
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
