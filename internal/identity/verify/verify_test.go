package verify

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// party is an issuer outside, with keys that may change.
type party struct {
	server  *httptest.Server
	set     atomic.Pointer[jose.JSONWebKeySet]
	fetched atomic.Int64
	down    atomic.Bool
}

func newParty(t *testing.T, keys ...jose.JSONWebKey) *party {
	t.Helper()
	p := &party{}
	p.publish(keys...)
	p.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p.down.Load() {
			http.Error(w, "down", http.StatusServiceUnavailable)
			return
		}
		switch r.URL.Path {
		case "/.well-known/openid-configuration":
			_ = json.NewEncoder(w).Encode(map[string]any{"issuer": p.server.URL, "jwks_uri": p.server.URL + "/keys"})
		case "/keys":
			p.fetched.Add(1)
			_ = json.NewEncoder(w).Encode(p.set.Load())
		}
	}))
	t.Cleanup(p.server.Close)
	return p
}

func (p *party) publish(keys ...jose.JSONWebKey) {
	var set jose.JSONWebKeySet
	for _, k := range keys {
		set.Keys = append(set.Keys, k.Public())
	}
	p.set.Store(&set)
}

func rsaKey(t *testing.T, id string) jose.JSONWebKey {
	t.Helper()
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return jose.JSONWebKey{Key: k, KeyID: id, Algorithm: "RS256", Use: "sig"}
}

func signed(t testing.TB, alg jose.SignatureAlgorithm, key any, claims map[string]any) string {
	t.Helper()
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		t.Fatal(err)
	}
	out, err := jwt.Signed(s).Claims(claims).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func raw(parts ...string) string {
	for i := range parts {
		parts[i] = base64.RawURLEncoding.EncodeToString([]byte(parts[i]))
	}
	return strings.Join(parts, ".")
}

func TestVerify(t *testing.T) {
	key, other := rsaKey(t, "k1"), rsaKey(t, "k1")
	unknown := rsaKey(t, "k9")
	elliptical, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	curve := jose.JSONWebKey{Key: elliptical, KeyID: "e1", Algorithm: "ES256"}
	p := newParty(t, key, curve)
	v, err := New([]Issuer{{Name: "entra", URL: p.server.URL, Audiences: []string{"api://gatehouse", "https://monitor.azure.com"}, Tenants: []string{"T-1"}}}, func() time.Time { return start })
	if err != nil {
		t.Fatal(err)
	}
	with := func(change map[string]any) map[string]any {
		c := map[string]any{"iss": p.server.URL, "aud": "api://gatehouse", "sub": "s-1", "oid": "o-1", "tid": "t-1", "exp": start.Add(time.Hour).Unix(), "nbf": start.Unix(), "groups": []string{"g-1", "g-2"}}
		maps.Copy(c, change)
		for name, value := range change {
			if value == nil {
				delete(c, name)
			}
		}
		return c
	}
	public, err := x509.MarshalPKIXPublicKey(&key.Key.(*rsa.PrivateKey).PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	publicPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})
	good := signed(t, jose.RS256, key, with(nil))
	claims, _ := json.Marshal(with(nil))
	head, body, _ := strings.Cut(good, ".")
	payload, signature, _ := strings.Cut(body, ".")
	for name, c := range map[string]struct{ token, want string }{
		"good":                       {good, ""},
		"elliptic curve":             {signed(t, jose.ES256, curve, with(nil)), ""},
		"several audiences":          {signed(t, jose.RS256, key, with(map[string]any{"aud": []string{"x", "https://monitor.azure.com//"}})), ""},
		"ended within the skew":      {signed(t, jose.RS256, key, with(map[string]any{"exp": start.Add(-30 * time.Second).Unix()})), ""},
		"ended":                      {signed(t, jose.RS256, key, with(map[string]any{"exp": start.Add(-time.Minute).Unix()})), "has ended"},
		"never ends":                 {signed(t, jose.RS256, key, with(map[string]any{"exp": nil})), "never ends"},
		"ends in milliseconds":       {signed(t, jose.RS256, key, with(map[string]any{"exp": start.UnixMilli()})), "has ended"},
		"not yet":                    {signed(t, jose.RS256, key, with(map[string]any{"nbf": start.Add(2 * time.Minute).Unix()})), "not valid yet"},
		"other audience":             {signed(t, jose.RS256, key, with(map[string]any{"aud": "api://orders"})), "audience"},
		"no audience":                {signed(t, jose.RS256, key, with(map[string]any{"aud": nil})), "audience"},
		"audience that begins so":    {signed(t, jose.RS256, key, with(map[string]any{"aud": "api://gatehouse-not"})), "audience"},
		"other tenant":               {signed(t, jose.RS256, key, with(map[string]any{"tid": "t-2"})), "tenant"},
		"no tenant":                  {signed(t, jose.RS256, key, with(map[string]any{"tid": nil})), "tenant"},
		"other issuer":               {signed(t, jose.RS256, key, with(map[string]any{"iss": "https://evil.example"})), "issuer is not known"},
		"nobody":                     {signed(t, jose.RS256, key, with(map[string]any{"oid": nil, "sub": nil})), "no principal"},
		"key of somebody else":       {signed(t, jose.RS256, other, with(nil)), "signature is wrong"},
		"unknown key":                {signed(t, jose.RS256, unknown, with(nil)), "not one of the issuer's"},
		"no signature":               {raw(`{"alg":"none"}`, string(claims), ""), "no JSON Web Token"},
		"the public key as a secret": {signed(t, jose.HS256, jose.JSONWebKey{Key: publicPEM, KeyID: "k1"}, with(nil)), "no JSON Web Token"},
		"other claims":               {head + "." + base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(claims), "o-1", "o-2", 1))) + "." + signature, "signature is wrong"},
		"signature of another kind":  {signed(t, jose.PS256, jose.JSONWebKey{Key: key.Key, KeyID: "k1"}, with(nil)), "not one of the issuer's"},
		"key within":                 {embedded(t, other, with(nil)), "not one of the issuer's"},
		"cut":                        {head + "." + payload + ".", "signature is wrong"},
		"no claims":                  {raw(`{"alg":"RS256","kid":"k1"}`, "null", "x"), "issuer is not known"},
		"huge":                       {good + strings.Repeat("A", maxToken), "more than"},
		"nonsense":                   {"a.b.c", "no JSON Web Token"},
		"nothing":                    {"", "no JSON Web Token"},
	} {
		caller, err := v.Verify(t.Context(), c.token)
		switch {
		case c.want == "" && (err != nil || caller.Object != "o-1" || caller.Issuer != "entra" || len(caller.Groups) != 2):
			t.Errorf("%s: %+v %v", name, caller, err)
		case c.want != "" && (err == nil || caller != nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %+v %v", name, caller, err)
		case err != nil && len(c.token) > 20 && strings.Contains(err.Error(), c.token[:20]):
			t.Errorf("%s: the error repeats the token: %v", name, err)
		}
	}
}

