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
	OutOfOrderWindow  Duration `yaml:"outOfOrderWindow" json:"outOfOrderWindow,omitempty"` // 0: 10m
	// AzureCompat applies the limits of Azure Monitor workspaces to labels and to
	// queries, and refuses labels that differ only by case.
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
}

// options are the engine's.
func (c *MetricQueryConfig) options(azure bool) promql.Options {
	o := promql.Options{MaxSamples: c.MaxSamples, Timeout: time.Duration(c.Timeout), MaxConcurrent: c.Concurrent, SlowQuery: time.Duration(c.Slow)}
	o.Limits = promql.Limits{MaxLength: 64 << 10}
	if azure {
		o.Limits = promql.AzureLimits()
	}
	set := func(field *int, value int) {
		if value != 0 {
			*field = max(value, 0)
		}
	}
	set(&o.Limits.MaxLength, c.MaxLength)
	set(&o.Limits.MaxSeries, c.MaxSeries)
	if c.MaxRange != 0 {
		o.Limits.MaxRange = time.Duration(c.MaxRange)
	}
	if c.MaxCost != 0 {
		o.Limits.MaxCost = max(c.MaxCost, 0)
	}
	return o
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
	case c.SamplesPerMinute < 0 || c.RequestsPerMinute < 0 || c.MaxBytes < 0 || c.Query.MaxSamples < 0 || c.Query.Concurrent < 0:
		return fmt.Errorf("%s: a limit is negative; 0 means the default", c.Name)
	case c.DataCollectionRule != "" && !workspaceName(c.DataCollectionRule):
		return fmt.Errorf("%s: dataCollectionRule %q: use 1 to 63 letters, digits, hyphens and underscores", c.Name, c.DataCollectionRule)
	}
	return nil
}

// maxMetricWorkspaces of a process: each takes about 5 MiB when idle.
const maxMetricWorkspaces = 100
