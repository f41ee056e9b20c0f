package statement

import (
	"strings"

	"gatehouse/internal/apim"
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

// serviceBackends reads the line "service-backends: ID=URL POOL=ID,ID".
func (g *goldenCase) serviceBackends(env *policy.Environment) {
	list, ok := g.settings["service-backends"]
	if !ok {
		return
	}
	if env.Service == nil {
		env.Service = &apim.Service{}
	}
	for _, pair := range strings.Fields(list) {
		id, value, _ := strings.Cut(pair, "=")
		b := &apim.Backend{ID: id, URL: value}
		if !strings.Contains(value, "://") {
			b.URL = ""
			for member := range strings.SplitSeq(value, ",") {
				b.Pool = append(b.Pool, apim.PoolMember{ID: member})
			}
		}
		env.Service.Backends = append(env.Service.Backends, b)
	}
}
