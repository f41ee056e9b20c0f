package check

import (
	"fmt"
	"strings"

	"gatehouse/internal/policy"
)

// reach reports statements that can never run, once for each list, and tells
// whether a list always ends the pipeline.
func (c *checker) reach(list []*policy.Element) bool {
	for i, e := range list {
		if !c.ends(e) {
			continue
		}
		if i+1 < len(list) {
			c.warn(ruleReach, list[i+1].Pos, fmt.Sprintf("<%s> and what follows it in this block never run: <%s> in line %d always answers", list[i+1].Name, e.Name, e.Pos.Line))
		}
		return true
	}
	return false
}

// ends tells whether a statement always ends the pipeline.
func (c *checker) ends(e *policy.Element) bool {
	switch e.Name {
	case "return-response", "mock-response":
		return true
	case "choose":
		return c.chooseEnds(e)
	case "retry", "limit-concurrency":
		return c.reach(e.Children)
	}
	return false
}

// chooseEnds tells whether every branch ends the pipeline.
func (c *checker) chooseEnds(e *policy.Element) bool {
	all, otherwise, always := true, false, false
	for _, branch := range e.Children {
		if always {
			c.warn(ruleReach, branch.Pos, fmt.Sprintf("<%s> never runs: an earlier condition is always true", branch.Name))
			return all
		}
		condition := branch.Attr("condition")
		if branch.Name == "when" && condition != nil && constant(condition.Value) == "false" {
			c.warn(ruleReach, branch.Pos, "this <when> never runs: its condition is always false")
			continue
		}
		ends := c.reach(branch.Children)
		all = all && ends
		always = branch.Name == "when" && condition != nil && constant(condition.Value) == "true"
		otherwise = otherwise || branch.Name == "otherwise" || always
	}
	return all && otherwise
}

// constant gives true or false for a condition that is just that.
func constant(v policy.Value) string {
	text := strings.ToLower(strings.TrimSpace(v.Text))
	if text == "true" || text == "false" {
		return text
	}
	return ""
}
