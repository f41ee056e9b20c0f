// Package management runs Azure's own management client against Gatehouse. What
// comes in: the package that npm installs. What goes out: one line a client.
// It must never change the client or what it is told to trust.
package management

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

// house is a Gatehouse that the client reaches over TLS.
type house struct {
	url, token, authority string
	stop                  func()
}

// Keys of the folder's logger and of the workspace orders.
const (
	folderKey = "33333333-0000-4000-8000-000000000003"
	ordersKey = "44444444-0000-4000-8000-000000000004"
)

// folder is a service folder with a logger and a diagnostic of its own.
func folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"apis/shop/apiInformation.json":                              `{"properties":{"path":"shop","serviceUrl":"http://127.0.0.1:9","subscriptionRequired":false,"protocols":["http","https"]}}`,
		"apis/shop/specification.json":                               `{"openapi":"3.0.1","info":{"title":"Shop","version":"1"},"paths":{"/items":{"get":{"operationId":"items","responses":{"200":{"description":"ok"}}}}}}`,
		"loggers/from-folder/loggerInformation.json":                 `{"properties":{"loggerType":"applicationInsights","credentials":{"instrumentationKey":"` + folderKey + `"}}}`,
		"diagnostics/applicationinsights/diagnosticInformation.json": `{"properties":{"loggerId":"/loggers/from-folder"}}`,
	} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func openHouse(t *testing.T, service, data string) *house {
	t.Helper()
	secure, gateway := freePort(t), freePort(t)
	config := server.DefaultConfig()
	config.Service.Folder, config.Service.Name, config.Data.Folder = service, "contoso", data
	config.Listen = server.ListenConfig{Gateway: gateway, MonitorTLS: secure}
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, []byte(ordersKey), 0o600); err != nil {
		t.Fatal(err)
	}
	config.Telemetry.Workspaces = []server.WorkspaceConfig{{Name: "orders", Key: server.Secret{File: key}}}
	log := &text{}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- server.Run(ctx, config, "conformance", slog.New(slog.NewTextHandler(log, nil)), io.Discard)
	}()
	h := &house{url: "https://" + secure, authority: filepath.Join(data, "ca", "ca.crt")}
	h.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("stop: %v", err)
		}
		if t.Failed() {
			t.Logf("log:\n%s", log)
		}
	})
	t.Cleanup(h.stop)
	for deadline := time.Now().Add(2 * time.Minute); !h.ready(data); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the server is not ready\n%s", log)
		}
	}
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
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	response, err := client.Get(h.url + "/readyz")
	if err != nil {
		return false
	}
	response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// packages is the client.
var packages npm.Suite

func TestClient(t *testing.T) {
	dir := packages.Run(t, "check.mjs", "arm-apimanagement.mjs", "after-restart.mjs", "arm-deployments.mjs", "template.json", "watching.json")
	service, data := folder(t), t.TempDir()
	h := openHouse(t, service, data)
	passed, total := h.run(t, dir, "arm-apimanagement")
	h.stop()
	h = openHouse(t, service, data)
	more, all := h.run(t, dir, "after-restart")
	fmt.Printf("management/arm-apimanagement %d/%d\n", passed+more, total+all)
	passed, total = h.run(t, dir, "arm-deployments")
	fmt.Printf("management/arm-deployments %d/%d\n", passed, total)
}

func (h *house) run(t *testing.T, dir, script string) (passed, total int) {
	t.Helper()
	settings, err := json.Marshal(map[string]string{"url": h.url, "token": h.token, "service": "contoso", "folderKey": folderKey, "ordersKey": ordersKey})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", script+".mjs")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "NODE_EXTRA_CA_CERTS="+h.authority, "GATEHOUSE_TEST="+string(settings))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("%s: %v\n%s", script, err, &stderr)
	}
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
		t.Errorf("%s checked nothing", script)
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
