package server

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"go.yaml.in/yaml/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	grpcstatus "google.golang.org/grpc/status"

	"gatehouse/internal/identity"
	"gatehouse/internal/ingest/otlp"
)

// openPorts opens a Gatehouse whose OTLP ports ask for tokens, with tokens of a
// principal that may send and of one that may only read.
func openPorts(t *testing.T) (s *Server, tokens map[string]string) {
	t.Helper()
	secret, kept, err := identity.NewSecret(time.Now(), identity.MaxLifetime)
	if err != nil {
		t.Fatal(err)
	}
	rules := &identity.Rules{}
	for name, role := range map[string]string{"sender": "Monitoring Metrics Publisher", "reader": "Monitoring Reader"} {
		rules.Principals = append(rules.Principals, &identity.Principal{Name: name, ID: "id-" + name, Secrets: []identity.Secret{kept}})
		rules.Assignments = append(rules.Assignments, identity.Assignment{Principal: name, Role: role, Scope: "/"})
	}
	text, err := yaml.Marshal(rules)
	if err != nil {
		t.Fatal(err)
	}
	s, _ = openRuled(t, string(text), func(c *Config) {
		c.Identity.OTLPOpen, c.Identity.Issuer.Listen = false, "127.0.0.1:9446"
	})
	tokens = map[string]string{"admin": s.token}
	for _, p := range rules.Principals {
		form := url.Values{"grant_type": {"client_credentials"}, "client_id": {p.ID}, "client_secret": {secret}, "scope": {"https://monitor.azure.com/.default"}}
		r := httptest.NewRequest(http.MethodPost, "/adfs/oauth2/v2.0/token", strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		s.issuer.ServeHTTP(w, r)
		var answer struct {
			Token string `json:"access_token"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || answer.Token == "" {
			t.Fatalf("token of %s: %v %s", p.Name, err, w.Body)
		}
		tokens[p.Name] = answer.Token
	}
	return s, tokens
}

// sendHTTP gives what the receiver answers to an empty request over HTTP.
func sendHTTP(t *testing.T, base, path, token string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+path, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

func TestClosedPortsAskWhoSends(t *testing.T) {
	s, tokens := openPorts(t)
	receiver := s.ofPorts(otlp.New(otlp.Options{Rows: s.ingest, Metrics: s.otlpMetrics}))
	overHTTP := httptest.NewServer(receiver.Handler())
	t.Cleanup(overHTTP.Close)
	overGRPC := grpc.NewServer(receiver.ServerOptions()...)
	receiver.Register(overGRPC)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = overGRPC.Serve(l) }()
	t.Cleanup(overGRPC.Stop)
	c, err := grpc.NewClient(l.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	for _, one := range []struct {
		who    string
		status int
		code   codes.Code
		text   string
	}{
		{"nobody", 401, codes.Unauthenticated, "Authorization: Bearer"},
		{"reader", 403, codes.PermissionDenied, sendTelemetry},
		{"sender", 200, codes.OK, ""},
		{"admin", 200, codes.OK, ""},
	} {
		status, body := sendHTTP(t, overHTTP.URL, "/v1/traces", tokens[one.who])
		if status != one.status || !strings.Contains(body, one.text) {
			t.Errorf("%s over HTTP: %d %s", one.who, status, body)
		}
		ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+tokens[one.who])
		_, err := ptraceotlp.NewGRPCClient(c).Export(ctx, ptraceotlp.NewExportRequest())
		if grpcstatus.Code(err) != one.code || !strings.Contains(grpcstatus.Convert(err).Message(), one.text) {
			t.Errorf("%s over gRPC: %v", one.who, err)
		}
	}
	if status, body := sendHTTP(t, overHTTP.URL, "/v1/metrics", tokens["reader"]); status != 403 || !strings.Contains(body, sendMetrics) {
		t.Errorf("metrics of reader: %d %s", status, body)
	}
}
