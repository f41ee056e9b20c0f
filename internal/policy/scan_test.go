package policy

import (
	"strings"
	"testing"

	"gatehouse/internal/apim"
	"gatehouse/internal/policy/expr"
)

func TestScanExpression(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"call", `(a.B("x"))rest`, `(a.B("x"))`},
		{"block", `{ if (a) { return 1; } }"`, `{ if (a) { return 1; } }`},
		{"string with brackets", `("))((") )`, `("))((")`},
		{"escaped quote", `("a\")")`, `("a\")")`},
		{"escaped backslash", `("a\\")`, `("a\\")`},
		{"verbatim", `(@"a\")`, `(@"a\")`},
		{"verbatim quote", `(@"a"")")`, `(@"a"")")`},
		{"interpolated", `($"{a}")`, `($"{a}")`},
		{"interpolated brace", `($"{{)}}")`, `($"{{)}}")`},
		{"interpolated escapes", `($"{{{a}}}")`, `($"{{{a}}}")`},
		{"nested interpolation", `($"{(b ? $"{")"}" : "}")}")`, `($"{(b ? $"{")"}" : "}")}")`},
		{"interpolation format", `($"{a:yyyy'}{b,-5:N2}")`, `($"{a:yyyy'}{b,-5:N2}")`},
		{"interpolation alias", `($"{global::System.Guid.Empty:N}")`, `($"{global::System.Guid.Empty:N}")`},
		{"interpolation indexer", `($"{a["x"]}")`, `($"{a["x"]}")`},
		{"interpolation initializer", `($"{new[] {1}[0]}")`, `($"{new[] {1}[0]}")`},
		{"verbatim interpolated", "($@\"\n\"\"{a}\\\")", "($@\"\n\"\"{a}\\\")"},
		{"verbatim interpolated, other order", `(@$"\{a}")`, `(@$"\{a}")`},
		{"characters", `('"' + '\'' + '(' + '\u0041')`, `('"' + '\'' + '(' + '\u0041')`},
		{"line comment", "(a // ) \"\n)", "(a // ) \"\n)"},
		{"block comment", `(a /* ) " */)`, `(a /* ) " */)`},
		{"division", `(a / b)`, `(a / b)`},
		{"identifier", `(@class + $x)`, `(@class + $x)`},
		{"entities", `(&quot;)&quot; &amp;&amp; a)`, `(&quot;)&quot; &amp;&amp; a)`},
		{"numeric entities", `(&#34;)&#x22;)`, `(&#34;)&#x22;)`},
		{"apostrophe kept", `("&quot;)" + '&apos;')`, `("&quot;)" + '&apos;')`},
		{"entity kept", `("&quot;)")`, `("&quot;)")`},
		{"generic", `(a<b,c>(d) >> 1 > 2)`, `(a<b,c>(d) >> 1 > 2)`},
		{"null-conditional", `(a?["b"]?.C ?? "d")`, `(a?["b"]?.C ?? "d")`},
		{"open", `(a`, ``},
		{"wrong bracket", `(a])`, ``},
		{"unclosed string", `("a)`, ``},
		{"unclosed string on a line", "(\"a\n\")", ``},
		{"strings side by side", `("a"""b")`, ``},
		{"unclosed character", `('a)`, ``},
		{"unclosed comment", `(/* a)`, ``},
		{"unclosed hole", `($"{a")`, ``},
		{"nesting", strings.Repeat("(", 5000) + strings.Repeat(")", 5000), strings.Repeat("(", 5000) + strings.Repeat(")", 5000)},
		{"nested holes", "(" + strings.Repeat(`$"{`, 5000), ``},
	} {
		s, ok := scanExpression(c.text, 0, true)
		got := ""
		if ok {
			got = c.text[:s.i]
		} else if s.problem == "" {
			t.Errorf("%s: no problem is told", c.name)
		}
		if got != c.want {
			t.Errorf("%s: got %q, want %q (%s)", c.name, got, c.want, s.problem)
		}
	}
}

func TestEntity(t *testing.T) {
	for text, want := range map[string]rune{
		"&quot;": '"', "&amp;": '&', "&lt;": '<', "&gt;": '>', "&apos;": '\'', "&#65;": 'A', "&#x1f600;": '😀', "&#X41;": 'A',
		"&nbsp;": 0, "&": 0, "&;": 0, "&#;": 0, "&#x;": 0, "&#0;": 0, "&#xD800;": 0, "&#x110000;": 0, "&#99999999999;": 0, "&quot": 0, "& amp;": 0, "&#-1;": 0, "&#+1;": 0,
	} {
		got, width := entity(text)
		if got != want || (width > 0) != (want != 0) || width > 0 && width != len(text) {
			t.Errorf("entity(%q) = %q, %d; want %q", text, got, width, want)
		}
	}
}

func TestSecretsInMessages(t *testing.T) {
	set, _ := NewSet([]*apim.NamedValue{{Name: "s", Value: "hunter2-x y", Secret: true}}, nil)
	d, m := set.Parse(inbound(`<a b="@(f({{s}}))" c="@("plain")" />`), API)
	if d == nil {
		t.Fatal(m)
	}
	v := d.Inbound[0].Attr("b").Value
	for message, want := range map[string]bool{`unknown name "hunter2"`: true, `unknown name "y"`: true, "in hunter2-x y": true, `unknown name "hunter"`: false, "expected )": false} {
		if got := v.tells(message); got != want {
			t.Errorf("%s: got %v", message, got)
		}
	}
	got := explain(v, &expr.Error{Offset: 2, Text: `unknown name "hunter2"`})
	if strings.Contains(got, "hunter2") {
		t.Errorf("the secret is told: %s", got)
	}
}

// FuzzScan looks for texts that make the scan panic, or end elsewhere than at
// a closing bracket.
func FuzzScan(f *testing.F) {
	for _, seed := range []string{`(a("x"))`, `{ return $"{a:N2}{{"; }`, `(@"a""b" + 'c' // d`, `(&quot;&amp;)`, `($@"{$"{1}"}")`} {
		f.Add(seed, true)
	}
	f.Fuzz(func(t *testing.T, text string, entities bool) {
		if text == "" || !strings.ContainsAny(text[:1], "({") {
			return
		}
		s, ok := scanExpression(text, 0, entities)
		if s.i > len(text) {
			t.Fatalf("the scan went to %d of %d bytes", s.i, len(text))
		}
		if !ok {
			if s.problem == "" || s.where < 0 || s.where > len(text) {
				t.Fatalf("no reason at %d: %q", s.where, s.problem)
			}
			return
		}
		if shut := closes(text[0]); text[s.i-1] != shut && text[s.i-1] != ';' {
			t.Fatalf("the scan of %q ends at %q", text, text[:s.i])
		}
	})
}
