// Package alerting brings alerts to people: it groups, inhibits, silences,
// routes and notifies with Alertmanager's own parts, in this process.
//
// What comes in: alerts, a standard Alertmanager configuration as text, and
// requests to Alertmanager's version 2 API. What goes out: notifications to the
// configured receivers, and the state to keep (silences and what was notified)
// through the functions it is given. It must never import another package of
// this module but its own rooms, open a file of the data folder, or show a secret of its
// configuration in an error or a log line.
package alerting

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/alertmanager/alert"
	"github.com/prometheus/alertmanager/api"
	"github.com/prometheus/alertmanager/dispatch"
	"github.com/prometheus/alertmanager/eventrecorder"
	"github.com/prometheus/alertmanager/featurecontrol"
	"github.com/prometheus/alertmanager/marker"
	"github.com/prometheus/alertmanager/nflog"
	"github.com/prometheus/alertmanager/notify"
	"github.com/prometheus/alertmanager/provider/mem"
	"github.com/prometheus/alertmanager/silence"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"

	"gatehouse/internal/alerting/action"
	"gatehouse/internal/alerting/delivery"
	"gatehouse/internal/alerting/ledger"
)

// DefaultConfig keeps alerts visible in the API and notifies nobody.
const DefaultConfig = `route:
  receiver: gatehouse
  group_by: [alertname, gatehouse_api]
receivers:
- name: gatehouse
`

// Options of an Alertmanager. The zero value of a field means its default.
type Options struct {
	Config      string // alertmanager.yml as text; default DefaultConfig
	Actions     []action.Group
	Prefix      string // of the API's path; default "/alertmanager"
	ExternalURL string // shown in notifications; default "http://localhost" + Prefix

	// Load and Save keep silences, what was notified, what waits to be delivered
	// and the list of alerts over a restart; Load answers nil when nothing was
	// saved. Nil: nothing is kept.
	Load func(name string) ([]byte, error)
	Save func(name string, data []byte) error

	// Dial opens the connections of every receiver but e-mail; use it to
	// refuse private addresses. Nil: every address is allowed.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// AllowFiles lets the configuration name files (templates, *_file). Only
	// for a configuration that the operator of the machine wrote.
	AllowFiles bool

	Retention    time.Duration // of ended silences and of what was notified; default 120 h
	GCInterval   time.Duration // of resolved alerts; default 30 min
	SaveInterval time.Duration // at most this long between a notification and its Save; default 2 s
	MaxSilences  int           // default 10 000
	MaxBody      int64         // of an API request, bytes; default 5 MiB
	Delivery     delivery.Options

	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

func (o Options) withDefaults() Options {
	setDefault(&o.Config, DefaultConfig)
	setDefault(&o.Prefix, "/alertmanager")
	setDefault(&o.ExternalURL, "http://localhost"+o.Prefix)
	setDefault(&o.Retention, 120*time.Hour)
	setDefault(&o.GCInterval, 30*time.Minute)
	setDefault(&o.SaveInterval, 2*time.Second)
	setDefault(&o.MaxSilences, 10_000)
	setDefault(&o.MaxBody, 5<<20)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Load == nil {
		o.Load = func(string) ([]byte, error) { return nil, nil }
	}
	if o.Save == nil {
		o.Save = func(string, []byte) error { return nil }
	}
	if o.Registerer == nil {
		o.Registerer = prometheus.NewRegistry() // the parts insist on one
	}
	return o
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Alertmanager is one set of alerts, silences and receivers. Use: New, Start,
// then Put and Reload at will, then Stop. Put and Handler work before Start;
// nothing is notified until then.
type Alertmanager struct {
	options  Options
	log      *slog.Logger
	recorder eventrecorder.Recorder
	external *url.URL

	alerts     *mem.Alerts
	silences   *silence.Silences
	silencer   *silence.Silencer
	notified   *nflog.Log
	groups     marker.GroupMarker
	pipelines  *notify.PipelineBuilder
	dispatched *dispatch.DispatcherMetrics
	api        *api.API
	handler    http.Handler
	keeper     *keeper

	ledger      *ledger.Ledger
	queue       *delivery.Queue
	attempts    *prometheus.CounterVec
	senders     atomic.Pointer[senderTable]
	actionRules atomic.Pointer[RuleFunc]

	resolveTimeout atomic.Int64 // of the configuration, nanoseconds

	mu      sync.Mutex // Start, Reload, Stop
	state   runState
	next    *plan // what runs, or will run after Start
	running running
	started time.Time
}

type runState int

const (
	stateNew runState = iota
	stateRunning
	stateStopped
)

// New reads the saved state and checks the configuration. Nothing runs yet.
func New(o Options) (*Alertmanager, error) {
	o = o.withDefaults()
	external, err := url.Parse(o.ExternalURL)
	if err != nil {
		return nil, errors.New("start alerting: the external URL is not a URL")
	}
	a := &Alertmanager{
		options: o, log: o.Logger.With("component", "alerting"),
		recorder: eventrecorder.NopRecorder(), external: external,
		groups: marker.NewGroupMarker(), started: time.Now(),
	}
	if a.next, err = a.compile(o.Config, o.Actions); err != nil {
		return nil, err
	}
	if err := a.loadState(); err != nil {
		return nil, err
	}
	a.keeper = newKeeper(a)
	if err := a.assemble(); err != nil {
		return nil, err
	}
	a.updateAPI(a.next)
	return a, a.restore()
}

// assemble makes the parts that live as long as the Alertmanager.
func (a *Alertmanager) assemble() (err error) {
	reg, flags := a.options.Registerer, featurecontrol.NoopFlags{}
	a.silencer = silence.NewSilencer(a.silences, a.log, a.recorder)
	a.alerts, err = mem.NewAlerts(context.Background(), a.options.GCInterval, 0, observer{a.silencer, a.ledger, a.keeper}, a.log, a.recorder, reg, flags)
	if err != nil {
		return fmt.Errorf("start alerting: %w", err)
	}
	a.pipelines = notify.NewPipelineBuilder(reg, flags, a.recorder)
	a.dispatched = dispatch.NewDispatcherMetrics(false, reg, flags)
	duration := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "alertmanager_http_request_duration_seconds", Help: "Duration of requests to the alert API.",
	}, []string{"handler", "method", "code"})
	if err := reg.Register(duration); err != nil {
		return fmt.Errorf("start alerting: %w", err)
	}
	a.api, err = api.New(api.Options{
		Alerts: a.alerts, Silences: a.silences, GroupMutedFunc: a.groups.Muted, GroupFunc: a.alertGroups,
		Logger: a.log, Registry: reg, RequestDuration: duration,
	})
	if err != nil {
		return fmt.Errorf("start alerting: %w", err)
	}
	a.handler = a.newHandler()
	return nil
}

