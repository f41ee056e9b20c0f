package server

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/prometheus/storage/remote/otlptranslator/prometheusremotewrite"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"gatehouse/internal/activity"
	"gatehouse/internal/alerting"
	"gatehouse/internal/api/arm"
	"gatehouse/internal/api/management"
	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/backend"
	"gatehouse/internal/gateway/cache/redis"
	"gatehouse/internal/identity/issuer"
	"gatehouse/internal/ingest"
	"gatehouse/internal/ingest/azuremonitor"
	"gatehouse/internal/ingest/otlp"
	"gatehouse/internal/ingest/track"
	"gatehouse/internal/policy/expr"
	"gatehouse/internal/policy/record"
	"gatehouse/internal/policy/statement"
	"gatehouse/internal/query/explore"
	"gatehouse/internal/query/kql"
	"gatehouse/internal/query/promql"
	"gatehouse/internal/store/ca"
	"gatehouse/internal/store/catalog"
	"gatehouse/internal/store/lake"
	"gatehouse/internal/store/tsdb"
	"gatehouse/internal/telemetry"
)

// Server is a running Gatehouse.
type Server struct {
	config  Config
	version string
	log     *slog.Logger
	started time.Time
	opened  time.Time // the data folder, by this process

	registry   *prometheus.Registry // of the process; the gateway's metrics are ingest's
	catalog    *catalog.Catalog
	token      string
	tokenAt    string // path of the file that holds it
	recogniser *recogniser
	identities identities
	blocks     blocks         // by private link scopes
	issuer     *issuer.Issuer // nil: off
	// guardedTools are behind identity-aware proxies.
	guardedTools []guardedTool
	ca           *ca.Authority
	tsdb         *tsdb.DB
	lake         *lake.Lake
	explore      *explore.Explorer
	kql          *kql.Engine
	alerts       *alerting.Alertmanager
	alertFiles   *alertFiles
	logRules     *logRules
	resources    *arm.Mux // of alerting, at run time
	kept         keptResources
	activity     *activity.Log
	refusals     refusals // of callers that nobody knows
	audit        *audit   // nil: requests are not recorded
	ingest       *ingest.Ingest
	track        *track.Receiver
	gateway      *gateway.Gateway
	desk         *record.Desk // recordings of traced requests
	management   *management.Handler
	forward      *forwarding
	// workspaces are looked up by name, instrumentation key, application id and
	// ARM path.
	workspaces   *telemetry.Workspaces
	destinations *destinations
	exports      *exports
	availability *monitor
	reloads      *reloads
	azureProbes  *azuremonitor.Prober // nil: off
	accounts     accounts
	linked       map[string]bool // ids of workspaces that a Grafana is linked to

	metrics metricSet      // tsdb is the samples of the default one
	across  *promql.Engine // over several metric workspaces

	doors   []openDoor
	closers []closer // in order of opening; closed in reverse
}

type closer struct {
	name  string
	close func() error
}

// Open opens the rooms: stores, then what reads them, then what writes to
// them, then the gateway with its first snapshot. On an error all that was
// opened is closed again.
func Open(config Config, version string, log *slog.Logger) (s *Server, err error) {
	if err := config.Check(); err != nil {
		return nil, err
	}
	s = &Server{config: config, version: version, log: log, started: time.Now().UTC(), registry: prometheus.NewRegistry()}
	s.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, open := range []func() error{s.openFolder, s.openIdentity, s.openWorkspaces, s.openStores, s.openQueries, s.openResources, s.openActivity, s.openProxies, s.openAudit, s.openSinks, s.makeLogRules, s.openAlerting, s.openForward, s.openRules, s.openExports, s.openIngest, s.openTrack, s.openAvailability, s.openLogRules, s.openScrapers, s.openAccounts, s.openAzureMonitor, s.openGateway, s.openArchive} {
		if err := open(); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	return s, nil
}

// Close closes the rooms in reverse order.
func (s *Server) Close() error {
	var errs []error
	for i := len(s.closers) - 1; i >= 0; i-- {
		if err := s.closers[i].close(); err != nil {
			errs = append(errs, fmt.Errorf("close %s: %w", s.closers[i].name, err))
		}
	}
	s.closers = nil
	return errors.Join(errs...)
}

func (s *Server) onClose(name string, f func() error) { s.closers = append(s.closers, closer{name, f}) }

func (s *Server) openFolder() error {
	dir := s.config.Data.Folder
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return fmt.Errorf("open data folder: %w", err)
	}
	lock, err := catalog.Lock(dir)
	if err != nil {
		return err
	}
	s.opened = time.Now() // the process before has written its last
	s.onClose("data folder lock", lock.Close)
	if s.catalog, err = catalog.Open(dir); err != nil {
		return err
	}
	s.onClose("catalog", s.catalog.Close)
	if s.token, s.tokenAt, err = catalog.AdminToken(dir); err != nil {
		return err
	}
	s.ca, err = ca.Open(dir)
	return err
}

