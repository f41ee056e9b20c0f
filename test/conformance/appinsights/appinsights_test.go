// Package appinsights lets the SDKs of Application Insights, unmodified, send to
// the receiver over TLS, and reads the rows that they make.
package appinsights

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/internal/ingest/track"
	"gatehouse/internal/store/ca"
	"gatehouse/internal/telemetry"
)

const key = "11111111-2222-3333-4444-555555555555"

// site is a receiver behind a proxy that answers the first requests with faults.
type site struct {
	mu     sync.Mutex
	spans  []telemetry.Span
	logs   []telemetry.LogRecord
	faults []int // statuses of the next requests
	met    []int // faults that were given
	url    string
	ca     string // path
}

func (s *site) Spans(_ context.Context, rows []telemetry.Span) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.spans = append(s.spans, rows...)
	return nil
}

func (s *site) Logs(_ context.Context, rows []telemetry.LogRecord) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.logs = append(s.logs, rows...)
	return nil
}

// open starts a site with a certificate of the product's own authority.
func open(t *testing.T, secure bool, faults ...int) *site {
	t.Helper()
	s := &site{faults: faults}
	authority, err := ca.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s.ca = authority.Path
	receiver := track.New(track.Options{Rows: s, Workspace: func(k string) (telemetry.Workspace, bool) {
		return telemetry.Workspace{InstrumentationKey: key, ApplicationID: "aaaaaaaa-0000-0000-0000-000000000000", Dimensions: true}, strings.EqualFold(k, key)
	}})
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if status := s.fault(r); status != 0 {
			refuse(w, r, status)
			return
		}
		receiver.ServeHTTP(w, r)
	}))
	if !secure {
		server.Start()
	} else {
		pair, err := authority.Issue([]string{"localhost", "127.0.0.1"})
		if err != nil {
			t.Fatal(err)
		}
		server.TLS = &tls.Config{Certificates: []tls.Certificate{*pair}, MinVersion: tls.VersionTLS12}
		server.StartTLS()
	}
	t.Cleanup(server.Close)
	s.url = server.URL + "/"
	return s
}

// fault takes the next fault for requests that carry items.
func (s *site) fault(r *http.Request) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Method != http.MethodPost || !strings.Contains(r.URL.Path, "track") || len(s.faults) == 0 {
		return 0
	}
	status := s.faults[0]
	s.faults, s.met = s.faults[1:], append(s.met, status)
	return status
}

// refuse answers as the service does when it takes nothing now. A 206 refuses
// every item.
func refuse(w http.ResponseWriter, r *http.Request, status int) {
	w.Header().Set("Access-Control-Allow-Origin", "*")
	w.Header().Set("Retry-After", time.Now().Add(2*time.Second).UTC().Format(http.TimeFormat))
	w.Header().Set("Content-Type", "application/json")
	n := itemsOf(r)
	var errors []map[string]any
	for i := range n {
		code := status
		if status == http.StatusPartialContent {
			code = http.StatusServiceUnavailable
		}
		errors = append(errors, map[string]any{"index": i, "statusCode": code, "message": "try again"})
	}
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"itemsReceived": n, "itemsAccepted": 0, "errors": errors})
}

// itemsOf counts the items of a request with the receiver's own validation.
func itemsOf(r *http.Request) int {
	counter := track.New(track.Options{Rows: telemetry.Discard{}, Workspace: func(string) (telemetry.Workspace, bool) { return telemetry.Workspace{}, true }})
	w := httptest.NewRecorder()
	counter.ServeHTTP(w, r)
	var a struct {
		Received int `json:"itemsReceived"`
	}
	_ = json.Unmarshal(w.Body.Bytes(), &a)
	return a.Received
}

func (s *site) connection() string {
	return "InstrumentationKey=" + key + ";IngestionEndpoint=" + s.url + ";LiveEndpoint=" + s.url
}

