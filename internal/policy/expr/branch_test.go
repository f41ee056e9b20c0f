package expr

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestBranches(t *testing.T) {
	for _, one := range []struct {
		text  string
		block bool
		want  Type
		taken string
	}{
		{`context.Variables.ContainsKey("a") ? 1 : 2`, false, Any, "29 condition of ?:: true=false 29 condition of ?:: false=true"},
		{`true ? 1 : 2`, false, Any, ""},
		{`context.Tracing && context.Elapsed.TotalDays > 1`, false, Bool,
			"8 left side of &&: true=false 8 left side of &&: false=true 0 condition: true=false 0 condition: false=true"},
		{`context.Tracing || true`, false, Any, "8 left side of ||: true=false 8 left side of ||: false=true"},
		{`context.Variables.GetValueOrDefault<string>("a") ?? "none"`, false, String, "43 left side of ??: null=true 43 left side of ??: not null=false"},
		{`int n = 0; foreach (var c in "abc") { if (c == 'b') { n++; } } return n;`, true, Any,
			"42 condition of if: true=true 42 condition of if: false=true"},
		{`var n = 0; while (n < 2) { n++; } for (int i = 0; i < 2; i++) { n++; } do { n++; } while (n < 0); return n;`, true, Any,
			"18 condition of while: true=true 18 condition of while: false=true 50 condition of for: true=true 50 condition of for: false=true " +
				"90 condition of while: true=false 90 condition of while: false=true"},
		{`switch (context.Variables.GetValueOrDefault<string>("a", "y")) { case "x": return 1; case "y": case "z": return 2; } return 3;`, true, Any,
			"65 case of switch: taken=false 85 case of switch: taken=true 0 switch: without a case that fits=false"},
		{`switch ("q") { case "x": return 1; default: return 2; }`, true, Any, "15 case of switch: taken=false 35 case of switch: taken=true"},
		{`try { return int.Parse("x"); } catch (FormatException) { return 1; } catch { return 2; }`, true, Any, "31 catch: taken=true 69 catch: taken=false"},
		{`context.Product?.Name + context.Variables.GetValueOrDefault<string>("a")?.Length`, false, Any,
			"8 left side of ?.: null=true 8 left side of ?.: not null=false 67 left side of ?.: null=true 67 left side of ?.: not null=false"},
		{`"abc".Select(c => c == 'a' ? 1 : 2).Sum()`, false, Any, "18 condition of ?:: true=true 18 condition of ?:: false=true"},
	} {
		p, branches, err := CompileCounted(one.text, one.block, one.want, Strict)
		if err != nil {
			t.Fatalf("%s: %v", one.text, err)
		}
		c := &Context{Now: time.Now, Random: func() uint64 { return 1 }, Budget: Budget{Bytes: DefaultBudgetBytes}}
		if _, err := p.Any(c); one.want != Bool && err != nil {
			t.Fatalf("%s: %v", one.text, err)
		}
		if one.want == Bool {
			if _, err := p.Bool(c); err != nil {
				t.Fatal(err)
			}
		}
		var got []string
		for _, b := range branches {
			got = append(got, fmt.Sprintf("%d %s=%v", b.Offset, b.Name, b.Taken()))
		}
		if strings.Join(got, " ") != one.taken {
			t.Errorf("%s:\n got %s\nwant %s", one.text, strings.Join(got, " "), one.taken)
		}
	}
}
