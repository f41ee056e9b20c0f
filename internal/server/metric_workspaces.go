package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
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

// MetricsConfig are the workspaces of metrics. The default one, which has the
// gateway's own metrics, always exists; naming it "default" sets its fields.
type MetricsConfig struct {
	Workspaces []MetricWorkspaceConfig `yaml:"workspaces"`
}

// MetricWorkspaceConfig is a workspace of metrics: what an Azure Monitor
// workspace is in Azure.
type MetricWorkspaceConfig struct {
	Name              string   `yaml:"name"`
	Retention         Duration `yaml:"retention"` // 0: data.metricRetention
	MaxBytes          int64    `yaml:"maxBytes"`  // of blocks, 0: no limit
	MaxSeries         int64    `yaml:"maxSeries"` // active, 0: data.maxSeries, -1: no limit
	SamplesPerMinute  int64    `yaml:"samplesPerMinute"`
	RequestsPerMinute int64    `yaml:"requestsPerMinute"`
	OutOfOrderWindow  Duration `yaml:"outOfOrderWindow"` // 0: 10m
	// AzureCompat applies the limits of Azure Monitor workspaces to labels, and
	// refuses labels that differ only by case.
	AzureCompat  bool     `yaml:"azureCompat"`
	PersonalData string   `yaml:"personalData"` // "": kept, refuse, hash
	Rules        []string `yaml:"rules"`        // files, beside rules.files of the default workspace
	Scrape       string   `yaml:"scrape"`       // file, in the form of prometheus.yml
	// DataCollectionRule is the id in the ingestion path that Azure gives out,
	// beside the workspace's name.
	DataCollectionRule string `yaml:"dataCollectionRule"`
}

// metricWorkspace is an open workspace of metrics.
type metricWorkspace struct {
	config   MetricWorkspaceConfig
	db       *tsdb.DB
	engine   *promql.Engine
	rules    *rules.Rules
	files    *ruleFiles
	scraper  *scrape.Scraper
	jobs     *scrapeFile
	receiver *remotewrite.Receiver
}

func (w *metricWorkspace) isDefault() bool { return w.config.Name == telemetry.DefaultWorkspace }

// prefix is the path of the workspace's Prometheus API.
func (w *metricWorkspace) prefix() string {
	if w.isDefault() {
		return "/prometheus"
	}
	return "/workspaces/" + w.config.Name + "/prometheus"
}

// check gives the workspaces, the default one first.
func (c *MetricsConfig) check() ([]MetricWorkspaceConfig, error) {
	out := []MetricWorkspaceConfig{{Name: telemetry.DefaultWorkspace}}
	seen := map[string]bool{}
	var errs []error
	for _, w := range c.Workspaces {
		key := strings.ToLower(w.Name)
		switch {
		case !workspaceName(w.Name):
			errs = append(errs, fmt.Errorf("metrics.workspaces: %q is not a name of a workspace: use 1 to 63 letters, digits, hyphens and underscores", w.Name))
		case seen[key]:
			errs = append(errs, fmt.Errorf("metrics.workspaces: %q stands twice", w.Name))
		case w.PersonalData != "" && w.PersonalData != tsdb.PersonalHash && w.PersonalData != tsdb.PersonalRefuse:
			errs = append(errs, fmt.Errorf("metrics.workspaces: %s: personalData is %q; use %s, %s or nothing", w.Name, w.PersonalData, tsdb.PersonalHash, tsdb.PersonalRefuse))
		case w.SamplesPerMinute < 0 || w.RequestsPerMinute < 0 || w.MaxBytes < 0:
			errs = append(errs, fmt.Errorf("metrics.workspaces: %s: a limit is negative; 0 means none", w.Name))
		}
		seen[key] = true
		if key == telemetry.DefaultWorkspace {
			w.Name = telemetry.DefaultWorkspace
			out[0] = w
			continue
		}
		out = append(out, w)
	}
	if len(out) > maxMetricWorkspaces {
		errs = append(errs, fmt.Errorf("metrics.workspaces: %d workspaces, at most %d", len(out), maxMetricWorkspaces))
	}
	return out, errors.Join(errs...)
}

// maxMetricWorkspaces of a process: each takes about 5 MiB when idle.
const maxMetricWorkspaces = 100

// registererOf keeps the libraries' metrics of the workspaces apart.
func (s *Server) registererOf(w *metricWorkspace) prometheus.Registerer {
	return prometheus.WrapRegistererWith(prometheus.Labels{"workspace": w.config.Name}, s.registry)
}

