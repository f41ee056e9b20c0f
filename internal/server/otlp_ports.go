package server

import (
	"net/http"

	"google.golang.org/grpc/codes"
	grpcstatus "google.golang.org/grpc/status"

	"gatehouse/internal/identity"
	"gatehouse/internal/ingest/otlp"
)

// ofPorts is the receiver as the OTLP ports serve it. Unless they are open they
// ask for what the HTTPS door asks for at the same paths.
func (s *Server) ofPorts(receiver *otlp.Receiver) *otlp.Receiver {
	if s.config.Identity.OTLPOpen {
		return receiver
	}
	return receiver.Behind(s.admits)
}

// admits lets in who is known here, has the right to send a signal, and comes
// from where its workspace can be reached.
func (s *Server) admits(r *http.Request) error {
	caller, err := s.recogniser.caller(r)
	if caller == nil {
		return grpcstatus.Error(codes.Unauthenticated, err.Error())
	}
	caller.Address = peerOf(r)
	r = r.WithContext(identity.WithCaller(r.Context(), caller))
	list := ofTelemetry(s, r)
	if missing := s.lacks(r, list); missing != nil {
		return grpcstatus.Error(codes.PermissionDenied, lacking(caller, missing))
	}
	if err := s.outOfReach(r, list); err != nil {
		return grpcstatus.Error(codes.PermissionDenied, err.Error())
	}
	return nil
}
