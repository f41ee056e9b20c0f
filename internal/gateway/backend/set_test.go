package backend

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"math/big"
	randv2 "math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/internal/apim"
)

// testClock is a clock that tests move.
type testClock struct{ ns atomic.Int64 }

func (c *testClock) now() time.Time { return time.Unix(1000, c.ns.Load()) }

func (c *testClock) advance(d time.Duration) { c.ns.Add(int64(d)) }

func single(id, url string, rule *apim.CircuitBreaker) *apim.Backend {
	return &apim.Backend{ID: id, URL: url, CircuitBreaker: rule, TLS: apim.BackendTLS{ValidateChain: true, ValidateName: true}}
}

func newTestSet(t testing.TB, backends []*apim.Backend, previous *Set, o Options) *Set {
	t.Helper()
	s, err := NewSet(backends, previous, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Retire(nil) })
	return s
}

// pick picks and reports at once.
func pick(t testing.TB, s *Set, id string, status int) string {
	t.Helper()
	target, err := s.Pick(id)
	if err != nil {
		if !errors.Is(err, ErrCircuitOpen) {
			t.Fatal(err)
		}
		return "open"
	}
	target.Report(status, nil, 0)
	return target.ID
}

func TestPoolWeightsAndPriorities(t *testing.T) {
	rule := &apim.CircuitBreaker{Count: 1, IntervalSeconds: 60, TripSeconds: 30}
	var clock testClock
	random := randv2.New(randv2.NewPCG(1, 2))
	s := newTestSet(t, []*apim.Backend{
		{ID: "pool", Pool: []apim.PoolMember{{ID: "a", Weight: 3, Priority: 1}, {ID: "B", Weight: 1, Priority: 1}, {ID: "c", Priority: 2}, {ID: "d", Priority: 2}}},
		single("a", "http://a", rule), single("b", "http://b", rule), single("c", "http://c", rule), single("d", "http://d", nil),
	}, nil, Options{Now: clock.now, Random: random.Uint64})
	count := func() map[string]int {
		seen := map[string]int{}
		for range 4000 {
			seen[pick(t, s, "Pool", 200)]++
		}
		return seen
	}
	if got := count(); got["a"] < 2850 || got["a"] > 3150 || got["a"]+got["b"] != 4000 {
		t.Fatalf("got %v", got)
	}
	trip := func(id string) {
		target, err := s.Pick(id)
		if err != nil {
			t.Fatal(err)
		}
		target.Report(503, nil, 0)
	}
	trip("a")
	if got := count(); got["b"] != 4000 {
		t.Fatalf("a is open: got %v", got)
	}
	trip("b")
	if got := count(); got["c"] < 1850 || got["c"]+got["d"] != 4000 {
		t.Fatalf("priority 1 is open: got %v", got)
	}
	trip("c")
	if got := count(); got["d"] != 4000 {
		t.Fatalf("got %v", got)
	}
	clock.advance(30 * time.Second)
	if got := count(); got["a"] < 2850 || got["a"]+got["b"] != 4000 {
		t.Fatalf("after the trip duration: got %v", got)
	}
}

func TestPoolWithAllCircuitsOpen(t *testing.T) {
	var clock testClock
	slow := &apim.CircuitBreaker{Count: 1, IntervalSeconds: 60, TripSeconds: 90}
	fast := &apim.CircuitBreaker{Count: 1, IntervalSeconds: 60, TripSeconds: 30}
	s := newTestSet(t, []*apim.Backend{single("a", "http://a", slow), single("b", "http://b", fast),
		{ID: "pool", Pool: []apim.PoolMember{{ID: "a", Weight: 1}, {ID: "b", Weight: 1}}}}, nil, Options{Now: clock.now})
	pick(t, s, "a", 500)
	pick(t, s, "b", 500)
	_, err := s.Pick("pool")
	var open *CircuitOpenError
	if !errors.As(err, &open) || open.Backend != "pool" || open.RetryAfter != 30*time.Second || FailureOf(err) != FailureCircuit {
		t.Fatalf("got %v", err)
	}
	if _, err := s.Pick("nobody"); !errors.Is(err, ErrUnknownBackend) {
		t.Fatalf("got %v", err)
	}
}

