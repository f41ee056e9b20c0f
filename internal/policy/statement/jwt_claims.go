package statement

import (
	"slices"
	"strings"

	"gatehouse/internal/policy"
)

// claimRule is a required claim.
type claimRule struct {
	name      string
	any       bool // one of the values is enough
	separator string
	values    []policy.String
}

func compileClaims(k *policy.Compiler, e *policy.Element) []claimRule {
	if e == nil {
		return nil
	}
	checkAttributes(k, e)
	checkChildren(k, e, "claim")
	var out []claimRule
	for _, c := range e.Children {
		if c.Name != "claim" {
			continue
		}
		checkAttributes(k, c, "name", "match", "separator")
		checkChildren(k, c, "value")
		out = append(out, claimRule{name: requiredLiteral(k, c, "name"), any: k.OneOf(c, "match", "all", "all", "any") == "any",
			separator: k.Literal(c, "separator", ""), values: texts(k, c, "value")})
	}
	return out
}

// checkClaims checks presence of all claims first, then their values.
func checkClaims(c *policy.Context, rules []claimRule, t *token) error {
	var missing []string
	for i := range rules {
		if v, ok := t.claims[rules[i].name]; !ok || v == nil {
			missing = append(missing, rules[i].name)
		}
	}
	if len(missing) > 0 {
		return refuseToken("TokenClaimNotFound", "JWT token is missing the following claims: "+strings.Join(missing, ", ")+". Access denied.")
	}
	for i := range rules {
		if err := rules[i].check(c, t); err != nil {
			return err
		}
	}
	return nil
}

func (r *claimRule) check(c *policy.Context, t *token) error {
	have := t.values(r.name)
	if r.separator != "" {
		var parts []string
		for _, v := range have {
			parts = append(parts, strings.Split(v, r.separator)...)
		}
		have = parts
	}
	for i := range r.values {
		want, err := r.values[i].Eval(c)
		if err != nil {
			return err
		}
		found := slices.Contains(have, want)
		if found && r.any {
			return nil
		}
		if !found && !r.any {
			return r.refuse(have)
		}
	}
	if r.any && len(r.values) > 0 {
		return r.refuse(have)
	}
	return nil
}

func (r *claimRule) refuse(have []string) error {
	return refuseToken("TokenClaimValueNotAllowed", "Claim "+r.name+" value of "+strings.Join(have, ",")+" is not allowed. Access denied.")
}
