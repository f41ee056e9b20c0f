package check

import (
	"fmt"
	"slices"
	"strings"

	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
)

// unbounded are parts of the context that have a new value for about every
// request or caller.
var unbounded = []string{"RequestId", "Timestamp", "Elapsed", "Request.IpAddress", "Request.Url", "Request.OriginalUrl", "Request.Body", "Response.Body",
	"Request.MatchedParameters", "Request.Headers", "User.Email", "Subscription.Key", "LastError.Message"}

// series says how many series an emit-metric makes and of what.
func (c *checker) series(e *policy.Element) {
	if !strings.HasSuffix(e.Name, "emit-metric") && !strings.HasSuffix(e.Name, "emit-token-metric") {
		return
	}
	var bounded, open []string
	for _, d := range e.Children {
		if d.Name != "dimension" {
			continue
		}
		name := literal(d, "name")
		if what := endless(d); what != "" {
			open = append(open, name)
			c.warn(ruleUnbounded, d.Pos, fmt.Sprintf("the dimension %q takes its value from context.%s, which has no bounds: each value is a series of its own. Use a group of values, or put it into a trace", name, what))
			continue
		}
		bounded = append(bounded, name)
	}
	text := "one series"
	if len(bounded) > 0 {
		text = "one series for each combination of " + strings.Join(bounded, ", ")
	}
	if len(open) > 0 {
		text += ", times the values of " + strings.Join(open, ", ") + ", which have no bounds"
	}
	c.add(Finding{Rule: ruleSeries, Severity: Note, Message: text, Pos: e.Pos})
}

// endless gives the unbounded part of the context that a dimension shows.
func endless(d *policy.Element) string {
	a := d.Attr("value")
	if a == nil {
		return ""
	}
	for _, u := range uses(a.Value) {
		for _, path := range unbounded {
			if u.Path == path || strings.HasPrefix(u.Path, path+".") {
				return told(u)
			}
		}
	}
	return ""
}

// told is a use as people write it, without the methods at its end.
func told(u expr.Use) string {
	parts := strings.Split(u.Path, ".")
	if i := slices.IndexFunc(parts, func(p string) bool { return p == "GetValueOrDefault" || p == "ToString" || p == "As" }); i > 0 {
		parts = parts[:i]
	}
	text := strings.Join(parts, ".")
	if u.Key != "" {
		text += fmt.Sprintf("[%q]", u.Key)
	}
	return text
}
