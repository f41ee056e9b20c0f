package conformance

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/internal/server"
)

// house is a whole Gatehouse in this process, reached only through its doors,
// in front of a backend that answers as the query asks.
type house struct {
	gateway, monitor, secure string // base URLs
	data, service            string // folders
	objectives               string // file
	logSearch                string // file
	backend                  *httptest.Server
	alerts                   *receivers
	log                      *lockedText
	loggersKept              *loggersRun // of a second Gatehouse, when it has run
	cluster                  sync.Once   // clusterSeries
	front                    *front      // what availability tests call
	recordedLoaded           time.Time   // the end of recordedLoad
	costlyKept               *costly     // two others, when they have run
	identitiesKept           *identities // a Gatehouse with rules and an issuer, when it has run
	tenantsKept              *tenants    // two Gatehouses more, when they have run
	consoleKept              *house      // one more that the console set up, when it has run
	troubled                 time.Time   // when trouble began, for P01
	root                     *testing.T  // of the whole: what runs until its end
}

// openHouse runs a Gatehouse until the test ends.
func openHouse(t *testing.T) *house {
	t.Helper()
	h := &house{data: t.TempDir(), service: t.TempDir(), backend: newBackend(t), alerts: newReceivers(t), log: &lockedText{}, root: t}
	h.write(t, h.missionService())
	gateway, monitor, secure := freePort(t), freePort(t), freePort(t)
	h.gateway, h.monitor, h.secure = "http://"+gateway, "http://"+monitor, "https://"+secure
	config := server.DefaultConfig()
	config.Service.Folder, config.Service.Name, config.Data.Folder = h.service, "mission", h.data
	config.Listen = server.ListenConfig{Gateway: gateway, Monitor: monitor, MonitorTLS: secure}
	config.Telemetry.MetricsInterval = server.Duration(200 * time.Millisecond)
	config.Rules.Files = append(upstreamRules(t), missionRules(t))
	config.Activity.Requests = true
	config.Alerting.File = h.alerts.config(t)
	groups, actions := h.alerts.actions(t)
	config.Alerting.ActionGroups, config.Rules.Files = []string{groups}, append(config.Rules.Files, actions)
	h.objectives = filepath.Join(t.TempDir(), "objectives.yml")
	h.promise(t, "99.9")
	config.Rules.Objectives = h.objectives
	h.metricWorkspaces(t, &config)
	h.probes(t, &config)
	h.logRules(t, &config)
	h.serve(t, config)
	return h
}

type lockedText struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lockedText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
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

// newBackend answers with what it received: ?status=, ?delay=, ?bytes= change
// status, time and size; /endless sends until the client leaves.
func newBackend(t *testing.T) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if d, err := time.ParseDuration(q.Get("delay")); err == nil {
			<-time.After(d)
		}
		body, _ := io.ReadAll(r.Body)
		if strings.HasSuffix(r.URL.Path, "/endless") {
			chunk := make([]byte, 32<<10)
			for r.Context().Err() == nil {
				if _, err := w.Write(chunk); err != nil {
					return
				}
			}
			return
		}
		if n, err := strconv.Atoi(q.Get("bytes")); err == nil {
			w.Header().Set("Content-Length", q.Get("bytes"))
			_, _ = w.Write(make([]byte, n))
			return
		}
		if status, err := strconv.Atoi(q.Get("status")); err == nil {
			w.WriteHeader(status)
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"headers": r.Header, "body": string(body)})
	}))
	t.Cleanup(s.Close)
	return s
}

// write puts files into the service folder.
func (h *house) write(t *testing.T, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(h.service, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// eventually polls until ok, at most 20 seconds.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	within(t, time.Minute, what, ok)
}

func within(t *testing.T, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(limit); !ok(); {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %s", what, limit)
		}
		<-time.After(25 * time.Millisecond)
	}
}

// answer is what a client saw.
type answer struct {
	status int
	header http.Header
	body   string
}

