package expr

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// standardFormats are the one-letter formats of the invariant culture.
var standardFormats = map[byte]string{
	'd': "MM/dd/yyyy", 'D': "dddd, dd MMMM yyyy", 'f': "dddd, dd MMMM yyyy HH:mm", 'F': "dddd, dd MMMM yyyy HH:mm:ss",
	'g': "MM/dd/yyyy HH:mm", 'G': "MM/dd/yyyy HH:mm:ss", 'm': "MMMM dd", 'M': "MMMM dd", 'o': "yyyy-MM-ddTHH:mm:ss.fffffffK",
	'O': "yyyy-MM-ddTHH:mm:ss.fffffffK", 'r': "ddd, dd MMM yyyy HH':'mm':'ss 'GMT'", 'R': "ddd, dd MMM yyyy HH':'mm':'ss 'GMT'",
	's': "yyyy-MM-ddTHH:mm:ss", 't': "HH:mm", 'T': "HH:mm:ss", 'u': "yyyy-MM-dd HH:mm:ss'Z'", 'U': "dddd, dd MMMM yyyy HH:mm:ss",
	'y': "yyyy MMMM", 'Y': "yyyy MMMM",
}

func (d DateTime) format(f string) string {
	zone := ""
	switch d.kind {
	case kindUTC:
		zone = "Z"
	case kindLocal:
		zone = "+00:00"
	}
	return formatDate(d.ticks, 0, zone, f)
}

// String is ToString() with the invariant culture.
func (d DateTime) String() string { return d.format("G") }

func (d DateTimeOffset) format(f string) string {
	switch f {
	case "r", "R", "u":
		return formatDate(d.utc(), 0, "", f)
	case "":
		f = "MM/dd/yyyy HH:mm:ss zzz"
	}
	return formatDate(d.ticks, d.offset, zoneText(d.offset, 3), f)
}

// String is ToString() with the invariant culture.
func (d DateTimeOffset) String() string { return d.format("") }

func zoneText(minutes, width int) string {
	sign := '+'
	if minutes < 0 {
		sign, minutes = '-', -minutes
	}
	switch width {
	case 1:
		return fmt.Sprintf("%c%d", sign, minutes/60)
	case 2:
		return fmt.Sprintf("%c%02d", sign, minutes/60)
	}
	return fmt.Sprintf("%c%02d:%02d", sign, minutes/60, minutes%60)
}

// formatDate prints local ticks by a standard or custom format; zone is what K gives.
func formatDate(ticks int64, offset int, zone, f string) string {
	if f == "" {
		f = "G"
	}
	if len(f) == 1 {
		s, ok := standardFormats[f[0]]
		if !ok {
			throw("System.FormatException", "Input string was not in a correct format.")
		}
		f = s
	}
	t := DateTime{ticks: ticks}.Time()
	var b strings.Builder
	for i := 0; i < len(f); {
		k := run(f, i)
		switch c := f[i]; c {
		case 'y', 'M', 'd':
			b.WriteString(datePart(t, c, k))
		case 'H', 'h', 'm', 's', 't':
			b.WriteString(timePart(t, c, k))
		case 'f', 'F':
			b.WriteString(fraction(uint64(ticks%ticksPerSecond), k, c == 'F', &b))
		case 'K':
			b.WriteString(strings.Repeat(zone, k))
		case 'z':
			b.WriteString(zoneText(offset, k))
		case 'g':
			b.WriteString("A.D.")
		default:
			k = quotedFormat(f, i, &b)
		}
		i += k
	}
	return b.String()
}

func datePart(t time.Time, c byte, k int) string {
	switch c {
	case 'y':
		switch {
		case k == 1:
			return fmt.Sprint(t.Year() % 100)
		case k == 2:
			return fmt.Sprintf("%02d", t.Year()%100)
		}
		return fmt.Sprintf("%0*d", min(k, 20), t.Year())
	case 'M':
		switch {
		case k >= 4:
			return t.Month().String()
		case k == 3:
			return t.Month().String()[:3]
		}
		return fmt.Sprintf("%0*d", k, int(t.Month()))
	}
	switch {
	case k >= 4:
		return t.Weekday().String()
	case k == 3:
		return t.Weekday().String()[:3]
	}
	return fmt.Sprintf("%0*d", k, t.Day())
}

func timePart(t time.Time, c byte, k int) string {
	n := 0
	switch c {
	case 'H':
		n = t.Hour()
	case 'h':
		if n = t.Hour() % 12; n == 0 {
			n = 12
		}
	case 'm':
		n = t.Minute()
	case 's':
		n = t.Second()
	case 't':
		s := "AM"
		if t.Hour() >= 12 {
			s = "PM"
		}
		return s[:min(k, 2)]
	}
	return fmt.Sprintf("%0*d", min(k, 2), n)
}

