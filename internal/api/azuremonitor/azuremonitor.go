// Package azuremonitor serves the metrics of the own gateway as Azure Monitor
// serves those of an API Management service: metrics, metricDefinitions and
// metricNamespaces, for clients that were made for Azure.
//
// What comes in: requests for the resource. What goes out: values made from the
// stored series by PromQL, in Azure's shape. It must never give a value that the
// series do not have, count a request twice or leave one out of a total.
package azuremonitor

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/prometheus/prometheus/promql"

	"gatehouse/internal/api"
	"gatehouse/internal/api/arm"
	"gatehouse/internal/api/timespan"
)

// Options of a Handler. Range and Service are required.
type Options struct {
	// Range evaluates PromQL over the gateway's series.
	Range func(ctx context.Context, query string, start, end time.Time, step time.Duration) (promql.Matrix, error)
	// Service gives the name and the region of what the gateway serves; "" before
	// it serves.
	Service func() (name, region string)
	Cores   int // that 100 % of CpuPercent_Gateway stands for
	Now     func() time.Time
}

// Handler answers for one service. It is safe for concurrent use.
type Handler struct{ o Options }

// New makes the handler.
func New(o Options) *Handler {
	if o.Now == nil {
		o.Now = time.Now
	}
	o.Cores = max(o.Cores, 1)
	return &Handler{o}
}

// Namespace is that of the metrics and the type of the service.
const Namespace = "Microsoft.ApiManagement/service"

// Register puts the handler in front of its types.
func (h *Handler) Register(mux *arm.Mux) {
	mux.Handle("Microsoft.Insights/metrics", h.handle(h.metrics))
	mux.Handle("Microsoft.Insights/metricDefinitions", h.handle(h.definitions))
	mux.Handle("Microsoft.Insights/metricNamespaces", h.handle(h.namespaces))
}

// handle checks which resource is asked for.
func (h *Handler) handle(next func(http.ResponseWriter, *arm.Request, *scope) error) arm.Handler {
	return func(w http.ResponseWriter, r *arm.Request) error {
		if r.Method != http.MethodGet {
			return r.MethodNotAllowed()
		}
		s, err := h.scope(r)
		if err != nil {
			return err
		}
		return next(w, r, s)
	}
}

// scope is the resource that a request is about, or a subscription that has it.
type scope struct {
	resource     string // id of the service, as the caller writes it
	region       string
	subscription bool
}

func (h *Handler) scope(r *arm.Request) (*scope, error) {
	name, region := h.o.Service()
	if region == "" {
		region = "local"
	}
	p := r.ID.Parent
	if p == nil && r.ID.Group == "" { // all services of the subscription: this one
		id := arm.ID{Subscription: r.ID.Subscription, Group: "gatehouse", Provider: "Microsoft.ApiManagement", Segments: []arm.Segment{{Type: "service", Name: name}}}
		return &scope{id.String(), region, true}, nil
	}
	if p == nil || !strings.EqualFold(p.Type(), Namespace) || !strings.EqualFold(p.Name(), name) || name == "" {
		id := r.ID
		if p != nil {
			id = *p
		}
		return nil, arm.NotFound(id)
	}
	return &scope{p.String(), region, false}, nil
}

// metrics answers .../metrics.
func (h *Handler) metrics(w http.ResponseWriter, r *arm.Request, s *scope) error {
	q, err := h.read(r.URL.Query(), s)
	if err != nil {
		return err
	}
	value := []any{}
	for _, m := range q.metrics {
		one, err := h.metric(r.Context(), q, s, m)
		if err != nil {
			return failed(err)
		}
		value = append(value, one)
	}
	api.WriteJSON(w, http.StatusOK, map[string]any{"cost": q.cost(), "timespan": text(q.span.Start) + "/" + text(q.span.End), "interval": q.interval,
		"namespace": Namespace, "resourceregion": s.region, "value": value})
	return nil
}

func text(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// failed tells what came of a query.
func failed(err error) error {
	var known *arm.Error
	switch {
	case errors.As(err, &known):
		return err
	case errors.Is(err, context.Canceled):
		return arm.Errorf(499, "ClientClosedRequest", "the client left")
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, new(promql.ErrQueryTimeout)):
		return arm.Errorf(http.StatusGatewayTimeout, "GatewayTimeout", "the query took too long: narrow it in time")
	case errors.As(err, new(promql.ErrTooManySamples)):
		return bad("the query reads too many samples: narrow it in time, or name fewer dimensions")
	}
	return err
}

func bad(format string, args ...any) *arm.Error {
	return arm.Errorf(http.StatusBadRequest, "BadRequest", format, args...)
}

// request is a checked query for metrics.
type request struct {
	metrics      []*metric
	aggregations []string // in lower case; none: each metric's own
	span         timespan.Span
	interval     string
	every        time.Duration
	filter       []clause
	rollup       []string
	top          int
	order        *order
	metadata     bool
	divided      bool // a filter was given
}

// order is orderby.
type order struct {
	aggregation string
	ascending   bool
}

// Limits of a request.
const (
	maxNames   = 20
	defaultTop = 10
	maxTop     = 10_000
	maxPoints  = 11_000
)

func (q *request) points() int { return int(q.span.End.Sub(q.span.Start) / q.every) }

// cost is Azure's measure of a query: minutes times metrics.
func (q *request) cost() int {
	return int(q.span.End.Sub(q.span.Start).Minutes()) * max(len(q.metrics), 1)
}

// get reads a parameter; clients of Azure write some of them in other cases, and
// one encodes them twice.
func get(v url.Values, name string) string {
	for key, values := range v {
		if strings.EqualFold(key, name) && len(values) > 0 {
			out := values[0]
			if strings.Contains(out, "%") {
				if again, err := url.QueryUnescape(out); err == nil {
					return again
				}
			}
			return out
		}
	}
	return ""
}
