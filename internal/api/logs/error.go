package logs

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"gatehouse/internal/api"
	"gatehouse/internal/query/kql"
	"gatehouse/internal/query/kql/syntax"
)

// fault is an answer that is not a success.
type fault struct {
	status        int
	code, message string
	inner         *innerError
	details       []innerError
	retryAfter    int    // seconds
	allow         string // methods
	correlation   string
}

// errorBody is the error of an answer, as Azure's clients read it.
type errorBody struct {
	Message       string       `json:"message"`
	Code          string       `json:"code"`
	CorrelationID string       `json:"correlationId,omitempty"`
	Details       []innerError `json:"details,omitempty"`
	Inner         *innerError  `json:"innererror,omitempty"`
}

// innerError goes down to the fault in the query's text.
type innerError struct {
	Code    string      `json:"code"`
	Message string      `json:"message"`
	Line    int         `json:"line,omitempty"`
	Pos     *int        `json:"pos,omitempty"` // in the line, from 0
	Token   string      `json:"token,omitempty"`
	Hint    string      `json:"hint,omitempty"`
	Inner   *innerError `json:"innererror,omitempty"`
}

func (f *fault) body() errorBody {
	return errorBody{Message: f.message, Code: f.code, CorrelationID: f.correlation, Details: f.details, Inner: f.inner}
}

func writeFault(w http.ResponseWriter, f *fault) {
	if f.retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(f.retryAfter))
	}
	if f.allow != "" {
		w.Header().Set("Allow", f.allow)
	}
	api.WriteJSON(w, f.status, map[string]errorBody{"error": f.body()})
}

// badArgument says what is wrong with a request, and where.
func badArgument(code, message string) *fault {
	return &fault{status: http.StatusBadRequest, code: "BadArgumentError", message: "The request had some invalid properties",
		inner: &innerError{Code: code, Message: message}}
}

func notFound(r *http.Request) *fault {
	return &fault{status: http.StatusNotFound, code: "PathNotFoundError", message: "there is no " + r.Method + " " + r.URL.Path + " here"}
}

func unknownTarget(what, id string) *fault {
	return &fault{status: http.StatusNotFound, code: "PathNotFoundError",
		message: "there is no " + what + " " + strconv.Quote(id) + ": name a workspace by its application id, its name or its resource id"}
}

// queryFault gives an error of the engine its place in Azure's list. What is
// not the caller's to mend goes to the log alone.
func (h *Handler) queryFault(err error) *fault {
	var q *kql.QueryError
	var l *kql.LimitError
	switch {
	case errors.As(err, &q) && len(q.Errors) > 0:
		return textFault(q.Errors)
	case errors.As(err, &l):
		return badArgument("QueryLimitError", l.Message)
	case errors.Is(err, context.DeadlineExceeded):
		return &fault{status: http.StatusGatewayTimeout, code: "GatewayTimeout",
			message: "the query took longer than it may: narrow it in time, or ask for more with Prefer: wait=SECONDS"}
	case errors.Is(err, context.Canceled):
		return &fault{status: 499, code: "ClientClosedRequest", message: "the client left"}
	}
	h.o.Logger.Error("a query failed", "error", err)
	return &fault{status: http.StatusInternalServerError, code: "InternalServerError", message: "the query could not be answered; the server's log says why"}
}

// textFault: the first error stands in the chain that clients read, the others
// among the details.
func textFault(list []syntax.Error) *fault {
	f := &fault{status: http.StatusBadRequest, code: "BadArgumentError", message: "The request had some invalid properties"}
	first := inner(list[0])
	f.inner = &innerError{Code: "SemanticError", Message: "A semantic error occurred.", Inner: &first}
	if strings.HasPrefix(list[0].Code, "SYN") {
		f.inner.Code, f.inner.Message = "SyntaxError", "A recognition error occurred in the query."
	}
	for _, e := range list[1:min(len(list), maxDetails)] {
		f.details = append(f.details, inner(e))
	}
	return f
}

// maxDetails of one answer.
const maxDetails = 20

func inner(e syntax.Error) innerError {
	out := innerError{Code: e.Code, Message: e.Message, Line: e.Line, Token: e.Token, Hint: e.Hint}
	if e.Line > 0 {
		pos := max(e.Column-1, 0)
		out.Pos = &pos
	}
	if e.Hint != "" {
		out.Message += " (" + e.Hint + ")"
	}
	return out
}
