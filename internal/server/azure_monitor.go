package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"

	"gatehouse/internal/ingest/azuremonitor"
	"gatehouse/internal/telemetry"
)

// AzureMonitorConfig is the pulling of metrics of real API Management services
// from Azure Monitor.
type AzureMonitorConfig struct {
	Cloud     string `yaml:"cloud"`     // public, usGovernment, china
	Endpoint  string `yaml:"endpoint"`  // of Resource Manager; "" is the cloud's
	Audience  string `yaml:"audience"`  // of its tokens; "" is the endpoint
	Authority string `yaml:"authority"` // where tokens come from; "" is the cloud's
	CAFile    string `yaml:"caFile"`    // PEM, beside the system's
	// Credential of a reader: Monitoring Reader is enough.
	Credential AzureCredentialConfig `yaml:"credential"`
	Services   []AzureServiceConfig  `yaml:"services"`
	// Probes answers below /probe/metrics/, as azure-metrics-exporter does.
	Probes bool `yaml:"probes"`
	// ProbeTags of resources become labels of probes; nil is owner.
	ProbeTags []string `yaml:"probeTags"`
	Delay     Duration `yaml:"delay"` // after its end, of a minute; 3m
}

// AzureCredentialConfig is who asks.
type AzureCredentialConfig struct {
	Type         string `yaml:"type"` // clientSecret, clientCertificate, managedIdentity, workloadIdentity
	TenantID     string `yaml:"tenantId"`
	ClientID     string `yaml:"clientId"`
	ClientSecret Secret `yaml:"clientSecret"`
	Certificate  string `yaml:"certificate"` // file, PEM with its key or PFX
	Password     Secret `yaml:"password"`    // of a PFX
	TokenFile    string `yaml:"tokenFile"`   // of a workload identity; "" is what the platform says
}

// AzureServiceConfig is one service whose metrics are pulled.
type AzureServiceConfig struct {
	Resource  string                 `yaml:"resource"`  // ARM id
	Workspace string                 `yaml:"workspace"` // of metrics; "" is the default one
	Names     string                 `yaml:"names"`     // azure, azurerm
	Interval  Duration               `yaml:"interval"`  // 1m
	CatchUp   Duration               `yaml:"catchUp"`   // 50m
	Labels    map[string]string      `yaml:"labels"`
	Tags      []string               `yaml:"tags"` // of the resource, that become labels
	Metrics   []azuremonitor.Request `yaml:"metrics"`
}

// inOrderWindow is how late a sample may be that a workspace without an
// outOfOrderWindow takes.
const inOrderWindow = 55 * time.Minute

func (c *AzureMonitorConfig) on() bool { return c.Probes || len(c.Services) > 0 }

// check says what is wrong with the settings, without reading secrets.
func (c *AzureMonitorConfig) check() error {
	if !c.on() {
		return nil
	}
	var errs []error
	if _, err := c.place(); err != nil {
		errs = append(errs, fmt.Errorf("azureMonitor: %w", err))
	}
	if c.Credential.Type == "" {
		errs = append(errs, errors.New("azureMonitor.credential.type: name one of clientSecret, clientCertificate, managedIdentity, workloadIdentity"))
	}
	seen := map[string]bool{}
	for n := range c.Services {
		key := strings.ToLower(c.Services[n].Resource + " " + c.Services[n].workspace())
		if seen[key] {
			errs = append(errs, fmt.Errorf("azureMonitor.services[%d]: %s is pulled into the workspace twice", n, c.Services[n].Resource))
		}
		seen[key] = true
	}
	return errors.Join(errs...)
}

func (c *AzureServiceConfig) workspace() string {
	if c.Workspace == "" {
		return telemetry.DefaultWorkspace
	}
	return c.Workspace
}

func (c *AzureMonitorConfig) place() (azuremonitor.Place, error) {
	p := azuremonitor.Place{Name: c.Cloud, Endpoint: c.Endpoint, Audience: c.Audience, Authority: c.Authority}
	_, err := p.Configuration()
	return p, err
}

