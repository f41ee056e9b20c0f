package server

import (
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"gatehouse/internal/api"
	"gatehouse/internal/query/promql"
	"gatehouse/internal/store/tsdb"
)

// workspaceUsage puts the usage and limits of the workspaces beside the
// gateway's metrics, so that rules can watch them.
type workspaceUsage struct {
	server  *Server
	gauges  []usageGauge
	refused *prometheus.Desc
	queries *prometheus.Desc
	top     *prometheus.Desc
}

type usageGauge struct {
	desc *prometheus.Desc
	of   func(*metricWorkspace, tsdb.Usage) int64
}

func newWorkspaceUsage(s *Server) *workspaceUsage {
	gauge := func(name, help string, of func(*metricWorkspace, tsdb.Usage) int64) usageGauge {
		return usageGauge{prometheus.NewDesc("gatehouse_metrics_workspace_"+name, help, []string{"workspace"}, nil), of}
	}
	return &workspaceUsage{server: s, gauges: []usageGauge{
		gauge("active_series", "Active series of the workspace.", func(_ *metricWorkspace, u tsdb.Usage) int64 { return u.Series }),
		gauge("active_series_limit", "The most active series that the workspace takes; 0 is no limit.", func(_ *metricWorkspace, u tsdb.Usage) int64 { return u.SeriesLimit }),
		gauge("events_per_minute", "Samples that were stored in the last 60 seconds, whatever way they came.", func(_ *metricWorkspace, u tsdb.Usage) int64 { return u.LastMinute }),
		gauge("events_per_minute_limit", "The most samples that the workspace takes by remote write in a minute; 0 is no limit.", func(w *metricWorkspace, _ tsdb.Usage) int64 { return max(w.limits.SamplesPerMinute, 0) }),
		gauge("query_range_seconds", "Time that queries asked for in the last 30 seconds.", func(w *metricWorkspace, _ tsdb.Usage) int64 { return int64(w.engine.Usage().Hours * 3600) }),
		gauge("query_range_seconds_limit", "The most time that queries may ask for in 30 seconds; 0 is no limit.", func(w *metricWorkspace, _ tsdb.Usage) int64 {
			return int64(w.engine.Limits().Limits.Hours.Workspace * 3600)
		}),
		gauge("query_bytes", "Bytes that queries were answered with in the last 30 seconds.", func(w *metricWorkspace, _ tsdb.Usage) int64 { return int64(w.engine.Usage().Returned) }),
		gauge("query_bytes_limit", "The most bytes that queries are answered with in 30 seconds; 0 is no limit.", func(w *metricWorkspace, _ tsdb.Usage) int64 { return int64(w.engine.Limits().Limits.Returned) }),
		gauge("refused_series", "Attempts to make a series that were refused since the start.", func(_ *metricWorkspace, u tsdb.Usage) int64 { return u.SeriesRefused }),
		gauge("scrubbed_values", "Label values that were hashed since the start.", func(_ *metricWorkspace, u tsdb.Usage) int64 { return u.Scrubbed }),
		gauge("block_bytes", "Bytes of the workspace's blocks on disk.", func(_ *metricWorkspace, u tsdb.Usage) int64 { return u.BlockBytes }),
	}, refused: prometheus.NewDesc("gatehouse_metrics_workspace_refused_samples_total", "Samples that were refused, whatever way they came, by reason.", []string{"workspace", "reason"}, nil),
		queries: prometheus.NewDesc("gatehouse_metrics_workspace_refused_queries_total", "Queries that were refused by a limit, by reason.", []string{"workspace", "reason"}, nil),
		top:     prometheus.NewDesc("gatehouse_metrics_top_series", "Active series of the largest metrics, APIs and teams, counted once a minute.", []string{"workspace", "by", "name"}, nil)}
}

// Describe tells of the families.
func (c *workspaceUsage) Describe(out chan<- *prometheus.Desc) {
	for _, g := range c.gauges {
		out <- g.desc
	}
	out <- c.refused
	out <- c.queries
	out <- c.top
}

