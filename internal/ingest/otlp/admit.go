package otlp

import (
	"context"
	"net/http"
	"net/url"
	"runtime/debug"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

// Admit says whether the sender of a request may send. It is asked before the
// body is read, and sees the path of OTLP over HTTP, the headers and the peer's
// address whichever transport the request came by. Its error is one of gRPC:
// PermissionDenied is for a sender that is known, anything else for one that is
// not. The text is shown to the sender.
type Admit func(*http.Request) error

// Behind is the same receiver, with the same slots and counts, for those senders
// only that admit lets in.
func (r *Receiver) Behind(admit Admit) *Receiver {
	return &Receiver{options: r.options, counts: r.counts, slots: r.slots, admit: admit}
}

// admitted is why the sender of a request is not let in.
func (r *Receiver) admitted(req *http.Request) *fault {
	if r.admit == nil {
		return nil
	}
	err := r.admit(req)
	switch {
	case err == nil:
		return nil
	case status.Code(err) == codes.PermissionDenied:
		return &fault{code: codes.PermissionDenied, http: http.StatusForbidden, message: status.Convert(err).Message()}
	}
	return &fault{code: codes.Unauthenticated, http: http.StatusUnauthorized, message: status.Convert(err).Message()}
}

// admittedCall is admitted for a call of gRPC. It recovers as guarded does.
func (r *Receiver) admittedCall(ctx context.Context, s signal) (f *fault) {
	if r.admit == nil {
		return nil
	}
	defer func() {
		if p := recover(); p != nil {
			r.options.Logger.Error("OTLP sender was not recognised", "panic", p, "stack", string(debug.Stack()))
			f = &fault{code: codes.Internal, message: "internal error"}
		}
	}()
	req := (&http.Request{Method: http.MethodPost, URL: &url.URL{Path: s.path()}, Header: http.Header{}}).WithContext(ctx)
	sent, _ := metadata.FromIncomingContext(ctx)
	for name, values := range sent {
		for _, v := range values {
			req.Header.Add(name, v)
		}
	}
	if p, ok := peer.FromContext(ctx); ok {
		req.RemoteAddr = p.Addr.String()
	}
	return r.admitted(req)
}
