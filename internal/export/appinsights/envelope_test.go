package appinsights

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/telemetry"
)

var update = flag.Bool("update", false, "write the expected envelopes anew")

var at = time.Date(2026, 11, 20, 10, 0, 0, 123_456_700, time.UTC).UnixNano()

// rows are one of each kind that is sent.
func rows() ([]telemetry.Span, []telemetry.LogRecord) {
	const trace, span = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	gateway := telemetry.Span{Time: at, Duration: 3_250_700, TraceID: trace, SpanID: span, ParentSpanID: "b7ad6b7169203331", Name: "petstore;rev=2 - getPet", Kind: "server", Status: "error",
		Service: "gatehouse", Instance: "host-1", Source: "gateway", RequestID: "5f0c7c6e-7a1b-4f7d-9a53-0a4f5e6d7c8b", API: "petstore", APIRevision: "2", Operation: "getPet",
		Subscription: "sub-1", Method: "GET", StatusCode: 503, Scheme: "https", Host: "api.contoso.com", Path: "/petstore/pets/7", Query: "verbose=***", RequestBytes: 12, ResponseBytes: 512,
		BackendTime: 2_000_000, PolicyTime: 250_700, Outcome: "ok", SampleWeight: 4, Resource: `{"cloud.region":"West Europe"}`,
		Attributes: `{"Request-accept":"text/plain","backend.Response-etag":"e","gatehouse.cache_hit":true,"enduser.id":"ann"}`,
		Calls: []telemetry.CallRow{
			{SpanID: "00000000000000c1", Source: "forward-request", Method: "GET", URL: "http://pets.internal:8080/v1/pets", Target: "pets.internal:8080", Status: 503, Attempt: 1, Offset: 400_000, Duration: 1_000_000, Outcome: "ok"},
			{Source: "forward-request", Method: "GET", URL: "http://pets.internal:8080", Target: "pets.internal:8080", Status: 0, Attempt: 2, Offset: 1_400_000, Duration: 1_000_000, Outcome: "timeout"},
		}}
	copied := gateway
	copied.Source = "gateway-copy"
	record := func(kind, name, item string) telemetry.LogRecord {
		return telemetry.LogRecord{Time: at, TraceID: trace, SpanID: span, EventName: name, Type: kind, Service: "shop", Source: "track", SampleWeight: 2, Item: item, Tags: `{"user_Id":"u1","session_Id":"s1","sdkVersion":"node:3","ai.device.locale":"nl"}`}
	}
	message := record("", "", "")
	message.Body, message.Severity, message.Attributes, message.Measurements = "hello", "warning", `{"key":"value","n":12}`, `{"size":3.5}`
	trace1 := telemetry.LogRecord{Time: at, TraceID: trace, SpanID: span, Severity: "information", Body: "from a policy", Service: "gatehouse", Source: "gateway", API: "petstore", Operation: "getPet", Scope: "my-source"}
	otlp := telemetry.LogRecord{Time: at, Severity: "error", Body: "it broke", Source: "otlp", Attributes: `{"exception.type":"IOError","exception.message":"disk","exception.stacktrace":"at y"}`}
	return []telemetry.Span{gateway, copied,
			{Time: at, Duration: int64(26*time.Hour + 500), TraceID: trace, SpanID: "d1", Name: "GET /v1/pets", Kind: "server", Service: "pets", Source: "otlp", Method: "GET", Route: "/v1/pets/{id}", StatusCode: 404, Scheme: "http", Host: "pets.internal", Path: "/v1/pets/7",
				Events: `[{"time":1773480413500000000,"name":"exception","attributes":{"exception.type":"KeyError","exception.message":"no pet 7"}},{"time":1773480413600000000,"name":"cache miss","attributes":{}}]`},
			{Time: at, Duration: 5_000_000, SpanID: "d2", ParentSpanID: "d1", Name: "SELECT pets", Kind: "client", Service: "pets", Source: "otlp", Host: "db.internal", Attributes: `{"db.system":"mssql","db.name":"zoo","db.statement":"SELECT 1","server.port":1433}`},
			{Time: at, Duration: 20_000_000, SpanID: "e1", ParentSpanID: "e0", Name: "GET /shop", Kind: "server", Status: "ok", Service: "shop", Source: "track", ResultCode: "404", StatusCode: 404, Data: "https://shop.contoso.com/shop?x=1", SampleWeight: 3, Tags: `{"operation_Name":"GET /shop","source":"cid-v1:abc"}`, Measurements: `{"items":3}`},
			{Time: at, Duration: 7_000_000, SpanID: "e2", Name: "GET /stock", Kind: "client", Status: "error", Service: "shop", Source: "track", ResultCode: "0", CallType: "Http", Target: "stock.internal", Data: "http://stock.internal/stock"},
		}, []telemetry.LogRecord{message, trace1, otlp,
			record(telemetry.TypeException, "", `{"problemId":"TypeError at main","type":"TypeError","severityLevel":4,"details":[{"id":"1","outerId":"0","type":"TypeError","message":"x","parsedStack":[{"level":0,"method":"main","line":7}]},{"id":"2","outerId":"1","type":"Inner","message":"y","rawStack":"at z"}]}`),
			record(telemetry.TypeEvent, "bought", ""),
			record(telemetry.TypeMetric, "queue", `{"value":10,"valueSum":10,"valueCount":4,"valueMin":1,"valueMax":5,"metricNamespace":"shop"}`),
			record(telemetry.TypePageView, "Home", `{"id":"p1","url":"https://shop/","duration":1234.5}`),
			record(telemetry.TypeBrowserTiming, "Home", `{"url":"https://shop/","totalDuration":100,"networkDuration":10,"sendDuration":20,"receiveDuration":30,"processingDuration":40}`),
			record(telemetry.TypeAvailability, "front door", `{"id":"a1","location":"here","success":false,"duration":12.5}`),
			record(telemetry.TypePerformanceCounter, "% Processor Time", `{"category":"Processor","instance":"_Total","counter":"% Processor Time","value":12.5}`),
		}
}

