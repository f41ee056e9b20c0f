package expr

import (
	"fmt"
	"strings"
	"time"
)

// TimeSpan counts ticks of 100 ns.
type TimeSpan int64

// DateTime is a .NET DateTime: ticks of 100 ns since the year 1, and its kind.
// The local zone of a gateway is UTC.
type DateTime struct {
	ticks int64
	kind  dateKind
}

type dateKind uint8

const (
	kindUnspecified dateKind = iota
	kindUTC
	kindLocal
)

// DateTimeOffset is a local time with its distance from UTC.
type DateTimeOffset struct {
	ticks  int64 // local
	offset int   // minutes
}

const (
	ticksPerSecond = 10_000_000
	ticksPerDay    = 86400 * ticksPerSecond
	unixEpochTicks = 621355968000000000
	maxTicks       = 3155378975999999999
)

// NewDateTime makes a DateTime of kind Utc.
func NewDateTime(t time.Time) DateTime { return DateTime{ticksOf(t), kindUTC} }

func ticksOf(t time.Time) int64 {
	return t.Unix()*ticksPerSecond + int64(t.Nanosecond())/100 + unixEpochTicks
}

// Time is the instant; local and unspecified times count as UTC.
func (d DateTime) Time() time.Time {
	n := d.ticks - unixEpochTicks
	s := n / ticksPerSecond
	rest := n % ticksPerSecond
	return time.Unix(s, rest*100).UTC()
}

// Time is the instant.
func (d DateTimeOffset) Time() time.Time {
	return DateTime{ticks: d.utc()}.Time().In(time.FixedZone("", d.offset*60))
}

func (d DateTimeOffset) utc() int64 { return d.ticks - int64(d.offset)*60*ticksPerSecond }

// Duration is the span; .NET's range is larger than Go's, so it saturates.
func (t TimeSpan) Duration() time.Duration {
	const limit = TimeSpan(1<<63-1) / 100
	return time.Duration(max(min(t, limit), -limit)) * 100
}

func (d DateTime) add(n int64) DateTime {
	t := d.ticks + n
	if t < 0 || t > maxTicks || n > maxTicks || n < -maxTicks {
		throw("System.ArgumentOutOfRangeException", "The added or subtracted value results in an un-representable DateTime.")
	}
	return DateTime{t, d.kind}
}

// addUnits adds a floating-point count of units; .NET Core keeps full precision.
func (d DateTime) addUnits(n float64, unit int64) DateTime {
	f := n * float64(unit)
	if !(f > -4e18 && f < 4e18) {
		throw("System.ArgumentOutOfRangeException", "Value to add was out of range.")
	}
	return d.add(int64(f))
}

func (d DateTime) addMonths(n int64) DateTime {
	if n > 120000 || n < -120000 {
		throw("System.ArgumentOutOfRangeException", "Months value must be between +/-120000.")
	}
	t := d.Time()
	y, m := t.Year(), int(t.Month())-1+int(n)
	y += m / 12
	if m %= 12; m < 0 {
		m += 12
		y--
	}
	day := min(t.Day(), daysIn(y, m+1))
	if y < 1 || y > 9999 {
		throw("System.ArgumentOutOfRangeException", "The added or subtracted value results in an un-representable DateTime.")
	}
	date := time.Date(y, time.Month(m+1), day, 0, 0, 0, 0, time.UTC)
	return DateTime{ticksOf(date) + d.ticks%ticksPerDay, d.kind}
}

func daysIn(y, m int) int { return time.Date(y, time.Month(m+1), 0, 0, 0, 0, 0, time.UTC).Day() }

