package azuremonitor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// ProbeOptions of the endpoints below /probe/metrics/. Client is required.
type ProbeOptions struct {
	Client  *Client
	Delay   time.Duration // how long after its end an interval is asked for, default 3 min
	Timeout time.Duration // of one probe, default 1 min
	Tags    []string      // of resources that become labels; nil: owner
	Now     func() time.Time
	Logger  *slog.Logger
}

// Prober answers probes as azure-metrics-exporter does, with the same paths,
// parameters and names. Each sample carries Azure's time, and intervals that are
// not over are not asked for.
type Prober struct {
	o ProbeOptions

	mu    sync.Mutex
	cache map[string]answer // by query string
}

type answer struct {
	body  []byte
	until time.Time
}

// Limits of one probe.
const (
	maxTargets    = 100 // resources
	probesAtOnce  = 10  // calls of one probe
	maxCached     = 200
	maxCacheAge   = time.Hour
	maxParameters = 20 << 10 // bytes of the query string
)

// NewProber makes the handler.
func NewProber(o ProbeOptions) *Prober {
	if o.Delay <= 0 {
		o.Delay = 3 * time.Minute
	}
	if o.Timeout <= 0 {
		o.Timeout = time.Minute
	}
	if o.Tags == nil {
		o.Tags = []string{"owner"}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Prober{o: o, cache: map[string]answer{}}
}

// Register puts the probes in front of their paths.
func (p *Prober) Register(mux interface {
	HandleFunc(string, func(http.ResponseWriter, *http.Request))
}) {
	mux.HandleFunc("GET /probe/metrics/resource", p.handle(p.targets))
	mux.HandleFunc("GET /probe/metrics/list", p.handle(p.listed))
	mux.HandleFunc("GET /probe/metrics/scrape", p.handle(p.tagged))
	mux.HandleFunc("GET /probe/metrics", p.handle(p.region))
}

// plan gives the samples of one kind of probe.
type plan func(context.Context, *parameters) ([]Sample, error)

func (p *Prober) handle(run plan) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if len(r.URL.RawQuery) > maxParameters {
			http.Error(w, "the parameters are too long", http.StatusRequestURITooLong)
			return
		}
		key := r.URL.Path + "?" + r.URL.RawQuery
		if body, ok := p.cached(key); ok {
			writeProbe(w, body, true)
			return
		}
		q, err := readParameters(r.URL.Query(), p.o.Now().Add(-p.o.Delay))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), p.o.Timeout)
		defer cancel()
		samples, err := run(ctx, q)
		if err != nil {
			p.refuse(w, err)
			return
		}
		var b bytes.Buffer
		expose(&b, samples, q.help)
		p.store(key, b.Bytes(), q.cache)
		writeProbe(w, b.Bytes(), false)
	}
}

func writeProbe(w http.ResponseWriter, body []byte, cached bool) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	w.Header().Set("X-Metrics-Cached", strconv.FormatBool(cached))
	_, _ = w.Write(body)
}

// badParameter is the caller's to mend.
type badParameter struct{ message string }

func (e badParameter) Error() string { return e.message }

func (p *Prober) refuse(w http.ResponseWriter, err error) {
	var bad badParameter
	if errors.As(err, &bad) {
		http.Error(w, bad.message, http.StatusBadRequest)
		return
	}
	p.o.Logger.Warn("a probe of Azure Monitor failed", "error", told(err))
	status := http.StatusBadGateway
	switch reasonOf(err) {
	case "throttled":
		status = http.StatusServiceUnavailable
		w.Header().Set("Retry-After", fmt.Sprint(int(p.o.Client.throttle.left().Seconds())+1))
	case "timeout":
		status = http.StatusGatewayTimeout
	}
	http.Error(w, told(err), status)
}

func (p *Prober) cached(key string) ([]byte, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if a, ok := p.cache[key]; ok && p.o.Now().Before(a.until) {
		return a.body, true
	}
	return nil, false
}

func (p *Prober) store(key string, body []byte, age time.Duration) {
	if age <= 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.cache) >= maxCached {
		clear(p.cache)
	}
	p.cache[key] = answer{body, p.o.Now().Add(min(age, maxCacheAge))}
}

// targets probes the resources that the caller names.
func (p *Prober) targets(ctx context.Context, q *parameters) ([]Sample, error) {
	if len(q.targets) == 0 {
		return nil, badParameter{"name a resource: target=/subscriptions/ID/resourceGroups/GROUP/providers/Microsoft.ApiManagement/service/NAME"}
	}
	list := make([]aim, len(q.targets))
	for n, t := range q.targets {
		list[n] = aim{id: t, metrics: q.metrics, aggregations: q.aggregations}
		tags, err := p.o.Client.tags(ctx, t)
		if err != nil && reasonOf(err) != "forbidden" { // who may only read metrics has no tags
			return nil, err
		}
		list[n].tags = tags
	}
	return p.probe(ctx, q, list)
}

// listed probes the resources of subscriptions that a filter picks.
func (p *Prober) listed(ctx context.Context, q *parameters) ([]Sample, error) {
	list, err := p.discover(ctx, q)
	if err != nil {
		return nil, err
	}
	for n := range list {
		list[n].metrics, list[n].aggregations = q.metrics, q.aggregations
	}
	return p.probe(ctx, q, list)
}

