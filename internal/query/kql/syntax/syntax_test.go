package syntax

import (
	"os"
	"path/filepath"
	"strings"
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

func TestLimits(t *testing.T) {
	for name, text := range map[string]string{
		"size":     "print '" + strings.Repeat("x", 200<<10) + "'",
		"depth":    "print " + strings.Repeat("(", 65) + "1" + strings.Repeat(")", 65),
		"stages":   "T" + strings.Repeat(" | take 1", 101),
		"literals": "T | where x in (1" + strings.Repeat(",1", 1000) + ")",
		"chain":    "T | where a" + strings.Repeat(" + a", 1000),
	} {
		if _, errs := Read(text, Options{}); len(errs) == 0 || errs[0].Code != "SYN0006" {
			t.Errorf("%s: %+v", name, errs)
		}
	}
	within := "print " + strings.Repeat("(", 64) + "1" + strings.Repeat(")", 64) + strings.Repeat(" | take 1", 99)
	if _, errs := Read(within, Options{}); len(errs) > 0 {
		t.Errorf("%+v", errs)
	}
}

func TestDatetimes(t *testing.T) {
	for text, want := range map[string]string{
		"2024-01-02": "2024-01-02T00:00:00Z", "2024-01-02 03:04:05.5": "2024-01-02T03:04:05.5000000Z",
		"2024-01-02T03:04:05+02:00": "2024-01-02T01:04:05Z", "0001-01-01": "0001-01-01T00:00:00Z", "2024-01-02T03:04": "2024-01-02T03:04:00Z",
		"2024-01-02 03:04Z": "2024-01-02T03:04:00Z", "2024": "2024-01-01T00:00:00Z", "9999-12-31": "9999-12-31T00:00:00Z",
	} {
		ticks, err := parseDatetime(text)
		if err != nil || FormatDatetime(ticks.(int64)) != want {
			t.Errorf("%s: %v, %v", text, ticks, err)
		}
	}
}

func TestTimespans(t *testing.T) {
	for text, want := range map[string]string{
		"1d": "1.00:00:00", "1.5h": "01:30:00", "10ms": "00:00:00.0100000", "1.02:03:04": "1.02:03:04", "-00:00:01.5": "-00:00:01.5000000",
		"2": "2.00:00:00", "12:30": "12:30:00", "1 tick": "00:00:00.0000001", "100 nanoseconds": "00:00:00.0000001", "30.00:00:00": "30.00:00:00",
	} {
		ticks, err := parseTimespan(text)
		if err != nil || FormatTimespan(ticks.(int64)) != want {
			t.Errorf("%s: %v, %v", text, ticks, err)
		}
	}
	for _, text := range []string{"", "x", "1y", "25:00", "1:60", "1e400", "99999999999d"} {
		if v, err := parseTimespan(text); err == nil {
			t.Errorf("%s: %v", text, v)
		}
	}
}

// A text of faults alone is read in bounded time, and told within bounds.
func TestManyFaults(t *testing.T) {
	for _, text := range []string{"& ", "a & ", "T | wher x\n", "); ", "let = ; ", "( ", "x[(", "'\n", "| "} {
		_, errs := Read(strings.Repeat(text, (100<<10)/len(text)), Options{})
		if len(errs) == 0 || len(errs) > DefaultOptions().Errors {
			t.Errorf("%q: %d errors", text, len(errs))
		}
	}
}
