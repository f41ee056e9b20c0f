package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Config is all settings of the process, as in gatehouse.yaml. Every field has
// a default; flags and environment variables override the file.
type Config struct {
	Service   ServiceConfig   `yaml:"service"`
	Data      DataConfig      `yaml:"data"`
	Listen    ListenConfig    `yaml:"listen"`
	Gateway   GatewayConfig   `yaml:"gateway"`
	Cache     CacheConfig     `yaml:"cache"`
	Telemetry TelemetryConfig `yaml:"telemetry"`
	Metrics   MetricsConfig   `yaml:"metrics"`
	Scrape    ScrapeConfig    `yaml:"scrape"`
	Query     QueryConfig     `yaml:"query"`
	Rules     RulesConfig     `yaml:"rules"`
	Alerting  AlertingConfig  `yaml:"alerting"`
	Activity  ActivityConfig  `yaml:"activity"`
	// SIEM has receivers of audit events.
	SIEM []SinkConfig `yaml:"siem"`
	// Archive keeps samples and audit events beyond their retention.
	Archive ArchiveConfig `yaml:"archive"`
	// Availability has tests of addresses.
	Availability AvailabilityConfig `yaml:"availability"`
	// AzureMonitor has the services of Azure whose metrics are pulled.
	AzureMonitor AzureMonitorConfig `yaml:"azureMonitor"`
	Identity     IdentityConfig     `yaml:"identity"`
	Platform     PlatformConfig     `yaml:"platform"`
	LogLevel     string             `yaml:"logLevel"` // debug, info, warn, error
}

// ServiceConfig says what the gateway serves: a folder, or one OpenAPI document.
type ServiceConfig struct {
	Folder    string `yaml:"folder"`    // APIOps artifact folder, watched
	Overrides string `yaml:"overrides"` // APIOps configuration.<env>.yaml
	OpenAPI   string `yaml:"openapi"`   // OpenAPI 2 or 3 document, with Backend
	Backend   string `yaml:"backend"`
	Name      string `yaml:"name"` // service name; "" is the folder's name
	Region    string `yaml:"region"`
	// Certificates with their keys, which a folder cannot hold.
	Certificates []CertificateConfig `yaml:"certificates"`
}

// CertificateConfig is a certificate of the service: a file in PEM with
// certificate and key, or a PFX.
type CertificateConfig struct {
	ID       string `yaml:"id"`
	File     string `yaml:"file"`
	KeyFile  string `yaml:"keyFile"`  // of a PEM file without its key
	Password Secret `yaml:"password"` // of a PFX
}

// DataConfig is the data folder and what it keeps.
type DataConfig struct {
	Folder          string   `yaml:"folder"`
	MetricRetention Duration `yaml:"metricRetention"`
	TraceRetention  Duration `yaml:"traceRetention"`
	MaxTraceBytes   int64    `yaml:"maxTraceBytes"` // 0: no limit
	MaxSeries       int64    `yaml:"maxSeries"`
	QueryMemory     int64    `yaml:"queryMemory"`  // bytes, of the trace query engine
	QueryThreads    int      `yaml:"queryThreads"` // of one query
}

// ListenConfig has the addresses; "" turns a door off.
type ListenConfig struct {
	Gateway    string `yaml:"gateway"`    // HTTP/1.1 and h2c
	GatewayTLS string `yaml:"gatewayTLS"` // HTTPS with HTTP/2
	Monitor    string `yaml:"monitor"`    // plain, loopback only
	MonitorTLS string `yaml:"monitorTLS"` // HTTPS, token
	OTLPGRPC   string `yaml:"otlpGRPC"`
	OTLPHTTP   string `yaml:"otlpHTTP"`
	// Certificate of the gateway's HTTPS door; made by the own CA when empty.
	CertificateFile string `yaml:"certificateFile"`
	KeyFile         string `yaml:"keyFile"`
}

