package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// target is something that proxies /api to the backend; a nil command is the
// backend itself.
type target struct {
	name    string
	command func(addr string) (*exec.Cmd, error)
	after   func(addr string) string
	stored  func(note string) float64 // bytes of a request, once the process has ended
	monitor func() string             // address of the monitor door; nil: it has none
	path    string                    // behind /api
}

func (h *harness) targets(binary string) []target {
	out := []target{{name: "direct"}}
	for _, bin := range []string{"nginx", "/usr/sbin/nginx"} {
		if path, err := exec.LookPath(bin); err == nil {
			out = append(out, target{name: "nginx", command: func(addr string) (*exec.Cmd, error) { return h.nginx(path, addr) }})
			break
		}
	}
	if path, err := exec.LookPath("caddy"); err == nil && traces(path) {
		out = append(out,
			target{name: "caddy-off", command: func(addr string) (*exec.Cmd, error) { return h.caddy(path, addr, false) }},
			target{name: "caddy-on", command: func(addr string) (*exec.Cmd, error) { return h.caddy(path, addr, true) }})
	} else {
		fmt.Println("caddy is not installed, or was built without tracing: left out")
	}
	for _, one := range []struct {
		name          string
		policies, off bool
	}{{"gatehouse-off", false, true}, {"gatehouse-on", false, false}, {"gatehouse-policy-off", true, true}, {"gatehouse-policy-on", true, false}} {
		g := &gatehouse{harness: h, binary: binary, policies: one.policies, off: one.off}
		t := target{name: one.name, command: g.command, monitor: func() string { return g.monitor }}
		if !one.off {
			t.after = g.lost
		}
		out = append(out, t)
	}
	for _, one := range []struct {
		name, path, diagnostic string
		off, remote            bool
	}{
		{"gatehouse-workspace", "", workspaceOnly, false, false},
		{"gatehouse-big-off", "/big", workspaceBodies, true, false},
		{"gatehouse-big-bodies", "/big", workspaceBodies, false, false},
		{"gatehouse-remote", "", workspaceOnly, false, true},
		{"gatehouse-remote-bodies", "/big", workspaceBodies, false, true},
	} {
		g := &gatehouse{harness: h, binary: binary, off: one.off, remote: one.remote, name: one.name, diagnostic: one.diagnostic}
		t := target{name: one.name, path: one.path, command: g.command, after: g.lost, monitor: func() string { return g.monitor }}
		if !one.off && !one.remote {
			t.stored = g.stored
		}
		out = append(out, t)
	}
	return out
}

// Diagnostics that send every request to a workspace: nothing but the request,
// and with 8 KiB of the bodies that clients send and get.
const (
	workspaceOnly   = `{"properties":{"loggerId":"/loggers/workspace","sampling":{"samplingType":"fixed","percentage":100}}}`
	workspaceBodies = `{"properties":{"loggerId":"/loggers/workspace","sampling":{"samplingType":"fixed","percentage":100},
 "frontend":{"request":{"body":{"bytes":8192}},"response":{"body":{"bytes":8192}}}}}`
)

func (h *harness) write(name, text string) (string, error) {
	path := filepath.Join(h.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", err
	}
	return path, os.WriteFile(path, []byte(text), 0o644)
}

func (h *harness) nginx(binary, addr string) (*exec.Cmd, error) {
	path, err := h.write("nginx.conf", fmt.Sprintf(`
worker_processes 1; daemon off; pid %[1]s/nginx.pid; error_log stderr crit;
events { worker_connections 4096; }
http {
  access_log off; client_body_temp_path %[1]s; proxy_temp_path %[1]s; fastcgi_temp_path %[1]s; uwsgi_temp_path %[1]s; scgi_temp_path %[1]s;
  upstream b { server %[2]s; keepalive 128; }
  server { listen %[3]s; location / { proxy_pass http://b; proxy_http_version 1.1; proxy_set_header Connection ""; } }
}`, h.dir, h.backendAddr, addr))
	if err != nil {
		return nil, err
	}
	return exec.Command(binary, "-c", path, "-p", h.dir), nil
}

// traces says whether this caddy can trace; Debian's cannot.
func traces(binary string) bool {
	modules, err := exec.Command(binary, "list-modules").Output()
	return err == nil && bytes.Contains(modules, []byte("http.handlers.tracing"))
}

func (h *harness) caddy(binary, addr string, on bool) (*exec.Cmd, error) {
	global, site := "", ""
	if on {
		global = "servers {\n metrics\n }" // the form that all 2.x versions read
		site = fmt.Sprintf("log {\n output file %s/caddy.log\n}\n tracing {\n span bench\n }\n", h.dir)
	}
	path, err := h.write("Caddyfile", fmt.Sprintf("{\n admin off\n auto_https off\n %s\n}\nhttp://%s {\n %s\n reverse_proxy http://%s {\n transport http {\n keepalive_idle_conns_per_host 128\n }\n }\n}\n", global, addr, site, h.backendAddr))
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(binary, "run", "--config", path, "--adapter", "caddyfile")
	cmd.Env = append(os.Environ(), "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf", "OTEL_EXPORTER_OTLP_ENDPOINT=http://"+h.sinkAddr, "HOME="+h.dir)
	return cmd, nil
}

