package server

import (
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"

	"gatehouse/internal/apim"
	"gatehouse/internal/ingest"
	"gatehouse/internal/telemetry"
)

// destinations say where the rows of each logger of the service go. The service
// folder may change at any time: a new key selects a new destination for the
// requests that start from then on, and what is on its way arrives.
type destinations struct {
	workspaces *telemetry.Workspaces
	settings   map[string]string // telemetry.loggers, by name in lower case
	log        *slog.Logger
	// export makes the writer of a logger that sends to an external endpoint. It is
	// asked at each load, and must give the same writer for the same logger, with
	// the new credentials; nil: there are none.
	export func(*apim.Logger) (telemetry.Rows, error)

	current atomic.Pointer[map[string]ingest.Destination]
	mu      sync.Mutex
	told    map[string]bool
}

func newDestinations(c TelemetryConfig, w *telemetry.Workspaces, log *slog.Logger) (*destinations, error) {
	d := &destinations{workspaces: w, settings: map[string]string{}, log: log, told: map[string]bool{}}
	for name, value := range c.Loggers {
		if _, err := d.named(value); err != nil {
			return nil, fmt.Errorf("telemetry.loggers.%s: %w", name, err)
		}
		d.settings[strings.ToLower(name)] = value
	}
	return d, nil
}

// Words of telemetry.loggers, beside a workspace's name behind "workspace/".
const (
	loggerWorkspace = "workspace"
	loggerExport    = "export"
	loggerOff       = "off"
)

// named gives the workspace that a setting names, nil for the other words.
func (d *destinations) named(value string) (*telemetry.Workspace, error) {
	switch value {
	case loggerOff, loggerExport:
		return nil, nil
	}
	kind, name, _ := strings.Cut(value, "/")
	w, ok := d.workspaces.ByName(name)
	if kind != loggerWorkspace || !ok {
		return nil, fmt.Errorf("%q is not one of workspace, workspace/NAME (of telemetry.workspaces), export, off", value)
	}
	return w, nil
}

// update takes the loggers of a service that is about to be served.
func (d *destinations) update(s *apim.Service) error {
	out := make(map[string]ingest.Destination, len(s.Loggers))
	for _, g := range s.Loggers {
		to, err := d.of(g)
		if err != nil {
			return fmt.Errorf("loggers/%s: %w", g.ID, err)
		}
		out[g.ID] = to
	}
	d.current.Store(&out)
	return nil
}

// find is ingest.Options.Destination. A logger that is gone meanwhile is one of
// requests that were under way: they go to the default workspace.
func (d *destinations) find(logger string) ingest.Destination {
	if all := d.current.Load(); all != nil {
		if to, ok := (*all)[logger]; ok {
			return to
		}
	}
	w, _ := d.workspaces.ByName("")
	return inWorkspace(w)
}

func inWorkspace(w *telemetry.Workspace) ingest.Destination {
	return ingest.Destination{Workspace: w.Name, Dimensions: w.Dimensions}
}

// otherLoggers is the setting of the loggers that none is made for, where they
// lead outside.
const otherLoggers = "*"

// of decides for one logger: its setting, else the workspace whose key it has or,
// without a key, whose resource id, else the setting of the others, else the default workspace.
func (d *destinations) of(g *apim.Logger) (ingest.Destination, error) {
	setting := d.settings[strings.ToLower(g.ID)]
	key, _ := loggerKey(g)
	if setting == "" {
		if w, ok := d.own(g); ok {
			return inWorkspace(w), nil
		}
		if g.Type == apim.LoggerApplicationInsights && key != "" {
			setting = d.settings[otherLoggers]
		}
	}
	switch setting {
	case loggerOff:
		return ingest.Destination{Off: true}, nil
	case loggerExport:
		if d.export == nil {
			return ingest.Destination{}, fmt.Errorf("telemetry.loggers.%s is export, and this version sends to no external endpoint: use workspace or off", g.ID)
		}
		rows, err := d.export(g)
		return ingest.Destination{Rows: rows, Dimensions: true}, err
	case "":
	default:
		w, err := d.named(setting)
		if err != nil {
			return ingest.Destination{}, err
		}
		return inWorkspace(w), nil
	}
	w, _ := d.workspaces.ByName("")
	if key != "" || g.ResourceID != "" {
		d.tell(g)
	}
	return inWorkspace(w), nil
}

// tell says once that a logger's own destination is not used.
func (d *destinations) tell(g *apim.Logger) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.told[g.ID] {
		return
	}
	d.told[g.ID] = true
	d.log.Info("a logger points outside: its requests go to the default workspace; telemetry.loggers says otherwise", "logger", g.ID)
}

// own is the workspace whose key a logger has or, without a key, whose resource
// id.
func (d *destinations) own(g *apim.Logger) (*telemetry.Workspace, bool) {
	if key, _ := loggerKey(g); key != "" || g.ResourceID == "" {
		return d.workspaces.ByKey(key)
	}
	return d.workspaces.ByResource(g.ResourceID)
}

// application is the application id of a logger: of its workspace, or what its
// connection string says.
func (d *destinations) application(g *apim.Logger) string {
	_, id := loggerKey(g)
	if w, ok := d.own(g); ok {
		return w.ApplicationID
	}
	if id != "" {
		return id
	}
	w, _ := d.workspaces.ByName("")
	if named, err := d.named(d.settings[strings.ToLower(g.ID)]); err == nil && named != nil {
		w = named
	}
	return w.ApplicationID
}

// loggerKey is the instrumentation key of a logger, and the application id of
// its connection string; "" when they are not known here.
func loggerKey(g *apim.Logger) (key, application string) {
	if text := g.Credentials[apim.LoggerConnectionString]; text != "" && !strings.Contains(text, "{{") {
		if c, err := telemetry.ParseConnectionString(text); err == nil {
			return c.InstrumentationKey, c.ApplicationID
		}
	}
	if key := g.Credentials[apim.LoggerKey]; !strings.Contains(key, "{{") {
		return key, ""
	}
	return "", ""
}
