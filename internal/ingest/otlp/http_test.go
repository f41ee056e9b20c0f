package otlp

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/proto"
)

type marshaler interface {
	MarshalProto() ([]byte, error)
	MarshalJSON() ([]byte, error)
}

// encoded is a request as it goes over the wire.
func encoded(t *testing.T, m marshaler, contentType string) []byte {
	t.Helper()
	marshal := m.MarshalProto
	if contentType == typeJSON {
		marshal = m.MarshalJSON
	}
	b, err := marshal()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func zipped(b []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = w.Write(b)
	_ = w.Close()
	return out.Bytes()
}

func serve(t *testing.T, o Options) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(New(o).Handler())
	t.Cleanup(server.Close)
	return server
}

func post(t *testing.T, url, contentType, contentEncoding string, body []byte) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	if contentEncoding != "" {
		req.Header.Set("Content-Encoding", contentEncoding)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, b
}

func TestHTTP(t *testing.T) {
	for _, contentType := range []string{typeProtobuf, typeJSON} {
		for _, contentEncoding := range []string{"", "gzip"} {
			t.Run(contentType+" "+contentEncoding, func(t *testing.T) {
				var s store
				server := serve(t, s.options())
				for path, m := range map[string]marshaler{
					"/v1/traces":  ptraceotlp.NewExportRequestFromTraces(someTraces(3)),
					"/v1/logs":    plogotlp.NewExportRequestFromLogs(someLogs(2)),
					"/v1/metrics": pmetricotlp.NewExportRequestFromMetrics(someMetrics(4)),
				} {
					body := encoded(t, m, contentType)
					if contentEncoding == "gzip" {
						body = zipped(body)
					}
					res, answer := post(t, server.URL+path, contentType, contentEncoding, body)
					equal(t, path+" status", res.StatusCode, 200)
					equal(t, path+" type", res.Header.Get("Content-Type"), contentType)
					// An empty partial success may be written or left out.
					if got := string(answer); contentType == typeJSON && got != "{}" && got != `{"partialSuccess":{}}` {
						t.Errorf("%s answer: %q", path, got)
					}
				}
				equal(t, "spans", len(s.spans), 3)
				equal(t, "logs", len(s.logs), 2)
				equal(t, "points", s.points, 4)
			})
		}
	}
}

func TestHTTPPartialSuccess(t *testing.T) {
	var s store
	server := serve(t, s.options())
	td := someTraces(2)
	td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).SetTraceID([16]byte{})
	request := ptraceotlp.NewExportRequestFromTraces(td)
	for _, contentType := range []string{typeProtobuf, typeJSON} {
		res, body := post(t, server.URL+"/v1/traces", contentType, "", encoded(t, request, contentType))
		equal(t, "status", res.StatusCode, 200)
		got := ptraceotlp.NewExportResponse()
		unmarshal := got.UnmarshalProto
		if contentType == typeJSON {
			unmarshal = got.UnmarshalJSON
		}
		if err := unmarshal(body); err != nil {
			t.Fatal(err)
		}
		equal(t, "refused", got.PartialSuccess().RejectedSpans(), 1)
		equal(t, "message", got.PartialSuccess().ErrorMessage(), "1 spans refused: zero trace id (1)")
	}
}

