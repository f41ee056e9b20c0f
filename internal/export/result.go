package export

import (
	"net/http"
	"strings"
	"time"
)

// Plus joins the results of two parts of a request that were sent one after
// the other.
func (r Result) Plus(o Result) Result {
	out := Result{Sent: r.Sent + o.Sent, Dropped: map[string]int{}, Left: append(r.Left, o.Left...), LeftItems: r.LeftItems + o.LeftItems,
		After: max(r.After, o.After), Partial: (r.Left == nil || r.Partial) && (o.Left == nil || o.Partial), Err: r.Err}
	for _, part := range []Result{r, o} {
		for reason, n := range part.Dropped {
			out.Dropped[reason] += n
		}
	}
	if out.Err == nil {
		out.Err = o.Err
	}
	return out
}

// RetryAfter reads the header of this name: seconds or a date; 0 without one.
func RetryAfter(text string, now time.Time) time.Duration {
	if d, err := time.ParseDuration(strings.TrimSpace(text) + "s"); err == nil {
		return max(d, 0)
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}
