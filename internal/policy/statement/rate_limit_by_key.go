package statement

import (
	"math"
	"strconv"
	"time"

	"gatehouse/internal/policy"
	"gatehouse/internal/telemetry"
)

// rateLimitByKeyStatement limits calls by the value of a key. There is one
// counter for each key value, in all scopes; a request counts once, however
// many policies name it. When a condition or a count is an
// expression, the call is counted when its response is known; until then it is
// only checked whether more than the limit was counted, so that the refusal comes
// one call late.
type rateLimitByKeyStatement struct {
	rateHeaders
	calls, period policy.Int
	key           policy.String
	prefix        string // of the counter's key, for a period that is known
	condition     policy.Bool
	increment     policy.Int
	late          bool
}

func rateLimitByKey() *policy.Definition {
	return &policy.Definition{Name: "rate-limit-by-key", Sections: policy.Inbound, Scopes: policy.AnyScope,
		Attributes: append([]string{"counter-key", "increment-condition", "increment-count", "increment-after-response"}, rateAttributes...),
		Compile:    compileRateLimitByKey}
}

func compileRateLimitByKey(k *policy.Compiler, e *policy.Element) policy.Statement {
	checkChildren(k, e)
	s := &rateLimitByKeyStatement{rateHeaders: compileRateHeaders(k, e), key: required(k, e, "counter-key"),
		condition: k.Bool(e, "increment-condition", true), increment: k.Int(e, "increment-count", 1)}
	s.calls, s.period = limitOf(k, e)
	if a := e.Attr("increment-count"); a != nil && s.increment.Known() && s.increment.Literal < 0 {
		k.Errorf(a.Value.Pos, "increment-count=%q: expected a number, not below 0", a.Value.Text)
	}
	if s.period.Known() {
		s.prefix = rateKeyPrefix(s.period.Literal)
	}
	s.late = s.condition.Dynamic() || s.increment.Dynamic() || literalBool(k, e, "increment-after-response", false)
	return s
}

// rateKeyPrefix makes the window a part of the key: one counter for each pair.
func rateKeyPrefix(seconds int64) string {
	return "rate-limit-by-key/" + strconv.FormatInt(seconds, 10) + "/"
}

func (s *rateLimitByKeyStatement) Run(c *policy.Context) error {
	key, err := s.key.Eval(c)
	if err != nil {
		return err
	}
	limit, err := s.calls.Eval(c)
	if err != nil {
		return err
	}
	seconds, err := s.period.Eval(c)
	if err != nil {
		return err
	}
	if limit < 0 || seconds < 1 || seconds > maxRenewal {
		return invalid(c, s.source, "calls must not be below 0, and renewal-period must be from 1 to 300 seconds.")
	}
	prefix := s.prefix
	if prefix == "" {
		prefix = rateKeyPrefix(seconds)
	}
	key, window := prefix+key, duration(seconds)
	if s.late {
		return s.runLate(c, key, limit, window)
	}
	n, err := s.increment.Eval(c)
	if err != nil {
		return err
	}
	if !s.condition.Literal {
		n = 0
	}
	var count policy.Count
	if c.CountOnce(key) {
		count = c.Services.Counters.Add(key, n, limit, window)
	} else { // this request is among those that were counted
		count = c.Services.Counters.Add(key, 0, limit+1, window)
		count.Remaining = max(0, count.Remaining-1)
	}
	s.show(c, count.Remaining, limit)
	if !count.Allowed {
		return s.exceeded(c, count.RetryAfter)
	}
	return nil
}

// runLate checks the counter now and counts when the response is known.
func (s *rateLimitByKeyStatement) runLate(c *policy.Context, key string, limit int64, window time.Duration) error {
	counters := c.Services.Counters
	// The call that goes beyond the limit is counted only after it was served:
	// the first refusal is that of the call after it, as in Azure.
	count := counters.Add(key, 0, limit+1, window)
	s.show(c, max(0, count.Remaining-1), limit)
	if !count.Allowed {
		return s.exceeded(c, count.RetryAfter)
	}
	c.After(func() {
		n, err := s.counted(c)
		if err != nil {
			c.Event(telemetry.SeverityWarning, s.source, "the call was not counted: "+err.Error(), nil)
			return
		}
		if n > 0 && c.CountOnce(key) {
			// The call was served: it counts even when it goes beyond the limit.
			counters.Add(key, n, math.MaxInt64, window)
		}
	})
	return nil
}

// counted gives what the finished call counts.
func (s *rateLimitByKeyStatement) counted(c *policy.Context) (int64, error) {
	ok, err := s.condition.Eval(c)
	if err != nil || !ok {
		return 0, err
	}
	return s.increment.Eval(c)
}
