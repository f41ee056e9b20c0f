package statement

import (
	"fmt"
	"strconv"
	"time"

	"gatehouse/internal/policy"
	"gatehouse/internal/telemetry"
)

// quotaLimit is what a quota allows in one period: calls, kilobytes, or both.
type quotaLimit struct {
	calls, kilobytes, period policy.Int // known to be 0: no such limit; a period of 0 never ends
}

var quotaAttributes = []string{"calls", "bandwidth", "renewal-period"}

// compileQuotaLimit reads the attributes; an API or operation without a period
// of its own has the one of the element around it.
func compileQuotaLimit(k *policy.Compiler, e *policy.Element, outer *quotaLimit, shortest int64) quotaLimit {
	l := quotaLimit{calls: k.Int(e, "calls", 0), kilobytes: k.Int(e, "bandwidth", 0), period: k.Int(e, "renewal-period", 0)}
	if e.Attr("calls") == nil && e.Attr("bandwidth") == nil {
		k.Errorf(e.Pos, "<%s> needs the attribute \"calls\", \"bandwidth\", or both", e.Name)
	}
	positive(k, e, "calls", &l.calls)
	positive(k, e, "bandwidth", &l.kilobytes)
	for _, name := range quotaAttributes {
		if a := e.Attr(name); a != nil && a.Value.Expression {
			k.Errorf(a.Value.Pos, "the attribute %q of <%s> takes no expression", name, e.Name)
		}
	}
	a := e.Attr("renewal-period")
	switch {
	case a == nil && outer != nil:
		k.Warnf(e.Pos, "<%s> has no renewal-period: the one of the element around it is used", e.Name)
		l.period = outer.period
	case a == nil:
		k.Required(e, "renewal-period")
	case l.period.Known() && l.period.Literal != 0 && l.period.Literal < shortest:
		k.Errorf(a.Value.Pos, "renewal-period=%q: expected a number of seconds from %d, or 0 for a quota that is never renewed", a.Value.Text, shortest)
	}
	return l
}

// quotaLevel is one counter of a request.
type quotaLevel struct {
	key          string
	calls, bytes int64 // 0: no such limit
	window       policy.Window
}

// level gives the counter of a key, whose periods are counted from start.
func (l *quotaLimit) level(c *policy.Context, key string, start time.Time) (out quotaLevel, err error) {
	out.key, out.window.Start = key, start
	if out.calls, err = l.calls.Eval(c); err != nil {
		return out, err
	}
	kilobytes, err := l.kilobytes.Eval(c)
	if err != nil {
		return out, err
	}
	seconds, err := l.period.Eval(c)
	out.bytes, out.window.Period = min(kilobytes, 1<<50)*1024, duration(seconds)
	return out, err
}

func (l *quotaLevel) callKey() string { return l.key + "/calls" }
func (l *quotaLevel) byteKey() string { return l.key + "/bytes" }

// bandwidth refuses a request when nothing is left of the kilobytes.
func (l *quotaLevel) bandwidth(c *policy.Context, source string) error {
	if l.bytes == 0 {
		return nil
	}
	if n := c.Services.Quotas.Add(l.byteKey(), 0, l.bytes, l.window); !n.Allowed {
		return quotaExceeded(c, source, "Out of bandwidth quota.", n.RetryAfter, &l.window)
	}
	return nil
}

// call counts n calls. What does not fit is refused and not counted.
func (l *quotaLevel) call(c *policy.Context, source string, n int64) error {
	if l.calls == 0 {
		return nil
	}
	count := c.Services.Quotas.Add(l.callKey(), n, l.calls, l.window)
	if count.Allowed {
		return nil
	}
	l.takeBack(c, n)
	return quotaExceeded(c, source, "Out of call volume quota.", count.RetryAfter, &l.window)
}

func (l *quotaLevel) takeBack(c *policy.Context, n int64) {
	if l.calls != 0 && n != 0 {
		c.Services.Quotas.Add(l.callKey(), -n, l.calls, l.window)
	}
}

// quotaExceeded is the failure of a refused request. A quota that is never
// renewed names no time.
func quotaExceeded(c *policy.Context, source, text string, wait time.Duration, w *policy.Window) error {
	if w.Period == 0 {
		return c.Fail(source, "QuotaExceeded", text, 403)
	}
	seconds := max(1, int64((wait+time.Second-1)/time.Second))
	e := c.Fail(source, "QuotaExceeded", text+" Quota will be replenished in "+timeSpan(seconds)+".", 403)
	e.Header = map[string]string{"Retry-After": strconv.FormatInt(seconds, 10)}
	return e
}

// timeSpan writes seconds as .NET does: [d.]hh:mm:ss.
func timeSpan(seconds int64) string {
	text := fmt.Sprintf("%02d:%02d:%02d", seconds/3600%24, seconds/60%60, seconds%60)
	if days := seconds / 86400; days > 0 {
		text = strconv.FormatInt(days, 10) + "." + text
	}
	return text
}

// quotaUsage counts the bytes of a request and its response when both are
// known.
type quotaUsage struct {
	quotas   policy.Quotas
	exchange *telemetry.Exchange
	levels   []quotaLevel
	bytes    int64
	skip     bool // the request does not count
}

// countBytes counts against the levels that limit kilobytes; nil when none does.
func countBytes(c *policy.Context, levels []quotaLevel) *quotaUsage {
	var limited []quotaLevel
	for i := range levels {
		if levels[i].bytes > 0 && c.CountOnce(levels[i].byteKey()) {
			limited = append(limited, levels[i])
		}
	}
	if limited == nil {
		return nil
	}
	u := &quotaUsage{quotas: c.Services.Quotas, exchange: c.Exchange, levels: limited}
	c.TapResponse(u)
	return u
}

// See implements policy.Tap.
func (u *quotaUsage) See(p []byte) { u.bytes += int64(len(p)) }

// Passed implements policy.ByteTap.
func (u *quotaUsage) Passed(n int64) { u.bytes += n }

// Done implements policy.Tap: what was sent counts, also when the client left.
func (u *quotaUsage) Done(bool) {
	n := u.bytes + u.exchange.RequestBytes
	if u.skip || n == 0 {
		return
	}
	for i := range u.levels {
		l := &u.levels[i]
		u.quotas.Add(l.byteKey(), n, l.bytes, l.window)
	}
}
