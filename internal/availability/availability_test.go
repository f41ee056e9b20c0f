package availability

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"gatehouse/internal/telemetry"
)

// kept takes rows.
type kept struct {
	mu   sync.Mutex
	rows []telemetry.LogRecord
	fail int // so many writes fail
}

func (k *kept) Spans(context.Context, []telemetry.Span) error { return nil }

func (k *kept) Logs(_ context.Context, logs []telemetry.LogRecord) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.fail > 0 {
		k.fail--
		return errors.New("full")
	}
	k.rows = append(k.rows, logs...)
	return nil
}

func (k *kept) all() []telemetry.LogRecord {
	k.mu.Lock()
	defer k.mu.Unlock()
	return append([]telemetry.LogRecord{}, k.rows...)
}

func monitor(t *testing.T, rows telemetry.Rows, change func(*Options)) *Monitor {
	t.Helper()
	o := Options{Locations: []Location{{Name: "here"}}, Rows: rows, Deny: DefaultDeny()}
	if change != nil {
		change(&o)
	}
	m, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	return m
}

// once runs one test from its first place.
func once(t *testing.T, m *Monitor, test Test) Result {
	t.Helper()
	if test.Name == "" {
		test.Name = "test"
	}
	if test.Retries == nil {
		none := 0
		test.Retries = &none
	}
	if err := m.Put(test); err != nil {
		t.Fatal(err)
	}
	results, err := m.Run(t.Context(), test.Name)
	if err != nil {
		t.Fatal(err)
	}
	return results[0]
}

// authority issues certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
}

