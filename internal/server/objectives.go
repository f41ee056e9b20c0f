package server

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"os"
	"time"

	"gatehouse/internal/api"
	"gatehouse/internal/rules/objective"
)

// addObjectives adds the rules of the objectives to files and gives the
// objectives. They are made anew only when their text has changed: it is looked at
// every few seconds.
func (f *ruleFiles) addObjectives(files map[string][]byte) ([]objective.Objective, error) {
	var text []byte
	if f.objectives != "" {
		var err error
		if text, err = os.ReadFile(f.objectives); err != nil {
			return nil, fmt.Errorf("read objectives: %w", err)
		}
	} else if !f.shipped {
		return nil, nil
	}
	if f.made == nil || !bytes.Equal(text, f.madeOf) {
		set := objective.Standard()
		if f.objectives != "" {
			var err error
			if set, err = objective.Read(text); err != nil {
				return nil, fmt.Errorf("%s: %w", f.objectives, err)
			}
		}
		made, err := set.RuleFiles()
		if err != nil {
			return nil, err
		}
		f.made, f.madeOf, f.madeSet = made, text, set.All()
	}
	maps.Copy(files, f.made)
	return f.madeSet, nil
}

// objectiveView is an objective as GET /api/objectives shows it.
type objectiveView struct {
	objective.Objective
	Measured []measured `json:"measured"`
}

// measured is how one API or product stands.
type measured struct {
	API             string   `json:"api,omitempty"`
	Product         string   `json:"product,omitempty"`
	Objective       string   `json:"objective"` // availability, latency
	BudgetRemaining *float64 `json:"budget_remaining,omitempty"`
	BrokenLastHour  *float64 `json:"broken_last_hour,omitempty"` // share of the requests
}

func (s *Server) listObjectives(w http.ResponseWriter, r *http.Request) {
	files := s.metrics.all()[0].files
	files.mu.Lock()
	promised := files.promised
	files.mu.Unlock()
	rows := map[string]map[measured]*measured{}
	for name, into := range map[string]func(*measured, *float64){
		"gatehouse:slo_budget_remaining:ratio": func(m *measured, v *float64) { m.BudgetRemaining = v },
		"gatehouse:slo_errors:ratio1h":         func(m *measured, v *float64) { m.BrokenLastHour = v },
	} {
		vector, err := s.metrics.all()[0].engine.Instant(r.Context(), name, time.Now())
		if err != nil {
			api.WriteError(w, http.StatusServiceUnavailable, api.Error{Code: api.CodeInternal, Message: "the objectives could not be measured: " + err.Error()})
			return
		}
		for _, sample := range vector {
			key := measured{API: sample.Metric.Get("gatehouse_api"), Product: sample.Metric.Get("gatehouse_product"), Objective: sample.Metric.Get("objective")}
			slo := sample.Metric.Get("slo")
			if rows[slo] == nil {
				rows[slo] = map[measured]*measured{}
			}
			if rows[slo][key] == nil {
				one := key
				rows[slo][key] = &one
			}
			value := sample.F
			into(rows[slo][key], &value)
		}
	}
	out := []objectiveView{}
	for _, o := range promised {
		view := objectiveView{Objective: o, Measured: []measured{}}
		for _, m := range rows[o.Name] {
			view.Measured = append(view.Measured, *m)
		}
		out = append(out, view)
	}
	api.WriteJSON(w, http.StatusOK, map[string]any{"objectives": out})
}
