package server

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	upstream "github.com/prometheus/prometheus/promql"

	"gatehouse/internal/api"
	"gatehouse/internal/dashboards"
	"gatehouse/internal/telemetry"
)

// A dashboard with its data, so that it can be read without Grafana.

const (
	pagePoints    = 120 // of a line, when the request does not say how many
	maxPageSeries = 200 // of one query
)

// asked is what a request wants to see of a dashboard.
type asked struct {
	workspace *metricWorkspace
	from, to  time.Time
	step      time.Duration
	choices   map[string]string
}

// dashboardData answers GET /api/dashboards/UID/data.
func (o *ownDashboards) data(w http.ResponseWriter, r *http.Request) {
	if shown, ok := o.show(w, r); ok {
		api.WriteJSON(w, http.StatusOK, shown)
	}
}

// page answers GET /api/dashboards/UID/page: the same as HTML.
func (o *ownDashboards) page(w http.ResponseWriter, r *http.Request) {
	if shown, ok := o.show(w, r); ok {
		sendPage(w, shown)
	}
}

func sendPage(w http.ResponseWriter, shown *dashboards.Shown) {
	var b bytes.Buffer
	if err := shown.Draw(&b); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	h.Set("Cache-Control", "no-store")
	_, _ = w.Write(b.Bytes())
}

func (o *ownDashboards) show(w http.ResponseWriter, r *http.Request) (*dashboards.Shown, bool) {
	text, ok := o.text(w, r.PathValue("uid"))
	if !ok {
		return nil, false
	}
	page, err := dashboards.Read(text)
	if err != nil {
		api.WriteError(w, http.StatusBadRequest, api.Error{Code: api.CodeInvalid, Message: err.Error()})
		return nil, false
	}
	a, err := o.server.askedFor(r)
	if err != nil {
		api.WriteError(w, http.StatusBadRequest, api.Error{Code: api.CodeInvalid, Message: err.Error()})
		return nil, false
	}
	var shown *dashboards.Shown
	o.server.inWorkspaces(w, r, []*metricWorkspace{a.workspace}, func(_ http.ResponseWriter, r *http.Request, _ []*metricWorkspace) {
		shown = showPage(r.Context(), &page, a)
	})
	return shown, shown != nil
}

// askedFor reads ?workspace=, from, to (seconds or RFC 3339), step and the
// choices, var-NAME, as Grafana has them in its addresses.
func (s *Server) askedFor(r *http.Request) (asked, error) {
	q := r.URL.Query()
	a := asked{to: time.Now(), choices: map[string]string{}}
	name := q.Get("workspace")
	if name == "" {
		name = telemetry.DefaultWorkspace
	}
	if a.workspace = s.metrics.find(name); a.workspace == nil {
		return a, fmt.Errorf("there is no metric workspace %q: GET /api/metric-workspaces lists them", name)
	}
	var err error
	if text := q.Get("to"); text != "" {
		if a.to, err = instant(text); err != nil {
			return a, err
		}
	}
	a.from = a.to.Add(-time.Hour)
	if text := q.Get("from"); text != "" {
		if a.from, err = instant(text); err != nil {
			return a, err
		}
	}
	over := a.to.Sub(a.from)
	if over <= 0 {
		return a, fmt.Errorf("from is not before to")
	}
	a.step = max((over / pagePoints).Round(time.Second), time.Second)
	if text := q.Get("step"); text != "" {
		if a.step, err = time.ParseDuration(text); err != nil || a.step < time.Second || over/a.step > 11_000 {
			return a, fmt.Errorf("step %q: use a duration such as 30s, at least a second, with at most 11000 of them in the time", text)
		}
	}
	for key, values := range q {
		if name, ok := strings.CutPrefix(key, "var-"); ok {
			a.choices[name] = strings.Join(values, "|")
		}
	}
	return a, nil
}

// instant reads seconds since 1970 or RFC 3339.
func instant(text string) (time.Time, error) {
	if n, err := strconv.ParseFloat(text, 64); err == nil {
		return time.UnixMilli(int64(n * 1000)), nil
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return t, fmt.Errorf("%q is no time: use seconds since 1970, or 2026-01-31T10:00:00Z", text)
	}
	return t, nil
}

// showPage runs the queries of a page. One that fails says so in its place.
func showPage(ctx context.Context, p *dashboards.Page, a asked) *dashboards.Shown {
	out := &dashboards.Shown{UID: p.UID, Title: p.Title, Description: p.Description, Workspace: a.workspace.config.Name, From: a.from, To: a.to, Step: a.step.Seconds(), Rows: []dashboards.ShownRow{}}
	for _, row := range p.Rows {
		shown := dashboards.ShownRow{Title: row.Title, Panels: []dashboards.ShownPanel{}}
		for _, panel := range row.Panels {
			one := dashboards.ShownPanel{Title: panel.Title, Description: panel.Description, Kind: panel.Kind, Unit: panel.Unit}
			for _, q := range panel.Queries {
				q.Expr = p.Fill(q.Expr, a.choices, a.to.Sub(a.from), a.step)
				one.Queries = append(one.Queries, showQuery(ctx, q, a))
			}
			shown.Panels = append(shown.Panels, one)
		}
		out.Rows = append(out.Rows, shown)
	}
	return out
}

func showQuery(ctx context.Context, q dashboards.PageQuery, a asked) dashboards.ShownQuery {
	out := dashboards.ShownQuery{Expr: q.Expr, Series: []dashboards.ShownSeries{}}
	var matrix upstream.Matrix
	var err error
	if q.Instant {
		matrix, err = a.workspace.engine.At(ctx, q.Expr, a.to)
	} else {
		matrix, err = a.workspace.engine.Range(ctx, q.Expr, a.from, a.to, a.step)
	}
	if err != nil {
		out.Error = err.Error()
		return out
	}
	if len(matrix) > maxPageSeries {
		out.Error = fmt.Sprintf("%d of %d series are shown", maxPageSeries, len(matrix))
		matrix = matrix[:maxPageSeries]
	}
	for _, s := range matrix {
		one := dashboards.ShownSeries{Labels: s.Metric.Map(), Points: []dashboards.Point{}}
		one.Name = q.Named(one.Labels)
		for _, at := range s.Floats {
			one.Points = append(one.Points, dashboards.Point{T: float64(at.T) / 1000, V: at.F})
		}
		out.Series = append(out.Series, one)
	}
	return out
}

// text gives the JSON of a dashboard, one that comes along or one that is kept
// here; when there is none that is answered.
func (o *ownDashboards) text(w http.ResponseWriter, uid string) ([]byte, bool) {
	if d, ok := dashboards.Find(uid); ok {
		data, err := d.JSON()
		if err != nil {
			o.fail(w, err)
		}
		return data, err == nil
	}
	if !dashboardUID.MatchString(uid) {
		noDashboard(w)
		return nil, false
	}
	data, err := o.server.catalog.Load(dashboardPrefix + uid)
	var k keptDashboard
	if err == nil && len(data) > 0 {
		err = json.Unmarshal(data, &k)
	}
	switch {
	case err != nil:
		o.fail(w, err)
		return nil, false
	case len(data) == 0:
		noDashboard(w)
		return nil, false
	}
	return []byte(k.JSON), true
}
