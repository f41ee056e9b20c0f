package backend

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// rawServer hands each connection to serve, with its number from 1.
func rawServer(t testing.TB, serve func(number int, c net.Conn, r *bufio.Reader)) (url string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	group.Go(func() {
		for number := 1; ; number++ {
			c, err := l.Accept()
			if err != nil {
				return
			}
			group.Go(func() {
				defer c.Close()
				serve(number, c, bufio.NewReader(c))
			})
		}
	})
	t.Cleanup(func() { l.Close(); group.Wait() })
	return "http://" + l.Addr().String()
}

func newTestTransport(t testing.TB, o Options) *Transport {
	transport := NewTransport(o)
	t.Cleanup(transport.CloseIdle)
	return transport
}

func request(t testing.TB, method, url, body string) *http.Request {
	t.Helper()
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	r, err := http.NewRequestWithContext(t.Context(), method, url, reader)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func read(t testing.TB, response *http.Response, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	return string(body)
}

// readHead reads a request's head as text.
func readHead(r *bufio.Reader) string {
	var head strings.Builder
	for {
		line, err := r.ReadString('\n')
		head.WriteString(line)
		if err != nil || line == "\r\n" {
			return head.String()
		}
	}
}

func TestRequestIsWrittenFromParsedFields(t *testing.T) {
	for _, one := range []struct {
		name, method, url, body string
		header                  http.Header
		want                    string
		lines                   []string
	}{
		{name: "get", method: "GET", url: "/a%2Fb/c?x=1&y=%20", want: "GET /a%2Fb/c?x=1&y=%20 HTTP/1.1\r\nHost: HOST\r\n\r\n"},
		{name: "root", method: "GET", url: "", want: "GET / HTTP/1.1\r\nHost: HOST\r\n\r\n"},
		{name: "post", method: "POST", url: "/", body: "hello", want: "POST / HTTP/1.1\r\nHost: HOST\r\nContent-Length: 5\r\n\r\nhello"},
		{name: "empty post", method: "POST", url: "/", want: "POST / HTTP/1.1\r\nHost: HOST\r\nContent-Length: 0\r\n\r\n"},
		{name: "get with body", method: "GET", url: "/", body: "q", want: "GET / HTTP/1.1\r\nHost: HOST\r\nContent-Length: 1\r\n\r\nq"},
		{name: "hop-by-hop", method: "GET", url: "/", header: http.Header{
			"Connection": {"keep-alive, X-Secret"}, "X-Secret": {"1"}, "Keep-Alive": {"5"}, "Proxy-Authorization": {"x"}, "Proxy-Connection": {"x"},
			"Transfer-Encoding": {"chunked"}, "Content-Length": {"99"}, "Host": {"evil"}, "Trailer": {"X"}, "transfer-encoding": {"chunked"}, "content-length": {"3"},
			"X-Kept": {"yes"}}, want: "GET / HTTP/1.1\r\nHost: HOST\r\nX-Kept: yes\r\n\r\n"},
		{name: "several values", method: "GET", url: "/", header: http.Header{"X-A": {"1", "2", ""}}, want: "GET / HTTP/1.1\r\nHost: HOST\r\nX-A: 1\r\nX-A: 2\r\nX-A: \r\n\r\n"},
	} {
		got := make(chan string, 1)
		url := rawServer(t, func(_ int, c net.Conn, r *bufio.Reader) {
			head := readHead(r)
			body := make([]byte, len(one.body))
			io.ReadFull(r, body)
			got <- head + string(body)
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		})
		r := request(t, one.method, url+one.url, one.body)
		r.Header = one.header
		response, err := newTestTransport(t, Options{}).RoundTrip(r)
		read(t, response, err)
		if text := strings.ReplaceAll(<-got, strings.TrimPrefix(url, "http://"), "HOST"); text != one.want {
			t.Errorf("%s: sent %q, want %q", one.name, text, one.want)
		}
	}
}

func TestBadRequestsAreNotSent(t *testing.T) {
	transport := newTestTransport(t, Options{})
	url := rawServer(t, func(int, net.Conn, *bufio.Reader) { t.Error("something was sent") })
	for name, change := range map[string]func(*http.Request){
		"method":      func(r *http.Request) { r.Method = "GET /" },
		"path":        func(r *http.Request) { r.URL.Path, r.URL.RawPath = "/a b", ""; r.URL.RawQuery = "a b" },
		"query":       func(r *http.Request) { r.URL.RawQuery = "a\r\nX: y" },
		"value":       func(r *http.Request) { r.Header["X-A"] = []string{"a\r\nX-B: b"} },
		"name":        func(r *http.Request) { r.Header["X A"] = []string{"a"} },
		"scheme":      func(r *http.Request) { r.URL.Scheme = "ftp" },
		"no host":     func(r *http.Request) { r.URL.Host = "" },
		"short body":  func(r *http.Request) { r.Body, r.ContentLength = io.NopCloser(strings.NewReader("ab")), 3 },
		"long body":   func(r *http.Request) { r.Body, r.ContentLength = io.NopCloser(strings.NewReader("abcd")), 3 },
		"broken body": func(r *http.Request) { r.Body, r.ContentLength = io.NopCloser(&failing{}), 3 },
	} {
		r := request(t, "GET", url, "")
		change(r)
		if response, err := transport.RoundTrip(r); err == nil || FailureOf(err) != FailureRequest {
			t.Errorf("%s: got %v, %v", name, response, err)
		}
	}
}

type failing struct{}

func (*failing) Read([]byte) (int, error) { return 0, errors.New("broken") }

func TestConnectionsAreReused(t *testing.T) {
	var conns atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		switch r.URL.Path {
		case "/chunked":
			for range 3 {
				io.WriteString(w, "part ")
				w.(http.Flusher).Flush()
			}
		case "/large":
			w.Write(bytes.Repeat([]byte("x"), 300_000))
		default:
			fmt.Fprintf(w, "%s %s", r.Method, body)
		}
	}))
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			conns.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	transport := newTestTransport(t, Options{})
	for range 5 {
		for _, one := range []struct{ method, path, body, want string }{
			{"GET", "/", "", "GET "}, {"POST", "/", "abc", "POST abc"}, {"HEAD", "/", "", ""},
			{"GET", "/chunked", "", "part part part "}, {"GET", "/large", "", strings.Repeat("x", 300_000)},
		} {
			response, err := transport.RoundTrip(request(t, one.method, server.URL+one.path, one.body))
			if got := read(t, response, err); got != one.want {
				t.Fatalf("%s %s: got %.40q", one.method, one.path, got)
			}
		}
	}
	if conns.Load() != 1 {
		t.Fatalf("%d connections", conns.Load())
	}
	response, err := transport.RoundTrip(request(t, "GET", server.URL+"/large", ""))
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close() // unread: the connection must go
	response, err = transport.RoundTrip(request(t, "GET", server.URL, ""))
	read(t, response, err)
	if conns.Load() != 2 {
		t.Fatalf("%d connections after an unread body", conns.Load())
	}
}

