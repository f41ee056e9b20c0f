package gateway

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	grpccredentials "google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	pb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"gatehouse/internal/apim"
	"gatehouse/internal/telemetry"
)

// echoService answers with what it got. A request whose payload is "fail" gets
// NOT_FOUND, "down" UNAVAILABLE; "wait" blocks until the caller gives up.
type echoService struct {
	pb.UnimplementedTestServiceServer
	gone chan error
}

func (s *echoService) answer(ctx context.Context, p *pb.Payload) (*pb.Payload, error) {
	switch string(p.GetBody()) {
	case "fail":
		return nil, status.Error(codes.NotFound, "no such thing: 100 % sure, ü")
	case "down":
		return nil, status.Error(codes.Unavailable, "down")
	case "wait":
		<-ctx.Done()
		s.gone <- ctx.Err()
		return nil, ctx.Err()
	}
	return &pb.Payload{Body: append([]byte("echo "), p.GetBody()...)}, nil
}

func (s *echoService) UnaryCall(ctx context.Context, r *pb.SimpleRequest) (*pb.SimpleResponse, error) {
	in, _ := metadata.FromIncomingContext(ctx)
	_ = grpc.SetHeader(ctx, metadata.Pairs("x-saw", strings.Join(append(in.Get("x-sent"), in.Get("x-policy")...), " ")))
	_ = grpc.SetTrailer(ctx, metadata.Pairs("x-cost", "7", "x-data-bin", "\x00\xff"))
	p, err := s.answer(ctx, r.GetPayload())
	return &pb.SimpleResponse{Payload: p}, err
}

func (s *echoService) StreamingOutputCall(r *pb.StreamingOutputCallRequest, out grpc.ServerStreamingServer[pb.StreamingOutputCallResponse]) error {
	_ = out.SetHeader(metadata.Pairs("x-saw", "stream"))
	if err := out.SendHeader(nil); err != nil {
		return err
	}
	for i := range r.GetResponseParameters() {
		if err := out.Send(&pb.StreamingOutputCallResponse{Payload: &pb.Payload{Body: fmt.Appendf(nil, "%d", i)}}); err != nil {
			return err
		}
	}
	_, err := s.answer(out.Context(), r.GetPayload())
	return err
}

func (s *echoService) StreamingInputCall(in grpc.ClientStreamingServer[pb.StreamingInputCallRequest, pb.StreamingInputCallResponse]) error {
	total := 0
	for {
		r, err := in.Recv()
		if err == io.EOF {
			return in.SendAndClose(&pb.StreamingInputCallResponse{AggregatedPayloadSize: int32(total)})
		}
		if err != nil {
			return err
		}
		total += len(r.GetPayload().GetBody())
	}
}

func (s *echoService) FullDuplexCall(both grpc.BidiStreamingServer[pb.StreamingOutputCallRequest, pb.StreamingOutputCallResponse]) error {
	for {
		r, err := both.Recv()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			s.gone <- err
			return err
		}
		p, err := s.answer(both.Context(), r.GetPayload())
		if err != nil {
			return err
		}
		if err := both.Send(&pb.StreamingOutputCallResponse{Payload: p}); err != nil {
			return err
		}
	}
}

type grpcHarness struct {
	*harness
	client  pb.TestServiceClient
	service *echoService
	backend *grpc.Server
}

// newGRPC puts a gateway between a gRPC client and server; secure is TLS on both
// sides.
func newGRPC(t *testing.T, secure bool, inbound string, change func(*apim.Service, *Options)) *grpcHarness {
	t.Helper()
	authority := httptest.NewTLSServer(nil) // lends its certificate
	t.Cleanup(authority.Close)
	pool := x509.NewCertPool()
	pool.AddCert(authority.Certificate())

	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var options []grpc.ServerOption
	scheme := "grpc"
	if secure {
		options, scheme = append(options, grpc.Creds(grpccredentials.NewServerTLSFromCert(&authority.TLS.Certificates[0]))), "https"
	}
	h := &grpcHarness{service: &echoService{gone: make(chan error, 10)}, backend: grpc.NewServer(options...)}
	pb.RegisterTestServiceServer(h.backend, h.service)
	go func() { _ = h.backend.Serve(l) }()
	t.Cleanup(h.backend.Stop)

	s := testService("")
	s.Products = nil
	s.APIs = []*apim.API{{ID: "test", IsCurrent: true, Type: apim.TypeGRPC, ServiceURL: scheme + "://" + l.Addr().String(), SubscriptionRequired: true,
		Operations: []*apim.Operation{{ID: "grpc", Method: "POST", URLTemplate: "/*"}}, Policy: document(inbound)}}
	h.harness = newHarness(t, s, func(o *Options) {
		o.Backend.RootCAs = pool
		if change != nil {
			change(s, o)
		}
	})
	front := httptest.NewUnstartedServer(h.gateway)
	trust := insecure.NewCredentials()
	if secure {
		front.EnableHTTP2 = true
		front.StartTLS()
		trust = grpccredentials.NewTLS(&tls.Config{RootCAs: pool, ServerName: "example.com"})
	} else {
		front.Config.Protocols = new(http.Protocols)
		front.Config.Protocols.SetUnencryptedHTTP2(true)
		front.Start()
	}
	t.Cleanup(front.Close)
	_, address, _ := strings.Cut(front.URL, "://")
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(trust))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	h.client = pb.NewTestServiceClient(conn)
	return h
}

