package token

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// clock is a time that tests move.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	c.at = c.at.Add(d)
	c.mu.Unlock()
}

func newClock() *clock { return &clock{at: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)} }

// server answers with what answer gives and keeps the last request.
func server(t *testing.T, answer func(r *http.Request) (int, string)) (*httptest.Server, *atomic.Int64) {
	t.Helper()
	calls := &atomic.Int64{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		_ = r.ParseForm()
		status, body := answer(r)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(s.Close)
	return s, calls
}

func noEnv(string) (string, bool) { return "", false }

func environment(pairs ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for i := 0; i+1 < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1], true
			}
		}
		return "", false
	}
}

func TestInstanceMetadata(t *testing.T) {
	clock := newClock()
	s, calls := server(t, func(r *http.Request) (int, string) {
		if r.Header.Get("Metadata") != "true" || r.FormValue("api-version") != "2018-02-01" {
			return 400, `{"error":"invalid_request"}`
		}
		return 200, fmt.Sprintf(`{"access_token":"t-%s-%s","expires_in":"3600","expires_on":"%d","token_type":"Bearer"}`,
			r.FormValue("resource"), r.FormValue("client_id"), clock.now().Add(time.Hour).Unix())
	})
	m := NewManaged(ManagedOptions{Source: SourceIMDS, Endpoint: s.URL + "/metadata/identity/oauth2/token", Transport: http.DefaultTransport, Now: clock.now, LookupEnv: noEnv})
	want := func(resource, client, token string, n int64) {
		t.Helper()
		got, err := m.Token(context.Background(), resource, client)
		if err != nil || got != token || calls.Load() != n {
			t.Errorf("%s as %q: %q %v after %d calls, want %q after %d", resource, client, got, err, calls.Load(), token, n)
		}
	}
	want("https://vault.azure.net", "", "t-https://vault.azure.net-", 1)
	want("https://vault.azure.net", "", "t-https://vault.azure.net-", 1)
	want("https://vault.azure.net", "c1", "t-https://vault.azure.net-c1", 2)
	clock.pass(54 * time.Minute)
	want("https://vault.azure.net", "", "t-https://vault.azure.net-", 2)
	clock.pass(2 * time.Minute) // less than five minutes are left
	want("https://vault.azure.net", "", "t-https://vault.azure.net-", 3)
}

func TestAppService(t *testing.T) {
	s, _ := server(t, func(r *http.Request) (int, string) {
		if r.Header.Get("X-IDENTITY-HEADER") != "the-header" || r.FormValue("api-version") != "2019-08-01" || r.FormValue("x") != "1" {
			return 401, ""
		}
		return 200, `{"access_token":"app","expires_on":"4102444800","resource":"r"}`
	})
	m := NewManaged(ManagedOptions{Transport: http.DefaultTransport, Now: time.Now, LookupEnv: environment("IDENTITY_ENDPOINT", s.URL+"/token?x=1", "IDENTITY_HEADER", "the-header")})
	if got, err := m.Token(context.Background(), "api://x", ""); err != nil || got != "app" {
		t.Errorf("%q %v", got, err)
	}
}

