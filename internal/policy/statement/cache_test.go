package statement

import (
	"strings"

	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
)

// turn changes what the lines "turn NAME: A B C" of context name: the n-th
// request has the n-th value as a variable, or as its subscription.
func (g *goldenCase) turn(c *policy.Context, n int) {
	for key, value := range g.settings {
		name, ok := strings.CutPrefix(key, "turn ")
		values := strings.Fields(value)
		if !ok || n >= len(values) {
			continue
		}
		if name == "subscription" {
			c.Subscription = &expr.Subscription{ID: values[n], Name: values[n]}
			continue
		}
		c.Variables.Set(name, values[n])
	}
}
