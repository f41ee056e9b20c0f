package conformance

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"gatehouse/internal/server"
)

// What is connected in the console.
const (
	consoleLogger    = "by-hand"
	consoleWorkspace = "orders"
	consoleLoad      = 8 // requests to each API
)

// console is a Gatehouse without loggers and diagnostics that a browser sets up:
// a logger, the availability monitor, and the diagnostics of one API of two.
func (h *house) console(t *testing.T) *house {
	t.Helper()
	if h.consoleKept != nil {
		return h.consoleKept
	}
	second := &house{data: h.root.TempDir(), service: h.root.TempDir(), backend: h.backend, log: &lockedText{}}
	files := map[string]string{"policy.xml": "<policies><inbound/><backend><forward-request/></backend><outbound/><on-error/></policies>"}
	second.addAPI(files, "recorded", "", "", false)
	second.addAPI(files, "other", "", "", false)
	second.write(t, files)
	config := server.DefaultConfig()
	config.Service.Folder, config.Service.Name, config.Data.Folder = second.service, "console", second.data
	gateway, monitor := freePort(t), freePort(t)
	second.gateway, second.monitor = "http://"+gateway, "http://"+monitor
	config.Listen = server.ListenConfig{Gateway: gateway, Monitor: monitor}
	config.Telemetry.Workspaces = []server.WorkspaceConfig{{Name: consoleWorkspace}}
	second.serve(h.root, config)
	second.browse(t)
	for _, api := range []string{"recorded", "other"} {
		second.load(t, consoleLoad, "/"+api+"/items/1", 200)
	}
	h.consoleKept = second
	return second
}

// browse lets Chromium do what a person would.
func (h *house) browse(t *testing.T) {
	t.Helper()
	web := filepath.Join("..", "..", "web")
	vitest, err := filepath.Abs(filepath.Join(web, "node_modules", ".bin", "vitest"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(vitest); err != nil {
		t.Skip("the console's development packages are not installed: make web installs them")
	}
	if _, err := exec.LookPath("chromium"); err != nil && os.Getenv("GATEHOUSE_CHROMIUM") == "" {
		t.Skip("chromium is not installed")
	}
	what, err := json.Marshal(map[string]string{"workspace": consoleWorkspace, "logger": consoleLogger, "api": "API recorded"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	run := exec.CommandContext(ctx, vitest, "run", "--config", "vitest.e2e.config.ts", "e2e/telemetry.spec.ts")
	run.Dir = web
	run.Env = append(os.Environ(), "GATEHOUSE_URL="+h.monitor, "GATEHOUSE_CONNECT="+string(what))
	if out, err := run.CombinedOutput(); err != nil {
		t.Fatalf("the browser: %v\n%s", err, out)
	}
}

// missionConnect: menu, Add, instance, description, Create; and the monitor that
// was ticked asks the gateway.
func missionConnect(t *testing.T, h *house) {
	c := h.console(t)
	var out struct {
		Loggers []struct{ ID, Description, Workspace, Source string }
	}
	c.get(t, "/api/loggers", &out)
	if len(out.Loggers) != 1 || out.Loggers[0] != (struct{ ID, Description, Workspace, Source string }{consoleLogger, "by hand", consoleWorkspace, "api"}) {
		t.Errorf("%+v", out.Loggers)
	}
	eventually(t, "results of the monitor", func() bool {
		return len(c.kqlIn(t, consoleWorkspace, "availabilityResults | where success == true")) > 0
	})
}

// missionOneAPI: requests of the API whose diagnostics were enabled are in the
// workspace that was chosen, and those of no other.
func missionOneAPI(t *testing.T, h *house) {
	c := h.console(t)
	count := func(workspace string) (n int) {
		rows := c.kqlIn(t, workspace, "requests | where name !startswith 'GET /status' | summarize n = count() by api = tostring(customDimensions['API Name'])")
		for _, row := range rows {
			if api, _ := row[0].(string); api != map[string]string{consoleWorkspace: "recorded", "default": "other"}[workspace] {
				t.Errorf("workspace %s has requests of %q", workspace, api)
			}
			f, _ := row[1].(float64)
			n += int(f)
		}
		return n
	}
	eventually(t, "the requests of both", func() bool { return count(consoleWorkspace) == consoleLoad && count("default") == consoleLoad })
}
