package metrics

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/grafana/regexp"
	"github.com/prometheus/client_golang/exp/api/remote"
	"github.com/prometheus/common/model"
	"github.com/prometheus/common/route"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/scrape"
	"github.com/prometheus/prometheus/util/features"
	"github.com/prometheus/prometheus/util/notifications"
	apiv1 "github.com/prometheus/prometheus/web/api/v1"
)

// newUpstream is the only place that knows the parameters of Prometheus's
// NewAPI, which change with every release.
func newUpstream(o Options) (http.Handler, error) {
	log := o.Logger.With("component", "metrics-api")
	if o.Config == nil {
		settings, err := config.Load("", log)
		if err != nil {
			return nil, fmt.Errorf("make the metrics API: %w", err)
		}
		o.Config = func() config.Config { return *settings }
	}
	limits := o.Engine.Limits()
	external, err := url.Parse(o.ExternalURL)
	if err != nil {
		return nil, fmt.Errorf("make the metrics API: external URL: %w", err)
	}
	api := apiv1.NewAPI(
		o.Engine, o.Storage, o.Storage, o.Storage, o.Storage,
		func(context.Context) apiv1.ScrapePoolsRetriever { return o.Targets },
		func(context.Context) apiv1.TargetRetriever { return o.Targets },
		func(context.Context) apiv1.AlertmanagerRetriever { return o.Alertmanagers },
		o.Config, o.Flags,
		apiv1.GlobalURLOptions{ListenAddress: external.Host, Host: external.Host, Scheme: external.Scheme},
		func(f http.HandlerFunc) http.HandlerFunc { return f }, // ready: samples are open before New
		o.Storage, "", // no folder: only the admin routes, which are off, write to it
		false,    // admin
		false, 0, // search
		log,
		func(context.Context) apiv1.RulesRetriever { return o.Rules },
		limits.MaxSamples, 10, 1<<20, // remote read: samples, requests at once, bytes in a frame
		false, // agent
		regexp.MustCompile(`^$`),
		func() (apiv1.RuntimeInfo, error) { return runtimeInfo(o), nil },
		&apiv1.PrometheusVersion{Version: o.Version, Revision: "gatehouse", Branch: "gatehouse", GoVersion: runtime.Version()},
		func() []notifications.Notification { return nil },
		func() (<-chan notifications.Notification, func(), bool) { return nil, func() {}, false },
		o.Gatherer, o.Registerer,
		nil,                                                   // statistics as upstream renders them
		false, remote.MessageTypes{remote.WriteV1MessageType}, // remote write: the ingest room has the receiver
		false, false, false, // OTLP: the ingest room has the receiver
		false, // zeros at start times
		limits.Lookback,
		false, true, // type and unit labels, metadata
		limitStatus, // otherwise as upstream has them
		features.NewRegistry(),
		apiv1.OpenAPIOptions{ExternalURL: o.ExternalURL, Version: o.Version},
		o.Engine.Parser,
	)
	router := route.New()
	api.Register(router.WithPrefix("/api/v1"))
	return router, nil
}

func runtimeInfo(o Options) apiv1.RuntimeInfo {
	retention := ""
	if o.Retention > 0 {
		retention = model.Duration(o.Retention).String()
	}
	return apiv1.RuntimeInfo{
		CWD: "/", GOGC: os.Getenv("GOGC"), GODEBUG: os.Getenv("GODEBUG"), GOMEMLIMIT: debug.SetMemoryLimit(-1), StorageRetention: retention,
		StartTime: o.Started, ServerTime: time.Now(), ReloadConfigSuccess: true, LastConfigTime: o.Started,
		GoroutineCount: runtime.NumGoroutine(), GOMAXPROCS: runtime.GOMAXPROCS(0),
	}
}

type noRules struct{}

func (noRules) RuleGroups() []*rules.Group           { return nil }
func (noRules) AlertingRules() []*rules.AlertingRule { return nil }

type noTargets struct{}

func (noTargets) ScrapePools() []string                       { return nil }
func (noTargets) TargetsActive() map[string][]*scrape.Target  { return nil }
func (noTargets) TargetsDropped() map[string][]*scrape.Target { return nil }
func (noTargets) TargetsDroppedCounts() map[string]int        { return nil }
func (noTargets) ScrapePoolConfig(pool string) (*config.ScrapeConfig, error) {
	return nil, fmt.Errorf("there is no scrape pool %q", pool)
}

// noAlertmanagers: alerts are handed over in this process, not to a URL.
type noAlertmanagers struct{}

func (noAlertmanagers) Alertmanagers() []*url.URL        { return nil }
func (noAlertmanagers) DroppedAlertmanagers() []*url.URL { return nil }
