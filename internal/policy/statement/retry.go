package statement

import (
	"errors"
	"math"
	"time"

	"gatehouse/internal/policy"
)

// retryStatement runs its children once, and again while the condition holds.
type retryStatement struct {
	condition                    policy.Bool
	count                        policy.Int
	interval, maxInterval, delta policy.Double // seconds
	hasMax, hasDelta             bool
	firstFast                    policy.Bool
	block                        policy.Block
}

const maxRetries = 50

func retry() *policy.Definition {
	return &policy.Definition{Name: "retry", Sections: policy.AnySection, Scopes: policy.AnyScope,
		Attributes: []string{"condition", "count", "interval", "max-interval", "delta", "first-fast-retry"}, Compile: compileRetry}
}

func compileRetry(k *policy.Compiler, e *policy.Element) policy.Statement {
	for _, name := range []string{"condition", "count", "interval"} {
		k.Required(e, name)
	}
	s := &retryStatement{
		condition: k.Bool(e, "condition", false), count: k.Int(e, "count", 1), interval: k.Double(e, "interval", 0),
		maxInterval: k.Double(e, "max-interval", 0), delta: k.Double(e, "delta", 0), firstFast: k.Bool(e, "first-fast-retry", false),
		hasMax: e.Attr("max-interval") != nil, hasDelta: e.Attr("delta") != nil,
	}
	if a := e.Attr("count"); a != nil && s.count.Known() && (s.count.Literal < 1 || s.count.Literal > maxRetries) {
		k.Errorf(a.Value.Pos, "count=%q: expected a number from 1 to %d", a.Value.Text, maxRetries)
	}
	checkSeconds(k, e, "interval", &s.interval)
	checkSeconds(k, e, "max-interval", &s.maxInterval)
	checkSeconds(k, e, "delta", &s.delta)
	s.block = k.Block(e.Children)
	return s
}

func checkSeconds(k *policy.Compiler, e *policy.Element, name string, v *policy.Double) {
	if a := e.Attr(name); a != nil && v.Known() && !(v.Literal >= 0 && v.Literal <= maxSeconds) {
		k.Errorf(a.Value.Pos, "%s=%q: expected a number of seconds, not below 0", name, a.Value.Text)
	}
}

// waits are the values of a retry, evaluated on entry.
type waits struct {
	interval, maxInterval, delta float64
	hasMax, hasDelta, firstFast  bool
}

// before gives the wait before retry n, counted from 1. random gives a number
// from 0 to 1.
func (w *waits) before(n int, random func() float64) time.Duration {
	if n == 1 && w.firstFast {
		return 0
	}
	seconds := w.interval
	switch {
	case w.hasDelta && w.hasMax:
		seconds += (math.Pow(2, float64(n-1)) - 1) * (0.8 + 0.4*random()) * w.delta
	case w.hasDelta:
		seconds += float64(n-1) * w.delta
	}
	if w.hasMax {
		seconds = min(seconds, w.maxInterval)
	}
	if !(seconds > 0) { // also when it is not a number
		return 0
	}
	return time.Duration(min(seconds, maxSeconds) * float64(time.Second))
}

func (s *retryStatement) Run(c *policy.Context) error {
	w, count, err := s.enter(c)
	if err != nil {
		return err
	}
	random := func() float64 { return float64(c.Random()>>11) / (1 << 53) }
	for n := 1; ; n++ {
		failure := s.block.Run(c)
		if c.Ended() || errors.Is(failure, policy.ErrClientClosed) || n > count {
			return failure
		}
		again, err := s.condition.Eval(c)
		if err != nil && failure == nil {
			return err
		}
		if err != nil || !again {
			return failure
		}
		if err := sleep(c, w.before(n, random)); err != nil {
			return err
		}
	}
}

// enter evaluates all attributes but the condition.
func (s *retryStatement) enter(c *policy.Context) (waits, int, error) {
	w := waits{hasMax: s.hasMax, hasDelta: s.hasDelta}
	count, err := s.count.Eval(c)
	if err != nil {
		return w, 0, err
	}
	if w.interval, err = s.interval.Eval(c); err != nil {
		return w, 0, err
	}
	if w.maxInterval, err = s.maxInterval.Eval(c); err != nil {
		return w, 0, err
	}
	if w.delta, err = s.delta.Eval(c); err != nil {
		return w, 0, err
	}
	w.firstFast, err = s.firstFast.Eval(c)
	return w, int(min(max(count, 0), maxRetries)), err
}

// sleep waits, and gives up when the client leaves.
func sleep(c *policy.Context, d time.Duration) error {
	if wait := c.Services.Wait; wait != nil && d > 0 {
		wait(c.Std, d)
		d = 0
	}
	if d <= 0 {
		if c.Std.Err() != nil {
			return policy.ErrClientClosed
		}
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-c.Std.Done():
		return policy.ErrClientClosed
	}
}
