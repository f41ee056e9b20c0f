package appinsights

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
)

// retried are the refusals after which a client must send again: nothing is
// lost, and nothing comes twice. Pages drop their items at 439, so that the
// receiver never gives them one.
var retried = []int{http.StatusPartialContent, http.StatusTooManyRequests, 439, http.StatusServiceUnavailable}

// OpenTelemetry's exporter for Node keeps on disk what was refused by 206 and
// 439, and its release 1.0.0-beta.45 cannot send what it kept: it takes the time
// of an item, a text by then, for a Date. What is refused by 429 and 503 it
// keeps in memory. No answer of a receiver can help it.
var neverSent = []int{http.StatusPartialContent, 439}

// dropped are the items that a 439 refuses, for the classic SDK: 439 is not among
// the codes after which it keeps them.
var dropped = []int{439}

// The first requests of each client are refused. Each refusal has a site of its
// own, all at a time, since the clients wait long.
func TestRetries(t *testing.T) {
	const soon = "SOON=1" // the Node SDKs wait minutes
	const exporters = 3   // of OpenTelemetry's distribution: spans, logs, metrics
	for _, c := range []struct {
		name   string
		secure bool
		faults int // requests that are refused
		never  []int
		start  func(*testing.T, *site) []row
	}{
		{"applicationinsights-2", true, 1, dropped, func(t *testing.T, s *site) []row { node(t, "classic.cjs", s, soon); return manual() }},
		{"applicationinsights-3", true, exporters, neverSent, func(t *testing.T, s *site) []row {
			node(t, "current.cjs", s, soon, everything)
			return currentWants()
		}},
		{"monitor-opentelemetry", true, exporters, neverSent, func(t *testing.T, s *site) []row { node(t, "distro.cjs", s, soon); return distroWants() }},
		{"go", true, 1, nil, func(t *testing.T, s *site) []row { goSDK(t, s); return goWants() }},
		{"browser", false, 1, nil, func(t *testing.T, s *site) []row { return pageWants(browse(t, s)) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var sites []*site
			var wants [][]row
			tried := slices.DeleteFunc(slices.Clone(retried), func(status int) bool {
				return c.name == "browser" && status == 439 || slices.Contains(c.never, status)
			})
			for _, status := range tried {
				var faults []int
				for range c.faults {
					faults = append(faults, status)
				}
				s := open(t, c.secure, faults...)
				sites, wants = append(sites, s), append(wants, c.start(t, s))
			}
			passed := 0
			for i, s := range sites {
				if s.arrive(t, wants[i]) == len(wants[i]) && s.refusals() > 0 {
					passed++
				} else {
					t.Errorf("after %d", tried[i])
				}
			}
			total := len(retried)
			if c.name == "browser" {
				total = len(tried)
			}
			fmt.Printf("appinsights/retry/%s %d/%d\n", c.name, passed, total)
		})
	}
}
