package siem

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"gatehouse/internal/activity"
)

// got is what a receiver took.
type got struct {
	mu    sync.Mutex
	lines []string
}

func (g *got) add(line string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.lines = append(g.lines, line)
}

func (g *got) all() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.lines)
}

// await waits until each number from 1 to n came, and gives the lines.
func (g *got) await(t *testing.T, n int, pattern string) []string {
	t.Helper()
	re := regexp.MustCompile(pattern)
	for end := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		lines, next := g.all(), 1
		for _, line := range lines {
			m := re.FindStringSubmatch(line)
			if m == nil {
				t.Fatalf("no number in %q", line)
			}
			switch i, err := strconv.Atoi(m[1]); {
			case err != nil || i > next:
				t.Fatalf("%d came before %d", i, next)
			case i == next:
				next++
			}
		}
		if next > n {
			return lines
		}
		if time.Now().After(end) {
			t.Fatalf("%d of %d came", next-1, n)
		}
	}
}

const bySyslog = `sequenceId="(\d+)"`

func openLog(t *testing.T) (*activity.Log, string) {
	t.Helper()
	dir := t.TempDir()
	l, err := activity.Open(dir, activity.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l, dir
}

func event(i int) activity.Event {
	return activity.Event{Time: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), OperationName: "Microsoft.Monitor/accounts/data/metrics/read", Category: activity.Reading,
		ResultType: "Success", ResultSignature: "200", Level: "Information", CallerAddress: "192.0.2.7", CorrelationID: fmt.Sprint("c", i), ResourceID: "/subscriptions/S", DurationMS: 3,
		Identity: activity.Identity{Claims: map[string]string{"name": "ada"}}, Properties: map[string]string{"method": "GET", "path": "/a|b=c\\d\n", "door": "monitor"}}
}

func write(l *activity.Log, from, to int) {
	for i := from; i <= to; i++ {
		l.Append(event(i))
	}
}

func open(t *testing.T, log, state, format, address string, change func(*Options)) *Sink {
	t.Helper()
	m, err := NewMetrics(prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Name: "a", Log: log, State: state, Format: format, Address: address, Host: "gate house", Version: "1.2|3",
		Interval: 5 * time.Millisecond, Settle: 20 * time.Millisecond, MaxWait: 20 * time.Millisecond, Logger: slog.New(slog.DiscardHandler), Metrics: m}
	if change != nil {
		change(&o)
	}
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func closed(t *testing.T, s *Sink) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Log(err)
	}
}

// receiving is a syslog receiver. It breaks each connection off after limit
// messages.
type receiving struct {
	got
	net.Listener
	limit, connections atomic.Int64
}

func listen(t *testing.T, limit int64, config *tls.Config) *receiving {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	if config != nil {
		l = tls.NewListener(l, config)
	}
	r := &receiving{Listener: l}
	r.limit.Store(limit)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			r.connections.Add(1)
			go r.read(conn)
		}
	}()
	return r
}

// read takes messages with their length in front.
func (r *receiving) read(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	for i := int64(0); i < r.limit.Load(); i++ {
		length, err := in.ReadString(' ')
		if err != nil {
			return
		}
		n, err := strconv.Atoi(strings.TrimSpace(length))
		if err != nil {
			r.add("no length: " + length)
			return
		}
		text := make([]byte, n)
		if _, err := io.ReadFull(in, text); err != nil {
			return
		}
		r.add(string(text))
	}
}

const all = 1 << 40

// patient waits as long as it takes for a connection to break.
func patient(o *Options) { o.Settle = time.Minute }

func TestSyslogOverTCP(t *testing.T) {
	log, dir := openLog(t)
	g := listen(t, all, nil)
	s := open(t, dir, t.TempDir(), Syslog, "tcp://"+g.Addr().String(), nil)
	defer closed(t, s)
	write(log, 1, 1200) // more than two batches
	line := g.await(t, 1200, bySyslog)[0]
	want := regexp.MustCompile(`^<110>1 2026-03-01T12:00:00\.000000Z gate_house gatehouse \d+ Query \[meta sequenceId="1"\] (\{.*\})$`)
	m := want.FindStringSubmatch(line)
	if m == nil {
		t.Fatalf("%q", line)
	}
	var e activity.Event
	if err := json.Unmarshal([]byte(m[1]), &e); err != nil || e.CorrelationID != "c1" || e.Identity.Claims["name"] != "ada" {
		t.Errorf("%+v %v", e, err)
	}
}

// A receiver takes nothing, then goes away in the middle of a batch, then is whole:
// nothing is lost, over a restart too.
func TestNothingIsLost(t *testing.T) {
	log, dir := openLog(t)
	state := t.TempDir()
	g := listen(t, 0, nil)
	write(log, 1, 50)
	s := open(t, dir, state, Syslog, "tcp://"+g.Addr().String(), patient)
	until(t, "two attempts", func() bool { return g.connections.Load() >= 2 })
	closed(t, s)
	if _, err := os.Stat(filepath.Join(state, "a.json")); err == nil {
		t.Fatal("a position is kept, though nobody took anything")
	}
	g.limit.Store(7)
	s = open(t, dir, state, Syslog, "tcp://"+g.Addr().String(), patient)
	defer closed(t, s)
	until(t, "a batch that was not taken whole to come again", func() bool { return len(g.all()) >= 14 })
	g.limit.Store(all)
	g.await(t, 50, bySyslog)
}