// caller is the context of a call with a subscription key and a time limit.
func caller(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(metadata.AppendToOutgoingContext(t.Context(), "ocp-apim-subscription-key", "key-all"), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func payload(s string) *pb.Payload { return &pb.Payload{Body: []byte(s)} }

func unary(ctx context.Context, h *grpcHarness, text string, options ...grpc.CallOption) (string, error) {
	r, err := h.client.UnaryCall(ctx, &pb.SimpleRequest{Payload: payload(text)}, options...)
	return string(r.GetPayload().GetBody()), err
}

func TestGRPCUnary(t *testing.T) {
	for _, secure := range []bool{false, true} {
		h := newGRPC(t, secure, `<set-header name="X-Policy" exists-action="override"><value>@("by " + context.Operation.Id)</value></set-header>`, nil)
		var header, trailer metadata.MD
		ctx := metadata.AppendToOutgoingContext(caller(t), "x-sent", "client")
		answer, err := unary(ctx, h, "hello", grpc.Header(&header), grpc.Trailer(&trailer))
		if err != nil || answer != "echo hello" {
			t.Fatalf("secure %v: %q %v", secure, answer, err)
		}
		if header.Get("x-saw")[0] != "client by grpc" || trailer.Get("x-cost")[0] != "7" || trailer.Get("x-data-bin")[0] != "\x00\xff" {
			t.Errorf("header %v, trailer %v", header, trailer)
		}
		e := h.recorder.last(t)
		if e.Status != 200 || e.RPCStatus != "0" || e.Protocol != "2" || e.Endpoint.APIType != "grpc" || e.Subscription != "s-all" || e.Outcome != telemetry.OutcomeOK || len(e.Calls) != 1 {
			t.Errorf("record: %+v", e)
		}
	}
}

func TestGRPCFailuresOfTheBackend(t *testing.T) {
	h := newGRPC(t, false, "", nil)
	_, err := unary(caller(t), h, "fail")
	if s := status.Convert(err); s.Code() != codes.NotFound || s.Message() != "no such thing: 100 % sure, ü" {
		t.Errorf("%v", err)
	}
	if e := h.recorder.last(t); e.RPCStatus != "5" || e.Status != 404 || e.Outcome != telemetry.OutcomeOK {
		t.Errorf("record: %+v", e)
	}
	if _, err = unary(caller(t), h, "down"); status.Code(err) != codes.Unavailable {
		t.Errorf("%v", err)
	}
	if e := h.recorder.last(t); e.RPCStatus != "14" || e.Status != 503 || e.Outcome != telemetry.OutcomeError || e.Failure.Reason != "BackendStatusCode" {
		t.Errorf("record: %+v", e)
	}
}

func TestGRPCServerStream(t *testing.T) {
	h := newGRPC(t, true, "", nil)
	stream, err := h.client.StreamingOutputCall(caller(t), &pb.StreamingOutputCallRequest{ResponseParameters: make([]*pb.ResponseParameters, 50), Payload: payload("fail")})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 50 {
		r, err := stream.Recv()
		if err != nil || string(r.GetPayload().GetBody()) != fmt.Sprint(i) {
			t.Fatalf("%d: %v %v", i, r, err)
		}
	}
	if _, err := stream.Recv(); status.Code(err) != codes.NotFound {
		t.Errorf("the end: %v", err)
	}
}

// The headers of a stream come before its first message.
func TestGRPCHeadersComeAtOnce(t *testing.T) {
	h := newGRPC(t, false, "", nil)
	ctx, cancel := context.WithCancel(caller(t))
	stream, err := h.client.StreamingOutputCall(ctx, &pb.StreamingOutputCallRequest{Payload: payload("wait")})
	if err != nil {
		t.Fatal(err)
	}
	header, err := stream.Header()
	if err != nil || header.Get("x-saw")[0] != "stream" {
		t.Fatalf("%v %v", header, err)
	}
	cancel()
	if err := <-h.service.gone; !errors.Is(err, context.Canceled) {
		t.Errorf("the backend saw %v", err)
	}
	if e := h.recorder.last(t); e.Outcome != telemetry.OutcomeClientClosed {
		t.Errorf("record: %+v", e)
	}
}

func TestGRPCClientStream(t *testing.T) {
	h := newGRPC(t, false, "", func(_ *apim.Service, o *Options) { o.BodyIdleTimeout, o.MaxBodyBytes = 50*time.Millisecond, 1000 })
	stream, err := h.client.StreamingInputCall(caller(t))
	if err != nil {
		t.Fatal(err)
	}
	for range 4 {
		if err := stream.Send(&pb.StreamingInputCallRequest{Payload: &pb.Payload{Body: make([]byte, 100_000)}}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond) // neither size nor silence of a stream is bounded
	}
	r, err := stream.CloseAndRecv()
	if err != nil || r.GetAggregatedPayloadSize() != 400_000 {
		t.Fatalf("%v %v", r, err)
	}
}

func TestGRPCBothWays(t *testing.T) {
	for _, secure := range []bool{false, true} {
		h := newGRPC(t, secure, "", func(_ *apim.Service, o *Options) {
			o.Backend.HeaderTimeout, o.Backend.BodyIdleTimeout = 50*time.Millisecond, 50*time.Millisecond
		})
		stream, err := h.client.FullDuplexCall(caller(t))
		if err != nil {
			t.Fatal(err)
		}
		for i := range 20 { // each message is answered before the next is sent
			if i < 2 {
				time.Sleep(100 * time.Millisecond)
			}
			text := fmt.Sprint("message ", i)
			if err := stream.Send(&pb.StreamingOutputCallRequest{Payload: payload(text)}); err != nil {
				t.Fatal(err)
			}
			if r, err := stream.Recv(); err != nil || string(r.GetPayload().GetBody()) != "echo "+text {
				t.Fatalf("%v %v", r, err)
			}
		}
		_ = stream.CloseSend()
		if _, err := stream.Recv(); err != io.EOF {
			t.Errorf("the end: %v", err)
		}
		if e := h.recorder.last(t); e.RPCStatus != "0" || e.RequestBytes == 0 || e.ResponseBytes == 0 {
			t.Errorf("record: %+v", e)
		}
	}
}

func TestGRPCDeadline(t *testing.T) {
	h := newGRPC(t, false, "", nil)
	ctx, cancel := context.WithTimeout(caller(t), 200*time.Millisecond)
	defer cancel()
	if _, err := unary(ctx, h, "wait"); status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("%v", err)
	}
	if err := <-h.service.gone; err == nil {
		t.Error("the backend went on")
	}
	// A client that does not watch its own deadline is told by the gateway or
	// by the backend, which knows it too.
	for text, want := range map[string]codes.Code{"100m": codes.DeadlineExceeded} {
		req, _ := http.NewRequestWithContext(caller(t), "POST", h.front(t)+"/grpc.testing.TestService/UnaryCall", strings.NewReader("\x00\x00\x00\x00\x08\x1a\x06\x12\x04wait"))
		req.Header = http.Header{"Content-Type": {"application/grpc"}, "Grpc-Timeout": {text}, "Te": {"trailers"}, "Ocp-Apim-Subscription-Key": {"key-all"}}
		resp, err := h2c().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		if got := resp.Header.Get("Grpc-Status") + resp.Trailer.Get("Grpc-Status"); got != fmt.Sprint(int(want)) {
			t.Errorf("%s: %q %v", text, got, resp.Header)
		}
	}
}

// front is a second listener of the gateway that speaks HTTP/2 without TLS.
func (h *grpcHarness) front(t *testing.T) string {
	t.Helper()
	front := httptest.NewUnstartedServer(h.gateway)
	front.Config.Protocols = new(http.Protocols)
	front.Config.Protocols.SetUnencryptedHTTP2(true)
	front.Config.Protocols.SetHTTP1(true)
	front.Start()
	t.Cleanup(front.Close)
	return front.URL
}

func h2c() *http.Client {
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	return &http.Client{Transport: &http.Transport{Protocols: protocols}}
}

func TestGRPCBackendIsGone(t *testing.T) {
	h := newGRPC(t, false, "", nil)
	stream, err := h.client.FullDuplexCall(caller(t))
	if err != nil {
		t.Fatal(err)
	}
	_ = stream.Send(&pb.StreamingOutputCallRequest{Payload: payload("x")})
	if _, err := stream.Recv(); err != nil {
		t.Fatal(err)
	}
	h.backend.Stop()
	if _, err := stream.Recv(); status.Code(err) != codes.Unavailable {
		t.Errorf("in the middle: %v", err)
	}
	if e := h.recorder.last(t); e.RPCStatus != "14" || e.Outcome != telemetry.OutcomeError || e.Failure.Reason != "BackendConnectionFailure" {
		t.Errorf("record: %+v", e)
	}
	if _, err := unary(caller(t), h, "x"); status.Code(err) != codes.Unavailable {
		t.Errorf("afterwards: %v", err)
	}
	if e := h.recorder.last(t); e.RPCStatus != "14" || e.Status != 503 || e.Failure.Reason != "BackendConnectionFailure" {
		t.Errorf("record: %+v", e)
	}
}

func TestGRPCErrorsOfTheGateway(t *testing.T) {
	for _, c := range []struct {
		name, inbound, key, message string
		code                        codes.Code
		status                      int
	}{
		{"no key", "", "", "Access denied due to missing subscription key. Make sure to include subscription key when making requests to an API.", codes.Unauthenticated, 401},
		{"ip-filter", `<ip-filter action="forbid"><address>127.0.0.1</address></ip-filter>`, "key-all", "Forbidden", codes.PermissionDenied, 403},
		{"return-response", `<return-response><set-status code="503" reason="Closed"/><set-body>closed for today</set-body></return-response>`, "key-all", "Service Unavailable", codes.Unavailable, 503},
		{"rate-limit", `<rate-limit-by-key calls="1" renewal-period="60" counter-key="a" increment-count="5"/>`, "key-all", "", codes.ResourceExhausted, 429},
		{"expression", `<set-variable name="x" value="@(int.Parse(&quot;x&quot;))"/>`, "key-all", "Internal server error", codes.Internal, 500},
	} {
		h := newGRPC(t, false, c.inbound, nil)
		ctx := caller(t)
		if c.key == "" {
			ctx = t.Context()
		}
		if c.name == "rate-limit" {
			_, _ = unary(ctx, h, "x")
			h.recorder.last(t)
		}
		_, err := unary(ctx, h, "x")
		s := status.Convert(err)
		if s.Code() != c.code || c.message != "" && s.Message() != c.message {
			t.Errorf("%s: %v", c.name, err)
		}
		if e := h.recorder.last(t); e.Status != c.status || e.RPCStatus != fmt.Sprint(int(c.code)) {
			t.Errorf("%s: record %d %s", c.name, e.Status, e.RPCStatus)
		}
	}
}

func TestGRPCUnknownMethod(t *testing.T) {
	h := newGRPC(t, false, "", func(s *apim.Service, _ *Options) {
		s.APIs[0].Operations = []*apim.Operation{{ID: "UnaryCall", Method: "POST", URLTemplate: "/grpc.testing.TestService/UnaryCall"}}
	})
	if _, err := h.client.EmptyCall(caller(t), &pb.Empty{}); status.Code(err) != codes.Unimplemented {
		t.Errorf("%v", err)
	}
	if _, err := unary(caller(t), h, "x"); err != nil {
		t.Error(err)
	}
}

func TestGRPCAPIRefusesOtherRequests(t *testing.T) {
	h := newGRPC(t, false, "", nil)
	url := h.front(t)
	key := http.Header{"Ocp-Apim-Subscription-Key": {"key-all"}, "Content-Type": {"application/json"}}
	for client, want := range map[*http.Client]int{http.DefaultClient: 505, h2c(): 415} {
		req, _ := http.NewRequest("POST", url+"/grpc.testing.TestService/UnaryCall", strings.NewReader("{}"))
		req.Header = key
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want || resp.Header.Get("Content-Type") != "application/json" {
			t.Errorf("got %d, want %d", resp.StatusCode, want)
		}
	}
}

func TestGRPCTimeoutHeader(t *testing.T) {
	for text, want := range map[string]time.Duration{"1H": time.Hour, "99999999H": 1<<63 - 1, "5m": 5 * time.Millisecond, "1u": time.Microsecond, "0S": 0} {
		if got, ok := grpcTimeout(text); !ok || got != want {
			t.Errorf("%s: %v %v", text, got, ok)
		}
	}
	for _, text := range []string{"", "1", "S", "1x", "-1S", "999999999S", "1.5S"} {
		if got, ok := grpcTimeout(text); ok {
			t.Errorf("%s: %v", text, got)
		}
	}
}
