package logs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"gatehouse/internal/query/kql"
	"gatehouse/internal/telemetry"
)

// queryBody is the body of a query.
type queryBody struct {
	Query        string   `json:"query"`
	Timespan     string   `json:"timespan"`
	Workspaces   []string `json:"workspaces"`   // more workspaces to read
	Applications []string `json:"applications"` // likewise
	// Names of newer versions of the API for the same.
	WorkspaceIDs  []string `json:"workspaceIds"`
	QualifiedName []string `json:"qualifiedNames"`
	ResourceIDs   []string `json:"azureResourceIds"`
}

// preference is what the Prefer header asks for.
type preference struct {
	wait               time.Duration
	statistics, render bool
}

func (h *Handler) query(t *target) handle {
	return func(w http.ResponseWriter, r *http.Request) *fault {
		body, f := h.readQuery(w, r)
		if f != nil {
			return f
		}
		prefer, f := h.preference(r.Header.Values("Prefer"))
		if f != nil {
			return f
		}
		release, f := h.limits.enter(r.Context(), userOf(r), 1)
		if f != nil {
			return f
		}
		defer release()
		result, f := h.run(r.Context(), t, body, prefer)
		if f != nil {
			return f
		}
		writeResult(w, result, prefer, w.Header().Get("X-Ms-Request-Id"))
		return nil
	}
}

// readQuery reads the body of a POST, or the parameters of a GET.
func (h *Handler) readQuery(w http.ResponseWriter, r *http.Request) (queryBody, *fault) {
	var body queryBody
	if r.Method == http.MethodGet {
		v := r.URL.Query()
		body.Query, body.Timespan = v.Get("query"), v.Get("timespan")
		for _, list := range []struct {
			name string
			to   *[]string
		}{{"workspaces", &body.Workspaces}, {"applications", &body.Applications}} {
			if text := v.Get(list.name); text != "" {
				*list.to = strings.Split(text, ",")
			}
		}
	} else if f := h.readJSON(w, r, &body); f != nil {
		return body, f
	}
	if strings.TrimSpace(body.Query) == "" {
		return body, badArgument("QueryMissing", "the request has no query: send {\"query\": \"requests | take 10\"}")
	}
	if body.Timespan == "" && r.Method == http.MethodPost {
		body.Timespan = r.URL.Query().Get("timespan")
	}
	return body, nil
}

// readJSON reads a body within the limit.
func (h *Handler) readJSON(w http.ResponseWriter, r *http.Request, into any) *fault {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, h.o.MaxBody))
	err := d.Decode(into)
	if err == nil {
		if _, more := d.Token(); more != io.EOF {
			err = errors.New("something follows the JSON value")
		}
	}
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return &fault{status: http.StatusRequestEntityTooLarge, code: "RequestEntityTooLarge", message: fmt.Sprintf("the body is larger than %d bytes", h.o.MaxBody)}
	}
	if err != nil {
		return badArgument("BodyUnreadable", "the body is not JSON of the right shape: "+err.Error())
	}
	return nil
}

// preference reads Prefer headers. What is not known has no meaning here, as
// the standard wants it.
func (h *Handler) preference(lines []string) (preference, *fault) {
	var p preference
	for _, item := range strings.Split(strings.Join(lines, ","), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(item), "=")
		switch value = strings.Trim(strings.TrimSpace(value), `"`); strings.ToLower(strings.TrimSpace(name)) {
		case "wait":
			seconds, err := strconv.Atoi(value)
			if err != nil || seconds < 1 {
				return p, badArgument("PreferInvalid", "Prefer: wait is not a number of seconds: "+strconv.Quote(value))
			}
			p.wait = min(time.Duration(seconds)*time.Second, h.o.MaxWait)
		case "include-statistics":
			p.statistics = strings.EqualFold(value, "true")
		case "include-render":
			p.render = strings.EqualFold(value, "true")
		}
	}
	return p, nil
}

// run answers a query over the target's workspaces and those that the body adds.
func (h *Handler) run(ctx context.Context, t *target, body queryBody, prefer preference) (*kql.Result, *fault) {
	all, f := h.widen(t, body)
	if f != nil {
		return nil, f
	}
	now := h.o.Now()
	span, err := parseTimespan(body.Timespan, now)
	if err != nil {
		return nil, badArgument("TimespanInvalid", "timespan: "+err.Error())
	}
	return h.ask(ctx, all, body.Query, span, now, prefer.wait)
}

// ask runs a query's text over a range of time.
func (h *Handler) ask(ctx context.Context, t *target, text string, span interval, now time.Time, wait time.Duration) (*kql.Result, *fault) {
	if f := h.readable(ctx, t); f != nil {
		return nil, f
	}
	if oldest := t.oldest(now); span.start.Before(oldest) {
		span.start = oldest
	}
	request := kql.Request{Query: text, Start: span.start, End: span.end, Workspaces: t.names(), Named: h.namedFor(ctx), Workspace: t.workspace, Now: now, Limits: kql.Limits{Timeout: wait}}
	result, err := h.o.Query(ctx, request)
	if err != nil {
		return nil, h.queryFault(err)
	}
	return result, nil
}

// oldest is the time before which rows are not shown; zero: there is none. Of
// several workspaces the longest retention counts.
func (t *target) oldest(now time.Time) time.Time {
	var longest time.Duration
	for _, w := range t.workspaces {
		if w.Retention <= 0 {
			return time.Time{}
		}
		longest = max(longest, w.Retention)
	}
	if longest == 0 {
		return time.Time{}
	}
	return now.Add(-longest)
}

// widen adds the workspaces that a body names.
func (h *Handler) widen(t *target, body queryBody) (*target, *fault) {
	out := &target{title: t.title, workspaces: append([]*telemetry.Workspace(nil), t.workspaces...), workspace: t.workspace}
	var names []string
	for _, list := range [][]string{body.Workspaces, body.Applications, body.WorkspaceIDs, body.QualifiedName, body.ResourceIDs} {
		names = append(names, list...)
	}
	if len(names) > h.o.MaxResources {
		return nil, badArgument("TooManyResources", fmt.Sprintf("the query names %d workspaces and applications; at most %d", len(names), h.o.MaxResources))
	}
	for _, name := range names {
		w, ok := h.workspace(strings.TrimSpace(name))
		if !ok {
			return nil, badArgument("WorkspaceNotFound", "there is no workspace or application "+strconv.Quote(name))
		}
		out.workspaces = append(out.workspaces, w)
	}
	return out, nil
}
