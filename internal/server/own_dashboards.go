package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"gatehouse/internal/api"
	"gatehouse/internal/dashboards"
)

// dashboardEntry is a line of the list of dashboards.
type dashboardEntry struct {
	UID         string    `json:"uid"`
	Title       string    `json:"title"`
	Description string    `json:"description"`
	Tags        []string  `json:"tags"`
	Own         bool      `json:"own"` // made here, and not one that comes along
	Changed     time.Time `json:"changed,omitzero"`
}

// ownDashboards are the dashboards that users keep here, in the JSON that Grafana
// exports and imports.
type ownDashboards struct {
	server *Server

	mu      sync.Mutex
	entries map[string]dashboardEntry // nil: not read yet
}

const (
	dashboardPrefix  = "dashboard/"
	maxDashboard     = 2 << 20 // bytes
	maxOwnDashboards = 10_000
)

var dashboardUID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,40}$`)

// keptDashboard is what the catalog keeps of one.
type keptDashboard struct {
	Changed time.Time `json:"changed"`
	JSON    string    `json:"json"` // as it was given, to the byte
}

// routes are those of the dashboards' API.
func (o *ownDashboards) routes(mux api.Mux) {
	mux.HandleFunc("GET /api/dashboards", o.list)
	mux.HandleFunc("GET /api/dashboards/{uid}", o.get)
	mux.HandleFunc("GET /api/dashboards/{uid}/data", o.data)
	mux.HandleFunc("GET /api/dashboards/{uid}/page", o.page)
	mux.HandleFunc("PUT /api/dashboards/{uid}", o.put)
	mux.HandleFunc("DELETE /api/dashboards/{uid}", o.remove)
}

// load reads what is kept, once; the caller holds the lock.
func (o *ownDashboards) load() error {
	if o.entries != nil {
		return nil
	}
	kept, err := o.server.catalog.Documents(dashboardPrefix)
	if err != nil {
		return err
	}
	o.entries = map[string]dashboardEntry{}
	for name, data := range kept {
		var k keptDashboard
		if err := json.Unmarshal(data, &k); err != nil {
			return fmt.Errorf("the catalog's %s is damaged: %w", name, err)
		}
		uid := strings.TrimPrefix(name, dashboardPrefix)
		if o.entries[uid], err = entryOf(uid, k); err != nil {
			return fmt.Errorf("the catalog's %s is damaged: %w", name, err)
		}
	}
	return nil
}

// entryOf reads what a list shows of a dashboard.
func entryOf(uid string, k keptDashboard) (dashboardEntry, error) {
	e := dashboardEntry{UID: uid, Own: true, Changed: k.Changed, Tags: []string{}}
	var read struct {
		Title       string   `json:"title"`
		Description string   `json:"description"`
		Tags        []string `json:"tags"`
	}
	if err := json.Unmarshal([]byte(k.JSON), &read); err != nil {
		return e, fmt.Errorf("the dashboard is not Grafana's JSON: %w", err)
	}
	if read.Title == "" {
		return e, errors.New("the dashboard has no title")
	}
	e.Title, e.Description = read.Title, read.Description
	if read.Tags != nil {
		e.Tags = read.Tags
	}
	return e, nil
}

func (o *ownDashboards) list(w http.ResponseWriter, _ *http.Request) {
	out := []dashboardEntry{}
	for _, d := range dashboards.All() {
		out = append(out, dashboardEntry{UID: d.UID, Title: d.Title, Description: d.Description, Tags: d.Tags})
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.load(); err != nil {
		o.fail(w, err)
		return
	}
	for _, uid := range slices.Sorted(maps.Keys(o.entries)) {
		out = append(out, o.entries[uid])
	}
	api.WriteJSON(w, http.StatusOK, map[string]any{"dashboards": out})
}

func (o *ownDashboards) fail(w http.ResponseWriter, err error) {
	o.server.log.Error("dashboards", "error", err)
	api.WriteError(w, http.StatusInternalServerError, api.Error{Code: api.CodeInternal, Message: "the dashboards could not be read or kept; the log says why"})
}

func noDashboard(w http.ResponseWriter) {
	api.WriteError(w, http.StatusNotFound, api.Error{Code: api.CodeNotFound, Message: "there is no such dashboard; GET /api/dashboards lists them"})
}

// get answers with what Grafana imports.
func (o *ownDashboards) get(w http.ResponseWriter, r *http.Request) {
	uid := r.PathValue("uid")
	if data, ok := o.text(w, uid); ok {
		sendDashboard(w, uid, data)
	}
}

func sendDashboard(w http.ResponseWriter, uid string, data []byte) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="`+uid+`.json"`)
	_, _ = w.Write(data)
}

// put keeps a dashboard under the uid of the path: Grafana's JSON, or that within
// "dashboard", as Grafana's own API has it.
func (o *ownDashboards) put(w http.ResponseWriter, r *http.Request) {
	uid := r.PathValue("uid")
	refuse := func(status int, code, text string) { api.WriteError(w, status, api.Error{Code: code, Message: text}) }
	if _, shipped := dashboards.Find(uid); shipped || !dashboardUID.MatchString(uid) {
		refuse(http.StatusBadRequest, api.CodeInvalid, "the uid is that of a dashboard that comes along, or not 1 to 40 letters, digits, '_' and '-'")
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxDashboard))
	if err != nil {
		refuse(http.StatusRequestEntityTooLarge, api.CodeInvalid, fmt.Sprintf("the dashboard could not be read: at most %d bytes", maxDashboard))
		return
	}
	kept := keptDashboard{Changed: time.Now().UTC(), JSON: string(body)}
	var within struct {
		Dashboard json.RawMessage `json:"dashboard"`
	}
	if json.Unmarshal(body, &within) == nil && len(within.Dashboard) > 0 {
		kept.JSON = string(within.Dashboard)
	}
	entry, err := entryOf(uid, kept)
	if err != nil {
		refuse(http.StatusBadRequest, api.CodeInvalid, err.Error())
		return
	}
	o.keep(w, entry, kept)
}

func (o *ownDashboards) keep(w http.ResponseWriter, entry dashboardEntry, kept keptDashboard) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.load(); err != nil {
		o.fail(w, err)
		return
	}
	_, known := o.entries[entry.UID]
	if !known && len(o.entries) >= maxOwnDashboards {
		api.WriteError(w, http.StatusBadRequest, api.Error{Code: api.CodeInvalid, Message: fmt.Sprintf("there are %d dashboards already: delete some", len(o.entries))})
		return
	}
	data, err := json.Marshal(kept)
	if err == nil {
		err = o.server.catalog.Save(dashboardPrefix+entry.UID, data)
	}
	if err != nil {
		o.fail(w, err)
		return
	}
	o.entries[entry.UID] = entry
	status := http.StatusCreated
	if known {
		status = http.StatusOK
	}
	api.WriteJSON(w, status, entry)
}

func (o *ownDashboards) remove(w http.ResponseWriter, r *http.Request) {
	uid := r.PathValue("uid")
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.load(); err != nil {
		o.fail(w, err)
		return
	}
	if _, ok := o.entries[uid]; !ok {
		noDashboard(w)
		return
	}
	if err := o.server.catalog.Remove(dashboardPrefix + uid); err != nil {
		o.fail(w, err)
		return
	}
	delete(o.entries, uid)
	w.WriteHeader(http.StatusNoContent)
}
