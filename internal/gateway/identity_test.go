package gateway

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"gatehouse/internal/apim"
	"gatehouse/internal/gateway/token"
)

// entra is a small Microsoft Entra ID: discovery, keys and tokens of one tenant.
type entra struct {
	*httptest.Server
	key    *rsa.PrivateKey
	tokens atomic.Int64
}

func newEntra(t *testing.T) *entra {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	e := &entra{key: key}
	mux := http.NewServeMux()
	document := func(issuer string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			_ = json.NewEncoder(w).Encode(map[string]string{"issuer": issuer, "jwks_uri": e.URL + "/keys"})
		}
	}
	mux.HandleFunc("/t1/.well-known/openid-configuration", document("https://sts.windows.net/t1/"))
	mux.HandleFunc("/t1/v2.0/.well-known/openid-configuration", document("https://login.test/t1/v2.0"))
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &key.PublicKey, KeyID: "k1", Use: "sig", Algorithm: "RS256"}}})
	})
	mux.HandleFunc("/t1/oauth2/v2.0/token", func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		if r.PostForm.Get("client_secret") != "client-secret-1" {
			w.WriteHeader(401)
			return
		}
		fmt.Fprintf(w, `{"access_token":"token-%d-for-%s","expires_in":3600,"scope":"read","nested":{"a":[1]}}`, e.tokens.Add(1), r.PostForm.Get("scope"))
	})
	e.Server = httptest.NewServer(mux)
	t.Cleanup(e.Close)
	return e
}

func (e *entra) sign(t *testing.T, claims map[string]any) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: e.key, KeyID: "k1"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func (e *entra) options(o *Options) {
	o.Authority = e.URL
	o.Managed = token.ManagedOptions{Source: token.SourceApplication, Authority: e.URL, Tenant: "t1", ClientID: "c1", ClientSecret: "client-secret-1", LookupEnv: func(string) (string, bool) { return "", false }}
	o.Grants = []token.Grant{{Provider: "p", Authorization: "a", Endpoint: e.URL + "/t1/oauth2/v2.0/token", Flow: token.FlowCredentials,
		ClientID: "c", ClientSecret: "client-secret-1", Scope: "s", Access: []token.Principal{{Tenant: "t1", Object: "friend"}}}}
}

// policyService serves one document on one open API.
func policyService(backend, inbound string) *apim.Service {
	s := testService(backend)
	s.APIs[2].Policy = document(inbound)
	return s
}

func TestManagedIdentityReachesTheBackend(t *testing.T) {
	e := newEntra(t)
	h := newHarness(t, policyService(echoBackend(t).URL, `<authentication-managed-identity resource="https://vault.azure.net"/>
		<trace source="t"><message>@("sent " + context.Request.Headers["Authorization"][0])</message></trace>`), e.options)
	for range 3 {
		_, body := h.call(t, "GET", "/free/items/1", nil)
		if !strings.Contains(body, "Bearer token-1-for-https://vault.azure.net/.default") {
			t.Errorf("the backend saw %s", body)
		}
		if r := h.recorder.last(t); len(r.Events) != 1 || strings.Contains(r.Events[0].Message, "token-1") {
			t.Errorf("the token is in the trace: %+v", r.Events)
		}
	}
}

func TestEntraTokensAreChecked(t *testing.T) {
	e := newEntra(t)
	h := newHarness(t, policyService(echoBackend(t).URL, `<validate-azure-ad-token tenant-id="t1"><client-application-ids><application-id>app</application-id></client-application-ids></validate-azure-ad-token>`), e.options)
	end := time.Now().Add(time.Hour).Unix()
	for name, one := range map[string]struct {
		claims map[string]any
		status int
	}{
		"version 1":      {map[string]any{"iss": "https://sts.windows.net/t1/", "appid": "app", "exp": end}, 200},
		"version 2":      {map[string]any{"iss": "https://login.test/t1/v2.0", "azp": "app", "exp": end}, 200},
		"other tenant":   {map[string]any{"iss": "https://login.test/t2/v2.0", "azp": "app", "exp": end}, 401},
		"other client":   {map[string]any{"iss": "https://login.test/t1/v2.0", "azp": "other", "exp": end}, 401},
		"ended":          {map[string]any{"iss": "https://login.test/t1/v2.0", "azp": "app", "exp": end - 7200}, 401},
		"without an end": {map[string]any{"iss": "https://login.test/t1/v2.0", "azp": "app"}, 401},
	} {
		if resp, body := h.call(t, "GET", "/free/items/1", nil, "Authorization", "Bearer "+e.sign(t, one.claims)); resp.StatusCode != one.status {
			t.Errorf("%s: %d %s", name, resp.StatusCode, body)
		}
	}
}

func TestGrantedConnections(t *testing.T) {
	e := newEntra(t)
	h := newHarness(t, policyService(echoBackend(t).URL, `
		<choose><when condition="@(context.Request.Headers.ContainsKey("X-Identity"))">
			<get-authorization-context provider-id="p" authorization-id="a" context-variable-name="auth" identity-type="jwt" identity="@(context.Request.Headers.GetValueOrDefault("X-Identity"))"/>
		</when><otherwise>
			<get-authorization-context provider-id="p" authorization-id="a" context-variable-name="auth"/>
		</otherwise></choose>
		<return-response><set-body>@{ var a = (Authorization)context.Variables["auth"]; return a.AccessToken + " " + a.Claims["scope"] + " " + a.Claims["expires_in"] + " " + a.Claims["nested"]; }</set-body></return-response>`), e.options)
	_, body := h.call(t, "GET", "/free/items/1", nil)
	if !strings.HasPrefix(body, "token-1-for-s read 3600 {") {
		t.Errorf("managed: %s", body)
	}
	end := time.Now().Add(time.Hour).Unix()
	friend := map[string]any{"iss": "https://sts.windows.net/t1/", "aud": "https://azure-api.net/authorization-manager", "tid": "t1", "oid": "friend", "exp": end}
	change := func(name string, value any) map[string]any {
		out := map[string]any{}
		for k, v := range friend {
			out[k] = v
		}
		out[name] = value
		return out
	}
	for name, one := range map[string]struct {
		claims map[string]any
		status int
	}{
		"friend": {friend, 200}, "stranger": {change("oid", "stranger"), 500}, "for somebody else": {change("aud", "x"), 500},
		"ended": {change("exp", end-7200), 500}, "no end": {change("exp", nil), 500}, "issuer": {change("iss", "https://evil.test/"), 500}, "tenant": {change("tid", "../keys"), 500},
	} {
		if resp, body := h.call(t, "GET", "/free/items/1", nil, "X-Identity", e.sign(t, one.claims)); resp.StatusCode != one.status {
			t.Errorf("%s: %d %s", name, resp.StatusCode, body)
		}
	}
}

func TestProxyPolicyReachesTheBackend(t *testing.T) {
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.URL.String()+" "+r.Header.Get("Proxy-Authorization"))
	}))
	defer proxy.Close()
	h := newHarness(t, policyService("http://far.test/base", `<proxy url="`+proxy.URL+`" username="u" password="p"/>`), nil)
	if _, body := h.call(t, "GET", "/free/items/1?q=1", nil); body != "http://far.test/base/items/1?q=1 Basic dTpw" {
		t.Errorf("the proxy saw %s", body)
	}
}
