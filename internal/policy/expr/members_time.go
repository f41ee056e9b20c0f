package expr

import (
	"slices"
	"time"
)

func timeTypes() []typeRow {
	return []typeRow{
		{decl: "struct System.DateTime : IComparable, IConvertible", is: instance[DateTime], rows: dateRows()},
		{decl: "struct System.DateTimeOffset : IComparable", is: instance[DateTimeOffset], rows: offsetRows()},
		{decl: "struct System.TimeSpan : IComparable", is: instance[TimeSpan], rows: spanRows()},
		{decl: "enum System.DateTimeKind", enum: "Unspecified Utc Local"},
		{decl: "enum System.DayOfWeek", enum: "Sunday Monday Tuesday Wednesday Thursday Friday Saturday"},
		{decl: "enum System.Base64FormattingOptions", enum: "None InsertLineBreaks"},
	}
}

func now(f *frame) DateTime { return NewDateTime(f.ctx.Now()) }

func mustDate(s string) DateTime {
	d, ok := parseDate(s)
	if !ok {
		throw("System.FormatException", "String '%s' was not recognized as a valid DateTime.", s)
	}
	return d
}

// styledDate applies DateTimeStyles to a parsed date.
func styledDate(d DateTime, styles int64) DateTime {
	switch {
	case styles&16 != 0 && (d.kind == kindLocal || styles&64 != 0):
		d.kind = kindUTC
	case styles&128 != 0 && d.kind == kindLocal:
		d.kind = kindUTC
	case styles&64 != 0 && d.kind == kindUnspecified:
		d.kind = kindLocal
	}
	return d
}

func dateRows() []row {
	at := func(get func(DateTime) any) tableFunc {
		return func(_ *frame, a []any) any { return get(a[0].(DateTime)) }
	}
	part := func(get func(time.Time) int) func(any) int64 {
		return func(v any) int64 { return int64(get(v.(DateTime).Time())) }
	}
	rows := []row{
		{sig: "static DateTime UtcNow", get: func(f *frame) any { return now(f) }},
		{sig: "static DateTime Now", get: func(f *frame) any { return DateTime{now(f).ticks, kindLocal} }},
		{sig: "static DateTime Today", get: func(f *frame) any { n := now(f).ticks; return DateTime{n - n%ticksPerDay, kindLocal} }},
		{sig: "static DateTime MinValue", get: fixedValue(DateTime{})}, {sig: "static DateTime MaxValue", get: fixedValue(DateTime{ticks: maxTicks})},
		{sig: "static DateTime UnixEpoch", get: fixedValue(DateTime{unixEpochTicks, kindUTC})},
		{sig: "int Year", get: part(time.Time.Year)}, {sig: "int Month", get: part(func(t time.Time) int { return int(t.Month()) })},
		{sig: "int Day", get: part(time.Time.Day)}, {sig: "int Hour", get: part(time.Time.Hour)}, {sig: "int Minute", get: part(time.Time.Minute)},
		{sig: "int Second", get: part(time.Time.Second)}, {sig: "int Millisecond", get: part(func(t time.Time) int { return t.Nanosecond() / 1e6 })},
		{sig: "int DayOfYear", get: part(time.Time.YearDay)},
		{sig: "DayOfWeek DayOfWeek", get: at(func(d DateTime) any { return Enum{types().full["System.DayOfWeek"], int64(d.Time().Weekday())} })},
		{sig: "long Ticks", get: func(v any) int64 { return v.(DateTime).ticks }},
		{sig: "DateTimeKind Kind", get: at(func(d DateTime) any { return Enum{types().full["System.DateTimeKind"], int64(d.kind)} })},
		{sig: "DateTime Date", get: at(func(d DateTime) any { return DateTime{d.ticks - d.ticks%ticksPerDay, d.kind} })},
		{sig: "TimeSpan TimeOfDay", get: at(func(d DateTime) any { return TimeSpan(d.ticks % ticksPerDay) })},
		{sig: "DateTime AddYears(int n)", get: func(_ *frame, a []any) any { return a[0].(DateTime).addMonths(12 * num(a, 1)) }},
		{sig: "DateTime AddMonths(int n)", get: func(_ *frame, a []any) any { return a[0].(DateTime).addMonths(num(a, 1)) }},
		{sig: "DateTime AddTicks(long n)", get: func(_ *frame, a []any) any { return a[0].(DateTime).add(num(a, 1)) }},
		{sig: "DateTime Add(TimeSpan t)", get: func(_ *frame, a []any) any { return a[0].(DateTime).add(int64(a[1].(TimeSpan))) }},
		{sig: "DateTime Subtract(TimeSpan t)", get: func(_ *frame, a []any) any { return a[0].(DateTime).add(-int64(a[1].(TimeSpan))) }},
		{sig: "TimeSpan Subtract(DateTime d)", get: func(_ *frame, a []any) any { return TimeSpan(a[0].(DateTime).ticks - a[1].(DateTime).ticks) }},
		{sig: "DateTime ToUniversalTime()", get: at(func(d DateTime) any { return DateTime{d.ticks, kindUTC} })},
		{sig: "DateTime ToLocalTime()", get: at(func(d DateTime) any { return DateTime{d.ticks, kindLocal} })},
		{sig: "string ToShortDateString()", get: at(func(d DateTime) any { return d.format("d") })},
		{sig: "string ToLongDateString()", get: at(func(d DateTime) any { return d.format("D") })},
		{sig: "string ToShortTimeString()", get: at(func(d DateTime) any { return d.format("t") })},
		{sig: "string ToLongTimeString()", get: at(func(d DateTime) any { return d.format("T") })},
		{sig: "static DateTime SpecifyKind(DateTime d, DateTimeKind k)", get: func(_ *frame, a []any) any { return DateTime{a[0].(DateTime).ticks, dateKind(num(a, 1))} }},
		{sig: "static bool IsLeapYear(int y)", get: func(_ *frame, a []any) any { return daysIn(int(num(a, 0)), 2) == 29 }},
		{sig: "static int DaysInMonth(int y, int m)", get: func(_ *frame, a []any) any { return int32(daysIn(int(num(a, 0)), int(num(a, 1)))) }},
		{sig: "static int Compare(DateTime a, DateTime b)", get: func(_ *frame, a []any) any { return int32(compareValues(a[0], a[1])) }},
		{sig: "int CompareTo(DateTime d)", get: func(_ *frame, a []any) any { return int32(compareValues(a[0], a[1])) }},
		{sig: "bool Equals(DateTime d)", get: func(_ *frame, a []any) any { return Equal(a[0], a[1]) }},
		{sig: "static DateTime op_+(DateTime d, TimeSpan t)", get: func(_ *frame, a []any) any { return a[0].(DateTime).add(int64(a[1].(TimeSpan))) }},
		{sig: "static DateTime op_-(DateTime d, TimeSpan t)", get: func(_ *frame, a []any) any { return a[0].(DateTime).add(-int64(a[1].(TimeSpan))) }},
		{sig: "static TimeSpan op_-(DateTime a, DateTime b)", get: func(_ *frame, a []any) any { return TimeSpan(a[0].(DateTime).ticks - a[1].(DateTime).ticks) }},
		{sig: "static bool op_<(DateTime a, DateTime b)"},
	}
	return slices.Concat(rows, dateUnits("DateTime"), dateTexts(), dateMore())
}