func until(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !f(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// Each event comes once when nothing fails, over a restart too.
func TestRestartGoesOn(t *testing.T) {
	log, dir := openLog(t)
	state, path := t.TempDir(), filepath.Join(t.TempDir(), "audit.jsonl")
	lines := func() []string {
		data, err := os.ReadFile(path)
		if err != nil {
			return nil
		}
		return strings.Split(strings.TrimSpace(string(data)), "\n")
	}
	for round := 1; round <= 3; round++ {
		s := open(t, dir, state, OCSF, "file://"+path, nil)
		write(log, round*10-9, round*10)
		until(t, "the lines of a round", func() bool { return len(lines()) >= round*10 })
		closed(t, s)
	}
	for i, line := range lines() {
		var e ocsf
		if err := json.Unmarshal([]byte(line), &e); err != nil || e.Metadata.Sequence > int64(i+1) || e.ClassUID != 6003 || e.TypeUID != 600302 {
			t.Fatalf("%d: %s %v", i, line, err)
		}
	}
}

func TestSyslogOverUDP(t *testing.T) {
	log, dir := openLog(t)
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var g got
	go func() {
		text := make([]byte, 70000)
		for {
			n, _, err := conn.ReadFrom(text)
			if err != nil {
				return
			}
			g.add(string(text[:n]))
		}
	}()
	s := open(t, dir, t.TempDir(), CEF, "udp://"+conn.LocalAddr().String(), nil)
	defer closed(t, s)
	write(log, 1, 5)
	line := g.await(t, 5, bySyslog)[0]
	_, body, _ := strings.Cut(line, `"] `)
	want := `CEF:0|Gatehouse|Gatehouse|1.2\|3|Microsoft.Monitor/accounts/data/metrics/read|Query Success|2|rt=1772366400000 cat=Query outcome=Success src=192.0.2.7 suser=ada requestMethod=GET request=/a|b\=c\\d\n externalId=c1 cs1Label=resourceId cs1=/subscriptions/S cs2Label=resultSignature cs2=200 cn1Label=sequence cn1=1 cn2Label=durationMs cn2=3`
	if body != want {
		t.Errorf("%q", body)
	}
}

func TestSyslogOverTLS(t *testing.T) {
	log, dir := openLog(t)
	pair, roots := certificate(t)
	g := listen(t, all, &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12})
	s := open(t, dir, t.TempDir(), Syslog, "tls://"+g.Addr().String(), func(o *Options) { o.TLS = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12} })
	defer closed(t, s)
	write(log, 1, 3)
	g.await(t, 3, bySyslog)
	write(log, 4, 6) // after the connection was looked at
	g.await(t, 6, bySyslog)
}

func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}

// An endpoint that refuses at first gets the same events again, and a redirect
// takes the token nowhere.
func TestHTTP(t *testing.T) {
	log, dir := openLog(t)
	var g, stray got
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { stray.add(r.Header.Get("Authorization")) }))
	defer other.Close()
	var calls int
	var mu sync.Mutex
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		calls++
		n := calls
		mu.Unlock()
		switch {
		case n == 1:
			http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
		case n == 2:
			w.WriteHeader(http.StatusServiceUnavailable)
		case r.Header.Get("Authorization") != "Bearer t0ken" || r.Header.Get("Content-Type") != "application/x-ndjson":
			w.WriteHeader(http.StatusUnauthorized)
		default:
			for in := bufio.NewScanner(r.Body); in.Scan(); {
				g.add(in.Text())
			}
		}
	}))
	defer srv.Close()
	s := open(t, dir, t.TempDir(), OCSF, srv.URL+"/in", func(o *Options) { o.Headers = map[string]string{"Authorization": "Bearer t0ken"} })
	defer closed(t, s)
	write(log, 1, 9)
	g.await(t, 9, `"sequence":(\d+)`)
	if len(stray.all()) > 0 {
		t.Error("a redirect was followed")
	}
}

func TestRefusedOptions(t *testing.T) {
	for _, c := range []struct{ format, address, header, want string }{
		{"leef", "tcp://a:1", "", "not one of syslog, cef, ocsf"},
		{OCSF, "tcp://a", "", "host:port"},
		{OCSF, "file://relative/x", "", "absolute path"},
		{OCSF, "ftp://a/x", "", "not one of udp"},
		{OCSF, "https://u:p4ss@a/x", "", "without a password"},
		{OCSF, "https://a/x?token=p4ss", "", "without a password"},
		{OCSF, "http://siem.example/x", "Authorization", "need an address of https"},
		{OCSF, "tcp://a:1", "Authorization", "need an address of https"},
	} {
		o := Options{Name: "a", Log: t.TempDir(), State: t.TempDir(), Format: c.format, Address: c.address}
		if c.header != "" {
			o.Headers = map[string]string{c.header: "p4ss"}
		}
		_, err := Open(o)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "p4ss") {
			t.Errorf("%s %s: %v", c.format, c.address, err)
		}
	}
}
