package gateway

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"gatehouse/internal/apim"
)

// cached is testService whose free API caches responses.
func cached(backend string) *apim.Service {
	s := testService(backend)
	s.APIs[2].Policy = &apim.Document{File: "test.xml", Text: `<policies><inbound><base/><cache-lookup vary-by-developer="false" vary-by-developer-groups="false"/></inbound>
<backend><base/></backend><outbound><base/><cache-store duration="60"/></outbound><on-error><base/></on-error></policies>`}
	return s
}

// numbered counts its calls and answers with their number; the path chooses how.
func numbered(t *testing.T, calls *atomic.Int64) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := calls.Add(1)
		switch {
		case strings.HasSuffix(r.URL.Path, "/large"):
			_, _ = io.WriteString(w, strings.Repeat("x", 3<<20))
		case strings.HasSuffix(r.URL.Path, "/broken"):
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "part")
		case strings.HasSuffix(r.URL.Path, "/stream"):
			for i := range 3 {
				fmt.Fprintf(w, "%d.%d\n", n, i)
				w.(http.Flusher).Flush()
			}
		default:
			fmt.Fprint(w, n)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

func TestResponsesAreCached(t *testing.T) {
	var calls atomic.Int64
	h := newHarness(t, cached(numbered(t, &calls).URL), nil)
	get := func(path string, header ...string) string {
		req, err := http.NewRequest("GET", h.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i+1 < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		r, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			return "broken"
		}
		defer r.Body.Close()
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return "broken"
		}
		return string(body)
	}
	for _, one := range []struct {
		name, path    string
		header        []string
		first, second string
		hit           bool
	}{
		{"plain", "/free/raw/a", nil, "1", "1", true},
		{"another query", "/free/raw/a?x=1", nil, "2", "2", true},
		{"a stream", "/free/raw/stream", nil, "3.0\n3.1\n3.2\n", "3.0\n3.1\n3.2\n", true},
		{"authorized", "/free/raw/b", []string{"Authorization", "Bearer x"}, "4", "5", false},
		{"broken", "/free/raw/broken", nil, "broken", "broken", false},
		{"large", "/free/raw/large", nil, strings.Repeat("x", 3<<20), strings.Repeat("x", 3<<20), false},
		{"a key in the query does not count", "/free/raw/a?subscription-key=1", nil, "1", "1", true},
	} {
		first := get(one.path, one.header...)
		h.recorder.last(t)
		second := get(one.path, one.header...)
		e := h.recorder.last(t)
		if first != one.first || second != one.second || e.CacheHit != one.hit || (len(e.Calls) == 0) != one.hit {
			t.Errorf("%s: %.20q then %.20q, hit %v, %d calls", one.name, first, second, e.CacheHit, len(e.Calls))
		}
	}
}

func TestCachedResponsesAreShared(t *testing.T) {
	var calls atomic.Int64
	h := newHarness(t, cached(numbered(t, &calls).URL), nil)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for i := range 20 {
				resp, body := h.call(t, "GET", fmt.Sprintf("/free/raw/stream?%d", i%3), nil)
				lines := strings.Fields(body)
				if resp.StatusCode != 200 || len(lines) != 3 || !strings.HasSuffix(lines[2], ".2") {
					t.Error(resp.Status, body)
				}
			}
		})
	}
	group.Wait()
	if calls.Load() > 8*3 {
		t.Errorf("%d calls of the backend", calls.Load())
	}
}
