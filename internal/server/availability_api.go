package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"gatehouse/internal/api"
	"gatehouse/internal/availability"
	"gatehouse/internal/query/kql"
	"gatehouse/internal/query/kql/table"
)

// testView is a test as GET /api/availability shows it.
type testView struct {
	availability.State
	Settings bool             `json:"settings"` // it stands in gatehouse.yaml
	Uptime   uptime           `json:"uptime"`
	Places   map[string]ratio `json:"uptimeByLocation"`
}

// ratio of results that passed; its value is null without results.
type ratio struct {
	Results int64    `json:"results"`
	Passed  int64    `json:"passed"`
	Ratio   *float64 `json:"ratio"`
}

type uptime struct {
	Window string `json:"window"`
	ratio
}

func (r *ratio) add(results, passed int64) {
	r.Results, r.Passed = r.Results+results, r.Passed+passed
	if r.Results > 0 {
		v := float64(r.Passed) / float64(r.Results)
		r.Ratio = &v
	}
}

const (
	maxTestBytes   = 256 << 10
	defaultWindow  = 24 * time.Hour
	maxTestResults = 1000
)

func (s *Server) availabilityRoutes(mux api.Mux) {
	mux.HandleFunc("GET /api/availability", s.listTests)
	mux.HandleFunc("POST /api/availability", s.createTest)
	mux.HandleFunc("GET /api/availability/{name}", s.getTest)
	mux.HandleFunc("PUT /api/availability/{name}", s.putTest)
	mux.HandleFunc("DELETE /api/availability/{name}", s.deleteTest)
	mux.HandleFunc("POST /api/availability/{name}/run", s.runTest)
	mux.HandleFunc("GET /api/availability/{name}/results", s.testResults)
}

func (s *Server) listTests(w http.ResponseWriter, r *http.Request) {
	window, err := windowOf(r)
	if err != nil {
		invalidTest(w, err)
		return
	}
	views, err := s.viewTests(r.Context(), s.availability.List(), window)
	if err != nil {
		failedTest(w, err)
		return
	}
	api.WriteJSON(w, http.StatusOK, map[string]any{"tests": views})
}

func (s *Server) getTest(w http.ResponseWriter, r *http.Request) {
	window, err := windowOf(r)
	if err != nil {
		invalidTest(w, err)
		return
	}
	s.answerTest(w, r, http.StatusOK, r.PathValue("name"), window)
}

func (s *Server) answerTest(w http.ResponseWriter, r *http.Request, status int, name string, window time.Duration) {
	state, err := s.availability.Get(name)
	if err != nil {
		failedTest(w, err)
		return
	}
	views, err := s.viewTests(r.Context(), []availability.State{state}, window)
	if err != nil {
		failedTest(w, err)
		return
	}
	api.WriteJSON(w, status, views[0])
}

// viewTests adds what the tables say of a window: the same rows that queries see.
func (s *Server) viewTests(ctx context.Context, states []availability.State, window time.Duration) ([]testView, error) {
	out := make([]testView, len(states))
	results := map[string]map[string]map[string]ratio{} // by workspace, name and place
	for n, state := range states {
		workspace := state.Test.Workspace
		if results[workspace] == nil {
			all, err := s.uptimes(ctx, workspace, window)
			if err != nil {
				return nil, err
			}
			results[workspace] = all
		}
		v := testView{State: state, Settings: s.availability.fixed(state.Test.Name), Uptime: uptime{Window: window.String()}, Places: map[string]ratio{}}
		for place, one := range results[workspace][strings.ToLower(state.Test.Name)] {
			v.Places[place] = one
			v.Uptime.add(one.Results, one.Passed)
		}
		out[n] = v
	}
	return out, nil
}

// rowsOf asks for results of a workspace within a window.
func (s *Server) rowsOf(ctx context.Context, workspace, query string, window time.Duration) ([][]any, error) {
	w, ok := s.workspaces.ByName(workspace)
	if !ok {
		return nil, fmt.Errorf("there is no workspace %q", workspace)
	}
	now := time.Now()
	result, err := s.kql.Query(ctx, kql.Request{Query: query, Start: now.Add(-window), End: now.Add(time.Hour), Workspaces: []string{w.Name}, Now: now,
		Limits: kql.Limits{Rows: 10 * maxTestResults, Timeout: 20 * time.Second}})
	if err != nil {
		return nil, err
	}
	return result.Tables[0].Rows, nil
}

func (s *Server) uptimes(ctx context.Context, workspace string, window time.Duration) (map[string]map[string]ratio, error) {
	rows, err := s.rowsOf(ctx, workspace, "AppAvailabilityResults | summarize results = count(), passed = countif(Success) by Name, Location", window)
	if err != nil {
		return nil, err
	}
	out := map[string]map[string]ratio{}
	for _, row := range rows {
		name, place := strings.ToLower(fmt.Sprint(row[0])), fmt.Sprint(row[1])
		if out[name] == nil {
			out[name] = map[string]ratio{}
		}
		results, _ := row[2].(int64)
		passed, _ := row[3].(int64)
		one := out[name][place]
		one.add(results, passed)
		out[name][place] = one
	}
	return out, nil
}

