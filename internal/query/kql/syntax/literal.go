package syntax

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"gatehouse/internal/query/kql/table"
)

const ticksPerDay = 24 * 3600 * table.TicksPerSecond

// typeByName gives a type by any of its names.
func typeByName(name string) (table.Type, bool) {
	switch name {
	case "bool", "boolean":
		return table.Bool, true
	case "int", "int32":
		return table.Int, true
	case "long", "int64":
		return table.Long, true
	case "real", "double":
		return table.Real, true
	case "decimal":
		return table.Decimal, true
	case "string":
		return table.String, true
	case "datetime", "date":
		return table.Datetime, true
	case "timespan", "time":
		return table.Timespan, true
	case "guid", "uuid", "uniqueid":
		return table.GUID, true
	case "dynamic":
		return table.Dynamic, true
	}
	return table.Unknown, false
}

// typed reads what stands between the brackets of a typed literal.
func typed(t table.Type, text string) (any, error) {
	if text == "null" {
		return nil, nil
	}
	if unquoted, ok := unquote(text); ok {
		text = unquoted
	}
	switch t {
	case table.Bool:
		return parseBool(text)
	case table.Int:
		return parseInteger(text, 32)
	case table.Long:
		return parseInteger(text, 64)
	case table.Real:
		return parseReal(text)
	case table.Decimal:
		if _, err := strconv.ParseFloat(text, 64); err != nil || strings.ContainsAny(text, "xXpPnN_") {
			return nil, fmt.Errorf("%q is not a decimal number", text)
		}
		return text, nil
	case table.Datetime:
		return parseDatetime(text)
	case table.Timespan:
		return parseTimespan(text)
	case table.GUID:
		return parseGUID(text)
	}
	return nil, fmt.Errorf("no literal of type %s is written like this", t)
}

func unquote(text string) (string, bool) {
	n := len(text)
	if n >= 2 && (text[0] == '"' || text[0] == '\'') && text[n-1] == text[0] {
		return text[1 : n-1], true
	}
	return "", false
}

func parseBool(text string) (any, error) {
	switch strings.ToLower(text) {
	case "true", "1":
		return true, nil
	case "false", "0":
		return false, nil
	}
	return nil, fmt.Errorf("%q is neither true nor false", text)
}

func parseInteger(text string, bits int) (any, error) {
	digits, base := text, 10
	sign := ""
	if strings.HasPrefix(digits, "-") || strings.HasPrefix(digits, "+") {
		sign, digits = digits[:1], strings.TrimSpace(digits[1:])
	}
	if len(digits) > 2 && (digits[:2] == "0x" || digits[:2] == "0X") {
		digits, base = digits[2:], 16
		if v, err := strconv.ParseUint(digits, 16, bits); err == nil && sign == "" { // 0xFFFFFFFFFFFFFFFF is -1
			if bits == 32 {
				return int64(int32(v)), nil
			}
			return int64(v), nil
		}
	}
	v, err := strconv.ParseInt(sign+digits, base, bits)
	if err != nil {
		return nil, fmt.Errorf("%q is not a whole number of %d bits", text, bits)
	}
	return v, nil
}

