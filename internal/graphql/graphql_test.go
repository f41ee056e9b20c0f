package graphql

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "write the golden files anew")

// fixed answers fields with JSON texts of a file of the archive: "Type.field".
type fixed struct {
	values map[string]string
	mu     sync.Mutex
	calls  []string
}

func (f *fixed) plan(s *Schema) *Plan {
	resolved := map[[2]string]bool{}
	for key := range f.values {
		typ, field, _ := strings.Cut(key, ".")
		resolved[[2]string{typ, field}] = true
	}
	return s.Plan(resolved)
}

func (f *fixed) Resolve(_ context.Context, c *Call) (any, error) {
	arguments, _ := json.Marshal(c.Arguments)
	parent, _ := json.Marshal(c.Parent)
	f.mu.Lock()
	f.calls = append(f.calls, c.Type+"."+c.Field+" "+string(arguments)+" "+string(parent)+"\n")
	f.mu.Unlock()
	switch text := f.values[c.Type+"."+c.Field]; text {
	case "!fail":
		return nil, errors.New("a text that clients must not see")
	case "!shown":
		return nil, &Error{Message: "The data source answered with status 404."}
	case "!panic":
		panic("a bug")
	default:
		return Decode([]byte(text))
	}
}

// TestGolden runs the cases of testdata: files schema and resolvers (lines
// "Type.field JSON") come first and hold for all that follow; a case is a
// folder with query, variables and operation, and gets response and calls.
func TestGolden(t *testing.T) {
	const name = "testdata/execute.txtar"
	archive, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, f := range archive.Files {
		files[f.Name] = string(f.Data)
	}
	s, err := Load("schema", []byte(files["schema"]))
	if err != nil {
		t.Fatal(err)
	}
	out := &txtar.Archive{Comment: archive.Comment}
	for _, f := range archive.Files {
		folder, part, inFolder := strings.Cut(f.Name, "/")
		if part != "response" && part != "calls" {
			out.Files = append(out.Files, f)
		}
		if !inFolder || part != "query" {
			continue
		}
		t.Run(folder, func(t *testing.T) {
			r := &fixed{values: map[string]string{}}
			for line := range strings.Lines(files["resolvers"]) {
				key, value, _ := strings.Cut(strings.TrimSpace(line), " ")
				r.values[key] = value
			}
			response := answer(s, r, files, folder)
			calls := strings.Join(sorted(r.calls), "")
			if !*update && (response != files[folder+"/response"] || calls != files[folder+"/calls"]) {
				t.Errorf("got response\n%sand calls\n%s", response, calls)
			}
			out.Files = append(out.Files, txtar.File{Name: folder + "/response", Data: []byte(response)})
			if calls != "" {
				out.Files = append(out.Files, txtar.File{Name: folder + "/calls", Data: []byte(calls)})
			}
		})
	}
	if *update && flag.Lookup("test.run").Value.String() == "" { // all cases ran
		if err := os.WriteFile(name, txtar.Format(out), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func sorted(list []string) []string {
	for i := range list {
		for j := i; j > 0 && list[j] < list[j-1]; j-- {
			list[j], list[j-1] = list[j-1], list[j]
		}
	}
	return list
}

func answer(s *Schema, r *fixed, files map[string]string, folder string) string {
	request := &Request{Query: files[folder+"/query"], OperationName: strings.TrimSpace(files[folder+"/operation"])}
	if text := files[folder+"/variables"]; text != "" {
		if err := decode([]byte(text), &request.Variables); err != nil {
			return err.Error()
		}
	}
	o, faults := s.Prepare(request)
	text := faults.JSON()
	if o != nil {
		text = o.Execute(context.Background(), r.plan(s), r.Resolve, nil).JSON()
	}
	var b bytes.Buffer
	if err := json.Indent(&b, text, "", " "); err != nil {
		return err.Error() + ": " + string(text)
	}
	return b.String() + "\n"
}

func TestReadBody(t *testing.T) {
	for _, c := range []struct{ kind, body, want string }{
		{"application/json", `{"query":"{a}"}`, ""},
		{"application/json; charset=utf-8", ` {"query":"{a}","variables":null,"extensions":{}} `, ""},
		{"application/graphql", `{ a }`, ""},
		{"application/json", ``, "no body"},
		{"application/json", `[{"query":"{a}"}]`, "Several requests"},
		{"application/json", `{"query":"{a}"} x`, "not a JSON object"},
		{"application/json", `{"query":`, "not a JSON object"},
		{"application/json", `{"variables":{}}`, "no document"},
	} {
		_, err := ReadBody(c.kind, []byte(c.body))
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Message, c.want) {
			t.Errorf("%s: %v, want %q", c.body, err, c.want)
		}
	}
}

func TestLoadNamesThePlace(t *testing.T) {
	for _, c := range []struct {
		sdl, want    string
		line, column int
	}{
		{"type Query {\n  a: Missing\n}", "Missing", 2, 3},
		{"type Query {\n  a: \n}", "Expected Name", 3, 1},
		{"type Other { a: Int }", "no query type", 0, 0},
	} {
		_, err := Load("s", []byte(c.sdl))
		var at *SchemaError
		if !errors.As(err, &at) || !strings.Contains(at.Message, c.want) || at.Line != c.line {
			t.Errorf("%q: %+v", c.sdl, err)
		}
	}
}

// TestHostile sends documents that grow when they are read.
func TestHostile(t *testing.T) {
	s, err := Load("s", []byte("type Query { q: Query a(x: [Int]): Int }\ninput I { i: I = {} n: Int = 1 }\nextend type Query { i(v: I = {}): Int }"))
	if err != nil {
		t.Fatal(err)
	}
	doubling := "{ ...f0 }"
	for i := range 40 {
		n := string(rune('0'+i/10)) + string(rune('0'+i%10))
		m := string(rune('0'+(i+1)/10)) + string(rune('0'+(i+1)%10))
		doubling += " fragment f" + n + " on Query { x: q { ...f" + m + " } y: q { ...f" + m + " } }"
	}
	doubling = strings.Replace(doubling, "{ ...f0 }", "{ ...f00 }", 1) + " fragment f40 on Query { a }"
	for name, query := range map[string]string{
		"nested":     strings.Repeat("{ q ", 100_000) + strings.Repeat("}", 100_000),
		"tokens":     "{ " + strings.Repeat("a ", 50_000) + "}",
		"same field": "{ " + strings.Repeat("a ", 9_000) + "}",
		"2000 alike": "{ " + strings.Repeat("a ", 2_000) + "}",
		"in pairs":   "{ " + strings.Repeat("q { q { a } q { a } } ", 300) + "}",
		"aliases":    "{ " + strings.Repeat("a q { a } ", 2_000) + "}",
		"doubling":   doubling,
		"list":       "{ a(x: " + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + ") }",
		"default":    "{ i }",
	} {
		begin := time.Now()
		o, faults := s.Prepare(&Request{Query: query})
		if o != nil {
			o.Execute(context.Background(), s.Plan(nil), nil, nil)
		}
		d := time.Since(begin)
		t.Logf("%s: %v", name, d)
		if d > 30*time.Second {
			t.Errorf("%s took %v", name, d)
		}
		if name != "default" && name != "2000 alike" && name != "in pairs" && len(faults) == 0 {
			t.Errorf("%s was accepted", name)
		}
	}
}

// TestRestrict takes fields out and keeps the document valid.
func TestRestrict(t *testing.T) {
	s, err := Load("s", []byte(`type Query { user(id: ID, deep: [ID]): User node: Node hello: String }
interface Node { id: ID secret: String } type User implements Node { id: ID secret: String best: User } type Bot implements Node { id: ID secret: String }`))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ query, want, removed, rejected string }{
		{"{ hello user { id } }", "{ hello user { id } }", "", ""},
		{"{ hello user { id secret } }", "{ hello user { id } }", "User.secret", ""},
		{"{ user { secret } }", "{ user { __typename } }", "User.secret", ""},
		{"query ($i: ID, $j: ID) { user(id: $i, deep: [$j]) { id } node { ...N } } fragment N on Node { secret }", "query ($i: ID, $j: ID) { user(id: $i, deep: [$j]) { id } node { ...N } } fragment N on Node { __typename }", "Node.secret", ""},
		{"query ($i: ID) { hello user(id: $i) { best { id } } }", "query ($i: ID) { hello user(id: $i) { __typename } }", "User.best", ""},
		{"query A { hello } query B { user { ... on User { secret } } }", "query A { hello } query B { user { ... on User { __typename } } }", "User.secret", ""},
		{"{ node { ... on Bot { id } } hello }", "{ node { ... on Bot { id } } hello }", "", "Bot.id"},
		{"query ($on: Boolean!) { hello user { best { ...U } } } fragment U on User { id @skip(if: $on) }", "{ hello user { __typename } }", "User.best", ""},
	} {
		r := &Request{Query: c.query, OperationName: map[bool]string{true: "A"}[strings.Contains(c.query, "query A")], Variables: map[string]any{"on": true}}
		o, faults := s.Prepare(r)
		if o == nil {
			t.Fatalf("%s: %s", c.query, faults.JSON())
		}
		var asked []string
		removed, rejected, err := o.Restrict(func(a Asked) (Action, error) {
			asked = append(asked, strings.Join(a.Objects, "|")+strings.Join(a.Abstract, "|"))
			switch {
			case a.Field == "secret" || a.Field == "best":
				return Remove, nil
			case a.Type == "Bot":
				return Reject, nil
			}
			return Allow, nil
		})
		got := strings.Join(strings.Fields(o.Text()), " ")
		want := strings.Join(strings.Fields(c.want), " ")
		if err != nil || clean(got) != clean(want) || !said(removed, c.removed) || !said(rejected, c.rejected) {
			t.Errorf("%s:\n got %s, removed %s, rejected %s, asked %v", c.query, got, removed.JSON(), rejected.JSON(), asked)
		}
		if _, faults := s.Prepare(&Request{Query: o.Text(), OperationName: r.OperationName, Variables: r.Variables}); faults != nil {
			t.Errorf("%s: not valid any more: %s", o.Text(), faults.JSON())
		}
	}
}

func clean(s string) string {
	return strings.NewReplacer(" ", "", "\n", "", ",", "").Replace(strings.TrimPrefix(s, "query "))
}

func said(list Errors, field string) bool {
	return (len(list) == 0) == (field == "") && (field == "" || strings.Contains(list[0].Message, field))
}