func TestBreaker(t *testing.T) {
	type step struct {
		after  time.Duration
		status int // 0: err
		err    error
		retry  time.Duration
		want   string // what Pick gives: the id or open
	}
	const s = time.Second
	three := &apim.CircuitBreaker{Count: 3, IntervalSeconds: 10, TripSeconds: 60, StatusRanges: [][2]int{{429, 429}, {500, 599}}, AcceptRetryAfter: true}
	half := &apim.CircuitBreaker{Percentage: 50, IntervalSeconds: 10, TripSeconds: 60}
	for name, one := range map[string]struct {
		rule  *apim.CircuitBreaker
		steps []step
	}{
		"opens at the third failure": {three, []step{{0, 500, nil, 0, "a"}, {s, 429, nil, 0, "a"}, {s, 404, nil, 0, "a"}, {s, 503, nil, 0, "a"}, {0, 200, nil, 0, "open"}}},
		"failures apart":             {three, []step{{0, 500, nil, 0, "a"}, {6 * s, 500, nil, 0, "a"}, {6 * s, 500, nil, 0, "a"}, {0, 500, nil, 0, "a"}, {0, 200, nil, 0, "open"}}},
		"connection failures count":  {three, []step{{0, 0, io.EOF, 0, "a"}, {0, 0, ErrTimeout, 0, "a"}, {0, 0, ErrProtocol, 0, "a"}, {0, 200, nil, 0, "open"}}},
		"clients leaving do not":     {three, []step{{0, 0, context.Canceled, 0, "a"}, {0, 0, context.Canceled, 0, "a"}, {0, 0, ErrRequestBody, 0, "a"}, {0, 200, nil, 0, "a"}}},
		"closes after a good probe":  {three, []step{{0, 500, nil, 0, "a"}, {0, 500, nil, 0, "a"}, {0, 500, nil, 0, "a"}, {59 * s, 0, nil, 0, "open"}, {s, 200, nil, 0, "a"}, {0, 500, nil, 0, "a"}, {0, 200, nil, 0, "a"}}},
		"stays open after a bad one": {three, []step{{0, 500, nil, 0, "a"}, {0, 500, nil, 0, "a"}, {0, 500, nil, 0, "a"}, {60 * s, 500, nil, 0, "a"}, {59 * s, 0, nil, 0, "open"}, {s, 200, nil, 0, "a"}, {0, 200, nil, 0, "a"}}},
		"probe of a client leaving":  {three, []step{{0, 500, nil, 0, "a"}, {0, 500, nil, 0, "a"}, {0, 500, nil, 0, "a"}, {60 * s, 0, context.Canceled, 0, "a"}, {0, 200, nil, 0, "a"}, {0, 200, nil, 0, "a"}}},
		"retry after":                {three, []step{{0, 429, nil, 5 * s, "a"}, {0, 429, nil, 5 * s, "a"}, {0, 429, nil, 5 * s, "a"}, {4 * s, 0, nil, 0, "open"}, {s, 200, nil, 0, "a"}}},
		"percentage":                 {half, []step{{0, 500, nil, 0, "a"}, {0, 200, nil, 0, "a"}, {0, 200, nil, 0, "a"}, {0, 500, nil, 0, "a"}, {0, 500, nil, 0, "a"}, {0, 200, nil, 0, "open"}}},
		"percentage, few requests":   {half, []step{{0, 500, nil, 0, "a"}, {0, 500, nil, 0, "a"}, {0, 500, nil, 0, "a"}, {11 * s, 500, nil, 0, "a"}, {0, 200, nil, 0, "a"}}},
	} {
		var clock testClock
		set := newTestSet(t, []*apim.Backend{single("a", "http://a", one.rule)}, nil, Options{Now: clock.now})
		for i, step := range one.steps {
			clock.advance(step.after)
			target, err := set.Pick("a")
			got := "open"
			if err == nil {
				got = target.ID
				target.Report(step.status, step.err, step.retry)
			}
			if got != step.want {
				t.Fatalf("%s, step %d: got %s, want %s", name, i, got, step.want)
			}
		}
	}
}

