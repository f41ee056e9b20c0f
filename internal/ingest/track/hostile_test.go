package track

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"
)

// envelopeOf wraps base data as senders do.
func envelopeOf(kind, data string) string {
	return fmt.Sprintf(`{"time":"2026-03-14T12:00:00Z","iKey":%q,"data":{"baseType":%q,"baseData":%s}}`, key, kind, data)
}

// What senders of every language are seen to write is taken, each form of it,
// and read as meant.
func TestTolerances(t *testing.T) {
	request := `{"id":"1","name":"GET /a","duration":"00:00:00.0042771","responseCode":"200","success":true}`
	whole := envelopeOf("RequestData", request)
	for _, c := range []struct {
		name, body string
		check      func(*store) bool
	}{
		{"name with a key in it", strings.Replace(whole, `{"time"`, `{"ver":1,"name":"Microsoft.ApplicationInsights.11111111222233334444555555555555.Request","time"`, 1), func(s *store) bool { return s.spans[0].Duration == 4277100 }},
		{"no version, rate or tags", whole, func(s *store) bool { return s.spans[0].SampleWeight == 1 }},
		{"rate", strings.Replace(whole, `{"time"`, `{"sampleRate":33.33,"time"`, 1), func(s *store) bool { return s.spans[0].SampleWeight == 3 }},
		{"rate as a text", strings.Replace(whole, `{"time"`, `{"sampleRate":"10","time"`, 1), func(s *store) bool { return s.spans[0].SampleWeight == 10 }},
		{"rate of nothing", strings.Replace(whole, `{"time"`, `{"sampleRate":0,"time"`, 1), func(s *store) bool { return s.spans[0].SampleWeight == 1 }},
		{"sequence and flags", strings.Replace(whole, `{"time"`, `{"seq":"a:1","flags":2,"time"`, 1), func(s *store) bool { return len(s.spans) == 1 }},
		{"days in a duration", strings.Replace(whole, "00:00:00.0042771", "1.02:00:00.0015000", 1), func(s *store) bool { return s.spans[0].Duration == (26*3600*1e9 + 1500000) }},
		{"no days in a duration", strings.Replace(whole, "00:00:00.0042771", "0.00:00:00.1230000", 1), func(s *store) bool { return s.spans[0].Duration == 123e6 }},
		{"empty ids", envelopeOf("RemoteDependencyData", `{"id":"","name":"","duration":"00:00:01"}`), func(s *store) bool { return s.spans[0].SpanID == "" && s.spans[0].Status == "ok" }},
		{"SQL's code", envelopeOf("RemoteDependencyData", `{"name":"select","type":"SQL","resultCode":"0","duration":"00:00:01","success":true}`), func(s *store) bool { return s.spans[0].ResultCode == "0" && s.spans[0].StatusCode == 0 }},
		{"a number for a code", envelopeOf("RemoteDependencyData", `{"name":"GET /a","resultCode":404,"duration":"00:00:01","success":"False"}`), func(s *store) bool { return s.spans[0].ResultCode == "404" && s.spans[0].Status == "error" }},
		{"PageViewData", envelopeOf("PageViewData", `{"id":"1","name":"a"}`), func(s *store) bool { return s.logs[0].EventName == "a" }},
		{"PageviewData", envelopeOf("PageviewData", `{"id":"1","name":"a"}`), func(s *store) bool { return s.logs[0].EventName == "a" }},
		{"severity as a number", envelopeOf("MessageData", `{"message":"a","severityLevel":2}`), func(s *store) bool { return s.logs[0].Severity == "warning" }},
		{"severity as a word", envelopeOf("MessageData", `{"message":"a","severityLevel":"Warning"}`), func(s *store) bool { return s.logs[0].Severity == "warning" }},
		{"no severity", envelopeOf("MessageData", `{"message":"a","severityLevel":null}`), func(s *store) bool { return s.logs[0].SeverityNumber == 5 }},
		{"kind as a number", envelopeOf("MetricData", `{"metrics":[{"name":"m","kind":1,"value":6,"count":3}]}`), func(s *store) bool { return strings.Contains(s.logs[0].Item, `"valueCount":3`) }},
		{"kind as a word", envelopeOf("MetricData", `{"metrics":[{"name":"m","kind":"Aggregation","value":6,"count":3}]}`), func(s *store) bool { return strings.Contains(s.logs[0].Item, `"valueSum":6`) }},
		{"more keys in a frame", envelopeOf("ExceptionData", `{"exceptions":[{"typeName":"E","message":"m","parsedStack":[{"level":0,"method":"f","sizeInBytes":9}]}]}`), func(s *store) bool { return strings.Contains(s.logs[0].Item, `"problemId":"E at f"`) }},
		{"arrays for objects", envelopeOf("EventData", `{"name":"a","properties":[],"measurements":[]}`), func(s *store) bool { return s.logs[0].EventName == "a" }},
		{"values of other types", envelopeOf("EventData", `{"name":"a","properties":{"n":1,"b":true,"z":null,"o":{"x":[1]}}}`), func(s *store) bool { return s.logs[0].Attributes == `{"b":"true","n":"1","o":"{\"x\":[1]}"}` }},
		{"fractions of any length", strings.Replace(whole, "12:00:00Z", "12:00:00.1234567Z", 1), func(s *store) bool { return s.spans[0].Time%1e9 == 123456700 }},
		{"another zone", strings.Replace(whole, "12:00:00Z", "13:00:00+01:00", 1), func(s *store) bool { return s.spans[0].Time == noon.UnixNano() }},
		{"a key twice", strings.Replace(whole, `"id":"1"`, `"id":"0","id":"1"`, 1), func(s *store) bool { return s.spans[0].SpanID == "1" }},
		{"no UTF-8", strings.Replace(whole, "GET /a", "GET /\xff", 1), func(s *store) bool { return s.spans[0].Name == "GET /\uFFFD" }},
		{"an infinite measurement", envelopeOf("EventData", `{"name":"a","measurements":{"i":1e999,"n":"Infinity","k":2}}`), func(s *store) bool { return s.logs[0].Measurements == `{"k":2}` }},
		{"a huge count", envelopeOf("MetricData", `{"metrics":[{"name":"m","value":1e308,"count":1e300}]}`), func(s *store) bool { return strings.Contains(s.logs[0].Item, `"valueCount":2147483647`) }},
		{"huge numbers in an exception", envelopeOf("ExceptionData", `{"exceptions":[{"id":1e300,"outerId":-1e300,"typeName":"E","message":"m","parsedStack":[{"level":1e300,"line":-1e300,"method":"f"}]}]}`), func(s *store) bool { return json.Valid([]byte(s.logs[0].Item)) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			var s store
			if w, a := send(t, New(s.options()), "/v2/track", c.body); w.Code != 200 || a.Accepted != 1 || !c.check(&s) {
				t.Errorf("%d %s\n%+v\n%+v", w.Code, w.Body, s.spans, s.logs)
			}
		})
	}
}

