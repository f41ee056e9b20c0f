package web

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
)

func built() http.Handler {
	return newHandler(fstest.MapFS{
		"index.html":            {Data: []byte(`<meta name="csp-nonce" content="__CSP_NONCE__"><p>shell</p>`)},
		"robots.txt":            {Data: []byte("boot")},
		".gitkeep":              {Data: []byte{}},
		"assets/app-1a2b.js":    {Data: []byte("plain")},
		"assets/app-1a2b.js.gz": {Data: []byte("gzipped")},
		"assets/app-1a2b.js.br": {Data: []byte("brotli")},
	})
}

func TestHandler(t *testing.T) {
	server := httptest.NewServer(built())
	defer server.Close()
	const forever = "public, max-age=31536000, immutable"
	tests := []struct {
		name, method, path, accept, encoding string
		status                               int
		body, cache, contentType, encoded    string
	}{
		{"root", "GET", "/", "text/html", "", 200, "shell", "no-store", "text/html; charset=utf-8", ""},
		{"page", "GET", "/traces", "text/html,*/*;q=0.8", "br", 200, "shell", "no-store", "text/html; charset=utf-8", ""},
		{"deep page", "GET", "/traces/4bf92f3577b34da6a3ce929d0e0e4736", "", "", 200, "shell", "no-store", "text/html; charset=utf-8", ""},
		{"index by name", "GET", "/index.html", "", "", 200, "shell", "no-store", "text/html; charset=utf-8", ""},
		{"asset", "GET", "/assets/app-1a2b.js", "*/*", "", 200, "plain", forever, "text/javascript; charset=utf-8", ""},
		{"asset gzip", "GET", "/assets/app-1a2b.js", "*/*", "gzip, br;q=0", 200, "gzipped", forever, "text/javascript; charset=utf-8", "gzip"},
		{"asset brotli", "GET", "/assets/app-1a2b.js", "*/*", "gzip, br", 200, "brotli", forever, "text/javascript; charset=utf-8", "br"},
		{"unhashed file", "GET", "/robots.txt", "*/*", "br", 200, "boot", "no-cache", "text/plain; charset=utf-8", ""},
		{"old asset", "GET", "/assets/app-0000.js", "*/*", "", 404, "not found", "", "", ""},
		{"assets folder", "GET", "/assets/", "text/html", "", 404, "not found", "", "", ""},
		{"dot file", "GET", "/.gitkeep", "*/*", "", 404, "not found", "", "", ""},
		{"outside", "GET", "/assets/../../web.go", "*/*", "", 404, "not found", "", "", ""},
		{"misspelt API", "GET", "/api/statuss", "application/json", "", 404, "not found", "", "", ""},
		{"write", "POST", "/", "", "", 405, "GET and HEAD", "", "", ""},
		{"head", "HEAD", "/", "text/html", "", 200, "", "no-store", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			req, err := http.NewRequest(tt.method, server.URL+tt.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Accept", tt.accept)
			req.Header.Set("Accept-Encoding", tt.encoding)
			resp, err := http.DefaultTransport.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != tt.status || !strings.Contains(string(body), tt.body) {
				t.Fatalf("got %d %q, want %d %q", resp.StatusCode, body, tt.status, tt.body)
			}
			for header, want := range map[string]string{
				"Cache-Control": tt.cache, "Content-Type": tt.contentType, "Content-Encoding": tt.encoded,
			} {
				if got := resp.Header.Get(header); want != "" && got != want {
					t.Errorf("%s: got %q, want %q", header, got, want)
				}
			}
			if tt.status == 200 && resp.Header.Get("X-Content-Type-Options") != "nosniff" {
				t.Error("security headers are missing")
			}
		})
	}
}

func TestNonceIsFreshAndNamedInThePolicy(t *testing.T) {
	seen := map[string]bool{}
	for range 3 {
		rec := httptest.NewRecorder()
		built().ServeHTTP(rec, httptest.NewRequest("GET", "/", nil))
		_, rest, _ := strings.Cut(rec.Body.String(), `content="`)
		nonce, _, _ := strings.Cut(rest, `"`)
		policy := rec.Header().Get("Content-Security-Policy")
		if len(nonce) < 20 || seen[nonce] || !strings.Contains(policy, "style-src 'self' 'nonce-"+nonce+"'") {
			t.Fatalf("nonce %q, policy %q", nonce, policy)
		}
		if strings.Contains(policy, "unsafe") || strings.Contains(policy, "http") {
			t.Fatalf("policy is not strict: %q", policy)
		}
		seen[nonce] = true
	}
}

func TestConsoleNotBuilt(t *testing.T) {
	rec := httptest.NewRecorder()
	newHandler(fstest.MapFS{".gitkeep": {}}).ServeHTTP(rec, httptest.NewRequest("GET", "/", nil))
	if rec.Code != 503 || !strings.Contains(rec.Body.String(), "console not built: run make web") {
		t.Fatalf("got %d %q", rec.Code, rec.Body.String())
	}
}

func TestEmbeddedHandlerAnswers(t *testing.T) {
	rec := httptest.NewRecorder()
	Handler().ServeHTTP(rec, httptest.NewRequest("GET", "/", nil))
	if rec.Code != 200 && rec.Code != 503 {
		t.Fatalf("got %d", rec.Code)
	}
}

// TestPublicKnowsEveryPage keeps Public equal to the list of pages.
func TestPublicKnowsEveryPage(t *testing.T) {
	pages, err := os.ReadFile("src/pages/index.ts")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`path: '([^']+)'`).FindAllStringSubmatch(string(pages), -1)
	if len(found) < 3 {
		t.Fatalf("found only %d pages", len(found))
	}
	for _, page := range found {
		if path := strings.ReplaceAll(page[1], "$id", "0af7651916cd43dd8448eb211c80319c"); !Public(path) {
			t.Errorf("Public(%q) is false", path)
		}
	}
	for _, path := range []string{"/api/traces/search", "/prometheus/api/v1/query", "/metrics", "/tracesx", "/api/status", ""} {
		if Public(path) {
			t.Errorf("Public(%q) is true", path)
		}
	}
}