func TestConcurrentUse(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s", r.URL.RawQuery, body)
	}))
	defer server.Close()
	transport := newTestTransport(t, Options{MaxIdle: 4})
	var group sync.WaitGroup
	for g := range 16 {
		group.Go(func() {
			for i := range 100 {
				want := fmt.Sprintf("%d-%d body%d", g, i, i)
				ctx, cancel := context.WithCancel(t.Context())
				r, _ := http.NewRequestWithContext(ctx, "POST", fmt.Sprintf("%s/?%d-%d", server.URL, g, i), strings.NewReader(fmt.Sprint("body", i)))
				response, err := transport.RoundTrip(r)
				if err != nil {
					t.Error(err)
				} else if body, err := io.ReadAll(response.Body); err != nil || string(body) != want {
					t.Errorf("got %q, %v; want %q", body, err, want)
				}
				cancel()
			}
		})
	}
	group.Wait()
}

const okResponse = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

// A connection that the backend closed, or on which it sent something unasked,
// must not be used: those bytes would become the next caller's response.
func TestIdleConnectionsAreLookedAt(t *testing.T) {
	for name, after := range map[string]string{"closed": "", "poisoned": "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"} {
		done := make(chan struct{}, 8)
		url := rawServer(t, func(number int, c net.Conn, r *bufio.Reader) {
			readHead(r)
			io.WriteString(c, okResponse)
			if number == 1 {
				time.AfterFunc(20*time.Millisecond, func() { // behind the response, when it is in the pool
					io.WriteString(c, after)
					if after == "" {
						c.Close()
					}
					done <- struct{}{}
				})
			}
			readHead(r)
		})
		transport := newTestTransport(t, Options{})
		response, err := transport.RoundTrip(request(t, "POST", url, "x"))
		read(t, response, err)
		<-done
		response, err = transport.RoundTrip(request(t, "POST", url, "x"))
		if got := read(t, response, err); got != "ok" {
			t.Errorf("%s: got %q", name, got)
		}
		transport.CloseIdle()
	}
}