// embedded is a token that brings its own key.
func embedded(t *testing.T, key jose.JSONWebKey, claims map[string]any) string {
	t.Helper()
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: key.Key}, &jose.SignerOptions{EmbedJWK: true})
	if err != nil {
		t.Fatal(err)
	}
	out, err := jwt.Signed(s).Claims(claims).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// New keys are found, however many unknown ones are tried, and an issuer that is
// down for a while stops nobody.
func TestKeysAreFetchedSparingly(t *testing.T) {
	first, second := rsaKey(t, "k1"), rsaKey(t, "k2")
	p := newParty(t, first)
	now := start
	v, err := New([]Issuer{{Name: "x", URL: p.server.URL, Audiences: []string{"a"}}}, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	token := func(k jose.JSONWebKey) string {
		return signed(t, jose.RS256, k, map[string]any{"iss": p.server.URL, "aud": "a", "sub": "s", "exp": now.Add(time.Hour).Unix()})
	}
	check := func(what string, k jose.JSONWebKey, good bool, fetches int64) {
		t.Helper()
		if _, err := v.Verify(t.Context(), token(k)); (err == nil) != good {
			t.Errorf("%s: %v", what, err)
		}
		if n := p.fetched.Load(); n != fetches {
			t.Errorf("%s: fetched %d times", what, n)
		}
	}
	check("first", first, true, 1)
	check("again", first, true, 1)
	p.publish(first, second)
	for range 50 {
		check("at once", second, false, 1)
	}
	now = now.Add(keysInterval)
	check("new key", second, true, 2)
	p.down.Store(true)
	now = now.Add(keysFresh)
	check("the issuer is down", second, true, 2)
	now = now.Add(keysUsable)
	check("it is down for a day", second, false, 2)
	p.down.Store(false)
	now = now.Add(keysInterval)
	check("it is back", second, true, 3)
}

func FuzzVerify(f *testing.F) {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		f.Fatal(err)
	}
	key := jose.JSONWebKey{Key: k, KeyID: "k", Algorithm: "RS256"}
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{key.Public()}}
	v, err := New([]Issuer{{Name: "x", URL: "https://x", Audiences: []string{"a"}, Keys: func() jose.JSONWebKeySet { return set }}}, func() time.Time { return start })
	if err != nil {
		f.Fatal(err)
	}
	good := signed(f, jose.RS256, key, map[string]any{"iss": "https://x", "aud": "a", "sub": "s", "exp": start.Add(time.Hour).Unix()})
	if _, err := v.Verify(f.Context(), good); err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(raw(`{"alg":"none"}`, `{"iss":"https://x"}`, ""))
	f.Add(raw(`{"alg":"RS256","kid":"k"}`, `{"iss":"https://x","exp":1e400,"aud":[1]}`, "x"))
	claims := strings.Split(good, ".")[1]
	f.Fuzz(func(t *testing.T, token string) {
		if caller, err := v.Verify(t.Context(), token); err == nil && !strings.Contains(token, "."+claims+".") {
			t.Errorf("%q is %+v", token, caller)
		}
	})
}
