package track

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"gatehouse/internal/telemetry"
)

const key = "11111111-2222-3333-4444-555555555555"

var noon = time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)

// store keeps what it is given; err refuses.
type store struct {
	mu      sync.Mutex
	spans   []telemetry.Span
	logs    []telemetry.LogRecord
	spanErr error
	logErr  error
}

func (s *store) Spans(_ context.Context, rows []telemetry.Span) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.spanErr == nil {
		s.spans = append(s.spans, rows...)
	}
	return s.spanErr
}

func (s *store) Logs(_ context.Context, rows []telemetry.LogRecord) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.logErr == nil {
		s.logs = append(s.logs, rows...)
	}
	return s.logErr
}

func (s *store) options() Options {
	w, err := telemetry.NewWorkspaces([]telemetry.Workspace{
		{InstrumentationKey: key, ApplicationID: "aaaaaaaa-0000-0000-0000-000000000000", ResourceID: "/default", Dimensions: true},
		{Name: "plain", InstrumentationKey: "22222222-0000-0000-0000-000000000000", ApplicationID: "bbbbbbbb-0000-0000-0000-000000000000", ResourceID: "/plain"},
		{Name: "locked", InstrumentationKey: "33333333-0000-0000-0000-000000000000", ApplicationID: "cccccccc-0000-0000-0000-000000000000", ResourceID: "/locked", RequireIdentity: true},
		{Name: "capped", InstrumentationKey: "44444444-0000-0000-0000-000000000000", ApplicationID: "dddddddd-0000-0000-0000-000000000000", ResourceID: "/capped", DailyCap: 400},
	})
	if err != nil {
		panic(err)
	}
	return Options{Rows: s, Now: func() time.Time { return noon }, Workspace: func(key string) (telemetry.Workspace, bool) {
		found, ok := w.ByKey(key)
		if !ok {
			return telemetry.Workspace{}, false
		}
		return *found, true
	}}
}

func event(ikey, name string) string {
	return fmt.Sprintf(`{"ver":1,"name":"Microsoft.ApplicationInsights.Event","time":"2026-03-14T12:00:00Z","iKey":%q,"data":{"baseType":"EventData","baseData":{"ver":2,"name":%q}}}`, ikey, name)
}

func request(ikey string) string {
	return fmt.Sprintf(`{"time":"2026-03-14T12:00:00Z","iKey":%q,"data":{"baseType":"RequestData","baseData":{"id":"1","duration":"00:00:01","responseCode":"200","success":true}}}`, ikey)
}

func send(t *testing.T, r *Receiver, path, body string, headers ...string) (*httptest.ResponseRecorder, answer) {
	t.Helper()
	req := httptest.NewRequest("POST", path, strings.NewReader(body))
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	r.ServeHTTP(w, req)
	var a answer
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil {
		t.Fatalf("%s: %v", w.Body, err)
	}
	return w, a
}

func TestPathsAreFoundInAnyForm(t *testing.T) {
	for path, want := range map[string]bool{
		"/v2/track": true, "/v2.1/track": true, "//V2//Track/": true, "/v2/validate": true, "/QuickPulseService.svc/ping": true, "//quickpulseservice.svc/POST": true,
		"/v1/traces": false, "/v1/apps/x/query": false, "/v2": false, "/": false, "/prefix/v2/track": false,
	} {
		if Serves(path) != want {
			t.Errorf("Serves(%q) is %v", path, !want)
		}
	}
}