func parseReal(text string) (any, error) {
	switch strings.ToLower(text) {
	case "nan":
		return math.NaN(), nil
	case "+inf", "inf":
		return math.Inf(1), nil
	case "-inf":
		return math.Inf(-1), nil
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || strings.ContainsAny(text, "xXpPnN_") {
		return nil, fmt.Errorf("%q is not a number", text)
	}
	return v, nil
}

func parseGUID(text string) (any, error) {
	lower := strings.ToLower(strings.Trim(text, "{}"))
	if plain := strings.ReplaceAll(lower, "-", ""); len(plain) == 32 && strings.Trim(plain, "0123456789abcdef") == "" {
		canonical := strings.Join([]string{plain[:8], plain[8:12], plain[12:16], plain[16:20], plain[20:]}, "-")
		if lower == plain || lower == canonical {
			return canonical, nil
		}
	}
	return nil, fmt.Errorf("%q is not a GUID", text)
}

// The forms of date and time that Kusto reads: ISO 8601, RFC 822 and RFC 850.
var datetimeLayouts = []string{
	"2006-1-2T15:4:5.999999999Z07:00", "2006-1-2T15:4:5.999999999", "2006-1-2T15:4Z07:00", "2006-1-2T15:4",
	"2006-1-2", "2006-1", "2006", "20060102", "1/2/2006", "1/2/2006T15:4:5.999999999", "1/2/2006T15:4", "1/2/2006T3:4:5 PM", "1/2/2006T3:4 PM",
	"2006/1/2", "2006/1/2T15:4:5.999999999", "2006-1-2T15Z07:00", "2006-1-2T15",
	"Mon, 2 Jan 06 15:04:05 MST", "Mon, 2 Jan 06 15:04 MST", "2 Jan 06 15:04:05 MST", "2 Jan 06 15:04 MST",
	"Mon, 2 Jan 2006 15:04:05 MST", "2 Jan 2006 15:04:05 MST", "2 Jan 2006 15:04:05", "2 Jan 2006",
	"Mon, 2-Jan-06 15:04:05 MST", "Monday, 02-Jan-06 15:04:05 MST", "2-Jan-06 15:04:05 MST", "Mon Jan 2 15:04:05 2006",
}

// parseDatetime gives ticks since 0001-01-01; a time without zone is UTC.
func parseDatetime(text string) (any, error) {
	forms := []string{text}
	if date, clock, ok := strings.Cut(text, " "); ok && len(date) > 5 && strings.ContainsAny(date, "-/") && !strings.HasSuffix(date, ",") {
		forms = append(forms, date+"T"+strings.Replace(strings.TrimSpace(clock), " Z", "Z", 1))
	}
	for _, form := range forms {
		for _, layout := range datetimeLayouts {
			if t, err := time.Parse(layout, form); err == nil && t.Year() >= 1 {
				return t.UTC().Unix()*table.TicksPerSecond + int64(t.Nanosecond()/100) + table.UnixTicks, nil
			}
		}
	}
	return nil, fmt.Errorf("%q is not a date and time", text)
}

// unitTicks gives the length of a unit of time, 0 when there is none of that name.
func unitTicks(unit string) float64 {
	switch unit {
	case "d", "day", "days":
		return ticksPerDay
	case "h", "hr", "hrs", "hour", "hours":
		return ticksPerDay / 24
	case "m", "min", "minute", "minutes":
		return 60 * table.TicksPerSecond
	case "s", "sec", "second", "seconds":
		return table.TicksPerSecond
	case "ms", "milli", "millis", "millisec", "millisecond", "milliseconds":
		return table.TicksPerSecond / 1e3
	case "micro", "micros", "microsec", "microsecond", "microseconds":
		return table.TicksPerSecond / 1e6
	case "nano", "nanos", "nanosec", "nanosecond", "nanoseconds":
		return table.TicksPerSecond / 1e9
	case "tick", "ticks":
		return 1
	}
	return 0
}

// parseTimespan reads 1d, 1.02:03:04.5, 02:03, and a number of days.
func parseTimespan(text string) (any, error) {
	wrong := fmt.Errorf("%q is not a timespan", text)
	rest, negative := strings.CutPrefix(text, "-")
	sign := int64(1)
	if negative {
		sign = -1
	}
	if !strings.Contains(rest, ":") {
		digits := strings.TrimRight(rest, "abcdefghijklmnopqrstuvwxyz")
		unit := strings.TrimSpace(rest[len(digits):])
		if unit == "" {
			unit = "d"
		}
		v, err := strconv.ParseFloat(strings.TrimSpace(digits), 64)
		ticks := v * unitTicks(unit)
		if err != nil || unitTicks(unit) == 0 || strings.ContainsAny(digits, "xXnNiI_") || math.Abs(ticks) >= math.MaxInt64 {
			return nil, wrong
		}
		return sign * int64(math.Round(ticks)), nil
	}
	ticks, ok := clockTicks(rest)
	if !ok {
		return nil, wrong
	}
	return sign * ticks, nil
}

// clockTicks reads [d.]hh:mm[:ss[.fffffff]].
func clockTicks(text string) (int64, bool) {
	parts := strings.Split(text, ":")
	if len(parts) > 3 {
		return 0, false
	}
	days, hours, ok := strings.Cut(parts[0], ".")
	if !ok {
		days, hours = "0", parts[0]
	}
	seconds, fraction := "0", ""
	if len(parts) == 3 {
		seconds, fraction, _ = strings.Cut(parts[2], ".")
	}
	if len(fraction) > 7 {
		return 0, false
	}
	fraction += strings.Repeat("0", 7-len(fraction))
	total := int64(0)
	for _, f := range []struct {
		text  string
		below int64
		ticks int64
	}{{days, 10_675_199, ticksPerDay}, {hours, 24, ticksPerDay / 24}, {parts[1], 60, 60 * table.TicksPerSecond}, {seconds, 60, table.TicksPerSecond}, {fraction, table.TicksPerSecond, 1}} {
		v, err := strconv.ParseUint(f.text, 10, 63)
		if err != nil || int64(v) >= f.below {
			return 0, false
		}
		total += int64(v) * f.ticks
	}
	return total, true
}

// FormatTimespan writes ticks as Kusto does: [-][d.]hh:mm:ss[.fffffff].
func FormatTimespan(ticks int64) string {
	sign, u := "", uint64(ticks)
	if ticks < 0 {
		sign, u = "-", -u
	}
	day, second := uint64(ticksPerDay), uint64(table.TicksPerSecond)
	days, rest := u/day, u%day
	text := fmt.Sprintf("%02d:%02d:%02d", rest/(3600*second), rest/(60*second)%60, rest/second%60)
	if days > 0 {
		text = strconv.FormatUint(days, 10) + "." + text
	}
	if f := rest % second; f > 0 {
		text += fmt.Sprintf(".%07d", f)
	}
	return sign + text
}

// FormatDatetime writes ticks as Azure's answers do: 2024-01-01T00:00:00Z, with
// seven digits of a fraction when there is one.
func FormatDatetime(ticks int64) string {
	since := ticks - table.UnixTicks
	seconds, fraction := since/table.TicksPerSecond, since%table.TicksPerSecond
	if fraction < 0 {
		seconds, fraction = seconds-1, fraction+table.TicksPerSecond
	}
	text := time.Unix(seconds, 0).UTC().Format("2006-01-02T15:04:05")
	if fraction > 0 {
		text += fmt.Sprintf(".%07d", fraction)
	}
	return text + "Z"
}

// ParseDatetime reads a date and time as todatetime() does; ok is false when it is none.
func ParseDatetime(text string) (ticks int64, ok bool) {
	v, err := parseDatetime(strings.TrimSpace(text))
	ticks, ok = v.(int64)
	return ticks, ok && err == nil
}

// ParseTimespan reads a timespan as totimespan() does; ok is false when it is none.
func ParseTimespan(text string) (ticks int64, ok bool) {
	v, err := parseTimespan(strings.TrimSpace(text))
	ticks, ok = v.(int64)
	return ticks, ok && err == nil
}
