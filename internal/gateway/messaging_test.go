package gateway

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/internal/apim"
)

// broker keeps what it was sent.
type broker struct {
	*httptest.Server
	mu     sync.Mutex
	status int
	got    []string
}

// newBroker accepts messages whose Authorization fits.
func newBroker(t *testing.T, allowed func(*http.Request) bool) *broker {
	t.Helper()
	b := &broker{status: http.StatusCreated}
	b.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		b.mu.Lock()
		defer b.mu.Unlock()
		if !allowed(r) {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		b.got = append(b.got, r.Method+" "+r.URL.Path+" "+r.Header.Get("BrokerProperties")+" "+string(body))
		w.WriteHeader(b.status)
	}))
	t.Cleanup(b.Close)
	return b
}

func (b *broker) messages() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string{}, b.got...)
}

// signed checks a shared access signature as Event Hubs does.
func signed(key, keyName string) func(*http.Request) bool {
	return func(r *http.Request) bool {
		text, ok := strings.CutPrefix(r.Header.Get("Authorization"), "SharedAccessSignature ")
		q, err := url.ParseQuery(text)
		if !ok || err != nil || q.Get("skn") != keyName {
			return false
		}
		end, err := strconv.ParseInt(q.Get("se"), 10, 64)
		if err != nil || time.Now().Unix() > end || !strings.HasPrefix("http://"+r.Host+r.URL.Path, q.Get("sr")) {
			return false
		}
		mac := hmac.New(sha256.New, []byte(key))
		mac.Write([]byte(url.QueryEscape(q.Get("sr")) + "\n" + q.Get("se")))
		return hmac.Equal([]byte(base64.StdEncoding.EncodeToString(mac.Sum(nil))), []byte(q.Get("sig")))
	}
}

func TestMessagesReachTheEventHub(t *testing.T) {
	b := newBroker(t, signed("the-key", "send"))
	service := policyService(echoBackend(t).URL, `<log-to-eventhub logger-id="usage" partition-key="k">@("item " + context.Request.MatchedParameters["id"])</log-to-eventhub>`)
	service.Loggers = []*apim.Logger{{ID: "usage", Type: "azureEventHub", Credentials: map[string]string{"name": "hub", "connectionString": "Endpoint=sb://ns.servicebus.windows.net/;SharedAccessKeyName=send;SharedAccessKey=the-key"}}}
	var log bytes.Buffer
	h := newHarness(t, service, func(o *Options) {
		o.Addresses.EventHubs = b.URL
		o.Log = slog.New(slog.NewTextHandler(&log, nil))
	})
	if resp, _ := h.call(t, "GET", "/free/items/7", nil); resp.StatusCode != 200 {
		t.Errorf("status %d", resp.StatusCode)
	}
	for end := time.Now().Add(5 * time.Second); len(b.messages()) == 0 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	b.mu.Lock()
	b.status = 503
	b.mu.Unlock()
	for range 3 {
		if resp, _ := h.call(t, "GET", "/free/items/8", nil); resp.StatusCode != 200 {
			t.Errorf("a failing event hub fails the request: %d", resp.StatusCode)
		}
	}
	h.gateway.Close(context.Background())
	if got := b.messages(); len(got) != 4 || got[0] != `POST /hub/messages {"PartitionKey":"k"} item 7` {
		t.Errorf("the event hub got %q", got)
	}
	if text := log.String(); strings.Count(text, "level=WARN") != 1 || !strings.Contains(text, "source=log-to-eventhub") || strings.Contains(text, "the-key") {
		t.Errorf("log: %s", text)
	}
}

func TestMessagesReachServiceBus(t *testing.T) {
	e := newEntra(t)
	b := newBroker(t, func(r *http.Request) bool {
		return r.Header.Get("Authorization") == "Bearer token-1-for-https://servicebus.azure.net/.default"
	})
	service := policyService(echoBackend(t).URL, `<send-service-bus-message queue-name="orders" namespace="ns.servicebus.windows.net">
		<message-properties><message-property name="orderId">@(context.Request.MatchedParameters["id"])</message-property></message-properties><payload>hello</payload></send-service-bus-message>`)
	h := newHarness(t, service, func(o *Options) {
		e.options(o)
		o.Addresses.ServiceBus = b.URL
	})
	if resp, body := h.call(t, "GET", "/free/items/7", nil); resp.StatusCode != 200 {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	if got := b.messages(); len(got) != 1 || got[0] != `POST /orders/messages  [{"Body":"hello","UserProperties":{"orderId":"7"}}]` {
		t.Errorf("Service Bus got %q", got)
	}
	b.mu.Lock()
	b.status = 404
	b.mu.Unlock()
	if resp, _ := h.call(t, "GET", "/free/items/7", nil); resp.StatusCode != 500 {
		t.Errorf("without the queue: %d", resp.StatusCode)
	}
}

func TestDaprSidecar(t *testing.T) {
	b := newBroker(t, func(r *http.Request) bool { return r.Header.Get("Dapr-Api-Token") == "dapr-token-1" })
	b.status = http.StatusOK
	service := policyService("http://unused.test", `<publish-to-dapr topic="orders/new">@(context.Request.Body.As<string>(preserveContent: true))</publish-to-dapr>
		<invoke-dapr-binding name="queue" operation="create"><data>{"a":1}</data></invoke-dapr-binding>
		<set-backend-service backend-id="dapr" dapr-app-id="echo" dapr-method="say" dapr-namespace="prod"/>`)
	h := newHarness(t, service, func(o *Options) { o.Addresses.Dapr, o.Addresses.DaprToken = b.URL, "dapr-token-1" })
	if resp, body := h.call(t, "POST", "/free/items/7", strings.NewReader(`{"n":7}`)); resp.StatusCode != 200 {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	want := []string{`POST /v1.0/publish/orders/new  {"n":7}`, `POST /v1.0/bindings/queue  {"data":{"a":1},"operation":"create"}`, `POST /v1.0/invoke/echo.prod/method/say  {"n":7}`}
	if got := b.messages(); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("the sidecar got %q", got)
	}
}