// testResults answers with the rows of one test, newest first.
func (s *Server) testResults(w http.ResponseWriter, r *http.Request) {
	window, err := windowOf(r)
	limit := 100
	if text := r.URL.Query().Get("limit"); err == nil && text != "" {
		if limit, err = strconv.Atoi(text); err != nil || limit < 1 || limit > maxTestResults {
			err = fmt.Errorf("limit: %q is not a number between 1 and %d", text, maxTestResults)
		}
	}
	if err != nil {
		invalidTest(w, err)
		return
	}
	state, err := s.availability.Get(r.PathValue("name"))
	if err != nil {
		failedTest(w, err)
		return
	}
	// A name has letters, digits, dots, hyphens and underscores only.
	query := fmt.Sprintf("AppAvailabilityResults | where Name =~ '%s' | top %d by TimeGenerated desc | project TimeGenerated, Location, Success, Message, DurationMs, OperationId, Properties", state.Test.Name, limit)
	rows, err := s.rowsOf(r.Context(), state.Test.Workspace, query, window)
	if err != nil {
		failedTest(w, err)
		return
	}
	list := make([]map[string]any, 0, len(rows))
	for _, row := range rows {
		at, _ := row[0].(int64)
		dimensions, _ := row[6].(string)
		if dimensions == "" {
			dimensions = "{}"
		}
		list = append(list, map[string]any{"time": time.Unix(0, (at-table.UnixTicks)*100).UTC(), "location": row[1], "success": row[2], "message": row[3],
			"duration_ms": row[4], "operation_Id": row[5], "customDimensions": json.RawMessage(dimensions)})
	}
	api.WriteJSON(w, http.StatusOK, map[string]any{"test": state.Test.Name, "results": list})
}

func (s *Server) createTest(w http.ResponseWriter, r *http.Request) {
	t, err := readTest(w, r)
	if err != nil {
		invalidTest(w, err)
		return
	}
	if t.Gateway && t.Name == "" {
		t.Name = gatewayTest
	}
	if err := s.availability.add(t, false); err != nil {
		failedTest(w, err)
		return
	}
	s.answerTest(w, r, http.StatusCreated, t.Name, defaultWindow)
}

func (s *Server) putTest(w http.ResponseWriter, r *http.Request) {
	t, err := readTest(w, r)
	name := r.PathValue("name")
	if err == nil && t.Name != "" && !strings.EqualFold(t.Name, name) {
		err = fmt.Errorf("name: the body says %q and the path %q", t.Name, name)
	}
	if err != nil {
		invalidTest(w, err)
		return
	}
	t.Name = name
	if err := s.availability.add(t, true); err != nil {
		failedTest(w, err)
		return
	}
	s.answerTest(w, r, http.StatusOK, name, defaultWindow)
}

func (s *Server) deleteTest(w http.ResponseWriter, r *http.Request) {
	if err := s.availability.remove(r.PathValue("name")); err != nil {
		failedTest(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) runTest(w http.ResponseWriter, r *http.Request) {
	results, err := s.availability.Run(r.Context(), r.PathValue("name"))
	if err != nil {
		failedTest(w, err)
		return
	}
	api.WriteJSON(w, http.StatusOK, map[string]any{"results": results})
}

func readTest(w http.ResponseWriter, r *http.Request) (availability.Test, error) {
	var t availability.Test
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxTestBytes))
	d.DisallowUnknownFields()
	if err := d.Decode(&t); err != nil {
		return t, fmt.Errorf("the body is not a test: %w", err)
	}
	return t, nil
}

func windowOf(r *http.Request) (time.Duration, error) {
	text := r.URL.Query().Get("window")
	if text == "" {
		return defaultWindow, nil
	}
	window, err := ParseDuration(text)
	if err == nil && window <= 0 {
		err = errors.New("it is zero")
	}
	if err != nil {
		return 0, fmt.Errorf("window: %w", err)
	}
	return window, nil
}

func invalidTest(w http.ResponseWriter, err error) {
	api.WriteError(w, http.StatusBadRequest, api.Error{Code: api.CodeInvalid, Message: err.Error()})
}

func failedTest(w http.ResponseWriter, err error) {
	var query *kql.QueryError
	var limit *kql.LimitError
	switch {
	case errors.Is(err, availability.ErrUnknown):
		api.WriteError(w, http.StatusNotFound, api.Error{Code: api.CodeNotFound, Message: err.Error()})
	case errors.Is(err, errOfSettings), errors.Is(err, errTestExists):
		api.WriteError(w, http.StatusConflict, api.Error{Code: api.CodeInvalid, Message: err.Error()})
	case errors.As(err, &query), errors.As(err, &limit), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		api.WriteError(w, http.StatusServiceUnavailable, api.Error{Code: api.CodeTimeout, Message: "the results cannot be read now: " + err.Error()})
	default:
		invalidTest(w, err)
	}
}
