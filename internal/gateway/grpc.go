package gateway

import (
	"context"
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
	"gatehouse/internal/telemetry"
)

// grpcStatus is a status code of gRPC.
type grpcStatus struct {
	name string
	http int // what it stands for in metrics and traces: over the wire all are 200
}

var grpcStatuses = [...]grpcStatus{
	{"OK", 200}, {"CANCELLED", 499}, {"UNKNOWN", 500}, {"INVALID_ARGUMENT", 400}, {"DEADLINE_EXCEEDED", 504}, {"NOT_FOUND", 404},
	{"ALREADY_EXISTS", 409}, {"PERMISSION_DENIED", 403}, {"RESOURCE_EXHAUSTED", 429}, {"FAILED_PRECONDITION", 400}, {"ABORTED", 409},
	{"OUT_OF_RANGE", 400}, {"UNIMPLEMENTED", 501}, {"INTERNAL", 500}, {"UNAVAILABLE", 503}, {"DATA_LOSS", 500}, {"UNAUTHENTICATED", 401},
}

// Codes that the gateway gives itself.
const (
	grpcCancelled         = 1
	grpcUnknown           = 2
	grpcInvalidArgument   = 3
	grpcDeadlineExceeded  = 4
	grpcPermissionDenied  = 7
	grpcResourceExhausted = 8
	grpcAborted           = 10
	grpcUnimplemented     = 12
	grpcInternal          = 13
	grpcUnavailable       = 14
	grpcUnauthenticated   = 16
)

// isGRPC tells whether a request is a gRPC call. gRPC-Web is none: it has no
// trailers.
func isGRPC(r *http.Request) bool {
	if r.ProtoMajor != 2 {
		return false
	}
	rest, ok := strings.CutPrefix(r.Header.Get("Content-Type"), "application/grpc")
	return ok && (rest == "" || rest[0] == '+' || rest[0] == ';')
}

// admitGRPC refuses requests to a gRPC API that are no gRPC calls, and starts
// the deadline of those that are.
func admitGRPC(x *exchange) *policy.Error {
	e := &policy.Error{Source: "grpc", Scope: "api", Section: "inbound"}
	switch {
	case x.r.ProtoMajor != 2:
		e.Status, e.Reason, e.Message = http.StatusHTTPVersionNotSupported, "HttpVersionNotSupported", "This is a gRPC API: it needs HTTP/2."
		return e
	case !x.grpc:
		e.Status, e.Reason, e.Message = http.StatusUnsupportedMediaType, "UnsupportedMediaType", "This is a gRPC API: the content type must be application/grpc."
		return e
	}
	if x.body != nil { // a stream may be silent, and may never end
		x.body.idle, x.body.max = 0, 0
	}
	if timeout, ok := grpcTimeout(x.r.Header.Get("Grpc-Timeout")); ok {
		x.Std, x.release = context.WithTimeout(x.Std, timeout)
	}
	return nil
}

// lateBy is how much sooner than the gateway a backend may see the end of a
// deadline, which both know, and break the call off.
const lateBy = 20 * time.Millisecond

// late tells whether the caller's deadline is over.
func (x *exchange) late() bool {
	deadline, ok := x.Std.Deadline()
	return ok && time.Until(deadline) < lateBy
}

// grpcTimeout reads the grpc-timeout header: at most eight digits and a unit.
func grpcTimeout(s string) (time.Duration, bool) {
	if len(s) < 2 || len(s) > 9 {
		return 0, false
	}
	n, err := strconv.ParseUint(s[:len(s)-1], 10, 32)
	if err != nil {
		return 0, false
	}
	units := map[byte]time.Duration{'H': time.Hour, 'M': time.Minute, 'S': time.Second, 'm': time.Millisecond, 'u': time.Microsecond, 'n': time.Nanosecond}
	unit, ok := units[s[len(s)-1]]
	if ok && int64(n) > math.MaxInt64/int64(unit) {
		return math.MaxInt64, true
	}
	return time.Duration(n) * unit, ok
}

