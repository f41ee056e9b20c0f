package otlp

import (
	"bytes"
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	grpcencoding "google.golang.org/grpc/encoding"
	"google.golang.org/grpc/status"
)

// dial serves the receiver on loopback and connects to it.
func dial(t *testing.T, o Options) *grpc.ClientConn {
	t.Helper()
	receiver := New(o)
	server := grpc.NewServer(receiver.ServerOptions()...)
	receiver.Register(server)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(server.Stop)
	c, err := grpc.NewClient(l.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestGRPC(t *testing.T) {
	for _, compressor := range []string{"identity", "gzip"} {
		t.Run(compressor, func(t *testing.T) {
			var s store
			c := dial(t, s.options())
			ctx, call := t.Context(), grpc.UseCompressor(compressor)
			spans, err := ptraceotlp.NewGRPCClient(c).Export(ctx, ptraceotlp.NewExportRequestFromTraces(someTraces(3)), call)
			if err != nil {
				t.Fatal(err)
			}
			equal(t, "refused spans", spans.PartialSuccess().RejectedSpans(), 0)
			if _, err := plogotlp.NewGRPCClient(c).Export(ctx, plogotlp.NewExportRequestFromLogs(someLogs(2)), call); err != nil {
				t.Fatal(err)
			}
			if _, err := pmetricotlp.NewGRPCClient(c).Export(ctx, pmetricotlp.NewExportRequestFromMetrics(someMetrics(4)), call); err != nil {
				t.Fatal(err)
			}
			equal(t, "spans", len(s.spans), 3)
			equal(t, "logs", len(s.logs), 2)
			equal(t, "points", s.points, 4)
			equal(t, "trace id", s.spans[1].TraceID, "01010000000000000000000000000000")
			equal(t, "service", s.spans[1].Service, "shop")
			equal(t, "body", s.logs[0].Body, "stock is low")
		})
	}
}

func TestGRPCPartialSuccess(t *testing.T) {
	var s store
	o := s.options()
	o.Metrics = func(context.Context, pmetric.Metrics) error { return Partial(2, errors.New("out of order")) }
	c := dial(t, o)
	td := someTraces(4)
	spans := td.ResourceSpans().At(0).ScopeSpans().At(0).Spans()
	spans.At(0).SetTraceID([16]byte{})
	spans.At(1).SetSpanID([8]byte{})
	spans.At(2).SetEndTimestamp(1)
	got, err := ptraceotlp.NewGRPCClient(c).Export(t.Context(), ptraceotlp.NewExportRequestFromTraces(td))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "refused", got.PartialSuccess().RejectedSpans(), 3)
	equal(t, "message", got.PartialSuccess().ErrorMessage(), "3 spans refused: zero trace id (1), zero span id (1), ends before it starts (1)")
	equal(t, "spans", len(s.spans), 1)
	m, err := pmetricotlp.NewGRPCClient(c).Export(t.Context(), pmetricotlp.NewExportRequestFromMetrics(someMetrics(3)))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "refused points", m.PartialSuccess().RejectedDataPoints(), 2)
}

func TestGRPCErrors(t *testing.T) {
	send := func(o Options, n int, calls ...grpc.CallOption) error {
		_, err := ptraceotlp.NewGRPCClient(dial(t, o)).Export(t.Context(), ptraceotlp.NewExportRequestFromTraces(someTraces(n)), calls...)
		return err
	}
	points := func(o Options) error {
		_, err := pmetricotlp.NewGRPCClient(dial(t, o)).Export(t.Context(), pmetricotlp.NewExportRequestFromMetrics(someMetrics(1)))
		return err
	}
	failing := store{err: errors.New("disk /secret/path is full")}
	few, small, none, refusing, broken := failing.options(), failing.options(), failing.options(), failing.options(), failing.options()
	few.MaxItems, small.MaxBodyBytes, none.Metrics = 2, 5000, nil
	broken.Metrics = func(context.Context, pmetric.Metrics) error { panic("secret") }
	refusing.Metrics = func(context.Context, pmetric.Metrics) error { return Permanent(errors.New("delta temporality")) }
	for _, c := range []struct {
		name  string
		err   error
		code  codes.Code
		retry time.Duration
	}{
		{"writer fails", send(failing.options(), 1), codes.Unavailable, 5 * time.Second},
		{"metrics fail", points(failing.options()), codes.Unavailable, 5 * time.Second},
		{"metrics refused", points(refusing), codes.InvalidArgument, 0},
		{"no metrics", points(none), codes.Unimplemented, 0},
		{"many spans", send(few, 3), codes.ResourceExhausted, 0},
		{"large", send(small, 100), codes.ResourceExhausted, 0},
		{"large when decompressed", send(small, 100, grpc.UseCompressor("gzip")), codes.ResourceExhausted, 0},
		{"metrics panic", points(broken), codes.Internal, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			equal(t, "code", status.Code(c.err), c.code)
			equal(t, "retry", retryDelay(c.err), c.retry)
			if c.err != nil && strings.Contains(c.err.Error(), "secret") {
				t.Errorf("the error tells of the inside: %v", c.err)
			}
		})
	}
}

func retryDelay(err error) time.Duration {
	for _, d := range status.Convert(err).Details() {
		if info, ok := d.(*errdetails.RetryInfo); ok {
			return info.RetryDelay.AsDuration()
		}
	}
	return 0
}

func TestGRPCMalformed(t *testing.T) {
	var s store
	c := dial(t, s.options())
	for _, body := range [][]byte{{0xff}, {0x0a, 0x7f, 1}, {0x0b}, nested(200)} {
		err := c.Invoke(t.Context(), "/"+traces.service()+"/Export", &rawMessage{body}, new(rawMessage), grpc.ForceCodecV2(rawCodec{grpcencoding.GetCodecV2("proto")}))
		equal(t, "code", status.Code(err), codes.InvalidArgument)
	}
	equal(t, "spans", len(s.spans), 0)
}

// nested is a resource attribute whose value is a list in a list, and so on.
func nested(levels int) []byte {
	var b []byte
	wrap := func(tag byte) { b = append([]byte{tag}, append(length(len(b)), b...)...) }
	for range levels {
		wrap(0x0a) // ArrayValue.values
		wrap(0x2a) // AnyValue.array_value
	}
	wrap(0x12) // KeyValue.value
	for range 3 {
		wrap(0x0a) // Resource.attributes, ResourceSpans.resource, resource_spans
	}
	return b
}

func length(n int) []byte {
	var b []byte
	for n >= 0x80 {
		b = append(b, byte(n)|0x80)
		n >>= 7
	}
	return append(b, byte(n))
}

func TestNestedWithinLimit(t *testing.T) {
	r := New((&store{}).options())
	if _, f := r.export(t.Context(), traces, protobuf, nested(40)); f != nil {
		t.Error(f.message)
	}
}

func TestGRPCBusy(t *testing.T) {
	s := store{entered: make(chan struct{}), leave: make(chan struct{})}
	o := s.options()
	o.Concurrency = 1
	receiver := New(o)
	done := make(chan error, 1)
	request, err := ptraceotlp.NewExportRequestFromTraces(someTraces(1)).MarshalProto()
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		_, err := receiver.call(context.Background(), traces, &rawMessage{bytes.Clone(request)})
		done <- err
	}()
	<-s.entered
	_, err = receiver.call(t.Context(), traces, &rawMessage{request})
	equal(t, "code", status.Code(err), codes.ResourceExhausted)
	equal(t, "retry", retryDelay(err), 5*time.Second)
	close(s.leave)
	if err := <-done; err != nil {
		t.Error(err)
	}
}
