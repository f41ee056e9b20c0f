package e2e

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	_ "google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// collector is a receiver, made of OpenTelemetry's own definitions, that can be away.
type collector struct {
	coltrace.UnimplementedTraceServiceServer
	away   atomic.Bool
	tried  atomic.Int64
	mu     sync.Mutex
	paths  map[string]int // of requests through the gateway
	others map[string]int // kinds and names of other spans
}

func newCollector(t *testing.T) (*collector, string) {
	c := &collector{paths: map[string]int{}, others: map[string]int{}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer()
	coltrace.RegisterTraceServiceServer(s, c)
	go func() { _ = s.Serve(l) }()
	t.Cleanup(s.Stop)
	return c, "http://" + l.Addr().String()
}

func (c *collector) Export(ctx context.Context, r *coltrace.ExportTraceServiceRequest) (*coltrace.ExportTraceServiceResponse, error) {
	c.tried.Add(1)
	md, _ := metadata.FromIncomingContext(ctx)
	if strings.Join(md.Get("lightstep-access-token"), "") != "token-canary" {
		return nil, status.Error(codes.Unauthenticated, "no token")
	}
	if c.away.Load() {
		return nil, status.Error(codes.Unavailable, "away")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, rs := range r.ResourceSpans {
		for _, ss := range rs.ScopeSpans {
			for _, s := range ss.Spans {
				c.keep(s)
			}
		}
	}
	return &coltrace.ExportTraceServiceResponse{}, nil
}

func (c *collector) keep(s *tracepb.Span) {
	if s.Kind != tracepb.Span_SPAN_KIND_SERVER {
		c.others[s.Kind.String()+" "+s.Name]++
		return
	}
	for _, a := range s.Attributes {
		if a.Key == "url.path" {
			c.paths[a.Value.GetStringValue()]++
		}
	}
}

func (c *collector) taken() (requests, calls, received int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for name, n := range c.others {
		switch {
		case strings.HasPrefix(name, "SPAN_KIND_CLIENT GET "):
			calls += n
		case strings.HasSuffix(name, " from-a-service"):
			received += n
		}
	}
	return len(c.paths), calls, received
}

// Requests of the gateway and spans that were received go to a collector; what
// was queued while it was away arrives after kill -9 and a restart.
func TestOTLPExportSurvivesKill(t *testing.T) {
	to, endpoint := newCollector(t)
	to.away.Store(true)
	backend := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer backend.Close()
	folder, data := t.TempDir(), t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("token", "token-canary\n")
	api := write("api.yaml", "openapi: 3.0.0\ninfo: {title: t, version: '1'}\npaths:\n  /x/{id}:\n    get:\n      parameters: [{name: id, in: path, required: true, schema: {type: string}}]\n      responses: {'200': {description: ok}}\n")
	config := write("gatehouse.yaml", "telemetry:\n  exports: [{name: lightstep, type: otlp, endpoint: '"+endpoint+"', headers: {lightstep-access-token: {file: token}}}]\n")
	args := []string{"--config", config, "--openapi", api, "--backend", backend.URL}

	p := start(t, data, args...)
	const requests = 200
	for n := range requests {
		resp, err := http.Get(fmt.Sprintf("%s/x/%d", p.gateway, n))
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
	}
	span := fmt.Sprintf(`{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"0102030405060708090a0b0c0d0e0f10","spanId":"0102030405060708","name":"from-a-service","kind":1,"startTimeUnixNano":"%d","endTimeUnixNano":"%d"}]}]}]}`,
		time.Now().UnixNano(), time.Now().UnixNano())
	resp, err := http.Post("http://"+p.otlpHTTP+"/v1/traces", "application/json", strings.NewReader(span))
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%v %v", resp, err)
	}
	_ = resp.Body.Close()
	// Each request has a span, one of forward-request, one of the call.
	p.wait("everything in the queue, and a try", func() bool {
		return p.exported().QueueItems >= 3*requests+1 && p.exported().LastError != "" && to.tried.Load() > 0
	})
	if s := p.exported(); s.Sent != 0 || len(s.Dropped) > 0 {
		t.Fatalf("%+v", s)
	}
	p.kill()
	first := p.out.String()

	to.away.Store(false)
	p = start(t, data, args...)
	p.wait("everything at the destination", func() bool {
		n, calls, received := to.taken()
		return n == requests && calls >= requests && received >= 1
	})
	p.wait("an empty queue", func() bool { s := p.exported(); return s.QueueItems == 0 && s.QueueBytes == 0 && s.LastSuccess != "" })
	if strings.Contains(first+p.out.String(), "canary") {
		t.Error("the token is in the log")
	}
}
