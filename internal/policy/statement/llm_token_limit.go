package statement

import (
	"strconv"
	"strings"
	"time"

	"gatehouse/internal/policy"
)

// tokenLimitStatement limits the tokens of language models by the value of a
// key: in a sliding minute, in a calendar period, or both. There is one counter
// for each key value, in all scopes.
type tokenLimitStatement struct {
	source                string
	key                   policy.String
	perMinute, quota      policy.Int
	limitsRate            bool
	period                *tokenPeriod // nil: no quota
	estimate              bool
	retry                 shownAs
	remaining, quotaShown shownAs
	consumed              shownAs
}

// shownAs names the header and the variable that show a number; "" is none.
type shownAs struct{ header, variable string }

var tokenLimitAttributes = []string{"counter-key", "tokens-per-minute", "token-quota", "token-quota-period", "estimate-prompt-tokens", "estimate-prompt-token",
	"retry-after-header-name", "retry-after-variable-name", "remaining-quota-tokens-header-name", "remaining-quota-tokens-variable-name",
	"remaining-tokens-header-name", "remaining-tokens-variable-name", "tokens-consumed-header-name", "tokens-consumed-variable-name"}

func llmTokenLimit() *policy.Definition         { return tokenLimit("llm-token-limit") }
func azureOpenAITokenLimit() *policy.Definition { return tokenLimit("azure-openai-token-limit") }

func tokenLimit(name string) *policy.Definition {
	return &policy.Definition{Name: name, Sections: policy.Inbound, Scopes: policy.AnyScope,
		Attributes: tokenLimitAttributes, Compile: compileTokenLimit}
}

func compileTokenLimit(k *policy.Compiler, e *policy.Element) policy.Statement {
	checkChildren(k, e)
	s := &tokenLimitStatement{source: e.Name, key: required(k, e, "counter-key"),
		perMinute: k.Int(e, "tokens-per-minute", 0), quota: k.Int(e, "token-quota", 0),
		limitsRate: e.Attr("tokens-per-minute") != nil,
		retry:      shownBy(k, e, "retry-after", "Retry-After"), remaining: shownBy(k, e, "remaining-tokens", ""),
		quotaShown: shownBy(k, e, "remaining-quota-tokens", ""), consumed: shownBy(k, e, "tokens-consumed", "")}
	positive(k, e, "tokens-per-minute", &s.perMinute)
	positive(k, e, "token-quota", &s.quota)
	s.compileQuota(k, e)
	s.compileEstimate(k, e)
	return s
}

func shownBy(k *policy.Compiler, e *policy.Element, what, header string) shownAs {
	return shownAs{header: headerName(k, e, what+"-header-name", header), variable: k.Literal(e, what+"-variable-name", "")}
}

func (s *tokenLimitStatement) compileQuota(k *policy.Compiler, e *policy.Element) {
	quota, period := e.Attr("token-quota"), e.Attr("token-quota-period")
	switch {
	case quota == nil && period == nil && !s.limitsRate:
		k.Errorf(e.Pos, "<%s> needs the attribute \"tokens-per-minute\", or \"token-quota\" and \"token-quota-period\"", e.Name)
	case quota == nil && period != nil:
		k.Errorf(period.Pos, "token-quota-period needs the attribute \"token-quota\" beside it")
	case quota != nil && period == nil:
		k.Errorf(quota.Pos, "token-quota needs the attribute \"token-quota-period\" beside it: Hourly, Daily, Weekly, Monthly or Yearly")
	case quota != nil:
		s.period = compilePeriod(k, e, period)
	}
}

func compilePeriod(k *policy.Compiler, e *policy.Element, a *policy.Attr) *tokenPeriod {
	text := strings.TrimSpace(k.Literal(e, a.Name, ""))
	for i := range tokenPeriods {
		p := &tokenPeriods[i]
		if strings.EqualFold(text, p.name) {
			return p
		}
		if strings.EqualFold(text, p.unit) {
			k.Warnf(a.Value.Pos, "%s=%q is taken as %q, the documented word", a.Name, text, p.name)
			return p
		}
	}
	if !a.Value.Expression {
		report(k, &a.Value, a.Value.Pos, "%s: expected Hourly, Daily, Weekly, Monthly or Yearly", a.Name)
	}
	return &tokenPeriods[0]
}

func (s *tokenLimitStatement) compileEstimate(k *policy.Compiler, e *policy.Element) {
	if short := e.Attr("estimate-prompt-token"); short != nil {
		k.Warnf(short.Pos, "the documented name of estimate-prompt-token is estimate-prompt-tokens; it is taken as such")
		s.estimate = literalBool(k, e, "estimate-prompt-token", false)
	} else if e.Attr("estimate-prompt-tokens") == nil {
		k.Warnf(e.Pos, "<%s> is documented to need estimate-prompt-tokens; without it prompts are not estimated", e.Name)
	}
	s.estimate = literalBool(k, e, "estimate-prompt-tokens", s.estimate)
}