func newAuthority(t *testing.T) *authority {
	a := &authority{pool: x509.NewCertPool()}
	var err error
	if a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, NotBefore: time.Now().AddDate(-1, 0, 0), NotAfter: time.Now().AddDate(1, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &a.key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.pool.AddCert(a.cert)
	return a
}

// serve starts an HTTPS server whose certificate has these names and end.
func (a *authority) serve(t *testing.T, expires time.Time, names ...string) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(2), NotBefore: time.Now().AddDate(0, -6, 0), NotAfter: expires}
	for _, n := range names {
		if ip := net.ParseIP(n); ip != nil {
			c.IPAddresses = append(c.IPAddresses, ip)
		} else {
			c.DNSNames = append(c.DNSNames, n)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, c, a.cert, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.URL
}

func TestCertificates(t *testing.T) {
	a, other := newAuthority(t), newAuthority(t)
	year := time.Now().AddDate(0, 10, 0)
	for name, c := range map[string]struct {
		url, failure, message string
		certificate           Certificate
	}{
		"good":             {a.serve(t, year, "127.0.0.1"), "", "Passed", Certificate{MinDays: 30}},
		"expired":          {a.serve(t, time.Now().Add(-time.Hour), "127.0.0.1"), FailedCertificate, "expired", Certificate{}},
		"expired, ignored": {a.serve(t, time.Now().Add(-time.Hour), "127.0.0.1"), "", "Passed", Certificate{Ignore: true}},
		"wrong host":       {a.serve(t, year, "other.example"), FailedCertificate, "doesn't contain any IP SANs", Certificate{}},
		"unknown":          {other.serve(t, year, "127.0.0.1"), FailedCertificate, "unknown authority", Certificate{}},
		"ends soon":        {a.serve(t, time.Now().Add(72*time.Hour), "127.0.0.1"), FailedCertificate, "expected are 30", Certificate{MinDays: 30}},
	} {
		t.Run(name, func(t *testing.T) {
			rows := &kept{}
			r := once(t, monitor(t, rows, func(o *Options) { o.Roots = a.pool }), Test{URL: c.url, Certificate: c.certificate})
			if r.Success != (c.failure == "") || r.Failure != c.failure || !strings.Contains(r.Message, c.message) {
				t.Errorf("%+v", r)
			}
			if r.CertificateExpires == nil {
				t.Error("the end of the certificate is not told")
			}
		})
	}
}

func TestAnswers(t *testing.T) {
	release := make(chan struct{})
	mux := http.NewServeMux()
	mux.HandleFunc("/ok", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "All is Well") })
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s", r.Method, r.Header.Get("X-Plain"), body)
	})
	mux.HandleFunc("/broken", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Reason", "maintenance")
		w.Header().Set("Set-Cookie", "session=abcdef123456")
		http.Error(w, "closed for today", http.StatusServiceUnavailable)
	})
	mux.HandleFunc("/loop", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/loop", http.StatusFound) })
	mux.HandleFunc("/hop", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/ok", http.StatusFound) })
	mux.HandleFunc("/file", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "file:///etc/passwd")
		w.WriteHeader(http.StatusFound)
	})
	mux.HandleFunc("/slow", func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	mux.HandleFunc("/drip", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "a")
		_ = http.NewResponseController(w).Flush()
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	mux.HandleFunc("/endless", func(w http.ResponseWriter, _ *http.Request) {
		for line := strings.Repeat("x", 8<<10); ; {
			if _, err := io.WriteString(w, line); err != nil {
				return
			}
		}
	})
	mux.HandleFunc("/huge", func(w http.ResponseWriter, _ *http.Request) {
		for n := range 100 {
			w.Header().Set(fmt.Sprintf("X-%d", n), strings.Repeat("y", 8<<10))
		}
	})
	s := httptest.NewServer(mux)
	defer s.Close()
	defer close(release)
	gone := httptest.NewServer(mux)
	gone.Close()
	no, short := false, Duration(200*time.Millisecond)
	for name, c := range map[string]struct {
		test             Test
		failure, message string
	}{
		"passes":            {Test{URL: s.URL + "/ok", Match: Match{Contains: "all is well", IgnoreCase: true}}, "", "Passed"},
		"verb and body":     {Test{URL: s.URL + "/echo", Method: "PUT", Body: "text", Headers: map[string]string{"X-Plain": "one"}, Match: Match{Pattern: "^PUT one text$"}}, "", "Passed"},
		"case":              {Test{URL: s.URL + "/ok", Match: Match{Contains: "all is well"}}, FailedContent, `the body has no "all is well"`},
		"forbidden content": {Test{URL: s.URL + "/ok", Match: Match{NotContains: "Well"}}, FailedContent, `the body has "Well"`},
		"pattern":           {Test{URL: s.URL + "/ok", Match: Match{Pattern: `^\d+$`}}, FailedContent, "does not match"},
		"status":            {Test{URL: s.URL + "/broken"}, FailedStatus, "the status is 503, expected is 200 to 299"},
		"expected status":   {Test{URL: s.URL + "/broken", Status: []int{500, 503}}, "", "Passed"},
		"redirect":          {Test{URL: s.URL + "/hop"}, "", "Passed"},
		"no redirect":       {Test{URL: s.URL + "/hop", FollowRedirects: &no, Status: []int{302}}, "", "Passed"},
		"redirect loop":     {Test{URL: s.URL + "/loop"}, FailedRedirect, "more than 10 times"},
		"other scheme":      {Test{URL: s.URL + "/file"}, FailedRedirect, "neither http nor https"},
		"slow":              {Test{URL: s.URL + "/slow", Timeout: short}, FailedTimeout, "within 200ms"},
		"drip":              {Test{URL: s.URL + "/drip", Timeout: short}, FailedTimeout, "within 200ms"},
		"endless":           {Test{URL: s.URL + "/endless"}, "", "Passed"},
		"endless, no match": {Test{URL: s.URL + "/endless", Match: Match{Contains: "z"}}, FailedContent, "within its first 1048576 bytes"},
		"huge headers":      {Test{URL: s.URL + "/huge"}, FailedResponse, "no answer"},
		"nobody there":      {Test{URL: gone.URL}, FailedConnection, "connection refused"},
		"denied":            {Test{URL: "http://169.254.169.254/latest"}, FailedConnection, "a network that tests may not reach"},
	} {
		t.Run(name, func(t *testing.T) {
			rows := &kept{}
			r := once(t, monitor(t, rows, nil), c.test)
			if r.Success != (c.failure == "") || r.Failure != c.failure || !strings.Contains(r.Message, c.message) {
				t.Fatalf("%+v", r)
			}
			all := rows.all()
			if len(all) != 1 || all[0].Type != telemetry.TypeAvailability || all[0].EventName != "test" || all[0].Body != r.Message || all[0].TraceID != r.Trace {
				t.Fatalf("%+v", all)
			}
			if size := len(all[0].Attributes); size > 80<<10 {
				t.Errorf("a row of %d bytes", size)
			}
		})
	}
}

