// Package promql_test compares Gatehouse with a real Prometheus that holds the
// same samples: every query of the public compliance list, point by point.
package promql_test

import (
	"context"
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
	"gatehouse/test/upstream"
)

// build gives the folder of Prometheus's own commands. It skips when they cannot
// be built.
func build(t *testing.T) (folder string) {
	t.Helper()
	folder, err := upstream.Prometheus(filepath.Join("..", "..", ".."))
	if err != nil {
		t.Skipf("Prometheus cannot be built here: %v", err)
	}
	return folder
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

// startPrometheus runs a real Prometheus with the configuration until the test
// ends and gives its base URL.
func startPrometheus(t *testing.T, folder, config string) string {
	t.Helper()
	dir, address := t.TempDir(), freePort(t)
	file := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	log := &text{}
	cmd := exec.Command(filepath.Join(folder, "prometheus"), "--config.file", file, "--storage.tsdb.path", filepath.Join(dir, "data"),
		"--web.listen-address", address, "--web.enable-remote-write-receiver", "--enable-feature=exemplar-storage")
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("Prometheus's log:\n%s", log)
		}
	})
	ready(t, "http://"+address+"/-/ready")
	return "http://" + address
}

// startGatehouse runs a Gatehouse until the test ends and gives the base URL of
// its plain monitor door.
func startGatehouse(t *testing.T, change ...func(*server.Config)) string {
	t.Helper()
	base, stop := runGatehouse(t, change...)
	t.Cleanup(stop)
	return base
}

// runGatehouse runs a Gatehouse until stop.
func runGatehouse(t *testing.T, change ...func(*server.Config)) (base string, stop func()) {
	t.Helper()
	service := t.TempDir()
	if err := os.MkdirAll(filepath.Join(service, "apis"), 0o755); err != nil {
		t.Fatal(err)
	}
	config := server.DefaultConfig()
	config.Service.Folder, config.Service.Name, config.Data.Folder = service, "compliance", t.TempDir()
	config.Listen = server.ListenConfig{Gateway: freePort(t), Monitor: freePort(t)}
	config.Rules.NoShipped = true
	config.Metrics.Workspaces = []server.MetricWorkspaceConfig{
		{Name: "compliance", OutOfOrderWindow: server.Duration(3 * time.Hour)}, {Name: "sent"}, {Name: "azure", AzureCompat: true, DataCollectionRule: "dcr-1"}}
	for _, c := range change {
		c(&config)
	}
	log := &text{}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- server.Run(ctx, config, "conformance", slog.New(slog.NewTextHandler(log, nil)), io.Discard)
	}()
	ready(t, "http://"+config.Listen.Monitor+"/readyz")
	return "http://" + config.Listen.Monitor, func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("stop: %v", err)
		}
		if t.Failed() {
			t.Logf("log:\n%s", log)
		}
	}
}

func ready(t *testing.T, url string) {
	t.Helper()
	eventually(t, url, func() error {
		resp, err := http.Get(url)
		if err != nil {
			return err
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("status %d", resp.StatusCode)
		}
		return nil
	})
}

func eventually(t *testing.T, what string, check func() error) {
	t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: %v", what, err)
		}
		<-time.After(50 * time.Millisecond)
	}
}

type text struct {
	mu sync.Mutex
	b  strings.Builder
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

func fetch(url string, into any) error {
	resp, err := http.Get(url)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", resp.StatusCode)
	}
	return json.NewDecoder(resp.Body).Decode(into)
}