// dateUnits are AddDays and its like.
func dateUnits(word string) []row {
	var rows []row
	for _, u := range []struct {
		name string
		unit int64
	}{{"Days", ticksPerDay}, {"Hours", 3600 * ticksPerSecond}, {"Minutes", 60 * ticksPerSecond}, {"Seconds", ticksPerSecond}, {"Milliseconds", ticksPerSecond / 1000}} {
		add := func(v any, n float64) any {
			if o, ok := v.(DateTimeOffset); ok {
				return DateTimeOffset{DateTime{ticks: o.ticks}.addUnits(n, u.unit).ticks, o.offset}
			}
			return v.(DateTime).addUnits(n, u.unit)
		}
		sig := word + " Add" + u.name
		rows = append(rows, row{sig: sig + "(double n)", get: func(_ *frame, a []any) any { return add(a[0], unboxFloat(a[1])) }},
			// A published policy passes a string; .NET would refuse it.
			row{sig: extendedMark + sig + "(string n)", get: func(_ *frame, a []any) any { return add(a[0], toDouble(a[1])) }})
	}
	return rows
}

func dateTexts() []row {
	parse := func(_ *frame, a []any) any {
		styles := int64(0)
		if len(a) == 3 {
			styles = num(a, 2)
		}
		return styledDate(mustDate(text(a, 0)), styles)
	}
	rows := []row{
		{sig: "static DateTime Parse(string s)", get: parse}, {sig: "static DateTime Parse(string s, IFormatProvider? p)", get: parse},
		{sig: "static DateTime Parse(string s, IFormatProvider? p, DateTimeStyles d)", get: parse},
		{sig: "static bool TryParse(string? s, out DateTime d)", get: func(_ *frame, a []any) any {
			d, ok := parseDate(text(a, 0))
			a[1].(*outRef).set(d)
			return ok
		}},
		{sig: "static bool TryParse(string? s, IFormatProvider? p, DateTimeStyles st, out DateTime d)", get: func(_ *frame, a []any) any {
			d, ok := parseDate(text(a, 0))
			a[3].(*outRef).set(styledDate(d, num(a, 2)))
			return ok
		}},
	}
	for _, p := range []string{"", ", int h, int mi, int s", ", int h, int mi, int s, int ms"} {
		rows = append(rows,
			row{sig: "new(int y, int m, int d" + p + ")", get: func(_ *frame, a []any) any { return newDate(kindUnspecified, ints(a)...) }},
			row{sig: "new(int y, int m, int d" + p + ", DateTimeKind k)", get: func(_ *frame, a []any) any {
				return newDate(dateKind(num(a, len(a)-1)), ints(a[:len(a)-1])...)
			}})
	}
	rows = append(rows, row{sig: "new(long ticks)", get: func(_ *frame, a []any) any { return DateTime{}.add(num(a, 0)) }},
		row{sig: "new(long ticks, DateTimeKind k)", get: func(_ *frame, a []any) any { return DateTime{kind: dateKind(num(a, 1))}.add(num(a, 0)) }})
	return append(rows, formatRows()...)
}

