package metrics

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
)

// workspaceRoutes are the routes that show one workspace only.
var workspaceRoutes = regexp.MustCompile(`^/api/v1/(` +
	`query|query_range|query_exemplars|format_query|parse_query|` +
	`labels|label/[^/]+/values|series|` +
	`scrape_pools|targets|targets/metadata|alertmanagers|` +
	`rules|alerts|` +
	`status/(buildinfo|tsdb|tsdb/blocks|walreplay)|features|openapi\.yaml|` +
	`read)$`)

// processRoutes tell of the whole process: every workspace and its settings.
var processRoutes = regexp.MustCompile(`^/api/v1/(status/(config|flags|runtimeinfo|self_metrics)|notifications)$`)

// allowed lets the listed routes through, with a limited body.
func allowed(o Options, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := r.URL.Path
		if !workspaceRoutes.MatchString(path) && !(o.ProcessRoutes && processRoutes.MatchString(path)) {
			notFound(w, r)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, o.MaxQueryBody)
		next.ServeHTTP(w, r)
	})
}

func alive(w http.ResponseWriter, _ *http.Request) {
	_, _ = w.Write([]byte("Gatehouse serves metrics.\n"))
}

func notFound(w http.ResponseWriter, r *http.Request) {
	writeError(w, http.StatusNotFound, "not_found", fmt.Sprintf("there is no %s here", r.URL.Path))
}

// writeError answers in Prometheus's envelope.
func writeError(w http.ResponseWriter, status int, kind, text string) {
	writeJSON(w, status, envelope{Status: "error", ErrorType: kind, Error: text})
}

// envelope has the fields of an answer in Prometheus's order.
type envelope struct {
	Status    string `json:"status"`
	Data      any    `json:"data,omitempty"`
	ErrorType string `json:"errorType,omitempty"`
	Error     string `json:"error,omitempty"`
}

func writeJSON(w http.ResponseWriter, status int, v envelope) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client has gone: nothing to do
}
