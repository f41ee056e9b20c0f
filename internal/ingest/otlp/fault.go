package otlp

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
)

// fault is why a whole request is refused, in the words of both transports.
// A nil fault is success.
type fault struct {
	code    codes.Code
	http    int
	message string
	retry   time.Duration // 0: do not send again
}

func malformed(err error) *fault {
	return &fault{code: codes.InvalidArgument, http: http.StatusBadRequest, message: fmt.Sprintf("malformed OTLP request: %v", err)}
}

func refusedMetrics(err error) *fault {
	return &fault{code: codes.InvalidArgument, http: http.StatusBadRequest, message: "metrics refused: " + clip(err.Error(), maxMessage)}
}

// tooLarge has no retry time: the same request would be too large again.
func tooLarge(format string, a ...any) *fault {
	return &fault{code: codes.ResourceExhausted, http: http.StatusRequestEntityTooLarge, message: fmt.Sprintf(format, a...)}
}

func (r *Receiver) tooManyBytes() *fault {
	return tooLarge("the request is larger than %d bytes; send smaller batches", r.options.MaxBodyBytes)
}

func (r *Receiver) tooManyItems(s signal) *fault {
	return tooLarge("the request has more than %d %s; send smaller batches", r.options.MaxItems, s.items())
}

func (r *Receiver) busy() *fault {
	return &fault{code: codes.ResourceExhausted, http: http.StatusTooManyRequests, retry: r.options.RetryAfter,
		message: fmt.Sprintf("more than %d OTLP requests at a time; try again later", r.options.Concurrency)}
}

// unavailable does not repeat the writer's error: it may name files.
func (r *Receiver) unavailable(s signal) *fault {
	return &fault{code: codes.Unavailable, http: http.StatusServiceUnavailable, retry: r.options.RetryAfter,
		message: s.items() + " cannot be stored at the moment; try again later"}
}

func notServed(s signal) *fault {
	return &fault{code: codes.Unimplemented, http: http.StatusNotFound, message: s.String() + " are not served here"}
}

func (f *fault) codeName() string {
	if f == nil {
		return codes.OK.String()
	}
	return f.code.String()
}

// err is the fault as a gRPC error, with RetryInfo where trying again helps.
func (f *fault) err() error {
	s := status.New(f.code, f.message)
	if f.retry > 0 {
		if with, err := s.WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(f.retry)}); err == nil {
			s = with
		}
	}
	return s.Err()
}

type permanentError struct{ err error }

func (e *permanentError) Error() string { return e.err.Error() }
func (e *permanentError) Unwrap() error { return e.err }

// Permanent marks an error of Options.Metrics: the request can never be stored
// and must not be sent again. Its text is shown to the sender.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &permanentError{err}
}

type partialError struct {
	points int
	err    error
}

func (e *partialError) Error() string {
	return fmt.Sprintf("%d data points refused: %v", e.points, e.err)
}
func (e *partialError) Unwrap() error { return e.err }

// Partial is the error of Options.Metrics that says: so many data points were
// refused for good, all others are stored. Its text is shown to the sender.
func Partial(points int, err error) error {
	if err == nil {
		err = errors.New("not stored")
	}
	return &partialError{points: points, err: err}
}
