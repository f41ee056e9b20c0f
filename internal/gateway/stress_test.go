package gateway

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/internal/apim"
)

// Requests of all kinds at once, many of them broken off: no answer may carry
// anything of another request. Run under -race it also covers the pools.
func TestRequestsDoNotMix(t *testing.T) {
	h := newHarness(t, stressService(moodyBackend(t).URL), nil)
	h.recorder.seen = make(chan struct{}, 1_000_000)
	stop := time.Now().Add(1500 * time.Millisecond)
	var wg sync.WaitGroup
	for worker := range 16 {
		wg.Go(func() {
			s := stressClient{h: h, random: rand.New(rand.NewSource(int64(worker)))}
			for n := 0; time.Now().Before(stop); n++ {
				s.id = fmt.Sprintf("id-%d-%d", worker, n)
				if s.random.Intn(7) == 0 {
					s.socket(t)
				} else {
					s.post(t)
				}
			}
		})
	}
	wg.Wait()
	h.gateway.Close(t.Context())
}

// moodyBackend echoes the caller's id, or fails in the way that X-Mode asks for.
func moodyBackend(t *testing.T) *httptest.Server {
	b := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get("X-Id")
		switch r.Header.Get("X-Mode") {
		case "hang":
			select {
			case <-r.Context().Done():
			case <-time.After(200 * time.Millisecond):
			}
		case "early":
			w.WriteHeader(http.StatusServiceUnavailable)
		case "cut":
			w.Header().Set("Content-Length", "1000000")
			_, _ = w.Write(make([]byte, 40_000))
			_ = http.NewResponseController(w).SetReadDeadline(time.Unix(1, 0)) // as the gateway itself does
			panic(http.ErrAbortHandler)
		case "socket":
			echoLine(w, id)
		default:
			data, _ := io.ReadAll(r.Body)
			_, _ = w.Write(bytes.Repeat([]byte(id+"|"), 1+len(data)/10))
		}
	}))
	t.Cleanup(b.Close)
	return b
}

func echoLine(w http.ResponseWriter, id string) {
	c, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer c.Close()
	_, _ = rw.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	_ = rw.Flush()
	line, _ := rw.ReadString('\n')
	_, _ = rw.WriteString(id + line)
	_ = rw.Flush()
}

func stressService(backend string) *apim.Service {
	header := func(name string) string {
		return `@(context.Request.Headers.GetValueOrDefault("` + name + `","") == "1")`
	}
	call := func(name string) string {
		return `<send-request mode="new" response-variable-name="` + name + `" ignore-error="true"><set-url>` + backend + `</set-url></send-request>`
	}
	id := `<set-header name="X-Var" exists-action="override"><value>@((string)context.Variables["id"])</value></set-header>`
	s := testService(backend)
	s.APIs[2].Policy = sections(`<set-variable name="id" value="@(context.Request.Headers.GetValueOrDefault("X-Id",""))"/>
<choose><when condition="`+header("X-Read")+`"><set-variable name="body" value="@(context.Request.Body?.As<string>(preserveContent: true))"/></when></choose>
<choose><when condition="`+header("X-Wait")+`"><wait for="any">`+call("a")+call("b")+`</wait><send-one-way-request mode="copy"><set-url>`+backend+`</set-url></send-one-way-request></when></choose>`,
		`<retry condition="@(context.Response != null &amp;&amp; context.Response.StatusCode == 503)" count="2" interval="0"><forward-request timeout-ms="100"/></retry>`,
		id+`<choose><when condition="`+header("X-Replace")+`"><return-response>`+id+`<set-body>@((string)context.Variables["id"] + "|")</set-body></return-response></when></choose>`, id)
	return s
}

type stressClient struct {
	h      *harness
	random *rand.Rand
	id     string
}

func (s *stressClient) socket(t *testing.T) {
	c, err := net.Dial("tcp", strings.TrimPrefix(s.h.URL, "http://"))
	if err != nil {
		return
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	fmt.Fprintf(c, "GET /free/raw/ws HTTP/1.1\r\nHost: x\r\nX-Id: %s\r\nX-Mode: socket\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: abc\r\n\r\nhello\n", s.id)
	if s.random.Intn(2) == 0 {
		return // hang up at once
	}
	data, _ := io.ReadAll(c)
	slow := bytes.HasPrefix(data, []byte("HTTP/1.1 500 ")) && strings.Contains(string(data), "X-Var: "+s.id+"\r\n") // timeout-ms on a busy machine
	if !slow && !strings.Contains(string(data), s.id+"hello") {
		t.Errorf("%s: socket answered %q", s.id, data)
	}
}

func (s *stressClient) post(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	if s.random.Intn(4) == 0 {
		ctx, cancel = context.WithTimeout(t.Context(), time.Duration(s.random.Intn(5000))*time.Microsecond)
	}
	defer cancel()
	req := s.request(ctx)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if ctx.Err() != nil {
		return
	}
	if got := resp.Header.Get("X-Var"); got != s.id {
		t.Errorf("%s: X-Var %q status %d %.100q", s.id, got, resp.StatusCode, data)
	}
	if resp.StatusCode != http.StatusOK || err != nil || req.Header.Get("X-Mode") != "" {
		return
	}
	if rest := strings.ReplaceAll(string(data), s.id+"|", ""); rest != "" {
		t.Errorf("%s: body holds %.60q", s.id, rest)
	}
}

// request has a random mood, size and shape.
func (s *stressClient) request(ctx context.Context) *http.Request {
	size := []int{0, 10, 1000, 100_000, 300_000}[s.random.Intn(5)]
	var body io.Reader
	if size > 0 {
		body = bytes.NewReader(make([]byte, size))
		if s.random.Intn(2) == 0 {
			body = io.LimitReader(zeros{}, int64(size))
		}
	}
	req, _ := http.NewRequestWithContext(ctx, http.MethodPost, s.h.URL+"/free/items/1", body)
	req.Header.Set("X-Id", s.id)
	req.Header.Set("X-Mode", []string{"", "", "", "hang", "early", "cut"}[s.random.Intn(6)])
	for _, name := range []string{"X-Read", "X-Replace", "X-Wait"} {
		if s.random.Intn(4) == 0 {
			req.Header.Set(name, "1")
		}
	}
	if s.random.Intn(5) == 0 {
		req.Header.Set("Expect", "100-continue")
	}
	return req
}
