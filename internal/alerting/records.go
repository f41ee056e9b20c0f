package alerting

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/alertmanager/alert"
	"github.com/prometheus/alertmanager/notify"
	"github.com/prometheus/alertmanager/silence"
	"github.com/prometheus/common/model"

	"gatehouse/internal/alerting/delivery"
	"gatehouse/internal/alerting/ledger"
)

// observer shows each stored alert to the ledger, and to the silences, which
// keep their own cache of alerts.
type observer struct {
	*silence.Silencer
	ledger *ledger.Ledger
	keeper *keeper
}

// PostStore is called with the alert as it is after merging.
func (o observer) PostStore(one *alert.Alert, existing bool) {
	o.Silencer.PostStore(one, existing)
	o.ledger.Observe(ledger.Alert{Fingerprint: one.Fingerprint().String(), Labels: plainLabels(one.Labels), Annotations: plainLabels(one.Annotations),
		StartsAt: one.StartsAt, EndsAt: one.EndsAt, GeneratorURL: one.GeneratorURL})
	o.keeper.mark()
}

// restore puts the alerts that fired when the process ended back, so that what
// is over meanwhile is told to their receivers.
func (a *Alertmanager) restore() error {
	until := time.Now().Add(time.Duration(a.resolveTimeout.Load()))
	var alerts []*alert.Alert
	for _, r := range a.ledger.Open() {
		ends := r.ExpiresAt
		if ends.Before(until) {
			ends = until
		}
		alerts = append(alerts, &alert.Alert{UpdatedAt: time.Now(), Timeout: true, Alert: model.Alert{Labels: labelSet(r.Labels),
			Annotations: labelSet(r.Annotations), StartsAt: r.FiredAt, EndsAt: ends, GeneratorURL: r.GeneratorURL}})
	}
	return a.alerts.Put(context.Background(), alerts...)
}

// Ledger is the list of all alerts.
func (a *Alertmanager) Ledger() *ledger.Ledger { return a.ledger }

// Deliveries is the queue of notifications.
func (a *Alertmanager) Deliveries() *delivery.Queue { return a.queue }

// Resolve ends an alert by hand, such as one whose rule leaves that to people.
func (a *Alertmanager) Resolve(ctx context.Context, id string) error {
	r, err := a.ledger.Get(id)
	if err != nil {
		return err
	}
	if r.State == ledger.Resolved {
		return ledger.ErrOver
	}
	now := time.Now()
	return a.alerts.Put(ctx, &alert.Alert{UpdatedAt: now, Alert: model.Alert{Labels: labelSet(r.Labels), Annotations: labelSet(r.Annotations),
		StartsAt: r.FiredAt, EndsAt: now, GeneratorURL: r.GeneratorURL}})
}

// TestResult is what one integration of a receiver said to a test.
type TestResult struct {
	Integration string `json:"integration"`
	OK          bool   `json:"ok"`
	Error       string `json:"error,omitempty"`
}

// Test sends a test alert, fired and then resolved, to every integration of a
// receiver at once, past the queue.
func (a *Alertmanager) Test(ctx context.Context, receiver string) ([]TestResult, error) {
	senders := a.senders.Load().ofReceiver(receiver)
	if len(senders) == 0 {
		return nil, fmt.Errorf("there is no receiver %q that notifies anybody", receiver)
	}
	slices.SortFunc(senders, func(x, y *sender) int { return strings.Compare(x.String(), y.String()) })
	now := time.Now()
	key := fmt.Sprintf("gatehouse-test-%d", now.UnixNano())
	out := make([]TestResult, 0, len(senders))
	for _, s := range senders {
		result := TestResult{Integration: s.String(), OK: true}
		if err := a.testOne(ctx, receiver, key, s, now); err != nil {
			result.OK, result.Error = false, sayable(err).Error()
		}
		out = append(out, result)
	}
	return out, nil
}

func (a *Alertmanager) testOne(ctx context.Context, receiver, key string, s *sender, now time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	d := delivery.Alert{Labels: map[string]string{"alertname": "GatehouseTest", "severity": "info"}, StartsAt: now, UpdatedAt: now,
		Annotations: map[string]string{"summary": "A test of this receiver: nothing is wrong"}}
	m := delivery.Message{Receiver: receiver, Integration: s.String(), Key: key, Reason: int(notify.ReasonFirstNotification), GroupLabels: map[string]string{"alertname": "GatehouseTest"}}
	if _, err := s.Notify(messageContext(ctx, m), upstreamAlert(d)); err != nil || !s.SendResolved() {
		return err
	}
	d.EndsAt, m.Reason = now.Add(time.Millisecond), int(notify.ReasonAllAlertsResolved)
	_, err := s.Notify(messageContext(ctx, m), upstreamAlert(d))
	return err
}