func TestEncodingsAndForms(t *testing.T) {
	gzipped := func(s string) string {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, _ = io.WriteString(w, s)
		_ = w.Close()
		return b.String()
	}
	zlibbed := func(s string) string {
		var b bytes.Buffer
		w := zlib.NewWriter(&b)
		_, _ = io.WriteString(w, s)
		_ = w.Close()
		return b.String()
	}
	deflated := func(s string) string {
		var b bytes.Buffer
		w, _ := flate.NewWriter(&b, 6)
		_, _ = io.WriteString(w, s)
		_ = w.Close()
		return b.String()
	}
	one, two := event(key, "a"), event(strings.ToUpper(key), "b")
	indented := new(bytes.Buffer)
	if err := json.Indent(indented, []byte(one), "", "  "); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, encoding, contentType, body string
		items                             int
	}{
		{"array", "", "application/json", "[" + one + "," + two + "]", 2},
		{"lines", "", "application/x-json-stream", one + "\n" + two + "\r\n\n", 2},
		{"one", "", "text/plain", "\xef\xbb\xbf  " + indented.String(), 1},
		{"gzip", "gzip", "", gzipped(one + "\n" + two), 2},
		{"zlib", "deflate", "", zlibbed("[" + one + "]"), 1},
		{"deflate", "Deflate", "", deflated(one), 1},
		{"empty array", "", "", "[]", 0},
	} {
		var s store
		w, a := send(t, New(s.options()), "/v2/track", c.body, "Content-Encoding", c.encoding, "Content-Type", c.contentType)
		if w.Code != 200 || a.Accepted != c.items || len(s.logs) != c.items {
			t.Errorf("%s: %d %s, %d rows", c.name, w.Code, w.Body, len(s.logs))
		}
	}
}

