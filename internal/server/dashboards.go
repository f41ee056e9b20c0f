package server

import (
	"net/http"

	"gatehouse/internal/api"
	"gatehouse/internal/dashboards"
)

// listDashboards answers GET /api/dashboards.
func listDashboards(w http.ResponseWriter, _ *http.Request) {
	type entry struct {
		UID         string   `json:"uid"`
		Title       string   `json:"title"`
		Description string   `json:"description"`
		Tags        []string `json:"tags"`
	}
	out := []entry{}
	for _, d := range dashboards.All() {
		out = append(out, entry{d.UID, d.Title, d.Description, d.Tags})
	}
	api.WriteJSON(w, http.StatusOK, map[string]any{"dashboards": out})
}

// dashboard answers GET /api/dashboards/{uid} with what Grafana imports.
func dashboard(w http.ResponseWriter, r *http.Request) {
	d, ok := dashboards.Find(r.PathValue("uid"))
	if !ok {
		api.WriteError(w, http.StatusNotFound, api.Error{Code: api.CodeNotFound, Message: "there is no such dashboard; GET /api/dashboards lists them"})
		return
	}
	data, err := d.JSON()
	if err != nil {
		api.WriteError(w, http.StatusInternalServerError, api.Error{Code: api.CodeInternal, Message: "the dashboard could not be written"})
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="`+d.UID+`.json"`)
	_, _ = w.Write(data)
}
