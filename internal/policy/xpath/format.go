package xpath

import (
	"math"
	"strconv"
	"strings"
)

// formatNumber is format-number() with the default decimal format: 0 # . , %
// and texts around them; a second pattern behind ; is for negative numbers.
func formatNumber(c *Context, a []Value) Value {
	f, pattern := Number(a[0]), String(a[1])
	if math.IsNaN(f) {
		return "NaN"
	}
	positive, negative, two := strings.Cut(pattern, ";")
	sign := ""
	if f < 0 {
		f = -f
		sign = "-"
		if two {
			positive, sign = negative, ""
		}
	}
	digits := strings.IndexAny(positive, "0#.,")
	if digits < 0 {
		return sign + positive
	}
	end := strings.LastIndexAny(positive, "0#.,") + 1
	before, body, after := positive[:digits], positive[digits:end], positive[end:]
	if strings.ContainsAny(before+after, "%") {
		f *= 100
	}
	if math.IsInf(f, 0) {
		return sign + before + "Infinity" + after
	}
	return sign + before + placed(f, body) + after
}

// placed writes digits as a pattern such as #,##0.00 wants them.
func placed(f float64, pattern string) string {
	whole, fraction, _ := strings.Cut(pattern, ".")
	most := min(strings.Count(fraction, "0")+strings.Count(fraction, "#"), 20)
	least := strings.Count(fraction, "0")
	text := strconv.FormatFloat(f, 'f', most, 64)
	units, decimals, _ := strings.Cut(text, ".")
	for len(decimals) > least && strings.HasSuffix(decimals, "0") {
		decimals = decimals[:len(decimals)-1]
	}
	wanted := min(strings.Count(whole, "0"), 50)
	if units == "0" && wanted == 0 && decimals != "" {
		units = ""
	}
	for len(units) < wanted {
		units = "0" + units
	}
	if i := strings.LastIndexByte(whole, ','); i >= 0 && i < len(whole)-1 {
		units = grouped(units, len(whole)-1-i)
	}
	if decimals != "" {
		return units + "." + decimals
	}
	return units
}

func grouped(units string, size int) string {
	for i := len(units) - size; i > 0; i -= size {
		units = units[:i] + "," + units[i:]
	}
	return units
}
