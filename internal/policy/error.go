package policy

import (
	"errors"

	"gatehouse/internal/policy/expr"
)

// Error is a failure of a request with the fields that context.LastError shows
// and the answer that the client gets unless on-error makes another.
type Error struct {
	Source, Reason, Message string
	Scope, Section, Path    string // filled by the pipeline when empty
	PolicyID                string
	Status                  int               // HTTP status of the default answer, 500 when 0
	Body                    string            // text of "message" in the default answer; "" is Message
	Header                  map[string]string // of the default answer
	Err                     error             // cause, for logs only
	// KeepResponse leaves context.Response as it is when there is one: the
	// backend's answer is the default answer.
	KeepResponse bool
}

// Error gives source, reason and message.
func (e *Error) Error() string { return e.Source + ": " + e.Reason + ": " + e.Message }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// ErrClientClosed means that the client went away; the pipeline stops at once.
var ErrClientClosed = errors.New("the client closed the connection")

// AsError makes an *Error of any failure: run-time failures of expressions get
// their documented reason and the message that Azure gives them: what the
// exception says, without its type; everything else is an internal error whose text
// stays in the logs.
func AsError(err error, source string) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	if errors.Is(err, ErrClientClosed) {
		return &Error{Source: source, Reason: "ClientConnectionFailure", Message: "The client closed the connection.", Status: 499, Err: err}
	}
	var run *expr.RuntimeError
	if errors.As(err, &run) {
		return &Error{Source: source, Reason: "ExpressionValueEvaluationFailure", Message: "Expression evaluation failed. " + run.Message, Status: 500, Body: "Internal server error", Err: err}
	}
	return &Error{Source: source, Reason: "InternalError", Message: err.Error(), Status: 500, Body: "Internal server error", Err: err}
}
