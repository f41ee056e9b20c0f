package syntax

import (
	"os"
	"path/filepath"
	"testing"
)

// The corpus lies beside the repository; it is read, never copied.
func corpus(t testing.TB) map[string]string {
	t.Helper()
	files, err := filepath.Glob("../../../../../shared/corpus/kql/*.kql")
	if err != nil || len(files) == 0 {
		t.Skip("no corpus beside the repository")
	}
	texts := map[string]string{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		texts[filepath.Base(f)] = string(b)
	}
	return texts
}

func TestCorpusParses(t *testing.T) {
	for name, text := range corpus(t) {
		if _, errs := Read(text, Options{}); len(errs) > 0 {
			t.Errorf("%s: %+v", name, errs)
		}
	}
}

func TestErrors(t *testing.T) {
	for _, c := range []struct{ text, code, token, hint string }{
		{"requests where x == 1", "SYN0002", "where", "put | before where"},
		{"requests | where a = 1", "SYN0002", "=", "to compare, write =="},
		{"requests | wher a == 1", "SYN0004", "wher", "did you mean where?"},
		{"requests | where name == 'abc", "SYN0003", "'abc", ""},
		{"requests | where (a == 1 | take 5", "SYN0003", "(", "add )"},
		{"select * from requests", "SYN0002", "select", ""},
		{"requests | group by a", "SYN0004", "group", "group with: | summarize count() by a"},
		{"requests | where a == 1 AND b == 2", "SYN0002", "AND", "words of the language are in lower case: and"},
		{"requests | where a == 1 && b == 2", "SYN0007", "&&", "write: and"},
		{"requests | where a == 1 || b == 2", "SYN0002", "|", "write: or"},
		{"requests | where timestamp == datetime(yesterday)", "SYN0005", "datetime(yesterday)", ""},
		{"requests | take", "SYN0002", "", ""},
		{"requests | where a == 1)", "SYN0002", ")", "remove it, or add the opening bracket"},
		{"  // nothing", "SYN0001", "", ""},
	} {
		_, errs := Read(c.text, Options{})
		if len(errs) == 0 {
			t.Errorf("%q: no error", c.text)
			continue
		}
		e := errs[0]
		if e.Code != c.code || e.Token != c.token || c.hint != "" && e.Hint != c.hint {
			t.Errorf("%q: %+v", c.text, e)
		}
	}
}

func TestSeveralErrors(t *testing.T) {
	_, errs := Read("requests\n| wher a == 1\n| where b = 2\n| take 5\n| sort c;\nlet = 5;\nx | where (", Options{})
	var lines []int
	for _, e := range errs {
		lines = append(lines, e.Line)
	}
	if len(lines) < 4 || lines[0] != 2 || lines[1] != 3 || lines[2] != 5 || lines[3] != 6 {
		t.Errorf("%+v", errs)
	}
}
