// Package proxy is an identity-aware reverse proxy in front of a tool of other
// makers: who is not known is sent to the identity provider, who is known and not
// allowed is refused, everybody else gets through.
//
// What comes in: requests of browsers (a session cookie) and of programs (a bearer
// token), the answers of the identity provider. What goes out: the request to the
// tool, with headers that say who asks. It must never let a request through that
// proves nobody, believe such headers of a client, hand the session or a token
// that it was shown on to the tool, or redirect to another site than the provider's.
package proxy

import (
	"crypto/cipher"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"gatehouse/internal/identity"
	"gatehouse/internal/identity/verify"
)

// Paths of the proxy itself; all others are the tool's.
const (
	own          = "/.gatehouse/"
	callbackPath = own + "callback"
	logoutPath   = own + "logout"
)

// Options of a Proxy. Name, URL, Upstream, Issuer, ClientID, Key and one of Groups
// and Principals must be set.
type Options struct {
	Name     string
	URL      *url.URL // by which browsers call the proxy; without a path
	Upstream *url.URL
	// Transport reaches the tool; nil: http.DefaultTransport.
	Transport http.RoundTripper
	// Issuer is the identity provider; its audiences are what tokens of programs
	// are for, beside ClientID.
	Issuer       verify.Issuer
	ClientID     string
	ClientSecret string   // "": a public client, by PKCE alone
	Scopes       []string // default: openid profile email
	Groups       []string // values of the claim of groups that let in
	Principals   []string // ids of principals that are let in
	Session      time.Duration
	Key          []byte // 32 bytes, of sessions; the same on all replicas
	// Seen is told who asks, for the record; nil: nobody wants to know.
	Seen func(r *http.Request, c *identity.Caller)
	// Decided counts requests by what became of them.
	Decided func(decision string)
	Now     func() time.Time
	Logger  *slog.Logger
}

// What becomes of a request.
const (
	Allowed     = "allowed"
	Denied      = "denied"  // somebody who is known
	Unknown     = "unknown" // sent to the provider, or refused
	LoggedIn    = "login"
	LoginFailed = "login failed"
	LoggedOut   = "logout"
)

// Decisions are all of them.
func Decisions() []string {
	return []string{Allowed, Denied, Unknown, LoggedIn, LoginFailed, LoggedOut}
}

// Proxy is a handler.
type Proxy struct {
	options Options
	tokens  *verify.Verifier
	forward *httputil.ReverseProxy
	seal    cipher.AEAD

	mu       sync.Mutex // of the provider
	provider *oidc.Provider
	tried    time.Time
}

// New makes a proxy. It asks the provider nothing yet: a start does not need it.
func New(o Options) (*Proxy, error) {
	switch {
	case o.Name == "" || o.URL == nil || o.Upstream == nil || o.ClientID == "":
		return nil, errors.New("name, url, upstream and clientId are needed")
	case len(o.Groups) == 0 && len(o.Principals) == 0:
		return nil, errors.New("name groups or principals: without any nobody is let in")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Session <= 0 {
		o.Session = 8 * time.Hour
	}
	if len(o.Scopes) == 0 {
		o.Scopes = []string{oidc.ScopeOpenID, "profile", "email"}
	}
	if !slices.Contains(o.Scopes, oidc.ScopeOpenID) {
		o.Scopes = append([]string{oidc.ScopeOpenID}, o.Scopes...)
	}
	if o.Issuer.Client == nil {
		o.Issuer.Client = http.DefaultClient
	}
	o.Issuer.Audiences = append(slices.Clone(o.Issuer.Audiences), o.ClientID)
	p := &Proxy{options: o}
	var err error
	if p.tokens, err = verify.New([]verify.Issuer{o.Issuer}, o.Now); err != nil {
		return nil, err
	}
	if p.seal, err = newSeal(o.Key); err != nil {
		return nil, fmt.Errorf("the key of sessions: %w", err)
	}
	p.forward = p.newForward()
	return p, nil
}

func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path == callbackPath:
		p.callback(w, r)
	case r.URL.Path == logoutPath:
		p.logout(w, r)
	case strings.HasPrefix(r.URL.Path, own):
		p.refuse(w, http.StatusNotFound, "there is no such page")
	default:
		p.guard(w, r)
	}
}

// guard lets a request through, or not.
func (p *Proxy) guard(w http.ResponseWriter, r *http.Request) {
	who, bearer, err := p.who(r)
	if who == nil {
		p.decided(Unknown)
		p.stranger(w, r, err)
		return
	}
	p.seen(r, who.caller())
	if !p.lets(who) {
		p.decided(Denied)
		p.refuse(w, http.StatusForbidden, "you are known as "+who.title()+", who is in no group that may use "+p.options.Name+"; ask who runs it, or log out at "+logoutPath)
		return
	}
	if up := r.Header.Get("Upgrade"); up != "" && !strings.EqualFold(up, "websocket") {
		// Inside another protocol, such as HTTP/2, requests would pass that nobody records.
		p.decided(Denied)
		p.refuse(w, http.StatusNotImplemented, "connections become WebSockets and nothing else here")
		return
	}
	p.decided(Allowed)
	p.forward.ServeHTTP(w, r.WithContext(withPassage(r.Context(), passage{who, bearer})))
}

// who is known by the session or by a token, nil: nobody. bearer tells that it was
// a token, which is for the proxy and not for the tool.
func (p *Proxy) who(r *http.Request) (s *session, bearer bool, err error) {
	if s := p.sessionOf(r); s != nil {
		return s, false, nil
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	token = strings.TrimSpace(token)
	if !strings.EqualFold(scheme, "Bearer") || !verify.Looks(token) {
		return nil, false, nil
	}
	caller, err := p.tokens.Verify(r.Context(), token)
	if err != nil {
		return nil, true, err
	}
	about, err := claimsOf(token)
	if err != nil {
		return nil, true, err
	}
	return p.newSession(caller, &about), true, nil
}

// lets says whether somebody may use the tool.
func (p *Proxy) lets(s *session) bool {
	return slices.Contains(p.options.Principals, s.Object) || slices.ContainsFunc(s.Groups, func(g string) bool { return slices.Contains(p.options.Groups, g) })
}

// stranger sends a browser that opens a page to the provider, and refuses others:
// a program that follows redirects would take a login page for an answer.
func (p *Proxy) stranger(w http.ResponseWriter, r *http.Request, err error) {
	if err == nil && opensPage(r) {
		p.login(w, r)
		return
	}
	text := "send a token of the identity provider as Authorization: Bearer, or open the page in a browser to log in"
	if err != nil {
		text = err.Error() // the verifier's, without the token
	}
	w.Header().Set("WWW-Authenticate", `Bearer realm="gatehouse"`)
	p.refuse(w, http.StatusUnauthorized, text)
}

func opensPage(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead || r.Header.Get("Upgrade") != "" {
		return false
	}
	if mode := r.Header.Get("Sec-Fetch-Mode"); mode != "" && mode != "navigate" {
		return false
	}
	return strings.Contains(r.Header.Get("Accept"), "text/html")
}

func (p *Proxy) refuse(w http.ResponseWriter, status int, text string) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = fmt.Fprintln(w, text)
}

func (p *Proxy) seen(r *http.Request, c *identity.Caller) {
	if p.options.Seen != nil {
		p.options.Seen(r, c)
	}
}

func (p *Proxy) decided(what string) {
	if p.options.Decided != nil {
		p.options.Decided(what)
	}
}