func TestOneProbeAtATime(t *testing.T) {
	var clock testClock
	set := newTestSet(t, []*apim.Backend{single("a", "http://a", &apim.CircuitBreaker{Count: 1, IntervalSeconds: 1, TripSeconds: 10})}, nil, Options{Now: clock.now})
	pick(t, set, "a", 500)
	if got := set.States(); len(got) != 1 || got[0] != (CircuitState{"a", CircuitOpen}) {
		t.Fatalf("got %v", got)
	}
	clock.advance(10 * time.Second)
	if got := set.States()[0].State; got != CircuitHalfOpen {
		t.Fatalf("got %v", got)
	}
	var passed atomic.Int32
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() {
			if _, err := set.Pick("a"); err == nil {
				passed.Add(1)
			}
		})
	}
	group.Wait()
	if passed.Load() != 1 {
		t.Fatalf("%d probes at a time", passed.Load())
	}
	clock.advance(10 * time.Second) // the probe was never reported
	if got := pick(t, set, "a", 200); got != "a" {
		t.Fatalf("got %s", got)
	}
	if got := set.States()[0].State; got != CircuitClosed {
		t.Fatalf("got %v", got)
	}
}

func TestReloadKeepsCircuitsAndConnections(t *testing.T) {
	var clock testClock
	o := Options{Now: clock.now}
	rule := func() *apim.CircuitBreaker {
		return &apim.CircuitBreaker{Count: 1, IntervalSeconds: 60, TripSeconds: 60}
	}
	insecure := &apim.Backend{ID: "tls", URL: "https://a"}
	first := newTestSet(t, []*apim.Backend{single("a", "http://a", rule()), single("b", "http://b", rule()), insecure}, nil, o)
	pick(t, first, "a", 500)
	pick(t, first, "b", 500)
	same := *insecure
	second := newTestSet(t, []*apim.Backend{single("a", "http://a", rule()), single("b", "http://elsewhere", rule()), &same}, first, o)
	if got := pick(t, second, "a", 200); got != "open" {
		t.Fatalf("the circuit of a was forgotten: %s", got)
	}
	if got := pick(t, second, "b", 200); got != "b" {
		t.Fatalf("the circuit of b outlived its URL: %s", got)
	}
	if first.Direct() != second.Direct() || first.entries["tls"].target.Transport != second.entries["tls"].target.Transport {
		t.Fatal("transports were not kept")
	}
	changed := *insecure
	changed.TLS.ServerName = "x"
	third := newTestSet(t, []*apim.Backend{&changed}, second, o)
	if third.entries["tls"].target.Transport == second.entries["tls"].target.Transport {
		t.Fatal("a transport with other TLS settings was kept")
	}
	second.Retire(third)
	if third.Direct().idle.closed || !second.entries["tls"].target.Transport.idle.closed {
		t.Fatal("the wrong transports were closed")
	}
}

func TestNewSetErrors(t *testing.T) {
	for name, one := range map[string]struct {
		backends []*apim.Backend
		want     string
	}{
		"no url":        {[]*apim.Backend{single("a", "", nil)}, "backends/a: its url is not"},
		"scheme":        {[]*apim.Backend{single("a", "ftp://x", nil)}, "backends/a: its url is not"},
		"password":      {[]*apim.Backend{single("a", "http://u:hunter2@x", nil)}, "user name"},
		"bad url":       {[]*apim.Backend{single("a", "http://x:hunter2", nil)}, "cannot be read"},
		"twice":         {[]*apim.Backend{single("a", "http://x", nil), single("A", "http://x", nil)}, "two backends"},
		"unknown":       {[]*apim.Backend{{ID: "p", Pool: []apim.PoolMember{{ID: "z"}}}}, "backends/z, which does not exist"},
		"pool of pools": {[]*apim.Backend{{ID: "p", Pool: []apim.PoolMember{{ID: "p"}}}}, "a pool itself"},
		"no interval":   {[]*apim.Backend{single("a", "http://x", &apim.CircuitBreaker{Count: 1, TripSeconds: 1})}, "interval"},
		"no count":      {[]*apim.Backend{single("a", "http://x", &apim.CircuitBreaker{IntervalSeconds: 1, TripSeconds: 1})}, "count"},
		"certificate":   {[]*apim.Backend{{ID: "a", URL: "https://x", Credentials: apim.BackendCredentials{CertificatePEM: "hunter2", KeyPEM: "hunter2"}}}, "client certificate"},
	} {
		_, err := NewSet(one.backends, nil, Options{})
		if err == nil || !strings.Contains(err.Error(), one.want) {
			t.Errorf("%s: got %v", name, err)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the error shows a secret: %v", name, err)
		}
	}
}