// GatewayConfig are the limits and habits of the data plane.
type GatewayConfig struct {
	MaxConnections     int               `yaml:"maxConnections"`
	MaxHeaderBytes     int               `yaml:"maxHeaderBytes"`
	MaxBodyBytes       int64             `yaml:"maxBodyBytes"`       // of a request, 0: no limit
	MaxPolicyBodyBytes int64             `yaml:"maxPolicyBodyBytes"` // a body that policies read
	ReadHeaderTimeout  Duration          `yaml:"readHeaderTimeout"`
	IdleTimeout        Duration          `yaml:"idleTimeout"`
	BodyIdleTimeout    Duration          `yaml:"bodyIdleTimeout"`    // between two pieces of a request body, 0: for ever
	UpgradeIdleTimeout Duration          `yaml:"upgradeIdleTimeout"` // of a WebSocket, 0: for ever
	DrainTimeout       Duration          `yaml:"drainTimeout"`
	TrustedProxies     []string          `yaml:"trustedProxies"`       // CIDR; may set X-Forwarded-For
	MethodNotAllowed   bool              `yaml:"methodNotAllowed"`     // 405 instead of Azure's 404
	ExtendedTypes      bool              `yaml:"extendedTypes"`        // .NET types beyond the documented ones
	ConnectTo          map[string]string `yaml:"connectTo"`            // host:port of a backend -> host:port to dial
	BackendCAFile      string            `yaml:"backendCAFile"`        // PEM, beside the system's
	ClientCAFile       string            `yaml:"clientCAFile"`         // PEM, whose clients are trusted beside the system's
	NoClientCerts      bool              `yaml:"noClientCertificates"` // do not ask for one on the HTTPS door
}

// CacheConfig is the external cache of policies.
type CacheConfig struct {
	Redis    string `yaml:"redis"` // redis://host:6379/0, rediss: over TLS; "" is none
	Password Secret `yaml:"password"`
}

// TelemetryConfig says what is observed.
type TelemetryConfig struct {
	Off bool `yaml:"off"` // the gateway serves, nothing is recorded
	// Profile chooses between Azure's limits (compat) and wider ones (native).
	// Settings of single limits win over it.
	Profile         string   `yaml:"profile"`
	QueueSize       int      `yaml:"queueSize"`
	MetricsInterval Duration `yaml:"metricsInterval"`
	// Workspaces are destinations of telemetry beside the default one.
	Workspaces []WorkspaceConfig `yaml:"workspaces"`
	// Loggers of the service by name: workspace, workspace/NAME, export, off.
	Loggers map[string]string `yaml:"loggers"`
	// Exports are destinations outside that get rows too.
	Exports []ExportConfig `yaml:"exports"`
	// Multiplex sends to the loggers of both, where an API's diagnostic overrides
	// that of the service.
	Multiplex bool `yaml:"multiplex"`
	// VerbosityOfTraces: the verbosity "error" of a diagnostic keeps requests that
	// succeeded.
	VerbosityOfTraces bool `yaml:"verbosityOfTraces"`
	// StrictStreams counts a client that leaves an event stream as a failure.
	StrictStreams bool `yaml:"strictStreams"`
	// ManyDimensions lets emit-metric have more than ten dimensions of its own.
	ManyDimensions bool `yaml:"manyDimensions"`
	// CustomMetricsInterval is the time whose values of a custom metric are one row.
	CustomMetricsInterval Duration `yaml:"customMetricsInterval"`
	// KeepSenderAddresses stores from where Application Insights items came.
	KeepSenderAddresses bool `yaml:"keepSenderAddresses"`
	// RefuseOldItems refuses items older than 48 h or more than 2 h ahead, as Azure
	// does; otherwise they are kept and marked.
	RefuseOldItems bool `yaml:"refuseOldItems"`
	// MaxItemBytes of an Application Insights item; larger ones are refused. 0: by Profile.
	MaxItemBytes int `yaml:"maxItemBytes"`
	// CustomMetricSeries of a workspace within 12 h; more are put into one. 0: by Profile.
	CustomMetricSeries int `yaml:"customMetricSeries"`
}

// QueryConfig bounds the query API for logs, for each user.
type QueryConfig struct {
	Concurrent int `yaml:"concurrent"` // queries at the same time; others wait
	Rate       int `yaml:"rate"`       // queries in 30 seconds
}

// RulesConfig has Prometheus rule files beside the shipped ones.
type RulesConfig struct {
	Files []string `yaml:"files"`
	// LogSearch are files with Azure's scheduledQueryRules as JSON: alert rules
	// whose conditions are queries in KQL.
	LogSearch []string `yaml:"logSearch"`
	// Parameters are values for deployment templates of rules.
	Parameters map[string]any `yaml:"parameters"`
	NoShipped  bool           `yaml:"noShipped"`
	// Packs are rules for machines and clusters: kubernetes, nodes.
	Packs []string `yaml:"packs"`
	// Objectives is a file of service level objectives.
	Objectives string   `yaml:"objectives"`
	Interval   Duration `yaml:"interval"`
	// ResendDelay between two notifications of an alert that goes on.
	ResendDelay Duration `yaml:"resendDelay"`
}

