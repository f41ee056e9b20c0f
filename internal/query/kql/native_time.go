package kql

import (
	"fmt"
	"math"
	"strings"
	"time"

	"gatehouse/internal/query/kql/table"
	"gatehouse/internal/store/lake"
)

const dayLength = 24 * 3600 * table.TicksPerSecond

// timeNatives are the functions of dates that a calendar is needed for.
func timeNatives() []lake.Function {
	return []lake.Function{
		native("datetime_add", "sll>l", func(a []any) any { return addPeriod(a[0].(string), a[1].(int64), a[2].(int64)) }),
		native("datetime_diff", "sll>l", func(a []any) any { return periodsBetween(a[0].(string), a[1].(int64), a[2].(int64)) }),
		native("datetime_part", "sl>l", func(a []any) any { return partOf(a[0].(string), a[1].(int64)) }),
		native("local_to_utc", "ls>l", func(a []any) any {
			zone, err := time.LoadLocation(a[1].(string))
			if err != nil {
				return nil
			}
			t := timeOf(a[0].(int64))
			local := time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), zone)
			return ticks(local)
		}),
		native("utc_to_local", "ls>l", func(a []any) any {
			zone, err := time.LoadLocation(a[1].(string))
			if err != nil {
				return nil
			}
			_, offset := timeOf(a[0].(int64)).In(zone).Zone()
			return a[0].(int64) + int64(offset)*table.TicksPerSecond
		}),
		native("format_datetime", "ls>s", func(a []any) any { return formatDatetime(timeOf(a[0].(int64)), a[1].(string)) }),
		native("format_timespan", "ls>s", func(a []any) any { return formatTimespan(a[0].(int64), a[1].(string)) }),
		native("make_datetime", "lllllr>l", func(a []any) any { return makeDatetime(a) }),
		native("make_timespan", "llllr>l", func(a []any) any {
			// (hours, minutes, seconds) or (days, hours, minutes, seconds).
			d, h, m, s := a[0].(int64), a[1].(int64), a[2].(int64), float64(a[3].(int64))+a[4].(float64)
			if a[3].(int64) < 0 {
				d, h, m, s = 0, a[0].(int64), a[1].(int64), float64(a[2].(int64))
			}
			return ((d*24+h)*60+m)*60*table.TicksPerSecond + int64(math.Round(s*table.TicksPerSecond))
		}),
	}
}

// timeOf is the inverse of ticks.
func timeOf(n int64) time.Time {
	since := n - table.UnixTicks
	seconds, rest := since/table.TicksPerSecond, since%table.TicksPerSecond
	if rest < 0 {
		seconds, rest = seconds-1, rest+table.TicksPerSecond
	}
	return time.Unix(seconds, rest*100).UTC()
}

// datetimeText is a date and time with all seven digits, as tostring() gives it.
func datetimeText(n int64) string {
	t := timeOf(n)
	return t.Format("2006-01-02T15:04:05") + fmt.Sprintf(".%07dZ", t.Nanosecond()/100)
}

// unitLength gives the ticks of a period of fixed length, by its name in Kusto.
func unitLength(unit string) (int64, bool) {
	switch strings.ToLower(unit) {
	case "week":
		return 7 * dayLength, true
	case "day":
		return dayLength, true
	case "hour":
		return dayLength / 24, true
	case "minute":
		return 60 * table.TicksPerSecond, true
	case "second":
		return table.TicksPerSecond, true
	case "millisecond":
		return table.TicksPerSecond / 1000, true
	case "microsecond":
		return table.TicksPerSecond / 1_000_000, true
	}
	return 0, false
}

// monthsOf gives the months of a period of the calendar.
func monthsOf(unit string) (int, bool) {
	switch strings.ToLower(unit) {
	case "year":
		return 12, true
	case "quarter":
		return 3, true
	case "month":
		return 1, true
	}
	return 0, false
}

