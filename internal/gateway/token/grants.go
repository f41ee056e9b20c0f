package token

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// Flows of a Grant.
const (
	FlowRefresh     = "refreshToken"      // somebody consented once; the refresh token stands for it
	FlowCredentials = "clientCredentials" // the application itself
)

// Grant is a connection of the credential manager: what an OAuth 2 provider
// granted to this service.
type Grant struct {
	Provider, Authorization string // as policies name it
	Endpoint                string // of tokens
	Flow                    string
	ClientID, ClientSecret  string
	RefreshToken            string
	RefreshTokenFile        string // instead: read from here; a provider that replaces it has the new one written here
	Scope                   string
	Parameters              map[string]string // more members of the form, such as audience
	InHeader                bool              // client id and secret as basic authentication
	// Access lists who besides the service's own identity may use it.
	Access []Principal
}

// Principal is an application or user of a Microsoft Entra tenant.
type Principal struct{ Tenant, Object string }

// Grants gives the tokens of connections. Safe for concurrent use.
type Grants struct {
	grants   map[string]*grant
	endpoint endpoint
	cache    *cache
	warn     func(text string)
}

type grant struct {
	Grant
	mu      sync.Mutex
	refresh string // the newest refresh token
}

// NewGrants takes the configured connections. warn is told what an operator
// must know, such as a refresh token that could not be kept.
func NewGrants(list []Grant, transport http.RoundTripper, now func() time.Time, warn func(string)) *Grants {
	g := &Grants{grants: map[string]*grant{}, endpoint: endpoint{transport, now}, cache: newCache(now), warn: warn}
	for _, one := range list {
		g.grants[grantKey(one.Provider, one.Authorization)] = &grant{Grant: one, refresh: one.RefreshToken}
	}
	return g
}

func grantKey(provider, authorization string) string {
	return strings.ToLower(provider) + "\x00" + strings.ToLower(authorization)
}

// Allows tells whether a principal may use a connection.
func (g *Grants) Allows(provider, authorization string, p Principal) bool {
	c := g.grants[grantKey(provider, authorization)]
	return c != nil && slices.ContainsFunc(c.Access, func(a Principal) bool {
		return strings.EqualFold(a.Object, p.Object) && strings.EqualFold(a.Tenant, p.Tenant)
	})
}

// Token gives the token of a connection.
func (g *Grants) Token(ctx context.Context, provider, authorization string) (Token, error) {
	key := grantKey(provider, authorization)
	c := g.grants[key]
	if c == nil {
		return Token{}, fmt.Errorf("the connection is %w: name it in identity.grants", ErrNotConfigured)
	}
	return g.cache.get(ctx, key, func(ctx context.Context) (Token, error) { return g.fetch(ctx, c) })
}

// fetch runs once at a time for each connection: a refresh token may be good
// for one use only.
func (g *Grants) fetch(ctx context.Context, c *grant) (Token, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	form := url.Values{}
	for name, value := range c.Parameters {
		form.Set(name, value)
	}
	if c.Scope != "" {
		form.Set("scope", c.Scope)
	}
	form.Set("grant_type", "client_credentials")
	if c.Flow != FlowCredentials {
		refresh, err := c.refreshToken()
		if err != nil {
			return Token{}, err
		}
		form.Set("grant_type", "refresh_token")
		form.Set("refresh_token", refresh)
	}
	t, err := g.ask(ctx, c, form)
	if err != nil {
		return Token{}, err
	}
	if next, ok := t.Claims["refresh_token"].(string); ok && next != "" && next != c.refresh {
		g.keep(c, next)
	}
	delete(t.Claims, "refresh_token")
	return t, nil
}

func (c *grant) refreshToken() (string, error) {
	if c.refresh == "" && c.RefreshTokenFile != "" {
		var err error
		if c.refresh, err = readSecret(c.RefreshTokenFile); err != nil {
			return "", fmt.Errorf("read the refresh token: %w", err)
		}
	}
	if c.refresh == "" {
		return "", fmt.Errorf("the refresh token of the connection is %w", ErrNotConfigured)
	}
	return c.refresh, nil
}

func (g *Grants) ask(ctx context.Context, c *grant, form url.Values) (Token, error) {
	if !c.InHeader {
		form.Set("client_id", c.ClientID)
		if c.ClientSecret != "" {
			form.Set("client_secret", c.ClientSecret)
		}
		return g.endpoint.post(ctx, c.Endpoint, form)
	}
	basic := endpoint{basicAuth{g.endpoint.transport, url.QueryEscape(c.ClientID), url.QueryEscape(c.ClientSecret)}, g.endpoint.now}
	return basic.post(ctx, c.Endpoint, form)
}

type basicAuth struct {
	http.RoundTripper
	user, password string
}

func (b basicAuth) RoundTrip(r *http.Request) (*http.Response, error) {
	r.SetBasicAuth(b.user, b.password)
	return b.RoundTripper.RoundTrip(r)
}

// keep remembers a refresh token that replaces the old one.
func (g *Grants) keep(c *grant, refresh string) {
	c.refresh = refresh
	if c.RefreshTokenFile == "" {
		g.warn("the provider of the connection " + c.Provider + "/" + c.Authorization + " replaced its refresh token; name a refreshToken.file so that the new one outlives a restart")
		return
	}
	if err := replaceFile(c.RefreshTokenFile, refresh); err != nil {
		g.warn("the new refresh token of the connection " + c.Provider + "/" + c.Authorization + " was not kept: " + err.Error())
	}
}

// replaceFile writes beside the file and renames: it is always whole.
func replaceFile(path, text string) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".token-*") // for the owner only
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}
