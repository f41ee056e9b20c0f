package gateway

import (
	"io"
	"net/http"

	"gatehouse/internal/gateway/backend"
)

// passTrailers makes req carry the trailer fields that the client announced.
// They are known when its body has been read.
func (x *exchange) passTrailers(req *http.Request) {
	if len(x.r.Trailer) == 0 || req.ContentLength >= 0 { // HTTP/1.1 has them only behind chunks
		return
	}
	for name := range x.r.Trailer {
		if backend.PassesTrailer(name) {
			if req.Trailer == nil {
				req.Trailer = http.Header{}
			}
			req.Trailer[name] = nil
		}
	}
	if req.Trailer != nil {
		req.Body = &trailedBody{ReadCloser: req.Body, from: x.r, to: req.Trailer}
	}
}

// trailedBody hands the trailer over at the end of the body.
type trailedBody struct {
	io.ReadCloser
	from *http.Request
	to   http.Header
}

func (b *trailedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF {
		for name := range b.to {
			b.to[name] = b.from.Trailer[name]
		}
	}
	return n, err
}

// takesTrailers tells whether a trailer may be sent to the client: always over
// HTTP/2, and where it says so over HTTP/1.1.
func (x *exchange) takesTrailers() bool { return x.r.ProtoMajor >= 2 || x.trailers }

// sendTrailers passes on the trailer of the backend's answer, once all of its
// body was sent.
func (x *exchange) sendTrailers() {
	if x.origin == nil || len(x.origin.Trailer) == 0 || !x.takesTrailers() {
		return
	}
	h := x.w.Header()
	for name, values := range x.origin.Trailer {
		if backend.PassesTrailer(name) {
			h[http.TrailerPrefix+name] = values
		}
	}
}