func addPeriod(unit string, n, at int64) any {
	if length, ok := unitLength(unit); ok {
		return at + n*length
	}
	months, ok := monthsOf(unit)
	if !ok || n > 120_000 || n < -120_000 {
		return nil
	}
	t := timeOf(at)
	moved := time.Date(t.Year(), t.Month()+time.Month(int(n)*months), 1, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
	last := moved.AddDate(0, 1, -1).Day()
	return ticks(moved.AddDate(0, 0, min(t.Day(), last)-1))
}

// periodsBetween counts the boundaries of a period between two times.
func periodsBetween(unit string, a, b int64) any {
	if length, ok := unitLength(unit); ok {
		shift := int64(0)
		if strings.EqualFold(unit, "week") {
			shift = dayLength // weeks begin on Sunday, year 1 on a Monday
		}
		return floorDiv(a+shift, length) - floorDiv(b+shift, length)
	}
	months, ok := monthsOf(unit)
	if !ok {
		return nil
	}
	x, y := timeOf(a), timeOf(b)
	return int64((x.Year()*12+int(x.Month())-1)/months - (y.Year()*12+int(y.Month())-1)/months)
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

func partOf(unit string, at int64) any {
	t := timeOf(at)
	_, week := t.ISOWeek()
	parts := map[string]int{
		"year": t.Year(), "quarter": (int(t.Month())-1)/3 + 1, "month": int(t.Month()), "week_of_year": week, "weekofyear": week, "week": week, "day": t.Day(),
		"dayofyear": t.YearDay(), "hour": t.Hour(), "minute": t.Minute(), "second": t.Second(),
		"millisecond": t.Nanosecond() / 1_000_000, "microsecond": t.Nanosecond() / 1000, "nanosecond": t.Nanosecond(),
	}
	if n, ok := parts[strings.ToLower(unit)]; ok {
		return int64(n)
	}
	return nil
}

func makeDatetime(a []any) any {
	var n [5]int
	for i, limit := range []int64{9999, 12, 31, 23, 59} {
		v := a[i].(int64)
		if v < 0 || v > limit || i < 3 && v == 0 {
			return nil
		}
		n[i] = int(v)
	}
	seconds := a[5].(float64)
	if seconds < 0 || seconds >= 60 {
		return nil
	}
	t := time.Date(n[0], time.Month(n[1]), n[2], n[3], n[4], 0, 0, time.UTC)
	if t.Day() != n[2] {
		return nil
	}
	return ticks(t) + int64(math.Round(seconds*table.TicksPerSecond))
}

// runs cuts a format into runs of one character.
func runs(format string) (out []string) {
	for i := 0; i < len(format); {
		j := i + 1
		for j < len(format) && format[j] == format[i] {
			j++
		}
		out = append(out, format[i:j])
		i = j
	}
	return out
}

func formatDatetime(t time.Time, format string) string {
	var b strings.Builder
	for _, run := range runs(format) {
		n := len(run)
		switch run[0] {
		case 'y':
			if n <= 2 {
				fmt.Fprintf(&b, "%0*d", n, t.Year()%100)
			} else {
				fmt.Fprintf(&b, "%0*d", n, t.Year())
			}
		case 'M':
			fmt.Fprintf(&b, "%0*d", n, int(t.Month()))
		case 'd':
			fmt.Fprintf(&b, "%0*d", n, t.Day())
		case 'H':
			fmt.Fprintf(&b, "%0*d", n, t.Hour())
		case 'h':
			fmt.Fprintf(&b, "%0*d", n, (t.Hour()+11)%12+1)
		case 'm':
			fmt.Fprintf(&b, "%0*d", n, t.Minute())
		case 's':
			fmt.Fprintf(&b, "%0*d", n, t.Second())
		case 'f', 'F':
			b.WriteString(fraction(int64(t.Nanosecond()/100), n, run[0] == 'F'))
		case 't':
			b.WriteString(t.Format("PM"))
		default:
			b.WriteString(run)
		}
	}
	return b.String()
}

// fraction is n digits of the ticks of a second; short cuts zeros at the end.
func fraction(ticks int64, n int, short bool) string {
	s := fmt.Sprintf("%07d", ticks)[:min(n, 7)]
	if short {
		s = strings.TrimRight(s, "0")
	}
	return s
}

func formatTimespan(n int64, format string) string {
	sign := ""
	if n < 0 {
		sign, n = "-", -n
	}
	var b strings.Builder
	for _, run := range runs(format) {
		width := len(run)
		switch run[0] {
		case 'd':
			fmt.Fprintf(&b, "%0*d", width, n/dayLength)
		case 'h', 'H':
			fmt.Fprintf(&b, "%0*d", width, n/(dayLength/24)%24)
		case 'm':
			fmt.Fprintf(&b, "%0*d", width, n/(60*table.TicksPerSecond)%60)
		case 's':
			fmt.Fprintf(&b, "%0*d", width, n/table.TicksPerSecond%60)
		case 'f', 'F':
			b.WriteString(fraction(n%table.TicksPerSecond, width, run[0] == 'F'))
		default:
			b.WriteString(run)
		}
	}
	return sign + b.String()
}
