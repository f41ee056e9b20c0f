package expr

import (
	"math"
	"strconv"
	"strings"
)

// Values in XML: what XmlConvert writes and reads.

// xmlText is a value as XML has it: true and false, times in ISO 8601.
func xmlText(v any) string {
	switch x := v.(type) {
	case bool:
		return strconv.FormatBool(x)
	case DateTime:
		return x.format("yyyy-MM-ddTHH:mm:ss.FFFFFFFK")
	case DateTimeOffset:
		if x.offset == 0 {
			return x.format("yyyy-MM-ddTHH:mm:ss.FFFFFFFZ")
		}
		return x.format("yyyy-MM-ddTHH:mm:ss.FFFFFFFzzz")
	case TimeSpan:
		return xmlDuration(int64(x))
	case float64:
		if math.IsInf(x, 0) {
			return strings.Replace(ToString(x), "Infinity", "INF", 1)
		}
	case *xmlNode:
		return x.text()
	}
	return ToString(v)
}

// xmlDuration is a time span as xs:duration: P1DT2H3M4.5S.
func xmlDuration(ticks int64) string {
	var b strings.Builder
	n := uint64(ticks)
	if ticks < 0 {
		b.WriteByte('-')
		n = -n
	}
	b.WriteByte('P')
	part := func(size uint64, mark byte) bool {
		v := n / size
		n %= size
		if v > 0 {
			b.WriteString(strconv.FormatUint(v, 10))
			b.WriteByte(mark)
		}
		return v > 0
	}
	days := part(ticksPerDay, 'D')
	if n == 0 && days {
		return b.String()
	}
	b.WriteByte('T')
	hours := part(3600*ticksPerSecond, 'H')
	minutes := part(60*ticksPerSecond, 'M')
	if n > 0 || !hours && !minutes {
		b.WriteString(strconv.FormatUint(n/ticksPerSecond, 10))
		if f := n % ticksPerSecond; f > 0 {
			s := strconv.FormatUint(f+ticksPerSecond, 10)
			b.WriteString("." + strings.TrimRight(s[1:], "0"))
		}
		b.WriteByte('S')
	}
	return b.String()
}

// parseXMLDuration reads xs:duration; a year has 365 days, a month 30.
func parseXMLDuration(s string) TimeSpan {
	rest, negative := strings.CutPrefix(strings.TrimSpace(s), "-")
	date, clock, hasTime := strings.Cut(rest, "T")
	date, ok := strings.CutPrefix(date, "P")
	if !ok || date == "" && clock == "" || hasTime && clock == "" {
		badDuration(s)
	}
	total := durationParts(s, date, "YMD", []float64{365 * ticksPerDay, 30 * ticksPerDay, ticksPerDay}) +
		durationParts(s, clock, "HMS", []float64{3600 * ticksPerSecond, 60 * ticksPerSecond, ticksPerSecond})
	if math.Abs(total) > math.MaxInt64 {
		throw("System.OverflowException", "TimeSpan overflowed because the duration is too long.")
	}
	if negative {
		total = -total
	}
	return TimeSpan(int64(math.Round(total)))
}

func durationParts(all, s, marks string, sizes []float64) (total float64) {
	next := 0
	for s != "" {
		i := strings.IndexFunc(s, func(r rune) bool { return (r < '0' || r > '9') && r != '.' })
		if i <= 0 {
			badDuration(all)
		}
		at := strings.IndexByte(marks[next:], s[i])
		v, err := strconv.ParseFloat(s[:i], 64)
		if at < 0 || err != nil || strings.Contains(s[:i], ".") && s[i] != 'S' {
			badDuration(all)
		}
		total += v * sizes[next+at]
		next += at + 1
		s = s[i+1:]
	}
	return total
}

func badDuration(s string) {
	throw("System.FormatException", "The string '%s' is not a valid TimeSpan value.", s)
}

// xmlValue converts the text of a node as the casts of XElement and XAttribute do.
func xmlValue(s string, t *typ) any {
	trimmed := strings.TrimSpace(s)
	switch {
	case t.is(kBool):
		switch strings.ToLower(trimmed) {
		case "1", "true":
			return true
		case "0", "false":
			return false
		}
		throw("System.FormatException", "The string '%s' is not a valid Boolean value.", s)
	case t.is(kFloat64) || t.is(kFloat32):
		if d, ok := map[string]float64{"INF": math.Inf(1), "-INF": math.Inf(-1)}[trimmed]; ok {
			if t.is(kFloat32) {
				return float32(d)
			}
			return d
		}
	case t.def.name == "TimeSpan":
		return parseXMLDuration(s)
	}
	return tokenTo(&JToken{kind: JString, value: s}, t)
}

// checkName refuses what cannot be the local name of an element or attribute.
func checkName(local string) {
	if local == "" {
		throw("System.ArgumentException", "'' is an invalid expanded name.")
	}
	for i, r := range local {
		letter := r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= 0xC0 && r != 0xD7 && r != 0xF7 && r != 0x37E && (r < 0x2000 || r > 0x206F)
		if letter || i > 0 && (r == '-' || r == '.' || r == 0xB7 || r >= '0' && r <= '9') {
			continue
		}
		where := "included in a name"
		if i == 0 && (r == '-' || r == '.' || r >= '0' && r <= '9') {
			where = "used at the beginning of a name"
			badXML("Name cannot begin with the '%c' character, hexadecimal value 0x%02X.", r, r)
		}
		badXML("The '%c' character, hexadecimal value 0x%02X, cannot be %s.", r, r, where)
	}
}