// When a reused connection breaks before the response, only a request that may
// be done twice is sent again, and only once.
func TestBrokenReusedConnection(t *testing.T) {
	for _, one := range []struct {
		method string
		key    string
		again  bool
	}{{"GET", "", true}, {"PUT", "", true}, {"POST", "", false}, {"PATCH", "", false}, {"POST", "k", true}} {
		var requests atomic.Int32
		url := rawServer(t, func(number int, c net.Conn, r *bufio.Reader) {
			for i := 0; ; i++ {
				if readHead(r) == "" {
					return
				}
				requests.Add(1)
				if number == 1 && i == 1 {
					return // read the second request, answer nothing
				}
				io.WriteString(c, okResponse)
			}
		})
		transport := newTestTransport(t, Options{})
		response, err := transport.RoundTrip(request(t, one.method, url, ""))
		read(t, response, err)
		r := request(t, one.method, url, "")
		if one.key != "" {
			r.Header.Set("Idempotency-Key", one.key)
		}
		response, err = transport.RoundTrip(r)
		if one.again {
			read(t, response, err)
		} else if FailureOf(err) != FailureConnection {
			t.Errorf("%s: got %v", one.method, err)
		}
		if want := map[bool]int32{true: 3, false: 2}[one.again]; requests.Load() != want {
			t.Errorf("%s %s: %d requests were sent, want %d", one.method, one.key, requests.Load(), want)
		}
		transport.CloseIdle()
	}
}

func TestFreshConnectionIsNotTriedTwice(t *testing.T) {
	var requests atomic.Int32
	url := rawServer(t, func(_ int, c net.Conn, r *bufio.Reader) {
		readHead(r)
		requests.Add(1)
	})
	_, err := newTestTransport(t, Options{}).RoundTrip(request(t, "GET", url, ""))
	if FailureOf(err) != FailureConnection || requests.Load() != 1 {
		t.Fatalf("got %v after %d requests", err, requests.Load())
	}
}

func TestTimeoutsAndLeavingClients(t *testing.T) {
	asked := make(chan struct{}, 8)
	url := rawServer(t, func(_ int, c net.Conn, r *bufio.Reader) {
		head := readHead(r)
		if strings.Contains(head, "/body") {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf ")
		}
		asked <- struct{}{}
		readHead(r) // until the client closes
	})
	for _, lockstep := range []bool{true, false} {
		transport := newTestTransport(t, Options{DisableLockstep: !lockstep, BodyIdleTimeout: 30 * time.Millisecond})

		_, err := transport.Do(request(t, "GET", url+"/head", ""), Call{Timeout: 30 * time.Millisecond})
		if !errors.Is(err, ErrTimeout) || FailureOf(err) != FailureTimeout {
			t.Errorf("headers: got %v", err)
		}
		<-asked

		response, err := transport.RoundTrip(request(t, "GET", url+"/body", ""))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		if string(body) != "half " || !errors.Is(err, ErrBodyIdle) {
			t.Errorf("body: got %q, %v", body, err)
		}
		response.Body.Close()
		<-asked

		ctx, cancel := context.WithCancel(t.Context())
		go func() { <-asked; cancel() }()
		_, err = transport.RoundTrip(request(t, "GET", url+"/head", "").WithContext(ctx))
		if FailureOf(err) != FailureCanceled {
			t.Errorf("client left before the headers: got %v", err)
		}

		ctx, cancel = context.WithCancel(t.Context())
		slow := newTestTransport(t, Options{DisableLockstep: !lockstep})
		response, err = slow.RoundTrip(request(t, "GET", url+"/body", "").WithContext(ctx))
		if err != nil {
			t.Fatal(err)
		}
		<-asked
		time.AfterFunc(10*time.Millisecond, cancel)
		if _, err = io.ReadAll(response.Body); FailureOf(err) != FailureCanceled {
			t.Errorf("client left within the body: got %v", err)
		}
		response.Body.Close()

		ctx, cancel = context.WithTimeout(t.Context(), 20*time.Millisecond)
		_, err = transport.RoundTrip(request(t, "GET", url+"/head", "").WithContext(ctx))
		if FailureOf(err) != FailureTimeout || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("deadline: got %v", err)
		}
		cancel()
		<-asked
	}
}

func TestAnEarlyAnswerCounts(t *testing.T) {
	url := rawServer(t, func(_ int, c net.Conn, r *bufio.Reader) {
		r.ReadString('\n')
		io.WriteString(c, "HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig")
		c.(*net.TCPConn).CloseWrite()
		io.Copy(io.Discard, r)
	})
	for _, size := range []int{1000, 60_000, 1 << 20} {
		response, err := newTestTransport(t, Options{}).RoundTrip(request(t, "POST", url, strings.Repeat("x", size)))
		if err != nil {
			t.Fatalf("%d bytes: %v", size, err)
		}
		if got := read(t, response, nil); response.StatusCode != 413 || got != "big" {
			t.Errorf("%d bytes: got %d %q", size, response.StatusCode, got)
		}
	}
}