func TestAnswers(t *testing.T) {
	full := errors.New("the disk is full")
	for _, c := range []struct {
		name, body   string
		change       func(*store, *Options)
		status       int
		accepted     int
		errors       string // index:status ...
		retry        time.Duration
		rows         int
		encoding     string
		path, bearer string
	}{
		{name: "accepted", body: event(key, "a"), status: 200, accepted: 1, rows: 1},
		{name: "validated", path: "/v2/validate", body: event(key, "a") + "\n{}", status: 206, accepted: 1, errors: "1:400"},
		{name: "unknown key", body: event("99999999-0000-0000-0000-000000000000", "a"), status: 400, errors: "0:400"},
		{name: "no key", body: event("", "a"), status: 400, errors: "0:400"},
		{name: "partly", body: event(key, "a") + "\n{not json\n" + event(key, "b"), status: 206, accepted: 2, errors: "1:400", rows: 2},
		{name: "unknown type", body: strings.Replace(event(key, "a"), "EventData", "OtherData", 1), status: 400, errors: "0:400"},
		{name: "broken array", body: "[" + event(key, "a") + ",{]", status: 400, errors: "0:400"},
		{name: "cut array", body: "[" + event(key, "a"), status: 400, errors: "0:400"},
		{name: "text", body: "hello", status: 400, errors: "0:400"},
		{name: "nothing", body: "", status: 400, errors: "0:400"},
		{name: "not gzip", body: event(key, "a"), encoding: "gzip", status: 400, errors: "0:400"},
		{name: "brotli", body: event(key, "a"), encoding: "br", status: 415, errors: "0:415"},
		{name: "store full", body: event(key, "a"), change: func(s *store, _ *Options) { s.logErr = full }, status: 503, errors: "0:503", retry: 5 * time.Second},
		{name: "store half full", body: event(key, "a") + "\n" + request(key), change: func(s *store, _ *Options) { s.logErr = full }, status: 206, accepted: 1, errors: "0:503", retry: 5 * time.Second, rows: 1},
		{name: "a store that takes no spans", body: event(key, "a") + "\n" + request(key), change: func(s *store, _ *Options) { s.spanErr = full }, status: 503, errors: "0:503 1:503", retry: 5 * time.Second},
		{name: "errors in the order of items", body: event(key, "a") + "\n" + request(key) + "\n{}\n" + event(key, "b") + "\n" + request(key), change: func(s *store, _ *Options) { s.logErr, s.spanErr = full, full }, status: 206, errors: "0:503 1:503 2:400 3:503 4:503", retry: 5 * time.Second},
		{name: "large body", body: event(key, "a"), change: func(_ *store, o *Options) { o.MaxBodyBytes = 100 }, status: 413, errors: "0:413"},
		{name: "many items", body: event(key, "a") + "\n" + event(key, "b"), change: func(_ *store, o *Options) { o.MaxItems = 1 }, status: 413, errors: "0:413"},
		{name: "large item", body: event(key, "a"), change: func(_ *store, o *Options) { o.MaxItemBytes = 100 }, status: 400, errors: "0:400"},
		{name: "identity required", body: event("33333333-0000-0000-0000-000000000000", "a"), status: 401, errors: "0:401"},
		{name: "identity refused", body: event("33333333-0000-0000-0000-000000000000", "a"), bearer: "who", status: 403, errors: "0:403"},
		{name: "identity", body: event("33333333-0000-0000-0000-000000000000", "a"), bearer: "publisher", status: 200, accepted: 1, rows: 1},
		{name: "daily cap", body: event("44444444-0000-0000-0000-000000000000", "a") + strings.Repeat("\n"+event("44444444-0000-0000-0000-000000000000", "a"), 3), status: 206, accepted: 2, errors: "2:429 3:429", retry: 12 * time.Hour, rows: 2},
		{name: "daily cap at once", body: event("44444444-0000-0000-0000-000000000000", strings.Repeat("a", 400)), status: 439, errors: "0:439", retry: 12 * time.Hour},
		{name: "daily cap that all SDKs wait for", body: event("44444444-0000-0000-0000-000000000000", strings.Repeat("a", 400)), change: func(_ *store, o *Options) { o.CapStatus = 429 }, status: 429, errors: "0:429", retry: 12 * time.Hour},
		{name: "old", body: strings.Replace(event(key, "a"), "2026", "2025", 1), status: 200, accepted: 1, rows: 1},
		{name: "old refused", body: strings.Replace(event(key, "a"), "2026", "2025", 1), change: func(_ *store, o *Options) { o.RefuseAge = true }, status: 400, errors: "0:400"},
		{name: "no time", body: strings.Replace(event(key, "a"), "2026-03-14T12:00:00Z", "", 1), status: 200, accepted: 1, rows: 1},
		{name: "bad time", body: strings.Replace(event(key, "a"), "2026-03-14T12:00:00Z", "noon", 1), status: 400, errors: "0:400"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var s store
			o := s.options()
			o.Authorize = func(r *http.Request, _ telemetry.Workspace) error {
				switch r.Header.Get("Authorization") {
				case "Bearer publisher":
					return nil
				case "Bearer who":
					return ErrForbidden
				}
				return errors.New("unknown")
			}
			if c.change != nil {
				c.change(&s, &o)
			}
			path := c.path
			if path == "" {
				path = "/v2.1/track"
			}
			headers := []string{"Content-Encoding", c.encoding}
			if c.bearer != "" {
				headers = append(headers, "Authorization", "Bearer "+c.bearer)
			}
			w, a := send(t, New(o), path, c.body, headers...)
			var refused []string
			for _, e := range a.Errors {
				refused = append(refused, fmt.Sprintf("%d:%d", e.Index, e.StatusCode))
				if strings.Contains(e.Message, key) || e.Message == "" {
					t.Errorf("message %q", e.Message)
				}
			}
			if w.Code != c.status || a.Accepted != c.accepted || strings.Join(refused, " ") != c.errors || len(s.logs)+len(s.spans) != c.rows {
				t.Errorf("%d %s, %d rows", w.Code, w.Body, len(s.logs)+len(s.spans))
			}
			want := ""
			if c.retry > 0 {
				want = noon.Add(c.retry + time.Second - 1).Format(http.TimeFormat)
			}
			if got := w.Header().Get("Retry-After"); got != want {
				t.Errorf("Retry-After is %q, want %q", got, want)
			}
		})
	}
}

