package server

import (
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"gatehouse/internal/activity"
	"gatehouse/internal/api/arm"
	"gatehouse/internal/ingest/track"
	"gatehouse/web"
)

// ActivityConfig is the record of who asked for what on the monitor doors.
type ActivityConfig struct {
	Retention Duration `yaml:"retention"` // default 90 days
	MaxBytes  int64    `yaml:"maxBytes"`  // default 512 MiB
	// Requests records each request of the gateway too, in a log of its own.
	Requests bool `yaml:"requests"`
}

func (s *Server) openActivity() error {
	if err := s.openActivityLog(); err != nil {
		return err
	}
	s.resources.Handle("Microsoft.Insights/eventtypes", s.activityEvents)
	return nil
}

func (s *Server) openActivityLog() (err error) {
	s.activity, err = activity.Open(filepath.Join(s.config.Data.Folder, "activity"),
		activity.Options{Retention: time.Duration(s.config.Activity.Retention), MaxBytes: s.config.Activity.MaxBytes, Logger: s.log})
	if err != nil {
		return err
	}
	s.refusals.lost = s.activity.Lost
	s.onClose("activity log", func() error {
		s.refusals.tell()
		return s.activity.Close()
	})
	return nil
}

// act is what a request does.
type act struct {
	operation, category string
	resource            string // id; "": the service
}

// recorded gives what a request does. Telemetry that comes in, the console's own
// files and health are not activities of anybody.
func (s *Server) recorded(r *http.Request) (act, bool) {
	p := strings.ToLower(clean(r.URL.Path))
	switch {
	case public(p), track.Serves(p), web.Public(p), p == "/", p == "/api/live", strings.HasPrefix(p, "/api/live/"), takesTelemetry(r.Method, p):
		return act{}, false
	case p == "/metrics":
		return act{operation: "Microsoft.ApiManagement/service/metrics/read", category: activity.Scrape}, true
	case strings.HasPrefix(p, "/prometheus/"), strings.HasPrefix(p, "/workspaces/") && strings.Contains(p, "/prometheus/"):
		return s.metricAct(p), true
	case strings.HasPrefix(p, "/probe/"):
		return act{operation: "Microsoft.Insights/metrics/read", category: activity.Scrape}, true
	case strings.HasPrefix(p, "/alertmanager/"):
		return act{operation: "Microsoft.AlertsManagement/alerts/" + verb(r.Method), category: categoryOf(r.Method)}, true
	case strings.HasPrefix(p, "/subscriptions/"):
		return armAct(r), true
	case strings.HasPrefix(p, "/v1/"), strings.HasPrefix(p, "/workspaces/"), p == "/$batch":
		return act{operation: "Microsoft.OperationalInsights/workspaces/query/read", category: activity.Reading}, true
	case strings.HasPrefix(p, "/api/"):
		name, _, _ := strings.Cut(p[len("/api/"):], "/")
		return act{operation: "Gatehouse/" + short(name, 60) + "/" + verb(r.Method), category: categoryOf(r.Method)}, true
	}
	return act{operation: "Gatehouse/console/" + verb(r.Method), category: categoryOf(r.Method)}, true
}

// takesTelemetry says whether a request brings signals.
func takesTelemetry(method, p string) bool {
	if method != http.MethodPost {
		return false
	}
	switch p {
	case "/v1/traces", "/v1/metrics", "/v1/logs":
		return true
	}
	return strings.HasSuffix(p, "/api/v1/write") || strings.HasPrefix(p, "/datacollectionrules/")
}

// metricAct is a call of the Prometheus API of a metric workspace.
func (s *Server) metricAct(p string) act {
	out := act{operation: "Microsoft.Monitor/accounts/data/metrics/read", category: activity.Reading}
	if strings.HasSuffix(p, "/federate") {
		out.operation, out.category = "Microsoft.Monitor/accounts/data/federate/read", activity.Scrape
	}
	name := "default"
	if rest, ok := strings.CutPrefix(p, "/workspaces/"); ok {
		name, _, _ = strings.Cut(rest, "/")
	}
	out.resource = standIn + "Microsoft.Monitor/accounts/" + short(name, 200)
	return out
}

// armAct is a call for a resource.
func armAct(r *http.Request) act {
	id, err := arm.Parse(r.URL.Path)
	if err != nil {
		return act{operation: "Gatehouse/resources/" + verb(r.Method), category: categoryOf(r.Method)}
	}
	return act{operation: short(id.Type(), 200) + "/" + verb(r.Method), category: categoryOf(r.Method), resource: short(id.String(), 1000)}
}

func verb(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return "read"
	case http.MethodDelete:
		return "delete"
	case http.MethodPost:
		return "action"
	}
	return "write"
}

func categoryOf(method string) string {
	if verb(method) == "read" {
		return activity.Reading
	}
	return activity.Administrative
}

func short(text string, n int) string {
	if len(text) > n {
		return text[:n] + "..."
	}
	return text
}

// recording writes each request through a monitor door into the activity log,
// those that the door refuses too.
func (s *Server) recording(name string, d *door) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		what, ok := s.recorded(r)
		if !ok {
			d.ServeHTTP(w, r)
			return
		}
		start := time.Now()
		e := activity.Event{Time: start.UTC(), OperationName: what.operation, Category: what.category, ResourceID: what.resource, CorrelationID: uuid.NewString(),
			Properties: map[string]string{"method": short(r.Method, 20), "path": short(r.URL.Path, 1000), "door": name, "userAgent": short(r.UserAgent(), 200)}}
		if e.ResourceID == "" {
			e.ResourceID = standIn + "Microsoft.ApiManagement/service/" + s.activityService()
		}
		e.CallerAddress, _, _ = net.SplitHostPort(r.RemoteAddr)
		out, noted := &statusWriter{ResponseWriter: w}, &note{}
		defer func() {
			e.DurationMS = time.Since(start).Milliseconds()
			e.ResultSignature, e.ResultType, e.Level = result(out.status)
			noted.into(&e)
			if noted.caller == nil && out.status >= 400 && !s.refusals.room(start) {
				return
			}
			s.activity.Append(e)
		}()
		d.ServeHTTP(out, r.WithContext(withNote(r.Context(), noted)))
	})
}

func (s *Server) activityService() string {
	if now := s.service(); now != nil {
		return now.Name
	}
	return "gatehouse"
}

// result words a status as the Activity Log does; a request that was answered
// nothing ended in a fault of ours.
func result(status int) (signature, kind, level string) {
	switch {
	case status == 0:
		return "0", "Failure", "Error"
	case status >= 500:
		return strconv.Itoa(status), "Failure", "Error"
	case status >= 400:
		return strconv.Itoa(status), "Failure", "Warning"
	}
	return strconv.Itoa(status), "Success", "Information"
}

// statusWriter notes the status.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(p)
}

// Flush is for handlers that ask for http.Flusher, as remote read does.
func (w *statusWriter) Flush() { _ = http.NewResponseController(w.ResponseWriter).Flush() }

// Unwrap is for http.ResponseController.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