func TestEventsArriveAsTheyAreSent(t *testing.T) {
	next := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for i := range 3 {
			fmt.Fprintf(w, "data: %d\n\n", i)
			w.(http.Flusher).Flush()
			<-next
		}
	}))
	defer server.Close()
	for _, lockstep := range []bool{true, false} {
		transport := newTestTransport(t, Options{DisableLockstep: !lockstep})
		response, err := transport.RoundTrip(request(t, "GET", server.URL, ""))
		if err != nil {
			t.Fatal(err)
		}
		p := make([]byte, 1000)
		for i := range 3 {
			n, err := response.Body.Read(p)
			if want := fmt.Sprintf("data: %d\n\n", i); string(p[:n]) != want || err != nil {
				t.Fatalf("got %q, %v; want %q", p[:n], err, want)
			}
			next <- struct{}{}
		}
		if n, err := response.Body.Read(p); n != 0 || err != io.EOF {
			t.Fatalf("got %d, %v", n, err)
		}
		response.Body.Close()
	}
}

func TestUploadsOfUnknownLengthStream(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		fmt.Fprintf(w, "%d %v", n, r.TransferEncoding)
	}))
	defer server.Close()
	r := request(t, "POST", server.URL, "")
	r.Body, r.ContentLength = io.NopCloser(io.LimitReader(zeros{}, 1<<20)), -1
	response, err := newTestTransport(t, Options{}).RoundTrip(r)
	if got := read(t, response, err); got != "1048576 [chunked]" {
		t.Fatalf("got %q", got)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestConnectTo(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Host) }))
	defer server.Close()
	address := server.Listener.Addr().String()
	transport := newTestTransport(t, Options{ConnectTo: map[string]string{"api.example:80": address, "[::9]:80": address}})
	for _, lockstep := range []bool{true, false} {
		transport.options.DisableLockstep = !lockstep
		for _, host := range []string{"api.example", "[::9]"} {
			response, err := transport.RoundTrip(request(t, "GET", "http://"+host+"/", ""))
			if got := read(t, response, err); got != host {
				t.Fatalf("got %q", got)
			}
		}
	}
}

func TestHTTP2(t *testing.T) {
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Proto) })
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	plain := httptest.NewUnstartedServer(handler)
	plain.Config.Protocols = &protocols
	plain.Start()
	defer plain.Close()
	secure := httptest.NewUnstartedServer(handler)
	secure.EnableHTTP2 = true
	secure.StartTLS()
	defer secure.Close()
	transport := newTestTransport(t, Options{RootCAs: secure.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs})
	for _, one := range []struct{ url, version, want string }{
		{plain.URL, "", "HTTP/1.1"}, {plain.URL, HTTP1, "HTTP/1.1"}, {plain.URL, HTTP2, "HTTP/2.0"}, {plain.URL, HTTP2or1, "HTTP/1.1"},
		{secure.URL, "", "HTTP/2.0"}, {secure.URL, HTTP1, "HTTP/1.1"}, {secure.URL, HTTP2, "HTTP/2.0"}, {secure.URL, HTTP2or1, "HTTP/2.0"},
	} {
		response, err := transport.Do(request(t, "GET", one.url, ""), Call{Version: one.version})
		if got := read(t, response, err); got != one.want {
			t.Errorf("%s %q: got %s, want %s", one.url, one.version, got, one.want)
		}
	}
}

func TestIdleConnectionsExpire(t *testing.T) {
	closed := make(chan struct{}, 1)
	url := rawServer(t, func(_ int, c net.Conn, r *bufio.Reader) {
		readHead(r)
		io.WriteString(c, okResponse)
		readHead(r)
		closed <- struct{}{}
	})
	transport := newTestTransport(t, Options{IdleTimeout: 20 * time.Millisecond})
	response, err := transport.RoundTrip(request(t, "GET", url, ""))
	read(t, response, err)
	select {
	case <-closed:
	case <-time.After(5 * time.Second):
		t.Fatal("the idle connection stays open")
	}
}

func BenchmarkRoundTrip(b *testing.B) {
	payload := bytes.Repeat([]byte("x"), 1024)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write(payload) }))
	defer server.Close()
	for _, lockstep := range []bool{true, false} {
		b.Run(map[bool]string{true: "lockstep", false: "standard"}[lockstep], func(b *testing.B) {
			transport := newTestTransport(b, Options{DisableLockstep: !lockstep})
			ctx, cancel := context.WithCancel(b.Context())
			defer cancel()
			r, _ := http.NewRequestWithContext(ctx, "GET", server.URL+"/path", nil)
			r.Header = http.Header{"Accept": {"*/*"}, "User-Agent": {"bench"}, "Traceparent": {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}}
			buffer := make([]byte, 4096)
			b.ReportAllocs()
			for b.Loop() {
				response, err := transport.RoundTrip(r)
				if err != nil {
					b.Fatal(err)
				}
				for {
					if _, err := response.Body.Read(buffer); err != nil {
						break
					}
				}
				response.Body.Close()
			}
		})
	}
}
