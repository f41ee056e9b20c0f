package appinsights

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/internal/export"
	"gatehouse/internal/telemetry"
)

const key = "8dc2f0b4-1111-4222-8333-944445555666"

// memory is a queue for tests of what is sent; the spool has its own.
type memory struct {
	mu      sync.Mutex
	waiting []telemetry.Batch
	held    map[uint64]telemetry.Batch
	last    uint64
	arrived chan struct{}
}

func newMemory() *memory {
	return &memory{held: map[uint64]telemetry.Batch{}, arrived: make(chan struct{}, 1000)}
}

func (m *memory) Put(_ context.Context, data []byte, items int) error {
	m.mu.Lock()
	m.last++
	m.waiting = append(m.waiting, telemetry.Batch{ID: m.last, Data: bytes.Clone(data), Items: items, Time: time.Now()})
	m.mu.Unlock()
	m.arrived <- struct{}{}
	return nil
}

func (m *memory) Next(ctx context.Context) (telemetry.Batch, error) {
	select {
	case <-m.arrived:
	case <-ctx.Done():
		return telemetry.Batch{}, ctx.Err()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	b := m.waiting[0]
	m.waiting = m.waiting[1:]
	m.held[b.ID] = b
	return b, nil
}

func (m *memory) Done(id uint64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.held, id)
	return nil
}

func (m *memory) Stats() telemetry.QueueStats {
	m.mu.Lock()
	defer m.mu.Unlock()
	return telemetry.QueueStats{Batches: len(m.waiting) + len(m.held)}
}

// endpoint answers each request as the test says and keeps what came.
type endpoint struct {
	*httptest.Server
	mu       sync.Mutex
	requests [][]string // the names of events in each request
	bodies   []string
	headers  []http.Header
	answers  []func(http.ResponseWriter, *http.Request) // of the first requests; then 200
}

func serve(t *testing.T, answers ...func(http.ResponseWriter, *http.Request)) *endpoint {
	e := &endpoint{answers: answers}
	e.Server = httptest.NewServer(e)
	t.Cleanup(e.Close)
	return e
}

func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	z, err := gzip.NewReader(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	var names []string
	var body strings.Builder
	for lines := bufio.NewScanner(z); lines.Scan(); {
		var v struct {
			IKey string
			Data struct{ BaseData struct{ Name string } }
		}
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil || v.IKey == "" {
			http.Error(w, "no envelope", http.StatusBadRequest)
			return
		}
		names = append(names, v.Data.BaseData.Name)
		body.WriteString(lines.Text() + "\n")
	}
	e.mu.Lock()
	n := len(e.requests)
	e.requests, e.headers, e.bodies = append(e.requests, names), append(e.headers, r.Header), append(e.bodies, body.String())
	e.mu.Unlock()
	if n < len(e.answers) {
		e.answers[n](w, r)
	}
}

func code(status int, headers ...string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) {
		for n := 0; n+1 < len(headers); n += 2 {
			w.Header().Set(headers[n], headers[n+1])
		}
		w.WriteHeader(status)
	}
}

func says(status int, body string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}
}

func start(t *testing.T, o Options, at string) *Exporter {
	t.Helper()
	if o.Queue == nil {
		o.Queue = newMemory()
	}
	o.Name, o.Connection = "test", telemetry.ConnectionString{InstrumentationKey: key, IngestionEndpoint: at}
	o.FirstPause, o.BatchDelay = time.Millisecond, time.Millisecond
	e, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = e.Close(ctx)
	})
	return e
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after 10 s: %s", what)
		}
	}
}

func events(names ...string) (out []telemetry.LogRecord) {
	for _, name := range names {
		out = append(out, telemetry.LogRecord{Type: telemetry.TypeEvent, EventName: name, Time: 1})
	}
	return out
}

