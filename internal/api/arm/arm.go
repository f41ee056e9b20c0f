// Package arm is what resources have in common for clients of Azure Resource
// Manager: ids, api-versions, the body of an error, and the way from a path to
// what answers for a type.
//
// What comes in: requests that the door has admitted. What goes out: the
// handler's answer, or an error in the shape that Azure's clients read. It must
// never redirect, compare ids by case, or know one type of resource.
package arm

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"

	"gatehouse/internal/api"
)

// Error is an error of Azure Resource Manager. It is written as
// {"error":{"code","message","target","details"}}.
type Error struct {
	Status  int     `json:"-"`
	Code    string  `json:"code"`
	Message string  `json:"message"`
	Target  string  `json:"target,omitempty"`
	Details []Error `json:"details,omitempty"`
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// Errorf makes an error with a status and a code.
func Errorf(status int, code, format string, args ...any) *Error {
	return &Error{Status: status, Code: code, Message: fmt.Sprintf(format, args...)}
}

// NotFound is the error about a resource that is not there.
func NotFound(id ID) *Error {
	return Errorf(http.StatusNotFound, "ResourceNotFound", "there is no resource %s", id)
}

// WriteError writes an error's body with its status.
func WriteError(w http.ResponseWriter, e *Error) {
	api.WriteJSON(w, e.Status, map[string]*Error{"error": e})
}

// Request is a request for a resource or a collection.
type Request struct {
	*http.Request
	ID      ID
	Version string // api-version
}

// Body reads the request's JSON; more than limit bytes are an error.
func (r *Request) Body(limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r.Request.Body, limit+1))
	switch {
	case err != nil:
		return nil, Errorf(http.StatusBadRequest, "InvalidRequestContent", "the body could not be read")
	case int64(len(data)) > limit:
		return nil, Errorf(http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", "the body has more than %d bytes", limit)
	}
	return data, nil
}

// MethodNotAllowed is the error about a method that a resource does not have.
func (r *Request) MethodNotAllowed() *Error {
	return Errorf(http.StatusMethodNotAllowed, "MethodNotAllowed", "%s does not take %s", r.ID.Type(), r.Method)
}

// Handler answers for a type. An error is written as such: an *Error as it is,
// another one as an internal error that the log explains.
type Handler func(http.ResponseWriter, *Request) error

// Mux finds the handler of a type. Handle first, serve afterwards.
type Mux struct {
	handlers map[string]Handler
	log      *slog.Logger
}

// NewMux makes a mux without types.
func NewMux(log *slog.Logger) *Mux { return &Mux{handlers: map[string]Handler{}, log: log} }

// Handle sets what answers for a type such as Microsoft.Monitor/accounts, and
// for all below it that have no handler of their own.
func (m *Mux) Handle(typ string, h Handler) { m.handlers[strings.ToLower(typ)] = h }

// Serves tells whether a path is of a type that has a handler.
func (m *Mux) Serves(path string) bool {
	id, err := Parse(path)
	return err == nil && m.find(id.Type()) != nil
}

// find gives the handler of the longest type that begins typ.
func (m *Mux) find(typ string) Handler {
	for {
		if h := m.handlers[typ]; h != nil {
			return h
		}
		cut := strings.LastIndexByte(typ, '/')
		if cut < 0 {
			return nil
		}
		typ = typ[:cut]
	}
}

// ServeHTTP answers a request for a resource.
func (m *Mux) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if w.Header().Get("X-Ms-Request-Id") == "" {
		w.Header().Set("X-Ms-Request-Id", uuid.NewString())
	}
	err := m.serve(w, r)
	if err == nil {
		return
	}
	var known *Error
	if !errors.As(err, &known) {
		m.log.Error("a resource request failed", "method", r.Method, "path", r.URL.Path, "error", err)
		known = Errorf(http.StatusInternalServerError, "InternalServerError", "the request could not be answered; the server's log says why")
	}
	WriteError(w, known)
}

func (m *Mux) serve(w http.ResponseWriter, r *http.Request) error {
	id, err := Parse(r.URL.Path)
	if err != nil {
		return Errorf(http.StatusNotFound, "InvalidResourceId", "%v", err)
	}
	version, err := Version(r)
	if err != nil {
		return err
	}
	h := m.find(id.Type())
	if h == nil {
		types := slices.Sorted(maps.Keys(m.handlers))
		return Errorf(http.StatusNotFound, "InvalidResourceType", "there are no resources of type %q here; there are %s", id.Type(), strings.Join(types, ", "))
	}
	return h(w, &Request{Request: r, ID: id, Version: version})
}
