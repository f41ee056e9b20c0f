// Package transactions is the transaction search of the console: items of all
// types, found by id, operation, text, dimension or result.
//
// What comes in: GET /api/transactions with filters as parameters. What goes
// out: the newest matching items, how many there are of each type, and where
// the list goes on. It must never put a parameter into a query other than as a
// quoted literal, read another workspace than was named, or give a list that is
// cut without saying so.
package transactions

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"gatehouse/internal/api"
	"gatehouse/internal/query/kql"
	"gatehouse/internal/telemetry"
)

// Options of the API.
type Options struct {
	// Query answers one query; (*kql.Engine).Query.
	Query      func(context.Context, kql.Request) (*kql.Result, error)
	Workspaces *telemetry.Workspaces
	Logger     *slog.Logger
	Now        func() time.Time
	Timeout    time.Duration // of one search
	Concurrent int           // searches at the same time; more wait
}

// DefaultOptions suit a console that a few people use.
func DefaultOptions() Options {
	return Options{Logger: slog.New(slog.DiscardHandler), Now: time.Now, Timeout: 30 * time.Second, Concurrent: 4}
}

type handler struct {
	o      Options
	places chan struct{}
}

// Register adds GET /api/transactions to a mux.
func Register(mux api.Mux, o Options) {
	d := DefaultOptions()
	if o.Logger == nil {
		o.Logger = d.Logger
	}
	if o.Now == nil {
		o.Now = d.Now
	}
	if o.Timeout <= 0 {
		o.Timeout = d.Timeout
	}
	if o.Concurrent <= 0 {
		o.Concurrent = d.Concurrent
	}
	h := &handler{o: o, places: make(chan struct{}, o.Concurrent)}
	mux.HandleFunc("GET /api/transactions", h.search)
}

// answer is a page of items.
type answer struct {
	Items  []item           `json:"items"`  // newest first
	Counts map[string]int64 `json:"counts"` // items by type, also those not listed; sampled ones as one
	Next   string           `json:"next"`   // the parameter "after" of the next page; "" when there is none
}

func (h *handler) search(w http.ResponseWriter, r *http.Request) {
	now := h.o.Now()
	p := api.ReadParameters(r.URL.RawQuery, now)
	f := readFilter(p)
	space, ok := h.o.Workspaces.ByName(f.workspace)
	if !ok && p.Wrong["workspace"] == "" {
		p.Wrong["workspace"] = "is not the name of a workspace"
	}
	if p.Refused(w) {
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), h.o.Timeout)
	defer cancel()
	select {
	case h.places <- struct{}{}:
		defer func() { <-h.places }()
	case <-ctx.Done():
		h.fail(w, ctx.Err())
		return
	}
	f.keep(now, space)
	out, err := h.find(ctx, f, kql.Request{Start: f.start, End: f.end, Now: now, Workspaces: []string{space.Name}})
	if err != nil {
		h.fail(w, err)
		return
	}
	api.WriteJSON(w, http.StatusOK, out)
}

// find asks for one item more than the page has, to know whether there are more.
func (h *handler) find(ctx context.Context, f *filter, q kql.Request) (*answer, error) {
	out := &answer{Items: []item{}, Counts: map[string]int64{}}
	q.Query = f.counts()
	result, err := h.o.Query(ctx, q)
	if err != nil {
		return nil, err
	}
	for _, row := range result.Tables[0].Rows {
		name, _ := row[0].(string)
		out.Counts[name], _ = row[1].(int64)
	}
	q.Query = f.page()
	if result, err = h.o.Query(ctx, q); err != nil {
		return nil, err
	}
	out.Items = items(result.Tables[0])
	if len(out.Items) > f.limit {
		out.Items = out.Items[:f.limit]
	}
	if len(result.Tables[0].Rows) > f.limit || result.Partial != "" {
		out.Next = out.Items[len(out.Items)-1].mark
	}
	return out, nil
}

// fail answers with what the caller can do about an error.
func (h *handler) fail(w http.ResponseWriter, err error) {
	var limit *kql.LimitError
	switch {
	case errors.As(err, &limit):
		api.WriteError(w, http.StatusUnprocessableEntity, api.Error{Code: api.CodeTooBroad, Message: "the search needs too much: narrow the time range or the filters"})
	case errors.Is(err, context.DeadlineExceeded):
		api.WriteError(w, http.StatusGatewayTimeout, api.Error{Code: api.CodeTimeout, Message: "the search took too long: narrow the time range or the filters"})
	case errors.Is(err, context.Canceled): // the caller is gone
	default:
		h.o.Logger.Error("transaction search", "error", err)
		api.WriteError(w, http.StatusInternalServerError, api.Error{Code: api.CodeInternal, Message: "the items could not be read; the log says why"})
	}
}
