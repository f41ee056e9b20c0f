package otlp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	_ "google.golang.org/grpc/encoding/gzip" // the compressor that requests name
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"gatehouse/internal/export"
)

type grpcTransport struct {
	conn    *grpc.ClientConn
	headers metadata.MD
	options []grpc.CallOption
}

// raw passes encoded messages through: they come encoded from the queue.
type raw struct{}

func (raw) Name() string { return "proto" }

func (raw) Marshal(v any) ([]byte, error) {
	if b, ok := v.(*[]byte); ok {
		return *b, nil
	}
	return nil, fmt.Errorf("%T is not an encoded message", v)
}

func (raw) Unmarshal(data []byte, v any) error {
	b, ok := v.(*[]byte)
	if !ok {
		return fmt.Errorf("%T takes no encoded message", v)
	}
	*b = append([]byte(nil), data...)
	return nil
}

func newGRPC(u *url.URL, o *Options) (*grpcTransport, error) {
	secure := insecure.NewCredentials()
	if u.Scheme == "https" {
		config := o.TLS
		if config == nil {
			config = &tls.Config{MinVersion: tls.VersionTLS12}
		}
		secure = credentials.NewTLS(config)
	}
	host := u.Host
	if u.Port() == "" {
		host = net.JoinHostPort(u.Hostname(), "4317")
	}
	conn, err := grpc.NewClient(host, grpc.WithTransportCredentials(secure), grpc.WithUserAgent("gatehouse"))
	if err != nil {
		return nil, fmt.Errorf("endpoint: %w", err)
	}
	t := &grpcTransport{conn: conn, headers: metadata.MD{}, options: []grpc.CallOption{grpc.ForceCodec(raw{}), grpc.MaxCallRecvMsgSize(maxAnswer)}}
	for name, value := range o.Headers {
		t.headers.Set(strings.ToLower(name), value)
	}
	if !o.Plain {
		t.options = append(t.options, grpc.UseCompressor("gzip"))
	}
	return t, nil
}

func (t *grpcTransport) close() error { return t.conn.Close() }

func (t *grpcTransport) send(ctx context.Context, s signal, body []byte, items int) (export.Result, bool) {
	var answer []byte
	err := t.conn.Invoke(metadata.NewOutgoingContext(ctx, t.headers), s.method(), &body, &answer, t.options...)
	if err == nil {
		return s.taken(answer, items), false
	}
	st := status.Convert(err)
	after, told := retryInfo(st)
	out := export.Result{Left: body, LeftItems: items, After: after, Err: grpcFault(st)}
	switch st.Code() {
	case codes.ResourceExhausted:
		return out, !told // without a word on when to come again it is the size
	case codes.Canceled, codes.DeadlineExceeded, codes.Aborted, codes.OutOfRange, codes.Unavailable, codes.DataLoss:
		return out, false // those that the protocol names
	case codes.Unauthenticated, codes.PermissionDenied, codes.NotFound, codes.Unimplemented:
		return out, false // somebody can mend it
	case codes.Internal, codes.Unknown:
		out.Partial = true // a few times: it may be this very request
		return out, false
	}
	return export.Result{Dropped: map[string]int{export.ReasonRejected: items}, Err: out.Err}, false
}

func retryInfo(st *status.Status) (time.Duration, bool) {
	for _, d := range st.Details() {
		if info, ok := d.(*errdetails.RetryInfo); ok {
			return max(info.GetRetryDelay().AsDuration(), 0), true
		}
	}
	return 0, false
}

// grpcFault leaves the receiver's words out, but for those of our own end of
// the connection.
func grpcFault(st *status.Status) error {
	switch st.Code() {
	case codes.Unavailable:
		text := st.Message()
		switch {
		case strings.Contains(text, "x509:") || strings.Contains(text, "tls:"):
			return errors.New("no connection to the endpoint: its certificate is not trusted, or it does not speak TLS; check endpoint and caFile")
		case strings.Contains(text, "connection refused"):
			return errors.New("no connection to the endpoint: connection refused")
		}
		return errors.New("the endpoint is not available")
	case codes.Unauthenticated, codes.PermissionDenied:
		return fmt.Errorf("the endpoint answers %s: it wants credentials; check headers", st.Code())
	case codes.Unimplemented, codes.NotFound:
		return fmt.Errorf("the endpoint answers %s: it takes no OTLP of this signal", st.Code())
	case codes.ResourceExhausted:
		return fmt.Errorf("the endpoint answers %s: too much at a time", st.Code())
	}
	return fmt.Errorf("the endpoint answers %s", st.Code())
}
