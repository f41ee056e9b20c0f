package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"gatehouse/internal/alerting/action"
	"gatehouse/internal/api/arm"
	"gatehouse/internal/api/resources"
	"gatehouse/internal/rules/azure"
	"gatehouse/internal/rules/logsearch"
)

// keptResources are the resources of alerting that came over the API.
type keptResources struct {
	actions, ruleGroups, logRules, grafana *resources.Collection
}

// openResources reads the resources of alerting that the API wrote before.
func (s *Server) openResources() (err error) {
	s.resources = arm.NewMux(s.log)
	open := func(o resources.Options) (*resources.Collection, error) {
		o.Load, o.Save, o.MaySeeSecrets = s.catalog.Load, s.catalog.Save, s.maySeeSecrets
		c, err := resources.New(o)
		if err == nil {
			s.resources.Handle(o.Type, c.Serve)
		}
		return c, err
	}
	if s.kept.actions, err = open(resources.Options{Type: action.Type, Apply: s.putActionGroups, Check: checked(actionGroups, nil), Hide: hideActionGroup,
		Files: func() []resources.Resource { return ofFiles(s.alertFiles.fileGroups()) }}); err != nil {
		return err
	}
	if s.kept.logRules, err = open(resources.Options{Type: logsearch.Type, Apply: s.putLogRules, Check: checked(logSearchRules, func(list []logsearch.Rule) error { return s.logRules.check(list) }),
		Files: func() []resources.Resource { return ofFiles(s.logRules.fileRules()) }}); err != nil {
		return err
	}
	if s.kept.grafana, err = open(resources.Options{Type: grafanaType, Apply: s.putGrafana}); err != nil {
		return err
	}
	s.kept.ruleGroups, err = open(resources.Options{Type: azure.Type, Apply: s.putRuleGroups, Check: s.checkRuleGroups, Files: s.fileRuleGroups})
	return err
}

// checked makes a check of what reads resources as what they are, and of what is
// to be asked then, if anything.
func checked[T any](read func([]resources.Resource) ([]T, error), more func([]T) error) func([]resources.Resource) error {
	return func(list []resources.Resource) error {
		all, err := read(list)
		if err != nil || more == nil {
			return err
		}
		return more(all)
	}
}

// standIn is where resources of files stand that say no id.
const standIn = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/gatehouse/providers/"

// ofFiles gives resources of files the form of the API.
func ofFiles[T any](list []T) []resources.Resource {
	var out []resources.Resource
	for _, one := range list {
		var r resources.Resource
		data, err := json.Marshal(one)
		if err == nil {
			err = json.Unmarshal(data, &r)
		}
		if err != nil {
			continue // cannot be: it was read from JSON
		}
		if r.ID == "" {
			r.ID = standIn + r.Type + "/" + r.Name
		}
		out = append(out, r)
	}
	return out
}

// eachResource reads resources as what they are.
func eachResource[T any](list []resources.Resource, read func([]byte) ([]T, error)) ([]T, error) {
	var out []T
	for _, one := range list {
		data, err := json.Marshal(one)
		if err != nil {
			return nil, err
		}
		read, err := read(data)
		if err != nil {
			return nil, err
		}
		out = append(out, read...)
	}
	return out, nil
}

func actionGroups(list []resources.Resource) ([]action.Group, error) {
	return eachResource(list, action.Read)
}

func (s *Server) putActionGroups(list []resources.Resource) error {
	groups, err := actionGroups(list)
	if err != nil {
		return err
	}
	return s.alertFiles.put(s.alerts, groups)
}

// hideActionGroup takes the keys and paths of URLs out.
func hideActionGroup(one resources.Resource) (resources.Resource, error) {
	groups, err := actionGroups([]resources.Resource{one})
	if err != nil || len(groups) != 1 {
		return one, errors.Join(err, errors.New("the action group cannot be shown"))
	}
	one.Properties, err = json.Marshal(groups[0].Shown().Properties)
	return one, err
}

func logSearchRules(list []resources.Resource) ([]logsearch.Rule, error) {
	return eachResource(list, func(data []byte) ([]logsearch.Rule, error) { return logsearch.Read(data, nil) })
}

func (s *Server) putLogRules(list []resources.Resource) error {
	rules, err := logSearchRules(list)
	if err != nil {
		return err
	}
	return s.logRules.put(rules)
}

func ruleGroups(list []resources.Resource) ([]azure.Group, error) {
	groups, err := eachResource(list, func(data []byte) ([]azure.Group, error) { return azure.Read(data, nil) })
	for i := range groups {
		groups[i].ID = list[i].ID
	}
	return groups, err
}

func (s *Server) fileRuleGroups() []resources.Resource {
	var out []resources.Resource
	for _, w := range s.metrics.all() {
		for _, g := range w.files.fileGroups() {
			for _, r := range ofFiles([]azure.Group{g}) {
				r.ID = g.ResourceID()
				out = append(out, r)
			}
		}
	}
	return out
}

// watches says whether a metric workspace evaluates a rule group: one that its
// scopes name, or the default one where they name none of ours.
func (s *Server) watches(w *metricWorkspace, g *azure.Group) bool {
	known := false
	for _, scope := range g.Properties.Scopes {
		id, err := arm.Parse(scope)
		if err != nil || id.Type() != "microsoft.monitor/accounts" {
			continue
		}
		if strings.EqualFold(id.Name(), w.config.Name) {
			return true
		}
		known = known || s.metrics.find(id.Name()) != nil
	}
	return w.isDefault() && !known
}

// ruleGroupsOf are those of the resource API that one metric workspace evaluates.
func (s *Server) ruleGroupsOf(w *metricWorkspace, list []resources.Resource) ([]azure.Group, error) {
	groups, err := ruleGroups(list)
	return slices.DeleteFunc(groups, func(g azure.Group) bool { return !s.watches(w, &g) }), err
}

// checkRuleGroups says what putRuleGroups would refuse.
func (s *Server) checkRuleGroups(list []resources.Resource) error {
	for _, w := range s.metrics.all() {
		groups, err := s.ruleGroupsOf(w, list)
		if err == nil {
			err = w.users.enter()
		}
		if err != nil {
			return err
		}
		err = w.files.check(w.rules, groups)
		w.users.leave()
		if err != nil {
			return fmt.Errorf("metric workspace %s: %w", w.config.Name, err)
		}
	}
	return nil
}

// putRuleGroups gives every metric workspace its groups, or leaves all as they
// are.
func (s *Server) putRuleGroups(list []resources.Resource) error {
	type change struct {
		w      *metricWorkspace
		before []azure.Group
	}
	var done []change
	for _, w := range s.metrics.all() {
		groups, err := s.ruleGroupsOf(w, list)
		if err == nil {
			err = w.users.enter()
		}
		if err == nil {
			before := w.files.keptGroups()
			if err = w.files.put(w.rules, groups); err == nil {
				done = append(done, change{w, before})
			}
			w.users.leave()
		}
		if err != nil {
			for _, c := range done {
				err = errors.Join(err, c.w.files.put(c.w.rules, c.before))
			}
			return fmt.Errorf("metric workspace %s: %w", w.config.Name, err)
		}
	}
	return nil
}

// spreadRuleGroups gives rule groups to the metric workspaces that there are now.
func (s *Server) spreadRuleGroups() {
	if err := s.kept.ruleGroups.Refresh(); err != nil {
		s.log.Error("rule groups stay where they were", "error", err)
	}
}
