package server

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"gatehouse/internal/apim"
	"gatehouse/internal/ingest"
	"gatehouse/internal/telemetry"
)

func testWorkspaces(t *testing.T) *telemetry.Workspaces {
	t.Helper()
	w, err := telemetry.NewWorkspaces([]telemetry.Workspace{
		{InstrumentationKey: "key-default", ApplicationID: "app-default", ResourceID: "/d", Dimensions: true},
		{Name: "orders", InstrumentationKey: "key-orders", ApplicationID: "app-orders", ResourceID: "/o"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func logger(id string, credentials ...string) *apim.Logger {
	g := &apim.Logger{ID: id, Credentials: map[string]string{}}
	for n := 0; n < len(credentials); n += 2 {
		g.Credentials[credentials[n]] = credentials[n+1]
	}
	return g
}

func withResource(g *apim.Logger, id string) *apim.Logger {
	g.ResourceID = id
	return g
}

// A logger that nobody has made a setting for sends outside when "*" says so,
// but not when it has the key of a workspace, or nothing to send with.
func TestOtherLoggers(t *testing.T) {
	d, err := newDestinations(TelemetryConfig{Loggers: map[string]string{"*": "export", "kept": "workspace"}}, testWorkspaces(t), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	asked := ""
	d.export = func(g *apim.Logger) (telemetry.Rows, error) { asked += g.ID + " "; return nil, nil }
	for _, g := range []*apim.Logger{logger("outside", apim.LoggerKey, "key-elsewhere"), logger("ours", apim.LoggerKey, "key-orders"), logger("kept", apim.LoggerKey, "key-elsewhere"), logger("none")} {
		g.Type = apim.LoggerApplicationInsights
		if _, err := d.of(g); err != nil {
			t.Errorf("%s: %v", g.ID, err)
		}
	}
	if asked != "outside " {
		t.Errorf("sent outside: %s", asked)
	}
}

func TestLoggerSelectsItsDestination(t *testing.T) {
	var said bytes.Buffer
	d, err := newDestinations(TelemetryConfig{Loggers: map[string]string{"Silent": "off", "moved": "workspace/Orders", "plain": "workspace"}}, testWorkspaces(t), slog.New(slog.NewTextHandler(&said, nil)))
	if err != nil {
		t.Fatal(err)
	}
	outside := "InstrumentationKey=11111111-2222-3333-4444-555555555555;IngestionEndpoint=https://elsewhere.example/;ApplicationId=app-outside"
	for _, c := range []struct {
		g           *apim.Logger
		want        ingest.Destination
		application string
	}{
		{logger("none"), ingest.Destination{Dimensions: true}, "app-default"},
		{logger("ours", apim.LoggerKey, "KEY-orders"), ingest.Destination{Workspace: "orders"}, "app-orders"},
		{logger("string", apim.LoggerConnectionString, "IngestionEndpoint=https://x/;InstrumentationKey=key-orders"), ingest.Destination{Workspace: "orders"}, "app-orders"},
		{logger("generated", apim.LoggerKey, "{{Logger-Credentials--1}}"), ingest.Destination{Dimensions: true}, "app-default"},
		{logger("outside", apim.LoggerConnectionString, outside), ingest.Destination{Dimensions: true}, "app-outside"},
		{logger("silent", apim.LoggerKey, "key-orders"), ingest.Destination{Off: true}, "app-orders"},
		{logger("moved", apim.LoggerKey, "other"), ingest.Destination{Workspace: "orders"}, "app-orders"},
		{logger("plain", apim.LoggerKey, "key-orders"), ingest.Destination{Dimensions: true}, "app-orders"},
		{withResource(logger("resource"), "/O"), ingest.Destination{Workspace: "orders"}, "app-orders"},
		{withResource(logger("no-resource"), "/nowhere"), ingest.Destination{Dimensions: true}, "app-default"},
		{withResource(logger("key-first", apim.LoggerKey, "key-default"), "/o"), ingest.Destination{Dimensions: true}, "app-default"},
	} {
		for range 2 {
			if err := d.update(&apim.Service{Loggers: []*apim.Logger{c.g}}); err != nil {
				t.Fatal(err)
			}
		}
		if got := d.find(c.g.ID); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.g.ID, got, c.want)
		}
		if got := d.application(c.g); got != c.application {
			t.Errorf("%s: application %s, want %s", c.g.ID, got, c.application)
		}
	}
	if strings.Count(said.String(), "logger=outside") != 1 || strings.Contains(said.String(), "1111") || strings.Contains(said.String(), "logger=none") {
		t.Errorf("said: %s", &said)
	}
	// A new key takes effect with the next load, and a logger that is gone has a place.
	if err := d.update(&apim.Service{Loggers: []*apim.Logger{logger("ours", apim.LoggerKey, "key-default")}}); err != nil {
		t.Fatal(err)
	}
	if d.find("ours").Workspace != "" || d.find("string").Workspace != "" {
		t.Errorf("%+v %+v", d.find("ours"), d.find("string"))
	}
}

func TestLoggerSettingsAreChecked(t *testing.T) {
	for _, value := range []string{"elsewhere", "workspace/none", "", "Off"} {
		if _, err := newDestinations(TelemetryConfig{Loggers: map[string]string{"x": value}}, testWorkspaces(t), slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "telemetry.loggers.x") {
			t.Errorf("%q: %v", value, err)
		}
	}
	d, err := newDestinations(TelemetryConfig{Loggers: map[string]string{"x": "export"}}, testWorkspaces(t), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := d.update(&apim.Service{Loggers: []*apim.Logger{logger("x")}}); err == nil || !strings.Contains(err.Error(), "loggers/x") {
		t.Errorf("no exporter: %v", err)
	}
	rows := telemetry.Discard{}
	d.export = func(*apim.Logger) (telemetry.Rows, error) { return rows, nil }
	if err := d.update(&apim.Service{Loggers: []*apim.Logger{logger("x")}}); err != nil || d.find("x").Rows != rows {
		t.Errorf("%v %+v", err, d.find("x"))
	}
}