// openAzureMonitor starts the pulling.
func (s *Server) openAzureMonitor() error {
	c := &s.config.AzureMonitor
	if !c.on() {
		return nil
	}
	client, err := s.azureClient(c)
	if err != nil {
		return fmt.Errorf("azureMonitor: %w", err)
	}
	var pullers []*azuremonitor.Puller
	for n := range c.Services {
		p, err := s.azurePuller(client, &c.Services[n])
		if err != nil {
			return fmt.Errorf("azureMonitor.services[%d]: %w", n, err)
		}
		pullers = append(pullers, p)
	}
	if err := s.ingest.Registry().Register(azuremonitor.NewCollector(client, pullers)); err != nil {
		return err
	}
	if c.Probes {
		s.azureProbes = azuremonitor.NewProber(azuremonitor.ProbeOptions{Client: client, Delay: time.Duration(c.Delay), Tags: c.ProbeTags, Logger: s.log})
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	for _, p := range pullers {
		running.Go(func() { p.Run(ctx) })
	}
	s.onClose("azure monitor", func() error {
		cancel()
		running.Wait()
		return nil
	})
	return nil
}

func (s *Server) azureClient(c *AzureMonitorConfig) (*azuremonitor.Client, error) {
	place, err := c.place()
	if err != nil {
		return nil, err
	}
	cloud, err := place.Configuration()
	if err != nil {
		return nil, err
	}
	roots, err := s.trusted("azureMonitor.caFile", c.CAFile)
	if err != nil {
		return nil, err
	}
	base := http.DefaultTransport.(*http.Transport).Clone()
	base.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	transport := &http.Client{Transport: base}
	credential, err := azuremonitor.NewRotatingCredential(func() (azuremonitor.CredentialOptions, error) {
		o, err := c.Credential.read()
		o.Cloud, o.Transport = cloud, transport
		return o, err
	})
	if err != nil {
		return nil, fmt.Errorf("credential: %w", err)
	}
	return azuremonitor.NewClient(azuremonitor.ClientOptions{Credential: credential, Cloud: cloud, Transport: transport})
}

// read gives what the credential is made of now.
func (c *AzureCredentialConfig) read() (o azuremonitor.CredentialOptions, err error) {
	o = azuremonitor.CredentialOptions{Kind: c.Type, Tenant: c.TenantID, ClientID: c.ClientID, TokenFile: c.TokenFile}
	if o.Secret, err = c.ClientSecret.read(); err != nil {
		return o, fmt.Errorf("clientSecret: %w", err)
	}
	if o.Password, err = c.Password.read(); err != nil {
		return o, fmt.Errorf("password: %w", err)
	}
	if c.Certificate != "" {
		if o.Certificate, err = os.ReadFile(c.Certificate); err != nil {
			return o, fmt.Errorf("certificate: %w", err)
		}
	}
	return o, nil
}

func (s *Server) azurePuller(client *azuremonitor.Client, c *AzureServiceConfig) (*azuremonitor.Puller, error) {
	w := s.metrics.find(c.workspace())
	if w == nil {
		return nil, fmt.Errorf("there is no metric workspace %q: metrics.workspaces has them", c.Workspace)
	}
	delay := time.Duration(s.config.AzureMonitor.Delay)
	if err := fits(time.Duration(c.CatchUp), delay, &w.config); err != nil {
		return nil, err
	}
	return azuremonitor.NewPuller(azuremonitor.PullOptions{Client: client, Resource: c.Resource, Appendable: workspaceAppendable{s, w.config.Name}, Requests: c.Metrics,
		Names: c.Names, Interval: time.Duration(c.Interval), Delay: delay, CatchUp: time.Duration(c.CatchUp), Labels: c.Labels, Tags: c.Tags,
		Load: s.catalog.Load, Save: s.catalog.Save, Workspace: w.config.Name, Logger: s.log})
}

// fits tells whether a workspace takes samples as late as they may come.
func fits(catchUp, delay time.Duration, w *MetricWorkspaceConfig) error {
	late := catchUp + max(delay, 3*time.Minute)
	if catchUp == 0 || late <= inOrderWindow || late <= time.Duration(w.OutOfOrderWindow) {
		return nil
	}
	return fmt.Errorf("catchUp %s: the workspace %s takes new samples that are %s late; set its outOfOrderWindow to %s", catchUp, w.Name, max(inOrderWindow, time.Duration(w.OutOfOrderWindow)), late)
}

// workspaceAppendable writes to the workspace that has a name now: it may be
// opened again with other settings in between.
type workspaceAppendable struct {
	s    *Server
	name string
}

// AppenderV2 gives an appender that keeps the workspace open until it is done.
func (a workspaceAppendable) AppenderV2(ctx context.Context) storage.AppenderV2 {
	w := a.s.metrics.find(a.name)
	if w == nil {
		return &closedAppender{errWorkspaceGone}
	}
	if err := w.users.enter(); err != nil {
		return &closedAppender{err}
	}
	return &usingAppender{w.db.AppenderV2(ctx), w.users.leave}
}

type usingAppender struct {
	storage.AppenderV2
	leave func()
}

func (a *usingAppender) Commit() error {
	defer a.leave()
	return a.AppenderV2.Commit()
}

func (a *usingAppender) Rollback() error {
	defer a.leave()
	return a.AppenderV2.Rollback()
}

// closedAppender tells of a workspace that cannot be written to.
type closedAppender struct{ err error }

func (a *closedAppender) Append(storage.SeriesRef, labels.Labels, int64, int64, float64, *histogram.Histogram, *histogram.FloatHistogram, storage.AppendV2Options) (storage.SeriesRef, error) {
	return 0, a.err
}
func (a *closedAppender) Commit() error   { return a.err }
func (a *closedAppender) Rollback() error { return nil }
