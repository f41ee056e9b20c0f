package azuremonitor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/prometheus/storage"
)

// Request is a metric with what it is divided by.
type Request struct {
	Metric       string   `yaml:"metric" json:"metric"`
	Aggregations []string `yaml:"aggregations" json:"aggregations"` // total, average, minimum, maximum, count
	Dimensions   []string `yaml:"dimensions" json:"dimensions,omitempty"`
}

// DefaultRequests are the metrics of API Management that say something of
// requests and of the gateway's load, by their dimensions. Those that a service
// does not have, by its tier, are not asked for.
func DefaultRequests() []Request {
	stats := []string{"average", "minimum", "maximum"}
	return []Request{
		{"Requests", []string{"total"}, []string{"ApiId", "GatewayResponseCode", "BackendResponseCode", "Location", "Hostname"}},
		{"Duration", stats, []string{"ApiId", "Location", "Hostname"}},
		{"BackendDuration", stats, []string{"ApiId", "Location", "Hostname"}},
		{"Capacity", []string{"average", "maximum"}, []string{"Location"}},
		{"CpuPercent_Gateway", []string{"average", "maximum"}, nil},
		{"MemoryPercent_Gateway", []string{"average", "maximum"}, nil},
	}
}

// PullOptions of one service. Client, Resource and Appendable are required.
type PullOptions struct {
	Client     *Client
	Resource   string // ARM id
	Appendable storage.AppendableV2
	Requests   []Request     // default those of DefaultRequests that the service has
	Names      string        // NamesTidy (default), NamesAzure
	Interval   time.Duration // between pulls, at least and by default a minute: Azure has one value a minute
	Delay      time.Duration // how long after its end a minute is asked for, default 3 min: values come late
	CatchUp    time.Duration // how far back a pull reaches, default 50 min
	Labels     map[string]string
	Tags       []string // of the resource, that become labels
	// Load and Save keep what was read over restarts; Save replaces the document
	// of a name. nil: each start reaches back CatchUp.
	Load func(name string) ([]byte, error)
	Save func(name string, data []byte) error
	// Workspace tells pullers of one resource apart.
	Workspace string
	Now       func() time.Time
	Logger    *slog.Logger
}

// Puller reads one service's metrics again and again. Status and Pull may be
// called from any goroutine.
type Puller struct {
	o  PullOptions
	id resourceID

	pulling sync.Mutex // one pull at a time
	queries []query
	defined time.Time // when the queries were made from definitions; zero: they are the settings'
	mu      sync.Mutex
	status  Status
	until   time.Time // everything before it was read
	begun   time.Time // end of what may be stored; of the pull that runs
	since   time.Time // when the puller was made
}

// Status tells how the pulls go.
type Status struct {
	Resource string
	Until    time.Time // end of what was read; zero: nothing yet
	Pulls    uint64    // that succeeded
	Errors   map[string]uint64
	Error    string // of the last pull; "" when it succeeded
	Samples  uint64
	Known    uint64 // samples that were stored before
	Late     uint64 // samples that the workspace does not take any more
	Refused  uint64 // samples that the workspace does not take for other reasons
	Skipped  uint64 // minutes that were never read, since too much time went by
	Cut      uint64 // answers that were as long as they may be
}

// NewPuller checks the options and reads what was kept.
func NewPuller(o PullOptions) (*Puller, error) {
	id, err := parseResource(o.Resource)
	if err != nil {
		return nil, err
	}
	if o.Client == nil || o.Appendable == nil {
		return nil, errors.New("azure monitor: a client and an appendable are needed")
	}
	o.defaults()
	if len(o.Requests) == 0 && id.kind != serviceType {
		return nil, fmt.Errorf("%s is no API Management service: name its metrics", id.text)
	}
	p := &Puller{o: o, id: id, since: o.Now(), status: Status{Resource: id.text, Errors: map[string]uint64{}}}
	if p.queries, err = queriesOf(o.Requests); err != nil {
		return nil, err
	}
	if o.Names != NamesTidy && o.Names != NamesAzure {
		return nil, fmt.Errorf("names %q is not one of %s, %s", o.Names, NamesTidy, NamesAzure)
	}
	return p, p.restore()
}

