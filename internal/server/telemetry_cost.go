package server

import (
	"net/http"
	"time"

	"gatehouse/internal/api"
	"gatehouse/internal/ingest"
)

// telemetryCosts answers GET /api/telemetry-costs: what each diagnostic made of
// requests since the start, what that costs, and the call that switches it off.
type telemetryCosts struct {
	Since       time.Time        `json:"since"`
	Diagnostics []diagnosticCost `json:"diagnostics"`
}

type diagnosticCost struct {
	Diagnostic string     `json:"diagnostic"` // "" keeps everything of APIs without a diagnostic
	API        string     `json:"api"`        // "" is all APIs
	Logger     string     `json:"logger"`
	Parts      []partCost `json:"parts"`
}

type partCost struct {
	Part   string  `json:"part"`
	Count  int64   `json:"count"`
	Bytes  int64   `json:"bytes"`
	Micros float64 `json:"processorMicroseconds"` // estimated
	// Share of what the diagnostic costs, 0 to 1.
	Share float64     `json:"share"`
	Off   *changeCall `json:"off,omitempty"`
}

// changeCall is a request of the management API. Sent as it stands to this door
// it makes the change at once.
type changeCall struct {
	Method string            `json:"method"`
	Path   string            `json:"path"`
	Header map[string]string `json:"header"`
	Body   map[string]any    `json:"body"`
}

func (s *Server) listTelemetryCosts(w http.ResponseWriter, _ *http.Request) {
	out := telemetryCosts{Since: s.started.UTC(), Diagnostics: []diagnosticCost{}}
	for _, d := range s.ingest.Costs() {
		out.Diagnostics = append(out.Diagnostics, s.diagnosticCost(&d))
	}
	api.WriteJSON(w, http.StatusOK, out)
}

func (s *Server) diagnosticCost(d *ingest.DiagnosticCost) diagnosticCost {
	out := diagnosticCost{Diagnostic: d.Diagnostic, API: d.API, Logger: d.Logger}
	total := time.Duration(0)
	for _, p := range d.Parts {
		total += p.Time
	}
	for _, p := range d.Parts {
		one := partCost{Part: p.Part, Count: p.Count, Bytes: p.Bytes, Micros: float64(p.Time) / float64(time.Microsecond), Share: float64(p.Time) / float64(max(total, 1))}
		if d.Diagnostic != "" && p.Count > 0 {
			one.Off = s.switchOff(d, p.Part)
		}
		out.Parts = append(out.Parts, one)
	}
	return out
}

// switchOff is the call that ends a part. The times of policy statements belong to
// the record: fewer records have fewer of them.
func (s *Server) switchOff(d *ingest.DiagnosticCost, part string) *changeCall {
	path := s.serviceID() + "/"
	if d.API != "" {
		path += "apis/" + d.API + "/"
	}
	message := map[string]any{}
	properties := map[string]any{}
	switch part {
	case ingest.PartHeaders:
		message["headers"] = []string{}
	case ingest.PartBodies:
		message["body"] = map[string]any{"bytes": 0}
	default:
		properties["sampling"] = map[string]any{"samplingType": "fixed", "percentage": 0}
	}
	if len(message) > 0 {
		both := map[string]any{"request": message, "response": message}
		properties["frontend"], properties["backend"] = both, both
	}
	return &changeCall{Method: http.MethodPatch, Path: path + "diagnostics/" + d.Diagnostic + "?api-version=2024-05-01",
		Header: map[string]string{"Content-Type": "application/json", "If-Match": "*"}, Body: map[string]any{"properties": properties}}
}
