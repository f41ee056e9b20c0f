package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"gatehouse/internal/api"
	"gatehouse/internal/store/tsdb"
	"gatehouse/internal/telemetry"
)

// drainGrace is how long requests that use a workspace may go on after it is
// asked to close; then they are cancelled.
const drainGrace = 10 * time.Second

// changeError is why a workspace cannot be made, changed or deleted.
type changeError struct {
	status  int
	code    string
	message string
}

func (e *changeError) Error() string { return e.message }

func cannot(status int, code, format string, args ...any) error {
	return &changeError{status, code, fmt.Sprintf(format, args...)}
}

func (s *Server) answerChange(rw http.ResponseWriter, name string, status int, err error) {
	var known *changeError
	switch {
	case errors.As(err, &known):
		api.WriteError(rw, known.status, api.Error{Code: known.code, Message: known.message})
	case err != nil:
		s.log.Error("a metric workspace was not changed", "workspace", name, "error", err)
		api.WriteError(rw, http.StatusInternalServerError, api.Error{Code: api.CodeInternal, Message: err.Error()})
	case status == http.StatusNoContent:
		rw.WriteHeader(status)
	default:
		view, _ := s.viewMetricWorkspace(s.metrics.find(name))
		api.WriteJSON(rw, status, view)
	}
}

// putMetricWorkspace makes a workspace, or changes one that was made here.
func (s *Server) putMetricWorkspace(rw http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	c := MetricWorkspaceConfig{}
	d := json.NewDecoder(http.MaxBytesReader(rw, r.Body, 64<<10))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		api.WriteError(rw, http.StatusBadRequest, api.Error{Code: api.CodeInvalid, Message: "the body is not the settings of a metric workspace: " + err.Error()})
		return
	}
	if c.Name != "" && !strings.EqualFold(c.Name, name) {
		api.WriteError(rw, http.StatusBadRequest, api.Error{Code: api.CodeInvalid, Message: fmt.Sprintf("the body names %q and the path %q", c.Name, name)})
		return
	}
	c.Name = name
	created, err := s.setMetricWorkspace(c)
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	s.answerChange(rw, name, status, err)
}

// setMetricWorkspace opens a new workspace, or one that exists again with other
// settings: its requests are answered 503 meanwhile, which senders repeat.
func (s *Server) setMetricWorkspace(c MetricWorkspaceConfig) (created bool, err error) {
	m := &s.metrics
	m.admin.Lock()
	defer m.admin.Unlock()
	if m.stopped {
		return false, cannot(http.StatusServiceUnavailable, "unavailable", "the process stops")
	}
	if err := c.check(); err != nil {
		return false, cannot(http.StatusBadRequest, api.CodeInvalid, "%v", err)
	}
	if err := s.freeOfOthers(&c); err != nil {
		return false, err
	}
	old := m.find(c.Name)
	if old == nil {
		return true, s.makeMetricWorkspace(c)
	}
	c.Name = old.config.Name // the folder's
	if !old.made {
		return false, cannot(http.StatusConflict, "from_settings", "metric workspace %s is set in the settings file: change it there", c.Name)
	}
	return false, s.changeMetricWorkspace(old, c)
}

// freeOfOthers refuses ids that are ambiguous in Azure's ingestion path, and
// names that the paths of the API need.
func (s *Server) freeOfOthers(c *MetricWorkspaceConfig) error {
	if strings.EqualFold(c.Name, "across") {
		return cannot(http.StatusBadRequest, api.CodeInvalid, "the name across is taken: it stands for queries over several workspaces")
	}
	for _, w := range s.metrics.all() {
		if strings.EqualFold(w.config.Name, c.Name) {
			continue
		}
		id, other := c.DataCollectionRule, w.config.DataCollectionRule
		if id != "" && (strings.EqualFold(id, w.config.Name) || strings.EqualFold(id, other)) || other != "" && strings.EqualFold(c.Name, other) {
			return cannot(http.StatusConflict, "conflict", "metric workspace %s has that name or data collection rule already", w.config.Name)
		}
	}
	return nil
}

func (s *Server) makeMetricWorkspace(c MetricWorkspaceConfig) error {
	if len(s.metrics.all()) >= maxMetricWorkspaces {
		return cannot(http.StatusConflict, "limit", "there are %d metric workspaces, the most that there may be: delete one", maxMetricWorkspaces)
	}
	w := newMetricWorkspace(c, true)
	if err := s.openWorkspace(w); err != nil {
		return err
	}
	if err := s.saveMetricDocument(s.metrics.kept.with(c)); err != nil {
		return errors.Join(err, w.stop())
	}
	s.metrics.add(w)
	s.log.Info("a metric workspace was made", "workspace", c.Name)
	s.spreadRuleGroups()
	return nil
}

