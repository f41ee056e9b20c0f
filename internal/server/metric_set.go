package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"gatehouse/internal/query/promql"
	"gatehouse/internal/store/tsdb"
)

// metricSet are the open workspaces of metrics, the default one first. They may
// be made, changed and deleted while requests use them.
type metricSet struct {
	list   atomic.Pointer[[]*metricWorkspace]
	tenant *promql.Tenant // what the queries of all use together

	admin   sync.Mutex // one change at a time
	stopped bool
	kept    metricDocument
}

// metricDocument is what the catalog keeps of workspaces that the settings do
// not name.
type metricDocument struct {
	Workspaces []MetricWorkspaceConfig `json:"workspaces"`
	// Deleting are the names of those whose samples are not removed yet: a stop
	// in between must not bring them back.
	Deleting []string `json:"deleting,omitempty"`
}

const metricWorkspaceDocument = "metric-workspaces"

func (m *metricSet) all() []*metricWorkspace {
	if list := m.list.Load(); list != nil {
		return *list
	}
	return nil
}

// find gives the workspace of a name in any case, nil when there is none.
func (m *metricSet) find(name string) *metricWorkspace {
	for _, w := range m.all() {
		if strings.EqualFold(w.config.Name, name) {
			return w
		}
	}
	return nil
}

func (m *metricSet) add(w *metricWorkspace) {
	list := append(slices.Clone(m.all()), w)
	m.list.Store(&list)
}

// replace puts next in the place of w; nil takes w out.
func (m *metricSet) replace(w, next *metricWorkspace) {
	list := slices.Clone(m.all())
	i := slices.Index(list, w)
	if i < 0 {
		return
	}
	if next != nil {
		list[i] = next
	} else {
		list = slices.Delete(list, i, i+1)
	}
	m.list.Store(&list)
}

// openMetricStores opens the samples of all workspaces: of the settings, and of
// the catalog unless the settings name them too.
func (s *Server) openMetricStores() error {
	list, err := s.config.Metrics.check()
	if err != nil {
		return err
	}
	if err := s.loadMetricDocument(); err != nil {
		return err
	}
	s.metrics.tenant = promql.NewTenant()
	s.onClose("metrics stores", s.closeMetricStores)
	for _, c := range list {
		if err := s.addStore(newMetricWorkspace(c, false)); err != nil {
			return err
		}
	}
	for _, c := range s.metrics.kept.Workspaces {
		if s.metrics.find(c.Name) != nil {
			continue // the settings have it now
		}
		if err := s.addStore(newMetricWorkspace(c, true)); err != nil {
			return err
		}
	}
	s.tsdb = s.metrics.all()[0].db
	return nil
}

func (s *Server) addStore(w *metricWorkspace) error {
	if err := s.openStore(w); err != nil {
		return err
	}
	s.metrics.add(w)
	return nil
}

// loadMetricDocument reads the catalog and ends deletions that a stop cut off.
func (s *Server) loadMetricDocument() error {
	data, err := s.catalog.Load(metricWorkspaceDocument)
	if err != nil || len(data) == 0 {
		return err
	}
	m := &s.metrics.kept
	if err := json.Unmarshal(data, m); err != nil {
		return fmt.Errorf("the catalog's metric workspaces are damaged: %w", err)
	}
	if len(m.Deleting) == 0 {
		return nil
	}
	for _, name := range m.Deleting {
		if err := tsdb.Remove(s.samplesFolder(), name); err != nil {
			return err
		}
		if err := s.removeOwnFiles(name); err != nil {
			return err
		}
	}
	return s.saveMetricDocument(metricDocument{Workspaces: m.Workspaces})
}

func (s *Server) saveMetricDocument(d metricDocument) error {
	data, err := json.Marshal(d)
	if err != nil {
		return err
	}
	if err := s.catalog.Save(metricWorkspaceDocument, data); err != nil {
		return err
	}
	s.metrics.kept = d
	return nil
}

// eachMetricWorkspace opens one part of all workspaces.
func (s *Server) eachMetricWorkspace(open func(*metricWorkspace) error) error {
	for _, w := range s.metrics.all() {
		if err := open(w); err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) openRules() error {
	s.onClose("rules", func() error {
		for _, w := range s.metrics.all() {
			w.stopRules()
		}
		return nil
	})
	if err := s.eachMetricWorkspace(s.openRulesOf); err != nil {
		return err
	}
	s.alerts.SetRules(s.actionOf)
	return nil
}

// openScrapers starts the scraping of all workspaces, and makes what answers
// for them. It is the last of their parts: from then on they may change, until
// the first of the parts is closed.
func (s *Server) openScrapers() error {
	s.onClose("metric workspaces", func() error {
		s.metrics.admin.Lock()
		s.metrics.stopped = true
		s.metrics.admin.Unlock()
		for _, w := range s.metrics.all() {
			w.users.drain(errWorkspaceClosed, 5*time.Second)
			w.stopScraping()
		}
		return nil
	})
	if err := s.eachMetricWorkspace(s.openScraper); err != nil {
		return err
	}
	return s.eachMetricWorkspace(s.openHandler)
}

func (s *Server) closeMetricStores() error {
	var errs []error
	for _, w := range s.metrics.all() {
		errs = append(errs, w.closeStore())
	}
	return errors.Join(errs...)
}

// openWorkspace opens a whole workspace; on an error nothing of it stays open.
func (s *Server) openWorkspace(w *metricWorkspace) error {
	for _, open := range []func(*metricWorkspace) error{s.openStore, s.openEngine, s.openRulesOf, s.openScraper, s.openHandler} {
		if err := open(w); err != nil {
			return errors.Join(err, w.stop())
		}
	}
	return nil
}

// processMetrics gathers the process's own metrics and those of the libraries
// of all workspaces.
func (s *Server) processMetrics() prometheus.Gatherer {
	return prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
		all := prometheus.Gatherers{s.registry}
		for _, w := range s.metrics.all() {
			if w.users.enter() == nil {
				defer w.users.leave()
				all = append(all, w.registry)
			}
		}
		return all.Gather()
	})
}
