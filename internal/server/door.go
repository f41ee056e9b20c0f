package server

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"net"
	"net/http"
	"path"
	"strings"

	"gatehouse/internal/ingest/track"
	"gatehouse/web"
)

// door guards the monitor paths. The TLS door asks for the admin token. The
// plain door is for local users: it answers only loopback peers that address
// it by a loopback name, so that no web page can reach it through DNS tricks.
type door struct {
	token [32]byte // SHA-256 of the admin token
	open  bool     // no token needed
	plain bool
	next  http.Handler
}

func newDoor(token string, open, plain bool, next http.Handler) *door {
	return &door{token: sha256.Sum256([]byte(token)), open: open, plain: plain, next: next}
}

func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "same-origin")
	if d.plain && !localRequest(r) {
		refuse(w, http.StatusForbidden, "this door is for local users: call it by 127.0.0.1 or localhost, or use the HTTPS door")
		return
	}
	if track.Serves(r.URL.Path) {
		// Instrumented pages of other sites send here, with a key of their own. Nothing
		// can be read by it.
		d.next.ServeHTTP(w, r)
		return
	}
	if d.plain && crossSite(r) {
		refuse(w, http.StatusForbidden, "requests from other sites are refused")
		return
	}
	r.URL.Path = clean(r.URL.Path)
	if !d.open && !public(r.URL.Path) && !d.admitted(r) {
		h.Set("WWW-Authenticate", `Bearer realm="gatehouse"`)
		refuse(w, http.StatusUnauthorized, "send the admin token as Authorization: Bearer <token>; its file is named at start")
		return
	}
	d.next.ServeHTTP(w, r)
}

// public paths tell nothing: health, and the console's own files, which ask
// for the token themselves.
func public(p string) bool { return p == "/healthz" || p == "/readyz" || web.Public(p) }

func (d *door) admitted(r *http.Request) bool {
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	switch {
	case r.Header.Get("X-Api-Key") != "": // as clients of the query API send it
		token = r.Header.Get("X-Api-Key")
	case ok && strings.EqualFold(scheme, "Bearer"):
	case ok && strings.EqualFold(scheme, "Basic"):
		_, token, ok = r.BasicAuth() // for clients that know no bearer tokens: any user, token as password
		if !ok {
			return false
		}
	default:
		return false
	}
	sum := sha256.Sum256([]byte(strings.TrimSpace(token)))
	return subtle.ConstantTimeCompare(sum[:], d.token[:]) == 1
}

func localRequest(r *http.Request) bool {
	peer, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil || !isLoopback(peer) {
		return false
	}
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return host == "localhost" || isLoopback(strings.Trim(host, "[]"))
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// crossSite refuses what a browser sends for another site's page.
func crossSite(r *http.Request) bool {
	site := r.Header.Get("Sec-Fetch-Site")
	if site == "cross-site" || (site == "same-site" && r.Method != http.MethodGet) {
		return r.Header.Get("Sec-Fetch-Mode") != "navigate" || r.Method != http.MethodGet
	}
	origin := r.Header.Get("Origin")
	return site == "" && origin != "" && origin != scheme(r)+"://"+r.Host // "null" is a sandboxed frame of any site
}

func scheme(r *http.Request) string {
	if r.TLS != nil {
		return "https"
	}
	return "http"
}

// clean normalises a path without redirecting: redirects make real clients
// drop their token.
func clean(p string) string {
	if !strings.HasPrefix(p, "/") {
		p = "/" + p
	}
	out := path.Clean(p)
	if strings.HasSuffix(p, "/") && out != "/" {
		out += "/"
	}
	return out
}

func refuse(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]string{"code": http.StatusText(status), "message": text}})
}
