package alerting

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/prometheus/alertmanager/alert"
	"github.com/prometheus/alertmanager/dispatch"
	"github.com/prometheus/alertmanager/inhibit"
	"github.com/prometheus/alertmanager/notify"
	"github.com/prometheus/alertmanager/timeinterval"
	"github.com/prometheus/common/model"
)

// groupMaintenance is how often empty groups are removed.
const groupMaintenance = 30 * time.Second

// running is the part that a reload replaces.
type running struct {
	inhibitor  atomic.Pointer[inhibit.Inhibitor]
	dispatcher atomic.Pointer[dispatch.Dispatcher]
	actions    *dispatch.Dispatcher // of the rules' own actions
}

// run starts p. The inhibitor must know the firing alerts before the dispatcher
// notifies the first one, and both before the API shows them.
func (a *Alertmanager) run(p *plan) {
	inhibitor := inhibit.NewInhibitor(a.alerts, p.config.InhibitRules, a.log, a.recorder)
	pipeline := a.pipelines.New(p.receivers, func() time.Duration { return 0 }, inhibitor, a.silencer,
		timeinterval.NewIntervener(p.intervals), a.groups, a.notified, nil)
	dispatching := func(route *dispatch.Route) *dispatch.Dispatcher {
		return dispatch.NewDispatcher(a.alerts, route, pipeline, a.groups,
			func(d time.Duration) time.Duration { return max(d, notify.MinTimeout) },
			groupMaintenance, nil, a.log, a.recorder, a.dispatched, p.template)
	}
	dispatcher := dispatching(p.route)
	a.running.actions = dispatching(actionRoute())
	a.senders.Store(&p.senders)

	go inhibitor.Run()
	inhibitor.WaitForLoading()
	a.running.inhibitor.Store(inhibitor)
	go dispatcher.Run(a.started)
	dispatcher.WaitForLoading()
	a.running.dispatcher.Store(dispatcher)
	go a.running.actions.Run(a.started)
	a.running.actions.WaitForLoading()
}

// stop waits for the notification that is under way.
func (r *running) stop() {
	r.dispatcher.Load().Stop()
	r.actions.Stop()
	r.inhibitor.Load().Stop()
}

// alertGroups answers the API; before Start there are none.
func (a *Alertmanager) alertGroups(ctx context.Context, route func(*dispatch.Route) bool, keep func(*alert.Alert, time.Time) bool) (dispatch.AlertGroups, map[model.Fingerprint][]string, error) {
	d := a.running.dispatcher.Load()
	if d == nil {
		return nil, nil, nil
	}
	return d.Groups(ctx, route, keep)
}

func (a *Alertmanager) updateAPI(p *plan) {
	a.resolveTimeout.Store(int64(p.config.Global.ResolveTimeout))
	a.api.Update(p.config, func(ctx context.Context, labels model.LabelSet) {
		if inhibitor := a.running.inhibitor.Load(); inhibitor != nil {
			inhibitor.Mutes(ctx, labels)
		}
		a.silencer.Mutes(ctx, labels)
	})
}
