// Package e2e drives the built binary over HTTP, as a user would.
package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// binary builds the program once for all tests; GATEHOUSE_BIN names a built one.
var binary = sync.OnceValues(func() (string, error) {
	if path := os.Getenv("GATEHOUSE_BIN"); path != "" {
		return filepath.Abs(path)
	}
	dir, err := os.MkdirTemp("", "gatehouse-e2e-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "gatehouse")
	cmd := exec.Command("go", "build", "-o", path, "./cmd/gatehouse")
	cmd.Dir = "../.."
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, nil
})

// process is a running gatehouse.
type process struct {
	t                        *testing.T
	cmd                      *exec.Cmd
	gateway, monitor         string // base URLs
	otlpHTTP, otlpGRPC, data string
	out                      *buffer
	done                     chan struct{}
}

// buffer collects output while the process writes it.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func port(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// start runs `gatehouse run` with loopback ports and waits until it is ready.
func start(t *testing.T, data string, args ...string) *process {
	t.Helper()
	p := launch(t, data, args...)
	p.ready()
	return p
}

func (p *process) ready() {
	p.t.Helper()
	p.wait("ready", func() bool {
		resp, err := http.Get(p.monitor + "/readyz")
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

func launch(t *testing.T, data string, args ...string) *process {
	t.Helper()
	return launchAs(t, "run", data, args...)
}

func launchAs(t *testing.T, command, data string, args ...string) *process {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	if data == "" {
		data = t.TempDir()
	}
	gateway, monitor := port(t), port(t)
	p := &process{t: t, gateway: "http://" + gateway, monitor: "http://" + monitor, otlpHTTP: port(t), otlpGRPC: port(t), data: data, out: &buffer{}, done: make(chan struct{})}
	p.cmd = exec.Command(path, append([]string{command, "--data", data, "--listen-gateway", gateway, "--listen-monitor", monitor, "--listen-gateway-tls", "", "--listen-monitor-tls", "",
		"--listen-otlp-http", p.otlpHTTP, "--listen-otlp-grpc", p.otlpGRPC}, args...)...)
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { _ = p.cmd.Wait(); close(p.done) }()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("output of %s:\n%s", strings.Join(p.cmd.Args, " "), p.out)
		}
	})
	return p
}

// wait polls until ok, at most 30 seconds.
func (p *process) wait(what string, ok func() bool) {
	p.t.Helper()
	p.within(30*time.Second, what, ok)
}

// within polls until ok.
func (p *process) within(limit time.Duration, what string, ok func() bool) {
	p.t.Helper()
	deadline := time.Now().Add(limit)
	for !ok() {
		select {
		case <-p.done:
			p.t.Fatalf("waiting for %s: the process ended\n%s", what, p.out)
		case <-time.After(50 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("waiting for %s: not within %v", what, limit)
		}
	}
}

// kill is kill -9.
func (p *process) kill() {
	_ = p.cmd.Process.Signal(syscall.SIGKILL)
	<-p.done
}

// stop is Ctrl-C.
func (p *process) stop() {
	p.t.Helper()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(30 * time.Second):
		p.t.Fatal("the process did not stop within 30 s")
	}
}

// failing runs the binary expecting it to end with an error, which it returns.
func failing(t *testing.T, args ...string) string {
	t.Helper()
	p := launch(t, "", args...)
	select {
	case <-p.done:
	case <-time.After(30 * time.Second):
		t.Fatalf("the process is still running\n%s", p.out)
	}
	if p.cmd.ProcessState.Success() {
		t.Fatalf("the process ended without an error\n%s", p.out)
	}
	return p.out.String()
}

// query asks PromQL for one number; missing series are 0.
func (p *process) query(expr string) float64 {
	p.t.Helper()
	resp, err := http.Get(p.monitor + "/prometheus/api/v1/query?query=" + url.QueryEscape(expr))
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	var out struct {
		Status string
		Error  string
		Data   struct {
			Result []struct{ Value [2]any }
		}
	}
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil || out.Status != "success" {
		p.t.Fatalf("query %s: %v %s", expr, err, out.Error)
	}
	if len(out.Data.Result) == 0 {
		return 0
	}
	v, err := strconv.ParseFloat(out.Data.Result[0].Value[1].(string), 64)
	if err != nil {
		p.t.Fatal(err)
	}
	return v
}

// get decodes a JSON answer of the monitor door.
func (p *process) get(path string, into any) int {
	p.t.Helper()
	resp, err := http.Get(p.monitor + path)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusOK {
		if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
			p.t.Fatalf("GET %s: %v", path, err)
		}
	}
	return resp.StatusCode
}

// call sends a request to the gateway and returns status, headers and body.
func (p *process) call(method, path string, body io.Reader, header ...string) (int, http.Header, string) {
	p.t.Helper()
	req, err := http.NewRequest(method, p.gateway+path, body)
	if err != nil {
		p.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Add(header[i], header[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		p.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatalf("%s %s: %v", method, path, err)
	}
	return resp.StatusCode, resp.Header, string(data)
}

// folder writes a service folder from path, text pairs.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, files)
	return dir
}

func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// service is the smallest folder: one open API at /api in front of backend.
func service(backend string, more map[string]string) map[string]string {
	files := map[string]string{
		"policy.xml":                   "<policies><inbound/><backend><forward-request/></backend><outbound/><on-error/></policies>",
		"apis/api/apiInformation.json": fmt.Sprintf(`{"properties":{"displayName":"Test API","path":"api","protocols":["http"],"serviceUrl":%q,"subscriptionRequired":false}}`, backend),
		"apis/api/specification.yaml":  "openapi: 3.0.1\ninfo: {title: api, version: '1'}\npaths:\n  /items/{id}:\n    get: {operationId: get-item, responses: {'200': {description: ok}}}\n    post: {operationId: post-item, responses: {'200': {description: ok}}}\n  /*:\n    get: {operationId: get-any, responses: {'200': {description: ok}}}\n",
	}
	for k, v := range more {
		files[k] = v
	}
	return files
}