// Collect reads the open workspaces.
func (c *workspaceUsage) Collect(out chan<- prometheus.Metric) {
	for _, w := range c.server.metrics.all() {
		if w.users.enter() != nil {
			continue
		}
		u := w.db.Usage()
		for _, g := range c.gauges {
			out <- prometheus.MustNewConstMetric(g.desc, prometheus.GaugeValue, float64(g.of(w, u)), w.config.Name)
		}
		for reason, n := range w.db.RefusedSamples() {
			out <- prometheus.MustNewConstMetric(c.refused, prometheus.CounterValue, float64(n), w.config.Name, reason)
		}
		for reason, n := range w.engine.Usage().Refused {
			out <- prometheus.MustNewConstMetric(c.queries, prometheus.CounterValue, float64(n), w.config.Name, reason)
		}
		for _, one := range c.server.topCounts(w) {
			out <- prometheus.MustNewConstMetric(c.top, prometheus.GaugeValue, float64(one.n), w.config.Name, one.by, one.name)
		}
		w.users.leave()
	}
}

// metricWorkspaceView is a workspace as GET /api/metric-workspaces shows it.
type metricWorkspaceView struct {
	Name              string  `json:"name"`
	FromSettings      bool    `json:"from_settings"` // it cannot be changed here
	QueryEndpoint     string  `json:"query_endpoint"`
	IngestionEndpoint string  `json:"ingestion_endpoint"`
	AzureEndpoint     string  `json:"azure_ingestion_endpoint"`
	RetentionDays     float64 `json:"retention_days"`
	AzureCompat       bool    `json:"azure_compat"`
	PersonalData      string  `json:"personal_data,omitempty"`

	ActiveSeries      int64 `json:"active_series"`
	SeriesLimit       int64 `json:"active_series_limit"`
	EventsPerMinute   int64 `json:"events_per_minute"`
	SamplesPerMinute  int64 `json:"samples_per_minute_limit"`
	RequestsPerMinute int64 `json:"requests_per_minute_limit"`
	BytesPerMinute    int64 `json:"bytes_per_minute_limit"`
	BlockBytes        int64 `json:"block_bytes"`
	BlockBytesLimit   int64 `json:"block_bytes_limit"`
	RefusedSeries     int64 `json:"refused_series"`
	ScrubbedValues    int64 `json:"scrubbed_values"`

	RefusedSamples map[string]int64 `json:"refused_samples"` // since the start, by reason
	Refusals       []tsdb.Refusal   `json:"refusals"`        // newest first
	Query          queryLimitsView  `json:"query_limits"`
	QueryUsage     queryUsageView   `json:"query_usage"`
	RulesError     string           `json:"rules_error,omitempty"`
	ScrapeError    string           `json:"scrape_error,omitempty"`
}

// queryLimitsView are the limits of queries in force; 0 is none.
type queryLimitsView struct {
	MaxSamples int     `json:"max_samples"`
	Timeout    float64 `json:"timeout_seconds"`
	Concurrent int     `json:"concurrent"`
	MaxLength  int     `json:"max_length"`
	MaxRange   float64 `json:"max_range_seconds"`
	MaxSeries  int     `json:"max_series"`
	MaxCost    float64 `json:"max_cost"`
	Slow       float64 `json:"slow_seconds"`

	OneMetric      bool    `json:"one_metric"`
	MaxKeyBytes    int64   `json:"max_key_bytes"`
	UserHours      float64 `json:"user_hours"`
	WorkspaceHours float64 `json:"workspace_hours"`
	TenantHours    float64 `json:"tenant_hours"`
	ParsedHours    float64 `json:"parsed_hours"`
	Returned       float64 `json:"returned_bytes"`
	RuleCost       float64 `json:"rule_cost"`
	RuleReturned   float64 `json:"rule_bytes"`
}

// queryUsageView is what queries use of the limits that hold over a time.
type queryUsageView struct {
	Hours        float64          `json:"hours"`          // asked for in the last 30 s
	ParsedHours  float64          `json:"parsed_hours"`   // read by selectors in the last 30 s
	Returned     float64          `json:"returned_bytes"` // in the last 30 s
	RuleReturned float64          `json:"rule_bytes"`     // in the last 3 minutes
	Refused      map[string]int64 `json:"refused"`        // queries since the start, by reason
}

