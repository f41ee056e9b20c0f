package gateway

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/websocket"

	"gatehouse/internal/apim"
)

// socketAPI is a WebSocket API whose messages come back with the address and
// the product that the handshake brought.
func socketAPI(t *testing.T, secure bool, inbound string) (*apim.Service, *httptest.Server) {
	t.Helper()
	server := websocket.Server{Handler: func(c *websocket.Conn) {
		for {
			var message string
			if websocket.Message.Receive(c, &message) != nil {
				return
			}
			r := c.Request()
			_ = websocket.Message.Send(c, r.Header.Get("X-From")+" "+r.URL.RequestURI()+" "+message)
		}
	}}
	backend := httptest.NewUnstartedServer(server)
	scheme := "ws"
	if secure {
		backend.StartTLS()
		scheme = "wss"
	} else {
		backend.Start()
	}
	t.Cleanup(backend.Close)
	_, host, _ := strings.Cut(backend.URL, "://")
	s := testService("")
	s.APIs = []*apim.API{{ID: "chat", Path: "chat", IsCurrent: true, Type: apim.TypeWebSocket, ServiceURL: scheme + "://" + host + "/socket", SubscriptionRequired: true,
		Operations: []*apim.Operation{{ID: "onHandshake", Name: "onHandshake", Method: "GET", URLTemplate: "/*", Policy: document(inbound)}}}}
	s.Products[0].APIs = []string{"chat"}
	return s, backend
}

func dialSocket(t *testing.T, h *harness, path, key string) (*websocket.Conn, error) {
	t.Helper()
	c, err := websocket.NewConfig("ws"+strings.TrimPrefix(h.URL, "http")+path, "http://client.example")
	if err != nil {
		t.Fatal(err)
	}
	if key != "" {
		c.Header.Set("Ocp-Apim-Subscription-Key", key)
	}
	conn, err := c.DialContext(t.Context())
	if err == nil {
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	}
	return conn, err
}

const fromGateway = `<set-header name="X-From" exists-action="override"><value>@(context.Operation.Id)</value></set-header>`

func TestWebSocketAPI(t *testing.T) {
	s, _ := socketAPI(t, false, fromGateway)
	h := newHarness(t, s, nil)
	c, err := dialSocket(t, h, "/chat/rooms/7?x=1", "key-gold-1")
	if err != nil {
		t.Fatal(err)
	}
	for _, message := range []string{"hello", strings.Repeat("a long message ", 10_000)} {
		if err := websocket.Message.Send(c, message); err != nil {
			t.Fatal(err)
		}
		var answer string
		if err := websocket.Message.Receive(c, &answer); err != nil || answer != "onHandshake /socket/rooms/7?x=1 "+message {
			t.Fatalf("%.80q %v", answer, err)
		}
	}
	_ = c.Close()
	e := h.recorder.last(t)
	if e.Status != 101 || e.Endpoint.Operation != "onHandshake" || e.Endpoint.APIType != "websocket" || e.Subscription != "s-gold" || e.RequestBytes < 150_000 || e.ResponseBytes < 150_000 {
		t.Errorf("record: %+v", e)
	}
}

func TestWebSocketAPIOverTLS(t *testing.T) {
	s, backend := socketAPI(t, true, "")
	pool := x509.NewCertPool()
	pool.AddCert(backend.Certificate())
	h := newHarness(t, s, func(o *Options) { o.Backend.RootCAs = pool })
	c, err := dialSocket(t, h, "/chat", "key-gold-1")
	if err != nil {
		t.Fatal(err)
	}
	_ = websocket.Message.Send(c, "hello")
	var answer string
	if err := websocket.Message.Receive(c, &answer); err != nil || answer != " /socket hello" {
		t.Fatalf("%q %v", answer, err)
	}
	_ = c.Close()
	h.recorder.last(t)

	untrusting := newHarness(t, s, nil)
	if _, err := dialSocket(t, untrusting, "/chat", "key-gold-1"); err == nil {
		t.Error("a certificate of an unknown authority was accepted")
	}
}

func TestWebSocketBackendResource(t *testing.T) {
	s, backend := socketAPI(t, true, `<set-backend-service backend-id="sockets"/>`)
	s.APIs[0].ServiceURL = ""
	s.Backends = []*apim.Backend{{ID: "sockets", URL: "wss" + strings.TrimPrefix(backend.URL, "https") + "/other", TLS: apim.BackendTLS{}}}
	h := newHarness(t, s, nil)
	c, err := dialSocket(t, h, "/chat", "key-gold-1")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = websocket.Message.Send(c, "hello")
	var answer string
	if err := websocket.Message.Receive(c, &answer); err != nil || answer != " /other hello" {
		t.Fatalf("%q %v", answer, err)
	}
}

