package server

import (
	"maps"
	"strings"

	"gatehouse/internal/alerting"
	"gatehouse/internal/alerting/action"
	"gatehouse/internal/rules/azure"
	"gatehouse/internal/rules/logsearch"
	"gatehouse/internal/telemetry"
)

// ruleActions notes what the alert rules of the groups say beside the
// expression, and gives those rules a label by which their alerts are known.
func ruleActions(groups []azure.Group, into map[string]action.Rule) {
	for i := range groups {
		g := &groups[i]
		for j := range g.Properties.Rules {
			r := &g.Properties.Rules[j]
			if r.Alert == "" || (len(r.Actions) == 0 && !r.StaysFired()) {
				continue
			}
			known := actionRule(g, r)
			r.Labels = maps.Clone(r.Labels)
			if r.Labels == nil {
				r.Labels = map[string]string{}
			}
			r.Labels[alerting.RuleLabel] = known.Name
			into[known.Name] = known
		}
	}
}

func actionRule(g *azure.Group, r *azure.Rule) action.Rule {
	out := action.Rule{Group: g.ResourceID(), Name: g.Name + "/" + r.Alert, Expression: r.Expression, Interval: g.Properties.Interval, For: r.For,
		Description: g.Properties.Description, Severity: 3, Scopes: g.Properties.Scopes, Cluster: g.Properties.ClusterName, StaysFired: r.StaysFired()}
	if out.Interval == "" {
		out.Interval = "PT1M"
	}
	if r.Severity != nil {
		out.Severity = *r.Severity
	}
	for _, a := range r.Actions {
		out.Actions = append(out.Actions, action.Target{GroupID: a.ActionGroupID, Properties: a.ActionProperties})
	}
	return out
}

// actionOf finds what a rule of a workspace says beside the expression; alerts
// of the default workspace have no label that names it.
func (s *Server) actionOf(workspace, name string) (action.Rule, bool) {
	if rule, ok := strings.CutPrefix(name, logsearch.ActionPrefix); ok {
		return s.logRules.action(rule)
	}
	if workspace == "" {
		workspace = telemetry.DefaultWorkspace
	}
	w := s.metrics.find(workspace)
	if w == nil {
		return action.Rule{}, false
	}
	r, ok := w.files.known()[name]
	return r, ok
}

func (f *ruleFiles) known() map[string]action.Rule {
	if f == nil {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.actions
}
