package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"

	"gatehouse/internal/api"
	"gatehouse/internal/api/metrics"
	"gatehouse/internal/identity"
	"gatehouse/internal/query/promql"
)

// metricRoutes mounts the Prometheus APIs of the workspaces and the ways in by
// remote write: Prometheus's own path and Azure's.
func (s *Server) metricRoutes(mux api.Mux) error {
	across, err := s.acrossHandler()
	if err != nil {
		return err
	}
	mux.HandleFunc("/prometheus/", func(rw http.ResponseWriter, r *http.Request) {
		s.inWorkspaces(rw, r, s.metrics.all()[:1], func(rw http.ResponseWriter, r *http.Request, w []*metricWorkspace) { w[0].handler.ServeHTTP(rw, r) })
	})
	mux.HandleFunc("/workspaces/{names}/prometheus/", func(rw http.ResponseWriter, r *http.Request) {
		s.workspaceRequest(rw, r, across)
	})
	mux.HandleFunc("POST /dataCollectionRules/{id}/streams/Microsoft-PrometheusMetrics/api/v1/write", s.azureWrite)
	mux.HandleFunc("GET /api/metrics/workspaces", s.listMetricWorkspaces) // the older name
	mux.HandleFunc("GET /api/metric-workspaces", s.listMetricWorkspaces)
	mux.HandleFunc("GET /api/metric-workspaces/{name}", s.getMetricWorkspace)
	mux.HandleFunc("PUT /api/metric-workspaces/{name}", s.putMetricWorkspace)
	mux.HandleFunc("DELETE /api/metric-workspaces/{name}", s.deleteMetricWorkspace)
	mux.HandleFunc("GET /api/metric-workspaces/{name}/slow-queries", s.slowQueries)
	mux.HandleFunc("GET /api/metric-workspaces/{name}/rules", s.listRuleFiles)
	mux.HandleFunc("GET /api/metric-workspaces/{name}/rules/{file}", s.getRuleFile)
	mux.HandleFunc("PUT /api/metric-workspaces/{name}/rules/{file}", s.putRuleFile)
	mux.HandleFunc("DELETE /api/metric-workspaces/{name}/rules/{file}", s.deleteRuleFile)
	mux.HandleFunc("GET /api/metric-workspaces/{name}/scrape", s.getScrape)
	mux.HandleFunc("PUT /api/metric-workspaces/{name}/scrape", s.putScrape)
	mux.HandleFunc("DELETE /api/metric-workspaces/{name}/scrape", s.deleteScrape)
	mux.HandleFunc("GET /api/cardinality", s.cardinality)
	return errors.Join(s.ingest.Registry().Register(newWorkspaceUsage(s)), s.ingest.Registry().Register(newCredentials(s)))
}

// inWorkspaces serves a request that uses workspaces: none of them is closed
// before it ends.
func (s *Server) inWorkspaces(rw http.ResponseWriter, r *http.Request, list []*metricWorkspace, serve func(http.ResponseWriter, *http.Request, []*metricWorkspace)) {
	ctx, cancel := context.WithCancel(promql.WithAccount(promql.WithWho(r.Context(), who(r)), asker(r)))
	defer cancel()
	for _, w := range list {
		if err := w.users.enter(); err != nil {
			refuseWorkspace(rw, w.config.Name, err)
			return
		}
		defer w.users.leave()
		defer context.AfterFunc(w.users.ctx, cancel)()
	}
	serve(rw, r.WithContext(ctx), list)
}

func refuseWorkspace(rw http.ResponseWriter, name string, err error) {
	status := http.StatusServiceUnavailable
	if errors.Is(err, errWorkspaceGone) {
		status = http.StatusNotFound
	} else {
		rw.Header().Set("Retry-After", "1")
	}
	http.Error(rw, fmt.Sprintf("workspace %s: %v", name, err), status)
}

// who asks, for the log of slow queries: user, address, program.
func who(r *http.Request) string {
	address, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		address = r.RemoteAddr
	}
	return fmt.Sprintf("%.64s from %s with %.100s", asker(r), address, r.UserAgent())
}

// asker is whose quota a request uses.
func asker(r *http.Request) string {
	if c := identity.CallerOf(r.Context()); c != nil && c.Kind == identity.KindToken {
		return c.Issuer + "/" + c.Name
	}
	if user, _, _ := r.BasicAuth(); user != "" {
		return user
	}
	if r.Header.Get("Authorization") != "" {
		return "token"
	}
	return "local"
}

// maxAcross is the number of workspaces of one query.
const maxAcross = 20

