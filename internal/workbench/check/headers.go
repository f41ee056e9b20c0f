package check

import (
	"fmt"
	"slices"
	"strings"

	"gatehouse/internal/policy"
)

// traceHeaders join the spans of a trace, for one system or another.
var traceHeaders = []string{"traceparent", "tracestate", "request-id", "correlation-context", "baggage"}

// headers finds statements that take a trace apart. The gateway writes these
// headers itself when it calls a backend.
func (c *checker) headers(e *policy.Element, section policy.Section) {
	if e.Name != "set-header" || section&(policy.Inbound|policy.Backend) == 0 {
		return
	}
	name := literal(e, "name")
	if !slices.Contains(traceHeaders, strings.ToLower(name)) {
		return
	}
	action := literal(e, "exists-action")
	switch action {
	case "skip":
		return
	case "delete":
		c.warn(ruleHeaders, e.Pos, fmt.Sprintf("the header %s is removed: what comes after it starts a trace of its own. Leave it; the gateway passes it on", name))
	case "append":
		c.warn(ruleHeaders, e.Pos, fmt.Sprintf("a second value of %s makes it invalid for most receivers. Leave it; the gateway passes it on", name))
	default:
		c.warn(ruleHeaders, e.Pos, fmt.Sprintf("the header %s is replaced: the spans of the caller and of this request lose each other unless the value carries the same trace id. Leave it, or use exists-action=\"skip\"", name))
	}
}
