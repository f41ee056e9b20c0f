package promql

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/prometheus/prometheus/promql"
)

// Quota is how much may be used over a sliding time: by one account, by all
// accounts of a workspace, and in all workspaces that share a Tenant. 0 is no
// limit.
type Quota struct{ Account, Workspace, Tenant float64 }

const (
	quotaSpan     = 30 * time.Second // of the queries of clients
	ruleQuotaSpan = 3 * time.Minute  // of the queries of rules
	maxAccounts   = 10_000           // metered at once
)

// Tenant meters what the workspaces of a process use together. Make it with
// NewTenant.
type Tenant struct{ hours, parsed *sliding }

// NewTenant makes the meters.
func NewTenant() *Tenant { return &Tenant{newSliding(quotaSpan), newSliding(quotaSpan)} }

type accountKey struct{}

// WithAccount says whose quota a query uses.
func WithAccount(ctx context.Context, account string) context.Context {
	return context.WithValue(ctx, accountKey{}, account)
}

func accountOf(ctx context.Context) string {
	account, _ := ctx.Value(accountKey{}).(string)
	return account
}

// sliding sums amounts over a span, which moves by a thirtieth of it.
type sliding struct {
	step time.Duration

	mu      sync.Mutex
	buckets [30]float64
	last    int64 // number of the newest bucket
}

func newSliding(span time.Duration) *sliding { return &sliding{step: span / 30} }

// advance empties what is older than the span. A clock that goes back further
// than that begins anew: nobody is shut out until it has caught up.
func (s *sliding) advance(now time.Time) {
	n, size := now.UnixNano()/int64(s.step), int64(len(s.buckets))
	if n-s.last >= size || s.last-n >= size {
		s.buckets, s.last = [30]float64{}, n
	}
	for s.last < n {
		s.last++
		s.buckets[s.last%size] = 0
	}
}

func (s *sliding) sum(now time.Time) (total float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance(now)
	for _, v := range s.buckets {
		total += v
	}
	return total
}

func (s *sliding) add(v float64, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance(now)
	s.buckets[s.last%int64(len(s.buckets))] += v
}

// wait is how long until amount is gone from the sum, the whole span when it
// never is.
func (s *sliding) wait(amount float64) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	size := int64(len(s.buckets))
	for i := int64(1); i <= size; i++ {
		if amount -= s.buckets[(s.last+i)%size]; amount <= 0 {
			return time.Duration(i) * s.step
		}
	}
	return time.Duration(size) * s.step
}

// meters are what is used of one quota.
type meters struct {
	reason, what, mend string
	quota              Quota
	span               time.Duration
	now                func() time.Time
	workspace          *sliding
	tenant             *sliding // nil: there is none

	mu       sync.Mutex
	accounts map[string]*sliding
}

func newMeters(reason, what, mend string, span time.Duration, q Quota, tenant *sliding, now func() time.Time) *meters {
	return &meters{reason: reason, what: what, mend: mend, quota: q, span: span, now: now, workspace: newSliding(span), tenant: tenant, accounts: map[string]*sliding{}}
}

// check says why an amount may not be used.
func (m *meters) check(account string, amount float64) error {
	if m.quota == (Quota{}) || amount <= 0 {
		return nil
	}
	now := m.now()
	for _, u := range []struct {
		of    string
		meter *sliding
		limit float64
	}{{"an account", m.account(account, now), m.quota.Account}, {"a workspace", m.workspace, m.quota.Workspace}, {"all workspaces", m.tenant, m.quota.Tenant}} {
		if u.meter == nil || u.limit <= 0 {
			continue
		}
		if over := u.meter.sum(now) + amount - u.limit; over > 0 {
			return &LimitError{Reason: m.reason, RetryAfter: u.meter.wait(over),
				text: fmt.Sprintf("the %s of %s are limited to %.0f in %s: %s", m.what, u.of, u.limit, m.span, m.mend)}
		}
	}
	return nil
}

// charge notes what is used, whether it may be or not.
func (m *meters) charge(account string, amount float64) {
	now := m.now()
	m.workspace.add(amount, now)
	if m.tenant != nil {
		m.tenant.add(amount, now)
	}
	if m.quota.Account > 0 {
		m.account(account, now).add(amount, now)
	}
}

// take uses an amount, or says why it may not be used: then nothing is.
func (m *meters) take(account string, amount float64) error {
	if err := m.check(account, amount); err != nil {
		return err
	}
	m.charge(account, amount)
	return nil
}

// account gives the meter of one. When there are too many, those that used
// nothing of late go; when all did, the newcomers share one.
func (m *meters) account(name string, now time.Time) *sliding {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s := m.accounts[name]; s != nil {
		return s
	}
	if len(m.accounts) >= maxAccounts {
		for other, s := range m.accounts {
			if s.sum(now) == 0 {
				delete(m.accounts, other)
			}
		}
		if len(m.accounts) >= maxAccounts {
			name = ""
		}
	}
	if m.accounts[name] == nil {
		m.accounts[name] = newSliding(m.span)
	}
	return m.accounts[name]
}

// used is the workspace's sum.
func (m *meters) used() float64 { return m.workspace.sum(m.now()) }

// refusals counts the queries that were refused, by reason.
type refusals struct {
	mu sync.Mutex
	n  map[string]int64
}

// refused counts err when it is one of a limit, and gives it back.
func (e *Engine) refused(err error) error {
	if err == nil {
		return nil
	}
	reason := ""
	var limit *LimitError
	var large promql.ErrTooManySamples
	var late promql.ErrQueryTimeout
	switch {
	case errors.As(err, &limit):
		reason = limit.Reason
	case errors.As(err, &large):
		reason = "samples"
	case errors.As(err, &late):
		reason = "timeout"
	default:
		return err
	}
	e.refusals.mu.Lock()
	defer e.refusals.mu.Unlock()
	if e.refusals.n == nil {
		e.refusals.n = map[string]int64{}
	}
	e.refusals.n[reason]++
	return err
}

// Usage is what queries use of the workspace's quotas.
type Usage struct {
	Hours, ParsedHours, Returned float64          // in the last 30 seconds
	RuleReturned                 float64          // in the last 3 minutes
	Refused                      map[string]int64 // queries since the start, by reason
}

// Usage gives what is used now.
func (e *Engine) Usage() Usage {
	e.refusals.mu.Lock()
	defer e.refusals.mu.Unlock()
	return Usage{Hours: e.hours.used(), ParsedHours: e.parsed.used(), Returned: e.returned.used(), RuleReturned: e.ruleReturned.used(), Refused: maps.Clone(e.refusals.n)}
}

// MayReturn says why no more may be answered now: too many bytes were.
func (e *Engine) MayReturn() error { return e.refused(e.returned.check("", 1)) }

// Returned notes the bytes of an answer.
func (e *Engine) Returned(bytes int64) { e.returned.charge("", float64(bytes)) }

// Refused counts a look-up that CheckFind refused.
func (e *Engine) Refused(err error) { _ = e.refused(err) }