// Each status of the protocol: what is sent again, what is dropped and why.
func TestStatuses(t *testing.T) {
	partial := func(errs string) func(http.ResponseWriter, *http.Request) {
		return says(206, `{"itemsReceived":3,"itemsAccepted":1,"errors":[`+errs+`]}`)
	}
	for name, c := range map[string]struct {
		answer   func(http.ResponseWriter, *http.Request)
		requests string // what each request held
		sent     int64
		dropped  map[string]int64
	}{
		"200":             {code(200), "[a b c]", 3, nil},
		"206 retry":       {partial(`{"index":0,"statusCode":500},{"index":2,"statusCode":429}`), "[a b c] [a c]", 3, nil},
		"206 mixed":       {partial(`{"index":0,"statusCode":503},{"index":1,"statusCode":400},{"index":7,"statusCode":500}`), "[a b c] [a]", 2, map[string]int64{"rejected": 1}},
		"206 sampled":     {partial(`{"index":1,"statusCode":500,"message":"Telemetry sampled out."}`), "[a b c]", 2, map[string]int64{"sampled-out": 1}},
		"206 unreadable":  {says(206, "<html>"), "[a b c] [a b c]", 3, nil},
		"400":             {code(400), "[a b c]", 0, map[string]int64{"rejected": 3}},
		"400 of one":      {says(400, `{"itemsReceived":3,"itemsAccepted":0,"errors":[{"index":1,"statusCode":400,"message":"bad"}]}`), "[a b c] [a c]", 2, map[string]int64{"rejected": 1}},
		"401":             {code(401), "[a b c] [a b c]", 3, nil},
		"402":             {code(402), "[a b c]", 0, map[string]int64{"quota": 3}},
		"403":             {code(403), "[a b c] [a b c]", 3, nil},
		"404":             {code(404), "[a b c] [a b c]", 3, nil},
		"408":             {code(408), "[a b c] [a b c]", 3, nil},
		"413 in halves":   {code(413), "[a b c] [a] [b c]", 3, nil},
		"418":             {code(418), "[a b c]", 0, map[string]int64{"rejected": 3}},
		"429 now":         {code(429, "Retry-After", "0"), "[a b c] [a b c]", 3, nil},
		"439 date":        {code(439, "Retry-After", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat)), "[a b c] [a b c]", 3, nil},
		"500":             {code(500), "[a b c] [a b c]", 3, nil},
		"502":             {code(502), "[a b c] [a b c]", 3, nil},
		"503":             {code(503), "[a b c] [a b c]", 3, nil},
		"504":             {code(504), "[a b c] [a b c]", 3, nil},
		"307 here":        {code(307, "Location", "/elsewhere/v2.1/track"), "[a b c] [a b c]", 3, nil},
		"308 here":        {code(308, "Location", "/elsewhere/v2.1/track"), "[a b c] [a b c]", 3, nil},
		"307 outside":     {code(307, "Location", "http://example.com/v2.1/track"), "[a b c] [a b c]", 3, nil},
		"302 not at all":  {code(302, "Location", "/elsewhere"), "[a b c] [a b c]", 3, nil},
		"broken off":      {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "[a b c] [a b c]", 3, nil},
		"many redirects":  {code(307, "Location", "/x"), "[a b c] [a b c]", 3, nil},
		"206 says nobody": {says(206, `{"itemsReceived":3,"itemsAccepted":3,"errors":[]}`), "[a b c]", 3, nil},
	} {
		t.Run(name, func(t *testing.T) {
			at := serve(t, c.answer)
			e := start(t, Options{}, at.URL+"/prefix")
			if err := e.Logs(t.Context(), events("a", "b", "c")); err != nil {
				t.Fatal(err)
			}
			until(t, "the queue is not empty", func() bool { return e.queue.Stats().Batches == 0 })
			at.mu.Lock()
			got := strings.Trim(fmt.Sprint(at.requests), "[]")
			at.mu.Unlock()
			if want := strings.Trim(c.requests, "[]"); got != want {
				t.Errorf("requests %s, want %s", got, want)
			}
			s := e.Status()
			if s.Sent != c.sent || fmt.Sprint(s.Dropped) != fmt.Sprint(c.dropped) {
				t.Errorf("%+v, want %d sent, dropped %v", s, c.sent, c.dropped)
			}
			if strings.Contains(s.LastError, key) || strings.Contains(s.LastError, at.URL) {
				t.Errorf("the error shows a secret: %s", s.LastError)
			}
		})
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{"": 0, "7": 7 * time.Second, "-1": 0, "soon": 0,
		"Fri, 20 Nov 2026 10:02:00 GMT": 2 * time.Minute, "Fri, 20 Nov 2026 09:02:00 GMT": 0} {
		if got := export.RetryAfter(text, now); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}

// Retry-After keeps every sender away: until then nothing is sent.
func TestRetryAfterIsKept(t *testing.T) {
	at := serve(t, code(503, "Retry-After", "3600"))
	e := start(t, Options{}, at.URL)
	if err := e.Logs(t.Context(), events("a")); err != nil {
		t.Fatal(err)
	}
	until(t, "no waiting state", func() bool { return e.Status().State == "waiting" })
	s := e.Status()
	if left := time.Until(*s.NextTry); left < 59*time.Minute || s.LastError == "" || s.Retried != 1 {
		t.Fatalf("%+v", s)
	}
}

func TestTokenAndKey(t *testing.T) {
	at := serve(t)
	fail := errors.New("the identity is not there")
	var mu sync.Mutex
	tries := 0
	e := start(t, Options{Token: func(context.Context) (string, error) {
		mu.Lock()
		defer mu.Unlock()
		if tries++; tries == 1 {
			return "", fail
		}
		return "secret-token", nil
	}}, at.URL)
	if err := e.Logs(t.Context(), events("a")); err != nil {
		t.Fatal(err)
	}
	until(t, "nothing sent", func() bool { return e.Status().Sent == 1 })
	other := telemetry.ConnectionString{InstrumentationKey: "other-key", IngestionEndpoint: at.URL}
	if err := e.Update(other, nil); err != nil {
		t.Fatal(err)
	}
	if err := e.Logs(t.Context(), events("b")); err != nil {
		t.Fatal(err)
	}
	until(t, "nothing sent", func() bool { return e.Status().Sent == 2 })
	at.mu.Lock()
	defer at.mu.Unlock()
	if got := at.headers[0].Get("Authorization"); got != "Bearer secret-token" {
		t.Error(got)
	}
	if at.headers[1].Get("Authorization") != "" || !strings.Contains(at.bodies[0], key) || !strings.Contains(at.bodies[1], `"iKey":"other-key"`) {
		t.Errorf("%v %s", at.headers[1], at.bodies)
	}
	if at.headers[0].Get("Traceparent") != "" {
		t.Error("the exporter's own call is traced")
	}
}

func TestRedirectsStayHome(t *testing.T) {
	for text, want := range map[string]bool{
		"https://a.example/x https://a.example/y": true, "https://a.example https://b.example": false, "https://a.example http://a.example": false,
		"https://dc.services.visualstudio.com https://west.in.applicationinsights.azure.com":     true,
		"https://dc.services.visualstudio.com https://evilservices.visualstudio.com.example":     false,
		"https://dc.services.visualstudio.com https://u:p@west.in.applicationinsights.azure.com": false,
	} {
		from, to, _ := strings.Cut(text, " ")
		a, errA := http.NewRequest("GET", from, nil)
		b, errB := http.NewRequest("GET", to, nil)
		if errA != nil || errB != nil {
			t.Fatal(errA, errB)
		}
		if got := follow(a.URL, b.URL); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}
