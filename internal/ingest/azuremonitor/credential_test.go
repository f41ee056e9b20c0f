package azuremonitor

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// issuer gives tokens to whoever proves what accept asks for.
type issuer struct {
	*httptest.Server
	mu     sync.Mutex
	accept func(*http.Request) bool
	forms  []url.Values
}

func newTokenIssuer(t *testing.T, accept func(*http.Request) bool) *issuer {
	t.Helper()
	i := &issuer{accept: accept}
	i.Server = httptest.NewTLSServer(i)
	t.Cleanup(i.Close)
	return i
}

func (i *issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	_ = r.ParseForm()
	if strings.HasSuffix(r.URL.Path, "/openid-configuration") {
		base := i.URL + "/" + tenant
		reply(w, 200, map[string]string{"issuer": base + "/v2.0", "token_endpoint": base + "/oauth2/v2.0/token", "authorization_endpoint": base + "/oauth2/v2.0/authorize", "jwks_uri": base + "/keys"})
		return
	}
	i.forms = append(i.forms, r.Form)
	if !i.accept(r) {
		reply(w, 401, map[string]any{"error": "invalid_client", "error_description": "AADSTS7000215: no"})
		return
	}
	reply(w, 200, map[string]any{"token_type": "Bearer", "expires_in": 3600, "access_token": "reader"})
}

func (i *issuer) options(kind string) CredentialOptions {
	place := Place{Authority: i.URL}
	c, err := place.Configuration()
	if err != nil {
		panic(err)
	}
	return CredentialOptions{Kind: kind, Tenant: tenant, ClientID: clientID, Cloud: c, Transport: i.Client()}
}

var asked = policy.TokenRequestOptions{Scopes: []string{"https://management.azure.com/.default"}}

// A workload identity proves itself by the token that the platform writes to a
// file.
func TestWorkloadIdentity(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("from the platform"), 0o600); err != nil {
		t.Fatal(err)
	}
	i := newTokenIssuer(t, func(r *http.Request) bool { return r.Form.Get("client_assertion") == "from the platform" })
	o := i.options(KindWorkload)
	o.TokenFile = file
	c, err := NewCredential(o)
	if err != nil {
		t.Fatal(err)
	}
	token, err := c.GetToken(context.Background(), asked)
	if err != nil || token.Token != "reader" {
		t.Fatal(token, err)
	}
	if f := i.forms[0]; f.Get("client_id") != clientID || !strings.Contains(f.Get("scope"), "https://management.azure.com/.default") {
		t.Errorf("asked with %v", f)
	}
	o.TokenFile = filepath.Join(t.TempDir(), "none")
	if c, err := NewCredential(o); err == nil {
		if _, err = c.GetToken(context.Background(), asked); err == nil {
			t.Error("a token without the platform's file")
		}
	}
}

// A managed identity asks the platform's endpoint, with its header.
func TestManagedIdentity(t *testing.T) {
	var mu sync.Mutex
	var seen []*http.Request
	platform := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, r)
		if r.Header.Get("X-IDENTITY-HEADER") != "of the platform" || r.URL.Query().Get("client_id") != clientID {
			reply(w, 400, map[string]string{"error": "invalid_request"})
			return
		}
		reply(w, 200, map[string]any{"access_token": "managed", "expires_on": "4102444800", "resource": r.URL.Query().Get("resource"), "token_type": "Bearer"})
	}))
	t.Cleanup(platform.Close)
	t.Setenv("IDENTITY_ENDPOINT", platform.URL+"/msi/token")
	t.Setenv("IDENTITY_HEADER", "of the platform")
	c, err := NewCredential(CredentialOptions{Kind: KindManaged, ClientID: clientID, Cloud: cloud.AzurePublic})
	if err != nil {
		t.Fatal(err)
	}
	token, err := c.GetToken(context.Background(), asked)
	if err != nil || token.Token != "managed" {
		t.Fatal(token, err)
	}
	mu.Lock()
	defer mu.Unlock()
	if got := seen[len(seen)-1].URL.Query().Get("resource"); got != "https://management.azure.com" {
		t.Errorf("asked for %q", got)
	}
}

// selfSigned is a certificate with its key in PEM.
func selfSigned(t *testing.T) []byte {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "reader"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})...)
}

// A certificate signs an assertion.
func TestCertificate(t *testing.T) {
	i := newTokenIssuer(t, func(r *http.Request) bool { return strings.Count(r.Form.Get("client_assertion"), ".") == 2 })
	o := i.options(KindCertificate)
	o.Certificate = selfSigned(t)
	c, err := NewCredential(o)
	if err != nil {
		t.Fatal(err)
	}
	if token, err := c.GetToken(context.Background(), asked); err != nil || token.Token != "reader" {
		t.Error(token, err)
	}
	o.Certificate = []byte("none")
	if _, err := NewCredential(o); err == nil {
		t.Error("no certificate made a credential")
	}
}

// A secret that is rotated is used without a restart: the next token is asked for
// with the new one. One that cannot be read leaves the old one at work.
func TestRotation(t *testing.T) {
	var mu sync.Mutex
	valid, given := "first", "first"
	var unreadable error
	i := newTokenIssuer(t, func(r *http.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		return r.Form.Get("client_secret") == valid
	})
	set := func(v, g string, err error) {
		mu.Lock()
		defer mu.Unlock()
		valid, given, unreadable = v, g, err
	}
	c, err := NewRotatingCredential(func() (CredentialOptions, error) {
		mu.Lock()
		defer mu.Unlock()
		o := i.options(KindSecret)
		o.Secret = given
		return o, unreadable
	})
	if err != nil {
		t.Fatal(err)
	}
	get := func(scope string) error {
		_, err := c.GetToken(context.Background(), policy.TokenRequestOptions{Scopes: []string{scope + "/.default"}})
		return err
	}
	if err := get("https://one.example"); err != nil {
		t.Error(err)
	}
	set("second", "first", nil)
	if err := get("https://two.example"); err == nil {
		t.Error("the old secret was taken")
	}
	set("second", "second", nil)
	if err := get("https://two.example"); err != nil {
		t.Errorf("after the rotation: %v", err)
	}
	set("second", "", errors.New("the file is not there"))
	if err := get("https://three.example"); err != nil {
		t.Errorf("while the secret cannot be read: %v", err)
	}
	set("third", "", errors.New("the file is not there"))
	if err := get("https://four.example"); err == nil || !strings.Contains(err.Error(), "the file is not there") || strings.Contains(err.Error(), "second") {
		t.Errorf("a secret that is over and cannot be read: %v", err)
	}
}
