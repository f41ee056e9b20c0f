// Package appinsights lets the SDKs of Application Insights, unmodified, send to
// the receiver over TLS, and reads the rows that they make.
package appinsights

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/internal/ingest/track"
	"gatehouse/internal/store/ca"
	"gatehouse/internal/telemetry"
	"gatehouse/test/conformance/npm"
)

const key = "11111111-2222-3333-4444-555555555555"

// site is a receiver behind a proxy that answers the first requests with faults.
type site struct {
	mu       sync.Mutex
	spans    []telemetry.Span
	logs     []telemetry.LogRecord
	faults   []int // statuses of the next requests
	met      []int // faults that were given
	asked    int   // preflights of browsers
	url      string
	receiver *track.Receiver
	ca       string // path
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
	s.receiver = track.New(track.Options{Rows: s, Workspace: func(k string) (telemetry.Workspace, bool) {
		return telemetry.Workspace{InstrumentationKey: key, ApplicationID: "aaaaaaaa-0000-0000-0000-000000000000", Dimensions: true}, strings.EqualFold(k, key)
	}})
	live := s.receiver.Live(func(string) (string, bool) { return "", true })
	t.Cleanup(s.receiver.Close)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if status := s.fault(r); status != 0 {
			s.refuse(w, r, status)
			return
		}
		if strings.HasPrefix(r.URL.Path, "/api/live") {
			live.ServeHTTP(w, r)
			return
		}
		s.receiver.ServeHTTP(w, r)
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
	if r.Method == http.MethodOptions {
		s.asked++
	}
	if r.Method != http.MethodPost || !strings.Contains(r.URL.Path, "track") || len(s.faults) == 0 {
		return 0
	}
	status := s.faults[0]
	s.faults, s.met = s.faults[1:], append(s.met, status)
	return status
}

func (s *site) preflights() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

func (s *site) refusals() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.met)
}

// refuse answers as the service does when it takes nothing now. A 206 takes
// every other item, or none when there is one alone.
func (s *site) refuse(w http.ResponseWriter, r *http.Request, status int) {
	items := itemsOf(r)
	refused := map[int]bool{}
	var taken []json.RawMessage
	for i := range items {
		if refused[i] = status != http.StatusPartialContent || i%2 == 0; !refused[i] {
			taken = append(taken, items[i])
		}
	}
	if len(taken) > 0 {
		body, _ := json.Marshal(taken) // of valid items
		inner := httptest.NewRequest(http.MethodPost, r.URL.Path, bytes.NewReader(body))
		inner.Header = r.Header.Clone()
		inner.Header.Del("Content-Encoding")
		s.receiver.ServeHTTP(httptest.NewRecorder(), inner)
	}
	code := status
	if status == http.StatusPartialContent {
		code = http.StatusServiceUnavailable
	}
	var errors []map[string]any
	for i := range items {
		if refused[i] {
			errors = append(errors, map[string]any{"index": i, "statusCode": code, "message": "try again"})
		}
	}
	if origin := r.Header.Get("Origin"); origin != "" {
		w.Header().Set("Access-Control-Allow-Origin", origin)
	}
	w.Header().Set("Retry-After", time.Now().Add(2*time.Second).UTC().Format(http.TimeFormat))
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"itemsReceived": len(items), "itemsAccepted": len(taken), "errors": errors})
}

// itemsOf reads the items of a request, lines or an array.
func itemsOf(r *http.Request) (items []json.RawMessage) {
	var from io.Reader = r.Body
	if r.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(r.Body)
		if err != nil {
			return nil
		}
		from = z
	}
	d := json.NewDecoder(from)
	for {
		var one json.RawMessage
		if d.Decode(&one) != nil {
			return items
		}
		if one[0] == '[' {
			_ = json.Unmarshal(one, &items)
			continue
		}
		items = append(items, one)
	}
}

func (s *site) connection() string {
	return "InstrumentationKey=" + key + ";IngestionEndpoint=" + s.url + ";LiveEndpoint=" + s.url
}

// packages are the SDKs.
var packages npm.Suite

// node starts a script of this folder among the installed packages.
func node(t *testing.T, script string, s *site, env ...string) {
	t.Helper()
	own := packages.Run(t, script, "soon.cjs") // SDKs keep items in a temporary folder between runs
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

// some is a value that only must be there.
const some = "*"

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
			if v == some && row[k] != "" {
				continue
			}
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

// patience is for a slow machine; settling is how long after the last row each
// must still be there once.
const (
	patience = 2 * time.Minute
	settling = 1500 * time.Millisecond
)

// arrive waits until every row is there; each must be there once.
func (s *site) arrive(t *testing.T, want []map[string]string) (passed int) {
	t.Helper()
	deadline := time.Now().Add(patience)
	settled := time.Time{} // all were there once; for a while more nothing may come twice
	for {
		passed = 0
		for _, w := range want {
			if s.find(w) == 1 {
				passed++
			}
		}
		switch {
		case passed < len(want):
			settled = time.Time{}
		case settled.IsZero():
			settled = time.Now()
		}
		if passed == len(want) && time.Since(settled) > settling || time.Now().After(deadline) {
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