// authority signs certificates for tests.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
}

func newAuthority(t *testing.T) *authority {
	a := &authority{pool: x509.NewCertPool()}
	a.key, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	a.cert, _ = x509.ParseCertificate(der)
	a.pool.AddCert(a.cert)
	return a
}

func (a *authority) sign(t *testing.T, name string) (certPEM, keyPEM string) {
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	template := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	private, _ := x509.MarshalPKCS8PrivateKey(key)
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
}

func TestBackendTLS(t *testing.T) {
	good, other := newAuthority(t), newAuthority(t)
	certPEM, keyPEM := good.sign(t, "api.example")
	pair, err := tls.X509KeyPair([]byte(certPEM), []byte(keyPEM))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := "nobody"
		if len(r.TLS.PeerCertificates) > 0 {
			name = r.TLS.PeerCertificates[0].Subject.CommonName
		}
		io.WriteString(w, name)
	}))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.VerifyClientCertIfGiven, ClientCAs: good.pool}
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // refused handshakes are wanted here
	server.StartTLS()
	defer server.Close()
	address := server.Listener.Addr().String()
	clientCert, clientKey := good.sign(t, "gateway")
	both := apim.BackendTLS{ValidateChain: true, ValidateName: true}
	for name, one := range map[string]struct {
		url         string
		tls         apim.BackendTLS
		roots       *x509.CertPool
		credentials apim.BackendCredentials
		want        string // "" is refused
	}{
		"all right":         {"https://api.example", both, good.pool, apim.BackendCredentials{}, "nobody"},
		"wrong name":        {"https://wrong.example", both, good.pool, apim.BackendCredentials{}, ""},
		"server name":       {"https://wrong.example", apim.BackendTLS{ValidateChain: true, ValidateName: true, ServerName: "api.example"}, good.pool, apim.BackendCredentials{}, "nobody"},
		"name not checked":  {"https://wrong.example", apim.BackendTLS{ValidateChain: true}, good.pool, apim.BackendCredentials{}, "nobody"},
		"chain still is":    {"https://wrong.example", apim.BackendTLS{ValidateChain: true}, other.pool, apim.BackendCredentials{}, ""},
		"unknown authority": {"https://api.example", both, other.pool, apim.BackendCredentials{}, ""},
		"chain not checked": {"https://api.example", apim.BackendTLS{ValidateName: true}, other.pool, apim.BackendCredentials{}, "nobody"},
		"nothing checked":   {"https://wrong.example", apim.BackendTLS{}, other.pool, apim.BackendCredentials{}, "nobody"},
		"client":            {"https://api.example", both, good.pool, apim.BackendCredentials{CertificatePEM: clientCert, KeyPEM: clientKey}, "gateway"},
	} {
		set := newTestSet(t, []*apim.Backend{{ID: "b", URL: one.url, TLS: one.tls, Credentials: one.credentials}}, nil, Options{RootCAs: one.roots,
			ConnectTo: map[string]string{"api.example:443": address, "wrong.example:443": address}})
		target, err := set.Pick("b")
		if err != nil {
			t.Fatal(err)
		}
		response, err := target.Transport.RoundTrip(request(t, "GET", target.URL.String(), ""))
		if one.want == "" {
			if err == nil {
				t.Errorf("%s: accepted", name)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if got := read(t, response, err); got != one.want {
			t.Errorf("%s: got %q", name, got)
		}
	}
}

func TestProxy(t *testing.T) {
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "for "+r.URL.String()) }))
	defer proxy.Close()
	set := newTestSet(t, []*apim.Backend{{ID: "b", URL: "http://inside.example/base", Proxy: proxy.URL}}, nil, Options{})
	target, _ := set.Pick("b")
	response, err := target.Transport.RoundTrip(request(t, "GET", target.URL.String(), ""))
	if got := read(t, response, err); got != "for http://inside.example/base" {
		t.Fatalf("got %q", got)
	}
}

