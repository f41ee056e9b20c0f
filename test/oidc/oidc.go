// Package oidc is an OpenID provider for tests: the authorization code flow with
// PKCE, over a real connection.
//
// What comes in: requests of clients. What goes out: codes and signed tokens of the
// user who is logged in. It must never be linked into the product.
package oidc

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// User is who logs in at the provider.
type User struct {
	Subject, Name, Email string
	Groups               []string
}

// Provider serves until the test ends.
type Provider struct {
	URL, ClientID, Secret string

	key    *rsa.PrivateKey
	mu     sync.Mutex
	user   User
	grants map[string]grant // by code
	edit   func(claims map[string]any)
}

type grant struct {
	redirect, challenge, nonce string
	user                       User
}

// Start opens a provider for one client.
func Start(t testing.TB, clientID, secret string) *Provider {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p := &Provider{ClientID: clientID, Secret: secret, key: key, grants: map[string]grant{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", p.discovery)
	mux.HandleFunc("GET /keys", p.keys)
	mux.HandleFunc("GET /authorize", p.authorize)
	mux.HandleFunc("POST /token", p.token)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	p.URL = server.URL
	return p
}

// Login sets who is logged in at the provider.
func (p *Provider) Login(u User) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.user = u
}

// Edit changes the claims of tokens before they are signed; nil: not.
func (p *Provider) Edit(f func(claims map[string]any)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.edit = f
}

func (p *Provider) discovery(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]any{"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys",
		"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"}, "id_token_signing_alg_values_supported": []string{"RS256"}})
}

func (p *Provider) keys(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &p.key.PublicKey, KeyID: "one", Algorithm: "RS256", Use: "sig"}}})
}

func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if q.Get("client_id") != p.ClientID || q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256" {
		http.Error(w, "invalid_request", http.StatusBadRequest)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	back, err := url.Parse(q.Get("redirect_uri"))
	if err != nil {
		http.Error(w, "invalid_request", http.StatusBadRequest)
		return
	}
	answer := url.Values{"state": {q.Get("state")}}
	if p.user.Subject == "" {
		answer.Set("error", "access_denied")
	} else {
		code := rand.Text()
		p.grants[code] = grant{q.Get("redirect_uri"), q.Get("code_challenge"), q.Get("nonce"), p.user}
		answer.Set("code", code)
	}
	back.RawQuery = answer.Encode()
	http.Redirect(w, r, back.String(), http.StatusFound)
}

func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	id, secret, basic := r.BasicAuth()
	if !basic {
		id, secret = r.FormValue("client_id"), r.FormValue("client_secret")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	g, known := p.grants[r.FormValue("code")]
	delete(p.grants, r.FormValue("code"))
	sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	switch {
	case id != p.ClientID || secret != p.Secret:
		answer(w, http.StatusUnauthorized, map[string]any{"error": "invalid_client"})
	case !known || g.redirect != r.FormValue("redirect_uri") || g.challenge != base64.RawURLEncoding.EncodeToString(sum[:]):
		answer(w, http.StatusBadRequest, map[string]any{"error": "invalid_grant"})
	default:
		token, err := p.signed(g.user, p.ClientID, g.nonce)
		if err != nil {
			answer(w, http.StatusInternalServerError, map[string]any{"error": "server_error"})
			return
		}
		answer(w, http.StatusOK, map[string]any{"access_token": "opaque", "token_type": "Bearer", "expires_in": 3600, "id_token": token})
	}
}

// Token is one of a user for an audience.
func (p *Provider) Token(t testing.TB, u User, audience string) string {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	text, err := p.signed(u, audience, "")
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func (p *Provider) signed(u User, audience, nonce string) (string, error) {
	now := time.Now()
	claims := map[string]any{"iss": p.URL, "aud": audience, "sub": u.Subject, "preferred_username": u.Name, "email": u.Email, "email_verified": u.Email != "",
		"groups": u.Groups, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(), "nonce": nonce}
	if p.edit != nil {
		p.edit(claims)
	}
	text, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: p.key, KeyID: "one"}}, nil)
	if err != nil {
		return "", err
	}
	signed, err := signer.Sign(text)
	if err != nil {
		return "", err
	}
	return signed.CompactSerialize()
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}
