package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"gatehouse/internal/alerting"
	"gatehouse/internal/alerting/forward"
)

// forwarding is to Alertmanagers outside, which the settings or a file name; the
// file may change while the process runs.
type forwarding struct {
	*forward.Forwarder
	config AlertingConfig

	mu     sync.Mutex
	loaded string
	err    error // of the last load
}

func (s *Server) openForward() error {
	f, err := forward.New(forward.Options{Folder: filepath.Dir(s.config.Alerting.AlertmanagersFile), Logger: quiet(s.log), Registerer: s.registry})
	if err != nil {
		return err
	}
	s.forward = &forwarding{Forwarder: f, config: s.config.Alerting}
	s.onClose("forwarding of alerts", f.Stop)
	_, err = s.forward.reload()
	return err
}

// takeAlerts is where the rules' alerts go: to our own Alertmanager and, as
// Prometheus posts them, to those outside.
func (s *Server) takeAlerts(ctx context.Context, alerts ...alerting.Alert) error {
	outside := make([]forward.Alert, len(alerts))
	for i, a := range alerts {
		outside[i] = forward.Alert{Labels: a.Labels, Annotations: a.Annotations, StartsAt: a.StartsAt, EndsAt: a.EndsAt, GeneratorURL: a.GeneratorURL}
	}
	s.forward.Send(outside...)
	return s.alerts.Put(ctx, alerts...)
}

// reload puts the settings in force, if they differ from those that are. On an
// error the old ones stay.
func (f *forwarding) reload() (changed bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	defer func() { f.err = err }()
	text, err := f.read()
	if err != nil || text == f.loaded {
		return false, err
	}
	if err := f.Load([]byte(text)); err != nil {
		return false, err
	}
	f.loaded = text
	return true, nil
}

func (f *forwarding) read() (string, error) {
	path, urls := f.config.AlertmanagersFile, f.config.Alertmanagers
	switch {
	case path != "" && len(urls) > 0:
		return "", errors.New("alerting.alertmanagers and alerting.alertmanagersFile are both given: use one of them")
	case path != "":
		data, err := os.ReadFile(path)
		if err != nil {
			return "", fmt.Errorf("read the Alertmanagers: %w", err)
		}
		return string(data), nil
	case len(urls) > 0:
		return forward.OfURLs(urls)
	}
	return "", nil
}

func (f *forwarding) fault() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		return ""
	}
	return f.err.Error()
}
