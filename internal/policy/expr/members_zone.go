package expr

import (
	"time"
	_ "time/tzdata" // zones must not depend on the machine
)

// zoneTypes are TimeZoneInfo with its parts, and the older TimeZone.
func zoneTypes() []typeRow {
	toUTC := func(d DateTime, z *time.Location) DateTime {
		if d.kind == kindUTC || z == time.UTC {
			return DateTime{d.ticks, kindUTC}
		}
		return DateTime{d.ticks - offsetAtLocal(d, z), kindUTC}
	}
	fromUTC := func(d DateTime, z *time.Location) DateTime {
		if z == time.UTC {
			return DateTime{d.ticks, kindUTC}
		}
		return DateTime{d.ticks + offsetAt(d, z), kindUnspecified}
	}
	zone := func(a []any, i int) *time.Location { return arg[*timeZone](a, i).location }
	return []typeRow{
		{decl: "class System.TimeZoneInfo", is: instance[*timeZone], rows: []row{
			{sig: "static TimeZoneInfo Utc", get: fixedValue(&timeZone{"UTC", time.UTC})},
			{sig: "static TimeZoneInfo Local", get: fixedValue(&timeZone{"UTC", time.UTC})},
			{sig: "string Id", get: func(v any) string { return v.(*timeZone).id }},
			{sig: "string StandardName", get: func(v any) string { return v.(*timeZone).id }},
			{sig: "string DisplayName", get: func(v any) string { return v.(*timeZone).id }},
			{sig: "TimeSpan BaseUtcOffset", get: func(v any) any { return baseOffset(v.(*timeZone).location) }},
			{sig: "bool SupportsDaylightSavingTime", get: func(v any) bool { return observesSummer(v.(*timeZone).location, 2024) }},
			{sig: "static TimeZoneInfo FindSystemTimeZoneById(string id)", get: func(_ *frame, a []any) any { return mustZone(text(a, 0)) }},
			{sig: "static DateTime ConvertTimeFromUtc(DateTime d, TimeZoneInfo z)", get: func(_ *frame, a []any) any { return fromUTC(a[0].(DateTime), zone(a, 1)) }},
			{sig: "static DateTime ConvertTimeToUtc(DateTime d)", get: func(_ *frame, a []any) any { return toUTC(a[0].(DateTime), time.UTC) }},
			{sig: "static DateTime ConvertTimeToUtc(DateTime d, TimeZoneInfo z)", get: func(_ *frame, a []any) any { return toUTC(a[0].(DateTime), zone(a, 1)) }},
			{sig: "static DateTime ConvertTime(DateTime d, TimeZoneInfo z)", get: func(_ *frame, a []any) any {
				return fromUTC(toUTC(a[0].(DateTime), time.UTC), zone(a, 1))
			}},
			{sig: "static DateTime ConvertTime(DateTime d, TimeZoneInfo from, TimeZoneInfo to)", get: func(_ *frame, a []any) any {
				return fromUTC(toUTC(a[0].(DateTime), zone(a, 1)), zone(a, 2))
			}},
			{sig: "static DateTime ConvertTimeBySystemTimeZoneId(DateTime d, string id)", get: func(_ *frame, a []any) any {
				return fromUTC(toUTC(a[0].(DateTime), time.UTC), mustZone(text(a, 1)).location)
			}},
			{sig: "static DateTimeOffset ConvertTime(DateTimeOffset d, TimeZoneInfo z)", get: func(_ *frame, a []any) any {
				d := a[0].(DateTimeOffset)
				utc := DateTime{d.ticks - int64(d.offset)*60*ticksPerSecond, kindUTC}
				by := offsetAt(utc, zone(a, 1))
				return DateTimeOffset{utc.ticks + by, int(by / ticksPerSecond / 60)}
			}},
			{sig: "TimeSpan GetUtcOffset(DateTime d)", get: func(_ *frame, a []any) any {
				d := a[1].(DateTime)
				if d.kind == kindUTC {
					return TimeSpan(offsetAt(d, zone(a, 0)))
				}
				return TimeSpan(offsetAtLocal(d, zone(a, 0)))
			}},
			{sig: "bool IsDaylightSavingTime(DateTime d)", get: func(_ *frame, a []any) any {
				d, z := a[1].(DateTime), zone(a, 0)
				return toUTC(d, z).Time().In(z).IsDST()
			}},
			{sig: "TimeZoneInfo.AdjustmentRule[] GetAdjustmentRules()", get: func(*frame, []any) any { return sized(named("System.TimeZoneInfo.AdjustmentRule"), nil) }},
		}},
		{decl: "class System.TimeZoneInfo.AdjustmentRule", is: instance[*adjustment], rows: []row{
			{sig: "DateTime DateStart", get: func(v any) any { return v.(*adjustment).start }},
			{sig: "DateTime DateEnd", get: func(v any) any { return v.(*adjustment).end }},
			{sig: "TimeSpan DaylightDelta", get: func(v any) any { return v.(*adjustment).delta }},
		}},
		{decl: "struct System.TimeZoneInfo.TransitionTime", is: instance[transition], rows: []row{
			{sig: "static TimeZoneInfo.TransitionTime CreateFixedDateRule(DateTime t, int month, int day)", get: func(_ *frame, a []any) any {
				return transition{month: num(a, 1), day: num(a, 2)}
			}},
			{sig: "int Month", get: func(v any) int64 { return v.(transition).month }},
			{sig: "int Day", get: func(v any) int64 { return v.(transition).day }},
		}},
		{decl: "class System.TimeZone", is: instance[legacyZone], rows: []row{
			{sig: "static TimeZone CurrentTimeZone", get: fixedValue(legacyZone{})},
			{sig: "string StandardName", get: func(any) string { return "UTC" }}, {sig: "string DaylightName", get: func(any) string { return "UTC" }},
			{sig: "TimeSpan GetUtcOffset(DateTime d)", get: func(*frame, []any) any { return TimeSpan(0) }},
			{sig: "bool IsDaylightSavingTime(DateTime d)", get: func(*frame, []any) any { return false }},
			{sig: "DateTime ToUniversalTime(DateTime d)", get: func(_ *frame, a []any) any { return DateTime{a[1].(DateTime).ticks, kindUTC} }},
			{sig: "DateTime ToLocalTime(DateTime d)", get: func(_ *frame, a []any) any { return DateTime{a[1].(DateTime).ticks, kindLocal} }},
		}},
	}
}

