package check

import (
	"gatehouse/internal/apim"
	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
)

// Rules of findings.
const (
	ruleCompile   = "compile"
	ruleAdvice    = "advice"
	ruleHeaders   = "trace-header-removed"
	ruleSecrets   = "secret-in-telemetry"
	ruleLiteral   = "secret-in-policy"
	ruleBase      = "base-missing"
	ruleReach     = "unreachable"
	ruleBody      = "body-read-twice"
	ruleSeries    = "metric-series"
	ruleUnbounded = "metric-series-unbounded"
)

// rules says what each rule is about, for reports that list them.
var rules = []struct{ id, about string }{
	{ruleCompile, "The policy does not compile: requests cannot run it."},
	{ruleAdvice, "The policy runs, but something in it has no effect or is not documented."},
	{ruleHeaders, "A statement removes or replaces a header that joins the spans of a trace."},
	{ruleSecrets, "A key, a token, a cookie or a secret named value goes to a trace, a metric or a log."},
	{ruleLiteral, "A credential stands in the policy itself instead of in a secret named value."},
	{ruleBase, "Without <base/> the security statements of a broader scope do not run."},
	{ruleReach, "A statement can never run."},
	{ruleBody, "A body is read without preserveContent and is needed again."},
	{ruleSeries, "How many series an emit-metric makes."},
	{ruleUnbounded, "An emit-metric makes a series for each value of something that has no bounds."},
}

// lint looks at one effective policy. documents are what it is made of, the
// narrowest first.
func (c *checker) lint(e *policy.Effective, documents []*policy.Document) {
	sections := []struct {
		section policy.Section
		list    []*policy.Element
	}{{policy.Inbound, e.Inbound}, {policy.Backend, e.Backend}, {policy.Outbound, e.Outbound}, {policy.OnError, e.OnError}}
	for _, s := range sections {
		c.reach(s.list)
		for _, el := range s.list {
			visit(el, func(el *policy.Element) {
				c.headers(el, s.section)
				c.secrets(el)
				c.literals(el)
				c.series(el)
			})
		}
	}
	c.bodies(e)
	c.bases(documents)
}

// visit goes through an element and everything in it.
func visit(e *policy.Element, f func(*policy.Element)) {
	f(e)
	for _, child := range e.Children {
		visit(child, f)
	}
}

// values are an element's own attributes and text.
func values(e *policy.Element) []policy.Value {
	out := make([]policy.Value, 0, len(e.Attrs)+1)
	for _, a := range e.Attrs {
		out = append(out, a.Value)
	}
	if e.Text.Text != "" {
		out = append(out, e.Text)
	}
	return out
}

// uses lists what a value takes of the context; what does not parse is
// compilation's to report.
func uses(v policy.Value) []expr.Use {
	if !v.Expression {
		return nil
	}
	list, err := expr.Uses(v.Text, v.Block)
	if err != nil {
		return nil
	}
	return list
}

func (c *checker) warn(rule string, pos apim.Position, message string) {
	c.add(Finding{Rule: rule, Severity: Warning, Message: message, Pos: pos})
}

// literal gives an attribute's text when it is no expression.
func literal(e *policy.Element, name string) string {
	if a := e.Attr(name); a != nil && !a.Value.Expression {
		return a.Value.Text
	}
	return ""
}
