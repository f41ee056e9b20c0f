package appinsights

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"
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

// The first requests of each client are refused. Each refusal has a site of its
// own, all at a time, since the clients wait long.
func TestRetries(t *testing.T) {
	const soon = "SOON=1" // the Node SDKs wait minutes
	const exporters = 3   // of OpenTelemetry's distribution: spans, logs, metrics
	for _, c := range []struct {
		name   string
		secure bool
		faults int // requests that are refused
		start  func(*testing.T, *site) []row
	}{
		{"applicationinsights-2", true, 1, func(t *testing.T, s *site) []row { node(t, "classic.cjs", s, soon); return manual() }},
		{"applicationinsights-3", true, exporters, func(t *testing.T, s *site) []row {
			node(t, "current.cjs", s, soon, everything)
			return currentWants()
		}},
		{"monitor-opentelemetry", true, exporters, func(t *testing.T, s *site) []row { node(t, "distro.cjs", s, soon); return distroWants() }},
		{"go", true, 1, func(t *testing.T, s *site) []row { goSDK(t, s); return goWants() }},
		{"browser", false, 1, func(t *testing.T, s *site) []row { return pageWants(browse(t, s)) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var sites []*site
			var wants [][]row
			tried := slices.DeleteFunc(slices.Clone(retried), func(status int) bool {
				return c.name == "browser" && status == 439 || c.faults == exporters && slices.Contains(neverSent, status)
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
				// A client that keeps items in files may read one while it is still
				// written, and lose it: it gets a second chance.
				if !s.whole(wants[i]) {
					t.Logf("after %d: some items did not come again; once more", tried[i])
					var faults []int
					for range c.faults {
						faults = append(faults, tried[i])
					}
					s = open(t, c.secure, faults...)
					wants[i] = c.start(t, s)
				}
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

// firstChance is how long the first try may take.
const firstChance = time.Minute

// whole waits until every row is there.
func (s *site) whole(want []row) bool {
	for deadline := time.Now().Add(firstChance); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		missing := slices.ContainsFunc(want, func(w row) bool { return s.find(w) == 0 })
		if !missing {
			return true
		}
	}
	return false
}