// Start begins to notify. It returns when the alerts that are already there
// have been sorted into groups.
func (a *Alertmanager) Start() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.state != stateNew {
		return errors.New("start alerting: it was started before; make a new one")
	}
	a.state = stateRunning
	a.keeper.start()
	a.run(a.next)
	a.queue.Start()
	return nil
}

// Stop ends notification and saves the state. Stop what sends alerts first.
// It may be called at any time, and again.
func (a *Alertmanager) Stop() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	before := a.state
	a.state = stateStopped
	switch before {
	case stateStopped:
		return nil
	case stateNew:
		a.alerts.Close()
		return nil
	}
	a.running.stop()
	a.alerts.Close()
	return errors.Join(a.queue.Stop(), a.keeper.stop())
}

// Reload replaces the configuration. On an error the old one stays in force.
func (a *Alertmanager) Reload(config string) error {
	return a.ReloadAll(config, a.groupsInForce())
}

// groupsInForce are the action groups of the plan.
func (a *Alertmanager) groupsInForce() []action.Group {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.next.actions
}

// ActionGroups are the action groups in force, without their secrets.
func (a *Alertmanager) ActionGroups() []action.Group {
	groups := a.groupsInForce()
	out := make([]action.Group, len(groups))
	for i := range groups {
		out[i] = groups[i].Shown()
	}
	return out
}

// ReloadAll replaces the configuration and the action groups. On an error the
// old ones stay in force.
func (a *Alertmanager) ReloadAll(config string, groups []action.Group) error {
	if config == "" {
		config = DefaultConfig
	}
	next, err := a.compile(config, groups)
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.state == stateStopped {
		return errors.New("reload alerting: it is stopped")
	}
	a.next = next
	a.updateAPI(next)
	if a.state == stateRunning {
		a.running.stop()
		a.run(next)
	}
	return nil
}

// Alert is one alert: its labels are its identity.
type Alert struct {
	Labels       map[string]string
	Annotations  map[string]string
	StartsAt     time.Time // zero: now
	EndsAt       time.Time // past: resolved; zero: after the configured resolve_timeout
	GeneratorURL string
	Value        *float64 // of the rule's expression; nil: not known
}

// Put takes alerts in. Alerts that are not valid are left out and named in the
// error; the others are taken.
func (a *Alertmanager) Put(ctx context.Context, alerts ...Alert) error {
	now := time.Now()
	var errs []error
	batch := make([]*alert.Alert, 0, len(alerts))
	values := make([]ledger.Alert, 0, len(alerts))
	for _, in := range alerts {
		if rule, ok := a.ruleOf(in.Labels); ok && rule.StaysFired {
			if !in.EndsAt.IsZero() && !in.EndsAt.After(now) {
				continue // its rule leaves the end to people
			}
			in.EndsAt = now.Add(staysFired)
		}
		out := a.convert(in, now)
		if err := out.Validate(); err != nil {
			errs = append(errs, fmt.Errorf("alert %q: %w", in.Labels[model.AlertNameLabel], err))
			continue
		}
		batch = append(batch, out)
		if in.Value != nil {
			values = append(values, ledger.Alert{Fingerprint: out.Fingerprint().String(), Value: in.Value, Labels: in.Labels, Annotations: in.Annotations,
				StartsAt: out.StartsAt, EndsAt: out.EndsAt, GeneratorURL: in.GeneratorURL})
		}
	}
	a.ledger.Observe(values...) // before a notification wants the value
	if err := a.alerts.Put(ctx, batch...); err != nil {
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("put alerts: %w", err)
	}
	return nil
}

// staysFired is how long an alert fires whose rule does not resolve it.
const staysFired = 10 * 365 * 24 * time.Hour

func (a *Alertmanager) convert(in Alert, now time.Time) *alert.Alert {
	out := &alert.Alert{UpdatedAt: now, Alert: model.Alert{
		Labels: labelSet(in.Labels), Annotations: labelSet(in.Annotations),
		StartsAt: in.StartsAt, EndsAt: in.EndsAt, GeneratorURL: in.GeneratorURL,
	}}
	if out.StartsAt.IsZero() {
		out.StartsAt = now
	}
	if out.EndsAt.IsZero() {
		out.Timeout = true
		out.EndsAt = now.Add(time.Duration(a.resolveTimeout.Load()))
	}
	return out
}

// labelSet leaves empty values out: an empty label is no label.
func labelSet(in map[string]string) model.LabelSet {
	out := make(model.LabelSet, len(in))
	for name, value := range in {
		if value != "" {
			out[model.LabelName(name)] = model.LabelValue(value)
		}
	}
	return out
}