// The answer of a failure is kept, without secrets.
func TestFailureIsKept(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Echo", r.Header.Get("Authorization"))
		w.Header().Set("Set-Cookie", "session=abcdef123456")
		w.WriteHeader(http.StatusInternalServerError)
		fmt.Fprintf(w, "you sent %s and %s and %s\n%s", r.Header.Get("Authorization"), r.Header.Get("X-Mine"), r.URL.Query().Get("code"), strings.Repeat("z", 20<<10))
	}))
	defer s.Close()
	rows := &kept{}
	m := monitor(t, rows, nil)
	r := once(t, m, Test{URL: s.URL + "/?code=query-canary&page=2", Headers: map[string]string{"Authorization": "Bearer header-canary", "X-Mine": "named-canary"}, SecretHeaders: []string{"x-mine"}})
	row := rows.all()[0]
	var item, dims map[string]any
	if json.Unmarshal([]byte(row.Item), &item) != nil || json.Unmarshal([]byte(row.Attributes), &dims) != nil {
		t.Fatalf("%+v", row)
	}
	if item["success"] != false || item["location"] != "here" || item["id"] != r.ID || dims["Status"] != "500" || dims["Failure"] != FailedStatus ||
		dims["Response-Set-Cookie"] != mask || dims["Response-X-Echo"] != mask && dims["Response-X-Echo"] != "Bearer ***" {
		t.Errorf("%v %v", item, dims)
	}
	body, _ := dims["Response-Body"].(string)
	if !strings.HasPrefix(body, "you sent ***") || len(body) != maxKept || dims["Response-Body.truncated"] != "true" {
		t.Errorf("%d %.80q", len(body), body)
	}
	state, err := m.Get("TEST")
	if err != nil {
		t.Fatal(err)
	}
	shown, _ := json.Marshal(state)
	for _, text := range []string{row.Attributes, row.Body, string(shown), fmt.Sprintf("%+v", r)} {
		if strings.Contains(text, "canary") {
			t.Errorf("a secret is shown: %s", text)
		}
	}
}

// A secret header stays with the host that it is for.
func TestSecretsDoNotFollowRedirects(t *testing.T) {
	got := make(chan http.Header, 1)
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got <- r.Header.Clone() }))
	defer other.Close()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, http.StatusFound) }))
	defer s.Close()
	r := once(t, monitor(t, &kept{}, nil), Test{URL: s.URL, Headers: map[string]string{"X-Api-Key": "secret", "X-Mine": "secret", "X-Plain": "seen"}, SecretHeaders: []string{"X-Mine"}})
	h := <-got
	if !r.Success || h.Get("X-Api-Key") != "" || h.Get("X-Mine") != "" || h.Get("X-Plain") != "seen" || h.Get("Traceparent") == "" {
		t.Errorf("%+v %v", r, h)
	}
}

func TestRetries(t *testing.T) {
	calls := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if calls++; calls < 3 {
			w.WriteHeader(http.StatusBadGateway)
		}
	}))
	defer s.Close()
	two := 2
	rows := &kept{fail: 1} // the store refuses once
	r := once(t, monitor(t, rows, nil), Test{URL: s.URL, Retries: &two, RetryPause: Duration(time.Millisecond)})
	if !r.Success || r.Attempts != 3 || len(rows.all()) != 1 {
		t.Errorf("%+v, %d rows", r, len(rows.all()))
	}
}

// Tests run by themselves, from each place, until they are deleted, and leave series.
func TestSchedule(t *testing.T) {
	var mu sync.Mutex
	from := map[string]int{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, _ := net.SplitHostPort(r.RemoteAddr)
		mu.Lock()
		from[host]++
		mu.Unlock()
		if host == "127.0.0.2" {
			w.WriteHeader(http.StatusTeapot)
		}
	}))
	defer s.Close()
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		from["proxy "+r.URL.Host]++
		mu.Unlock()
	}))
	defer proxy.Close()
	rows := &kept{}
	m := monitor(t, rows, func(o *Options) {
		o.Locations = []Location{{Name: "one", LocalAddress: "127.0.0.1"}, {Name: "two", LocalAddress: "127.0.0.2"}, {Name: "three", Proxy: proxy.URL}}
	})
	none := 0
	// Loopback addresses are never asked through a proxy of the environment, but through one of a place.
	if err := m.Put(Test{Name: "all", URL: s.URL, Frequency: Duration(time.Second), Retries: &none}); err != nil {
		t.Fatal(err)
	}
	m.Start()
	eventually(t, func() bool {
		mu.Lock()
		defer mu.Unlock()
		return from["127.0.0.1"] > 1 && from["127.0.0.2"] > 1 && from["proxy "+strings.TrimPrefix(s.URL, "http://")] > 1
	})
	eventually(t, func() bool {
		state, err := m.Get("all")
		return err == nil && len(state.Last) == 3 && len(state.FailedLocations) == 1 && state.FailedLocations[0] == "two" && state.AlertLocations == 2
	})
	registry := prometheus.NewRegistry()
	registry.MustRegister(NewCollector(m))
	if err := testutil.GatherAndCompare(registry, strings.NewReader(`
# HELP gatehouse_availability_alert_locations From how many places the test must fail for the alert.
# TYPE gatehouse_availability_alert_locations gauge
gatehouse_availability_alert_locations{test="all"} 2
# HELP gatehouse_availability_success Whether the last run of the test from the place passed: 1 or 0.
# TYPE gatehouse_availability_success gauge
gatehouse_availability_success{location="one",test="all"} 1
gatehouse_availability_success{location="three",test="all"} 1
gatehouse_availability_success{location="two",test="all"} 0
`), "gatehouse_availability_success", "gatehouse_availability_alert_locations"); err != nil {
		t.Error(err)
	}
	if err := m.Delete("ALL"); err != nil {
		t.Fatal(err)
	}
	if err := m.Delete("all"); !errors.Is(err, ErrUnknown) || len(m.List()) != 0 {
		t.Errorf("%v %v", err, m.List())
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if m.Put(Test{Name: "late", URL: s.URL}) == nil {
		t.Error("a closed monitor takes tests")
	}
}

