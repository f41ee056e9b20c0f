package expr

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"
)

// Limits of one evaluation.
const (
	maxSteps     = 1_000_000
	maxRecursion = 64
	maxRegexText = 1 << 20
)

// machine is the state of one evaluation that all its frames share.
type machine struct {
	ctx   *Context
	steps int
	depth int
	pos   int    // offset of the running call, for errors
	stack []any  // arguments of running calls
	buf   []byte // of strings being joined

	pinned int                 // sequences that are gone through and hold what no slot shows
	tails  [4]*strings.Builder // of texts that are continued
	tail   int                 // how many there were
}

// frame is one activation of the program, of a lambda or a local function.
type frame struct {
	*machine
	slots []slot
	outer *frame // of the enclosing function
	ret   slot
	err   any // exception of the innermost catch block, for "throw;"
}

// slot holds a value of any representation: numbers and truth values in n,
// strings in s with n telling null (0) from text (1), all else in a.
type slot struct {
	n int64
	s string
	a any
}

// exception is a .NET exception on its way; it is panicked and caught by catch
// blocks and at the end of the evaluation.
type exception struct {
	Type    string // full .NET name
	Message string
	Inner   *exception
	pos     int
	limit   bool // exceeds a limit: no catch block takes it
	cause   error
}

func throw(typeName, format string, args ...any) {
	msg := format
	if len(args) > 0 {
		msg = fmt.Sprintf(format, args...)
	}
	panic(&exception{Type: typeName, Message: msg, pos: -1})
}

func throwNull(what string) {
	panic(&exception{Type: "System.NullReferenceException", Message: "Object reference not set to an instance of an object." + what, pos: -1})
}

func throwLimit(message string) {
	panic(&exception{Type: "Gatehouse.LimitExceeded", Message: message, pos: -1, limit: true})
}

// step counts n units of work.
func (m *machine) step(n int) {
	before := m.steps
	m.steps += n
	if m.steps > maxSteps {
		throwLimit("the expression took more than 1,000,000 steps")
	}
	if before>>10 != m.steps>>10 && !m.ctx.Budget.Deadline.IsZero() && time.Now().After(m.ctx.Budget.Deadline) {
		throwLimit("the expression ran past the deadline of the request")
	}
}

// enterCall guards recursion.
func (m *machine) enterCall() {
	m.step(1)
	if m.depth++; m.depth > maxRecursion {
		m.depth--
		throwLimit("calls are nested deeper than 64")
	}
}

// toException turns what recover gave into an exception.
func toException(r any) *exception {
	switch v := r.(type) {
	case *exception:
		return v
	case *runtime.TypeAssertionError:
		return &exception{Type: "System.NullReferenceException", Message: "Object reference not set to an instance of an object.", pos: -1}
	case runtime.Error:
		return &exception{Type: "System.InvalidOperationException", Message: "The operation is not valid: " + v.Error(), pos: -1}
	case error:
		return fromError(v)
	}
	return &exception{Type: "System.InvalidOperationException", Message: fmt.Sprint(r), pos: -1}
}

func fromError(err error) *exception {
	var e *exception
	if errors.As(err, &e) {
		return e
	}
	return &exception{Type: "System.InvalidOperationException", Message: err.Error(), pos: -1}
}

func (e *exception) Error() string { return e.Type + ": " + e.Message }

func (e *exception) runtimeError() *RuntimeError {
	return &RuntimeError{Exception: e.Type, Message: e.Message, Offset: max(e.pos, 0), Cause: e.cause}
}