// answerGRPC makes an answer of the gateway one that a gRPC client understands:
// status 200 with the gRPC status in the only block of headers.
func (x *exchange) answerGRPC(resp *expr.Response) {
	if resp.Header.Values("Grpc-Status") != nil {
		return // a policy made one
	}
	code := grpcCode(x.Exchange.Failure.Reason, resp.StatusCode)
	if code == grpcUnavailable && x.late() {
		code = grpcDeadlineExceeded
	}
	h := expr.Header{"Content-Type": {"application/grpc"}, "Grpc-Status": {strconv.Itoa(code)}}
	for name, values := range resp.Header {
		if name != "Content-Type" && name != "Content-Length" {
			h[name] = values
		}
	}
	if text := answerText(resp); code != 0 && text != "" {
		h["Grpc-Message"] = []string{encodeGRPCMessage(text)}
	}
	_ = resp.Body.Close()
	*resp = expr.Response{StatusCode: http.StatusOK, StatusReason: "OK", Header: h}
}

// grpcCode is the gRPC status for a failure of the gateway, or for an answer
// that a policy made.
func grpcCode(reason string, status int) int {
	switch reason {
	case "Timeout":
		return grpcDeadlineExceeded
	case "BackendConnectionFailure":
		return grpcUnavailable
	case "QuotaExceeded":
		return grpcResourceExhausted
	case "ClientConnectionFailure":
		return grpcCancelled
	}
	switch status {
	case http.StatusOK:
		return 0
	case http.StatusBadRequest:
		return grpcInvalidArgument
	case http.StatusUnauthorized:
		return grpcUnauthenticated
	case http.StatusForbidden:
		return grpcPermissionDenied
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented:
		return grpcUnimplemented
	case http.StatusRequestTimeout:
		return grpcDeadlineExceeded
	case http.StatusConflict:
		return grpcAborted
	case http.StatusTooManyRequests, http.StatusRequestEntityTooLarge:
		return grpcResourceExhausted
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return grpcUnavailable
	case http.StatusInternalServerError:
		return grpcInternal
	}
	return grpcUnknown
}

// answerText is the message of the gateway's default answers, else the name of
// the status.
func answerText(resp *expr.Response) string {
	data, _ := resp.Body.Buffered()
	var answer struct {
		Message string `json:"message"`
	}
	if len(data) <= 8<<10 && json.Unmarshal(data, &answer) == nil && answer.Message != "" {
		return answer.Message
	}
	return http.StatusText(resp.StatusCode)
}

// encodeGRPCMessage escapes what may not stand in a header of gRPC.
func encodeGRPCMessage(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c >= ' ' && c <= '~' && c != '%' {
			b.WriteByte(c)
		} else {
			const digits = "0123456789ABCDEF"
			b.Write([]byte{'%', digits[c>>4], digits[c&15]})
		}
	}
	return b.String()
}

// cutGRPC ends a call that the backend broke off with a status of its own.
func (x *exchange) cutGRPC() {
	code, text := grpcUnavailable, "The backend broke off the call."
	if x.Std.Err() != nil || x.late() {
		code, text = grpcDeadlineExceeded, "The call took longer than its deadline."
		x.Exchange.Outcome, x.Exchange.Failure.Reason = telemetry.OutcomeTimeout, "Timeout"
	}
	x.Exchange.Failure.Message = text
	h := x.w.Header()
	h[http.TrailerPrefix+"Grpc-Status"] = []string{strconv.Itoa(code)}
	h[http.TrailerPrefix+"Grpc-Message"] = []string{encodeGRPCMessage(text)}
}

// noteGRPC keeps the status of a call in the record. Its HTTP status becomes
// what the gRPC status stands for, so that failures count as such.
func (x *exchange) noteGRPC() {
	h, e := x.w.Header(), x.Exchange
	value := h[http.TrailerPrefix+"Grpc-Status"]
	if len(value) == 0 {
		value = h["Grpc-Status"]
	}
	if len(value) != 1 {
		return
	}
	code, err := strconv.Atoi(value[0])
	if err != nil || code < 0 {
		return
	}
	status := grpcStatus{"CODE_" + value[0], http.StatusInternalServerError}
	if code < len(grpcStatuses) {
		status = grpcStatuses[code]
	}
	e.RPCStatus = value[0]
	e.Status = status.http
	if status.http >= 500 && e.Outcome == telemetry.OutcomeOK && e.Failure.Reason == "" {
		e.Outcome = telemetry.OutcomeError
		e.Failure = telemetry.Failure{Source: "forward-request", Reason: "BackendStatusCode", Section: "backend", Message: "The backend answered with the gRPC status " + value[0] + " (" + status.name + ")."}
	}
}
