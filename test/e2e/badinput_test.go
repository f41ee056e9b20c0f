package e2e

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Each broken start ends with a message that says what, where and how to mend.
func TestBrokenStarts(t *testing.T) {
	backend := echo(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, one := range []struct {
		name  string
		files map[string]string
		args  []string
		want  []string
	}{
		{name: "broken policy", files: map[string]string{"apis/api/policy.xml": "<policies>\n  <inbound>\n    <set-header name=\"a\">\n  </inbound>\n</policies>"}, want: []string{"apis/api/policy.xml:", "set-header"}},
		{name: "broken expression", files: map[string]string{"apis/api/policy.xml": "<policies><inbound>\n<set-variable name=\"a\" value=\"@(context.Nothing)\" /></inbound><backend><base/></backend><outbound/><on-error/></policies>"}, want: []string{"apis/api/policy.xml:2:", "Nothing"}},
		{name: "unknown named value", files: map[string]string{"apis/api/policy.xml": "<policies><inbound>\n<set-variable name=\"a\" value=\"{{missing-name}}\" /></inbound><backend><base/></backend><outbound/><on-error/></policies>"}, want: []string{"apis/api/policy.xml:2:", "missing-name"}},
		{name: "fragment cycle", files: map[string]string{
			"apis/api/policy.xml":                                 "<policies><inbound><include-fragment fragment-id=\"one\" /></inbound><backend><base/></backend><outbound/><on-error/></policies>",
			"policy fragments/one/policy.xml":                     "<fragment><include-fragment fragment-id=\"two\" /></fragment>",
			"policy fragments/one/policyFragmentInformation.json": "{}",
			"policy fragments/two/policy.xml":                     "<fragment><include-fragment fragment-id=\"one\" /></fragment>",
			"policy fragments/two/policyFragmentInformation.json": "{}",
		}, want: []string{"policy fragments/one/policy.xml:1:", "cannot include another fragment"}},
		{name: "two APIs on one path", files: map[string]string{
			"apis/other/apiInformation.json": `{"properties":{"displayName":"Other","path":"api","protocols":["http"],"serviceUrl":"http://x","subscriptionRequired":false}}`,
		}, want: []string{"apis/api", "apis/other"}},
		{name: "broken JSON", files: map[string]string{"apis/api/apiInformation.json": "{\n  \"properties\": {,}\n}"}, want: []string{"apis/api/apiInformation.json:2:"}},
		{name: "port taken", args: []string{"--listen-otlp-grpc", taken.Addr().String()}, want: []string{taken.Addr().String(), "taken", "listen.otlpGRPC"}},
		{name: "no such folder", args: []string{"--service", "/nowhere/at/all"}, want: []string{"/nowhere/at/all"}},
		{name: "monitor on the network", args: []string{"--listen-monitor", "0.0.0.0:0"}, want: []string{"loopback"}},
		{name: "bad rules", args: []string{"--rules", "testdata/broken-rules.yml"}, want: []string{"broken-rules.yml"}},
	} {
		t.Run(one.name, func(t *testing.T) {
			args := append([]string{"--service", folder(t, service(backend.URL, one.files))}, one.args...)
			out := failing(t, args...)
			for _, want := range one.want {
				if !strings.Contains(out, want) {
					t.Errorf("the message does not name %q:\n%s", want, out)
				}
			}
			if strings.Contains(out, "panic") || strings.Contains(out, "goroutine") {
				t.Errorf("not a message for people:\n%s", out)
			}
		})
	}
}

func TestDataFolderIsLocked(t *testing.T) {
	backend := echo(t)
	p := start(t, "", "--service", folder(t, service(backend.URL, nil)))
	out := failing(t, "--service", folder(t, service(backend.URL, nil)), "--data", p.data)
	if !strings.Contains(out, p.data) || !strings.Contains(out, fmt.Sprint(p.cmd.Process.Pid)) {
		t.Errorf("the message names neither folder nor process:\n%s", out)
	}
}

// A change that does not compile keeps the old configuration and is shown.
func TestBrokenReloadKeepsServing(t *testing.T) {
	backend := echo(t)
	dir := folder(t, service(backend.URL, nil))
	p := start(t, "", "--service", dir)
	var state struct {
		Revision struct {
			ID    int
			Error string
		}
	}
	write(t, dir, map[string]string{"apis/api/policy.xml": "<policies><inbound><nonsense/></inbound></policies>"})
	p.wait("the error", func() bool {
		p.get("/api/status", &state)
		return strings.Contains(state.Revision.Error, "apis/api/policy.xml:1:")
	})
	if status, _, _ := p.call("GET", "/api/items/1", nil); status != 200 {
		t.Errorf("the gateway answers %d", status)
	}
	write(t, dir, map[string]string{"apis/api/policy.xml": `<policies><inbound><base/></inbound><backend><base/></backend><outbound><set-header name="X-New" exists-action="override"><value>1</value></set-header></outbound><on-error/></policies>`})
	p.wait("the new configuration", func() bool {
		_, header, _ := p.call("GET", "/api/items/1", nil)
		return header.Get("X-New") == "1"
	})
}

func TestHostileRequests(t *testing.T) {
	backend := echo(t)
	p := start(t, "", "--service", folder(t, service(backend.URL, nil)))
	address := strings.TrimPrefix(p.gateway, "http://")
	raw := func(name, text string, want ...string) {
		t.Helper()
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(10 * time.Second))
		go func() { _, _ = io.WriteString(c, text) }()
		line, _ := bufio.NewReader(c).ReadString('\n')
		for _, w := range want {
			if strings.Contains(line, w) {
				return
			}
		}
		t.Errorf("%s: the gateway answered %q", name, line)
	}
	raw("not HTTP", "hello, this is not HTTP at all\r\n\r\n", "400")
	raw("two content lengths", "POST /api/items/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", "400")
	raw("length and chunked", "POST /api/items/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400", "200")
	raw("unknown transfer coding", "POST /api/items/1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "501", "400")
	raw("header with a space", "GET /api/items/1 HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n", "400")
	raw("100,000 headers", "GET /api/items/1 HTTP/1.1\r\nHost: x\r\n"+strings.Repeat("X-A: b\r\n", 100_000)+"\r\n", "431")
	raw("no host", "GET /api/items/1 HTTP/1.1\r\n\r\n", "400")
	if status, _, _ := p.call("GET", "/api/items/1", nil); status != 200 {
		t.Errorf("after all that the gateway answers %d", status)
	}
}

// A body of 1 GiB streams through without being held in memory.
func TestGigabyteBodyStreams(t *testing.T) {
	const size = 1 << 30
	sink, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, n)
	})}
	go func() { _ = server.Serve(sink) }()
	defer server.Close()
	p := start(t, "", "--service", folder(t, service("http://"+sink.Addr().String(), nil)))
	if _, _, body := p.call("POST", "/api/items/1", io.LimitReader(zeros{}, size)); body != fmt.Sprint(size) {
		t.Errorf("the backend got %s bytes", body)
	}
	if peak := peakMemory(t, p.cmd.Process.Pid); peak > 500<<20 {
		t.Errorf("the gateway used %d MiB", peak>>20)
	}
	req, _ := http.NewRequest("POST", p.gateway+"/api/items/1", io.LimitReader(zeros{}, size+1))
	req.ContentLength = size + 1
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("over the limit: %d", resp.StatusCode)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func peakMemory(t *testing.T, pid int) int64 {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Skip("no /proc here")
	}
	var kb int64
	for line := range strings.Lines(string(data)) {
		if _, err := fmt.Sscanf(line, "VmHWM: %d kB", &kb); err == nil {
			break
		}
	}
	return kb << 10
}

