package server

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"gatehouse/internal/alerting/action"
	"gatehouse/internal/api/arm"
	"gatehouse/internal/api/resources"
	"gatehouse/internal/apim/template"
	"gatehouse/internal/rules/azure"
	"gatehouse/internal/rules/logsearch"
)

// putResources writes the resources of one type in a template, or with validate
// looks whether it could.
type putResources func(list []resources.Resource, validate bool) (undo func() error, err error)

// templateTypes are the types beside the service that templates make, those that
// others refer to first.
func (s *Server) templateTypes() []struct {
	kind string
	put  putResources
} {
	return []struct {
		kind string
		put  putResources
	}{
		{accountType, s.deployAccounts},
		{action.Type, deployInto(s.kept.actions)},
		{azure.Type, deployInto(s.kept.ruleGroups)},
		{logsearch.Type, deployInto(s.kept.logRules)},
		{grafanaType, deployInto(s.kept.grafana)},
	}
}

func deployInto(c *resources.Collection) putResources {
	return func(list []resources.Resource, validate bool) (func() error, error) {
		if validate {
			return func() error { return nil }, c.CheckAll(list)
		}
		return c.PutAll(list)
	}
}

func (s *Server) takes(kind string) bool {
	for _, t := range s.templateTypes() {
		if strings.EqualFold(t.kind, kind) {
			return true
		}
	}
	return false
}

// deployTemplate makes the resources of a template that are not of the service,
// or none of them.
func (s *Server) deployTemplate(list []template.Resource, validate bool) (func() error, error) {
	var done []func() error
	undo := func() (err error) {
		for _, one := range slices.Backward(done) {
			err = errors.Join(err, one())
		}
		return err
	}
	for _, t := range s.templateTypes() {
		some, err := ofTemplate(list, t.kind)
		if err == nil && len(some) > 0 {
			var back func() error
			if back, err = t.put(some, validate); err == nil {
				done = append(done, back)
			}
		}
		if err != nil {
			return nil, errors.Join(err, undo())
		}
	}
	return undo, nil
}

// ofTemplate gives the resources of one type the form of the API.
func ofTemplate(list []template.Resource, kind string) ([]resources.Resource, error) {
	var out []resources.Resource
	for _, r := range list {
		if !strings.EqualFold(r.Type, kind) {
			continue
		}
		var one resources.Resource
		data, err := json.Marshal(r.Body)
		if err == nil {
			err = json.Unmarshal(data, &one)
		}
		if err != nil || !strings.HasPrefix(string(one.Properties), "{") && kind != accountType {
			return nil, arm.Errorf(http.StatusBadRequest, "InvalidTemplate", "%s is no resource with properties", r.ID)
		}
		one.ID, one.Name, one.Type = r.ID, r.Name, kind
		out = append(out, one)
	}
	return out, nil
}

// deployAccounts makes metric workspaces.
func (s *Server) deployAccounts(list []resources.Resource, validate bool) (func() error, error) {
	s.accounts.mu.Lock()
	defer s.accounts.mu.Unlock()
	var done []func() error
	undo := func() (err error) {
		for _, one := range slices.Backward(done) {
			err = errors.Join(err, one())
		}
		return err
	}
	for i := range list {
		back, err := s.deployAccount(&list[i], validate)
		if back != nil {
			done = append(done, back)
		}
		if err != nil {
			return nil, errors.Join(err, undo())
		}
	}
	return func() error {
		s.accounts.mu.Lock()
		defer s.accounts.mu.Unlock()
		return undo()
	}, nil
}

// deployAccount makes or changes one, whose lock is held, and gives what brings
// back what was.
func (s *Server) deployAccount(one *resources.Resource, validate bool) (func() error, error) {
	nothing := func() error { return nil }
	data, err := json.Marshal(one)
	if err != nil {
		return nil, err
	}
	body, err := readAccount(data, true)
	if err != nil {
		return nil, err
	}
	id, err := arm.Parse(one.ID)
	if err != nil {
		return nil, err
	}
	if validate {
		if _, err := s.accountAt(id); err == nil {
			return nothing, nil
		}
		c := MetricWorkspaceConfig{Name: id.Name()}
		if err := c.check(); err != nil {
			return nil, arm.Errorf(http.StatusBadRequest, "InvalidResourceName", "%v", err)
		}
		return nothing, s.freeAccount(id)
	}
	key := strings.ToLower(id.Name())
	before, known := s.accounts.kept[key]
	made, err := s.putAccount(id, body, true)
	switch {
	case made:
		return func() error {
			return errors.Join(s.removeMetricWorkspace(id.Name(), id.Name()), s.saveAccount(key, nil))
		}, err
	case known:
		return func() error { return s.saveAccount(key, &before) }, err
	}
	return func() error { return s.saveAccount(key, nil) }, err
}

// referred gives the properties of what templates may refer to beside the service.
func (s *Server) referred(id string) (map[string]any, bool) {
	if p, ok := s.component(id); ok {
		return p, true
	}
	parsed, err := arm.Parse(id)
	if err != nil {
		return nil, false
	}
	if parsed.Type() == strings.ToLower(accountType) {
		s.accounts.mu.Lock()
		defer s.accounts.mu.Unlock()
		w, err := s.accountAt(parsed)
		if err != nil {
			return nil, false
		}
		p, ok := s.viewAccount(w)["properties"].(map[string]any)
		return p, ok
	}
	for _, c := range []*resources.Collection{s.kept.ruleGroups, s.kept.logRules, s.kept.grafana} {
		if p, ok := c.Properties(parsed); ok {
			return p, true
		}
	}
	return nil, false
}

// willBe gives the properties that a resource of a template has once it is made.
func (s *Server) willBe(id string) (map[string]any, bool) {
	if p, ok := s.referred(id); ok {
		return p, true
	}
	parsed, err := arm.Parse(id)
	if err != nil || parsed.Type() != strings.ToLower(accountType) {
		return nil, false
	}
	a := account{ID: parsed.String(), Location: "local", Network: "Enabled"}
	return s.accountProperties(&a, parsed.Name(), workspacePrefix(parsed.Name())), true
}
