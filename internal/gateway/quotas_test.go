package gateway

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/internal/apim"
	"gatehouse/internal/policy"
	"gatehouse/internal/telemetry"
)

// documents is what the catalog is to the gateway.
type documents struct {
	mu  sync.Mutex
	all map[string][]byte
}

func (d *documents) load(name string) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.all[name], nil
}

func (d *documents) save(name string, data []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.all[name] = data
	return nil
}

func (d *documents) use(o *Options) { o.Load, o.Save = d.load, d.save }

func TestQuotaCountsSurviveARestart(t *testing.T) {
	d := &documents{all: map[string][]byte{}}
	o := DefaultOptions()
	d.use(&o)
	g := New(o)
	for range 3 {
		g.services.Quotas.Add("k", 1, 10, policy.Window{})
	}
	g.Close(context.Background())
	g.Close(context.Background()) // harmless
	again := New(o)
	defer again.Close(context.Background())
	if c := again.services.Quotas.Add("k", 1, 10, policy.Window{}); c.Remaining != 6 {
		t.Fatalf("%+v", c)
	}
}

func TestDamagedQuotaCountsStartAnew(t *testing.T) {
	d := &documents{all: map[string][]byte{quotaDocument: []byte("damaged")}}
	o := DefaultOptions()
	d.use(&o)
	g := New(o)
	defer g.Close(context.Background())
	if c := g.services.Quotas.Add("k", 1, 1, policy.Window{}); !c.Allowed {
		t.Fatalf("%+v", c)
	}
}

// limited is testService with a policy of the free API and of the gold product.
func limited(backend, free, gold string) *apim.Service {
	s := testService(backend)
	s.APIs[2].Policy = document(free)
	s.Products[0].Policy = document(gold)
	return s
}

func TestQuotaOfASubscriptionSurvivesARestart(t *testing.T) {
	backend := echoBackend(t)
	d := &documents{all: map[string][]byte{}}
	s := limited(backend.URL, "", `<quota calls="2" renewal-period="3600"/>`)
	s.Subscriptions[0].StartDate = time.Now().Add(-30*time.Minute - 5*time.Second)
	var failure telemetry.Failure
	status := func(h *harness) (int, string, string) {
		resp, body := h.call(t, "GET", "/closed/items/1", nil, "Ocp-Apim-Subscription-Key", "key-gold-1")
		failure = h.recorder.last(t).Failure
		return resp.StatusCode, resp.Header.Get("Retry-After"), body
	}
	first := newHarness(t, s, d.use)
	if code, _, body := status(first); code != 200 {
		t.Fatal(code, body)
	}
	first.gateway.Close(context.Background())
	second := newHarness(t, s, d.use)
	defer second.gateway.Close(context.Background())
	if code, _, body := status(second); code != 200 {
		t.Fatal(code, body)
	}
	code, wait, body := status(second)
	seconds, _ := strconv.Atoi(wait)
	if code != 403 || seconds < 1700 || seconds > 1796 || !strings.HasPrefix(body, `{ "statusCode": 403, "message": "Out of call volume quota. Quota will be replenished in 00:2`) {
		t.Fatal(code, wait, body)
	}
	if failure.Reason != "QuotaExceeded" || failure.Source != "quota" {
		t.Fatalf("%+v", failure)
	}
}

// The bytes of streams count as they are, not as headers announce them.
func TestQuotaCountsTheBytesOfStreams(t *testing.T) {
	h := newHarness(t, limited(echoBackend(t).URL, `<quota-by-key counter-key="k" bandwidth="4" renewal-period="3600"/>`, ""), nil)
	body := strings.Repeat("x", 4096)
	resp, _ := h.call(t, "POST", "/free/items/1", struct{ io.Reader }{strings.NewReader(body)}) // chunked
	if resp.StatusCode != 200 {
		t.Fatal(resp.Status)
	}
	h.recorder.last(t)
	resp, text := h.call(t, "GET", "/free/items/1", nil)
	if resp.StatusCode != 403 || !strings.Contains(text, "Out of bandwidth quota. Quota will be replenished in 00:") {
		t.Fatal(resp.Status, text)
	}
}

func TestConcurrencyIsLimited(t *testing.T) {
	release, inside := make(chan struct{}), make(chan struct{}, 10)
	backend := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		inside <- struct{}{}
		select {
		case <-release:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(backend.Close)
	s := testService(backend.URL)
	s.APIs[2].Policy = &apim.Document{File: "test.xml", Text: `<policies><inbound/><backend><limit-concurrency key="k" max-count="2"><forward-request/></limit-concurrency></backend><outbound/><on-error/></policies>`}
	h := newHarness(t, s, nil)
	var group sync.WaitGroup
	for range 2 {
		group.Go(func() {
			if resp, body := h.call(t, "GET", "/free/items/1", nil); resp.StatusCode != 200 {
				t.Error(resp.Status, body)
			}
		})
		<-inside
	}
	if resp, body := h.call(t, "GET", "/free/items/1", nil); resp.StatusCode != 429 {
		t.Error(resp.Status, body)
	}
	// A client that leaves gives its place back too.
	ctx, cancel := context.WithCancel(context.Background())
	release <- struct{}{}
	release <- struct{}{}
	group.Wait()
	req, _ := http.NewRequestWithContext(ctx, "GET", h.URL+"/free/items/1", nil)
	group.Go(func() { _, _ = http.DefaultClient.Do(req) })
	<-inside
	cancel()
	group.Wait()
	places := h.gateway.services.Quotas.(quotas).Places
	for range 1000 {
		if places.Len() == 0 {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Error("the place of a client that left was not given back")
}

// What passes through a WebSocket counts as bandwidth when it is closed.
func TestQuotaCountsTheBytesOfAWebSocket(t *testing.T) {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		c, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer c.Close()
		_, _ = rw.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n" + strings.Repeat("x", 1024))
		_ = rw.Flush()
	}))
	t.Cleanup(backend.Close)
	h := newHarness(t, limited(backend.URL, `<quota-by-key counter-key="k" bandwidth="1" renewal-period="3600"/>`, ""), nil)
	open := func() int {
		c, err := net.Dial("tcp", strings.TrimPrefix(h.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(10 * time.Second))
		_, _ = io.WriteString(c, "GET /free/raw/ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: abc\r\n\r\n")
		r := bufio.NewReader(c)
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode == 101 {
			_, _ = io.Copy(io.Discard, r)
		}
		_ = c.Close()
		h.recorder.last(t)
		return resp.StatusCode
	}
	if first, second := open(), open(); first != 101 || second != 403 {
		t.Fatal(first, second)
	}
}
