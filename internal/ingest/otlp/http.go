package otlp

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
)

const (
	typeProtobuf = "application/x-protobuf"
	typeJSON     = "application/json"
)

// Handler serves POST /v1/traces, /v1/logs and /v1/metrics. Errors are
// google.rpc.Status messages in the encoding of the request.
func (r *Receiver) Handler() http.Handler {
	mux := http.NewServeMux()
	for s := range signals {
		mux.HandleFunc(s.path(), func(w http.ResponseWriter, req *http.Request) {
			e, response, f := r.serve(w, req, s)
			r.counts.request(s, "http", f)
			r.respond(w, e, response, f)
		})
	}
	return mux
}

func (r *Receiver) serve(w http.ResponseWriter, req *http.Request, s signal) (encoding, answer, *fault) {
	if req.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		return jsonText, nil, &fault{code: codes.Unimplemented, http: http.StatusMethodNotAllowed, message: "OTLP requests are POST requests"}
	}
	e, f := encodingOf(req.Header.Get("Content-Type"))
	if f != nil {
		return e, nil, f
	}
	if f := r.admitted(req); f != nil {
		return e, nil, f
	}
	// The slot comes before the body: it bounds the memory of bodies.
	if f := r.acquire(); f != nil {
		return e, nil, f
	}
	defer r.release()
	body, f := r.read(w, req)
	if f != nil {
		return e, nil, f
	}
	response, f := r.export(req.Context(), s, e, body)
	return e, response, f
}

func encodingOf(contentType string) (encoding, *fault) {
	media, _, err := mime.ParseMediaType(contentType)
	switch {
	case err == nil && (media == typeProtobuf || media == "application/protobuf"):
		return protobuf, nil
	case err == nil && media == typeJSON:
		return jsonText, nil
	}
	return jsonText, unsupported(fmt.Sprintf("Content-Type must be %s or %s", typeProtobuf, typeJSON))
}

func unsupported(message string) *fault {
	return &fault{code: codes.InvalidArgument, http: http.StatusUnsupportedMediaType, message: message}
}

// read gives the body, decompressed. Both sizes are bounded, and so is the
// time, since a slow sender holds a slot.
func (r *Receiver) read(w http.ResponseWriter, req *http.Request) ([]byte, *fault) {
	limit := int64(r.options.MaxBodyBytes)
	if req.ContentLength > limit {
		return nil, r.tooManyBytes()
	}
	control := http.NewResponseController(w)
	// A writer without deadlines is that of a test, or has limits of its own.
	_ = control.SetReadDeadline(time.Now().Add(r.options.ReadTimeout))
	var from io.Reader = http.MaxBytesReader(w, req.Body, limit)
	switch strings.ToLower(strings.TrimSpace(req.Header.Get("Content-Encoding"))) {
	case "", "identity":
	case "gzip", "x-gzip":
		unzip, err := gzip.NewReader(from)
		if err != nil {
			return nil, r.unreadable(fmt.Errorf("read gzip body: %w", err))
		}
		from = unzip
	default:
		return nil, unsupported("Content-Encoding must be gzip or identity")
	}
	var body bytes.Buffer
	if req.ContentLength > 0 {
		body.Grow(int(req.ContentLength))
	}
	n, err := body.ReadFrom(io.LimitReader(from, limit+1))
	switch {
	case err != nil:
		return nil, r.unreadable(fmt.Errorf("read body: %w", err))
	case n > limit:
		return nil, r.tooManyBytes()
	}
	// After an error the deadline stays: the server reads the rest of the body
	// before it answers.
	_ = control.SetReadDeadline(time.Time{})
	return body.Bytes(), nil
}

func (r *Receiver) unreadable(err error) *fault {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return &fault{code: codes.Unavailable, http: http.StatusServiceUnavailable, retry: r.options.RetryAfter,
			message: fmt.Sprintf("the body did not arrive within %v; try again later", r.options.ReadTimeout)}
	}
	if large := (*http.MaxBytesError)(nil); errors.As(err, &large) {
		return r.tooManyBytes()
	}
	return malformed(err)
}

// respond writes the answer or the fault in the encoding of the request.
func (r *Receiver) respond(w http.ResponseWriter, e encoding, response answer, f *fault) {
	code := http.StatusOK
	var body []byte
	var err error
	switch {
	case f != nil:
		code = f.http
		if code == http.StatusUnauthorized {
			w.Header().Set("WWW-Authenticate", `Bearer realm="gatehouse"`)
		}
		if f.retry > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int((f.retry+time.Second-1)/time.Second)))
		}
		body, err = f.encode(e)
	case e == jsonText:
		body, err = response.MarshalJSON()
	default:
		body, err = response.MarshalProto()
	}
	if err != nil {
		r.options.Logger.Error("OTLP answer cannot be encoded", "error", err)
		code, body = http.StatusInternalServerError, nil
	}
	w.Header().Set("Content-Type", [...]string{protobuf: typeProtobuf, jsonText: typeJSON}[e])
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(code)
	_, _ = w.Write(body) // the sender may be gone
}

// encode gives the fault as a google.rpc.Status.
func (f *fault) encode(e encoding) ([]byte, error) {
	message := strings.ToValidUTF8(f.message, "\uFFFD")
	if e == jsonText {
		return json.Marshal(struct {
			Code    int    `json:"code"`
			Message string `json:"message"`
		}{int(f.code), message})
	}
	return proto.Marshal(&spb.Status{Code: int32(f.code), Message: message})
}