func TestWebSocketHandshakeIsRefused(t *testing.T) {
	s, _ := socketAPI(t, false, `<ip-filter action="forbid"><address>127.0.0.1</address></ip-filter>`)
	h := newHarness(t, s, nil)
	if _, err := dialSocket(t, h, "/chat", "key-gold-1"); err == nil {
		t.Error("the policy of onHandshake did not run")
	}
	if e := h.recorder.last(t); e.Status != 403 || e.ResponseBytes == 0 {
		t.Errorf("policy: %d", e.Status)
	}
	if _, err := dialSocket(t, h, "/chat", ""); err == nil {
		t.Error("let in without a key")
	}
	if e := h.recorder.last(t); e.Status != 401 || e.Failure.Reason != "SubscriptionKeyNotFound" {
		t.Errorf("no key: %d %+v", e.Status, e.Failure)
	}
	resp, body := h.call(t, "GET", "/chat", nil, "Ocp-Apim-Subscription-Key", "key-gold-1")
	if resp.StatusCode != 426 || resp.Header.Get("Upgrade") != "websocket" || !strings.Contains(body, "This is a WebSocket API") {
		t.Errorf("plain GET: %d %v %s", resp.StatusCode, resp.Header, body)
	}
	if resp, _ = h.call(t, "POST", "/chat", strings.NewReader("x"), "Ocp-Apim-Subscription-Key", "key-gold-1"); resp.StatusCode != 404 {
		t.Errorf("POST: %d", resp.StatusCode)
	}
	if resp, _ = h.call(t, "GET", "/chat", nil, "Ocp-Apim-Subscription-Key", "key-gold-1", "Connection", "Upgrade", "Upgrade", "other"); resp.StatusCode != 426 {
		t.Errorf("other protocol: %d", resp.StatusCode)
	}
}

func TestWebSocketOverHTTP2IsRefused(t *testing.T) {
	s, _ := socketAPI(t, false, "")
	h := newHarness(t, s, nil)
	front := httptest.NewUnstartedServer(h.gateway)
	front.EnableHTTP2 = true
	front.StartTLS()
	defer front.Close()
	req, _ := http.NewRequest("GET", front.URL+"/chat", nil)
	req.Header.Set("Ocp-Apim-Subscription-Key", "key-gold-1")
	resp, err := front.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.ProtoMajor != 2 || resp.StatusCode != 426 || resp.Header.Get("Upgrade") != "" {
		t.Errorf("%s %d %v", resp.Proto, resp.StatusCode, resp.Header)
	}
}

func TestIdleWebSocketIsClosed(t *testing.T) {
	s, _ := socketAPI(t, false, "")
	h := newHarness(t, s, func(o *Options) { o.UpgradeIdleTimeout = 300 * time.Millisecond })
	c, err := dialSocket(t, h, "/chat", "key-gold-1")
	if err != nil {
		t.Fatal(err)
	}
	for range 5 { // longer than the limit, never idle for so long
		time.Sleep(100 * time.Millisecond)
		var answer string
		if err := websocket.Message.Send(c, "still here"); err != nil {
			t.Fatal(err)
		}
		if err := websocket.Message.Receive(c, &answer); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("idle: %v", err)
	}
	if e := h.recorder.last(t); e.Duration > 5*time.Second {
		t.Errorf("took %s", e.Duration)
	}
}

// A WebSocket client that speaks TLS reaches the gateway over HTTP/1.1.
func TestSecureWebSocketInFront(t *testing.T) {
	s, _ := socketAPI(t, false, "")
	h := newHarness(t, s, nil)
	front := httptest.NewTLSServer(h.gateway)
	defer front.Close()
	c, _ := websocket.NewConfig("wss"+strings.TrimPrefix(front.URL, "https")+"/chat?subscription-key=key-gold-2", "https://client.example")
	c.TlsConfig = &tls.Config{RootCAs: front.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}
	conn, err := c.DialContext(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = websocket.Message.Send(conn, "hello")
	var answer string
	if err := websocket.Message.Receive(conn, &answer); err != nil || !strings.HasSuffix(answer, " hello") {
		t.Fatalf("%q %v", answer, err)
	}
}