func eventually(t *testing.T, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); {
		if time.Now().After(deadline) {
			t.Fatal("not within 30 s")
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// The gateway's own endpoint is found when the test runs.
func TestGateway(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != StatusPath {
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	defer s.Close()
	base := ""
	m := monitor(t, &kept{}, func(o *Options) { o.Gateway = func() string { return base } })
	if r := once(t, m, Test{Name: "gateway", Gateway: true}); r.Success || r.Failure != FailedConnection {
		t.Errorf("%+v", r)
	}
	base = s.URL + "/"
	if r := once(t, m, Test{Name: "gateway", Gateway: true}); !r.Success {
		t.Errorf("%+v", r)
	}
}

func TestBadTests(t *testing.T) {
	m := monitor(t, &kept{}, func(o *Options) {
		o.MaxTests = 1
		o.Workspace = func(name string) (string, bool) { return name, name == "" }
	})
	eleven := 11
	good := Test{Name: "a", URL: "http://x.example/"}
	for want, change := range map[string]func(*Test){
		"name:":               func(t *Test) { t.Name = "a b" },
		"url: it is missing":  func(t *Test) { t.URL = "" },
		"absolute":            func(t *Test) { t.URL = "/relative" },
		"http or https":       func(t *Test) { t.URL = "file:///etc/passwd" },
		"holds a user":        func(t *Test) { t.URL = "http://u:canary@x" },
		"leave one":           func(t *Test) { t.Gateway = true },
		"path: only":          func(t *Test) { t.Path = "/x" },
		"path: it must":       func(t *Test) { t.URL, t.Gateway, t.Path = "", true, "x" },
		"method:":             func(t *Test) { t.Method = "A B" },
		"not a valid header":  func(t *Test) { t.Headers = map[string]string{"X": "canary\r\nY: 1"} },
		"headers and body":    func(t *Test) { t.Body = strings.Repeat("x", maxSent+1) },
		"status:":             func(t *Test) { t.Status = []int{99} },
		"frequency:":          func(t *Test) { t.Frequency = 1 },
		"timeout:":            func(t *Test) { t.Timeout = Duration(time.Hour) },
		"retries:":            func(t *Test) { t.Retries = &eleven },
		"certificate.minDays": func(t *Test) { t.Certificate.MinDays = 3 },
		"match.pattern":       func(t *Test) { t.Match.Pattern = "(" },
		"no place":            func(t *Test) { t.Locations = []string{"moon"} },
		"failedLocations":     func(t *Test) { t.FailedLocations = 2 },
		"no workspace":        func(t *Test) { t.Workspace = "w" },
	} {
		bad := good
		change(&bad)
		err := m.Put(bad)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", want, err)
		}
	}
	if err := m.Put(good); err != nil {
		t.Fatal(err)
	}
	good.Name = "b"
	if err := m.Put(good); err == nil || !strings.Contains(err.Error(), "maxTests") {
		t.Error(err)
	}
	for _, list := range [][]Location{nil, {{}}, {{Name: "a"}, {Name: "A"}}, {{Name: "a", Proxy: "x"}}, {{Name: "a", LocalAddress: "x"}}, {{Name: "a", Proxy: "http://p", LocalAddress: "127.0.0.1"}}} {
		if _, err := New(Options{Locations: list, Rows: &kept{}}); err == nil {
			t.Errorf("%+v is taken", list)
		}
	}
}
