package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"gatehouse/internal/api/metrics"
	"gatehouse/internal/ingest/remotewrite"
	"gatehouse/internal/ingest/scrape"
	"gatehouse/internal/query/promql"
	"gatehouse/internal/rules"
	"gatehouse/internal/store/tsdb"
	"gatehouse/internal/telemetry"
)

// metricWorkspace is an open workspace of metrics. Its fields do not change
// after it is opened.
type metricWorkspace struct {
	config   MetricWorkspaceConfig // as it was set
	limits   MetricWorkspaceConfig // the same with Azure's quotas where it has them
	made     bool                  // while the process runs: the settings do not name it
	registry *prometheus.Registry  // of the libraries' metrics; goes when the workspace goes
	db       *tsdb.DB
	engine   *promql.Engine
	rules    *rules.Rules
	files    *ruleFiles
	scraper  *scrape.Scraper
	jobs     *scrapeFile
	receiver *remotewrite.Receiver
	handler  http.Handler // of paths that begin with /prometheus/

	users users
	tops  tops
	once  struct{ scraping, rules, store sync.Once } // their ends
}

func newMetricWorkspace(c MetricWorkspaceConfig, made bool) *metricWorkspace {
	w := &metricWorkspace{config: c, limits: c.withAzure(), made: made, registry: prometheus.NewRegistry()}
	w.users.ctx, w.users.cancel = context.WithCancel(context.Background())
	return w
}

func (w *metricWorkspace) isDefault() bool { return w.config.Name == telemetry.DefaultWorkspace }

// prefix is the path of the workspace's Prometheus API.
func (w *metricWorkspace) prefix() string {
	if w.isDefault() {
		return "/prometheus"
	}
	return workspacePrefix(w.config.Name)
}

// workspacePrefix is that of a workspace that is not the default one.
func workspacePrefix(name string) string { return "/workspaces/" + name + "/prometheus" }

// registerer keeps the libraries' metrics of the workspaces apart.
func (w *metricWorkspace) registerer() prometheus.Registerer {
	return prometheus.WrapRegistererWith(prometheus.Labels{"workspace": w.config.Name}, w.registry)
}

// users are the requests that use a workspace: it is closed after the last.
type users struct {
	mu      sync.Mutex
	closing error // nil: open
	running sync.WaitGroup
	ctx     context.Context // ends when requests must end
	cancel  context.CancelFunc
}

var (
	errWorkspaceGone   = errors.New("the workspace was deleted")
	errWorkspaceBusy   = errors.New("the workspace is being opened again with other settings: send the request again")
	errWorkspaceClosed = errors.New("the process stops")
)

// enter takes part in the workspace until leave; an error says why not.
func (u *users) enter() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.closing != nil {
		return u.closing
	}
	u.running.Add(1)
	return nil
}

func (u *users) leave() { u.running.Done() }

// drain lets nobody in any more and waits for those inside: after grace their
// requests are cancelled.
func (u *users) drain(why error, grace time.Duration) {
	u.mu.Lock()
	u.closing = why
	u.mu.Unlock()
	timer := time.AfterFunc(grace, u.cancel)
	defer timer.Stop()
	u.running.Wait()
	u.cancel()
}

// openStore opens the samples.
func (s *Server) openStore(w *metricWorkspace) (err error) {
	w.db, err = tsdb.Open(s.storeOptions(w))
	return err
}

func (s *Server) storeOptions(w *metricWorkspace) tsdb.Options {
	c, d := w.limits, s.config.Data
	o := tsdb.Options{Folder: s.samplesFolder(), Workspace: c.Name, Retention: time.Duration(c.Retention), MaxBytes: c.MaxBytes,
		MaxSeries: c.MaxSeries, OutOfOrderWindow: time.Duration(c.OutOfOrderWindow), Logger: quiet(s.log), Registerer: w.registerer()}
	if o.Retention == 0 {
		o.Retention = time.Duration(d.MetricRetention)
	}
	if o.MaxSeries == 0 {
		o.MaxSeries = d.MaxSeries
	}
	if c.AzureCompat {
		o.Admission = tsdb.AzureAdmission()
	}
	o.Admission.Personal = c.PersonalData
	return o
}

func (s *Server) samplesFolder() string { return filepath.Join(s.config.Data.Folder, "tsdb") }

func (s *Server) openEngine(w *metricWorkspace) error {
	o := w.config.Query.options(w.config.AzureCompat)
	o.Logger, o.Registerer, o.Tenant = quiet(s.log).With("workspace", w.config.Name), w.registerer(), s.metrics.tenant
	w.engine = promql.New(w.db, o)
	return nil
}

