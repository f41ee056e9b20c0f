package issuer

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/identity"
	"gatehouse/internal/identity/verify"
)

// place is an issuer with a clock, and a verifier of its tokens.
type place struct {
	*Issuer
	now      time.Time
	access   *identity.Access
	verifier *verify.Verifier
	saved    map[string][]byte
	log      strings.Builder
	secret   string // of the client c-1, from its start
	header   string // of the workload m-1
}

const tenant = "11111111-2222-3333-4444-555555555555"

func newPlace(t *testing.T) *place {
	t.Helper()
	p := &place{now: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), saved: map[string][]byte{}}
	p.access, p.secret, p.header = p.rules(t)
	p.open(t)
	return p
}

func (p *place) open(t *testing.T) {
	t.Helper()
	clock := func() time.Time { return p.now }
	var err error
	p.Issuer, err = New(Options{URL: "https://login.example", Tenant: tenant, Audiences: []string{"https://monitor.azure.com", "api://orders"}, Access: func() *identity.Access { return p.access },
		Load: func(name string) ([]byte, error) { return p.saved[name], nil }, Save: func(name string, data []byte) error { p.saved[name] = data; return nil },
		Assertion: func(_ context.Context, issuer, token string, audiences []string) (string, error) {
			if issuer == "cluster" && token == "good" && audiences[0] == "api://AzureADTokenExchange" {
				return "sa-1", nil
			}
			return "", errors.New("no")
		},
		Now: clock, Logger: slog.New(slog.NewTextHandler(&p.log, nil)), IMDS: "node"})
	if err != nil {
		t.Fatal(err)
	}
	if p.verifier, err = verify.New([]verify.Issuer{{Name: identity.Local, URL: p.Name(), Audiences: []string{"https://monitor.azure.com"}, Keys: p.Keys}}, clock); err != nil {
		t.Fatal(err)
	}
}

