package statement

import (
	"time"

	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
)

// quotaStatement limits what a subscription uses of a product in fixed periods,
// with own limits for APIs and operations, each counted by itself. Without a
// subscription it does nothing.
type quotaStatement struct {
	limit quotaLimit
	apis  []quotaAPI
}

type quotaTarget struct {
	limitTarget
	limit quotaLimit
}

type quotaAPI struct {
	quotaTarget
	operations []quotaTarget
}

func quota() *policy.Definition {
	return &policy.Definition{Name: "quota", Sections: policy.Inbound, Scopes: policy.Product,
		Attributes: quotaAttributes, Compile: compileQuota}
}

func compileQuota(k *policy.Compiler, e *policy.Element) policy.Statement {
	k.Once(e)
	checkChildren(k, e, "api")
	s := &quotaStatement{limit: compileQuotaLimit(k, e, nil, 1)}
	for _, a := range e.Children {
		if a.Name != "api" {
			continue
		}
		checkChildren(k, a, "operation")
		api := quotaAPI{quotaTarget: compileQuotaTarget(k, a, &s.limit)}
		for _, op := range a.Children {
			if op.Name == "operation" {
				checkChildren(k, op)
				api.operations = append(api.operations, compileQuotaTarget(k, op, &api.limit))
			}
		}
		s.apis = append(s.apis, api)
	}
	return s
}

func compileQuotaTarget(k *policy.Compiler, e *policy.Element, outer *quotaLimit) quotaTarget {
	checkAttributes(k, e, append([]string{"name", "id"}, quotaAttributes...)...)
	return quotaTarget{compileLimitTarget(k, e), compileQuotaLimit(k, e, outer, 1)}
}

func (s *quotaStatement) Run(c *policy.Context) error {
	if c.Subscription == nil {
		return nil
	}
	levels, err := s.levels(c)
	if err != nil {
		return err
	}
	for i := range levels {
		if err := levels[i].bandwidth(c, "quota"); err != nil {
			return err
		}
	}
	for i := range levels {
		if err := levels[i].call(c, "quota", 1); err != nil {
			for j := range i {
				levels[j].takeBack(c, 1)
			}
			return err
		}
	}
	countBytes(c, levels)
	return nil
}

// levels are the counters that the request falls under.
func (s *quotaStatement) levels(c *policy.Context) ([]quotaLevel, error) {
	var out []quotaLevel
	start := subscribedAt(c.Subscription)
	add := func(l *quotaLimit, key string) error {
		level, err := l.level(c, key, start)
		out = append(out, level)
		return err
	}
	key := "quota/" + c.Subscription.ID
	if c.Product != nil {
		key += "/products/" + c.Product.ID
	}
	if err := add(&s.limit, key); err != nil || c.API == nil {
		return out, err
	}
	for i := range s.apis {
		a := &s.apis[i]
		if !a.is(c.API.ID, c.API.Name) {
			continue
		}
		key := key + "/apis/" + c.API.ID
		if err := add(&a.limit, key); err != nil {
			return nil, err
		}
		for j := range a.operations {
			if op := &a.operations[j]; c.Operation != nil && op.is(c.Operation.ID, c.Operation.Name) {
				if err := add(&op.limit, key+"/operations/"+c.Operation.ID); err != nil {
					return nil, err
				}
			}
		}
	}
	return out, nil
}

// subscribedAt is the time from which the periods of a subscription are counted.
func subscribedAt(s *expr.Subscription) time.Time {
	if s.StartDate.IsZero() {
		return s.CreatedDate
	}
	return s.StartDate
}
