package expr

import (
	"strconv"
	"strings"
	"time"
)

// exactReader reads a date by a custom format, as ParseExact does.
type exactReader struct {
	s, f             string
	i, j             int
	year, month, day int
	hour, min, sec   int
	ticks            int64 // of the fraction
	half             int   // 1 AM, 2 PM
	twelve           bool
	weekday          int // -1: not named
	zoned            bool
	offset           int // minutes
	hasYear, hasDate bool
}

// exactDate parses s by any of the formats.
func exactDate(now time.Time, s string, formats []string, styles int64) (ticks int64, offset int, zoned, ok bool) {
	if styles&1 != 0 {
		s = strings.TrimLeft(s, " \t\r\n")
	}
	if styles&2 != 0 {
		s = strings.TrimRight(s, " \t\r\n")
	}
	for _, f := range formats {
		utc := f == "r" || f == "R" || f == "u"
		if len(f) == 1 {
			if f = standardFormats[f[0]]; f == "" {
				throw("System.FormatException", "Input string was not in a correct format.")
			}
		}
		r := &exactReader{s: s, f: f, month: 1, day: 1, weekday: -1}
		if !r.read() {
			continue
		}
		if ticks, ok := r.result(now); ok {
			return ticks, r.offset, r.zoned || utc && styles&64 != 0, true
		}
	}
	return 0, 0, false, false
}

func (r *exactReader) read() bool {
	for r.j < len(r.f) {
		k := run(r.f, r.j)
		c := r.f[r.j]
		ok := true
		switch c {
		case 'y', 'M', 'd':
			ok = r.date(c, k)
		case 'H', 'h', 'm', 's', 't', 'f', 'F':
			ok = r.time(c, k)
		case 'K', 'z':
			ok = r.zone(c, k)
		default:
			var b strings.Builder
			k = quotedFormat(r.f, r.j, &b)
			next := r.j + k
			if c == '.' && next < len(r.f) && r.f[next] == 'F' && !strings.HasPrefix(r.s[r.i:], ".") {
				break // a fraction that may be missing takes its point along
			}
			ok = strings.HasPrefix(r.s[r.i:], b.String())
			r.i += len(b.String())
		}
		if !ok {
			return false
		}
		r.j += k
	}
	return r.i == len(r.s)
}

// digits reads between least and most digits.
func (r *exactReader) digits(least, most int) (int, bool) {
	end := r.i
	for end < len(r.s) && end-r.i < most && isDigit(r.s[end]) {
		end++
	}
	if end-r.i < least {
		return 0, false
	}
	n, _ := strconv.Atoi(r.s[r.i:end])
	r.i = end
	return n, true
}

// short reads one or two digits for a single letter, exactly two for two.
func (r *exactReader) short(k int) (int, bool) { return r.digits(min(k, 2), 2) }

// name reads a name of a month or weekday and gives its number from 0.
func (r *exactReader) name(n int, short bool, of func(i int) string) (int, bool) {
	for i := range n {
		s := of(i)
		if short {
			s = s[:3]
		}
		if len(r.s)-r.i >= len(s) && strings.EqualFold(r.s[r.i:r.i+len(s)], s) {
			r.i += len(s)
			return i, true
		}
	}
	return 0, false
}

func (r *exactReader) date(c byte, k int) (ok bool) {
	r.hasDate = true
	switch {
	case c == 'y' && k <= 2:
		if r.year, ok = r.short(k); r.year < 50 {
			r.year += 100
		}
		r.year, r.hasYear = r.year+1900, true
	case c == 'y':
		r.year, ok = r.digits(k, max(k, 4))
		r.hasYear = true
	case c == 'M' && k > 2:
		r.month, ok = r.name(12, k == 3, func(i int) string { return time.Month(i + 1).String() })
		r.month++
	case c == 'M':
		r.month, ok = r.short(k)
	case k > 2:
		r.weekday, ok = r.name(7, k == 3, func(i int) string { return time.Weekday(i).String() })
	default:
		r.day, ok = r.short(k)
	}
	return ok
}

func (r *exactReader) time(c byte, k int) (ok bool) {
	switch c {
	case 'H':
		r.hour, ok = r.short(k)
	case 'h':
		r.twelve = true
		r.hour, ok = r.short(k)
	case 'm':
		r.min, ok = r.short(k)
	case 's':
		r.sec, ok = r.short(k)
	case 't':
		for i, s := range []string{"AM", "PM"} {
			if s = s[:min(k, 2)]; len(r.s)-r.i >= len(s) && strings.EqualFold(r.s[r.i:r.i+len(s)], s) {
				r.half, r.i = i+1, r.i+len(s)
				return true
			}
		}
	default:
		start := r.i
		least := k
		if c == 'F' {
			least = 0
		}
		n := 0
		if n, ok = r.digits(least, min(k, 7)); ok {
			r.ticks = int64(n)
			for range 7 - (r.i - start) {
				r.ticks *= 10
			}
		}
	}
	return ok
}

