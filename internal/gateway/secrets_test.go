package gateway

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"gatehouse/internal/apim"
)

func TestSecretIndex(t *testing.T) {
	x := newSecretIndex([]string{"secret-one", "secret-one-longer", "a/b+c=d \"e", "short", "", "secret-two"})
	for _, c := range [][2]string{
		{"", ""}, {"secret", "secret"}, {"short and secret-thr", "short and secret-thr"},
		{"secret-one", "***"}, {"x secret-one-longer y", "x *** y"}, {"secret-onesecret-two", "******"},
		{"/p/a%2Fb+c=d%20%22e/z", "/p/***/z"}, {"/p/a/b+c=d%20%22e", "/p/***"}, {"?q=a%2Fb%2Bc%3Dd+%22e", "?q=***"}, {`{"k":"a/b+c=d \"e"}`, `{"k":"***"}`},
	} {
		if got := x.mask(c[0]); got != c[1] {
			t.Errorf("%q: %q, want %q", c[0], got, c[1])
		}
	}
}

// A secret that a policy puts into the backend's path is escaped there.
func TestEscapedSecretIsMasked(t *testing.T) {
	s := testService(echoBackend(t).URL)
	s.NamedValues = []*apim.NamedValue{{ID: "sec", Name: "sec", Secret: true, Value: "cana ry/se+cret"}}
	s.APIs[2].Policy = sections(`<rewrite-uri template="/p/{{sec}}"/>`, "", "", "")
	h := newHarness(t, s, nil)
	h.call(t, "GET", "/free/items/1", nil)
	if e := h.recorder.last(t); len(e.Calls) != 1 || strings.Contains(e.Calls[0].Path, "cana") {
		t.Errorf("%+v", e.Calls)
	}
}

func BenchmarkMaskWithManySubscriptions(b *testing.B) {
	for _, n := range []int{1, 10_000} {
		var keys []string
		for i := range n {
			keys = append(keys, fmt.Sprintf("%032x", uint64(i)*0x9e3779b97f4a7c15))
		}
		x := newSecretIndex(keys)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				x.mask("/conference/sessions/12345/feedback/and/some/more/text?with=query&and=more")
			}
		})
	}
}

// A secret is found wherever it stands, also beside one and at either end.
func TestSecretsAreFoundAtEveryPosition(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	word := func(n int) string {
		out := make([]byte, n)
		for i := range out {
			out[i] = "ab"[random.IntN(2)]
		}
		return string(out)
	}
	for range 2000 {
		secrets := []string{word(6), word(6 + random.IntN(6)), word(7)}
		x := newSecretIndex(secrets)
		text := word(random.IntN(40))
		want, rest := "", text
		for rest != "" {
			longest := ""
			for _, s := range secrets {
				if strings.HasPrefix(rest, s) && len(s) > len(longest) {
					longest = s
				}
			}
			if longest == "" {
				want, rest = want+rest[:1], rest[1:]
				continue
			}
			want, rest = want+maskText, rest[len(longest):]
		}
		if got := x.mask(text); got != want {
			t.Fatalf("%q without %q is %q, want %q", text, secrets, got, want)
		}
	}
}
