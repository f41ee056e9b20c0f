package server

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/internal/gateway"
)

func TestIdentitySettings(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("secret", "shh\n")
	write("gatehouse.yaml", `identity:
  authority: https://login.microsoftonline.us/
  managed: {source: application, tenantId: t, clientId: c, clientSecret: {file: secret}}
  grants:
    - {provider: p, authorization: a, tokenEndpoint: "https://x.test/token", flow: refreshToken, clientId: c, clientSecret: {env: GH_TEST_SECRET}, refreshToken: {file: refresh}, access: [{tenantId: t, objectId: o}]}
`)
	t.Setenv("GH_TEST_SECRET", "from-env")
	c, err := LoadConfig(filepath.Join(dir, "gatehouse.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var o gateway.Options
	if err := identityOptions(&o, c.Identity); err != nil {
		t.Fatal(err)
	}
	g := o.Grants[0]
	if o.Authority != "https://login.microsoftonline.us" || o.Managed.ClientSecret != "shh" || g.ClientSecret != "from-env" || g.RefreshTokenFile != filepath.Join(dir, "refresh") || g.Access[0].Object != "o" {
		t.Errorf("%+v", o)
	}
	for text, want := range map[string]string{
		"{authority: here}":                            "identity.authority",
		"{managed: {source: magic}}":                   "identity.managed.source",
		"{managed: {clientSecret: {env: GH_NOT_SET}}}": "GH_NOT_SET is not set",
		"{grants: [{provider: p}]}":                    "flow",
		"{managed: {endpoint: x, source: imds}}":       "identity.managed.endpoint",
		"{managed: {clientSecret: {env: A, file: b}}}": "not both",
	} {
		write("bad.yaml", "identity: "+text+"\n")
		c, err := LoadConfig(filepath.Join(dir, "bad.yaml"))
		if err == nil {
			err = identityOptions(&o, c.Identity)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