// changeMetricWorkspace opens the samples again with other settings. When that
// fails the old ones come back.
func (s *Server) changeMetricWorkspace(old *metricWorkspace, c MetricWorkspaceConfig) error {
	old.users.drain(errWorkspaceBusy, drainGrace)
	if err := old.stop(); err != nil {
		s.log.Error("a metric workspace was not closed cleanly", "workspace", c.Name, "error", err)
	}
	next := newMetricWorkspace(c, true)
	failed := s.openWorkspace(next)
	if failed == nil {
		failed = s.saveMetricDocument(s.metrics.kept.with(c))
		if failed != nil {
			failed = errors.Join(failed, next.stop())
		}
	}
	if failed == nil {
		s.metrics.replace(old, next)
		s.log.Info("a metric workspace was changed", "workspace", c.Name)
		return nil
	}
	again := newMetricWorkspace(old.config, true)
	if err := s.openWorkspace(again); err != nil {
		return errors.Join(failed, fmt.Errorf("open it with the old settings: %w", err))
	}
	s.metrics.replace(old, again)
	return failed
}

// deleteMetricWorkspace deletes a workspace with its samples. As nothing brings
// them back, the request must repeat the name: ?confirm=NAME.
func (s *Server) deleteMetricWorkspace(rw http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	s.answerChange(rw, name, http.StatusNoContent, s.removeMetricWorkspace(name, r.URL.Query().Get("confirm")))
}

func (s *Server) removeMetricWorkspace(name, confirm string) error {
	m := &s.metrics
	m.admin.Lock()
	defer m.admin.Unlock()
	w := m.find(name)
	switch {
	case m.stopped:
		return cannot(http.StatusServiceUnavailable, "unavailable", "the process stops")
	case w == nil:
		return cannot(http.StatusNotFound, api.CodeNotFound, "there is no metric workspace %s", name)
	case w.config.Name == telemetry.DefaultWorkspace:
		return cannot(http.StatusConflict, "from_settings", "the default metric workspace has the gateway's own metrics and always exists")
	case !w.made:
		return cannot(http.StatusConflict, "from_settings", "metric workspace %s is set in the settings file: take it out there", w.config.Name)
	case !strings.EqualFold(confirm, w.config.Name):
		return cannot(http.StatusPreconditionRequired, "confirm", "this deletes all samples of metric workspace %s and cannot be undone: repeat the name as ?confirm=%s", w.config.Name, w.config.Name)
	}
	deleting := m.kept.without(w.config.Name)
	deleting.Deleting = append(deleting.Deleting, w.config.Name)
	if err := s.saveMetricDocument(deleting); err != nil {
		return err
	}
	m.replace(w, nil)
	w.users.drain(errWorkspaceGone, drainGrace)
	if err := w.stop(); err != nil {
		s.log.Error("a deleted metric workspace was not closed cleanly", "workspace", w.config.Name, "error", err)
	}
	if err := tsdb.Remove(s.samplesFolder(), w.config.Name); err != nil {
		return fmt.Errorf("metric workspace %s is deleted, its samples will be removed at the next start: %w", w.config.Name, err)
	}
	if err := s.removeOwnFiles(w.config.Name); err != nil {
		return fmt.Errorf("metric workspace %s is deleted, its files will be removed at the next start: %w", w.config.Name, err)
	}
	s.log.Info("a metric workspace was deleted", "workspace", w.config.Name)
	s.spreadRuleGroups()
	return s.saveMetricDocument(m.kept.without(w.config.Name))
}

// with is the document with the workspace, in its place when it has one.
func (d metricDocument) with(c MetricWorkspaceConfig) metricDocument {
	out := metricDocument{Workspaces: slices.Clone(d.Workspaces), Deleting: slices.Clone(d.Deleting)}
	for i := range out.Workspaces {
		if strings.EqualFold(out.Workspaces[i].Name, c.Name) {
			out.Workspaces[i] = c
			return out
		}
	}
	out.Workspaces = append(out.Workspaces, c)
	return out
}

func (d metricDocument) without(name string) metricDocument {
	out := metricDocument{}
	for _, c := range d.Workspaces {
		if !strings.EqualFold(c.Name, name) {
			out.Workspaces = append(out.Workspaces, c)
		}
	}
	for _, one := range d.Deleting {
		if one != name {
			out.Deleting = append(out.Deleting, one)
		}
	}
	return out
}
