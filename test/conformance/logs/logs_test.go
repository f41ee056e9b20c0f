// Package logs runs Azure's own query clients against Gatehouse. What comes in:
// the packages that npm installs. What goes out: one line a client.
// It must never change the clients or what they are told to trust.
package logs

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/internal/server"
	"gatehouse/test/conformance/npm"
)

// house is a Gatehouse that the clients reach over TLS.
type house struct {
	url, token, authority string
	client                *http.Client
}

const (
	application = "11111111-2222-3333-4444-555555555555"
	resource    = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/shop/providers/Microsoft.Insights/components/shop"
)

const openAPI = `{"openapi":"3.0.1","info":{"title":"Shop","version":"1"},"paths":{"/items":{"get":{"operationId":"items","responses":{"200":{"description":"ok"}}}}}}`

func openHouse(t *testing.T) *house {
	t.Helper()
	folder := t.TempDir()
	description := filepath.Join(folder, "shop.json")
	if err := os.WriteFile(description, []byte(openAPI), 0o600); err != nil {
		t.Fatal(err)
	}
	secure, gateway := freePort(t), freePort(t)
	config := server.DefaultConfig()
	config.Service.OpenAPI, config.Service.Backend, config.Data.Folder = description, "http://127.0.0.1:9", filepath.Join(folder, "data")
	config.Listen = server.ListenConfig{Gateway: gateway, MonitorTLS: secure}
	config.Telemetry.Workspaces = []server.WorkspaceConfig{{Name: "default", ApplicationID: application, ResourceID: resource}}
	log := &text{}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- server.Run(ctx, config, "conformance", slog.New(slog.NewTextHandler(log, nil)), io.Discard)
	}()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("stop: %v", err)
		}
		if t.Failed() {
			t.Logf("log:\n%s", log)
		}
	})
	h := &house{url: "https://" + secure, authority: filepath.Join(config.Data.Folder, "ca", "ca.crt")}
	eventually(t, "the server is ready", func() bool { return h.ready(config.Data.Folder) })
	return h
}

// ready reads the token and the authority, and asks.
func (h *house) ready(data string) bool {
	token, err := os.ReadFile(filepath.Join(data, "admin-token"))
	if err != nil {
		return false
	}
	pem, err := os.ReadFile(h.authority)
	if err != nil {
		return false
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	h.token = strings.TrimSpace(string(token))
	h.client = &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	response, err := h.client.Get(h.url + "/readyz")
	if err != nil {
		return false
	}
	response.Body.Close()
	return response.StatusCode == http.StatusOK
}

func (h *house) post(t *testing.T, path string, body any) []byte {
	t.Helper()
	data, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequest(http.MethodPost, h.url+path, bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+h.token)
	response, err := h.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %s %v", path, response.StatusCode, answer, err)
	}
	return answer
}

// fill sends 12 requests of the service "shop", of which 3 failed, and a message.
func (h *house) fill(t *testing.T) {
	t.Helper()
	now := time.Now().Add(-time.Minute)
	text := func(key, value string) any {
		return map[string]any{"key": key, "value": map[string]any{"stringValue": value}}
	}
	service := map[string]any{"attributes": []any{text("service.name", "shop")}}
	var spans []any
	for n := range 12 {
		status, code := 200, 0
		if n%4 == 3 {
			status, code = 503, 2
		}
		spans = append(spans, map[string]any{"traceId": fmt.Sprintf("%032x", n+1), "spanId": fmt.Sprintf("%016x", n+1), "name": "GET /items", "kind": 2,
			"startTimeUnixNano": fmt.Sprint(now.UnixNano()), "endTimeUnixNano": fmt.Sprint(now.Add(time.Duration(n+1) * time.Millisecond).UnixNano()), "status": map[string]any{"code": code},
			"attributes": []any{text("http.request.method", "GET"), text("http.route", "/items"), map[string]any{"key": "http.response.status_code", "value": map[string]any{"intValue": fmt.Sprint(status)}}}})
	}
	h.post(t, "/v1/traces", map[string]any{"resourceSpans": []any{map[string]any{"resource": service, "scopeSpans": []any{map[string]any{"spans": spans}}}}})
	h.post(t, "/v1/logs", map[string]any{"resourceLogs": []any{map[string]any{"resource": service, "scopeLogs": []any{map[string]any{"logRecords": []any{
		map[string]any{"timeUnixNano": fmt.Sprint(now.UnixNano()), "severityNumber": 9, "body": map[string]any{"stringValue": "out of stock"}}}}}}}})
	eventually(t, "the rows are found", func() bool {
		answer := h.post(t, "/v1/apps/"+application+"/query", map[string]string{"query": `union requests, traces | where cloud_RoleName == "shop" | count`})
		return strings.Contains(string(answer), `"rows":[[13]]`)
	})
}

func TestClients(t *testing.T) {
	dir := install(t)
	h := openHouse(t)
	h.fill(t)
	settings, err := json.Marshal(map[string]string{"url": h.url, "token": h.token, "application": application, "resource": resource})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"monitor-query-logs", "monitor-query", "applicationinsights-query"} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
			defer cancel()
			cmd := exec.CommandContext(ctx, "node", name+".mjs")
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), "NODE_EXTRA_CA_CERTS="+h.authority, "GATEHOUSE_TEST="+string(settings))
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			out, err := cmd.Output()
			if err != nil {
				t.Errorf("%v\n%s", err, &stderr)
			}
			passed, total := results(t, out)
			fmt.Printf("appinsights/query/%s %d/%d\n", name, passed, total)
		})
	}
}

// packages are the clients.
var packages npm.Suite

// install lets npm install the clients beside the checks; without npm or its
// registry the test is skipped.
func install(t *testing.T) (dir string) {
	t.Helper()
	files, err := filepath.Glob("*.mjs")
	if err != nil {
		t.Fatal(err)
	}
	return packages.Run(t, files...)
}

// results reads what a client's checks printed.
func results(t *testing.T, out []byte) (passed, total int) {
	t.Helper()
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		var one struct {
			Name, Detail string
			OK           bool
		}
		if json.Unmarshal(lines.Bytes(), &one) != nil || one.Name == "" {
			continue
		}
		total++
		if one.OK {
			passed++
		} else {
			t.Errorf("%s: %s", one.Name, one.Detail)
		}
	}
	if total == 0 {
		t.Error("the client checked nothing")
	}
	return passed, total
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !done(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 20 s", what)
		}
	}
}

// text is a log that many may write.
type text struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *text) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *text) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
