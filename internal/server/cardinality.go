package server

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/tsdb/index"

	"gatehouse/internal/api"
)

const (
	apiLabel  = "gatehouse_api"
	teamLabel = "team"
	// topSeries is how many of a kind are kept as series, for growth over time.
	topSeries = 10
	// topInterval is how often they are counted: it walks the whole index.
	topInterval = time.Minute
	// maxAPIs are counted before they are summed by team.
	maxAPIs = 10_000
)

// cardinalityView says what makes the series of a workspace.
type cardinalityView struct {
	Workspace    string       `json:"workspace"`
	ActiveSeries int64        `json:"active_series"`
	SeriesLimit  int64        `json:"active_series_limit"`
	Growth       *float64     `json:"growth"` // of the active series over the window; null: not known, as of those below
	Window       float64      `json:"window_seconds"`
	Metrics      []countView  `json:"metrics"` // by series, as status/tsdb counts them
	Labels       []valuesView `json:"labels"`  // by number of values
	Pairs        []countView  `json:"label_pairs"`
	APIs         []countView  `json:"apis"`
	Teams        []countView  `json:"teams"` // series with the team as a label, and of the team's APIs
}

type countView struct {
	Name   string   `json:"name"`
	Series int64    `json:"series"`
	Growth *float64 `json:"growth,omitempty"`
}

type valuesView struct {
	Name   string `json:"name"`
	Values int64  `json:"values"`
}

// cardinality answers GET /api/cardinality?workspace=&window=&limit=.
func (s *Server) cardinality(rw http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	name, window, limit := q.Get("workspace"), time.Hour, 20
	var err error
	if text := q.Get("window"); text != "" {
		if window, err = ParseDuration(text); err != nil || window < time.Minute {
			api.WriteError(rw, http.StatusBadRequest, api.Error{Code: api.CodeInvalid, Message: fmt.Sprintf("window %q: use a duration of at least 1m, such as 1h or 7d", text)})
			return
		}
	}
	if text := q.Get("limit"); text != "" {
		if limit, err = strconv.Atoi(text); err != nil || limit < 1 || limit > 1000 {
			api.WriteError(rw, http.StatusBadRequest, api.Error{Code: api.CodeInvalid, Message: fmt.Sprintf("limit %q: use a number from 1 to 1000", text)})
			return
		}
	}
	w := s.metrics.all()[0]
	if name != "" {
		if w = s.metrics.find(name); w == nil {
			noSuchWorkspace(rw, name)
			return
		}
	}
	s.inWorkspaces(rw, r, []*metricWorkspace{w}, func(rw http.ResponseWriter, r *http.Request, _ []*metricWorkspace) {
		view, err := s.viewCardinality(r.Context(), w, window, limit)
		if err != nil {
			api.WriteError(rw, http.StatusInternalServerError, api.Error{Code: api.CodeInternal, Message: err.Error()})
			return
		}
		api.WriteJSON(rw, http.StatusOK, view)
	})
}

func (s *Server) viewCardinality(ctx context.Context, w *metricWorkspace, window time.Duration, limit int) (cardinalityView, error) {
	u := w.db.Usage()
	out := cardinalityView{Workspace: w.config.Name, ActiveSeries: u.Series, SeriesLimit: u.SeriesLimit, Window: window.Seconds(), Labels: []valuesView{}}
	stats, err := w.db.Stats(model.MetricNameLabel, limit)
	if err != nil {
		return out, err
	}
	out.Metrics = counted(stats.IndexPostingStats.CardinalityMetricsStats, limit)
	out.Pairs = counted(stats.IndexPostingStats.LabelValuePairsStats, limit)
	for _, l := range stats.IndexPostingStats.CardinalityLabelStats {
		out.Labels = append(out.Labels, valuesView{l.Name, int64(l.Count)})
	}
	if out.APIs, out.Teams, err = s.owners(ctx, w, limit); err != nil {
		return out, err
	}
	return out, s.growth(ctx, &out, window)
}

func counted(stats []index.Stat, limit int) []countView {
	out := []countView{}
	for _, one := range stats[:min(limit, len(stats))] {
		out = append(out, countView{Name: one.Name, Series: int64(one.Count)})
	}
	return out
}