// Every protocol of the gateway's doors, and the token of the monitor's.
func TestDoors(t *testing.T) {
	backend := echo(t)
	gatewayTLS, monitorTLS := port(t), port(t)
	p := start(t, "", "--service", folder(t, service(backend.URL, nil)), "--listen-gateway-tls", gatewayTLS, "--listen-monitor-tls", monitorTLS)
	pool := trust(t, filepath.Join(p.data, "ca", "ca.crt"))
	secure := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}}
	resp, err := secure.Get("https://" + gatewayTLS + "/api/items/1")
	if err != nil || resp.StatusCode != 200 || resp.ProtoMajor != 2 {
		t.Fatalf("HTTPS: %v %v", resp, err)
	}
	_ = resp.Body.Close()
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	h2c := &http.Client{Transport: &http.Transport{Protocols: protocols}}
	if resp, err = h2c.Get(p.gateway + "/api/items/1"); err != nil || resp.StatusCode != 200 || resp.ProtoMajor != 2 {
		t.Fatalf("h2c: %v %v", resp, err)
	}
	_ = resp.Body.Close()
	token, err := os.ReadFile(filepath.Join(p.data, "admin-token"))
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range []struct {
		token string
		want  int
	}{{"", 401}, {"Bearer wrong", 401}, {"Bearer " + strings.TrimSpace(string(token)), 200}} {
		req, _ := http.NewRequest("GET", "https://"+monitorTLS+"/api/status", nil)
		if one.token != "" {
			req.Header.Set("Authorization", one.token)
		}
		resp, err := secure.Do(req)
		if err != nil || resp.StatusCode != one.want {
			t.Errorf("monitor with %q: %v %v", one.token, resp, err)
			continue
		}
		_ = resp.Body.Close()
	}
	req, _ := http.NewRequest("GET", p.monitor+"/api/status", nil)
	req.Host = "rebound.example.com"
	if resp, err := http.DefaultTransport.RoundTrip(req); err != nil || resp.StatusCode != 403 {
		t.Errorf("the plain door under another name: %v %v", resp, err)
	}
}