func TestRateOfAWorkspace(t *testing.T) {
	var s store
	o := s.options()
	now := noon
	o.ItemsPerSecond, o.Now = 1, func() time.Time { return now }
	r := New(o)
	body := strings.Repeat(event(key, "a")+"\n", 61)
	w, a := send(t, r, "/v2/track", body)
	if w.Code != 206 || a.Accepted != 60 || a.Errors[0].StatusCode != 429 || w.Header().Get("Retry-After") == "" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w, _ = send(t, r, "/v2/track", event(key, "a")); w.Code != 429 {
		t.Errorf("in the same minute: %d", w.Code)
	}
	now = now.Add(time.Minute)
	if w, _ = send(t, r, "/v2/track", event(key, "a")); w.Code != 200 {
		t.Errorf("in the next minute: %d", w.Code)
	}
}

func TestWhatIsCutIsMarkedAndCounted(t *testing.T) {
	var s store
	o := s.options()
	registry := prometheus.NewRegistry()
	o.Registerer, o.Limits = registry, Limits{Name: 4, Value: 3, Key: 5, Entries: 2}
	body := `{"time":"2026-03-14T12:00:00Z","iKey":"` + key + `","data":{"baseType":"EventData","baseData":{"name":"日本語日本語","properties":{"a":"1234","longname":"1","z":"1"},"measurements":{"m":1,"n":"NaN"}}}}`
	r := New(o)
	if w, _ := send(t, r, "/v2/track", body); w.Code != 200 {
		t.Fatal(w.Body)
	}
	row := s.logs[0]
	if row.EventName != "日本語日" {
		t.Errorf("name %q", row.EventName)
	}
	want := `{"a":"123","gatehouse.truncated":"measurements.n, name, properties, properties.a","longn":"1"}`
	if row.Attributes != want || row.Measurements != `{"m":1}` {
		t.Errorf("attributes %s, measurements %s", row.Attributes, row.Measurements)
	}
	if n := testutil.ToFloat64(r.counts.truncated.WithLabelValues("properties")); n != 2 {
		t.Errorf("counted %v", n)
	}
}

func TestBrowsersMayAsk(t *testing.T) {
	var s store
	r := New(s.options())
	req := httptest.NewRequest("OPTIONS", "/v2/track", nil)
	req.Header.Set("Origin", "https://shop.contoso.com")
	req.Header.Set("Access-Control-Request-Method", "POST")
	w := httptest.NewRecorder()
	r.ServeHTTP(w, req)
	h := w.Header()
	if w.Code != 204 || h.Get("Access-Control-Allow-Origin") != "https://shop.contoso.com" || h.Get("Access-Control-Max-Age") == "" || !strings.Contains(h.Get("Access-Control-Allow-Headers"), "sdk-context") {
		t.Errorf("%d %v", w.Code, h)
	}
	w2, _ := send(t, r, "/v2/track", event(key, "a"), "Origin", "https://shop.contoso.com", "User-Agent", "Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0.0.0 Safari/537.36")
	if w2.Header().Get("Access-Control-Allow-Origin") == "" || s.logs[0].Tags != `{"client_Browser":"Chrome 140","client_OS":"Linux","client_Type":"Browser"}` {
		t.Errorf("%v %s", w2.Header(), s.logs[0].Tags)
	}
}

// The browser SDK drops its items at 439, and sends them again after 429.
func TestPagesKeepTheirItemsAtTheDailyCap(t *testing.T) {
	var s store
	body := event("44444444-0000-0000-0000-000000000000", strings.Repeat("a", 400))
	w, _ := send(t, New(s.options()), "/v2/track", body, "Origin", "https://shop.contoso.com", "User-Agent", "Mozilla/5.0")
	if w.Code != 429 || w.Header().Get("Retry-After") == "" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
}

