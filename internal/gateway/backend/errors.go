package backend

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"
)

// Errors that callers tell apart with errors.Is.
var (
	ErrCircuitOpen    = errors.New("the circuit breaker of the backend is open")
	ErrUnknownBackend = errors.New("no such backend")
	ErrTimeout        = errors.New("the backend sent no response headers in time")
	ErrBodyIdle       = errors.New("the backend stopped sending the response body")
	ErrProtocol       = errors.New("the backend's response is not valid HTTP")
	ErrRequestBody    = errors.New("the request body could not be read")
	ErrRequest        = errors.New("the request cannot be sent")
)

// CircuitOpenError says which backend is cut off, and for how long. It is ErrCircuitOpen.
type CircuitOpenError struct {
	Backend    string        // backend or pool id
	RetryAfter time.Duration // until the first circuit is tried again
}

// Error names the backend.
func (e *CircuitOpenError) Error() string {
	return fmt.Sprintf("backends/%s: %v; it is tried again in %s", e.Backend, ErrCircuitOpen, e.RetryAfter.Round(time.Second))
}

// Is makes it ErrCircuitOpen.
func (e *CircuitOpenError) Is(target error) bool { return target == ErrCircuitOpen }

// Failure is the kind of an error that a call returned.
type Failure uint8

// Failures.
const (
	FailureNone       Failure = iota
	FailureConnection         // no connection, or it broke
	FailureTimeout            // no headers in time, or the body stopped
	FailureProtocol           // the response was refused
	FailureCircuit            // not sent: circuit open
	FailureCanceled           // the client left
	FailureRequest            // the request's own fault: body unreadable, cannot be sent
)

// FailureOf tells what kind of failure err is.
func FailureOf(err error) Failure {
	if err == nil {
		return FailureNone
	}
	var timeout net.Error
	switch {
	case errors.Is(err, ErrCircuitOpen):
		return FailureCircuit
	case errors.Is(err, ErrRequestBody), errors.Is(err, ErrRequest), errors.Is(err, ErrUnknownBackend):
		return FailureRequest
	case errors.Is(err, context.Canceled):
		return FailureCanceled
	case errors.Is(err, ErrTimeout), errors.Is(err, ErrBodyIdle), errors.Is(err, context.DeadlineExceeded):
		return FailureTimeout
	case errors.Is(err, ErrProtocol):
		return FailureProtocol
	case errors.As(err, &timeout) && timeout.Timeout():
		return FailureTimeout
	}
	return FailureConnection
}

// protocolError explains why a response was refused. It never quotes the
// response: the text ends up in logs.
func protocolError(why string) error { return fmt.Errorf("%w: %s", ErrProtocol, why) }
