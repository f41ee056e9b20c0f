package server

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"gatehouse/internal/alerting/action"
	"gatehouse/internal/rules"
	"gatehouse/internal/rules/azure"
	"gatehouse/internal/rules/objective"
)

// ruleFiles are the rule files of one workspace, which may change while the
// process runs.
type ruleFiles struct {
	shipped    bool
	packs      []string
	objectives string // file of service level objectives; "" with shipped: the standard one
	paths      []string
	// parameters of deployment templates among the files, which end in .json.
	parameters map[string]any

	mu     sync.Mutex
	loaded map[string][]byte
	err    error // of the last load
	// actions is what Azure's rule groups say beside the rules, by the name of
	// the rule: group/rule.
	actions map[string]action.Rule
	// made are the rules of the objectives that stand in the text madeOf.
	made    map[string][]byte
	madeOf  []byte
	madeSet []objective.Objective
	// promised are the objectives in force.
	promised []objective.Objective
	kept     []azure.Group     // of the resource API
	own      map[string][]byte // written over the API, by name
	ofFiles  []azure.Group     // of the files, in force
}

// load reads the files and puts them in force, if they differ from those that
// are. On an error the old ones stay.
func (f *ruleFiles) load(r *rules.Rules) (changed bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	defer func() { f.err = err }()
	return f.force(r)
}

// put puts the groups of the resource API in force, beside those of the files.
// On an error the old ones stay.
func (f *ruleFiles) put(r *rules.Rules, kept []azure.Group) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	before := f.kept
	f.kept = kept
	if _, err := f.force(r); err != nil {
		f.kept = before
		return err
	}
	f.err = nil
	return nil
}

// check says what put would refuse.
func (f *ruleFiles) check(r *rules.Rules, kept []azure.Group) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	before := f.kept
	defer func() { f.kept = before }()
	f.kept = kept
	files, _, _, err := f.read()
	if err == nil {
		_, err = f.addObjectives(files)
	}
	if err != nil {
		return err
	}
	return r.Check(files)
}

// putOwn puts the files that are written over the API in force, beside the
// others. On an error the old ones stay.
func (f *ruleFiles) putOwn(r *rules.Rules, own map[string][]byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	before := f.own
	f.own = own
	if _, err := f.force(r); err != nil {
		f.own = before
		return err
	}
	f.err = nil
	return nil
}

func (f *ruleFiles) ownFiles() map[string][]byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.own
}

func (f *ruleFiles) fileGroups() []azure.Group {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.ofFiles)
}

func (f *ruleFiles) keptGroups() []azure.Group {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.kept
}

func (f *ruleFiles) force(r *rules.Rules) (changed bool, err error) {
	files, actions, groups, err := f.read()
	if err != nil {
		return false, err
	}
	promised, err := f.addObjectives(files)
	if err != nil {
		return false, err
	}
	if f.loaded != nil && maps.EqualFunc(files, f.loaded, slices.Equal[[]byte]) {
		return false, nil
	}
	if err := r.Load(files); err != nil {
		return false, err
	}
	f.loaded, f.actions, f.promised, f.ofFiles = files, actions, promised, groups
	return true, nil
}

// read gives the rule files, what Azure's groups say beside them, and those
// groups that the files have.
func (f *ruleFiles) read() (files map[string][]byte, actions map[string]action.Rule, ofFiles []azure.Group, err error) {
	files, actions = map[string][]byte{}, map[string]action.Rule{}
	if f.shipped {
		if files, err = rules.Shipped(); err != nil {
			return nil, nil, nil, err
		}
	}
	for _, name := range f.packs {
		file, text, err := rules.Pack(name)
		if err != nil {
			return nil, nil, nil, fmt.Errorf("rules.packs: %w", err)
		}
		files[file] = text
	}
	for _, path := range f.paths {
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, nil, nil, fmt.Errorf("read rules: %w", err)
		}
		if strings.EqualFold(filepath.Ext(path), ".json") {
			groups, err := azure.Read(data, f.parameters)
			if err == nil {
				ruleActions(groups, actions)
				data, err = azure.ToPrometheus(groups)
			}
			if err != nil {
				return nil, nil, nil, fmt.Errorf("%s: %w", path, err)
			}
			ofFiles = append(ofFiles, groups...)
		}
		files[path] = data
	}
	for name, text := range f.own {
		files[ownPrefix+name] = text
	}
	for _, g := range f.kept {
		one := []azure.Group{g}
		ruleActions(one, actions)
		if files[g.ResourceID()], err = azure.ToPrometheus(one); err != nil {
			return nil, nil, nil, err
		}
	}
	return files, actions, ofFiles, nil
}

func (f *ruleFiles) fault() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		return ""
	}
	return f.err.Error()
}

// rulesInterval is how often changes of these files are looked for.
const rulesInterval = 5 * time.Second

// watchRules loads rule files and scrape configurations that changed, until ctx ends.
func (s *Server) watchRules(ctx context.Context) {
	tick := time.NewTicker(rulesInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, w := range s.metrics.all() {
			if w.users.enter() != nil {
				continue
			}
			before := w.files.fault()
			changed, err := w.files.load(w.rules)
			s.reloaded(w, "rules", before, changed, err)
			before = w.jobs.fault()
			changed, err = w.jobs.load(w.scraper)
			s.reloaded(w, "scrape configuration", before, changed, err)
			w.users.leave()
		}
		before := s.identities.fault()
		changed, err := s.identities.load()
		s.reloaded(s.metrics.all()[0], "access rules", before, changed, err)
		before = s.alertFiles.fault()
		changed, err = s.alertFiles.load(s.alerts)
		s.reloaded(s.metrics.all()[0], "alerting configuration", before, changed, err)
		before = s.logRules.fault()
		changed, err = s.logRules.load(ctx)
		s.reloaded(s.metrics.all()[0], "log search rules", before, changed, err)
		before = s.forward.fault()
		changed, err = s.forward.reload()
		s.reloaded(s.metrics.all()[0], "Alertmanagers outside", before, changed, err)
	}
}

// reloaded logs a change, and a fault once.
func (s *Server) reloaded(w *metricWorkspace, what, before string, changed bool, err error) {
	switch {
	case err != nil && err.Error() != before:
		s.log.Error("a file was not loaded; what was in force stays", "what", what, "workspace", w.config.Name, "error", err)
	case changed:
		s.log.Info("a file was loaded", "what", what, "workspace", w.config.Name)
	}
}
