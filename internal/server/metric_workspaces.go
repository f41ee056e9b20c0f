package server

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"gatehouse/internal/query/promql"
	"gatehouse/internal/store/tsdb"
	"gatehouse/internal/telemetry"
)

// MetricsConfig are the workspaces of metrics. The default one, which has the
// gateway's own metrics, always exists; naming it "default" sets its fields.
type MetricsConfig struct {
	Workspaces []MetricWorkspaceConfig `yaml:"workspaces"`
}

// MetricWorkspaceConfig is a workspace of metrics: what an Azure Monitor
// workspace is in Azure. In JSON it is one that is made while the process runs.
type MetricWorkspaceConfig struct {
	Name              string   `yaml:"name" json:"name"`
	Retention         Duration `yaml:"retention" json:"retention,omitempty"` // 0: data.metricRetention
	MaxBytes          int64    `yaml:"maxBytes" json:"maxBytes,omitempty"`   // of blocks, 0: no limit
	MaxSeries         int64    `yaml:"maxSeries" json:"maxSeries,omitempty"` // active, 0: data.maxSeries, -1: no limit
	SamplesPerMinute  int64    `yaml:"samplesPerMinute" json:"samplesPerMinute,omitempty"`
	RequestsPerMinute int64    `yaml:"requestsPerMinute" json:"requestsPerMinute,omitempty"`
	BytesPerMinute    int64    `yaml:"bytesPerMinute" json:"bytesPerMinute,omitempty"`     // of remote write, as they are sent
	OutOfOrderWindow  Duration `yaml:"outOfOrderWindow" json:"outOfOrderWindow,omitempty"` // 0: 10m
	// AzureCompat applies the limits of Azure Monitor workspaces to labels, to
	// queries and, where nothing is set, to series, samples, requests and bytes,
	// and refuses labels that differ only by case.
	AzureCompat  bool              `yaml:"azureCompat" json:"azureCompat,omitempty"`
	PersonalData string            `yaml:"personalData" json:"personalData,omitempty"` // "": kept, refuse, hash
	Query        MetricQueryConfig `yaml:"query" json:"query,omitzero"`
	Rules        []string          `yaml:"rules" json:"-"`  // files, beside rules.files of the default workspace
	Scrape       string            `yaml:"scrape" json:"-"` // file, in the form of prometheus.yml
	// DataCollectionRule is the id in the ingestion path that Azure gives out,
	// beside the workspace's name.
	DataCollectionRule string `yaml:"dataCollectionRule" json:"dataCollectionRule,omitempty"`
}

// MetricQueryConfig bounds the queries of a workspace. 0 is the default: of the
// Azure profile with azureCompat, otherwise the one that stands here.
type MetricQueryConfig struct {
	MaxSamples int      `yaml:"maxSamples" json:"maxSamples,omitempty"` // in memory at once, 50 000 000
	Timeout    Duration `yaml:"timeout" json:"timeout,omitempty"`       // 2m
	Concurrent int      `yaml:"concurrent" json:"concurrent,omitempty"` // 20; others wait
	MaxLength  int      `yaml:"maxLength" json:"maxLength,omitempty"`   // bytes of the text, 64 KiB; -1: none, as of those below
	MaxRange   Duration `yaml:"maxRange" json:"maxRange,omitempty"`     // none; Azure 32d
	MaxSeries  int      `yaml:"maxSeries" json:"maxSeries,omitempty"`   // of one selector, none; Azure 500 000
	MaxCost    float64  `yaml:"maxCost" json:"maxCost,omitempty"`       // series times minutes by 5000, none; Azure 15 000
	Slow       Duration `yaml:"slow" json:"slow,omitempty"`             // from when on a query is noted, 10s
	// OneMetric wants the name of one metric in each selector; default: with
	// azureCompat.
	OneMetric *bool `yaml:"oneMetric" json:"oneMetric,omitempty"`
	// The following are without a limit unless azureCompat or a value is set.
	MaxKeyBytes    int64   `yaml:"maxKeyBytes" json:"maxKeyBytes,omitempty"`       // labels of the series of one selector; Azure 64 MiB
	UserHours      float64 `yaml:"userHours" json:"userHours,omitempty"`           // asked for in 30 s; Azure 30 000
	WorkspaceHours float64 `yaml:"workspaceHours" json:"workspaceHours,omitempty"` // the same of all users; Azure 60 000
	ParsedHours    float64 `yaml:"parsedHours" json:"parsedHours,omitempty"`       // read by selectors in 30 s; Azure 2 000 000
	ReturnedBytes  int64   `yaml:"returnedBytes" json:"returnedBytes,omitempty"`   // of answers in 30 s; Azure 500 000 000
	RuleCost       float64 `yaml:"ruleCost" json:"ruleCost,omitempty"`             // as maxCost, of a rule; Azure 3 000
	RuleBytes      int64   `yaml:"ruleBytes" json:"ruleBytes,omitempty"`           // of the results of rules in 3 minutes; Azure 1 000 000 000
}

