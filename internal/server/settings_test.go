package server

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Settings of destinations and of availability tests that cannot work end the
// start with the setting's name, and never with a secret.
func TestSettingsThatCannotWork(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"api.yaml": "openapi: 3.0.0\ninfo: {title: t, version: '1'}\npaths: {}\n", "token": "canary", "empty": "", "broken-header": "canary\ncanary", "not.pem": "canary"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	export := func(s string) string { return "telemetry: {exports: [{name: out, type: otlp, " + s + "}]}\n" }
	tests := func(s string) string { return "availability: {tests: [{name: shop, " + s + "}]}\n" }
	const service = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ApiManagement/service/n"
	azure := func(credential, service string) string {
		return "azureMonitor: {endpoint: 'https://arm.example', credential: {" + credential + "}, services: [{" + service + "}]}\n"
	}
	const principal = "type: clientSecret, tenantId: t, clientId: c, clientSecret: {file: token}"
	for _, c := range []struct{ text, want string }{
		{"azureMonitor: {cloud: mars, probes: true, credential: {type: managedIdentity}}\n", `cloud "mars" is not one of public, usGovernment, china`},
		{"azureMonitor: {probes: true}\n", "azureMonitor.credential.type: name one of"},
		{"azureMonitor: {probes: true, endpoint: 'http://arm.example', credential: {type: managedIdentity}}\n", "plain HTTP is for addresses of this machine"},
		{azure("type: password", "resource: "+service), `credential: "password" is not one of clientSecret`},
		{azure("type: clientSecret, tenantId: t, clientId: c", "resource: "+service), "needs a secret"},
		{azure("type: clientCertificate, tenantId: t, clientId: c, certificate: not.pem", "resource: "+service), "neither a PEM with its key nor a PFX"},
		{azure("type: clientSecret, clientSecret: {file: token}", "resource: "+service), "needs tenantId and clientId"},
		{azure(principal, "resource: orders"), "azureMonitor.services[0]: \"orders\" is not a resource id"},
		{azure(principal, "resource: "+service+", workspace: other"), `there is no metric workspace "other"`},
		{azure(principal, "resource: "+service+", catchUp: 6h"), "set its outOfOrderWindow to 6h3m0s"},
		{azure(principal, "resource: "+service+"}, {resource: "+service), "azureMonitor.services[1]"},
		{azure(principal, "resource: "+service+", metrics: [{metric: Requests, aggregations: [p99]}]"), `aggregation "p99" is not one of`},
		{"telemetry: {exports: [{name: out, type: kafka}]}\n", `"kafka" is not one of appinsights, otlp`},
		{"telemetry: {exports: [{name: out, type: appinsights, endpoint: 'http://x'}]}\n", "are for the type otlp"},
		{export("identity: system"), "are for the type appinsights"},
		{export("endpoint: 'x:4317'"), "out: endpoint: it is not an absolute http or https URL"},
		{export("endpoint: 'http://localhost:4317'"), "a door of this process"},
		{export("endpoint: 'https://x.example', protocol: udp"), `protocol: "udp" is not one of grpc, http/protobuf`},
		{export("endpoint: 'https://x.example', compression: zstd"), "compression:"},
		{export("endpoint: 'https://x.example', caFile: not.pem"), "not.pem holds no PEM certificate"},
		{export("endpoint: 'https://x.example', certificateFile: not.pem"), "certificateFile and keyFile go together"},
		{export("endpoint: 'https://x.example', headers: {token: {file: empty}}"), "headers.token: it is empty"},
		{export("endpoint: 'https://x.example', headers: {token: {env: GATEHOUSE_NOT_SET}}"), "GATEHOUSE_NOT_SET is not set"},
		{export("endpoint: 'https://x.example', headers: {token: {file: broken-header}}"), `headers: "token" is not a valid header`},
		{tests("url: 'ftp://x'"), `availability test "shop": url:`},
		{tests("url: 'http://x', frequency: soon"), `"soon" is not a duration`},
		{tests("url: 'http://x', secretHeaders: {Authorization: {file: broken-header}}"), "is not a valid header"},
		{tests("url: 'http://x', secretHeaders: {Authorization: {file: nowhere}}"), "secretHeaders.Authorization"},
		{tests("url: 'http://x', workspace: other"), `there is no workspace "other"`},
		{"availability: {gateway: true, tests: [{name: gateway, url: 'http://x'}]}\n", `two have the name "gateway"`},
		{"availability: {denyNetworks: [all]}\n", "availability.denyNetworks"},
		{"availability: {gatewayURL: here}\n", "availability.gatewayURL"},
		{"availability: {locations: [{name: a}, {name: A}]}\n", "two places have this name"},
	} {
		path := filepath.Join(dir, "gatehouse.yaml")
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		config, err := LoadConfig(path)
		if err == nil {
			config.Service = ServiceConfig{OpenAPI: filepath.Join(dir, "api.yaml"), Backend: "http://x.example"}
			config.Data.Folder = t.TempDir()
			var s *Server
			if s, err = Open(config, "test", slog.New(slog.DiscardHandler)); err == nil {
				err = s.Close()
			}
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s gives %v, not %q", c.text, err, c.want)
		}
	}
}