// What cannot be read is refused item by item, with words, and never ends the
// process or takes its neighbours along.
func TestHostileItems(t *testing.T) {
	deep := strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000)
	for name, body := range map[string]string{
		"an array for an id's object": envelopeOf("RequestData", `[]`),
		"a text for data":             `{"iKey":"` + key + `","data":"x"}`,
		"a number for metrics":        envelopeOf("MetricData", `{"metrics":7}`),
		"no metrics":                  envelopeOf("MetricData", `{"metrics":[]}`),
		"no number":                   envelopeOf("MetricData", `{"metrics":[{"name":"m","value":"NaN"}]}`),
		"negative duration":           envelopeOf("RequestData", `{"id":"1","duration":"-00:00:01","responseCode":"200","success":true}`),
		"a duration of ages":          envelopeOf("RequestData", `{"id":"1","duration":"99999.00:00:00","responseCode":"200","success":true}`) + "\n{}",
		"sixty-one minutes":           envelopeOf("RequestData", `{"id":"1","duration":"00:61:00","responseCode":"200","success":true}`),
		"deep":                        envelopeOf("EventData", `{"name":"a","properties":{"deep":`+deep+`}}`),
		"null":                        `null`,
		"a year of ages":              strings.Replace(envelopeOf("EventData", `{"name":"a"}`), "2026", "0001", 1),
	} {
		t.Run(name, func(t *testing.T) {
			var s store
			w, a := send(t, New(s.options()), "/v2/track", body+"\n"+event(key, "good"))
			if a.Accepted < 0 || a.Received != a.Accepted+len(a.Errors) && a.Received > 0 || w.Code >= 500 {
				t.Errorf("%d %s", w.Code, w.Body)
			}
			t.Logf("%d %s", w.Code, w.Body)
			for _, row := range s.spans {
				t.Logf("%+v", row)
				if row.Duration < 0 {
					t.Errorf("a duration of %d", row.Duration)
				}
			}
		})
	}
}

