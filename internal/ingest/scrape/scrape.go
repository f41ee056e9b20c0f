// Package scrape asks targets for their metrics, as Prometheus does.
//
// What comes in: a configuration in Prometheus's own form, and the answers of
// its targets. What goes out: samples into an appendable, and the state of the
// targets. It must never open the configuration itself, write a sample of its
// own making, or give up working targets for a faulty configuration.
package scrape

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/discovery"
	_ "github.com/prometheus/prometheus/discovery/dns"  // dns_sd_configs
	_ "github.com/prometheus/prometheus/discovery/file" // file_sd_configs
	_ "github.com/prometheus/prometheus/discovery/http" // http_sd_configs
	"github.com/prometheus/prometheus/scrape"
	"github.com/prometheus/prometheus/storage"
)

// Options of a Scraper. Appendable is required; the zero value of another field
// means its default.
type Options struct {
	Appendable storage.AppendableV2

	Folder      string        // that relative paths of a configuration start at
	MinInterval time.Duration // of a job; default 100 ms
	MaxJobs     int           // default 500

	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

func (o Options) withDefaults() Options {
	if o.MinInterval <= 0 {
		o.MinInterval = 100 * time.Millisecond
	}
	if o.MaxJobs <= 0 {
		o.MaxJobs = 500
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Registerer == nil {
		o.Registerer = prometheus.NewRegistry()
	}
	return o
}

// Scraper is the set of jobs of one workspace. Use: New, Load at will, Stop.
// The embedded manager tells of targets.
type Scraper struct {
	*scrape.Manager
	options   Options
	discovery *discovery.Manager
	cancel    context.CancelFunc
	done      sync.WaitGroup

	mu      sync.Mutex
	current *config.Config
}

// New makes a scraper without jobs and starts it.
func New(o Options) (*Scraper, error) {
	o = o.withDefaults()
	if o.Appendable == nil {
		return nil, errors.New("make the scraper: an appendable is required")
	}
	log := o.Logger.With("component", "scrape")
	metrics, err := discovery.CreateAndRegisterSDMetrics(o.Registerer)
	if err != nil {
		return nil, fmt.Errorf("make the scraper: %w", err)
	}
	s := &Scraper{options: o}
	if s.current, err = config.Load("", log); err != nil {
		return nil, fmt.Errorf("make the scraper: %w", err)
	}
	var ctx context.Context
	ctx, s.cancel = context.WithCancel(context.Background())
	s.discovery = discovery.NewManager(ctx, log, o.Registerer, metrics, discovery.Name("scrape"), discovery.Updatert(100*time.Millisecond))
	if s.discovery == nil {
		s.cancel()
		return nil, errors.New("make the scraper: its metrics are registered twice")
	}
	if s.Manager, err = scrape.NewManager(&scrape.Options{AppendMetadata: true, DiscoveryReloadInterval: model.Duration(time.Second)}, log, nil, nil, o.Appendable, o.Registerer); err != nil {
		s.cancel()
		return nil, fmt.Errorf("make the scraper: %w", err)
	}
	s.done.Go(func() { _ = s.discovery.Run() })
	s.done.Go(func() { _ = s.Manager.Run(s.discovery.SyncCh()) })
	return s, nil
}

// Load puts a configuration in force: a Prometheus configuration of which
// global, scrape_configs and scrape_config_files count. Targets of jobs that
// did not change go on. On an error the old configuration stays.
func (s *Scraper) Load(text []byte) error {
	next, err := s.parse(text)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.apply(next); err != nil {
		return errors.Join(fmt.Errorf("load the scrape configuration: %w", err), s.apply(s.current))
	}
	s.current = next
	return nil
}

func (s *Scraper) parse(text []byte) (*config.Config, error) {
	c, err := config.Load(string(text), s.options.Logger)
	if err != nil {
		return nil, fmt.Errorf("load the scrape configuration: %w", err)
	}
	c.SetDirectory(s.options.Folder)
	jobs, err := c.GetScrapeConfigs()
	if err != nil {
		return nil, fmt.Errorf("load the scrape configuration: %w", err)
	}
	if len(jobs) > s.options.MaxJobs {
		return nil, fmt.Errorf("load the scrape configuration: %d jobs, at most %d", len(jobs), s.options.MaxJobs)
	}
	for _, j := range jobs {
		if every := time.Duration(j.ScrapeInterval); every < s.options.MinInterval {
			return nil, fmt.Errorf("load the scrape configuration: job %q: scrape_interval %s, at least %s", j.JobName, every, s.options.MinInterval)
		}
	}
	return c, nil
}

func (s *Scraper) apply(c *config.Config) error {
	if err := s.ApplyConfig(c); err != nil {
		return err
	}
	jobs, err := c.GetScrapeConfigs()
	if err != nil {
		return err
	}
	targets := make(map[string]discovery.Configs, len(jobs))
	for _, j := range jobs {
		targets[j.JobName] = j.ServiceDiscoveryConfigs
	}
	return s.discovery.ApplyConfig(targets)
}

// Config is the configuration in force; secrets in it show as <secret>.
func (s *Scraper) Config() config.Config {
	s.mu.Lock()
	defer s.mu.Unlock()
	return *s.current
}

// Stop ends all jobs and marks their series as stale.
func (s *Scraper) Stop() {
	s.Manager.Stop()
	s.cancel()
	s.done.Wait()
}
