package traces_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/api/traces"
	"gatehouse/internal/query/explore"
	"gatehouse/internal/store/lake"
	"gatehouse/internal/telemetry"
)

func now() time.Time { return time.Date(2026, 3, 14, 9, 30, 0, 0, time.UTC) }

const traceID = "4bf92f3577b34da6a3ce929d0e0e4736"

func server(t *testing.T) *httptest.Server {
	t.Helper()
	lo := lake.DefaultOptions(t.TempDir())
	lo.Now = now
	l, err := lake.Open(lo)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	err = l.Spans(context.Background(), []telemetry.Span{{
		Time: now().Add(-time.Minute).UnixNano(), Duration: int64(12 * time.Millisecond), TraceID: traceID, SpanID: "00f067aa0ba902b7", Name: "pets - getPet",
		Kind: "server", Status: "ok", Service: "gatehouse", Source: "gateway", API: "pets", Operation: "getPet", StatusCode: 200, Outcome: "ok", SampleWeight: 1,
	}})
	if err == nil {
		err = l.Logs(context.Background(), []telemetry.LogRecord{{Time: now().Add(-time.Minute).UnixNano(), TraceID: traceID, Severity: "information", Body: "hello", Attributes: `{"k":"v"}`}})
	}
	if err == nil {
		err = l.Flush()
	}
	if err != nil {
		t.Fatal(err)
	}
	eo := explore.DefaultOptions(l)
	eo.Now = now
	mux := http.NewServeMux()
	traces.Register(mux, traces.Options{Explorer: explore.New(eo)})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func get(t *testing.T, s *httptest.Server, path string) (int, map[string]any) {
	t.Helper()
	res, err := http.Get(s.URL + path)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var body map[string]any
	if err := json.NewDecoder(res.Body).Decode(&body); err != nil {
		t.Fatal(path, err)
	}
	return res.StatusCode, body
}

func TestShapes(t *testing.T) {
	s := server(t)
	status, body := get(t, s, "/api/traces/search?api=pets&status=ok&http_status=2xx&min_duration_ms=1.5&max_duration_ms=100&limit=10")
	if status != 200 || body["total"] != 1.0 || body["partial"] != false {
		t.Fatal(status, body)
	}
	first := body["traces"].([]any)[0].(map[string]any)
	for _, key := range strings.Fields("trace_id root_name service api operation product subscription http_status status outcome error_reason start duration_ms spans errors") {
		if _, ok := first[key]; !ok {
			t.Error("no", key, "in", first)
		}
	}
	if first["duration_ms"] != 12.0 || first["start"] != "2026-03-14T09:29:00Z" {
		t.Error(first)
	}
	for _, key := range strings.Fields("bounds_ms counts errors") {
		if _, ok := body["histogram"].(map[string]any)[key].([]any); !ok {
			t.Error("no", key, "in", body["histogram"])
		}
	}
	status, body = get(t, s, "/api/traces/"+strings.ToUpper(traceID))
	if status != 200 || body["duration_ms"] != 12.0 || len(body["logs"].([]any)) != 1 || len(body["warnings"].([]any)) != 0 {
		t.Error(status, body)
	}
	span := body["spans"].([]any)[0].(map[string]any)
	if span["span_id"] != "00f067aa0ba902b7" || span["request"].(map[string]any)["api"] != "pets" || span["attributes"] == nil || span["policy"] != nil {
		t.Error(span)
	}
	if status, body = get(t, s, "/api/traces/services"); status != 200 || len(body["services"].([]any)) != 1 {
		t.Error(status, body)
	}
}

func TestRefusals(t *testing.T) {
	s := server(t)
	for path, want := range map[string]string{
		"/api/traces/" + strings.Repeat("0", 31) + "1":                             "404 not_found []",
		"/api/traces/x%20z":                                                        "400 invalid_parameter [id]",
		"/api/traces/search?start=yesterday&limit=0":                               "400 invalid_parameter [limit start]",
		"/api/traces/search?start=1700000000&end=1600000000":                       "400 invalid_parameter [start]",
		"/api/traces/search?status=bad&http_status=7xx&min_duration_ms=-1":         "400 invalid_parameter [http_status min_duration_ms status]",
		"/api/traces/search?min_duration_ms=5&max_duration_ms=2&colour=blue":       "400 invalid_parameter [colour min_duration_ms]",
		"/api/traces/search?max_duration_ms=NaN&q=" + strings.Repeat("x", 300):     "400 invalid_parameter [max_duration_ms q]",
		"/api/traces/search?q=%00":                                                 "400 invalid_parameter [q]",
		"/api/traces/search?q=%ff":                                                 "400 invalid_parameter [q]",
		"/api/traces/services?start=2026-03-14T09:00:00Z&end=2026-03-14T08:00:00Z": "400 invalid_parameter [start]",
	} {
		status, body := get(t, s, path)
		e, _ := body["error"].(map[string]any)
		fields, _ := e["fields"].(map[string]any)
		names := []string{}
		for _, name := range strings.Fields("colour http_status id limit max_duration_ms min_duration_ms q start status") {
			if fields[name] != nil {
				names = append(names, name)
			}
		}
		if got := fmt.Sprint(status, " ", e["code"], " ", names); got != want || len(fields) != len(names) {
			t.Errorf("%s: got %s, want %s (%v)", path, got, want, e)
		}
	}
}

func TestMap(t *testing.T) {
	s := server(t)
	status, body := get(t, s, "/api/traces/map")
	nodes, _ := body["nodes"].([]any)
	edges, _ := body["edges"].([]any)
	if status != 200 || len(nodes) != 2 || len(edges) != 1 || edges[0].(map[string]any)["why"] == "" {
		t.Errorf("%d %v", status, body)
	}
	if status, _ := get(t, s, "/api/traces/map?start=yesterday"); status != 400 {
		t.Errorf("a bad start: %d", status)
	}
}