// call sends one request to the gateway with name, value pairs of headers.
func (h *house) call(t *testing.T, method, path, body string, header ...string) answer {
	t.Helper()
	req, err := http.NewRequest(method, h.gateway+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Add(header[i], header[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return answer{resp.StatusCode, resp.Header, string(data)}
}

// load sends n requests with 16 clients.
func (h *house) load(t *testing.T, n int, path string, want int) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
	defer client.CloseIdleConnections()
	var wg sync.WaitGroup
	for w := range 16 {
		wg.Go(func() {
			for range n/16 + b2i(w < n%16) {
				resp, err := client.Get(h.gateway + path)
				if err != nil {
					t.Errorf("GET %s: %v", path, err)
					return
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
				if resp.StatusCode != want {
					t.Errorf("GET %s: %d", path, resp.StatusCode)
				}
			}
		})
	}
	wg.Wait()
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// get decodes a JSON answer of the monitor door.
func (h *house) get(t *testing.T, path string, into any) int {
	t.Helper()
	resp, err := http.Get(h.monitor + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusOK {
		if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
			t.Fatalf("GET %s: %v", path, err)
		}
	}
	return resp.StatusCode
}

// query asks PromQL for one number; no series is 0.
func (h *house) query(t *testing.T, expr string) float64 {
	t.Helper()
	return h.queryAt(t, expr, float64(time.Now().UnixMilli())/1000)
}

func (h *house) queryAt(t *testing.T, expr string, at float64) float64 {
	t.Helper()
	return h.queryIn(t, "/prometheus", expr, at)
}

// queryIn queries a workspace's API.
func (h *house) queryIn(t *testing.T, prefix, expr string, at float64) float64 {
	t.Helper()
	var out struct {
		Data struct {
			Result []struct{ Value [2]any }
		}
	}
	if status := h.get(t, fmt.Sprintf("%s/api/v1/query?time=%.3f&query=%s", prefix, at, url.QueryEscape(expr)), &out); status != http.StatusOK {
		t.Fatalf("query %s: %d", expr, status)
	}
	if len(out.Data.Result) == 0 {
		return 0
	}
	v, err := strconv.ParseFloat(fmt.Sprint(out.Data.Result[0].Value[1]), 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// summary is a line of a search, span and tree those of a trace.
type (
	summary struct {
		TraceID     string `json:"trace_id"`
		HTTPStatus  int    `json:"http_status"`
		Outcome     string `json:"outcome"`
		ErrorReason string `json:"error_reason"`
		Spans       int    `json:"spans"`
	}
	found struct {
		Traces []summary `json:"traces"`
		Total  int       `json:"total"`
	}
	span struct {
		SpanID       string         `json:"span_id"`
		ParentSpanID string         `json:"parent_span_id"`
		Name         string         `json:"name"`
		DurationMS   float64        `json:"duration_ms"`
		Status       string         `json:"status"`
		Attributes   map[string]any `json:"attributes"`
		Policy       map[string]any `json:"policy"`
		Call         map[string]any `json:"call"`
		Request      map[string]any `json:"request"`
	}
	tree struct {
		DurationMS float64 `json:"duration_ms"`
		Spans      []span  `json:"spans"`
		Logs       []struct {
			Severity string `json:"severity"`
			Body     string `json:"body"`
		} `json:"logs"`
	}
)

func (h *house) search(t *testing.T, filter string) found {
	t.Helper()
	var out found
	if status := h.get(t, "/api/traces/search?limit=500&"+filter, &out); status != http.StatusOK {
		t.Fatalf("search %s: %d", filter, status)
	}
	return out
}

// settled waits until the rows of all requests so far are stored: those of a
// last request to the API named "marker" are.
func (h *house) settled(t *testing.T) {
	t.Helper()
	id := newTraceID(t)
	h.call(t, "GET", "/marker/items/1", "", "Traceparent", parent(id))
	h.trace(t, id)
}

// trace waits for a trace.
func (h *house) trace(t *testing.T, id string) tree {
	t.Helper()
	var out tree
	eventually(t, "trace "+id, func() bool {
		out = tree{}
		return h.get(t, "/api/traces/"+id, &out) == http.StatusOK && len(out.Spans) > 0
	})
	return out
}

// request calls the gateway with a trace id of its own and reads its trace.
func (h *house) request(t *testing.T, method, path, body string, header ...string) (answer, tree) {
	t.Helper()
	id := newTraceID(t)
	a := h.call(t, method, path, body, append(header, "Traceparent", parent(id))...)
	return a, h.trace(t, id)
}