// Pages name their calls |trace.span.; who they call knows the span.
func TestOlderIDsAreJoined(t *testing.T) {
	const trace, span = "3e789692bbd44432a2932d9b2a6f343d", "3097ff2038444336"
	for id, want := range map[string]string{
		"|" + trace + "." + span + ".": span, span: span, "|" + trace + "." + span: "|" + trace + "." + span, "|root.1_2.": "|root.1_2.", "": "",
		"|" + strings.ToUpper(trace) + "." + span + ".": "|" + strings.ToUpper(trace) + "." + span + ".",
	} {
		if got := spanID(id); got != want {
			t.Errorf("%q: %q", id, got)
		}
	}
}

func TestCredentialsInURLsAreMasked(t *testing.T) {
	for text, want := range map[string]string{
		"https://a/b?x=1&api-key=K#f": "https://a/b?x=1&api-key=***", "GET /b?api-key=K&x=1": "GET /b?api-key=***&x=1", "/b?subscription-key=K": "/b?subscription-key=***",
		"why? api-key=K": "why? api-key=***", "select a ? api-key=K": "select a ? api-key=K", "GET /b?x=1": "GET /b?x=1", "GET a b?api-key=K": "GET a b?api-key=K",
	} {
		if got := maskedURL(text); got != want {
			t.Errorf("%q: %q", text, got)
		}
	}
}

func TestTimespans(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"00:00:00.0042771": 4277100, "1.02:00:00.0015000": 26*time.Hour + 1500*time.Microsecond, "0.00:00:00.1230000": 123 * time.Millisecond,
		"-00:00:01": -time.Second, "12.5": 12500 * time.Microsecond, "25:00:00": 25 * time.Hour, "00:00:00": 0,
		"x": -1, "1:2": -1, "00:00:0a": -1, "00:61:00": -1, "00:00:61": -1, "23:59:59": 24*time.Hour - time.Second, "": -1, "00:00:00.1234567890123": -1, "NaN": -1,
	} {
		got, ok := timespan(text)
		if !ok {
			got = -1
		}
		if got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

// FuzzBody: whatever comes in, each item is accepted or refused, and rows are as
// many as were accepted.
func FuzzBody(f *testing.F) {
	for _, seed := range []string{event(key, "a"), "[" + request(key) + "]", request(key) + "\n" + event(key, "b"), "[]", "{", `[{"iKey":"` + key + `","tags":[],"data":{"baseType":"MetricData","baseData":{"metrics":[{"name":"\\A(b)\\c","value":"1"}]}}}]`,
		`{"iKey":"` + key + `","data":{"baseType":"ExceptionData","baseData":{"exceptions":[{"typeName":"E","parsedStack":[{"level":0,"method":"m"}]}]}}}`} {
		f.Add([]byte(seed), "")
		f.Add([]byte(seed), "deflate")
	}
	f.Fuzz(func(t *testing.T, body []byte, encoding string) {
		var s store
		o := s.options()
		o.Limits.Value, o.Limits.Name = 10, 10
		req := httptest.NewRequest("POST", "/v2/track", bytes.NewReader(body))
		req.Header["Content-Encoding"] = []string{encoding}
		w := httptest.NewRecorder()
		New(o).ServeHTTP(w, req)
		var a answer
		if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil {
			t.Fatal(err)
		}
		if a.Accepted != len(s.spans)+len(s.logs) || a.Received > 0 && a.Received != a.Accepted+len(a.Errors) {
			t.Fatalf("%s with %d rows", w.Body, len(s.spans)+len(s.logs))
		}
		for _, row := range s.logs {
			for _, text := range []string{row.Attributes, row.Item, row.Tags, row.Measurements, row.Resource} {
				if text != "" && !json.Valid([]byte(text)) {
					t.Fatalf("not JSON: %q", text)
				}
			}
		}
		if slices.ContainsFunc(s.logs, func(r telemetry.LogRecord) bool { return r.Source != source }) {
			t.Fatal("source")
		}
	})
}