// gatehouse is the gateway with or without telemetry, with the plain service or
// with typical policies.
type gatehouse struct {
	*harness
	binary        string
	policies, off bool
	name          string // of the folder, "" is by policies
	diagnostic    string // for all APIs, "" is none
	remote        bool   // requests go to an ingestion endpoint outside
	monitor, data string
	runs          int
}

const typicalPolicy = `<policies>
  <inbound>
    <base />
    <set-variable name="caller" value="@(context.Request.Headers.GetValueOrDefault("User-Agent", "none"))" />
    <choose>
      <when condition="@(context.Request.Headers.GetValueOrDefault("X-Mode", "") == "test" &amp;&amp; context.Request.Method == "GET")">
        <set-header name="X-Test" exists-action="override"><value>yes</value></set-header>
      </when>
    </choose>
    <set-header name="X-Caller" exists-action="override"><value>@((string)context.Variables["caller"])</value></set-header>
    <set-query-parameter name="source" exists-action="override"><value>gateway</value></set-query-parameter>
  </inbound>
  <backend><base /></backend>
  <outbound>
    <base />
    <set-header name="X-Gateway" exists-action="override"><value>gatehouse</value></set-header>
  </outbound>
  <on-error><base /></on-error>
</policies>`

func (g *gatehouse) command(addr string) (*exec.Cmd, error) {
	g.runs++
	name := g.name
	if name == "" {
		name = fmt.Sprintf("service-%t", g.policies)
	}
	files := map[string]string{
		"policy.xml":                   "<policies><inbound/><backend><forward-request/></backend><outbound/><on-error/></policies>",
		"apis/api/apiInformation.json": fmt.Sprintf(`{"properties":{"displayName":"api","path":"api","protocols":["http"],"serviceUrl":"http://%s/api","subscriptionRequired":false}}`, g.backendAddr),
		"apis/api/specification.yaml":  "openapi: 3.0.1\ninfo: {title: api, version: '1'}\npaths:\n  /:\n    get:\n      operationId: get\n      responses: {'200': {description: ok}}\n  /big:\n    get:\n      operationId: get-big\n      responses: {'200': {description: ok}}\n",
	}
	if g.diagnostic != "" {
		files["loggers/workspace/loggerInformation.json"] = `{"properties":{"loggerType":"applicationInsights"}}`
		if g.remote {
			files["loggers/workspace/loggerInformation.json"] = fmt.Sprintf(`{"properties":{"loggerType":"applicationInsights","credentials":{"connectionString":"InstrumentationKey=0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9;IngestionEndpoint=http://%s/"}}}`, g.sinkAddr)
		}
		files["diagnostics/applicationinsights/diagnosticInformation.json"] = g.diagnostic
	}
	if g.policies {
		files["apis/api/policy.xml"] = typicalPolicy
	}
	for path, text := range files {
		if _, err := g.write(filepath.Join(name, path), text); err != nil {
			return nil, err
		}
	}
	var err error
	if g.monitor, err = freePort(); err != nil {
		return nil, err
	}
	g.data = filepath.Join(g.dir, fmt.Sprintf("data-%s-%t-%d", name, g.off, g.runs))
	args := []string{"run", "--service", filepath.Join(g.dir, name), "--data", g.data, "--listen-gateway", addr, "--listen-gateway-tls", "", "--listen-monitor", g.monitor,
		"--listen-monitor-tls", "", "--listen-otlp-grpc", "", "--listen-otlp-http", ""}
	if g.remote {
		settings, err := g.write(name+".yaml", "telemetry: {loggers: {workspace: export}}\n")
		if err != nil {
			return nil, err
		}
		args = append(args, "--config", settings)
	}
	if g.off {
		args = append(args, "--telemetry-off")
	}
	return exec.Command(g.binary, args...), nil
}

// lost reads what was recorded and what was dropped.
func (g *gatehouse) lost(string) string {
	resp, err := http.Get("http://" + g.monitor + "/metrics")
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	var kept []string
	for s := bufio.NewScanner(resp.Body); s.Scan(); {
		line := s.Text()
		if strings.HasPrefix(line, "gatehouse_telemetry_dropped_total") || strings.HasPrefix(line, "gatehouse_telemetry_exchanges_total") || strings.HasPrefix(line, "gatehouse_telemetry_rows_total") || strings.HasPrefix(line, "gatehouse_export_") {
			kept = append(kept, strings.TrimPrefix(line, "gatehouse_telemetry_"))
		}
	}
	return strings.Join(kept, " ")
}

var recorded = regexp.MustCompile(`exchanges_total (\d+)`)

// stored is how many bytes of the lake a recorded request takes.
func (g *gatehouse) stored(note string) float64 {
	m := recorded.FindStringSubmatch(note)
	if m == nil {
		return 0
	}
	n, _ := strconv.ParseFloat(m[1], 64)
	total := 0.0
	_ = filepath.WalkDir(filepath.Join(g.data, "lake"), func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if info, err := d.Info(); err == nil {
			total += float64(info.Size())
		}
		return nil
	})
	if n == 0 {
		return 0
	}
	return total / n
}
