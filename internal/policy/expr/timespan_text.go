package expr

import (
	"fmt"
	"strings"
)

// general is the format g (short) or G (long) with the invariant culture.
func (t TimeSpan) general(long bool) string {
	sign, n := "", uint64(t)
	if t < 0 {
		sign, n = "-", uint64(-t)
	}
	days, s, f := n/ticksPerDay, n%ticksPerDay/ticksPerSecond, n%ticksPerSecond
	if long {
		return fmt.Sprintf("%s%d:%02d:%02d:%02d.%07d", sign, days, s/3600, s/60%60, s%60, f)
	}
	if days > 0 {
		sign += fmt.Sprintf("%d:", days)
	}
	out := fmt.Sprintf("%s%d:%02d:%02d", sign, s/3600, s/60%60, s%60)
	if f > 0 {
		out += strings.TrimRight(fmt.Sprintf(".%07d", f), "0")
	}
	return out
}

// mustSpan parses; a part that is too large is an overflow, not a format error.
func mustSpan(s string) TimeSpan {
	t, ok := parseSpan(strings.TrimSpace(s))
	if !ok {
		body := strings.TrimPrefix(strings.TrimSpace(s), "-")
		if strings.Contains(body, ":") && strings.Trim(body, "0123456789:.") == "" && isDigit(body[0]) && isDigit(body[len(body)-1]) && !strings.Contains(body, "::") {
			throw("System.OverflowException", "The TimeSpan string '%s' could not be parsed because at least one of the numeric components is out of range or contains too many digits.", s)
		}
		throw("System.FormatException", "String '%s' was not recognized as a valid TimeSpan.", s)
	}
	return t
}

// exactSpan parses by a standard or custom format.
func exactSpan(s, format string) (TimeSpan, bool) {
	switch format {
	case "c", "t", "T", "g", "G":
		return parseSpan(s)
	}
	var v [5]int64 // days, hours, minutes, seconds, ticks
	r := &exactReader{s: s, f: format}
	for r.j < len(format) {
		k := run(format, r.j)
		if c := format[r.j]; strings.IndexByte("dhmsfF", c) >= 0 {
			start := r.i
			least, most := k, k
			if k == 1 && c != 'f' {
				most = 2
				if c == 'd' {
					most = 8
				}
			}
			if c == 'F' {
				least = 0
			}
			n, ok := r.digits(least, most)
			if !ok {
				return 0, false
			}
			ticks := int64(n)
			for range 7 - (r.i - start) {
				ticks *= 10
			}
			switch at := strings.IndexByte("dhms", c); {
			case at >= 0:
				v[at] = int64(n)
			default:
				v[4] = ticks
			}
		} else {
			var b strings.Builder
			k = quotedFormat(format, r.j, &b)
			if !strings.HasPrefix(s[r.i:], b.String()) {
				return 0, false
			}
			r.i += b.Len()
		}
		r.j += k
	}
	if r.i != len(s) || v[1] > 23 || v[2] > 59 || v[3] > 59 || v[4] >= ticksPerSecond {
		return 0, false
	}
	return spanOf(v[0], v[1], v[2], v[3], 0) + TimeSpan(v[4]), true
}

func spanMore() []row {
	scale := func(t TimeSpan, by float64) any {
		f := float64(t) * by
		if !(f > -9.2e18 && f < 9.2e18) {
			throw("System.OverflowException", "TimeSpan overflowed because the duration is too long.")
		}
		return TimeSpan(f)
	}
	rows := []row{
		{sig: "static TimeSpan op_/(TimeSpan a, double b)", get: func(_ *frame, a []any) any { return scale(a[0].(TimeSpan), 1/unboxFloat(a[1])) }},
		{sig: "static TimeSpan op_*(double a, TimeSpan b)", get: func(_ *frame, a []any) any { return scale(a[1].(TimeSpan), unboxFloat(a[0])) }},
		{sig: "TimeSpan Multiply(double n)", get: func(_ *frame, a []any) any { return scale(a[0].(TimeSpan), unboxFloat(a[1])) }},
		{sig: "TimeSpan Divide(double n)", get: func(_ *frame, a []any) any { return scale(a[0].(TimeSpan), 1/unboxFloat(a[1])) }},
		{sig: "double Divide(TimeSpan t)", get: func(_ *frame, a []any) any { return float64(a[0].(TimeSpan)) / float64(a[1].(TimeSpan)) }},
		{sig: "bool Equals(TimeSpan t)", get: func(_ *frame, a []any) any { return Equal(a[0], a[1]) }},
		{sig: "static bool Equals(TimeSpan a, TimeSpan b)", get: func(_ *frame, a []any) any { return Equal(a[0], a[1]) }},
		{sig: "static int Compare(TimeSpan a, TimeSpan b)", get: func(_ *frame, a []any) any { return int32(compareValues(a[0], a[1])) }},
		{sig: "static TimeSpan Parse(string s)", get: func(_ *frame, a []any) any { return mustSpan(text(a, 0)) }},
		{sig: "static TimeSpan Parse(string s, IFormatProvider? p)", get: func(_ *frame, a []any) any { return mustSpan(text(a, 0)) }},
		{sig: "static bool TryParse(string? s, IFormatProvider? p, out TimeSpan t)", get: func(_ *frame, a []any) any {
			t, ok := parseSpan(strings.TrimSpace(text(a, 0)))
			a[2].(*outRef).set(t)
			return ok
		}},
		{sig: "static TimeSpan ParseExact(string s, string f, IFormatProvider? p)", get: func(_ *frame, a []any) any {
			t, ok := exactSpan(text(a, 0), text(a, 1))
			if !ok {
				throw("System.FormatException", "Input string was not in a correct format.")
			}
			return t
		}},
		{sig: "static bool TryParseExact(string? s, string? f, IFormatProvider? p, out TimeSpan t)", get: func(_ *frame, a []any) any {
			t, ok := exactSpan(text(a, 0), text(a, 1))
			if !ok {
				t = 0
			}
			a[3].(*outRef).set(t)
			return ok
		}},
	}
	for _, u := range []struct {
		name string
		n    int64
	}{{"Millisecond", ticksPerSecond / 1000}, {"Second", ticksPerSecond}, {"Minute", 60 * ticksPerSecond}, {"Hour", 3600 * ticksPerSecond}, {"Day", ticksPerDay}} {
		rows = append(rows, row{sig: "const static long TicksPer" + u.name, get: fixedValue(u.n)})
	}
	return rows
}