func ints(a []any) []int64 {
	out := make([]int64, len(a))
	for i := range a {
		out[i] = num(a, i)
	}
	return out
}

// formatRows are the ToString overloads of values with formats.
func formatRows() []row {
	return []row{
		{sig: "string ToString(string? f)", get: func(_ *frame, a []any) any { return formatValue(a[0], text(a, 1)) }},
		{sig: "string ToString(IFormatProvider? p)", get: func(_ *frame, a []any) any { return ToString(a[0]) }},
		{sig: "string ToString(string? f, IFormatProvider? p)", get: func(_ *frame, a []any) any { return formatValue(a[0], text(a, 1)) }},
	}
}

func offsetRows() []row {
	at := func(get func(DateTimeOffset) any) tableFunc {
		return func(_ *frame, a []any) any { return get(a[0].(DateTimeOffset)) }
	}
	unix := func(unit int64) tableFunc {
		return func(_ *frame, a []any) any {
			n := num(a, 0)
			if n > maxTicks/unit || n < -maxTicks/unit {
				throw("System.ArgumentOutOfRangeException", "Valid values are between -62135596800 and 253402300799, inclusive.")
			}
			return DateTimeOffset{ticks: DateTime{ticks: unixEpochTicks}.add(n * unit).ticks}
		}
	}
	back := func(unit int64) func(any) int64 {
		return func(v any) int64 {
			n := v.(DateTimeOffset).utc()/unit - unixEpochTicks/unit
			return n
		}
	}
	part := func(get func(time.Time) int) func(any) int64 {
		return func(v any) int64 { return int64(get(v.(DateTimeOffset).Time())) }
	}
	span := func(a []any, sign int64) any {
		o := a[0].(DateTimeOffset)
		return DateTimeOffset{DateTime{ticks: o.ticks}.add(sign * int64(a[1].(TimeSpan))).ticks, o.offset}
	}
	minus := func(_ *frame, a []any) any {
		return TimeSpan(a[0].(DateTimeOffset).utc() - a[1].(DateTimeOffset).utc())
	}
	rows := []row{
		{sig: "static DateTimeOffset UtcNow", get: func(f *frame) any { return DateTimeOffset{ticks: now(f).ticks} }},
		{sig: "static DateTimeOffset Now", get: func(f *frame) any { return DateTimeOffset{ticks: now(f).ticks} }},
		{sig: "static DateTimeOffset MinValue", get: fixedValue(DateTimeOffset{})}, {sig: "static DateTimeOffset MaxValue", get: fixedValue(DateTimeOffset{ticks: maxTicks})},
		{sig: "static DateTimeOffset UnixEpoch", get: fixedValue(DateTimeOffset{ticks: unixEpochTicks})},
		{sig: "static DateTimeOffset FromUnixTimeSeconds(long n)", get: unix(ticksPerSecond)},
		{sig: "static DateTimeOffset FromUnixTimeMilliseconds(long n)", get: unix(ticksPerSecond / 1000)},
		{sig: "long ToUnixTimeSeconds()", get: back(ticksPerSecond)}, {sig: "long ToUnixTimeMilliseconds()", get: back(ticksPerSecond / 1000)},
		{sig: "new(DateTime d)", get: func(_ *frame, a []any) any { return DateTimeOffset{ticks: a[0].(DateTime).ticks} }},
		{sig: "new(DateTime d, TimeSpan o)", get: func(_ *frame, a []any) any {
			return withOffset(a[0].(DateTime), a[1].(TimeSpan))
		}},
		{sig: "new(int y, int m, int d, int h, int mi, int s, TimeSpan o)", get: func(_ *frame, a []any) any {
			return withOffset(newDate(0, ints(a[:6])...), a[6].(TimeSpan))
		}},
		{sig: "static implicit DateTimeOffset(DateTime d)", get: func(_ *frame, a []any) any { return DateTimeOffset{ticks: a[0].(DateTime).ticks} }},
		{sig: "int Year", get: part(time.Time.Year)}, {sig: "int Month", get: part(func(t time.Time) int { return int(t.Month()) })}, {sig: "int Day", get: part(time.Time.Day)},
		{sig: "int Hour", get: part(time.Time.Hour)}, {sig: "int Minute", get: part(time.Time.Minute)}, {sig: "int Second", get: part(time.Time.Second)},
		{sig: "DayOfWeek DayOfWeek", get: at(func(d DateTimeOffset) any { return Enum{types().full["System.DayOfWeek"], int64(d.Time().Weekday())} })},
		{sig: "long Ticks", get: func(v any) int64 { return v.(DateTimeOffset).ticks }}, {sig: "long UtcTicks", get: func(v any) int64 { return v.(DateTimeOffset).utc() }},
		{sig: "DateTime DateTime", get: at(func(d DateTimeOffset) any { return DateTime{ticks: d.ticks} })},
		{sig: "DateTime UtcDateTime", get: at(func(d DateTimeOffset) any { return DateTime{d.utc(), kindUTC} })},
		{sig: "DateTime LocalDateTime", get: at(func(d DateTimeOffset) any { return DateTime{d.utc(), kindLocal} })},
		{sig: "DateTime Date", get: at(func(d DateTimeOffset) any { return DateTime{ticks: d.ticks - d.ticks%ticksPerDay} })},
		{sig: "TimeSpan TimeOfDay", get: at(func(d DateTimeOffset) any { return TimeSpan(d.ticks % ticksPerDay) })},
		{sig: "TimeSpan Offset", get: at(func(d DateTimeOffset) any { return TimeSpan(int64(d.offset) * 60 * ticksPerSecond) })},
		{sig: "DateTimeOffset ToUniversalTime()", get: at(func(d DateTimeOffset) any { return DateTimeOffset{ticks: d.utc()} })},
		{sig: "DateTimeOffset ToOffset(TimeSpan o)", get: func(_ *frame, a []any) any {
			m := int(a[1].(TimeSpan) / (60 * ticksPerSecond))
			return DateTimeOffset{a[0].(DateTimeOffset).utc() + int64(m)*60*ticksPerSecond, m}
		}},
		{sig: "DateTimeOffset AddMonths(int n)", get: func(_ *frame, a []any) any {
			o := a[0].(DateTimeOffset)
			return DateTimeOffset{DateTime{ticks: o.ticks}.addMonths(num(a, 1)).ticks, o.offset}
		}},
		{sig: "DateTimeOffset AddYears(int n)", get: func(_ *frame, a []any) any {
			o := a[0].(DateTimeOffset)
			return DateTimeOffset{DateTime{ticks: o.ticks}.addMonths(12 * num(a, 1)).ticks, o.offset}
		}},
		{sig: "DateTimeOffset Add(TimeSpan t)", get: func(_ *frame, a []any) any { return span(a, 1) }},
		{sig: "DateTimeOffset Subtract(TimeSpan t)", get: func(_ *frame, a []any) any { return span(a, -1) }},
		{sig: "TimeSpan Subtract(DateTimeOffset d)", get: minus},
		{sig: "int CompareTo(DateTimeOffset d)", get: func(_ *frame, a []any) any { return int32(compareValues(a[0], a[1])) }},
		{sig: "static DateTimeOffset op_+(DateTimeOffset d, TimeSpan t)", get: func(_ *frame, a []any) any { return span(a, 1) }},
		{sig: "static DateTimeOffset op_-(DateTimeOffset d, TimeSpan t)", get: func(_ *frame, a []any) any { return span(a, -1) }},
		{sig: "static TimeSpan op_-(DateTimeOffset a, DateTimeOffset b)", get: minus},
		{sig: "static bool op_==(DateTimeOffset a, DateTimeOffset b)", get: func(_ *frame, a []any) any { return Equal(a[0], a[1]) }},
		{sig: "static bool op_<(DateTimeOffset a, DateTimeOffset b)"},
		{sig: "static DateTimeOffset Parse(string s)", get: parseOffset}, {sig: "static DateTimeOffset Parse(string s, IFormatProvider? p)", get: parseOffset},
		{sig: "static bool TryParse(string? s, out DateTimeOffset d)", get: func(_ *frame, a []any) any {
			d, ok := parseDateOffset(text(a, 0))
			a[1].(*outRef).set(d)
			return ok
		}},
	}
	return slices.Concat(rows, dateUnits("DateTimeOffset"), formatRows(), offsetMore())
}

func parseOffset(_ *frame, a []any) any {
	d, ok := parseDateOffset(text(a, 0))
	if !ok {
		throw("System.FormatException", "String '%s' was not recognized as a valid DateTime.", text(a, 0))
	}
	return d
}
