package route

import (
	"strings"
	"testing"

	"gatehouse/internal/apim"
)

// Any template is refused or served; one without parameters matches its own path.
func FuzzTemplate(f *testing.F) {
	for _, s := range []string{"/a/{b}/c?d={e}", "/*", "/{*rest}", "/a*", "/{a}.{b}", "/x('{k}')", "/a?b=c&{d}", "}{", "/%41%zz"} {
		f.Add(s, "/a/b")
	}
	f.Fuzz(func(t *testing.T, text, path string) {
		table, err := Compile(&apim.Service{APIs: []*apim.API{{ID: "a", Operations: []*apim.Operation{{ID: "o", Method: "GET", URLTemplate: text}}}}})
		if err != nil {
			return
		}
		table.Match(&Request{Method: "GET", Path: path}, nil)
		plain, ok := Clean(text)
		if strings.ContainsAny(text, "{}*?;") || !ok || plain != text && "/"+text != plain {
			return
		}
		if m := table.Match(&Request{Method: "GET", Path: text}, nil); m.Outcome != Found {
			t.Fatalf("template %q does not match its own path: %v", text, m.Outcome)
		}
	})
}
