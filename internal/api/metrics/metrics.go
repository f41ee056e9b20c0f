// Package metrics serves the Prometheus HTTP API over one workspace: queries,
// metadata, rules and alerts, remote read, federation.
//
// What comes in: HTTP requests below a prefix. What goes out: Prometheus's own
// answers, so that its clients (promtool, Grafana, the official libraries) work
// as they are. It must never authorise a request (the caller does), open a file,
// or show the settings of the process unless it is told to.
package metrics

import (
	"errors"
	"log/slog"
	"net/http"
	"time"

	"gatehouse/internal/query/promql"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/model/metadata"
	"github.com/prometheus/prometheus/storage"
	apiv1 "github.com/prometheus/prometheus/web/api/v1"
)

// Storage is the workspace's samples; store/tsdb's DB is one.
type Storage interface {
	storage.SampleAndChunkQueryable
	storage.ExemplarQueryable
	storage.Appendable
	storage.AppendableV2
	apiv1.TSDBAdminStats
}

// Targets is what is scraped; Prometheus's scrape manager is one.
type Targets interface {
	apiv1.ScrapePoolsRetriever
	apiv1.TargetRetriever
}

// Options of one workspace's API. Engine and Storage are required; the zero
// value of another field means its default.
type Options struct {
	Prefix      string // of the path; default "/prometheus"
	ExternalURL string // base of the links in the OpenAPI text, e.g. https://host:9443/prometheus

	Engine  *promql.Engine
	Storage Storage
	Rules   apiv1.RulesRetriever // nil: no rules
	Targets Targets              // nil: no targets
	// Alertmanagers outside that get alerts; nil: none.
	Alertmanagers apiv1.AlertmanagerRetriever
	Metadata      func() map[string]metadata.Metadata // of families that are not scraped; nil: none

	MaxQueryBody  int64                // of a request, bytes; default 1 MiB
	ProcessRoutes bool                 // also serve status/config, flags, runtimeinfo, self_metrics: the whole process's
	Flags         map[string]string    // of status/flags, by the names of Prometheus's own
	Retention     time.Duration        // of status/runtimeinfo
	Config        func() config.Config // of status/config; nil: Prometheus's defaults

	Version    string // of Prometheus, as clients choose features by it; default "3.15.0"
	Started    time.Time
	Gatherer   prometheus.Gatherer // for self_metrics
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

func (o Options) withDefaults() Options {
	if o.Prefix == "" {
		o.Prefix = "/prometheus"
	}
	if o.MaxQueryBody <= 0 {
		o.MaxQueryBody = 1 << 20
	}
	if o.Version == "" {
		o.Version = "3.15.0"
	}
	if o.Started.IsZero() {
		o.Started = time.Now()
	}
	if o.Gatherer == nil {
		o.Gatherer = prometheus.NewRegistry()
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Rules == nil {
		o.Rules = noRules{}
	}
	if o.Alertmanagers == nil {
		o.Alertmanagers = noAlertmanagers{}
	}
	if o.Targets == nil {
		o.Targets = noTargets{}
	}
	if o.Metadata == nil {
		o.Metadata = func() map[string]metadata.Metadata { return nil }
	}
	return o
}

// New gives the handler of everything below Options.Prefix: /api/v1/... and
// /federate. Mount it on prefix + "/" and do not strip the prefix.
func New(o Options) (http.Handler, error) {
	o = o.withDefaults()
	if o.Engine == nil || o.Storage == nil {
		return nil, errors.New("make the metrics API: Engine and Storage are required")
	}
	upstream, err := newUpstream(o)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/api/v1/", allowed(o, limited(o, upstream)))
	mux.Handle("/api/v1/metadata", &metadataHandler{o: o})
	mux.Handle("/federate", &federation{o: o})
	mux.HandleFunc("GET /-/healthy", alive) // promtool check healthy
	mux.HandleFunc("GET /-/ready", alive)   // samples are open before New
	mux.HandleFunc("/", notFound)
	return http.StripPrefix(o.Prefix, mux), nil
}