// upgradeServer switches to "echo", or whatever answer says, and echoes.
func upgradeServer(t *testing.T, answer string) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "echo" || !strings.EqualFold(r.Header.Get("Connection"), "upgrade") {
			w.WriteHeader(400)
			return
		}
		c, rw, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "+answer+"\r\n\r\n")
		io.Copy(c, rw)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func upgradeRequest(t *testing.T, ctx context.Context, url string) *http.Request {
	r, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = http.Header{"Connection": {"keep-alive, Upgrade"}, "Upgrade": {"echo"}}
	return r
}

func TestUpgradeAndPipe(t *testing.T) {
	transport := newTestTransport(t, Options{BodyIdleTimeout: time.Millisecond})
	for _, how := range []string{"client closes", "context ends"} {
		ctx, cancel := context.WithCancel(t.Context())
		response, err := transport.RoundTrip(upgradeRequest(t, ctx, upgradeServer(t, "echo")))
		if err != nil || response.StatusCode != 101 || UpgradeType(response.Header) != "echo" {
			t.Fatalf("got %v, %v", response, err)
		}
		client, gateway := net.Pipe()
		result := make(chan PipeResult)
		go func() {
			result <- Pipe(ctx, gateway, response.Body.(io.ReadWriteCloser), 10*time.Millisecond, 0)
		}()
		p := make([]byte, 5)
		for range 3 {
			client.Write([]byte("hello"))
			if _, err := io.ReadFull(client, p); err != nil || string(p) != "hello" {
				t.Fatalf("got %q, %v", p, err)
			}
		}
		if how == "client closes" {
			client.Close()
		} else {
			cancel()
		}
		got := <-result
		if got.Sent != 15 || got.Received != 15 || (got.Err != nil) != (how == "context ends") {
			t.Errorf("%s: got %+v", how, got)
		}
		cancel()
	}
}

func TestPipePassesHalfClose(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dial := func() (net.Conn, net.Conn) {
		a, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		b, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		return a, b
	}
	client, front := dial()
	back, server := dial()
	go func() { // answers after it has read everything
		body, _ := io.ReadAll(server)
		server.Write([]byte("got " + string(body)))
		server.Close()
	}()
	result := make(chan PipeResult, 1)
	go func() { result <- Pipe(t.Context(), front, back, 5*time.Second, 0) }()
	client.Write([]byte("all"))
	client.(*net.TCPConn).CloseWrite()
	answer, err := io.ReadAll(client)
	if string(answer) != "got all" || err != nil {
		t.Fatalf("got %q, %v", answer, err)
	}
	if got := <-result; got != (PipeResult{Sent: 3, Received: 7}) {
		t.Fatalf("got %+v", got)
	}
}

func TestUpgradeToSomethingElseIsRefused(t *testing.T) {
	_, err := newTestTransport(t, Options{}).RoundTrip(upgradeRequest(t, t.Context(), upgradeServer(t, "other")))
	if FailureOf(err) != FailureProtocol {
		t.Fatalf("got %v", err)
	}
}

func BenchmarkPick(b *testing.B) {
	rule := &apim.CircuitBreaker{Count: 5, IntervalSeconds: 60, TripSeconds: 30}
	s := newTestSet(b, []*apim.Backend{{ID: "pool", Pool: []apim.PoolMember{{ID: "a", Weight: 3}, {ID: "b", Weight: 1}}}, single("a", "http://a", rule), single("b", "http://b", rule)}, nil, Options{})
	b.ReportAllocs()
	for b.Loop() {
		target, _ := s.Pick("pool")
		target.Report(200, nil, 0)
	}
}