func newDate(kind dateKind, parts ...int64) DateTime {
	v := [7]int64{1, 1, 1}
	copy(v[:], parts)
	if v[0] < 1 || v[0] > 9999 || v[1] < 1 || v[1] > 12 || v[2] < 1 || v[2] > int64(daysIn(int(v[0]), int(v[1]))) ||
		v[3] < 0 || v[3] > 23 || v[4] < 0 || v[4] > 59 || v[5] < 0 || v[5] > 59 || v[6] < 0 || v[6] > 999 {
		throw("System.ArgumentOutOfRangeException", "Year, Month, and Day parameters describe an un-representable DateTime.")
	}
	t := time.Date(int(v[0]), time.Month(v[1]), int(v[2]), int(v[3]), int(v[4]), int(v[5]), int(v[6])*1e6, time.UTC)
	return DateTime{ticksOf(t), kind}
}

// String is ToString("c"): [-][d.]hh:mm:ss[.fffffff].
func (t TimeSpan) String() string {
	sign, n := "", uint64(t)
	if t < 0 {
		sign, n = "-", uint64(-t)
	}
	days := n / ticksPerDay
	rest := n % ticksPerDay
	s := rest / ticksPerSecond
	out := sign
	if days > 0 {
		out += fmt.Sprintf("%d.", days)
	}
	out += fmt.Sprintf("%02d:%02d:%02d", s/3600, s/60%60, s%60)
	if f := rest % ticksPerSecond; f > 0 {
		out += fmt.Sprintf(".%07d", f)
	}
	return out
}

// format is ToString(format) of a TimeSpan.
func (t TimeSpan) format(f string) string {
	if f == "" || f == "c" || f == "t" || f == "T" {
		return t.String()
	}
	n := uint64(t)
	if t < 0 {
		n = uint64(-t)
	}
	s := n % ticksPerDay / ticksPerSecond
	if f == "g" || f == "G" {
		return t.general(f == "G")
	}
	if len(f) == 1 {
		badFormat() // a single specifier of a custom format needs a percent sign
	}
	var b strings.Builder
	for i := 0; i < len(f); {
		c := f[i]
		k := run(f, i)
		switch c {
		case 'd':
			fmt.Fprintf(&b, "%0*d", k, n/ticksPerDay)
		case 'h':
			fmt.Fprintf(&b, "%0*d", k, s/3600)
		case 'm':
			fmt.Fprintf(&b, "%0*d", k, s/60%60)
		case 's':
			fmt.Fprintf(&b, "%0*d", k, s%60)
		case 'f', 'F':
			b.WriteString(fraction(n%ticksPerSecond, k, c == 'F', &b))
		case '\\', '\'', '"', '%':
			k = quotedFormat(f, i, &b)
		default:
			badFormat() // literals are escaped or quoted
		}
		i += k
	}
	return b.String()
}

// run counts equal characters from i.
func run(f string, i int) int {
	k := 1
	for i+k < len(f) && f[i+k] == f[i] {
		k++
	}
	return k
}

// quotedFormat copies a literal of a custom format and gives its length.
func quotedFormat(f string, i int, b *strings.Builder) int {
	switch c := f[i]; c {
	case '\\':
		if i+1 < len(f) {
			b.WriteByte(f[i+1])
		}
		return 2
	case '\'', '"':
		end := strings.IndexByte(f[i+1:], c)
		if end < 0 {
			throw("System.FormatException", "Input string was not in a correct format.")
		}
		b.WriteString(f[i+1 : i+1+end])
		return end + 2
	case '%':
		return 1
	default:
		b.WriteByte(c)
		return 1
	}
}

// fraction prints k digits of a second's fraction; trim drops trailing zeros
// and then a dot before them.
func fraction(ticks uint64, k int, trim bool, b *strings.Builder) string {
	if k > 7 {
		throw("System.FormatException", "Input string was not in a correct format.")
	}
	s := fmt.Sprintf("%07d", ticks)[:k]
	if !trim {
		return s
	}
	s = strings.TrimRight(s, "0")
	if s == "" && strings.HasSuffix(b.String(), ".") {
		text := b.String()
		b.Reset()
		b.WriteString(text[:len(text)-1])
	}
	return s
}
