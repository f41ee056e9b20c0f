package gateway

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"gatehouse/internal/apim"
	"gatehouse/internal/policy/statement"
	"gatehouse/internal/telemetry"
)

func TestOverrideAndMultiplex(t *testing.T) {
	diagnostic := func(id, logger string) *apim.Diagnostic {
		return &apim.Diagnostic{ID: id, Logger: logger, Sampling: 100}
	}
	service := []*apim.Diagnostic{diagnostic("azuremonitor", "monitor"), diagnostic("applicationinsights", "all")}
	for name, c := range map[string]struct {
		own       []*apim.Diagnostic
		multiplex bool
		want      string
	}{
		"the service's":       {nil, false, "applicationinsights/all azuremonitor/monitor"},
		"the API's overrides": {[]*apim.Diagnostic{diagnostic("applicationinsights", "one")}, false, "applicationinsights/one azuremonitor/monitor"},
		"both":                {[]*apim.Diagnostic{diagnostic("ApplicationInsights", "one")}, true, "ApplicationInsights/one applicationinsights/all azuremonitor/monitor"},
		"the same logger":     {[]*apim.Diagnostic{diagnostic("applicationinsights", "ALL")}, true, "applicationinsights/ALL azuremonitor/monitor"},
	} {
		s := &apim.Service{Diagnostics: service}
		k := New(Options{Multiplex: c.multiplex}).compilation(s)
		var got []string
		for _, d := range k.diagnostics(&apim.API{Diagnostics: c.own}) {
			got = append(got, d.ID+"/"+d.Logger)
		}
		if text := strings.Join(got, " "); text != c.want {
			t.Errorf("%s: %s, want %s", name, text, c.want)
		}
	}
}

func TestMissingSwitchOfMetricsIsNamed(t *testing.T) {
	for want, diagnostics := range map[string][]*apim.Diagnostic{
		"no diagnostic of the API": nil,
		`"metrics": true`:          {{ID: "applicationinsights", Logger: "l", Sampling: 100}},
		"":                         {{ID: "applicationinsights", Logger: "l", Sampling: 100, Metrics: true}},
	} {
		s := testService("http://127.0.0.1:1")
		s.Loggers = []*apim.Logger{{ID: "l"}}
		s.APIs[2].Policy = document(`<emit-metric name="m"><dimension name="API ID"/></emit-metric>`)
		s.APIs[2].Diagnostics = diagnostics
		o := DefaultOptions()
		o.Definitions = statement.Table()
		snapshot, err := New(o).Compile(s)
		if err != nil {
			t.Fatal(err)
		}
		var texts []string
		for _, w := range snapshot.Warnings {
			if strings.Contains(w.Message, "custom metrics") {
				texts = append(texts, w.Message)
			}
		}
		if want == "" && len(texts) > 0 || want != "" && (len(texts) != 1 || !strings.Contains(texts[0], want)) {
			t.Errorf("%q: %q", want, texts)
		}
	}
}

// withDiagnostic serves the test service with one diagnostic for the API "free".
func withDiagnostic(t *testing.T, d apim.Diagnostic, backend http.Handler, set func(*Options)) *harness {
	t.Helper()
	b := httptest.NewServer(backend)
	t.Cleanup(b.Close)
	s := testService(b.URL)
	d.ID, d.Logger = "applicationinsights", "l"
	s.Loggers = []*apim.Logger{{ID: "l"}}
	s.APIs[2].Diagnostics = []*apim.Diagnostic{&d}
	return newHarness(t, s, set)
}

func TestCaptures(t *testing.T) {
	body := strings.Repeat("x", 100_000)
	h := withDiagnostic(t, apim.Diagnostic{Sampling: 100,
		FrontendRequest:  apim.Capture{Headers: []string{"X-Plain", "x-hidden", "X-Masked", "X-Absent"}, BodyBytes: 10, MaskHeaders: []apim.Mask{{Name: "X-Hidden", Mode: "Hide"}, {Name: "X-Masked", Mode: "Mask"}}, MaskQuery: []apim.Mask{{Name: "m", Mode: "Mask"}, {Name: "h", Mode: "Hide"}}},
		FrontendResponse: apim.Capture{BodyBytes: 8192},
		BackendRequest:   apim.Capture{Headers: []string{"X-Plain"}, BodyBytes: 5},
		BackendResponse:  apim.Capture{Headers: []string{"X-From"}, BodyBytes: 7},
	}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-From", "backend")
		_, _ = w.Write([]byte(body))
	}), nil)
	h.call(t, "POST", "/free/items/1?a=1&m=2&h=3&password=4&subscription-key=5", strings.NewReader(body), "X-Plain", "p", "X-Hidden", "secret", "X-Masked", "secret")
	e := h.recorder.last(t)
	var got []string
	for _, c := range e.Captures {
		got = append(got, fmt.Sprintf("%s %s %d/%d %v", c.Part, c.Name, len(c.Value), c.Size, c.Truncated))
	}
	slices.Sort(got)
	want := []string{
		"backend-request  5/100000 true", "backend-request X-Plain 1/0 false",
		"backend-response  7/100000 true", "backend-response X-From 7/0 false",
		"frontend-request  10/100000 true", "frontend-request X-Masked 3/0 false", "frontend-request X-Plain 1/0 false",
		"frontend-response  8192/100000 true",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if e.Query != "a=1&m=***&password=***" {
		t.Errorf("query %s", e.Query)
	}
}

