package syntax

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The reference names every operator with its form and an example that is read,
// and every example of a statement is read too.
func TestReferenceIsTrue(t *testing.T) {
	doc, err := os.ReadFile("../../../../docs/reference/kql.md")
	if err != nil {
		t.Fatal(err)
	}
	section := regexp.MustCompile(`(?s)### Statements(.*?)### Values`).FindString(string(doc))
	named := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z_ -]+)`[^|]*\\|( read | refused )?\\|? ?`(.*)` \\|$").FindAllStringSubmatch(section, -1) {
		if row[2] != "" {
			named[row[1]] = strings.TrimSpace(row[2])
		}
		text := strings.ReplaceAll(row[3], `\|`, "|")
		if _, errs := Read(text, Options{}); len(errs) > 0 {
			t.Errorf("%s: %+v", text, errs)
		}
	}
	for name := range stages() {
		want := "read"
		if slices.Contains(UnsupportedOperators(), name) {
			want = "refused"
		}
		if named[name] != want {
			t.Errorf("docs/reference/kql.md says %q of %s, not %q", named[name], name, want)
		}
		delete(named, name)
	}
	if len(named) > 0 {
		t.Errorf("docs/reference/kql.md names operators that are none: %v", named)
	}
}
