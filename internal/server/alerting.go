package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"gatehouse/internal/alerting"
	"gatehouse/internal/alerting/action"
	"gatehouse/internal/alerting/delivery"
)

// alertFiles are the Alertmanager configuration and the action groups, which may
// change while the process runs.
type alertFiles struct {
	config AlertingConfig

	mu      sync.Mutex
	loaded  string // text of all of them
	err     error
	kept    []action.Group // of the resource API
	ofFiles []action.Group // of the files, in force
}

func (s *Server) openAlerting() error {
	kept, err := actionGroups(s.kept.actions.All())
	if err != nil {
		return err
	}
	s.alertFiles = &alertFiles{config: s.config.Alerting, kept: kept}
	config, groups, text, err := s.alertFiles.read()
	if err != nil {
		return err
	}
	s.alertFiles.took(groups, text)
	s.alerts, err = alerting.New(alerting.Options{Config: config, Actions: groups, ExternalURL: s.monitorURL() + "/alertmanager",
		Load: s.catalog.Load, Save: s.catalog.Save, AllowFiles: true, Logger: quiet(s.log), Registerer: s.registry})
	if err != nil {
		return err
	}
	if err := s.alerts.Start(); err != nil {
		return err
	}
	s.onClose("alerting", s.alerts.Stop)
	return nil
}

// deliverySeries puts the queue of notifications beside the gateway's metrics,
// which rules can see.
func (s *Server) deliverySeries() error {
	gauge := func(name, help string, count func(delivery.View) int) error {
		return s.ingest.Registry().Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help},
			func() float64 { return float64(count(s.alerts.Deliveries().View())) }))
	}
	return errors.Join(
		gauge("gatehouse_alert_deliveries_waiting", "Notifications that wait for their receiver.", func(v delivery.View) int { return len(v.Waiting) }),
		gauge("gatehouse_alert_dead_letters", "Notifications that could not be delivered.", func(v delivery.View) int { return len(v.Dead) }),
	)
}

// load puts the files in force, if they differ from those that are. On an error
// the old ones stay.
func (f *alertFiles) load(a *alerting.Alertmanager) (changed bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	defer func() { f.err = err }()
	config, groups, text, err := f.read()
	if err != nil || text == f.loaded {
		return false, err
	}
	if err := a.ReloadAll(config, groups); err != nil {
		return false, err
	}
	f.took(groups, text)
	return true, nil
}

// took notes what is in force.
func (f *alertFiles) took(groups []action.Group, text string) {
	f.loaded, f.ofFiles = text, groups[:len(groups)-len(f.kept)]
}

// put puts the groups of the resource API in force, beside those of the files.
// On an error the old ones stay.
func (f *alertFiles) put(a *alerting.Alertmanager, kept []action.Group) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	before := f.kept
	f.kept = kept
	config, groups, text, err := f.read()
	if err == nil {
		err = a.ReloadAll(config, groups)
	}
	if err != nil {
		f.kept = before
		return err
	}
	f.took(groups, text)
	f.err = nil
	return nil
}

// fileGroups are the groups of the files, without their secrets.
func (f *alertFiles) fileGroups() []action.Group {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := make([]action.Group, len(f.ofFiles))
	for i := range f.ofFiles {
		out[i] = f.ofFiles[i].Shown()
	}
	return out
}

func (f *alertFiles) fault() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		return ""
	}
	return f.err.Error()
}

// read gives the configuration, the groups, and the text that they were made of.
func (f *alertFiles) read() (config string, groups []action.Group, text string, err error) {
	if config, err = f.alertmanager(); err != nil {
		return "", nil, "", err
	}
	text = config
	for _, path := range f.config.ActionGroups {
		data, err := os.ReadFile(path)
		if err != nil {
			return "", nil, "", fmt.Errorf("read action groups: %w", err)
		}
		list, err := action.Read(data)
		if err != nil {
			return "", nil, "", fmt.Errorf("%s: %w", path, err)
		}
		groups = append(groups, list...)
		text += "\x00" + string(data)
	}
	kept, err := json.Marshal(f.kept)
	if err != nil {
		return "", nil, "", err
	}
	groups = append(groups, f.kept...)
	return config, groups, text + "\x00" + string(kept), twice(groups)
}

func twice(groups []action.Group) error {
	var names []string
	for _, g := range groups {
		name := g.Key()
		if slices.Contains(names, name) {
			return fmt.Errorf("read action groups: %q stands twice", g.Name)
		}
		names = append(names, name)
	}
	return nil
}

// alertmanager is the file, the short form, or nothing: alerts are then shown
// and sent nowhere.
func (f *alertFiles) alertmanager() (string, error) {
	if f.config.File != "" {
		data, err := os.ReadFile(f.config.File)
		if err != nil {
			return "", fmt.Errorf("read the Alertmanager configuration: %w", err)
		}
		return string(data), nil
	}
	if f.config.Webhook == "" {
		return "", nil
	}
	if u, err := url.Parse(f.config.Webhook); err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return "", errors.New("alerting.webhook is not an http or https URL")
	}
	return fmt.Sprintf("route: {receiver: webhook, group_by: [alertname, gatehouse_api], group_wait: 5s, group_interval: 30s, repeat_interval: 4h}\nreceivers:\n- name: webhook\n  webhook_configs: [{url: %q, send_resolved: true}]\n", f.config.Webhook), nil
}