// Every outgoing call is a span of its own and carries the caller's operation,
// also beside each other in wait, again in retry, and within a fragment.
func TestCorrelationOfEveryCall(t *testing.T) {
	const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	calls := make(chan http.Header, 20)
	backend := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls <- r.Header
		if strings.HasPrefix(r.URL.Path, "/items") {
			w.WriteHeader(503)
		}
	})
	send := `<send-request mode="new" response-variable-name="%s" timeout="10"><set-url>%s/sent</set-url><set-method>GET</set-method></send-request>`
	for protocol, header := range map[string][]string{
		"W3C":      {"Traceparent", "00-" + trace + "-00f067aa0ba902b7-01", "Tracestate", "a=b", "Request-Id", "|other.1."},
		"W3C-only": {"Request-Id", "|" + trace + ".00f067aa0ba902b7."},
		"Legacy":   {"Request-Id", "|5c1a8-root.7_", "Request-Context", "appId=cid-v1:caller-1"},
		"None":     {"Traceparent", "00-" + trace + "-00f067aa0ba902b7-01"},
	} {
		t.Run(protocol, func(t *testing.T) {
			b := httptest.NewServer(backend)
			t.Cleanup(b.Close)
			s := testService(b.URL)
			one := func(name string) string { return fmt.Sprintf(send, name, b.URL) }
			s.Fragments = []*apim.PolicyFragment{{ID: "f", Document: apim.Document{File: "f.xml", Text: "<fragment>" + one("f") + "</fragment>"}}}
			s.Loggers = []*apim.Logger{{ID: "l"}}
			s.APIs[2].Diagnostics = []*apim.Diagnostic{{ID: "applicationinsights", Logger: "l", Sampling: 100, Correlation: strings.TrimSuffix(protocol, "-only")}}
			s.APIs[2].Policy = &apim.Document{File: "p.xml", Text: `<policies><inbound><base/>` + one("a") + `<wait for="all">` + one("b") + one("c") + `</wait><include-fragment fragment-id="f"/></inbound>
<backend><retry condition="@(context.Response.StatusCode == 503)" count="2" interval="0"><forward-request/></retry></backend><outbound><base/></outbound><on-error><base/></on-error></policies>`}
			h := newHarness(t, s, func(o *Options) { o.Application = func(g *apim.Logger) string { return "app-" + g.ID } })
			resp, _ := h.call(t, "GET", "/free/items/1", nil, header...)
			e := h.recorder.last(t)
			if len(e.Calls) != 7 || len(calls) != 7 {
				t.Fatalf("%d calls recorded, %d made", len(e.Calls), len(calls))
			}
			parents := map[string]bool{}
			for range 7 {
				got := <-calls
				parents[parentOf(t, protocol, got, trace)] = true
			}
			spans := map[string]bool{}
			for _, c := range e.Calls {
				spans[c.SpanID.String()] = true
			}
			if protocol == "None" {
				return
			}
			if len(spans) != 7 || fmt.Sprint(parents) != fmt.Sprint(spans) {
				t.Errorf("spans %v, the backends saw %v", spans, parents)
			}
			if legacy := protocol == "Legacy"; (resp.Header.Get("Request-Context") == "appId=cid-v1:app-l") != legacy || (e.Caller == "caller-1") != legacy || (e.Legacy == telemetry.Legacy{Root: "5c1a8-root", Parent: "|5c1a8-root.7_"}) != legacy {
				t.Errorf("response %v, caller %q, operation %+v", resp.Header, e.Caller, e.Legacy)
			}
		})
	}
}

// parentOf checks what one call carries and gives the span that it names.
func parentOf(t *testing.T, protocol string, h http.Header, trace string) string {
	t.Helper()
	traceparent, id := h.Get("Traceparent"), h.Get("Request-Id")
	switch protocol {
	case "Legacy":
		rest, ok := strings.CutPrefix(id, "|5c1a8-root.")
		if !ok || h.Get("Request-Context") != "appId=cid-v1:app-l" || traceparent != "" {
			t.Errorf("%v", h)
		}
		return strings.Trim(rest, ".")
	case "None": // the caller's own header passes with the request, and no call has one of ours
		if traceparent != "" && !strings.Contains(traceparent, "00f067aa0ba902b7") || id != "" {
			t.Errorf("%v", h)
		}
		return ""
	}
	if !strings.HasPrefix(traceparent, "00-"+trace+"-") || (h.Get("Tracestate") == "a=b") != (protocol == "W3C") {
		t.Errorf("%v", h)
	}
	return strings.Split(traceparent, "-")[2]
}