// workspaceRequest serves /workspaces/NAME/prometheus/..., and with several
// names, separated by commas, the queries across them.
func (s *Server) workspaceRequest(rw http.ResponseWriter, r *http.Request, across http.Handler) {
	names := strings.Split(r.PathValue("names"), ",")
	if len(names) > maxAcross {
		http.Error(rw, fmt.Sprintf("%d workspaces in one query, at most %d", len(names), maxAcross), http.StatusBadRequest)
		return
	}
	var list []*metricWorkspace
	seen := map[*metricWorkspace]bool{}
	for _, name := range names {
		w := s.metrics.find(strings.TrimSpace(name))
		if w == nil {
			http.Error(rw, fmt.Sprintf("there is no metric workspace %q: GET /api/metric-workspaces lists them", name), http.StatusNotFound)
			return
		}
		if !seen[w] {
			seen[w], list = true, append(list, w)
		}
	}
	r = below(r)
	s.inWorkspaces(rw, r, list, func(rw http.ResponseWriter, r *http.Request, list []*metricWorkspace) {
		if len(names) == 1 {
			list[0].handler.ServeHTTP(rw, r)
			return
		}
		across.ServeHTTP(rw, r.WithContext(promql.WithSources(r.Context(), sourcesOf(list))))
	})
}

// below is the request without /workspaces/NAMES in its path.
func below(r *http.Request) *http.Request {
	out, u := *r, *r.URL
	cut := func(path string) string {
		_, rest, _ := strings.Cut(strings.TrimPrefix(path, "/workspaces/"), "/")
		return "/" + rest
	}
	u.Path = cut(u.Path)
	if u.RawPath != "" {
		u.RawPath = cut(u.RawPath)
	}
	out.URL = &u
	return &out
}

func sourcesOf(list []*metricWorkspace) []promql.Source {
	out := make([]promql.Source, len(list))
	for i, w := range list {
		out[i] = promql.Source{Name: w.config.Name, Samples: w.db, Exemplars: w.db}
	}
	return out
}

// acrossHandler answers queries over several workspaces. It is made once: each
// request says which.
func (s *Server) acrossHandler() (http.Handler, error) {
	c := s.metrics.all()[0].config.Query
	o := c.options(false)
	o.Logger = quiet(s.log).With("workspace", "several")
	s.across = promql.New(promql.Across{}, o)
	return metrics.New(metrics.Options{Prefix: "/prometheus", Engine: s.across, Storage: acrossStorage{}, Started: s.started, Logger: quiet(s.log), ExternalURL: s.monitorURL() + "/prometheus"})
}

// acrossStorage is read-only, and has no statistics: those are of one workspace.
type acrossStorage struct{ promql.Across }

var errAcross = errors.New("this is of one workspace: name one alone in the path")

func (acrossStorage) Appender(context.Context) storage.Appender     { return nil }
func (acrossStorage) AppenderV2(context.Context) storage.AppenderV2 { return nil }
func (acrossStorage) Delete(context.Context, int64, int64, ...*labels.Matcher) error {
	return errAcross
}
func (acrossStorage) CleanTombstones() error                 { return errAcross }
func (acrossStorage) Snapshot(string, bool) error            { return errAcross }
func (acrossStorage) Stats(string, int) (*tsdb.Stats, error) { return nil, errAcross }
func (acrossStorage) WALReplayStatus() (tsdb.WALReplayStatus, error) {
	return tsdb.WALReplayStatus{}, errAcross
}

func (acrossStorage) BlockMetas() ([]tsdb.BlockMeta, error) { return nil, errAcross }

// azureWrite takes what Azure's ingestion path takes: only the host changes in
// a sender's settings.
func (s *Server) azureWrite(rw http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	w := s.collectionRule(id)
	if w == nil {
		http.Error(rw, fmt.Sprintf("there is no data collection rule %q: use a workspace's name, or set dataCollectionRule of one", id), http.StatusNotFound)
		return
	}
	s.inWorkspaces(rw, r, []*metricWorkspace{w}, func(rw http.ResponseWriter, r *http.Request, _ []*metricWorkspace) { w.receiver.ServeHTTP(rw, r) })
}

// collectionRule is the workspace of a data collection rule, nil when there is none.
func (s *Server) collectionRule(id string) *metricWorkspace {
	for _, w := range s.metrics.all() {
		if strings.EqualFold(id, w.config.Name) || (w.config.DataCollectionRule != "" && strings.EqualFold(id, w.config.DataCollectionRule)) {
			return w
		}
	}
	return nil
}