func TestWorkloadIdentity(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("assertion-1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, _ := server(t, func(r *http.Request) (int, string) {
		form := r.PostForm
		if r.URL.Path != "/tenant-1/oauth2/v2.0/token" || form.Get("grant_type") != "client_credentials" || form.Get("client_assertion_type") != assertionType || form.Get("client_assertion") != "assertion-1" {
			return 401, `{"error":"invalid_client","error_description":"assertion-1 is bad","error_codes":[700021]}`
		}
		return 200, fmt.Sprintf(`{"access_token":"%s|%s","expires_in":3599}`, form.Get("client_id"), form.Get("scope"))
	})
	m := NewManaged(ManagedOptions{Transport: http.DefaultTransport, Now: time.Now,
		LookupEnv: environment("AZURE_FEDERATED_TOKEN_FILE", file, "AZURE_CLIENT_ID", "client-1", "AZURE_TENANT_ID", "tenant-1", "AZURE_AUTHORITY_HOST", s.URL+"/")})
	for client, want := range map[string]string{"": "client-1|https://vault.azure.net/.default", "client-2": "client-2|https://vault.azure.net/.default"} {
		if got, err := m.Token(context.Background(), "https://vault.azure.net", client); err != nil || got != want {
			t.Errorf("%q %v", got, err)
		}
	}
	if err := os.WriteFile(file, []byte("assertion-2"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := m.Token(context.Background(), "https://other.example", "")
	if err == nil || strings.Contains(err.Error(), "assertion") || !strings.Contains(err.Error(), "invalid_client AADSTS700021") {
		t.Errorf("refused: %v", err)
	}
}

func TestApplicationAndCommand(t *testing.T) {
	s, _ := server(t, func(r *http.Request) (int, string) {
		if r.PostForm.Get("client_secret") != "very-secret" {
			return 401, `{}`
		}
		return 200, `{"access_token":"by-secret","expires_in":60}`
	})
	m := NewManaged(ManagedOptions{Source: SourceApplication, Authority: s.URL, Tenant: "t", ClientID: "c", ClientSecret: "very-secret", Transport: http.DefaultTransport, Now: time.Now, LookupEnv: noEnv})
	if got, err := m.Token(context.Background(), "r", ""); err != nil || got != "by-secret" {
		t.Errorf("%q %v", got, err)
	}
	for _, one := range []struct {
		command []string
		want    string
		fails   bool
	}{
		{[]string{"echo", "plain-{resource}-{clientId}"}, "plain-r-c", false},
		{[]string{"echo", `{"accessToken":"cli","expiresOn":"2026-01-02 10:00:00.000000"}`}, "cli", false},
		{[]string{"echo", "two words"}, "", true},
		{[]string{"false"}, "", true},
		{nil, "", true},
	} {
		m := NewManaged(ManagedOptions{Source: SourceCommand, Command: one.command, ClientID: "c", Now: newClock().now, LookupEnv: noEnv})
		got, err := m.Token(context.Background(), "r", "")
		if got != one.want || (err != nil) != one.fails {
			t.Errorf("%v: %q %v", one.command, got, err)
		}
	}
}

func TestNothingConfiguredSaysWhatToSet(t *testing.T) {
	m := NewManaged(ManagedOptions{Now: time.Now, LookupEnv: noEnv})
	_, err := m.Token(context.Background(), "r", "")
	if !errors.Is(err, ErrNotConfigured) || !strings.Contains(err.Error(), "identity.managed.source") {
		t.Errorf("%v", err)
	}
	for _, bad := range []string{"", "--debug", "a b", "a\nb"} {
		if _, err := m.Token(context.Background(), bad, ""); err == nil || errors.Is(err, ErrNotConfigured) {
			t.Errorf("resource %q: %v", bad, err)
		}
	}
}

func TestManyWaitForOneFetch(t *testing.T) {
	release := make(chan struct{})
	s, calls := server(t, func(*http.Request) (int, string) {
		<-release
		return 200, `{"access_token":"one","expires_in":"3600"}`
	})
	m := NewManaged(ManagedOptions{Source: SourceIMDS, Endpoint: s.URL, LookupEnv: noEnv})
	short, cancel := context.WithCancel(context.Background())
	gaveUp := make(chan error)
	go func() { _, err := m.Token(short, "r", ""); gaveUp <- err }()
	var waiting sync.WaitGroup
	for range 20 {
		waiting.Go(func() {
			if got, err := m.Token(context.Background(), "r", ""); err != nil || got != "one" {
				t.Errorf("%q %v", got, err)
			}
		})
	}
	cancel()
	if err := <-gaveUp; !errors.Is(err, context.Canceled) {
		t.Errorf("the one who left: %v", err)
	}
	time.Sleep(20 * time.Millisecond)
	close(release)
	waiting.Wait()
	if n := calls.Load(); n != 1 {
		t.Errorf("%d calls", n)
	}
}

func TestOldTokenServesWhileRenewalFails(t *testing.T) {
	clock, fail := newClock(), false
	s, calls := server(t, func(*http.Request) (int, string) {
		if fail {
			return 400, `{"error":"invalid_resource"}`
		}
		return 200, `{"access_token":"old","expires_in":3600}`
	})
	m := NewManaged(ManagedOptions{Source: SourceIMDS, Endpoint: s.URL, Transport: http.DefaultTransport, Now: clock.now, LookupEnv: noEnv})
	if _, err := m.Token(context.Background(), "r", ""); err != nil {
		t.Fatal(err)
	}
	fail = true
	clock.pass(56 * time.Minute)
	for range 3 { // one try, then a pause
		if got, err := m.Token(context.Background(), "r", ""); err != nil || got != "old" {
			t.Errorf("%q %v", got, err)
		}
	}
	if n := calls.Load(); n != 2 {
		t.Errorf("%d calls", n)
	}
	clock.pass(5 * time.Minute)
	if _, err := m.Token(context.Background(), "r", ""); err == nil || !strings.Contains(err.Error(), "invalid_resource") {
		t.Errorf("after its end: %v", err)
	}
}

func TestGrants(t *testing.T) {
	file := filepath.Join(t.TempDir(), "refresh")
	if err := os.WriteFile(file, []byte("r1"), 0o600); err != nil {
		t.Fatal(err)
	}
	clock, n := newClock(), 0
	s, calls := server(t, func(r *http.Request) (int, string) {
		n++
		user, password, basic := r.BasicAuth()
		switch form := r.PostForm; form.Get("grant_type") {
		case "refresh_token":
			if form.Get("refresh_token") != "r"+strconv.Itoa(n) || form.Get("client_id") != "id" || form.Get("client_secret") != "se&cret" {
				return 400, `{"error":"invalid_grant"}`
			}
			return 200, fmt.Sprintf(`{"access_token":"a%d","expires_in":3600,"refresh_token":"r%d","scope":"repo"}`, n, n+1)
		default:
			if !basic || user != "id" || password != "se%26cret" || form.Get("audience") != "x" || form.Get("scope") != "s" {
				return 400, `{"error":"invalid_client"}`
			}
			return 200, `{"access_token":"cc"}`
		}
	})
	var warnings []string
	g := NewGrants([]Grant{
		{Provider: "github", Authorization: "main", Endpoint: s.URL, Flow: FlowRefresh, ClientID: "id", ClientSecret: "se&cret", RefreshTokenFile: file, Access: []Principal{{"t", "o"}}},
		{Provider: "auth0", Authorization: "m2m", Endpoint: s.URL, Flow: FlowCredentials, ClientID: "id", ClientSecret: "se&cret", InHeader: true, Scope: "s", Parameters: map[string]string{"audience": "x"}},
	}, http.DefaultTransport, clock.now, func(text string) { warnings = append(warnings, text) })
	for i := range 2 {
		got, err := g.Token(context.Background(), "GitHub", "main")
		if err != nil || got.Value != "a1" || got.Claims["scope"] != "repo" || got.Claims["refresh_token"] != nil {
			t.Errorf("%d: %+v %v", i, got, err)
		}
	}
	clock.pass(time.Hour)
	if got, err := g.Token(context.Background(), "github", "main"); err != nil || got.Value != "a2" {
		t.Errorf("renewed: %+v %v", got, err)
	}
	if kept, _ := os.ReadFile(file); string(kept) != "r3" || len(warnings) > 0 {
		t.Errorf("kept %q, warned %q", kept, warnings)
	}
	if got, err := g.Token(context.Background(), "auth0", "m2m"); err != nil || got.Value != "cc" || calls.Load() != 3 {
		t.Errorf("client credentials: %+v %v", got, err)
	}
	if _, err := g.Token(context.Background(), "auth0", "other"); !errors.Is(err, ErrNotConfigured) {
		t.Errorf("unknown: %v", err)
	}
	if !g.Allows("github", "main", Principal{"T", "O"}) || g.Allows("github", "main", Principal{"t", "x"}) || g.Allows("auth0", "m2m", Principal{}) {
		t.Error("access")
	}
}
