// Package logs is the query API of Application Insights and Log Analytics over
// KQL: queries of an application, a workspace or a resource, batches, metrics,
// events and metadata, in the shapes that Azure's own clients read.
//
// What comes in: requests that the door has admitted. What goes out: tables of
// values, and errors with code, line and position. It must never redirect (the
// clients would lose their body or token), read other workspaces than the path
// and the body name, or answer a cut result without saying so.
package logs

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/google/uuid"

	"gatehouse/internal/api"
	"gatehouse/internal/query/kql"
	"gatehouse/internal/telemetry"
)

// Options of a Handler. Zero values of limits mean what DefaultOptions gives.
type Options struct {
	// Query answers one query; (*kql.Engine).Query.
	Query      func(context.Context, kql.Request) (*kql.Result, error)
	Workspaces *telemetry.Workspaces
	// MayRead says why who sent a request may not read a workspace. nil: each may
	// read all.
	MayRead func(context.Context, *telemetry.Workspace) error
	Logger  *slog.Logger
	Now     func() time.Time

	Concurrent int           // queries of one user at the same time
	Waiting    int           // queries of one user that wait for a place
	Wait       time.Duration // how long they wait
	Rate       int           // queries of one user in a window
	Window     time.Duration

	MaxBody      int64         // bytes of a request
	MaxBatch     int           // queries of a batch
	MaxResources int           // workspaces and applications that one query names
	MaxWait      time.Duration // what Prefer: wait may ask for
	// Next answers resource paths that are none of this API's, nil: they are not found.
	Next http.Handler
}

// DefaultOptions has Azure's limits.
func DefaultOptions() Options {
	return Options{
		Logger: slog.New(slog.DiscardHandler), Now: time.Now,
		Concurrent: 5, Waiting: 200, Wait: 3 * time.Minute, Rate: 200, Window: 30 * time.Second,
		MaxBody: 1 << 20, MaxBatch: 100, MaxResources: 100, MaxWait: 10 * time.Minute,
	}
}

func (o Options) withDefaults() Options {
	d := DefaultOptions()
	orDefault(&o.Logger, d.Logger)
	orDefault(&o.Concurrent, d.Concurrent)
	orDefault(&o.Waiting, d.Waiting)
	orDefault(&o.Wait, d.Wait)
	orDefault(&o.Rate, d.Rate)
	orDefault(&o.Window, d.Window)
	orDefault(&o.MaxBody, d.MaxBody)
	orDefault(&o.MaxBatch, d.MaxBatch)
	orDefault(&o.MaxResources, d.MaxResources)
	orDefault(&o.MaxWait, d.MaxWait)
	if o.Now == nil {
		o.Now = d.Now
	}
	return o
}

func orDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// Handler is the query API. It is safe for concurrent use.
type Handler struct {
	o      Options
	limits *limits
	named  map[string]string // of app() and workspace()
}

// New makes the handler of the paths that Register names.
func New(o Options) *Handler {
	o = o.withDefaults()
	return &Handler{o: o, limits: newLimits(o), named: namedWorkspaces(o.Workspaces, func(*telemetry.Workspace) bool { return true })}
}

// Register puts the handler in front of all its paths.
func (h *Handler) Register(mux api.Mux) {
	for _, path := range []string{"/v1/apps", "/v1/workspaces", "/v1/subscriptions", "/v1/$batch", "/$batch", "/workspaces", "/subscriptions"} {
		mux.Handle(path, h) // without the slash too, since the mux would redirect to it
		mux.Handle(path+"/", h)
	}
}

// ServeHTTP answers one request. Every answer carries an id that errors repeat.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := uuid.NewString()
	w.Header().Set("X-Ms-Request-Id", id)
	route, f := h.route(r)
	if f == nil && route.handle == nil {
		h.o.Next.ServeHTTP(w, r)
		return
	}
	if f == nil {
		f = route.handle(w, r)
	}
	if f != nil {
		f.correlation = id
		writeFault(w, f)
	}
}
