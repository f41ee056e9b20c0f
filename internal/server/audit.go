package server

import (
	"encoding/hex"
	"net/http"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"gatehouse/internal/activity"
	"gatehouse/internal/api"
	"gatehouse/internal/telemetry"
)

// audit records each request of the gateway, whatever is sampled.
type audit struct {
	log  *activity.Log
	shed func() uint64 // requests that were never seen
	told atomic.Uint64 // of those
}

// openAudit opens the log of requests, when the settings want one.
func (s *Server) openAudit() (err error) {
	if !s.config.Activity.Requests {
		return nil
	}
	s.audit = &audit{shed: func() uint64 { return 0 }}
	s.audit.log, err = activity.Open(filepath.Join(s.config.Data.Folder, "audit"),
		activity.Options{Retention: time.Duration(s.config.Activity.Retention), MaxBytes: s.config.Activity.MaxBytes, Logger: s.log})
	if err != nil {
		return err
	}
	s.onClose("audit log", func() error {
		s.audit.count() // of requests that came when the queue was closed
		return s.audit.log.Close()
	})
	return nil
}

// count tells the log of requests that were never seen.
func (a *audit) count() {
	now := a.shed()
	if before := a.told.Swap(now); now > before {
		a.log.Lost(int64(now - before))
	}
}

// exchange records one request; it is called by the worker of ingest.
func (a *audit) exchange(e *telemetry.Exchange) {
	if a == nil {
		return
	}
	a.count()
	a.log.Append(auditEvent(e))
}

func auditEvent(e *telemetry.Exchange) activity.Event {
	signature, kind, level := result(e.Status)
	out := activity.Event{Time: e.Start.UTC(), OperationName: "Microsoft.ApiManagement/GatewayLogs", Category: activity.Request,
		ResultType: kind, ResultSignature: signature, Level: level, DurationMS: e.Duration.Milliseconds(),
		CorrelationID: uuid.UUID(e.RequestID).String(), Identity: activity.Identity{Claims: map[string]string{}},
		Properties: map[string]string{"method": short(e.Method, 20), "path": short(e.Path, 1000), "host": short(e.Host, 200), "traceId": hex.EncodeToString(e.TraceID[:]),
			"outcome": e.Outcome.String(), "requestBytes": strconv.FormatInt(e.RequestBytes, 10), "responseBytes": strconv.FormatInt(e.ResponseBytes, 10)}}
	if e.ClientIP.IsValid() {
		out.CallerAddress = e.ClientIP.String()
	}
	if e.Outcome != telemetry.OutcomeOK && e.Outcome != telemetry.OutcomeReturned {
		out.ResultType = "Failure"
	}
	for name, value := range map[string]string{"subscription": e.Subscription, "name": e.User} {
		if value != "" {
			out.Identity.Claims[name] = short(value, 200)
		}
	}
	out.ResourceID = standIn + "Microsoft.ApiManagement/service/gatehouse"
	if p := e.Endpoint; p != nil {
		out.ResourceID = standIn + "Microsoft.ApiManagement/service/" + p.Service + "/apis/" + p.API + "/operations/" + p.Operation
		if p.Product != "" {
			out.Properties["product"] = p.Product
		}
	}
	return out
}

// listAudit is listActivity for the log of requests.
func (s *Server) listAudit(w http.ResponseWriter, r *http.Request) {
	if s.audit == nil {
		api.WriteError(w, http.StatusNotFound, api.Error{Code: api.CodeNotFound, Message: "requests are not recorded: activity.requests turns that on"})
		return
	}
	s.list(w, r, s.audit.log)
}
