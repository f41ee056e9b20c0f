package conformance

import (
	"slices"
	"strings"
	"testing"

	"gatehouse/internal/apim"
	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
	"gatehouse/internal/policy/statement"
)

// compile compiles a file at the scope, and a fragment in the section, where
// it fits best: files do not say what they are made for.
func compile(f policyFile, profile expr.Profile) policy.Messages {
	sections := []policy.Section{policy.Inbound}
	if isFragment(f) {
		sections = []policy.Section{policy.Inbound, policy.Outbound, policy.OnError, policy.Backend}
	}
	env := &policy.Environment{Definitions: statement.Table(), Profile: profile,
		Responses: []apim.Response{{StatusCode: 200, Representations: []apim.Representation{{ContentType: "application/json", Example: "{}"}}}}}
	var best policy.Messages
	for _, scope := range []policy.Scope{policy.API, policy.Global, policy.Product} {
		for _, section := range sections {
			d, messages := resolve(f, scope, section)
			if d == nil {
				return messages
			}
			_, messages = policy.Compile(policy.Merge(d), env)
			if !messages.Failed() {
				return nil
			}
			if best == nil || len(messages) < len(best) {
				best = messages
			}
		}
	}
	return best
}

// notBuilt gives what the messages say that the table lacks: policies, policies
// inside other statements, and Liquid templates.
func notBuilt(messages policy.Messages) []string {
	var out []string
	for _, m := range messages {
		if rest, ok := strings.CutPrefix(m.Text, "unknown policy <"); ok {
			name, _, _ := strings.Cut(rest, ">")
			out = append(out, name)
		}
		if _, rest, ok := strings.Cut(m.Text, "has no child <"); ok {
			if name, _, _ := strings.Cut(rest, ">"); slices.Contains(nested, name) {
				out = append(out, name+" in another statement")
			}
		}
		if strings.Contains(m.Text, "liquid templates") {
			out = append(out, "liquid")
		}
	}
	return out
}

// nested are policies that documents also put inside other statements.
var nested = []string{"authentication-managed-identity", "authentication-certificate"}

// A document counts as known when all that it is made of is built; every known
// document must compile.
func TestPoliciesCompile(t *testing.T) {
	var count, groups tally
	missing := map[string]int{}
	for _, f := range policyFiles(t, "valid") {
		messages := compile(f, expr.Strict)
		ok := !messages.Failed()
		count.add("policies/valid/compile", ok)
		groups.add("policies/valid/"+f.group, ok)
		names := notBuilt(messages)
		for _, name := range names {
			missing[name]++
		}
		if len(names) == 0 {
			count.add("policies/valid/compile-known", ok)
			if !ok {
				t.Errorf("%v", messages)
			}
		}
	}
	groups.print()
	count.print()
	if len(missing) > 0 {
		t.Logf("not built, with the number of uses: %v", missing)
	}
}

// Documents that use .NET types beyond the documented ones: counted, not fatal.
func TestPoliciesExtendedTypes(t *testing.T) {
	var count tally
	for _, f := range policyFiles(t, "extended-types") {
		strict, extended := compile(f, expr.Strict), compile(f, expr.Extended)
		named := strings.Contains(strict.Error(), "XmlReader") || strings.Contains(strict.Error(), "XmlDocument")
		ok := named && !extended.Failed()
		count.add("policies/extended-types", ok)
		if !ok {
			t.Logf("%s: want only the strict profile to fail, and to name the type\nstrict: %v\nextended: %v", f.File, strict, extended)
		}
	}
	count.print()
}
