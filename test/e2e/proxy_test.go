package e2e

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/test/oidc"
)

// One command puts a login before a tool.
func TestProxyCommand(t *testing.T) {
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	tool := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "hello "+r.Header.Get("X-Forwarded-User"))
	}))
	t.Cleanup(tool.Close)
	provider, dir, listen := oidc.Start(t, "client", "shh"), t.TempDir(), port(t)
	secret := filepath.Join(dir, "secret")
	if err := os.WriteFile(secret, []byte("shh"), 0o600); err != nil {
		t.Fatal(err)
	}
	out := &buffer{}
	cmd := exec.Command(path, "proxy", "--data", filepath.Join(dir, "data"), "--upstream", tool.URL, "--listen", listen, "--plain", "--issuer", provider.URL,
		"--client-id", "client", "--client-secret-file", secret, "--allow-group", "sre")
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar}
	open := func() (int, string) {
		req, _ := http.NewRequest("GET", "http://"+listen+"/", nil)
		req.Header.Set("Accept", "text/html")
		resp, err := browser.Do(req)
		if err != nil {
			return 0, ""
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(body)
	}
	provider.Login(oidc.User{Subject: "guest", Groups: []string{"guests"}})
	status, body := 0, ""
	for deadline := time.Now().Add(time.Minute); status == 0 && time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		status, body = open()
	}
	if status != http.StatusForbidden || strings.Contains(body, "hello") {
		t.Fatalf("the wrong group: %d %s\n%s", status, body, out)
	}
	browser.Jar, _ = cookiejar.New(nil)
	provider.Login(oidc.User{Subject: "ops", Groups: []string{"sre"}})
	if status, body := open(); status != http.StatusOK || body != "hello ops" {
		t.Errorf("the right group: %d %s\n%s", status, body, out)
	}
	t.Logf("a protected endpoint %s after the command began", time.Since(begun).Round(time.Millisecond))
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if strings.Contains(out.String(), "shh") {
		t.Errorf("a secret is in the output: %s", out)
	}
}