func TestHTTPErrors(t *testing.T) {
	failing := store{err: errors.New("disk /secret/path is full")}
	var good store
	small, few, refusing, none, patient := good.options(), good.options(), good.options(), good.options(), good.options()
	patient.ReadTimeout = 2 * time.Minute // a busy machine under the race detector takes longer than 15 s
	small.MaxBodyBytes, few.MaxItems, none.Metrics = 200, 2, nil
	refusing.Metrics = func(context.Context, pmetric.Metrics) error { return Permanent(errors.New("delta temporality")) }
	three := ptraceotlp.NewExportRequestFromTraces(someTraces(3))
	pb, js := encoded(t, three, typeProtobuf), encoded(t, three, typeJSON)
	points := encoded(t, pmetricotlp.NewExportRequestFromMetrics(someMetrics(1)), typeProtobuf)
	manyPoints := encoded(t, pmetricotlp.NewExportRequestFromMetrics(someMetrics(3)), typeProtobuf)
	records := encoded(t, plogotlp.NewExportRequestFromLogs(someLogs(3)), typeProtobuf)
	bomb := zipped(make([]byte, 1<<20))
	deep := []byte(`{"resourceSpans":[{"resource":{"attributes":[{"key":"a","value":` + strings.Repeat(`{"arrayValue":{"values":[`, 5000))
	for _, c := range []struct {
		name                        string
		o                           Options
		path, contentType, encoding string
		body                        []byte
		status                      int
		retry                       string
	}{
		{"malformed protobuf", good.options(), "/v1/traces", typeProtobuf, "", []byte{0xff}, 400, ""},
		{"malformed JSON", good.options(), "/v1/traces", typeJSON, "", []byte(`{"resourceSpans":[`), 400, ""},
		{"malformed id", good.options(), "/v1/traces", typeJSON, "", []byte(`{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"zz"}]}]}]}`), 400, ""},
		{"empty JSON", good.options(), "/v1/logs", typeJSON, "", nil, 400, ""},
		{"deep JSON", good.options(), "/v1/traces", typeJSON, "", deep, 400, ""},
		{"deep protobuf", good.options(), "/v1/traces", typeProtobuf, "", nested(500), 400, ""},
		{"not gzip", good.options(), "/v1/traces", typeProtobuf, "gzip", pb, 400, ""},
		{"cut gzip", good.options(), "/v1/traces", typeProtobuf, "gzip", zipped(pb)[:30], 400, ""},
		{"metrics refused", refusing, "/v1/metrics", typeProtobuf, "", points, 400, ""},
		{"unknown path", good.options(), "/v1/profiles", typeProtobuf, "", pb, 404, ""},
		{"no metrics", none, "/v1/metrics", typeProtobuf, "", points, 404, ""},
		{"large", small, "/v1/traces", typeProtobuf, "", pb, 413, ""},
		{"large JSON", small, "/v1/traces", typeJSON, "", js, 413, ""},
		{"bomb", small, "/v1/traces", typeProtobuf, "gzip", zipped(pb), 413, ""},
		{"large bomb", patient, "/v1/traces", typeProtobuf, "gzip", zipped(make([]byte, 17<<20)), 413, ""},
		{"zeros", good.options(), "/v1/traces", typeProtobuf, "gzip", bomb, 400, ""},
		{"many spans", few, "/v1/traces", typeProtobuf, "", pb, 413, ""},
		{"many spans JSON", few, "/v1/traces", typeJSON, "", js, 413, ""},
		{"many logs", few, "/v1/logs", typeProtobuf, "", records, 413, ""},
		{"many points", few, "/v1/metrics", typeProtobuf, "", manyPoints, 413, ""},
		{"many empty groups", few, "/v1/logs", typeProtobuf, "", []byte{0x0a, 0, 0x0a, 0, 0x0a, 0}, 413, ""},
		{"many empty objects", few, "/v1/logs", typeJSON, "", []byte(`{"resourceLogs":[` + strings.Repeat(`{},`, 2000) + `{}]}`), 413, ""},
		{"text", good.options(), "/v1/traces", "text/plain", "", pb, 415, ""},
		{"no type", good.options(), "/v1/traces", "", "", pb, 415, ""},
		{"zstd", good.options(), "/v1/traces", typeProtobuf, "zstd", pb, 415, ""},
		{"writer fails", failing.options(), "/v1/traces", typeProtobuf, "", pb, 503, "5"},
		{"writer of logs fails", failing.options(), "/v1/logs", typeProtobuf, "", records, 503, "5"},
		{"metrics fail", failing.options(), "/v1/metrics", typeProtobuf, "", points, 503, "5"},
	} {
		t.Run(c.name, func(t *testing.T) {
			res, body := post(t, serve(t, c.o).URL+c.path, c.contentType, c.encoding, c.body)
			equal(t, "status", res.StatusCode, c.status)
			equal(t, "Retry-After", res.Header.Get("Retry-After"), c.retry)
			if c.name != "unknown path" {
				checkStatus(t, res.Header.Get("Content-Type"), c.contentType, body)
			}
		})
	}
	equal(t, "spans", len(good.spans), 0)
	equal(t, "logs", len(good.logs), 0)
}

// checkStatus expects a google.rpc.Status in the encoding of the request.
func checkStatus(t *testing.T, got, sent string, body []byte) {
	t.Helper()
	want := typeJSON
	if sent == typeProtobuf {
		want = typeProtobuf
	}
	var s spb.Status
	var err error
	switch got {
	case typeProtobuf:
		err = proto.Unmarshal(body, &s)
	default:
		err = json.Unmarshal(body, &s)
	}
	if err != nil || s.Message == "" || s.Code == 0 || strings.Contains(s.Message, "secret") {
		t.Errorf("status %q: %v", body, err)
	}
	if strings.Contains(s.Message, "Content-Encoding") || strings.Contains(s.Message, "Content-Type") {
		return
	}
	equal(t, "Content-Type", got, want)
}

func TestHTTPMethod(t *testing.T) {
	res, err := http.Get(serve(t, (&store{}).options()).URL + "/v1/traces")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	equal(t, "status", res.StatusCode, 405)
	equal(t, "Allow", res.Header.Get("Allow"), "POST")
}

func TestHTTPBusy(t *testing.T) {
	s := store{entered: make(chan struct{}), leave: make(chan struct{})}
	o := s.options()
	o.Concurrency = 1
	server := serve(t, o)
	body := encoded(t, ptraceotlp.NewExportRequestFromTraces(someTraces(1)), typeProtobuf)
	done := make(chan int, 1)
	go func() {
		res, err := http.Post(server.URL+"/v1/traces", typeProtobuf, bytes.NewReader(body))
		if err != nil {
			done <- 0
			return
		}
		_ = res.Body.Close()
		done <- res.StatusCode
	}()
	<-s.entered
	res, _ := post(t, server.URL+"/v1/traces", typeProtobuf, "", body)
	equal(t, "status", res.StatusCode, 429)
	equal(t, "Retry-After", res.Header.Get("Retry-After"), "5")
	close(s.leave)
	equal(t, "the first", <-done, 200)
}
