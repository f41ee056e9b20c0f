package server

import (
	"net/http"
	"net/http/pprof"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"gatehouse/internal/api"
	"gatehouse/internal/api/alerts"
	"gatehouse/internal/api/logs"
	"gatehouse/internal/api/management"
	"gatehouse/internal/api/policies"
	"gatehouse/internal/api/traces"
	"gatehouse/internal/api/transactions"
	"gatehouse/internal/apim"
	"gatehouse/internal/ingest/otlp"
	"gatehouse/internal/ingest/track"
	"gatehouse/web"
)

// monitorRoutes is every path of the monitor doors on one screen.
func (s *Server) monitorRoutes(receiver *otlp.Receiver) (http.Handler, error) {
	mux := newGuarded(s)
	if err := s.metricRoutes(mux); err != nil {
		return nil, err
	}
	// The source link of an alert, as Prometheus writes it: Home shows the alert.
	mux.Handle("GET /prometheus/graph", http.RedirectHandler("/", http.StatusFound))
	mux.Handle("/alertmanager/", s.alerts.Handler())
	alerts.Register(mux, s.alerts)
	mux.HandleFunc("GET /api/objectives", s.listObjectives)
	mux.HandleFunc("GET /api/log-search-rules", s.logRules.list)
	traces.Register(mux, traces.Options{Explorer: s.explore, Logger: s.log})
	transactions.Register(mux, transactions.Options{Query: s.kql.Query, Workspaces: s.workspaces, Logger: s.log})
	policies.Register(mux, policies.Options{Desk: s.desk, Service: s.service})
	mux.HandleFunc("GET /api/status", s.status)
	mux.HandleFunc("GET /api/workspaces", s.listWorkspaces())
	live := s.track.Live(s.live)
	mux.Handle("/api/live", live)
	mux.Handle("/api/live/", live)
	mux.HandleFunc("GET /api/activity", s.listActivity)
	mux.HandleFunc("GET /api/access-review", s.reviewAccess)
	mux.HandleFunc("GET /api/doctor", s.doctor)
	mux.HandleFunc("GET /api/audit", s.listAudit)
	(&ownDashboards{server: s}).routes(mux)
	(&reports{server: s}).routes(mux)
	mux.HandleFunc("GET /api/grafana/{name}/datasources.yaml", s.dataSources)
	mux.HandleFunc("GET /api/exports", s.exports.list)
	mux.HandleFunc("GET /api/loggers", s.listLoggers)
	mux.HandleFunc("GET /api/telemetry-costs", s.listTelemetryCosts)
	mux.HandleFunc("POST /api/custom-metrics/predict", s.predictSeries)
	s.availabilityRoutes(mux)
	mux.HandleFunc("/api/", noSuchAPI)
	mux.Handle("/v1/", receiver.Handler())
	s.logsAPI().Register(mux)
	if s.azureProbes != nil {
		s.azureProbes.Register(mux)
	}
	mux.Handle("GET /metrics", s.exposition())
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	mux.HandleFunc("GET /readyz", s.ready)
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	mux.Handle("/", web.Handler())
	s.accountRoutes(s.resources)
	return s.tracked(mux.mux), mux.whole()
}

// tracked takes the paths of Application Insights' protocol and of resources that
// are managed, in any case, before the mux does: it matches cases and redirects.
func (s *Server) tracked(next http.Handler) http.Handler {
	managed, kept := s.guard(ofResources, s.management), s.guard(ofResources, s.resources)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case track.Serves(r.URL.Path):
			s.track.ServeHTTP(w, r)
			return
		case management.Serves(r.URL.Path):
			managed.ServeHTTP(w, r)
			return
		case s.resources.Serves(r.URL.Path):
			kept.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// logsAPI answers queries in KQL.
func (s *Server) logsAPI() *logs.Handler {
	o := logs.DefaultOptions()
	o.Query, o.Workspaces, o.Logger = s.kql.Query, s.workspaces, s.log
	o.Concurrent, o.Rate = s.config.Query.Concurrent, s.config.Query.Rate
	o.Next, o.MayRead = s.guard(ofResources, s.resourceRoutes()), s.mayRead
	return logs.New(o)
}

// service is what the gateway serves now.
func (s *Server) service() *apim.Service {
	if now := s.gateway.Current(); now != nil {
		return now.Service
	}
	return nil
}

// exposition serves the gateway's metrics and those of the process.
func (s *Server) exposition() http.Handler {
	return promhttp.HandlerFor(prometheus.Gatherers{s.ingest.Registry(), s.processMetrics()}, promhttp.HandlerOpts{EnableOpenMetrics: true})
}

// noSuchAPI keeps a program with a wrong path from getting the console's page.
func noSuchAPI(w http.ResponseWriter, r *http.Request) {
	api.WriteError(w, http.StatusNotFound, api.Error{Code: api.CodeNotFound, Message: "there is no " + r.Method + " " + r.URL.Path + " here"})
}

func (s *Server) ready(w http.ResponseWriter, _ *http.Request) {
	if s.gateway.Current() == nil {
		http.Error(w, "the gateway has no configuration yet", http.StatusServiceUnavailable)
		return
	}
	_, _ = w.Write([]byte("ready\n"))
}