// modules installs the packages once for a lock file and gives their folder.
var modules = sync.OnceValues(func() (string, error) {
	lock, err := os.ReadFile("package-lock.json")
	if err != nil {
		return "", err
	}
	base, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(lock)
	dir := filepath.Join(base, "gatehouse-appinsights-"+hex.EncodeToString(sum[:6]))
	if _, err := os.Stat(filepath.Join(dir, "installed")); err == nil {
		return dir, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	for _, name := range []string{"package.json", "package-lock.json"} {
		data, err := os.ReadFile(name)
		if err != nil {
			return "", err
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			return "", err
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("npm ci: %w: %s", err, out)
	}
	return dir, os.WriteFile(filepath.Join(dir, "installed"), nil, 0o644)
})

// node starts a script of this folder among the installed packages.
func node(t *testing.T, script string, s *site, env ...string) {
	t.Helper()
	if _, err := exec.LookPath("npm"); err != nil {
		t.Skip("npm is not installed")
	}
	dir, err := modules()
	if err != nil {
		t.Skip("the SDKs cannot be installed: ", err)
	}
	own := t.TempDir() // a temporary folder of its own: SDKs keep items there between runs
	for _, name := range []string{script, "soon.cjs"} {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(own, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join(dir, "node_modules"), filepath.Join(own, "node_modules")); err != nil {
		t.Fatal(err)
	}
	run(t, own, append(env, "CONNECTION_STRING="+s.connection(), "NODE_EXTRA_CA_CERTS="+s.ca, "TMPDIR="+own, "APPLICATION_INSIGHTS_NO_STATSBEAT=1", "OTEL_NODE_RESOURCE_DETECTORS=none"), "node", script)
}

// run starts a program that ends with the test; what it says is shown when the
// test fails.
func run(t *testing.T, dir string, env []string, name string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, name, args...)
	var out bytes.Buffer
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = dir, append(os.Environ(), env...), &out, &out
	cmd.WaitDelay = time.Second
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	if err := cmd.Start(); err != nil {
		cancel()
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s:\n%s", name, out.String())
		}
	})
}

// fields are the columns of a row that the checks name.
func fields(row any) map[string]string {
	out := map[string]string{}
	flat := func(prefix, text string) {
		var m map[string]any
		if json.Unmarshal([]byte(text), &m) == nil {
			for k, v := range m {
				out[prefix+k] = fmt.Sprint(v)
			}
		}
	}
	switch r := row.(type) {
	case telemetry.Span:
		maps.Copy(out, map[string]string{"type": r.Kind, "name": r.Name, "id": r.SpanID, "trace": r.TraceID, "parent": r.ParentSpanID, "code": r.ResultCode, "status": r.Status,
			"data": r.Data, "target": r.Target, "call": r.CallType, "ms": fmt.Sprint(float64(r.Duration) / 1e6), "role": r.Service, "count": fmt.Sprint(r.SampleWeight)})
		flat("d.", r.Attributes)
		flat("m.", r.Measurements)
		flat("t.", r.Tags)
	case telemetry.LogRecord:
		kind := r.Type
		if kind == "" {
			kind = "trace"
		}
		maps.Copy(out, map[string]string{"type": kind, "name": r.EventName, "body": r.Body, "severity": r.Severity, "role": r.Service, "trace": r.TraceID, "parent": r.SpanID, "count": fmt.Sprint(r.SampleWeight)})
		flat("d.", r.Attributes)
		flat("m.", r.Measurements)
		flat("t.", r.Tags)
		flat("i.", r.Item)
	}
	return out
}

// find gives the row that has all of want, and how many have it.
func (s *site) find(want map[string]string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	count := func(row map[string]string) {
		for k, v := range want {
			if row[k] != v {
				return
			}
		}
		n++
	}
	for _, r := range s.spans {
		count(fields(r))
	}
	for _, r := range s.logs {
		count(fields(r))
	}
	return n
}

func (s *site) dump() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b strings.Builder
	for _, r := range s.spans {
		fmt.Fprintln(&b, fields(r))
	}
	for _, r := range s.logs {
		fmt.Fprintln(&b, fields(r))
	}
	return b.String()
}

// arrive waits until every row is there; each must be there once.
func (s *site) arrive(t *testing.T, want []map[string]string) (passed int) {
	t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	for {
		passed = 0
		for _, w := range want {
			if s.find(w) == 1 {
				passed++
			}
		}
		if passed == len(want) || time.Now().After(deadline) {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if passed < len(want) {
		for _, w := range want {
			if n := s.find(w); n != 1 {
				t.Errorf("%d rows have %v", n, w)
			}
		}
		t.Logf("rows:\n%s", s.dump())
	}
	return passed
}