func TestEnvelopes(t *testing.T) {
	spans, logs := rows()
	e := &Exporter{queue: newMemory()}
	e.batches.New = func() any { return &batch{} }
	if err := e.Spans(t.Context(), spans); err != nil {
		t.Fatal(err)
	}
	if err := e.Logs(t.Context(), logs); err != nil {
		t.Fatal(err)
	}
	var all []byte
	for _, one := range e.queue.(*memory).waiting {
		pieces, err := join([][]byte{one.Data})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, expand(nil, pieces, nil)...)
	}
	var got bytes.Buffer
	for line := range bytes.Lines(all) {
		if err := json.Indent(&got, append([]byte("{"), line...), "", " "); err != nil {
			t.Fatal(err)
		}
	}
	const path = "testdata/envelopes.json"
	if *update {
		if err := os.WriteFile(path, got.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("the envelopes changed; see them with -update and git diff\n%s", got.Bytes())
	}
	if bytes.Contains(all, []byte("iKey")) {
		t.Error("a key is in the queue")
	}
}

func fresh() *batch {
	b := &batch{}
	b.reset()
	return b
}

// made are the lines of a batch.
func made(b *batch) []byte { return expand(nil, b.out[1:], nil) }

func TestCutsAreMarked(t *testing.T) {
	b := fresh()
	b.log(&telemetry.LogRecord{Type: telemetry.TypeMessage, Body: strings.Repeat("é", 20_000), Attributes: `{"long":"` + strings.Repeat("x", 9000) + `"}`})
	var v struct {
		Data struct {
			BaseData struct {
				Message    string
				Properties map[string]string
			}
		}
	}
	if err := json.Unmarshal(append([]byte("{"), made(b)...), &v); err != nil {
		t.Fatal(err)
	}
	d := v.Data.BaseData
	if len(d.Message) > 32768 || len(d.Properties["long"]) != 8192 || d.Properties[truncated] != "[message long]" {
		t.Errorf("%d %d %q", len(d.Message), len(d.Properties["long"]), d.Properties[truncated])
	}
}

// An escaped text takes as long as it is long.
func TestFlatIsLinear(t *testing.T) {
	text := `{"a":"` + strings.Repeat(`\n`, 1<<20) + `"}`
	out, ok := flat(text)
	if !ok || out["a"] != strings.Repeat("\n", 1<<20) {
		t.Error("not read")
	}
}

// What is read fast is what encoding/json reads.
func FuzzFlat(f *testing.F) {
	for _, text := range []string{`{}`, ` { "a" : "b\\\"c", "n" : -1.5e3 , "t":true,"z":null, "u":"\u00e9" } `, `{"a":{"b":1}}`, `{"a":"x}`, `{"a":01}`, "{\"a\":\"\xff\"}", `{"a":1,"a":2}`, `{"a":"1"}x`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, ok := flat(text)
		if !ok {
			return
		}
		var want object
		d := json.NewDecoder(strings.NewReader(text))
		d.UseNumber()
		if err := d.Decode(&want); err != nil || d.More() || !reflect.DeepEqual(got, want) {
			t.Fatalf("%q: %#v, want %#v %v", text, got, want, err)
		}
	})
}

func FuzzRows(f *testing.F) {
	f.Add(`{"a":1}`, `{"details":[{"parsedStack":[{"level":"x"}]}]}`, "a\xff")
	f.Fuzz(func(t *testing.T, attributes, item, text string) {
		b := fresh()
		for _, kind := range []string{"", telemetry.TypeException, telemetry.TypeMetric, telemetry.TypePageView, telemetry.TypeAvailability} {
			b.log(&telemetry.LogRecord{Type: kind, Body: text, EventName: text, Item: item, Attributes: attributes, Tags: attributes, Measurements: item})
		}
		for _, source := range []string{"gateway", "otlp", "track"} {
			b.span(&telemetry.Span{Source: source, Kind: "client", Attributes: attributes, Resource: item, Events: item, Tags: attributes, Name: text, StatusCode: 500})
		}
		for line := range bytes.Lines(made(b)) {
			if !json.Valid(append([]byte("{"), line...)) {
				t.Fatalf("no JSON: %s", line)
			}
		}
		if b.err != nil {
			t.Fatal(b.err)
		}
	})
}
