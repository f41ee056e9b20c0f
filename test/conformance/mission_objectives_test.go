package conformance

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// promise writes the objectives: one whose availability is given, and one that
// stays as it is.
func (h *house) promise(t *testing.T, availability string) {
	t.Helper()
	text := fmt.Sprintf("objectives:\n- {name: edited, api: promised, availability: %s}\n- {name: kept, api: other, availability: 99.9}\n- {name: trouble, api: trouble, availability: 99.9, latency: {below: 250ms, share: 99}}\n", availability)
	if err := os.WriteFile(h.objectives, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// burnAlert is the query of an objective's alert, as the rules in force have it.
func (h *house) burnAlert(t *testing.T, name string) string {
	t.Helper()
	var out ruleList
	h.get(t, "/prometheus/api/v1/rules?type=alert", &out)
	for _, g := range out.Data.Groups {
		for _, r := range g.Rules {
			if r.Name == "GatehouseErrorBudgetBurn" && r.Labels["slo"] == name {
				return r.Query
			}
		}
	}
	return ""
}

// P21: the default alerts follow objectives; editing one changes its thresholds
// and no other's.
func missionObjectives(t *testing.T, h *house) {
	missionNoCPURule(t, h)
	kept := h.burnAlert(t, "kept")
	if before := h.burnAlert(t, "edited"); !strings.Contains(before, "> 0.0144 ") || kept == "" {
		t.Fatalf("at 99.9: %q, and beside it %q", before, kept)
	}
	h.promise(t, "99.5")
	eventually(t, "thresholds of 99.5", func() bool {
		return strings.Contains(h.burnAlert(t, "edited"), "> 0.072 ")
	})
	if now := h.burnAlert(t, "kept"); now != kept {
		t.Errorf("the other objective's alert changed: %s", now)
	}
	var out struct {
		Objectives []struct {
			Name         string  `json:"name"`
			Availability float64 `json:"availability"`
		} `json:"objectives"`
	}
	h.get(t, "/api/objectives", &out)
	if len(out.Objectives) != 4 || out.Objectives[1].Name != "edited" || out.Objectives[1].Availability != 99.5 {
		t.Errorf("GET /api/objectives: %+v", out)
	}
}
