package conformance

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/activity"
	"gatehouse/internal/server"
	"gatehouse/test/oidc"
)

// guarded is a running identity-aware proxy before a tool.
type guarded struct {
	url, data string
	provider  *oidc.Provider
	client    *http.Client // trusts the proxy's certificate, no cookies
	stop      func()
}

var (
	operator = oidc.User{Subject: "object-ops", Name: "ops", Groups: []string{"sre"}}
	visitor  = oidc.User{Subject: "object-guest", Name: "guest", Groups: []string{"guests"}}
)

// guard starts a proxy and waits until it answers. Those of the group sre are let in.
func (h *house) guard(t *testing.T, upstream string) *guarded {
	t.Helper()
	g := &guarded{data: t.TempDir(), provider: oidc.Start(t, "client", "shh"), url: "https://" + freePort(t)}
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("shh\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := server.DefaultConfig()
	c.Data.Folder = g.data
	c.Identity.Issuers = []server.TrustedIssuer{{Name: "provider", URL: g.provider.URL, Audiences: []string{"api://tools"}}}
	c.Identity.Proxies = []server.IdentityProxy{{Name: "tool", Listen: strings.TrimPrefix(g.url, "https://"), Upstream: upstream, Issuer: "provider", ClientID: "client", ClientSecret: server.Secret{File: secret}, Groups: []string{"sre"}}}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.RunProxies(ctx, c, "test", slog.New(slog.DiscardHandler), io.Discard) }()
	stopped := false
	g.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(g.stop)
	within(t, time.Minute, "the proxy answers", func() bool {
		if _, err := os.Stat(filepath.Join(g.data, "ca", "ca.crt")); err != nil {
			return false
		}
		if g.client == nil {
			g.client = (&house{data: g.data}).trusting(t)
		}
		resp, err := g.client.Get(g.url + "/.gatehouse/")
		if err != nil {
			return false
		}
		return resp.Body.Close() == nil
	})
	return g
}

// open opens a page, with cookies when the client keeps them.
func (g *guarded) open(t *testing.T, c *http.Client, path string, header ...string) (int, string, http.Header) {
	t.Helper()
	req, err := http.NewRequest("GET", g.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "text/html")
	for n := 0; n+1 < len(header); n += 2 {
		req.Header.Set(header[n], header[n+1])
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body), resp.Header
}

func (g *guarded) browser(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Transport: g.client.Transport, Jar: jar}
}

// P27: before a stock Prometheus: no login, a redirect; the wrong group, 403; the
// right one, through; all of it in the activity log.
func missionIdentityProxy(t *testing.T, h *house) {
	prometheus, _ := h.identities(t).prometheus(t, "global: {scrape_interval: 1s}\n")
	within(t, time.Minute, "the Prometheus is ready", func() bool {
		resp, err := http.Get(prometheus + "/-/ready")
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	g := h.guard(t, prometheus)
	const query = "/api/v1/query?query=vector(42)"
	still := *g.client
	still.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if status, _, header := g.open(t, &still, query); status != http.StatusFound || !strings.HasPrefix(header.Get("Location"), g.provider.URL+"/authorize?") {
		t.Errorf("no login: %d %s", status, header.Get("Location"))
	}
	if status, _, _ := g.open(t, g.client, query, "Accept", "application/json"); status != http.StatusUnauthorized {
		t.Errorf("a program without a token: %d", status)
	}
	g.provider.Login(visitor)
	if status, body, _ := g.open(t, g.browser(t), query); status != http.StatusForbidden || strings.Contains(body, "vector") {
		t.Errorf("the wrong group: %d %s", status, body)
	}
	g.provider.Login(operator)
	if status, body, _ := g.open(t, g.browser(t), query); status != http.StatusOK || !strings.Contains(body, `"42"`) {
		t.Errorf("the right group: %d %s", status, body)
	}
	if status, body, _ := g.open(t, g.client, query, "Authorization", "Bearer "+g.provider.Token(t, operator, "api://tools")); status != http.StatusOK || !strings.Contains(body, `"42"`) {
		t.Errorf("a program with a token: %d %s", status, body)
	}
	g.stop()
	if v, err := activity.Verify(filepath.Join(g.data, "activity")); err != nil || v.Records < 7 {
		t.Errorf("the activity log: %+v %v", v, err)
	}
	days, _ := filepath.Glob(filepath.Join(g.data, "activity", "*"))
	var text string
	for _, day := range days {
		data, _ := os.ReadFile(day)
		text += string(data)
	}
	for _, want := range []string{`"resultSignature":"302"`, `"resultSignature":"401"`, `"oid":"object-guest"`, `"resultSignature":"403"`, `"oid":"object-ops"`, "Gatehouse.Identity/proxies/tool"} {
		if !strings.Contains(text, want) {
			t.Errorf("the activity log has no %s", want)
		}
	}
	if strings.Contains(text, "vector") || strings.Contains(text, "shh") {
		t.Error("the activity log has a query or a secret")
	}
}

// P33: from nothing to a tool that only those get to who may, in minutes.
func missionProxyInMinutes(t *testing.T, h *house) {
	start := time.Now()
	g := h.guard(t, h.backend.URL)
	g.provider.Login(operator)
	status, _, _ := g.open(t, g.browser(t), "/")
	took := time.Since(start)
	if status != http.StatusOK || took > 5*time.Minute {
		t.Errorf("%d after %s", status, took)
	}
	fmt.Printf("a protected endpoint after %s\n", took.Round(time.Millisecond))
}