// rules has a client with a secret, one that is federated, and a workload.
func (p *place) rules(t *testing.T) (*identity.Access, string, string) {
	t.Helper()
	secret, kept, err := identity.NewSecret(p.now, identity.MaxLifetime)
	if err != nil {
		t.Fatal(err)
	}
	header, keptHeader, err := identity.NewSecret(p.now, identity.MaxLifetime)
	if err != nil {
		t.Fatal(err)
	}
	access, err := identity.Compile(&identity.Rules{Principals: []*identity.Principal{
		{Name: "prom", ID: "o-1", ClientID: "c-1", Secrets: []identity.Secret{kept}},
		{Name: "fed", ID: "o-2", Federated: []identity.Federated{{Issuer: "cluster", Subject: "sa-1"}}},
		{Name: "work", ID: "o-3", ClientID: "m-1", Managed: []identity.Secret{keptHeader}, UserAssigned: []string{"user"}},
		{Name: "user", ID: "o-4", ClientID: "m-2"}, {Name: "node", ID: "o-5"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return access, secret, header
}

// post asks the token endpoint.
func (p *place) post(path string, form url.Values, header ...string) (int, map[string]any) {
	r := httptest.NewRequest("POST", path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if len(header) == 2 {
		r.SetBasicAuth(header[0], header[1])
	}
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	return w.Code, answerOf(w.Body)
}

func answerOf(body io.Reader) map[string]any {
	out := map[string]any{}
	_ = json.NewDecoder(body).Decode(&out)
	return out
}

func form(pairs ...string) url.Values {
	v := url.Values{"grant_type": {"client_credentials"}, "scope": {"https://monitor.azure.com//.default openid profile offline_access"}}
	for i := 0; i < len(pairs); i += 2 {
		if v.Set(pairs[i], pairs[i+1]); pairs[i+1] == "" {
			v.Del(pairs[i])
		}
	}
	return v
}

func TestToken(t *testing.T) {
	p := newPlace(t)
	const v2, v1 = "//ADFS/oauth2/v2.0/token", "/" + tenant + "/oauth2/token"
	encoded := url.QueryEscape(p.secret)
	for name, c := range map[string]struct {
		path   string
		form   url.Values
		header []string
		status int
		want   string // object, or the error
	}{
		"secret in the form":          {v2, form("client_id", "c-1", "client_secret", p.secret), nil, 200, "o-1"},
		"secret in a header":          {v2, form(), []string{"c-1", encoded}, 200, "o-1"},
		"version 1":                   {v1, form("scope", "", "resource", "https://monitor.azure.com/", "client_id", "C-1", "client_secret", p.secret), nil, 200, "o-1"},
		"assertion":                   {v2, form("client_id", "o-2", "client_assertion_type", assertionType, "client_assertion", "good"), nil, 200, "o-2"},
		"wrong secret":                {v2, form("client_id", "c-1", "client_secret", p.secret+"x"), nil, 401, "invalid_client"},
		"no secret":                   {v2, form("client_id", "c-1"), nil, 401, "invalid_client"},
		"unknown client":              {v2, form("client_id", "c-9", "client_secret", p.secret), nil, 401, "invalid_client"},
		"client without a secret":     {v2, form("client_id", "o-2", "client_secret", ""), nil, 401, "invalid_client"},
		"hash instead of the secret":  {v2, form("client_id", "c-1", "client_secret", p.access.Client("c-1").Secrets[0].Hash), nil, 401, "invalid_client"},
		"wrong assertion":             {v2, form("client_id", "o-2", "client_assertion_type", assertionType, "client_assertion", "bad"), nil, 401, "invalid_client"},
		"assertion of another client": {v2, form("client_id", "c-1", "client_assertion_type", assertionType, "client_assertion", "good"), nil, 401, "invalid_client"},
		"two proofs":                  {v2, form("client_id", "c-1", "client_secret", p.secret), []string{"c-1", encoded}, 400, "invalid_request"},
		"two clients":                 {v2, form("client_id", "o-2"), []string{"c-1", encoded}, 400, "invalid_request"},
		"other audience":              {v2, form("scope", "https://vault.azure.net/.default", "client_id", "c-1", "client_secret", p.secret), nil, 400, "invalid_resource"},
		"no audience":                 {v2, form("scope", "openid", "client_id", "c-1", "client_secret", p.secret), nil, 400, "invalid_scope"},
		"password grant":              {v2, form("grant_type", "password", "client_id", "c-1", "client_secret", p.secret), nil, 400, "unsupported_grant_type"},
		"secret in the address":       {v2 + "?client_id=c-1&client_secret=" + encoded, form(), nil, 401, "invalid_client"},
		"large":                       {v2, form("x", strings.Repeat("x", maxForm)), nil, 400, "invalid_request"},
	} {
		status, answer := p.post(c.path, c.form, c.header...)
		if status != c.status {
			t.Errorf("%s: %d %v", name, status, answer)
			continue
		}
		if status != 200 {
			if answer["error"] != c.want {
				t.Errorf("%s: %v", name, answer)
			}
			continue
		}
		token, _ := answer["access_token"].(string)
		caller, err := p.verifier.Verify(t.Context(), token)
		if err != nil || caller.Object != c.want || caller.Issuer != identity.Local {
			t.Errorf("%s: %+v %v", name, caller, err)
		}
		if _, text := answer["expires_on"].(string); text != (c.path == v1) {
			t.Errorf("%s: %v", name, answer)
		}
	}
	if text := p.log.String(); strings.Contains(text, p.secret) || strings.Contains(text, encoded) || !strings.Contains(text, "c-1") {
		t.Error("the log has a secret, or nothing", text)
	}
}

// A secret that has ended is refused, and one that overlaps goes on.
func TestSecretsEnd(t *testing.T) {
	p := newPlace(t)
	start := p.now
	next, kept, err := identity.NewSecret(start.AddDate(0, 0, 80), identity.MaxLifetime)
	if err != nil {
		t.Fatal(err)
	}
	client := p.access.Client("c-1")
	client.Secrets = append(client.Secrets, kept)
	for _, c := range []struct {
		day      int
		old, new int
	}{{0, 200, 401}, {79, 200, 401}, {80, 200, 200}, {89, 200, 200}, {90, 401, 200}, {169, 401, 200}, {170, 401, 401}} {
		p.now = start.AddDate(0, 0, c.day)
		for secret, want := range map[string]int{p.secret: c.old, next: c.new} {
			status, answer := p.post("/adfs/oauth2/token", form("client_id", "c-1", "client_secret", secret))
			if status != want {
				t.Errorf("day %d: %d %v", c.day, status, answer)
			}
			if status == 401 && !strings.Contains(answer["error_description"].(string), "was valid from") {
				t.Errorf("day %d: %v", c.day, answer)
			}
		}
	}
}

// Keys change, the ones before stay known until their tokens have ended, and all
// survive a start.
func TestKeysRotate(t *testing.T) {
	p := newPlace(t)
	get := func() string {
		_, answer := p.post("/adfs/oauth2/token", form("client_id", "c-1", "client_secret", p.secret))
		token, _ := answer["access_token"].(string)
		return token
	}
	p.now = p.now.Add(30*24*time.Hour - time.Minute)
	before := get()
	p.now = p.now.Add(2 * time.Minute)
	after := get()
	p.open(t)
	if strings.Split(before, ".")[0] == strings.Split(after, ".")[0] || len(p.Keys().Keys) != 2 {
		t.Errorf("the key did not change: %d", len(p.Keys().Keys))
	}
	for _, token := range []string{before, after} {
		if _, err := p.verifier.Verify(t.Context(), token); err != nil {
			t.Error(err)
		}
	}
	for _, k := range p.Keys().Keys {
		if !k.IsPublic() {
			t.Error("a private key is published")
		}
	}
	p.now = p.now.AddDate(0, 0, 35)
	if p.secret, p.access = mustRenew(t, p); get() == "" || len(p.Keys().Keys) != 1 {
		t.Errorf("%d keys", len(p.Keys().Keys))
	}
}

func mustRenew(t *testing.T, p *place) (string, *identity.Access) {
	t.Helper()
	access, secret, _ := p.rules(t)
	return secret, access
}

func TestManaged(t *testing.T) {
	p := newPlace(t)
	const app, imds = "/msi/token?api-version=2019-08-01&resource=https://monitor.azure.com/", "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https://monitor.azure.com/"
	for name, c := range map[string]struct {
		method, target, peer string
		header               map[string]string
		status               int
		object               string
	}{
		"own":                 {"GET", app, "127.0.0.1:1", map[string]string{"X-IDENTITY-HEADER": p.header}, 200, "o-3"},
		"older form":          {"GET", app, "127.0.0.1:1", map[string]string{"secret": p.header}, 200, "o-3"},
		"user-assigned":       {"GET", app + "&client_id=M-2", "[::1]:1", map[string]string{"X-IDENTITY-HEADER": p.header}, 200, "o-4"},
		"by resource id":      {"GET", app + "&mi_res_id=/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/user", "[::1]:1", map[string]string{"X-IDENTITY-HEADER": p.header}, 200, "o-4"},
		"not assigned":        {"GET", app + "&client_id=c-1", "127.0.0.1:1", map[string]string{"X-IDENTITY-HEADER": p.header}, 401, ""},
		"wrong header":        {"GET", app, "127.0.0.1:1", map[string]string{"X-IDENTITY-HEADER": p.header + "x"}, 401, ""},
		"client secret":       {"GET", app, "127.0.0.1:1", map[string]string{"X-IDENTITY-HEADER": p.secret}, 401, ""},
		"no header":           {"GET", app, "127.0.0.1:1", nil, 401, ""},
		"another machine":     {"GET", app, "10.0.0.1:1", map[string]string{"X-IDENTITY-HEADER": p.header}, 403, ""},
		"forwarded":           {"GET", app, "127.0.0.1:1", map[string]string{"X-IDENTITY-HEADER": p.header, "X-Forwarded-For": "10.0.0.1"}, 403, ""},
		"posted":              {"POST", app, "127.0.0.1:1", map[string]string{"X-IDENTITY-HEADER": p.header}, 405, ""},
		"other audience":      {"GET", "/msi/token?resource=https://vault.azure.net", "127.0.0.1:1", map[string]string{"X-IDENTITY-HEADER": p.header}, 400, ""},
		"metadata":            {"GET", imds, "127.0.0.1:1", map[string]string{"Metadata": "true"}, 200, "o-5"},
		"metadata, other":     {"GET", imds + "&client_id=c-1", "127.0.0.1:1", map[string]string{"Metadata": "true"}, 401, ""},
		"metadata, no header": {"GET", imds, "127.0.0.1:1", nil, 401, ""},
		"metadata, by a page": {"GET", imds, "127.0.0.1:1", map[string]string{"Metadata": "true", "Origin": "https://evil.example"}, 403, ""},
		"elsewhere":           {"GET", "/msi?resource=https://monitor.azure.com", "127.0.0.1:1", nil, 404, ""},
	} {
		r := httptest.NewRequest(c.method, c.target, nil)
		r.RemoteAddr = c.peer
		for k, v := range c.header {
			r.Header.Set(k, v)
		}
		w := httptest.NewRecorder()
		p.Managed().ServeHTTP(w, r)
		answer := answerOf(w.Body)
		token, _ := answer["access_token"].(string)
		if w.Code != c.status || (token != "") != (c.status == 200) {
			t.Errorf("%s: %d %v", name, w.Code, answer)
			continue
		}
		if c.status == 200 {
			if caller, err := p.verifier.Verify(t.Context(), token); err != nil || caller.Object != c.object || answer["client_id"] == "" {
				t.Errorf("%s: %+v %v %v", name, caller, err, answer)
			}
		}
	}
	if strings.Contains(p.log.String(), p.header) {
		t.Error("the log has the header")
	}
}

// Who tries secrets is stopped, and the others of the same address are not.
func TestTryingIsSlow(t *testing.T) {
	p := newPlace(t)
	for range maxFailures {
		p.post("/adfs/oauth2/token", form("client_id", "c-9", "client_secret", strings.Repeat("x", 501)))
	}
	if status, _ := p.post("/adfs/oauth2/token", form("client_id", "c-9", "client_secret", "x")); status != http.StatusTooManyRequests {
		t.Error(status)
	}
	if status, _ := p.post("/adfs/oauth2/token", form("client_id", "c-1", "client_secret", p.secret)); status != 200 {
		t.Error(status)
	}
	p.now = p.now.Add(time.Minute)
	if status, _ := p.post("/adfs/oauth2/token", form("client_id", "c-9", "client_secret", "x")); status != 401 {
		t.Error(status)
	}
}

func TestDocuments(t *testing.T) {
	p := newPlace(t)
	for path, want := range map[string]string{
		"/adfs/.well-known/openid-configuration":                `"issuer":"https://login.example/` + tenant + `/v2.0"`,
		"/" + tenant + "/v2.0/.well-known/openid-configuration": `"token_endpoint":"https://login.example/` + tenant + `/oauth2/v2.0/token"`,
		"//common/discovery/instance?api-version=1.1":           `"tenant_discovery_endpoint"`,
		"/" + strings.ToUpper(tenant) + "/discovery/v2.0/keys":  `"kty":"RSA"`,
		"/other/.well-known/openid-configuration":               "not found",
		"/" + tenant + "/oauth2/v2.0/authorize":                 "not found",
		"/":                                                     "not found",
	} {
		w := httptest.NewRecorder()
		p.ServeHTTP(w, httptest.NewRequest("GET", "http://x"+path, nil))
		if !strings.Contains(w.Body.String(), want) || strings.Contains(w.Body.String(), `"d":`) {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}

func FuzzToken(f *testing.F) {
	access, err := identity.Compile(&identity.Rules{})
	if err != nil {
		f.Fatal(err)
	}
	i, err := New(Options{URL: "https://x", Tenant: tenant, Audiences: []string{"a"}, Access: func() *identity.Access { return access },
		Load: func(string) ([]byte, error) { return nil, nil }, Save: func(string, []byte) error { return nil }})
	if err != nil {
		f.Fatal(err)
	}
	f.Add("grant_type=client_credentials&scope=a/.default&client_id=x&client_secret="+strings.Repeat("y", 501), "")
	f.Add("grant_type=client_credentials&resource=a&client_assertion=x", "Basic eDp5")
	f.Fuzz(func(t *testing.T, body, authorization string) {
		r := httptest.NewRequest("POST", "/adfs/oauth2/token", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Authorization", authorization)
		w := httptest.NewRecorder()
		i.ServeHTTP(w, r)
		if w.Code < 400 || strings.Contains(w.Body.String(), "access_token") {
			t.Errorf("%q: %d %s", body, w.Code, w.Body)
		}
	})
}
