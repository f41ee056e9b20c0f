package expr

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// testCase is one line of testdata/cases: an expression, " ==> " and the text
// of its value. "@{ ... }" is a block. A value that starts with "!" is the
// exception that is thrown; "?" stands for an expression that does not compile.
// In values \n is a line feed and \\ a backslash.
type testCase struct {
	file, text string
	block      bool
	want       string
}

func testCases(tb testing.TB) []testCase {
	tb.Helper()
	files, err := filepath.Glob("testdata/cases/*.txt")
	if err != nil || len(files) == 0 {
		tb.Fatal("no cases", err)
	}
	var out []testCase
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			tb.Fatal(err)
		}
		for line := range strings.Lines(string(data)) {
			line = strings.TrimSuffix(line, "\n")
			if line == "" || strings.HasPrefix(line, "# ") {
				continue
			}
			if c, ok := readCase(line); ok {
				c.file = filepath.Base(name)
				out = append(out, c)
			} else {
				tb.Errorf("%s: no value: %s", name, line)
			}
		}
	}
	return out
}

func readCase(line string) (testCase, bool) {
	i := strings.LastIndex(line, " ==>")
	if i < 0 {
		return testCase{}, false
	}
	c := testCase{text: line[:i], want: strings.TrimPrefix(line[i+4:], " ")}
	c.want = strings.NewReplacer(`\\`, `\`, `\n`, "\n").Replace(c.want)
	if strings.HasPrefix(c.text, "@{") && strings.HasSuffix(c.text, "}") {
		c.text, c.block = c.text[2:len(c.text)-1], true
	}
	return c, true
}

func TestCases(t *testing.T) {
	all := testCases(t)
	seen := map[string]bool{}
	for _, c := range all {
		if seen[c.text] {
			t.Errorf("%s: twice: %s", c.file, c.text)
		}
		seen[c.text] = true
		evaluate(t, c.text, c.block, c.want)
	}
	if len(all) < 650 {
		t.Errorf("only %d cases", len(all))
	}
}
