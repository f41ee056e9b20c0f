package gateway

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/internal/apim"
	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
	"gatehouse/internal/telemetry"
)

// statementContext is a context without an owner, as a branch of wait has it.
func statementContext(t *testing.T, g *Gateway) *policy.Context {
	t.Helper()
	c := &policy.Context{Std: context.Background(), Services: &g.services, Exchange: telemetry.NewExchange()}
	c.Now, c.Random = time.Now, random64
	c.Exchange.Start = time.Now()
	return c
}

// testCertificate signs itself.
func testCertificate(t *testing.T, name string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// tlsBackend tells the caller which client certificate it saw.
func tlsBackend(t *testing.T) (*httptest.Server, *x509.CertPool, *atomic.Int64) {
	t.Helper()
	connections := &atomic.Int64{}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := "none"
		if len(r.TLS.PeerCertificates) > 0 {
			name = r.TLS.PeerCertificates[0].Subject.CommonName
		}
		w.Header().Set("X-Client", name)
		_, _ = io.WriteString(w, r.URL.Path)
	}))
	s.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	s.StartTLS()
	t.Cleanup(s.Close)
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	return s, pool, connections
}

func TestStatementsReachBackendResources(t *testing.T) {
	var seen *http.Request
	status := 200
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = r
		w.WriteHeader(status)
	}))
	defer s.Close()
	service := testService(s.URL)
	service.Backends = []*apim.Backend{{ID: "Embeddings", URL: s.URL + "/base?v=1",
		Credentials:    apim.BackendCredentials{Header: map[string][]string{"api-key": {"k"}}, Query: map[string][]string{"code": {"a b"}}, Authorization: "Bearer b"},
		CircuitBreaker: &apim.CircuitBreaker{Count: 1, IntervalSeconds: 60, TripSeconds: 60}}}
	h := newHarness(t, service, nil)
	c := statementContext(t, h.gateway)
	r := &policy.OutgoingRequest{Source: "llm-content-safety", Method: "POST", Backend: "embeddings", URL: expr.URL{Path: "/text:analyze", RawQuery: "q=2"},
		Header: expr.Header{"Content-Type": {"application/json"}}, Body: []byte("{}")}
	if _, err := h.gateway.requests.Send(c, r); err != nil {
		t.Fatal(err)
	}
	if got := seen.URL.String(); got != "/base/text:analyze?v=1&q=2&code=a+b" {
		t.Errorf("URL %s", got)
	}
	if seen.Header.Get("Api-Key") != "k" || seen.Header.Get("Authorization") != "Bearer b" || len(r.Header) != 1 {
		t.Errorf("header %v; the caller's %v", seen.Header, r.Header)
	}
	if call := c.Exchange.Calls[0]; call.Backend != "Embeddings" || call.Status != 200 || call.Path != "/base/text:analyze" {
		t.Errorf("call %+v", call)
	}
	status = 500
	if _, err := h.gateway.requests.Send(c, r); err != nil {
		t.Fatal(err)
	}
	_, err := h.gateway.requests.Send(c, r)
	var failure *policy.Error
	if !errors.As(err, &failure) || failure.Status != 503 || failure.Source != "llm-content-safety" {
		t.Errorf("with an open circuit: %v", err)
	}
	r.Backend = "missing"
	if _, err = h.gateway.requests.Send(c, r); !errors.As(err, &failure) || !strings.Contains(failure.Message, "missing") {
		t.Errorf("unknown backend: %v", err)
	}
}

func TestClientCertificatesDoNotShareConnections(t *testing.T) {
	s, roots, connections := tlsBackend(t)
	h := newHarness(t, testService(s.URL), func(o *Options) { o.Backend.RootCAs = roots })
	u, err := expr.ParseURL(s.URL + "/x")
	if err != nil {
		t.Fatal(err)
	}
	certificates := []*policy.ClientCertificate{nil, {Key: "a", Certificate: testCertificate(t, "a.test")}, {Key: "b", Certificate: testCertificate(t, "b.test")}}
	for i, want := range []string{"none", "a.test", "b.test", "none", "a.test", "b.test"} {
		resp, err := h.gateway.requests.Send(statementContext(t, h.gateway), &policy.OutgoingRequest{Source: "send-request", Method: "GET", URL: u, Certificate: certificates[i%3]})
		if err != nil {
			t.Fatal(err)
		}
		if got := resp.Header.Get("X-Client"); got != want {
			t.Errorf("call %d: the backend saw %s, want %s", i, got, want)
		}
	}
	if n := connections.Load(); n != 3 {
		t.Errorf("%d connections for three certificates", n)
	}
}

func TestStatementsGoThroughAProxy(t *testing.T) {
	var asked, authorization string
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked, authorization = r.URL.String(), r.Header.Get("Proxy-Authorization")
		_, _ = w.Write(bytes.Repeat([]byte("p"), 3))
	}))
	defer proxy.Close()
	h := newHarness(t, testService("http://unused.test"), nil)
	p, err := expr.ParseURL(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := h.gateway.requests.Send(statementContext(t, h.gateway), &policy.OutgoingRequest{Source: "send-request", Method: "GET",
		URL: expr.URL{Scheme: "http", Host: "far.test", Path: "/a"}, Proxy: &policy.Proxy{URL: p, Username: "u", Password: "p"}})
	if err != nil {
		t.Fatal(err)
	}
	if asked != "http://far.test/a" || authorization != "Basic dTpw" || resp.StatusCode != 200 {
		t.Errorf("the proxy was asked for %q with %q", asked, authorization)
	}
}
