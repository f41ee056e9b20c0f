package forward_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/internal/alerting/forward"
)

// receiver keeps the requests of an Alertmanager outside.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	paths  []string
	bodies []string
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		r.mu.Lock()
		defer r.mu.Unlock()
		user, password, _ := req.BasicAuth()
		r.paths = append(r.paths, req.Method+" "+req.URL.Path+" "+req.Header.Get("Content-Type")+" "+user+password)
		r.bodies = append(r.bodies, string(body))
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) last() (path, body string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.paths) == 0 {
		return "", ""
	}
	return r.paths[len(r.paths)-1], r.bodies[len(r.bodies)-1]
}

func open(t *testing.T, folder string) *forward.Forwarder {
	t.Helper()
	f, err := forward.New(forward.Options{Folder: folder})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Stop() })
	return f
}

func known(t *testing.T, f *forward.Forwarder, n int) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); len(f.Alertmanagers()) != n; <-time.After(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d Alertmanagers, want %d", len(f.Alertmanagers()), n)
		}
	}
}

func arrived(t *testing.T, r *receiver, word string) (path, body string) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; <-time.After(10 * time.Millisecond) {
		if path, body = r.last(); strings.Contains(body, word) {
			return path, body
		}
		if time.Now().After(deadline) {
			t.Fatalf("no request with %q: %s %s", word, path, body)
		}
	}
}

// The request is Prometheus's own: labels and annotations without empty ones,
// times to the millisecond.
func TestPosts(t *testing.T) {
	r, f := newReceiver(t), open(t, "")
	text, err := forward.OfURLs([]string{r.URL + "/some/where"})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Load([]byte(text)); err != nil {
		t.Fatal(err)
	}
	known(t, f, 1)
	at := time.Date(2026, 1, 2, 3, 4, 5, 678_000_000, time.UTC)
	f.Send(forward.Alert{Labels: map[string]string{"alertname": "A", "b": "c"}, Annotations: map[string]string{"summary": "s"},
		StartsAt: at, EndsAt: at.Add(4 * time.Minute), GeneratorURL: "http://here/graph"})
	path, body := arrived(t, r, "alertname")
	if path != "POST /some/where/api/v2/alerts application/json " {
		t.Error(path)
	}
	const want = `[{"annotations":{"summary":"s"},"endsAt":"2026-01-02T03:08:05.678Z","startsAt":"2026-01-02T03:04:05.678Z","generatorURL":"http://here/graph","labels":{"alertname":"A","b":"c"}}]`
	if body != want {
		t.Errorf("%s\nwant %s", body, want)
	}
}

// The form of prometheus.yml brings external labels, relabelling, credentials
// and targets in files; a fault leaves what is in force.
func TestFile(t *testing.T) {
	r, dir := newReceiver(t), t.TempDir()
	f := open(t, dir)
	targets, _ := json.Marshal([]map[string]any{{"targets": []string{strings.TrimPrefix(r.URL, "http://")}}})
	if err := os.WriteFile(filepath.Join(dir, "am.json"), targets, 0o600); err != nil {
		t.Fatal(err)
	}
	const config = `
global: {external_labels: {site: here}}
alerting:
  alert_relabel_configs: [{source_labels: [secret], regex: .+, action: drop}, {regex: noise, action: labeldrop}]
  alertmanagers: [{file_sd_configs: [{files: [am.json]}], basic_auth: {username: u, password: p}}]
`
	if err := f.Load([]byte(config)); err != nil {
		t.Fatal(err)
	}
	known(t, f, 1)
	if err := f.Load([]byte("alerting: {alertmanagers: [{static_configs: 7}]}")); err == nil {
		t.Error("a faulty configuration was taken")
	}
	f.Send(forward.Alert{Labels: map[string]string{"alertname": "Dropped", "secret": "x"}}, forward.Alert{Labels: map[string]string{"alertname": "Kept", "noise": "n"}})
	path, body := arrived(t, r, "Kept")
	if !strings.HasSuffix(path, " up") || !strings.Contains(body, `"labels":{"alertname":"Kept","site":"here"}`) || strings.Contains(body, "Dropped") {
		t.Error(path, body)
	}
}

// What is in force stops when the settings name nothing any more.
func TestNoneLeft(t *testing.T) {
	r, f := newReceiver(t), open(t, "")
	text, _ := forward.OfURLs([]string{r.URL})
	if err := f.Load([]byte(text)); err != nil {
		t.Fatal(err)
	}
	known(t, f, 1)
	if err := f.Load(nil); err != nil {
		t.Fatal(err)
	}
	known(t, f, 0)
	f.Send(forward.Alert{Labels: map[string]string{"alertname": "A"}})
}

func TestURLs(t *testing.T) {
	for _, bad := range []string{"", "host:9093", "ftp://host", "http://", "http://user:secret@host", "http://host?x=1"} {
		if _, err := forward.OfURLs([]string{bad}); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
