package server

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func request(method, host, peer string, header ...string) *http.Request {
	r := httptest.NewRequest(method, "http://"+host+"/alertmanager/api/v2/silences", nil)
	r.RemoteAddr = peer
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r
}

// The plain door answers people and programs of this machine, and no web page.
func TestPlainDoor(t *testing.T) {
	d := newDoor(newRecogniser("secret"), true, true, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }))
	const local, here = "127.0.0.1:9080", "127.0.0.1:5000"
	for _, one := range []struct {
		name   string
		r      *http.Request
		status int
	}{
		{"program", request("POST", local, here), 204},
		{"console", request("POST", local, here, "Sec-Fetch-Site", "same-origin", "Origin", "http://"+local), 204},
		{"console in a browser without fetch metadata", request("POST", local, here, "Origin", "http://"+local), 204},
		{"typed address", request("GET", local, here, "Sec-Fetch-Site", "none", "Sec-Fetch-Mode", "navigate"), 204},
		{"link from another site", request("GET", local, here, "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate"), 204},
		{"IPv6", request("GET", "[::1]:9080", "[::1]:5000"), 204},
		{"another machine", request("GET", local, "10.0.0.1:5000"), 403},
		{"rebound name", request("GET", "evil.example:9080", here), 403},
		{"name that begins like ours", request("GET", "localhost.evil.example", here), 403},
		{"fetch of another site", request("GET", local, here, "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors"), 403},
		{"form of another site", request("POST", local, here, "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate"), 403},
		{"post of another port", request("POST", local, here, "Sec-Fetch-Site", "same-site", "Origin", "http://127.0.0.1:3000"), 403},
		{"other origin", request("POST", local, here, "Origin", "https://evil.example"), 403},
		{"sandboxed frame", request("POST", local, here, "Origin", "null"), 403},
	} {
		w := httptest.NewRecorder()
		d.ServeHTTP(w, one.r)
		if w.Code != one.status {
			t.Errorf("%s: %d %s", one.name, w.Code, w.Body)
		}
	}
}

func TestOnlyLocal(t *testing.T) {
	h := onlyLocal(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }))
	for _, one := range []struct {
		r      *http.Request
		status int
	}{
		{request("GET", "127.0.0.1:9445", "127.0.0.1:5000"), 204},
		{request("GET", "evil.example:9445", "127.0.0.1:5000"), 403},
		{request("GET", "127.0.0.1:9445", "10.0.0.1:5000"), 403},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, one.r)
		if w.Code != one.status {
			t.Errorf("%s from %s: %d", one.r.Host, one.r.RemoteAddr, w.Code)
		}
	}
}

func TestTokenOfTheDoor(t *testing.T) {
	d := newDoor(newRecogniser("secret"), false, false, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }))
	for header, status := range map[string]int{
		"": 401, "Bearer secret": 204, "bearer secret": 204, "Bearer wrong": 401, "Bearer ": 401, "secret": 401,
		"Basic OnNlY3JldA==": 204, "Basic c2VjcmV0": 401, "Digest secret": 401,
	} {
		r := request("GET", "gatehouse.example", "10.0.0.1:5000", "Authorization", header)
		w := httptest.NewRecorder()
		d.ServeHTTP(w, r)
		if w.Code != status {
			t.Errorf("%q: %d", header, w.Code)
		}
	}
	for key, status := range map[string]int{"secret": 204, "wrong": 401} {
		w := httptest.NewRecorder()
		d.ServeHTTP(w, request("GET", "gatehouse.example", "10.0.0.1:5000", "X-Api-Key", key))
		if w.Code != status {
			t.Errorf("X-Api-Key %q: %d", key, w.Code)
		}
	}
	for path, status := range map[string]int{"/healthz": 204, "//healthz": 204, "/healthz/../metrics": 401, "/metrics": 401, "//metrics": 401, "/v1/traces": 401, "/api/status": 401, "/healthz/x": 401, "/assets/../prometheus/api/v1/query": 401} {
		r := httptest.NewRequest("GET", "https://x/", nil)
		r.URL.Path = path
		w := httptest.NewRecorder()
		d.ServeHTTP(w, r)
		if w.Code != status {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}
