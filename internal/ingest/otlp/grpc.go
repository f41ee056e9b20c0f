package otlp

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	grpcencoding "google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/gzip" // senders compress with it
	_ "google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"
)

// ServerOptions are what a grpc.Server needs to serve the receiver: its limits,
// and a codec that leaves OTLP requests undecoded until they are checked.
func (r *Receiver) ServerOptions() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.MaxRecvMsgSize(r.options.MaxBodyBytes), // compressed and decompressed
		grpc.MaxConcurrentStreams(uint32(r.options.Concurrency)),
		grpc.MaxHeaderListSize(64 << 10),
		grpc.ConnectionTimeout(r.options.ReadTimeout),
		grpc.KeepaliveParams(keepalive.ServerParameters{MaxConnectionIdle: 15 * time.Minute, Time: time.Minute, Timeout: 20 * time.Second}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 10 * time.Second, PermitWithoutStream: true}),
		grpc.ForceServerCodecV2(rawCodec{grpcencoding.GetCodecV2("proto")}),
	}
}

// Register adds the three services to a server that was made with
// ServerOptions.
func (r *Receiver) Register(server *grpc.Server) {
	for s := range signals {
		server.RegisterService(&grpc.ServiceDesc{
			ServiceName: s.service(),
			HandlerType: (*any)(nil),
			Methods:     []grpc.MethodDesc{{MethodName: "Export", Handler: r.method(s)}},
		}, r)
	}
}

// method is the Export method of a signal.
func (r *Receiver) method(s signal) grpc.MethodHandler {
	return func(_ any, ctx context.Context, decode func(any) error, interceptor grpc.UnaryServerInterceptor) (any, error) {
		if f := r.admittedCall(ctx, s); f != nil {
			r.counts.request(s, "grpc", f)
			return nil, f.err()
		}
		request := new(rawMessage)
		if err := decode(request); err != nil {
			return nil, err
		}
		handle := func(ctx context.Context, request any) (any, error) {
			return r.call(ctx, s, request.(*rawMessage))
		}
		if interceptor == nil {
			return handle(ctx, request)
		}
		return interceptor(ctx, request, &grpc.UnaryServerInfo{Server: r, FullMethod: "/" + s.service() + "/Export"}, handle)
	}
}

func (r *Receiver) call(ctx context.Context, s signal, request *rawMessage) (*rawMessage, error) {
	response, f := r.guarded(ctx, s, request.body)
	r.counts.request(s, "grpc", f)
	if f != nil {
		return nil, f.err()
	}
	body, err := response.MarshalProto()
	if err != nil {
		return nil, status.Error(codes.Internal, "the answer cannot be encoded")
	}
	return &rawMessage{body}, nil
}

// guarded is export with a slot. It recovers, as net/http does and grpc does
// not: what one sender sends must not end the process.
func (r *Receiver) guarded(ctx context.Context, s signal, body []byte) (response answer, f *fault) {
	if f := r.acquire(); f != nil {
		return nil, f
	}
	defer r.release()
	defer func() {
		if p := recover(); p != nil {
			r.options.Logger.Error("OTLP request failed", "signal", s.String(), "panic", p, "stack", string(debug.Stack()))
			response, f = nil, &fault{code: codes.Internal, message: "internal error"}
		}
	}()
	return r.export(ctx, s, protobuf, body)
}

// rawMessage is an encoded protobuf message.
type rawMessage struct{ body []byte }

// rawCodec passes rawMessages through and leaves other messages, of other
// services on the same server, to the usual codec.
type rawCodec struct{ grpcencoding.CodecV2 }

func (c rawCodec) Marshal(v any) (mem.BufferSlice, error) {
	if m, ok := v.(*rawMessage); ok {
		return mem.BufferSlice{mem.SliceBuffer(m.body)}, nil
	}
	b, err := c.CodecV2.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode message: %w", err)
	}
	return b, nil
}

// Unmarshal copies: grpc frees data afterwards.
func (c rawCodec) Unmarshal(data mem.BufferSlice, v any) error {
	if m, ok := v.(*rawMessage); ok {
		m.body = data.Materialize()
		return nil
	}
	if err := c.CodecV2.Unmarshal(data, v); err != nil {
		return fmt.Errorf("decode message: %w", err)
	}
	return nil
}