// AlertingConfig has the Alertmanager configuration.
type AlertingConfig struct {
	File    string `yaml:"file"`    // alertmanager.yml
	Webhook string `yaml:"webhook"` // short form: one webhook for everything
	// ActionGroups are files with Azure's action groups as JSON.
	ActionGroups []string `yaml:"actionGroups"`
	// Alertmanagers outside get the alerts too, as Prometheus posts them: base URLs,
	// or a file in the form of prometheus.yml, of which alerting and
	// global.external_labels count.
	Alertmanagers     []string `yaml:"alertmanagers"`
	AlertmanagersFile string   `yaml:"alertmanagersFile"`
}

// IdentityConfig says who may use the monitor doors, and how the gateway proves
// who it is to others.
type IdentityConfig struct {
	// Rules is the file of roles, groups and assignments; Principals one more, which
	// the commands of gatehouse identity write. Both are watched.
	Rules      string `yaml:"rules"`
	Principals string `yaml:"principals"`
	// Issuers are those whose tokens are believed.
	Issuers []TrustedIssuer `yaml:"issuers"`
	// Issuer is the own one.
	Issuer OwnIssuer `yaml:"issuer"`
	// Proxies are before tools of other makers.
	Proxies []IdentityProxy `yaml:"proxies"`
	// LoopbackOpen lets local users use the plain monitor door without a token.
	LoopbackOpen bool `yaml:"loopbackOpen"`
	// OTLPOpen lets anybody who reaches the OTLP ports send.
	OTLPOpen bool `yaml:"otlpOpen"`
	// Authority is where tenants of Microsoft Entra ID sign in; sovereign clouds
	// and sites without the internet have their own.
	Authority string          `yaml:"authority"`
	Managed   ManagedIdentity `yaml:"managed"`
	Grants    []GrantConfig   `yaml:"grants"`
}

// TrustedIssuer is an issuer of tokens outside.
type TrustedIssuer struct {
	Name      string   `yaml:"name"` // in rules
	URL       string   `yaml:"url"`
	Audiences []string `yaml:"audiences"`
	Tenants   []string `yaml:"tenants"` // none: any
	Subject   string   `yaml:"subject"` // claim; "": oid, else sub
	Groups    string   `yaml:"groups"`  // claim; "": groups
	CAFile    string   `yaml:"caFile"`
}

// OwnIssuer gives tokens to the principals of the rules. It is off without an address.
type OwnIssuer struct {
	Listen    string   `yaml:"listen"` // HTTPS
	URL       string   `yaml:"url"`    // by which clients call it; "": https:// and the address
	Tenant    string   `yaml:"tenant"` // UUID; made on first sight when empty
	Audiences []string `yaml:"audiences"`
	// ManagedListen is the plain door of managed identities, loopback only.
	ManagedListen string `yaml:"managedListen"`
	// IMDSPrincipal is who every process of this machine is in the form of instance
	// metadata; "": nobody.
	IMDSPrincipal string `yaml:"imdsPrincipal"`
}

// ManagedIdentity says where tokens of managed identities come from.
type ManagedIdentity struct {
	Source       string   `yaml:"source"`   // imds, appService, workload, application, command; "" is what the platform says
	Endpoint     string   `yaml:"endpoint"` // of imds and appService
	TenantID     string   `yaml:"tenantId"`
	ClientID     string   `yaml:"clientId"`
	ClientSecret Secret   `yaml:"clientSecret"`
	TokenFile    string   `yaml:"tokenFile"` // of workload
	Command      []string `yaml:"command"`   // {resource} and {clientId} are replaced
}

// GrantConfig is a connection of the credential manager.
type GrantConfig struct {
	Provider      string            `yaml:"provider"`
	Authorization string            `yaml:"authorization"`
	TokenEndpoint string            `yaml:"tokenEndpoint"`
	Flow          string            `yaml:"flow"` // refreshToken, clientCredentials
	ClientID      string            `yaml:"clientId"`
	ClientSecret  Secret            `yaml:"clientSecret"`
	BasicAuth     bool              `yaml:"basicAuth"` // client id and secret in a header, not in the form
	RefreshToken  Secret            `yaml:"refreshToken"`
	Scope         string            `yaml:"scope"`
	Parameters    map[string]string `yaml:"parameters"`
	Access        []AccessConfig    `yaml:"access"` // who may use it with identity-type="jwt"
}

// AccessConfig is an application or user of a tenant.
type AccessConfig struct {
	TenantID string `yaml:"tenantId"`
	ObjectID string `yaml:"objectId"`
}

// PlatformConfig says where services are that policies send messages to.
type PlatformConfig struct {
	Dapr       string `yaml:"dapr"` // HTTP API of the sidecar
	DaprToken  Secret `yaml:"daprToken"`
	EventHubs  string `yaml:"eventHubs"`  // "" is the namespace of each logger
	ServiceBus string `yaml:"serviceBus"` // "" is the namespace of each policy
}

