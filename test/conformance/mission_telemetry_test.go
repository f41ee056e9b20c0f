package conformance

import (
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// A17: the diagnostic of the service covers an API that is added later.
func missionNewAPICovered(t *testing.T, h *house) {
	files := map[string]string{}
	h.addAPI(files, "added", "", "", false)
	h.write(t, files)
	eventually(t, "the new API", func() bool { return h.call(t, "GET", "/added/items/1", "").status == 200 })
	_, tr := h.request(t, "GET", "/added/items/1", "", "X-Mark", "seen")
	if !strings.Contains(fmt.Sprint(tr.Spans[0].Attributes), "seen") || tr.Spans[0].Request["client_ip"] != "127.0.0.1" {
		t.Errorf("the new API's record lacks what the service's diagnostic keeps: %v %v", tr.Spans[0].Attributes, tr.Spans[0].Request)
	}
}

// A18: at 0, 5, 50 and 100 % the number of records is within binomial bounds.
func missionSampling(t *testing.T, h *house) {
	const n = 2500
	for _, percent := range []float64{0, 5, 50, 100} {
		h.load(t, n, fmt.Sprintf("/sample-%v/items/1", percent), 200)
	}
	h.settled(t)
	for _, percent := range []float64{0, 5, 50, 100} {
		p := percent / 100
		records := n - int(h.rowsLeftOut(t, fmt.Sprintf("sample-%v", percent), n))
		if bound := 5 * math.Sqrt(n*p*(1-p)); math.Abs(float64(records)-n*p) > bound {
			t.Errorf("%v %%: %d records of %d, bound %v", percent, records, n, bound)
		}
		eventually(t, "the counter", func() bool {
			return h.query(t, fmt.Sprintf(`sum(http_server_request_duration_seconds_count{gatehouse_api="sample-%v"})`, percent)) == n
		})
	}
}

// rowsLeftOut counts the requests of an API that have no row of their own: the
// search counts a row as often as its weight, so rows are counted in the list
// page by page.
func (h *house) rowsLeftOut(t *testing.T, api string, n int) int {
	t.Helper()
	rows, end := map[string]bool{}, ""
	for {
		var page struct {
			Traces []struct {
				TraceID string    `json:"trace_id"`
				Start   time.Time `json:"start"`
			} `json:"traces"`
		}
		if status := h.get(t, "/api/traces/search?limit=500&api="+api+end, &page); status != http.StatusOK {
			t.Fatal(status)
		}
		before := len(rows)
		for _, one := range page.Traces {
			rows[one.TraceID] = true
		}
		if len(page.Traces) < 500 || len(rows) == before {
			return n - len(rows)
		}
		// Rows of the same nanosecond stay in the range: the set drops doubles.
		end = "&end=" + page.Traces[len(page.Traces)-1].Start.Add(1).UTC().Format(time.RFC3339Nano)
	}
}

// A19: errors are kept whatever the sampling, each with its backend call.
func missionAllErrors(t *testing.T, h *house) {
	const n = 500
	for _, api := range []string{"errors-0", "errors-1"} {
		h.load(t, n, "/"+api+"/items/1?status=500", 500)
	}
	h.settled(t)
	for _, api := range []string{"errors-0", "errors-1"} {
		if missing := h.rowsLeftOut(t, api, n); missing != 0 {
			t.Errorf("%s: %d of %d errors have no record", api, missing, n)
		}
		for _, one := range h.search(t, "api="+api).Traces[:20] {
			calls := 0
			for _, s := range h.trace(t, one.TraceID).Spans {
				if s.Call != nil && s.Call["status"] == 500.0 {
					calls++
				}
			}
			if calls != 1 || one.HTTPStatus != 500 {
				t.Errorf("%s: trace %s has %d calls, status %d", api, one.TraceID, calls, one.HTTPStatus)
			}
		}
	}
}

// A21: no body is kept unless a diagnostic says how much, and then exactly that.
func missionBodies(t *testing.T, h *house) {
	const secretText = "0123456789-this-is-beyond-the-cap"
	for api, want := range map[string]string{"bare": "", "plain": "", "kept": secretText[:10]} {
		_, tr := h.request(t, "POST", "/"+api+"/items/1", secretText)
		text := fmt.Sprint(tr.Spans[0].Attributes)
		if strings.Contains(text, "-this") || (want == "") == strings.Contains(text, secretText[:10]) {
			t.Errorf("%s: kept %s, want the body %q", api, text, want)
		}
		if want != "" && !strings.Contains(text, "truncated") {
			t.Errorf("%s: the cut is not marked: %s", api, text)
		}
	}
	h.costly(t).bodyCost(t)
}

// A22: verbosity, correlation protocol, headers and client address of the
// diagnostic change what is kept and sent.
func missionDiagnosticSettings(t *testing.T, h *house) {
	h.tenants(t).settings(t)
	for api, want := range map[string][2]string{"kept": {"seen", "127.0.0.1"}, "bare": {"", ""}} {
		_, tr := h.request(t, "GET", "/"+api+"/items/1", "", "X-Mark", "seen", "X-Other", "unwanted")
		text := fmt.Sprint(tr.Spans[0].Attributes)
		if strings.Contains(text, "seen") != (want[0] != "") || strings.Contains(text, "unwanted") || tr.Spans[0].Request["client_ip"] != want[1] {
			t.Errorf("%s: attributes %s, client address %v", api, text, tr.Spans[0].Request["client_ip"])
		}
	}
	id := newTraceID(t)
	for protocol, want := range map[string][2]bool{"w3c": {true, false}, "legacy": {false, true}, "none": {false, false}} {
		a := h.call(t, "GET", "/speak-"+protocol+"/items/1", "", "Traceparent", parent(id), "Request-Id", "|"+id+".00f067aa0ba902b7.")
		taken := func(header string) bool {
			_, rest, found := strings.Cut(a.body, `"`+header+`":["`)
			value, _, _ := strings.Cut(rest, `"`)
			// The caller's own header passes through; a call of ours has a new parent.
			return found && strings.Contains(value, id) && !strings.Contains(value, "00f067aa0ba902b7")
		}
		if got := [2]bool{taken("Traceparent"), taken("Request-Id")}; got != want {
			t.Errorf("%s: the backend got %s", protocol, a.body)
		}
	}
}

// A23: a request is successful only when the whole response was sent.
func missionWholeResponse(t *testing.T, h *house) {
	id := newTraceID(t)
	req, _ := http.NewRequest("GET", h.gateway+"/abandoned/endless", nil)
	req.Header.Set("Traceparent", parent(id))
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(resp.Body, make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	r := h.trace(t, id).Spans[0].Request
	if r["outcome"] != "client-closed" || r["error_reason"] != "ClientConnectionFailure" || r["status"] != 200.0 {
		t.Errorf("an abandoned response: %v", r)
	}
	// A slow reader that reads all: successful, and its time is counted. The
	// body does not fit the buffers between the two.
	id = newTraceID(t)
	req, _ = http.NewRequest("GET", h.gateway+"/whole/items/1?bytes=20000000", nil)
	req.Header.Set("Traceparent", parent(id))
	if resp, err = client.Do(req); err != nil {
		t.Fatal(err)
	}
	<-time.After(300 * time.Millisecond)
	if n, err := io.Copy(io.Discard, resp.Body); err != nil || n != 20_000_000 {
		t.Fatalf("%d bytes, %v", n, err)
	}
	_ = resp.Body.Close()
	s := h.trace(t, id).Spans[0]
	if s.Request["outcome"] != "ok" || s.Request["response_bytes"] != 20_000_000.0 || s.DurationMS < 300 {
		t.Errorf("a slow reader: %v ms, %v", s.DurationMS, s.Request)
	}
}

// A24 and A26: the API's diagnostic replaces the service's; with the same
// logger at both levels nothing is recorded twice.
func missionOverride(t *testing.T, h *house) {
	h.load(t, 20, "/narrow/items/1", 200)
	h.load(t, 20, "/plain/items/77", 200)
	h.settled(t)
	if got := h.search(t, "api=narrow").Total; got != 0 {
		t.Errorf("the API's diagnostic keeps nothing, but there are %d records", got)
	}
	if got := h.search(t, "api=plain&q="+"%2Fplain%2Fitems%2F77").Total; got != 20 {
		t.Errorf("the service's diagnostic keeps all, but there are %d records of 20", got)
	}
	_, tr := h.request(t, "GET", "/bare/items/1", "", "X-Mark", "seen")
	if strings.Contains(fmt.Sprint(tr.Spans[0].Attributes), "seen") {
		t.Errorf("the service's diagnostic still counts beside the API's: %v", tr.Spans[0].Attributes)
	}
}

func missionNotTwice(t *testing.T, h *house) {
	h.load(t, 25, "/same/items/1", 200)
	h.settled(t)
	if got := h.search(t, "api=same"); got.Total != 25 || len(got.Traces) != 25 {
		t.Errorf("%d records, %d traces of 25 requests", got.Total, len(got.Traces))
	}
}

// A27: the record of a request, field by field.
func missionRequestRecord(t *testing.T, h *house) {
	_, tr := h.request(t, "POST", "/keyed/items/5?note=seen&code=private&bytes=321", "hello", "Ocp-Apim-Subscription-Key", productKey, "User-Agent", "mission/1")
	s := tr.Spans[0]
	for name, want := range map[string]any{
		"api": "keyed", "api_name": "API keyed", "api_revision": "1", "operation": "post-item", "product": "starter", "subscription": "team-a",
		"method": "POST", "route": "/items/{id}", "url": h.gateway + "/keyed/items/5", "status": 200.0, "client_ip": "127.0.0.1", "user_agent": "mission/1",
		"request_bytes": 5.0, "response_bytes": 321.0, "outcome": "ok", "error_reason": "", "item_count": 1.0,
	} {
		if s.Request[name] != want {
			t.Errorf("%s is %v, want %v", name, s.Request[name], want)
		}
	}
	if query, _ := s.Request["query"].(string); !strings.Contains(query, "note=seen&code=") || strings.Contains(query, "private") {
		t.Errorf("query %q", query)
	}
	if s.Name != "keyed;rev=1 - post-item" || s.DurationMS <= 0 || s.ParentSpanID != "00f067aa0ba902b7" {
		t.Errorf("span %+v", s)
	}
}

// A28: each backend call is a dependency below the statement that made it.
func missionDependencies(t *testing.T, h *house) {
	_, tr := h.request(t, "GET", "/calls/items/1?status=503", "")
	byID, calls := map[string]span{}, map[string]int{}
	for _, s := range tr.Spans {
		byID[s.SpanID] = s
	}
	var attempts []float64
	for _, s := range tr.Spans {
		if s.Call == nil {
			continue
		}
		source, _ := s.Call["source"].(string)
		calls[source]++
		above := byID[s.ParentSpanID]
		if above.Policy == nil || above.Name != source {
			t.Errorf("the call %s hangs below %q, want %q", s.Name, above.Name, source)
		}
		for above.ParentSpanID != "" && byID[above.ParentSpanID].SpanID != "" {
			above = byID[above.ParentSpanID]
		}
		if above.SpanID != tr.Spans[0].SpanID {
			t.Errorf("the call %s does not lead to the request", s.Name)
		}
		if source == "forward-request" {
			n, _ := s.Call["attempt"].(float64)
			attempts = append(attempts, n)
		}
	}
	slices.Sort(attempts)
	if calls["forward-request"] != 3 || calls["send-request"] != 3 || !slices.Equal(attempts, []float64{1, 2, 3}) {
		t.Errorf("calls %v, attempts %v", calls, attempts)
	}
}

// A32: a message of the trace policy is kept when its severity reaches the
// diagnostic's verbosity.
func missionSeverities(t *testing.T, h *house) {
	for verbosity, want := range map[string][]string{"verbose": {"verbose", "information", "error"}, "information": {"information", "error"}, "error": {"error"}} {
		id := newTraceID(t)
		h.call(t, "GET", "/say-"+verbosity+"/items/1", "", "Traceparent", parent(id))
		var got []string
		eventually(t, "the messages at verbosity "+verbosity, func() bool {
			got = nil
			// At "error" the request itself, which succeeded, is left out.
			var tr tree
			if h.get(t, "/api/traces/"+id, &tr) != http.StatusOK {
				return false
			}
			for _, l := range tr.Logs {
				got = append(got, l.Body)
			}
			return len(got) >= len(want)
		})
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("verbosity %s keeps %v, want %v", verbosity, got, want)
		}
	}
}