func (r *exactReader) zone(c byte, k int) bool {
	if r.i >= len(r.s) {
		return c == 'K'
	}
	if r.s[r.i] == 'Z' {
		r.i++
		r.zoned = true
		return c == 'K' || k == 3
	}
	sign := 1
	switch r.s[r.i] {
	case '-':
		sign = -1
	case '+':
	default:
		return c == 'K'
	}
	r.i++
	h, ok := r.digits(1, 2)
	m := 0
	if ok && (c == 'K' || k >= 3) {
		if r.i < len(r.s) && r.s[r.i] == ':' {
			r.i++
		}
		m, ok = r.digits(2, 2)
	}
	r.zoned, r.offset = true, sign*(h*60+m)
	return ok && h <= 14 && m < 60
}

// result puts the parts together; what is missing comes from today.
func (r *exactReader) result(now time.Time) (int64, bool) {
	if r.twelve {
		if r.hour < 1 || r.hour > 12 {
			return 0, false
		}
		r.hour %= 12
		if r.half == 2 {
			r.hour += 12
		}
	}
	if !r.hasDate {
		r.year, r.month, r.day = now.Year(), int(now.Month()), now.Day()
	} else if !r.hasYear {
		r.year = now.Year()
	}
	if r.year < 1 || r.year > 9999 || r.month < 1 || r.month > 12 || r.day < 1 || r.day > daysIn(r.year, r.month) || r.hour > 23 || r.min > 59 || r.sec > 59 {
		return 0, false
	}
	t := time.Date(r.year, time.Month(r.month), r.day, r.hour, r.min, r.sec, 0, time.UTC)
	if r.weekday >= 0 && int(t.Weekday()) != r.weekday {
		return 0, false
	}
	return ticksOf(t) + r.ticks, true
}

// formatsIn are the format or the formats of ParseExact.
func formatsIn(f *frame, v any) []string {
	if s, ok := v.(string); ok {
		return []string{s}
	}
	return textsOf(f, notNull(v))
}

// dateStyles finds a DateTimeStyles among the arguments.
func dateStyles(a []any) int64 {
	for _, v := range a {
		if e, ok := v.(Enum); ok && e.def.name == "DateTimeStyles" {
			return e.v
		}
	}
	return 0
}

// exactDateTime is DateTime.ParseExact.
func exactDateTime(f *frame, a []any) (DateTime, bool) {
	ticks, offset, zoned, ok := exactDate(f.ctx.Now(), text(a, 0), formatsIn(f, a[1]), dateStyles(a))
	if !ok {
		return DateTime{}, false
	}
	d := DateTime{ticks: ticks}
	if zoned {
		d = DateTime{ticks - int64(offset)*60*ticksPerSecond, kindLocal}
		if d.ticks < 0 || d.ticks > maxTicks {
			return DateTime{}, false
		}
	}
	return styledDate(d, dateStyles(a)), true
}

func exactDateTimeOffset(f *frame, a []any) (DateTimeOffset, bool) {
	ticks, offset, _, ok := exactDate(f.ctx.Now(), text(a, 0), formatsIn(f, a[1]), dateStyles(a))
	return adjusted(DateTimeOffset{ticks, offset}, dateStyles(a)), ok
}

// adjusted applies AdjustToUniversal.
func adjusted(d DateTimeOffset, styles int64) DateTimeOffset {
	if styles&16 != 0 {
		return DateTimeOffset{ticks: d.utc()}
	}
	return d
}

func badDate(s string) {
	throw("System.FormatException", "String '%s' was not recognized as a valid DateTime.", s)
}

// exactRows are ParseExact and TryParseExact of a date type.
func exactRows(word string, read func(f *frame, a []any) (any, bool)) []row {
	parse := func(f *frame, a []any) any {
		d, ok := read(f, a)
		if !ok {
			badDate(text(a, 0))
		}
		return d
	}
	try := func(f *frame, a []any) any {
		out := a[len(a)-1].(*outRef)
		if a[0] == nil || a[1] == nil {
			out.set(zeroValue(out.t))
			return false
		}
		d, ok := read(f, a)
		if !ok {
			d = zeroValue(out.t)
		}
		out.set(d)
		return ok
	}
	var rows []row
	for _, f := range []string{"string f", "string[] f"} {
		p := "static " + word + " ParseExact(string s, " + f + ", IFormatProvider? p"
		rows = append(rows, row{sig: p + ")", get: parse}, row{sig: p + ", DateTimeStyles st)", get: parse},
			row{sig: "static bool TryParseExact(string? s, " + strings.Replace(f, "string f", "string? f", 1) + ", IFormatProvider? p, DateTimeStyles st, out " + word + " d)", get: try})
	}
	return rows
}
