package proxy

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"golang.org/x/oauth2"

	"gatehouse/internal/identity"
)

const (
	loginLife    = 10 * time.Minute // until somebody must have come back
	askTimeout   = 10 * time.Second
	askInterval  = 5 * time.Second // between two attempts to discover the provider
	maxReturn    = 2000            // bytes of the address to return to
	maxCodeBytes = 8 << 10
)

// pending is a login under way, as its cookie has it, sealed. Each has a cookie of
// its own: several tabs may log in at once.
type pending struct {
	State    string `json:"s"`
	Nonce    string `json:"n"`
	Verifier string `json:"v"` // of PKCE
	Return   string `json:"r"`
	Ends     int64  `json:"x"`
}

var errProvider = errors.New("the identity provider cannot be asked")

// discovered is the provider. One that did not answer is not asked again at once.
func (p *Proxy) discovered() (*oidc.Provider, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.options.Now()
	switch since := now.Sub(p.tried); {
	case p.provider != nil:
		return p.provider, nil
	case since >= 0 && since < askInterval:
		return nil, errProvider
	}
	p.tried = now
	// Not of the request's context: it is for all.
	ctx, cancel := context.WithTimeout(oidc.ClientContext(context.Background(), p.options.Issuer.Client), askTimeout)
	defer cancel()
	provider, err := oidc.NewProvider(ctx, p.options.Issuer.URL)
	if err != nil {
		p.options.Logger.Warn("the identity provider's discovery document cannot be read: nobody can log in", "proxy", p.options.Name, "issuer", p.options.Issuer.URL, "error", err)
		return nil, errProvider
	}
	p.provider = provider
	return provider, nil
}

func (p *Proxy) oauth(provider *oidc.Provider) *oauth2.Config {
	return &oauth2.Config{ClientID: p.options.ClientID, ClientSecret: p.options.ClientSecret, Endpoint: provider.Endpoint(),
		RedirectURL: p.options.URL.Scheme + "://" + p.options.URL.Host + callbackPath, Scopes: p.options.Scopes}
}

// login sends a browser to the provider.
func (p *Proxy) login(w http.ResponseWriter, r *http.Request) {
	provider, err := p.discovered()
	if err != nil {
		p.unavailable(w)
		return
	}
	to := pending{State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(), Return: returnTo(r), Ends: p.options.Now().Add(loginLife).Unix()}
	text, err := p.sealed(forLogin, to)
	if err != nil {
		p.refuse(w, http.StatusInternalServerError, "the login could not begin")
		return
	}
	p.setCookie(w, p.loginCookie(to.State), text, loginLife)
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, p.oauth(provider).AuthCodeURL(to.State, oidc.Nonce(to.Nonce), oauth2.S256ChallengeOption(to.Verifier)), http.StatusFound)
}

func (p *Proxy) unavailable(w http.ResponseWriter) {
	w.Header().Set("Retry-After", "10")
	p.refuse(w, http.StatusServiceUnavailable, "the identity provider does not answer, so that nobody can log in; try again in a moment")
}

// loginCookie has a part of the state in its name.
func (p *Proxy) loginCookie(state string) string { return p.cookieName(forLogin) + "-" + state[:8] }

// returnTo is the address to come back to: a path of this host and nothing else.
func returnTo(r *http.Request) string {
	to := r.URL.RequestURI()
	if len(to) > maxReturn || !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.ContainsAny(to, "\\\r\n\t") {
		return "/"
	}
	return to
}

var stateText = regexp.MustCompile(`^[A-Z2-7]{20,40}$`)

// callback ends a login.
func (p *Proxy) callback(w http.ResponseWriter, r *http.Request) {
	who, to, status, text := p.finish(w, r)
	if who == nil {
		p.decided(LoginFailed)
		p.refuse(w, status, text)
		return
	}
	p.seen(r, who.caller())
	sealed, err := p.sealed(forSession, who)
	if err != nil {
		p.decided(LoginFailed)
		p.refuse(w, http.StatusInternalServerError, "the session could not begin")
		return
	}
	p.decided(LoggedIn)
	p.setCookie(w, p.cookieName(forSession), sealed, p.options.Session)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	http.Redirect(w, r, to, http.StatusFound)
}