// options are the engine's.
func (c *MetricQueryConfig) options(azure bool) promql.Options {
	o := promql.Options{MaxSamples: c.MaxSamples, Timeout: time.Duration(c.Timeout), MaxConcurrent: c.Concurrent, SlowQuery: time.Duration(c.Slow)}
	o.Limits = promql.Limits{MaxLength: 64 << 10}
	if azure {
		o.Limits = promql.AzureLimits()
	}
	l := &o.Limits
	override(&l.MaxLength, c.MaxLength)
	override(&l.MaxSeries, c.MaxSeries)
	override(&l.MaxCost, c.MaxCost)
	override(&l.RuleCost, c.RuleCost)
	override(&l.MaxKeyBytes, c.MaxKeyBytes)
	override(&l.Hours.Account, c.UserHours)
	override(&l.Hours.Workspace, c.WorkspaceHours)
	override(&l.ParsedHours.Account, c.ParsedHours)
	override(&l.ParsedHours.Workspace, c.ParsedHours)
	override(&l.Returned, float64(c.ReturnedBytes))
	override(&l.RuleReturned, float64(c.RuleBytes))
	if c.MaxRange != 0 {
		l.MaxRange = time.Duration(c.MaxRange)
	}
	if c.OneMetric != nil {
		l.OneMetric = *c.OneMetric
	}
	return o
}

// override sets a limit from a setting: 0 leaves it, below 0 there is none.
func override[T int | int64 | float64](field *T, value T) {
	if value != 0 {
		*field = max(value, 0)
	}
}

// withAzure fills the quotas that are not set with those of Azure Monitor
// workspaces.
func (c MetricWorkspaceConfig) withAzure() MetricWorkspaceConfig {
	if !c.AzureCompat {
		return c
	}
	for field, value := range map[*int64]int64{&c.MaxSeries: 1_000_000, &c.SamplesPerMinute: 1_000_000, &c.RequestsPerMinute: 15_000, &c.BytesPerMinute: 50_000_000_000} {
		if *field == 0 {
			*field = value
		}
	}
	return c
}

// check gives the workspaces, the default one first.
func (c *MetricsConfig) check() ([]MetricWorkspaceConfig, error) {
	out := []MetricWorkspaceConfig{{Name: telemetry.DefaultWorkspace}}
	seen := map[string]bool{}
	var errs []error
	for _, w := range c.Workspaces {
		key := strings.ToLower(w.Name)
		if err := w.check(); err != nil {
			errs = append(errs, fmt.Errorf("metrics.workspaces: %w", err))
		} else if seen[key] {
			errs = append(errs, fmt.Errorf("metrics.workspaces: %q stands twice", w.Name))
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

func (c *MetricWorkspaceConfig) check() error {
	switch {
	case !workspaceName(c.Name) || c.Name[0] == '-' || c.Name[0] == '_':
		return fmt.Errorf("%q is not a name of a workspace: use 1 to 63 letters, digits, hyphens and underscores, the first a letter or digit", c.Name)
	case c.PersonalData != "" && c.PersonalData != tsdb.PersonalHash && c.PersonalData != tsdb.PersonalRefuse:
		return fmt.Errorf("%s: personalData is %q; use %s, %s or nothing", c.Name, c.PersonalData, tsdb.PersonalHash, tsdb.PersonalRefuse)
	case c.SamplesPerMinute < -1 || c.RequestsPerMinute < -1 || c.BytesPerMinute < -1 || c.MaxBytes < 0 || c.Query.MaxSamples < 0 || c.Query.Concurrent < 0:
		return fmt.Errorf("%s: a limit is negative; 0 means the default, and -1 of samplesPerMinute, requestsPerMinute and bytesPerMinute none", c.Name)
	case c.DataCollectionRule != "" && !workspaceName(c.DataCollectionRule):
		return fmt.Errorf("%s: dataCollectionRule %q: use 1 to 63 letters, digits, hyphens and underscores", c.Name, c.DataCollectionRule)
	}
	return nil
}

// maxMetricWorkspaces of a process: each takes about 5 MiB when idle.
const maxMetricWorkspaces = 100
