package conformance

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"gatehouse/internal/server"
)

// logRules names a file of log search rules, still with one that is off.
func (h *house) logRules(t *testing.T, c *server.Config) {
	h.logSearch = filepath.Join(t.TempDir(), "logs.json")
	h.writeLogRule(t, "false")
	c.Rules.LogSearch = []string{h.logSearch}
}

func (h *house) writeLogRule(t *testing.T, enabled string) {
	t.Helper()
	text := `{"type": "Microsoft.Insights/scheduledQueryRules", "name": "mission logs", "properties": {"severity": 2, "enabled": ` + enabled + `,
		"evaluationFrequency": "PT1M", "windowSize": "PT1H", "criteria": {"allOf": [{"query": "requests | where success == false",
		"timeAggregation": "Count", "operator": "GreaterThan", "threshold": 0}]}}}`
	if err := os.WriteFile(h.logSearch, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// M21: alerts of metrics, logs, availability tests and objectives stand in one
// list, with the history of their states.
func missionOneList(t *testing.T, h *house) {
	h.call(t, "GET", "/nowhere", "")
	<-time.After(6 * time.Second) // the newest five seconds are left to the next evaluation, a minute later
	h.writeLogRule(t, "true")
	kinds := func(query string) map[string]int {
		var out struct {
			Alerts []struct {
				Kind   string
				Events []struct{ State string }
			}
		}
		h.get(t, "/api/alerts"+query, &out)
		all := map[string]int{}
		for _, a := range out.Alerts {
			if len(a.Events) == 0 || a.Events[0].State != "fired" {
				t.Errorf("%+v has no history", a)
			}
			all[a.Kind]++
		}
		return all
	}
	within(t, 2*time.Minute, "an alert over logs", func() bool { return kinds("")["log"] == 1 })
	h.writeLogRule(t, "false")
	within(t, time.Minute, "its end", func() bool { return kinds("?kind=log&state=resolved")["log"] == 1 })
	all := kinds("")
	if all["metric"] == 0 {
		t.Errorf("%v", all)
	}
}