func (s *Server) openStores() error {
	d := s.config.Data
	err := s.openMetricStores()
	if err != nil {
		return err
	}
	o := lake.DefaultOptions(filepath.Join(d.Folder, "lake"))
	o.Logger, o.MaxAge, o.MaxBytes, o.MemoryLimit, o.Threads = quiet(s.log), time.Duration(d.TraceRetention), d.MaxTraceBytes, d.QueryMemory, max(d.QueryThreads, 1)
	if s.lake, err = lake.Open(o); err != nil {
		return err
	}
	s.onClose("lake", s.lake.Close)
	return nil
}

func (s *Server) openQueries() error {
	if err := s.eachMetricWorkspace(s.openEngine); err != nil {
		return err
	}
	s.explore = explore.New(explore.DefaultOptions(s.lake))
	s.kql = kql.New(kql.Options{Lake: s.lake})
	return nil
}

func (s *Server) openIngest() error {
	o := ingest.DefaultOptions()
	o.Logger, o.Rows, o.QueueSize = s.log, append([]telemetry.Rows{s.lake}, s.exports.all...), s.config.Telemetry.QueueSize
	o.Destination, o.VerbosityOfTraces = s.destinations.find, s.config.Telemetry.VerbosityOfTraces
	o.DailyCaps = map[string]int64{}
	for _, w := range s.workspaces.All() {
		o.DailyCaps[w.Name] = w.DailyCap
	}
	limits, err := s.config.Telemetry.limits()
	if err != nil {
		return err
	}
	o.AggregationInterval, o.WorkspaceSeries = time.Duration(s.config.Telemetry.CustomMetricsInterval), limits.series
	o.Interval, o.WriteMetrics = time.Duration(s.config.Telemetry.MetricsInterval), s.tsdb.WriteGathered
	o.Beside = []prometheus.Gatherer{self(s.registry)}
	o.Observe = func(e *telemetry.Exchange) {
		s.track.Exchange(e)
		s.audit.exchange(e)
	}
	if s.ingest, err = ingest.New(o); err != nil {
		return err
	}
	if s.audit != nil {
		s.audit.shed = s.ingest.Shed
	}
	s.onClose("ingest", func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		return s.ingest.Close(ctx)
	})
	if err := s.ingest.Registry().Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "gatehouse_start_time_seconds",
		Help: "When the process took the data folder over: counters began at 0."}, func() float64 { return float64(s.opened.UnixMilli()) / 1000 })); err != nil {
		return err
	}
	return s.deliverySeries()
}

// otlpMetrics stores OTLP metrics through Prometheus' own translation. What it
// cannot translate or what is too old will not get better by being sent again.
func (s *Server) otlpMetrics(ctx context.Context, md pmetric.Metrics) error {
	app := notAhead{s.tsdb.AppenderV2(ctx), time.Now().Add(maxAhead).UnixMilli()}
	converter := prometheusremotewrite.NewPrometheusConverter(app)
	_, err := converter.FromMetrics(ctx, md, prometheusremotewrite.Settings{AddMetricSuffixes: true, LookbackDelta: 5 * time.Minute})
	if committed := app.Commit(); committed != nil {
		return committed
	}
	s.exports.receivedMetrics(ctx, md)
	if err != nil {
		return otlp.Partial(0, err)
	}
	return nil
}

