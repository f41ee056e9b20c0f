package server

import (
	"encoding/json"
	"net/http"

	"gatehouse/internal/telemetry"
)

// workspaceView is a workspace as GET /api/workspaces shows it.
type workspaceView struct {
	Name             string  `json:"name"` // "default" for the default one
	ApplicationID    string  `json:"application_id"`
	ResourceID       string  `json:"resource_id"`
	Key              string  `json:"instrumentation_key"`
	ConnectionString string  `json:"connection_string"`
	Masked           bool    `json:"masked"` // key and connection string are not shown in full
	RetentionDays    float64 `json:"retention_days"`
	DailyCap         int64   `json:"daily_cap"`
	RequireIdentity  bool    `json:"require_identity"`
	Dimensions       bool    `json:"dimensions"`
}

// listWorkspaces answers GET /api/workspaces. Keys are shown to who sends the
// admin token; the plain door lets local users in without one.
func (s *Server) listWorkspaces() http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		full := s.maySeeSecrets(r)
		out := struct {
			Workspaces []workspaceView `json:"workspaces"`
		}{[]workspaceView{}}
		for _, one := range s.workspaces.All() {
			out.Workspaces = append(out.Workspaces, s.viewWorkspace(&one, full))
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		_ = json.NewEncoder(w).Encode(out)
	}
}

func (s *Server) viewWorkspace(w *telemetry.Workspace, full bool) workspaceView {
	key := w.InstrumentationKey
	if !full {
		key = key[:4] + "****-****-****-****-************"
	}
	return workspaceView{Name: w.Title(), ApplicationID: w.ApplicationID, ResourceID: w.ResourceID, Key: key, ConnectionString: s.connectionString(w, key),
		Masked: !full, RetentionDays: w.Retention.Hours() / 24, DailyCap: w.DailyCap, RequireIdentity: w.RequireIdentity, Dimensions: w.Dimensions}
}
