// Package issuer is the own issuer of tokens: OAuth 2's client credentials, as
// clients of Microsoft Entra ID ask for them, and tokens of managed identities for
// workloads on this machine.
//
// What comes in: requests of anybody. What goes out: signed tokens for principals
// of the rules, the public keys, and the documents by which clients find both. It
// must never give a token without a secret or an assertion that was checked, sign
// for an audience that the settings do not name, or write a secret anywhere.
package issuer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"gatehouse/internal/identity"
)

// Options of an Issuer. Access, Load and Save must be set.
type Options struct {
	URL       string   // base, without a slash at its end
	Tenant    string   // id of the tenant
	Audiences []string // that tokens may be for
	Access    func() *identity.Access
	// Assertion gives the subject of a token of another issuer.
	Assertion func(ctx context.Context, issuer, token string, audiences []string) (subject string, err error)
	// IMDS is the name of the principal whose tokens every process of this machine
	// gets in the form of instance metadata; "": none does.
	IMDS string

	Lifetime time.Duration // of a token; default 1 h
	Rotation time.Duration // of keys; default 30 days
	Load     func(name string) ([]byte, error)
	Save     func(name string, data []byte) error
	Now      func() time.Time
	Logger   *slog.Logger
}

// Issuer is safe for concurrent use.
type Issuer struct {
	o      Options
	keys   *keys
	hashes chan struct{} // a place for each secret that is compared at a time
	brakes *brakes
}

// hashesAtOnce bounds the memory and time that comparing secrets takes.
const hashesAtOnce = 2

// New makes an issuer; it makes its first key, which takes a moment.
func New(o Options) (*Issuer, error) {
	if o.Lifetime == 0 {
		o.Lifetime = time.Hour
	}
	if o.Rotation == 0 {
		o.Rotation = 30 * 24 * time.Hour
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	k, err := openKeys(&o)
	if err != nil {
		return nil, fmt.Errorf("open the issuer: %w", err)
	}
	return &Issuer{o: o, keys: k, hashes: make(chan struct{}, hashesAtOnce), brakes: newBrakes(o.Now)}, nil
}

// Name is the claim iss of its tokens.
func (i *Issuer) Name() string { return i.o.URL + "/" + i.o.Tenant + "/v2.0" }

// aliases are tenants that clients write: that of AD FS lets clients of Entra
// leave out asking the public cloud about the authority.
func (i *Issuer) serves(tenant string) bool {
	return slices.ContainsFunc([]string{i.o.Tenant, "adfs", "common", "organizations"}, func(s string) bool { return strings.EqualFold(s, tenant) })
}

// ServeHTTP answers the paths of an authority: /TENANT/... with any number of
// slashes, in any case.
func (i *Issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if len(r.URL.Path) > 300 {
		http.NotFound(w, r)
		return
	}
	part := strings.FieldsFunc(strings.ToLower(r.URL.Path), func(c rune) bool { return c == '/' })
	if len(part) < 2 || !i.serves(part[0]) {
		http.NotFound(w, r)
		return
	}
	tenant := part[0]
	switch rest := strings.Join(part[1:], "/"); {
	case rest == "oauth2/v2.0/token", rest == "oauth2/token":
		i.token(w, r, rest == "oauth2/token")
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		h.Set("Allow", "GET")
		http.Error(w, "this is read with GET", http.StatusMethodNotAllowed)
	case rest == "v2.0/.well-known/openid-configuration", rest == ".well-known/openid-configuration":
		i.discovery(w, strings.HasPrefix(rest, "v2.0/"))
	case rest == "discovery/v2.0/keys", rest == "discovery/keys":
		writeJSON(w, http.StatusOK, i.Keys())
	case tenant == "common" && rest == "discovery/instance":
		i.instance(w)
	default:
		http.NotFound(w, r)
	}
}

// discovery is the document by which clients find the rest.
func (i *Issuer) discovery(w http.ResponseWriter, v2 bool) {
	base := i.o.URL + "/" + i.o.Tenant
	token := base + "/oauth2/token"
	if v2 {
		token = base + "/oauth2/v2.0/token"
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"issuer": i.Name(), "token_endpoint": token, "jwks_uri": base + "/discovery/v2.0/keys",
		// Clients refuse a document without it; people sign in elsewhere.
		"authorization_endpoint":                base + "/oauth2/v2.0/authorize",
		"token_endpoint_auth_methods_supported": []string{"client_secret_post", "client_secret_basic", "private_key_jwt"},
		"response_types_supported":              []string{"token"}, "grant_types_supported": []string{"client_credentials"},
		"subject_types_supported": []string{"public"}, "id_token_signing_alg_values_supported": []string{"RS256"}, "scopes_supported": []string{},
	})
}

// instance tells a client that asks whether the authority is one that it is.
func (i *Issuer) instance(w http.ResponseWriter) {
	host := strings.TrimPrefix(strings.TrimPrefix(i.o.URL, "https://"), "http://")
	writeJSON(w, http.StatusOK, map[string]any{
		"tenant_discovery_endpoint": i.o.URL + "/" + i.o.Tenant + "/v2.0/.well-known/openid-configuration", "api-version": "1.1",
		"metadata": []any{map[string]any{"preferred_network": host, "preferred_cache": host, "aliases": []string{host}}},
	})
}

// errAudience is about a token that nobody here takes.
var errAudience = errors.New("no such audience")

// audience reads which audience a scope or a resource names.
func (i *Issuer) audience(text string) (string, error) {
	wanted := strings.TrimRight(strings.TrimSuffix(text, "/.default"), "/")
	for _, a := range i.o.Audiences {
		if strings.EqualFold(strings.TrimRight(a, "/"), wanted) {
			return strings.TrimRight(a, "/"), nil
		}
	}
	return "", errAudience
}
