package statement

import (
	"time"

	"gatehouse/internal/policy"
)

// rateLimitStatement limits the calls of a subscription, with own limits for
// APIs and operations. Without a subscription it does nothing.
type rateLimitStatement struct {
	rateHeaders
	level policy.Scope
	limit rateLimitValue
	apis  []rateLimitAPI
}

type rateLimitValue struct {
	calls  int64
	window time.Duration
}

type rateLimitAPI struct {
	rateLimitTarget
	operations []rateLimitTarget
}

type rateLimitTarget struct {
	limitTarget
	limit rateLimitValue
}

func rateLimit() *policy.Definition {
	return &policy.Definition{Name: "rate-limit", Sections: policy.Inbound, Scopes: policy.Product | policy.API | policy.Operation,
		Attributes: rateAttributes, Compile: compileRateLimit}
}

func compileRateLimit(k *policy.Compiler, e *policy.Element) policy.Statement {
	k.Once(e)
	checkChildren(k, e, "api")
	s := &rateLimitStatement{rateHeaders: compileRateHeaders(k, e), level: e.Scope, limit: compileRateLimitValue(k, e)}
	for _, a := range e.Children {
		if a.Name != "api" {
			continue
		}
		checkChildren(k, a, "operation")
		api := rateLimitAPI{rateLimitTarget: compileRateLimitTarget(k, a)}
		for _, op := range a.Children {
			if op.Name != "operation" {
				continue
			}
			checkChildren(k, op)
			api.operations = append(api.operations, compileRateLimitTarget(k, op))
		}
		s.apis = append(s.apis, api)
	}
	return s
}

func compileRateLimitTarget(k *policy.Compiler, e *policy.Element) rateLimitTarget {
	checkAttributes(k, e, "name", "id", "calls", "renewal-period")
	return rateLimitTarget{limit: compileRateLimitValue(k, e), limitTarget: compileLimitTarget(k, e)}
}

func compileRateLimitValue(k *policy.Compiler, e *policy.Element) rateLimitValue {
	calls, period := limitOf(k, e)
	for _, name := range []string{"calls", "renewal-period"} {
		if a := e.Attr(name); a != nil && a.Value.Expression {
			k.Errorf(a.Value.Pos, "the attribute %q of <%s> takes no expression; use <rate-limit-by-key>", name, e.Name)
		}
	}
	return rateLimitValue{calls: calls.Literal, window: duration(period.Literal)}
}

func (s *rateLimitStatement) Run(c *policy.Context) error {
	if c.Subscription == nil {
		return nil
	}
	if err := s.count(c, s.levelKey(c), s.limit, true); err != nil {
		return err
	}
	if c.API == nil {
		return nil
	}
	for i := range s.apis {
		a := &s.apis[i]
		if !a.is(c.API.ID, c.API.Name) {
			continue
		}
		if err := s.count(c, s.levelKey(c)+"/apis/"+c.API.ID, a.limit, false); err != nil {
			return err
		}
		for j := range a.operations {
			if op := &a.operations[j]; c.Operation != nil && op.is(c.Operation.ID, c.Operation.Name) {
				if err := s.count(c, s.levelKey(c)+"/apis/"+c.API.ID+"/operations/"+c.Operation.ID, op.limit, false); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (s *rateLimitStatement) count(c *policy.Context, key string, limit rateLimitValue, show bool) error {
	n := c.Services.Counters.Add(key, 1, limit.calls, limit.window)
	if show {
		s.show(c, n.Remaining, limit.calls)
	}
	if !n.Allowed {
		return s.exceeded(c, n.RetryAfter)
	}
	return nil
}

// levelKey names the counter: one for each subscription and level.
func (s *rateLimitStatement) levelKey(c *policy.Context) string {
	switch {
	case s.level == policy.Product && c.Product != nil:
		return "rate-limit/" + c.Subscription.ID + "/products/" + c.Product.ID
	case s.level == policy.API && c.API != nil:
		return "rate-limit/" + c.Subscription.ID + "/apis/" + c.API.ID
	case s.level == policy.Operation && c.API != nil && c.Operation != nil:
		return "rate-limit/" + c.Subscription.ID + "/apis/" + c.API.ID + "/operations/" + c.Operation.ID
	}
	return "rate-limit/" + c.Subscription.ID
}
