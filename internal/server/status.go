package server

import (
	"encoding/json"
	"net/http"
	"time"

	"gatehouse/internal/apim"
	"gatehouse/internal/gateway"
)

// status answers GET /api/status: what runs here.
type status struct {
	Version  string         `json:"version"`
	Service  string         `json:"service"`
	Gateway  []string       `json:"gateway"`
	Started  time.Time      `json:"started"`
	Revision revisionStatus `json:"revision"`
	Warnings []apiWarning   `json:"warnings"`
	APIs     []apiStatus    `json:"apis"`
}

type revisionStatus struct {
	ID     int64     `json:"id"` // counts successful loads
	Loaded time.Time `json:"loaded"`
	Config string    `json:"config"`          // hash of the service's files
	Error  string    `json:"error,omitempty"` // of the last reload, when the old configuration was kept
}

type apiWarning struct {
	Resource string `json:"resource"`
	Message  string `json:"message"`
}

type apiStatus struct {
	ID         string `json:"id"`
	Name       string `json:"name"`
	Path       string `json:"path"`
	Revision   string `json:"revision"`
	Type       string `json:"type"`
	Operations int    `json:"operations"`
}

func (s *Server) status(w http.ResponseWriter, _ *http.Request) {
	out := status{Version: s.version, Gateway: s.GatewayURLs(), Started: s.started, Revision: s.reloads.state(), Warnings: []apiWarning{}, APIs: []apiStatus{}}
	if snapshot := s.gateway.Current(); snapshot != nil {
		out.describe(snapshot)
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(out)
}

func (s *status) describe(snapshot *gateway.Snapshot) {
	s.Service = snapshot.Service.Name
	for _, one := range snapshot.Warnings {
		s.Warnings = append(s.Warnings, apiWarning{one.Resource, one.Message})
	}
	for _, a := range snapshot.Service.APIs {
		kind := a.Type
		if kind == "" {
			kind = apim.TypeHTTP
		}
		s.APIs = append(s.APIs, apiStatus{ID: a.ID, Name: a.Name, Path: a.Path, Revision: a.Revision, Type: kind, Operations: len(a.Operations)})
	}
}