// A body that is small as sent and endless as read is refused at the limit.
func TestGzipBomb(t *testing.T) {
	var s store
	o := s.options()
	o.MaxBodyBytes = 1 << 20
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	for range 64 {
		_, _ = z.Write(make([]byte, 1<<20))
	}
	_ = z.Close()
	req := httptest.NewRequest("POST", "/v2/track", &b)
	req.Header.Set("Content-Encoding", "gzip")
	w := httptest.NewRecorder()
	New(o).ServeHTTP(w, req)
	if w.Code != 413 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// Bodies that are large together are refused for a while, so that their senders
// come again, and what they took is given back.
func TestManyLargeBodies(t *testing.T) {
	var s store
	o := s.options()
	o.MaxPending = 10_000
	r := New(o)
	large := event(key, strings.Repeat("a", 20_000))
	if w, _ := send(t, r, "/v2/track", large); w.Code != 503 || w.Header().Get("Retry-After") == "" {
		t.Errorf("a body beyond the bound: %d %s", w.Code, w.Body)
	}
	if n := r.pending.Load(); n != 0 {
		t.Errorf("%d bytes are not given back", n)
	}
	for range 3 {
		if w, _ := send(t, r, "/v2/track", event(key, strings.Repeat("a", 5000))); w.Code != 200 {
			t.Errorf("a body within it: %d %s", w.Code, w.Body)
		}
	}
	// One whose sender is slow keeps what it has.
	r.pending.Store(9000)
	if w, _ := send(t, r, "/v2/track", event(key, strings.Repeat("a", 5000))); w.Code != 503 {
		t.Errorf("beside another: %d %s", w.Code, w.Body)
	}
}

// What is in nobody's words is answered with some, and never ends the process.
func TestHostileBodies(t *testing.T) {
	gz := func(text string) string {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = z.Write([]byte(text))
		_ = z.Close()
		return b.String()
	}
	whole := gz(event(key, "good"))
	for name, c := range map[string]struct {
		body, encoding, kind string
		status               int
	}{
		"gzip that is cut":              {whole[:len(whole)-6], "gzip", "application/x-json-stream", 400},
		"gzip that is none":             {event(key, "a"), "gzip", "application/json", 400},
		"an unknown encoding":           {event(key, "a"), "br", "application/json", 415},
		"an array that is cut":          {"[" + event(key, "a"), "", "application/json", 400},
		"half an item":                  {event(key, "a")[:20], "", "application/json", 400},
		"a deep array":                  {strings.Repeat("[", 100_000), "", "application/json", 400},
		"a deep item":                   {strings.Repeat(`{"a":`, 5_000) + "1" + strings.Repeat("}", 5_000), "", "application/json", 400},
		"bytes that are no text":        {"\xff\xfe\x00", "", "text/plain", 400},
		"a name that is no text":        {strings.Replace(event(key, "a"), `"a"`, "\"\xff\xfe\"", 1), "", "application/json", 200},
		"an infinite sample rate":       {strings.Replace(event(key, "a"), `"iKey"`, `"sampleRate":1e999,"iKey"`, 1), "", "application/json", 200},
		"a wrong content type is taken": {event(key, "a"), "", "image/png", 200},
		"a key of 1 MiB":                {event(strings.Repeat("k", 50_000), "a"), "", "application/json", 400},
	} {
		t.Run(name, func(t *testing.T) {
			var s store
			req := httptest.NewRequest("POST", "/v2/track", strings.NewReader(c.body))
			req.Header.Set("Content-Encoding", c.encoding)
			req.Header.Set("Content-Type", c.kind)
			w := httptest.NewRecorder()
			New(s.options()).ServeHTTP(w, req)
			if w.Code != c.status || !strings.Contains(w.Body.String(), "itemsReceived") {
				t.Errorf("%d %.300s, want %d", w.Code, w.Body, c.status)
			}
			for _, l := range s.logs {
				if !utf8.ValidString(l.EventName) || l.SampleWeight < 1 || l.SampleWeight > 1e6 {
					t.Errorf("%q with the weight %d is stored", l.EventName, l.SampleWeight)
				}
			}
		})
	}
}
