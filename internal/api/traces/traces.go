// Package traces is the HTTP API of the trace explorer.
//
// What comes in: GET requests under /api/traces. What goes out: JSON. It must
// never pass a parameter on that it has not checked, and never answer an
// unknown trace with an empty one.
package traces

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"gatehouse/internal/api"
	"gatehouse/internal/query/explore"
)

// Options of the API.
type Options struct {
	Explorer *explore.Explorer
	Logger   *slog.Logger
}

type handler struct{ o Options }

// Register adds the API's routes to a mux:
//
//	GET /api/traces/search    the newest matching traces and a histogram of all
//	GET /api/traces/services  what can be filtered by
//	GET /api/traces/map       the application map: roles and the calls between them
//	GET /api/traces/{id}      one trace as a tree
func Register(mux api.Mux, o Options) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	h := &handler{o}
	mux.HandleFunc("GET /api/traces/search", h.search)
	mux.HandleFunc("GET /api/traces/services", h.services)
	mux.HandleFunc("GET /api/traces/map", h.diagram)
	mux.HandleFunc("GET /api/traces/{id}", h.trace)
}

func (h *handler) search(w http.ResponseWriter, r *http.Request) {
	p := api.ReadParameters(r.URL.RawQuery, h.o.Explorer.Now())
	f := filter(p)
	if p.Refused(w) {
		return
	}
	result, err := h.o.Explorer.Search(r.Context(), f)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	api.WriteJSON(w, http.StatusOK, result)
}

func (h *handler) services(w http.ResponseWriter, r *http.Request) {
	p := api.ReadParameters(r.URL.RawQuery, h.o.Explorer.Now())
	start, end := p.TimeRange(defaultServicesRange)
	p.RefuseUnknown()
	if p.Refused(w) {
		return
	}
	catalog, err := h.o.Explorer.Services(r.Context(), start, end)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	api.WriteJSON(w, http.StatusOK, catalog)
}

func (h *handler) diagram(w http.ResponseWriter, r *http.Request) {
	p := api.ReadParameters(r.URL.RawQuery, h.o.Explorer.Now())
	start, end := p.TimeRange(defaultServicesRange)
	p.RefuseUnknown()
	if p.Refused(w) {
		return
	}
	m, err := h.o.Explorer.Map(r.Context(), start, end)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	api.WriteJSON(w, http.StatusOK, m)
}

func (h *handler) trace(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	if !explore.IsOperationID(id) {
		api.WriteError(w, http.StatusBadRequest, api.Error{Code: api.CodeInvalid, Message: "this is not the id of a trace",
			Fields: map[string]string{"id": "must be 32 hexadecimal digits, or an operation id of at most 128 letters, digits and - _ . |"}})
		return
	}
	t, err := h.o.Explorer.Trace(r.Context(), id)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	api.WriteJSON(w, http.StatusOK, t)
}

// fail answers with what the caller can do about an error. An error of the
// store is logged and not shown: it may name files.
func (h *handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case errors.Is(err, explore.ErrNotFound):
		api.WriteError(w, http.StatusNotFound, api.Error{Code: api.CodeNotFound,
			Message: "the trace is not stored: it was sampled out, has expired, or has not arrived yet"})
	case errors.Is(err, explore.ErrTooBroad):
		api.WriteError(w, http.StatusUnprocessableEntity, api.Error{Code: api.CodeTooBroad,
			Message: "the question needs too much memory: narrow the time range or the filters"})
	case errors.Is(err, context.DeadlineExceeded):
		api.WriteError(w, http.StatusGatewayTimeout, api.Error{Code: api.CodeTimeout,
			Message: "the question took too long: narrow the time range or the filters"})
	case errors.Is(err, context.Canceled):
		return // the caller is gone
	default:
		h.o.Logger.Error("traces API", "path", r.URL.Path, "error", err)
		api.WriteError(w, http.StatusInternalServerError, api.Error{Code: api.CodeInternal, Message: "the traces could not be read; the log says why"})
	}
}