// tokenCall is one request on its way past the statement.
type tokenCall struct {
	*tokenLimitStatement
	c                       *policy.Context
	rateKey, quotaKey       string
	perMinute, quota        int64
	countsRate, countsQuota bool  // false: another statement counts against the key
	reserved                int64 // tokens that the rate counted before the call
}

func (s *tokenLimitStatement) Run(c *policy.Context) error {
	t := &tokenCall{tokenLimitStatement: s, c: c}
	key, err := s.key.Eval(c)
	if err != nil {
		return err
	}
	if t.perMinute, err = s.perMinute.Eval(c); err != nil {
		return err
	}
	if t.quota, err = s.quota.Eval(c); err != nil {
		return err
	}
	if s.limitsRate && t.perMinute < 1 || s.period != nil && t.quota < 1 {
		return invalid(c, s.source, "tokens-per-minute and token-quota must be above 0.")
	}
	t.rateKey = "token-limit/" + key
	if s.period != nil {
		t.quotaKey = "token-quota/" + s.period.name + "/" + key
	}
	w := watchLLM(c)
	prompt := int64(0)
	if s.estimate || w.streams() { // what a stream takes is known too late
		prompt = w.asked().tokens()
	}
	s.consumed.setVariable(c, prompt)
	if err := t.checkQuota(prompt); err != nil {
		return err
	}
	if err := t.checkRate(prompt); err != nil {
		return err
	}
	if s.consumed != (shownAs{}) || s.remaining != (shownAs{}) || s.quotaShown != (shownAs{}) {
		w.early = true
	}
	w.then = append(w.then, t.used)
	return nil
}

// checkQuota looks whether the prompt fits. Nothing is counted before it is
// used: what a call that fails would have counted stays free.
func (t *tokenCall) checkQuota(prompt int64) error {
	if t.period == nil {
		return nil
	}
	window := t.period.window(t.c.Now())
	t.countsQuota = t.c.CountOnce(t.quotaKey)
	count := t.c.Services.Quotas.Add(t.quotaKey, 0, t.quota, window)
	t.quotaShown.set(t.c, count.Remaining)
	if count.Allowed && prompt <= count.Remaining {
		return nil
	}
	wait := window.Start.Add(window.Period).Sub(t.c.Now())
	return t.exceeded("TokenQuotaExceeded", "Token quota is exceeded", 403, wait)
}

// checkRate counts the estimate of the prompt, so that calls at the same time
// see each other.
func (t *tokenCall) checkRate(prompt int64) error {
	if !t.limitsRate {
		return nil
	}
	if t.countsRate = t.c.CountOnce(t.rateKey); t.countsRate {
		t.reserved = prompt
	}
	count := t.c.Services.Counters.Add(t.rateKey, t.reserved, t.perMinute, time.Minute)
	t.remaining.set(t.c, count.Remaining)
	if count.Allowed {
		return nil
	}
	return t.exceeded("TokenLimitExceeded", "Token limit is exceeded", 429, count.RetryAfter)
}

// used counts what the call took.
func (t *tokenCall) used(u tokenUsage) {
	t.consumed.set(t.c, u.total)
	if t.limitsRate {
		n := max(0, u.total-t.reserved)
		if !t.countsRate {
			n = 0
		}
		t.remaining.set(t.c, t.c.Services.Counters.Record(t.rateKey, n, t.perMinute, time.Minute).Remaining)
	}
	if t.period != nil {
		n := u.total
		if !t.countsQuota {
			n = 0
		}
		t.quotaShown.set(t.c, t.c.Services.Quotas.Add(t.quotaKey, n, t.quota, t.period.window(t.c.Now())).Remaining)
	}
}

// exceeded is the failure of a refused call.
func (t *tokenCall) exceeded(reason, message string, status int, wait time.Duration) error {
	seconds := max(1, int64((wait+time.Second-1)/time.Second))
	t.retry.setVariable(t.c, seconds)
	n := strconv.FormatInt(seconds, 10)
	e := t.c.Fail(t.source, reason, message, status)
	e.Body = message + ". Try again in " + n + " seconds."
	e.Header = map[string]string{t.retry.header: n}
	return e
}

// set shows a number on the final response and in the variable.
func (s *shownAs) set(c *policy.Context, n int64) {
	if s.header != "" {
		c.SetFinalHeader(s.header, strconv.FormatInt(n, 10))
	}
	s.setVariable(c, n)
}

func (s *shownAs) setVariable(c *policy.Context, n int64) {
	if s.variable != "" {
		c.Variables.Set(s.variable, int32(min(n, 1<<31-1)))
	}
}