// tagged probes resources whose tags name the metrics.
func (p *Prober) tagged(ctx context.Context, q *parameters) ([]Sample, error) {
	if q.metricTag == "" {
		return nil, badParameter{"metricTagName names the tag in which resources have their metrics"}
	}
	all, err := p.discover(ctx, q)
	if err != nil {
		return nil, err
	}
	var list []aim
	for _, a := range all {
		a.aggregations = q.aggregations
		for name, value := range a.tags {
			switch {
			case strings.EqualFold(name, q.metricTag):
				a.metrics = split(value)
			case q.aggregationTag != "" && strings.EqualFold(name, q.aggregationTag):
				a.aggregations = lower(split(value))
			}
		}
		if len(a.metrics) > 0 {
			list = append(list, a)
		}
	}
	return p.probe(ctx, q, list)
}

// discover lists resources of the caller's subscriptions.
func (p *Prober) discover(ctx context.Context, q *parameters) ([]aim, error) {
	if len(q.subscriptions) == 0 {
		return nil, badParameter{"name a subscription: subscription=ID"}
	}
	filter := q.resourceFilter
	if q.resourceType != "" {
		filter = "resourceType eq '" + strings.ReplaceAll(q.resourceType, "'", "''") + "'"
	}
	if filter == "" {
		return nil, badParameter{"name resources: resourceType=Microsoft.ApiManagement/service, or filter="}
	}
	var out []aim
	for _, s := range q.subscriptions {
		list, err := p.o.Client.list(ctx, s, filter)
		if err != nil {
			return nil, err
		}
		for _, r := range list {
			id, err := parseResource(r.ID)
			if err != nil {
				continue // of another kind than can have metrics
			}
			out = append(out, aim{id: id, tags: r.Tags})
		}
	}
	if len(out) > maxTargets {
		return nil, badParameter{fmt.Sprintf("%d resources in one probe, at most %d: narrow the filter", len(out), maxTargets)}
	}
	return out, nil
}

// aim is one resource with what is asked of it.
type aim struct {
	id                    resourceID
	metrics, aggregations []string
	tags                  map[string]string
}

func (p *Prober) probe(ctx context.Context, q *parameters, list []aim) ([]Sample, error) {
	results := make([][]Sample, len(list))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(probesAtOnce)
	for n, a := range list {
		group.Go(func() error {
			for names := range slices.Chunk(a.metrics, maxNames) {
				one := q.query
				one.metrics, one.aggregations = names, a.aggregations
				answer, err := p.o.Client.series(ctx, a.id.text, &one)
				if err != nil {
					return err
				}
				results[n] = append(results[n], p.samples(q, a.id, answer, p.labels(a.tags))...)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return slices.Concat(results...), nil
}

// region probes all resources of a type in a region with one call a
// subscription.
func (p *Prober) region(ctx context.Context, q *parameters) ([]Sample, error) {
	switch {
	case len(q.subscriptions) == 0 || q.region == "":
		return nil, badParameter{"name subscription= and region="}
	case q.query.namespace == "" && q.resourceType == "":
		return nil, badParameter{"name resourceType= or metricNamespace="}
	case len(q.metrics) > maxNames:
		return nil, badParameter{fmt.Sprintf("%d metrics in one probe, at most %d", len(q.metrics), maxNames)}
	}
	var out []Sample
	for _, s := range q.subscriptions {
		one := q.query
		one.metrics, one.aggregations = q.metrics, q.aggregations
		if one.namespace == "" {
			one.namespace = q.resourceType
		}
		answer, err := p.o.Client.inSubscription(ctx, s, q.region, &one)
		if err != nil {
			return nil, err
		}
		for i := range answer {
			id, err := answer[i].resource()
			if err != nil {
				return nil, err
			}
			out = append(out, p.samples(q, id, answer[i:i+1], nil)...)
		}
	}
	return out, nil
}

// resource is the one that a series of a subscription belongs to.
func (s *series) resource() (resourceID, error) {
	for _, d := range s.dimensions {
		if strings.EqualFold(d[0], resourceDimension) {
			return parseResource(d[1])
		}
	}
	return resourceID{}, errors.New("a series of the answer names no resource")
}

func (p *Prober) labels(tags map[string]string) map[string]string {
	out := map[string]string{}
	for _, want := range p.o.Tags {
		out[tagLabel(want)] = ""
		for name, value := range tags {
			if strings.EqualFold(name, want) {
				out[tagLabel(want)] = value
			}
		}
	}
	return out
}

// samples are those of the newest interval that has a value, of each series.
func (p *Prober) samples(q *parameters, id resourceID, list []series, fixed map[string]string) []Sample {
	o := q.naming
	o.fixed = fixed
	var out []Sample
	for i := range list {
		var newest *point
		for j := range list[i].points {
			if at := &list[i].points[j]; len(at.values) > 0 && at.at.Before(q.query.end) && (newest == nil || at.at.After(newest.at)) {
				newest = at
			}
		}
		if newest != nil {
			out = append(out, exporter(id, &list[i], newest, &o)...)
		}
	}
	return out
}
