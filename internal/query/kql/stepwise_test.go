package kql

import (
	"strings"
	"testing"
)

// What a step of scan computes in memory is what the store computes.
func TestInMemoryAsInTheStore(t *testing.T) {
	e := engine(t)
	const columns = `l:long, m:long, r:real, s:string, u:string, d:datetime, e:datetime, p:timespan, q:timespan, i:int, j:int, b:bool, c:bool, x:dynamic, y:dynamic`
	rows := []string{
		`7, -3, 2.5, "Abc def", "abc", datetime(2026-01-02 03:04:05.6), datetime(2026-01-01), 90m, 2h, int(5), int(2), true, false, dynamic([1,2]), dynamic([2,"z"])`,
		`-7, 0, -0.5, "", "x", datetime(null), datetime(2026-01-01), timespan(null), 1ms, int(null), int(0), bool(null), true, dynamic({"k":1}), dynamic({"k":2,"n":{}})`,
		`9223372036854775807, 2, real(null), "12", "1", datetime(2024-02-29), datetime(2024-02-29), -1d, 0s, int(2147483647), int(1), false, false, dynamic(null), dynamic([])`,
	}
	for _, x := range []string{
		"l + m", "l - m", "l * m", "l / m", "l % m", "-m", "l + i", "i + j", "i * j", "r + l", "r - i", "r * r", "r / 4", "l / r", "l > m", "l >= r", "i == j", "i != j", "l <> m",
		"s == u", "s != u", "s =~ u", "s !~ u", "s contains u", "s startswith u", "s endswith 'DEF'", "s contains_cs u", "s startswith_cs u", "s has u", "s in ('12', u)", "l in (7, m)",
		"d > e", "d == e", "d - e", "d + p", "d between (e .. 2d)", "p + q", "p - q", "p * 2", "p / 2", "p / q", "q / 1s", "datetime_diff('minute', d, e)", "datetime_add('day', l % 5, d)",
		"b and c", "b or c", "not(b)", "b == c", "isnull(p)", "isnotnull(i)", "isempty(s)", "isnotempty(s)", "iff(b, l, m)", "case(l < 0, s, b, u, 'none')",
		"coalesce(p, q)", "coalesce(s, u)", "min_of(l, m)", "max_of(p, q)", "strcat(s, '-', l, u)", "tolong(r)", "toint(l)", "todouble(l)", "tostring(d)", "tostring(p)", "tolong(s)", "toreal(s)", "tobool(i)", "todatetime(s)", "tostring(x)", "tolong(x)", "toreal(x)", "x == y", "isempty(x)",
		"array_concat(x, y)", "set_union(x, y)", "bag_merge(x, y)", "substring(s, 1, 3)", "split(s, ' ')", "indexof(s, u)",
	} {
		for _, row := range rows {
			source := "datatable(z:long, " + columns + ")[0, " + row + ", 1, " + row + "] | sort by z asc "
			// The first row is kept; the second asks of what was kept.
			of := x
			kept := source + "| scan declare (out:string) with (step k output=none: z == 0; step n: z == 1 => out = tostring(" + ofStep(of) + ");) | project out"
			got, err := ask(e, kept)
			if err != nil {
				t.Errorf("%s: %v", x, err)
				break
			}
			want, err := ask(e, source+"| take 1 | project out = tostring("+x+")")
			if err != nil || got != want {
				t.Errorf("%s over %s: in memory %q, in the store %q, %v", x, row, got, want, err)
			}
		}
	}
}

// ofStep writes k. before each column.
func ofStep(x string) string {
	var out strings.Builder
	quoted := false
	for i := 0; i < len(x); i++ {
		word := func(c byte) bool { return c == '_' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' }
		quoted = quoted != (x[i] == '\'')
		alone := (i == 0 || !word(x[i-1])) && (i == len(x)-1 || !word(x[i+1]))
		if !quoted && alone && strings.IndexByte("lmrsudepqijbcxy", x[i]) >= 0 {
			out.WriteString("k.")
		}
		out.WriteByte(x[i])
	}
	return out.String()
}