// viewMetricWorkspace tells of an open workspace; ok is false when it is being
// closed.
func (s *Server) viewMetricWorkspace(w *metricWorkspace) (view metricWorkspaceView, ok bool) {
	if w.users.enter() != nil {
		return view, false
	}
	defer w.users.leave()
	base := strings.TrimSuffix(s.ingestionURL(), "/")
	u, id := w.db.Usage(), w.config.DataCollectionRule
	if id == "" {
		id = w.config.Name
	}
	return metricWorkspaceView{Name: w.config.Name, FromSettings: !w.made, QueryEndpoint: base + w.prefix(), IngestionEndpoint: base + w.prefix() + "/api/v1/write",
		AzureEndpoint: base + "/dataCollectionRules/" + id + "/streams/Microsoft-PrometheusMetrics/api/v1/write", RetentionDays: s.storeOptions(w).Retention.Hours() / 24,
		AzureCompat: w.config.AzureCompat, PersonalData: w.config.PersonalData,
		ActiveSeries: u.Series, SeriesLimit: u.SeriesLimit, EventsPerMinute: u.LastMinute, SamplesPerMinute: max(w.limits.SamplesPerMinute, 0), RequestsPerMinute: max(w.limits.RequestsPerMinute, 0), BytesPerMinute: max(w.limits.BytesPerMinute, 0),
		BlockBytes: u.BlockBytes, BlockBytesLimit: w.config.MaxBytes, RefusedSeries: u.SeriesRefused, ScrubbedValues: u.Scrubbed,
		RefusedSamples: w.db.RefusedSamples(), Refusals: w.db.Refusals(),
		Query: viewQueryLimits(w.engine.Limits()), QueryUsage: viewQueryUsage(w.engine.Usage()),
		RulesError: w.files.fault(), ScrapeError: w.jobs.fault()}, true
}

func viewQueryLimits(o promql.Options) queryLimitsView {
	l := o.Limits
	return queryLimitsView{MaxSamples: o.MaxSamples, Timeout: o.Timeout.Seconds(), Concurrent: o.MaxConcurrent, MaxLength: l.MaxLength,
		MaxRange: l.MaxRange.Seconds(), MaxSeries: l.MaxSeries, MaxCost: l.MaxCost, Slow: o.SlowQuery.Seconds(),
		OneMetric: l.OneMetric, MaxKeyBytes: l.MaxKeyBytes, UserHours: l.Hours.Account, WorkspaceHours: l.Hours.Workspace, TenantHours: l.Hours.Tenant,
		ParsedHours: l.ParsedHours.Workspace, Returned: l.Returned, RuleCost: l.RuleCost, RuleReturned: l.RuleReturned}
}

func viewQueryUsage(u promql.Usage) queryUsageView {
	out := queryUsageView{Hours: u.Hours, ParsedHours: u.ParsedHours, Returned: u.Returned, RuleReturned: u.RuleReturned, Refused: u.Refused}
	if out.Refused == nil {
		out.Refused = map[string]int64{}
	}
	return out
}

func (s *Server) listMetricWorkspaces(rw http.ResponseWriter, _ *http.Request) {
	out := struct {
		Workspaces []metricWorkspaceView `json:"workspaces"`
	}{[]metricWorkspaceView{}}
	for _, w := range s.metrics.all() {
		if view, ok := s.viewMetricWorkspace(w); ok {
			out.Workspaces = append(out.Workspaces, view)
		}
	}
	api.WriteJSON(rw, http.StatusOK, out)
}

func (s *Server) getMetricWorkspace(rw http.ResponseWriter, r *http.Request) {
	if w := s.metrics.find(r.PathValue("name")); w != nil {
		if view, ok := s.viewMetricWorkspace(w); ok {
			api.WriteJSON(rw, http.StatusOK, view)
			return
		}
	}
	noSuchWorkspace(rw, r.PathValue("name"))
}

func noSuchWorkspace(rw http.ResponseWriter, name string) {
	api.WriteError(rw, http.StatusNotFound, api.Error{Code: api.CodeNotFound, Message: "there is no metric workspace " + name})
}

// slowQueries answers with what was slow of late, the newest first; the
// workspace "across" stands for the queries over several.
func (s *Server) slowQueries(rw http.ResponseWriter, r *http.Request) {
	engine := s.across
	if name := r.PathValue("name"); name != "across" {
		w := s.metrics.find(name)
		if w == nil {
			noSuchWorkspace(rw, name)
			return
		}
		engine = w.engine
	}
	api.WriteJSON(rw, http.StatusOK, struct {
		Threshold float64            `json:"threshold_seconds"`
		Queries   []promql.SlowQuery `json:"queries"`
	}{engine.Limits().SlowQuery.Seconds(), engine.SlowQueries()})
}
