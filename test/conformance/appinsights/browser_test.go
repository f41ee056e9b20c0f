package appinsights

import (
	"fmt"
	"html/template"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// shop is a site with the browser SDK in its pages, of another origin than the
// receiver. It notes the traces that its own calls came with.
type shop struct {
	*httptest.Server
	mu     sync.Mutex
	traces map[string]string // traceparent by path
}

func openShop(t *testing.T, s *site) *shop {
	t.Helper()
	sdk := filepath.Join(packages.Install(t), "node_modules", "@microsoft", "applicationinsights-web", "browser", "es5", "ai.3.min.js")
	pages := template.Must(template.ParseFiles("page.html", "leaving.html"))
	page := &shop{traces: map[string]string{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ai.js", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, sdk) })
	for path, name := range map[string]string{"GET /{$}": "page.html", "GET /leaving": "leaving.html"} {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_ = pages.ExecuteTemplate(w, name, s.connection())
		})
	}
	for path, status := range map[string]int{"/stock": 200, "/broken": 500} {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			page.mu.Lock()
			page.traces[r.URL.Path] = r.Header.Get("traceparent")
			page.mu.Unlock()
			w.WriteHeader(status)
		})
	}
	page.Server = httptest.NewServer(mux)
	t.Cleanup(page.Close)
	return page
}

// browse opens the page in Chromium, which stays until the test ends.
func browse(t *testing.T, s *site) *shop {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if named := os.Getenv("GATEHOUSE_CHROMIUM"); named != "" {
		path, err = named, nil
	}
	if err != nil {
		t.Skip("chromium is not installed")
	}
	page := openShop(t, s)
	run(t, t.TempDir(), nil, path, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--no-proxy-server", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--disable-extensions", "--user-data-dir="+t.TempDir(), "--remote-debugging-port=0", page.URL+"/")
	return page
}

// pageWants are the rows of the pages.
func pageWants(page *shop) []row {
	host := strings.TrimPrefix(page.URL, "http://")
	every := row{"role": "page", "trace": some, "t.client_Type": "Browser", "t.client_Browser": some, "t.client_OS": some, "t.user_Id": some, "t.session_Id": some, "t.sdkVersion": "javascript:3.4.4", "count": "1"}
	want := []row{
		{"type": "page-view", "name": "Shop", "i.url": page.URL + "/", "i.id": some, "i.duration": some, "d.tier": "gold"},
		{"type": "browser-timing", "name": "Shop", "i.url": page.URL + "/", "i.totalDuration": some},
		{"type": "browser-timing", "name": "timed", "i.totalDuration": "900", "i.networkDuration": "100", "i.sendDuration": "200", "i.receiveDuration": "300", "i.processingDuration": "400"},
		{"type": "client", "name": "GET /stock?x=1", "code": "200", "status": "ok", "call": "Fetch", "target": host, "data": "GET /stock?x=1", "ms": some, "id": some},
		{"type": "client", "name": "POST /broken", "code": "500", "status": "error", "call": "Ajax", "target": host, "data": "POST /broken", "ms": some, "id": some},
		{"type": "client", "name": "GET /manual", "code": "204", "status": "ok", "call": "Custom", "target": "stock.internal", "data": "GET /manual", "ms": "7", "d.tier": "gold"},
		{"type": "exception", "body": "TypeError: it broke", "i.type": "TypeError", "severity": "error", "i.details": some, "i.problemId": some, "d.tier": "gold"},
		{"type": "exception", "body": "Uncaught RangeError: nobody caught this", "i.details": some, "i.problemId": some},
		{"type": "trace", "body": "a message", "severity": "warning", "d.tier": "gold"},
		{"type": "event", "name": "bought", "d.tier": "gold", "m.price": "9.5"},
		{"type": "metric", "name": "queue", "i.value": "2.5", "i.valueCount": "4", "i.valueMin": "1", "i.valueMax": "5", "d.tier": "gold"},
	}
	for _, w := range want {
		for k, v := range every {
			w[k] = v
		}
	}
	return append(want, row{"type": "event", "name": "leaving", "t.client_Type": "Browser"})
}

func TestBrowser(t *testing.T) {
	s := open(t, false)
	page := browse(t, s)
	want := pageWants(page)
	passed := s.arrive(t, want)
	// The other side of the page's own calls knows their rows by trace and span.
	for _, path := range []string{"/stock", "/broken"} {
		page.mu.Lock()
		parts := strings.Split(page.traces[path], "-")
		page.mu.Unlock()
		if len(parts) == 4 && s.find(row{"type": "client", "trace": parts[1], "id": parts[2], "status": map[string]string{"/stock": "ok", "/broken": "error"}[path]}) == 1 {
			passed++
		} else {
			t.Errorf("%s was called with traceparent %v, which no row has", path, parts)
		}
	}
	if s.preflights() == 0 {
		t.Error("the browser asked no leave: the receiver was not of another origin")
	}
	fmt.Printf("appinsights/sdk/browser %d/%d\n", passed, len(want)+2)
}
