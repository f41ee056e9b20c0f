// Package policies is the HTTP API of what policies did: the recordings of
// traced requests, and the debug sessions that let requests be recorded.
//
// What comes in: requests under /api/policy-traces and /api/debug-sessions.
// What goes out: JSON. It must never show a session's token but in the answer
// that opens it, and never open a session for what does not exist.
package policies

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"time"

	"gatehouse/internal/api"
	"gatehouse/internal/apim"
	"gatehouse/internal/policy/record"
)

// Options of the API.
type Options struct {
	Desk *record.Desk
	// Service is what is served now; nil before the first snapshot.
	Service func() *apim.Service
}

type handler struct{ o Options }

// Register adds the API's routes to a mux:
//
//	GET    /api/policy-traces          what is recorded, the newest first
//	GET    /api/policy-traces/{id}     one recording, in Azure's form with ours beside it
//	GET    /api/debug-sessions         the open sessions
//	POST   /api/debug-sessions         {"subscription": id} or {"api": id}, and "minutes"
//	DELETE /api/debug-sessions/{id}    ends one
func Register(mux api.Mux, o Options) {
	h := &handler{o}
	mux.HandleFunc("GET /api/policy-traces", h.list)
	mux.HandleFunc("GET /api/policy-traces/{id}", h.trace)
	mux.HandleFunc("GET /api/debug-sessions", h.sessions)
	mux.HandleFunc("POST /api/debug-sessions", h.open)
	mux.HandleFunc("DELETE /api/debug-sessions/{id}", h.close)
}

// summary is one line of the list.
type summary struct {
	ID           string    `json:"id"`
	Method       string    `json:"method"`
	URL          string    `json:"url"`
	Status       int       `json:"status"`
	API          string    `json:"api,omitempty"`
	Operation    string    `json:"operation,omitempty"`
	Product      string    `json:"product,omitempty"`
	Subscription string    `json:"subscription,omitempty"`
	Started      time.Time `json:"started"`
	Duration     int64     `json:"durationNs"`
	Statements   int       `json:"statements"`
	Reason       string    `json:"reason,omitempty"` // of the failure
}

func (h *handler) list(w http.ResponseWriter, _ *http.Request) {
	out := []summary{}
	for _, r := range h.o.Desk.Recordings() {
		s := summary{ID: r.ID, Method: r.Method, URL: r.URL, API: r.API, Operation: r.Operation, Product: r.Product, Subscription: r.Subscription,
			Started: r.Started, Duration: r.Duration, Statements: len(r.Steps)}
		if r.Last >= 0 && r.States[r.Last].Response != nil {
			s.Status = r.States[r.Last].Response.Status
		}
		if r.Failure != nil {
			s.Reason = r.Failure.Reason
		}
		out = append(out, s)
	}
	api.WriteJSON(w, http.StatusOK, map[string]any{"traces": out})
}

func (h *handler) trace(w http.ResponseWriter, r *http.Request) {
	found := h.o.Desk.Find(r.PathValue("id"))
	if found == nil {
		api.WriteError(w, http.StatusNotFound, api.Error{Code: api.CodeNotFound, Message: "there is no such recording: it was never made, or others took its place"})
		return
	}
	api.WriteJSON(w, http.StatusOK, found.Trace())
}

func (h *handler) sessions(w http.ResponseWriter, _ *http.Request) {
	list := h.o.Desk.Sessions()
	slices.SortFunc(list, func(a, b record.Session) int { return a.Expires.Compare(b.Expires) })
	api.WriteJSON(w, http.StatusOK, map[string]any{"sessions": list})
}

// asked is the body that opens a session.
type asked struct {
	Subscription string `json:"subscription"`
	API          string `json:"api"`
	Minutes      int    `json:"minutes"` // 0: an hour
}

// opened is the answer: the session and how to use its token.
type opened struct {
	record.Session
	Header string `json:"header"` // that carries the token
}

const (
	maxBody        = 4 << 10
	defaultMinutes = 60
)

func (h *handler) open(w http.ResponseWriter, r *http.Request) {
	var a asked
	d := json.NewDecoder(io.LimitReader(r.Body, maxBody))
	d.DisallowUnknownFields()
	if err := d.Decode(&a); err != nil {
		invalid(w, "the body must be JSON with subscription or api, and minutes: "+err.Error(), nil)
		return
	}
	if fields := h.check(&a); len(fields) > 0 {
		invalid(w, "the session cannot be opened", fields)
		return
	}
	s, err := h.o.Desk.Open(a.Subscription, a.API, time.Duration(a.Minutes)*time.Minute)
	if err != nil {
		invalid(w, err.Error(), nil)
		return
	}
	api.WriteJSON(w, http.StatusCreated, opened{s, "Apim-Debug-Authorization"})
}

// check fills the defaults and says what is wrong.
func (h *handler) check(a *asked) map[string]string {
	fields := map[string]string{}
	if a.Minutes == 0 {
		a.Minutes = defaultMinutes
	}
	if a.Minutes < 1 || a.Minutes > 24*60 {
		fields["minutes"] = "must be from 1 to 1440"
	}
	s := h.o.Service()
	if s == nil {
		s = &apim.Service{}
	}
	if a.Subscription != "" && !slices.ContainsFunc(s.Subscriptions, func(o *apim.Subscription) bool { return o.ID == a.Subscription }) {
		fields["subscription"] = "there is no subscription with this id"
	}
	if a.API != "" && !slices.ContainsFunc(s.APIs, func(o *apim.API) bool { return o.ID == a.API }) {
		fields["api"] = "there is no API with this id"
	}
	return fields
}

func (h *handler) close(w http.ResponseWriter, r *http.Request) {
	if !h.o.Desk.Close(r.PathValue("id")) {
		api.WriteError(w, http.StatusNotFound, api.Error{Code: api.CodeNotFound, Message: "there is no open session with this id"})
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func invalid(w http.ResponseWriter, message string, fields map[string]string) {
	api.WriteError(w, http.StatusBadRequest, api.Error{Code: api.CodeInvalid, Message: message, Fields: fields})
}
