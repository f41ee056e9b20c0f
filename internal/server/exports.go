package server

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"gatehouse/internal/api"
	"gatehouse/internal/apim"
	"gatehouse/internal/export"
	"gatehouse/internal/export/appinsights"
	"gatehouse/internal/export/otlp"
	"gatehouse/internal/gateway/token"
	"gatehouse/internal/store/spool"
	"gatehouse/internal/telemetry"
)

// ExportConfig is a destination outside.
type ExportConfig struct {
	Name             string   `yaml:"name"`
	Type             string   `yaml:"type"` // appinsights, otlp
	ConnectionString Secret   `yaml:"connectionString"`
	Identity         string   `yaml:"identity"` // system, or the client id of a user-assigned identity; "" sends the key alone
	Logger           string   `yaml:"logger"`   // rows of this logger only; "" is everything
	MaxBytes         int64    `yaml:"maxBytes"` // of its queue on disk
	MaxAge           Duration `yaml:"maxAge"`   // of what waits there

	// Of otlp.
	Endpoint    string            `yaml:"endpoint"`    // URL; https means TLS
	Protocol    string            `yaml:"protocol"`    // grpc, http/protobuf
	Headers     map[string]Secret `yaml:"headers"`     // e.g. an access token
	Compression string            `yaml:"compression"` // gzip, none
	CAFile      string            `yaml:"caFile"`      // PEM, instead of the system's authorities
	// CertificateFile and KeyFile are shown to a receiver that asks for them.
	CertificateFile string `yaml:"certificateFile"`
	KeyFile         string `yaml:"keyFile"`
}

const (
	exportAppInsights = "appinsights"
	exportOTLP        = "otlp"

	identitySystem  = "system"
	azureSystem     = "SystemAssigned" // how a logger says it
	monitorAudience = "https://monitor.azure.com"
	maxExports      = 100
)

// exporter is a running destination.
type exporter interface {
	telemetry.Rows
	Status() export.Status
	Close(context.Context) error
}

// exports are the destinations outside: those of the settings, and those of
// loggers of the service that lead to one.
type exports struct {
	folder     string
	own        func(*url.URL) bool // whether it leads back into this process
	workspaces *telemetry.Workspaces
	managed    *token.Managed
	log        *slog.Logger

	all []telemetry.Rows // get every row

	mu       sync.Mutex
	running  []exporter
	metrics  []*otlp.Exporter // get the metrics that are received
	queues   []*spool.Spool
	byLogger map[string]exporter // by its id in lower case
}

func (s *Server) openExports() error {
	managed, err := managedOptions(s.config.Identity.Managed, strings.TrimSuffix(s.config.Identity.Authority, "/"))
	if err != nil {
		return err
	}
	e := &exports{own: s.ownEndpoint, folder: filepath.Join(s.config.Data.Folder, "export"), workspaces: s.workspaces, managed: token.NewManaged(managed), log: s.log, byLogger: map[string]exporter{}}
	s.exports = e
	s.onClose("exports", e.close)
	names := map[string]bool{}
	for i := range s.config.Telemetry.Exports {
		c := &s.config.Telemetry.Exports[i]
		if names[strings.ToLower(c.Name)] {
			return fmt.Errorf("telemetry.exports: two have the name %q", c.Name)
		}
		names[strings.ToLower(c.Name)] = true
		if err := e.open(c); err != nil {
			return fmt.Errorf("telemetry.exports: %s: %w", c.Name, err)
		}
		if c.Logger != "" && s.destinations.settings[strings.ToLower(c.Logger)] == "" {
			s.destinations.settings[strings.ToLower(c.Logger)] = loggerExport
		}
	}
	s.destinations.export = e.logger
	return s.registry.Register(export.NewCollector(e.status))
}

// open starts a destination of the settings.
func (e *exports) open(c *ExportConfig) error {
	if !workspaceName(c.Name) {
		return errors.New("its name must be 1 to 63 letters, digits, hyphens and underscores")
	}
	var started exporter
	var err error
	switch c.Type {
	case exportAppInsights:
		started, err = e.openAppInsights(c)
	case exportOTLP:
		started, err = e.openOTLP(c)
	default:
		err = fmt.Errorf("type: %q is not one of %s, %s", c.Type, exportAppInsights, exportOTLP)
	}
	if err != nil {
		return err
	}
	if c.Logger != "" {
		e.byLogger[strings.ToLower(c.Logger)] = started
		return nil
	}
	e.all = append(e.all, started)
	return nil
}

func (e *exports) openAppInsights(c *ExportConfig) (exporter, error) {
	if c.Endpoint != "" || len(c.Headers) > 0 || c.Protocol != "" {
		return nil, errors.New("endpoint, protocol and headers are for the type otlp; here connectionString says it all")
	}
	text, err := c.ConnectionString.read()
	if err != nil {
		return nil, fmt.Errorf("connectionString: %w", err)
	}
	to, err := telemetry.ParseConnectionString(text)
	if err != nil {
		return nil, err
	}
	return e.appInsights(c.Name, to, c.Identity, c.MaxBytes, time.Duration(c.MaxAge))
}

