package e2e

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
)

// insights is an ingestion endpoint that can be away.
type insights struct {
	*httptest.Server
	away atomic.Bool
	mu   sync.Mutex
	urls map[string]int // of the requests that were taken
}

func newInsights(t *testing.T) *insights {
	i := &insights{urls: map[string]int{}}
	i.Server = httptest.NewServer(i)
	t.Cleanup(i.Close)
	return i
}

func (i *insights) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if i.away.Load() {
		http.Error(w, "away", http.StatusServiceUnavailable)
		return
	}
	z, err := gzip.NewReader(r.Body)
	if err != nil || r.URL.Path != "/v2.1/track" {
		http.Error(w, "not an item", http.StatusBadRequest)
		return
	}
	lines := bufio.NewScanner(z)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var v struct {
			IKey string
			Data struct {
				BaseType string
				BaseData struct{ URL string }
			}
		}
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil || v.IKey != "11111111-2222-3333-4444-555555555555" {
			http.Error(w, "not an item", http.StatusBadRequest)
			return
		}
		if v.Data.BaseType == "RequestData" {
			i.mu.Lock()
			i.urls[v.Data.BaseData.URL]++
			i.mu.Unlock()
		}
	}
}

func (i *insights) taken() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return len(i.urls)
}

// What was queued for a destination that is away arrives after kill -9 and a restart.
func TestExportSurvivesKill(t *testing.T) {
	to := newInsights(t)
	to.away.Store(true)
	backend := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer backend.Close()
	folder, data := t.TempDir(), t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("connection", "InstrumentationKey=11111111-2222-3333-4444-555555555555;IngestionEndpoint="+to.URL+"/")
	api := write("api.yaml", "openapi: 3.0.0\ninfo: {title: t, version: '1'}\npaths:\n  /x/{id}:\n    get:\n      parameters: [{name: id, in: path, required: true, schema: {type: string}}]\n      responses: {'200': {description: ok}}\n")
	config := write("gatehouse.yaml", "telemetry:\n  exports: [{name: azure, type: appinsights, connectionString: {file: connection}}]\n")
	args := []string{"--config", config, "--openapi", api, "--backend", backend.URL}

	p := start(t, data, args...)
	const requests = 200
	for n := range requests {
		resp, err := http.Get(fmt.Sprintf("%s/x/%d", p.gateway, n))
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
	}
	p.wait("everything in the queue, and a try", func() bool { s := p.exported(); return s.QueueItems >= 2*requests && s.LastError != "" })
	if s := p.exported(); s.Sent != 0 || len(s.Dropped) > 0 {
		t.Fatalf("%+v", s)
	}
	p.kill()

	to.away.Store(false)
	p = start(t, data, args...)
	p.wait("everything at the destination", func() bool { return to.taken() == requests })
	p.wait("an empty queue", func() bool { s := p.exported(); return s.QueueItems == 0 && s.QueueBytes == 0 && s.LastSuccess != "" })
}

type exportStatus struct {
	State, LastError, LastSuccess string
	Sent, QueueItems, QueueBytes  int64
	Dropped                       map[string]int64
}

// exported is what GET /api/exports says of the only destination.
func (p *process) exported() exportStatus {
	p.t.Helper()
	resp, err := http.Get(p.monitor + "/api/exports")
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	var v struct{ Exports []exportStatus }
	if err := json.NewDecoder(resp.Body).Decode(&v); err != nil || len(v.Exports) != 1 {
		p.t.Fatalf("%v %+v", err, v)
	}
	return v.Exports[0]
}
