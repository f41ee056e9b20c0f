package statement

import (
	"strings"
	"testing"
)

func FuzzURITemplate(f *testing.F) {
	for _, seed := range []string{"", "/a/{b}?c={d}", "{*rest}", "/{", "}{", "/{}/x?{", "/ä b\r\nX: 1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		template, _ := parseURITemplate(text)
		for _, p := range append(template.path, template.query...) {
			if strings.ContainsAny(p.text, " \r\n\x00\x7f") {
				t.Errorf("%q: the part %q would break a request line", text, p.text)
			}
		}
		if len(template.path) == 0 || !strings.HasPrefix(template.path[0].text, "/") {
			t.Errorf("%q: the path does not begin with a slash", text)
		}
	})
}

func TestHasPlaceholder(t *testing.T) {
	for text, want := range map[string]bool{
		"https://{account}.example": true, "{a-b.c_d}": true, "{not a name}": false, "{": false, "{}": false, "plain": false, "{ {x}": true,
	} {
		if got := hasPlaceholder(text); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}
