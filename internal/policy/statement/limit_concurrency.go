package statement

import (
	"net/http"

	"gatehouse/internal/policy"
)

// limitConcurrencyStatement runs its children for at most so many requests of
// a key at a time; more are refused at once. The place is given back when the
// children end, however they do.
type limitConcurrencyStatement struct {
	key   policy.String
	max   policy.Int
	block policy.Block
}

func limitConcurrency() *policy.Definition {
	return &policy.Definition{Name: "limit-concurrency", Sections: policy.AnySection, Scopes: policy.AnyScope,
		Attributes: []string{"key", "max-count"}, Compile: compileLimitConcurrency}
}

func compileLimitConcurrency(k *policy.Compiler, e *policy.Element) policy.Statement {
	k.Required(e, "max-count")
	s := &limitConcurrencyStatement{key: required(k, e, "key"), max: k.Int(e, "max-count", 1), block: k.Block(e.Children)}
	positive(k, e, "max-count", &s.max)
	if s.max.Dynamic() {
		k.Errorf(e.Attr("max-count").Value.Pos, "the attribute \"max-count\" of <limit-concurrency> takes no expression")
	}
	if len(e.Children) == 0 {
		k.Warnf(e.Pos, "<limit-concurrency> has no policies inside: it limits nothing")
	}
	return s
}

func (s *limitConcurrencyStatement) Run(c *policy.Context) error {
	key, err := s.key.Eval(c)
	if err != nil {
		return err
	}
	most, err := s.max.Eval(c)
	if err != nil {
		return err
	}
	leave, ok := c.Services.Quotas.Enter("limit-concurrency/"+key, most)
	if !ok {
		return c.Fail("limit-concurrency", "ConcurrencyLimitExceeded", "Concurrency limit is exceeded.", http.StatusTooManyRequests)
	}
	defer leave()
	return s.block.Run(c)
}
