package expr

import (
	"slices"
	"strings"
)

func spanRows() []row {
	rows := []row{
		{sig: "static TimeSpan Zero", get: fixedValue(TimeSpan(0))}, {sig: "static TimeSpan MaxValue", get: fixedValue(TimeSpan(1<<63 - 1))},
		{sig: "static TimeSpan MinValue", get: fixedValue(TimeSpan(-1 << 63))},
		{sig: "new(long ticks)", get: func(_ *frame, a []any) any { return TimeSpan(num(a, 0)) }},
		{sig: "new(int h, int m, int s)", get: func(_ *frame, a []any) any { return spanOf(0, num(a, 0), num(a, 1), num(a, 2), 0) }},
		{sig: "new(int d, int h, int m, int s)", get: func(_ *frame, a []any) any { return spanOf(num(a, 0), num(a, 1), num(a, 2), num(a, 3), 0) }},
		{sig: "new(int d, int h, int m, int s, int ms)", get: func(_ *frame, a []any) any { return spanOf(num(a, 0), num(a, 1), num(a, 2), num(a, 3), num(a, 4)) }},
		{sig: "long Ticks", get: func(v any) int64 { return int64(v.(TimeSpan)) }},
		{sig: "TimeSpan Add(TimeSpan t)", get: func(_ *frame, a []any) any { return a[0].(TimeSpan) + a[1].(TimeSpan) }},
		{sig: "TimeSpan Subtract(TimeSpan t)", get: func(_ *frame, a []any) any { return a[0].(TimeSpan) - a[1].(TimeSpan) }},
		{sig: "TimeSpan Negate()", get: func(_ *frame, a []any) any { return -a[0].(TimeSpan) }},
		{sig: "TimeSpan Duration()", get: func(_ *frame, a []any) any { return TimeSpan(abs64(int64(a[0].(TimeSpan)))) }},
		{sig: "int CompareTo(TimeSpan t)", get: func(_ *frame, a []any) any { return int32(compareValues(a[0], a[1])) }},
		{sig: "static TimeSpan op_+(TimeSpan a, TimeSpan b)", get: func(_ *frame, a []any) any { return a[0].(TimeSpan) + a[1].(TimeSpan) }},
		{sig: "static TimeSpan op_-(TimeSpan a, TimeSpan b)", get: func(_ *frame, a []any) any { return a[0].(TimeSpan) - a[1].(TimeSpan) }},
		{sig: "static TimeSpan op_*(TimeSpan a, double b)", get: func(_ *frame, a []any) any { return TimeSpan(float64(a[0].(TimeSpan)) * unboxFloat(a[1])) }},
		{sig: "static double op_/(TimeSpan a, TimeSpan b)", get: func(_ *frame, a []any) any { return float64(a[0].(TimeSpan)) / float64(a[1].(TimeSpan)) }},
		{sig: "static bool op_<(TimeSpan a, TimeSpan b)"},
		{sig: "static bool TryParse(string? s, out TimeSpan t)", get: func(_ *frame, a []any) any {
			t, ok := parseSpan(strings.TrimSpace(text(a, 0)))
			a[1].(*outRef).set(t)
			return ok
		}},
		{sig: "static TimeSpan FromTicks(long n)", get: func(_ *frame, a []any) any { return TimeSpan(num(a, 0)) }},
	}
	for _, u := range []struct {
		name string
		unit int64
		mod  int64
	}{{"Days", ticksPerDay, 1 << 40}, {"Hours", 3600 * ticksPerSecond, 24}, {"Minutes", 60 * ticksPerSecond, 60}, {"Seconds", ticksPerSecond, 60}, {"Milliseconds", ticksPerSecond / 1000, 1000}} {
		rows = append(rows,
			row{sig: "int " + u.name, get: func(v any) int64 { return int64(v.(TimeSpan)) / u.unit % u.mod }},
			row{sig: "double Total" + u.name, get: func(v any) float64 { return float64(v.(TimeSpan)) / float64(u.unit) }},
			row{sig: "static TimeSpan From" + u.name + "(double n)", get: func(_ *frame, a []any) any {
				f := unboxFloat(a[0]) * float64(u.unit)
				if !(f > -9.2e18 && f < 9.2e18) {
					throw("System.OverflowException", "TimeSpan overflowed because the duration is too long.")
				}
				return TimeSpan(f)
			}})
	}
	return slices.Concat(rows, formatRows(), spanMore())
}

func spanOf(d, h, m, s, ms int64) TimeSpan {
	return TimeSpan(((d*24+h)*60+m)*60+s)*ticksPerSecond + TimeSpan(ms)*ticksPerSecond/1000
}

// parseSpan reads [-][d.]hh:mm[:ss[.fffffff]] and a plain number of days.
func parseSpan(s string) (TimeSpan, bool) {
	neg := len(s) > 0 && s[0] == '-'
	if neg {
		s = s[1:]
	}
	var v [4]int64 // days, hours, minutes, seconds
	var frac int64
	n := 0
	parts := []int64{}
	dot := -1
	digitsOf := 0
	for i := 0; i <= len(s); i++ {
		if i < len(s) && isDigit(s[i]) {
			if n = n*10 + int(s[i]-'0'); n > 100_000_000 {
				return 0, false
			}
			digitsOf++
			continue
		}
		if digitsOf == 0 {
			return 0, false
		}
		parts = append(parts, int64(n))
		if i < len(s) && s[i] == '.' && len(parts) > 1 || i == len(s) && dot >= 0 {
			if dot >= 0 {
				f := int64(n)
				for range 7 - digitsOf {
					f *= 10
				}
				frac, parts = f, parts[:len(parts)-1]
			}
			dot = i
		} else if i < len(s) && s[i] == '.' {
			v[0], parts = int64(n), parts[:0]
			dot = -1
		} else if i < len(s) && s[i] != ':' {
			return 0, false
		}
		n, digitsOf = 0, 0
	}
	switch len(parts) {
	case 1:
		v[0] = parts[0]
	case 2, 3:
		copy(v[1:], parts)
	case 4:
		copy(v[:], parts)
	default:
		return 0, false
	}
	if v[1] > 23 || v[2] > 59 || v[3] > 59 || frac >= ticksPerSecond {
		return 0, false
	}
	t := spanOf(v[0], v[1], v[2], v[3], 0) + TimeSpan(frac)
	if neg {
		t = -t
	}
	return t, true
}
