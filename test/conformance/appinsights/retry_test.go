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

// The first requests of each client are refused. Each refusal has a site of its
// own, all at a time, since the clients wait long.
func TestRetries(t *testing.T) {
	const soon = "SOON=1" // the Node SDKs wait minutes
	for _, c := range []struct {
		name   string
		secure bool
		faults int // requests that are refused: the distribution has three exporters
		start  func(*testing.T, *site) []row
	}{
		{"applicationinsights-2", true, 1, func(t *testing.T, s *site) []row { node(t, "classic.cjs", s, soon); return manual() }},
		{"applicationinsights-3", true, 3, func(t *testing.T, s *site) []row {
			node(t, "current.cjs", s, soon, everything)
			return currentWants()
		}},
		{"monitor-opentelemetry", true, 3, func(t *testing.T, s *site) []row { node(t, "distro.cjs", s, soon); return distroWants() }},
		{"go", true, 1, func(t *testing.T, s *site) []row { goSDK(t, s); return goWants() }},
		{"browser", false, 1, func(t *testing.T, s *site) []row { return pageWants(browse(t, s)) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var sites []*site
			var wants [][]row
			retried := retried
			if c.name == "browser" {
				retried = slices.DeleteFunc(slices.Clone(retried), func(status int) bool { return status == 439 })
			}
			for _, status := range retried {
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
					t.Errorf("after %d", retried[i])
				}
			}
			fmt.Printf("appinsights/retry/%s %d/%d\n", c.name, passed, len(retried))
		})
	}
}
