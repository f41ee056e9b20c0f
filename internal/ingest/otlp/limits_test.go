package otlp

import (
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"

	"gatehouse/internal/telemetry"
)

// row makes the row of one span that change has altered.
func row(t *testing.T, o Options, change func(ptrace.Span)) (telemetry.Span, map[string]any) {
	t.Helper()
	td := someTraces(1)
	s := td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0)
	s.Attributes().Clear()
	change(s)
	o = o.withDefaults()
	rows, _ := newRowBuilder(&o).spans(td)
	if len(rows) != 1 {
		t.Fatal("the span was refused")
	}
	attributes := map[string]any{}
	if err := json.Unmarshal([]byte(rows[0].Attributes), &attributes); err != nil {
		t.Fatalf("attributes %q: %v", rows[0].Attributes, err)
	}
	return rows[0], attributes
}

func TestAttributeCount(t *testing.T) {
	r, got := row(t, Options{MaxAttributes: 3, MaxEvents: 2}, func(s ptrace.Span) {
		s.Attributes().PutStr("http.route", "/a") // a column, not counted
		for i := range 5 {
			s.Attributes().PutInt(fmt.Sprint("k", i), int64(i))
			s.Events().AppendEmpty().SetName("e")
			s.Links().AppendEmpty()
		}
		s.SetDroppedAttributesCount(4)
	})
	equal(t, "attributes", fmt.Sprint(got["k0"], got["k2"], got["k3"]), "0 2 <nil>")
	equal(t, "dropped", fmt.Sprint(got["otel.dropped_attributes_count"], got["otel.dropped_events_count"], got["otel.dropped_links_count"]), "6 3 3")
	equal(t, "events", strings.Count(r.Events, `"time"`), 2)
	equal(t, "links", strings.Count(r.Links, `"trace_id"`), 2)
	equal(t, "route", r.Route, "/a")
}

func TestAttributeSize(t *testing.T) {
	r, got := row(t, Options{MaxAttributeBytes: 10}, func(s ptrace.Span) {
		s.Attributes().PutStr("long", "0123456789abc")
		s.Attributes().PutStr("runes", "012345678ü")
		s.Attributes().PutStr("fits", "0123456789")
		s.Attributes().PutStr("url.path", "/123456789abc")
		list := s.Attributes().PutEmptySlice("list")
		for i := range 10 {
			list.AppendEmpty().SetInt(int64(i))
		}
		s.Attributes().PutEmptyBytes("bytes").Append(make([]byte, 100)...)
		s.Attributes().PutStr(strings.Repeat("k", 1000), "v")
	})
	for key, want := range map[string]any{
		"long": "0123456789", "long.truncated": true, "runes": "012345678", "runes.truncated": true, "fits": "0123456789", "fits.truncated": nil,
		"url.path.truncated": true, "list": "[0,1,2,3,4", "list.truncated": true, "bytes": `"AAAAAAAAA`, "bytes.truncated": true, strings.Repeat("k", 256): "v",
	} {
		equal(t, key, got[key], want)
	}
	equal(t, "path", r.Path, "/123456789")
}

func TestTextIsUTF8(t *testing.T) {
	r, got := row(t, Options{}, func(s ptrace.Span) {
		s.SetName("a\xffb")
		s.Status().SetMessage("\xc3")
		s.Attributes().PutStr("url.path", "/\xfe")
		s.Attributes().PutStr("k\xff", "v\xff")
	})
	equal(t, "name", r.Name, "a\uFFFDb")
	equal(t, "path", r.Path, "/\uFFFD")
	equal(t, "message", r.StatusText, "\uFFFD")
	equal(t, "attribute", got["k\uFFFD"], any("v\uFFFD"))
}

func TestLogBodySize(t *testing.T) {
	o := Options{MaxLogBodyBytes: 8}.withDefaults()
	ld := someLogs(2)
	records := ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords()
	list := records.At(1).Body().SetEmptySlice()
	for range 9 {
		list.AppendEmpty().SetBool(true)
	}
	rows := newRowBuilder(&o).logs(ld)
	equal(t, "body", rows[0].Body, "stock is")
	equal(t, "mark", rows[0].Attributes, `{"body.truncated":true}`)
	equal(t, "list", rows[1].Body, "[true,tr")
	equal(t, "mark", rows[1].Attributes, `{"body.truncated":true}`)
}

func TestSecret(t *testing.T) {
	for key, want := range map[string]bool{
		"authorization": true, "Authorization": true, "http.request.header.authorization": true, "proxy-authorization": true, "a.Set-Cookie": true,
		"Ocp-Apim-Subscription-Key": true, "subscription_key": true, "X-API-Key": true, "api.key": false, "x-functions-key": true, "functions-key": false,
		"authorization.type": false, "cookies": false, "apikey": false, "": false, "key": false, ".": false,
	} {
		equal(t, key, secret(key), want)
	}
}

func TestMaskMetrics(t *testing.T) {
	md := someMetrics(2)
	md.ResourceMetrics().At(0).Resource().Attributes().PutStr("x-api-key", "k1")
	p := md.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0).Gauge().DataPoints().At(1)
	p.Attributes().PutStr("authorization", "k1")
	p.Exemplars().AppendEmpty().FilteredAttributes().PutStr("cookie", "k1")
	maskMetrics(md)
	for _, m := range []pcommon.Map{md.ResourceMetrics().At(0).Resource().Attributes(), p.Attributes(), p.Exemplars().At(0).FilteredAttributes()} {
		for key, v := range m.All() {
			equal(t, key, v.Str(), mask)
		}
	}
}

