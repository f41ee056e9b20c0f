// Package api is the envelope that the console's HTTP APIs share: how an
// answer and an error look as JSON.
//
// What comes in: values and errors. What goes out: bytes on a response. It must
// never know a store or a query language.
package api

import (
	"encoding/json"
	"net/http"
)

// Mux takes routes; *http.ServeMux does.
type Mux interface {
	Handle(pattern string, h http.Handler)
	HandleFunc(pattern string, f func(http.ResponseWriter, *http.Request))
}

// Error is the body of every answer that is not a success.
type Error struct {
	Code    string            `json:"code"` // e.g. not_found, invalid_parameter
	Message string            `json:"message"`
	Fields  map[string]string `json:"fields,omitempty"` // parameter name to what is wrong with it
}

// Codes of errors.
const (
	CodeNotFound  = "not_found"
	CodeInvalid   = "invalid_parameter"
	CodeTooBroad  = "too_broad"
	CodeTimeout   = "timeout"
	CodeInternal  = "internal"
	CodeForbidden = "forbidden"
)

// WriteJSON writes v with a status. The answer is not cached.
func WriteJSON(w http.ResponseWriter, status int, v any) {
	data, err := json.Marshal(v)
	if err != nil {
		status, data = http.StatusInternalServerError, []byte(`{"error":{"code":"internal","message":"the answer could not be encoded"}}`)
	}
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	w.Write(append(data, '\n'))
}

// WriteError writes {"error": ...}.
func WriteError(w http.ResponseWriter, status int, e Error) {
	WriteJSON(w, status, map[string]Error{"error": e})
}
