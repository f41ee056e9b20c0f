package identity

import (
	"strings"
	"testing"
	"time"
)

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		pattern, action string
		want            bool
	}{
		{"*", "a/b/read", true}, {"*/read", "a/b/read", true}, {"*/read", "read", false}, {"*/read", "a/readx", false},
		{"*/read", "a/listkeys/action", false}, {"a/*", "a/b/c", true}, {"a/*", "a", false}, {"a/*", "ab/c", false},
		{"a/*/read", "a/b/c/read", true}, {"a/*/read", "a/read", false}, {"a/b", "a/b", true}, {"a/b", "a/b/c", false},
		{"a*b*c", "abc", true}, {"a*b*c", "axxbyyc", true}, {"a*b*c", "acb", false}, {"", "", true}, {"", "a", false}, {"**", "x", true},
		{"*a", "a", true}, {"*aa", "a", false}, {"a*a", "a", false},
	} {
		if got := match(c.pattern, c.action); got != c.want {
			t.Errorf("%q of %q: %t", c.pattern, c.action, got)
		}
	}
}

// access of principals that each have one role at everything, named as the role.
func access(t *testing.T, text string) *Access {
	t.Helper()
	r, err := Read([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	a, err := Compile(r)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestBuiltInRoles(t *testing.T) {
	var text strings.Builder
	text.WriteString("principals:\n")
	for _, r := range BuiltIn() {
		text.WriteString("- {name: p " + r.Name + ", id: o " + r.ID + "}\n")
	}
	text.WriteString("assignments:\n")
	for _, r := range BuiltIn() {
		text.WriteString("- {principal: p " + r.Name + ", role: " + r.ID + ", scope: /}\n")
	}
	a := access(t, text.String())
	const (
		owner, contributor, reader = "Owner", "Contributor", "Reader"
		monitor, data, publisher   = "Monitoring Reader", "Monitoring Data Reader", "Monitoring Metrics Publisher"
		author                     = "Monitoring Contributor"
		apimC, apimO, apimR        = "API Management Service Contributor", "API Management Service Operator Role", "API Management Service Reader Role"
	)
	for _, c := range []struct {
		action string
		data   bool
		who    []string
	}{
		{"Microsoft.ApiManagement/service/read", false, []string{owner, contributor, reader, monitor, author, apimC, apimO, apimR}},
		{"Microsoft.ApiManagement/service/loggers/read", false, []string{owner, contributor, reader, monitor, author, apimC, apimO, apimR}},
		{"microsoft.apimanagement/service/write", false, []string{owner, contributor, apimC, apimO}},
		{"Microsoft.ApiManagement/service/loggers/write", false, []string{owner, contributor, apimC}},
		{"Microsoft.ApiManagement/service/namedValues/listValue/action", false, []string{owner, contributor, apimC}},
		{"Microsoft.ApiManagement/service/users/keys/read", false, []string{owner, contributor, reader, monitor, author, apimC}},
		{"Microsoft.Monitor/accounts/read", false, []string{owner, contributor, reader, monitor, author}},
		{"Microsoft.Monitor/accounts/write", false, []string{owner, contributor, author}},
		{"Microsoft.Monitor/accounts/data/metrics/read", true, []string{data}},
		{"Microsoft.Monitor/accounts/data/metrics/read", false, []string{owner, contributor, reader, monitor, author}},
		{"Microsoft.Insights/Metrics/Write", true, []string{publisher}},
		{"Microsoft.Insights/Telemetry/Write", true, []string{publisher}},
		{"Microsoft.Insights/actionGroups/write", false, []string{owner, contributor, author}},
		{"Microsoft.Authorization/roleAssignments/write", false, []string{owner}},
		{"Microsoft.OperationalInsights/workspaces/query/read", false, []string{owner, contributor, reader, monitor, author}},
	} {
		for _, r := range BuiltIn() {
			want := false
			for _, who := range c.who {
				want = want || who == r.Name
			}
			got := a.Decide(&Caller{Kind: KindToken, Issuer: Local, Object: "O " + strings.ToUpper(r.ID)}, Need{Action: c.action, Data: c.data, Scope: "/subscriptions/S"})
			if got.Allowed != want || got.Allowed && got.Role != r.Name {
				t.Errorf("%s for %s (data %t): %+v", r.Name, c.action, c.data, got)
			}
		}
	}
}

// A right to read everything covers no call that gives secrets, which are POST.
func TestReadCoversNoSecrets(t *testing.T) {
	for _, r := range BuiltIn() {
		if !r.grants("x/y/read", false) {
			continue
		}
		for _, action := range []string{"Microsoft.ApiManagement/service/namedValues/listValue/action", "Microsoft.ApiManagement/service/subscriptions/listSecrets/action",
			"Microsoft.ApiManagement/service/gateways/listKeys/action", "Microsoft.OperationalInsights/workspaces/listKeys/action"} {
			if strings.HasPrefix(r.Name, "Owner") || strings.HasPrefix(r.Name, "Contributor") {
				continue
			}
			if r.grants(fold(action), false) {
				t.Errorf("%s covers %s", r.Name, action)
			}
		}
	}
}

const example = `
roles:
- {name: Rule Author, actions: [Microsoft.AlertsManagement/*], notActions: ["*/delete"], dataActions: ["Microsoft.Monitor/accounts/data/*"], notDataActions: [Microsoft.Monitor/accounts/data/metrics/delete]}
principals:
- {name: ada, id: A-1, issuer: entra}
- {name: prom, id: P-1, use: scrape}
- {name: other, id: A-1}
groups:
- {name: ops, members: [ada]}
- {name: sre, issuer: entra, claim: g-7}
assignments:
- {group: ops, role: Rule Author, scope: /subscriptions/S/resourceGroups/A}
- {group: sre, role: Reader, scope: /subscriptions/S/}
- {principal: prom, role: Monitoring Data Reader, scope: /subscriptions/S/resourceGroups/A/providers/Microsoft.Monitor/accounts/west}
`

func TestDecide(t *testing.T) {
	a := access(t, example)
	const groupA = "/subscriptions/s/RESOURCEGROUPS/a"
	ada := &Caller{Kind: KindToken, Issuer: "entra", Object: "a-1"}
	for _, c := range []struct {
		who    *Caller
		action string
		data   bool
		scope  string
		want   bool
	}{
		{ada, "Microsoft.AlertsManagement/prometheusRuleGroups/write", false, groupA, true},
		{ada, "Microsoft.AlertsManagement/prometheusRuleGroups/write", false, groupA + "/providers/x/y/z", true},
		{ada, "Microsoft.AlertsManagement/prometheusRuleGroups/write", false, groupA + "b", false},
		{ada, "Microsoft.AlertsManagement/prometheusRuleGroups/write", false, "/subscriptions/S", false},
		{ada, "Microsoft.AlertsManagement/prometheusRuleGroups/delete", false, groupA, false},
		{ada, "Microsoft.Monitor/accounts/data/metrics/read", true, groupA, true},
		{ada, "Microsoft.Monitor/accounts/data/metrics/delete", true, groupA, false},
		{ada, "x/read", false, groupA, false},
		{&Caller{Kind: KindToken, Issuer: "entra", Object: "new", Groups: []string{"g-7"}}, "x/read", false, groupA, true},
		{&Caller{Kind: KindToken, Issuer: "evil", Object: "new", Groups: []string{"g-7"}}, "x/read", false, groupA, false},
		{&Caller{Kind: KindToken, Issuer: "entra", Object: "new", Groups: []string{"ops"}}, "Microsoft.AlertsManagement/x/write", false, groupA, false},
		{&Caller{Kind: KindToken, Issuer: "evil", Object: "a-1"}, "Microsoft.AlertsManagement/x/write", false, groupA, false},
		{&Caller{Kind: KindToken, Issuer: Local, Object: "a-1"}, "Microsoft.AlertsManagement/x/write", false, groupA, false},
		{&Caller{Kind: KindToken, Issuer: Local, Object: "p-1"}, "Microsoft.Monitor/accounts/data/metrics/read", true, groupA + "/providers/microsoft.monitor/accounts/WEST", true},
		{&Caller{Kind: KindToken, Issuer: Local, Object: "p-1"}, "Microsoft.Monitor/accounts/data/metrics/read", true, groupA + "/providers/microsoft.monitor/accounts/east", false},
		{&Caller{Kind: KindToken, Issuer: Local, Object: ""}, "x/read", false, "/", false},
		{&Caller{}, "x/read", false, "/", false},
		{nil, "x/read", false, "/", false},
		{Admin(), "anything/delete", true, "/", true},
		{LocalUser(), "anything/delete", true, "/", true},
	} {
		if got := a.Decide(c.who, Need{Action: c.action, Data: c.data, Scope: c.scope}); got.Allowed != c.want {
			t.Errorf("%+v: %s at %s: %+v", c.who, c.action, c.scope, got)
		}
	}
	var none *Access
	if none.Decide(ada, Need{Action: "x/read", Scope: "/"}).Allowed || !none.Decide(Admin(), Need{Action: "x/read", Scope: "/"}).Allowed {
		t.Error("without rules only the admin has rights")
	}
}

// A scraper whose issuer puts it into a group that may write still only reads.
func TestScraperOnlyReads(t *testing.T) {
	a := access(t, `
principals: [{name: prom, id: p, issuer: entra, use: scrape}]
groups: [{name: all, issuer: entra, claim: g}]
assignments: [{group: all, role: Contributor, scope: /}, {group: all, role: Reader, scope: /}]
`)
	prom := &Caller{Kind: KindToken, Issuer: "entra", Object: "p", Groups: []string{"g"}}
	if a.Decide(prom, Need{Action: "x/write", Scope: "/"}).Allowed {
		t.Error("a scraper writes")
	}
	if d := a.Decide(prom, Need{Action: "x/read", Scope: "/"}); !d.Allowed || d.Role != "Reader" {
		t.Errorf("%+v", d)
	}
	if other := (&Caller{Kind: KindToken, Issuer: "entra", Object: "q", Groups: []string{"g"}}); !a.Decide(other, Need{Action: "x/write", Scope: "/"}).Allowed {
		t.Error("others of the group do not")
	}
}

func TestFaultyRulesAreNamed(t *testing.T) {
	hashed := "hash: '" + hash("x", make([]byte, saltBytes)) + "'"
	for text, want := range map[string]string{
		"rolez: []":                                        "rolez",
		"roles: [{name: Owner}]":                           "is there already",
		"roles: [{name: x}]":                               "neither actions nor dataActions",
		"roles: [{name: x, actions: ['a b']}]":             "is no pattern",
		"principals: [{name: x}]":                          "needs a name and an id",
		"principals: [{name: x, id: 1}, {name: X, id: 2}]": "is there twice",
		"principals: [{name: x, id: 1}, {name: y, id: 1}]": "have the same id",
		"principals: [{name: x, id: 1, clientId: c}, {name: y, id: 2, clientId: C}]": "the same clientId",
		"principals: [{name: x, id: 1, use: writing}]":                               "may be scrape",
		"principals: [null]":                                                                                      "an entry is empty",
		"groups: [{name: x, members: [y]}]":                                                                       "no principal",
		"groups: [{name: x, claim: y}]":                                                                           "belong together",
		"assignments: [{role: Reader, scope: /}]":                                                                 "either a principal or a group",
		"assignments: [{principal: x, role: Reader, scope: /}]":                                                   "there is no principal",
		"principals: [{name: x, id: 1}]\nassignments: [{principal: x, role: R, scope: /}]":                        "there is no role",
		"principals: [{name: x, id: 1}]\nassignments: [{principal: x, role: Reader, scope: A}]":                   "is no scope",
		"principals: [{name: x, id: 1}]\nassignments: [{principal: x, role: Reader}]":                             "is no scope",
		"principals: [{name: x, id: 1, use: scrape}]\nassignments: [{principal: x, role: Contributor, scope: /}]": "is a scraper's identity",
		"principals: [{name: x, id: 1, use: scrape}]\ngroups: [{name: g, members: [x]}]\nassignments: [{group: g, role: Monitoring Contributor, scope: /}]": "through group g",
		"principals: [{name: x, id: 1, secrets: [{id: a, hash: plain, created: 2026-01-01, ends: 2026-01-02}]}]":                                            "is no hash",
		"principals: [{name: x, id: 1, secrets: [{id: a, " + hashed + ", created: 2026-01-01, ends: 2026-06-01}]}]":                                         "within 90 days",
		"principals: [{name: x, id: 1, issuer: e, secrets: [{id: a, " + hashed + ", created: 2026-01-01, ends: 2026-02-01}]}]":                              "are of the own issuer's",
		"principals: [{name: x, id: 1, secrets: [{id: a}, {id: b}, {id: c}]}]":                                                                              "at most 2",
	} {
		r, err := Read([]byte(text))
		if err == nil {
			_, err = Compile(r)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestSecret(t *testing.T) {
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	text, s, err := NewSecret(now, MaxLifetime)
	if err != nil {
		t.Fatal(err)
	}
	if !s.is(text) || s.is(text+"x") || s.is("") || strings.Contains(s.Hash, text) {
		t.Error("the secret is not told from others")
	}
	for day, want := range map[int]bool{-1: false, 0: true, 80: true, 89: true, 90: false} {
		if got := s.Live(now.AddDate(0, 0, day)); got != want {
			t.Errorf("day %d: %t", day, got)
		}
	}
	if left := s.DaysLeft(now.AddDate(0, 0, 80)); left != 10 {
		t.Errorf("%f days left", left)
	}
	if _, _, err := NewSecret(now, MaxLifetime+time.Second); err == nil {
		t.Error("a secret lasts longer than 90 days")
	}
	if (&Secret{Hash: strings.Replace(s.Hash, "m=19456", "m=1", 1)}).is(text) {
		t.Error("a hash with other parameters is taken")
	}
}

func FuzzRead(f *testing.F) {
	f.Add(example)
	f.Add("roles: [{name: x, actions: ['*****']}]")
	f.Add("a: &a [*a]")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := Read([]byte(text))
		if err != nil {
			return
		}
		a, err := Compile(r)
		if err != nil {
			return
		}
		if a.Decide(&Caller{Kind: KindToken, Issuer: "nobody", Object: "nobody"}, Need{Action: "x/write", Scope: "/"}).Allowed {
			t.Error("nobody has rights")
		}
	})
}

func FuzzMatch(f *testing.F) {
	f.Add("*/read", "a/read")
	f.Add("a*b*c", "abbc")
	f.Fuzz(func(t *testing.T, pattern, action string) {
		got := match(pattern, action)
		if !strings.Contains(pattern, "*") && got != (pattern == action) {
			t.Errorf("%q %q", pattern, action)
		}
		if got && !match("*"+pattern, "x"+action) {
			t.Errorf("%q %q: not with a star in front", pattern, action)
		}
	})
}
