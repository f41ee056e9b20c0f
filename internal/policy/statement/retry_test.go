package statement

import (
	"context"
	"errors"
	"testing"
	"time"

	"gatehouse/internal/policy"
)

func TestRetryWaits(t *testing.T) {
	s := func(list ...float64) []time.Duration {
		var out []time.Duration
		for _, n := range list {
			out = append(out, time.Duration(n*float64(time.Second)))
		}
		return out
	}
	tests := []struct {
		name string
		w    waits
		want []time.Duration
	}{
		{"fixed", waits{interval: 2}, s(2, 2, 2)},
		{"linear", waits{interval: 2, delta: 3, hasDelta: true}, s(2, 5, 8, 11)},
		{"exponential", waits{interval: 10, delta: 10, maxInterval: 100, hasDelta: true, hasMax: true}, s(10, 20, 40, 80, 100, 100)},
		{"capped", waits{interval: 10, maxInterval: 4, hasMax: true}, s(4, 4)},
		{"first fast", waits{interval: 2, delta: 3, hasDelta: true, firstFast: true}, s(0, 5, 8)},
		{"zero", waits{}, s(0, 0)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for i, want := range test.want {
				if got := test.w.before(i+1, func() float64 { return 0.5 }); got != want {
					t.Errorf("retry %d: waits %v, want %v", i+1, got, want)
				}
			}
		})
	}
	w := waits{interval: 10, delta: 10, maxInterval: 1000, hasDelta: true, hasMax: true}
	if low, high := w.before(2, func() float64 { return 0 }), w.before(2, func() float64 { return 1 }); low != 18*time.Second || high != 22*time.Second {
		t.Errorf("the random part goes from %v to %v, want 18s to 22s", low, high)
	}
}

func TestSleepEndsWhenTheClientLeaves(t *testing.T) {
	ctx, leave := context.WithCancel(context.Background())
	c := &policy.Context{Std: ctx, Services: &policy.Services{}}
	done := make(chan error, 1)
	go func() { done <- sleep(c, time.Hour) }()
	leave()
	if err := <-done; !errors.Is(err, policy.ErrClientClosed) {
		t.Errorf("got %v, want ErrClientClosed", err)
	}
}
