package expr

import (
	"math"
	"time"
)

// fileTimeEpoch is the year 1601 in ticks.
const fileTimeEpoch = 504911232000000000

// oaEpoch is 30 December 1899 in ticks.
const oaEpoch = 599264352000000000

func fileTime(ticks int64) int64 {
	if ticks < fileTimeEpoch {
		throw("System.ArgumentOutOfRangeException", "Not a valid Win32 FileTime.")
	}
	return ticks - fileTimeEpoch
}

func dateMore() []row {
	fromFile := func(kind dateKind) tableFunc {
		return func(_ *frame, a []any) any { return DateTime{fileTimeEpoch, kind}.add(max(num(a, 0), -1)) }
	}
	return append([]row{
		{sig: "long ToFileTime()", get: func(v any) int64 { return fileTime(v.(DateTime).ticks) }}, {sig: "long ToFileTimeUtc()", get: func(v any) int64 { return fileTime(v.(DateTime).ticks) }},
		{sig: "static DateTime FromFileTime(long n)", get: fromFile(kindLocal)}, {sig: "static DateTime FromFileTimeUtc(long n)", get: fromFile(kindUTC)},
		{sig: "double ToOADate()", get: func(v any) float64 {
			ms := (v.(DateTime).ticks - oaEpoch) / 10_000
			if ms < 0 { // the fraction counts forward from midnight on days before the epoch too
				if rest := ms % 86_400_000; rest != 0 {
					ms -= (86_400_000 + rest) * 2
				}
			}
			return float64(ms) / 86_400_000
		}},
		{sig: "static DateTime FromOADate(double d)", get: func(_ *frame, a []any) any {
			d := unboxFloat(a[0])
			if !(d > -657435 && d < 2958466) {
				throw("System.ArgumentException", "Not a legal OleAut date.")
			}
			ms := int64(d*86_400_000 + math.Copysign(0.5, d))
			if ms < 0 {
				ms -= ms % 86_400_000 * 2
			}
			return DateTime{ticks: oaEpoch + ms*10_000}
		}},
		{sig: "long ToBinary()", get: func(v any) int64 { d := v.(DateTime); return d.ticks | int64(d.kind)<<62 }},
		{sig: "static DateTime FromBinary(long n)", get: func(_ *frame, a []any) any {
			n := num(a, 0)
			return DateTime{kind: dateKind(uint64(n) >> 62)}.add(n & (1<<62 - 1))
		}},
		{sig: "bool IsDaylightSavingTime()", get: func(any) bool { return false }},
		{sig: "static bool Equals(DateTime a, DateTime b)", get: func(_ *frame, a []any) any { return Equal(a[0], a[1]) }},
	}, exactRows("DateTime", func(f *frame, a []any) (any, bool) { d, ok := exactDateTime(f, a); return d, ok })...)
}

func offsetMore() []row {
	part := func(get func(time.Time) int) func(any) int64 {
		return func(v any) int64 { return int64(get(v.(DateTimeOffset).Time())) }
	}
	parse := func(_ *frame, a []any) any {
		d, ok := parseDateOffset(text(a, 0))
		if !ok {
			badDate(text(a, 0))
		}
		return adjusted(d, dateStyles(a))
	}
	try := func(_ *frame, a []any) any {
		d, ok := parseDateOffset(text(a, 0))
		a[len(a)-1].(*outRef).set(adjusted(d, dateStyles(a)))
		return ok
	}
	return append([]row{
		{sig: "int Millisecond", get: part(func(t time.Time) int { return t.Nanosecond() / 1e6 })}, {sig: "int DayOfYear", get: part(time.Time.YearDay)},
		{sig: "new(int y, int m, int d, int h, int mi, int s, int ms, TimeSpan o)", get: func(_ *frame, a []any) any {
			return withOffset(newDate(0, ints(a[:7])...), a[7].(TimeSpan))
		}},
		{sig: "new(long ticks, TimeSpan o)", get: func(_ *frame, a []any) any { return withOffset(DateTime{}.add(num(a, 0)), a[1].(TimeSpan)) }},
		{sig: "bool EqualsExact(DateTimeOffset d)", get: func(_ *frame, a []any) any { return a[0].(DateTimeOffset) == a[1].(DateTimeOffset) }},
		{sig: "bool Equals(DateTimeOffset d)", get: func(_ *frame, a []any) any { return Equal(a[0], a[1]) }},
		{sig: "static bool Equals(DateTimeOffset a, DateTimeOffset b)", get: func(_ *frame, a []any) any { return Equal(a[0], a[1]) }},
		{sig: "static int Compare(DateTimeOffset a, DateTimeOffset b)", get: func(_ *frame, a []any) any { return int32(compareValues(a[0], a[1])) }},
		{sig: "DateTimeOffset ToLocalTime()", get: func(_ *frame, a []any) any { return DateTimeOffset{ticks: a[0].(DateTimeOffset).utc()} }},
		{sig: "DateTimeOffset AddTicks(long n)", get: func(_ *frame, a []any) any {
			o := a[0].(DateTimeOffset)
			return DateTimeOffset{DateTime{ticks: o.ticks}.add(num(a, 1)).ticks, o.offset}
		}},
		{sig: "long ToFileTime()", get: func(v any) int64 { return fileTime(v.(DateTimeOffset).utc()) }},
		{sig: "static DateTimeOffset FromFileTime(long n)", get: func(_ *frame, a []any) any {
			return DateTimeOffset{ticks: DateTime{ticks: fileTimeEpoch}.add(num(a, 0)).ticks}
		}},
		{sig: "static DateTimeOffset Parse(string s, IFormatProvider? p, DateTimeStyles st)", get: parse},
		{sig: "static bool TryParse(string? s, IFormatProvider? p, DateTimeStyles st, out DateTimeOffset d)", get: try},
	}, exactRows("DateTimeOffset", func(f *frame, a []any) (any, bool) { d, ok := exactDateTimeOffset(f, a); return d, ok })...)
}

// withOffset checks what .NET allows: whole minutes up to 14 hours.
func withOffset(d DateTime, o TimeSpan) DateTimeOffset {
	const minute = 60 * ticksPerSecond
	switch {
	case o%minute != 0:
		throw("System.ArgumentException", "Offset must be specified in whole minutes. (Parameter 'offset')")
	case o > 14*60*minute || o < -14*60*minute:
		throw("System.ArgumentOutOfRangeException", "Offset must be within plus or minus 14 hours. (Parameter 'offset')")
	}
	return DateTimeOffset{d.ticks, int(o / minute)}
}
