package track

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/telemetry"
)

func ping(t *testing.T, r *Receiver, path, etag, body string) *httptest.ResponseRecorder {
	t.Helper()
	req := httptest.NewRequest("POST", "/QuickPulseService.svc/"+path+"?api-version=2024-04-01-preview&iKey="+key, strings.NewReader(body))
	req.Header.Set("x-ms-qps-configuration-etag", etag)
	w := httptest.NewRecorder()
	r.ServeHTTP(w, req)
	return w
}

const point = `[{"Version":"node:1","InvariantVersion":5,"Instance":"i","RoleName":"shop","MachineName":"m","StreamId":"s","Timestamp":"/Date(1)/",
"Metrics":[{"Name":"\\ApplicationInsights\\Requests/Sec","Value":2,"Weight":1},{"Name":"\\Process\\Physical Bytes","Value":1000,"Weight":1}],
"Documents":[{"DocumentType":"Request","DocumentStreamIds":["all-types-default"],"Name":"GET /","Url":"https://a/?api-key=x","ResponseCode":"500","Duration":"PT0.25S","Properties":[{"Key":"cookie","Value":"x"},{"Key":"k","Value":"v"}]}],
"CollectionConfigurationErrors":[]}]`

func TestLiveMetrics(t *testing.T) {
	var s store
	o := s.options()
	o.Now, o.Process = time.Now, func() (float64, float64) { return 1, 2 }
	r := New(o)
	if w := ping(t, r, "ping", "", ""); w.Code != 200 || w.Header().Get("x-ms-qps-subscribed") != "false" {
		t.Fatalf("nobody watches: %d %v", w.Code, w.Header())
	}
	server := httptest.NewServer(r.Live(func(name string) (string, bool) { return name, name == "" }))
	t.Cleanup(server.Close)
	t.Cleanup(r.Close)
	resp, err := http.Get(server.URL + "/api/live?workspace=")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	w := ping(t, r, "ping", "", "")
	etag := w.Header().Get("x-ms-qps-configuration-etag")
	if w.Header().Get("x-ms-qps-subscribed") != "true" || etag == "" || !strings.Contains(w.Body.String(), `"DocumentStreams":[{"Id":"all-types-default"`) {
		t.Fatalf("watched: %v %s", w.Header(), w.Body)
	}
	if w = ping(t, r, "post", etag, point); w.Code != 200 || w.Body.Len() > 0 {
		t.Fatalf("posted: %d %s", w.Code, w.Body)
	}
	e := telemetry.NewExchange()
	e.Method, e.Scheme, e.Host, e.Path, e.Status, e.Duration = "GET", "https", "api", "/x", 500, time.Second
	r.Exchange(e)
	got := map[string]View{}
	for lines := bufio.NewScanner(resp.Body); len(got) < 3 && lines.Scan(); {
		data, found := bytes.CutPrefix(lines.Bytes(), []byte("data: "))
		if !found {
			continue
		}
		var v View
		if err := json.Unmarshal(data, &v); err != nil {
			t.Fatal(err)
		}
		kind := v.Source
		if kind == "gateway" && len(v.Documents) > 0 {
			kind = "failure"
		}
		got[kind] = v
	}
	sdk := got["sdk"]
	if sdk.Role != "shop" || sdk.Metrics["requests_per_second"] != 2 || sdk.Metrics["memory_bytes"] != 1000 || len(sdk.Documents) != 1 {
		t.Fatalf("%+v", sdk)
	}
	if d := sdk.Documents[0]; d.URL != "https://a/?api-key=***" || *d.Duration != 250 || d.Properties["cookie"] != mask || d.Code != "500" {
		t.Errorf("%+v", d)
	}
	if d := got["failure"].Documents; len(d) != 1 || d[0].Name != "GET /x" {
		t.Errorf("%+v", d)
	}
	if _, ok := got["gateway"].Metrics["requests_per_second"]; !ok {
		t.Errorf("%+v", got["gateway"])
	}
}

func TestLiveConfiguration(t *testing.T) {
	var s store
	r := New(s.options())
	h := r.Live(func(name string) (string, bool) { return name, name == "" })
	put := func(body string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("PUT", "/api/live/configuration", strings.NewReader(body)))
		return w
	}
	before := r.hubs.of("").configuration().ETag
	if w := put(`{"Metrics":[{"Id":"m","TelemetryType":"Request","Projection":"Count()","Aggregation":"Sum"}],"DocumentStreams":[{"Id":"d","DocumentFilterGroups":[{"TelemetryType":"Trace","Filters":{"Filters":[{"FieldName":"Message","Predicate":"Contains","Comparand":"x"}]}}]}]}`); w.Code != 200 || r.hubs.of("").configuration().ETag == before {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	for _, bad := range []string{`{`, `{"Metrics":[{"Id":"m"}]}`, `{"Metrics":[{"Id":"m","TelemetryType":"Other","Projection":"Count()","Aggregation":"Sum"}]}`,
		`{"DocumentStreams":[{"Id":"d","DocumentFilterGroups":[{"TelemetryType":"Trace","Filters":{"Filters":[{"FieldName":"M","Predicate":"Like"}]}}]}]}`} {
		if w := put(bad); w.Code != 400 {
			t.Errorf("%s: %d", bad, w.Code)
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/api/live?workspace=other", nil))
	if w.Code != 404 {
		t.Errorf("another workspace: %d", w.Code)
	}
	if w := ping(t, r, "post", "", `[1]`); w.Code != 400 {
		t.Errorf("bad point: %d", w.Code)
	}
}
