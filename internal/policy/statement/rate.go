package statement

import (
	"strconv"
	"time"

	"gatehouse/internal/policy"
)

// rateHeaders are the headers and variables that rate-limit and
// rate-limit-by-key share.
type rateHeaders struct {
	source                             string
	retryHeader, retryVariable         string
	remainingHeader, remainingVariable string
	totalHeader                        string
}

var rateAttributes = []string{"calls", "renewal-period", "retry-after-header-name", "retry-after-variable-name",
	"remaining-calls-header-name", "remaining-calls-variable-name", "total-calls-header-name"}

// maxRenewal is the longest window of a rate limit in seconds.
const maxRenewal = 300

func compileRateHeaders(k *policy.Compiler, e *policy.Element) rateHeaders {
	h := rateHeaders{
		source:        e.Name,
		retryHeader:   headerName(k, e, "retry-after-header-name", "Retry-After"),
		retryVariable: k.Literal(e, "retry-after-variable-name", ""), remainingHeader: headerName(k, e, "remaining-calls-header-name", ""),
		remainingVariable: k.Literal(e, "remaining-calls-variable-name", ""), totalHeader: headerName(k, e, "total-calls-header-name", ""),
	}
	return h
}

// headerName gives a literal attribute that names a header.
func headerName(k *policy.Compiler, e *policy.Element, name, fallback string) string {
	v := k.Literal(e, name, fallback)
	if v != "" && !validHeaderName(v) {
		k.Errorf(e.Attr(name).Value.Pos, "%s: %q is not a header name", name, v)
	}
	return v
}

// limitOf compiles calls and renewal-period and checks literals.
func limitOf(k *policy.Compiler, e *policy.Element) (calls, period policy.Int) {
	k.Required(e, "calls")
	k.Required(e, "renewal-period")
	calls, period = k.Int(e, "calls", 1), k.Int(e, "renewal-period", 1)
	positive(k, e, "calls", &calls)
	if a := e.Attr("renewal-period"); a != nil && period.Known() && (period.Literal < 1 || period.Literal > maxRenewal) {
		k.Errorf(a.Value.Pos, "renewal-period=%q: expected a number of seconds from 1 to %d", a.Value.Text, maxRenewal)
	}
	return calls, period
}

// show puts what is left on the final response and into variables.
func (h *rateHeaders) show(c *policy.Context, remaining, limit int64) {
	if h.remainingVariable != "" {
		c.Variables.Set(h.remainingVariable, int32(min(remaining, 1<<31-1)))
	}
	if h.remainingHeader != "" {
		c.SetFinalHeader(h.remainingHeader, strconv.FormatInt(remaining, 10))
	}
	if h.totalHeader != "" {
		c.SetFinalHeader(h.totalHeader, strconv.FormatInt(limit, 10))
	}
}

// exceeded is the failure of a refused call.
func (h *rateHeaders) exceeded(c *policy.Context, wait time.Duration) error {
	seconds := max(1, int64((wait+time.Second-1)/time.Second))
	n := strconv.FormatInt(seconds, 10)
	if h.retryVariable != "" {
		c.Variables.Set(h.retryVariable, int32(min(seconds, 1<<31-1)))
	}
	e := c.Fail(h.source, "RateLimitExceeded", "Rate limit is exceeded", 429)
	e.Body = "Rate limit is exceeded. Try again in " + n + " seconds."
	e.Header = map[string]string{h.retryHeader: n}
	return e
}
