package server

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"path"
	"strings"

	"gatehouse/internal/identity"
	"gatehouse/internal/identity/verify"
	"gatehouse/internal/ingest/track"
	"gatehouse/internal/store/lake"
	"gatehouse/web"
)

// door guards the monitor paths. The TLS door asks for the admin token. The
// plain door is for local users: it answers only loopback peers that address
// it by a loopback name, so that no web page can reach it through DNS tricks.
type door struct {
	known *recogniser
	open  bool // no token needed
	plain bool
	next  http.Handler
}

func newDoor(known *recogniser, open, plain bool, next http.Handler) *door {
	return &door{known: known, open: open, plain: plain, next: next}
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
	caller, err := d.who(r)
	if caller == nil && !public(r.URL.Path) {
		h.Set("WWW-Authenticate", `Bearer realm="gatehouse"`)
		refuse(w, http.StatusUnauthorized, err.Error())
		return
	}
	if caller == nil {
		caller = &identity.Caller{Name: "unknown"} // without rights
	}
	caller.Address = peerOf(r)
	noteOf(r.Context()).caller = caller
	r = r.WithContext(identity.WithCaller(r.Context(), caller))
	d.next.ServeHTTP(w, r.WithContext(lake.WithAccount(r.Context(), asker(r))))
}

// who is the caller that a request proves, or the local user of an open door;
// nil: none that is known, and why.
func (d *door) who(r *http.Request) (*identity.Caller, error) {
	caller, err := d.known.caller(r)
	if caller == nil && d.open {
		return identity.LocalUser(), nil
	}
	return caller, err
}

// public paths tell nothing: health, and the console's own files, which ask
// for the token themselves. Links of reports have their key within.
func public(p string) bool {
	return p == "/healthz" || p == "/readyz" || web.Public(p) || strings.HasPrefix(p, reportPath)
}

// recogniser tells who a request's credentials are of.
type recogniser struct {
	admin  [32]byte         // SHA-256 of the admin token
	tokens *verify.Verifier // nil: no issuer is trusted
	access func() *identity.Access
}

func newRecogniser(adminToken string) *recogniser {
	return &recogniser{admin: sha256.Sum256([]byte(adminToken))}
}

var errNoToken = errors.New("send the admin token, or a token of an issuer that is known here, as Authorization: Bearer <token>; the file of the admin token is named at start")

// caller gives the caller that a token proves. The error never holds the token.
func (k *recogniser) caller(r *http.Request) (*identity.Caller, error) {
	token := tokenOf(r)
	if token == "" {
		return nil, errNoToken
	}
	sum := sha256.Sum256([]byte(token))
	if subtle.ConstantTimeCompare(sum[:], k.admin[:]) == 1 {
		return identity.Admin(), nil
	}
	if k.tokens == nil || !verify.Looks(token) {
		return nil, errNoToken
	}
	caller, err := k.tokens.Verify(r.Context(), token)
	if err != nil {
		return nil, err
	}
	caller.Name = k.access().Title(caller)
	return caller, nil
}

// tokenOf takes the token from where clients put it.
func tokenOf(r *http.Request) string {
	if key := r.Header.Get("X-Api-Key"); key != "" { // as clients of the query API send it
		return strings.TrimSpace(key)
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	switch {
	case strings.EqualFold(scheme, "Bearer"):
		return strings.TrimSpace(token)
	case strings.EqualFold(scheme, "Basic"):
		_, password, _ := r.BasicAuth() // for clients that know no bearer tokens: any user, token as password
		return strings.TrimSpace(password)
	}
	return ""
}

// onlyLocal answers programs of this machine that call it by a loopback name, so
// that no web page gets there through DNS tricks.
func onlyLocal(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !localRequest(r) {
			refuse(w, http.StatusForbidden, "this door is for programs of this machine: call it by 127.0.0.1 or localhost")
			return
		}
		next.ServeHTTP(w, r)
	})
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