func (s *Server) openMetricStores() error {
	list, err := s.config.Metrics.check()
	if err != nil {
		return err
	}
	for _, c := range list {
		w := &metricWorkspace{config: c}
		if w.db, err = tsdb.Open(s.storeOptions(w)); err != nil {
			return err
		}
		s.onClose("metrics store "+c.Name, w.db.Close)
		s.metricWorkspaces = append(s.metricWorkspaces, w)
	}
	s.tsdb = s.metricWorkspaces[0].db
	return nil
}

func (s *Server) storeOptions(w *metricWorkspace) tsdb.Options {
	c, d := w.config, s.config.Data
	o := tsdb.Options{Folder: filepath.Join(d.Folder, "tsdb"), Workspace: c.Name, Retention: time.Duration(c.Retention), MaxBytes: c.MaxBytes,
		MaxSeries: c.MaxSeries, OutOfOrderWindow: time.Duration(c.OutOfOrderWindow), Logger: quiet(s.log), Registerer: s.registererOf(w)}
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

func (s *Server) openMetricQueries() {
	for _, w := range s.metricWorkspaces {
		w.engine = promql.New(w.db, promql.Options{Logger: quiet(s.log), Registerer: s.registererOf(w)})
	}
	s.engine = s.metricWorkspaces[0].engine
}

func (s *Server) openRules() error {
	for _, w := range s.metricWorkspaces {
		if err := s.openRulesOf(w); err != nil {
			return err
		}
	}
	s.rules = s.metricWorkspaces[0].rules
	return nil
}

func (s *Server) openRulesOf(w *metricWorkspace) error {
	o := rules.Options{
		Query: w.engine.Instant, Appendable: w.db, Queryable: w.db, Notify: s.alerts.Put,
		Interval: time.Duration(s.config.Rules.Interval), ExternalURL: s.monitorURL() + w.prefix(), Logger: quiet(s.log), Registerer: s.registererOf(w),
	}
	w.files = &ruleFiles{paths: w.config.Rules, parameters: s.config.Rules.Parameters}
	if w.isDefault() {
		w.files.paths = append(append([]string{}, s.config.Rules.Files...), w.config.Rules...)
		w.files.shipped = !s.config.Rules.NoShipped
	} else {
		o.ExternalLabels = map[string]string{"workspace": w.config.Name}
	}
	var err error
	if w.rules, err = rules.New(o); err != nil {
		return err
	}
	if _, err := w.files.load(w.rules); err != nil {
		return fmt.Errorf("rules of workspace %s: %w", w.config.Name, err)
	}
	s.onClose("rules "+w.config.Name, func() error { w.rules.Stop(); return nil })
	return w.rules.Start()
}

// metricRoutes mounts the Prometheus APIs of the workspaces and the ways in by
// remote write: Prometheus's own path and Azure's.
func (s *Server) metricRoutes(mux *http.ServeMux) error {
	for _, w := range s.metricWorkspaces {
		var err error
		w.receiver, err = remotewrite.New(remotewrite.Options{Appendable: w.db, SamplesPerMinute: w.config.SamplesPerMinute, RequestsPerMinute: w.config.RequestsPerMinute,
			Logger: quiet(s.log), Registerer: s.registererOf(w)})
		if err != nil {
			return err
		}
		prefixes := []string{w.prefix()}
		if w.isDefault() {
			prefixes = append(prefixes, "/workspaces/default/prometheus")
		}
		api, err := metrics.New(s.apiOptions(w))
		if err != nil {
			return err
		}
		for _, prefix := range prefixes {
			h := api
			if prefix != w.prefix() {
				h = http.StripPrefix("/workspaces/default", api)
			}
			mux.Handle(prefix+"/", h)
			mux.Handle("POST "+prefix+"/api/v1/write", w.receiver)
			mux.HandleFunc("POST "+prefix+"/-/reload", s.reloadWorkspace(w))
		}
		if err := s.usageSeries(w); err != nil {
			return err
		}
	}
	mux.HandleFunc("POST /dataCollectionRules/{id}/streams/Microsoft-PrometheusMetrics/api/v1/write", s.azureWrite)
	mux.HandleFunc("GET /api/metrics/workspaces", s.listMetricWorkspaces)
	return nil
}

func (s *Server) apiOptions(w *metricWorkspace) metrics.Options {
	o := metrics.Options{Prefix: w.prefix(), Engine: w.engine, Storage: w.db, Rules: w.rules, Metadata: w.db.Metadata, Started: s.started, Gatherer: s.registry,
		Targets: w.scraper, Config: w.scraper.Config,
		Logger: quiet(s.log), Registerer: s.registererOf(w), ExternalURL: s.monitorURL() + w.prefix(), ProcessRoutes: w.isDefault(), Retention: s.storeOptions(w).Retention}
	limits := w.engine.Limits()
	o.Flags = map[string]string{
		"query.timeout": limits.Timeout.String(), "query.max-concurrency": fmt.Sprint(limits.MaxConcurrent), "query.max-samples": fmt.Sprint(limits.MaxSamples),
		"query.lookback-delta": limits.Lookback.String(), "storage.tsdb.retention.time": o.Retention.String(), "web.external-url": o.ExternalURL,
		"web.enable-remote-write-receiver": "true", "web.enable-admin-api": "false",
	}
	return o
}

// azureWrite takes what Azure's ingestion path takes: only the host changes in
// a sender's settings.
func (s *Server) azureWrite(rw http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	for _, w := range s.metricWorkspaces {
		if strings.EqualFold(id, w.config.Name) || (w.config.DataCollectionRule != "" && strings.EqualFold(id, w.config.DataCollectionRule)) {
			w.receiver.ServeHTTP(rw, r)
			return
		}
	}
	http.Error(rw, fmt.Sprintf("there is no data collection rule %q: use a workspace's name, or set dataCollectionRule in metrics.workspaces", id), http.StatusNotFound)
}

// usageSeries puts the workspace's usage and limits beside the gateway's metrics.
func (s *Server) usageSeries(w *metricWorkspace) error {
	gauge := func(name, help string, value func(tsdb.Usage) float64) error {
		return s.ingest.Registry().Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "gatehouse_metrics_workspace_" + name, Help: help,
			ConstLabels: prometheus.Labels{"workspace": w.config.Name}}, func() float64 { return value(w.db.Usage()) }))
	}
	return errors.Join(
		gauge("active_series", "Active series of the workspace.", func(u tsdb.Usage) float64 { return float64(u.Series) }),
		gauge("active_series_limit", "The most active series that the workspace takes; 0 is no limit.", func(u tsdb.Usage) float64 { return float64(u.SeriesLimit) }),
		gauge("refused_series", "Attempts to make a series that were refused since the start.", func(u tsdb.Usage) float64 { return float64(u.SeriesRefused) }),
		gauge("scrubbed_values", "Label values that were hashed since the start.", func(u tsdb.Usage) float64 { return float64(u.Scrubbed) }),
		gauge("block_bytes", "Bytes of the workspace's blocks on disk.", func(u tsdb.Usage) float64 { return float64(u.BlockBytes) }),
	)
}

