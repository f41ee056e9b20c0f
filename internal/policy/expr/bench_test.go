package expr

import "testing"

func mustCompile(tb testing.TB, text string, block bool, want Type) *Program {
	tb.Helper()
	p, err := Compile(text, block, want, Strict)
	if err != nil {
		tb.Fatalf("%s: at %d: %v", text, err.Offset, err)
	}
	return p
}

func BenchmarkTypicalCondition(b *testing.B) {
	c := testContext()
	p := mustCompile(b, `context.Request.Headers.GetValueOrDefault("X-A","") == "b" && context.Request.Method == "GET"`, false, Bool)
	b.ReportAllocs()
	for b.Loop() {
		if ok, err := p.Bool(c); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}

func BenchmarkStringKey(b *testing.B) {
	c := testContext()
	p := mustCompile(b, `context.Subscription.Id + "-" + context.Api.Id + "-" + context.Request.Headers.GetValueOrDefault("X-A","")`, false, String)
	b.ReportAllocs()
	for b.Loop() {
		if s, err := p.String(c); s != "sub1-api1-b" || err != nil {
			b.Fatal(s, err)
		}
	}
}

func BenchmarkBodyField(b *testing.B) {
	c := testContext()
	p := mustCompile(b, `(string)context.Request.Body.As<JObject>(preserveContent: true)["user"]["name"]`, false, String)
	b.ReportAllocs()
	for b.Loop() {
		c.Budget.Bytes = DefaultBudgetBytes
		if s, err := p.String(c); s != "Ann" || err != nil {
			b.Fatal(s, err)
		}
	}
}
