package conformance

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"gatehouse/internal/apim"
	"gatehouse/internal/policy"
	"gatehouse/internal/policy/statement"
)

// golden is one case of a statement's archive: its files by name.
type golden struct {
	archive, name string
	files         map[string]string
}

func goldens(t *testing.T) []golden {
	t.Helper()
	list, err := filepath.Glob("../../internal/policy/statement/testdata/*.txtar")
	if err != nil || len(list) == 0 {
		t.Fatal("no goldens", err)
	}
	var out []golden
	for _, file := range list {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		at := map[string]int{}
		for _, f := range archive.Files {
			name, part, _ := strings.Cut(f.Name, "/")
			if _, ok := at[name]; !ok {
				at[name] = len(out)
				out = append(out, golden{strings.TrimSuffix(filepath.Base(file), ".txtar"), name, map[string]string{}})
			}
			out[at[name]].files[part] = string(f.Data)
		}
	}
	return out
}

// runs tells whether the case sends a request, or asks a resolver, and shows
// what came of it.
func (g golden) runs() bool {
	if g.files["resolver.xml"] != "" {
		return g.files["steps"] != ""
	}
	return g.files["request"] != "" && g.files["response"] != ""
}

// refuses tells whether the case ends in an error, of the document or of a request.
func (g golden) refuses() bool { return g.files["error"] != "" || g.files["messages"] != "" }

// elements parses the document of a case; none when it is damaged.
func (g golden) elements() []*policy.Element {
	set, _ := policy.NewSet(g.namedValues(), nil)
	if text := g.files["resolver.xml"]; text != "" {
		if root, messages := set.ParseResolver(apim.Document{File: "resolver.xml", Text: text}); !messages.Failed() {
			return []*policy.Element{root}
		}
		return nil
	}
	scope := policy.API
	for _, s := range []policy.Scope{policy.Global, policy.Product, policy.Operation} {
		if strings.Contains(g.files["context"], "scope: "+s.String()+"\n") {
			scope = s
		}
	}
	doc, messages := set.Parse(apim.Document{File: "policy.xml", Text: g.files["policy.xml"]}, scope)
	if messages.Failed() {
		return nil
	}
	return slices.Concat(doc.Inbound, doc.Backend, doc.Outbound, doc.OnError)
}

func (g golden) namedValues() []*apim.NamedValue {
	var values []*apim.NamedValue
	for line := range strings.Lines(g.files["named-values"]) {
		name, value, _ := strings.Cut(strings.TrimRight(line, "\n"), "=")
		name = strings.TrimSuffix(name, "!")
		values = append(values, &apim.NamedValue{ID: name, Name: name, Value: value})
	}
	return values
}

// childrenOf asks the compiler which children an element takes: it names them
// when it refuses another one.
func childrenOf(d *policy.Definition) []string {
	set, _ := policy.NewSet(nil, nil)
	text := "<" + d.Name + "><no-such-child/></" + d.Name + ">"
	effective := &policy.Effective{}
	if d.Scopes&policy.Resolver != 0 {
		root, _ := set.ParseResolver(apim.Document{File: "resolver.xml", Text: text})
		effective.Resolvers = []policy.FieldResolver{{Type: "Query", Field: "field", Root: root}}
	} else {
		for _, s := range []policy.Section{policy.Inbound, policy.Backend, policy.Outbound, policy.OnError} {
			if d.Sections&s != 0 {
				doc, _ := set.Parse(apim.Document{File: "policy.xml", Text: "<policies><" + s.String() + ">" + text + "</" + s.String() + "></policies>"}, scopeOf(d))
				effective = policy.Merge(doc)
				break
			}
		}
	}
	_, messages := policy.Compile(effective, &policy.Environment{Definitions: statement.Table()})
	var out []string
	for _, m := range messages {
		if _, list, ok := strings.Cut(m.String(), "<"+d.Name+"> has no child <no-such-child>; it takes "); ok {
			for _, c := range strings.Split(list, ", ") {
				c, _, _ = strings.Cut(strings.TrimPrefix(c, "<"), ">")
				out = append(out, c)
			}
		}
	}
	return out
}

func scopeOf(d *policy.Definition) policy.Scope {
	for _, s := range []policy.Scope{policy.API, policy.Product, policy.Global} {
		if d.Scopes&s != 0 {
			return s
		}
	}
	return policy.API
}

// TestPolicyGoldens holds the page of policies to what is shown: each element
// has three cases, one of them an error, and each attribute that the page lists
// stands in a case that runs a request.
func TestPolicyGoldens(t *testing.T) {
	cases, failing, shown := map[string]int{}, map[string]int{}, map[string]bool{}
	children := map[string]bool{}
	passed := 0
	for _, g := range goldens(t) {
		seen := map[string]bool{}
		var walk func(list []*policy.Element)
		walk = func(list []*policy.Element) {
			for _, e := range list {
				seen[e.Name] = true
				for _, a := range e.Attrs {
					shown[e.Name+" "+a.Name] = shown[e.Name+" "+a.Name] || g.runs()
				}
				for _, c := range e.Children {
					children[e.Name+" "+c.Name] = children[e.Name+" "+c.Name] || g.runs()
				}
				walk(e.Children)
			}
		}
		walk(g.elements())
		seen[g.archive] = true
		for name := range seen {
			if g.runs() {
				cases[name]++
			}
			if g.refuses() {
				failing[name]++
			}
		}
		if g.runs() {
			passed++
		}
	}
	for name, d := range statement.Table() {
		if cases[name] < 3 {
			t.Errorf("<%s> runs in %d goldens, not in 3", name, cases[name])
		}
		if failing[name] == 0 {
			t.Errorf("<%s> has no golden of an error", name)
		}
		for _, a := range d.Attributes {
			if !shown[name+" "+a] {
				t.Errorf("docs/reference/policies.md lists %s of <%s>, which no golden runs with", a, name)
			}
		}
		for _, c := range childrenOf(d) {
			if !children[name+" "+c] {
				t.Errorf("<%s> takes <%s>, which no golden runs with", name, c)
			}
		}
	}
	if passed < 400 {
		t.Errorf("only %d goldens run a request", passed)
	}
	fmt.Printf("policies/goldens %d/%d\n", passed, passed)
}