// Secret is read from a file or an environment variable; the settings file
// never holds it.
type Secret struct {
	File string `yaml:"file"`
	Env  string `yaml:"env"`
}

// Duration reads "30s", "15d".
type Duration time.Duration

// UnmarshalYAML reads a Go duration, with d for days.
func (d *Duration) UnmarshalYAML(n *yaml.Node) error {
	v, err := ParseDuration(n.Value)
	if err != nil {
		return fmt.Errorf("line %d: %w", n.Line, err)
	}
	*d = Duration(v)
	return nil
}

// MarshalJSON writes a Go duration.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(time.Duration(d).String()) }

// UnmarshalJSON reads what UnmarshalYAML reads.
func (d *Duration) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return fmt.Errorf("%s is not a duration such as \"30s\" or \"15d\"", data)
	}
	v, err := ParseDuration(text)
	*d = Duration(v)
	return err
}

// ParseDuration reads a Go duration, or a number of days such as 15d.
func ParseDuration(s string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		var n int
		if _, err := fmt.Sscanf(days, "%d", &n); err == nil && n > 0 && n < 36500 {
			return time.Duration(n) * 24 * time.Hour, nil
		}
	}
	v, err := time.ParseDuration(s)
	if err != nil || v < 0 {
		return 0, fmt.Errorf("%q is not a duration such as 30s, 5m or 15d", s)
	}
	return v, nil
}

// DefaultConfig are the settings of a plain installation.
func DefaultConfig() Config {
	return Config{
		Data:   DataConfig{Folder: "data", MetricRetention: Duration(15 * 24 * time.Hour), TraceRetention: Duration(3 * 24 * time.Hour), MaxSeries: 1_000_000, QueryMemory: 256 << 20, QueryThreads: 1},
		Listen: ListenConfig{Gateway: ":8080", GatewayTLS: ":8443", Monitor: "127.0.0.1:9080", MonitorTLS: ":9443", OTLPGRPC: ":4317", OTLPHTTP: ":4318"},
		Gateway: GatewayConfig{MaxConnections: 10_000, MaxHeaderBytes: 64 << 10, MaxBodyBytes: 1 << 30, MaxPolicyBodyBytes: 8 << 20,
			ReadHeaderTimeout: Duration(10 * time.Second), IdleTimeout: Duration(120 * time.Second), BodyIdleTimeout: Duration(5 * time.Minute), UpgradeIdleTimeout: Duration(15 * time.Minute), DrainTimeout: Duration(15 * time.Second)},
		Telemetry: TelemetryConfig{QueueSize: 16384, MetricsInterval: Duration(5 * time.Second), CustomMetricsInterval: Duration(10 * time.Second), Profile: profileCompat},
		Query:     QueryConfig{Concurrent: 5, Rate: 200},
		Rules:     RulesConfig{Interval: Duration(15 * time.Second), ResendDelay: Duration(time.Minute)},
		Identity:  IdentityConfig{LoopbackOpen: true, OTLPOpen: true, Authority: "https://login.microsoftonline.com"},
		Platform:  PlatformConfig{Dapr: "http://localhost:3500"},
		LogLevel:  "info",
	}
}

// LoadConfig reads a settings file over the defaults. Unknown names are errors.
func LoadConfig(path string) (Config, error) {
	c := DefaultConfig()
	data, err := os.ReadFile(path)
	if err != nil {
		return c, fmt.Errorf("read settings: %w", err)
	}
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(&c); err != nil && !errors.Is(err, io.EOF) {
		return c, fmt.Errorf("read settings %s: %w", path, err)
	}
	base := filepath.Dir(path)
	for _, p := range c.paths() {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(base, *p)
		}
	}
	for _, m := range c.secretMaps() {
		for name, secret := range m {
			if secret.File != "" && !filepath.IsAbs(secret.File) {
				secret.File = filepath.Join(base, secret.File)
				m[name] = secret
			}
		}
	}
	return c, nil
}

// secretMaps are the settings with secrets by name.
func (c *Config) secretMaps() []map[string]Secret {
	var out []map[string]Secret
	for i := range c.Telemetry.Exports {
		out = append(out, c.Telemetry.Exports[i].Headers)
	}
	for i := range c.Availability.Tests {
		out = append(out, c.Availability.Tests[i].SecretHeaders)
	}
	return out
}