func (e *exports) appInsights(name string, to telemetry.ConnectionString, identity string, maxBytes int64, maxAge time.Duration) (*appinsights.Exporter, error) {
	if err := e.foreign(to); err != nil {
		return nil, err
	}
	queue, err := e.queue(name, maxBytes, maxAge)
	if err != nil {
		return nil, err
	}
	out, err := appinsights.New(appinsights.Options{Name: name, Connection: to, Token: e.token(identity, to.Audience), Queue: queue, MaxAge: maxAge, Logger: e.log})
	if err == nil {
		e.running = append(e.running, out)
	}
	return out, err
}

// foreign refuses the way back into this process: every item would come again.
func (e *exports) foreign(to telemetry.ConnectionString) error {
	if w, own := e.workspaces.ByKey(to.InstrumentationKey); own {
		return fmt.Errorf("the connection string is that of this process's own workspace %s, which has everything already", w.Title())
	}
	return nil
}

// queue opens the queue of a destination in a folder of its own.
func (e *exports) queue(name string, maxBytes int64, maxAge time.Duration) (*spool.Spool, error) {
	if maxBytes < 0 {
		return nil, errors.New("maxBytes is negative")
	}
	q, err := spool.Open(spool.Options{Folder: filepath.Join(e.folder, strings.ToLower(name)), MaxBytes: maxBytes, MaxAge: maxAge, Logger: e.log})
	if err == nil {
		e.queues = append(e.queues, q)
	}
	return q, err
}

// token gives the tokens of a managed identity; nil for none.
func (e *exports) token(identity, audience string) func(context.Context) (string, error) {
	if identity == "" {
		return nil
	}
	if identity == identitySystem || strings.EqualFold(identity, azureSystem) {
		identity = ""
	}
	if audience == "" {
		audience = monitorAudience
	}
	return func(ctx context.Context) (string, error) {
		text, err := e.managed.Token(ctx, audience, identity)
		if err != nil && identity != "" {
			err = fmt.Errorf("client id %s: %w", identity, err)
		}
		return text, err
	}
}

// logger is destinations.export: the writer of a logger that leads outside. It
// stays the same when the logger's key changes.
func (e *exports) logger(g *apim.Logger) (telemetry.Rows, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	id := strings.ToLower(g.ID)
	known := e.byLogger[id]
	if known != nil && !strings.HasPrefix(known.Status().Name, loggerQueue) {
		return known, nil // the settings say where it leads
	}
	to, err := loggerConnection(g)
	if err != nil {
		return nil, err
	}
	identity := g.Credentials[apim.LoggerIdentity]
	if old, ok := known.(*appinsights.Exporter); ok {
		if err := e.foreign(to); err != nil {
			return nil, err
		}
		return old, old.Update(to, e.token(identity, to.Audience))
	}
	if len(e.running) >= maxExports {
		return nil, fmt.Errorf("there are %d destinations outside already", maxExports)
	}
	out, err := e.appInsights(queueName(id), to, identity, 0, 0)
	if err != nil {
		return nil, err
	}
	e.byLogger[id] = out
	return out, nil
}

// loggerQueue begins the names of queues that loggers have.
const loggerQueue = "logger."

// queueName is a name for a folder, whatever stands in the id.
func queueName(id string) string {
	if workspaceName(id) {
		return loggerQueue + id
	}
	sum := sha256.Sum256([]byte(id))
	return loggerQueue + hex.EncodeToString(sum[:8])
}

// loggerConnection reads the credentials of a logger.
func loggerConnection(g *apim.Logger) (telemetry.ConnectionString, error) {
	text := g.Credentials[apim.LoggerConnectionString]
	if key := g.Credentials[apim.LoggerKey]; text == "" && key != "" {
		text = "InstrumentationKey=" + key
	}
	if text == "" || strings.Contains(text, "{{") {
		return telemetry.ConnectionString{}, errors.New("it is to send to an external endpoint, and its credentials are not known: give it a connectionString")
	}
	return telemetry.ParseConnectionString(text)
}

func (e *exports) status() []export.Status {
	e.mu.Lock()
	defer e.mu.Unlock()
	out := make([]export.Status, 0, len(e.running))
	for _, one := range e.running {
		out = append(out, one.Status())
	}
	slices.SortFunc(out, func(a, b export.Status) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// list answers GET /api/exports.
func (e *exports) list(w http.ResponseWriter, _ *http.Request) {
	api.WriteJSON(w, http.StatusOK, map[string]any{"exports": e.status()})
}

// close sends what it can in a moment; the rest waits on disk for the next start.
func (e *exports) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	var errs []error
	for _, one := range e.running {
		errs = append(errs, one.Close(ctx))
	}
	for _, q := range e.queues {
		errs = append(errs, q.Close())
	}
	return errors.Join(errs...)
}