func (s *Server) openGateway() error {
	o, err := gatewayOptions(s.config, s.log)
	if err != nil {
		return err
	}
	if !s.config.Telemetry.Off {
		o.Sink = s.ingest
	}
	o.Load, o.Save = s.catalog.Load, s.catalog.Save
	o.Application = s.destinations.application
	desk := record.DefaultDeskOptions()
	desk.Location = s.monitorURL() + "/api/policy-traces/"
	s.desk = record.NewDesk(desk)
	o.Observer = s.desk
	external, err := externalCache(s.config.Cache, s.log)
	if err != nil {
		return err
	}
	if external != nil {
		s.onClose("external cache", external.Close)
		o.External = external
	}
	s.gateway = gateway.New(o)
	s.onClose("gateway", func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		s.gateway.Close(ctx)
		return nil
	})
	if err := s.openManagement(); err != nil {
		return err
	}
	limits, err := s.config.Telemetry.limits()
	if err != nil {
		return err
	}
	s.reloads = &reloads{config: s.config.Service, bodyBytes: limits.bodyBytes, gateway: s.gateway, catalog: s.catalog, log: s.log, destinations: s.destinations, written: s.management.Resources()}
	if err := s.reloads.load(); err != nil {
		return err
	}
	return s.recordSwitches()
}

// externalCache makes the external cache of policies, nil when none is set. It
// connects when it is first used.
func externalCache(c CacheConfig, log *slog.Logger) (*redis.Redis, error) {
	if c.Redis == "" {
		return nil, nil
	}
	o := redis.DefaultOptions(c.Redis)
	var err error
	if o.Password, err = c.Password.read(); err != nil {
		return nil, fmt.Errorf("cache.password: %w", err)
	}
	o.Failed = func(err error) { log.Warn("the external cache does not answer", "error", err) }
	external, err := redis.New(o)
	if err != nil {
		return nil, fmt.Errorf("cache.redis: %w", err)
	}
	return external, nil
}

func gatewayOptions(c Config, log *slog.Logger) (gateway.Options, error) {
	o := gateway.DefaultOptions()
	g := c.Gateway
	o.Log, o.Definitions = log, statement.Table()
	o.MaxBodyBytes, o.MaxPolicyBodyBytes, o.MethodNotAllowed = g.MaxBodyBytes, g.MaxPolicyBodyBytes, g.MethodNotAllowed
	o.BodyIdleTimeout = time.Duration(g.BodyIdleTimeout)
	o.UpgradeIdleTimeout = time.Duration(g.UpgradeIdleTimeout)
	limits, err := c.Telemetry.limits()
	if err != nil {
		return o, err
	}
	o.Multiplex, o.StrictStreams, o.ManyDimensions = c.Telemetry.Multiplex, c.Telemetry.StrictStreams, limits.manyDimensions
	if g.ExtendedTypes {
		o.Profile = expr.Extended
	}
	if o.TrustedProxies, err = c.proxies(); err != nil {
		return o, err
	}
	if err := identityOptions(&o, c.Identity); err != nil {
		return o, err
	}
	if o.Addresses, err = addresses(c.Platform); err != nil {
		return o, err
	}
	if o.ClientRoots, err = authorities("gateway.clientCAFile", g.ClientCAFile); err != nil {
		return o, err
	}
	return o, backendOptions(&o.Backend, g)
}

func backendOptions(o *backend.Options, g GatewayConfig) (err error) {
	o.ConnectTo = g.ConnectTo
	o.RootCAs, err = authorities("gateway.backendCAFile", g.BackendCAFile)
	return err
}

// authorities are those of a file beside the system's; nil without a file.
func authorities(setting, file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", setting, err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(data) {
		return nil, fmt.Errorf("%s %s holds no PEM certificate", setting, file)
	}
	return pool, nil
}
