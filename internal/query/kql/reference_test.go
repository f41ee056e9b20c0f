package kql

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/reference/kql-functions.md anew")

// TestReference keeps the page of functions equal to the tables.
func TestReference(t *testing.T) {
	l := newLibrary()
	var b strings.Builder
	b.WriteString("# Functions of KQL\n\nWritten by `go test ./internal/query/kql -run Reference -update` from the tables that the engine works with. `?` stands before arguments that may be left out. Beside these, the language itself has: `iff`, `case`, `coalesce`, `bin`, `bin_at`, `floor`, `now`, `ago`, `isnull`, `isnotnull`, `isempty`, `isnotempty`, `strcat`, `strcat_delim`, `pack_array`, `bag_pack`, `pack_all`, `bag_pack_columns`, `extract`, `toscalar`, `column_ifexists`, `min_of`, `max_of`, `prev`, `next`, `row_number`, `row_cumsum`, `row_rank_dense`, `row_rank_min`, `row_window_session`, `percentiles`, `percentilesw`, `percentiles_array`, `percentilesw_array`, and the conversions `tostring`, `toint`, `tolong`, `toreal`, `todouble`, `todecimal`, `tobool`, `todatetime`, `totimespan`, `toguid`. A function with `_dynamic` behind its name gives one object; without it, as `extend (a, b) = series_fit_line(x)` or `extend series_fit_line(x)`, a column for each member.\n")
	for _, part := range []struct {
		title string
		table map[string][]*function
	}{{"Scalar functions", l.scalars}, {"Aggregate functions", l.aggregates}} {
		fmt.Fprintf(&b, "\n## %s\n\n", part.title)
		var names []string
		for name := range part.table {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			fmt.Fprintf(&b, "- `%s`\n", usage(part.table[name]))
		}
	}
	const path = "../../../docs/reference/kql-functions.md"
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if old, _ := os.ReadFile(path); string(old) != b.String() {
		t.Errorf("%s is not what the tables say: run this test with -update", path)
	}
}

// Every function in Go that SQL calls is there, and none is there for nothing.
func TestNatives(t *testing.T) {
	have := map[string]bool{}
	for _, f := range natives() {
		if have[f.Name] {
			t.Errorf("%s is defined twice", f.Name)
		}
		have[f.Name] = true
	}
	used := map[string]bool{}
	for op, sql := range newLibrary().templates {
		for _, part := range strings.Split(sql, "kql_")[1:] {
			name, _, _ := strings.Cut(part, "(")
			used["kql_"+name] = true
			if !have["kql_"+name] {
				t.Errorf("%s calls kql_%s, which there is not", op, name)
			}
		}
	}
	for name := range have {
		if !used[name] {
			t.Errorf("%s is never called", name)
		}
	}
}
