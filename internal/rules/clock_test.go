package rules

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/internal/alerting"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/rules"
)

// The clock of the machine steps while an alert is pending and while it fires:
// evaluations at the stepped times neither lose the alert nor begin it anew, as in
// Prometheus, and its end is told with times that receivers take.
func TestClockStep(t *testing.T) {
	store := newStore(t)
	noon := time.Now().Truncate(time.Minute)
	var bad atomic.Bool
	var mu sync.Mutex
	var told []alerting.Alert
	o := testOptions(t, store)
	o.Interval, o.ResendDelay = 10*time.Hour, time.Nanosecond // the test evaluates
	o.Query = func(_ context.Context, _ string, at time.Time) (promql.Vector, error) {
		if !bad.Load() {
			return nil, nil
		}
		return promql.Vector{{T: at.UnixMilli(), F: 1, Metric: labels.FromStrings("gatehouse_api", "echo")}}, nil
	}
	o.Notify = func(_ context.Context, alerts ...alerting.Alert) error {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, alerts...)
		return nil
	}
	r := start(t, o, map[string][]byte{"test.yml": []byte("groups: [{name: g, rules: [{record: kept, expr: bad}, {alert: Bad, expr: bad, for: 10m}]}]\n")})
	group := r.RuleGroups()[0]
	for _, step := range []struct {
		at    time.Duration
		bad   bool
		state rules.AlertState
	}{
		{0, true, rules.StatePending},
		{5 * time.Minute, true, rules.StatePending},
		{-55 * time.Minute, true, rules.StatePending}, // an hour back
		{6 * time.Minute, true, rules.StatePending},   // right again: it waits from when it began
		{10 * time.Minute, true, rules.StateFiring},
		{-30 * time.Minute, true, rules.StatePending},  // back while it fires: less than its time has passed, by the clock
		{11 * time.Minute, true, rules.StateFiring},    // right again: at once
		{time.Minute, false, rules.StateInactive},      // it ends while the clock is ten minutes behind
		{12 * time.Minute, false, rules.StateInactive}, // its end is told when the clock has caught up
		{13 * time.Minute, true, rules.StatePending},   // a new one
		{5 * time.Hour, true, rules.StateFiring},       // forward: ten minutes are over by the clock
	} {
		bad.Store(step.bad)
		group.Eval(context.Background(), noon.Add(step.at))
		if got := r.AlertingRules()[0].State(); got != step.state {
			t.Errorf("at %s: %s, want %s", step.at, got, step.state)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	ended := false
	for _, a := range told {
		if a.EndsAt.Before(a.StartsAt) {
			t.Errorf("an alert that ends before it begins: %s to %s", a.StartsAt, a.EndsAt)
		}
		ended = ended || a.EndsAt.Equal(noon.Add(time.Minute))
	}
	if !ended {
		t.Errorf("the end was not told: %+v", told)
	}
}
