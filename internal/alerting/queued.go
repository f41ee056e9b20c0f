package alerting

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/prometheus/alertmanager/alert"
	"github.com/prometheus/alertmanager/notify"
	"github.com/prometheus/alertmanager/notify/pagerduty"
	"github.com/prometheus/common/model"

	"gatehouse/internal/alerting/delivery"
	"gatehouse/internal/alerting/ledger"
)

// senderKey names one integration of a receiver.
type senderKey struct{ receiver, integration string }

// sender is what really sends.
type sender struct {
	notify.Integration
	pager *pagerduty.PagerdutyConfig // of PagerDuty alone: to acknowledge
}

// queuedNotifier stands in a pipeline where the integration would: it puts the
// notification into the queue, which delivers it.
type queuedNotifier struct {
	a                     *Alertmanager
	receiver, integration string
}

// Notify takes the notification; only a queue that cannot be saved is an error.
func (q queuedNotifier) Notify(ctx context.Context, alerts ...*alert.Alert) (bool, error) {
	key, _ := notify.GroupKey(ctx)
	m := delivery.Message{Receiver: q.receiver, Integration: q.integration, Key: key}
	groupLabels, _ := notify.GroupLabels(ctx)
	routeLabels, _ := notify.RouteLabels(ctx)
	reason, _ := notify.NotificationReason(ctx)
	m.GroupLabels, m.RouteLabels, m.Reason = plainLabels(groupLabels), plainLabels(routeLabels), int(reason)
	m.State, m.Alerts = messageAlerts(alerts)
	return true, q.a.queue.Put(m)
}

// wrap gives the pipeline a queued stand-in for an integration.
func (a *Alertmanager) wrap(receiver string, s *sender) notify.Integration {
	return notify.NewIntegration(queuedNotifier{a, receiver, s.String()}, s, s.Name(), s.Index(), receiver)
}

func messageAlerts(alerts []*alert.Alert) (state string, out []delivery.Alert) {
	state = delivery.Resolved
	for _, one := range alerts {
		d := delivery.Alert{Fingerprint: one.Fingerprint().String(), Labels: plainLabels(one.Labels), Annotations: plainLabels(one.Annotations),
			StartsAt: one.StartsAt, UpdatedAt: one.UpdatedAt, GeneratorURL: one.GeneratorURL}
		if one.Resolved() {
			d.EndsAt = one.EndsAt
		} else {
			state = delivery.Firing
		}
		out = append(out, d)
	}
	return state, out
}

func upstreamAlert(d delivery.Alert) *alert.Alert {
	return &alert.Alert{UpdatedAt: d.UpdatedAt, Alert: model.Alert{Labels: labelSet(d.Labels), Annotations: labelSet(d.Annotations),
		StartsAt: d.StartsAt, EndsAt: d.EndsAt, GeneratorURL: d.GeneratorURL}}
}

func plainLabels(in model.LabelSet) map[string]string {
	out := make(map[string]string, len(in))
	for name, value := range in {
		out[string(name)] = string(value)
	}
	return out
}

// deliver is the queue's send function.
func (a *Alertmanager) deliver(ctx context.Context, m delivery.Message) (retry bool, err error) {
	s := a.senders.Load().find(m.Receiver, m.Integration)
	if s == nil {
		return false, errors.New("the configuration has this receiver no more")
	}
	if m.State == delivery.Acknowledged {
		retry, err = a.acknowledgePage(ctx, s, m)
		return retry, sayable(err)
	}
	alerts := make([]*alert.Alert, len(m.Alerts))
	for i, d := range m.Alerts {
		alerts[i] = upstreamAlert(d)
	}
	retry, err = s.Notify(messageContext(ctx, m), alerts...)
	return retry, sayable(err)
}

func messageContext(ctx context.Context, m delivery.Message) context.Context {
	ctx = notify.WithReceiverName(ctx, m.Receiver)
	ctx = notify.WithGroupKey(ctx, m.Key)
	ctx = notify.WithGroupLabels(ctx, labelSet(m.GroupLabels))
	ctx = notify.WithRouteLabels(ctx, labelSet(m.RouteLabels))
	ctx = notify.WithNow(ctx, time.Now())
	return notify.WithNotificationReason(ctx, notify.NotifyReason(m.Reason))
}

// delivered is told of each attempt.
func (a *Alertmanager) delivered(m delivery.Message, err error, dead bool) {
	o := ledger.Outcome{Receiver: m.Receiver, Integration: m.Integration, Key: m.Key, State: m.State, Result: "delivered",
		At: m.LastAttempt, Attempts: m.Attempts, Error: m.Error}
	switch {
	case dead:
		o.Result = "dead"
	case err != nil:
		o.Result = "retrying"
	}
	a.attempts.WithLabelValues(o.Result).Inc()
	for _, one := range m.Alerts {
		a.ledger.Outcome(one.Fingerprint, o)
	}
	a.keeper.mark()
}

// senderTable is replaced as a whole at a reload.
type senderTable map[senderKey]*sender

func (t *senderTable) find(receiver, integration string) *sender {
	if t == nil {
		return nil
	}
	return (*t)[senderKey{receiver, integration}]
}

// ofReceiver gives the integrations of a receiver.
func (t *senderTable) ofReceiver(receiver string) []*sender {
	var out []*sender
	for key, s := range *t {
		if key.receiver == receiver {
			out = append(out, s)
		}
	}
	return out
}

var urlPath = regexp.MustCompile(`(https?://)(?:[^\s/"@]*@)?([^\s/"?]*)[^\s"]*`)

// sayable words an error of a receiver without the path and query of its URL,
// which is often its secret.
func sayable(err error) error {
	if err == nil {
		return nil
	}
	text := urlPath.ReplaceAllString(err.Error(), "$1$2/<hidden>")
	if len(text) > 500 {
		text = text[:500] + "..."
	}
	return fmt.Errorf("%s", text)
}
