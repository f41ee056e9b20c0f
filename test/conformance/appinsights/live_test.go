package appinsights

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"gatehouse/internal/ingest/track"
)

// Live metrics of real SDKs, as GET /api/live shows them.
func TestLive(t *testing.T) {
	for name, script := range map[string]string{"monitor-opentelemetry": "distro-live.cjs", "applicationinsights-2": "classic-live.cjs"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, true)
			node(t, script, s)
			checks := liveChecks()
			seen := watch(t, s, checks)
			passed := 0
			for check := range checks {
				if seen[check] {
					passed++
				} else {
					t.Errorf("no point has %s", check)
				}
			}
			fmt.Printf("appinsights/live/%s %d/%d\n", name, passed, len(checks))
		})
	}
}

// liveChecks are what some point of the SDK must show.
func liveChecks() map[string]func(*track.View) bool {
	metric := func(name string) func(*track.View) bool {
		return func(v *track.View) bool { return v.Metrics[name] > 0 }
	}
	document := func(kind, field string, read func(track.Document) string) func(*track.View) bool {
		return func(v *track.View) bool {
			for _, d := range v.Documents {
				if strings.EqualFold(d.Type, kind) && read(d) == field {
					return true
				}
			}
			return false
		}
	}
	return map[string]func(*track.View) bool{
		"the role":               func(v *track.View) bool { return v.Role == "shop" },
		"an instance":            func(v *track.View) bool { return v.Instance != "" },
		"requests":               metric("requests_per_second"),
		"durations":              metric("request_duration_ms"),
		"failed requests":        metric("requests_failed_per_second"),
		"calls":                  metric("dependencies_per_second"),
		"exceptions":             metric("exceptions_per_second"),
		"memory":                 metric("memory_bytes"),
		"a failed request":       document("Request", "500", func(d track.Document) string { return d.Code }),
		"its name":               document("Request", "GET /shop", func(d track.Document) string { return d.Name }),
		"an exception's message": document("Exception", "it broke", func(d track.Document) string { return d.Message }),
	}
}

// watch reads points until each check held once, or time is up.
func watch(t *testing.T, s *site, checks map[string]func(*track.View) bool) (seen map[string]bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"api/live", nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	seen = map[string]bool{}
	last := ""
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	for len(seen) < len(checks) && lines.Scan() {
		data, found := strings.CutPrefix(lines.Text(), "data: ")
		var v track.View
		if !found || json.Unmarshal([]byte(data), &v) != nil || v.Source != "sdk" {
			continue
		}
		last = data
		for name, check := range checks {
			if check(&v) {
				seen[name] = true
			}
		}
	}
	if len(seen) < len(checks) {
		t.Logf("the last point: %s", last)
	}
	return seen
}
