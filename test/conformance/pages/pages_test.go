// Package pages keeps the tables of docs/reference equal to what the program
// does: each is written from the program itself with -update.
package pages

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gatehouse/internal/policy"
	"gatehouse/internal/policy/expr"
	"gatehouse/internal/policy/statement"
)

var update = flag.Bool("update", false, "write the tables of docs/reference anew")

// table compares the part of a page between <!-- NAME --> and <!-- end -->.
func table(t *testing.T, page, name, want string) {
	t.Helper()
	path := filepath.Join("..", "..", "..", "docs", "reference", page)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), "<!-- "+name+" -->\n")
	got, after, closed := strings.Cut(rest, "<!-- end -->")
	if !ok || !closed {
		t.Fatalf("%s has no part <!-- %s --> ... <!-- end -->", page, name)
	}
	if *update && got != want {
		if err := os.WriteFile(path, []byte(before+"<!-- "+name+" -->\n"+want+"<!-- end -->"+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got != want {
		t.Errorf("%s: the table %s is not what the program does; run go test ./test/conformance/pages -update and read the difference", page, name)
	}
}

func TestPolicyTable(t *testing.T) {
	var b strings.Builder
	b.WriteString("| element | sections | scopes | attributes |\n|---|---|---|---|\n")
	definitions := statement.Table()
	for _, name := range slices.Sorted(maps.Keys(definitions)) {
		d := definitions[name]
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", d.Name, sections(d.Sections), scopes(d.Scopes), strings.Join(d.Attributes, ", "))
	}
	table(t, "policies.md", "statements", b.String())
}

func sections(s policy.Section) string {
	if s == policy.AnySection {
		return "all"
	}
	var out []string
	for _, one := range []policy.Section{policy.Inbound, policy.Backend, policy.Outbound, policy.OnError, policy.Resolving} {
		if s&one != 0 {
			out = append(out, one.String())
		}
	}
	return strings.Join(out, ", ")
}

func scopes(s policy.Scope) string {
	if s == policy.AnyScope {
		return "all"
	}
	var out []string
	for _, one := range []policy.Scope{policy.Global, policy.Workspace, policy.Product, policy.API, policy.Operation, policy.Resolver} {
		if s&one != 0 {
			out = append(out, one.String())
		}
	}
	return strings.Join(out, ", ")
}

// constructs are examples of the language, each compiled for the table.
var constructs = []struct {
	name, text string
	block      bool
}{
	{"conditional, null-coalescing, null-conditional", `context.Product?.Name ?? "none"`, false},
	{"casts, is, as", `(string)context.Variables["a"]`, false},
	{"type pattern", `context.Variables["a"] is string s && s.Length > 1`, false},
	{"string interpolation", `$"{context.Request.Method,8} {1.5:F2}"`, false},
	{"verbatim string", `@"C:\a"`, false},
	{"lambda and LINQ methods", `new[] {1, 2, 3}.Where(x => x > 1).Select(x => x * 2).Sum()`, false},
	{"LINQ query syntax", `from x in new[] {1, 2} where x > 1 select x`, false},
	{"anonymous type", `new { a = 1 }.a`, false},
	{"object and collection initialiser", `new Dictionary<string, int> { ["a"] = 1 }`, false},
	{"array creation", `new string[] { "a" }`, false},
	{"out variable", `int.TryParse("1", out var n) ? n : 0`, false},
	{"generic method", `context.Request.Body.As<JObject>(preserveContent: true)`, false},
	{"nameof", `nameof(context)`, false},
	{"typeof", `typeof(string).Name`, false},
	{"default", `default(int)`, false},
	{"discard", `int.TryParse("1", out _)`, false},
	{"tuple", `(1, name: "a").name`, false},
	{"switch expression", `1 switch { 1 => "a", _ => "b" }`, false},
	{"range and index from the end", `"abc"[^1]`, false},
	{"local variables, if, else", `var a = 1; if (a > 0) { return "x"; } else { return "y"; }`, true},
	{"for, foreach, while, do, break, continue", `var n = 0; for (int i = 0; i < 3; i++) { n += i; } foreach (var c in "ab") { n++; } while (n > 100) { n--; } do { n--; } while (n > 2); return n;`, true},
	{"switch statement", `switch (context.Request.Method) { case "GET": return 1; default: return 2; }`, true},
	{"try, catch, when, finally, throw", `try { throw new Exception("a"); } catch (Exception e) when (e.Message == "a") { return 1; } finally { }`, true},
	{"using statement", `using (var h = SHA256.Create()) { return Convert.ToBase64String(h.ComputeHash(Encoding.UTF8.GetBytes("a"))); }`, true},
	{"checked, unchecked", `return unchecked(int.MaxValue + 1);`, true},
	{"const", `const int a = 1; return a;`, true},
	{"delegate in a variable", `Func<int, int> f = x => x + 1; return f(1);`, true},
	{"local function", `int F(int x) { return x + 1; } return F(1);`, true},
	{"tuple types, deconstruction", `(int, string) F() => (1, "a"); var (n, s) = F(); foreach (var (k, v) in new Dictionary<string, int>()) { n += v; } return s + n;`, true},
	{"array of two or three dimensions", `int[,] a = { {1, 2}, {3, 4} }; return a[1, 0] + a.GetLength(0);`, true},
	{"ref, out and params", `void F(ref int x, out int y, params int[] more) { y = x++; } var n = 1; F(ref n, out var m); var a = new[] { 1 }; Array.Resize(ref a, 2); return n + m;`, true},
	{"lock, sizeof, anonymous method", `Func<int, int> f = delegate(int x) { return x + sizeof(int); }; lock (context) { return f(1); }`, true},
	{"ref variables and results", `var a = 1; ref int b = ref a; return b;`, true},
	{"generic local function", `T F<T>(T x) => x; return F(1);`, true},
	{"goto", `a: goto a;`, true},
	{"yield", `IEnumerable<int> F() { yield return 1; } return F().Sum();`, true},
	{"unsafe, fixed", `unsafe { return 1; }`, true},
	{"async, await", `return await Task.FromResult(1);`, true},
	{"dynamic", `dynamic a = 1; return a;`, true},
}

func TestLanguageTable(t *testing.T) {
	var b strings.Builder
	b.WriteString("| construct | example | |\n|---|---|---|\n")
	for _, c := range constructs {
		state := "yes"
		if _, err := expr.Compile(c.text, c.block, expr.Any, expr.Strict); err != nil {
			state = "no: " + err.Text
		}
		fmt.Fprintf(&b, "| %s | `` %s `` | %s |\n", c.name, strings.ReplaceAll(c.text, "|", `\|`), strings.ReplaceAll(state, "|", `\|`))
	}
	table(t, "expressions.md", "language", b.String())
}

// TestTypeTable lists the types of the member table itself: a new one that the
// page does not name fails it.
func TestTypeTable(t *testing.T) {
	var b strings.Builder
	b.WriteString("| namespace | types | with extended types only |\n|---|---|---|\n")
	list := expr.ListTypes()
	for len(list) > 0 {
		n := slices.IndexFunc(list, func(one expr.ListedType) bool { return one.Space != list[0].Space })
		if n < 0 {
			n = len(list)
		}
		var strict, extended []string
		for _, one := range list[:n] {
			if one.Extended {
				extended = append(extended, "`"+one.Name+"`")
			} else {
				strict = append(strict, "`"+one.Name+"`")
			}
		}
		space := list[0].Space
		if space == "" {
			space = "(context)"
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", space, strings.Join(strict, " "), strings.Join(extended, " "))
		list = list[n:]
	}
	table(t, "expressions.md", "types", b.String())
}