func (s *Server) openRulesOf(w *metricWorkspace) error {
	o := rules.Options{
		Query: w.engine.Instant, Appendable: w.db, Queryable: w.db, Notify: s.takeAlerts,
		Interval: time.Duration(s.config.Rules.Interval), ResendDelay: time.Duration(s.config.Rules.ResendDelay), ExternalURL: s.monitorURL() + w.prefix(), Logger: quiet(s.log), Registerer: w.registerer(),
	}
	kept, err := s.ruleGroupsOf(w, s.kept.ruleGroups.All())
	if err != nil {
		return err
	}
	own, _, err := s.ownFilesOf(w)
	if err != nil {
		return err
	}
	w.files = &ruleFiles{paths: w.config.Rules, parameters: s.config.Rules.Parameters, kept: kept, own: own}
	if w.isDefault() {
		w.files.paths = append(append([]string{}, s.config.Rules.Files...), w.config.Rules...)
		w.files.shipped, w.files.objectives = !s.config.Rules.NoShipped, s.config.Rules.Objectives
		w.files.packs = s.config.Rules.Packs
	} else {
		o.ExternalLabels = map[string]string{"workspace": w.config.Name}
	}
	set, err := rules.New(o)
	if err != nil {
		return err
	}
	w.rules = set
	if _, err := w.files.load(w.rules); err != nil {
		return fmt.Errorf("rules of workspace %s: %w", w.config.Name, err)
	}
	return w.rules.Start()
}

func (s *Server) openScraper(w *metricWorkspace) error {
	_, own, err := s.ownFilesOf(w)
	if err != nil {
		return err
	}
	w.jobs = &scrapeFile{path: w.config.Scrape, own: own, log: s.log}
	if w.isDefault() && w.config.Scrape == "" {
		w.jobs.path = s.config.Scrape.File
	}
	o := scrape.Options{Appendable: w.db, Folder: filepath.Dir(w.jobs.path), Logger: quiet(s.log), Registerer: w.registerer()}
	if w.config.AzureCompat {
		o.MinInterval = time.Second
	}
	if w.scraper, err = scrape.New(o); err != nil {
		return err
	}
	if _, err := w.jobs.load(w.scraper); err != nil {
		return fmt.Errorf("workspace %s: %w", w.config.Name, err)
	}
	return nil
}

// openHandler makes what answers below /prometheus/.
func (s *Server) openHandler(w *metricWorkspace) (err error) {
	w.receiver, err = remotewrite.New(remotewrite.Options{Appendable: w.db, SamplesPerMinute: w.limits.SamplesPerMinute, RequestsPerMinute: w.limits.RequestsPerMinute, BytesPerMinute: w.limits.BytesPerMinute,
		Logger: quiet(s.log), Registerer: w.registerer()})
	if err != nil {
		return err
	}
	api, err := metrics.New(s.apiOptions(w))
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/prometheus/", api)
	mux.Handle("POST /prometheus/api/v1/write", w.receiver)
	mux.HandleFunc("POST /prometheus/-/reload", s.reloadWorkspace(w))
	w.handler = mux
	return nil
}

func (s *Server) apiOptions(w *metricWorkspace) metrics.Options {
	o := metrics.Options{Prefix: "/prometheus", Engine: w.engine, Storage: w.db, Rules: w.rules, Alertmanagers: s.forward, Metadata: w.db.Metadata, Started: s.started, Gatherer: s.processMetrics(),
		Targets: w.scraper, Config: w.scraper.Config,
		Logger: quiet(s.log), Registerer: w.registerer(), ExternalURL: s.monitorURL() + w.prefix(), ProcessRoutes: w.isDefault(), Retention: s.storeOptions(w).Retention}
	limits := w.engine.Limits()
	o.Flags = map[string]string{
		"query.timeout": limits.Timeout.String(), "query.max-concurrency": fmt.Sprint(limits.MaxConcurrent), "query.max-samples": fmt.Sprint(limits.MaxSamples),
		"query.lookback-delta": limits.Lookback.String(), "storage.tsdb.retention.time": o.Retention.String(), "web.external-url": o.ExternalURL,
		"web.enable-remote-write-receiver": "true", "web.enable-admin-api": "false",
	}
	return o
}

// reloadWorkspace answers POST /-/reload as Prometheus does.
func (s *Server) reloadWorkspace(w *metricWorkspace) http.HandlerFunc {
	return func(rw http.ResponseWriter, _ *http.Request) {
		_, faulty := w.files.load(w.rules)
		_, unscraped := w.jobs.load(w.scraper)
		if err := errors.Join(faulty, unscraped); err != nil {
			http.Error(rw, "the old settings stay in force: "+err.Error(), http.StatusInternalServerError)
		}
	}
}

// stop ends what writes to the samples, and closes them. What was never opened,
// or is stopped already, is passed over.
func (w *metricWorkspace) stop() error {
	w.stopScraping()
	w.stopRules()
	return w.closeStore()
}

func (w *metricWorkspace) stopScraping() {
	if w.scraper != nil {
		w.once.scraping.Do(w.scraper.Stop)
	}
}

func (w *metricWorkspace) stopRules() {
	if w.rules != nil {
		w.once.rules.Do(w.rules.Stop)
	}
}

func (w *metricWorkspace) closeStore() (err error) {
	if w.db != nil {
		w.once.store.Do(func() { err = w.db.Close() })
	}
	return err
}