func TestScanCountsWhatIsDecoded(t *testing.T) {
	body, err := ptraceotlp.NewExportRequestFromTraces(someTraces(7)).MarshalProto()
	if err != nil {
		t.Fatal(err)
	}
	s := scan{maxItems: 7}
	if err := s.message(body, tracesRequest, 0); err != nil {
		t.Fatal(err)
	}
	equal(t, "items", s.items, 7)
	equal(t, "groups", s.groups, 2)
	equal(t, "objects", s.objects, 2+2+2*2+7+7*10*2) // groups, resource and scope, its attributes, spans, theirs
}

func TestManyObjects(t *testing.T) {
	// 1.2 million empty attributes of one resource: 2.4 MB that would become 100.
	attributes := []byte(strings.Repeat("\x0a\x00", 1_200_000))
	resource := append(append([]byte{0x0a}, length(len(attributes))...), attributes...)
	group := append(append([]byte{0x0a}, length(len(resource))...), resource...)
	_, f := New(Options{Rows: &store{}}).export(t.Context(), traces, protobuf, group)
	if f == nil || f.http != 413 {
		t.Errorf("got %v", f)
	}
}

func TestCounts(t *testing.T) {
	var s store
	o, registry := s.options(), prometheus.NewRegistry()
	o.Registerer = registry
	receiver := New(o)
	td := someTraces(3)
	td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).SetSpanID(pcommon.SpanID{})
	body, err := ptraceotlp.NewExportRequestFromTraces(td).MarshalProto()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := receiver.call(t.Context(), traces, &rawMessage{body}); err != nil {
		t.Fatal(err)
	}
	want := `
# HELP gatehouse_otlp_items_total Spans, log records and data points that were taken in.
# TYPE gatehouse_otlp_items_total counter
gatehouse_otlp_items_total{signal="traces"} 2
# HELP gatehouse_otlp_refused_total Spans, log records and data points that were refused.
# TYPE gatehouse_otlp_refused_total counter
gatehouse_otlp_refused_total{reason="zero_span_id",signal="traces"} 1
# HELP gatehouse_otlp_requests_total OTLP export requests by their gRPC code.
# TYPE gatehouse_otlp_requests_total counter
gatehouse_otlp_requests_total{code="OK",signal="traces",transport="grpc"} 1
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want)); err != nil {
		t.Error(err)
	}
}

// TestSlowBody: a sender that stops in the middle of its body loses its slot.
func TestSlowBody(t *testing.T) {
	var s store
	o := s.options()
	o.ReadTimeout = 20 * time.Millisecond
	server := serve(t, o)
	c, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "POST /v1/traces HTTP/1.1\r\nHost: a\r\nContent-Type: %s\r\nContent-Length: 100\r\n\r\nx", typeProtobuf)
	if err := c.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 12)
	if _, err := c.Read(answer); err != nil {
		t.Fatal(err)
	}
	equal(t, "answer", string(answer), "HTTP/1.1 503")
}

// FuzzTracesJSON: no input panics, and what becomes a row can be stored.
func FuzzTracesJSON(f *testing.F) {
	fuzz(f, jsonText, func(td ptrace.Traces) ([]byte, error) { return ptraceotlp.NewExportRequestFromTraces(td).MarshalJSON() })
}

func FuzzTracesProtobuf(f *testing.F) {
	f.Add(nested(3))
	fuzz(f, protobuf, func(td ptrace.Traces) ([]byte, error) {
		return ptraceotlp.NewExportRequestFromTraces(td).MarshalProto()
	})
}

func fuzz(f *testing.F, e encoding, marshal func(ptrace.Traces) ([]byte, error)) {
	seed := someTraces(2)
	s := seed.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(1)
	s.Events().AppendEmpty().SetName("exception")
	s.Links().AppendEmpty().Attributes().PutEmptyMap("m").PutStr("cookie", "k1")
	s.Attributes().PutEmptySlice("l").AppendEmpty().SetDouble(1.5)
	b, err := marshal(seed)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, body []byte) {
		var s store
		o := s.options()
		o.MaxAttributeBytes, o.MaxAttributes = 64, 4
		if _, fault := New(o).export(t.Context(), traces, e, body); fault != nil {
			return
		}
		for _, r := range s.spans {
			for _, text := range []string{r.Attributes, r.Resource, r.Events, r.Links} {
				if text != "" && !json.Valid([]byte(text)) {
					t.Errorf("not JSON: %q", text)
				}
			}
			for _, text := range []string{r.Name, r.StatusText, r.Service, r.Instance, r.Route, r.Path, r.Query, r.Host, r.ErrorReason, r.ErrorMessage, r.Attributes} {
				if !utf8.ValidString(text) {
					t.Errorf("not UTF-8: %q", text)
				}
			}
			if r.Duration < 0 || r.Time <= 0 || len(r.TraceID) != 32 || len(r.SpanID) != 16 {
				t.Errorf("bad row: %+v", r)
			}
		}
	})
}