type adjustment struct {
	start, end DateTime
	delta      TimeSpan
}

type transition struct{ month, day int64 }

// legacyZone is the one System.TimeZone: gateways run in UTC.
type legacyZone struct{}

// timeZone keeps the id that it was asked for by, as .NET does.
type timeZone struct {
	id       string
	location *time.Location
}

// String is the id.
func (z *timeZone) String() string { return z.id }

// mustZone finds a zone by its Windows or IANA id.
func mustZone(id string) *timeZone {
	if id == "UTC" || id == "Etc/UTC" || id == "Z" {
		return &timeZone{id, time.UTC}
	}
	name := id
	if iana, ok := windowsZone(id); ok {
		name = iana
	}
	z, err := time.LoadLocation(name)
	if err != nil || id == "" || id == "Local" {
		throw("System.TimeZoneNotFoundException", "The time zone ID '%s' was not found on the local computer.", id)
	}
	return &timeZone{id, z}
}

// offsetAt is the zone's offset in ticks at a moment in UTC.
func offsetAt(utc DateTime, z *time.Location) int64 {
	_, seconds := utc.Time().In(z).Zone()
	return int64(seconds) * ticksPerSecond
}

// offsetAtLocal is the offset at a clock reading of the zone. Of the two
// readings of an autumn hour the later, standard one counts, as in .NET.
func offsetAtLocal(local DateTime, z *time.Location) int64 {
	before := offsetAt(DateTime{local.ticks - ticksPerDay, kindUTC}, z)
	after := offsetAt(DateTime{local.ticks + ticksPerDay, kindUTC}, z)
	for _, offset := range []int64{min(before, after), max(before, after)} {
		if offsetAt(DateTime{local.ticks - offset, kindUTC}, z) == offset {
			return offset
		}
	}
	return before
}

// baseOffset is the standard offset: the smaller one of a year's two halves.
func baseOffset(z *time.Location) TimeSpan {
	_, winter := time.Date(2024, 1, 1, 0, 0, 0, 0, z).Zone()
	_, summer := time.Date(2024, 7, 1, 0, 0, 0, 0, z).Zone()
	return TimeSpan(int64(min(winter, summer)) * ticksPerSecond)
}

func observesSummer(z *time.Location, year int) bool {
	_, winter := time.Date(year, 1, 1, 0, 0, 0, 0, z).Zone()
	_, summer := time.Date(year, 7, 1, 0, 0, 0, 0, z).Zone()
	return winter != summer
}