// parseLayouts are the texts that DateTime.Parse takes with the invariant culture.
var parseLayouts = []string{
	"2006-01-02T15:04:05.999999999Z07:00", "2006-01-02T15:04:05.999999999", "2006-01-02T15:04Z07:00", "2006-01-02T15:04",
	"2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999 -07:00", "2006-01-02 15:04:05.999999999 -0700",
	"2006-01-02 15:04:05.999999999", "2006-01-02 15:04", "2006-01-02", "2006-01", "2006/01/02", "2006/1/2 15:04:05",
	"1/2/2006 15:04:05.999999999 -07:00", "1/2/2006 15:04:05.999999999", "1/2/2006 3:04:05 PM", "1/2/2006 3:04:05 PM -07:00", "1/2/2006 15:04", "1/2/2006 3:04 PM", "1/2/2006",
	"Mon, 02 Jan 2006 15:04:05 MST", "Mon, 2 Jan 2006 15:04:05 MST", "Mon, 02 Jan 2006 15:04:05 -0700", "02 Jan 2006 15:04:05 MST",
	"2 Jan 2006 15:04:05", "2 Jan 2006", "Jan 2, 2006", "January 2, 2006", "2 January 2006", "Monday, 02 January 2006 15:04:05",
	"Monday, 02 January 2006", "15:04:05", "15:04", "3:04 PM",
}

// readDate reads a date; zoned tells that the text named a zone.
func readDate(s string) (t time.Time, zoned, ok bool) {
	s = strings.TrimSpace(s)
	for _, l := range parseLayouts {
		t, err := time.Parse(l, s)
		if err != nil {
			continue
		}
		return t, strings.Contains(l, "07") || strings.Contains(l, "MST") || strings.HasSuffix(s, "Z"), true
	}
	return time.Time{}, false, false
}

func parseDate(s string) (DateTime, bool) {
	t, zoned, ok := readDate(s)
	if !ok {
		return DateTime{}, false
	}
	if zoned {
		// .NET converts to the local zone, which is UTC here.
		return DateTime{ticksOf(t), kindLocal}, true
	}
	return DateTime{ticksOf(t), kindUnspecified}, true
}

func parseDateOffset(s string) (DateTimeOffset, bool) {
	t, _, ok := readDate(s)
	if !ok {
		return DateTimeOffset{}, false
	}
	_, offset := t.Zone()
	return DateTimeOffset{ticksOf(t) + int64(offset)*ticksPerSecond, offset / 60}, true
}

// isoDate reads the dates that Newtonsoft recognises in JSON strings.
func isoDate(s string) (DateTime, bool) {
	t, err := time.Parse("2006-01-02T15:04:05.999999999Z07:00", s)
	if err == nil {
		if strings.HasSuffix(s, "Z") {
			return DateTime{ticksOf(t), kindUTC}, true
		}
		return DateTime{ticksOf(t), kindLocal}, true
	}
	t, err = time.Parse("2006-01-02T15:04:05.999999999", s)
	return DateTime{ticksOf(t), kindUnspecified}, err == nil
}

// epochDate reads /Date(1198908717056)/ and /Date(1198908717056+0100)/.
func epochDate(s string) (DateTime, bool) {
	s, open := strings.CutPrefix(s, "/Date(")
	s, end := strings.CutSuffix(s, ")/")
	kind := kindUTC
	if i := strings.LastIndexAny(s, "+-"); i > 0 {
		s, kind = s[:i], kindLocal
	}
	ms, err := strconv.ParseInt(s, 10, 64)
	if !open || !end || err != nil || ms > maxTicks/10_000 || ms < -unixEpochTicks/10_000 {
		return DateTime{}, false
	}
	ticks := unixEpochTicks + ms*10_000
	return DateTime{ticks, kind}, ticks >= 0 && ticks <= maxTicks
}

// Format is ToString(format); ok is false when .NET knows no such format.
func (d DateTime) Format(format string) (text string, ok bool) {
	defer func() {
		if r := recover(); r != nil {
			if _, thrown := r.(*exception); !thrown {
				panic(r)
			}
			text, ok = "", false
		}
	}()
	return d.format(format), true
}

// ParseDateTime is DateTime.TryParse with the invariant culture.
func ParseDateTime(s string) (DateTime, bool) { return parseDate(s) }
