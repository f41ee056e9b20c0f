// Package alerts serves the list of all alerts, the queue of notifications and
// the action groups.
//
// What comes in: HTTP requests below /api. What goes out: JSON. It must never
// authorise a request (the caller does), or show a secret of a receiver.
package alerts

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	"gatehouse/internal/alerting"
	"gatehouse/internal/alerting/action"
	"gatehouse/internal/alerting/ledger"
	"gatehouse/internal/api"
)

// Bounds of a request.
const (
	maxBody  = 16 << 10
	maxPage  = 1000
	pageSize = 100
)

type handler struct{ alerting *alerting.Alertmanager }

// Register mounts the routes on mux.
func Register(mux api.Mux, a *alerting.Alertmanager) {
	h := handler{a}
	mux.HandleFunc("GET /api/alerts", h.list)
	mux.HandleFunc("GET /api/alerts/{id}", h.get)
	mux.HandleFunc("POST /api/alerts/{id}/acknowledge", h.acknowledge)
	mux.HandleFunc("POST /api/alerts/{id}/resolve", h.resolve)
	mux.HandleFunc("GET /api/deliveries", h.deliveries)
	mux.HandleFunc("POST /api/deliveries/dead/resend", h.resend)
	mux.HandleFunc("POST /api/deliveries/dead/{id}/resend", h.resend)
	mux.HandleFunc("DELETE /api/deliveries/dead", h.forget)
	mux.HandleFunc("DELETE /api/deliveries/dead/{id}", h.forget)
	mux.HandleFunc("GET /api/action-groups", h.groups)
	mux.HandleFunc("GET /api/action-groups/{name}", h.group)
	mux.HandleFunc("POST /api/action-groups/{name}/test", h.testGroup)
	mux.HandleFunc("POST /api/receivers/{name}/test", h.testReceiver)
}

func write(w http.ResponseWriter, v any) { api.WriteJSON(w, http.StatusOK, v) }

func fail(w http.ResponseWriter, status int, code, message string) {
	api.WriteError(w, status, api.Error{Code: code, Message: message})
}

// list answers ?state=fired,acknowledged&kind=slo&label=name=value&skip=&limit=.
func (h handler) list(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	skip, limit := 0, pageSize
	for name, into := range map[string]*int{"skip": &skip, "limit": &limit} {
		if text := q.Get(name); text != "" {
			n, err := strconv.Atoi(text)
			if err != nil || n < 0 {
				fail(w, http.StatusBadRequest, api.CodeInvalid, name+" is not a number from 0")
				return
			}
			*into = n
		}
	}
	page, total := h.alerting.Ledger().List(filter(q.Get("state"), q.Get("kind"), q["label"]), skip, min(limit, maxPage))
	write(w, map[string]any{"alerts": page, "total": total})
}

func filter(states, kind string, labels []string) func(*ledger.Record) bool {
	return func(r *ledger.Record) bool {
		if states != "" && !listed(states, r.State) || kind != "" && kind != r.Kind {
			return false
		}
		for _, pair := range labels {
			name, value, _ := strings.Cut(pair, "=")
			if r.Labels[name] != value {
				return false
			}
		}
		return true
	}
}

func listed(list, one string) bool {
	for s := range strings.SplitSeq(list, ",") {
		if s == one {
			return true
		}
	}
	return false
}

func (h handler) get(w http.ResponseWriter, r *http.Request) {
	record, err := h.alerting.Ledger().Get(r.PathValue("id"))
	if err != nil {
		recordError(w, err)
		return
	}
	write(w, record)
}

func recordError(w http.ResponseWriter, err error) {
	switch {
	case errors.Is(err, ledger.ErrNotFound):
		fail(w, http.StatusNotFound, api.CodeNotFound, err.Error())
	case errors.Is(err, ledger.ErrOver):
		fail(w, http.StatusConflict, "conflict", err.Error())
	default:
		fail(w, http.StatusInternalServerError, api.CodeInternal, "the change could not be saved")
	}
}

// acknowledge takes {"by": "...", "note": "..."}, both optional.
func (h handler) acknowledge(w http.ResponseWriter, r *http.Request) {
	var in struct {
		By   string `json:"by"`
		Note string `json:"note"`
	}
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&in)
	if err != nil && !errors.Is(err, io.EOF) {
		fail(w, http.StatusBadRequest, api.CodeInvalid, `the body is not {"by": "...", "note": "..."}`)
		return
	}
	record, err := h.alerting.Acknowledge(r.PathValue("id"), in.By, in.Note)
	if err != nil {
		recordError(w, err)
		return
	}
	write(w, record)
}

func (h handler) resolve(w http.ResponseWriter, r *http.Request) {
	if err := h.alerting.Resolve(r.Context(), r.PathValue("id")); err != nil {
		recordError(w, err)
		return
	}
	h.get(w, r)
}

func (h handler) deliveries(w http.ResponseWriter, _ *http.Request) {
	write(w, h.alerting.Deliveries().View())
}

func (h handler) resend(w http.ResponseWriter, r *http.Request) {
	changed(w, r, h.alerting.Deliveries().Resend)
}

func (h handler) forget(w http.ResponseWriter, r *http.Request) {
	changed(w, r, h.alerting.Deliveries().Forget)
}

func changed(w http.ResponseWriter, r *http.Request, change func(id string) (int, error)) {
	n, err := change(r.PathValue("id"))
	switch {
	case err != nil:
		recordError(w, err)
	case n == 0 && r.PathValue("id") != "":
		fail(w, http.StatusNotFound, api.CodeNotFound, "there is no dead letter with this id")
	default:
		write(w, map[string]int{"count": n})
	}
}

// shownGroup is a group and the lists that nobody is told through.
type shownGroup struct {
	action.Group
	Unsupported []string `json:"unsupported"`
}

func (h handler) groups(w http.ResponseWriter, _ *http.Request) {
	out := []shownGroup{}
	for _, g := range h.alerting.ActionGroups() {
		out = append(out, shownGroup{g, g.Unsupported()})
	}
	write(w, map[string]any{"value": out})
}

func (h handler) group(w http.ResponseWriter, r *http.Request) {
	for _, g := range h.alerting.ActionGroups() {
		if strings.EqualFold(g.Name, r.PathValue("name")) {
			write(w, shownGroup{g, g.Unsupported()})
			return
		}
	}
	fail(w, http.StatusNotFound, api.CodeNotFound, "there is no action group with this name")
}

func (h handler) testGroup(w http.ResponseWriter, r *http.Request) {
	h.test(w, r, alerting.ActionPrefix+strings.ToLower(r.PathValue("name")))
}

func (h handler) testReceiver(w http.ResponseWriter, r *http.Request) {
	h.test(w, r, r.PathValue("name"))
}

func (h handler) test(w http.ResponseWriter, r *http.Request, receiver string) {
	results, err := h.alerting.Test(r.Context(), receiver)
	if err != nil {
		fail(w, http.StatusNotFound, api.CodeNotFound, err.Error())
		return
	}
	write(w, map[string]any{"receiver": receiver, "results": results})
}
