package ingest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gatehouse/internal/telemetry"
)

// Scores as the Node SDKs compute them for these operation ids.
func TestScoreIsTheOneOfTheSDKs(t *testing.T) {
	for id, want := range map[string]float64{
		"4bf92f3577b34da6a3ce929d0e0e4736": 33.46135385030012,
		"00000000000000000000000000000001": 2.339351457701694,
		"ffffffffffffffffffffffffffffffff": 99.96135514227737,
		"abc":                              46.12368808413096,
		"0af7651916cd43dd8448eb211c80319c": 52.78892803601405,
		"":                                 0,
	} {
		if got := sampleScore([]byte(id)); math.Abs(got-want) > 1e-9 {
			t.Errorf("%s: %v, want %v", id, got, want)
		}
	}
}

// random gives exchanges whose ids are spread as those of callers are.
func random(e *telemetry.Endpoint, r *rand.Rand) *telemetry.Exchange {
	x := telemetry.NewExchange()
	x.Endpoint, x.Status = e, 200
	for i := range x.TraceID {
		x.TraceID[i] = byte(r.Uint32())
	}
	return x
}

func TestSampling(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, percent := range []float64{0, 0.5, 1, 10, 12.5, 30, 50, 66.6, 100} {
		to := (&Options{}).routes([]*telemetry.Diagnostic{{Sampling: percent, AlwaysLogErrors: true}})[0]
		const n = 40_000
		kept, weights := 0, 0.0
		for range n {
			x := random(nil, r)
			weight := to.decide(x)
			if to.decide(x) != weight {
				t.Fatal("the decision is not deterministic")
			}
			if weight > 0 {
				kept++
				weights += float64(weight)
				if exact := 100 / percent; math.Abs(float64(weight)-exact) >= 1 {
					t.Fatalf("%v %%: weight %d", percent, weight)
				}
			}
			x.Status = 404
			if to.decide(x) != 1 {
				t.Fatal("an error was not kept with the weight 1")
			}
			x.Release()
		}
		p := percent / 100
		if bound := 5 * math.Sqrt(n*p*(1-p)); math.Abs(float64(kept)-n*p) > bound {
			t.Errorf("%v %%: kept %d of %d", percent, kept, n)
		}
		// The weights' own rounding adds at most half of one for each row.
		if bound := 5*math.Sqrt(n*(1-p)/max(p, 1e-9)) + math.Sqrt(n); percent > 0 && math.Abs(weights-n) > bound {
			t.Errorf("%v %%: the weights sum to %v, want %d within %v", percent, weights, n, bound)
		}
	}
}

// A trace of the older protocol is decided by its root, as its services do.
func TestLegacyRootDecides(t *testing.T) {
	to := &route{percent: 50}
	for n := range 200 {
		x := telemetry.NewExchange()
		x.Legacy.Root = fmt.Sprint("root", n)
		if (to.decide(x) > 0) != (sampleScore([]byte(x.Legacy.Root)) < 50) {
			t.Error(x.Legacy.Root)
		}
	}
}

// Whether the verbosity "error" concerns requests, or trace messages alone, is
// a setting: Azure's documents say both.
func TestVerbosityError(t *testing.T) {
	for _, c := range []struct {
		verbosity  telemetry.Severity
		tracesOnly bool
		status     int
		want       bool
	}{
		{telemetry.SeverityError, false, 200, false},
		{telemetry.SeverityError, false, 500, true},
		{telemetry.SeverityError, true, 200, true},
		{telemetry.SeverityInformation, false, 200, true},
		{telemetry.SeverityVerbose, false, 404, true},
	} {
		to := (&Options{VerbosityOfTraces: c.tracesOnly}).routes([]*telemetry.Diagnostic{{Sampling: 100, Verbosity: c.verbosity}})[0]
		if got := to.decide(&telemetry.Exchange{Status: c.status}) > 0; got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}
