package check

import (
	"fmt"
	"strings"

	"gatehouse/internal/policy"
)

// guards are statements that keep callers out.
var guards = map[string]bool{
	"validate-jwt": true, "validate-azure-ad-token": true, "validate-client-certificate": true, "check-header": true, "ip-filter": true,
	"rate-limit": true, "rate-limit-by-key": true, "quota": true, "quota-by-key": true, "llm-token-limit": true, "azure-openai-token-limit": true,
	"llm-content-safety": true, "validate-content": true, "validate-parameters": true,
}

// bases finds inbound sections that leave out what guards a broader scope.
func (c *checker) bases(documents []*policy.Document) {
	for i, d := range documents {
		if d.Missing&policy.Inbound != 0 || hasBase(d.Inbound) {
			continue
		}
		for _, broader := range documents[i+1:] {
			if hidden := guardsOf(broader.Inbound); len(hidden) > 0 {
				c.warn(ruleBase, d.Place(policy.Inbound), fmt.Sprintf("without <base/> in <inbound> the %s of %s scope does not run here: %s. Add <base/>, unless that is what you want",
					plural(len(hidden), "guard"), broader.Scope, strings.Join(hidden, ", ")))
			}
		}
		return // what is broader is out of reach of narrower documents too
	}
}

func plural(n int, word string) string {
	if n == 1 {
		return word
	}
	return word + "s"
}

func hasBase(list []*policy.Element) bool {
	found := false
	for _, e := range list {
		visit(e, func(e *policy.Element) { found = found || e.Name == "base" })
	}
	return found
}

// guardsOf names the guards of a section with their lines.
func guardsOf(list []*policy.Element) []string {
	var out []string
	for _, e := range list {
		visit(e, func(e *policy.Element) {
			if guards[e.Name] {
				out = append(out, fmt.Sprintf("<%s> (%s:%d)", e.Name, e.Pos.File, e.Pos.Line))
			}
		})
	}
	return out
}