// finish gives who logged in and where to go, or what to answer instead.
func (p *Proxy) finish(w http.ResponseWriter, r *http.Request) (who *session, to string, status int, text string) {
	const again = "; open the page again to begin anew"
	q := r.URL.Query()
	state := q.Get("state")
	if !stateText.MatchString(state) {
		return nil, "", http.StatusBadRequest, "this is no answer to a login" + again
	}
	var begun pending
	cookie, err := r.Cookie(p.loginCookie(state))
	if err != nil || p.opened(forLogin, cookie.Value, &begun) != nil || subtle.ConstantTimeCompare([]byte(begun.State), []byte(state)) != 1 {
		return nil, "", http.StatusBadRequest, "the login did not begin in this browser" + again
	}
	p.setCookie(w, cookie.Name, "", 0) // once
	if p.options.Now().Unix() >= begun.Ends {
		return nil, "", http.StatusBadRequest, "the login took too long" + again
	}
	if code := q.Get("error"); code != "" {
		return nil, "", http.StatusForbidden, "the identity provider refused the login: " + errorCode(code)
	}
	caller, about, err := p.exchange(r.Context(), q.Get("code"), &begun)
	switch {
	case errors.Is(err, errProvider):
		return nil, "", http.StatusBadGateway, "the identity provider did not complete the login" + again
	case err != nil:
		return nil, "", http.StatusForbidden, "the login proves nobody: " + err.Error()
	}
	return p.newSession(caller, about), begun.Return, 0, ""
}

// errorCode keeps to the form of the protocol's codes: it is shown.
func errorCode(code string) string {
	if regexp.MustCompile(`^[a-z_]{1,60}$`).MatchString(code) {
		return code
	}
	return "unknown error"
}

// exchange gives who a code is of.
func (p *Proxy) exchange(ctx context.Context, code string, begun *pending) (*identity.Caller, *claims, error) {
	if code == "" || len(code) > maxCodeBytes {
		return nil, nil, errors.New("it has no code")
	}
	provider, err := p.discovered()
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithTimeout(oidc.ClientContext(ctx, p.options.Issuer.Client), askTimeout)
	defer cancel()
	token, err := p.oauth(provider).Exchange(ctx, code, oauth2.VerifierOption(begun.Verifier))
	if err != nil {
		p.options.Logger.Warn("the identity provider did not give a token for a login", "proxy", p.options.Name, "why", exchangeFault(err))
		return nil, nil, errProvider
	}
	text, _ := token.Extra("id_token").(string)
	caller, err := p.tokens.Verify(ctx, text)
	if err != nil {
		return nil, nil, err
	}
	about, err := claimsOf(text)
	if err != nil || subtle.ConstantTimeCompare([]byte(about.Nonce), []byte(begun.Nonce)) != 1 {
		return nil, nil, errors.New("its token is of another login")
	}
	return caller, &about, nil
}

// exchangeFault words an error without what the provider wrote, which may repeat
// the code or the secret.
func exchangeFault(err error) string {
	var answered *oauth2.RetrieveError
	if errors.As(err, &answered) && answered.Response != nil {
		return answered.Response.Status + " " + errorCode(answered.ErrorCode)
	}
	return "no answer"
}

// claims are those that the verifier does not look at.
type claims struct {
	Nonce    string `json:"nonce"`
	Email    string `json:"email"`
	Verified bool   `json:"email_verified"`
	Username string `json:"preferred_username"`
}

// claimsOf reads a token that was verified.
func claimsOf(text string) (c claims, err error) {
	parsed, err := jose.ParseSignedCompact(text, []jose.SignatureAlgorithm{jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512, jose.ES256, jose.ES384, jose.ES512, jose.EdDSA})
	if err != nil {
		return c, err
	}
	err = json.Unmarshal(parsed.UnsafePayloadWithoutVerification(), &c)
	return c, err
}

const maxTitle = 200

// email is the address, when the provider verified it: any other is anybody's.
func (c *claims) email() string {
	if !c.Verified || len(c.Email) > maxTitle {
		return ""
	}
	return c.Email
}

// name is for people alone: users of many providers choose it.
func (c *claims) name() string {
	if len(c.Username) > maxTitle {
		return ""
	}
	return c.Username
}

// logout ends the session here; the provider's goes on. Another site's page cannot
// do it to somebody.
func (p *Proxy) logout(w http.ResponseWriter, r *http.Request) {
	if site := r.Header.Get("Sec-Fetch-Site"); site == "cross-site" || site == "same-site" {
		p.refuse(w, http.StatusForbidden, "requests from other sites are refused")
		return
	}
	if s := p.sessionOf(r); s != nil {
		p.seen(r, s.caller())
	}
	p.decided(LoggedOut)
	p.setCookie(w, p.cookieName(forSession), "", 0)
	p.refuse(w, http.StatusOK, "you are logged out of "+p.options.Name+"; the identity provider may still know you")
}