func (o *PullOptions) defaults() {
	o.Interval = max(o.Interval, time.Minute)
	if o.Delay <= 0 {
		o.Delay = 3 * time.Minute
	}
	if o.CatchUp <= 0 {
		o.CatchUp = 50 * time.Minute
	}
	if o.Names == "" {
		o.Names = NamesTidy
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
}

// queriesOf puts metrics that are asked for alike into one call.
func queriesOf(list []Request) ([]query, error) {
	var out []query
	at := map[string]int{}
	for _, r := range list {
		if r.Metric == "" || strings.ContainsAny(r.Metric, ",&?") {
			return nil, fmt.Errorf("%q is not the name of a metric", r.Metric)
		}
		var asked []string
		for _, a := range r.Aggregations {
			if asked = append(asked, strings.ToLower(a)); !known(asked[len(asked)-1]) {
				return nil, fmt.Errorf("metric %s: aggregation %q is not one of %s", r.Metric, a, strings.Join(aggregations, ", "))
			}
		}
		if len(asked) == 0 {
			return nil, fmt.Errorf("metric %s: name an aggregation: %s", r.Metric, strings.Join(aggregations, ", "))
		}
		for _, d := range r.Dimensions {
			if d == "" || letters(d) != d {
				return nil, fmt.Errorf("metric %s: %q is not the name of a dimension", r.Metric, d)
			}
		}
		key := strings.Join(asked, ",") + " " + strings.Join(r.Dimensions, ",")
		if n, ok := at[key]; ok && len(out[n].metrics) < maxNames {
			out[n].metrics = append(out[n].metrics, r.Metric)
			continue
		}
		at[key] = len(out)
		out = append(out, query{metrics: []string{r.Metric}, aggregations: asked, dimensions: r.Dimensions, interval: "PT1M", top: maxTop})
	}
	return out, nil
}

func known(aggregation string) bool {
	for _, a := range aggregations {
		if a == aggregation {
			return true
		}
	}
	return false
}

// kept is what survives a restart.
type kept struct {
	Until time.Time `json:"until"` // everything before it was read
	// Begun is the end of what was about to be stored: after a stop in between it
	// may be there already.
	Begun time.Time `json:"begun"`
}

func (p *Puller) document() string {
	return "azure-monitor " + p.o.Workspace + strings.ToLower(p.id.text)
}

func (p *Puller) restore() error {
	if p.o.Load == nil {
		return nil
	}
	data, err := p.o.Load(p.document())
	if err != nil || len(data) == 0 {
		return err
	}
	var k kept
	if err := json.Unmarshal(data, &k); err != nil {
		return fmt.Errorf("what was kept of %s is damaged: %w", p.id.text, err)
	}
	p.until, p.status.Until, p.begun = k.Until, k.Until, k.Begun
	return nil
}

// keep notes how far it is.
func (p *Puller) keep(k kept) error {
	if p.o.Save == nil {
		return nil
	}
	data, err := json.Marshal(k)
	if err == nil {
		err = p.o.Save(p.document(), data)
	}
	if err != nil {
		return &storeError{err}
	}
	return nil
}

// Status gives how it goes.
func (p *Puller) Status() Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := p.status
	out.Errors = make(map[string]uint64, len(p.status.Errors))
	for reason, n := range p.status.Errors {
		out.Errors[reason] = n
	}
	return out
}

// maxPause between pulls that fail.
const maxPause = 15 * time.Minute

// Run pulls until ctx ends. After an error it waits for twice as long each time,
// and as long as Azure asks.
func (p *Puller) Run(ctx context.Context) {
	pause := p.o.Interval
	for ctx.Err() == nil {
		err := p.Pull(ctx)
		switch {
		case err == nil:
			pause = p.o.Interval
		case ctx.Err() != nil:
			return
		default:
			p.o.Logger.Warn("Azure Monitor was not read; the next pull asks for the same minutes", "resource", p.id.text, "error", told(err))
			pause = min(pause*2, max(maxPause, p.o.Interval))
		}
		timer := time.NewTimer(max(pause, min(waitFor(err, p.o.Now()), maxHold), p.o.Client.throttle.left()))
		select {
		case <-ctx.Done():
			timer.Stop()
		case <-timer.C:
		}
	}
}