// metricWorkspaceView is a workspace as GET /api/metrics/workspaces shows it.
type metricWorkspaceView struct {
	Name              string                `json:"name"`
	QueryEndpoint     string                `json:"query_endpoint"`
	IngestionEndpoint string                `json:"ingestion_endpoint"`
	AzureEndpoint     string                `json:"azure_ingestion_endpoint"`
	RetentionDays     float64               `json:"retention_days"`
	ActiveSeries      int64                 `json:"active_series"`
	SeriesLimit       int64                 `json:"active_series_limit"`
	SamplesPerMinute  int64                 `json:"samples_per_minute_limit"`
	BlockBytes        int64                 `json:"block_bytes"`
	RefusedSeries     int64                 `json:"refused_series"`
	Refusals          []remotewrite.Refusal `json:"refusals"` // newest first
	RulesError        string                `json:"rules_error,omitempty"`
	ScrapeError       string                `json:"scrape_error,omitempty"`
}

func (s *Server) listMetricWorkspaces(rw http.ResponseWriter, _ *http.Request) {
	out := struct {
		Workspaces []metricWorkspaceView `json:"workspaces"`
	}{}
	base := strings.TrimSuffix(s.ingestionURL(), "/")
	for _, w := range s.metricWorkspaces {
		u := w.db.Usage()
		id := w.config.DataCollectionRule
		if id == "" {
			id = w.config.Name
		}
		out.Workspaces = append(out.Workspaces, metricWorkspaceView{Name: w.config.Name, QueryEndpoint: base + w.prefix(), IngestionEndpoint: base + w.prefix() + "/api/v1/write",
			AzureEndpoint: base + "/dataCollectionRules/" + id + "/streams/Microsoft-PrometheusMetrics/api/v1/write", RetentionDays: s.storeOptions(w).Retention.Hours() / 24,
			ActiveSeries: u.Series, SeriesLimit: u.SeriesLimit, SamplesPerMinute: w.config.SamplesPerMinute, BlockBytes: u.BlockBytes,
			RefusedSeries: u.SeriesRefused, Refusals: w.receiver.Refusals(), RulesError: w.files.fault(), ScrapeError: w.jobs.fault()})
	}
	rw.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(rw).Encode(out)
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
