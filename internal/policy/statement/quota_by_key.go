package statement

import (
	"fmt"
	"time"

	"gatehouse/internal/policy"
	"gatehouse/internal/telemetry"
)

// quotaByKeyStatement limits what is used under the value of a key in fixed
// periods. There is one counter for each key value, in all scopes. When a
// condition or a count is an expression, the call is counted when its response
// is known; until then it is only checked whether more than the limit was
// counted, so that the refusal comes one call late.
type quotaByKeyStatement struct {
	limit     quotaLimit
	prefix    string // of the counter: one for each key and kind of period
	key       policy.String
	start     time.Time
	condition policy.Bool
	increment policy.Int
	late      bool
}

// minQuotaPeriod is the shortest period of quota-by-key in seconds.
const minQuotaPeriod = 300

func quotaByKey() *policy.Definition {
	return &policy.Definition{Name: "quota-by-key", Sections: policy.Inbound, Scopes: policy.AnyScope,
		Attributes: append([]string{"counter-key", "increment-condition", "increment-count", "first-period-start"}, quotaAttributes...),
		Compile:    compileQuotaByKey}
}

func compileQuotaByKey(k *policy.Compiler, e *policy.Element) policy.Statement {
	checkChildren(k, e)
	s := &quotaByKeyStatement{limit: compileQuotaLimit(k, e, nil, minQuotaPeriod), key: required(k, e, "counter-key"),
		condition: k.Bool(e, "increment-condition", true), increment: k.Int(e, "increment-count", 1)}
	if a := e.Attr("increment-count"); a != nil && s.increment.Known() && s.increment.Literal < 0 {
		k.Errorf(a.Value.Pos, "increment-count=%q: expected a number, not below 0", a.Value.Text)
	}
	if start := k.Literal(e, "first-period-start", ""); start != "" {
		var err error
		if s.start, err = time.Parse(time.RFC3339, start); err != nil {
			k.Errorf(e.Attr("first-period-start").Value.Pos, "first-period-start=%q: expected a date and time such as 2026-01-31T00:00:00Z", start)
		}
	}
	s.prefix = fmt.Sprintf("quota-by-key/%d/%d/", s.limit.period.Literal, s.start.Unix())
	s.late = s.condition.Dynamic() || s.increment.Dynamic()
	return s
}

func (s *quotaByKeyStatement) Run(c *policy.Context) error {
	key, err := s.key.Eval(c)
	if err != nil {
		return err
	}
	level, err := s.limit.level(c, s.prefix+key, s.start)
	if err != nil {
		return err
	}
	if err := level.bandwidth(c, "quota-by-key"); err != nil {
		return err
	}
	if s.late {
		return s.runLate(c, level)
	}
	n, err := s.increment.Eval(c)
	if err != nil {
		return err
	}
	if !s.condition.Literal {
		return level.check(c)
	}
	if !level.countOnce(c) {
		err = level.checkCounted(c)
	} else {
		err = level.call(c, "quota-by-key", n)
	}
	if err == nil {
		countBytes(c, []quotaLevel{level})
	}
	return err
}

// check refuses when nothing is left of the calls.
func (l *quotaLevel) check(c *policy.Context) error { return l.look(c, l.calls) }

// checkCounted refuses when more than the calls were counted.
func (l *quotaLevel) checkCounted(c *policy.Context) error { return l.look(c, l.calls+1) }

func (l *quotaLevel) look(c *policy.Context, limit int64) error {
	if l.calls == 0 {
		return nil
	}
	if n := c.Services.Quotas.Add(l.callKey(), 0, limit, l.window); !n.Allowed {
		return quotaExceeded(c, "quota-by-key", "Out of call volume quota.", n.RetryAfter, &l.window)
	}
	return nil
}

// countOnce tells whether this is the first policy of the request that counts
// calls against the key.
func (l *quotaLevel) countOnce(c *policy.Context) bool {
	return l.calls == 0 || c.CountOnce(l.callKey())
}

// runLate checks the counters now and counts when the response is known.
func (s *quotaByKeyStatement) runLate(c *policy.Context, level quotaLevel) error {
	if err := level.checkCounted(c); err != nil {
		return err
	}
	usage := countBytes(c, []quotaLevel{level})
	c.After(func() {
		n, err := s.counted(c)
		if err != nil {
			c.Event(telemetry.SeverityWarning, "quota-by-key", "the call was not counted: "+err.Error(), nil)
		}
		if usage != nil {
			usage.skip = err != nil || n == 0
		}
		if level.calls > 0 && n > 0 && level.countOnce(c) {
			c.Services.Quotas.Add(level.callKey(), n, level.calls, level.window)
		}
	})
	return nil
}

// counted gives what the finished call counts.
func (s *quotaByKeyStatement) counted(c *policy.Context) (int64, error) {
	ok, err := s.condition.Eval(c)
	if err != nil || !ok {
		return 0, err
	}
	return s.increment.Eval(c)
}
