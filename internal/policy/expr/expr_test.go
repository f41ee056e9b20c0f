package expr

import (
	"strings"
	"testing"
)

func evaluate(t *testing.T, text string, block bool, want string) {
	t.Helper()
	p, cerr := Compile(text, block, String, Strict)
	if want == "?" {
		if cerr == nil {
			t.Errorf("%s: compiled", text)
		}
		return
	}
	if cerr != nil {
		t.Errorf("%s: offset %d: %v", text, cerr.Offset, cerr)
		return
	}
	got, err := p.String(testContext())
	if name, ok := strings.CutPrefix(want, "!"); ok {
		e, ok := err.(*RuntimeError)
		if !ok || e.Exception != name {
			t.Errorf("%s: got %q and error %v, want %s", text, got, err, name)
		}
		return
	}
	if err != nil || got != want {
		t.Errorf("%s: got %q, want %q (%v)", text, got, want, err)
	}
}

func TestWantedTypes(t *testing.T) {
	c := testContext()
	if v, err := mustCompile(t, `context.Variables["b"]`, false, Bool).Bool(c); !v || err != nil {
		t.Error(v, err)
	}
	if v, err := mustCompile(t, `context.Variables["n"]`, false, Int).Int(c); v != 7 || err != nil {
		t.Error(v, err)
	}
	if v, err := mustCompile(t, `1 + 1`, false, Double).Double(c); v != 2 || err != nil {
		t.Error(v, err)
	}
	if v, err := mustCompile(t, `context.Variables["n"]`, false, Any).Any(c); v != int32(7) || err != nil {
		t.Error(v, err)
	}
	if v, err := mustCompile(t, `new[] { 1 }.Where(x => x > 0)`, false, Any).Any(c); err != nil || len(v.(*Array).items) != 1 {
		t.Error(v, err)
	}
	if _, err := mustCompile(t, `context.Variables["s"]`, false, Bool).Bool(c); err == nil {
		t.Error("a text became a truth value")
	}
}
