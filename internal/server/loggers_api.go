package server

import (
	"net/http"
	"strings"
	"time"

	"gatehouse/internal/api"
	"gatehouse/internal/apim"
	"gatehouse/internal/export"
	"gatehouse/internal/ingest"
)

// loggerView is a logger as GET /api/loggers shows it: never its credentials,
// but which they are.
type loggerView struct {
	ID          string   `json:"id"`
	Type        string   `json:"type"`
	Description string   `json:"description,omitempty"`
	ResourceID  string   `json:"resource_id,omitempty"`
	Source      string   `json:"source"`              // folder, api
	Credential  string   `json:"credential"`          // instrumentationKey, connectionString, systemIdentity, userIdentity, none
	ClientID    string   `json:"client_id,omitempty"` // of a user-assigned identity
	Destination string   `json:"destination"`         // workspace, export, off
	Workspace   string   `json:"workspace,omitempty"`
	Endpoint    string   `json:"endpoint,omitempty"`
	UsedBy      []string `json:"used_by"` // diagnostics
	State       string   `json:"state"`   // ok, idle, failing, off

	LastSuccess *time.Time `json:"last_success,omitempty"`
	LastError   string     `json:"last_error,omitempty"`
	LastErrorAt *time.Time `json:"last_error_at,omitempty"`
}

func (s *Server) listLoggers(w http.ResponseWriter, _ *http.Request) {
	out := []loggerView{}
	service := s.service()
	written := s.management.Resources()
	for _, g := range service.Loggers {
		v := loggerView{ID: g.ID, Type: g.Type, Description: g.Description, ResourceID: g.ResourceID, Source: "folder", UsedBy: usersOf(service, g.ID)}
		for path := range written {
			if strings.EqualFold(path, "loggers/"+g.ID) {
				v.Source = "api"
			}
		}
		v.Credential, v.ClientID = credentialKind(g)
		s.describeDestination(&v, s.destinations.find(g.ID))
		out = append(out, v)
	}
	api.WriteJSON(w, http.StatusOK, map[string]any{"loggers": out})
}

func credentialKind(g *apim.Logger) (kind, client string) {
	identity := g.Credentials[apim.LoggerIdentity]
	switch {
	case strings.EqualFold(identity, azureSystem):
		return "systemIdentity", ""
	case identity != "":
		return "userIdentity", identity
	case g.Credentials[apim.LoggerConnectionString] != "":
		return apim.LoggerConnectionString, ""
	case g.Credentials[apim.LoggerKey] != "":
		return apim.LoggerKey, ""
	}
	return "none", ""
}

// usersOf lists the diagnostics of a logger, by their paths below the service.
func usersOf(s *apim.Service, logger string) []string {
	out := []string{}
	add := func(parent string, list []*apim.Diagnostic) {
		for _, d := range list {
			if strings.EqualFold(d.Logger, logger) {
				out = append(out, parent+"diagnostics/"+d.ID)
			}
		}
	}
	add("", s.Diagnostics)
	for _, a := range s.APIs {
		id := a.ID
		if !a.IsCurrent {
			id += ";rev=" + a.Revision
		}
		add("apis/"+id+"/", a.Diagnostics)
	}
	return out
}

func (s *Server) describeDestination(v *loggerView, to ingest.Destination) {
	sender, outside := to.Rows.(interface{ Status() export.Status })
	switch {
	case to.Off:
		v.Destination, v.State = loggerOff, "off"
	case outside:
		status := sender.Status()
		v.Destination, v.Endpoint, v.State = loggerExport, status.Endpoint, "ok"
		v.LastSuccess, v.LastError, v.LastErrorAt = status.LastSuccess, status.LastError, status.LastErrorAt
		switch {
		case status.LastError != "":
			v.State = "failing"
		case status.LastSuccess == nil:
			v.State = "idle"
		}
	default:
		v.Destination, v.State, v.Workspace = loggerWorkspace, "ok", "default"
		if to.Workspace != "" {
			v.Workspace = to.Workspace
		}
	}
}