// owners count the series by API, and by team: those that have it as a label,
// and those of the APIs that gatehouse_api_info gives to it.
func (s *Server) owners(ctx context.Context, w *metricWorkspace, limit int) (apis, teams []countView, err error) {
	byAPI, err := w.db.Stats(apiLabel, maxAPIs)
	if err != nil {
		return nil, nil, err
	}
	byTeam, err := w.db.Stats(teamLabel, maxAPIs)
	if err != nil {
		return nil, nil, err
	}
	info, err := w.engine.Instant(ctx, "gatehouse_api_info", time.Now())
	if err != nil {
		return nil, nil, err
	}
	team := map[string]string{}
	for _, one := range info {
		team[one.Metric.Get(apiLabel)] = one.Metric.Get(teamLabel)
	}
	series := map[string]int64{}
	for _, one := range byTeam.IndexPostingStats.CardinalityMetricsStats {
		series[one.Name] += int64(one.Count)
	}
	for _, one := range byAPI.IndexPostingStats.CardinalityMetricsStats {
		if t := team[one.Name]; t != "" {
			series[t] += int64(one.Count)
		}
	}
	for _, one := range info { // has both labels: counted twice
		if t := one.Metric.Get(teamLabel); t != "" {
			series[t]--
		}
	}
	return counted(byAPI.IndexPostingStats.CardinalityMetricsStats, limit), largest(series, limit), nil
}

func largest(series map[string]int64, limit int) []countView {
	out := []countView{}
	for name, n := range series {
		out = append(out, countView{Name: name, Series: n})
	}
	slices.SortFunc(out, func(a, b countView) int {
		if a.Series != b.Series {
			return int(b.Series - a.Series)
		}
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	return out[:min(limit, len(out))]
}

// growth compares with what the series of usage were a window ago.
func (s *Server) growth(ctx context.Context, out *cardinalityView, window time.Duration) error {
	at, engine := time.Now().Add(-window), s.metrics.all()[0].engine
	total, err := engine.Instant(ctx, fmt.Sprintf("gatehouse_metrics_workspace_active_series{workspace=%q}", out.Workspace), at)
	if err != nil {
		return err
	}
	if len(total) == 1 {
		g := float64(out.ActiveSeries) - total[0].F
		out.Growth = &g
	}
	tops, err := engine.Instant(ctx, fmt.Sprintf("gatehouse_metrics_top_series{workspace=%q}", out.Workspace), at)
	if err != nil {
		return err
	}
	before := map[string]map[string]float64{}
	for _, one := range tops {
		by := one.Metric.Get("by")
		if before[by] == nil {
			before[by] = map[string]float64{}
		}
		before[by][one.Metric.Get("name")] = one.F
	}
	for by, list := range map[string][]countView{"metric": out.Metrics, "api": out.APIs, "team": out.Teams} {
		for i := range list {
			if then, ok := before[by][list[i].Name]; ok {
				g := float64(list[i].Series) - then
				list[i].Growth = &g
			}
		}
	}
	return nil
}

// tops are the largest of a workspace, counted once a minute.
type tops struct {
	mu   sync.Mutex
	at   time.Time
	list []topCount
}

type topCount struct {
	by, name string
	n        int64
}

// topCounts gives the largest metrics, APIs and teams by series.
func (s *Server) topCounts(w *metricWorkspace) []topCount {
	w.tops.mu.Lock()
	defer w.tops.mu.Unlock()
	now := time.Now()
	if now.Sub(w.tops.at) < topInterval {
		return w.tops.list
	}
	w.tops.at, w.tops.list = now, nil
	add := func(by string, list []countView) {
		for _, one := range list {
			w.tops.list = append(w.tops.list, topCount{by, one.Name, one.Series})
		}
	}
	stats, err := w.db.Stats(model.MetricNameLabel, topSeries)
	if err != nil {
		return nil
	}
	add("metric", counted(stats.IndexPostingStats.CardinalityMetricsStats, topSeries))
	apis, teams, err := s.owners(context.Background(), w, topSeries)
	if err != nil {
		s.log.Warn("the series of a workspace could not be counted by API and team", "workspace", w.config.Name, "error", err)
		return w.tops.list
	}
	add("api", apis)
	add("team", teams)
	return w.tops.list
}
