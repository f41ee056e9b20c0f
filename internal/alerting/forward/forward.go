// Package forward posts alerts to Alertmanagers outside, as Prometheus does.
//
// What comes in: alerts of the rules, and a configuration in Prometheus's own
// form. What goes out: POST .../api/v2/alerts, made by Prometheus's own
// notifier. It must never hold a rule up: what cannot be sent is counted and
// dropped, and sent again by the rules while it fires.
package forward

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/discovery"
	_ "github.com/prometheus/prometheus/discovery/dns"  // dns_sd_configs
	_ "github.com/prometheus/prometheus/discovery/file" // file_sd_configs
	_ "github.com/prometheus/prometheus/discovery/http" // http_sd_configs
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/notifier"
	"go.yaml.in/yaml/v3"
)

// queueCapacity is the number of alerts that wait for one Alertmanager.
const queueCapacity = 10_000

// Options of a Forwarder; the zero value of a field means its default.
type Options struct {
	Folder     string // that relative paths of a configuration start at
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Alert is what is posted.
type Alert struct {
	Labels, Annotations map[string]string
	StartsAt, EndsAt    time.Time
	GeneratorURL        string
}

// Forwarder sends to the Alertmanagers of its configuration. Use: New, Load at
// will, Send, Stop. It is what tells /api/v1/alertmanagers of them.
type Forwarder struct {
	*notifier.Manager
	options   Options
	log       *slog.Logger
	discovery *discovery.Manager
	cancel    context.CancelFunc
	done      sync.WaitGroup
}

// New makes a forwarder that knows no Alertmanager yet.
func New(o Options) (*Forwarder, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Registerer == nil {
		o.Registerer = prometheus.NewRegistry()
	}
	log := o.Logger.With("component", "forward")
	metrics, err := discovery.CreateAndRegisterSDMetrics(prometheus.NewRegistry()) // the scraper's are the registered ones
	if err != nil {
		return nil, fmt.Errorf("make the forwarder of alerts: %w", err)
	}
	f := &Forwarder{options: o, log: log}
	var ctx context.Context
	ctx, f.cancel = context.WithCancel(context.Background())
	f.discovery = discovery.NewManager(ctx, log, prometheus.NewRegistry(), metrics, discovery.Name("notify"), discovery.Updatert(100*time.Millisecond))
	if f.discovery == nil {
		f.cancel()
		return nil, errors.New("make the forwarder of alerts: its metrics are registered twice")
	}
	f.Manager = notifier.NewManager(&notifier.Options{QueueCapacity: queueCapacity, DrainOnShutdown: true, Registerer: o.Registerer}, model.UTF8Validation, log)
	f.done.Go(func() { _ = f.discovery.Run() })
	f.done.Go(func() { f.Run(f.discovery.SyncCh()) })
	return f, nil
}

// OfURLs is the configuration of Alertmanagers by their base URLs, as users
// write them: http://host:9093 or https://host/alertmanager.
func OfURLs(urls []string) (string, error) {
	var list []map[string]any
	for _, text := range urls {
		u, err := url.Parse(text)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.RawQuery != "" || u.User != nil {
			return "", fmt.Errorf("alerting.alertmanagers: %q is not a base URL such as http://host:9093; credentials go into alerting.alertmanagersFile", redacted(text))
		}
		list = append(list, map[string]any{"scheme": u.Scheme, "path_prefix": strings.TrimSuffix(u.Path, "/") + "/",
			"static_configs": []map[string]any{{"targets": []string{u.Host}}}})
	}
	out, err := yaml.Marshal(map[string]any{"alerting": map[string]any{"alertmanagers": list}})
	return string(out), err
}

// redacted leaves out what stands before the host: it may be a password.
func redacted(text string) string {
	if i := strings.LastIndexByte(text, '@'); i >= 0 {
		return "…" + text[i:]
	}
	return text
}

// Load puts a configuration in force: a Prometheus configuration of which
// alerting and global.external_labels count. On an error the old one stays.
func (f *Forwarder) Load(text []byte) error {
	c, err := config.Load(string(text), f.log)
	if err != nil {
		return fmt.Errorf("load the Alertmanagers: %w", err)
	}
	c.SetDirectory(f.options.Folder)
	if err := f.ApplyConfig(c); err != nil {
		return fmt.Errorf("load the Alertmanagers: %w", err)
	}
	targets := map[string]discovery.Configs{}
	for name, one := range c.AlertingConfig.AlertmanagerConfigs.ToMap() {
		targets[name] = one.ServiceDiscoveryConfigs
	}
	if err := f.discovery.ApplyConfig(targets); err != nil {
		return fmt.Errorf("load the Alertmanagers: %w", err)
	}
	return nil
}

// Send queues alerts and returns at once.
func (f *Forwarder) Send(alerts ...Alert) {
	out := make([]*notifier.Alert, len(alerts))
	for i, a := range alerts {
		out[i] = &notifier.Alert{Labels: labels.FromMap(a.Labels), Annotations: labels.FromMap(a.Annotations), StartsAt: a.StartsAt, EndsAt: a.EndsAt, GeneratorURL: a.GeneratorURL}
	}
	f.Manager.Send(out...)
}

// Stop sends what waits and ends.
func (f *Forwarder) Stop() error {
	f.Manager.Stop()
	f.cancel()
	f.done.Wait()
	return nil
}