// paths are the settings that name a file; they are relative to the settings file.
func (c *Config) paths() []*string {
	out := []*string{&c.Service.Folder, &c.Service.Overrides, &c.Service.OpenAPI, &c.Alerting.File, &c.Alerting.AlertmanagersFile, &c.Gateway.BackendCAFile, &c.Gateway.ClientCAFile, &c.Listen.CertificateFile, &c.Listen.KeyFile,
		&c.Identity.Rules, &c.Identity.Principals, &c.Identity.Managed.ClientSecret.File, &c.Identity.Managed.TokenFile, &c.Cache.Password.File, &c.Platform.DaprToken.File}
	for i := range c.Rules.Files {
		out = append(out, &c.Rules.Files[i])
	}
	for i := range c.Service.Certificates {
		s := &c.Service.Certificates[i]
		out = append(out, &s.File, &s.KeyFile, &s.Password.File)
	}
	for i := range c.Identity.Issuers {
		out = append(out, &c.Identity.Issuers[i].CAFile)
	}
	out = append(out, &c.Archive.Folder, &c.Archive.S3.AccessKey.File, &c.Archive.S3.SecretKey.File, &c.Archive.S3.CAFile)
	for i := range c.Identity.Proxies {
		p := &c.Identity.Proxies[i]
		out = append(out, &p.UpstreamCAFile, &p.ClientSecret.File, &p.SessionKey.File)
	}
	for i := range c.Identity.Grants {
		g := &c.Identity.Grants[i]
		out = append(out, &g.ClientSecret.File, &g.RefreshToken.File)
	}
	out = append(out, &c.Scrape.File, &c.Availability.CAFile)
	azure := &c.AzureMonitor.Credential
	out = append(out, &c.AzureMonitor.CAFile, &azure.ClientSecret.File, &azure.Certificate, &azure.Password.File, &azure.TokenFile)
	out = append(out, &c.Rules.Objectives)
	for i := range c.Alerting.ActionGroups {
		out = append(out, &c.Alerting.ActionGroups[i])
	}
	for i := range c.Metrics.Workspaces {
		out = append(out, &c.Metrics.Workspaces[i].Scrape)
		for j := range c.Metrics.Workspaces[i].Rules {
			out = append(out, &c.Metrics.Workspaces[i].Rules[j])
		}
	}
	for i := range c.Telemetry.Workspaces {
		out = append(out, &c.Telemetry.Workspaces[i].Key.File)
	}
	for i := range c.Telemetry.Exports {
		x := &c.Telemetry.Exports[i]
		out = append(out, &x.ConnectionString.File, &x.CAFile, &x.CertificateFile, &x.KeyFile)
	}
	return out
}

// Check refuses settings that cannot work or are unsafe.
func (c *Config) Check() error {
	var errs []error
	if (c.Service.Folder == "") == (c.Service.OpenAPI == "") {
		errs = append(errs, errors.New("name what to serve: either a service folder (--service DIR) or one API (--openapi FILE --backend URL)"))
	}
	if c.Service.OpenAPI != "" && c.Service.Backend == "" {
		errs = append(errs, errors.New("--openapi needs --backend URL"))
	}
	if c.Listen.Monitor != "" && !loopback(c.Listen.Monitor) {
		errs = append(errs, fmt.Errorf("listen.monitor %q: the plain monitor door is for loopback addresses only; use listen.monitorTLS for others", c.Listen.Monitor))
	}
	if c.Listen.Gateway == "" && c.Listen.GatewayTLS == "" {
		errs = append(errs, errors.New("listen.gateway and listen.gatewayTLS are both off"))
	}
	if err := c.Identity.check(); err != nil {
		errs = append(errs, err)
	}
	if _, err := c.Metrics.check(); err != nil {
		errs = append(errs, err)
	}
	if err := c.Archive.check(); err != nil {
		errs = append(errs, err)
	}
	if err := c.AzureMonitor.check(); err != nil {
		errs = append(errs, err)
	}
	if _, err := c.proxies(); err != nil {
		errs = append(errs, err)
	}
	if c.Activity.MaxBytes < 0 || c.Activity.Retention < 0 {
		errs = append(errs, errors.New("activity: retention and maxBytes must not be negative; 0 is the default"))
	}
	if err := c.checkSinks(); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

func (c *Config) proxies() ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, s := range c.Gateway.TrustedProxies {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			a, aerr := netip.ParseAddr(s)
			if aerr != nil {
				return nil, fmt.Errorf("gateway.trustedProxies: %q is neither an address nor a range such as 10.0.0.0/8", s)
			}
			p = netip.PrefixFrom(a, a.BitLen())
		}
		out = append(out, p)
	}
	return out, nil
}
