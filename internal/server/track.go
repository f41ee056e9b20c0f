package server

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"

	"gatehouse/internal/identity"
	"gatehouse/internal/ingest/track"
	"gatehouse/internal/telemetry"
)

var errNotAdmitted = errors.New("no token that is known here")

// openTrack makes the receiver of Application Insights' protocol.
func (s *Server) openTrack() error {
	limits, err := s.config.Telemetry.limits()
	if err != nil {
		return err
	}
	s.track = track.New(track.Options{
		Rows: s.ingest, KeepAddresses: s.config.Telemetry.KeepSenderAddresses, RefuseAge: s.config.Telemetry.RefuseOldItems, MaxItemBytes: limits.itemBytes, Limits: limits.item, CapStatus: limits.capStatus,
		Workspace: func(key string) (telemetry.Workspace, bool) {
			w, ok := s.workspaces.ByKey(key)
			if !ok {
				return telemetry.Workspace{}, false
			}
			return *w, true
		},
		Authorize: s.maySend, Reach: s.mayReach,
		Process: s.processUse, Logger: s.log, Registerer: s.registry,
	})
	return nil
}

// maySend says whether a sender of items may send to a workspace that requires an
// identity. The door lets such requests through: most come with a key alone.
func (s *Server) maySend(r *http.Request, w telemetry.Workspace) error {
	caller, err := s.recogniser.caller(r)
	if err != nil || caller == nil {
		return errNotAdmitted
	}
	need := identity.Need{Action: sendTelemetry, Data: true, Scope: w.ResourceID}
	if !s.identities.current().Decide(caller, need).Allowed {
		noteOf(r.Context()).missing = &need
		return fmt.Errorf("%w: %q has no role with the data action %s (Monitoring Metrics Publisher) at %s", track.ErrForbidden, caller.Name, need.Action, need.Scope)
	}
	return nil
}

// live finds a workspace for a live view.
func (s *Server) live(name string) (string, bool) {
	w, ok := s.workspaces.ByName(name)
	if !ok {
		return "", false
	}
	return w.Name, true
}

// processUse reads what this process used from its own metrics. Some systems
// have none: then it is 0.
func (s *Server) processUse() (cpuSeconds, memoryBytes float64) {
	families, err := prometheus.Gatherers{s.registry}.Gather()
	if err != nil {
		s.log.Debug("metrics of the process are incomplete", "error", err)
	}
	for _, f := range families {
		switch {
		case len(f.GetMetric()) == 0:
		case f.GetName() == "process_cpu_seconds_total":
			cpuSeconds = f.GetMetric()[0].GetCounter().GetValue()
		case f.GetName() == "process_resident_memory_bytes":
			memoryBytes = f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	return cpuSeconds, memoryBytes
}