func TestRequestRoot(t *testing.T) {
	for s, want := range map[string]string{
		"|root.1_2.": "root", "root": "root", "a.b": "a", "|4bf92f3577b34da6a3ce929d0e0e4736.00f067aa0ba902b7.": "4bf92f3577b34da6a3ce929d0e0e4736",
		"": "-", "|": "-", "|.a": "-", "|a b.": "-", "a\"b": "-", strings.Repeat("a", 129): "-", "|a." + strings.Repeat("b", 1030): "-",
	} {
		got, ok := requestRoot(s)
		if ok != (want != "-") || ok && got != want {
			t.Errorf("%q: %q %v", s, got, ok)
		}
	}
}

// A client that leaves an event stream has seen enough; one that leaves another
// response did not get all of it.
func TestClientThatLeaves(t *testing.T) {
	for kind, normal := range map[string]bool{"text/event-stream": true, "text/plain": false} {
		for _, strict := range []bool{false, true} {
			h := withDiagnostic(t, apim.Diagnostic{Sampling: 100}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", kind)
				for r.Context().Err() == nil {
					if _, err := w.Write([]byte("data: x\n\n")); err != nil {
						return
					}
					w.(http.Flusher).Flush()
				}
			}), func(o *Options) { o.StrictStreams = strict })
			req, _ := http.NewRequestWithContext(t.Context(), "GET", h.URL+"/free/items/1", nil)
			resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			e := h.recorder.last(t)
			wantOutcome, source := telemetry.OutcomeClientClosed, "transfer-response"
			if normal && !strict {
				wantOutcome, source = telemetry.OutcomeOK, ""
			}
			if e.Outcome != wantOutcome || e.Failure.Source != source || e.Status != 200 {
				t.Errorf("%s, strict %v: %v %+v", kind, strict, e.Outcome, e.Failure)
			}
		}
	}
}

func TestDimensionsBeyondTen(t *testing.T) {
	var dimensions strings.Builder
	for n := range 11 {
		fmt.Fprintf(&dimensions, `<dimension name="d%d" value="v"/>`, n)
	}
	for _, many := range []bool{false, true} {
		s := testService("http://127.0.0.1:1")
		s.APIs[2].Policy = document(`<emit-metric name="m">` + dimensions.String() + `</emit-metric>`)
		o := DefaultOptions()
		o.Definitions, o.ManyDimensions = statement.Table(), many
		snapshot, err := New(o).Compile(s)
		if many != (err == nil) || !many && !strings.Contains(err.Error(), "at most 10") {
			t.Fatalf("many %v: %v", many, err)
		}
		if many && (len(snapshot.Warnings) != 1 || !strings.Contains(snapshot.Warnings[0].Message, "more than 10")) {
			t.Errorf("warnings %v", snapshot.Warnings)
		}
	}
}

// What the exceptions of a request are made of: a client that left while the
// backend was waited for, a failure that on-error turned into a success, and a
// plain error of the backend, which is no failure of the gateway.
func TestWhatExceptionsAreMadeOf(t *testing.T) {
	arrived, leave := make(chan struct{}), make(chan struct{})
	backend := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/items/wait":
			close(arrived)
			<-r.Context().Done()
		case "/items/bad":
			w.WriteHeader(http.StatusBadGateway)
		}
	})
	b := httptest.NewServer(backend)
	t.Cleanup(b.Close)
	s := testService(b.URL)
	s.APIs[2].Policy = &apim.Document{File: "p.xml", Text: `<policies><inbound><base/><choose><when condition="@(context.Request.MatchedParameters["id"] == "mend")"><set-variable name="x" value="@((string)context.Variables["gone"] + 1/int.Parse("0"))"/></when></choose></inbound>
<backend><base/></backend><outbound><base/></outbound><on-error><return-response><set-status code="200" reason="OK"/></return-response></on-error></policies>`}
	h := newHarness(t, s, nil)
	h.call(t, "GET", "/free/items/mend", nil)
	if e := h.recorder.last(t); e.Status != 200 || e.Failure.Reason != "ExpressionValueEvaluationFailure" || e.Failure.Source != "set-variable" || e.Failure.Section != "inbound" || e.Outcome != telemetry.OutcomeError {
		t.Errorf("mended: %d %v %+v", e.Status, e.Outcome, e.Failure)
	}
	h.call(t, "GET", "/free/items/bad", nil)
	if e := h.recorder.last(t); e.Status != 502 || e.Failure.Reason != "" || e.Outcome != telemetry.OutcomeOK {
		t.Errorf("plain: %d %v %+v", e.Status, e.Outcome, e.Failure)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-arrived
		cancel()
		close(leave)
	}()
	req, _ := http.NewRequestWithContext(ctx, "GET", h.URL+"/free/items/wait", nil)
	if _, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req); err == nil {
		t.Fatal("the client did not leave")
	}
	<-leave
	if e := h.recorder.last(t); e.Failure.Reason != "ClientConnectionFailure" || e.Failure.Source != "forward-request" || e.Outcome != telemetry.OutcomeClientClosed {
		t.Errorf("left: %v %+v", e.Outcome, e.Failure)
	}
}
