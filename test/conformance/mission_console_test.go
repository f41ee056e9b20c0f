package conformance

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
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
	second := h.another(t, "console", map[string]string{"recorded": "", "other": ""}, server.WorkspaceConfig{Name: consoleWorkspace})
	second.browse(t, "telemetry.spec.ts", "GATEHOUSE_CONNECT", map[string]string{"workspace": consoleWorkspace, "logger": consoleLogger, "api": "API recorded"})
	for _, api := range []string{"recorded", "other"} {
		second.load(t, consoleLoad, "/"+api+"/items/1", 200)
	}
	h.consoleKept = second
	return second
}

// another Gatehouse with nothing but APIs, by id with their policies.
func (h *house) another(t *testing.T, name string, apis map[string]string, workspaces ...server.WorkspaceConfig) *house {
	t.Helper()
	second := &house{data: h.root.TempDir(), service: h.root.TempDir(), backend: h.backend, log: &lockedText{}}
	files := map[string]string{"policy.xml": "<policies><inbound/><backend><forward-request/></backend><outbound/><on-error/></policies>"}
	for id, policy := range apis {
		second.addAPI(files, id, policy, "", false)
	}
	second.write(t, files)
	config := server.DefaultConfig()
	config.Service.Folder, config.Service.Name, config.Data.Folder = second.service, name, second.data
	gateway, monitor := freePort(t), freePort(t)
	second.gateway, second.monitor = "http://"+gateway, "http://"+monitor
	config.Listen = server.ListenConfig{Gateway: gateway, Monitor: monitor}
	config.Telemetry.MetricsInterval = server.Duration(500 * time.Millisecond)
	config.Telemetry.Workspaces = workspaces
	second.serve(h.root, config)
	return second
}

// browse lets Chromium do what a person would: the spec of a file, with what it
// asks for in the environment.
func (h *house) browse(t *testing.T, spec, variable string, what any) {
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
	given, err := json.Marshal(what)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	run := exec.CommandContext(ctx, vitest, "run", "--config", "vitest.e2e.config.ts", "e2e/"+spec)
	run.Dir = web
	run.Env = append(os.Environ(), "GATEHOUSE_URL="+h.monitor, variable+"="+string(given))
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

// missionDig: a policy becomes slow, and a backend; from the number on Home three
// clicks lead to the span.
func missionDig(t *testing.T, h *house) {
	c := h.another(t, "dig", map[string]string{
		"policy":  policies(`<retry condition="@(context.Request.Headers.ContainsKey("X-Slow"))" count="1" interval="2"><set-variable name="a" value="b"/></retry>`, "", ""),
		"backend": "",
	})
	ctx, cancel := context.WithCancel(t.Context())
	var load sync.WaitGroup
	defer load.Wait()
	defer cancel()
	for path, header := range map[string]string{"/policy/items/1": "X-Slow", "/backend/items/1?delay=2s": "X-None"} {
		for range 4 {
			load.Go(func() { c.again(ctx, path, header) })
		}
	}
	c.browse(t, "dig.spec.ts", "GATEHOUSE_DIG", []map[string]string{
		{"api": "API policy", "span": "retry", "detail": "apis/policy/policy.xml:"},
		{"api": "API backend", "span": "GET " + strings.Split(strings.TrimPrefix(h.backend.URL, "http://"), ":")[0], "detail": "Critical path"},
	})
}

// again asks until ctx is done.
func (h *house) again(ctx context.Context, path, header string) {
	for ctx.Err() == nil {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, h.gateway+path, nil)
		if err != nil {
			return
		}
		r.Header.Set(header, "1")
		if resp, err := http.DefaultClient.Do(r); err == nil {
			_ = resp.Body.Close()
		}
	}
}
